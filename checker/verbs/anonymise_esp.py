"""ESP that the given keys open, written anew: what was inside without encryption, authenticated by a new key."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from typing import Final

from mipcheck.checker.capture.messages.ciphers import UnusableKey
from mipcheck.checker.capture.messages.esp import EspAssociation
from mipcheck.checker.site.site import EspSa

_INTEGRITIES: Final = {
    0: ("null", ""),
    12: ("hmac-sha1-96", "sha1"),
    16: ("hmac-sha2-256-128", "sha256"),
    24: ("hmac-sha2-384-192", "sha384"),
    32: ("hmac-sha2-512-256", "sha512"),
}
"""Bytes of an integrity check value → an integrity whose values are as long, and its hash."""


class DisguisedAssociations:
    """The security associations of a site, and those that take their place. Who has no `secret` has no keys."""

    def __init__(self, sas: Iterable[EspSa], secret: bytes) -> None:
        self._secret = secret
        self._lengths: dict[int, int] = {}
        self._associations: dict[int, EspAssociation] = {}
        for sa in sas:
            try:
                self._associations[sa.spi] = EspAssociation(sa)
            except UnusableKey:  # the site file goes without it, and so does what is written
                continue

    def rewritten(self, packet: bytes, inside: Callable[[int, bytes], bytes]) -> bytes | None:
        """Return what stands for an ESP packet that starts with its SPI; None if it cannot be opened.

        `inside` makes, of a protocol and its data, what stands for these.
        """
        spi = int.from_bytes(packet[:4], "big")
        association = self._associations.get(spi)
        opened = association.open(packet) if association is not None else None
        if association is None or opened is None or association.icv not in _INTEGRITIES:
            return None
        room = len(packet) - 8 - association.icv
        padding = room - len(opened.data) - 2
        if padding > 255:
            return None
        data = inside(opened.next_header, opened.data)
        made = packet[:8] + data + bytes(range(1, padding + 1)) + bytes([padding, opened.next_header])
        self._lengths[spi] = association.icv
        _, name = _INTEGRITIES[association.icv]
        return made + (hmac.digest(self._key(spi), made, name)[: association.icv] if name else b"")

    def site(self) -> list[EspSa]:
        """Return the associations that open what was written so far."""
        return [
            EspSa(spi, "null", b"", _INTEGRITIES[length][0], self._key(spi) if length else b"")
            for spi, length in self._lengths.items()
        ]

    def _key(self, spi: int) -> bytes:
        return hmac.digest(self._secret, b"esp" + spi.to_bytes(4, "big"), "sha256")
