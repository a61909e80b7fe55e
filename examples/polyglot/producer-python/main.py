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
from waits import WaitPoller

ENDS = (signal.SIGTERM, signal.SIGINT)

stop = threading.Event()
served = threading.Event()


class Admin(BaseHTTPRequestHandler):
    def do_GET(self):
        ready = served.is_set() and not stop.is_set()
        self.send_response({"/livez": 200, "/readyz": 200 if ready else 503}.get(self.path, 404))
        self.end_headers()

    def log_message(self, *_):
        """Logs no probes."""


def wait_for_database(database):
    """Becomes ready when the database answers for the first time, and stays ready: during an outage each request gets 503."""
    while not stop.is_set():
        try:
            database.count()
            served.set()
            return logging.info("ready")
        except Exception as error:
            logging.error("failed to reach the database: %s", error)
            time.sleep(1)


def end():
    """Waits for a signal in a thread. A signal handler would interrupt the main thread, which may hold the event's lock."""
    signal.sigwait(ENDS)
    stop.set()


def start(target, *arguments):
    threading.Thread(target=target, args=arguments, daemon=True).start()


def main():
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    start(end)
    database = Database()
    server = Server(database, WaitPoller(database))
    start(Listener(settings.ADMIN, Admin).serve_forever)
    start(server.serve_forever, 0.1)
    start(wait_for_database, database)
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
