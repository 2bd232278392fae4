"""Whoever follows the advice that comes with a violation breaks no MUST by that, in the state in which it is given."""

from __future__ import annotations

import re

import pytest
from mipcheck.model.specification.load import load

from oracle.compare import check, faults_of
from oracle.scenario import FAULTS
from oracle.simulator import simulate

_NEW = "id=0xfeed0000beef"
_INSIDE = "rrq to=iha path=direct coa={coa} flags=T lifetime=60 " + _NEW
_OUTSIDE = "rrq to=xha path=direct coa={coa} flags=T lifetime=60 " + _NEW
_CONCLUDE = "conclude that the interface is inside, until re-registration fails or the connection status changes"
_ANEW = "begin detection anew, and wait until the i-HA accepts a direct registration on this interface"
_NOTHING: tuple[str, ...] = ()
"""To wait, to drop, or to send elsewhere."""

# What each advice comes to, as lines of a log; `{line}` stands for what was wrong, without time and interface.
ADVICE: dict[str, tuple[str, ...]] = {
    "wait until the i-HA accepts a direct registration on this interface, or, once detection has ended, send it through"
    " the VPN": _NOTHING,
    "send it through the interface that is registered, or register with the i-HA through this one first": (_INSIDE,),
    "a registration request to the i-HA on this interface, before the interval is over": (_INSIDE,),
    "stop plaintext on this interface until the i-HA has accepted a registration again": _NOTHING,
    "hold or drop user data on this interface until the i-HA or the x-HA has accepted a registration": _NOTHING,
    "registration requests to the home agents on this interface": (_INSIDE, _OUTSIDE),
    "new registration requests to the home agents on this interface": (_INSIDE, _OUTSIDE),
    _ANEW: (_INSIDE, _OUTSIDE),
    "a direct registration request to the i-HA on this interface, again, before the detection period is over": (
        _INSIDE,
    ),
    "a direct registration request to the i-HA on this interface": (_INSIDE,),
    _CONCLUDE: ("infer where=inside",),
    "stop retransmitting and refreshing at the x-HA; de-register there": (
        "rrq to=xha path=direct coa={coa} flags=T lifetime=0 " + _NEW,
    ),
    "a new identification for the next registration": (_INSIDE,),
    "send it directly, through the registration with the i-HA": ("data dir=out protection=none stack=ip/ip",),
    "use the direct registration": ("data dir=out protection=none stack=ip/ip",),
    "register with the x-HA first, unless the i-HA answers directly": (_OUTSIDE,),
    "set up the security association first, after the registration with the x-HA where one is used": (_OUTSIDE,),
    "the x-HoA as source of IKE, once the x-HA has accepted a registration": (
        "ike phase=start src=198.51.100.100 dst=192.0.2.1",
    ),
    "the D flag": ("{line D}",),
    "no D flag": ("{line d}",),
    "the T flag": ("{line T}",),
}
UNTRIED = {
    "another address for one of the home agents",
    "a shorter t_reregister, fewer or faster retransmissions, or a shorter t_stop",
    "a mode with the VPN, or detection first",
    "the headers of that mode, or another mode",
    "the mode that fits the features of the security association",
    "a mode without the feature",
    "detection first",
    "a security association without the feature",
    "the tunnel inner address as care-of address",
    "the VPN-CoA as care-of address",
    "the i-HoA as tunnel inner address",
    "an ordinary tunnel, until the home address is known",
    "the UDP tunnelling of RFC 3519 to the x-HA",
    "the UDP tunnelling of RFC 3519 to the i-HA",
    "the UDP encapsulation of RFC 3948",
}
"""Advice on the site, on what is negotiated, and on the form of what is sent: no single event follows it."""


def _with(line: str, flag: str) -> str:
    """Return a request with that flag set, or not set where it is written small."""
    flags = set(re.search(r"flags=(\S+)", line)[1].replace("-", ""))  # type: ignore[index]
    flags = flags | {flag} if flag.isupper() else flags - {flag.upper()}
    return re.sub(r"flags=\S+", "flags=" + ("".join(sorted(flags)) or "-"), line)


def _told(advice: str, line: str, coa: str) -> str:
    if found := re.fullmatch(r"\{line (\w)\}", advice):
        return _with(line, found[1])
    return advice.replace("{coa}", coa)


def contradictions(text: str) -> tuple[list[str], set[str]]:
    """Return what following the advice on `text` would break, and the advice that was given."""
    lines = text.splitlines()
    found, given = [], set()
    for violation in check(text).violations:
        interface, at = violation.interface, violation.at.line
        for advice in violation.allowed:
            if advice in UNTRIED or interface is None:
                continue
            given.add(advice)
            time = f"{violation.time // 10**9}.{violation.time % 10**9:09d}"
            wrong = "" if violation.overdue or at is None else lines[at - 1].split(" ", 2)[2]
            before = [
                x
                for n, x in enumerate(lines, start=1)
                if not _late(x, violation.time, n, None if violation.overdue else at)
            ]
            addresses = [x.split("addr=")[1].split()[0] for x in before if f" {interface} coa " in x]
            followed = [_told(each, wrong, addresses[-1] if addresses else "10.1.7.20") for each in ADVICE[advice]]
            report = check("\n".join([*before, *(f"{time} {interface} {each}" for each in followed)]) + "\n")
            known = len(before)
            found += [
                f"{violation.rule} advises {advice!r}, which breaks {v.rule}: {v.seen}"
                for v in report.violations
                if not v.overdue and (v.last_at.line or 0) > known
            ]
    return found, given


def _late(line: str, time: int, number: int, at: int | None) -> bool:
    """Say whether a line comes when the advice has been given."""
    if at is not None:
        return number >= at
    word = line.split(" ", 1)[0]
    return word[:1].isdigit() and int(word.replace(".", "")) * 1000 > time


@pytest.mark.slow
@pytest.mark.parametrize("faults", [range(1, 7), range(7, 13), range(76473, 76474)], ids=str)
def test_a_few(faults: range) -> None:
    assert [each for seed in faults for each in contradictions(simulate(seed, faults_of(seed, True)))[0]] == []


@pytest.mark.slow
def test_many() -> None:
    found, given = [], set[str]()
    for seed in range(1, 2 * len(FAULTS) + 1):
        contradicted, advice = contradictions(simulate(seed, faults_of(seed, True)))
        found += [f"seed {seed}: {each}" for each in contradicted]
        given |= advice
    assert found == []
    assert given >= set(ADVICE) - {"no D flag", _CONCLUDE, _ANEW}


def test_all_advice_is_known() -> None:
    rules = load().rules.values()
    assert {r.instead for r in rules if r.level == "MUST" and r.instead} == set(ADVICE) | UNTRIED
