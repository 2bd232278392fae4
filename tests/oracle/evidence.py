"""Say what each line of a log is evidence of: which request a reply answers, in which stretch of an interface.

Sources: RFC 3344 3.6.2.1 (a reply answers the most recent request to that agent, the low 32 bits of the identification
are compared, a home agent's reply has to be authentic), 3.6.3 and 5.7 (with nonces an unanswered request is sent again
unchanged); the draft's section 4.2.3 (lines 1044-1053) for what starts anew when the connection status changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .logtext import Event, Log, read_duration

# What a site that does not say takes; the draft gives no number for most of them.
_DEFAULTS = {
    "t_reregister": "20s",
    "t_retransmit": "2s",
    "t_stop": "60s",
    "t_detection": "5s",
    "t_slack": "1s",
    "t_switch": "2s",
    "t_restart": "12s",
    "t_begin": "30s",
    "t_deregister": "5s",
    "t_verify": "5s",
}


@dataclass(frozen=True, slots=True)
class Numbers:
    """The parameters of a site, durations in nanoseconds."""

    reregister: int
    retransmit: int
    stop: int
    detection: int
    slack: int
    switch: int
    restart: int
    begin: int
    deregister: int
    verify: int
    retransmissions: int | None  # only where the site gives both: a default shows nothing


def numbers_of(site: dict[str, str]) -> Numbers:
    """Return the parameters that `site` gives, and defaults for the others."""
    times = {name[2:]: read_duration(site.get(name, default)) for name, default in _DEFAULTS.items()}
    both = "n_retransmit" in site and "t_retransmit" in site
    return Numbers(**times, retransmissions=int(site["n_retransmit"]) if both else None)


@dataclass(slots=True)
class Request:
    """A registration request; `copies` are the times at which it was sent, unchanged."""

    agent: str
    path: str
    coa: str | None
    flags: frozenset[str] | None
    lifetime: int | None
    low: int | None
    copies: list[int]
    accepted: bool = False

    @property
    def registers(self) -> bool:
        """Say whether it asks for a binding, rather than withdrawing one."""
        return self.lifetime != 0


@dataclass(frozen=True, slots=True)
class Sent:
    """A request left. `again`: an unchanged copy; `settled`: of one that had been accepted, so no new request."""

    request: Request
    again: bool
    settled: bool


@dataclass(frozen=True, slots=True)
class Accepted:
    """A reply accepted `request`, which was sent at the earliest at `first` and at the latest at `last`."""

    request: Request
    first: int
    last: int
    code: int
    sure: bool


@dataclass(frozen=True, slots=True)
class Denied:
    """A reply denied the most recent request. `by_agent`: a foreign agent did (codes 64 to 127)."""

    request: Request
    code: int
    by_agent: bool
    auth: str


@dataclass(frozen=True, slots=True)
class Discarded:
    """A reply that counts for nothing, and why."""

    why: str


Meaning = Sent | Accepted | Denied | Discarded | None


@dataclass(frozen=True, slots=True)
class Item:
    """A line and what it is evidence of."""

    event: Event
    meaning: Meaning


@dataclass(slots=True)
class Stretch:
    """An interface between two changes of its connection status; `known`: the log shows the change that began it."""

    interface: str
    start: int
    known: bool
    up: bool | None
    coa: str | None = None
    kind: str | None = None
    coa_time: int | None = None
    items: list[Item] = field(default_factory=list)
    end: int = 0
    ended_by: str = "end"

    def replies(self, agent: str) -> Iterator[tuple[Event, Accepted]]:
        """Return the direct acceptances by `agent` of requests for a binding."""
        for item in self.items:
            if isinstance(item.meaning, Accepted):
                request = item.meaning.request
                if request.agent == agent and request.path == "direct" and request.registers:
                    yield item.event, item.meaning

    def requests(self, agent: str) -> Iterator[tuple[Event, Sent]]:
        """Return the direct requests to `agent` for a binding that are no copies of what it has accepted."""
        for event, sent in self.transmissions(agent):
            if not sent.settled:
                yield event, sent

    def transmissions(self, agent: str) -> Iterator[tuple[Event, Sent]]:
        """Return the direct requests to `agent` for a binding, copies of what it has accepted among them."""
        for item in self.items:
            if isinstance(item.meaning, Sent):
                request = item.meaning.request
                if request.agent == agent and request.path == "direct" and request.registers:
                    yield item.event, item.meaning


class Exchanges:
    """Requests and replies of one node: a reply answers the most recent request to its agent, by its path."""

    def __init__(self) -> None:
        self._sent: dict[tuple[str, str, str], dict[int, Request]] = {}
        self._latest: dict[tuple[str, str, str], Request] = {}

    def forget(self, interface: str) -> None:
        """Drop what was asked directly through `interface`: it was asked from where the node no longer is."""
        for agent in ("iha", "xha"):
            self._sent.pop((interface, agent, "direct"), None)
            self._latest.pop((interface, agent, "direct"), None)

    def send(self, event: Event) -> Sent:
        """Note the request of `event`."""
        key = (event.interface, event.keys["to"], event.keys["path"])
        low = _low(event)
        known = self._sent.setdefault(key, {})
        earlier = known.get(low) if low is not None else None
        if earlier is not None and _flags(event) == earlier.flags and _number(event, "lifetime") == earlier.lifetime:
            settled = earlier.accepted
            if not settled:
                earlier.copies.append(event.time)
                self._latest[key] = earlier
            return Sent(earlier, True, settled)
        request = Request(
            key[1], key[2], event.get("coa"), _flags(event), _number(event, "lifetime"), low, [event.time]
        )
        if low is not None:
            known[low] = request
        self._latest[key] = request
        return Sent(request, False, False)

    def receive(self, event: Event) -> Accepted | Denied | Discarded:
        """Say what the reply of `event` answers."""
        request = self._latest.get((event.interface, event.keys["from"], event.keys["path"]))
        if request is None:
            return Discarded("nothing was asked since the connection status changed")
        low, code, auth = _low(event), int(event.keys["code"]), event.keys.get("auth", "unchecked")
        if low is not None and request.low is not None and low != request.low:
            return Discarded("the identification is another one in its low 32 bits")
        by_agent = 64 <= code < 128
        if auth not in ("ok", "unchecked") and not by_agent and code in (0, 1):
            return Discarded("no authenticator that is right")
        if code not in (0, 1):
            if request.accepted:
                return Discarded("the request has been accepted already")
            return Denied(request, code, by_agent, auth)
        if request.accepted:
            return Discarded("the request has been accepted already")
        lifetime = _number(event, "lifetime")
        if request.registers and lifetime == 0:
            return Discarded("lifetime 0")
        sure = None not in (low, request.low, lifetime, request.lifetime)
        if sure:
            request.accepted = True
        return Accepted(request, request.copies[0], request.copies[-1], code, sure)


def _low(event: Event) -> int | None:
    word = event.get("id")
    return None if word is None else int(word, 0) & 0xFFFFFFFF


def _number(event: Event, key: str) -> int | None:
    word = event.get(key)
    return None if word is None else int(word)


def _flags(event: Event) -> frozenset[str] | None:
    word = event.get("flags")
    return None if word is None else frozenset(word.replace("-", ""))


def stretches_of(log: Log) -> list[Stretch]:
    """Cut `log` at the changes of connection status of each interface, and say what each line is evidence of.

    A care-of address that the interface has already is no change. A gap begins a stretch of which nothing is known.
    """
    exchanges = Exchanges()
    fresh = log.site.get("boot") == "true"
    current: dict[str, Stretch] = {}
    done: list[Stretch] = []

    def begin(interface: str, event: Event, by: str, known: bool, up: bool | None) -> Stretch:
        before = current.get(interface)
        if before is not None:
            before.end, before.ended_by = event.time, by
            done.append(before)
        exchanges.forget(interface)
        stretch = current[interface] = Stretch(interface, event.time, known, up)
        if before is not None and by == "link" and known:
            stretch.coa, stretch.kind = before.coa, before.kind
        return stretch

    for event in log.events:
        name, interface = event.name, event.interface
        if name == "gap":
            for each in [interface] if interface != "-" else list(current):
                begin(each, event, "gap", False, None)
            continue
        if interface == "-":
            continue
        if interface not in current:
            current[interface] = Stretch(interface, 0 if fresh else event.time, fresh, None)
        stretch = current[interface]
        if name == "link":
            stretch = begin(interface, event, "link", True, event.keys["state"] == "up")
        elif name == "coa":
            if event.keys["addr"] != stretch.coa or stretch.kind != event.keys["kind"]:
                stretch = begin(interface, event, "coa", True, True)
            stretch.coa, stretch.kind = event.keys["addr"], event.keys["kind"]
            stretch.coa_time = event.time if stretch.coa_time is None else stretch.coa_time
        meaning: Meaning = None
        if name == "rrq":
            meaning = exchanges.send(event)
        elif name == "rrp":
            meaning = exchanges.receive(event)
        stretch.items.append(Item(event, meaning))
    for stretch in current.values():
        stretch.end = log.end
        done.append(stretch)
    return done
