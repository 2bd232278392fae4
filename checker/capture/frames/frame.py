"""A frame, and what is learnt of its file: what every reader of a capture's format produces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from mipcheck.checker.capture.frames.spells import Spells
from mipcheck.checker.console.alike import Notes, grouped
from mipcheck.checker.console.counts import counted
from mipcheck.model.values.errors import UserError
from mipcheck.model.values.event import NODE, Position

MAX_TIME: Final = 2**62
"""ns since the epoch (year 2116); a later stamp is damage, and would not fit the integers of an observer."""
MAX_RECORD: Final = 16 * 2**20
"""Bytes; no link carries a longer frame, so a longer record is damage and not worth its memory."""
CHUNK: Final = 64 * 1024
"""Bytes that are read at a time where they are not looked at one by one."""
STEP: Final = 10**9
"""ns by which frames of an interface may stand behind later ones: those of several queues or threads do by a little."""
JUMP: Final = 365 * 24 * 3600 * 10**9
"""ns between two frames that follow each other in a file; where they are further apart, one of the times is wrong."""
SET_BACK: Final = "the clock of the file was set back"
"""Why nobody knows in which order things happened: what was captured before and after has the same times."""
REST: Final = "the rest of the file was not read"
"""Why nothing is known after a time."""

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
    """Frames of an interface that were not captured, or not read, after `since` and before `until` (ns).

    `frame` is the one before which they are known to be missing; `since` is None where nobody knows since when. `why`
    they were not read, "" for those that were not captured.
    """

    interface: str
    since: int | None
    until: int
    frame: int
    missing: int
    why: str = ""

    def words(self) -> str:
        """Return in words what was not captured, or why it was not read."""
        return (
            self.why
            or f"{counted(self.missing, 'frame')} on {self.interface} {_were(self.missing)} lost while capturing"
        )


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


@dataclass(slots=True)
class Unread:
    """What was not read for one reason: how often, and the number of the first frame that it concerns."""

    first: int
    count: int = 0


class Identity(NamedTuple):
    """What a file says of an interface besides its name: link type, link address and IPv4 addresses, where it does."""

    linktype: int
    mac: bytes = b""
    addresses: frozenset[bytes] = frozenset()

    def may_be(self, other: Identity) -> bool:
        """Decide whether both may be of one interface. Addresses are lent; it is its link address that stays."""
        if self.linktype != other.linktype:
            return False
        if self.mac and other.mac:
            return self.mac == other.mac
        return not (self.addresses and other.addresses) or not self.addresses.isdisjoint(other.addresses)


@dataclass(slots=True)
class FileInfo:
    """What is learnt about the file while its frames are read."""

    kind: str
    name: str
    interfaces: dict[str, int] = field(default_factory=dict)
    """Interface name → link type."""
    devices: dict[str, Identity] = field(default_factory=dict)
    """Interface name → what tells it from others that are called so."""
    noted: Notes = field(default_factory=Notes)
    frames: int = 0
    records: int = 0
    """Records or blocks that were read, frames or not."""
    losses: list[Loss] = field(default_factory=list)
    lost: list[Loss] = field(default_factory=list)
    """Frames that are missing somewhere after `since` and until `until`: by statistics, or as nobody can read them."""
    last: dict[str, int] = field(default_factory=dict)
    """Interface name → time of its last frame."""
    latest: int = 0
    """Time of the last frame of a pcapng file, whatever its interface."""
    unread: dict[str, Unread] = field(default_factory=dict)
    """Reason → frames and blocks that are in the file and were not read."""
    heard_last: int | None = None
    """Time of the last frame that was read."""
    clocks: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Interface name → the earliest and the latest time of its frames, since its clock was set."""
    spells: Spells = field(default_factory=Spells)
    """When interfaces were captured."""
    skipped: Loss | None = None
    """What was not read since then; its `until` is open."""
    filters: list[str] = field(default_factory=list)
    """Capture filters, as its interfaces name them."""
    stopped: str = ""
    """Why the rest of the file was not read."""

    @property
    def notes(self) -> list[str]:
        """The notes for people; of many alike the first, with their number."""
        return list(self.noted.texts())

    def note(self, text: str, alike: str = "") -> None:
        """Keep a note for people; `alike` is what those of its kind have in common (by default all but the numbers)."""
        self.noted.add(text, alike)

    def skip(self, reason: str) -> None:
        """Take note that what is at the newest frame, or follows it, is not read; when it happened is not known."""
        number = max(self.frames, 1)
        unread = self.unread.setdefault(reason, Unread(number))
        unread.count += 1
        if self.skipped is None:
            self.skipped = Loss(NODE, self.heard_last, 0, number, 0, "part of the file was not read")

    def heard(self, time: int, frame: int, interface: str) -> None:
        """Take note of the time of a frame that is read: what was skipped before it happened until then, it seems."""
        before = self.heard_last
        if self.skipped is not None:
            self.losses.append(self.skipped._replace(until=time))
            self.skipped = None
        elif before is not None and abs(time - before) > JUMP:
            self._mistimed(_JUMPS, before, time, frame, "the clock of the file jumped")
            self.clocks.clear()
        self.heard_last = time
        self.spells.heard(interface, time, time, frame)
        first, newest = self.clocks.get(interface, (time, time))
        if newest - time <= STEP:
            self.clocks[interface] = min(first, time), max(newest, time)
            return
        if time >= first:
            self._mistimed(_STEPS, newest, time, frame, SET_BACK)
        self.clocks[interface] = time, time  # what was taken earlier may stand behind what was taken later

    def lost_somewhere(self, loss: Loss) -> None:
        """Take note of frames that were lost nobody knows where; stretches that follow each other are one."""
        for n, other in enumerate(self.lost):
            if other.interface == loss.interface and loss.since is not None and loss.since <= other.until:
                self.lost[n] = loss._replace(since=other.since, missing=other.missing + loss.missing)
                return
        self.lost.append(loss)

    def untimed(self, frame: int) -> None:
        """Take note of a frame that has no time, and gets that of the frame before it."""
        self._mistimed(_UNTIMED, self.heard_last, self.latest, frame, "a packet without a time stamp")

    def _mistimed(self, reason: str, before: int | None, time: int, frame: int, why: str) -> None:
        """Take note that times (ns) are not right at a frame: what lies between two of them is not known."""
        self.unread.setdefault(reason, Unread(frame)).count += 1
        self.losses.append(Loss(NODE, before, time, frame, 0, why))

    def stop(self, text: str) -> None:
        """Take note that the file is not read any further; `text` says where and why."""
        self.stopped, self.skipped = text, None
        if self.heard_last is not None:
            self.losses.append(Loss(NODE, self.heard_last, self.heard_last, self.frames, 0, REST))

    def finish(self) -> None:
        """Take note that the whole file has been read."""
        if self.skipped is not None and self.heard_last is not None:
            self.losses.append(self.skipped._replace(until=self.heard_last))
        self.skipped = None
        self.spells.end()
        times = {time for spell in self.spells.ended for time in (spell.first, spell.newest)}
        if len(times) == 1 and self.frames >= (_TOLD if 0 not in times else 1):
            self.unread[_TIMELESS] = Unread(1, self.frames)

    def holes(self) -> tuple[str, ...]:
        """Say what is missing, and nobody can say what it would have shown."""
        return (
            *grouped(loss.words() for loss in self.lost),
            *(_unread(reason, unread) for reason, unread in self.unread.items()),
            *((self.stopped,) if self.stopped else ()),
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
    counted: list[tuple[int, int | None]] = field(default_factory=lambda: [(0, None)])
    """What the last statistics counted (they count from the start), and until when (ns); None where there were none."""

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

    def taken(self) -> int:
        """Return how many bytes of a compressed file were taken for what has been read; it may be read ahead."""

    def ended(self) -> bool:
        """Tell whether more was asked for than there is."""

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


_JUMPS: Final = "the times of the file jump by years %s: what lies between is unknown"
_STEPS: Final = "the times of an interface go back %s, into what it had seen: what lies between is unknown"
_UNTIMED: Final = "the file tells no time %s (a simple packet block): what hangs on it is unknown"
_TIMELESS: Final = "all frames have one and the same time stamp: what hangs on time is unknown"
_TOLD: Final = 8
"""Frames that do not come at one moment, whatever the resolution of their stamps."""


def _unread(reason: str, unread: Unread) -> str:
    """Say in one sentence how often something was not read, and where first."""
    count, first = unread.count, unread.first
    if reason == _TIMELESS:
        return reason
    if reason in (_JUMPS, _STEPS, _UNTIMED):
        return reason % (f"at frame {first}" if count == 1 else f"{count} times, first at frame {first}")
    return f"frame {first}: {reason}" if count == 1 else f"frame {first}: {reason}; {count} such in all"
