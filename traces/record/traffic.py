"""The user's traffic at the mobile node: it knows its home address and nothing of mobility.

Run inside a network namespace: traffic.py HOME-ADDRESS CORRESPONDENT
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import socket
import sys
import threading
import time

from correspondent import HTTP_PORT, UDP_PORT

EVERY = 0.5
"""Seconds between datagrams; few, so that captures stay small."""
PAGE_EVERY = 5.0


def _datagrams(home: str, correspondent: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
        port.bind((home, 0))
        for number in itertools.count():
            with contextlib.suppress(OSError):
                port.sendto(
                    f"question {number:4d}, with some text to make it longer\n".encode(), (correspondent, UDP_PORT)
                )
            time.sleep(EVERY)


def _pages(home: str, correspondent: str) -> None:
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(correspondent, HTTP_PORT, timeout=2, source_address=(home, 0))
            connection.request("GET", "/")
            connection.getresponse().read()
            connection.close()
        time.sleep(PAGE_EVERY)


if __name__ == "__main__":
    threading.Thread(target=_datagrams, args=sys.argv[1:], daemon=True).start()
    _pages(*sys.argv[1:])
