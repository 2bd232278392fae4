"""The specification language for editors: a TextMate grammar, made from the grammar that specifications are read by."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from mipcheck.model.language.grammar import parser, spellings
from mipcheck.model.language.unexpected import DECLARATION

SCOPE: Final = "source.mipcheck"

_CONSTANTS: Final = ("TRUE", "FALSE", "NOW", "THIS", "NOTHING")
_OPERATORS: Final = ("AND", "OR", "NOT", "IMPLIES", "IN", "USES", "QUANTIFIER", "FUNCTION")
_CONTEXTUAL: Final = ("STEP", "STANDING", "STANCE", "MEASURE", "SENDER", "WHERE", "DROPPABLE", "CONFIRMABLE")
"""Terminals whose words mean something in one place only: elsewhere they are names as good as any."""
_NAMED: Final = ("RULE", "PROPERTY", "PARAM", "EVENT", "ASSUMPTION", "DEFINE", "ENUM", "SET", "ROLE", "SYSTEM",
                 "STATEMENT", "POINT", "TABLE", "CHANNEL", "PARTY", "LAYER", "ACCESS", "CAPABILITY", "AMBIGUITY",
                 "GUIDELINE", "ENTITY", "SPEC")  # fmt: skip
"""Terminals that a name follows which is declared by that."""


def textmate() -> str:
    """Return the grammar as JSON, in the form that VS Code, Sublime Text, IntelliJ and bat read."""
    words = {name: spelt for name, spelt in spellings().items() if spelt[0].isalpha()}
    other = set(words) - set(_CONSTANTS) - set(_OPERATORS) - set(_CONTEXTUAL) - DECLARATION - {"LEVEL"}
    patterns = [
        {"name": "comment.line.number-sign.mipcheck", "match": "#.*$"},
        {"name": "string.quoted.double.mipcheck", "begin": '"', "end": '"'},
        {
            "match": rf"{_any(words, _NAMED)}\s+([A-Za-z_][\w/-]*)",
            "captures": {"1": {"name": "keyword.declaration.mipcheck"}, "2": {"name": "entity.name.mipcheck"}},
        },
        {"name": "constant.language.level.mipcheck", "match": _any(words, ["LEVEL"])},
        {"name": "constant.language.mipcheck", "match": _any(words, _CONSTANTS)},
        {"name": "keyword.operator.word.mipcheck", "match": _any(words, _OPERATORS)},
        {"name": "keyword.declaration.mipcheck", "match": _any(words, DECLARATION)},
        {"name": "keyword.other.mipcheck", "match": _any(words, other)},
        {"name": "constant.numeric.address.mipcheck", "match": _pattern("ADDRESS")},
        {"name": "constant.numeric.duration.mipcheck", "match": _pattern("DURATION")},
        {"name": "constant.numeric.mipcheck", "match": r"\b[0-9]+(\.[0-9]+)*(-[0-9]+)?\b"},
        {"name": "variable.mipcheck", "match": r"[A-Za-z_]\w*(-\w+)*"},
        {"name": "keyword.operator.mipcheck", "match": r":=|!=|<=|>=|[=<>+*/-]"},
    ]
    made = {"name": "mipcheck specification", "scopeName": SCOPE, "fileTypes": ["spec"], "patterns": patterns}
    return json.dumps(made, indent=2) + "\n"


def _any(words: dict[str, tuple[str, ...]], terminals: Iterable[str]) -> str:
    """Return a pattern of whole words: those of some terminals."""
    spelt = sorted({word for name in terminals if name in words for word in words[name]})
    return rf"(?<![\w-])({'|'.join(spelt)})(?!-?\w)"


def _pattern(terminal: str) -> str:
    found: str = next(t.pattern.value for t in parser().terminals if t.name == terminal)
    return found
