"""Patterns of lines: literal text and fields. They match in time linear in the line: nothing in them can go back.

A field takes characters of its kind up to the first place where the text after it stands; its quantifier is possessive.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mipcheck.checker.console.errors import did_you_mean, joined, listed, quoted
from mipcheck.model.values.errors import MipcheckError

KINDS: Final = {
    "word": r"[^\s\x00-\x1f\x7f-\x9f]",
    "name": r"[^\s\x00-\x1f\x7f-\x9f\[\]<>{}()|,;\"']",
    "int": r"[0-9]",
    "number": r"[0-9.]",
    "hex": r"[0-9A-Fa-f]",
    "letters": r"[A-Za-z]",
    "ip": r"[0-9A-Fa-f.:]",
    "text": r"[^\n]",
}
"""The characters of a field, by its kind."""
IPV4: Final = r"(?>[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9])"
_NAMES: Final = (*KINDS, "ipv4")
_BLANK: Final = r"[ \t]{1,64}+"
"""White space between words, however wide; bounded, because it is looked for at every character of a field."""
_PIECE: Final = re.compile(r"\{\.\.\}|\{([A-Za-z_][A-Za-z0-9_]*)?:([A-Za-z0-9]*)\}|\\(.)|([{}])|([^{}\\]+)", re.DOTALL)


class PatternError(MipcheckError, ValueError):
    """A pattern that is none; `at` is the index of what is wrong, `width` its characters."""

    def __init__(self, at: int, width: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.at, self.width, self.message, self.hint = at, width, message, hint


@dataclass(frozen=True, slots=True)
class LinePattern:
    """A pattern: what it looks for, the names of its fields, and a word that stands in every line that it matches."""

    text: str
    regex: re.Pattern[str]
    fields: tuple[str, ...]
    needle: str


def read_pattern(text: str, whole: bool = True) -> LinePattern:
    """Read a pattern, which has to match a `whole` message, or else its beginning. Raises PatternError."""
    pieces = _pieces(text)
    fields: list[str] = []
    parts: list[str] = []
    literals: list[str] = []
    for index, (kind, word, at, width) in enumerate(pieces):
        if kind == "literal":
            parts.append(_literal(word))
            literals += word.split()
            continue
        if word in fields:
            raise PatternError(at, width, f"field {quoted(word)} appears twice")
        after = pieces[index + 1] if index + 1 < len(pieces) else None
        if after is not None and after[0] != "literal" and kind != "ipv4":
            raise PatternError(
                after[2], after[3], "no text between two fields", "a field ends where the text after it begins"
            )
        if word:
            fields.append(word)
        body = _field(kind, _literal(after[1]) if after is not None and after[0] == "literal" else "")
        parts.append(f"(?P<{word}>{body})" if word else body)
    regex = re.compile("".join(parts) + (r"[ \t]*+\Z" if whole else ""))
    return LinePattern(text, regex, tuple(fields), max(literals, key=len, default=""))


def _pieces(text: str) -> list[tuple[str, str, int, int]]:
    """Return the pieces of a pattern: kind (`literal`, `..` or that of a field), word, index and width."""
    pieces: list[tuple[str, str, int, int]] = []
    at = 0
    while at < len(text):
        match = _PIECE.match(text, at)
        if match is None or match[4]:
            width = 1 if text[at] == "}" else max(1, (text.find("}", at) + 1 or len(text)) - at)
            hint = r"a field is {name:kind}, {:kind} without a name, or {..} for anything; a brace is \{ or \}"
            raise PatternError(at, width, "a brace that belongs to no field", hint)
        width = match.end() - at
        if match[0] == "{..}":
            pieces.append(("..", "", at, width))
        elif match[2] is not None:
            if match[2] not in _NAMES:
                hint = joined(did_you_mean(match[2], _NAMES), f"kinds: {listed(_NAMES)}")
                raise PatternError(at, width, f"unknown kind {quoted(match[2])} of a field", hint)
            pieces.append((match[2], match[1] or "", at, width))
        else:
            word = match[3] or match[5]
            if pieces and pieces[-1][0] == "literal":
                before = pieces.pop()
                word, at = before[1] + word, before[2]
            pieces.append(("literal", word, at, match.end() - at))
            at = match.end()
            continue
        at = match.end()
    return pieces


def _literal(word: str) -> str:
    """Return the pattern of literal text, whose white space may be any."""
    return "".join(_BLANK if part.isspace() else re.escape(part) for part in re.split(r"([ \t]+)", word) if part)


def _field(kind: str, after: str) -> str:
    """Return the pattern of a field up to where `after` matches."""
    if kind == "ipv4":
        return IPV4
    characters, least = (KINDS["text"], "*+") if kind == ".." else (KINDS[kind], "++")
    return f"(?:(?!{after}){characters}){least}" if after else f"{characters}{least}"
