"""Damaged captures at a gateway or an agent: whatever is in them, they are read to their end, in declared words."""

from __future__ import annotations

import io
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mipcheck.checker.capture.frames.frame import CaptureError
from mipcheck.checker.capture.read import Source, read_captures
from mipcheck.checker.inputs.read import read_trace
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.model.specification.load import load

from making.at_device import words
from making.paths import CAPTURES

FILES = sorted(CAPTURES.glob("*-at-*.pcapng"))
ROLES = ("vpn", "iha", "xha", "fa")
WORDS = vocabulary_of(load("draft-01"))
SITES = {path: read_trace([str(path)], WORDS, str(path.with_suffix(".toml"))).site for path in FILES}


@pytest.mark.parametrize("role", ROLES)
@settings(max_examples=40, deadline=None)
@given(path=st.sampled_from(FILES), seed=st.integers(0, 2**32), rate=st.sampled_from((0.0, 0.0005, 0.01)))
def test_damage_is_survived(role: str, path: Path, seed: int, rate: float) -> None:
    dice = random.Random(seed)
    data = bytearray(path.read_bytes())
    for _ in range(int(len(data) * rate)):
        data[dice.randrange(300, len(data))] = dice.randrange(256)
    site = replace(SITES[path], role=role)
    try:
        captures, events = read_captures([Source(io.BytesIO(bytes(data)), "t")], site, words=words(role))
    except CaptureError:
        return
    assert all(e.kind in words(role) for e in events)
    for event in events:
        declared = words(role)[event.kind]
        assert {k.name for k in declared.keys if not k.optional} <= set(event.args) <= {k.name for k in declared.keys}
    assert len(captures[0].events) == len(events)
