"""A source that has ended beside one that goes on: what only it could show accuses nobody from then on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report
from mipcheck.checker.trace.route import EVENTS, LOGS

from making.following import Pieces, followed
from making.routes import NEVER, native_from
from making.source_logs import HEAD, INSIDE, SITE

DAEMON = HEAD + SITE + INSIDE
VPN = HEAD + "source sees=ike,sa\n"
STATE = "{} - sa state=down\n"
SEES_DATA = HEAD + "source sees=data\n"
LEAK = "{} eth0 data dir=out protection=none bytes=400 stack=ip/ip\n"


Told = Callable[..., Report]


@pytest.fixture(params=["line by line", "natively", "live"])
def report(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    def made(*texts: str) -> Report:
        paths = [tmp_path / f"{name}.log" for name, _ in zip(("daemon", "other", "third"), texts, strict=False)]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text, "utf-8")
        if request.param == "live":
            return followed([Pieces(str(path), [path.read_bytes()]) for path in paths])[0]
        for kind in (LOGS, EVENTS):
            native_from(monkeypatch, kind, 0 if request.param == "natively" else NEVER)
        return check(paths)

    return made


def status(found: Report) -> dict[str, str]:
    return {r.id: r.status for r in found.rules}


def test_what_is_owed_after_the_end_of_the_only_log_that_could_show_it(report: Told) -> None:
    found = report(DAEMON, VPN + STATE.format("0.5") + STATE.format("300.0"))
    assert found.verdict == "inconclusive"
    assert status(found)["M1"] == status(found)["P6"] == "inconclusive"
    [why] = [r.why for r in found.rules if r.id == "M1"]
    assert "daemon.log has ended, and no rrq can be seen in other.log" in why


def test_what_was_owed_before_stays(report: Told) -> None:
    alive = "40.000000 wlan0 link state=down\n"
    found = report(DAEMON + alive, VPN + STATE.format("0.5") + STATE.format("300.0"))
    assert status(found)["M1"] == "violated"
    assert status(found)["P6"] == "inconclusive"


def test_another_that_shows_it_goes_on(report: Told) -> None:
    other = HEAD + "source sees=link,coa,rrq,rrp,data\n300.000000 wlan0 link state=down\n"
    found = report(DAEMON, other)
    assert status(found)["M1"] == "violated"


def test_plaintext_long_after_the_end(report: Told) -> None:
    found = report(DAEMON, SEES_DATA + LEAK.format("1.5") + LEAK.format("90.0"))
    assert found.verdict == "inconclusive"
    assert status(found)["M2"] == "inconclusive"


def test_plaintext_just_after_the_last_line_of_both(report: Told) -> None:
    """They were stopped together; of each the last line came some time before."""
    down = "5.000000 eth0 link state=down\n6.000000 eth0 link state=up\n"
    found = report(DAEMON + down, SEES_DATA + LEAK.format("1.5") + LEAK.format("8.0"))
    assert found.verdict == "violation"
    assert status(found)["D1"] == "violated"


def test_what_the_one_that_goes_on_shows_by_itself(report: Told) -> None:
    """A rule of the VPN alone is judged on."""
    start = "{} wlan0 ike phase=start src=198.51.100.100 dst=192.0.2.1\n"
    alone = status(report(VPN + SITE + STATE.format("0.5") + start.format("200.0")))
    both = status(report(DAEMON, VPN + STATE.format("0.5") + start.format("200.0")))
    assert both["V3"] == alone["V3"] == "inconclusive"
