"""The message that a packet carries, read when it is first asked for and kept with the packet.

Many ask for it: who the node is, what happened, what the site says, who speaks with whom. A message that makes no sense
is kept as None, and is not read a second time either. Each function is for packets of one `kind` only.
"""

from __future__ import annotations

from typing import cast

from mipcheck.checker.capture.headers.packet import UNREAD, Packet
from mipcheck.checker.capture.messages import dhcp, ike, mobileip


def registration(packet: Packet) -> mobileip.Registration:
    """Return the registration message of a packet of kind REGISTRATION; its fixed part may be cut short."""
    if packet.message is UNREAD:
        packet.message = mobileip.read_registration(packet.payload, packet.whole)
    return cast("mobileip.Registration", packet.message)


def advertisement(packet: Packet) -> mobileip.Advertisement | None:
    """Return the agent advertisement in a packet of kind ADVERTISEMENT; None for that of a router without mobility."""
    if packet.message is UNREAD:
        packet.message = mobileip.read_advertisement(packet.payload)
    return cast("mobileip.Advertisement | None", packet.message)


def lease(packet: Packet) -> dhcp.DhcpMessage | None:
    """Return the DHCP message of a packet of kind DHCP; None where it cannot be read."""
    if packet.message is UNREAD:
        packet.message = dhcp.read_message(packet.payload)
    return cast("dhcp.DhcpMessage | None", packet.message)


def key_exchange(packet: Packet) -> ike.IkeMessage | None:
    """Return the message of a packet of kind IKE; None where it cannot be read."""
    if packet.message is UNREAD:
        packet.message = ike.read_message(packet.payload)
    return cast("ike.IkeMessage | None", packet.message)
