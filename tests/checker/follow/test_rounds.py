"""Captures are judged while they grow, as a whole: what stands is said, and in the end it is the report on the file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from mipcheck.checker.check.check import check, check_open
from mipcheck.checker.check.report import Report
from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.follow.follow import Follower, Wishes
from mipcheck.checker.follow.growing import Growing, Means
from mipcheck.checker.follow.judge import Said
from mipcheck.checker.follow.rounds import Rounds
from mipcheck.checker.follow.tail import CaptureGrows, Tail
from mipcheck.checker.inputs.opening import Mapped, OpenInput
from mipcheck.checker.inputs.settle import over_logs
from mipcheck.checker.maps.library import use_of
from mipcheck.checker.trace.vocabulary import vocabulary_of

from making.following import DRAFT
from making.paths import ROOT

CAPTURES = ROOT / "traces" / "captures"
LOSS, SITE = CAPTURES / "loss-ignored.pcapng", str(CAPTURES / "loss-ignored.toml")


def rounds(path: Path, said: list[Said], grace: float = 0.0) -> Rounds:
    vocabulary = vocabulary_of(DRAFT)

    def judged(opened: list[OpenInput]) -> Report:
        return check_open(opened, DRAFT, vocabulary, over_logs(vocabulary, SITE, {}), {})

    return Rounds([str(path)], {}, judged, said.append, grace, False, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("places", [[11, 400, 20_000], [30_000, 30_001, 34_000]])
def test_a_capture_in_pieces_comes_to_the_report_on_the_whole(tmp_path: Path, places: list[int]) -> None:
    data, path, said = LOSS.read_bytes(), tmp_path / "x.pcapng", list[Said]()
    path.write_bytes(b"")
    run = rounds(path, said)
    for place in places:
        path.write_bytes(data[:place])
        run._round([place], final=False)
    path.write_bytes(data)
    report, whole = run._round([len(data)], final=True), check(str(LOSS), spec=DRAFT, config=SITE)
    assert report is not None
    assert [v.message for v in report.violations] == [v.message for v in whole.violations]
    assert (report.verdict, report.rules, report.reasons) == (whole.verdict, whole.rules, whole.reasons)
    stands = [s.violation.time for s in said if not s.why]
    assert sorted(stands) == sorted([v.time for v in whole.violations] + [s.violation.time for s in said if s.why])


def test_a_finding_is_said_when_it_has_stood_for_the_grace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("mipcheck.checker.follow.rounds.time.monotonic", lambda: now)
    said: list[Said] = []
    run = rounds(LOSS, said, grace=2.0)
    size = LOSS.stat().st_size
    run._round([size], final=False)
    assert said == []
    now = 102.5
    run._round([size], final=False)
    assert [s.violation.rule for s in said] == ["M2", "M2"]
    run._round([size], final=True)
    assert len(said) == 2


@pytest.mark.slow
def test_a_capture_from_a_pipe_is_judged_while_it_comes() -> None:
    command = [
        sys.executable,
        "-m",
        "mipcheck",
        "--follow",
        "-",
        "--config",
        SITE,
        "--format",
        "jsonl",
        "--grace",
        "1ms",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(LOSS.read_bytes())
        process.stdin.flush()
        first = json.loads(process.stdout.readline())  # the pipe is open still
        assert (first["kind"], first["rule"]) == ("finding", "M2")
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read().decode().splitlines()
        process.stdin.close()
    assert process.returncode == 1
    assert json.loads(rest[-1])["verdict"] == "violation"


def test_nothing_is_lost_of_a_log_that_began_before_the_capture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read of another pipe goes to the rounds with it; a pipe of which lines were taken is refused."""
    log, vocabulary = str(tmp_path / "log"), vocabulary_of(DRAFT)
    os.mkfifo(log)
    pipe = os.open(log, os.O_RDWR)
    given: list[dict[str, tuple[Tail, bytes]]] = []

    class Noted(Rounds):
        def __init__(self, paths: Any, begun: Any, *rest: Any) -> None:
            given.append(begun)
            self._inputs = []

        def run(self) -> Any:
            return "the report"

    monkeypatch.setattr("mipcheck.checker.follow.follow.Rounds", Noted)

    def followed() -> Any:
        over = over_logs(vocabulary, SITE, {})
        return Follower([log, str(LOSS)], DRAFT, vocabulary, over, Wishes({}), lambda said: None).run()

    os.write(pipe, b"mip")  # no line yet
    assert followed() == "the report"
    assert [(path, data) for path, (_, data) in given[0].items()] == [(log, b"mip")]
    os.write(pipe, b"mipcheck-trace 1\n")
    with pytest.raises(UsageError, match="is a pipe beside a capture"):
        followed()
    os.close(pipe)


def test_who_asked_to_stop_before_the_first_bytes_need_not_ask_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the capturing program still has to say when Ctrl-C ends it, too, is judged, and that is all."""
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    pipe = os.open(path, os.O_RDWR)

    class Noted(Rounds):
        def run(self) -> Any:
            return self._stop

    monkeypatch.setattr("mipcheck.checker.follow.follow.Rounds", Noted)
    over, before = over_logs(vocabulary_of(DRAFT), SITE, {}), threading.active_count()
    for asks in (False, True):
        follower = Follower([path], DRAFT, vocabulary_of(DRAFT), over, Wishes({}), lambda said: None)

        def waits(seconds: float, follower: Follower = follower, asks: bool = asks) -> None:
            if asks:
                follower._ask_to_stop()
            os.write(pipe, LOSS.read_bytes()[:100])

        monkeypatch.setattr(follower, "_wait", waits)
        stopped: object = follower.run()
        assert stopped is asks
        # Whoever reads on takes what is for the next one, under the same number.
        assert threading.active_count() == before
    os.close(pipe)


def test_a_map_for_all_that_needs_one_is_none_for_a_capture() -> None:
    vocabulary = vocabulary_of(DRAFT)
    growing = Growing("x", "x", Mapped(use_of("charon", vocabulary), False), None)
    with pytest.raises(CaptureGrows):
        growing.feed(Path(LOSS).read_bytes()[:100], Means(vocabulary, None, False, None))
    assert growing.head == Path(LOSS).read_bytes()[:100]


@pytest.mark.parametrize("both", [False, True])
def test_a_capture_that_is_rotated_is_complete_and_so_is_what_is_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], both: bool
) -> None:
    """It was read from for ever, while nothing that was written to the file with its name was."""
    path, log = tmp_path / "x.pcapng", tmp_path / "x.log"
    path.write_bytes(LOSS.read_bytes())
    log.write_text("mipcheck-trace 1\n2025-11-03T09:14:02Z - resume\n")
    said: list[Said] = []
    run = rounds(path, said)
    if both:
        run = Rounds([str(path), str(log)], {}, run._judge, said.append, 0.0, False, None)
    rotated = log if both else path
    rotated.rename(tmp_path / "old")
    rotated.write_bytes(b"")
    assert not run._is_complete()
    rotated.write_bytes(LOSS.read_bytes()[:100])
    report = run.run()
    assert report.inputs[0].frames == check(str(LOSS), spec=DRAFT, config=SITE).inputs[0].frames
    assert f"{rotated}: another file has taken its place" in capsys.readouterr().err
