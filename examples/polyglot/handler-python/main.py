"""A handler in Python: it returns the value of each event (docs/contracts/handlers.md)."""

import json
import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def value_of(id, payload):
    """Returns the value, up to 8,000 characters. The same event may come twice."""
    text = f"event {id} says {json.dumps(payload, ensure_ascii=False)}"[:8000]
    return text.encode(errors="replace").decode()  # JSON may contain a lone surrogate, a value may not


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections
    wbufsize = -1  # headers and body in one packet

    def do_GET(self):
        self.answer(200 if self.path == "/livez" else 404, "text/plain", b"")

    def do_POST(self):
        try:
            event = json.loads(self.rfile.read(int(self.headers["content-length"])))
            valor = value_of(event["id"], event["payload"])
            self.answer(200, "application/json", json.dumps({"valor": valor}).encode())
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            # No retry can fix it: 400 ends the event.
            self.answer(400, "text/plain", f"not an event: {error!r}\n".encode())

    def answer(self, status, content_type, body):
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Logs no requests."""


ThreadingHTTPServer.request_queue_size = 1024
server = ThreadingHTTPServer(("", int(os.environ.get("PORT", "9000"))), Handler)
server.daemon_threads = False
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
