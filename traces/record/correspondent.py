"""The correspondent inside the enterprise: echoes UDP, serves a small page by HTTP.

Run inside a network namespace: correspondent.py ADDRESS
"""

from __future__ import annotations

import http.server
import socket
import sys
import threading

UDP_PORT, HTTP_PORT = 7000, 80
PAGE = b"<p>The canteen has soup today.</p>\n" * 40


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


def _echo(address: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
        port.bind((address, UDP_PORT))
        while True:
            message, sender = port.recvfrom(2048)
            port.sendto(message, sender)


if __name__ == "__main__":
    threading.Thread(target=_echo, args=(sys.argv[1],), daemon=True).start()
    http.server.ThreadingHTTPServer((sys.argv[1], HTTP_PORT), _Page).serve_forever()
