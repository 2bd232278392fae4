"""What a node that sleeps owes, what one that began anew knows, and what an address that goes away ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report, Violation

from making.both_ways import assert_same

SITE = "site iha=10.1.0.2 xha=198.51.100.2 vpn=192.0.2.1 ihoa=10.1.0.100 xhoa=198.51.100.100"
UP = "0 eth0 link state=up\n0.1 eth0 coa kind=colocated addr=10.1.7.20\n"
PLAIN = "eth0 data dir=out protection=none stack=ip/ip"


def _registered(at: float, number: int, interface: str = "eth0") -> str:
    keys = f"path=direct lifetime=60 id={number:#x}"
    return (
        f"{at:.3f} {interface} rrq to=iha coa=10.1.7.20 flags=T {keys}\n"
        f"{at + 0.1:.3f} {interface} rrp from=iha code=0 auth=ok {keys}\n"
    )


def _report(tmp_path: Path, text: str, site: str = "", **more: str) -> Report:
    path = tmp_path / "x.log"
    path.write_text(f"mipcheck-trace 1\n{SITE} {site}\n{text}")
    assert_same(path, **more)  # type: ignore[arg-type]
    return check(path, **more)  # type: ignore[arg-type]


def _broken(report: Report) -> list[tuple[str, float]]:
    return [(v.rule, v.time / 1e9) for v in report.violations]


def _status(report: Report, rule: str) -> str:
    return next(r.status for r in report.rules if r.id == rule)


def _one(report: Report, rule: str) -> Violation:
    return next(v for v in report.violations if v.rule == rule)


# --- sleep ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_is_owed_waits_while_the_node_sleeps(tmp_path: Path) -> None:
    text = (
        UP + _registered(1, 1) + "6 - suspend\n3606 - resume\n" + _registered(3621, 2) + "3622 eth0 link state=down\n"
    )
    report = _report(tmp_path, text, "boot=true")
    assert report.verdict == "conformant", _broken(report)
    assert any("while the node sleeps (once, 3600 s in all)" in note for note in report.notes)


def test_it_is_owed_later_by_as_long_as_it_slept_and_no_longer(tmp_path: Path) -> None:
    # The interval began at 6 (the end of detection); 20 s, 1 s of slack, 3600 s of sleep.
    for last, expected in ((3626.9, []), (3627.1, [("M1", 3627.0)])):
        text = (
            UP + _registered(1, 1) + "6 - suspend\n3606 - resume\n" + _registered(last, 2) + f"{last + 1} - restart\n"
        )
        report = _report(tmp_path, text, "boot=true")
        assert _broken(report) == expected
    assert "3600 s do not count: while the node sleeps, no obligation runs" in _one(report, "M1").wrong


def test_several_short_sleeps_add_up(tmp_path: Path) -> None:
    naps = "".join(f"{7 + 100 * n} - suspend\n{106 + 100 * n} - resume\n" for n in range(5))
    for last, expected in ((521.9, []), (522.1, [("M1", 522.0)])):
        report = _report(
            tmp_path, UP + _registered(1, 1) + naps + _registered(last, 2) + f"{last + 1} - restart\n", "boot=true"
        )
        assert _broken(report) == expected


def test_trust_runs_out_in_its_sleep(tmp_path: Path) -> None:
    text = UP + _registered(1, 1) + f"6 - suspend\n61.5 - resume\n62 {PLAIN}\n"
    report = _report(tmp_path, text, "boot=true")
    assert _broken(report) == [("M2", 62.0)]


def test_what_was_overdue_before_stays_so(tmp_path: Path) -> None:
    text = UP + _registered(1, 1) + "30 - suspend\n3606 - resume\n" + _registered(3607, 2)
    assert ("M1", 27.0) in _broken(_report(tmp_path, text, "boot=true"))


def test_who_does_not_say_that_it_falls_asleep_has_slept_since_it_was_last_heard(tmp_path: Path) -> None:
    text = UP + _registered(1, 1) + "3606 - resume\n" + _registered(3621, 2) + "3622 eth0 link state=down\n"
    assert _report(tmp_path, text, "boot=true").verdict == "conformant"
    again = text.replace("3606 -", "3606 - resume\n3606.5 -")
    assert _report(tmp_path, again, "boot=true").verdict == "conformant"


ADVERT = "wlan0 advert agent=192.168.7.1 coa=192.168.7.1"
AWAKE = (
    "wlan0 solicit", "eth0 rrq to=iha path=direct lifetime=60 id=0x9 coa=10.1.7.20", f"{PLAIN} scope=other",
    "wlan0 coa kind=colocated addr=10.1.8.1", "eth0 ike phase=start src=10.1.7.20 dst=192.0.2.1",
    "eth0 rrq to=iha path=direct id=0x9 coa=10.1.7.20",
)  # fmt: skip
SILENT = (
    ADVERT, "eth0 rrq to=iha path=direct lifetime=0 id=0x9 coa=10.1.7.20",
    "eth0 data dir=in protection=none scope=other",
    "eth0 ike phase=deleted src=10.1.7.20 dst=192.0.2.1", "wlan0 link state=up",
)  # fmt: skip


def test_of_who_never_says_that_it_woke_nobody_knows_what_it_owed(tmp_path: Path) -> None:
    """It may have woken at any time, and been late; but nothing shows that it has."""
    asleep = UP + _registered(1, 1) + "6 - suspend\n"
    assert _report(tmp_path, asleep, "boot=true").verdict == "conformant"
    assert _report(tmp_path, asleep + f"27 {ADVERT}\n", "boot=true").verdict == "conformant"  # it is due by 27
    report = _report(tmp_path, asleep + f"27.1 {ADVERT}\n", "boot=true")
    assert (report.verdict, _status(report, "M1"), _broken(report)) == ("inconclusive", "inconclusive", [])
    assert "the trace does not tell when that was over" in next(r.why for r in report.rules if r.id == "M1")


@pytest.mark.sampled(3)
@pytest.mark.parametrize("shown", AWAKE)
def test_who_does_anything_is_awake(tmp_path: Path, shown: str) -> None:
    """The other interface owes detection: 30 s from its address, a second of slack, and as long as the node slept."""
    start = UP + _registered(1, 1) + "2 ppp0 link state=up\n2 ppp0 coa kind=colocated addr=10.1.9.9\n6 - suspend\n"
    for end, owed in ((133, []), (133.5, [("S2", 133.0)])):
        text = f"{start}106 {shown}\n107 {ADVERT}\n{end} ppp0 advert agent=192.168.7.1 coa=192.168.7.1\n"
        report = _report(tmp_path, text, "boot=true")
        assert [(v.rule, v.time / 1e9) for v in report.violations if v.interface == "ppp0"] == owed
        assert _status(report, "S2") == ("violated" if owed else "inconclusive")


def test_software_that_starts_is_awake(tmp_path: Path) -> None:
    text = UP + _registered(1, 1) + "6 - suspend\n6.5 - restart\n38 wlan0 advert agent=192.168.7.1 coa=192.168.7.1\n"
    assert ("S2", 37.5) in _broken(_report(tmp_path, text, "boot=true"))


@pytest.mark.parametrize("shown", SILENT)
def test_who_says_farewell_or_hears_something_may_sleep(tmp_path: Path, shown: str) -> None:
    start = UP + _registered(1, 1) + "2 ppp0 link state=up\n2 ppp0 coa kind=colocated addr=10.1.9.9\n6 - suspend\n"
    report = _report(tmp_path, f"{start}106 {shown}\n1000 {ADVERT}\n", "boot=true")
    assert (report.verdict, _broken(report)) == ("inconclusive", [])


def test_what_leaves_as_it_falls_asleep_shows_nothing(tmp_path: Path) -> None:
    start = UP + _registered(1, 1) + "6 - suspend\n"
    for last, broken in ((6.9, []), (7.1, [("M1", 28.1)])):
        report = _report(tmp_path, f"{start}{last} wlan0 solicit\n100 {ADVERT}\n", "boot=true")
        assert [f for f in _broken(report) if f[0] == "M1"] == broken


def test_an_awakening_without_a_word_is_found_in_coarse_stamps_too(tmp_path: Path) -> None:
    start = "source resolution=1s\n" + UP.replace("0.1 ", "0 ") + _registered(1, 1).replace("1.100", "1")
    text = f"{start}6 - suspend\n100 wlan0 solicit\n{{}} {ADVERT}\n"
    report = _report(tmp_path, text.format(101), "boot=true")
    assert (report.verdict, _broken(report)) == ("inconclusive", [])
    assert "M1" in {rule for rule, _ in _broken(_report(tmp_path, text.format(200), "boot=true"))}


def test_a_gap_elsewhere_leaves_the_length_of_a_sleep_unknown(tmp_path: Path) -> None:
    """What was missed on other interfaces, had the node been awake, it is not accused of."""
    text = UP + _registered(1, 1) + "6 - suspend\n3000 wlan0 gap\n3606 - resume\n" + _registered(3607, 2)
    for changed in (
        text,
        text.replace("3606 - resume\n", ""),
        text.replace("3000 wlan0 gap", f"3000 wlan0 gap\n3001 {ADVERT}"),
    ):
        report = _report(tmp_path, changed, "boot=true")
        assert (report.verdict, _broken(report)) == ("inconclusive", [])
        assert _status(report, "M1") == "inconclusive"


def test_interfaces_sleep_together(tmp_path: Path) -> None:
    # One binding at the i-HA: only the interface that registered last owes a refresh.
    other = "2 wlan0 link state=up\n2.1 wlan0 coa kind=colocated addr=10.1.7.21\n"
    text = UP + _registered(1, 1) + other + "6 - suspend\n3606 wlan0 solicit\n3607 - resume\n3660 wlan0 solicit\n"
    assert ("S2", 2.1 + 31 + 3601) in [(r, round(t, 3)) for r, t in _broken(_report(tmp_path, text, "boot=true"))]


def test_a_gap_in_its_sleep_leaves_what_was_owed_unknown(tmp_path: Path) -> None:
    text = UP + _registered(1, 1) + "6 - suspend\n100 - gap\n3607 - resume\n3700 eth0 link state=down\n"
    report = _report(tmp_path, text, "boot=true")
    assert report.verdict == "inconclusive"
    assert _status(report, "M1") == "inconclusive"


# --- starting again ---------------------------------------------------------------------------------------------------


def test_who_has_forgotten_is_inside_no_more(tmp_path: Path) -> None:
    text = UP + _registered(1, 1) + f"2 {PLAIN}\n3 - restart\n4 {PLAIN}\n"
    found = _broken(_report(tmp_path, text, "boot=true"))
    assert ("D1", 4.0) in found
    assert not [f for f in found if f[1] < 4]


@pytest.mark.slow
def test_all_interfaces_are_concerned_or_the_one_that_is_named(tmp_path: Path) -> None:
    other = "0 wlan0 link state=up\n0.1 wlan0 coa kind=colocated addr=10.1.7.21\n" + _registered(1.3, 3, "wlan0")
    for who, expected in (("-", {"eth0", "wlan0"}), ("wlan0", {"wlan0"}), ("eth0", {"eth0"})):
        text = (
            f"{UP}{other}" + _registered(1.6, 1) + f"2 {who} restart\n3 {PLAIN}\n3 {PLAIN.replace('eth0', 'wlan0')}\n"
        )
        text = "".join(f"{line}\n" for line in sorted(text.splitlines(), key=lambda line: float(line.split()[0])))
        report = _report(tmp_path, text, "boot=true")
        assert {v.interface for v in report.violations if v.rule in ("D1", "I1")} == expected


def test_what_was_owed_ends_and_detection_is_owed_anew(tmp_path: Path) -> None:
    text = UP + _registered(1, 1) + "10 - restart\n40 wlan0 solicit\n"
    assert _broken(_report(tmp_path, text, "boot=true")) == []
    assert _broken(_report(tmp_path, text + "41.2 wlan0 solicit\n", "boot=true")) == [("S2", 41.0)]


def test_a_log_that_begins_with_a_start_begins_with_a_node_that_knows_nothing(tmp_path: Path) -> None:
    text = "1 eth0 coa kind=colocated addr=10.1.7.20\n" + _registered(2, 1) + f"3 {PLAIN}\n"
    late = text.replace("1 eth0", "0 - restart\n1 eth0")
    assert _report(tmp_path, late).verdict == "conformant"
    assert _broken(_report(tmp_path, f"0 - restart\n1 {PLAIN}\n"))[0] == ("D1", 1.0)
    assert _report(tmp_path, f"1 {PLAIN}\n").verdict == "inconclusive"


# --- addresses that go away -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["", " addr=10.1.7.20"])
def test_what_goes_away_takes_the_registration_with_it(tmp_path: Path, key: str) -> None:
    text = UP + _registered(1, 1) + f"2 {PLAIN}\n3 eth0 gone{key}\n4 {PLAIN}\n"
    assert ("D1", 4.0) in _broken(_report(tmp_path, text, "boot=true"))


def test_another_address_is_none_of_its_business(tmp_path: Path) -> None:
    text = UP + _registered(1, 1) + f"3 eth0 gone addr=169.254.1.1\n4 {PLAIN}\n5 eth0 infer where=inside\n"
    assert _report(tmp_path, text, "boot=true").verdict == "conformant"


def test_the_same_one_that_comes_back_is_a_change(tmp_path: Path) -> None:
    back = UP + _registered(1, 1) + "2 eth0 gone addr=10.1.7.20\n2 eth0 coa kind=colocated addr=10.1.7.20\n"
    assert ("D1", 4.0) in _broken(_report(tmp_path, back + f"4 {PLAIN}\n", "boot=true"))
    assert ("S2", 33.0) in _broken(_report(tmp_path, back + "40 eth0 solicit\n", "boot=true"))


def test_without_an_address_nothing_has_to_be_detected(tmp_path: Path) -> None:
    report = _report(tmp_path, UP + "2 eth0 gone addr=10.1.7.20\n40 eth0 solicit\n", "boot=true")
    assert _broken(report) == []


def test_an_interface_whose_address_is_not_known_may_have_lost_it(tmp_path: Path) -> None:
    start = "0 eth0 link state=up\n"
    start += _registered(1, 1).replace("coa=10.1.7.20 flags=T ", "coa=10.1.7.20 ")  # whose address it is, is not told
    report = _report(tmp_path, start + f"2 eth0 gone addr=10.1.7.20\n3 {PLAIN}\n")
    assert report.verdict == "inconclusive"
    assert _status(report, "D1") == "inconclusive"


# --- who denies, and where the tunnel ends ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "broken"),
    [("code=131", True), ("code=131 by=ha", True), ("code=131 by=fa", False), ("code=66", False),
     ("code=66 by=fa", False), ("code=133", False)],
)  # fmt: skip
def test_a_denial_of_the_foreign_agent_ends_no_trust(tmp_path: Path, reply: str, broken: bool) -> None:
    denied = (
        "3 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=T lifetime=60 id=0x9\n"
        f"3.1 eth0 rrp from=iha path=direct lifetime=0 id=0x9 auth=ok {reply}\n"
    )
    found = _broken(_report(tmp_path, UP + _registered(1, 1) + denied + f"5 {PLAIN}\n", "boot=true"))
    assert (("M2", 5.0) in found) == broken
    assert broken or not found


def test_an_address_update_moves_the_tunnel(tmp_path: Path) -> None:
    start = (
        "0 eth0 link state=up\n0.1 eth0 coa kind=colocated addr=203.0.113.20\n"
        "0.2 eth0 rrq to=iha path=direct coa=203.0.113.20 flags=T lifetime=60 id=0x1\n"
        "0.3 eth0 rrq to=xha path=direct coa=203.0.113.20 flags=DT lifetime=600 id=0x2\n"
        "0.4 eth0 rrp from=xha path=direct code=0 lifetime=600 id=0x2 auth=ok\n"
        "3 eth0 rrq to=iha path=direct coa=203.0.113.20 flags=T lifetime=60 id=0x3\n"
        "5.5 eth0 ike phase=start src=198.51.100.100 dst=192.0.2.1 version=2\n"
        "5.6 eth0 ike phase=established src=198.51.100.100 dst=192.0.2.1\n"
        "5.6 - sa state=up tia=10.1.200.7 features=-\n"
    )
    moved = "6 eth0 ike phase=updated src=203.0.113.20 dst=192.0.2.1\n"
    asked = "6.5 eth0 rrq to=iha path=vpn coa=10.1.200.7 flags=DT lifetime=600 id=0x4\n"
    report = _report(tmp_path, start + moved + asked, "boot=true")
    assert report.verdict == "conformant", _broken(report)
