"""`--strict`: any evidence that is missing is inconclusive. And a file that changes while it is read."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.cli.main import main

from making.paths import CAPTURES, TRACES
from making.routes import native_from

checking = importlib.import_module("mipcheck.checker.check.check")
FINE = TRACES / "inside-colocated.log"
FIRST = "0.000000 eth0 link state=up\n"


@pytest.fixture(params=["in Python", "natively"])
def route(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "natively":
        native_from(monkeypatch, "logs", 0)


@pytest.mark.usefixtures("route")
def test_a_gap_that_harms_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "gap.log"
    log.write_text(FINE.read_text().replace(FIRST, f"0.000000 - gap reason=lost\n{FIRST}"))
    assert (main([str(log)]), main([str(FINE), "--strict"])) == (0, 0)
    capsys.readouterr()
    assert main([str(log), "--strict"]) == 3
    assert "- the trace has gaps" in capsys.readouterr().out


@pytest.mark.slow
def test_a_rule_that_is_no_must(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is unclear about a SHOULD leaves the verdict alone, but not a strict one."""
    log = tmp_path / "should.log"
    lines = FINE.read_text().splitlines(keepends=True)
    log.write_text("".join(line.replace(" domain=corp.example", "") for line in lines))
    for path in (log, *sorted(TRACES.glob("*.log"))):
        report, strict = check([path]), check([path], strict=True)
        unclear = [r.id for r in report.rules if r.status in ("inconclusive", "unobservable")]
        assert strict.verdict == ("inconclusive" if report.verdict == "conformant" and unclear else report.verdict)
        assert strict.violations == report.violations


def test_a_violation_stays_one() -> None:
    assert main([str(TRACES / "plaintext-after-loss.log"), "--strict"]) == 1


def test_a_cut_capture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = tmp_path / "cut.pcapng"
    capture.write_bytes((CAPTURES / "movement.pcapng").read_bytes()[:-9])
    words = [str(capture), "--config", str(CAPTURES / "movement.toml"), "--strict"]
    assert main(words) in (1, 3)
    assert "what came after it is unknown" in capsys.readouterr().out


@pytest.mark.usefixtures("route")
@pytest.mark.parametrize("name", ["inside-colocated.log", "plaintext-after-loss.log"])
def test_a_file_that_changes_while_it_is_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows what was there when: nothing is conformant, and what was seen broken stays so."""
    log = tmp_path / "x.log"
    log.write_text((TRACES / name).read_text())
    before = check([log])

    def changing(really: Any) -> Any:
        def meanwhile(*args: Any) -> Any:
            found = really(*args)
            log.write_text(log.read_text() + "# more\n")
            return found

        return meanwhile

    for name in ("read_inputs", "watch_in_bulk"):
        monkeypatch.setattr(checking, name, changing(vars(checking)[name]))
    report = check([log])
    assert report.verdict == ("inconclusive" if before.verdict == "conformant" else before.verdict)
    assert f"{log}: it was written to while it was read" in report.reasons
    assert len(report.violations) == len(before.violations)
