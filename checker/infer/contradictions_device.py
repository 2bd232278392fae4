"""A site of a gateway or an agent that its own capture contradicts: its address, or the keys that it signs with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mipcheck.checker.capture.messages.mobileip import Reply
from mipcheck.checker.capture.node.knowledge import dotted
from mipcheck.checker.capture.survey import Sighting, Survey, is_unicast
from mipcheck.checker.site.site import Site


@dataclass(frozen=True, slots=True)
class Contradiction:
    """`key` is the site key (or the table mn_ha_key) that is wrong, `frame` the first that says so."""

    key: str
    frame: int
    message: str


def find_at_device(survey: Survey, site: Site) -> Iterator[Contradiction]:
    """Find what a capture taken at the device of the site's role says against the site."""
    if site.role == "fa":
        yield from _foreign_agent(survey, site)
    elif site.role in site.addresses:
        yield from _gateway(survey, site) if site.role == "vpn" else _home_agent(survey, site)


def _home_agent(survey: Survey, site: Site) -> Iterator[Contradiction]:
    own = site.addresses[site.role]
    there = any(own in (s.agent, s.source, s.target) for s in survey.messages())
    if not there and not any(own in pair for f in survey.flows for pair in f.addresses):
        others = [s for s in survey.messages() if s.agent in (s.source, s.target) and is_unicast(s.agent)]
        if not others:
            return
        seen = min(others, key=lambda s: s.frame)
        text = f"no message is of {dotted(own)}, but here is one of the home agent {dotted(seen.agent)}"
        yield Contradiction(site.role, seen.frame, text)
        return
    replies = (s for s in survey.messages() if s.source == own == s.agent and isinstance(s.body, Reply))
    yield from _keys(replies, site)


def _keys(replies: Iterable[Sighting], site: Site) -> Iterator[Contradiction]:
    """Tell that no reply of the agent itself fits the keys, though they are for the SPIs that it uses."""
    from mipcheck.checker.capture.device.registration import Security  # only captures of agents need it

    security = Security(site.role, site.mn_ha_keys)
    if not security.given:
        return
    frames = []
    for seen in (s for s in replies if s.message.whole and s.spi is not None):
        if security.check(seen.message) != "bad":
            return
        frames.append(seen.frame)
    if frames:
        frame = min(frames)
        yield Contradiction("mn_ha_key", frame, f"no reply of {site.role} itself fits the key given, nor does this one")


def _foreign_agent(survey: Survey, site: Site) -> Iterator[Contradiction]:
    own = set(site.fa)
    if not own or not survey.adverts or any(own & {s.source, s.target} for s in survey.messages()):
        return
    if not any(own & {a.source, *a.coas} for a in survey.adverts):
        advert = min(survey.adverts, key=lambda a: a.frame)
        given = ", ".join(map(dotted, site.fa))
        text = f"nothing is of {given}, and the agent that advertises is {dotted(advert.coas[0])}"
        yield Contradiction("fa", advert.frame, text)


def _gateway(survey: Survey, site: Site) -> Iterator[Contradiction]:
    own = site.addresses["vpn"]
    if survey.flows and not any(own in pair for f in survey.flows for pair in f.addresses):
        flow = min(survey.flows, key=lambda f: f.frame)
        what = "key exchange" if flow.kind == "ike" else "ESP"
        text = f"{what} is between {dotted(flow.source)} and {dotted(flow.target)}, and never with {dotted(own)}"
        yield Contradiction("vpn", flow.frame, text)
