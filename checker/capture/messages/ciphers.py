"""Algorithms that protect ESP and IKE, by name: what decrypts, and what checks integrity.

Encryption: AES-CBC (RFC 3602), AES-CTR (RFC 3686), AES-GCM (RFC 4106), 3DES-CBC (RFC 2451), ChaCha20-Poly1305
(RFC 7634), null (RFC 2410). Integrity: HMAC with MD5 (RFC 2403), SHA-1 (RFC 2404) and SHA-2 (RFC 4868), null.
`cryptography` is imported when the first cipher is needed, and its absence is a reason like any other why keys cannot
be used.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import lru_cache
from hmac import compare_digest
from typing import Final, NamedTuple, TypeVar

from mipcheck.model.values.errors import MipcheckError


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
_WHOLE_TAG: Final = 16
_INTEGRITIES: Final = {
    "hmac-md5-96": Integrity("md5", 12),
    "hmac-sha1-96": Integrity("sha1", 12),
    "hmac-sha2-256-96": Integrity("sha256", 12),
    "hmac-sha2-256-128": Integrity("sha256", 16),
    "hmac-sha2-384-192": Integrity("sha384", 24),
    "hmac-sha2-512-256": Integrity("sha512", 32),
}
"""hmac-sha2-256-96 is what Linux did before RFC 4868, and Wireshark knows it too."""


class UnusableKey(MipcheckError, ValueError):
    """The keys of an SPI cannot be used; the message says why."""


_Decrypt = Callable[[bytes, bytes, bytes, bytes], bytes | None]
"""(iv, data, covered but not encrypted, integrity check value) → clear text, or None if that value is wrong."""


class Box:
    """What an association seals with: `icvs` are the lengths in bytes that its integrity check value may have.

    Raises UnusableKey.
    """

    def __init__(self, encryption: str, key: bytes, integrity: str, integrity_key: bytes) -> None:
        cipher = _named(encryption, _CIPHERS, "encryption")
        if len(key) not in cipher.keys:
            wanted = " or ".join(map(str, cipher.keys))
            raise UnusableKey(f"a key for {encryption} has {wanted} bytes, not {len(key)}")
        own = None if _is_null(integrity) else _named(integrity, _INTEGRITIES, "integrity")
        self.combined = bool(cipher.icv)
        """Whether the cipher checks integrity by itself."""
        self._integrity = _Hmac(integrity_key, own.hash) if own and not self.combined else None
        self.icvs = cipher.icv or (own.icv if own else 0,)
        self._iv = cipher.iv
        split = len(key) - cipher.salt
        self._decrypt = _decryptor(cipher.mode, key[:split], key[split:])

    @property
    def checks(self) -> bool:
        """Whether integrity is checked with a key of its own."""
        return self._integrity is not None

    def open(self, sealed: bytes, start: int, icv: int, associated: bytes, unsent: bytes = b"") -> bytes | None:
        """Return the clear text; None if it is cut, or these are not its keys.

        `sealed` is all that is covered and the check value of `icv` bytes; what is encrypted begins at `start` with
        its initialization vector. `associated` is what a combined mode covers besides, `unsent` what any other does.
        """
        end = len(sealed) - icv
        at = start + self._iv
        if end < at:
            return None
        given = sealed[end:]
        if self._integrity is not None:
            covered = sealed[:end] + unsent if unsent else sealed[:end]
            if not compare_digest(self._integrity.of(covered)[:icv], given):
                return None
        return self._decrypt(sealed[start:at], sealed[at:end], associated, given)


_PADS: Final = tuple(bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


class _Hmac:
    """HMAC (RFC 2104) with one key: what it begins with is worked out once, when the first packet needs it.

    That takes half the time of `hmac.digest`, as a gateway checks very many packets.
    """

    def __init__(self, key: bytes, name: str) -> None:
        self._key, self._name = key, name
        self._begun: tuple[hashlib._Hash, hashlib._Hash] | None = None

    def of(self, covered: bytes) -> bytes:
        """Return the code of what it covers."""
        if self._begun is None:
            self._begun = self._begin()
        inner, outer = self._begun[0].copy(), self._begun[1].copy()
        inner.update(covered)
        outer.update(inner.digest())
        return outer.digest()

    def _begin(self) -> tuple[hashlib._Hash, hashlib._Hash]:
        size = hashlib.new(self._name).block_size
        key = self._key if len(self._key) <= size else hashlib.new(self._name, self._key).digest()
        padded = key.ljust(size, b"\0")
        inner, outer = (hashlib.new(self._name, padded.translate(table)) for table in _PADS)
        return inner, outer


_T = TypeVar("_T", Cipher, Integrity)
_M = TypeVar("_M")


def _named(name: str, known: dict[str, _T], what: str) -> _T:
    """Find the algorithm of that name, in our spelling, Wireshark's or strongSwan's. Raises UnusableKey."""
    wanted = _squeezed(name)
    for spelling, algorithm in known.items():
        if _squeezed(spelling) == wanted:
            return algorithm
    raise UnusableKey(f"{what} {name} is not supported (known: {', '.join(known)})")


@lru_cache(maxsize=256)  # a gateway has as many associations as nodes, and few algorithms
def _squeezed(name: str) -> str:
    """Return a name without what spellings differ in: signs, "with … octet icv", key length, sha2-256 for sha-256."""
    word = re.sub(r"\[.*|[^a-z0-9]", "", name.lower())
    word = word.replace("with", "").replace("octeticv", "").replace("tripledes", "3des").replace("desede3", "3des")
    word = re.sub(r"^aes(128|192|256)?(cbc|ctr|gcm)", r"aes\2", word)
    word = re.sub(r"^aes(cbc|ctr)(128|192|256)$|^aes(gcm)(128|192|256)(?=8$|12$|16$)", r"aes\1\3", word)
    word = re.sub(r"^(aesgcm)(64|96|128)$", lambda m: f"aesgcm{int(m[2]) // 8}", word)
    return re.sub(r"sha2(?=256|384|512)", "sha", "3descbc" if word == "3des" else word)


def _is_null(name: str) -> bool:
    return re.sub(r"\[.*", "", name.lower()).strip() in ("", "null", "none")


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
            try:
                if len(icv) == _WHOLE_TAG:
                    return whole().decrypt(salt + iv, data + icv, associated)
                decryptor = ciphers.Cipher(aes, modes.GCM(salt + iv, icv, min_tag_length=len(icv))).decryptor()
                decryptor.authenticate_additional_data(associated)
                return decryptor.update(data) + decryptor.finalize()
            except InvalidTag:
                return None

        whole = _once(lambda: aead.AESGCM(key))
        return gcm
    if mode == "aes-ctr":
        stream = _once(lambda: ciphers.Cipher(algorithms.AES(key), modes.CTR(bytes(16))).decryptor())

        def ctr(iv: bytes, data: bytes, associated: bytes, icv: bytes) -> bytes | None:
            decryptor = stream()
            decryptor.reset_nonce(salt + iv + b"\0\0\0\1")
            return decryptor.update(data)

        return ctr
    block: algorithms.AES | TripleDES = algorithms.AES(key) if mode == "aes-cbc" else TripleDES(key)
    blocks = _once(lambda: ciphers.Cipher(block, modes.ECB()).decryptor())

    def cbc(iv: bytes, data: bytes, associated: bytes, icv: bytes) -> bytes | None:
        # A block is decrypted by itself, and then combined with the one before: no context for each packet is needed.
        size = len(data)
        if not size or size % len(iv):
            return None
        before = int.from_bytes(iv + data[: -len(iv)])
        return (int.from_bytes(blocks().update(data)) ^ before).to_bytes(size)

    return cbc


def _once(make: Callable[[], _M]) -> Callable[[], _M]:
    """Return a function that makes something when it is first asked for, and from then on returns that: of many
    associations few are in use."""
    made: list[_M] = []

    def get() -> _M:
        if not made:
            made.append(make())
        return made[0]

    return get
