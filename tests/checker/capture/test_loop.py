"""The compiled loop over captures does what its source says when Python runs it, in every cell and array."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from contextlib import suppress

import pytest
from fuzzing.frames import SITES, batch_of, seeds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mipcheck.checker.capture import CaptureError, Source
from mipcheck.checker.site.site import Site
from mipcheck.model.native.unit import Unit

from making import plain_records

pytest.importorskip("numpy")
pytest.importorskip("llvmlite")

from mipcheck.checker.capture.bulk import loop, scanned, scanner
from mipcheck.checker.capture.bulk import read as bulk
from mipcheck.model.native.compiled import compiled

LINKS = seeds()


def both_ways(ends: set[int]) -> Callable[[Unit], Callable[[scanned.Scanned], int]]:
    """Return what takes the place of `compiled`; why the loop ended is added to `ends`."""

    def take(unit: Unit) -> Callable[[scanned.Scanned], int]:
        native = compiled(unit)

        def call(s: scanned.Scanned) -> int:
            python = plain_records.plain(s)
            found = native(s)
            assert loop.scan(python) == found
            assert plain_records.contents(python) == plain_records.contents(s)
            ends.add(found)
            return found

        return call

    return take


@pytest.fixture
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("_BUFFER", 3000), ("_HEADROOM", 1000), ("CHUNK", 17), ("_KINDS", 4), ("_WORDS", 128)):
        monkeypatch.setattr(scanner, name, size)


def read(seed: int, count: int, site: Site, monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Read a file of `count` odd packets in both ways; return why the loop ended."""
    ends: set[int] = set()
    monkeypatch.setattr(bulk, "compiled", both_ways(ends))
    with suppress(CaptureError):
        bulk.read_bulk([Source(io.BytesIO(batch_of(LINKS, count, random.Random(seed))), "a")], site)
    return ends


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.sampled_from(SITES))
def test_native_code_does_what_python_does(
    little_room: None, monkeypatch: pytest.MonkeyPatch, seed: int, site: Site
) -> None:
    read(seed, 60, site, monkeypatch)


def test_every_reason_to_end(little_room: None, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = set().union(*(read(seed, 60, SITES[0], monkeypatch) for seed in range(6)))
    assert ends == {scanned.MORE, scanned.OTHER, scanned.FULL, scanned.CROWDED}
