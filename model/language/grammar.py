"""The grammar of specifications, as Lark's parser. Its tables take long to make: they are a part of the installation,
and kept for the next run where they are not."""

from __future__ import annotations

import functools
import io
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from mipcheck.model.language.catalogue import MEASURES, STANCES, STANDINGS, STEPS
from mipcheck.model.values import cache
from mipcheck.model.values.packages import folder_of

if TYPE_CHECKING:
    from lark import Lark
    from lark.lexer import TerminalDef

_CHOICES = {
    "LEVEL": ("MUST", "SHOULD", "MAY"), "SCOPE": ("interface", "node"), "SENDER": ("node", "network", "observer"),
    "WHERE": ("log", "capture"), "QUANTIFIER": ("some", "every"), "FUNCTION": ("max", "min"),
    "DROPPABLE": ("rule", "property", "assumption", "statement", "access", "capability", "ambiguity", "role", "entity",
                  "answer", "system", "channel", "event"),
    "CONFIRMABLE": ("rule", "statement", "property", "assumption", "param", "ambiguity"), "NOTHING": ("nothing",),
    "ASSIGNED": ("assigned",),
    "STEP": STEPS, "STANDING": STANDINGS, "STANCE": STANCES, "MEASURE": MEASURES,
}  # fmt: skip
"""Words that a terminal of several words stands for."""
RESERVED: Final = frozenset({
    "true", "false", "now", "this", "site", "not", "seen", "some", "every", "max", "min", "given", "capability",
    "interface",
})  # fmt: skip
"""Words that begin an expression, or stand for what has a meaning in one: nothing can have such a name."""
_NO_MORE: Final = r"(?!-?\w)"
"""Ends the pattern of a keyword: the word goes on no further."""
_NO_NAME: Final = r"(?!\s*[:\[])"
_NO_PARTY: Final = r"(?!\s*\.)"
"""End besides the pattern of one that may be a name: it is that where a value, a type, a key or a dot follows, as in
`a := 1 moved := true`. No other keyword is followed by these, but for those that begin an expression."""
_ENDS: Final = {
    word: _NO_MORE + (_NO_NAME if word == "site" else "")
    for word in ("true", "false", "now", "this", "interface", "site")
}


@functools.cache
def parser() -> Lark:
    """Return Lark's parser. Making its tables takes longer than reading a specification with it."""
    import lark
    from mipcheck.model.language.node import Node

    entry = cache.name_of("grammar", sys.version.encode(), lark.__version__.encode(), cache.code_of(__package__))
    kept = cache.read(entry, shipped=True)
    if kept is not None:
        with suppress(Exception):  # whatever the entry is, it can be made anew
            return lark.Lark.load(io.BytesIO(kept))
    made = lark.Lark(
        (folder_of(__package__) / "grammar.lark").read_text("utf-8"),
        parser="lalr",
        keep_all_tokens=True,
        tree_class=Node,
        maybe_placeholders=False,
        edit_terminals=_whole_words,
    )
    if cache.folder() is not None:
        tables = io.BytesIO()
        made.save(tables)
        cache.write(entry, tables.getvalue())
    return made


def _whole_words(terminal: TerminalDef) -> None:
    """Let a keyword match whole words only.

    Where the grammar allows `on` but no name, `onli` would otherwise be read as `on` and `li`.
    """
    from lark.lexer import PatternRE, PatternStr

    if isinstance(terminal.pattern, PatternStr) and terminal.pattern.value.isalpha():
        word = terminal.pattern.value
        terminal.pattern = PatternRE(word + _ENDS.get(word, _NO_MORE + _NO_NAME + _NO_PARTY))
        terminal.priority = 3  # a keyword comes before a name, wherever both may stand


@functools.cache
def spellings() -> dict[str, tuple[str, ...]]:
    """Return, by terminal, the words or the one symbol that it stands for."""
    found = dict(_CHOICES)
    for terminal in parser().terminals:
        word = terminal.pattern.value.partition(_NO_MORE)[0]
        if terminal.pattern.type == "str" or word.isalpha():
            found[terminal.name] = (word,)
    return found
