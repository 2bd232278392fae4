"""What the compiled loop over a capture and its driver (`scanner.py`) both work on.

Of each packet the loop writes a row, and the number of the packet's kind. Two packets are of one kind if their *keys*
are the same: words of 64 bits that the headers add, one after another (`key.py`).
"""

from __future__ import annotations

from typing import Final

from mipcheck.model.native.record import Record, array, table

UNUSUAL: Final = -1
"""The kind of a packet that has to be read in full."""

# Why the loop ends.
MORE: Final = 0  # the next record is not there as a whole
OTHER: Final = 1  # it is none that the loop knows
FULL: Final = 2  # there is no room for another row
CROWDED: Final = 3  # there is no room for another kind

# Forms of files.
PCAP: Final = 0
PCAPNG: Final = 1

# Link types as the loop tells them apart; of any other, which is NO_LINK, all packets are unusual.
NO_LINK: Final = 0
ETHERNET: Final = 1
RAW: Final = 2
SLL: Final = 3
SLL2: Final = 4
NULL: Final = 5

PORTS: Final = 0x10000
"""How many ports there are; as a port in a key, any that nobody asks for."""
KEY: Final = 64
"""Words of a key at most: eight IP headers, each with what may follow it, take fewer."""
SAID: Final = 256
"""Octets of a registration message at most that may be in a key."""


CLOSED: Final = -2
"""Where what was in ESP begins whose key does not fit."""
UNHEARD: Final = -(2**63)
"""The newest time of an interface of which no packet came; the earliest is as far on the other side."""


class DeviceRow(Record):
    """An interface of the section that is read; a pcap file has one.

    The driver writes it, and sets back after each call what the loop writes: `last`, `least` and `newest`.
    """

    link: int  # its link type: one of those above
    name: int  # a number that stands for its name and link type, the same in all sections of the file
    unit: int  # ns in a unit of its time stamps (of pcap: of their fractions); 0 if the loop cannot tell time
    shift: int  # ns to add to its times
    clock: int  # the first interface of its name, which has the two times of all of them
    last: int  # the row of the last packet that came or went there; -1 for none
    least: int  # the earliest time (ns, with the offset) of packets; ~UNHEARD for none
    newest: int  # the latest; UNHEARD for none


class ScannedKind(Record):
    """A kind of packets of the file. The loop writes it."""

    hash: int  # of its key
    start: int  # where its key begins in `pool`
    words: int  # how many words that has
    ends: int  # a bit for each of them, set where it is the addresses of a header
    ported: int  # the same of ports
    opened: int  # 1 with the place of the word that is the SPI of ESP with a key, in the bits above; else 0
    message: int  # the word that says how long a registration message is, whose octets the rest are; 0 for none
    origin: int  # the row of the first packet in the file
    count: int  # how many packets there are
    first: int  # the time (ns) of the first in time
    first_frame: int  # and its frame
    last: int  # the time (ns) of the last in time
    last_frame: int  # and its frame


class SealedRow(Record):
    """A packet of ESP with a key, of the rows that the last call added. The loop writes it, but for the last two."""

    row: int
    at: int  # where in `buf` ESP begins
    end: int  # where it ends
    spi: int
    number: int  # its sequence number
    clear: int  # where in `buf` what was in it begins; -1 if it was not opened, or CLOSED (driver)
    clear_end: int  # and where that ends (driver)


class Scanned(Record):
    """All that the loop works on: one for each file."""

    # What is known of the file. The driver writes it.
    form: int  # PCAP or PCAPNG
    big: int  # 1 if numbers in records have the most significant octet first
    offset: int  # ns to add to all times
    salt: int  # of the hash `exact`, the same for all files
    seed: int  # of the hash, so that nobody can make packets that all fall into one place
    opens: int  # 1 if ESP to or from `own` is opened: what it holds is then part of the key
    own: int  # that address
    device_count: int  # how many of `devices` there are
    heeds: int  # 1 if usual registration messages have keys; else all are unusual
    # Where it goes on. The driver writes it before each call, the loop while it goes.
    at: int  # where the next record begins in `buf`
    filled: int  # where the bytes in `buf` end (the loop only reads it)
    frame: int  # the number of the next frame
    rows: int  # rows that are filled
    astray: int  # 1 if times since the call began may be wrong, as `FileInfo.heard` has it; the driver sets it back
    known: int  # kinds that are known
    used: int  # words of `pool` that are filled
    sealed: int  # rows of `secrets` that are filled
    gone: int  # how many of them have a kind, once they are opened; -1 before that
    # The packet under way: what its record says of it. The loop writes it.
    after: int  # where in `buf` the record ends
    start: int  # where the packet begins
    size: int  # octets of it that were captured
    length: int  # octets that it had on the wire
    time: int  # ns, with the offset
    device: int  # which of `devices` it passed
    sense: int  # what the file says of its direction: 0 nothing, 1 in, 2 out
    # The packet under way: what its headers say. The loop writes it.
    here: int  # where in `buf` the next header begins
    stop: int  # where the packet ends, as far as it was captured
    end: int  # where the content ends by the headers so far, and by what was captured
    claimed: int  # where it ends by the last header that says so, captured or not
    depth: int  # IP headers so far
    source: int  # the source address in the last one
    target: int  # and the destination
    ours: int  # 1 if one of those in the first one is `own`
    whole: int  # 1 if what that carries is there to its end
    inmost: int  # where in `buf` it begins
    esp: int  # where ESP that can be opened begins; -1 for none
    clear: int  # where what was in it begins; -1 as long as it has not been opened, CLOSED if that failed
    clear_end: int  # and where that ends
    pair: int  # source and destination of the last header that has any, as one number
    outer: int  # source and destination of the header in front of it, in the same way
    words: int  # words of `key` that are written
    ends: int  # a bit for each of them, set where it is the addresses of a header
    ported: int  # the same of ports
    opened: int  # as that of `ScannedKind`
    origin: int  # the row of the packet
    exact: int  # a hash of what tells the innermost packet from all others; it wraps as the next
    message: int  # the word that a registration message begins with; 0 for none
    hash: int  # of the key; it is a cell, where it wraps at 64 bits for Python too
    # Sizes. The driver writes them, and the loop may only read them.
    buf_cap: int
    devices_cap: int
    spis_cap: int
    kinds_cap: int  # a power of two
    pool_cap: int
    rows_cap: int

    buf = array("uint8", "buf_cap")  # bytes of the file, those from `at` to `filled` not yet used (driver)
    devices = table(DeviceRow, "devices_cap")
    ports = array("uint8", PORTS)  # by port, 1 if it is told apart (driver)
    spis = array("int64", "spis_cap")  # SPIs of ESP that can be opened, ascending (driver)
    kinds = table(ScannedKind, "kinds_cap")
    slots = array("int32", "2 * kinds_cap")  # hash table: numbers of kinds, -1 for none; so it is half full at most
    pool = array("int64", "pool_cap")  # the keys of all kinds, one after another
    key = array("int64", KEY)  # of the packet under way
    # The packets, a row each, as columns. The loop writes them, and the driver rows of frames that it has read in full.
    time_of = array("int64", "rows_cap")  # ns, with the offset
    frame_of = array("int64", "rows_cap")  # numbered over all files
    kind_of = array("int32", "rows_cap")  # of the file's, or UNUSUAL; the driver numbers them over all files
    length_of = array("uint32", "rows_cap")  # octets on the wire
    start_of = array("int64", "rows_cap")  # where in `buf` the packet begins
    size_of = array("int64", "rows_cap")  # octets of it there
    sense_of = array("uint8", "rows_cap")  # as `sense`
    device_of = array("int32", "rows_cap")  # as `device`
    exact_of = array("int64", "rows_cap")  # as `exact`, where there is a kind
    secrets = table(SealedRow, "rows_cap")
