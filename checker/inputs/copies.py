"""Inputs that are another one once more, under another name: what they tell would count twice."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

from mipcheck.checker.console.escape import printable
from mipcheck.checker.inputs.opening import OpenInput
from mipcheck.checker.trace.source import SourceTable, table_of

_PIECE: Final = 1 << 20
"""Bytes that are compared at a time."""


def without_copies(
    inputs: Sequence[OpenInput], tables: Sequence[SourceTable]
) -> tuple[list[OpenInput], tuple[str, ...]]:
    """Return inputs without those that have every byte of an earlier one, with a note on each of these.

    What is read otherwise, through another map or by another table of a source, is no copy.
    """
    kept: list[OpenInput] = []
    notes = []
    for given in inputs:
        other = next((k for k in kept if _is_copy(k, given, tables)), None)
        if other is None:
            kept.append(given)
        else:
            notes.append(f"{printable(given.name)}: the same as {printable(other.name)}, and read once")
    return kept, tuple(notes)


def _is_copy(one: OpenInput, other: OpenInput, tables: Sequence[SourceTable]) -> bool:
    """Decide whether two inputs are files of the same content, and read alike."""
    if one.size is None or one.size != other.size or one.size == 0:
        return False
    if one.mapped != other.mapped or table_of(tables, one.name) is not table_of(tables, other.name):
        return False
    return _same(one, other)


def _same(one: OpenInput, other: OpenInput) -> bool:
    """Decide whether two files have the same bytes; their streams stand at the beginning, before and after."""
    streams = one.stream, other.stream
    try:
        while True:
            piece, beside = (s.read(_PIECE) for s in streams)
            if piece != beside:
                return False
            if not piece:
                return True
    except OSError:
        return False  # reading it says why it cannot be read
    finally:
        for stream in streams:
            stream.seek(0, io.SEEK_SET)
