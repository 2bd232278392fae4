"""Captures: read frame by frame and in columns, which has to come to the same."""

from __future__ import annotations

import dataclasses
import io
import random
from collections.abc import Sequence
from pathlib import Path

from mipcheck.checker.capture import CaptureError, Source, read_captures
from mipcheck.checker.capture.bulk import read as bulk
from mipcheck.checker.capture.frames.frame import MAX_TIME
from mipcheck.checker.capture.read import Capture
from mipcheck.checker.capture.survey import Survey, survey_of
from mipcheck.checker.check.readings import resolved
from mipcheck.checker.site.site import Site
from mipcheck.checker.trace.columns import Columns
from mipcheck.model.specification.layering import Layering
from mipcheck.model.values.event import Event

from fuzzing.case import Case, Kind
from fuzzing.frames import SITES, batch_of, seeds

PROTECTS = Layering(resolved("draft-01")).protected
FRAMES = 1000
SIGNALS = frozenset({"coa", "advert", "solicit", "rrq", "rrp", "ike", "gap"})
_LINKS = seeds()
_NOTES = 200


def make(dice: random.Random) -> Case:
    """Make one or two captures of a thousand frames in all."""
    count = 1 if dice.random() < 0.7 else 2
    files = {f"{n}.capture": batch_of(_LINKS, FRAMES // count, dice) for n in range(count)}
    return Case(files, FRAMES, {"site": dice.randrange(len(SITES))})


def attempt(case: Case, folder: Path) -> None:
    """Read the captures in both ways. Raises AssertionError where they differ, or say what cannot be."""
    site = SITES[int(str(case.options["site"]))]
    captures = assert_same(list(case.files.values()), site)
    for capture in captures:
        times = [event.time for event in capture.events]
        assert times == sorted(times) and all(0 <= t < MAX_TIME + 2 * 10**18 for t in times)
        assert all(e.at.frame is not None and 1 <= e.at.frame <= capture.frames for e in capture.events)
        assert len(capture.notes) < _NOTES and len(capture.holes) < _NOTES


def frame_by_frame(files: Sequence[bytes], site: Site) -> tuple[list[Capture], list[Event]] | str:
    """Return what captures hold and the events of all, or what is wrong with them."""
    try:
        return read_captures(_sources(files), site, PROTECTS)
    except CaptureError as error:
        return str(error)


def in_columns(files: Sequence[bytes], site: Site) -> tuple[list[Capture], Sequence[Event], list[Survey]] | str:
    """Return what captures hold, the events of all and a survey of each, or what is wrong with them."""
    try:
        return bulk.read_bulk(_sources(files), site, PROTECTS, True)
    except CaptureError as error:
        return str(error)


def _sources(files: Sequence[bytes]) -> list[Source]:
    return [Source(io.BytesIO(data), f"file{n}", n * 1000, f"if{n}") for n, data in enumerate(files)]


def assert_same(files: Sequence[bytes], site: Site) -> list[Capture]:
    """Assert that both ways tell the same of captures, and return it; nothing for what is no capture."""
    expected, found = frame_by_frame(files, site), in_columns(files, site)
    if isinstance(expected, str) or isinstance(found, str):
        assert expected == found
        return []
    captures, events, surveys = found
    assert list(events) == expected[1]
    assert len(events) == len(expected[1])
    for n in range(0, len(events), 7):
        assert events[n] == expected[1][n]
        if n % 49 == 0 and isinstance(events, Columns):  # else what was not read natively
            assert events.before(n, n, SIGNALS, 5) == [e for e in expected[1][:n] if e.kind in SIGNALS][-5:]
    for one, other in zip(captures, expected[0], strict=True):
        shown = dataclasses.replace(one, events=list(one.events))
        assert shown == other and len(one.events) == len(other.events)
        assert list(one.set_aside) == list(other.set_aside)
    for n, (data, survey) in enumerate(zip(files, surveys, strict=True)):
        other_survey = survey_of(io.BytesIO(data), "file", f"if{n}")
        for field in ("requests", "replies", "flows", "adverts", "devices"):
            assert getattr(survey, field) == getattr(other_survey, field)
    return expected[0]


KIND = Kind("capture", "frames", make, attempt, 30)
