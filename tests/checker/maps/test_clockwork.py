"""A record whose own time stands beside its stamp shows the year and the zone of a listing."""

from __future__ import annotations

import io

import pytest
from mipcheck.checker.console.errors import InputError
from mipcheck.checker.maps.library import use_of
from mipcheck.checker.maps.read import read_mapped
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.model.specification.load import load

WORDS = vocabulary_of(load("draft-01"))
LATEST = 1796000000 * 10**9
"""When the log was written: November 2026."""
OWN = "{} h NetworkManager[7]: <info>  [{}.5000] dhcp4 (wlan0): state changed new lease, address=10.1.7.20\n"
OTHER = "{} h charon[8]: 1[KNL] 203.0.113.{} appeared on wwan0\n"
USE = "charon+networkmanager"


def times(log: str, use: str = USE, latest: int | None = LATEST) -> list[int]:
    """When its events were, in s since 1970."""
    found = read_mapped(io.BytesIO(log.encode()), "x.log", use_of(use), WORDS, latest=latest)
    return [e.time // 10**9 for e in found.events]


NINE = 1762161240  # 2025-11-03T09:14:00Z


@pytest.mark.parametrize("latest", [LATEST, None])
@pytest.mark.parametrize(("hour", "east"), [("09", 0), ("10", 3600), ("14", 5 * 3600), ("04", -5 * 3600)])
def test_year_and_zone_are_those_of_the_programs_own_times(hour: str, east: int, latest: int | None) -> None:
    before, after = OTHER.format(f"Nov 03 {hour}:13:58", 1), OTHER.format(f"Nov 03 {hour}:14:09", 2)
    own = OWN.format(f"Nov 03 {hour}:14:01", NINE)
    assert times(before + own + after, latest=latest) == [NINE - 2, NINE, NINE + 9]


def test_over_the_turn_of_the_year() -> None:
    own = OWN.format("Jan 01 01:00:05", 1767225605)  # 2026-01-01T00:00:05Z
    log = OTHER.format("Dec 31 22:59:00", 1) + own + OTHER.format("Jan 01 01:00:09", 2)
    assert times(log) == [1767218340, 1767225605, 1767225609]


def test_what_is_given_is_as_given() -> None:
    log = OTHER.format("Nov 03 10:13:58", 1) + OWN.format("Nov 03 10:14:01", NINE)
    assert times(log, f"{USE},zone=+0100,year=2025") == [NINE - 2, NINE]


def test_a_clock_that_is_no_zone_shows_none() -> None:
    log = OTHER.format("Nov 03 10:13:58", 1) + OWN.format("Nov 03 10:20:01", NINE)
    with pytest.raises(InputError, match="its times have no year"):
        times(log, latest=None)
