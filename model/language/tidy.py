"""How the text of a specification is laid out: blanks and indentation are put in order, all else stays.

Lines break where the author broke them, and two blanks or more between words stay, for they align. What a text says is
untouched by construction: between the same tokens, only blanks change, and those that a text in quotes is broken by.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from mipcheck.model.language.grammar import parser

if TYPE_CHECKING:
    from lark import Token, Tree

_STEP: Final = 2
"""Blanks by which what belongs to a statement stands further in."""
_AROUND: Final = ("COMPARE", "MUL", "EQUAL", "__ANON_0")
"""Terminals with a blank on either side; the last is :=."""
_BLOCKS: Final = ("start", "role", "system", "block", "state", "table")
"""Nodes whose children are statements."""
_BLANK_LINES: Final = 2


def tidied(text: str) -> str:
    """Return the text of a specification, laid out. It has to be one (see `parse.parse`): Lark's errors are raised."""
    tidy = _within_lines(text.replace("\r\n", "\n").expandtabs(_STEP))
    return _indented(tidy)


def _tokens(text: str) -> list[Token]:
    """Return the tokens of a text, which has no blanks or comments among them."""
    return list(parser().parse_interactive(text).iter_parse())


def _within_lines(text: str) -> str:
    """Return a text with the right blanks between words, and none at the end of lines."""
    written: list[str] = []
    at = 0
    words = False  # within the braces of a type that lists its words, as {up, down}
    for before, token in pairwise([None, *_tokens(text)]):
        assert token is not None and token.start_pos is not None
        gap = text[at : token.start_pos]
        words = words or (token == "{" and before == ":")
        if before is None or "\n" in gap or "#" in gap:
            written += [_broken(gap, before is None), token]
        else:
            written += [_blank(before, token, gap, words), token]
        words = words and token != "}"
        at = token.start_pos + len(token)
    return "".join(written) + _broken(text[at:], False).rstrip() + "\n"


def _broken(gap: str, first: bool) -> str:
    """Return what stands between two tokens on different lines, or before the first one."""
    *lines, last = gap.split("\n")
    kept = "\n".join([*(line.rstrip() for line in lines), last])
    return re.sub("\n{3,}", "\n" * (_BLANK_LINES + 1), kept.lstrip("\n") if first else kept)


def _blank(before: Token, token: Token, gap: str, words: bool) -> str:
    """Return the blanks between two tokens of one line; `words` if both are a type's that lists its words."""
    if before in ("(", "[", ".") or token in (")", "]", ".", ",", ";", ":") or token.type == "OPTIONAL":
        return ""
    if words and (before == "{" or token == "}"):
        return ""
    if len(gap) > 1:
        return gap
    around = before.type in _AROUND or token.type in _AROUND
    return " " if around or before in (",", ";", ":", "{") or token in ("{", "}") else gap


def _indented(text: str) -> str:
    """Return a text whose statements stand as far in as they are deep, and what belongs to one further in."""
    tokens = _tokens(text)
    first: dict[int, Token] = {}  # of each line that begins with a token
    braces: Counter[int] = Counter()
    quoted: set[int] = set()  # lines that begin within a text in quotes
    for token in tokens:
        assert token.line is not None and token.end_line is not None
        first.setdefault(token.line, token)
        braces[token.line] += (token == "{") - (token == "}")
        quoted.update(range(token.line + 1, token.end_line + 1))
    statements = set(_statements(parser().parse(text)))
    written: list[str] = []
    depth = old = new = 0  # how far in the statement stands, as it was written and as it is now
    waiting: list[str] = []  # lines of comments, which stand as what follows them
    for number, line in enumerate(text.split("\n"), 1):
        bare, indent = line.lstrip(" "), len(line) - len(line.lstrip(" "))
        if number in quoted:
            written.append(" " * max(0, new + indent - old) + bare)
        elif number in first:
            token = first[number]
            if token.start_pos in statements or token == "}" or number == tokens[0].line:
                old, new = indent, _STEP * (depth - (token == "}"))
                place = new
            else:
                place = new + max(indent - old, _STEP)
            comments = _STEP * depth if token == "}" else place
            written += [" " * comments * bool(c) + c for c in waiting]
            waiting.clear()
            written.append(" " * place + bare)
        else:
            waiting.append(bare)
        depth += braces[number]
    return "\n".join([*written, *waiting])


def _statements(tree: Tree[Token]) -> Iterator[int]:
    """Yield where statements begin."""
    from mipcheck.model.language.node import Node

    for node in tree.find_pred(lambda t: t.data in _BLOCKS):
        for child in node.children:
            if isinstance(child, Node):
                yield child.start_pos
