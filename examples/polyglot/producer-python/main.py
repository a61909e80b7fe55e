"""A producer in Python."""

import logging
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler

import settings
from api import Server
from database import Database
from listener import Listener
from waiters import Waiters

ENDS = (signal.SIGTERM, signal.SIGINT)

stop = threading.Event()
served = threading.Event()


class Admin(BaseHTTPRequestHandler):
    def do_GET(self):
        ready = served.is_set() and not stop.is_set()
        self.send_response({"/livez": 200, "/readyz": 200 if ready else 503}.get(self.path, 404))
        self.end_headers()

    def log_message(self, *_):
        """No line a probe."""


def look(database):
    """Ready from the first answer of the database on; an outage later is answered 503, request by request."""
    while not stop.is_set():
        try:
            database.count()
            served.set()
            return logging.info("ready")
        except Exception as error:
            logging.error("failed to reach the database: %s", error)
            time.sleep(1)


def end():
    """Not a handler: that would run in the midst of the main thread, which may hold the lock of the event."""
    signal.sigwait(ENDS)
    stop.set()


def start(target, *arguments):
    threading.Thread(target=target, args=arguments, daemon=True).start()


def main():
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    start(end)
    database = Database()
    server = Server(database, Waiters(database))
    start(Listener(settings.ADMIN, Admin).serve_forever)
    start(server.serve_forever, 0.1)
    start(look, database)
    stop.wait()
    logging.info("draining")
    server.draining = True
    server.shutdown()
    server.socket.close()
    if not server.answered(settings.DRAIN_SECONDS * 0.8):
        server.give_up.set()
        server.answered(settings.DRAIN_SECONDS * 0.15)
    logging.info("drained")


main()
