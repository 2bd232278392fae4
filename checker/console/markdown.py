"""Text made safe for Markdown: nothing in it is taken for markup, whoever wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mipcheck.checker.console.escape import printable

_SPECIAL = re.compile(r"[\\`*_\[\]|~$]")
_LEADING = re.compile(r"([0-9]+(?=[.)](?: |$)))?([#>+=.)-])")
_FENCE = "~~~~"


def plain(text: str) -> str:
    """Return words that are shown as they are, on one line."""
    safe = _SPECIAL.sub(r"\\\g<0>", _line(text).replace("&", "&amp;").replace("<", "&lt;"))
    return _LEADING.sub(r"\1\\\2", safe, count=1) if _LEADING.match(safe) else safe


def block(text: str) -> str:
    """Return lines as a block in which they stay as they are."""
    lines = [printable(line) for line in text.splitlines()]
    longest = max((len(run) for line in lines for run in re.findall("~+", line)), default=0)
    fence = "~" * max(len(_FENCE), longest + 1)
    return "\n".join([fence, *lines, fence])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; its cells have to be safe already."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _line(text: str) -> str:
    return printable(" ".join(text.split()))
