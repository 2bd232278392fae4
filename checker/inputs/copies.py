"""Inputs that are another one once more, under another name: what they tell would count twice."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Final

from mipcheck.checker.capture.frames.frame import CaptureError
from mipcheck.checker.capture.frames.magic import GZIP
from mipcheck.checker.console.escape import printable
from mipcheck.checker.inputs.opening import OpenInput
from mipcheck.checker.trace.source import SourceTable, table_of

_PIECE: Final = 1 << 20
"""Bytes that are compared at a time."""


def without_copies(
    inputs: Sequence[OpenInput], tables: Sequence[SourceTable]
) -> tuple[list[OpenInput], tuple[str, ...]]:
    """Return inputs without those that have every byte of an earlier one, packed or not, with a note on each of these.

    What is read otherwise, through another map or by another table of a source, is no copy.
    """
    kept: list[OpenInput] = []
    notes = []
    for given in inputs:
        at = next((n for n, k in enumerate(kept) if _is_copy(k, given, tables)), None)
        if at is None:
            kept.append(given)
            continue
        other = kept[at]
        if _is_packed(other) and not _is_packed(given):
            kept[at], given, other = given, other, given
        notes.append(f"{printable(given.name)}: the same as {printable(other.name)}, and read once")
    return kept, tuple(notes)


def _is_copy(one: OpenInput, other: OpenInput, tables: Sequence[SourceTable]) -> bool:
    """Decide whether two inputs are files of the same content, and read alike."""
    if one.size is None or other.size is None or one.size == 0:
        return False
    if one.mapped != other.mapped or table_of(tables, one.name) is not table_of(tables, other.name):
        return False
    if _is_packed(one) == _is_packed(other) and one.size != other.size:
        return False
    # A log is unpacked by now, a capture is not.
    return _same(one, other, [given.beginning(len(GZIP)) == GZIP for given in (one, other)])


def _is_packed(given: OpenInput) -> bool:
    """Decide whether an input's file is compressed."""
    return given.packed or given.beginning(len(GZIP)) == GZIP


def _same(one: OpenInput, other: OpenInput, packed: Sequence[bool]) -> bool:
    """Decide whether two files have the same bytes, or one of them when it is unpacked, if only one is `packed`.

    Their streams stand at the beginning, before and after.
    """
    streams = one.stream, other.stream
    readers = [
        _unpacked(given) if mine and packed[0] != packed[1] else given.stream.read
        for given, mine in zip((one, other), packed, strict=True)
    ]
    try:
        while True:
            piece, beside = (_whole(read) for read in readers)
            if piece != beside:
                return False
            if not piece:
                return True
    except (OSError, CaptureError):
        return False  # reading it says why it cannot be read
    finally:
        for stream in streams:
            stream.seek(0, io.SEEK_SET)


def _unpacked(given: OpenInput) -> Callable[[int], bytes]:
    """Return what reads an input unpacked. Raises CaptureError while it is read, for what is absurd."""
    from mipcheck.checker.capture.frames.gunzip import Gunzip

    return Gunzip(given.stream, b"", given.name).read


def _whole(read: Callable[[int], bytes]) -> bytes:
    """Return the next piece, which is shorter than others only at the end."""
    parts = [read(_PIECE)]
    while parts[-1] and (left := _PIECE - sum(map(len, parts))):
        parts.append(read(left))
    return b"".join(parts)
