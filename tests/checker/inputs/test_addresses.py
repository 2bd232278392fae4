"""Addresses that the trace makes plain are used, and the report says so."""

from __future__ import annotations

from pathlib import Path

from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report

LOG = """mipcheck-trace 1
site iha=10.1.0.2 xha=198.51.100.2 boot=true{more}
0.1 eth0 rrq to=xha path=direct coa=203.0.113.20 flags=DT lifetime=600 id=1 home=198.51.100.100
0.2 eth0 rrp from=xha path=direct code=0 lifetime=600 id=1 auth=ok
0.3 eth0 rrq to=iha path=direct coa=203.0.113.20 flags=DT lifetime=600 id=2 home={second}
0.4 eth0 ike phase=start src={source} dst=192.0.2.1
"""


def report(folder: Path, source: str, second: str = "10.1.0.100", more: str = "") -> Report:
    log = folder / "trace.log"
    log.write_text(LOG.format(source=source, second=second, more=more), "utf-8")
    return check([log])


def test_the_home_address_of_a_request_is_known(tmp_path: Path) -> None:
    found = report(tmp_path, "198.51.100.100")
    assert {r.id: r.status for r in found.rules}["V4"] == "held"
    assert any("xhoa is taken to be 198.51.100.100" in n for n in found.notes)
    assert {r.id: r.status for r in report(tmp_path, "203.0.113.20").rules}["V4"] == "violated"


def test_what_the_site_says_stands(tmp_path: Path) -> None:
    found = report(tmp_path, "198.51.100.100", more=" xhoa=198.51.100.7")
    assert {r.id: r.status for r in found.rules}["V4"] == "violated"
    assert not any("xhoa" in n for n in found.notes)


def test_contradicting_events_make_nothing_plain(tmp_path: Path) -> None:
    log = tmp_path / "trace.log"
    text = LOG.format(source="198.51.100.100", second="10.1.0.100", more="")
    line = "0.25 eth0 rrq to=xha path=direct coa=203.0.113.20 flags=DT lifetime=600 id=3 home=198.51.100.9"
    log.write_text(text.replace("0.3 eth0", line + "\n0.3 eth0"), "utf-8")
    assert {r.id: r.status for r in check([log]).rules}["V4"] == "inconclusive"
