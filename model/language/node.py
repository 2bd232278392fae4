"""Nodes of the tree that Lark makes of a specification: each knows where it begins, in the text as it is written.

Lark can work places out itself. That takes as long as half of the reading, since it is done anew for each of the
levels that an expression has in the grammar, most of which come to nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from lark import Token, Tree
from mipcheck.model.values.packages import folder_of

_KEPT: Final = frozenset(
    re.findall(r"(?m)^([A-Z_]+)(?:\.\d+)?:", (folder_of(__package__) / "grammar.lark").read_text("utf-8"))
)
"""Terminals that have a name in the grammar. The others are its keywords and its punctuation."""


class Node(Tree[Token]):
    """What a rule of the grammar matched, without keywords and punctuation, and where that begins."""

    line: int
    column: int
    start_pos: int

    def __init__(self, data: str, children: Sequence[Any]) -> None:
        """Take all that was matched: what begins a node need not be among its children."""
        self.data = data
        self.children = [c for c in children if type(c) is not Token or c.type in _KEPT]
        first = children[0]  # no rule matches nothing
        self.line, self.column, self.start_pos = first.line, first.column, first.start_pos
