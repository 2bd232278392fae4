"""What is said of something long while it lasts: on a terminal, in one line, and no trace of it afterwards."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mipcheck.checker.cli.main import main
from mipcheck.checker.console import progress
from mipcheck.checker.console.progress import Parallel, Progress, ReadingProgress, Steps, fitted, line
from mipcheck.checker.fleet import cluster as fleet_cluster
from mipcheck.checker.fleet.inputs import File
from mipcheck.checker.fleet.work import FileOutcome, Job
from mipcheck.checker.proofs.partings import Partings
from mipcheck.checker.trace.route import LOGS
from mipcheck.checker.verbs import audit_matrix as audit
from mipcheck.checker.verbs import explain_mode as mode_page
from mipcheck.model.values.errors import INTERNAL_ERROR, INTERRUPTED

from making.paths import TRACES
from making.routes import native_from

CLEAR = "\r\033[K"
SPEC = """
spec small
document "small.txt"
param size: int = 4
enum kind { plain, long }
layer wire "the wire" as ip adds size
access plain = wire
event go(n: int) by node seen log
event use(name: kind) by node seen log
event back() by network seen log
interface { ready: bool = false }
on back { ready := true }
rule A MUST cite 1 "ready first"
  reading strict "both" allow go only if ready and n < 5
  reading lax "ready" allow go only if ready
rule D MUST cite 4 "ready" allow use(name = plain) only if ready
property fine cite 1 "it is ready" whenever go: ready
property even cite 1 "it is few" whenever go: n < 5
"""


class Clock:
    """Time that passes only when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Terminal:
    """A pseudo-terminal as standard error."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, columns: int, encoding: str = "utf-8") -> None:
        self.number, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.stderr = os.fdopen(inner, "w", encoding=encoding, errors="backslashreplace")
        os.set_blocking(self.number, False)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr("sys.stderr", self.stderr)

    def text(self) -> str:
        """All that was written until now and not read yet."""
        self.stderr.flush()
        parts = []
        try:
            while data := os.read(self.number, 1 << 16):
                parts.append(data)
        except BlockingIOError:
            pass
        return b"".join(parts).decode()

    def lines(self) -> list[str]:
        """Each as it stood in the last row; an empty one at the end if nothing is left of it."""
        text = self.text()
        assert not text or text.startswith(CLEAR)
        return text.split(CLEAR)[1:]

    def close(self) -> None:
        self.stderr.close()
        os.close(self.number)


MakeTerminal = Callable[..., Terminal]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeTerminal]:
    made: list[Terminal] = []

    def make(columns: int = 80, encoding: str = "utf-8") -> Terminal:
        made.append(Terminal(monkeypatch, columns, encoding))
        return made[-1]

    yield make
    monkeypatch.undo()
    for each in made:
        each.close()


@pytest.fixture
def spec(tmp_path: Path) -> str:
    (tmp_path / "small.spec").write_text(SPEC, "utf-8")
    return str(tmp_path / "small.spec")


@pytest.fixture
def half_read(tmp_path: Path) -> Iterator[io.FileIO]:
    (tmp_path / "x").write_bytes(bytes(1000))
    with io.FileIO(tmp_path / "x") as stream:
        stream.read(500)
        yield stream


# --- what is said ---------------------------------------------------------------------------------------------------


def test_how_many_how_fast_and_how_long_still() -> None:
    assert line(500, "packets", 2, 0) == "500 packets, 250/s"
    assert line(3_000_000, "packets", 2, 0.25) == "3.0 million packets, 1.5 million/s, 25%, 6 s left"
    assert line(10, "lines", 100, 0.01).endswith("1%, 165 min 0 s left")


def test_a_reading(terminal: MakeTerminal, half_read: Any) -> None:
    screen, clock = terminal(), Clock()
    with ReadingProgress([half_read], "odd\x1b name", "packets", clock) as shown:
        shown.update(1)
        assert screen.text() == ""  # what is short needs no words
        clock.now += 2
        shown.update(700)
        clock.now += 0.1
        shown.update(750)
        assert screen.lines() == ["odd\\x1b name: 700 packets, 350/s, 50%, 2 s left"]
    assert screen.lines() == [""]


def test_files_that_are_read_together(terminal: MakeTerminal, half_read: Any, tmp_path: Path) -> None:
    screen, clock = terminal(), Clock()
    (tmp_path / "y").write_bytes(bytes(1000))
    with (
        (tmp_path / "y").open("rb", buffering=0) as other,
        ReadingProgress([half_read, other], "two", "events", clock) as shown,
    ):
        clock.now += 2
        shown.update(700)
    assert screen.lines() == ["two: 700 events, 350/s, 25%, 6 s left", ""]


def test_a_stream_without_a_size_has_no_end_in_sight(terminal: MakeTerminal, half_read: Any) -> None:
    screen, clock = terminal(), Clock()
    with ReadingProgress([half_read, io.BytesIO(b"x")], "-", "packets", clock) as shown:
        clock.now += 7
        shown.update(7)
    assert screen.lines() == ["-: 7 packets, 1/s", ""]


def test_steps_say_how_long_only_after_one_is_done(terminal: MakeTerminal) -> None:
    screen, clock = terminal(), Clock()
    with Steps(4, "proving", clock) as steps:
        for name, seconds in (("a", 10), ("b\x1b", 20), ("c", 90)):
            steps.step(name)
            clock.now += seconds
        steps.step("d")
        assert screen.lines() == [
            "proving a: 1 of 4",
            "proving b\\x1b: 2 of 4, about 30 s left",
            "proving c: 3 of 4, about 30 s left",
            "proving d: 4 of 4, about 40 s left",
        ]
    assert screen.lines() == [""]


def test_steps_may_turn_out_to_be_more(terminal: MakeTerminal) -> None:
    screen, clock = terminal(), Clock()
    with Steps(0, "completing", clock) as steps:
        clock.now += 100
        steps.expect(2)
        steps.step("a")
        clock.now += 10
        steps.expect(3)
        steps.step("b")
        assert screen.lines() == ["completing a: 1 of 2", "completing b: 2 of 3, about 20 s left"]


def test_what_is_done_in_any_order(terminal: MakeTerminal) -> None:
    screen, clock = terminal(), Clock()
    with Parallel(12, "checking", "files", clock) as shown:
        shown.update(0, "0 bad")
        clock.now += 1
        shown.update(0, "0 bad")
        clock.now += 1
        shown.update(4, "1 bad")
    assert screen.lines() == [
        "checking: 0 of 12 files, 0 bad",
        "checking: 4 of 12 files, 2.0/s, about 4 s left, 1 bad",
        "",
    ]


# --- the line -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [10, 40, 60, 80])
@pytest.mark.parametrize(
    "name", ["n" * 500, "漢字" * 200, "e" + "\u0301" * 500, "\x1b[2J\n\r" * 99, "\u202e\U0001f600" * 9]
)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_line_is_narrower_than_the_terminal(columns: int, name: str, encoding: str, terminal: MakeTerminal) -> None:
    screen, clock = terminal(columns, encoding), Clock()
    with Steps(28, "proving", clock) as steps:
        steps.step("x")
        clock.now += 3
        steps.step(name)
    *shown, last = screen.lines()
    assert len(shown) == 2 and last == ""
    for text in shown:
        assert 0 < sum(2 if ord(c) > 0x2E7F else 1 for c in text) < columns
        assert text.isprintable() and (encoding != "ascii" or text.isascii())
    if columns >= 60:
        assert shown[1].startswith("proving ") and shown[1].endswith("...: 2 of 28, about 1 min 21 s left")


@given(st.text(), st.text("0123456789 of", max_size=40), st.integers(1, 120))
def test_fitted(what: str, figures: str, columns: int) -> None:
    text = fitted(what, figures, columns)
    assert len(text) < columns
    assert text == f"{what}: {figures}" or "..." in text or len(figures) + 5 >= columns - 1


def test_a_terminal_that_does_not_tell_its_width(terminal: MakeTerminal) -> None:
    screen = terminal(0)
    with Steps(1) as steps:
        steps.step("x" * 500)
    assert screen.lines() == ["x" * 68 + "...: 1 of 1", ""]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_no_line(error: type[BaseException], terminal: MakeTerminal) -> None:
    screen = terminal()
    with pytest.raises(error), Steps(2) as steps:
        steps.step("x")
        raise error
    assert screen.lines() == ["x: 1 of 2", ""]


def test_a_terminal_that_has_gone_is_no_error(terminal: MakeTerminal, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal()

    def gone(text: str) -> int:
        raise OSError(5, "Input/output error")

    with Steps(2) as steps:
        monkeypatch.setattr(sys, "stderr", Gone(screen.stderr, gone))
        steps.step("x")
        steps.step("y")


class Gone:
    """Standard error of which nothing is left but that it was a terminal."""

    def __init__(self, stderr: Any, write: Callable[[str], int]) -> None:
        self.encoding, self.fileno, self.flush, self.write = "utf-8", stderr.fileno, stderr.flush, write


def all_of(clock: Clock, stream: Any) -> None:
    """Say everything that can be said."""
    shown: list[Progress] = [
        Steps(2, "a", clock),
        Parallel(2, "b", "c", clock),
        ReadingProgress([stream], "d", "e", clock),
    ]
    clock.now += 9
    steps, parallel, reading = shown
    assert isinstance(steps, Steps) and isinstance(parallel, Parallel) and isinstance(reading, ReadingProgress)
    steps.step("x")
    parallel.update(1, "y")
    reading.update(3)
    for each in shown:
        each.end()


@pytest.mark.parametrize("where", ["terminal", "file", "dumb", "closed", "nowhere"])
def test_only_a_terminal_is_told(
    where: str, terminal: MakeTerminal, half_read: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    screen = terminal()
    if where == "dumb":
        monkeypatch.setenv("TERM", "dumb")
    with (tmp_path / "err").open("w") as file:
        if where in ("file", "nowhere"):
            monkeypatch.setattr("sys.stderr", file if where == "file" else None)
        if where == "closed":
            (closed := io.StringIO()).close()
            monkeypatch.setattr("sys.stderr", closed)
        all_of(Clock(), half_read)
    assert (tmp_path / "err").read_text() == ""
    assert len(screen.lines()) == (6 if where == "terminal" else 0)


# --- the verbs ------------------------------------------------------------------------------------------------------

VERBS: dict[str, list[str]] = {
    "prove": ["proving fine: 1 of 2", "proving even: 2 of 2, about"],
    "audit": ["auditing A: 1 of 2", "auditing D: 2 of 2, about"],
    "ambiguities": ["comparing strict with lax of A: 1 of 1"],
    "diff": ["comparing A: 1 of 2", "comparing D: 2 of 2, about"],
    "explain A": [
        "A, needed by fine?: 1 of 4",
        "A, needed by even?: 2 of 4, about",
        "A, a trace that keeps it: 3 of 4, about",
        "A, a trace that breaks it: 4 of 4, about",
    ],
    "explain plain": ["plain, steps: 1 of 2", "plain, flags and addresses: 2 of 2, about"],
}


def arguments(verb: str, spec: str) -> list[str]:
    if verb == "diff":
        changed = Path(spec).with_name("other.spec")
        text = SPEC.replace("ready and n < 5", "ready and n < 6").replace(
            "(name = plain) only if", "(name = long) only if"
        )
        changed.write_text(text, "utf-8")
        return [verb, spec, str(changed)]
    return [*verb.split(), "--spec", spec]


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_on_a_terminal(verb: str, spec: str, terminal: MakeTerminal, capsys: pytest.CaptureFixture[str]) -> None:
    screen = terminal(60)
    assert main(arguments(verb, spec)) in (0, 1, 3)
    *shown, last = screen.lines()
    assert last == "" and all(len(text) < 60 for text in shown)
    for wanted in VERBS[verb]:
        assert any(text.startswith(wanted) for text in shown), shown
    assert capsys.readouterr().out


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt, INTERRUPTED), (ArithmeticError, INTERNAL_ERROR)])
def test_verbs_that_are_interrupted(
    verb: str, error: type[BaseException], code: int, spec: str, terminal: MakeTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("mipcheck.model.prover.prove.Proofs.verdict", fail)
    monkeypatch.setattr(audit, "broken_in", fail)
    monkeypatch.setattr(Partings, "find", fail)
    monkeypatch.setattr(mode_page, "trace_text", fail)
    monkeypatch.setattr("mipcheck.model.prover.prove.Proofs.needed", fail)
    monkeypatch.setattr("mipcheck.model.prover.modes.Mode.facts", fail)
    screen = terminal()
    assert main(arguments(verb, spec)) == code
    shown, said = screen.text().split(CLEAR)[-2:]
    assert " of " in shown
    assert said.startswith("mipcheck: internal error") if code == INTERNAL_ERROR else said == ""


@pytest.mark.slow
@pytest.mark.parametrize("interrupted", [False, True])
def test_a_fleet(
    interrupted: bool, terminal: MakeTerminal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def check_all(
        client: object, job: Job, todo: list[File], done: Callable[[FileOutcome], None], tick: Callable[[], None]
    ) -> None:
        for file, verdict in zip(todo, ("violation", "conformant"), strict=True):
            done(FileOutcome(file, "checked", verdict=verdict))
            tick()
            if interrupted:
                raise KeyboardInterrupt

    monkeypatch.setattr(progress, "_PAUSE", -1)
    monkeypatch.setattr(fleet_cluster, "connected", lambda *_: nullcontext())
    monkeypatch.setattr(fleet_cluster, "check_all", check_all)
    screen = terminal()
    assert main(["fleet", str(TRACES / "joined-late.log"), str(TRACES / "late-reply.log")]) == (
        130 if interrupted else 1
    )
    *shown, last = screen.lines()
    assert [text.split(" files")[0] for text in shown] == ["checking: 1 of 2", "checking: 2 of 2"][: 2 - interrupted]
    assert all(text.endswith(" s left, 1 with violations") for text in shown) and last == ""
    assert capsys.readouterr().out


@pytest.mark.parametrize("error", [KeyboardInterrupt, ArithmeticError])
def test_a_reading_that_is_interrupted(
    error: type[BaseException], terminal: MakeTerminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The line is cleared before it is said what was wrong, even if it is the replay that fails."""
    clock, made = Clock(), []

    class Shown(ReadingProgress):
        def __init__(self, streams: Any, name: str, unit: str) -> None:
            super().__init__(streams, name, unit, clock)
            made.append(self)
            clock.now += 5

    def fail(*_: object) -> None:
        made[-1].update(3)
        raise error

    monkeypatch.setattr(progress, "ReadingProgress", Shown)
    native_from(monkeypatch, LOGS, 1)
    monkeypatch.setattr("mipcheck.checker.observe.columns.NativeObserver.take", fail)
    screen = terminal()
    main([str(TRACES / "iha-fifty-nodes.log")])
    shown, said = screen.text().split(CLEAR)[1:]
    assert "3 events, 1/s" in shown
    assert said.startswith("mipcheck: internal error") if error is ArithmeticError else said == ""
