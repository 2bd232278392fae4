"""Keys in the log of strongSwan's charon, which tells them at level 4 of its groups `chd` (ESP) and `ike` (IKEv2).

Keys come before what they are for, as lines of bytes, each line with the number of the thread that wrote it. Whose keys
the initiator's of ESP are, is told by the message on which they were made: who got an answer is the initiator. To which
exchange keys of IKEv2 belong, lines of the group `mgr` (level 2) say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from mipcheck.checker.site.site import EspSa, IkeSa
from mipcheck.checker.site.toml import algorithm_name

HEAD: Final = 64 * 1024
"""Bytes among which a line of charon's has to be."""
_LONGEST: Final = 4096
"""Bytes of a line that are looked at: no line with a key is longer."""
_KEY: Final = 128
"""Bytes of a key, at most."""
MOST: Final = 65_536
"""Associations of a log, at most."""
_THREADS: Final = 1024
"""Threads of a log, at most: charon has 16."""
_LINE: Final = re.compile(rb"(?:^|[\s:])(\d\d)\[(CHD|IKE|MGR|CFG|ENC)\d?\] (?:<[^>]{0,200}> )?(.*)")
_MADE_ON: Final = re.compile(r"parsed [A-Z_]+ (request|response) \d+ ")
_USING: Final = re.compile(r"\s*using (\w+) for (encryption|integrity)")
_SECRET: Final = re.compile(r"(?:(encryption|integrity) (initiator|responder) key|Sk_([ae][ir]) secret) => (\d+) bytes")
_BYTES: Final = re.compile(r"\s*\d+: ((?:[0-9A-F]{2} ){1,16})")
_SPI: Final = re.compile(r"\s*SPI 0x([0-9a-f]{8}), src ")
_WAY: Final = re.compile(r"(?:adding|registering) (inbound|outbound) ESP SA")
_IKE_SA: Final = re.compile(r"(checkout|checkin) IKEv2 SA .*with SPIs ([0-9a-f]{16})_i ([0-9a-f]{16})_r")
_PROPOSAL: Final = re.compile(r"selected proposal: IKE:(\S+)")
_SENT_BY: Final = {"i": "initiator", "r": "responder"}
_IKE_KIND: Final = {"e": "encryption", "a": "integrity"}
_NOBODY: Final = "0" * 16


@dataclass
class _Thread:
    """What a thread has said of the exchange on which it works. Keys are by what they are for and whose."""

    initiator: bool | None = None
    algorithms: dict[str, str] = field(default_factory=dict)
    keys: dict[tuple[str, str], bytearray] = field(default_factory=dict)
    ike_keys: dict[tuple[str, str], bytearray] = field(default_factory=dict)
    way: str = ""
    spi: str = ""
    """The initiator's SPI of the IKE_SA that it has checked out."""
    collecting: tuple[bytearray, int] | None = None
    """A key of which bytes are to come, and how many it has."""


@dataclass
class CharonKeys:
    """What a log told, and how many keys could not be told whose they are."""

    esp: list[EspSa] = field(default_factory=list)
    ike: dict[tuple[bytes, bytes], IkeSa] = field(default_factory=dict)
    nobodys: int = 0


def is_charon(head: bytes) -> bool:
    """Decide whether what begins so is a log of charon's."""
    return any(_LINE.search(line) for line in head[:HEAD].splitlines())


def keys_of_charon(stream: BinaryIO) -> CharonKeys:
    """Read all keys of a log. Memory does not grow with it but by the keys."""
    found = _Reader()
    for thread, line in _lines(stream):
        found.line(thread, line)
        if len(found.found.esp) + len(found.found.ike) > MOST:
            break
    return found.found


def _lines(stream: BinaryIO) -> Iterator[tuple[bytes, str]]:
    """Yield charon's lines, each with the thread that wrote it; of what is too long only the beginning."""
    begins = True
    while piece := stream.readline(_LONGEST):
        if begins and (match := _LINE.search(piece)):
            yield match[1], match[3].decode("ascii", "replace")
        begins = piece.endswith(b"\n")


class _Reader:
    """Follows what each thread says."""

    def __init__(self) -> None:
        self.found = CharonKeys()
        self._threads: dict[bytes, _Thread] = {}
        self._proposals: dict[str, str] = {}
        self._known: set[int] = set()

    def line(self, name: bytes, line: str) -> None:
        """Take a line that a thread has written."""
        if name not in self._threads and len(self._threads) >= _THREADS:
            return
        thread = self._threads.setdefault(name, _Thread())
        if thread.collecting is not None and (dump := _BYTES.match(line)):
            self._bytes(thread, *thread.collecting, bytes.fromhex(dump[1]))
            return
        thread.collecting = None
        if secret := _SECRET.match(line):
            self._secret(thread, secret)
        elif made := _MADE_ON.match(line):
            thread.initiator = made[1] == "response"
        elif using := _USING.match(line):
            if using[2] == "encryption":  # the first of what is said of an association
                thread.algorithms, thread.keys = {}, {}
            thread.algorithms[using[2]] = using[1]
        elif way := _WAY.match(line):
            thread.way = way[1]
        elif thread.way and (spi := _SPI.match(line)):
            self._esp(thread, int(spi[1], 16))
        elif ike := _IKE_SA.match(line):
            self._ike(thread, ike[1], ike[2], ike[3])
        elif proposal := _PROPOSAL.match(line):
            self._proposals[thread.spi] = proposal[1]

    @staticmethod
    def _secret(thread: _Thread, secret: re.Match[str]) -> None:
        """Begin to collect a key."""
        kind, whose, ike, length = secret.groups()
        keys = thread.keys if ike is None else thread.ike_keys
        name = (kind, whose) if ike is None else (_IKE_KIND[ike[0]], _SENT_BY[ike[1]])
        keys[name] = key = bytearray()
        if 0 < int(length[:6]) <= _KEY:
            thread.collecting = key, int(length[:6])

    @staticmethod
    def _bytes(thread: _Thread, key: bytearray, length: int, more: bytes) -> None:
        """Take bytes of a key."""
        key += more
        if len(key) >= length:
            del key[length:]
            thread.collecting = None

    def _esp(self, thread: _Thread, spi: int) -> None:
        """Take the SPI of an association in one direction, whose keys were told before."""
        way, thread.way = thread.way, ""
        if spi in self._known or not thread.keys:  # installed now, and told when it was registered
            return
        if thread.initiator is None or "encryption" not in thread.algorithms:
            self.found.nobodys += 1
            return
        whose = "initiator" if thread.initiator == (way == "outbound") else "responder"
        key, secret = (bytes(thread.keys.get((kind, whose), b"")) for kind in ("encryption", "integrity"))
        encryption = _named(thread.algorithms["encryption"])
        integrity = _named(thread.algorithms.get("integrity", "null"))
        if encryption and integrity and (key or encryption == "null"):
            self._known.add(spi)
            self.found.esp.append(EspSa(spi, encryption, key, integrity, secret))

    def _ike(self, thread: _Thread, what: str, initiator: str, responder: str) -> None:
        """Take the SPIs of an IKE_SA: the first that is put back after keys were told, and has none yet, has these."""
        if what == "checkout":
            thread.spi = initiator
        spis = bytes.fromhex(initiator), bytes.fromhex(responder)
        if what == "checkout" or responder == _NOBODY or not thread.ike_keys or spis in self.found.ike:
            return
        keys, thread.ike_keys = thread.ike_keys, {}
        words = self._proposals.get(thread.spi, self._proposals.get("", "")).split("/")
        encryption = _named(re.sub(r"^(AES_\w+?|CHACHA20_POLY1305)_(?:128|192|256)$", r"\1", words[0]))
        integrity = next((_named(word) for word in words[1:] if word.startswith("HMAC_")), "null")
        halves = [
            tuple(bytes(keys.get((kind, whose), b"")) for whose in _SENT_BY.values()) for kind in _IKE_KIND.values()
        ]
        (one, other), (secret, answer) = halves
        if encryption and integrity and one and other:
            self.found.ike[spis] = IkeSa(spis, encryption, (one, other), integrity, (secret, answer))


def _named(word: str) -> str:
    """Return an algorithm by the name that it has here."""
    return algorithm_name(word) or ""
