"""Frames of the node whose content nobody can read are as good as lost, those that carry nothing of it are not; both
ways of reading captures say the same of them."""

from __future__ import annotations

import struct
from itertools import chain

import pytest
from fuzzing.captures import assert_same
from mipcheck.checker.capture import Capture
from scapy.layers.l2 import LLC, SNAP, Dot1Q, Dot3, Ether
from scapy.layers.ppp import PPP, PPPoE
from scapy.packet import Raw

from making.files import Device, Record, pcapng
from making.packets import IHOA, NODE_MAC, PEER_MAC, SECOND, SERVER, SITE, into, lease, out, user

MACSEC, UNKNOWN, OTHER_MAC = 0x88E5, 0x88B5, "02:00:00:00:00:77"
LINK = Ether(src=NODE_MAC, dst=PEER_MAC)
SECURED = struct.pack("!BBI", 0x0C, 0, 7) + bytes(range(80))


def both(records: list[Record], *names: str) -> Capture:
    """The capture of these interfaces, read in both ways."""
    (capture,) = assert_same([pcapng(records, [Device(name) for name in names or ["eth0"]])], SITE)
    assert isinstance(capture, Capture)
    return capture


def framed(kind: int, source: str = NODE_MAC, target: str = PEER_MAC, data: bytes = SECURED) -> bytes:
    """A frame of an Ethernet type."""
    return bytes(Ether(src=source, dst=target, type=kind) / Raw(data))


def each_second(*frames: bytes) -> list[Record]:
    """A lease, then these frames, one each second."""
    return [Record(n * SECOND, frame) for n, frame in enumerate(chain(lease(), frames))]


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (framed(MACSEC), "1 frame of MACsec on eth0 is not read (capture on the device of MACsec too"),
        (framed(MACSEC, PEER_MAC, NODE_MAC), "1 frame of MACsec on eth0 is not read"),
        (bytes(LINK / Dot1Q(vlan=5, type=MACSEC) / Raw(SECURED)), "1 frame of MACsec on eth0"),
        (framed(UNKNOWN), "nobody knows what 1 frame of ethernet type 0x88b5 on eth0 may carry"),
        (
            bytes(
                Dot3(src=NODE_MAC, dst=PEER_MAC) / LLC(dsap=170, ssap=170, ctrl=3) / SNAP(code=UNKNOWN) / Raw(SECURED)
            ),
            "nobody knows what 1 frame of ethernet type 0x88b5 on eth0 may carry",
        ),
        (
            bytes(LINK / PPPoE(sessionid=1) / PPP(proto=0x53) / Raw(SECURED)),
            "1 frame of encrypted ppp on eth0 is not read",
        ),
    ],
)
def test_what_the_node_hides_is_a_hole_in_the_evidence(frame: bytes, said: str) -> None:
    capture = both(each_second(frame))
    assert [hole[: len(said)] for hole in capture.holes] == [said]
    assert capture.holes[0] in capture.notes


@pytest.mark.parametrize(
    "frame",
    [
        framed(MACSEC, OTHER_MAC),
        framed(UNKNOWN, OTHER_MAC, "ff:ff:ff:ff:ff:ff"),
        *(framed(kind) for kind in (0x88CC, 0x888E, 0x8809, 0x88F7, 0x8902, 0x8863, 0x9000)),
        bytes(Dot3(src=NODE_MAC, dst="01:80:c2:00:00:00") / LLC(dsap=0x42, ssap=0x42, ctrl=3) / Raw(bytes(35))),
        bytes(LINK / PPPoE() / PPP(proto=0xC021) / Raw(bytes(8))),
    ],
)
def test_what_carries_nothing_of_the_node_is_none(frame: bytes) -> None:
    assert both(each_second(frame)).holes == ()


def test_stretches_are_told_apart_by_what_can_be_read_in_between() -> None:
    frames = [framed(MACSEC)] * 3 + [out(user(IHOA, SERVER))] * 3 + [framed(MACSEC)] * 2
    records = [*each_second(), *(Record((10 + n) * SECOND // 2, frame) for n, frame in enumerate(frames))]
    assert [hole.split(" on ")[0] for hole in both(records).holes] == ["3 frames of MACsec", "2 frames of MACsec"]


def test_many_stretches_are_one() -> None:
    frames = [framed(MACSEC)] * 300
    records = [*each_second(), *(Record((10 + 2 * n) * SECOND, frame) for n, frame in enumerate(frames))]
    assert [hole.split(" on ")[0] for hole in both(records).holes] == ["300 frames of MACsec"]


@pytest.mark.parametrize("tag", [8, 16])
def test_what_the_device_of_macsec_shows_is_not_hidden(tag: int) -> None:
    sent, come = out(user(IHOA, SERVER)), into(user(SERVER, IHOA))
    records = [Record(n * SECOND, frame, 1) for n, frame in enumerate(lease())]
    for n, clear in enumerate([sent, come, sent]):
        secured = clear[:12] + struct.pack("!H", MACSEC) + bytes(len(clear) - 14 + tag + 16)
        at = (10 + n) * SECOND
        shown = [Record(at, secured), Record(at + 5000, clear, 1)]
        records += shown if clear is come else [r._replace(time=2 * at + 5000 - r.time) for r in reversed(shown)]
    assert both(records, "eth0", "macsec0").holes == ()
    lacking = both([r for r in records if r.time < 12 * SECOND or r.interface == 0], "eth0", "macsec0")
    assert [hole.split(" on ")[0] for hole in lacking.holes] == ["1 frame of MACsec"]
