"""`infer`: a capture → a site file to start from; each line names the frame that speaks for it, and how sure that is.

Evidence and guesses only: what cannot be seen (keys, the configured timers) is proposed as comments to fill in.
"""

from __future__ import annotations

import ipaddress
import json
import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from mipcheck.checker.capture.messages.mobileip import Reply, Request
from mipcheck.checker.capture.node.knowledge import dotted, is_private
from mipcheck.checker.capture.survey import (
    Flow,
    Sighting,
    Survey,
    how_tunnel,
    in_clear,
    is_unicast,
    on_tunnel,
    survey_of,
)
from mipcheck.checker.console.escape import printable

SURE: Final = "sure"
LIKELY: Final = "likely"
UNCERTAIN: Final = "uncertain"

ACCEPTED: Final = (0, 1)
"""Reply codes of success (RFC 3344 section 3.4)."""

_PRIVATE: Final = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_OTHERS: Final = 8
"""Further candidates, or SPIs, that are listed for a key."""
_INTERVALS: Final = 2
"""Intervals from which on a timer is proposed: one may be chance."""
_JITTER: Final = 0.01
"""The part of an interval that is put down to scheduling, when it is rounded up."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a site file. `frame` is None where no frame speaks for it; unless `said`, the line is a comment.

    `value` is written in TOML; facts of a list have one item each, under the same key.
    """

    key: str
    value: str
    frame: int | None
    why: str
    sure: str = SURE
    said: bool = True

    @property
    def evidence(self) -> str:
        where = "no frame" if self.frame is None else f"frame {self.frame}, {self.sure}"
        return printable(f"{where}: {self.why}")


@dataclass(frozen=True, slots=True)
class Proposal:
    """What `propose` found. `remarks` are about what has no key in a site file."""

    file: str
    kind: str
    frames: int
    site: tuple[Fact, ...]
    parameters: tuple[Fact, ...]
    keys: tuple[Fact, ...]
    remarks: tuple[str, ...]

    def toml(self) -> str:
        """The proposal as a site file, which `toml.read_site` reads as it is."""
        frames = "1 frame" if self.frames == 1 else f"{self.frames} frames"
        lines = [
            f"# Proposed by `mipcheck infer` from {printable(self.file)} ({self.kind}, {frames}).",
            "# Behind each line is the first frame that speaks for it, and how sure that is. Look it over before use.",
            *(f"# {printable(remark)}" for remark in self.remarks),
            "",
            "[site]",
            *_table(self.site),
            "",
            "[parameters]",
            *_table(self.parameters),
        ]
        if self.keys:
            lines += ["", "# Keys cannot be seen. With them replies are authenticated, and ESP is opened."]
            lines += [line for fact in self.keys for line in ("", *_KEY_TABLES[fact.key](fact))]
        return "\n".join(lines) + "\n"


def propose(stream: BinaryIO, name: str) -> Proposal:
    """What a capture that is called `name` says about its site. Raises CaptureError for what is no capture."""
    return infer(survey_of(stream, name))


def infer(survey: Survey) -> Proposal:
    """What a survey says about the site."""
    agents, more_agents = agents_of(survey)
    homes = {a.key: _home(survey, a) for a in agents}
    site: list[Fact] = [_role(survey)]
    for key in ("iha", "xha"):
        site.append(next((a.fact() for a in agents if a.key == key), _unseen(key, _NO_AGENT[key])))
    site += more_agents
    site += vpn_of(survey, agents) or [_unseen("vpn", "no key exchange and no ESP")]
    for key, agent in (("ihoa", "iha"), ("xhoa", "xha")):
        site += homes.get(agent) or [_unseen(key, f"no registration with {_ARTICLE[agent]}")]
    site += _foreign_agents(survey, agents) or [_unseen_list("fa", "no agent advertisement, and none registers")]
    site += _internal(site)
    site += _tunnels(survey) or [_unseen_list("tunnels", "no tunnel device in this capture")]
    return Proposal(
        survey.info.name,
        survey.info.kind,
        survey.info.frames,
        tuple(site),
        tuple(_parameters(survey, agents)),
        tuple(_keys(survey, agents)),
        tuple(_remarks(survey, agents)),
    )


_ARTICLE: Final = {"iha": "an internal home agent", "xha": "an external home agent"}
_NO_AGENT: Final = {
    "iha": "no registration with a home agent that is inside",
    "xha": "no registration with a home agent that is outside",
}


def _unseen(key: str, why: str) -> Fact:
    return Fact(key, '"…"', None, why, said=False)


def _unseen_list(key: str, why: str) -> Fact:
    return Fact(key, "[]", None, why)


# --- home agents --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Agent:
    """A home agent by what its registrations show; frames are 0 where there is none. `key` is iha or xha once told."""

    address: int
    frame: int
    direct: bool = False
    requests: int = 0
    inner: int = 0
    """First frame with a request to it inside the VPN, as seen on a tunnel device only."""
    carrier: int = 0
    """First frame with the VPN's packets in a tunnel that ends there."""
    withdrawn: int = 0
    """First frame that de-registers there, while another agent is registered with afterwards."""
    key: str = ""
    sure: str = SURE
    why: str = ""

    def score(self) -> int:
        """The higher, the more of an internal home agent.

        Somebody's further VPN may run through the tunnel to the internal one, so that `carrier` weighs less.
        """
        address = 4 if is_private(self.address) else -4
        return address + 8 * bool(self.inner) - 3 * bool(self.carrier) - 2 * bool(self.withdrawn)

    def fact(self, said: bool = True) -> Fact:
        return Fact(self.key, _text(dotted(self.address)), self.frame, self.why, self.sure, said)


def agents_of(survey: Survey) -> tuple[list[Agent], list[Fact]]:
    """The internal and the external home agent, as far as there are any; and those left over, as comments."""
    seen = _candidates(survey)
    order = sorted(seen.values(), key=lambda a: (-a.score(), -a.requests, a.frame))
    chosen: list[Agent] = []
    if len(order) == 1:
        (only,) = order
        only.key = "iha" if only.score() > 0 else "xha"
        chosen = [only]
    elif order:
        chosen = [order[0], min(order[1:], key=lambda a: (a.score(), -a.requests, a.frame))]
        chosen[0].key, chosen[1].key = "iha", "xha"
    for agent in chosen:
        other = next((a for a in chosen if a is not agent), None)
        agent.sure, agent.why = _reason(agent, other)
    rest = [a for a in order if a not in chosen][:_OTHERS]
    for agent in rest:
        agent.key, agent.sure = ("iha" if agent.score() > 0 else "xha"), UNCERTAIN
        agent.why = "a further home agent; which one is the node's?"
    return chosen, [agent.fact(said=False) for agent in rest]


def _candidates(survey: Survey) -> dict[int, Agent]:
    tunnels = survey.tunnels()
    clear = in_clear(survey.messages(), tunnels)
    found: dict[int, Agent] = {}
    registered: dict[int, set[int]] = {}  # home address → agents
    for seen in survey.messages():
        if is_unicast(seen.agent):
            registered.setdefault(seen.home, set()).add(seen.agent)
    for seen in survey.messages():
        if not is_unicast(seen.agent):
            continue
        asks = isinstance(seen.body, Request)
        hidden = on_tunnel(seen, tunnels) and seen.fixed_part not in clear
        agent = found.setdefault(seen.agent, Agent(seen.agent, seen.frame))
        itself = {seen.agent}
        if asks and not hidden and not agent.direct:
            agent.direct, agent.frame = True, seen.frame
        agent.requests += asks
        if asks and hidden and not agent.inner and registered.get(seen.source, itself) <= itself:
            agent.inner = seen.frame  # and not sent from the home address of another agent, through that one's tunnel
    _withdrawals(survey, found)
    for flow in survey.flows:
        for pair in flow.addresses[:-1]:
            for address in pair:
                if address in found and not found[address].carrier:
                    found[address].carrier = flow.frame
    return found


def _withdrawals(survey: Survey, found: dict[int, Agent]) -> None:
    """Who is inside withdraws from the external home agent, and goes on with the internal one."""
    last: dict[int, int] = {}
    for seen in survey.requests:
        if isinstance(seen.body, Request) and seen.body.lifetime:
            last[seen.agent] = seen.time
    latest = sorted(((time, address) for address, time in last.items()), reverse=True)[:2]
    for seen in survey.requests:
        agent = found.get(seen.agent)
        if agent is None or not isinstance(seen.body, Request) or seen.body.lifetime or agent.withdrawn:
            continue
        if any(time > seen.time for time, address in latest if address != agent.address):
            agent.withdrawn = seen.frame


def _reason(agent: Agent, other: Agent | None) -> tuple[str, str]:
    """How sure the role of an agent is, and why."""
    inside = agent.key == "iha"
    kind = "private" if is_private(agent.address) else "public"
    fits = is_private(agent.address) == inside
    message = "registration request" if agent.requests else "registration reply"
    what = f"direct {message}" if agent.direct else message
    text = f"{what} {'to' if agent.requests else 'of'} a {kind} home agent"
    if inside and agent.inner:
        text += f"; reached through the VPN in frame {agent.inner}"
    elif not inside and agent.carrier:
        text += f"; its tunnel carries the VPN in frame {agent.carrier}"
    elif not fits:
        text += "; by its address it could be the other one"
    told = bool(agent.inner if inside else agent.carrier)
    if other is not None:
        told = told or bool(other.carrier if inside else other.inner)
        if fits and is_private(other.address) != inside:
            return SURE, text
        if told:
            return LIKELY, text
        return UNCERTAIN, f"{text}; both home agents are {kind}, and nothing else tells them apart"
    if told:
        return LIKELY, text
    return (LIKELY if fits and inside else UNCERTAIN), f"{text}, the only one"


def _home(survey: Survey, agent: Agent) -> list[Fact]:
    """The home address registered with an agent, most often seen first; replies count where requests leave it open."""
    key = "ihoa" if agent.key == "iha" else "xhoa"
    first: dict[int, Sighting] = {}
    count: Counter[int] = Counter()
    for messages in (survey.requests, survey.replies):
        if not count:
            for seen in messages:
                if seen.agent == agent.address and is_unicast(seen.home):
                    first.setdefault(seen.home, seen)
                    count[seen.home] += 1
    accepted = {
        seen.home
        for seen in survey.replies
        if seen.agent == agent.address and isinstance(seen.body, Reply) and seen.body.code in ACCEPTED
    }
    facts: list[Fact] = []
    for home, _ in count.most_common(1 + _OTHERS):
        seen = first[home]
        what = "request to" if isinstance(seen.body, Request) else "reply of"
        why = f"Home Address of a registration {what} {agent.key}"
        sure = min(agent.sure, SURE if home in accepted else LIKELY, key=(UNCERTAIN, LIKELY, SURE).index)
        if home not in accepted:
            why += ", which none accepts here"
        if facts:
            why += "; another node's, or another home address?"
        facts.append(Fact(key, _text(dotted(home)), seen.frame, why, UNCERTAIN if facts else sure, not facts))
    return facts


# --- VPN gateway --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Peer:
    """Who the node exchanges keys or protected packets with, and the first flow that shows it.

    The higher the `rank`, the more it looks like the VPN gateway of the enterprise (see `_RANKS`).
    """

    address: int
    flow: Flow
    rank: int
    packets: int = 0


def own_addresses(survey: Survey) -> set[int]:
    """Home and care-of addresses of whoever registers."""
    own: set[int] = set()
    for seen in survey.requests:
        assert isinstance(seen.body, Request)
        own.add(seen.home)
        if "D" in seen.body.flags or seen.body.coa == seen.source:
            own.update((seen.source, seen.body.coa))
    own.update(seen.home for seen in survey.replies)
    return {address for address in own if is_unicast(address)}


def vpn_of(survey: Survey, agents: Sequence[Agent]) -> list[Fact]:
    """The peers of key exchange and ESP: the one taken for the VPN gateway first, all others as comments."""
    order = sorted(_peers(survey, agents).values(), key=lambda p: (-p.rank, -p.packets, p.flow.frame))
    facts: list[Fact] = []
    for peer in order[: 1 + _OTHERS]:
        what = "key exchange" if peer.flow.kind == "ike" else "ESP"
        note, sure = _RANKS[peer.rank]
        if facts:
            note, sure = "; another gateway?", UNCERTAIN
        said = not facts and peer.rank >= 0
        facts.append(Fact("vpn", _text(dotted(peer.address)), peer.flow.frame, f"{what} with it{note}", sure, said))
    return facts


_RANKS: Final = {
    2: (", in the tunnel to the external home agent", SURE),
    1: (", from the external home address", SURE),
    0: ("", LIKELY),
    -1: (", in the tunnel to the internal home agent: another VPN?", UNCERTAIN),
}


def _peers(survey: Survey, agents: Sequence[Agent]) -> dict[int, Peer]:
    own = own_addresses(survey)
    iha, xha = ({a.address for a in agents if a.key == key} for key in ("iha", "xha"))
    external = {s.home for s in survey.messages() if s.agent in xha}
    internal = {s.home for s in survey.messages() if s.agent in iha}
    begun = {flow.target for flow in survey.flows if flow.begun and flow.target not in own}
    peers: dict[int, Peer] = {}
    for flow in sorted(survey.flows, key=lambda f: f.frame):
        ends = {flow.source, flow.target}
        address = flow.target if flow.source in own else flow.source if flow.target in own else 0
        address = address or next(iter(ends & begun), 0)
        if not is_unicast(address) or address in iha | xha:
            continue
        outer = {end for pair in flow.addresses[:-1] for end in pair}
        rank = 2 if outer & xha else 1 if ends & external else -1 if outer & iha or ends & internal else 0
        peer = peers.setdefault(address, Peer(address, flow, rank))
        peer.rank = max(peer.rank, rank)
        peer.packets += flow.packets
    return peers


# --- foreign agents, prefixes, devices ----------------------------------------------------------------------------


def _foreign_agents(survey: Survey, agents: Sequence[Agent]) -> list[Fact]:
    """Who advertises care-of addresses, and who passes registrations on."""
    known = {a.address for a in agents}
    facts: dict[int, Fact] = {}
    for advert in survey.adverts:
        if advert.source not in known and is_unicast(advert.source):
            text = _text(dotted(advert.source))
            facts[advert.source] = Fact("fa", text, advert.frame, "agent advertisement with a care-of address")
    own = own_addresses(survey)
    for seen in survey.requests:
        assert isinstance(seen.body, Request)
        target = seen.target
        if target == seen.agent or not is_unicast(target) or any(target in told for told in (known, facts, own)):
            continue
        if seen.body.coa == seen.home:
            continue  # at home, where the home agent has another address (RFC 3344 section 3.6.1.1)
        sure = SURE if target == seen.body.coa else LIKELY
        why = "a registration request is sent to it, for another home agent"
        if "D" in seen.body.flags:
            sure, why = UNCERTAIN, f"{why}, with a co-located care-of address: a home agent behind a translator?"
        facts[target] = Fact("fa", _text(dotted(target)), seen.frame, why, sure, sure != UNCERTAIN)
    return list(facts.values())[:_OTHERS]


def _internal(site: Sequence[Fact]) -> list[Fact]:
    """The prefixes of the enterprise: the RFC 1918 block around its addresses, less what has to be outside of it."""
    named = {f.key: f for f in site if f.said and f.frame is not None}
    addresses = {k: ipaddress.IPv4Address(json.loads(named[k].value)) for k in _ADDRESSES if k in named}
    outside = [addresses[k] for k in ("xha", "vpn", "xhoa") if k in addresses]
    facts: dict[ipaddress.IPv4Network, Fact] = {}
    for key in ("iha", "ihoa"):
        address = addresses.get(key)
        block = next((b for b in _PRIVATE if address in b), None) if address is not None else None
        if address is None or block is None or any(address in known for known in facts):
            continue
        network = _without(outside, block, address)
        holds = " and ".join(k for k in ("iha", "ihoa") if k in addresses and addresses[k] in network)
        why = f"the private block that holds {holds}; what else is inside cannot be seen"
        sure = LIKELY
        if network != block:
            why = f"the widest prefix that holds {holds}, but nothing that is outside"
            sure = UNCERTAIN
        facts[network] = Fact("internal", _text(str(network)), named[key].frame, why, sure)
    if facts:
        return list(facts.values())
    return [_unseen_list("internal", "no private home agent or home address; user data is told by ihoa alone")]


_ADDRESSES: Final = ("iha", "xha", "vpn", "ihoa", "xhoa")


def _without(
    outside: Sequence[ipaddress.IPv4Address], block: ipaddress.IPv4Network, address: ipaddress.IPv4Address
) -> ipaddress.IPv4Network:
    """The widest prefix within `block` that holds `address` and nothing of `outside`."""
    for length in range(block.prefixlen, 32):
        network = ipaddress.IPv4Network((int(address), length), strict=False)
        if not any(other in network for other in outside):
            return network
    return ipaddress.IPv4Network((int(address), 32))


def _tunnels(survey: Survey) -> list[Fact]:
    facts = []
    beside = survey.beside()
    for device in survey.devices.values():
        sure = how_tunnel(device, beside)
        if not sure:
            continue
        if device.cooked_tunnel:
            why = "the link header says that it is a tunnel device"
        elif sure == UNCERTAIN:
            why = "named like a tunnel device; if it is one, what passes there is not exposed"
        else:
            named = ", named like a tunnel" if sure == SURE else ": a tunnel, or a modem?"
            why = f"raw IP beside other link types{named}"
        said = sure != UNCERTAIN
        if "," in device.name:
            why, said = f"{why}; a site file cannot name an interface with a comma", False
        facts.append(Fact("tunnels", _text(device.name), device.frame or None, why, sure, said))
    return facts


def _role(survey: Survey) -> Fact:
    """Whose packets these are: a capture taken at an agent shows requests that come in, or go on."""
    seen = next(iter(survey.requests), None)
    if seen is None:
        return Fact("role", '"mn"', None, "no registration request; taken for a mobile node's capture")
    directions = {r.direction for r in survey.requests if r.depth == 1}
    if directions == {"in"}:
        return Fact("role", '"mn"', seen.frame, "requests only come in: not captured at the node?", UNCERTAIN)
    sources: dict[bytes, int] = {}
    tunnels = survey.tunnels()
    for request in survey.requests:
        if on_tunnel(request, tunnels) or request.depth > 1:
            continue
        first = sources.setdefault(request.fixed_part, request.source)
        if first != request.source and first and "D" not in _flags(request):
            why = "the same request comes in and goes on: captured at a foreign agent, or at a switch?"
            return Fact("role", '"mn"', request.frame, why, UNCERTAIN)
    if "out" in directions:
        return Fact("role", '"mn"', seen.frame, "the link header says that this request is sent here")
    if tunnels:
        return Fact("role", '"mn"', seen.frame, "registration request, beside the node's own tunnel devices")
    return Fact("role", '"mn"', seen.frame, "registration request; that it is sent here is assumed", LIKELY)


def _flags(seen: Sighting) -> frozenset[str]:
    return seen.body.flags if isinstance(seen.body, Request) else frozenset()


# --- timers -------------------------------------------------------------------------------------------------------


def _parameters(survey: Survey, agents: Sequence[Agent]) -> list[Fact]:
    iha = next((a.address for a in agents if a.key == "iha"), None)
    return [
        *_reregistration(_attempts(survey, iha)),
        Fact("t_stop", '"60s"', None, "cannot be seen; without a success for this long, plaintext stops", said=False),
        Fact("t_detection", '"5s"', None, "cannot be seen; how long iha is tried on after xha answered", said=False),
    ]


@dataclass(slots=True)
class _Attempt:
    """A direct registration with the internal home agent: its transmissions (times in ns), and whether it succeeded."""

    frame: int
    where: tuple[str, int]
    sent: list[int]
    accepted: bool = False


def _attempts(survey: Survey, iha: int | None) -> list[_Attempt]:
    tunnels = survey.tunnels()
    attempts: dict[tuple[int, str], _Attempt] = {}
    for seen in survey.requests:
        message = seen.body
        if seen.agent != iha or on_tunnel(seen, tunnels) or seen.depth > 1 or not isinstance(message, Request):
            continue
        if message.lifetime:
            where = (seen.interface, message.coa)
            attempts.setdefault((message.id, seen.interface), _Attempt(seen.frame, where, [])).sent.append(seen.time)
    for seen in survey.replies:
        attempt = attempts.get((seen.body.id, seen.interface))
        if attempt is not None and isinstance(seen.body, Reply) and seen.body.code in ACCEPTED:
            attempt.accepted |= seen.agent == iha and seen.time >= attempt.sent[0]
    return sorted(attempts.values(), key=lambda a: a.sent[0])


def _reregistration(attempts: Sequence[_Attempt]) -> Iterator[Fact]:
    """The interval between one success and the next with none between that failed, where the node stayed."""
    last: dict[tuple[str, int], _Attempt] = {}
    regular: list[int] = []
    again: list[int] = []
    first = first_again = 0
    for attempt in attempts:
        before = last.get(attempt.where)
        if before is not None and before.accepted and attempt.accepted:
            regular.append(attempt.sent[0] - before.sent[-1])
            first = first or attempt.frame
        elif before is not None and not before.accepted:
            again.append(attempt.sent[0] - before.sent[-1])
            first_again = first_again or attempt.frame
        again += [b - a for a, b in zip(attempt.sent, attempt.sent[1:], strict=False)]
        last[attempt.where] = attempt
    if len(regular) >= _INTERVALS:
        why = (
            f"median of {len(regular)} intervals of {_seconds(min(regular))} to {_seconds(max(regular))} s between"
            " direct registrations: what the node does, which need not be what it is to do"
        )
        yield Fact("t_reregister", _text(rounded_up(int(statistics.median(regular)))), first, why, LIKELY)
    else:
        why = f"fewer than {_INTERVALS} regular intervals between successful direct registrations"
        yield Fact("t_reregister", '"20s"', None, why, said=False)
    if again and first_again:
        why = f"median of {len(again)} intervals between requests without an answer"
        value = _text(rounded_up(int(statistics.median(again))))
        yield Fact("t_retransmit", value, first_again, why, UNCERTAIN, said=False)


def rounded_up(ns: int) -> str:
    """A duration as somebody would configure it: two significant digits, upwards but for the timer's own lateness.

    3.003 s was meant to be 3 s; 3.2 s stays, and 19.99 s is 20 s.
    """
    ms = max(1, math.ceil(ns * (1 - _JITTER) / 10**6))
    step = 10 ** max(0, len(str(ms)) - 2)
    ms = -(-ms // step) * step
    return f"{ms}ms" if ms < 1000 else f"{ms / 1000:g}s"


def _seconds(ns: int) -> str:
    return f"{ns / 10**9:.3f}"


# --- keys and remarks ---------------------------------------------------------------------------------------------


def _keys(survey: Survey, agents: Sequence[Agent]) -> Iterator[Fact]:
    for agent in agents:
        spis: dict[int, int] = {}
        for seen in survey.messages():
            spi = seen.spi
            if seen.agent == agent.address and spi is not None and len(spis) < _OTHERS:
                spis[spi] = min(seen.frame, spis.get(spi, seen.frame))
        for spi, frame in spis.items():
            yield Fact("mn_ha_key", f"{agent.key} {spi}", frame, "mobile-home authentication extension", agent.sure)
    esp: dict[int, tuple[int, Flow]] = {}
    for flow in survey.flows:
        for spi, frame in flow.spis.items():
            if spi not in esp or frame < esp[spi][0]:
                esp[spi] = frame, flow
    for spi, (frame, flow) in sorted(esp.items(), key=lambda item: item[1][0])[:_OTHERS]:
        yield Fact("esp_sa", f"0x{spi:08x}", frame, f"ESP from {dotted(flow.source)} to {dotted(flow.target)}")


def _mn_ha_table(fact: Fact) -> list[str]:
    agent, spi = fact.value.split()
    return [
        "# [[mn_ha_key]]",
        f'# agent = "{agent}"',
        f"# spi = {spi}  # {fact.evidence}",
        '# algorithm = "hmac-md5"  # or "keyed-md5", as in RFC 2002: it cannot be seen',
        '# key = "…"  # a text, or "0x…"',
    ]


def _esp_table(fact: Fact) -> list[str]:
    return [
        "# [[esp_sa]]",
        f"# spi = {fact.value}  # {fact.evidence}",
        '# encryption = "aes-cbc"',
        '# encryption_key = "…"  # hexadecimal digits',
        '# integrity = "hmac-sha1-96"',
        '# integrity_key = "…"',
    ]


_KEY_TABLES: Final[dict[str, Callable[[Fact], list[str]]]] = {"mn_ha_key": _mn_ha_table, "esp_sa": _esp_table}


def _remarks(survey: Survey, agents: Sequence[Agent]) -> Iterator[str]:
    """Interfaces and care-of addresses; a site file has no key for them."""
    tunnels = survey.tunnels()
    for device in list(survey.devices.values())[: 4 * _OTHERS]:
        kind = {1: "Ethernet", None: "cooked"}.get(device.linktype, f"link type {device.linktype}")
        nature = "loopback" if device.loopback else "tunnel" if device.name in tunnels else "physical"
        where = f"frame {device.frame}" if device.frame else "no frame"
        yield f"interface {device.name}: {kind}, {nature} ({where})"
    known: set[tuple[str, int]] = set()
    for seen in survey.requests:
        assert isinstance(seen.body, Request)
        place = (seen.interface, seen.body.coa)
        if place in known or not is_unicast(seen.body.coa) or seen.body.coa == seen.home:
            continue
        known.add(place)
        if len(known) > 4 * _OTHERS:
            return
        kind = "co-located" if "D" in _flags(seen) or seen.body.coa == seen.source else "foreign agent's"
        if on_tunnel(seen, tunnels):
            kind = "tunnel inner"
        yield f"care-of address {dotted(seen.body.coa)} on {seen.interface}, {kind} (frame {seen.frame})"
    yield from (note for note in survey.info.notes if "names no interface" not in note)


# --- TOML ---------------------------------------------------------------------------------------------------------


def _text(word: str) -> str:
    """A TOML basic string; JSON's is one too, but for the delete character."""
    return json.dumps(word).replace("\x7f", "\\u007f")


def _table(facts: Sequence[Fact]) -> Iterator[str]:
    """Lines of a table: `key = value  # evidence`; lists over several lines, if one is not enough."""
    keys = dict.fromkeys(f.key for f in facts)
    for key in keys:
        of_key = [f for f in facts if f.key == key]
        if key not in _LISTS:
            for fact in of_key:
                yield f"{'' if fact.said else '# '}{key} = {fact.value}  # {fact.evidence}"
            continue
        said = [f for f in of_key if f.said]
        if not said:
            yield f"{key} = []"
        elif len(said) == 1:
            value = said[0].value if said[0].value == "[]" else f"[{said[0].value}]"
            yield f"{key} = {value}  # {said[0].evidence}"
        else:
            yield f"{key} = ["
            yield from (f"  {f.value},  # {f.evidence}" for f in said)
            yield "]"
        yield from (f"# {key} = [{f.value}]  # {f.evidence}" for f in of_key if not f.said)


_LISTS: Final = ("fa", "internal", "tunnels")
