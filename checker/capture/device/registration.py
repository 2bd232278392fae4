"""What a registration message says of itself, as keys of a device's events: the same for all devices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from typing import Final, Literal, NamedTuple

from mipcheck.checker.capture.headers.packet import REGISTRATION, Packet
from mipcheck.checker.capture.messages import carried, mobileip
from mipcheck.checker.capture.messages import extensions as ext
from mipcheck.checker.capture.messages.mobileip import Registration, Reply, Request
from mipcheck.checker.site.site import MnHaKey
from mipcheck.model.values.types import Value

Side = Literal["request", "reply"]
Keys = dict[str, Value | None]

LOW: Final = 0xFFFFFFFF
"""The half of an identification by which a reply is compared with its request (RFC 3344 section 3.6.2.1)."""
GRANTED: Final = range(2)
"""Codes with which a registration is granted (RFC 3344 section 3.4)."""
OWN_DENIALS: Final = range(64, 128)
"""Codes with which a foreign agent itself denies (RFC 3344 section 3.4)."""
_CODE: Final = 1
"""The octet of a reply with its code."""
_MOST: Final = 1 << 16
"""Replies that are remembered, before old ones are forgotten."""
_VENDORS: Final = frozenset({ext.OLD_CRITICAL_VENDOR, ext.CRITICAL_VENDOR, ext.OLD_VENDOR, ext.VENDOR, ext.GENERALIZED})
"""Extensions that may say anything."""


def yes_or_no(holds: bool | None) -> str | None:
    """Return yes or no; None for what is not known."""
    return None if holds is None else "yes" if holds else "no"


def request_of(packet: Packet) -> Request | None:
    """Return the request that a packet carries to a registration port, as far as it has a whole fixed part."""
    if packet.kind != REGISTRATION or packet.dport != mobileip.PORT:
        return None
    return carried.registration(packet).request


def reply_of(packet: Packet) -> Reply | None:
    """Return the reply that a packet carries from a registration port, as far as it has a whole fixed part."""
    if packet.kind != REGISTRATION or packet.sport != mobileip.PORT:
        return None
    return carried.registration(packet).reply


class Spoken(NamedTuple):
    """A message with a whole fixed part, where it was seen. It `asks` to a registration port, or `answers` from one.

    `source` and `target` are those of the outermost IP header, `sender` and `receiver` of the innermost of `depth`;
    `coa` is 0 in a reply, `code` in a request, `low` is the identification as it is compared; `whole` says that it was
    captured to its end. Messages that are `alike` (-1 for one that is only itself) have the same extensions, but for
    what these hold. Its octets are what `read` returns for `number`.
    """

    interface: str
    asks: bool
    answers: bool
    source: int
    target: int
    sender: int
    receiver: int
    depth: int
    home: int
    agent: int
    coa: int
    code: int
    low: int
    time: int
    frame: int
    alike: int
    whole: bool
    read: Callable[[int], bytes]
    number: int

    @property
    def payload(self) -> bytes:
        """Its octets."""
        return self.read(self.number)

    @property
    def grants(self) -> bool:
        """Whether it is a reply that grants a registration, or takes it back as asked."""
        return self.answers and self.code in GRANTED

    @property
    def message(self) -> Registration:
        """The message itself, read anew."""
        return mobileip.read_registration(self.payload, self.whole)


def spoken_of(packets: Iterable[Packet]) -> list[Spoken]:
    """Return what the registration messages among these packets say."""
    found = []
    for packet in packets:
        if packet.kind != REGISTRATION or (body := carried.registration(packet).body) is None:
            continue
        asks = isinstance(body, Request)
        found.append(
            Spoken(
                packet.interface,
                asks and packet.dport == mobileip.PORT,
                not asks and packet.sport == mobileip.PORT,
                *packet.addresses[0],
                *packet.addresses[-1],
                len(packet.addresses),
                body.home,
                body.agent,
                body.coa if isinstance(body, Request) else 0,
                body.code if isinstance(body, Reply) else 0,
                body.id & LOW,
                packet.time,
                packet.frame,
                -1,
                packet.whole,
                (packet.payload,).__getitem__,
                0,
            )
        )
    return found


def of_request(packet: Packet, request: Request, home: int) -> Keys:
    """Return the keys of a request whose home address is, or will be, `home`."""
    return {
        "home": home,
        "coa": request.coa,
        "flags": request.flags,
        "lifetime": request.lifetime,
        "id": request.id,
        "dynamic": yes_or_no(request.home == 0),
        "nat": yes_or_no(_behind_nat(packet, request)),
        "udp": yes_or_no(mobileip.asks_for_udp(carried.registration(packet))),
        "zot": yes_or_no(_zero_overhead(carried.registration(packet))),
        "source": None,
        "sender": packet.addresses[-1][0],
        "peer": None,
    }


def of_reply(packet: Packet, reply: Reply) -> Keys:
    """Return the keys of a reply."""
    message = carried.registration(packet)
    return {
        "home": reply.home,
        "code": reply.code,
        "lifetime": reply.lifetime,
        "id": reply.id,
        "udp": yes_or_no(mobileip.grants_udp(message)),
        "tnc": yes_or_no(mobileip.trusted_networks_configured(message) if message.whole else None),
        "zot": yes_or_no(_zero_overhead(message)),
    }


def _behind_nat(packet: Packet, request: Request) -> bool | None:
    """Decide whether a NAT was on the way: the source is not the care-of address (RFC 3519 section 4.4).

    A foreign agent may send from another address than the one that it advertises.
    """
    if packet.addresses[-1][0] == request.coa:
        return False
    return True if "D" in request.flags else None


def _zero_overhead(message: Registration) -> bool | None:
    """Decide whether an extension of appendix D is there. It has no number yet, so that any unknown one may be it."""
    known = all(e.type in ext.NAMES and e.type not in _VENDORS for e in message.extensions)
    return False if message.whole and known else None


class Security:
    """The mobility security associations of one agent, by home address."""

    def __init__(self, agent: str, keys: Iterable[MnHaKey]) -> None:
        self._agent = agent
        self._by_home: dict[int, list[MnHaKey]] = defaultdict(list)
        for key in keys:
            if key.agent == agent:
                self._by_home[key.home].append(key)
        self.given = bool(self._by_home)

    def check(self, message: Registration) -> str:
        """Check the authenticator of a message: ok, bad, absent or unchecked. Keys of one home address go first."""
        home = message.body.home if message.body is not None else 0
        keys = [*self._by_home.get(home, ()), *(self._by_home.get(0, ()) if home else ())]
        return mobileip.authentication(message, self._agent, keys)


class Dynamic:
    """Tells the home addresses that were asked for with the address 0: the reply says what was given."""

    def __init__(self, spoken: Iterable[Spoken]) -> None:
        """`spoken` are all messages of the capture; it is gone through twice."""
        self._given: dict[tuple[int, int], set[int]] = {
            (s.agent, s.low): set() for s in spoken if s.asks and not s.home
        }
        for s in spoken if self._given else ():
            if s.answers and s.home and (s.agent, s.low) in self._given:
                self._given[s.agent, s.low].add(s.home)

    def home(self, request: Request) -> int | None:
        """Return the home address that a request is about; None where nobody knows it, or two have a claim."""
        return self.given(request.home, request.agent, request.id & LOW)

    def given(self, home: int, agent: int, low: int) -> int | None:
        """Return the same for a request in these words, the low bits of its identification among them."""
        if home:
            return home
        given = self._given.get((agent, low), ())
        return next(iter(given)) if len(given) == 1 else None


class Answers:
    """What home agents have answered of late, which a foreign agent passes on: all else it says itself."""

    def __init__(self) -> None:
        self._messages: dict[bytes, None] = {}

    def remember(self, packet: Packet) -> None:
        """Take note of a reply of a home agent, and forget the oldest once there are many."""
        if packet.payload[_CODE] not in OWN_DENIALS:
            return  # nobody asks
        message = mobileip.fixed_part(packet.payload)
        self._messages.pop(message, None)
        self._messages[message] = None
        if len(self._messages) > _MOST:
            del self._messages[next(iter(self._messages))]

    def denied_here(self, packet: Packet, reply: Reply) -> bool:
        """Decide whether a reply that goes to a node is the foreign agent's own denial."""
        return reply.code in OWN_DENIALS and mobileip.fixed_part(packet.payload) not in self._messages


def not_shown(spoken: Iterable[Spoken], own: Collection[int], relays: bool) -> str:
    """Say which messages of an agent a capture does not show at all, "" if none.

    It was then taken in one direction, on one side or with a filter, and what hangs on them says nothing. An agent
    that `relays` requests is a foreign one.
    """
    asked = passed = answered = replied = False
    for s in spoken:
        if s.asks:
            asked = asked or s.receiver in own or (s.agent in own and s.sender not in own)
            passed = passed or s.sender in own
        elif s.answers:
            answered, replied = answered or s.receiver in own, replied or s.sender in own
    if not asked:
        return "not one request to the agent"
    if relays:
        return "not one request that the agent passes on" if answered and not passed else ""
    return "" if replied else "not one reply of the agent"
