"""The node's own frames on the air that are encrypted: as good as lost while capturing, as nobody can read them.

They may have been anything, user data or signalling. What is found while there are some is asked again with nothing
known of their interface (`observe/lost.py`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from mipcheck.checker.capture.frames.frame import FileInfo, Loss
from mipcheck.checker.capture.headers.packet import Packet
from mipcheck.checker.capture.headers.wlan import ENCRYPTED
from mipcheck.checker.capture.node.knowledge import Knowledge
from mipcheck.checker.console.counts import counted

_MOST: Final = 256
"""Stretches of an interface that are told apart; more are one from the first to the last."""
_APART: Final = 10**9
"""ns between two frames that are no longer of one stretch: what was seen in between can be relied on again."""


def take_note_of_sealed(
    packets: Sequence[Packet],
    known: Knowledge,
    infos: Sequence[FileInfo],
    firsts: Sequence[int],
    offsets: Sequence[int],
) -> None:
    """Take note in which stretches frames of the node were encrypted; `firsts` are the frames before each file, and
    `offsets` (ns) were added to its times. Packets are in order of time."""
    stretches: dict[tuple[int, str], list[list[Packet]]] = {}
    for packet in packets:
        if _is_sealed(packet, known):
            file = bisect_left(firsts, packet.frame) - 1
            found = stretches.setdefault((file, packet.interface), [[]])
            if found[-1] and packet.time - found[-1][-1].time > _APART:
                found.append([])
            found[-1].append(packet)
    for (file, interface), found in stretches.items():
        several = found if len(found) <= _MOST else [[packet for frames in found for packet in frames]]
        for frames in several:
            since, until = (packet.time - offsets[file] for packet in (frames[0], frames[-1]))
            said = _said(len(frames), interface)
            infos[file].note(said)
            number = frames[0].frame - firsts[file]
            infos[file].lost.append(Loss(interface, since - 1 if since > 0 else None, until, number, len(frames), said))


def _said(count: int, interface: str) -> str:
    return (
        f"{counted(count, 'frame')} of 802.11 {'is' if count == 1 else 'are'} encrypted on {interface} (decrypt the"
        " file first, as with airdecap-ng, or capture on the node's own interface)"
    )


def _is_sealed(packet: Packet, known: Knowledge) -> bool:
    """Decide whether a frame is encrypted, and may be the node's: where none of its link addresses on the interface is
    known, any may be."""
    if packet.why != ENCRYPTED:
        return False
    macs = known.macs.get(packet.interface)
    return not macs or packet.source_mac in macs or packet.target_mac in macs
