"""One poll every 100 ms for all waiting clients."""

import logging
import threading
import time

PAUSE_SECONDS = 0.1
# The values of `processing` of an event that will get no value.
DEAD, CANCELLED = 3, 4


class Wait:
    """A client's wait for an event. `outcome` is (status, value or message) once the event has ended."""

    def __init__(self):
        self.outcome = None
        self.ended = threading.Event()


class WaitPoller:
    def __init__(self, database):
        self._database = database
        self._by_id = {}
        self._joined = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def join(self, id):
        wait = self._by_id[id] = Wait()
        self._joined.set()
        return wait

    def leave(self, id):
        self._by_id.pop(id, None)

    def _run(self):
        while True:
            self._joined.wait()
            self._joined.clear()
            while self._by_id:
                time.sleep(PAUSE_SECONDS)
                try:
                    self._poll()
                except Exception as error:
                    logging.error("failed to poll for finished events: %s", error)

    def _poll(self):
        waits = dict(self._by_id)
        events = self._database.events(list(waits))
        for id, wait in waits.items():
            outcome = outcome_of(id, events.get(id))
            if outcome:
                wait.outcome = outcome
                wait.ended.set()


def outcome_of(id, event):
    if event is None:
        return 410, f"event {id} was removed"
    valor, processing = event
    if valor:
        return 201, valor
    if processing == DEAD:
        return 500, f"event {id} exhausted its attempts"
    if processing == CANCELLED:
        return 409, f"event {id} was cancelled"
    return None
