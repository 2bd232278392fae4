"""Events in plain words for a page: who talks to whom, a short label, a sentence. Texts are not escaped yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mipcheck.checker.check.chart import Mark
from mipcheck.checker.console.counts import counted
from mipcheck.model.specification.spec import MOBILE_NODE

SELF: Final = ""
"""The lane of what concerns nobody else."""

LANES: Final = {
    "fa": ("foreign agent", "forwards for a node that visits its link"),
    "xha": ("x-HA", "external home agent: where a node registers when it is outside"),
    "vpn": ("VPN gateway", "the door through which protected traffic enters the company"),
    "iha": ("i-HA", "internal home agent: it answers directly only to a node that is inside"),
    "net": ("company", "the company's network: whoever the user's data is for"),
    "nodes": ("mobile nodes", "the nodes that this device serves"),
    "peers": ("others", "home agents, correspondents, the rest of the network"),
}
"""Lanes beside those of interfaces, in their order, with what they are."""

ROLES: Final = {"vpn": "VPN gateway", "iha": "i-HA", "xha": "x-HA", "fa": "foreign agent"}


@dataclass(frozen=True, slots=True)
class Said:
    """An event in words. `lane` is the other party's ("" for none), `outward` whether it goes there.

    `tone` is good, bad, plain (unprotected data), safe (protected data) or calm.
    """

    lane: str
    outward: bool
    label: str
    sentence: str
    tone: str = "calm"


def said(mark: Mark, role: str) -> Said:
    """Return an event of a trace taken at a device of that role in words."""
    keys, name = mark.keys, mark.interface
    if role != MOBILE_NODE:
        return _at_device(mark, role)
    match mark.kind:
        case "rrq":
            return _request(keys, name)
        case "rrp":
            return _reply(keys, name)
        case "data":
            return data(keys, name, mark.count)
        case "ike":
            phase = {"start": "begins", "established": "is complete", "updated": "moves to another address"}
            words = phase.get(keys.get("phase", ""), keys.get("phase", ""))
            return Said("vpn", True, f"key exchange {words}", f"{name}: the key exchange with the VPN gateway {words}")
        case "sa":
            state = keys.get("state", "")
            return Said(
                "vpn",
                True,
                f"tunnel {state}",
                f"{name}: the VPN tunnel is {state}",
                "safe" if state == "up" else "calm",
            )
        case "advert":
            return Said("fa", False, "advertisement", f"{name} hears a foreign agent advertise itself")
        case "solicit":
            return Said("fa", True, "solicitation", f"{name} looks for a foreign agent")
    label, sentence = _alone(mark)
    return Said(SELF, False, label, sentence)


def _request(keys: Mapping[str, str], name: str) -> Said:
    agent = keys.get("to", "")
    whom = LANES.get(agent, (agent, ""))[0]
    through = " through the VPN" if keys.get("path") == "vpn" else ""
    if keys.get("lifetime") == "0":
        return Said(agent, True, f"withdraw{through}", f"{name} withdraws its registration with the {whom}{through}")
    return Said(agent, True, f"register{through}", f"{name} asks the {whom}{through} to register it")


def _reply(keys: Mapping[str, str], name: str) -> Said:
    agent, code, auth = keys.get("from", ""), keys.get("code", ""), keys.get("auth", "")
    whom = LANES.get(agent, (agent, ""))[0]
    through = " through the VPN" if keys.get("path") == "vpn" else ""
    if auth in ("bad", "absent"):
        return Said(
            agent,
            False,
            "not authentic",
            f"a reply comes to {name} that the {whom} cannot be shown to have written",
            "bad",
        )
    if code in ("0", "1"):
        if keys.get("lifetime") == "0":
            return Said(agent, False, "withdrawn", f"the {whom} confirms{through} that {name} is withdrawn")
        return Said(agent, False, "accepted", f"the {whom} accepts the registration of {name}{through}", "good")
    return Said(
        agent,
        False,
        f"denied ({code})",
        f"the registration of {name} with the {whom} is denied{through}, code {code}",
        "bad",
    )


def data(keys: Mapping[str, str], name: str, count: int) -> Said:
    """Return user data in words."""
    outward, clear = keys.get("dir") == "out", keys.get("protection") == "none"
    number = counted(count, "packet", form=",")
    what = "unprotected" if clear else "protected"
    verb = "sends" if outward else "receives"
    other = " that is not the company's" if keys.get("scope") == "other" else ""
    lane = "net" if clear else "vpn"
    sentence = f"{name} {verb} {number} of user data{other}, {what}"
    times = "" if count == 1 else f" ×{count:,}"
    return Said(lane, outward, f"{what} data{times}", sentence, "plain" if clear else "safe")


def _alone(mark: Mark) -> tuple[str, str]:
    """Return the label and the sentence of what concerns an interface alone."""
    keys = mark.keys
    name = "the node" if mark.interface == "-" else mark.interface
    match mark.kind:
        case "link":
            return f"link {keys.get('state', '')}", f"{name}: the link is {keys.get('state', '')}"
        case "coa":
            how = "through a foreign agent" if keys.get("kind") == "foreign-agent" else "of its own"
            return f"address {keys.get('addr', '')}", f"{name} gets the address {keys.get('addr', '')}, {how}"
        case "gone":
            return "address gone", f"{name} loses its address"
        case "infer":
            return f"“{keys.get('where', '')}”", f"{name}: the node concludes that it is {keys.get('where', '')}"
        case "mode":
            return (
                f"mode {keys.get('name', '')}",
                f"{name}: the node says that it uses access mode {keys.get('name', '')}",
            )
        case "hint":
            return (
                f"hint: {keys.get('says', '')}",
                f"{name}: a hint ({keys.get('kind', '')}) says {keys.get('says', '')}",
            )
        case "restart":
            return "restart", f"{name}: the software starts again and has forgotten what it knew"
        case "suspend":
            return "asleep", "the node falls asleep"
        case "resume":
            return "awake", "the node wakes"
    words = " ".join(f"{k}={v}" for k, v in list(keys.items())[:3])
    return mark.kind, f"{name}: {mark.kind} {words}".rstrip()


_TO_NODES: Final = ("sa", "ike", "endpoint", "tunnel", "send", "advert")


def _at_device(mark: Mark, role: str) -> Said:
    """Return an event at a gateway or an agent in words: from the mobile nodes, or from others."""
    keys, kind = mark.keys, mark.kind
    whose = f" of {keys['home']}" if "home" in keys else ""
    device = ROLES.get(role, role)
    shown = ", ".join(
        f"{k} {v}" for k, v in keys.items() if k in ("code", "lifetime", "coa", "to", "reason", "what", "how")
    )
    sentence = (
        f"{kind}{whose}" + (f": {shown}" if shown else "") + ("" if mark.count == 1 else f" ({mark.count:,} times)")
    )
    times = "" if mark.count == 1 else f" ×{mark.count:,}"
    tone = "calm"
    if kind == "rrp":
        tone = "good" if keys.get("code") in ("0", "1") else "bad"
        outward = role in ("iha", "xha")
        return Said(
            "nodes" if outward else "peers",
            outward,
            f"reply {keys.get('code', '')}{times}",
            f"at the {device}, {sentence}",
            tone,
        )
    if kind in ("relay", "forward", "pass"):
        lane = "nodes" if keys.get("to") in ("node", "tunnel") else "peers"
        return Said(lane, True, f"{keys.get('what', kind)} passed on{times}", f"at the {device}, {sentence}")
    if kind == "drop":
        return Said(SELF, False, f"drop: {keys.get('reason', '')}{times}", f"at the {device}, {sentence}", "bad")
    if kind in ("restart", "learn", "revoke"):
        return Said(SELF, False, f"{kind}{times}", f"at the {device}, {sentence}")
    outward = kind in _TO_NODES
    label = {"rrq": "register", "packet": "packet", "propose": "proposal"}.get(kind, kind)
    return Said("nodes", outward, f"{label}{times}", f"at the {device}, {sentence}", tone)


def unanswered(marks: Sequence[Mark]) -> set[int]:
    """Return the numbers of the marks that are requests of a node which no reply answers, whatever it says."""
    answered: set[tuple[str, str, str, int]] = set()
    found = set()
    for n in range(len(marks) - 1, -1, -1):
        mark = marks[n]
        if mark.kind not in ("rrq", "rrp"):
            continue
        identity = _low(mark.keys.get("id"))
        if identity is None:
            continue
        party = mark.keys.get("to" if mark.kind == "rrq" else "from", "")
        exchange = (mark.interface, party, mark.keys.get("path", ""), identity)
        if mark.kind == "rrp":
            answered.add(exchange)
        elif exchange not in answered:
            found.add(n)
    return found


def _low(word: str | None) -> int | None:
    """Return the low 32 bits of an identification, by which replies are told (RFC 3344, 3.6.2.1)."""
    try:
        return None if word is None else int(word, 0) & 0xFFFFFFFF
    except ValueError:
        return None
