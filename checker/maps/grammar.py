"""The grammar of maps, `map.lark`, and what a text says that it refuses."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from mipcheck.checker.console.errors import did_you_mean, joined, listed, quoted
from mipcheck.model.values.packages import folder_of

if TYPE_CHECKING:
    from lark import Lark, Tree
    from lark.exceptions import UnexpectedInput

_WORDS: Final = {
    "EQUALS": "=",
    "DIFFERS": "!=",
    "KEY": "key=value",
    "WORD": "a word",
    "STRING": 'a text in "quotation marks"',
    "RAW": "a raw line after |",
    "DUE": "an event after >",
    "LBRACE": "{",
    "RBRACE": "}",
    "LPAR": "(",
    "RPAR": ")",
    "LSQB": "[",
    "RSQB": "]",
    "COMMA": ",",
    "$END": "the end of the map",
}
"""Terminals as messages name them; those of keywords are the keywords themselves."""


@cache
def parser() -> Lark:
    """Return the parser of maps."""
    from lark import Lark

    text = (folder_of(__package__) / "map.lark").read_text("utf-8")
    return Lark(text, parser="lalr", lexer="contextual", propagate_positions=True)


def parse(text: str) -> Tree[Any]:
    """Return the tree of a map. Raises Lark's UnexpectedInput."""
    return parser().parse(text)


def unexpected(text: str, error: UnexpectedInput) -> tuple[int, int, str, str]:
    """Return where a text is refused (index, width), and what is wrong there and what was expected, in words."""
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    at = error.pos_in_stream if error.pos_in_stream is not None else len(text)
    names = set(error.accepts or error.expected) if isinstance(error, UnexpectedToken) else set()
    if isinstance(error, UnexpectedCharacters):
        names = set(error.allowed or ())
    ended = isinstance(error, UnexpectedToken) and error.token.type == "$END"
    if ended:
        return max(0, len(text.rstrip()) - 1), 1, "the map ends too early", _expected(names)
    word = text[at:].split(None, 1)[0] if text[at:].strip() else ""
    if (word.startswith('"') and "STRING" not in names) or not word.startswith('"'):
        word = word if isinstance(error, UnexpectedCharacters) else str(getattr(error, "token", word))
    if word.startswith('"') and text[at:].split("\n")[0].count('"') < 2:
        return at, len(text[at:].split("\n")[0]), "a text without its end", 'expected another "'
    keywords = [name.lower() for name in names if name not in _WORDS]
    return at, max(1, len(word)), f"unexpected {quoted(word)}", joined(did_you_mean(word, keywords), _expected(names))


def _expected(names: set[str]) -> str:
    """Return in words what could have stood in a place, by terminals."""
    words = sorted(name.lower() for name in names if name not in _WORDS and not name.startswith("__"))
    return "expected " + listed([*(_WORDS[n] for n in _WORDS if n in names), *words]) if names else ""
