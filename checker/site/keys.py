"""Keys of IPsec from where people keep them: Wireshark's tables `esp_sa` and `ikev2_decryption_table`, what
`ip xfrm state` shows, and charon's own log.

strongSwan's plugin save-keys writes those tables, too. No message shows a line of such a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from mipcheck.checker.console.errors import LIMIT, InputError, Problem
from mipcheck.checker.site import charon
from mipcheck.checker.site.site import EspSa, IkeSa, Site
from mipcheck.checker.site.toml import algorithm_name, hex_bytes
from mipcheck.model.values.event import Position

_SIZE: Final = 4 * 1024 * 1024
"""Bytes of a file with keys."""
_FIELD: Final = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([0-9A-Fa-fx]*))\s*(?:,|$)')
_IKE_SPI: Final = re.compile(r"(?:0x)?([0-9A-Fa-f]{16})")
_NO_LINE: Final = "is no line of Wireshark's esp_sa"
_EXPECTED: Final = "lines of Wireshark's esp_sa or ikev2_decryption_table, what ip xfrm state shows, or charon's log"
_LEVELS: Final = "charon tells keys of ESP with chd = 4, of IKEv2 with ike = 4 and mgr = 2 (filelog in strongswan.conf)"
_FIELDS: Final = (8, 9)
"""Fields of a line of esp_sa; newer ones end with the length of sequence numbers."""
_IKE_FIELDS: Final = 8
_SPI_DIGITS: Final = 16
_XFRM: Final = re.compile(r"src \S+ dst \S+")
_ENC: Final = {
    "cbc(aes)": "aes-cbc",
    "rfc3686(ctr(aes))": "aes-ctr",
    "cbc(des3_ede)": "3des-cbc",
    "cipher_null": "null",
    "ecb(cipher_null)": "null",
}
"""Names of ciphers as Linux has them."""
_AEAD: Final = {
    ("rfc4106(gcm(aes))", 128): "aes-gcm-16",
    ("rfc4106(gcm(aes))", 96): "aes-gcm-12",
    ("rfc4106(gcm(aes))", 64): "aes-gcm-8",
    ("rfc7539esp(chacha20,poly1305)", 128): "chacha20-poly1305",
}
"""Combined modes, with the bits of what they check by."""
_AUTH: Final = {
    ("hmac(md5)", 96): "hmac-md5-96",
    ("hmac(sha1)", 96): "hmac-sha1-96",
    ("hmac(sha256)", 96): "hmac-sha2-256-96",
    ("hmac(sha256)", 128): "hmac-sha2-256-128",
    ("hmac(sha384)", 192): "hmac-sha2-384-192",
    ("hmac(sha512)", 256): "hmac-sha2-512-256",
}
"""Keyed hashes, with the bits that are sent."""
_WHOLE: Final = {"hmac(md5)": 96, "hmac(sha1)": 96, "hmac(sha256)": 96, "hmac(sha384)": 192, "hmac(sha512)": 256}
"""The bits that are sent where `auth` stands without them."""


def read_keys(stream: BinaryIO, name: str) -> Site:
    """Read the associations of a file with keys; `name` stands for it in messages. Raises InputError."""
    if charon.is_charon(stream.read(charon.HEAD)):
        stream.seek(0)
        return _of_charon(stream, name)
    stream.seek(0)
    data = stream.read(_SIZE + 1)
    if len(data) > _SIZE:
        raise InputError([Problem(Position(name), f"the file is longer than {_SIZE} bytes")])
    lines = data.decode("utf-8", "replace").removeprefix("\ufeff").splitlines()
    meant = [(n, line) for n, line in enumerate(lines, 1) if line.strip() and not line.lstrip().startswith("#")]
    problems: list[Problem] = []
    ike: dict[tuple[bytes, bytes], IkeSa] = {}
    if any(_XFRM.match(line) for _, line in meant):
        found = list(_of_xfrm(meant, name, problems))
    else:
        told = [(n, _fields(line)) for n, line in meant]
        own = [(n, fields) for n, fields in told if fields and _IKE_SPI.fullmatch(fields[0])]
        ike = {sa.spis: sa for sa in _of_ike(own, name, problems)}
        others = {n for n, _ in own}
        found = list(_of_table([(n, fields) for n, fields in told if n not in others], name, problems))
    known: dict[int, EspSa] = {}
    for line, sa in found:
        if known.setdefault(sa.spi, sa) != sa:
            problems.append(
                Problem(Position(name, line), f"SPI {sa.spi:#010x} has other keys above", "give one of them")
            )
    odd = sum(p.message == _NO_LINE for p in problems)
    if len(meant) > 1 and odd == len(meant):
        hint = _seems(data) or f"expected {_EXPECTED}"
        raise InputError([Problem(Position(name), f"is no file with keys: none of its {odd} lines is one", hint)])
    if problems:
        raise InputError(problems[:LIMIT], more=max(0, len(problems) - LIMIT))
    if not known and not ike:
        raise InputError([Problem(Position(name), "holds no keys of ESP or IKEv2", f"expected {_EXPECTED}")])
    return Site(esp_sas=tuple(known.values()), ike_sas=tuple(ike.values()))


def _of_charon(stream: BinaryIO, name: str) -> Site:
    """Return the associations of charon's log. Raises InputError where it tells none."""
    found = charon.keys_of_charon(stream)
    if len(found.esp) + len(found.ike) > charon.MOST:
        hint = "cut it to the time of the capture"
        raise InputError([Problem(Position(name), f"tells more than {charon.MOST} associations", hint)])
    if not found.esp and not found.ike:
        if found.nobodys:
            said, hint = (
                "tells keys, but not whose they are",
                "its group enc has to be at level 1, which is the default",
            )
        else:
            said, hint = "is charon's log, and tells no keys of ESP or IKEv2", _LEVELS
        raise InputError([Problem(Position(name), said, hint)])
    return Site(esp_sas=tuple(found.esp), ike_sas=tuple(found.ike.values()))


def _seems(data: bytes) -> str:
    """Say what a file without keys seems to be, and where that is given; nothing if it may be anything."""
    if data.startswith((b"mipcheck-trace", b"{")):
        return "it seems to be a log: give it as an input"
    if b"\0" in data[:64]:
        return "it is no text: a capture is given as an input"
    if re.search(rb"^\s*\[{1,2}[\w.]+\]{1,2}\s*(#.*)?$", data, re.MULTILINE):
        return "it seems to be a site file: give it with --config"
    return ""


def _of_ike(lines: list[tuple[int, list[str]]], name: str, problems: list[Problem]) -> Iterator[IkeSa]:
    """Yield the associations of Wireshark's ikev2_decryption_table."""
    for number, fields in lines:
        if len(fields) != _IKE_FIELDS:
            hint = 'initiator\'s SPI, responder\'s SPI, key, key, "encryption", key, key, "integrity"'
            problems.append(
                Problem(Position(name, number), "is no line of Wireshark's ikev2_decryption_table", f"expected {hint}")
            )
            continue
        spis, keys, secrets = (tuple(map(hex_bytes, fields[at : at + 2])) for at in (0, 2, 5))
        encryption, integrity = algorithm_name(fields[4]), algorithm_name(fields[7])
        if None in (*spis, *keys, *secrets, encryption, integrity) or len(fields[1].removeprefix("0x")) != _SPI_DIGITS:
            problems.append(Problem(Position(name, number), "has no such keys", "expected hexadecimal digits"))
            continue
        yield IkeSa(
            (spis[0] or b"", spis[1] or b""), encryption or "", (keys[0] or b"", keys[1] or b""),
            integrity or "", (secrets[0] or b"", secrets[1] or b""),
        )  # fmt: skip


def _of_table(lines: list[tuple[int, list[str]]], name: str, problems: list[Problem]) -> Iterator[tuple[int, EspSa]]:
    """Yield the associations of Wireshark's table, each with its line."""
    for number, fields in lines:
        if len(fields) not in _FIELDS or not fields[0].lower().startswith("ip"):
            hint = '"IPv4","source","destination","SPI","encryption","key","authentication","key"'
            problems.append(Problem(Position(name, number), _NO_LINE, f"expected {hint}"))
            continue
        spi, key, secret = _number(fields[3]), hex_bytes(fields[5]), hex_bytes(fields[7])
        encryption, integrity = algorithm_name(fields[4]), algorithm_name(fields[6])
        if spi is None:
            hint = "an SPI of its own for each, without *"
            problems.append(Problem(Position(name, number), "its SPI is no number of 32 bits", f"expected {hint}"))
        elif key is None or secret is None or encryption is None or integrity is None:
            problems.append(Problem(Position(name, number), "has no such keys", "expected hexadecimal digits after 0x"))
        else:
            yield number, EspSa(spi, encryption, key, integrity, secret)


def _fields(line: str) -> list[str]:
    """Return the fields of a line, texts between quotation marks or digits; none where it is something else."""
    fields: list[str] = []
    at, end = 0, len(line.rstrip())
    while at < end:
        match = _FIELD.match(line, at)
        if match is None:
            return []
        fields.append(match[2] if match[1] is None else match[1])
        at = match.end()
    return fields


def _number(word: str) -> int | None:
    """Return an SPI; None for what is none."""
    try:
        value = int(word, 0)
    except ValueError:
        return None
    return value if 0 < value < 2**32 else None


def _of_xfrm(lines: list[tuple[int, str]], name: str, problems: list[Problem]) -> Iterator[tuple[int, EspSa]]:
    """Yield the associations of ESP that `ip xfrm state` shows, each with the line of its SPI."""
    spi, at = None, 0
    words: dict[str, list[str]] = {}

    def made() -> Iterator[tuple[int, EspSa]]:
        if spi is None:
            return
        sa = _linux(spi, words)
        if sa is None:
            hint = "its algorithm is none that is opened, or its keys are not shown: run ip xfrm state as root"
            problems.append(Problem(Position(name, at), f"SPI {spi:#010x} has no keys that can be used", hint))
        else:
            yield at, sa

    for number, line in lines:
        said = line.split()
        if _XFRM.match(line):
            yield from made()
            spi, words = None, {}
        elif said[:2] == ["proto", "esp"] and "spi" in said[:-1]:
            spi, at = _number(said[said.index("spi") + 1].partition("(")[0]), number
            if spi is None:
                problems.append(Problem(Position(name, number), "its SPI, of keys, is no number of 32 bits"))
        elif said[0] in ("enc", "aead", "auth", "auth-trunc"):
            words[said[0]] = said[1:]
    yield from made()


def _linux(spi: int, words: dict[str, list[str]]) -> EspSa | None:
    """Return the association of the lines about its algorithms; None if these are not known, or hold no keys."""
    if len(aead := words.get("aead", [])) == 3 and aead[2].isdecimal():
        cipher, key = _AEAD.get((aead[0], int(aead[2]))), hex_bytes(aead[1])
        return EspSa(spi, cipher, key, "null", b"") if cipher and key else None
    enc = words.get("enc", [])
    cipher, key = _ENC.get(enc[0]) if enc else None, hex_bytes(enc[1]) if len(enc) > 1 else b""
    auth = words.get("auth-trunc") or words.get("auth") or ["digest_null"]
    if cipher is None or key is None or (not key and cipher != "null"):
        return None
    if auth[0] == "digest_null":
        return EspSa(spi, cipher, key, "null", b"")
    bits = int(auth[2]) if len(auth) == 3 and auth[2].isdecimal() else _WHOLE.get(auth[0], 0)
    integrity, secret = _AUTH.get((auth[0], bits)), hex_bytes(auth[1]) if len(auth) > 1 else None
    return EspSa(spi, cipher, key, integrity, secret) if integrity and secret else None
