"""Order in the log: what a device may log in either order, or may have had in a queue, makes nobody guilty."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.model.specification.load import load

from making.device_logs import Case, read_cases
from making.paths import TESTS

SPECS = cache(load)
KEPT = [c for c in read_cases(TESTS / "specs" / "devices.txt") if not c.broken and not c.unclear]
US = 1_000_000
"""Microseconds of a second."""
ORDER = 50_000
"""t_order in microseconds: the order of lines that are closer shows nothing."""
DATA = re.compile(r"\S+ \S+ (tunnel|forward|send|relay .*what=data)\b")
"""What may have waited in a queue. What the x-HA passes on is told after its own packet."""


def told_otherwise(case: Case) -> Iterator[str]:
    """Yield the logs in which two lines of one way have changed places, or a packet left a moment after a change.

    What stands further apart is moved together before, if one of the two is data, which follows from nothing.
    """
    head, site, *lines = case.text.splitlines()
    events = next(m for m in SPECS(case.spec).machines() if m.role == case.role).events
    times = [round(float(line.split()[0]) * US) for line in lines]
    kinds = [line.split()[2] for line in lines]
    homes = [re.findall(r"home=\S+", line) for line in lines]
    for n in range(len(lines) - 1):
        if {"gap", "restart"} & {kinds[n], kinds[n + 1]}:
            continue
        between = times[n + 1] - times[n]
        near = between <= ORDER or (between < US // 3 and (DATA.match(lines[n]) or DATA.match(lines[n + 1])))
        if near and events[kinds[n]].sender == events[kinds[n + 1]].sender:
            close = min(between, 50)
            changed = [*lines[:n], at(times[n], lines[n + 1]), at(times[n] + close, lines[n]), *lines[n + 2 :]]
            yield "\n".join((head, site, *changed, ""))
        if DATA.match(lines[n]) and not DATA.match(lines[n + 1]) and between < US // 3 and homes[n] == homes[n + 1]:
            for later in (50, ORDER - 1000):
                time = times[n + 1] + later
                if n + 2 == len(lines) or time <= times[n + 2]:
                    yield "\n".join((head, site, *lines[: n + 2], at(time, lines[n]), *lines[n + 2 :], ""))


def at(time: int, line: str) -> str:
    """A line at another time."""
    return f"{time / US:.6f} {line.partition(' ')[2]}"


@pytest.mark.slow
@pytest.mark.parametrize("role", ["vpn", "xha", "iha", "fa"])
def test_no_order_that_a_device_may_not_have_had_accuses_it(tmp_path: Path, role: str) -> None:
    path = tmp_path / "x.log"
    tried = 0
    for case in KEPT:
        for text in told_otherwise(case) if case.role == role else ():
            path.write_text(text, "utf-8")
            report = check(str(path), spec=SPECS(case.spec))
            assert not report.violations and not report.warnings, text
            tried += 1
    assert tried > 5
