"""What only the log of another program tells decides what a capture beside it shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from mipcheck import check
from mipcheck.checker.check.report import Report

from making.paths import ROOT

CAPTURE = ROOT / "traces" / "captures" / "inside.pcapng"
SITE = CAPTURE.with_suffix(".toml")


def journal(*lines: tuple[str, str]) -> str:
    """A journal's listing, in which NetworkManager says something at times of the capture's day."""
    said = "".join(f"Nov 23 {at} laptop NetworkManager[790]: <info>  {text}\n" for at, text in lines)
    return f"Nov 23 22:47:00.000000 laptop kernel: something else\n{said}"


def judged(tmp_path: Path, *lines: tuple[str, str]) -> Report:
    log = tmp_path / "journal.txt"
    log.write_text(journal(*lines))
    return check([CAPTURE, log], config=SITE, maps=["journal.txt=networkmanager,year=2026,zone=UTC"])


def test_a_cable_that_was_pulled_is_told_by_the_log_alone_and_what_was_sent_after_it_is_a_violation(
    tmp_path: Path,
) -> None:
    alone = check([CAPTURE], config=SITE)
    told = judged(
        tmp_path,
        ("22:47:49.600000", "device (eth0): carrier: link disconnected"),
        ("22:47:49.700000", "device (eth0): carrier: link connected"),
    )
    assert alone.verdict == "conformant"
    assert told.verdict == "violation"
    assert {v.rule for v in told.violations} >= {"D1"}
    assert any("journal.txt:2" in str(b.at) or "journal.txt:3" in str(b.at) for v in told.violations for b in v.because)


@pytest.mark.parametrize("at", ["22:47:48.500000", "22:48:00.600000"])
def test_a_log_that_tells_nothing_else_changes_no_verdict(tmp_path: Path, at: str) -> None:
    """It shows addresses that go away in part, and the capture none: what the capture shows stays as good."""
    told = judged(tmp_path, (at, "device (eth0): carrier: link connected"))
    alone = check([CAPTURE], config=SITE)
    assert (told.verdict, [v.rule for v in told.violations]) == (alone.verdict, [])
    held = {r.id for r in alone.rules if r.status == "held"}
    assert {r.id for r in told.rules if r.status == "held"} >= held - {"S1", "S2", "P1"}
