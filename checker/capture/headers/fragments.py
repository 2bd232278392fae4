"""IPv4 fragments put together (RFC 791 section 3.2), for what is in them: signalling, and data in tunnels.

A datagram that is complete is read once more as a whole. Signalling then counts as one message, where its last
fragment was captured; of user data each fragment stays a packet, but is known for what it carries even if the first
fragment came last or holds nothing of the inner header. Where a datagram cannot be put together, nothing is guessed:
what hangs on it is set aside and listed in `broken`, so that the trace gets a gap there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from mipcheck.checker.capture.headers.layers import resume
from mipcheck.checker.capture.headers.packet import ADVERTISEMENT, ASIDE, DHCP, ESP, IKE, REGISTRATION, Packet, Piece

TIMEOUT: Final = 30 * 10**9
"""ns after the first fragment, as in Linux; RFC 791 leaves it open."""
MAX_BYTES: Final = 4 * 2**20
MAX_DATAGRAMS: Final = 1024
MAX_PIECES: Final = 2048
"""For one datagram; the smallest link (68 bytes, RFC 791) makes 1365 fragments of the largest datagram."""
MAX_HELD: Final = 65536
"""Fragments of all datagrams together: of tiny ones, and of copies, a few bytes are many."""
_MAX_LENGTH: Final = 65515
"""Bytes of a datagram's payload (total length is 16 bits)."""

OVERLAP: Final = "overlapping fragments"
UNFINISHED: Final = "fragment of a registration that is not complete"

_MESSAGES: Final = {
    REGISTRATION: "fragment of signalling",
    ADVERTISEMENT: "router advertisement",
    DHCP: "dhcp",
    IKE: "key exchange",
}
"""What is read in full, and what its other fragments are called."""
_TUNNELS: Final = frozenset({4, 47, 55})
"""IP protocols within which other headers decide."""


class _Member(NamedTuple):
    """A packet that carries a piece; `stack` and `outer` are its headers before the datagram."""

    packet: Packet
    stack: str
    outer: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class _Datagram:
    since: int
    members: list[_Member] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0
    """Bytes in `pieces`."""
    total: int | None = None
    """Length, once the last fragment is there."""
    why: str = ""
    """Why it will never be complete."""
    aside: str = ""
    """Why its fragments are set aside, if they are."""


class _Done(NamedTuple):
    """A datagram that was complete; `pieces` are its offsets and hashes."""

    lead: _Member
    why: str
    pieces: frozenset[tuple[int, int]]


_Key = tuple[str, int, int, int, int, int]
"""Interface and kind of device (a tunnel's copy is another datagram), then what fragments share."""


class Reassembler:
    """Give it the packets that have a `piece`, in file order; it changes them in place.

    At most MAX_BYTES in MAX_HELD fragments of MAX_DATAGRAMS are kept; what exceeds that is given up, the oldest first.
    `broken` are the
    packets whose content matters and cannot be known, one for each datagram, with the reason in their `why`.
    """

    def __init__(self, keys: Container[int] = ()) -> None:
        """`keys` are the SPIs of ESP that can be opened."""
        self.broken: list[Packet] = []
        self._keys = keys
        self._held = self._members = 0  # bytes, and fragments
        self._datagrams: dict[_Key, _Datagram] = {}  # in order of their first fragments
        self._done: dict[_Key, _Done] = {}

    def take(self, packet: Packet) -> None:
        """Take the fragment that a packet carries, and put together what is complete with it."""
        piece, packet.piece = packet.piece, None
        if piece is not None:
            self._feed(piece, [_Member(packet, piece.stack, piece.outer)], packet)

    def finish(self) -> None:
        """Give up what is not complete: there will be no more."""
        for key in list(self._datagrams):
            self._drop(key)

    def _feed(self, piece: Piece, members: Sequence[_Member], packet: Packet) -> None:
        self._expire(packet.time)
        key = (packet.interface, packet.device, *piece.key)
        datagram = self._datagrams.get(key)
        if datagram is None:
            done = self._done.get(key)
            if done is not None and (piece.start, hash(piece.data)) in done.pieces:
                # The same one again, late; a new datagram with the number of an old one has other bytes.
                for member in members:
                    _become(member, done.lead, done.why)
                return
            datagram = self._datagrams[key] = _Datagram(packet.time)
        if len(datagram.members) < MAX_PIECES:
            datagram.members.extend(members)
            self._members += len(members)
        else:
            datagram.why = datagram.why or "too many fragments"
        if not datagram.why:
            self._add(datagram, piece)
        if datagram.why:
            # Later fragments must not begin a new datagram: this one stays, without what it held.
            self._release(datagram)
            self._give_up(datagram)
        elif datagram.size == datagram.total:
            self._release(datagram)
            del self._datagrams[key]
            self._complete(key, datagram, piece)
        while self._held > MAX_BYTES or len(self._datagrams) > MAX_DATAGRAMS or self._members > MAX_HELD:
            self._drop(next(iter(self._datagrams)))

    def _add(self, datagram: _Datagram, piece: Piece) -> None:
        """Put a piece where it belongs, or say why the datagram makes no sense with it."""
        end = piece.start + len(piece.data)
        if not piece.whole:
            datagram.why = "fragment cut short"
        elif end > _MAX_LENGTH or not piece.data or (piece.more and len(piece.data) % 8):
            datagram.why = "impossible fragment"
        if datagram.why:
            return
        at = bisect_left(datagram.starts, piece.start)
        if at < len(datagram.starts) and datagram.starts[at] == piece.start and datagram.pieces[at] == piece.data:
            return  # the same one again
        over_next = at < len(datagram.starts) and datagram.starts[at] < end
        over_last = at > 0 and datagram.starts[at - 1] + len(datagram.pieces[at - 1]) > piece.start
        total = datagram.total if piece.more else end
        last = max(end, datagram.starts[-1] + len(datagram.pieces[-1])) if datagram.starts else end
        if over_next or over_last or (total is not None and last > total) or datagram.total not in (None, total):
            datagram.why = OVERLAP
            return
        datagram.total = total
        datagram.starts.insert(at, piece.start)
        datagram.pieces.insert(at, piece.data)
        datagram.size += len(piece.data)
        self._held += len(piece.data)

    def _release(self, datagram: _Datagram) -> None:
        self._held -= datagram.size
        if datagram.why:
            datagram.pieces.clear()
            datagram.starts.clear()
            datagram.size = 0

    def _complete(self, key: _Key, datagram: _Datagram, piece: Piece) -> None:
        members = datagram.members
        self._members -= len(members)
        lead = max(members, key=lambda member: member.packet.time)
        packet = lead.packet
        resume(packet, piece._replace(stack=lead.stack, outer=lead.outer), b"".join(datagram.pieces), self._keys)
        why = _MESSAGES.get(packet.kind, "")
        if packet.kind == ESP and packet.payload:
            why = "fragment of esp"  # it is opened where it is whole, and counts there
            packet.length = sum({m.packet.frame: m.packet.length for m in members}.values())
        inner, packet.piece = packet.piece, None
        if len(self._done) >= MAX_DATAGRAMS:
            del self._done[next(iter(self._done))]
        pieces = zip(datagram.starts, map(hash, datagram.pieces), strict=True)
        self._done[key] = _Done(lead, why, frozenset(pieces))
        for member in members:
            if member.packet is not packet:
                _become(member, lead, why)
        if inner is not None:
            # The datagram is itself a fragment of another one.
            stack, outer = inner.stack[len(lead.stack) :], inner.outer[len(lead.outer) :]
            deeper = [_Member(m.packet, m.stack + stack, m.outer + outer) for m in members]
            self._feed(inner, deeper, packet)

    def _expire(self, now: int) -> None:
        while self._datagrams:
            key, oldest = next(iter(self._datagrams.items()))
            if now - oldest.since <= TIMEOUT:
                return
            self._drop(key)

    def _drop(self, key: _Key) -> None:
        datagram = self._datagrams.pop(key)
        self._release(datagram)
        self._give_up(datagram)

    def _give_up(self, datagram: _Datagram) -> None:
        """Set aside what hangs on the missing part. Other fragments are judged one by one, by the headers they have."""
        members, datagram.members = datagram.members, []
        self._members -= len(members)
        if not datagram.aside:
            signalling = [m.packet for m in members if m.packet.kind == REGISTRATION]
            if datagram.why == OVERLAP and (signalling or any(m.packet.protocol in _TUNNELS for m in members)):
                # Receivers differ in which of two contradicting fragments they believe.
                datagram.aside = OVERLAP
            elif signalling:
                datagram.aside = UNFINISHED
            else:
                return
            self.broken.append((signalling or [members[0].packet])[0])
        for member in members:
            packet = member.packet
            packet.kind, packet.why, packet.payload = ASIDE, datagram.aside, b""


def _become(member: _Member, lead: _Member, why: str) -> None:
    """Let a fragment be what its datagram turned out to be, or, of signalling, no more than a part of it."""
    packet, whole = member.packet, lead.packet
    packet.kind, packet.why = (ASIDE, why) if why else (whole.kind, whole.why)
    packet.stack = member.stack + whole.stack[len(lead.stack) :]
    packet.addresses = member.outer + whole.addresses[len(lead.outer) :]
    packet.protocol, packet.sport, packet.dport, packet.spi = whole.protocol, whole.sport, whole.dport, whole.spi
    packet.payload, packet.first_of, packet.rest_of = b"", whole.first_of, whole.rest_of
