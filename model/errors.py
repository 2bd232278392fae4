"""Errors in a specification: where, what, what was expected, and the nearest name that exists."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from mipcheck.model.syntax import Place


class SpecError(Exception):
    """A specification that cannot be used. `str()` is the whole message, with the line and a caret."""

    def __init__(self, file: str, place: Place, message: str, hint: str = "", source: str = "") -> None:
        self.file, self.place, self.message, self.hint = file, place, message, hint
        super().__init__(file, place, message, hint)
        self._source = source

    def __str__(self) -> str:
        lines = self._source.splitlines()
        text = f"{self.file}:{self.place.line}:{self.place.column}: {self.message}"
        if 0 < self.place.line <= len(lines):
            start = max(0, self.place.column - 80)
            excerpt = lines[self.place.line - 1][start : start + 120]
            safe = "".join(c if c.isprintable() else "?" for c in excerpt)
            text += f"\n    {safe}\n    {' ' * (self.place.column - 1 - start)}^"
            return text + (f" {self.hint}" if self.hint else "")
        return text + (f" ({self.hint})" if self.hint else "")


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean "x"?`, or what there is if nothing is near; empty if there is nothing."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f'did you mean "{close[0]}"?'
    return "known: " + ", ".join(names) if names else ""
