"""The judge on logs written by hand: one situation each, and what the draft's text says of it."""

from __future__ import annotations

import pytest

from oracle.judge import judge
from oracle.logtext import SECOND, parse, read_duration, read_time
from oracle.short import HEAD, INSIDE, OUTSIDE, TUNNEL, log


def broken(text: str) -> list[str]:
    """Return the MUSTs that `text` breaks, in order of time, each once."""
    return list(dict.fromkeys(finding.requirement for finding in judge(text).of("broken")))


CONFORMANT = {
    "registered-inside": (*INSIDE, "1.0 PLAIN", "10.0 RRQ id=0x5", "10.1 RRP code=0 id=0x5 auth=ok", "15.0 PLAIN"),
    "nonce-in-the-high-half": (
        *INSIDE[:2],
        "0.2 RRQ id=0xaaaa00000007",
        "0.3 RRP code=1 id=0xbbbb00000007 auth=ok",
        "1.0 PLAIN",
    ),
    "authenticator-not-checked": (*INSIDE[:3], "0.3 RRP code=0 id=0x1 auth=unchecked", "1.0 PLAIN"),
    "same-address-again": (*INSIDE, "5.0 COA", "5.5 PLAIN"),
    "resynchronised": (
        *INSIDE,
        "9.0 RRQ id=0x5",
        "9.1 RRP code=133 id=0x5 auth=ok",
        "9.2 RRQ id=0x6",
        "9.3 RRP code=0 id=0x6 auth=ok",
        "12.0 PLAIN",
    ),
    "denied-by-an-agent": (
        *INSIDE,
        "9.0 RRQ id=0x5",
        "9.1 RRP code=66 id=0x5 auth=absent",
        "11.0 PLAIN",
        "11.0 RRQ id=0x6",
    ),
    "forged-denial": (*INSIDE, "9.0 RRQ id=0x5", "9.1 RRP code=131 id=0x5 auth=bad", "11.0 PLAIN", "11.0 RRQ id=0x6"),
    "second-answer-to-a-copy": (
        *INSIDE,
        "0.9 RRP code=133 id=0x1 auth=ok",
        "1.0 RRP code=129 id=0x1 auth=ok",
        "5.0 PLAIN",
    ),
    "queued-when-it-failed": (
        *INSIDE,
        "9.0 RRQ id=0x5",
        "9.1 RRP code=129 id=0x5 auth=ok",
        "9.9 PLAIN",
        "10.0 RRQ id=0x6",
    ),
    "through-the-vpn": (
        *OUTSIDE,
        *TUNNEL,
        "4.3 VRQ coa=10.1.200.7 flags=DT id=0x9",
        "4.4 e0 rrp from=iha path=vpn code=0 lifetime=600 id=0x9 auth=ok",
        "5.0 ESP",
    ),
    "rekeyed-before-the-old-one-goes": (
        *OUTSIDE,
        *TUNNEL,
        "20.0 e0 sa state=up tia=10.1.200.7",
        "20.1 e0 sa state=down",
        "21.0 VRQ coa=10.1.200.7 flags=DT id=0x9",
    ),
    "vpn-and-foreign-agent": (
        *OUTSIDE,
        "4.0 IKE src=198.51.100.100",
        "4.2 - sa state=up features=vpn-fa tia=10.1.0.100 coa=10.1.250.1",
        "4.3 VRQ coa=10.1.250.1 flags=T id=0x9",
    ),
    "no-answer-in-the-detection-period": ("0.0 UP", "0.1 COA", "0.2 RRQ id=0x1", "2.2 RRQ id=0x3", "3.3 ESP"),
    "asked-on-with-doubled-pauses": (
        "0.0 UP",
        "0.1 COA",
        "0.2 RRQ id=0x1",
        "0.2 XRQ id=0x2",
        "2.2 RRQ id=0x3",
        "2.2 XRQ id=0x4",
        "2.4 XRP code=0 id=0x4 auth=ok",
        "6.2 RRQ id=0x5",
        "15.0 e0 link state=down",
    ),
    "denied-so-not-asked-on": (*OUTSIDE[:5], "0.4 RRP code=64 id=0x1 auth=absent", "20.0 e0 link state=down"),
    "late-answer-leaves-the-vpn": (
        *OUTSIDE,
        *TUNNEL,
        "5.0 ESP",
        "6.0 RRP code=0 id=0x3 auth=ok",
        "6.5 ESP",
        "7.5 PLAIN",
    ),
    "not-owed-once-replaced": (
        *INSIDE,
        "5.0 e1 link state=up",
        "5.1 e1 coa kind=colocated addr=10.1.8.8",
        "5.2 e1 rrq to=iha path=direct coa=10.1.8.8 flags=DT lifetime=600 id=0x20",
        "5.3 e1 rrp from=iha path=direct code=0 lifetime=600 id=0x20 auth=ok",
        "14.3 e1 data dir=out protection=none",
    ),
    "what-arrives-is-nobody's-fault": ("0.0 UP", "0.1 COA", "0.2 RRQ id=0x1", "2.0 e0 data dir=in protection=none"),
}

BROKEN = {
    "nothing-accepted": ((*INSIDE[:3], "5.0 PLAIN"), ["inference"]),
    "wrong-low-half": ((*INSIDE[:3], "0.3 RRP code=0 id=0x2 auth=ok", "5.0 PLAIN"), ["inference"]),
    "lifetime-zero": (
        (*INSIDE[:3], "0.3 e0 rrp from=iha path=direct code=0 lifetime=0 id=0x1 auth=ok", "4.0 PLAIN"),
        ["inference"],
    ),
    "forged": ((*INSIDE[:3], "0.3 RRP code=0 id=0x1 auth=bad", "5.0 PLAIN"), ["inference"]),
    "asked-before-the-change": (
        (*INSIDE[:3], "0.25 e0 link state=up", "0.3 RRP code=0 id=0x1 auth=ok", "0.4 PLAIN"),
        ["inference"],
    ),
    "through-the-vpn-only": (
        (
            *OUTSIDE,
            *TUNNEL,
            "4.3 VRQ coa=10.1.200.7 flags=DT id=0x9",
            "4.4 e0 rrp from=iha path=vpn code=0 lifetime=600 id=0x9 auth=ok",
            "5.0 PLAIN",
        ),
        ["inference"],
    ),
    "another-interface-is-inside": (
        (*INSIDE, "1.0 e1 link state=up", "2.5 e1 data dir=out protection=none", "3.0 PLAIN"),
        ["inference", "detect-first"],
    ),
    "says-inside": ((*OUTSIDE, "5.0 e0 infer where=inside"), ["inference"]),
    "another-address": (
        (*INSIDE, "5.0 e0 coa kind=colocated addr=10.1.9.9", "6.5 PLAIN", "6.6 RRQ id=0x7"),
        ["inference", "detect-first"],
    ),
    "denied": (
        (*INSIDE, "9.0 RRQ id=0x5", "9.1 RRP code=129 id=0x5 auth=ok", "10.2 PLAIN", "10.3 RRQ id=0x6"),
        ["stop-plaintext"],
    ),
    "t_stop-has-no-grace": ((*INSIDE, "9.0 RRQ id=0x5", "29.0 RRQ id=0x6", "30.3 PLAIN"), ["stop-plaintext"]),
    "retransmissions-run-out": (
        (
            *INSIDE,
            "9.0 RRQ id=0x5",
            "11.0 RRQ id=0x6",
            "13.0 RRQ id=0x7",
            "15.9 PLAIN",
            "16.1 PLAIN",
            "16.2 RRQ id=0x8",
        ),
        ["stop-plaintext"],
    ),
    "detection-begun-anew": (
        (*INSIDE, "9.0 RRQ id=0x5", "11.0 XRQ id=0x6", "11.0 RRQ id=0x7", "12.1 PLAIN"),
        ["stop-plaintext"],
    ),
    "says-outside": ((*INSIDE, "5.0 e0 infer where=outside", "6.1 PLAIN"), ["stop-plaintext"]),
    "protected-data-too-early": (("0.0 UP", "0.1 COA", "0.5 RRQ id=0x1", "2.0 ESP"), ["detect-first"]),
    "only-the-xha-asked": (
        ("0.0 UP", "0.1 COA", "0.2 XRQ id=0x1", "4.0 ESP", "4.5 XRP code=0 id=0x1 auth=ok", "4.6 RRQ id=0x2"),
        ["detect-first"],
    ),
    "never-asked": (("0.0 UP", "0.1 COA", "9.0 e0 link state=down"), ["detect"]),
    "hint-not-verified": (
        ("0.0 UP", "0.1 COA", "0.1 e0 hint kind=nai says=inside", "0.2 XRQ id=0x1", "9.0 e0 link state=down"),
        ["verify-hint"],
    ),
    "not-renewed": ((*INSIDE, "14.3 PLAIN"), ["re-register"]),
    "not-renewed-although-simultaneous": (
        (
            *INSIDE,
            "5.0 e1 link state=up",
            "5.1 e1 coa kind=colocated addr=10.1.8.8",
            "5.2 e1 rrq to=iha path=direct coa=10.1.8.8 flags=SDT lifetime=600 id=0x20",
            "5.3 e1 rrp from=iha path=direct code=0 lifetime=600 id=0x20 auth=ok",
            "14.3 e1 data dir=out protection=none",
        ),
        ["re-register"],
    ),
    "not-begun-anew": (
        (*INSIDE, "9.0 RRQ id=0x5", "9.1 RRP code=129 id=0x5 auth=ok", "16.0 e0 link state=down"),
        ["restart"],
    ),
    "i-ha-not-asked-on": ((*OUTSIDE[:5], "8.0 e0 link state=down"), ["keep-asking"]),
    "copies-of-an-accepted-request": ((*INSIDE, "1.5 RRQ id=0x1"), ["stop-asking"]),
    "both-refreshed": ((*INSIDE, "9.0 RRQ id=0x5", "9.0 XRQ id=0x6"), ["one-agent"]),
    "grace-is-given-once": (
        (*INSIDE, "9.0 RRQ id=0x5", "9.1 RRP code=0 id=0x5 auth=ok", "9.2 XRQ id=0x6"),
        ["one-agent"],
    ),
    "stays-in-the-vpn": ((*OUTSIDE, *TUNNEL, "6.0 RRP code=0 id=0x3 auth=ok", "9.1 ESP"), ["prefer-direct"]),
    "masked-by-a-copy": (
        (*OUTSIDE, *TUNNEL, "6.0 RRP code=0 id=0x3 auth=ok", "6.9 RRQ id=0x3", "9.1 ESP"),
        ["prefer-direct"],
    ),
    "ike-first": ((*OUTSIDE[:4], "0.25 IKE src=198.51.100.100", *OUTSIDE[4:]), ["outside-in-order"]),
    "withdrawn-before-ike": (
        (
            *OUTSIDE,
            "3.0 e0 rrq to=xha path=direct coa=10.1.7.20 flags=DT lifetime=0 id=0x8",
            "3.1 e0 rrp from=xha path=direct code=0 lifetime=0 id=0x8 auth=ok",
            "4.0 IKE src=198.51.100.100",
        ),
        ["outside-in-order"],
    ),
    "ike-from-the-care-of-address": ((*OUTSIDE, "4.0 IKE src=10.1.7.20"), ["outside-in-order"]),
    "no-vpn-yet": ((*OUTSIDE, "4.0 VRQ coa=10.1.200.7 flags=DT id=0x9"), ["outside-in-order"]),
    "no-d-flag": ((*OUTSIDE, *TUNNEL, "4.3 VRQ coa=10.1.200.7 flags=T id=0x9"), ["vpn-flags"]),
    "no-t-flag": ((*OUTSIDE, *TUNNEL, "4.3 VRQ coa=10.1.200.7 flags=D id=0x9"), ["vpn-flags"]),
    "agent-not-agreed-on": (
        (
            *OUTSIDE,
            "4.0 IKE src=198.51.100.100",
            "4.2 - sa state=up features=endpoint-update tia=10.1.0.100 coa=10.1.250.1",
            "4.3 VRQ coa=10.1.250.1 flags=T id=0x9",
        ),
        ["agreed-options"],
    ),
}

UNTOLD = {
    "which-copy-was-answered": (*INSIDE[:3], "20.2 RRQ id=0x1", "20.3 RRP code=0 id=0x1 auth=ok", "31.0 PLAIN"),
    "denial-not-checked": (*INSIDE, "9.0 RRQ id=0x5", "9.1 RRP code=129 id=0x5 auth=unchecked", "10.2 PLAIN"),
    "identification-not-told": (*INSIDE[:2], "0.2 RRQ", "0.3 RRP code=0 auth=ok", "5.0 PLAIN"),
    "gap": (*INSIDE, "5.0 e0 gap", "5.5 PLAIN"),
}


@pytest.mark.parametrize("name", CONFORMANT)
def test_conformant(name: str) -> None:
    assert broken(log(*CONFORMANT[name])) == []
    assert judge(log(*CONFORMANT[name])).verdict == "conformant"


@pytest.mark.parametrize("name", BROKEN)
def test_broken(name: str) -> None:
    lines, requirements = BROKEN[name]
    assert broken(log(*lines)) == requirements
    assert judge(log(*lines)).verdict == "violation"


@pytest.mark.parametrize("name", UNTOLD)
def test_cannot_be_told(name: str) -> None:
    assert broken(log(*UNTOLD[name])) == []
    assert judge(log(*UNTOLD[name])).verdict == "inconclusive"


def test_a_finding_has_its_place() -> None:
    [finding] = judge(log(*INSIDE, "14.3 PLAIN")).of("broken")
    assert (finding.interface, finding.time, finding.line) == ("e0", 14_200_000_000, None)
    [finding] = judge(log(*INSIDE[:3], "5.0 PLAIN")).of("broken")
    assert (finding.interface, finding.time, finding.line) == ("e0", 5 * SECOND, 6)
    assert "4.2.1" in finding.sections


def test_a_log_that_does_not_begin_at_boot() -> None:
    text = log("5.0 PLAIN", head=HEAD.replace(" boot=true", ""))
    assert judge(text).verdict == "inconclusive"
    assert judge(log("5.0 PLAIN")).verdict == "violation"


def test_an_interface_may_have_been_unplugged_unseen() -> None:
    lines = (*INSIDE, "20.0 e0 coa kind=colocated addr=203.0.113.9", "20.1 RRQ id=0x9")
    assert broken(log(*lines)) == ["re-register"]
    unseen = HEAD.replace("\nsite", "\nsource sees=link~,coa,rrq,rrp,ike,sa,data\nsite")
    assert judge(log(*lines, head=unseen)).verdict == "inconclusive"


def test_home_agents_with_one_address() -> None:
    assert broken(log(*INSIDE, head=HEAD.replace("xha=198.51.100.2", "xha=10.1.0.2"))) == ["different-agents"]


def test_a_should_is_no_violation() -> None:
    lines = (*INSIDE[:3], "0.2 XRQ id=0x2", INSIDE[3], "0.4 XRP code=0 id=0x2 auth=ok", "8.0 PLAIN")
    judgement = judge(log(*lines))
    assert [finding.requirement for finding in judgement.of("broken", should=True)] == ["withdraw"]
    assert judgement.verdict == "conformant"
    assert judgement.status("withdraw") == "broken"


def test_what_was_kept_is_counted() -> None:
    judgement = judge(log(*CONFORMANT["registered-inside"]))
    assert judgement.status("re-register") == "kept"
    assert judgement.status("vpn-flags") == "not-exercised"


def test_reading() -> None:
    assert read_time("1.5") == 1_500_000_000
    assert read_time("2025-11-03T09:14:01.050000Z") - read_time("2025-11-03T10:14:01+01:00") == 50_000_000
    assert [read_duration(word) for word in ("20s", "1500ms", "0.5s", "2m")] == [
        20 * SECOND,
        SECOND * 3 // 2,
        SECOND // 2,
        120 * SECOND,
    ]
    assert parse('mipcheck-trace 1\n0 e0 gap reason="two words" # why\n').events[0].keys == {"reason": "two words"}


@pytest.mark.parametrize("text", ["", "mipcheck-trace 1\n0.0 e0", "mipcheck-trace 1\nsource resolution=1s\n"])
def test_what_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match="line"):
        parse(text)
