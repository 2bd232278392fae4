"""Messages that tell of the node's state, rewritten: registrations, advertisements, DHCP and key exchange."""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Iterable, Sequence
from typing import Final

from mipcheck.checker.capture.messages import extensions as ext
from mipcheck.checker.capture.messages import mobileip
from mipcheck.checker.capture.messages.ike import moved_hash, published
from mipcheck.checker.site.site import MnHaKey
from mipcheck.checker.verbs.anonymise_names import Disguise

_ADDRESSES: Final = {1: (4, 8, 12), 3: (4, 8)}
"""Type of a registration message → where its addresses are: home address, home agent, care-of address."""
_FIXED: Final = {1: 24, 3: 20}
_AUTHENTICATION: Final = (ext.MN_HA, ext.MN_FA, ext.FA_HA)
_PLAIN: Final = (ext.UDP_TUNNEL_REPLY, ext.UDP_TUNNEL_REQUEST, ext.TNC)
"""Extensions that say what was asked for or granted, and nothing about anybody."""
_DHCP_ADDRESSES: Final = (3, 6, 28, 42, 50, 54)
_DHCP_KEPT: Final = (1, 51, 53, 55, 57, 58, 59)
_DHCP_TEXTS: Final = (12, 15, 81, 119)
_KEPT_PAYLOADS: Final = {1: (1, 12), 2: (33, 42)}
"""By version: the payloads of proposals, which name algorithms, and of deletions, which name associations."""
_NAT_HASHES: Final = (20, 15, 130)
_NAT_NOTES: Final = (16388, 16389)
_VENDOR: Final = (13, 43)
_NOTIFY: Final = (11, 41)


def address(data: bytes, disguise: Disguise) -> bytes:
    """Return what stands for the four bytes of an address, or for fewer."""
    return disguise.address(int.from_bytes(data, "big")).to_bytes(4, "big") if len(data) == 4 else bytes(len(data))


def registration(data: bytes, disguise: Disguise, keys: Sequence[tuple[MnHaKey, MnHaKey]]) -> bytes:
    """Return what stands for a registration message.

    Where it fitted a key that was given, it fits the one that takes its place; where it did not, it fits neither.
    """
    kind = data[0] if data else 0
    fixed = _FIXED.get(kind, 0)
    if not fixed or len(data) < fixed:
        return data[:1] + bytes(len(data[1:]))
    new = bytearray(data)
    for at in _ADDRESSES[kind]:
        new[at : at + 4] = address(data[at : at + 4], disguise)
    end = fixed
    for extension in mobileip.extensions(data):
        head = extension.start + (2 if extension.type >= 128 or extension.type in _AUTHENTICATION else 4)
        stop = min(len(data), extension.start + len(extension.data) + (head - extension.start))
        end = max(end, stop)
        body = bytes(data[head:stop])
        if extension.type in _AUTHENTICATION:
            new[head + 4 : stop] = _authenticator(data, bytes(new), extension, disguise, keys)[: max(0, len(body) - 4)]
        elif extension.type == ext.NAI:
            new[head:stop] = disguise.text(body)
        elif extension.type not in _PLAIN:
            new[head:stop] = disguise.noise(body, len(body))
    new[end:] = bytes(len(new) - end)
    return bytes(new)


def _authenticator(
    old: bytes, new: bytes, extension: ext.Extension, disguise: Disguise, keys: Iterable[tuple[MnHaKey, MnHaKey]]
) -> bytes:
    """Return the authenticator that stands for that of an extension: right for the new key if it was for the old."""
    spi, given = int.from_bytes(extension.data[:4], "big"), extension.data[4:]
    covered = extension.start + 6
    for before, after in keys:
        if before.spi == spi and hmac.compare_digest(mobileip.authenticator(old[:covered], before), given):
            return mobileip.authenticator(new[:covered], after)
    return disguise.noise(given, len(given))


def advertisement(data: bytes, disguise: Disguise) -> bytes:
    """Return what stands for an ICMP router advertisement with its extensions (RFC 1256, RFC 3344 2.1)."""
    count, size = data[4], data[5] * 4
    new = bytearray(data)
    at = 8
    for _ in range(count):
        new[at : at + 4] = address(data[at : at + 4], disguise)
        at += size
    while at + 2 <= len(data):
        kind, length = data[at], data[at + 1]
        if kind == ext.PADDING:
            at += 1
            continue
        body = slice(at + 2, min(at + 2 + length, len(data)))
        if kind == ext.MOBILITY_AGENT:
            for coa in range(at + 8, body.stop - 3, 4):
                new[coa : coa + 4] = address(data[coa : coa + 4], disguise)
        elif kind == ext.NAI:
            new[body] = disguise.text(data[body])
        elif kind != ext.PREFIX_LENGTHS:
            new[body] = disguise.noise(data[body], len(data[body]))
        at += 2 + length
    return bytes(new)


def dhcp(data: bytes, disguise: Disguise) -> bytes:
    """Return what stands for a DHCP message (RFC 2131): addresses, names, and what it is; nothing else."""
    new = bytearray(data[:28]) + bytearray(len(data[28:]))
    for at in (12, 16, 20, 24):
        new[at : at + 4] = address(data[at : at + 4], disguise)
    new[28:34] = disguise.link_address(data[28:34]) if len(data) >= 34 else bytes(len(data[28:34]))
    if len(data) < 240:
        return bytes(new)
    new[236:240] = data[236:240]
    at = 240
    while at < len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        code, stop = data[at], min(at + 2 + (data[at + 1] if at + 1 < len(data) else 0), len(data))
        body = data[at + 2 : stop]
        new[at : at + 2] = data[at : at + 2]
        if code in _DHCP_ADDRESSES:
            new[at + 2 : stop] = b"".join(address(body[n : n + 4], disguise) for n in range(0, len(body), 4))
        elif code in _DHCP_TEXTS:
            new[at + 2 : stop] = disguise.text(body)
        elif code in _DHCP_KEPT:
            new[at + 2 : stop] = body
        elif code == 61 and body[:1] == b"\1":
            new[at + 2 : stop] = body[:1] + disguise.link_address(body[1:])
        at = max(stop, at + 2)
    if at < len(data):
        new[at] = 255
    return bytes(new)


def ike(data: bytes, disguise: Disguise, ends: tuple[bytes, bytes], ports: bytes) -> bytes:
    """Return what stands for a message of a key exchange: its header, proposals, deletions, and known vendors.

    `ends` are the addresses before and after, `ports` those of both: hashes that detect NAT find what they found.
    """
    if len(data) < 28:
        return bytes(len(data))
    version, encrypted = data[17] >> 4, data[19] & 1 and data[17] >> 4 == 1
    new = bytearray(data[:28] + disguise.noise(data[28:], len(data) - 28))
    kind, at = data[16], 28
    while kind and not encrypted and at + 4 <= len(data):
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 4:
            break
        new[at : at + 4] = data[at : at + 4]
        body = slice(at + 4, min(at + length, len(data)))
        if kind in _KEPT_PAYLOADS.get(version, ()) or (kind in _VENDOR and published(data[body])):
            new[body] = data[body]
        elif version == 1 and kind in _NAT_HASHES:
            new[body] = _nat_hash(data[body], data[:16], disguise, ends, ports)
        elif kind in _NOTIFY:
            kept = slice(body.start, min(body.start + (8 if version == 1 else 4), body.stop))
            new[kept] = data[kept]
            if version == 2 and int.from_bytes(data[kept][2:4], "big") in _NAT_NOTES:
                told = slice(min(body.start + 4 + data[body.start + 1], body.stop), body.stop)
                new[told] = _nat_hash(data[told], data[:16], disguise, ends, ports)
        if kind in (46, 53):
            break
        kind, at = data[at], at + length
    return bytes(new)


def _nat_hash(told: bytes, spis: bytes, disguise: Disguise, ends: tuple[bytes, bytes], ports: bytes) -> bytes:
    """Return the hash of an end that stands for one of an end (RFC 7296 section 2.23), or noise."""
    for at, port in ((0, ports[:2]), (4, ports[2:])):
        found = moved_hash(told, spis + ends[0][at : at + 4] + port, spis + ends[1][at : at + 4] + port)
        if found is not None:
            return found
    return disguise.noise(told, len(told))


def new_key(key: MnHaKey, secret: bytes) -> bytes:
    """Return the key that takes the place of another one."""
    return hmac.digest(secret, struct.pack("!I", key.spi) + key.key, hashlib.sha256)[:16]
