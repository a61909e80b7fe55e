"""One look every 100 ms for everybody who waits."""

import logging
import threading
import time

PAUSE_SECONDS = 0.1
# What `processing` says of an event that will get no value.
DEAD, CANCELLED = 3, 4


class Waiter:
    """How an event ended, once it has: (status, value or message)."""

    def __init__(self):
        self.outcome = None
        self.ended = threading.Event()


class Waiters:
    def __init__(self, database):
        self._database = database
        self._by_id = {}
        self._somebody = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def join(self, id):
        waiter = self._by_id[id] = Waiter()
        self._somebody.set()
        return waiter

    def leave(self, id):
        self._by_id.pop(id, None)

    def _run(self):
        while True:
            self._somebody.wait()
            self._somebody.clear()
            while self._by_id:
                time.sleep(PAUSE_SECONDS)
                try:
                    self._look()
                except Exception as error:
                    logging.error("failed to look for finished events: %s", error)

    def _look(self):
        waiters = dict(self._by_id)
        events = self._database.events(list(waiters))
        for id, waiter in waiters.items():
            outcome = outcome_of(id, events.get(id))
            if outcome:
                waiter.outcome = outcome
                waiter.ended.set()


def outcome_of(id, event):
    if event is None:
        return 410, f"event {id} was removed"
    valor, processing = event
    if valor:
        return 201, valor
    if processing == DEAD:
        return 500, f"event {id} failed as often as it may"
    if processing == CANCELLED:
        return 409, f"event {id} was cancelled"
    return None
