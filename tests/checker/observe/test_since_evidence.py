"""What a trace tells limits what it does not: plaintext that goes on without a request is forbidden."""

from __future__ import annotations

from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report
from mipcheck.checker.trace.route import EVENTS, LOGS

from making.routes import both_ways
from making.source_logs import HEAD, SITE

LATE = SITE.replace(" boot=true", "")
ASKED = "{} eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=600 id=0x{}\n"
GRANTED = "{} eth0 rrp from=iha path=direct code=0 lifetime=600 id=0x{} auth=ok\n"
GAP = "{} {} gap reason=drops\n"


def plain(*times: float, interface: str = "eth0") -> str:
    return "".join(f"{t:.1f} {interface} data dir=out protection=none stack=ip/ip\n" for t in times)


def found(folder: Path, monkeypatch: pytest.MonkeyPatch, *texts: str) -> Report:
    """Check logs one by one and in columns, which has to come to the same."""
    paths = [folder / f"{n}.log" for n, _ in enumerate(texts)]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, "utf-8")
    return both_ways(monkeypatch, lambda: check(paths), LOGS, EVENTS)


@pytest.mark.parametrize(
    ("events", "first"),
    [
        (plain(0.5, 30, 60.4), None),
        (plain(0.5, 30, 60.6, 70), 60.6),
        # As long as a request may have been accepted nobody knows.
        (plain(0.5, 30) + ASKED.format(50, 7) + plain(70, 109), None),
        (plain(0.5, 30) + ASKED.format(50, 7) + plain(70, 109, 110.1), 110.1),
        (plain(0.5, 30) + ASKED.format(50, 7).replace("lifetime=600 ", "") + plain(70, 109), None),
        (plain(0.5, 30) + GRANTED.format(50, 7) + plain(60), None),
        (
            plain(0.5)
            + ASKED.format(20, 7)
            + GRANTED.format(21, 7)
            + plain(61, 79)
            + GAP.format(79.5, "eth0")
            + plain(80.6),
            None,
        ),
        (plain(0.5, 40) + GAP.format(50, "eth0") + plain(70, 109.9), None),
        (plain(0.5, 40) + GAP.format(50, "-") + plain(70, 110.1), 110.1),
        # An interface of which something is told later is not known for longer than that.
        (plain(0.5, 50, interface="wlan0") + plain(70, 120), None),
        (plain(0.5, 50, interface="wlan0") + plain(70, 131), 131),
        # A request that is told without an interface may have been sent on any.
        (plain(0.5, 40) + ASKED.format(50, 7).replace("eth0", "-") + plain(70, 120, 180), None),
        (plain(0.5, 40) + ASKED.format(50, 7).replace("eth0", "-") + plain(70, 120, 180, interface="wlan0"), None),
        ("source resolution=1s\n" + plain(1, 40) + ASKED.format(50, 7).replace("eth0", "-") + plain(70, 120), None),
        (plain(0.5, 40) + ASKED.format(50, 7).replace("eth0", "wlan0") + plain(70), 70),
        ("source sees=data,link\n" + plain(0.5, 100), None),
        ("source sees=rrq~,rrp,data\n" + plain(0.5, 100), None),
        ("source sees=rrq,rrp,data\n" + plain(0.5, 100), 100),
        ("source resolution=1s\n" + plain(1, 61), None),
        ("source resolution=1s\n" + plain(1, 63), 63),
    ],
)
def test_a_log_that_begins_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, events: str, first: float | None
) -> None:
    head, _, rest = events.partition("\n") if events.startswith("source") else ("", "", events)
    report = found(tmp_path, monkeypatch, HEAD + (head + "\n" if head else "") + LATE + rest)
    assert report.verdict == ("inconclusive" if first is None else "violation")
    assert [(v.rule, v.time / 10**9) for v in report.violations] == ([] if first is None else [("M2", first)])


def test_whether_it_was_inside_nobody_has_to_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = found(tmp_path, monkeypatch, HEAD + LATE + plain(0.5, 70))
    assert {r.id: r.status for r in report.rules}["D1"] == "inconclusive"
    (violation,) = report.violations
    assert violation.because[0].at is not None and violation.because[0].at.line == 3


def test_where_it_is_seen_not_to_be_inside_it_is_told_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = "0.5 eth0 link state=up\n" + plain(1, 70)
    assert "M2" not in {v.rule for v in found(tmp_path, monkeypatch, HEAD + LATE + gone).violations}


def test_of_several_logs_nobody_knows_when_the_last_one_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One may have been begun late, and only it would show the requests."""
    daemon = HEAD + ASKED.format(100, 7) + GRANTED.format(101, 7)
    assert found(tmp_path, monkeypatch, HEAD + LATE + plain(0.5, 70), daemon).verdict == "inconclusive"


def test_what_was_lost_may_have_been_a_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = "0 eth0 gap count=3 from=start to=end\n"
    assert found(tmp_path, monkeypatch, HEAD + LATE + lost + plain(0.5, 70)).verdict == "inconclusive"
