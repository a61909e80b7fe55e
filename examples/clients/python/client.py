"""Posts an event and prints its value: EP=http://127.0.0.1:8080 python3 client.py '{"order": 17}'"""

import json
import os
import random
import re
import sys
import time
import uuid
from http.client import HTTPException, responses
from urllib.error import HTTPError
from urllib.request import Request, urlopen

EP = os.environ.get("EP", "http://127.0.0.1:8080").rstrip("/")
LIMIT = 60  # seconds of a request with all its tries
# The API server is busy or restarts (429, 503), its volume is full (507), or a proxy does not reach it (502, 504).
TEMPORARY = (429, 502, 503, 504, 507)


def call(request, wait=0):
    """Sends a request until its response is final, and returns the JSON."""
    deadline = time.monotonic() + LIMIT
    backoff = 0.25
    while True:
        retry_after = 0
        try:
            status, headers, body = send(request, wait + 10)
            if status < 300:
                return parse("the response", body)
            error = problem(status, headers, body)
            final = status not in TEMPORARY
            seconds = headers.get("Retry-After", "")
            retry_after = int(seconds) if seconds.isdecimal() else 0
        except (OSError, HTTPException) as broken:
            # The event may exist or not. The key makes a repetition safe.
            error, final = RuntimeError(f"no response: {broken}"), False
        pause = retry_after + random.uniform(0, backoff)
        if final or time.monotonic() + pause > deadline:
            raise error
        print(f"retrying in {pause:.1f} s: {error}", file=sys.stderr)
        time.sleep(pause)
        backoff = min(2 * backoff, 10)


def send(request, timeout):
    """Returns the status, the headers and the body of the response, whatever the status is."""
    try:
        with urlopen(request, timeout=timeout) as response:
            return response.status, response.headers, response.read()
    except HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def parse(name, text):
    """Parses JSON. The error names the text."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise RuntimeError(f"{name} is not JSON: {error}") from error


def problem(status, headers, body):
    """Returns the error of a response. Those of the API are problem documents (RFC 9457); a proxy may send anything."""
    documented = headers.get_content_type() == "application/problem+json"
    message = parse("the problem document", body)["message"] if documented else body.decode(errors="replace")
    return RuntimeError(f"{status} {responses.get(status)}: {message}")


def post(payload, wait=10, key=None):
    """Creates an event. Returns `valor`, or `id` if it has no value after `wait` seconds.

    All tries have the same key, so they create one event. Pass a key of your own, such as `order-17`, if the caller may
    crash and repeat the request.
    """
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": key or str(uuid.uuid4()),
        "Prefer": f"wait={wait}" if wait > 0 else "respond-async",
    }
    return call(Request(f"{EP}/create-sync", json.dumps(payload).encode(), headers), wait)


def value_of(id):
    """Waits for the value of an event."""
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        event = call(Request(f"{EP}/v1/events/{id}"))
        if event["state"] == "done":
            return event["valor"]
        if event["state"] not in ("pending", "processing"):
            raise RuntimeError(f"event {id} is {event['state']}: {event['error']}")
        time.sleep(1)
    raise RuntimeError(f"event {id} has no value yet; read it later")


if __name__ == "__main__":
    try:
        if not re.fullmatch(r"https?://[^/\s]\S*", EP):
            raise RuntimeError(f"EP must be like http://127.0.0.1:8080; it is {EP}")
        if len(sys.argv) != 2:
            raise RuntimeError("""usage: python3 client.py '{"order": 17}'""")
        created = post(parse("the argument", sys.argv[1]), wait=int(os.environ.get("WAIT_SECONDS", "10")))
        print(created["valor"] if "valor" in created else value_of(created["id"]))
    except RuntimeError as error:
        sys.exit(str(error))
