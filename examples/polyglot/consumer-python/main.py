"""A consumer in Python."""

import logging
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler

import settings
from events import Events
from listener import Listener
from work import work

IDLE_SECONDS = 0.1
TROUBLE_SECONDS = 1

ENDS = (signal.SIGTERM, signal.SIGINT)

stop = threading.Event()
served = threading.Event()
completed = 0

METRICS = """# HELP eventpipeline_events_completed_total Events completed with a value.
# TYPE eventpipeline_events_completed_total counter
eventpipeline_events_completed_total {}
"""


class Admin(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/metrics":
            return self.metrics()
        ready = served.is_set() and not stop.is_set()
        self.send_response({"/livez": 200, "/readyz": 200 if ready else 503}.get(self.path, 404))
        self.end_headers()

    def metrics(self):
        self.send_response(200)
        self.send_header("content-type", "text/plain; version=0.0.4; charset=utf-8")
        self.end_headers()
        self.wfile.write(METRICS.format(completed).encode())

    def log_message(self, *_):
        """Logs no probes."""


def attempt(id):
    """Returns the event's value, or None if the event must be released: it failed, or the drain began first."""
    if stop.is_set():
        return None
    try:
        return work(id)
    except Exception:
        logging.exception("failed to work on event %d", id)
        return None


def round_of_work(events, pool):
    """Claims events and works on them concurrently. Returns whether there were any and all got their values."""
    global completed
    ids = events.claim(settings.CONCURRENCY)
    served.set()
    unfinished = []
    for id, valor in zip(ids, pool.map(attempt, ids)):
        if valor is None:
            unfinished.append(id)
        elif keep_trying(lambda: events.complete(id, valor)):
            completed += 1
        else:
            logging.warning("event %d was lost to another consumer", id)
    keep_trying(lambda: events.release(unfinished))
    return bool(ids) and not unfinished


def keep_trying(write):
    """Repeats a write until it succeeds. Otherwise the work would be done twice."""
    while True:
        try:
            return write()
        except Exception as error:
            logging.error("failed to write: %s", error)
            if stop.wait(TROUBLE_SECONDS):
                # After a last try, the lease frees it.
                return write()


def end():
    """Waits for a signal in a thread. A signal handler would interrupt the main thread, which may hold the event's lock."""
    signal.sigwait(ENDS)
    stop.set()


def main():
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    threading.Thread(target=end, daemon=True).start()
    threading.Thread(target=Listener(settings.ADMIN, Admin).serve_forever, daemon=True).start()
    events = Events()
    with ThreadPoolExecutor(settings.CONCURRENCY) as pool:
        while not stop.is_set():
            try:
                if not round_of_work(events, pool):
                    stop.wait(IDLE_SECONDS)
            except Exception as error:
                logging.error("failed to claim or settle: %s", error)
                stop.wait(TROUBLE_SECONDS)
    events.close()
    logging.info("drained")


main()
