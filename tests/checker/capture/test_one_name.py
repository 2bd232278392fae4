"""Interfaces that a file calls alike, as one that was put together from several: they are one only if they can be."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP

from making.files import ETHERNET, RAW, Device, Record, pcapng
from making.packets import COA, IHA, IHOA, SERVER, into, lease, out, reply, request, user
from making.reading import read

SECOND_MAC = "02:00:00:00:00:02"
ONE, OTHER = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
HERE, THERE = bytes([10, 1, 1, 118, 255, 255, 255, 0]), bytes([203, 0, 113, 53, 255, 255, 255, 0])
SESSION = [*lease(), out(request()), into(reply()), out(IP(src=COA, dst=IHA) / user(IHOA, SERVER))]


def interfaces(first: Device, second: Device) -> list[str]:
    """The interfaces of what two devices show that have one name: a session, and what leaves in clear."""
    records = [Record(n * 10**6, frame) for n, frame in enumerate(SESSION)]
    leak = out(user(IHOA, SERVER), SECOND_MAC) if second.linktype == ETHERNET else bytes(user(IHOA, SERVER))
    capture = read(pcapng([*records, Record(10**8, leak, 1)], [first, second]))
    assert all("as another one is" in note for note in capture.notes if "eth0-2" in note and "called" in note)
    return sorted(capture.interfaces)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Device("eth0"), Device("eth0", RAW)),
        (Device("eth0", mac=ONE), Device("eth0", mac=OTHER)),
        (Device("eth0", ipv4=HERE), Device("eth0", ipv4=THERE)),
    ],
    ids=["link type", "link address", "address"],
)
def test_what_cannot_be_one_interface_is_two(first: Device, second: Device) -> None:
    assert interfaces(first, second) == ["eth0", "eth0-2"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Device("eth0"), Device("eth0")),
        (Device("eth0", mac=ONE), Device("eth0")),
        (Device("eth0", mac=ONE, ipv4=HERE), Device("eth0", mac=ONE, ipv4=THERE)),
        (Device("eth0", ipv4=HERE), Device("eth0", ipv4=HERE)),
    ],
    ids=["nothing told", "told once", "another lease", "one address"],
)
def test_parts_of_a_ring_are_of_one_interface(first: Device, second: Device) -> None:
    assert interfaces(first, second) == ["eth0"]


def test_a_name_that_says_that_there_is_none() -> None:
    """Wireshark's mergecap calls all interfaces of pcap files so."""
    nameless = Device("Unknown/not available in original file format(libpcap)")
    assert len(interfaces(nameless, nameless)) == 2
