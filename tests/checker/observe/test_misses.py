"""Near misses: each reason why a reply did not count, by itself and together, the same both ways."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report, Violation
from mipcheck.checker.observe import misses
from mipcheck.checker.report.json import as_object
from mipcheck.checker.report.text import report_text
from mipcheck.checker.trace.vocabulary import TELL_INTERNAL

from making.both_ways import assert_same
from making.depth import drawn

HEAD = (
    "mipcheck-trace 1\n"
    "site iha=10.1.0.2 xha=198.51.100.2 vpn=192.0.2.1 ihoa=10.1.0.100 xhoa=198.51.100.100 internal=10.0.0.0/8\n"
)
UP = "0.0 eth0 link state=up\n0.1 eth0 coa kind=colocated addr=10.1.7.20\n"
ASK = "0.2 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=60 id=0x1000000aa\n"
LEAK = "0.9 eth0 data dir=out protection=none bytes=10\n"


def reply(time: str = "0.3", interface: str = "eth0", /, **keys: object) -> str:
    """A reply of the i-HA that counts, but for what is given."""
    said = {"from": "iha", "path": "direct", "code": 0, "lifetime": 60, "id": "0x1000000aa", "auth": "ok"} | keys
    return f"{time} {interface} rrp " + " ".join(f"{k}={v}" for k, v in said.items()) + "\n"


def judged(folder: Path, body: str, site: str = "") -> Report:
    path = folder / "made.log"
    path.write_text(HEAD.replace(" internal", f"{site} internal") + body, "utf-8")
    assert_same(path, only=True)
    return check(str(path))


def finding(report: Report, rule: str) -> Violation:
    return next(v for v in (*report.violations, *report.warnings) if v.rule == rule)


def reasons(folder: Path, body: str, rule: str = "D1", site: str = "") -> list[tuple[int | None, str]]:
    """The near misses of the first finding about a rule: their lines, and why they did not count."""
    return [(m.at.line, m.why) for m in finding(judged(folder, body, site), rule).not_counted]


SPOILT: dict[str, tuple[dict[str, str | int], str]] = {
    "identification": (
        {"id": "0x1000000ab"},
        "its identification differs in the low 32 bits: ours 0x000000aa, theirs 0x000000ab",
    ),
    "no authenticator": ({"auth": "absent"}, "it has no authenticator"),
    "wrong authenticator": ({"auth": "bad"}, "its authenticator is wrong"),
    "denied": ({"code": 131}, "denied with code 131, mobile node failed authentication (home agent)"),
    "denied by the agent": ({"code": 65}, "denied with code 65, administratively prohibited (foreign agent)"),
    "no lifetime": ({"lifetime": 0}, "its lifetime is 0, which grants nothing"),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", SPOILT)
@pytest.mark.parametrize("rule", ["D1", "S1"])
def test_a_reply_spoilt_in_one_way(name: str, rule: str, tmp_path: Path) -> None:
    keys, why = SPOILT[name]
    assert reasons(tmp_path, UP + ASK + reply(**keys) + LEAK, rule) == [(6, why)]


@pytest.mark.slow
@settings(max_examples=drawn(20, 300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.sampled_from(sorted(SPOILT))))
def test_every_fault_is_named_and_no_other(tmp_path: Path, names: set[str]) -> None:
    keys: dict[str, str | int] = {}
    for name in sorted(names):
        keys |= SPOILT[name][0]
    named = {why for name in names for k, why in [SPOILT[name]] if all(keys[n] == v for n, v in k.items())}
    body = UP + ASK + reply(**keys) + LEAK
    if not names:
        assert not judged(tmp_path, body).violations
        return
    ((line, why),) = reasons(tmp_path, body)
    assert (line, set(why.split("; "))) == (6, named)


def test_the_upper_half_of_an_identification_is_the_agents_own(tmp_path: Path) -> None:
    assert not judged(tmp_path, UP + ASK + reply(id="0x2000000aa") + LEAK).violations


def test_asked_before_a_change(tmp_path: Path) -> None:
    change = "0.25 eth0 coa kind=colocated addr=10.1.7.21\n"
    why = "asked before the change of line 6 (eth0 coa kind=colocated addr=10.1.7.21)"
    assert reasons(tmp_path, UP + ASK + change + reply() + LEAK) == [(7, why)]


def test_replies_before_a_change_are_of_no_interest(tmp_path: Path) -> None:
    change = "0.5 eth0 coa kind=colocated addr=10.1.7.21\n"
    assert reasons(tmp_path, UP + ASK + reply(auth="bad") + change + LEAK) == []


def test_replies_before_the_node_tries_again_are(tmp_path: Path) -> None:
    again = (
        "4.0 eth0 rrq to=xha path=direct coa=10.1.7.20 flags=DT lifetime=60 id=0xcc\n"
        "4.0 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=60 id=0xdd\n"
    )
    body = UP + ASK + reply(auth="absent") + again + LEAK.replace("0.9", "4.1")
    assert reasons(tmp_path, body) == [(6, "it has no authenticator")]


def test_an_older_request(tmp_path: Path) -> None:
    newer = ASK.replace("0.2 ", "0.25 ").replace("0x1000000aa", "0xbb")
    why = "it answers the request of line 5, and only the newest counts, that of line 6"
    assert reasons(tmp_path, UP + ASK + newer + reply() + LEAK) == [(7, why)]


def test_nobody_asked(tmp_path: Path) -> None:
    assert reasons(tmp_path, UP + reply() + LEAK) == [(5, "nobody had asked for it")]


def test_another_interface_asked(tmp_path: Path) -> None:
    asked = (UP + ASK).replace("eth0", "wlan0")
    body = asked + "0.21 eth0 coa kind=colocated addr=10.1.7.30\n" + reply() + LEAK
    assert reasons(tmp_path, body) == [(7, "it was asked for on wlan0, line 5")]


def test_a_copy(tmp_path: Path) -> None:
    left = "0.35 eth0 infer where=outside\n"
    body = UP + ASK + reply() + left + reply("0.4") + LEAK.replace("0.9", "5")
    assert reasons(tmp_path, body, "M2") == [(8, "a copy of the reply of line 6, which has counted")]


def test_who_withdraws_gets_no_registration(tmp_path: Path) -> None:
    why = "it answers the request of line 5, which withdraws a registration"
    assert reasons(tmp_path, UP + ASK.replace("lifetime=60", "lifetime=0") + reply() + LEAK) == [(6, why)]


IKE = "9 eth0 ike phase=start src=198.51.100.100 dst=192.0.2.1\n"


def test_a_reply_that_counted_is_no_denial_that_did_not(tmp_path: Path) -> None:
    assert reasons(tmp_path, UP + ASK + reply() + IKE, "L2", " boot=true") == []
    again = "5.1 eth0 rrq to=xha path=direct coa=10.1.7.20 flags=DT lifetime=600 id=0xcc\n"
    assert reasons(tmp_path, UP + ASK + reply() + again, "P3") == []


def test_a_denial_that_did_not_count(tmp_path: Path) -> None:
    refresh = ASK.replace("0.2 ", "4 ").replace("0x1000000aa", "0xbb")
    body = UP + ASK + reply() + refresh + reply("4.1", id="0xbb", code=131, auth="bad")
    told = [(8, "its authenticator is wrong")]
    assert reasons(tmp_path, body + reply("6.1", id="0xbb") + IKE, "L2", " boot=true") == told


def test_what_counted_as_a_refusal_is_no_near_miss(tmp_path: Path) -> None:
    refresh = ASK.replace("0.2 ", "4 ").replace("0x1000000aa", "0xbb")
    silence = "60 eth0 link state=down\n"
    assert reasons(tmp_path, UP + ASK + reply() + refresh + reply("4.1", id="0xbb", code=131) + silence, "P8") == []


def test_replies_that_came_while_retransmissions_ran_out(tmp_path: Path) -> None:
    told = UP + ASK + reply()
    refresh = "".join(
        ASK.replace("0.2 ", f"{time} ").replace("0x1000000aa", f"0x{time}") for time in (10, 12, 14)
    ) + reply("14.5", id="0x10")
    why = "it answers the request of line 7, and only the newest counts, that of line 9"
    site = " t_retransmit=2s n_retransmit=2"
    assert reasons(tmp_path, told + refresh + LEAK.replace("0.9", "19"), "M2", site) == [(10, why)]


def test_a_refresh_that_failed(tmp_path: Path) -> None:
    refresh = ASK.replace("0.2 ", "20 ").replace("0x1000000aa", "0xbb")
    body = UP + ASK + reply() + refresh + reply("21", id="0xbb", auth="bad") + LEAK.replace("0.9", "70")
    assert reasons(tmp_path, body, "M2") == [(8, "its authenticator is wrong")]


def test_what_was_owed_is_looked_at_until_it_fell_due(tmp_path: Path) -> None:
    outside = (
        "0.21 eth0 rrq to=xha path=direct coa=10.1.7.20 flags=DT lifetime=600 id=0xcc\n"
        + reply("0.3", id="0xcc", **{"from": "xha"})
        + reply("0.4", auth="bad")
        + "50 eth0 infer where=outside\n"
        + reply("51", auth="bad")
    )
    assert reasons(tmp_path, UP + ASK + outside, "P1") == [(8, "its authenticator is wrong")]


def test_the_other_agents_reply_is_none_to_this_question(tmp_path: Path) -> None:
    assert reasons(tmp_path, UP + ASK + reply(**{"from": "xha"}) + LEAK) == []
    assert reasons(tmp_path, UP + ASK + reply(path="vpn") + LEAK) == []


def test_the_other_interface_that_was_inside(tmp_path: Path) -> None:
    inside = UP + ASK + reply()
    other = "5.0 wlan0 link state=up\n5.1 wlan0 data dir=out protection=none bytes=10\n"
    (miss,) = finding(judged(tmp_path, inside + other), "I1").not_counted
    assert miss.at.line == 6
    assert miss.text.startswith("eth0: inside (")
    assert miss.why == "this was on eth0, and what one interface has shown counts for no other"


def test_the_newest_are_told_and_the_others_counted(tmp_path: Path) -> None:
    many = "".join(reply(f"0.{300 + n}", id=n) for n in range(8))
    found = finding(judged(tmp_path, UP + ASK + many + LEAK), "D1")
    assert [m.at.line for m in found.not_counted] == [9, 10, 11, 12, 13]
    assert found.not_counted_more == 3


@pytest.mark.slow
def test_a_long_log_is_looked_back_on(tmp_path: Path) -> None:
    """Both ways read the same events again, however many there were before."""
    data = "".join(f"0.{400000 + n} eth0 data dir=in protection=none bytes=10\n" for n in range(3000))
    assert reasons(tmp_path, UP + ASK + reply(auth="bad") + data + LEAK) == [(6, "its authenticator is wrong")]
    hints = "".join(f"0.{400000 + n} wlan0 hint kind=nai says=outside\n" for n in range(3000))
    assert reasons(tmp_path, UP + ASK + reply(auth="bad") + hints + LEAK) == []


def test_a_note_calls_no_leak_an_access_mode(tmp_path: Path) -> None:
    """What was forbidden is no access, though its headers are those of a mode."""
    leak = LEAK.replace("bytes", "stack=ip/ip bytes")
    (note,) = (n for n in judged(tmp_path, UP + ASK + leak).notes if n.startswith("eth0: user data left"))
    assert note == "eth0: user data left, some of it against D1, S1; its headers fit c (1)"
    (note,) = (n for n in judged(tmp_path, UP + ASK + reply() + leak).notes if n.startswith("eth0: user data left"))
    assert note == "eth0: user data left as access mode c (1)"


def test_a_note_calls_what_others_say_no_access_mode(tmp_path: Path) -> None:
    """What is not between the node and the enterprise is access to nothing."""
    leak = LEAK.replace("bytes", "stack=ip/ip bytes")
    beside = leak.replace("0.9", "0.8").replace("stack=ip/ip", "stack=ip scope=other")
    (note,) = (n for n in judged(tmp_path, UP + ASK + reply() + beside + leak).notes if "user data left" in n)
    assert note == "eth0: user data left as access mode c (1)"


@pytest.mark.parametrize(
    ("lacks", "advice"),
    [
        ({"key tia", "key vendor"}, "log tia and vendor with every event that has it"),
        ({"address xhoa"}, "give the address xhoa in the log's site line, in --config or with --set"),
        ({"hidden"}, "capture where the note says, or supply the keys"),
        ({"gap", "key id"}, "capture again, without gaps; log id with every event that has it"),
        ({"doubt"}, "give other evidence of what may be right either way, as said above"),
    ],
)
def test_what_to_do_next_fits_the_reason(lacks: set[str], advice: str, tmp_path: Path) -> None:
    report = judged(tmp_path, UP + ASK + reply())
    first, *others = report.rules
    lacking = replace(first, status="inconclusive", lacks=frozenset(lacks))
    unclear = replace(report, verdict="inconclusive", rules=(lacking, *others))
    assert report_text(unclear, 200).splitlines()[-1] == f"Next: {advice}."


def test_what_to_do_next_after_holes(tmp_path: Path) -> None:
    report = judged(tmp_path, UP + ASK + reply())
    (given,) = report.inputs
    holed = replace(
        report, verdict="inconclusive", reasons=("made.log: a block was damaged",),
        inputs=(replace(given, holes=("a block was damaged",)),),
    )  # fmt: skip
    assert report_text(holed, 200).splitlines()[-1] == "Next: capture anew what could not be read, as said above."
    untold = replace(holed, inputs=(replace(given, holes=(f"frame 5: may have been anything: {TELL_INTERNAL}",)),))
    assert report_text(untold, 200).splitlines()[-1] == "Next: say what is internal, as said above."


@pytest.mark.parametrize("key", ["id", "lifetime"])
@pytest.mark.parametrize("boot", [False, True])
def test_what_an_event_did_not_tell_is_asked_for(boot: bool, key: str, tmp_path: Path) -> None:
    """That the trace begins late is no reason where it does not, nor where an event lacks what it should have told."""
    path = tmp_path / "made.log"
    head = HEAD.replace("internal", "boot=true internal") if boot else HEAD
    path.write_text(head + UP + ASK + reply(**{key: ""}).replace(f"{key}= ", "") + LEAK, "utf-8")
    report = check(str(path))
    assert report.verdict == "inconclusive"
    late = "" if boot else "let the trace begin when the node does (boot=true), or when its interfaces come up; "
    text = report_text(report, 200)
    assert f"is not known since {path}:6, which does not tell {key}" in text.replace("\n           ", " ")
    assert text.splitlines()[-1] == f"Next: {late}log {key} with every event that has it."


def test_what_no_source_shows_is_no_late_start(tmp_path: Path) -> None:
    path = tmp_path / "made.log"
    path.write_text(HEAD + "source sees=link,coa,data\n" + UP + LEAK, "utf-8")
    last = report_text(check(str(path)), 200).splitlines()[-1]
    assert last == "Next: add an input that shows what this one cannot, or whose stamps are finer."


def test_a_denial_is_named_as_whose_it_is(tmp_path: Path) -> None:
    ((_, why),) = reasons(tmp_path, UP + ASK + reply(code=131, by="fa") + LEAK)
    assert why == "denied with code 131, mobile node failed authentication (foreign agent)"


def test_where_there_are_too_many_findings_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(misses, "_BUDGET", 3)
    report = judged(tmp_path, UP + ASK + reply(auth="bad") + LEAK)
    first, *others = report.violations
    assert first.sought and first.not_counted
    assert others and not any(v.sought or v.not_counted for v in others)
    assert "misses   not looked for: there are too many findings" in report_text(report, 200)
    assert [v["not_counted_sought"] for v in as_object(report)["violations"]] == [True, *[False] * len(others)]


def test_what_to_ask_next_names_the_specification(tmp_path: Path) -> None:
    report = judged(tmp_path, UP + ASK + LEAK)
    assert "Next: mipcheck explain D1, or" in report_text(report, 200)
    text = report_text(report, 200, spec="./my own.spec")
    assert "Next: mipcheck explain D1 --spec './my own.spec', or" in text
    assert "more     mipcheck explain S1 --spec './my own.spec'" in text
