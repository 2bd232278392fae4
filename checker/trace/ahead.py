"""One step ahead: what takes time and waits for nobody is made in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import Empty, Full, Queue
from typing import Final, TypeVar

_T = TypeVar("_T")

_PATIENCE: Final = 0.2
"""Seconds until a thread looks whether anybody still wants what it makes."""


class _End:
    """A mark after the last item, with what went wrong, if anything did."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def ahead(items: Iterator[_T]) -> Iterator[_T]:
    """Return the same items, of which the next is made while one is being used.

    At any time there are at most three: one in use, one that waits, one that is being made. What `items` raises is
    raised here. If nobody wants more, `items` is closed.
    """
    queue: Queue[_T | _End] = Queue(1)
    unwanted = threading.Event()

    def put(item: _T | _End) -> bool:
        while not unwanted.is_set():
            try:
                queue.put(item, timeout=_PATIENCE)
            except Full:
                continue
            return True
        return False

    def make() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(_End(None))
        except BaseException as error:
            put(_End(error))
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    try:
        while True:
            try:
                item = queue.get(timeout=_PATIENCE)  # with a limit, so that Ctrl-C is heard
            except Empty:
                continue
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        unwanted.set()
        thread.join()
