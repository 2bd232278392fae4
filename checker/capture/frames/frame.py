"""A frame, and what is learnt of its file: what every reader of a capture's format produces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from mipcheck.model.values.errors import UserError
from mipcheck.model.values.event import Position

MAX_TIME: Final = 2**62
"""ns since the epoch (year 2116); a later stamp is damage, and would not fit the integers of an observer."""
MAX_RECORD: Final = 16 * 2**20
"""Bytes; no link carries a longer frame, so a longer record is damage and not worth its memory."""
CHUNK: Final = 64 * 1024
"""Bytes that are read at a time where they are not looked at one by one."""
_MAX_NOTES: Final = 50

SLL: Final = 113
SLL2: Final = 276
"""Link types of Linux cooked captures, which mix all interfaces: versions 1 and 2."""


class CaptureError(UserError, ValueError):
    """The input is no capture, or its header leaves nothing to read; `at` says where."""

    def __init__(self, message: str, at: Position) -> None:
        super().__init__(f"{at}: {message}")
        self.message = message
        self.at = at


class Frame(NamedTuple):
    """One captured frame: `number` from 1 by file order, `time` in ns since the epoch, `length` as it was on the wire.

    `direction` is "in" or "out" where the file itself records it, else "".
    """

    number: int
    time: int
    interface: str
    linktype: int
    data: bytes
    length: int
    direction: str


class Loss(NamedTuple):
    """Frames of an interface that were not captured, after `since` and before `until` (ns).

    `frame` is the one before which they are known to be missing; `since` is None where nobody knows since when.
    """

    interface: str
    since: int | None
    until: int
    frame: int
    missing: int


@dataclass(slots=True)
class FileInfo:
    """What is learnt about the file while its frames are read."""

    kind: str
    name: str
    interfaces: dict[str, int] = field(default_factory=dict)
    """Interface name → link type."""
    notes: list[str] = field(default_factory=list)
    frames: int = 0
    losses: list[Loss] = field(default_factory=list)
    lost: dict[str, int] = field(default_factory=dict)
    """Interface name → frames that its statistics say were lost, somewhere."""
    last: dict[str, int] = field(default_factory=dict)
    """Interface name → time of its last frame."""
    latest: int = 0
    """Time of the last frame of a pcapng file, whatever its interface."""

    def note(self, text: str) -> None:
        """Keep a note for people; a file that is damaged everywhere gets no more of them than can be read."""
        if text not in self.notes and len(self.notes) < _MAX_NOTES:
            self.notes.append(text)

    def holes(self) -> tuple[str, ...]:
        """Say what is missing without anybody knowing where."""
        return tuple(
            f"{counted(n)} on {name} {'was' if n == 1 else 'were'} lost while capturing"
            for name, n in self.lost.items()
        )


@dataclass(frozen=True, slots=True)
class Interface:
    """As a section of a pcapng file describes it."""

    name: str
    linktype: int
    units: int
    """Units of a stamp in one second."""
    offset: int
    """Seconds to add to every stamp (if_tsoffset)."""
    snap: int
    """Bytes after which frames were cut (0: nowhere); the length of a simple packet block follows from it."""
    dropped: list[int] = field(default_factory=lambda: [0])
    """What the last statistics counted: they count from the start."""

    def time(self, stamp: int) -> int:
        """Return the time of a stamp, in ns since the epoch."""
        if self.units == 10**9:
            return stamp + self.offset * 10**9
        return stamp * 10**9 // self.units + self.offset * 10**9


class Stream(Protocol):
    """What frames are read from: fewer bytes than asked for are no end, none are."""

    def read(self, size: int, /) -> bytes | None: ...


class Ahead(Protocol):
    """Takes records off the front of a stream before the reader here asks for the next one.

    It leaves what it does not know, and keeps the `FileInfo` as if the records that it took had been read here.
    """

    def over(self, source: Stream, info: FileInfo) -> Stream:
        """Return the stream to be read from, which starts where `source` does."""

    def pcap(self, order: str, unit: int, name: str, linktype: int) -> None:
        """Take records of a pcap file, if the next one is known; `unit` is ns in one unit of its fraction."""

    def pcapng(self, order: str, interfaces: Sequence[Interface]) -> None:
        """Take blocks of a section in this byte order, with these interfaces so far."""


def read_up_to(stream: Stream, size: int) -> bytes:
    """Return `size` bytes, or fewer at the end; a raw stream may give less than it is asked for."""
    if not size:
        return b""  # to unpack 0 bytes is to unpack all that there are
    data = stream.read(size) or b""
    if len(data) == size:
        return data
    parts = [data]
    have = len(data)
    while have < size and data:
        data = stream.read(size - have) or b""
        parts.append(data)
        have += len(data)
    return b"".join(parts)


def counted(count: int) -> str:
    """Return a number of frames in words."""
    return "1 frame" if count == 1 else f"{count} frames"
