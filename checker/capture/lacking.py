"""What is missing in captures, and where: gaps that no packet comes to, among the events of those that do."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from mipcheck.checker.capture.frames.frame import REST, SET_BACK, SLL, SLL2, FileInfo, Loss
from mipcheck.checker.capture.frames.spells import between
from mipcheck.checker.capture.headers import wlan
from mipcheck.checker.capture.headers.fragments import Reassembler
from mipcheck.checker.capture.headers.packet import ASIDE, DHCP, ESP, IKE, REGISTRATION, Packet
from mipcheck.checker.capture.messages import carried, dhcp
from mipcheck.checker.capture.node.devices import COPY
from mipcheck.checker.capture.node.knowledge import Knowledge, is_loopback, is_tunnel
from mipcheck.checker.capture.node.recordings import AGAIN
from mipcheck.checker.console.counts import counted
from mipcheck.checker.site.site import Site
from mipcheck.checker.trace.source import ALIVE
from mipcheck.checker.trace.spans import COUNT, Span
from mipcheck.model.specification.spec import MOBILE_NODE
from mipcheck.model.values.event import NODE, Event, Position
from mipcheck.model.values.types import Value

_GAP: Final = "gap"

_TELLING: Final = frozenset({"link", "coa", "rrq", "rrp", "ike", "sa", "advert", "solicit"})
"""Events that tell something of the node's state; there are few of them."""
_AT_DEVICES: Final = frozenset({"offer", "answer", "endpoint"})
"""Others that do so at a gateway."""


_SEVERAL: Final = 2
_MANY: Final = 8
"""Registration messages on Ethernet among which ARP, at least, would be seen."""

_UNSEEN: Final = "nothing was captured between two captures"
"""Why nothing is known of the time before a capture, or a part of one, that was begun after another had ended."""


class Added(NamedTuple):
    """An event that no packet comes to: that evidence is missing, or what the last that is seen of the node shows.

    `before` says whether it stands before the events of packets of that time (or after them).
    """

    time: int
    before: bool
    interface: str
    frame: int
    kind: str
    args: Mapping[str, Value]

    def event(self, name: str) -> Event:
        """Return it as an event of the file of that name."""
        return Event(self.time, self.interface, self.kind, self.args, Position(name, None, self.frame))


def missing(time: int, before: bool, interface: str, reason: str, frame: int) -> Added:
    """Make a gap: the evidence ends before the packets of that time, or after them."""
    return Added(time, before, interface, frame, _GAP, {"reason": reason})


def gaps_in(
    infos: Sequence[FileInfo],
    firsts: Sequence[int],
    offsets: Sequence[int],
    packets: Sequence[Packet],
    events: Sequence[Event],
    happened: Callable[[int, int], bool],
    together: Reassembler,
    known: Knowledge,
    site: Site,
    unshown: str | None,
) -> list[Added]:
    """Make all events that no packet comes to; `events` are those of packets.

    `unshown` is for `not_shown` at an agent, and None at the mobile node.
    """
    gaps = [*lost(infos, firsts, offsets, packets, happened, site), *disordered(infos, offsets, events)]
    gaps += unreadable(together, known, site)
    return gaps + (alive(packets, known, site) if unshown is None else not_shown(unshown, packets))


def alive(packets: Sequence[Packet], known: Knowledge, site: Site) -> list[Added]:
    """Tell where the last that is seen of the node on an interface is not told as any event.

    Until then what it owed there was owed by a node that was connected. Of packets that look alike, the last is enough.
    """
    tunnels = frozenset(site.tunnels)
    last: dict[str, Packet] = {}
    for packet in packets:
        if (
            is_tunnel(packet, tunnels)
            or is_loopback(packet)
            or packet.kind == DHCP
            or packet.why in (wlan.REPEATED, COPY, AGAIN)
        ):
            continue  # events tell what there is to tell of it
        sign = packet.kind != ASIDE or (bool(packet.source_mac) and known.direction(packet) == "out")
        if sign and (packet.interface not in last or packet.time >= last[packet.interface].time):
            last[packet.interface] = packet
    return [Added(p.time, False, p.interface, p.frame, ALIVE, {}) for p in last.values() if p.kind == ASIDE]


def lost(
    infos: Sequence[FileInfo],
    firsts: Sequence[int],
    offsets: Sequence[int],
    packets: Sequence[Packet],
    happened: Callable[[int, int], bool],
    site: Site,
) -> list[Added]:
    """Make gaps for frames lost while capturing; `happened` tells whether there are events between two times (ns).

    A gap reaches back to the event before it. Where another interface was heard in between, its events would be
    judged by what was known before, so that the gap is said at both ends.
    """
    unseen = _between(infos, offsets)
    if not unseen and not any(info.losses or info.lost for info in infos):
        return []
    concerns = _concerns(packets, site)
    found = []
    for n, (info, first, offset) in enumerate(zip(infos, firsts, offsets, strict=True)):
        for loss in (*info.losses, *unseen.get(n, ())):
            interface = concerns(info, loss)
            if interface is None:
                continue
            if loss.why:
                end = packets[-1].time if packets else 0
                found.extend(_unread(loss._replace(interface=interface), first, offset, end))
                continue
            reason = f"{counted(loss.missing, 'frame')} lost while capturing"
            until = loss.until + offset
            if loss.since is not None:
                since = loss.since + offset
                if since < until and happened(since, until):
                    found.append(missing(since, False, interface, reason, first + loss.frame))
            found.append(missing(until, loss.since is not None, interface, reason, first + loss.frame))
        for loss in info.lost:
            interface = concerns(info, loss)
            if interface is not None and packets:
                reason = loss.why or f"{counted(loss.missing, 'frame')} lost while capturing"
                found.append(missing(loss.until + offset, False, interface, reason, first + loss.frame))
    return found


def lost_somewhere(
    sources: Sequence[tuple[str, int]], infos: Sequence[FileInfo], packets: Sequence[Packet], site: Site
) -> list[tuple[Span, ...]]:
    """Return for each file, of which `sources` gives the name and the offset (ns), the stretches in which frames were
    lost while capturing, nobody knows where, or could not be read."""
    if not any(info.lost for info in infos):
        return [()] * len(infos)
    concerns, end = _concerns(packets, site), packets[-1].time if packets else 0
    found = []
    for (name, offset), info in zip(sources, infos, strict=True):
        spans = []
        for loss in info.lost:
            interface = concerns(info, loss)
            if interface is not None:
                at = Position(name, None, loss.frame)
                args: dict[str, Value] = {"reason": loss.words(), COUNT: loss.missing}
                since, until = None if loss.since is None else loss.since + offset, loss.until + offset
                gap = Event(until, interface, _GAP, args, at)
                spans.append(Span(since, until if until < end else None, gap, True))
        found.append(tuple(spans))
    return found


def _concerns(packets: Sequence[Packet], site: Site) -> Callable[[FileInfo, Loss], str | None]:
    """Return what says which interface a loss in a file concerns: None where it concerns none.

    What passes through a tunnel device or a cooked capture concerns more than the interface of that name.
    """
    tunnels = frozenset(site.tunnels)
    physical = {p.interface for p in packets if not is_tunnel(p, tunnels) and not is_loopback(p)}

    def concerns(info: FileInfo, loss: Loss) -> str | None:
        if loss.interface == "lo":
            return None
        own = loss.interface in physical and info.interfaces.get(loss.interface) not in (SLL, SLL2)
        return loss.interface if own else NODE

    return concerns


def _between(infos: Sequence[FileInfo], offsets: Sequence[int]) -> dict[int, list[Loss]]:
    """Return by the number of a file what nobody captured before it, or a part of it, began."""
    told = [(n, spell) for n, info in enumerate(infos) for spell in info.spells.ended]
    if len(told) < _SEVERAL:
        return {}
    shifts = [offsets[n] for n, _ in told]
    found: dict[int, list[Loss]] = {}
    for gap in between([spell.shifted(ns) for (_, spell), ns in zip(told, shifts, strict=True)]):
        number, spell = told[gap.n]
        since, until = gap.since - shifts[gap.n], gap.until - shifts[gap.n]
        name = NODE if gap.interface is None else gap.interface
        found.setdefault(number, []).append(Loss(name, since, until, spell.frame, 0, _UNSEEN))
    return found


def _unread(loss: Loss, first: int, offset: int, end: int) -> list[Added]:
    """Make gaps for what is in the file and was not read: at both ends, as nobody can tell when it happened.

    The rest of a file reaches to the `end` of all (ns).
    """
    rest = loss.why == REST
    until = missing(
        max(loss.until + offset, end if rest else 0), not rest, loss.interface, loss.why, first + loss.frame
    )
    return [until] if loss.since is None else [until._replace(time=loss.since + offset, before=False), until]


def not_shown(what: str, packets: Sequence[Packet]) -> list[Added]:
    """Make a gap where a capture begins that does not show some messages of an agent at all (`what`, "" if it does):
    then that nobody had registered when it began, as the site may say, is soon of no use."""
    return [missing(packets[0].time, True, NODE, f"{what} is shown", packets[0].frame)] if what and packets else []


def disordered(infos: Sequence[FileInfo], offsets: Sequence[int], events: Sequence[Event]) -> list[Added]:
    """Make gaps where a clock was set back, into times that there had been: what came first of what has these times,
    nobody can tell, so that none of it says how things stand afterwards."""
    spans: list[tuple[int, int]] = []
    back = (
        (loss.until + offset, loss.since + offset)
        for info, offset in zip(infos, offsets, strict=True)
        for loss in info.losses
        if loss.why == SET_BACK and loss.since is not None
    )
    for first, last in sorted(back):
        if spans and first <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(spans[-1][1], last)
        else:
            spans.append((first, last))
    if not spans:
        return []
    firsts, lasts = zip(*spans, strict=True)

    def within(time: int) -> bool:
        at = bisect_right(firsts, time) - 1
        return at >= 0 and time <= lasts[at]

    return [missing(e.time, False, NODE, SET_BACK, e.at.frame or 0) for e in events if _tells(e) and within(e.time)]


def _tells(event: Event) -> bool:
    """Decide whether something is known after an event that was not before, of which user data tells nothing."""
    if event.kind == "relay":
        return event.args.get("what") != "data"
    return event.kind in _TELLING or event.kind in _AT_DEVICES or (event.kind == "packet" and "auth" in event.args)


class Blindness(NamedTuple):
    """Why captures cannot show what they do not show, in words, and where that leaves things unknown."""

    holes: tuple[str, ...] = ()
    gaps: tuple[Added, ...] = ()

    def and_holes(self, more: Iterable[str]) -> Blindness:
        """Return it with more that captures cannot show."""
        return self._replace(holes=(*self.holes, *more))


def blindness(
    infos: Sequence[FileInfo], packets: Sequence[Packet], events: Sequence[Event], known: Knowledge, site: Site
) -> Blindness:
    """Decide what captures are unable to show, so that it says nothing that it is not seen.

    They name a filter, or they show the node on a new link and its VPN, and in either case not one registration in
    clear; they show what the node sends, and nothing that comes; or registrations, and nothing else.
    What a trace says of the node's state is unknown after every event by which it would be known, where it does not
    show all of these.
    """
    tunnels = frozenset(site.tunnels)
    shown = [p for p in packets if not is_tunnel(p, tunnels) and not is_loopback(p)]
    if any(p.kind == REGISTRATION for p in shown):
        return _one_sided(shown, events, known) if site.role == MOBILE_NODE else Blindness()
    filters = list(dict.fromkeys(f for info in infos for f in info.filters if f))
    gateway = site.addresses.get("vpn")
    private = (p for p in shown if p.kind in (ESP, IKE) and known.direction(p))
    vpn = any(gateway is None or any(gateway in pair for pair in p.addresses) for p in private)
    if filters:
        named = f"the capture filter {filters[0]!r} may have kept them out"
    elif vpn and any(e.kind == "coa" for e in events):
        named = "a capture filter may have kept them out; capture UDP port 434 too"
    else:
        return Blindness()
    return Blindness(
        (f"not one registration is seen in clear: {named}",), _unknown(events, "registrations are not seen")
    )


def _one_sided(shown: Sequence[Packet], events: Sequence[Event], known: Knowledge) -> Blindness:
    """Decide whether captures with registrations show what the node sends only, or nothing but registrations."""
    ways = {known.direction(packet) for packet in shown}
    if "in" not in ways and any(_answers(packet) for packet in shown if known.direction(packet) == "out"):
        said = "not one packet to the node is seen: a capture filter may have kept them out; capture both directions"
        return Blindness((said,), _unknown(events, "replies are not seen"))
    alone = all(packet.kind == REGISTRATION and packet.source_mac for packet in shown)
    if alone and sum(e.kind in ("rrq", "rrp") for e in events) >= _MANY:
        return Blindness(("nothing but registrations is seen: a capture filter may have kept out what else was sent",))
    return Blindness()


def _answers(packet: Packet) -> bool:
    """Decide whether a node sends this only as something has come to it before."""
    if packet.kind == DHCP:
        lease = carried.lease(packet)
        return lease is not None and lease.type == dhcp.REQUEST and bool(lease.server)
    if packet.kind == IKE:
        message = carried.key_exchange(packet)
        return message is not None and any(message.responder)
    return False


def _unknown(events: Sequence[Event], why: str) -> tuple[Added, ...]:
    """Make a gap after each event that tells something of the node's state."""
    return tuple(missing(e.time, False, NODE, why, e.at.frame or 0) for e in events if e.kind in _TELLING)


def unreadable(together: Reassembler, known: Knowledge, site: Site) -> list[Added]:
    """Make gaps for fragments that could not be put together and may have been the node's signalling."""
    tunnels = frozenset(site.tunnels)
    found = []
    for packet in together.broken:
        if is_loopback(packet) or not known.direction(packet):
            continue
        interface = NODE if is_tunnel(packet, tunnels) else packet.interface
        found.append(missing(packet.time, True, interface, packet.why, packet.frame))
    return found


def with_gaps(events: list[Event], gaps: Sequence[Added], name: str) -> list[Event]:
    """Put the gaps among the events, all in order of time."""
    if not gaps:
        return events
    made = [gap.event(name) for gap in gaps]
    before = [e for e, g in zip(made, gaps, strict=True) if g.before]
    after = [e for e, g in zip(made, gaps, strict=True) if not g.before]
    return sorted([*before, *events, *after], key=attrgetter("time"))
