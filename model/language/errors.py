"""Errors in a specification: where, what, what was expected, and the nearest name that exists."""

from __future__ import annotations

from mipcheck.model.language.expression import Place
from mipcheck.model.values.errors import UserError


class SpecError(UserError):
    """A specification that cannot be used. `str()` is the whole message, with the line and a caret."""

    def __init__(self, file: str, place: Place, message: str, hint: str = "", source: str = "") -> None:
        self.file, self.place, self.message, self.hint = file, place, message, hint
        super().__init__(file, place, message, hint)
        self._source = source

    def elsewhere(self, file: str, place: Place, source: str) -> SpecError:
        """Return the error as one of the line that extends a specification which cannot be read."""
        message = self.message if self.message.startswith("there is no") else f"{self.file} {self.message}"
        return SpecError(file, place, message, self.hint, source)

    def also(self, hint: str) -> SpecError:
        """Return the error with one more hint."""
        hints = "; ".join(filter(None, (self.hint, hint)))
        return SpecError(self.file, self.place, self.message, hints, self._source)

    def __str__(self) -> str:
        # Lark ends a line at a line feed only; str.splitlines() would count form feeds and others too.
        lines = self._source.split("\n")
        where = f"{self.file}:{self.place.line}:{self.place.column}" if self.place.line else self.file
        text = f"{where}: {self.message}"
        if self._source and 0 < self.place.line <= len(lines):
            start = max(0, self.place.column - 80)
            excerpt = lines[self.place.line - 1].rstrip()[start : start + 120]
            safe = "".join(c if c.isprintable() else "?" for c in excerpt)
            text += f"\n    {safe}\n    {' ' * (self.place.column - 1 - start)}^"
            return text + (f" {self.hint}" if self.hint else "")
        return text + (f" ({self.hint})" if self.hint else "")
