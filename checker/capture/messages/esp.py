"""ESP (RFC 4303) opened with the keys that the site gives, so that the signalling inside can be checked.

Encryption: AES-CBC (RFC 3602), AES-CTR (RFC 3686), AES-GCM (RFC 4106), 3DES-CBC (RFC 2451), ChaCha20-Poly1305
(RFC 7634), null (RFC 2410). Integrity: HMAC with MD5 (RFC 2403), SHA-1 (RFC 2404) and SHA-2 (RFC 4868), null.
What does not pass its integrity check is not read, nor what passes it and is decrypted to noise. Extended sequence
numbers are recognised while their upper half is still 0. `cryptography` is imported when the first cipher is needed,
and its absence is a reason like any other why an SPI cannot be read.
"""

from __future__ import annotations

import hmac
import re
import struct
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from mipcheck.checker.capture.frames.frame import Frame
from mipcheck.checker.capture.headers import layers
from mipcheck.checker.capture.headers.packet import ASIDE, Packet
from mipcheck.checker.site.site import EspSa
from mipcheck.model.values.errors import MipcheckError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import Cipher as LibraryCipher
    from cryptography.hazmat.primitives.ciphers.modes import CBC, CTR

_HEADER: Final = 8
"""Bytes of SPI and sequence number."""
_IPV4: Final = 4
_NOTHING: Final = 59
DUMMY: Final = "esp dummy"
"""Why a packet is set aside that only hides how much traffic there is (RFC 4303 section 2.6: next header 59)."""
_CARRIED: Final = frozenset({1, _IPV4, 6, 17, 41, _NOTHING})
"""Protocols that are found in ESP: ICMP, IPv4, TCP, UDP, IPv6, nothing."""
_RAW_IP: Final = 101
_NO_HIGH_HALF: Final = b""
_HIGH_HALF: Final = bytes(4)
"""What the integrity check covers besides the packet: with extended sequence numbers, their unsent upper half."""


class Cipher(NamedTuple):
    """Sizes in bytes. `keys` are the lengths that a key may have, with its salt or nonce at the end."""

    mode: str
    keys: tuple[int, ...]
    salt: int
    iv: int
    icv: tuple[int, ...] = ()
    """Lengths of the integrity check value of a combined mode; the first one that fits is used."""


class Integrity(NamedTuple):
    """`hash` as hashlib names it, `icv` the bytes of the truncated HMAC. HMAC takes keys of any length."""

    hash: str
    icv: int


_AES: Final = (16, 24, 32)
_SALTED: Final = (20, 28, 36)
_CIPHERS: Final = {
    "null": Cipher("null", (0,), 0, 0),
    "aes-cbc": Cipher("aes-cbc", _AES, 0, 16),
    "aes-ctr": Cipher("aes-ctr", _SALTED, 4, 8),
    "aes-gcm": Cipher("aes-gcm", _SALTED, 4, 8, (16, 12, 8)),
    "aes-gcm-8": Cipher("aes-gcm", _SALTED, 4, 8, (8,)),
    "aes-gcm-12": Cipher("aes-gcm", _SALTED, 4, 8, (12,)),
    "aes-gcm-16": Cipher("aes-gcm", _SALTED, 4, 8, (16,)),
    "3des-cbc": Cipher("3des-cbc", (24,), 0, 8),
    "chacha20-poly1305": Cipher("chacha20-poly1305", (36,), 4, 8, (16,)),
}
_INTEGRITIES: Final = {
    "hmac-md5-96": Integrity("md5", 12),
    "hmac-sha1-96": Integrity("sha1", 12),
    "hmac-sha2-256-96": Integrity("sha256", 12),
    "hmac-sha2-256-128": Integrity("sha256", 16),
    "hmac-sha2-384-192": Integrity("sha384", 24),
    "hmac-sha2-512-256": Integrity("sha512", 32),
}
"""hmac-sha2-256-96 is what Linux did before RFC 4868, and Wireshark knows it too."""


class Opened(NamedTuple):
    """What an ESP packet holds: the protocol (4 in tunnel mode) and its data, without padding."""

    next_header: int
    data: bytes


class UnusableKey(MipcheckError, ValueError):
    """The keys of an SPI cannot be used; the message says why."""


_Decrypt = Callable[[bytes, bytes, bytes, bytes], bytes | None]
"""(iv, data, covered but not encrypted, integrity check value) → clear text, or None if that value is wrong."""


class EspAssociation:
    """One security association with its keys. Raises UnusableKey."""

    def __init__(self, sa: EspSa) -> None:
        self._cipher = _named(sa.encryption, _CIPHERS, "encryption")
        if len(sa.encryption_key) not in self._cipher.keys:
            wanted = " or ".join(map(str, self._cipher.keys))
            raise UnusableKey(f"a key for {sa.encryption} has {wanted} bytes, not {len(sa.encryption_key)}")
        self._integrity = None if _is_null(sa.integrity) else _named(sa.integrity, _INTEGRITIES, "integrity")
        if self._cipher.icv:
            self._integrity = None  # a combined mode checks by itself
        self._key = sa.integrity_key
        split = len(sa.encryption_key) - self._cipher.salt
        self._decrypt = _decryptor(self._cipher.mode, sa.encryption_key[:split], sa.encryption_key[split:])
        lengths = self._cipher.icv or (self._integrity.icv if self._integrity else 0,)
        self._formats = [(length, high) for high in (_NO_HIGH_HALF, _HIGH_HALF) for length in lengths]

    @property
    def icv(self) -> int:
        """Bytes of the integrity check value of the packet that was opened last."""
        return self._formats[0][0]

    def open(self, packet: bytes) -> Opened | None:
        """Return the inside of an ESP packet that starts with its SPI; None if it is cut or these are not its keys."""
        for index, (length, high) in enumerate(self._formats):
            clear = self._clear(packet, length, high)
            opened = None if clear is None else self._inside(clear)
            if opened is not None:
                if index:  # the other packets of the association will be like this one
                    self._formats.insert(0, self._formats.pop(index))
                return opened
        return None

    def _inside(self, clear: bytes) -> Opened | None:
        """Return what the clear text holds; None if it is noise."""
        opened = _trailer(clear)
        if opened is None or self._cipher.icv or _makes_sense(opened, clear, bool(self._integrity)):
            return opened
        return None

    def _clear(self, packet: bytes, icv: int, high: bytes) -> bytes | None:
        end = len(packet) - icv
        start = _HEADER + self._cipher.iv
        if end < start + 2:
            return None
        given = packet[end:]
        if self._integrity is not None:
            check = hmac.digest(self._key, packet[:end] + high, self._integrity.hash)
            if not hmac.compare_digest(check[:icv], given):
                return None
        associated = packet[:4] + high + packet[4:_HEADER]  # RFC 4106 section 5
        return self._decrypt(packet[_HEADER:start], packet[start:end], associated, given)


class Keyring:
    """All associations of a site: opens packets, and keeps count of what could not be opened, by SPI."""

    def __init__(self, sas: Iterable[EspSa]) -> None:
        self.unusable: dict[int, str] = {}
        """SPI → why its keys cannot be used."""
        self.opened: Counter[int] = Counter()
        """Packets by SPI, as in the others."""
        self.wrong: Counter[int] = Counter()
        self.cut: Counter[int] = Counter()
        """Packets that are fragments or were captured in part only."""
        self._unused: set[int] = set()
        self._associations: dict[int, EspAssociation] = {}
        for sa in sas:
            try:
                self._associations[sa.spi] = EspAssociation(sa)
            except UnusableKey as error:
                self.unusable[sa.spi] = str(error)

    def has(self, spi: int) -> bool:
        """Decide whether there are usable keys for an SPI."""
        return spi in self._associations

    def fits(self, spi: int) -> bool:
        """Decide whether the keys of an SPI opened more than they did not: noise may look like a packet by chance."""
        return self.opened[spi] > 0 and self.opened[spi] >= self.wrong[spi]

    def complaints(self) -> list[str]:
        """Say what did not work with the keys of packets that were there."""
        found = [f"the [[esp_sa]] keys of SPI {spi:#010x} are not used: {self.unusable[spi]}" for spi in self._unused]
        for spi, count in self.wrong.items():
            what = f"{count} of {count + self.opened[spi]} packets with SPI {spi:#010x}"
            found.append(f"{what} do not fit their [[esp_sa]] keys, and were not opened")
        return found

    def inside(self, packet: Packet) -> Packet | None:
        """Return the packet inside the ESP `packet`, of the same frame, time and interface; None if it cannot be had.

        `addresses` are those inside (in transport mode, those of the ESP packet); `stack` is that of both.
        """
        association = self._associations.get(packet.spi)
        if association is None or not packet.payload:
            if packet.spi in self.unusable:
                self._unused.add(packet.spi)
            return None
        if not packet.whole:
            self.cut[packet.spi] += 1
            return None
        opened = association.open(packet.payload)
        if opened is None:
            self.wrong[packet.spi] += 1
            return None
        self.opened[packet.spi] += 1
        return _packet(packet, opened)


def _packet(outer: Packet, opened: Opened) -> Packet:
    data, shared = opened.data, ""
    if opened.next_header == _NOTHING:
        return replace(outer, kind=ASIDE, why=DUMMY, payload=b"")
    if opened.next_header != _IPV4:
        # Transport mode: the IP header is the one before ESP.
        shared = "ip"
        source, target = outer.addresses[-1]
        data = struct.pack("!BxHIBBxxII", 0x45, 20 + len(data), 0, 64, opened.next_header, source, target) + data
    inner = layers.decode(Frame(outer.frame, outer.time, outer.interface, _RAW_IP, data, len(data), outer.direction))
    inner.stack = outer.stack + (inner.stack.removeprefix("ip") if shared else f"/{inner.stack}" * bool(inner.stack))
    inner.length, inner.device, inner.spi = outer.length, outer.device, outer.spi
    inner.source_mac, inner.target_mac = outer.source_mac, outer.target_mac
    inner.identity = layers.identify(inner, data) if inner.addresses and not shared else b""
    return inner


def _trailer(clear: bytes) -> Opened | None:
    """Take off what ends the clear text (RFC 4303 section 2.4): padding, its length, next header."""
    if len(clear) < 2:
        return None
    length, next_header = clear[-2], clear[-1]
    end = len(clear) - 2 - length
    return None if end < 0 else Opened(next_header, clear[:end])


def _makes_sense(opened: Opened, clear: bytes, checked: bool) -> bool:
    """Decide whether the key that decrypts was right: a check value of its own key, if one was `checked`, says nothing.

    The padding has to be the default one (1, 2, 3, …), before a protocol that is carried in ESP; padding of any other
    kind, or any protocol, does where the value fits and what is inside shows itself as an IPv4 packet, or as padded.
    """
    padding = clear[len(opened.data) : -2]
    default = padding == bytes(range(1, len(padding) + 1))
    if default and opened.next_header in _CARRIED:
        return True
    if not checked:
        return False
    data = opened.data
    whole = len(data) >= 20 and data[0] >> 4 == 4 and int.from_bytes(data[2:4], "big") <= len(data)
    return (default and len(padding) > 1) or (opened.next_header == _IPV4 and whole)


_T = TypeVar("_T", Cipher, Integrity)


def _named(name: str, known: dict[str, _T], what: str) -> _T:
    """Find the algorithm of that name, in our spelling, Wireshark's or strongSwan's. Raises UnusableKey."""
    wanted = _squeezed(name)
    for spelling, algorithm in known.items():
        if _squeezed(spelling) == wanted:
            return algorithm
    raise UnusableKey(f"{what} {name} is not supported (known: {', '.join(known)})")


def _squeezed(name: str) -> str:
    """Return a name without what spellings differ in: signs, "with … octet icv", key length, sha2-256 for sha-256."""
    word = re.sub(r"\[.*|[^a-z0-9]", "", name.lower())
    word = word.replace("with", "").replace("octeticv", "").replace("tripledes", "3des").replace("desede3", "3des")
    word = re.sub(r"^aes(128|192|256)?(cbc|ctr|gcm)", r"aes\2", word)
    word = re.sub(r"^(aesgcm)(64|96|128)$", lambda m: f"aesgcm{int(m[2]) // 8}", word)
    return re.sub(r"sha2(?=256|384|512)", "sha", word)


def _is_null(name: str) -> bool:
    return name.lower() in ("", "null", "none")


def _decryptor(mode: str, key: bytes, salt: bytes) -> _Decrypt:
    """Make what decrypts in this mode. Raises UnusableKey where the library is missing."""
    if mode == "null":
        return lambda iv, data, associated, icv: data
    try:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
        from cryptography.hazmat.primitives import ciphers
        from cryptography.hazmat.primitives.ciphers import aead, algorithms, modes
    except ImportError:
        raise UnusableKey("the package cryptography (43 or later) is not installed") from None

    if mode == "chacha20-poly1305":
        box = aead.ChaCha20Poly1305(key)

        def chacha(iv: bytes, data: bytes, associated: bytes, icv: bytes) -> bytes | None:
            try:
                return box.decrypt(salt + iv, data + icv, associated)
            except InvalidTag:
                return None

        return chacha
    if mode == "aes-gcm":
        aes = algorithms.AES(key)

        def gcm(iv: bytes, data: bytes, associated: bytes, icv: bytes) -> bytes | None:
            decryptor = ciphers.Cipher(aes, modes.GCM(salt + iv, icv, min_tag_length=len(icv))).decryptor()
            decryptor.authenticate_additional_data(associated)
            try:
                return decryptor.update(data) + decryptor.finalize()
            except InvalidTag:
                return None

        return gcm
    if mode == "aes-ctr":
        aes = algorithms.AES(key)
        return lambda iv, data, associated, icv: _run(ciphers.Cipher(aes, modes.CTR(salt + iv + b"\0\0\0\1")), data)
    block: algorithms.AES | TripleDES = algorithms.AES(key) if mode == "aes-cbc" else TripleDES(key)
    return lambda iv, data, associated, icv: _run(ciphers.Cipher(block, modes.CBC(iv)), data)


def _run(cipher: LibraryCipher[CBC] | LibraryCipher[CTR], data: bytes) -> bytes | None:
    """Decrypt; None where the data is no whole number of blocks."""
    decryptor = cipher.decryptor()
    try:
        return decryptor.update(data) + decryptor.finalize()
    except ValueError:
        return None
