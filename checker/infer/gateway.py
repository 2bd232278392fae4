"""Which peer of key exchange and ESP is the VPN gateway of the enterprise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mipcheck.checker.capture.messages.mobileip import Request
from mipcheck.checker.capture.node.knowledge import dotted
from mipcheck.checker.capture.survey import Flow, Survey, is_unicast
from mipcheck.checker.infer.agents import Agent
from mipcheck.checker.infer.fact import LIKELY, OTHERS, SURE, UNCERTAIN, Fact, toml_text


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
    """Return the home and care-of addresses of whoever registers."""
    own: set[int] = set()
    for seen in survey.requests:
        assert isinstance(seen.body, Request)
        own.add(seen.home)
        if "D" in seen.body.flags or seen.body.coa == seen.source:
            own.update((seen.source, seen.body.coa))
    own.update(seen.home for seen in survey.replies)
    return {address for address in own if is_unicast(address)}


def vpn_of(survey: Survey, agents: Sequence[Agent]) -> list[Fact]:
    """List the peers of key exchange and ESP: the one taken for the VPN gateway first, all others as comments."""
    order = sorted(_peers(survey, agents).values(), key=lambda p: (-p.rank, -p.packets, p.flow.frame))
    facts: list[Fact] = []
    for peer in order[: 1 + OTHERS]:
        what = "key exchange" if peer.flow.kind == "ike" else "ESP"
        note, sure = _RANKS[peer.rank]
        if facts:
            note, sure = "; another gateway?", UNCERTAIN
        said = not facts and peer.rank >= 0
        facts.append(Fact("vpn", toml_text(dotted(peer.address)), peer.flow.frame, f"{what} with it{note}", sure, said))
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
