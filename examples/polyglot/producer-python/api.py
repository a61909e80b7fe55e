"""The HTTP contract of producers (docs/contracts/http.md, P1 to P15)."""

import json
import logging
import re
import select
import socket
import threading
from http.server import BaseHTTPRequestHandler

import pymysql

import settings
from listener import Listener

LONGEST_PAYLOAD = 64 * 1024
LARGEST_ID = 2**63 - 1
# Interval at which a waiting request checks whether the client has left or the producer drains.
CHECK_SECONDS = 0.1


class Problem(Exception):
    """An error response."""

    def __init__(self, status, message, **headers):
        super().__init__(message)
        self.status, self.headers = status, headers


class Server(Listener):
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, database, waits):
        super().__init__(settings.LISTEN, Handler)
        self.database, self.waits = database, waits
        # Set when waiting clients must be answered with 202.
        self.give_up = threading.Event()
        self.draining = False
        self._open = 0
        self._changed = threading.Condition()

    def begin(self, by):
        with self._changed:
            self._open += by
            self._changed.notify_all()

    def answered(self, seconds):
        """Waits until every request is answered, at most `seconds`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._open == 0, seconds)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Longer than proxies keep idle connections: if the server closes first, the next request may be lost.
    timeout = 75
    # Headers and body in one packet.
    wbufsize = -1

    def do_GET(self):
        self._serve(self._get)

    def do_POST(self):
        self._serve(self._post)

    def do_PUT(self):
        self._serve(self._other)

    do_DELETE = do_PATCH = do_OPTIONS = do_PUT

    def _serve(self, answer):
        self.server.begin(1)
        try:
            self._send(*self._caught(answer))
            self.wfile.flush()
        finally:
            self.server.begin(-1)

    @staticmethod
    def _caught(answer):
        try:
            return answer()
        except Problem as problem:
            return problem.status, {"message": str(problem)}, problem.headers
        except (pymysql.err.Error, OSError) as error:
            logging.error("failed to answer: %s", error)
            return 503, {"message": "the database can't be used at the moment"}, {"Retry-After": "1"}

    def _send(self, status, body, headers):
        body = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("x-service-language", "python")
        self.send_header("x-served-by", settings.POD_NAME)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.server.draining:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _get(self):
        path = self.path.partition("?")[0]
        if path in ("/create-async", "/create-sync"):
            raise Problem(405, "use POST", Allow="POST")
        if path == "/":
            return 200, {"events": self.server.database.count()}, {}
        return 200, {"valor": self._event(path[1:])[0]}, {}

    def _event(self, id):
        event = None
        if re.fullmatch("[1-9][0-9]{0,18}", id) and int(id) <= LARGEST_ID:
            event = self.server.database.events([int(id)]).get(int(id))
        if event is None:
            raise Problem(404, "Event not found")
        return event

    def _post(self):
        payload = self._payload()
        path = self.path.partition("?")[0]
        if path == "/create-async":
            return self._created(self.server.database.create(payload))
        if path == "/create-sync":
            return self._create_sync(payload)
        raise Problem(405, "use GET", Allow="GET")

    def _other(self):
        self.close_connection = True
        raise Problem(405, "use GET or POST", Allow="GET, POST", Connection="close")

    @staticmethod
    def _created(id):
        return 202, {"message": "Event created on demand", "id": id}, {"Location": f"/{id}"}

    def _create_sync(self, payload):
        id = self.server.database.create(payload)
        wait = self.server.waits.join(id)
        try:
            while not wait.ended.wait(CHECK_SECONDS):
                if self.server.give_up.is_set() or self._left():
                    return self._created(id)
        finally:
            self.server.waits.leave(id)
        status, text = wait.outcome
        if status != 201:
            raise Problem(status, text)
        return 201, {"valor": text}, {}

    def _left(self):
        """Returns whether the client has closed its connection."""
        # A socket with a timeout blocks whatever the flags are, so it is read only if data is available.
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        try:
            return bool(poll.poll(0)) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True

    def _payload(self):
        """Returns the body: JSON text, or None if it is empty."""
        if "Transfer-Encoding" in self.headers:
            self.close_connection = True
            raise Problem(411, "send Content-Length", Connection="close")
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal():
            self.close_connection = True
            raise Problem(400, "Content-Length must be a number", Connection="close")
        length = int(length)
        if length > LONGEST_PAYLOAD:
            self.close_connection = True
            raise Problem(413, f"a payload has at most {LONGEST_PAYLOAD} bytes", Connection="close")
        try:
            text = self.rfile.read(length).decode()
            if text:
                # Python accepts NaN and Infinity, which are not JSON; `int` accepts neither.
                json.loads(text, parse_constant=int)
            return text or None
        except (ValueError, RecursionError):
            raise Problem(400, "the body must be JSON in UTF-8, or empty") from None

    def log_message(self, *_):
        """Logs no requests."""
