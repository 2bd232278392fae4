"""Logs of gateways and agents, conformant and not: each comes to what somebody says who knows the documents only."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report
from mipcheck.checker.cli.main import main
from mipcheck.model.specification.load import load

from making import both_ways
from making.device_logs import Case, read_cases
from making.paths import TESTS

SPECS = cache(load)
CASES = read_cases(TESTS / "specs" / "devices.txt")


@pytest.mark.sampled(3)
@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.role}: {c.name}")
def test_a_device_is_judged_as_the_documents_say(tmp_path: Path, case: Case) -> None:
    path = tmp_path / "x.log"
    path.write_text(case.text, "utf-8")
    report = check(str(path), spec=SPECS(case.spec))
    found = (*report.violations, *report.warnings)
    assert {v.rule for v in found} == set(case.broken), case.text
    verdict = "violation" if report.violations else "inconclusive" if case.unclear else "conformant"
    assert report.verdict == verdict, report.reasons
    if case.broken:
        assert min(v.at.line or 0 for v in found) == case.at


def test_every_rule_of_a_device_is_broken_by_one_of_the_logs() -> None:
    rules = {r for m in load().machines() if m.role in {c.role for c in CASES} for r in m.rules}
    assert rules == {r for c in CASES if c.spec == "draft-01" for r in c.broken}


def less(case: Case) -> list[tuple[str, str]]:
    """The case's log without one optional key of one kind of event, for each that it has, with the name of that."""
    machine = next(m for m in SPECS(case.spec).machines() if m.role == case.role)
    keys = [(e.name, k.name) for e in machine.events.values() for k in e.keys if k.optional]
    told = [
        (f"{event} {key}", re.sub(rf"(?m)^(\S+ \S+ {event} .*?) {key}=\S+", r"\1", case.text)) for event, key in keys
    ]
    return [(what, text) for what, text in told if text != case.text]


TOLD = {
    "fa: a care-of address that it does not offer": (
        "FA1", "coa=203.0.113.77", "flags is T, without D; coa is 203.0.113.77, not first (203.0.113.1)"),
    "fa: a pending request is answered after it was over": (
        "FA2", "rrp", "from (iha) and id (0x2) is not in pending (requests that wait for their answer)"),
    "fa: to the wrong home agent": ("FA5", "rrq", "to is xha, and not iha"),
    "vpn: a reply from nowhere while registered": (
        "GW27", "id=0xdead", "no request of its identification (0x0000dead) waits for an answer"),
}  # fmt: skip


@pytest.mark.parametrize("others", [0, 250])
@pytest.mark.parametrize("name", TOLD)
def test_what_did_not_count_is_named(tmp_path: Path, name: str, others: int) -> None:
    """However many nodes there are besides, who did something since."""
    case = next(c for c in CASES if f"{c.role}: {c.name}" == name)
    *before, last = case.text.splitlines()
    rrq = "to=iha" if case.role == "fa" else ""
    told = [
        f"{last.split()[0]} x rrq home=10.1.9.{n} {rrq} coa=10.1.9.1 flags=DT lifetime=600 id={n}"
        for n in range(others)
    ]
    path = tmp_path / "x.log"
    path.write_text("\n".join((*before, *told, last, "")), "utf-8")
    rule, shown, why = TOLD[name]
    for fast in (False, True):
        report = both_ways.report(path, fast, only=fast)
        assert isinstance(report, Report)
        (found,) = (v for v in report.violations if v.rule == rule)
        assert [(shown in m.text, m.why) for m in found.not_counted] == [(True, why)]


_REFUSED = "denied with code 129, administratively prohibited (home agent)"
_WRONG, _DENIED = "its authenticator is wrong", "denied with code 131, mobile node failed authentication (home agent)"
IHA_1 = "0 e rrq coa=10.1.7.20 flags=DT lifetime=600 id=0x1 auth=ok via=inside dynamic=no nat=no udp=no"
IHA_2 = "1 e rrq coa=10.1.7.21 flags=DT lifetime=600 id=0x2 auth=ok via=inside dynamic=no nat=no udp=no"
XHA_1 = "0 e rrq coa=203.0.113.20 lifetime=600 id=0x1 auth=ok flags=DT how=plain zot=no nat=no udp=no"
XHA_2 = "1 e rrq coa=203.0.113.66 lifetime=600 id=0x2 auth=bad flags=DT how=plain zot=no nat=no udp=no"
GRANTED = "0.1 e rrp code=0 lifetime=600 id=0x1 udp=no"
# What a device is accused of, after which events, and what did not count: part of its line, and why.
NOT_COUNTED = {
    "iha: a forged request and its denial": (
        "IH6", (IHA_1, GRANTED, IHA_2.replace("auth=ok", "auth=bad"), "1.1 e rrp code=131 lifetime=0 id=0x2 udp=no",
                "5 e tunnel coa=10.1.7.21"),
        [("auth=bad", _WRONG), ("code=131", f"{_DENIED}; it answers the request of line 5")]),
    "iha: a request that was denied, and not those for other addresses": (
        "IH7", (IHA_1, GRANTED, IHA_2, IHA_2.replace("0x2", "0x3").replace("7.21", "7.22").replace("=ok", "=bad"),
                "1.1 e rrp code=129 lifetime=600 id=0x2 udp=no", "1.2 e rrp code=131 lifetime=600 id=0x3 udp=no",
                "5 e forward coa=10.1.7.21"),
        [("code=129", f"{_REFUSED}; it answers the request of line 5")]),
    "iha: a forged request is granted": (
        "IH3", (IHA_2.replace("auth=ok", "auth=bad"), "1.1 e rrp code=0 lifetime=600 id=0x2 udp=no"),
        [("auth=bad", _WRONG)]),
    "iha: a request of another identification": (
        "IH3", (IHA_1, "1.1 e rrp code=0 lifetime=600 id=0x2 udp=no"),
        [("id=0x1", "its identification is another: 0x00000001, and not 0x00000002")]),
    "xha: a forged request and its denial": (
        "XH11", (XHA_1, f"{GRANTED} how=plain zot=no", XHA_2,
                 "1.1 e rrp code=131 lifetime=0 id=0x2 how=plain zot=no udp=no",
                 "3 e send from=peer how=wrapped carries=other fragment=no coa=203.0.113.66"),
        [("auth=bad", _WRONG), ("code=131", f"{_DENIED}; it answers the request of line 5")]),
    "xha: nobody has been registered": (
        "XH10", (XHA_1, "0.1 e rrp code=130 lifetime=600 id=0x1 how=plain zot=no udp=no",
                 "3 e send from=peer how=wrapped carries=other fragment=no coa=203.0.113.20"),
        [("code=130", "denied with code 130, insufficient resources (home agent); it answers the request of line 3")]),
    "fa: a request of another identification": (
        "FA5", ("0 e advert coa=203.0.113.1", "1 e rrq to=xha coa=203.0.113.1 flags=T lifetime=600 id=0x1",
                "1.1 e relay what=rrq from=node to=ha agent=xha id=0x2"),
        [("id=0x1", "its identification is another: 0x00000001, and not 0x00000002")]),
    "fa: a registration that was denied": (
        "FA3", ("0 e advert coa=203.0.113.1", "1 e rrq to=xha coa=203.0.113.1 flags=T lifetime=600 id=0x1",
                "1.1 e relay what=rrq from=node to=ha agent=xha", "1.2 e rrp from=xha code=129 lifetime=600 id=0x1",
                "1.3 e relay what=rrp from=ha to=node agent=xha", "2 e relay what=data from=ha to=node agent=xha"),
        [("code=129", _REFUSED)]),
    "vpn: a registration that was denied": (
        "GW17", ("0.07 o sa state=up features=vpn-fa peer=203.0.113.20 nat=no udp=no POLICY",
                 "0.2 o rrq coa=10.1.0.1 flags=T lifetime=600 id=0x1 dynamic=no",
                 "0.21 i relay what=rrq from=node to=iha",
                 "0.3 i rrp code=129 lifetime=600 id=0x1", "0.31 o relay what=rrp from=iha to=node dst=203.0.113.20",
                 "2 o relay what=data from=iha to=node dst=203.0.113.20"),
        [("code=129", _REFUSED)]),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_COUNTED)
def test_what_was_denied_or_forged_or_is_about_another_request_is_named(tmp_path: Path, name: str) -> None:
    rule, lines, told = NOT_COUNTED[name]
    path = tmp_path / "x.log"
    path.write_text(Case(name.partition(":")[0], "", lines, (), 0, False, "draft-01").text, "utf-8")
    for fast in (False, True):
        report = both_ways.report(path, fast, only=fast)
        assert isinstance(report, Report)
        found = next(v for v in report.violations if v.rule == rule)
        assert [m.why for m in found.not_counted] == [why for _, why in told]
        assert all(shown in m.text for m, (shown, _) in zip(found.not_counted, told, strict=True))


@pytest.mark.parametrize(
    "name",
    [
        "iha: to where it was",
        "iha: a home address is given to another after the first has left",
        "fa: a refresh shortens",
        "fa: to the one whose registration has lapsed, the other's stands",
        "xha: all taken back with the home address",
        "iha: to where it is not",
        "iha: a forged move is denied, and obeyed",
        "xha: to where the node has never been",
        "iha: nobody asks any more, and packets go out",
        "xha: nobody asks any more, and packets go out",
    ],
)
def test_what_a_registration_settles_is_known_wherever_a_log_begins(tmp_path: Path, name: str) -> None:
    case = next(c for c in CASES if f"{c.role}: {c.name}" == name)
    path = tmp_path / "x.log"
    path.write_text(case.text.replace(" boot=true", ""), "utf-8")
    report = check(str(path), spec=SPECS(case.spec))
    assert [v.rule for v in report.violations] == list(case.broken), report.reasons


def test_who_asks_for_any_home_address_is_known_by_what_is_given(tmp_path: Path) -> None:
    cases = [c for c in CASES if "home=0.0.0.0" in c.text]
    assert cases
    for case in cases:
        path = tmp_path / "x.log"
        path.write_text(case.text, "utf-8")
        slowly, fast = (both_ways.report(path, fast, only=fast) for fast in (False, True))
        assert fast == slowly
        assert isinstance(fast, Report)
        assert fast.nodes == len(set(re.findall(r"home=(\S+)", case.text)) - {"0.0.0.0"})


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_no_explanation_rests_on_what_nothing_has_set(tmp_path: Path, part: int) -> None:
    """A time or an address that a model begins with is no fact about a device."""
    path = tmp_path / "x.log"
    for case in [c for c in CASES if c.broken][part::4]:
        path.write_text(case.text, "utf-8")
        report = check(str(path), spec=SPECS(case.spec))
        for v in (*report.violations, *report.warnings):
            assert not any("nothing had set" in b.text for b in v.because), (v.message, v.because)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_what_a_log_leaves_out_accuses_nobody(tmp_path: Path, part: int) -> None:
    """Of every second case one key, another one for each case; all keys of these with DEEP=1."""
    path = tmp_path / "x.log"
    for number, case in enumerate(CASES[part::16]):
        texts = less(case)
        for what, text in texts if "DEEP" in os.environ else texts[number % len(texts) :][:1] if texts else ():
            path.write_text(text, "utf-8")
            report = check(str(path), spec=SPECS(case.spec))
            found = {v.rule for v in (*report.violations, *report.warnings)}
            assert found <= set(case.broken), f"without {what}:\n{text}"


@pytest.mark.slow
def test_devices_of_one_run_are_judged_together_as_each_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by_role = {
        r: [c for c in CASES if c.role == r and c.name.startswith("one run")] for r in ("vpn", "xha", "iha", "fa")
    }
    for which in range(max(map(len, by_role.values()))):
        run = {role: cases[which % len(cases)] for role, cases in by_role.items()}
        for role, case in run.items():
            (tmp_path / f"{role}.log").write_text(case.text, "utf-8")
        code = main(["check", *(str(tmp_path / f"{role}.log") for role in run), "--format", "json"])
        parties = json.loads(capsys.readouterr().out)["parties"]
        assert {role: {v["rule"] for v in parties[role]["violations"]} for role in run} == {
            role: set(case.broken) for role, case in run.items()
        }
        assert code == int(any(case.broken for case in run.values()))


@pytest.mark.parametrize(("role", "rule"), [("iha", "IH8"), ("xha", "XH13")])
def test_a_copy_of_what_was_accepted_is_granted_as_long_again_or_what_is_left(
    tmp_path: Path, role: str, rule: str
) -> None:
    """RFC 3344 3.8.2.2 lets a copy extend nothing: a number of seconds, or the end of a registration."""
    asked = {
        "iha": "rrq coa=10.1.7.20 flags=DT lifetime=600 id=0x1 auth=ok via=inside dynamic=no nat=no udp=no",
        "xha": "rrq coa=203.0.113.20 flags=DT lifetime=600 id=0x1 auth=ok how=plain zot=no nat=no udp=no",
    }[role]
    told = "udp=no" if role == "iha" else "how=plain zot=no udp=no"
    path = tmp_path / "x.log"
    for lifetime, broken in ((600, [rule]), (302, [rule]), (300, [])):
        lines = (
            f"1 e {asked}",
            f"1.1 e rrp code=0 lifetime=600 id=0x1 {told}",
            f"301 e {asked}",
            f"301.1 e rrp code=0 lifetime={lifetime} id=0x1 {told}",
        )
        path.write_text(Case(role, "", lines, (), 0, False, "draft-01").text, "utf-8")
        for readings, found in ((None, []), ({"copied_lifetime": "end"}, broken)):
            report = check(str(path), readings=readings)
            assert [v.rule for v in report.violations] == found, report.rules
            assert report.verdict == ("violation" if found else "conformant")
