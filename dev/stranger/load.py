#!/usr/bin/env python3
"""Creates events until SIGTERM, as clients do: with a key per event, and with retries. Then checks that no event is lost.

load.py URL [CLIENTS]: prints a summary as JSON. Exits with 1 if a request failed for another reason than those for which
docs/reference/api.md asks for a retry, or if an acknowledged event is missing or has another value.
"""
import collections
import http.client
import json
import signal
import sys
import threading
import time
import uuid

# Seconds between the requests of a client, and the maximum duration of a request, of all its retries, and of an event.
PACE, REQUEST, RETRIES, EVENT = 0.05, 120, 300, 120

stopped = threading.Event()


class Connection:
    """A connection that is opened again after an error."""

    def __init__(self, address):
        self.address, self.http = address, None
        self.retried = collections.Counter()

    def send(self, method, path, headers=None):
        """Repeats the request as long as the API asks for it. Returns the status, the headers and the document."""
        deadline = time.monotonic() + RETRIES
        while True:
            try:
                status, answered, document = self.try_once(method, path, headers or {})
                if status != 503 or "retry-after" not in answered:
                    return status, answered, document
                reason, pause = "503 " + document["type"].split(":")[-1], float(answered["retry-after"])
            except (OSError, http.client.HTTPException) as error:
                self.http.close()
                self.http = None
                reason, pause = type(error).__name__, 1
            if time.monotonic() > deadline:
                return 503, {}, f"no success within {RETRIES} s, at last {reason}"
            self.retried[reason] += 1
            time.sleep(pause)

    def try_once(self, method, path, headers):
        if self.http is None:
            self.http = http.client.HTTPConnection(self.address, timeout=REQUEST)
        self.http.request(method, path, headers=headers)
        response = self.http.getresponse()
        return response.status, response.headers, json.load(response)


class Client(threading.Thread):
    """Creates events one after another, and records the outcome of each."""

    def __init__(self, address):
        super().__init__()
        self.connection = Connection(address)
        self.acknowledged, self.failed, self.slowest = {}, [], 0.0

    def run(self):
        while not stopped.is_set():
            begun, key = time.monotonic(), str(uuid.uuid4())
            status, _, document = self.connection.send("POST", "/create-sync", {"idempotency-key": key})
            if status in (201, 202):
                self.acknowledged[key] = document.get("valor")
            else:
                self.failed.append(f"{status} {document}")
            self.slowest = max(self.slowest, time.monotonic() - begun)
            stopped.wait(PACE)


def event_of(connection, key):
    """Returns the event that was created with the key, or None if the key is unknown."""
    status, headers, document = connection.send("POST", "/create-async", {"idempotency-key": key})
    return document["id"] if status == 202 and "idempotent-replayed" in headers else None


def value_of(connection, event):
    """Waits until the event has its value, and returns it."""
    deadline = time.monotonic() + EVENT
    while time.monotonic() < deadline:
        status, _, document = connection.send("GET", f"/{event}")
        if status == 200 and document["valor"]:
            return document["valor"]
        time.sleep(0.1)
    return None


def lost(connection, acknowledged):
    """Returns what is wrong with acknowledged events."""
    wrong, events = [], set()
    for key, value in acknowledged.items():
        event = event_of(connection, key)
        if event is None or event in events:
            wrong.append(f"{key} has no event of its own ({event})")
            continue
        events.add(event)
        found = value_of(connection, event)
        if found is None or value not in (None, found):
            wrong.append(f"event {event} has the value {found}, and the response had {value}")
    return wrong


def main():
    address = sys.argv[1].removeprefix("http://")
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    clients = [Client(address) for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 4)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    acknowledged, failed = {}, []
    for client in clients:
        acknowledged |= client.acknowledged
        failed += client.failed
    wrong = lost(Connection(address), acknowledged)
    print(json.dumps({
        "requests": len(acknowledged) + len(failed),
        "acknowledged": len(acknowledged),
        "failed": len(failed),
        "lost": len(wrong),
        "retried": sum((client.connection.retried for client in clients), collections.Counter()),
        "slowest_seconds": round(max(client.slowest for client in clients), 1),
        "examples": (failed + wrong)[:10],
    }))
    sys.exit(1 if failed or wrong or not acknowledged else 0)


main()
