"""An HTTP server, which listens on IPv4 as well where its address is the one of all of IPv6."""

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
