"""Errors that say how to mend an input: place, excerpt, what was expected, the nearest name."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from mipcheck.checker.console.escape import printable
from mipcheck.model.values.errors import UserError
from mipcheck.model.values.event import Position
from mipcheck.model.values.nearest import closest

LIMIT: Final = 20
"""Problems collected in one input before reading stops: several at once are a help, hundreds are not."""

EXCERPT: Final = 120
"""Characters of a line that a message shows, at most."""

_WORD_SHOWN: Final = 40


@dataclass(frozen=True)
class Problem:
    """One thing wrong with an input, at a place.

    `hint` says what was expected or meant. `excerpt` is the line as it may be shown and `marks` the carets
    under the place; both are empty where there is no line to show (or where it may hold a key).
    """

    at: Position
    message: str
    hint: str = ""
    excerpt: str = ""
    marks: str = ""

    def __str__(self) -> str:
        lines = [f"{self.at}: {self.message}"]
        if self.excerpt:
            lines += ["    " + self.excerpt, f"    {self.marks} {self.hint}".rstrip()]
        elif self.hint:
            lines.append("    " + self.hint)
        return "\n".join(map(printable, lines))


class InputError(UserError):
    """An input that cannot be used. `str()` gives a `file:line:column: message` line for each problem."""

    def __init__(self, problems: Iterable[Problem], more: bool | int = False) -> None:
        """Hold the first `problems`, and how many `more` there are; True where nobody counted them."""
        self.problems: tuple[Problem, ...] = tuple(problems)
        self.more = more
        super().__init__(*self.problems)

    def __str__(self) -> str:
        rest = "… and more" if self.more is True else f"… and {self.more} more" if self.more else ""
        return "\n".join([*map(str, self.problems), *([rest] if rest else [])])


def quoted(word: str) -> str:
    """Return a word of an input as a message names it: escaped, shortened, in quotation marks."""
    return '"' + printable(word if len(word) <= _WORD_SHOWN else word[:_WORD_SHOWN] + "…") + '"'


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `did you mean "path"?` for the known name nearest to a word, or nothing."""
    name = closest(word, known)
    return f'did you mean "{printable(name)}"?' if name is not None else ""


def joined(*hints: str) -> str:
    """Return hints one after another, the empty ones left out."""
    text = ""
    for hint in filter(None, hints):
        text += hint if not text else (" " if text.endswith("?") else "; ") + hint
    return text


def problem_in_line(at: Position, line: str, start: int, width: int, message: str, hint: str = "") -> Problem:
    """Return a problem with the `width` characters of `line` from index `start`; the column follows from them."""
    place = Position(at.file, at.line, column=start + 1)
    return Problem(place, message, hint, *excerpt(line, start, width))


def excerpt(line: str, start: int, width: int) -> tuple[str, str]:
    """Return the part of a line around `width` characters from index `start`, escaped, and carets under them."""
    start = min(start, len(line))
    left = _fit(line[max(0, start - EXCERPT) : start], EXCERPT // 2, from_end=True)
    right = _fit(line[start : start + EXCERPT], EXCERPT - len("".join(left)), from_end=False)
    left = _fit(line[max(0, start - EXCERPT) : start], EXCERPT - len("".join(right)), from_end=True)
    before = "…" if len(left) < start else ""
    after = "…" if len(right) < len(line) - start else ""
    marked = "".join(right[: max(1, width)])
    shown = before + "".join(left) + "".join(right) + after
    return shown, " " * _cells(before + "".join(left)) + "^" * max(1, _cells(marked))


def _fit(text: str, room: int, from_end: bool) -> list[str]:
    """Return the escaped characters of `text`, as many as fit into `room`, kept from the end or from the start."""
    kept: list[str] = []
    for char in reversed(text) if from_end else text:
        shown = " " if char == "\t" else printable(char)
        room -= len(shown)
        if room < 0:
            break
        kept.append(shown)
    return kept[::-1] if from_end else kept


def _cells(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def listed(names: Sequence[str], most: int = 40) -> str:
    """Return names one after another, for a hint; those beyond `most` are left out."""
    return " ".join(names[:most]) + (" …" if len(names) > most else "")


class UsageError(UserError, ValueError):
    """An option of the command line, or an argument of `check`, that cannot be; the message says what can."""


def wording(error: UserError) -> str:
    """Return what is said of what a user did wrong, harmless for a terminal: a line, or several with their places."""
    from mipcheck.model.language.errors import SpecError
    from mipcheck.model.specification.configure import ParameterError

    if isinstance(error, InputError | SpecError):  # escaped already
        return str(error)
    named = "mipcheck: " if isinstance(error, UsageError | ParameterError) else ""
    return f"{named}{printable(str(error))}"
