"""Patterns match what they say, and no line keeps them busy; stamps come to the right time."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from mipcheck.checker.maps.patterns import read_pattern
from mipcheck.checker.maps.stamps import NS, Clock, StampError, read_stamp, read_zone


@pytest.mark.parametrize(
    ("pattern", "line", "fields"),
    [
        ("{if:word}: Link", "eth0: Link", {"if": "eth0"}),
        ("{if:word}:  x", "a:b: \t x  ", {"if": "a:b"}),
        ("{a:text}: {b:int}", "x: y: 5", None),  # a field ends where the text after it first stands
        ("{a:ipv4}[{p:int}]", "192.0.2.1[500]", {"a": "192.0.2.1", "p": "500"}),
        ("{a:ipv4}", "192.0.2.1000", None),
        (r"x\{{c:int}\} {..}", "x{12} and more", {"c": "12"}),
        (r"x{..}", "x", {}),
        ("{t:text} (", "a (", {"t": "a"}),
        ("up", "up and away", None),
    ],
)
def test_a_pattern_fits_the_whole_message(pattern: str, line: str, fields: dict[str, str] | None) -> None:
    match = read_pattern(pattern).regex.match(line)
    assert (match.groupdict() if match else None) == fields


@pytest.mark.parametrize("filler", [" ", "a", "a ", ": ", "(", "1.", "\t"])
def test_a_hostile_line_costs_linear_time(filler: str) -> None:
    """Four times as long takes about four times as long: sixteen times would be quadratic."""
    pattern = read_pattern("{..}: {a:text} ({b:word}) {..} (c) {d:text} = {e:int}").regex

    def cost(size: int) -> float:
        line = (": " + filler * size)[:size]
        start = time.process_time()
        for _ in range(3):
            pattern.match(line)
        return time.process_time() - start

    small = max(min(cost(16_000) for _ in range(3)), 0.001)
    assert min(cost(64_000) for _ in range(3)) < 10 * small


def at(form: str, text: str, year: int | None = None, zone: str = "UTC") -> int:
    stamp = read_stamp(form)
    match = stamp.regex.match(text)
    assert match is not None
    return Clock(year, read_zone(zone)).read(stamp, match).ns


@pytest.mark.parametrize(
    ("form", "text", "seconds"),
    [
        ("iso", "2025-11-03T09:14:02.5+0100 x", 1762157642.5),
        ("iso", "2025-11-03 08:14:02Z", 1762157642),
        ("%m/%d/%Y %I:%M:%S %p", "11/3/2025 8:14:02 AM", 1762157642),
        ("%m/%d/%Y %I:%M:%S %p", "11/3/2025 12:14:02 AM", 1762128842),
        ("%a, %d %b %Y %H:%M:%S %z", "Mon, 03 Nov 2025 13:44:02 +0530", 1762157642),
        ("%d.%m.%y %H:%M:%S", "03.11.25 08:14:02", 1762157642),
        ("%Y %b %e %T %Z", "2025 Nov  3 09:14:02 CET", 1762157642),
        ("[%s.%f]", "[1762157642.1183]", 1762157642.1183),
    ],
)
def test_stamps_come_to_their_time(form: str, text: str, seconds: float) -> None:
    assert at(form, text) == round(seconds * 10_000) * (NS // 10_000)


@pytest.mark.parametrize("text", ["Feb 30 10:00:00", "Nov 03 25:00:00", "Nov 03 10:61:00", "Foo 03 10:00:00"])
def test_a_stamp_that_cannot_be_is_none(text: str) -> None:
    with pytest.raises(StampError):
        at("%b %d %T", text, 2025)


def test_a_year_turns_over_and_a_clock_that_never_was_set_is_relative() -> None:
    stamp, clock = read_stamp("%b %d %T"), Clock(2025, read_zone("UTC"))
    texts = ["Dec 31 23:59:59", "Jan  1 00:00:01", "Dec 31 23:59:58", "Jan  1 00:00:02"]
    moments = [clock.read(stamp, m) for t in texts if (m := stamp.regex.match(t))]
    assert [m.ns // NS - moments[0].ns // NS for m in moments] == [0, 2, -1, 3]
    boot = read_stamp("*%b %d %H:%M:%S.%f", "03-01")
    match = boot.regex.match("*Mar  2 04:00:57.847")
    assert match is not None
    moment = Clock(None, None).read(boot, match)
    assert (moment.ns, moment.absolute, moment.resolution) == ((86400 + 14457) * NS + 847_000_000, False, 1_000_000)


def test_local_time_that_comes_twice_goes_on() -> None:
    stamp, clock = read_stamp("%Y-%m-%d %T"), Clock(None, read_zone("Europe/Berlin"))
    texts = [f"2025-10-26 {t}" for t in ("01:59:00", "02:30:00", "02:59:59", "02:00:01", "02:30:00", "03:00:00")]
    times = [clock.read(stamp, m).ns for t in texts if (m := stamp.regex.match(t))]
    assert all(a < b for a, b in pairwise(times))
    assert (times[-1] - times[0]) // NS == 7260
