"""How fast a log of which most lines concern nobody goes through a map: `python tests/bench/map_speed.py`.

Beside it stands the least that anybody could do: one plain pattern of the standard library, tried on each line.
"""

from __future__ import annotations

import argparse
import io
import re
import time
from collections.abc import Callable

from mipcheck.checker.maps.library import use_of
from mipcheck.checker.maps.read import LogReading

OTHERS = ("kernel", "sshd[123]", "systemd[1]", "CRON[77]", "NetworkManager[640]")
PLAIN = re.compile(
    rb"(\w{3}) +(\d+) (\d\d:\d\d:\d\d) (\S+) charon(?:-systemd)?(?:\[\d+\])?: "
    rb"\d+\[\w+\] interface (\S+) (activated|deleted)"
)


def listing(lines: int, ours: int) -> bytes:
    """A listing of the journal; every so many lines one is of charon."""
    text = []
    for n in range(lines):
        second = n * 86400 // lines
        at = f"Nov  3 {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d} laptop"
        state = ("activated", "deleted")[n // ours % 2]
        said = (
            f"charon[7]: 11[KNL] interface wlan0 {state}"
            if n % ours == 0
            else f"{OTHERS[n % 5]}: message {n} about others"
        )
        text.append(f"{at} {said}")
    return "\n".join(text).encode() + b"\n"


def taken(work: Callable[[], object]) -> float:
    """Return how long (s of processor time) some work takes."""
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    """Say how many lines a second go through the map, and how many through the pattern."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    lines = parser.parse_args().lines
    for ours in (1000, 10, 1):
        data = listing(lines, ours)
        plain = taken(lambda data=data: [PLAIN.match(line) for line in io.BytesIO(data)])  # type: ignore[misc]
        reading = LogReading(use_of("charon,year=2025,zone=UTC"), "journal", None)
        mapped = taken(lambda data=data, r=reading: list(r.records(io.BytesIO(data))))  # type: ignore[misc]
        told = f"{lines / mapped:9.0f} lines/s, plain re {lines / plain:9.0f} ({plain / mapped:.2f})"
        print(f"one line in {ours} is charon's: {told}")


if __name__ == "__main__":
    main()
