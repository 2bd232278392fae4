"""Compiled: the records of a capture → rows, and for each packet the number of its kind.

Of each kind one packet is decoded by `layers`; this knows how records are laid out, and `key.py` headers. What it does
not know it leaves alone: a record that is no plain packet ends the loop, and a packet that is unusual gets the kind
UNUSUAL. Both are read by `files` and `layers`, in their place. The sections are the way of a packet: its record, its
kind, its row. `scanned.py` says what the loop works on.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any, Final

from mipcheck.checker.capture.bulk import key
from mipcheck.checker.capture.bulk.key import u16, u32, write_key
from mipcheck.checker.capture.bulk.scanned import (
    CLOSED,
    CROWDED,
    FULL,
    MORE,
    OTHER,
    PCAPNG,
    UNUSUAL,
    DeviceRow,
    Scanned,
    ScannedKind,
)
from mipcheck.checker.capture.frames.frame import JUMP, MAX_RECORD, MAX_TIME, STEP
from mipcheck.model.native.unit import Unit, constants_of, source_of

_FOUND: Final = -1  # of a record: it goes on

_PCAP_HEADER: Final = 16
_BLOCK_HEADER: Final = 8  # type and length of a block
_PACKET_HEADER: Final = 28  # of an enhanced packet block, up to the packet
_BLOCK_LENGTH: Final = 4  # once more, at its end
_ENHANCED_BLOCK: Final = 6
_OPTION_END: Final = 0
_OPTION_FLAGS: Final = 2
_OPTION_DROPS: Final = 4
_DIRECTIONS: Final = 3  # values of a packet's direction that mean something: unknown, in, out
_MAX_HIGH: Final = 2**30  # of the upper half of a stamp, so that the whole is a number of 62 bits
_MAX_LENGTH: Final = 2**31 - 1  # on the wire
_SECOND: Final = 10**9
_UDP: Final = 17
_SAMPLE: Final = 16  # octets of what a packet carries that `layers.identify` takes
_CHECKSUM: Final = 6  # where UDP's begins

# Odd multipliers, by which a hash is spread over 64 bits.
_MIX: Final = -0x61C8864680B583EB
_MIX_AGAIN: Final = -0x40A7B892E31B1A47


@cache
def unit() -> Unit:
    """Return what is compiled. Raises NativeError."""
    sources = tuple(source_of(module) for module in (key, sys.modules[__name__]))
    return Unit("scan", Scanned, sources, constants_of(vars(key)) | constants_of(globals()))


def scan(s: Scanned) -> int:
    """Take records from `s.buf` into rows; return why it ended, which is MORE, OTHER, FULL or CROWDED."""
    if s.gone >= 0:
        return _take_opened(s)
    s.clear = -1
    while True:
        if s.rows == s.rows_cap:
            return FULL
        why = _pcapng_record(s) if s.form == PCAPNG else _pcap_record(s)
        if why != _FOUND:
            return why
        if s.length > _MAX_LENGTH:
            return OTHER  # more than a row holds
        s.time += s.offset
        kind = UNUSUAL
        s.origin = s.rows
        if write_key(s):
            kind = _known(s)
            if kind < 0:
                return CROWDED
        elif s.esp >= 0:
            _seal(s)
        _hear(s)
        _write_row(s, kind)
        s.at = s.after


def _take_opened(s: Scanned) -> int:
    """Give kinds to rows of ESP that has been opened; return CROWDED or MORE."""
    while s.gone < s.sealed:
        secret = s.secrets[s.gone]
        if secret.clear >= 0 or secret.clear == CLOSED:
            row = secret.row
            s.origin, s.clear, s.clear_end = row, secret.clear, secret.clear_end
            s.start, s.size, s.length = s.start_of[row], s.size_of[row], s.length_of[row]
            s.device, s.sense, s.time, s.frame = s.device_of[row], s.sense_of[row], s.time_of[row], s.frame_of[row]
            if write_key(s):
                kind = _known(s)
                if kind < 0:
                    return CROWDED
                s.kind_of[row] = kind
        s.gone += 1
    return MORE


# --- records --------------------------------------------------------------------------------------------------------


def _little16(buf: Any, at: int) -> Any:
    return buf[at + 1] << 8 | buf[at]


def _file16(s: Scanned, at: int) -> Any:
    """Return the number at `at`, in the byte order of the file."""
    return u16(s.buf, at) if s.big else _little16(s.buf, at)


def _file32(s: Scanned, at: int) -> Any:
    """Return the number at `at`, in the byte order of the file."""
    return u32(s.buf, at) if s.big else _little16(s.buf, at + 2) << 16 | _little16(s.buf, at)


def _pcap_record(s: Scanned) -> int:
    """Read the record of a pcap file at `s.at`, up to the packet; return _FOUND, or why not."""
    at = s.at
    if at + _PCAP_HEADER > s.filled:
        return MORE
    s.size = _file32(s, at + 8)
    if s.size > MAX_RECORD or s.size == 0:
        return OTHER  # damage, or what may be
    s.start = at + _PCAP_HEADER
    s.after = s.start + s.size
    if s.after > s.filled:
        return MORE
    s.device, s.sense = 0, 0
    s.length = _file32(s, at + 12)
    s.time = _file32(s, at) * _SECOND + _file32(s, at + 4) * s.devices[0].unit
    return _FOUND


def _pcapng_record(s: Scanned) -> int:
    """Read the block of a pcapng file at `s.at`, an enhanced packet block, up to the packet; _FOUND, or why not."""
    at = s.at
    if at + _BLOCK_HEADER > s.filled:
        return MORE
    block = _file32(s, at + 4)
    if block < _PACKET_HEADER + _BLOCK_LENGTH or block & 3 or block > MAX_RECORD:
        return OTHER
    if _file32(s, at) != _ENHANCED_BLOCK:
        return OTHER
    s.after = at + block
    if s.after > s.filled:
        return MORE
    if _file32(s, s.after - _BLOCK_LENGTH) != block:
        return OTHER
    s.device = _file32(s, at + 8)
    s.start = at + _PACKET_HEADER
    s.size = _file32(s, at + 20)
    if s.device >= s.device_count or s.start + s.size > s.after - _BLOCK_LENGTH:
        return OTHER
    s.time = _stamped(s.devices[s.device], _file32(s, at + 12), _file32(s, at + 16))
    if s.time < 0 or _options(s):
        return OTHER
    s.length = _file32(s, at + 24)
    return _FOUND


def _stamped(device: DeviceRow, high: int, low: int) -> int:
    """Return the time (ns) of a stamp in two halves, -1 for one that the loop cannot tell."""
    if device.unit == 0 or high >= _MAX_HIGH:
        return -1
    stamp = high << 32 | low
    if stamp > MAX_TIME // device.unit:
        return -1
    time = stamp * device.unit + device.shift
    return time if time < MAX_TIME else -1


def _options(s: Scanned) -> bool:
    """Read the options of a packet for its direction; return whether frames were lost before it."""
    s.sense = 0
    lost = False
    at, end = s.start + s.size + (-s.size & 3), s.after - _BLOCK_LENGTH
    while at + 4 <= end:
        code, long = _file16(s, at), _file16(s, at + 2)
        if code == _OPTION_END or at + 4 + long > end:
            break
        if code == _OPTION_DROPS:
            lost = True
        if code == _OPTION_FLAGS and long == 4:
            direction = _file32(s, at + 4) & 3
            s.sense = direction if direction < _DIRECTIONS else 0
        at += 4 + long + (-long & 3)
    return lost


def _seal(s: Scanned) -> None:
    """Note that the packet under way is one of ESP that can be opened."""
    at = s.esp
    s.secrets[s.sealed] = s.rows, at, s.end, u32(s.buf, at), u32(s.buf, at + 4), -1, -1
    s.sealed += 1


# --- kinds and rows -------------------------------------------------------------------------------------------------


def _known(s: Scanned) -> int:
    """Return the number of the kind that the packet under way is of, and count it; -1 if there is no room for it."""
    _mix(s)
    kind = _find_kind(s)
    if kind >= 0:
        _count(s, s.kinds[kind])
        if s.opens:
            _tell_exactly(s)
            s.exact_of[s.origin] = s.exact
    return kind


def _tell_exactly(s: Scanned) -> None:
    """Work out the hash of what `layers.identify` tells the innermost packet by, and of its addresses."""
    at = s.inmost
    s.exact = 0
    if at < 0:
        return
    body = at + (s.buf[at] & 15) * 4
    udp = s.buf[at + 9] == _UDP
    count = 0
    s.exact = s.salt ^ s.pair
    _fold(s, u32(s.buf, at + 2))
    for n in range(body, min(body + _SAMPLE, s.stop)):
        if not udp or n < body + _CHECKSUM or n > body + _CHECKSUM + 1:
            _fold(s, s.buf[n])
            count += 1
    _fold(s, count)


def _fold(s: Scanned, number: int) -> None:
    s.exact = (s.exact ^ number) * _MIX
    s.exact ^= s.exact >> 29


def _mix(s: Scanned) -> None:
    """Work out the hash of the key."""
    s.hash = s.seed + s.words
    for n in range(s.words):
        s.hash = (s.hash ^ s.key[n]) * _MIX
        s.hash ^= s.hash >> 29
    s.hash *= _MIX_AGAIN
    s.hash ^= s.hash >> 32


def _find_kind(s: Scanned) -> int:
    """Return the number of the kind that has the key, a new one if there is none; -1 if there is no room for it."""
    mask = len(s.slots) - 1
    slot = s.hash & mask
    kind = s.slots[slot]
    while kind >= 0 and not _has_key(s, s.kinds[kind]):
        slot = (slot + 1) & mask
        kind = s.slots[slot]
    return int(kind) if kind >= 0 else _add_kind(s, slot)


def _has_key(s: Scanned, kind: ScannedKind) -> bool:
    """Whether a kind's key is that of the packet under way."""
    words, start = s.words, kind.start
    if kind.hash != s.hash or kind.words != words:
        return False
    for n in range(words):  # noqa: SIM110  # what is compiled knows no all()
        if s.pool[start + n] != s.key[n]:
            return False
    return True


def _add_kind(s: Scanned, slot: int) -> int:
    """Add the kind of the packet under way, whose number goes to `slot`; return that, -1 if there is no room for it."""
    kind, start, words = s.known, s.used, s.words
    if kind == s.kinds_cap or start + words > s.pool_cap:
        return -1
    s.slots[slot] = kind
    s.kinds[kind] = (
        s.hash, start, words, s.ends, s.ported, s.opened, s.message, s.origin, 0, s.time, s.frame, s.time, s.frame,
    )  # fmt: skip
    for n in range(words):
        s.pool[start + n] = s.key[n]
    s.used = start + words
    s.known = kind + 1
    return kind


def _count(s: Scanned, kind: ScannedKind) -> None:
    """Count the packet under way among those of its kind."""
    kind.count += 1
    if s.time < kind.first:
        kind.first, kind.first_frame = s.time, s.frame
    elif s.time >= kind.last:
        kind.last, kind.last_frame = s.time, s.frame


def _hear(s: Scanned) -> None:
    """Note the time of the packet under way on its interface; say if it may be wrong: the driver looks at each then."""
    time, row = s.time, s.rows
    # The row before may be one of another reader's, which may tell too much, but nothing that follows is passed over.
    if row > 0 and (time > s.time_of[row - 1] + JUMP or time < s.time_of[row - 1] - JUMP):
        s.astray = 1
    clock = s.devices[s.devices[s.device].clock]
    if clock.newest > time + STEP:
        s.astray = 1
    clock.newest = max(clock.newest, time)
    clock.least = min(clock.least, time)


def _write_row(s: Scanned, kind: int) -> None:
    """Add a row for the packet under way."""
    row = s.rows
    s.time_of[row] = s.time
    s.frame_of[row] = s.frame
    s.kind_of[row] = kind
    s.length_of[row] = max(s.length, s.size)
    s.start_of[row] = s.start
    s.size_of[row] = s.size
    s.sense_of[row] = s.sense
    s.device_of[row] = s.device
    s.devices[s.device].last = row
    s.frame += 1
    s.rows += 1
