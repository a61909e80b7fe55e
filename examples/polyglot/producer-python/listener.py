"""An HTTP server. With the address `::` it listens on IPv6 and IPv4."""

import socket
from http.server import ThreadingHTTPServer


class Listener(ThreadingHTTPServer):
    def __init__(self, address, handler):
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, handler)

    def server_bind(self):
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()
