"""Text of a specification → syntax tree, where most of the text was read before: a change is to a declaration or two.

A piece begins where a line begins with a word, as a declaration does that is no part of another one. What the trees of
pieces say of places is moved to where they stand today. A piece is kept only if a declaration begins where it does, and
another where the next one does: then its words are whole declarations, whatever stands around it.
"""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Final, NamedTuple

from mipcheck.model.language import syntax as s
from mipcheck.model.language.expression import Place
from mipcheck.model.language.parse import MAX_SIZE, parse
from mipcheck.model.values.packed import packed

_BEGINS: Final = re.compile(r"(?m)^(?=[a-z])")
_HEAD: Final = "spec piece extends whole"
"""Stands before what is read by itself. It cannot go on: a header whose second line is at the margin would be."""


class Kept(NamedTuple):
    """The declarations of a piece as bytes, and the line at which it began when they were read. Of the first piece it
    is the tree of what that says."""

    line: int
    packed: bytes


class _Piece(NamedTuple):
    line: int
    text: str


def parse_again(text: str, file: str, known: Mapping[str, Kept]) -> tuple[s.Module, dict[str, Kept]]:
    """Return what `parse` does, and what is to be known of the text's pieces the next time. Raises SpecError as
    `parse` does, of the same place."""
    pieces = list(_pieces(text)) if len(text) <= MAX_SIZE else []
    try:
        module = _put_together(pieces, known) if known and pieces else parse(text, file)
    except Exception:  # whatever is wrong, in the text or in what was kept, is so of all of it, or not at all
        module, known = parse(text, file), {}
    return module, _to_keep(pieces, module, known)


def _pieces(text: str) -> Iterator[_Piece]:
    """Yield the pieces of a text; the first one has its header."""
    line, last = 1, 0
    starts = [m.start() for m in _BEGINS.finditer(text)]
    for start in [*starts[1:], len(text)]:
        piece = text[last:start]
        yield _Piece(line, piece)
        line, last = line + piece.count("\n"), start


def _put_together(pieces: Sequence[_Piece], known: Mapping[str, Kept]) -> s.Module:
    """Return the tree of some pieces, those after one another read at once that are not known. Raises SpecError."""
    head, *others = pieces
    module: s.Module = pickle.loads(known[head.text].packed) if head.text in known else parse(head.text)
    declarations = list(module.declarations)
    for is_known, group in groupby(others, lambda p: p.text in known):
        run = list(group)
        if is_known:
            declarations += (d for p in run for d in _moved(known[p.text], p.line))
        else:
            text = "".join(p.text for p in run)
            declarations += parse(_HEAD + "\n" * (run[0].line - 1) + text).declarations
    return replace(module, declarations=tuple(declarations))


def _to_keep(pieces: Sequence[_Piece], module: s.Module, known: Mapping[str, Kept]) -> dict[str, Kept]:
    """Return what is to be known of pieces the next time, by their texts."""
    declarations = module.declarations
    found: dict[str, Kept] = {}
    begun: dict[int, int] = {}
    for number, d in enumerate(declarations):
        if d.at.column == 1:
            begun.setdefault(d.at.line, number)
    ends = [*(begun.get(p.line) for p in pieces[1:]), len(declarations)]
    for piece, end in zip(pieces, ends, strict=False):
        first = begun.get(piece.line)
        if piece.text in known:
            found[piece.text] = known[piece.text]
        elif end is not None and piece is pieces[0]:
            found[piece.text] = Kept(piece.line, packed(replace(module, declarations=declarations[:end])))
        elif end is not None and first is not None:
            found[piece.text] = Kept(piece.line, packed(declarations[first:end]))
    return found


class _Moving(pickle.Unpickler):
    """Reads a tree whose places are some lines further on."""

    def __init__(self, data: bytes, lines: int) -> None:
        super().__init__(io.BytesIO(data))
        self._lines = lines

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name)
        return self._place if found is Place else found

    def _place(self, line: int, column: int) -> Place:
        return Place(line + self._lines if line else line, column)


def _moved(kept: Kept, line: int) -> tuple[s.Declaration, ...]:
    """Return the declarations of a piece that begins at a line today."""
    lines = line - kept.line
    found: tuple[s.Declaration, ...] = _Moving(kept.packed, lines).load() if lines else pickle.loads(kept.packed)
    return found
