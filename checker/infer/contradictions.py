"""A site that the capture contradicts: the key that is wrong, and the frame that says so.

Silence is no contradiction. Only what names *another* address, key or device in the place of the one that the site
gives is one: a capture may hold a part of what the node does, other nodes, and agents that do not answer.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from mipcheck.checker.capture.messages import mobileip
from mipcheck.checker.capture.messages.mobileip import Reply, Request
from mipcheck.checker.capture.node.knowledge import dotted, is_private
from mipcheck.checker.capture.survey import Flow, Sighting, Survey, in_clear, is_unicast, on_tunnel
from mipcheck.checker.console.errors import InputError, Problem
from mipcheck.checker.console.escape import printable
from mipcheck.checker.infer.contradictions_device import Contradiction as Contradiction
from mipcheck.checker.infer.contradictions_device import find_at_device
from mipcheck.checker.infer.fact import ACCEPTED
from mipcheck.checker.site.site import Site
from mipcheck.model.specification.spec import MOBILE_NODE
from mipcheck.model.values.event import Position

_AGENTS: Final = ("iha", "xha")
_HOME: Final = {"iha": "ihoa", "xha": "xhoa"}
_OTHER: Final = {"iha": "xha", "xha": "iha"}
_ETHERNET: Final = 1


def find(survey: Survey, site: Site) -> list[Contradiction]:
    """Find all contradictions, in file order; where one explains others, those are left out."""
    if site.role != MOBILE_NODE:
        return sorted(find_at_device(survey, site), key=lambda c: c.frame)
    own = _own(survey, site)
    agents = list(_exchanged(survey, site)) or list(_other_agent(own, site))
    found = [*agents, *_vpn(survey, site), *_fa(survey, site), *_tunnels(survey, site)]
    if not agents:
        found += [*_homes(own, site), *_internal(survey, site), *_keys(own, site)]
    return sorted(found, key=lambda c: c.frame)


def as_error(found: Iterable[Contradiction], capture: str) -> InputError:
    """Return the error that tells them all; `capture` is how the capture is called."""
    hint = "correct the site; `mipcheck infer` proposes one for a capture"
    problems = [Problem(Position(capture, None, c.frame), f"site key {c.key}: {c.message}", hint) for c in found]
    return InputError(problems)


def _own(survey: Survey, site: Site) -> list[Sighting]:
    """Return the node's messages: those for its home addresses, and those with the same care-of or source address.

    If nothing is for a home address of the site, all are: one of them has to be the node's.
    """
    homes = {site.addresses[key] for key in _HOME.values() if key in site.addresses}
    certain = [s for s in survey.messages() if s.home in homes]
    if not certain:
        return list(survey.messages())
    places = {a for s in certain for a in _places(s)}
    asked = {s.body.id for s in survey.requests if not places.isdisjoint(_places(s))}
    return [s for s in survey.messages() if s.home in homes or s.body.id in asked]


def _places(seen: Sighting) -> set[int]:
    """Return where the sender of a request is; replies tell nothing that their request does not."""
    return {seen.source, seen.body.coa} if isinstance(seen.body, Request) else set()


# --- home agents and home addresses -------------------------------------------------------------------------------


def _exchanged(survey: Survey, site: Site) -> Iterator[Contradiction]:
    """Tell that iha and xha are exchanged: each is asked for the other's home address, or does the other's part."""
    iha, xha = site.addresses.get("iha"), site.addresses.get("xha")
    if iha is None or xha is None or iha == xha:
        return
    plain = is_private(iha) and not is_private(xha)  # then by their addresses the agents are what the site says
    crossed = [next(_asked_for(survey, site, a, _HOME[_OTHER[a]]), None) for a in _AGENTS]
    if any(crossed) and not any(s for a in _AGENTS for s in _asked_for(survey, site, a, _HOME[a])):
        for agent, seen in zip(_AGENTS, crossed, strict=True):
            if seen is not None:
                key = _HOME[agent] if plain else agent
                text = f"{dotted(seen.agent)} ({agent}) is asked for {dotted(seen.home)}, the {_HOME[_OTHER[agent]]}"
                what = "ihoa and xhoa" if plain else "iha and xha"
                yield Contradiction(key, seen.frame, f"{text} of the site: {what} are exchanged")
        return
    if plain:
        return
    inner, carrier = _inner(survey, site, xha), _carrier(survey, site, iha)
    if inner is not None and _inner(survey, site, iha) is None:
        text = f"{dotted(xha)} is registered with through the VPN, as the i-HA is: iha and xha are exchanged"
        yield Contradiction("xha", inner, text)
    if carrier is not None and _carrier(survey, site, xha) is None:
        text = f"the tunnel to {dotted(iha)} carries the VPN, as that to the x-HA does: iha and xha are exchanged"
        yield Contradiction("iha", carrier, text)


def _asked_for(survey: Survey, site: Site, agent: str, home: str) -> Iterator[Sighting]:
    """Yield messages of the agent about this home address of the site, where it is not the other one's too."""
    address, same = site.addresses.get(home), len({site.addresses.get(h) for h in _HOME.values()}) == 1
    if address is not None and not same:
        yield from (s for s in survey.messages() if s.agent == site.addresses[agent] and s.home == address)


def _tunnel_names(survey: Survey, site: Site) -> frozenset[str]:
    return survey.tunnels() | frozenset(site.tunnels)


def _inner(survey: Survey, site: Site, agent: int) -> int | None:
    """Find the first frame with a request to `agent` seen on a tunnel device only, and not in the x-MIP tunnel."""
    tunnels = _tunnel_names(survey, site)
    clear = in_clear(survey.requests, tunnels)
    homes = {s.home for s in survey.messages()}
    frames = (
        s.frame
        for s in survey.requests
        if s.agent == agent and on_tunnel(s, tunnels) and s.source not in homes and s.fixed_part not in clear
    )
    return min(frames, default=None)


def _carrier(survey: Survey, site: Site, agent: int) -> int | None:
    """Find the first frame with key exchange or ESP with the VPN gateway in a tunnel that ends at `agent`."""
    vpn = site.addresses.get("vpn")
    frames = (
        f.frame for f in survey.flows if vpn in (f.source, f.target) and any(agent in pair for pair in f.addresses[:-1])
    )
    return min(frames, default=None)


def _other_agent(own: Sequence[Sighting], site: Site) -> Iterator[Contradiction]:
    """Tell that the site's agent is in no message, and the node registers with somebody whom it does not know."""
    given = {key: site.addresses[key] for key in _AGENTS if key in site.addresses}
    named = {s.agent for s in own}
    strangers = [s for s in own if is_unicast(s.agent) and s.agent not in given.values()]
    for key, address in given.items():
        fits = [s for s in strangers if _stands_for(site, s) == key]
        if address in named or not fits:
            continue
        seen = min(fits, key=lambda s: s.frame)
        text = f"no message is of {dotted(address)}, but the node registers with {dotted(seen.agent)}"
        yield Contradiction(key, seen.frame, text)


def _stands_for(site: Site, seen: Sighting) -> str:
    """Tell which agent a stranger is in the place of: by the home address, else by what it is."""
    for agent, home in _HOME.items():
        if seen.home == site.addresses.get(home):
            return agent
    return "iha" if is_private(seen.agent) else "xha"


def _homes(own: Sequence[Sighting], site: Site) -> Iterator[Contradiction]:
    """Tell that the home address of the site is in no message of its agent, and another one is."""
    for agent, key in _HOME.items():
        address, home = site.addresses.get(agent), site.addresses.get(key)
        of_agent = [s for s in own if s.agent == address and is_unicast(s.home)]
        if address is None or home is None or not of_agent or any(s.home == home for s in of_agent):
            continue
        seen = min(of_agent, key=lambda s: s.frame)
        what = "request to" if isinstance(seen.body, Request) else "reply of"
        text = f"no registration with {agent} is for {dotted(home)}, but this {what} it is for {dotted(seen.home)}"
        yield Contradiction(key, seen.frame, text)


# --- VPN gateway, prefixes, foreign agents, devices ---------------------------------------------------------------


def _vpn(survey: Survey, site: Site) -> Iterator[Contradiction]:
    """Tell that keys and ESP are exchanged with another address, in a way that only the enterprise's VPN is used.

    Anybody may have a further VPN, so that one used from inside, or in the tunnel to the i-HA, says nothing.
    """
    vpn, iha = site.addresses.get("vpn"), site.addresses.get("iha")
    if vpn is None or any(vpn in pair for f in survey.flows for pair in f.addresses):
        return
    agents = {site.addresses[k] for k in _AGENTS if k in site.addresses}
    strangers = [
        f for f in survey.flows if not agents & {f.source, f.target} and not any(iha in p for p in f.addresses)
    ]
    ours = [f for f in strangers if _is_enterprise(f, site)]
    begun = [f for f in strangers if f.begun]
    if not ours and len({f.target for f in begun}) == 1 and not _was_inside(survey, site):
        ours = begun
    flow = min(ours, key=lambda f: f.frame, default=None)
    if flow is None:
        return
    node = {site.addresses.get("xhoa"), *(s.source for s in survey.requests)}
    peer = flow.source if flow.target in node else flow.target
    what = "key exchange" if flow.kind == "ike" else "ESP"
    yield Contradiction("vpn", flow.frame, f"{what} is with {dotted(peer)}, and never with {dotted(vpn)}")


def _is_enterprise(flow: Flow, site: Site) -> bool:
    """Decide whether a flow is of the external home address, or passes the tunnel to the x-HA."""
    xhoa, xha = site.addresses.get("xhoa"), site.addresses.get("xha")
    in_tunnel = xha is not None and any(xha in pair for pair in flow.addresses[:-1])
    return in_tunnel or (xhoa is not None and xhoa in (flow.source, flow.target))


def _was_inside(survey: Survey, site: Site) -> bool:
    """Decide whether the i-HA ever accepted a registration outside of any tunnel device."""
    tunnels, iha = _tunnel_names(survey, site), site.addresses.get("iha")
    return any(s.agent == iha and _accepts(s) and not on_tunnel(s, tunnels) for s in survey.replies)


def _accepts(seen: Sighting) -> bool:
    return isinstance(seen.body, Reply) and seen.body.code in ACCEPTED


def _internal(survey: Survey, site: Site) -> Iterator[Contradiction]:
    """Tell that a prefix of the inside holds the x-HA or the VPN gateway, which stand outside (draft, section 2)."""
    frames = {
        "xha": (s.frame for s in survey.messages() if s.agent == site.addresses.get("xha")),
        "vpn": (f.frame for f in survey.flows if site.addresses.get("vpn") in (f.source, f.target)),
    }
    for key, seen in frames.items():
        address, frame = site.addresses.get(key), min(seen, default=None)
        if address is None or frame is None:
            continue
        prefix = next((p for p in site.internal if ipaddress.IPv4Address(address) in p), None)
        if prefix is not None:
            text = f"{prefix} holds {dotted(address)}, which the site calls {key} and which stands outside"
            yield Contradiction("internal", frame, text)


def _fa(survey: Survey, site: Site) -> Iterator[Contradiction]:
    """Tell that a foreign agent's address is a co-located care-of address, from which the node registers."""
    for address in site.fa:
        frames = [
            s.frame
            for s in survey.requests
            if isinstance(s.body, Request) and s.source == address == s.body.coa and "D" in s.body.flags
        ]
        if frames:
            text = f"{dotted(address)} is the node's own: it registers from there, with a co-located care-of address"
            yield Contradiction("fa", min(frames), text)


def _tunnels(survey: Survey, site: Site) -> Iterator[Contradiction]:
    """Tell that a tunnel is none: an Ethernet device alone shows that the x-HA is registered with."""
    xha = site.addresses.get("xha")
    clear = in_clear(survey.requests, frozenset(site.tunnels))
    for name in site.tunnels:
        device = survey.devices.get(name)
        if device is None or device.linktype != _ETHERNET:
            continue
        frames = [
            s.frame
            for s in survey.requests
            if s.interface == name and s.agent == xha and s.depth == 1 and s.fixed_part not in clear
        ]
        if frames:
            text = f"{printable(name)} is Ethernet, and the x-HA is registered with there: it is no tunnel device"
            yield Contradiction("tunnels", min(frames), text)


# --- keys ---------------------------------------------------------------------------------------------------------


def _keys(own: Sequence[Sighting], site: Site) -> Iterator[Contradiction]:
    """Tell that an agent authenticates under another SPI, or both sides under another key, than the site says."""
    for agent in _AGENTS:
        spis = {key.spi for key in site.mn_ha_keys if key.agent == agent}
        signed = [(s, s.spi) for s in own if s.agent == site.addresses.get(agent)]
        seen = [s for s, spi in signed if spi is not None]
        if not spis or not seen:
            continue
        if all(spi not in spis for _, spi in signed) and any(isinstance(s.body, Reply) for s in seen):
            # A node that is configured wrongly uses another SPI too; but then the agent has no such SPI to answer with.
            first = min(seen, key=lambda s: s.frame)
            given = ", ".join(map(str, sorted(spis)))
            text = (
                f"the site gives SPI {given} for {agent}, but every message with it carries another, this {first.spi}"
            )
            yield Contradiction("mn_ha_key", first.frame, text)
            continue
        frame = _all_wrong(site, agent, seen)
        if frame is not None:
            text = f"under the key given no authenticator of {agent} or to it is right, though it accepts this request"
            yield Contradiction("mn_ha_key", frame, text)


def _all_wrong(site: Site, agent: str, signed: Sequence[Sighting]) -> int | None:
    """Find a request that was accepted, if no authenticator of either side fits the key; its frame.

    A stale key of the node alone, or forged replies, leave those of the other side right; a refused request (code
    131) says that the home agent does not share the key of the node, and nothing about that of the site.
    """
    checked = [(s, mobileip.authentication(s.message, agent, site.mn_ha_keys)) for s in signed if s.message.whole]
    if any(result == "ok" for _, result in checked):
        return None
    bad = [s for s, result in checked if result == "bad"]
    accepted = {s.body.id for s in bad if _accepts(s)}
    frames = (s.frame for s in bad if isinstance(s.body, Request) and s.body.id in accepted)
    return min(frames, default=None)
