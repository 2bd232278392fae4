"""The grammar of a line, `log.lark`: its parser and its terminals."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from mipcheck.model.values.packages import folder_of

if TYPE_CHECKING:
    from lark import Lark


@cache
def _grammar() -> str:
    return (folder_of(__package__) / "log.lark").read_text("utf-8")


@cache
def line_parser() -> Lark:
    """Return the parser of a line; made when a line needs it, since importing Lark takes its time."""
    from lark import Lark

    return Lark(_grammar(), parser="lalr", lexer="contextual")


@cache
def terminal(name: str) -> re.Pattern[str]:
    """Return a terminal of the grammar by itself."""
    match = re.search(rf"^{name}: /(.*)/$", _grammar(), re.MULTILINE)
    assert match is not None
    return re.compile(match[1])
