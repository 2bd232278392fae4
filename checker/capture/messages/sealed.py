"""IKEv2 opened with the keys that the site gives (RFC 7296 section 3.14, RFC 5282), so that what ends or moves an
association can be seen. Fragments (RFC 7383) stay closed."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from mipcheck.checker.capture.messages.ciphers import Box, UnusableKey
from mipcheck.checker.capture.messages.ike import HEADER, IkeMessage, payloads_of
from mipcheck.checker.site.site import IkeSa

_ENCRYPTED: Final = 46
_FROM_INITIATOR: Final = 0x08
"""Flag of what the end sends that initiated the association."""
_FLAGS_AT: Final = 19


class IkeKeys:
    """All IKEv2 associations of a site whose keys are known."""

    def __init__(self, sas: Iterable[IkeSa]) -> None:
        self.unusable: dict[bytes, str] = {}
        """Initiator's SPI → why its keys cannot be used."""
        self._boxes: dict[tuple[bytes, bytes], tuple[Box, Box]] = {}
        for sa in sas:
            try:
                initiator, responder = (
                    Box(sa.encryption, key, sa.integrity, secret)
                    for key, secret in zip(sa.encryption_keys, sa.integrity_keys, strict=True)
                )
            except UnusableKey as error:
                self.unusable[sa.spis[0]] = str(error)
            else:
                self._boxes[sa.spis] = initiator, responder

    def opened(self, message: IkeMessage, data: bytes) -> IkeMessage | None:
        """Return a message with what was encrypted in it; None where it was not, or cannot be opened with these keys.

        `data` is the message as it was captured.
        """
        boxes = self._boxes.get((message.initiator, message.responder))
        if boxes is None or message.version == 1:
            return None
        found = _sealed(data)
        if found is None:
            return None
        following, at, end = found
        box = boxes[0 if data[_FLAGS_AT] & _FROM_INITIATOR else 1]
        for icv in box.icvs:
            clear = box.open(data[:end], at, icv, data[:at])
            if clear and clear[-1] < len(clear):  # padding ends with its length
                inner = payloads_of(clear[: len(clear) - 1 - clear[-1]], following, 0)
                return replace(message, encrypted=False, payloads=(*message.payloads, *inner))
        return None


def _sealed(data: bytes) -> tuple[int, int, int] | None:
    """Return of a message's encrypted payload the type of what comes first in it, where its body begins and ends; None
    where there is none, or not as a whole."""
    kind, at = data[16], HEADER.size
    while kind and at + 4 <= len(data):
        following, length = struct.unpack_from("!BxH", data, at)
        if length < 4 or at + length > len(data):
            return None
        if kind == _ENCRYPTED:
            return following, at + 4, at + length
        kind, at = following, at + length
    return None
