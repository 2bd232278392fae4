"""The compiled loop: records of a capture → columns, and for each packet the number of its kind.

Two packets are of one kind if all that `layers.decode` tells of them is the same, but for number, time, length and
ports that no rule asks for. Of each kind one packet is decoded there, so that this file says what a header's size is
and where the next one starts, and nothing of what headers mean. What it does not know it leaves alone: a record that
is no plain packet ends the loop, and a packet whose content matters or is unusual (signalling, fragments, anything
cut or odd) gets the kind UNUSUAL. Both are read by `files` and `layers`, in their place.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any, Final

from mipcheck.model.native.unit import Argument, Unit, constants_of, source_of

UNUSUAL: Final = -1
"""The kind of a packet that has to be read in full."""

# Why the loop ended: the next record is not there as a whole, or is none that it knows; there is no room for another
# row, or for another kind.
MORE: Final = 0
OTHER: Final = 1
FULL: Final = 2
CROWDED: Final = 3

PCAP: Final = 0
PCAPNG: Final = 1

# Link types as the loop tells them apart; any other is unusual.
L_ETHERNET: Final = 1
L_RAW: Final = 2
L_SLL: Final = 3
L_SLL2: Final = 4
L_NULL: Final = 5

# Scalars, in `C`.
AT: Final = 0  # where the next record starts
FILLED: Final = 1  # and where the bytes end
SIZE: Final = 2  # of `buf`
FORM: Final = 3  # PCAP or PCAPNG
BIG: Final = 4  # whether the file has the other byte order than most machines
OFFSET: Final = 5  # ns to add to all times
NUMBER: Final = 6  # of the next frame
KINDS: Final = 7  # that are known
ROWS: Final = 8  # that are filled
ROOM: Final = 9  # for rows
DEVICES: Final = 10  # interfaces of the section; a pcap file has one
SPIS: Final = 11  # of ESP that can be opened
SLOTS: Final = 12  # of the hash table, a power of two
WORDS: Final = 13  # for keys of kinds
SOME: Final = 14  # room for kinds
SEED: Final = 15  # of the hash, so that nobody can make packets that all fall into one place
SCALARS: Final = 16

# What is known of a kind, in `stats`: how many, time and frame of the first in time and of the last.
COUNT: Final = 0
FIRST: Final = 1
FIRST_FRAME: Final = 2
LAST: Final = 3
LAST_FRAME: Final = 4
STATS: Final = 5

PORTS: Final = 0x10000
KEY: Final = 64
"""Words of a key at most: eight IP headers, each with what may follow it, take fewer."""

_MAX_RECORD: Final = 16 * 2**20
_MAX_TIME: Final = 2**62
_MAX_HIGH: Final = 2**30
_MAX_LENGTH: Final = 2**31 - 1
_SECOND: Final = 10**9
_MIX: Final = -0x61C8864680B583EB
_MIX_AGAIN: Final = -0x40A7B892E31B1A47
_DEPTH: Final = 8
_REACH: Final = 64
_TRAILER: Final = 4
_ENHANCED: Final = 6

# What a word of a key is about, beside a number below 2**40.
_OTHER_TYPE: Final = 1 << 40
_IP: Final = 2 << 40
_UDP: Final = 3 << 40
_KEEPALIVE: Final = 4 << 40
_ESP_IN_UDP: Final = 5 << 40
_SHORT: Final = 6 << 40
_TUNNEL: Final = 7 << 40
_GRE: Final = 8 << 40
_MINIMAL: Final = 9 << 40
_ESP: Final = 10 << 40
_ICMP: Final = 11 << 40
_TCP: Final = 12 << 40

_ARGUMENTS: Final = tuple(Argument(*a) for a in (
    ("C", "int64", ("SCALARS",)),
    ("buf", "uint8", ("C[SIZE]",)),
    ("links", "int64", ("C[DEVICES]",)),
    ("names", "int64", ("C[DEVICES]",)),
    ("units", "int64", ("C[DEVICES]",)),
    ("shifts", "int64", ("C[DEVICES]",)),
    ("lasts", "int64", ("C[DEVICES]",)),
    ("ports", "uint8", ("PORTS",)),
    ("spis", "int64", ("C[SPIS]",)),
    ("slots", "int32", ("C[SLOTS]",)),
    ("pool", "int64", ("C[WORDS]",)),
    ("starts", "int64", ("C[SOME] + 1",)),
    ("hashes", "int64", ("C[SOME]",)),
    ("stats", "int64", ("C[SOME]", "STATS")),
    ("origins", "int64", ("C[SOME]",)),
    ("times", "int64", ("C[ROOM]",)),
    ("frames", "int64", ("C[ROOM]",)),
    ("kinds", "int32", ("C[ROOM]",)),
    ("lengths", "uint32", ("C[ROOM]",)),
    ("places", "int64", ("C[ROOM]",)),
    ("sizes", "int64", ("C[ROOM]",)),
    ("senses", "uint8", ("C[ROOM]",)),
    ("devices", "int32", ("C[ROOM]",)),
    ("key", "int64", ("KEY",)),
))  # fmt: skip


@cache
def unit() -> Unit:
    """What is compiled."""
    return Unit("scan", _ARGUMENTS, (source_of(sys.modules[__name__]),), constants_of(globals()))


def _u8(buf: Any, at: int) -> Any:
    """With its sign: what is shifted has to be a number of 64 bits."""
    return buf[at] + 0


def _u16(buf: Any, at: int) -> Any:
    return _u8(buf, at) << 8 | _u8(buf, at + 1)


def _u32(buf: Any, at: int) -> Any:
    return _u16(buf, at) << 16 | _u16(buf, at + 2)


def _file16(buf: Any, at: int, big: int) -> Any:
    """A number in the byte order of the file."""
    if big:
        return _u16(buf, at)
    return _u8(buf, at + 1) << 8 | _u8(buf, at)


def _file32(buf: Any, at: int, big: int) -> Any:
    if big:
        return _u32(buf, at)
    return _file16(buf, at + 2, big) << 16 | _file16(buf, at, big)


def _port(number: int, ports: Any) -> int:
    """A port, or one number for all that nobody asks for."""
    return number if ports[number] else PORTS


def _is_among(number: int, ascending: Any) -> int:
    low, high = 0, len(ascending)
    while low < high:
        middle = (low + high) >> 1
        if ascending[middle] < number:
            low = middle + 1
        else:
            high = middle
    return 1 if low < len(ascending) and ascending[low] == number else 0


def _vlan(ethertype: int) -> int:
    return 1 if ethertype == 0x8100 or ethertype == 0x88A8 or ethertype == 0x9100 else 0


def _key(buf: Any, at: int, stop: int, link: int, ports: Any, spis: Any, key: Any, n: int) -> int:
    """Write the key of the packet in buf[at:stop] from key[n] on. Its length in words, 0 for an unusual packet.

    The order of the steps is that of `layers`.
    """
    ethertype = 0x0800
    if link == L_ETHERNET:
        if at + 14 > stop:
            return 0
        key[n] = _u16(buf, at) << 32 | _u32(buf, at + 2)
        key[n + 1] = _u16(buf, at + 6) << 32 | _u32(buf, at + 8)
        n += 2
        at += 12
    elif link == L_SLL:
        if at + 16 > stop:
            return 0
        size = min(_u16(buf, at + 4), 8)
        key[n] = _u32(buf, at) << 8 | size
        key[n + 1] = 0
        for i in range(size):
            key[n + 1] = key[n + 1] << 8 | _u8(buf, at + 6 + i)
        n += 2
        at += 14
    if link in (L_ETHERNET, L_SLL):
        ethertype = _u16(buf, at)
        tags = 0
        while tags < 4 and _vlan(ethertype):
            at += 4
            tags += 1
            if at + 2 > stop:
                return 0
            ethertype = _u16(buf, at)
        at += 2
    elif link == L_SLL2:
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
    elif link == L_NULL:
        if at + 5 > stop:
            return 0
        family = _u32(buf, at)
        if (family != 2 and family != 0x02000000) or buf[at + 4] >> 4 != 4:
            return 0
        at += 4
    elif link == L_RAW:
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
        if _vlan(ethertype):
            return 0
        if ethertype == 0x0806 and (at + 28 > stop or _u32(buf, at + 14) == _u32(buf, at + 24)):
            return 0  # who asks for its own address announces it
        key[n] = _OTHER_TYPE | ethertype
        if ethertype == 0x86DD:
            if at + 40 > stop:
                return 0
            # As `link` tells what stays on the link, or is ESP, from what does not.
            first = buf[at + 24]
            if first == 0xFF or (first == 0xFE and buf[at + 25] & 0xC0 == 0x80) or buf[at + 6] == 50:
                key[n] |= 1 << 16
        return n + 1

    end = claimed = stop
    depth = 0
    while depth < _DEPTH:
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
        key[n + 1] = _IP | protocol
        n += 2
        if total >= header:
            claimed = at + total
            end = min(end, claimed)
        at += header
        while True:
            if depth >= _DEPTH:
                return 0
            if protocol == 4:
                break
            if protocol == 17:
                if at + 8 > stop:
                    return 0
                sport, dport, size = _u16(buf, at), _u16(buf, at + 2), _u16(buf, at + 4)
                at += 8
                if size >= 8:
                    claimed = at + size - 8
                    end = min(end, claimed)
                key[n] = _UDP | _port(sport, ports) << 20 | _port(dport, ports)
                n += 1
                if sport == 4500 or dport == 4500:
                    if end - at == 1 and buf[at] == 0xFF:
                        key[n] = _KEEPALIVE
                    elif end - at >= 4:
                        spi = _u32(buf, at)
                        if spi == 0 or _is_among(spi, spis):
                            return 0
                        key[n] = _ESP_IN_UDP | spi
                    elif _embedded(buf, at, stop, claimed):
                        return 0
                    else:
                        key[n] = _SHORT
                    return n + 1
                if sport == 434 or dport == 434:
                    if at >= end or buf[at] != 4 or at + 2 > stop:
                        return 0
                    protocol = _u8(buf, at + 1)
                    if protocol != 4 and protocol != 47 and protocol != 55:
                        return 0
                    at += 4
                    key[n] = _TUNNEL | protocol
                    n += 1
                    continue
                if sport == 1701 or dport == 1701 or sport == 500 or dport == 500 or dport == 67:
                    return 0
                if (sport == 67 or sport == 68) and dport == 68:
                    return 0
                return 0 if _embedded(buf, at, stop, claimed) else n
            if protocol == 47:
                if at + 4 > stop:
                    return 0
                flags = _u16(buf, at)
                if flags & 0x4007 or _u16(buf, at + 2) != 0x0800:
                    return 0
                at += 4 + (4 if flags & 0x8000 else 0) + (4 if flags & 0x2000 else 0) + (4 if flags & 0x1000 else 0)
                protocol = 4
                key[n] = _GRE
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
                key[n + 1] = _MINIMAL | protocol
                n += 2
                continue
            if protocol == 50:
                if at + 4 > stop:
                    return 0
                spi = _u32(buf, at)
                if _is_among(spi, spis):
                    return 0
                key[n] = _ESP | spi
                return n + 1
            if protocol == 1:
                if at >= stop or buf[at] == 9 or buf[at] == 10:
                    return 0
                key[n] = _ICMP | _u8(buf, at)
                return n + 1
            if protocol == 6:
                if at + 4 > stop:
                    return 0
                key[n] = _TCP | _port(_u16(buf, at), ports) << 20 | _port(_u16(buf, at + 2), ports)
                return n + 1
            # Any other protocol may be an encapsulation.
            return n if protocol in (2, 33, 46, 132, 136) else 0
    return 0


def _embedded(buf: Any, at: int, stop: int, end: int) -> int:
    """Whether `layers` would find an IPv4 packet in an encapsulation that it does not know."""
    for start in range(at, min(at + _REACH, stop - 19)):
        if buf[start] == 0x45:
            total = _u16(buf, start + 2)
            if total >= 20 and end - _TRAILER <= start + total <= end:
                words = 0
                for i in range(start, start + 20, 2):
                    words += _u16(buf, i)
                if (words >> 16) + (words & 0xFFFF) == 0xFFFF:
                    return 1
    return 0


def scan(
    C: Any, buf: Any, links: Any, names: Any, units: Any, shifts: Any, lasts: Any, ports: Any, spis: Any, slots: Any,
    pool: Any, starts: Any, hashes: Any, stats: Any, origins: Any, times: Any, frames: Any, kinds: Any, lengths: Any,
    places: Any, sizes: Any, senses: Any, devices: Any, key: Any,
) -> int:  # fmt: skip
    """Take records from buf[C[AT]:C[FILLED]] into rows; why it ended. `C` is brought up to date.

    `links`, `names` (numbers), `units` (ns in a unit of time, 0 if the loop cannot tell) and `shifts` (ns) are by
    interface. `lasts` become the last rows by interface; they are -1 before. Of the kinds, `slots` is the hash table,
    `pool` and `starts` hold the keys, `origins` the rows of the first in the file. Rows have time (with the offset),
    frame, kind, length on the wire, where in `buf` the packet is and how long, what the file says of its direction
    (0 nothing, 1 in, 2 out), and its interface.
    """
    at, filled, big, rows, known = C[AT], C[FILLED], C[BIG], C[ROWS], C[KINDS]
    number = C[NUMBER] - rows
    mask = C[SLOTS] - 1
    why = MORE
    while True:
        if rows == C[ROOM]:
            why = FULL
            break
        sense = 0
        device = 0
        if C[FORM] == PCAP:
            if at + 16 > filled:
                break
            size = _file32(buf, at + 8, big)
            if size > _MAX_RECORD:
                why = OTHER
                break
            start = at + 16
            after = start + size
            if after > filled:
                break
            length = _file32(buf, at + 12, big)
            time = _file32(buf, at, big) * _SECOND + _file32(buf, at + 4, big) * units[0]
        else:
            if at + 8 > filled:
                break
            why = OTHER
            block = _file32(buf, at + 4, big)
            if _file32(buf, at, big) != _ENHANCED or block < 32 or block & 3 or block > _MAX_RECORD:
                break
            after = at + block
            if after > filled:
                why = MORE
                break
            if _file32(buf, after - 4, big) != block:
                break  # damaged
            device = _file32(buf, at + 8, big)
            size = _file32(buf, at + 20, big)
            body = after - 4  # where the options end
            start = at + 28
            if device >= C[DEVICES] or start + size > body or units[device] == 0:
                break
            high, low = _file32(buf, at + 12, big), _file32(buf, at + 16, big)
            if high >= _MAX_HIGH:
                break
            stamp = high << 32 | low
            if stamp > _MAX_TIME // units[device]:
                break
            time = stamp * units[device] + shifts[device]
            if time < 0 or time >= _MAX_TIME:
                break
            length = _file32(buf, at + 24, big)
            option = start + size + (-size & 3)
            lost = 0
            if body > start + size + 4:
                while option + 4 <= body:
                    code, long = _file16(buf, option, big), _file16(buf, option + 2, big)
                    if code == 0 or option + 4 + long > body:
                        break
                    if code == 4:
                        lost = 1
                    if code == 2 and long == 4:
                        flags = _file32(buf, option + 4, big) & 3
                        sense = flags if flags < 3 else 0
                    option += 4 + long + (-long & 3)
            if lost:
                break  # frames were lost before this one
        if length > _MAX_LENGTH:
            why = OTHER  # more than a row holds
            break
        why = MORE
        moment = time + C[OFFSET]
        key[0] = names[device] << 8 | sense
        words = _key(buf, start, start + size, links[device], ports, spis, key, 1)
        found = UNUSUAL
        if words:
            mixed = C[SEED] + words
            for i in range(words):
                mixed = (mixed ^ key[i]) * _MIX
                mixed ^= mixed >> 29
            mixed *= _MIX_AGAIN
            mixed ^= mixed >> 32
            slot = mixed & mask
            while True:
                found = slots[slot]
                if found < 0:
                    break
                first = starts[found]
                if hashes[found] == mixed and starts[found + 1] - first == words:
                    same = 1
                    for i in range(words):
                        if pool[first + i] != key[i]:
                            same = 0
                            break
                    if same:
                        break
                slot = (slot + 1) & mask
            if found < 0:
                if known * 2 >= C[SLOTS] or known >= C[SOME] or starts[known] + words > C[WORDS]:
                    why = CROWDED
                    break
                found = known
                known += 1
                slots[slot] = found
                hashes[found] = mixed
                first = starts[found]
                for i in range(words):
                    pool[first + i] = key[i]
                starts[found + 1] = first + words
                origins[found] = rows
                stats[found, COUNT] = 0
                stats[found, FIRST] = moment
                stats[found, FIRST_FRAME] = number + rows
                stats[found, LAST] = moment
                stats[found, LAST_FRAME] = number + rows
            stats[found, COUNT] += 1
            if moment < stats[found, FIRST]:
                stats[found, FIRST] = moment
                stats[found, FIRST_FRAME] = number + rows
            elif moment >= stats[found, LAST]:
                stats[found, LAST] = moment
                stats[found, LAST_FRAME] = number + rows
        times[rows] = moment
        frames[rows] = number + rows
        kinds[rows] = found
        lengths[rows] = max(length, size)
        places[rows] = start
        sizes[rows] = size
        senses[rows] = sense
        devices[rows] = device
        lasts[device] = rows
        rows += 1
        at = after
    C[AT], C[ROWS], C[KINDS] = at, rows, known
    return why
