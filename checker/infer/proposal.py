"""`infer`: a capture → a site file to start from; each line names the frame that speaks for it, and how sure that is.

Evidence and guesses only: what cannot be seen (keys, the configured timers) is proposed as comments to fill in.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from mipcheck.checker.capture.messages.mobileip import Request
from mipcheck.checker.capture.node.knowledge import dotted
from mipcheck.checker.capture.survey import Flow, Sighting, Survey, how_tunnel, is_unicast, on_tunnel, survey_of
from mipcheck.checker.console.escape import printable
from mipcheck.checker.infer.agents import Agent, agents_of, home_of
from mipcheck.checker.infer.fact import LIKELY, OTHERS, SURE, UNCERTAIN, Fact, toml_text
from mipcheck.checker.infer.gateway import own_addresses, vpn_of
from mipcheck.checker.infer.timers import timers_of

_PRIVATE: Final = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))


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
        """Write the proposal as a site file, which `toml.read_site` reads as it is."""
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
    """Propose a site for a capture that is called `name`. Raises CaptureError for what is no capture."""
    return infer(survey_of(stream, name))


def infer(survey: Survey) -> Proposal:
    """Propose a site by what a survey says."""
    agents, more_agents = agents_of(survey)
    homes = {a.key: home_of(survey, a) for a in agents}
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
        tuple(timers_of(survey, agents)),
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


# --- foreign agents, prefixes, devices ----------------------------------------------------------------------------


def _foreign_agents(survey: Survey, agents: Sequence[Agent]) -> list[Fact]:
    """List who advertises care-of addresses, and who passes registrations on."""
    known = {a.address for a in agents}
    facts: dict[int, Fact] = {}
    for advert in survey.adverts:
        if advert.source not in known and is_unicast(advert.source):
            text = toml_text(dotted(advert.source))
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
        facts[target] = Fact("fa", toml_text(dotted(target)), seen.frame, why, sure, sure != UNCERTAIN)
    return list(facts.values())[:OTHERS]


def _internal(site: Sequence[Fact]) -> list[Fact]:
    """Guess the prefixes of the enterprise: the RFC 1918 block around its addresses, less what has to be outside."""
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
        facts[network] = Fact("internal", toml_text(str(network)), named[key].frame, why, sure)
    if facts:
        return list(facts.values())
    return [_unseen_list("internal", "no private home agent or home address; user data is told by ihoa alone")]


_ADDRESSES: Final = ("iha", "xha", "vpn", "ihoa", "xhoa")


def _without(
    outside: Sequence[ipaddress.IPv4Address], block: ipaddress.IPv4Network, address: ipaddress.IPv4Address
) -> ipaddress.IPv4Network:
    """Find the widest prefix within `block` that holds `address` and nothing of `outside`."""
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
        facts.append(Fact("tunnels", toml_text(device.name), device.frame or None, why, sure, said))
    return facts


def _role(survey: Survey) -> Fact:
    """Tell whose packets these are: a capture taken at an agent shows requests that come in, or go on."""
    seen = next(iter(survey.requests), None)
    if seen is None:
        return Fact("role", '"mn"', None, "no registration request; taken for a mobile node's capture")
    directions = {r.direction for r in survey.requests if r.depth == 1}
    if directions == {"in"}:
        named = _named(survey, seen)
        return Fact(
            "role", '"mn"', seen.frame, f"requests only come in: captured at the home agent? {named}", UNCERTAIN
        )
    sources: dict[bytes, int] = {}
    tunnels = survey.tunnels()
    for request in survey.requests:
        if on_tunnel(request, tunnels) or request.depth > 1:
            continue
        first = sources.setdefault(request.fixed_part, request.source)
        if first != request.source and first and "D" not in _flags(request):
            why = (
                'the same request comes in and goes on: captured at a foreign agent (then role = "fa"), or at a switch?'
            )
            return Fact("role", '"mn"', request.frame, why, UNCERTAIN)
    for agent in dict.fromkeys(r.agent for r in survey.requests if is_unicast(r.agent)):
        first, *more = dict.fromkeys(r.home for r in survey.requests if r.agent == agent and is_unicast(r.home)) or [0]
        if more:
            second = next(r for r in survey.requests if r.agent == agent and r.home == more[0])
            why = f"{dotted(agent)} is asked for {1 + len(more)} home addresses: captured at a home agent?"
            return Fact("role", '"mn"', second.frame, f"{why} {_named(survey, second)}", UNCERTAIN)
    if "out" in directions:
        return Fact("role", '"mn"', seen.frame, "the link header says that this request is sent here")
    if tunnels:
        return Fact("role", '"mn"', seen.frame, "registration request, beside the node's own tunnel devices")
    return Fact("role", '"mn"', seen.frame, "registration request; that it is sent here is assumed", LIKELY)


def _named(survey: Survey, seen: Sighting) -> str:
    """Say which role the home agent that is asked would have."""
    key = next((a.key for a in agents_of(survey)[0] if a.address == seen.agent), "")
    return f'(then role = "{key}")' if key else ""


def _flags(seen: Sighting) -> frozenset[str]:
    return seen.body.flags if isinstance(seen.body, Request) else frozenset()


# --- keys and remarks ---------------------------------------------------------------------------------------------


def _keys(survey: Survey, agents: Sequence[Agent]) -> Iterator[Fact]:
    for agent in agents:
        spis: dict[int, int] = {}
        for seen in survey.messages():
            spi = seen.spi
            if seen.agent == agent.address and spi is not None and len(spis) < OTHERS:
                spis[spi] = min(seen.frame, spis.get(spi, seen.frame))
        for spi, frame in spis.items():
            yield Fact("mn_ha_key", f"{agent.key} {spi}", frame, "mobile-home authentication extension", agent.sure)
    esp: dict[int, tuple[int, Flow]] = {}
    for flow in survey.flows:
        for spi, frame in flow.spis.items():
            if spi not in esp or frame < esp[spi][0]:
                esp[spi] = frame, flow
    for spi, (frame, flow) in sorted(esp.items(), key=lambda item: item[1][0])[:OTHERS]:
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
    """Yield remarks on interfaces and care-of addresses; a site file has no key for them."""
    tunnels = survey.tunnels()
    for device in list(survey.devices.values())[: 4 * OTHERS]:
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
        if len(known) > 4 * OTHERS:
            return
        kind = "co-located" if "D" in _flags(seen) or seen.body.coa == seen.source else "foreign agent's"
        if on_tunnel(seen, tunnels):
            kind = "tunnel inner"
        yield f"care-of address {dotted(seen.body.coa)} on {seen.interface}, {kind} (frame {seen.frame})"
    yield from (note for note in survey.info.notes if "names no interface" not in note)


# --- TOML ---------------------------------------------------------------------------------------------------------


def _table(facts: Sequence[Fact]) -> Iterator[str]:
    """Yield the lines of a table: `key = value  # evidence`; lists over several lines, if one is not enough."""
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
