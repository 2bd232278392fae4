"""What real captures do to naive checkers, as far as it is a matter of verdicts; each lesson has a test of its own.

Elsewhere: frames out of order, copies on tunnel devices, cooked captures, ICMP that quotes, forms of plaintext, upkeep
and offload are in test_capture_events and test_capture_layers, where packets are.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from mipcheck.checker.run import Report, check

SITE = """mipcheck-trace 1
site iha=10.1.0.2 xha=198.51.100.2 vpn=192.0.2.1 ihoa=10.1.0.100 xhoa=198.51.100.100 t_reregister=3s t_stop=6.1s
0.0 eth0 link state=up
0.1 eth0 coa kind=colocated addr=10.1.7.20
"""
ASKED = """0.2 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=10 id=0xa1
0.3 eth0 rrq to=xha path=direct coa=10.1.7.20 flags=DT lifetime=10 id=0xa2
"""
ACCEPTED = "0.4 eth0 rrp from=iha path=direct code=0 lifetime=10 id=0xa1 auth=ok\n"
X_ACCEPTED = "0.5 eth0 rrp from=xha path=direct code=0 lifetime=10 id=0xa2 auth=ok\n"
DATA = "{} eth0 data dir=out protection=none bytes=900 stack=ip/ip\n"


@pytest.fixture
def replay(tmp_path: Path):  # type: ignore[no-untyped-def]
    def run(*lines: str) -> Report:
        log = tmp_path / "trace.log"
        log.write_text(SITE + "".join(lines), "utf-8")
        return check([log])

    return run


def broken(report: Report) -> set[str]:
    return {v.rule for v in report.violations}


def test_a_reply_counts_on_the_interface_of_its_request(replay) -> None:  # type: ignore[no-untyped-def]
    """Direct and through the VPN, home address and home agent are the same: identification and path tell them apart."""
    vpn = "0.25 eth0 sa state=up\n0.3 eth0 rrq to=iha path=vpn coa=10.9.9.9 flags=DT lifetime=10 id=0xa3\n"
    asked = ASKED.splitlines(keepends=True)[0] + vpn
    through = "0.4 eth0 rrp from=iha path=vpn code=0 lifetime=10 id=0xa3 auth=ok\n"
    assert "D1" in broken(replay(asked, through, DATA.format("0.6")))
    elsewhere = ACCEPTED.replace("eth0", "wlan0")
    assert "D1" in broken(replay(ASKED, "0.35 wlan0 link state=up\n", elsewhere, X_ACCEPTED, DATA.format("0.6")))
    assert broken(replay(ASKED, ACCEPTED, DATA.format("0.6"))) == set()


def test_a_late_rejection_of_an_older_request_changes_nothing(replay) -> None:  # type: ignore[no-untyped-def]
    late = "0.5 eth0 rrp from=iha path=direct code=78 lifetime=0 id=0x99 auth=absent\n"
    assert broken(replay(ASKED, ACCEPTED, late, DATA.format("0.6"))) == set()


def test_identical_retransmissions_are_answered_together(replay) -> None:  # type: ignore[no-untyped-def]
    """The reply may answer the first of them: what it proves is as old as that."""
    again = "1.2 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=10 id=0xa1\n"
    answer = ACCEPTED.replace("0.4", "1.3")
    renew = "4.0 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=10 id=0xa4\n"
    assert broken(replay(ASKED, again, answer, renew, DATA.format("6.3"))) == set()
    assert broken(replay(ASKED, again, answer, renew, DATA.format("6.301"))) == {"M2"}


def test_a_133_with_the_same_identification_is_no_success(replay) -> None:  # type: ignore[no-untyped-def]
    mismatch = ACCEPTED.replace("code=0", "code=133")
    assert "D1" in broken(replay(ASKED, mismatch, X_ACCEPTED, DATA.format("0.6")))


def test_the_external_home_agent_proves_nothing(replay) -> None:  # type: ignore[no-untyped-def]
    """It answers from inside as well, through the firewall."""
    assert broken(replay(ASKED, X_ACCEPTED, DATA.format("0.6"))) == {"D1"}
    assert broken(replay(ASKED, X_ACCEPTED, ACCEPTED.replace("0.4", "0.6"), DATA.format("0.7"))) == set()


def test_a_withdrawal_may_follow_at_once(replay) -> None:  # type: ignore[no-untyped-def]
    """And ends what is owed; its reply is no registration."""
    leave = "0.9 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=0 id=0xa5\n"
    left = "1.0 eth0 rrp from=iha path=direct code=0 lifetime=0 id=0xa5 auth=ok\n"
    assert broken(replay(ASKED, ACCEPTED, leave, left, "30.0 eth0 link state=down\n")) == set()


def test_data_may_run_past_a_lifetime_while_a_refresh_is_pending(replay) -> None:  # type: ignore[no-untyped-def]
    asked, accepted = ASKED.replace("lifetime=10", "lifetime=2"), ACCEPTED.replace("lifetime=10", "lifetime=2")
    refresh = "2.1 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=2 id=0xa6\n"
    assert broken(replay(asked, accepted, refresh, DATA.format("2.6"))) == set()


def test_movement_shows_as_a_new_care_of_address(replay) -> None:  # type: ignore[no-untyped-def]
    """A capture shows no link event; a move that shows as nothing is bounded by t_stop alone."""
    moved = "1.0 eth0 coa kind=colocated addr=203.0.113.20\n"
    assert {"D1", "S1"} <= broken(replay(ASKED, ACCEPTED, moved, DATA.format("1.1")))
    asked = "3.3 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=10 id=0xa7\n"
    assert broken(replay(ASKED, ACCEPTED, asked, DATA.format("6.2"))) == set()
    assert broken(replay(ASKED, ACCEPTED, asked, DATA.format("6.4"))) == {"M2"}
