"""Which home agent is the internal one and which the external one, and the home addresses registered with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from mipcheck.checker.capture.messages.mobileip import Reply, Request
from mipcheck.checker.capture.node.knowledge import dotted, is_private
from mipcheck.checker.capture.survey import Sighting, Survey, in_clear, is_unicast, on_tunnel
from mipcheck.checker.infer.fact import ACCEPTED, LIKELY, OTHERS, SURE, UNCERTAIN, Fact, toml_text


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
        """Return how much of an internal home agent it is: the higher, the more.

        Somebody's further VPN may run through the tunnel to the internal one, so that `carrier` weighs less.
        """
        address = 4 if is_private(self.address) else -4
        return address + 8 * bool(self.inner) - 3 * bool(self.carrier) - 2 * bool(self.withdrawn)

    def fact(self, said: bool = True) -> Fact:
        """Return the line of the site file; a comment unless it is to be `said`."""
        return Fact(self.key, toml_text(dotted(self.address)), self.frame, self.why, self.sure, said)


def agents_of(survey: Survey) -> tuple[list[Agent], list[Fact]]:
    """Tell the internal and the external home agent, as far as there are any; and others left over, as comments."""
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
    rest = [a for a in order if a not in chosen][:OTHERS]
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
    """Mark agents that are withdrawn from: who is inside leaves the external one, and goes on with the internal one."""
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
    """Say how sure the role of an agent is, and why."""
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


def home_of(survey: Survey, agent: Agent) -> list[Fact]:
    """Find the home addresses registered with an agent, the most frequent first; replies count for want of requests."""
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
    for home, _ in count.most_common(1 + OTHERS):
        seen = first[home]
        what = "request to" if isinstance(seen.body, Request) else "reply of"
        why = f"Home Address of a registration {what} {agent.key}"
        sure = min(agent.sure, SURE if home in accepted else LIKELY, key=(UNCERTAIN, LIKELY, SURE).index)
        if home not in accepted:
            why += ", which none accepts here"
        if facts:
            why += "; another node's, or another home address?"
        facts.append(Fact(key, toml_text(dotted(home)), seen.frame, why, UNCERTAIN if facts else sure, not facts))
    return facts
