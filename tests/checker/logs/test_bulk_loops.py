"""The compiled parsers of logs do what their source says when Python runs it, in every cell and array."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from mipcheck.checker.console.errors import InputError
from mipcheck.checker.logs.bulk import json_loop, loop, parsed, passes, text_loop
from mipcheck.checker.logs.bulk import log as bulk_log
from mipcheck.checker.logs.bulk.form import FORMS, JSON
from mipcheck.checker.logs.bulk.words import time_at
from mipcheck.checker.trace.times import read_datetime
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.model.native.compiled import compiled
from mipcheck.model.native.errors import NativeError
from mipcheck.model.native.unit import Unit
from mipcheck.model.specification.load import load

from making import log_json, plain_records
from making.depth import drawn
from making.log_text import HEAD, logs, mutated

SPEC = load()
WORDS = vocabulary_of(SPEC)
LIKE_UNKNOWN = b"8000000000000000"
"""An identification of 64 bits that native code takes for an unknown one; to Python it is another number."""
QUIET = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    deadline=None,
    max_examples=drawn(20, 300),
)


def parse(s: parsed.LogLines) -> int:
    """Let Python take lines, as what is compiled has it: with the function of the log's form."""
    form = json_loop if isinstance(s, parsed.JsonLines) else text_loop
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loop, "take_line", form.take_line)
        return loop.parse(s)


def both_ways(ends: set[int]) -> Callable[[Unit], Callable[[parsed.LogLines], int]]:
    """Return what takes the place of `compiled`; why a parser stopped is added to `ends`."""

    def take(unit: Unit) -> Callable[[parsed.LogLines], int]:
        native = compiled(unit)

        def call(s: parsed.LogLines) -> int:
            python = plain_records.plain(s)
            found = native(s)
            expected = parse(python)
            assert found == expected
            assert plain_records.contents(s) == plain_records.contents(python)
            ends.add(found)
            return found

        return call

    return take


def read(data: bytes, kind: str, size: int) -> set[int]:
    """Read a log in both ways, `size` bytes at a time; return why the parser stopped."""
    ends: set[int] = set()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bulk_log, "compiled", both_ways(ends))
        patched.setattr(bulk_log, "BUFFER", size)
        patched.setattr(bulk_log, "MOST_ROWS", 3)
        log = bulk_log.BulkLog(io.BytesIO(data), "x", WORDS, True, form=FORMS[kind])
        log.tell(SPEC, frozenset())
        with suppress(InputError, NativeError):
            log.begin()
            for _ in log.batches():
                pass
    return ends


@pytest.mark.slow
@QUIET
@given(logs(most=12) | mutated(), st.integers(300, 400))
@example((HEAD + "2024-02-29T23:59:59.9-01:00 e solicit\n2024-03-01T01:00:00Z e solicit\r\n" * 2).encode(), 300)
def test_text(data: bytes, size: int) -> None:
    assume(LIKE_UNKNOWN not in data)
    read(data, "log", size)


@pytest.mark.slow
@QUIET
@given(log_json.logs() | log_json.mutated(), st.integers(900, 1000))
def test_json_lines(data: bytes, size: int) -> None:
    assume(LIKE_UNKNOWN not in data)
    read(data, "jsonl", size)


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMS)
def test_every_reason_to_stop(kind: str) -> None:
    texts = [f"{n} interface-{n} data dir=out protection=none stack=ip/{'ip/' * n}ip\n" for n in range(300)]
    objects = [
        f'{{"time": {n}, "interface": "interface-{n}", "event": "data", "dir": "out", "protection": "none",'
        f' "stack": "ip/{"ip/" * n}ip"}}\n'
        for n in range(300)
    ]
    odd = '9999 "e" solicit\n', '{"time": 9999, "interface": "\\u0065", "event": "solicit"}\n'
    json = FORMS[kind] is JSON
    data = (log_json.HEAD if json else HEAD) + "".join(objects if json else texts) + odd[json]
    ends = read(data.encode(), kind, 2000)
    assert ends == {parsed.DONE, parsed.FULL, parsed.ODD, parsed.NEW_STACK, parsed.NO_ROOM}


ZONES = ("Z", "z", "+00:00", "-23:59", "+01:30")


@given(
    st.datetimes(datetime(1969, 12, 1), datetime(2116, 3, 1)),
    st.sampled_from(["", ".5", ".000000001", ".1234567891", "."]),
    st.sampled_from([*ZONES, "+24:00", "01:00", ""]),
    st.sampled_from("Tt "),
)
@example(datetime(2100, 2, 28, 23, 59, 59), "", "Z", "T")
@example(datetime(2096, 2, 29), "", "Z", "T")
def test_dates(when: datetime, fraction: str, zone: str, between: str) -> None:
    """A date is read as `trace.times` reads it, or left to that: one before 1970, for instance, and what is none."""
    word = when.strftime(f"%Y-%m-%d{between}%H:%M:%S") + fraction + zone
    octets = np.frombuffer((word + " e").encode() + bytes(passes._SLACK), np.uint8)
    s = parsed.LogLines(absolute=1, buf_cap=len(octets))
    s.buf = octets
    python = plain_records.plain(s)
    expected = -1
    if fraction in ("", ".5", ".000000001") and zone in ZONES and between in "Tt" and when.year >= 1970:
        with suppress(ValueError):
            expected = read_datetime(word)
    assert time_at(python, 0) == expected
    assert expected < 0 or python.stop == len(word)
