"""The compiled loop: records of a capture → columns, and for each packet the number of its kind.

Two packets are of one kind if all that `layers.decode` tells of them is the same, but for number, time, length and
ports that no rule asks for. Of each kind one packet is decoded there, so that this file says what a header's size is
and where the next one starts, and nothing of what headers mean. What it does not know it leaves alone: a record that
is no plain packet ends the loop, and a packet whose content matters or is unusual (signalling, fragments, anything
cut or odd) gets the kind UNUSUAL. Both are read by `files` and `layers`, in their place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]
Small = npt.NDArray[np.int32]

UNUSUAL: Final = -1
"""The kind of a packet that has to be read in full."""

MORE: Final = 0
"""The loop ended because the next record is not there as a whole."""
OTHER: Final = 1
"""… because the next record is none that it knows."""
FULL: Final = 2
"""… because there is no room for another row."""
CROWDED: Final = 3
"""… because there is no room for another kind."""

PCAP: Final = 0
PCAPNG: Final = 1

# Link types as the loop tells them apart; any other is unusual.
L_ETHERNET: Final = 1
L_RAW: Final = 2
L_SLL: Final = 3
L_SLL2: Final = 4
L_NULL: Final = 5

WORDS: Final = 64
"""Of a key at most: eight IP headers, each with what may follow it, take fewer."""
_MAX_RECORD: Final = 16 * 2**20
_MAX_TIME: Final = 2**62
_MAX_DEPTH: Final = 8
_ANY_PORT: Final = 0x10000
"""In place of a port that nobody asks for."""

_F = TypeVar("_F", bound=Callable[..., Any])


def _compiled(function: _F) -> _F:
    """Native code, kept on disk beside this file or in the user's cache folder; made anew where neither can be."""
    options: dict[str, Any] = {"nogil": True, "boundscheck": False}
    try:
        return cast("_F", numba.njit(cache=True, **options)(function))
    except RuntimeError:
        return cast("_F", numba.njit(**options)(function))


@_compiled
def _u8(buf: Bytes, at: int) -> Any:
    return np.int64(buf[at])


@_compiled
def _u16(buf: Bytes, at: int) -> Any:
    return np.int64(buf[at]) << 8 | np.int64(buf[at + 1])


@_compiled
def _u32(buf: Bytes, at: int) -> Any:
    return np.int64(buf[at]) << 24 | np.int64(buf[at + 1]) << 16 | np.int64(buf[at + 2]) << 8 | np.int64(buf[at + 3])


@_compiled
def _file32(buf: Bytes, at: int, big: bool) -> Any:
    """A number in the byte order of the file."""
    if big:
        return _u32(buf, at)
    return np.int64(buf[at + 3]) << 24 | np.int64(buf[at + 2]) << 16 | np.int64(buf[at + 1]) << 8 | np.int64(buf[at])


@_compiled
def _file16(buf: Bytes, at: int, big: bool) -> Any:
    if big:
        return _u16(buf, at)
    return np.int64(buf[at + 1]) << 8 | np.int64(buf[at])


@_compiled
def _port(number: int, ports: Bytes) -> int:
    return number if ports[number] else 0x10000


@_compiled
def _is_among(number: int, sorted_: Ints) -> bool:
    low, high = 0, len(sorted_)
    while low < high:
        middle = (low + high) >> 1
        if sorted_[middle] < number:
            low = middle + 1
        else:
            high = middle
    return low < len(sorted_) and sorted_[low] == number


@_compiled
def _key(buf: Bytes, at: int, stop: int, link: int, ports: Bytes, spis: Ints, key: Ints, n: int) -> int:
    """Write the key of the packet in buf[at:stop] from key[n] on. Its length in words, 0 for an unusual packet.

    The order of the steps is that of `layers`.
    """
    ethertype = 0x0800
    if link == 1:
        if at + 14 > stop:
            return 0
        key[n] = _u16(buf, at) << 32 | _u32(buf, at + 2)
        key[n + 1] = _u16(buf, at + 6) << 32 | _u32(buf, at + 8)
        n += 2
        at += 12
    elif link == 3:
        if at + 16 > stop:
            return 0
        size = min(_u16(buf, at + 4), 8)
        key[n] = _u32(buf, at) << 8 | size
        key[n + 1] = 0
        for i in range(size):
            key[n + 1] = key[n + 1] << 8 | _u8(buf, at + 6 + i)
        n += 2
        at += 14
    if link == 1 or link == 3:
        ethertype = _u16(buf, at)
        tags = 0
        while tags < 4 and (ethertype == 0x8100 or ethertype == 0x88A8 or ethertype == 0x9100):
            at += 4
            tags += 1
            if at + 2 > stop:
                return 0
            ethertype = _u16(buf, at)
        at += 2
    elif link == 4:
        if at + 20 > stop:
            return 0
        size = min(_u8(buf, at + 11), 8)
        key[n] = _u32(buf, at + 4)
        key[n + 1] = _u32(buf, at + 8)
        key[n + 2] = 0
        for i in range(size):
            key[n + 2] = key[n + 2] << 8 | _u8(buf, at + 12 + i)
        n += 3
        ethertype = _u16(buf, at)
        at += 20
    elif link == 5:
        if at + 5 > stop:
            return 0
        family = _u32(buf, at)
        if (family != 2 and family != 0x02000000) or buf[at + 4] >> 4 != 4:
            return 0
        at += 4
    elif link == 2:
        if at >= stop:
            return 0
        if buf[at] >> 4 == 6:
            ethertype = 0x86DD
        elif buf[at] >> 4 != 4:
            return 0
    else:
        return 0
    if ethertype != 0x0800:
        if ethertype < 0x0600 or ethertype == 0x8864:
            return 0
        if ethertype == 0x8100 or ethertype == 0x88A8 or ethertype == 0x9100:
            return 0
        if ethertype == 0x0806 and (at + 28 > stop or _u32(buf, at + 14) == _u32(buf, at + 24)):
            return 0  # who asks for its own address announces it
        key[n] = 1 << 40 | ethertype
        return n + 1

    end = stop
    depth = 0
    while depth < 8:
        if at + 20 > stop:
            return 0
        header = (_u8(buf, at) & 15) * 4
        if buf[at] >> 4 != 4 or header < 20:
            return 0
        total = _u16(buf, at + 2)
        if _u16(buf, at + 6) & 0x3FFF:
            return 0  # a fragment
        protocol = _u8(buf, at + 9)
        source = _u32(buf, at + 12)
        depth += 1
        key[n] = source << 32 | _u32(buf, at + 16)
        key[n + 1] = 2 << 40 | protocol
        n += 2
        if total >= header:
            end = min(end, at + total)
        at += header
        while True:
            if depth >= 8:
                return 0
            if protocol == 4:
                break
            if protocol == 17:
                if at + 8 > stop:
                    return 0
                sport, dport, size = _u16(buf, at), _u16(buf, at + 2), _u16(buf, at + 4)
                at += 8
                if size >= 8:
                    end = min(end, at + size - 8)
                key[n] = 3 << 40 | _port(sport, ports) << 20 | _port(dport, ports)
                n += 1
                if sport == 4500 or dport == 4500:
                    if end - at == 1 and buf[at] == 0xFF:
                        key[n] = 4 << 40
                    elif end - at >= 4:
                        spi = _u32(buf, at)
                        if spi == 0 or _is_among(spi, spis):
                            return 0
                        key[n] = 5 << 40 | spi
                    else:
                        key[n] = 6 << 40
                    return n + 1
                if sport == 434 or dport == 434:
                    if at >= end or buf[at] != 4 or at + 2 > stop:
                        return 0
                    protocol = _u8(buf, at + 1)
                    if protocol != 4 and protocol != 47 and protocol != 55:
                        return 0
                    at += 4
                    key[n] = 7 << 40 | protocol
                    n += 1
                    continue
                if sport == 1701 or dport == 1701 or sport == 500 or dport == 500 or dport == 67:
                    return 0
                if (sport == 67 or sport == 68) and dport == 68:
                    return 0
                return n
            if protocol == 47:
                if at + 4 > stop:
                    return 0
                flags = _u16(buf, at)
                if flags & 0x4007 or _u16(buf, at + 2) != 0x0800:
                    return 0
                at += 4 + (4 if flags & 0x8000 else 0) + (4 if flags & 0x2000 else 0) + (4 if flags & 0x1000 else 0)
                protocol = 4
                key[n] = 8 << 40
                n += 1
                continue
            if protocol == 55:
                if at + 12 > stop:
                    return 0
                inner_source = source
                protocol = _u8(buf, at)
                target = _u32(buf, at + 4)
                long = buf[at + 1] & 0x80
                at += 8
                if long:
                    inner_source = _u32(buf, at)
                    at += 4
                depth += 1
                key[n] = inner_source << 32 | target
                key[n + 1] = 9 << 40 | protocol
                n += 2
                continue
            if protocol == 50:
                if at + 4 > stop:
                    return 0
                spi = _u32(buf, at)
                if _is_among(spi, spis):
                    return 0
                key[n] = 10 << 40 | spi
                return n + 1
            if protocol == 1:
                if at >= stop or buf[at] == 9 or buf[at] == 10:
                    return 0
                key[n] = 11 << 40 | _u8(buf, at)
                return n + 1
            if protocol == 6:
                if at + 4 > stop:
                    return 0
                key[n] = 12 << 40 | _port(_u16(buf, at), ports) << 20 | _port(_u16(buf, at + 2), ports)
                return n + 1
            return n
    return 0


@_compiled
def scan(
    buf: Bytes,
    at: int,
    filled: int,
    form: int,
    big: bool,
    links: Ints,
    names: Ints,
    units: Ints,
    shifts: Ints,
    offset: int,
    number: int,
    ports: Bytes,
    spis: Ints,
    slots: Small,
    pool: Ints,
    starts: Ints,
    hashes: Words,
    stats: Ints,
    origins: Ints,
    kinds: int,
    rows: int,
    times: Ints,
    kind: Small,
    lengths: npt.NDArray[np.uint32],
    frames: Ints,
    places: Ints,
    sizes: Ints,
    senses: Bytes,
    devices: Small,
    lasts: Ints,
    key: Ints,
) -> tuple[int, int, int, int]:
    """Take records from buf[at:filled] into `rows` and what follows: (why it ended, where, rows filled, kinds known).

    `links`, `names` (numbers), `units` (ns in a unit of time, 0 if the loop cannot tell) and `shifts` (ns) are by
    interface of the section. `offset` (ns) is added to all times, `number` is that of the next frame. A pcap file has
    one interface. Of the kinds, `slots` is the hash table, `pool` and `starts` hold the keys, `stats` for each count,
    first time and its frame, last time and its frame, `origins` the row of the first in the file.
    Rows go into the arrays after that: time (with the offset), kind, length on the wire, frame, where in `buf` the
    packet is and how long, what the file says of its direction (0 nothing, 1 in, 2 out), its interface. `lasts` are
    the last rows by interface, -1 where there is none.
    """
    room = len(times)
    number -= rows
    mask = len(slots) - 1
    while True:
        if rows == room:
            return 2, at, rows, kinds
        sense = 0
        device = 0
        if form == 0:
            if at + 16 > filled:
                return 0, at, rows, kinds
            size = _file32(buf, at + 8, big)
            if size > 16777216:
                return 1, at, rows, kinds
            start = at + 16
            after = start + size
            if after > filled:
                return 0, at, rows, kinds
            length = _file32(buf, at + 12, big)
            time = _file32(buf, at, big) * 1000000000 + _file32(buf, at + 4, big) * units[0]
        else:
            if at + 8 > filled:
                return 0, at, rows, kinds
            block = _file32(buf, at + 4, big)
            if _file32(buf, at, big) != 6 or block < 32 or block & 3 or block > 16777216:
                return 1, at, rows, kinds
            after = at + block
            if after > filled:
                return 0, at, rows, kinds
            device = _file32(buf, at + 8, big)
            size = _file32(buf, at + 20, big)
            body = after - 4  # where the options end
            start = at + 28
            if device >= len(links) or start + size > body or units[device] == 0:
                return 1, at, rows, kinds
            high, low = _file32(buf, at + 12, big), _file32(buf, at + 16, big)
            if high >= 1073741824:
                return 1, at, rows, kinds
            stamp = high << 32 | low
            if stamp > 4611686018427387904 // units[device]:
                return 1, at, rows, kinds
            time = stamp * units[device] + shifts[device]
            if time < 0 or time >= 4611686018427387904:
                return 1, at, rows, kinds
            length = _file32(buf, at + 24, big)
            option = start + size + (-size & 3)
            if body > start + size + 4:
                while option + 4 <= body:
                    code, long = _file16(buf, option, big), _file16(buf, option + 2, big)
                    if code == 0 or option + 4 + long > body:
                        break
                    if code == 4:
                        return 1, at, rows, kinds  # frames were lost before this one
                    if code == 2 and long == 4:
                        flags = _file32(buf, option + 4, big) & 3
                        sense = flags if flags < 3 else 0
                    option += 4 + long + (-long & 3)
        if length > 2147483647:
            return 1, at, rows, kinds  # more than a row holds
        key[0] = names[device] << 8 | sense
        words = _key(buf, start, start + size, links[device], ports, spis, key, 1)
        found = -1
        if words:
            mixed = np.uint64(words)
            for i in range(words):
                mixed = (mixed ^ np.uint64(key[i])) * np.uint64(0x9E3779B97F4A7C15)
                mixed ^= mixed >> np.uint64(29)
            mixed *= np.uint64(0xBF58476D1CE4E5B9)
            mixed ^= mixed >> np.uint64(32)
            slot = np.int64(mixed & np.uint64(mask))
            while True:
                found = slots[slot]
                if found < 0:
                    break
                if hashes[found] == mixed:
                    first = starts[found]
                    if starts[found + 1] - first == words:
                        same = True
                        for i in range(words):
                            if pool[first + i] != key[i]:
                                same = False
                                break
                        if same:
                            break
                slot = (slot + 1) & mask
            if found < 0:
                if kinds * 2 >= len(slots) or kinds + 1 >= len(starts) or starts[kinds] + words > len(pool):
                    return 3, at, rows, kinds
                found = kinds
                kinds += 1
                slots[slot] = found
                hashes[found] = mixed
                first = starts[found]
                for i in range(words):
                    pool[first + i] = key[i]
                starts[found + 1] = first + words
                origins[found] = rows
                stats[found, 0] = 0
                stats[found, 1] = stats[found, 3] = time + offset
                stats[found, 2] = stats[found, 4] = number + rows
            moment = time + offset
            stats[found, 0] += 1
            if moment < stats[found, 1]:
                stats[found, 1] = moment
                stats[found, 2] = number + rows
            elif moment >= stats[found, 3]:
                stats[found, 3] = moment
                stats[found, 4] = number + rows
        times[rows] = time + offset
        kind[rows] = found
        lengths[rows] = max(length, size)
        frames[rows] = number + rows
        places[rows] = start
        sizes[rows] = size
        senses[rows] = sense
        devices[rows] = device
        lasts[device] = rows
        rows += 1
        at = after
