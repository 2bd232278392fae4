"""What stands for an address, a link address or a name in an anonymised capture: always the same, for one secret."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from functools import cache
from typing import Final

_KEPT: Final = {172: 16, 192: 16, 169: 16, 100: 16}
"""First octet → bits that stay, where the second octet says whether an address is private, of the link or shared."""
_CLASS: Final = 8
"""Bits that stay of any other address: they say whether it is private, of the host itself, or multicast."""
_MULTICAST: Final = 0xE0000000


class Disguise:
    """Replaces addresses and names, consistently. Who does not have the `secret` cannot tell them back."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.address = cache(self._address)
        self.link_address = cache(self._link_address)

    def noise(self, what: bytes, size: int) -> bytes:
        """Return `size` bytes that stand for `what`."""
        return hashlib.shake_256(self._secret + what).digest(size)

    def _bit(self, prefix: str) -> int:
        return hmac.digest(self._secret, prefix.encode(), "sha256")[0] & 1

    def _address(self, address: int) -> int:
        """Return what stands for an IPv4 address.

        Two addresses share as many leading bits as before, so that a prefix has one that stands for it. Multicast,
        broadcast, 0 and the host's own stay, and private addresses are private.
        """
        first = address >> 24
        if address == 0 or address >= _MULTICAST or first in (0, 127):
            return address
        result = address
        for bit in range(_KEPT.get(first, _CLASS), 32):
            # Within the last octet what begins with ones only is left alone: a broadcast address stays one.
            above = address >> (32 - bit) & (1 << (bit - 24)) - 1 if bit >= 24 else 0
            if bit < 24 or above != (1 << (bit - 24)) - 1:
                result ^= self._bit(f"{address >> (32 - bit):b}/{bit}") << (31 - bit)
        return result

    def _link_address(self, address: bytes) -> bytes:
        """Return what stands for a link address; group addresses stay."""
        if not any(address) or (address[:1] and address[0] & 1):
            return address
        return b"\x02" + self.noise(b"mac" + address, len(address) - 1)

    def text(self, text: bytes) -> bytes:
        """Return letters and digits of the same length for a name; what divides its labels stays."""
        found, label = bytearray(), bytearray()
        for byte in text + b"\0":
            if byte in b".@-_/\\\0":
                found += bytes(97 + b % 26 for b in self.noise(b"name" + bytes(label).lower(), len(label)))
                found.append(byte)
                label.clear()
            else:
                label.append(byte)
        return bytes(found[:-1])

    def network(self, network: ipaddress.IPv4Network) -> ipaddress.IPv4Network:
        """Return the prefix that stands for a prefix."""
        base = self.address(int(network.network_address)) & int(network.netmask)
        return ipaddress.IPv4Network((base, network.prefixlen))
