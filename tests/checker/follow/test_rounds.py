"""Captures are judged while they grow, as a whole: what stands is said, and in the end it is the report on the file."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mipcheck.checker.check.check import check, check_open
from mipcheck.checker.check.report import Report
from mipcheck.checker.follow.judge import Said
from mipcheck.checker.follow.rounds import Rounds
from mipcheck.checker.inputs.opening import OpenInput
from mipcheck.checker.inputs.settle import over_logs
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
