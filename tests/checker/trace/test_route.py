"""Native or not is decided by one table, and whoever listens hears why the slow way was taken."""

from __future__ import annotations

import gzip
import io
import logging
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.inputs import opening
from mipcheck.checker.inputs.opening import OpenInput, Pipe, Spool, hold, open_inputs
from mipcheck.checker.inputs.read import read_inputs
from mipcheck.checker.inputs.settle import over_logs
from mipcheck.checker.trace import route
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.model.native import compiled as compiling
from mipcheck.model.native.errors import NativeError

from making.both_ways import DRAFT
from making.log_text import HEAD, SITE
from making.paths import CAPTURES
from making.routes import NEVER, native_from

LINES = HEAD + SITE + "".join(f"{n}.5 eth0 data dir=out protection=none stack=ip/ip\n" for n in range(60))

Heard = Callable[[], list[str]]


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> Heard:
    """What was said of routes since it was asked for last."""
    caplog.set_level(logging.DEBUG, "mipcheck.route")

    def said() -> list[str]:
        messages = [r.getMessage() for r in caplog.records if r.name == "mipcheck.route"]
        caplog.clear()
        return messages

    return said


def at_least(size: int) -> route.Has:
    return lambda wanted: size >= wanted


@pytest.mark.parametrize(
    ("size", "kept", "native"), [(9, True, False), (10, True, True), (10, False, False), (20, False, True)]
)
def test_size_and_what_is_kept_decide(
    size: int, kept: bool, native: bool, monkeypatch: pytest.MonkeyPatch, heard: Heard
) -> None:
    native_from(monkeypatch, route.LOGS, 10, compiled=20)
    monkeypatch.setattr(compiling, "is_kept", lambda unit: kept)
    found = route.decide(route.LOGS, at_least(size), lambda: [None])  # type: ignore[list-item]
    assert found.native == native and bool(found.why) != native
    assert heard() == [f"logs: slow: {found.why}" if found.why else "logs: native"]


def test_a_short_input_imports_nothing() -> None:
    """Nor is it asked how long it is beyond what decides."""
    asked: list[int] = []

    def has(size: int) -> bool:
        asked.append(size)
        return False

    def units() -> list[object]:
        raise AssertionError

    assert not route.decide(route.CAPTURES, has, units).native  # type: ignore[arg-type]
    assert asked == [route.TABLE[route.CAPTURES].kept]


@pytest.mark.parametrize("error", [NativeError("no llvmlite"), ImportError("no llvmlite")])
def test_without_a_library_the_way_is_slow(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(unit: object) -> bool:
        raise error

    monkeypatch.setattr(compiling, "is_kept", refuse)
    found = route.decide(route.EVENTS, at_least(NEVER), lambda: [None])  # type: ignore[list-item]
    assert not found.native and "no llvmlite" in found.why


def test_why_a_log_takes_the_slow_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heard: Heard) -> None:
    path = tmp_path / "x.log"
    path.write_text(LINES)
    check(path, spec=DRAFT)
    assert heard() == ["logs: slow: fewer than 262,144 bytes of logs, all together"]
    native_from(monkeypatch, route.LOGS, 0)
    report = check(path, spec=DRAFT)
    assert heard() == ["logs: native", "logs: native"]  # the parser, then the machine

    def out_of_bounds(machine: object) -> None:
        raise NativeError("the state may grow without bound")

    monkeypatch.setattr("mipcheck.checker.observe.unit.check_bounds", out_of_bounds)
    assert check(path, spec=DRAFT) == report
    assert heard()[-1] == "logs: slow: the state may grow without bound"


def test_why_logs_and_captures_together_take_the_slow_way(tmp_path: Path, heard: Heard) -> None:
    path = tmp_path / "x.log"
    path.write_text(HEAD + "2026-11-23T02:56:02Z eth0 solicit\n")
    config = CAPTURES / "movement.toml"
    check([CAPTURES / "movement.pcapng", path], spec=DRAFT, config=config)
    first, second = heard()
    assert first == "logs: slow: a capture, or a log that is read through a map, is among the inputs"
    assert second.startswith("captures: slow: fewer than 4,194,304 bytes of captures, unpacked")


@pytest.mark.parametrize("piped", [False, True])
def test_a_compressed_capture_counts_for_what_it_holds(piped: bool, tmp_path: Path) -> None:
    """What is small only because it is compressed took a hundred times as long as the same unpacked."""
    data = gzip.compress(bytes(40_000), 1) + gzip.compress(bytes(60_000), 1) + b"cut short"
    path = tmp_path / "x.pcap.gz"
    path.write_bytes(data)
    with path.open("rb") as stream:
        source = Pipe(stream, keep_open=True) if piped else stream
        given = OpenInput("x.pcap.gz", cast("BinaryIO", source))
        assert len(data) < 1000 and hold([given], 100_000) and not hold([given], 100_001)
        assert given.stream.read(50_000) == data


@pytest.mark.slow
def test_a_compressed_capture_is_read_natively(tmp_path: Path, heard: Heard) -> None:
    one = (CAPTURES / "movement.pcapng").read_bytes()
    path = tmp_path / "x.pcapng.gz"
    path.write_bytes(gzip.compress(one * (route.TABLE[route.CAPTURES].compiled // len(one) + 1)))
    check(path, spec=DRAFT)
    assert path.stat().st_size < route.TABLE[route.CAPTURES].kept and "captures: native" in heard()


def test_an_input_is_sniffed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, capture = tmp_path / "x.log", CAPTURES / "late-reply.pcapng"
    log.write_text(HEAD + "2026-11-23T02:56:02Z eth0 solicit\n")
    sniffed: list[str] = []
    kind_of = opening.kind_of

    def counted(stream: BinaryIO, name: str) -> str:
        sniffed.append(name)
        return kind_of(stream, name)

    monkeypatch.setattr(opening, "kind_of", counted)
    check([log, capture], spec=DRAFT, config=CAPTURES / "late-reply.toml")
    assert sniffed == [str(log), str(capture)]


class Endless(io.RawIOBase):
    """A pipe that says how far it was read."""

    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int = -1, /) -> bytes:
        self.given += size
        return b"x" * size


def test_of_a_pipe_no_more_is_read_than_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"x" * 100)
    pipe = Endless()
    monkeypatch.setattr("sys.stdin", type("In", (), {"buffer": pipe}))
    with ExitStack() as stack:
        inputs = open_inputs(["-", str(path)], stack)
        assert inputs[0].piped and not inputs[1].piped
        assert hold(inputs, 100) and pipe.given == 0
        assert hold(inputs, 150) and pipe.given == 50
        inputs[0].keep()
        assert not inputs[0].piped
        assert hold(inputs, 150) and pipe.given <= 50 + 2**18
        assert inputs[0].stream.read(50) == b"x" * 50


def test_what_is_kept_of_a_pipe_has_an_end() -> None:
    given = OpenInput("x", io.BufferedReader(Spool(io.BytesIO(b"abc" * 10))))
    assert [hold([given], size) for size in (30, 31)] == [True, False]
    assert given.stream.read() == b"abc" * 10


def test_what_is_wrong_with_an_input_is_said_in_its_turn(tmp_path: Path) -> None:
    """Though the second is known not to be readable before the first has been read."""
    first, second = tmp_path / "a.log", tmp_path / "b.zip"
    first.write_text(HEAD + "0 eth0 nothing\n")
    second.write_bytes(b"PK\x03\x04")
    words = vocabulary_of(DRAFT)
    with ExitStack() as stack:
        inputs = open_inputs([str(first), str(second)], stack)
        with pytest.raises(Exception, match='unknown event "nothing"'):
            read_inputs(inputs, words, over_logs(words, None, {}), {})
    with pytest.raises(Exception, match='unknown event "nothing"'):
        check([first, second], spec=DRAFT)
