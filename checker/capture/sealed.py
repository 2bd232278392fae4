"""The node's own frames whose content is hidden: as good as lost while capturing, as nobody can read them.

They are encrypted (802.11, MACsec, PPP) or of a type that nobody knows, and may have been anything, user data or
signalling. What is found while there are some is asked again with nothing known of their interface (`observe/lost.py`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mipcheck.checker.capture.frames.frame import FileInfo, Loss
from mipcheck.checker.capture.headers.link import MACSEC, OF_UNKNOWN_TYPE, hides
from mipcheck.checker.capture.headers.packet import Packet
from mipcheck.checker.capture.headers.wlan import ENCRYPTED
from mipcheck.checker.capture.node.knowledge import Knowledge
from mipcheck.checker.console.counts import counted

_MOST: Final = 256
"""Stretches of an interface that are told apart; more are one from the first to the last."""
_APART: Final = 10**9
"""ns between two frames that are no longer of one stretch: what was seen in between can be relied on again."""
_SOON: Final = 10**6
"""ns between a frame of MACsec and what its device shows of it."""
_TAGGED: Final = range(16, 33)
"""Bytes by which MACsec makes a frame longer: a tag of 8 or 16, and a check value of 8 to 16 (IEEE 802.1AE)."""


@dataclass(slots=True)
class _Stretch:
    since: int
    until: int
    frame: int
    count: int = 1


def take_note_of_sealed(
    sealed: Iterable[Packet],
    infos: Sequence[FileInfo],
    firsts: Sequence[int],
    offsets: Sequence[int],
) -> None:
    """Take note in which stretches frames of the node were hidden, which are given in order of time; `firsts` are the
    frames before each file, and `offsets` (ns) were added to its times."""
    stretches: dict[tuple[int, str, str], list[_Stretch]] = {}
    for packet in sealed:
        file = bisect_left(firsts, packet.frame) - 1
        found = stretches.setdefault((file, packet.interface, packet.why), [])
        if not found or (packet.time - found[-1].until > _APART and len(found) <= _MOST):
            found.append(_Stretch(packet.time, packet.time, packet.frame))
        else:
            found[-1].until = packet.time
            found[-1].count += 1
    for (file, interface, why), found in stretches.items():
        if len(found) > _MOST:
            found = [_Stretch(found[0].since, found[-1].until, found[0].frame, sum(s.count for s in found))]
        for stretch in found:
            since, until = stretch.since - offsets[file], stretch.until - offsets[file]
            said = _said(stretch.count, interface, why)
            infos[file].note(said)
            number = stretch.frame - firsts[file]
            infos[file].lost.append(
                Loss(interface, since - 1 if since > 0 else None, until, number, stretch.count, said)
            )


def sealed_among(packets: Sequence[Packet], known: Knowledge) -> Iterator[Packet]:
    """Yield those of packets, which are in order of time, that are hidden, may be the node's, and are shown nowhere."""
    sealed = [packet for packet in packets if is_sealed(packet, known)]
    if not any(packet.why == MACSEC for packet in sealed):
        yield from sealed
        return
    clear: dict[tuple[bytes, bytes], list[Packet]] = defaultdict(list)
    for packet in packets:
        if not hides(packet):
            clear[packet.source_mac, packet.target_mac].append(packet)
    taken: set[int] = set()
    for packet in sealed:
        if packet.why != MACSEC or not _is_shown(packet, clear[packet.source_mac, packet.target_mac], taken):
            yield packet


def _is_shown(sealed: Packet, clear: Sequence[Packet], taken: set[int]) -> bool:
    """Decide whether one of the packets in clear between the same stations is what a frame of MACsec carries, shown by
    its device; each is that of one frame."""
    for packet in clear[bisect_left(clear, sealed.time - _SOON, key=lambda p: p.time) :]:
        if packet.time > sealed.time + _SOON:
            return False
        beside = packet.interface != sealed.interface or not sealed.target_mac  # "any" has one name for all devices
        if beside and sealed.length - packet.length in _TAGGED and packet.frame not in taken:
            taken.add(packet.frame)
            return True
    return False


def is_sealed(packet: Packet, known: Knowledge) -> bool:
    """Decide whether a frame is hidden, and may be the node's: where none of its link addresses on the interface is
    known, any may be."""
    if not hides(packet):
        return False
    macs = known.macs.get(packet.interface)
    return not macs or packet.source_mac in macs or packet.target_mac in macs


def _said(count: int, interface: str, why: str) -> str:
    is_, they = ("is", "it carries") if count == 1 else ("are", "they carry")
    if why == ENCRYPTED:
        return (
            f"{counted(count, 'frame')} of 802.11 {is_} encrypted on {interface} (decrypt the"
            " file first, as with airdecap-ng, or capture on the node's own interface)"
        )
    if why == MACSEC:
        return (
            f"{counted(count, 'frame')} of MACsec on {interface} {is_} not read (capture on the device of MACsec too,"
            " such as macsec0, which shows what is inside)"
        )
    if why.startswith(OF_UNKNOWN_TYPE):
        return (
            f"nobody knows what {counted(count, 'frame')} of {why} on {interface} may carry (if {they} nothing of the"
            f" node's, take them out: tshark -r IN -Y 'eth.type != {why[len(OF_UNKNOWN_TYPE) - 2 :]}' -w OUT)"
        )
    return f"{counted(count, 'frame')} of {why} on {interface} {is_} not read (capture where it is in clear)"
