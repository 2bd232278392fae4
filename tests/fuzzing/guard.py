"""Limits on what one input may take: seconds of this process, bytes above what it had before."""

from __future__ import annotations

import contextlib
import re
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Final

SECONDS: Final = 10.0
"""Seconds of CPU that any input may take, besides those for its units."""
SECONDS_A_UNIT: Final = 0.01
"""A hundred times what one takes; more means that something grows faster than the input."""
MEMORY: Final = 512 * 2**20
"""Bytes of the process at its peak, above what it had before; what is compiled for it counts as well."""
ROOM: Final = 4 * 2**30
"""Bytes of address space after which memory is refused, so that the machine survives."""

_STATUS: Final = Path("/proc/self/status")


class TooLong(BaseException):
    """An input took longer than it may. No handler of the program under test may take it for its own error."""


class TooLarge(Exception):
    """An input took more memory than it may."""


def confine() -> None:
    """Limit the address space of this process."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (_kilobytes("VmSize") * 1024 + ROOM, hard))


@contextlib.contextmanager
def limits(units: int) -> Iterator[None]:
    """Raise TooLong or TooLarge if what is done within takes more than an input of so many units may."""
    seconds = SECONDS + units * SECONDS_A_UNIT
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here on
    before = _kilobytes("VmRSS")
    previous = signal.signal(signal.SIGPROF, _too_long)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)
    more = (_kilobytes("VmHWM") - before) * 1024
    if more > MEMORY:
        raise TooLarge(f"{more // 2**20} MiB")


def _too_long(number: int, frame: FrameType | None) -> None:
    raise TooLong(f"at {frame.f_code.co_filename}:{frame.f_lineno}" if frame else "")


def _kilobytes(name: str) -> int:
    """Return a size that the kernel tells of this process; 0 where there is no such kernel."""
    with contextlib.suppress(OSError):
        if found := re.search(rf"^{name}:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE):
            return int(found[1])
    return 0


def seconds_used() -> float:
    """Return the seconds of CPU that this process has used."""
    return time.process_time()
