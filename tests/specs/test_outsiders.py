"""An outsider makes nobody guilty: whatever unauthentic events come between, a conformant trace stays one."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mipcheck.checker.check.check import check
from mipcheck.model.specification.load import load

from making.depth import drawn
from making.device_logs import Case, read_cases
from making.paths import TESTS

SPECS = cache(load)
KEPT = [c for c in read_cases(TESTS / "specs" / "devices.txt") if not c.broken and not c.unclear]
IDS = ["id=0x1", "id=0x2", "id=0x3", "id=0x77", "id=0xa001", "id=0xffffffff00000001"]
FOES = ["203.0.113.66", "203.0.113.20", "10.1.7.20", "10.1.7.21"]
# What somebody who knows no key can bring about: requests, replies and packets that do not authenticate, first messages
# of phase 1; and how a correct device answers such a thing, where it does.
BOGUS = {
    "vpn": [
        "offer vendor=- natt=no",
        "offer vendor=vpn-fa,endpoint-update natt=yes",
        "offer vendor=- natt=no; answer vendor=- natt=no",
        "packet auth=bad peer={foe}",
        "packet auth=replayed peer={foe}",
        "packet auth=bad peer={foe}; drop from=node reason=not-authentic",
        "rrp code=0 lifetime=600 id=0x7e57",
        "rrp code=131 lifetime=0 id=0x7e57",
    ],
    "vpn of rfc5265": ["offer natt=no", "offer natt=yes"],
    "xha": [
        "rrq coa={foe} lifetime=600 {id} auth=bad how=plain zot=yes peer=192.0.2.9 nat=no udp=no",
        "rrq coa={foe} lifetime=0 {id} auth=absent flags=S how=wrapped zot=no nat=yes udp=yes",
        "rrq home=0.0.0.0 coa={foe} lifetime=65535 {id} auth=bad how=plain zot=yes peer=192.0.2.9 nat=no udp=no",
        "rrq coa={foe} lifetime=600 {id} auth=bad how=plain nat=no udp=no; "
        "rrp code=131 lifetime=0 {id} how=plain zot=no udp=no",
    ],
    "iha": [
        "rrq coa={foe} flags=DT lifetime=600 {id} auth=bad via=outside dynamic=yes nat=yes udp=yes source=untrusted",
        "rrq coa={foe} flags=S lifetime=0 {id} auth=absent via=vpn-fa dynamic=no nat=no udp=no source=untrusted",
        "rrq home=0.0.0.0 coa={foe} flags=DT lifetime=65535 {id} auth=bad via=outside dynamic=yes source=untrusted",
        "rrq coa={foe} flags=T lifetime=60 {id} auth=bad via=inside dynamic=no nat=no udp=no source=trusted; "
        "rrp code=131 lifetime=0 {id} udp=no tnc=yes",
    ],
    "fa": [
        "rrp from=xha code=0 lifetime=600 id=0x7e57",
        "rrp from=iha code=0 lifetime=0 id=0x7e57",
        "rrq home=0.0.0.0 to=xha coa={foe} flags=T lifetime=65535 {id}",
        "rrq home=0.0.0.0 to=xha coa={foe} flags=- lifetime=0 {id}",
        "rrq home=0.0.0.0 to=iha coa={foe} flags=DT lifetime=1 {id}",
        "rrp from=xha code=0 lifetime=65535 id=0x7e58",
        "rrp from=xha code=0 lifetime=0 {id} auth=bad",
        "rrp from=iha code=131 lifetime=0 {id} auth=bad",
    ],
}


# A request that somebody has heard is sent once more, from elsewhere; the agent denies it or says nothing. A foreign
# agent knows no better than to pass it on.
AGAIN = {
    "xha": ["{rrq}", "{rrq}; {at} rrp {home} code=133 lifetime=0 {id} {how} zot=no udp=no"],
    "iha": ["{rrq}", "{rrq}; {at} rrp {home} code=133 lifetime=0 {id} udp=no tnc=yes"],
    "fa": [
        "{rrq}; {at} relay {home} what=rrp from=other to=node agent={agent}",
        "{rrq}; {at} relay {home} what=rrq from=node to=ha agent={agent}",
        "{rrq}; {at} relay {home} what=rrq from=node to=ha agent={agent}; "
        "{at} rrp {home} from={agent} code=133 lifetime=0 {id}; "
        "{at} relay {home} what=rrp from=ha to=node agent={agent}",
    ],
}


def written(case: Case, told: list[tuple[int, int, str, str]]) -> str:
    """Return the log of a case with such events inserted: after which line, which of them, what they say."""
    head, site, *lines = case.text.splitlines()
    home = "home=10.1.0.100"
    kinds, again = BOGUS.get(f"{case.role} of {case.spec}", BOGUS[case.role]), AGAIN.get(case.role, [])
    for after, which, id_, foe in sorted(told, reverse=True):
        place = after % (len(lines) + 1)
        time = lines[place - 1].split()[0] if place else lines[0].split()[0]
        number = which % (len(kinds) + len(again))
        heard = [line for line in lines[:place] if " rrq " in line and " x " not in line]
        if number >= len(kinds) and heard:
            request = heard[after % len(heard)]
            # RFC 5265 has it dropped in silence; and a foreign agent denies what asks for another's address.
            silent = case.spec != "draft-01" or (case.role == "fa" and "coa=203.0.113.1 " not in request)
            lines[place:place] = once_more(again[0 if silent else number - len(kinds)], request, f"{time} x", foe)
            continue
        new = []
        for one in kinds[number % len(kinds)].format(id=id_, foe=foe).split("; "):
            kind, _, keys = one.partition(" ")
            new.append(f"{time} x {kind} {'' if 'home=' in keys else home} {keys}")
        lines[place:place] = new
    return "\n".join((head, site, *lines, ""))


def once_more(text: str, request: str, at: str, foe: str) -> list[str]:
    """Return the lines that say how such a request came again, from outside and elsewhere as far as addresses tell."""
    keys = dict(word.split("=", 1) for word in request.split()[3:])
    copy = re.sub(r"via=\S+", "via=outside", request.partition(" rrq ")[2])
    for told_once, told_again in (("source=trusted", "source=untrusted"), ("nat=no", "nat=yes")):
        copy = copy.replace(told_once, told_again)
    copy = re.sub(r"sender=\S+", f"sender={foe}", copy)
    told = {
        "home": f"home={keys['home']}",
        "id": f"id={keys['id']}",
        "agent": keys.get("to"),
        "how": f"how={keys.get('how')}",
    }
    return text.format(rrq=f"{at} rrq {copy}", at=at, **told).split("; ")


inserted = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 11), st.sampled_from(IDS), st.sampled_from(FOES)),
    min_size=1,
    max_size=8,
)


@pytest.mark.slow
@pytest.mark.parametrize("role", [role for role in BOGUS if " " not in role])
@settings(max_examples=drawn(30, 1000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_many_traces_stay_conformant(tmp_path: Path, role: str, data: st.DataObject) -> None:
    kept(tmp_path, data.draw(st.sampled_from([c for c in KEPT if c.role == role])), data.draw(inserted))


@pytest.mark.slow
@settings(max_examples=drawn(30, 1000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=st.sampled_from(KEPT), told=inserted)
def test_what_an_outsider_sends_makes_no_device_guilty(
    tmp_path: Path, case: Case, told: list[tuple[int, int, str, str]]
) -> None:
    kept(tmp_path, case, told)


def kept(tmp_path: Path, case: Case, told: list[tuple[int, int, str, str]]) -> None:
    """Check that a log with what was inserted breaks nothing, and holds no more doubt than it did."""
    path = tmp_path / "x.log"
    path.write_text(written(case, told), "utf-8")
    report = check(str(path), spec=SPECS(case.spec))
    assert not report.violations, path.read_text()
    assert report.verdict == "conformant", (report.reasons, path.read_text())
