"""Lines for a terminal: labels with hanging text, wrapped to a width.

Built with rich, but nothing is ever taken for markup, and everything passes through `printable`: what is shown
may come from a hostile trace.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

from mipcheck.checker.console.escape import printable
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_LABEL: Final = 10
_NARROWEST: Final = 30
_LEAST: Final = 12
"""Columns of the last one of a table; with fewer, nobody reads it."""
_ROOM: Final = 32
"""Columns that it gets then, a third of a narrow terminal."""


class Lines:
    """Text that grows line by line. `colour` puts terminal escapes in, for a terminal only."""

    def __init__(self, width: int, colour: bool = False) -> None:
        self._out = io.StringIO()
        self._colour = colour
        self._console = Console(
            file=self._out,
            width=max(_NARROWEST, width),
            force_terminal=colour,
            no_color=not colour,
            color_system="standard" if colour else None,
            markup=False,
            highlight=False,
            emoji=False,
            legacy_windows=False,
            _environ={},
        )

    def text(self) -> str:
        """Return all lines so far, without white space at their ends."""
        text = self._out.getvalue()
        return text if self._colour else "\n".join(line.rstrip() for line in text.split("\n"))

    def title(self, *parts: tuple[str, str]) -> None:
        """Add a line of parts, each with its style; what does not fit hangs."""
        text = Text()
        for part, style in parts:
            text.append(printable(part), style or None)
        table = Table.grid()
        table.add_row(text)
        self._print(table)

    def line(self, text: str) -> None:
        """Add a line, wrapped."""
        self._print(Text(printable(text)))

    def indented(self, text: str) -> None:
        """Add a line two columns to the right, wrapped."""
        self._print(Padding(Text(printable(text)), (0, 0, 0, 2)))

    def labelled(self, label: str, texts: Sequence[str], wide: int = 0) -> None:
        """Add a label, and texts beside it, one below the other; nothing at all if there are none. The widest label of
        several has `wide` columns."""
        if not texts:
            return
        table = self._grid()
        table.add_column(no_wrap=True, width=max(_LABEL, min(wide, self._console.width // 2) + 2))
        table.add_column(overflow="fold")
        for n, text in enumerate(texts):
            table.add_row(Text(f"  {label}" if n == 0 else "", "cyan"), Text(printable(text), overflow="fold"))
        self._print(table)

    def table(self, rows: Sequence[Sequence[tuple[str, str]]]) -> None:
        """Add rows of cells, each with its style; the last column wraps, and the widest where others leave no room."""
        if not rows:
            return
        table = self._grid(2)
        last = len(rows[0]) - 1
        widths = [max(cell_len(printable(row[n][0])) for row in rows) for n in range(last)]
        left = self._console.width - sum(widths) - 2 * last
        widest = widths.index(max(widths)) if left < _LEAST and last else -1
        lacking = min(_ROOM, self._console.width // 3) - left
        for n in range(last + 1):
            width = max(_LABEL, widths[n] - lacking) if n == widest else None
            table.add_column(no_wrap=n < last and n != widest, overflow="fold", width=width)
        for row in rows:
            table.add_row(*(Text(printable(text), style or "") for text, style in row))
        self._print(table)

    def verbatim(self, text: str) -> None:
        """Add lines that stay as they are, however long, so that they can be copied."""
        for line in text.splitlines():
            self._console.print(Text(f"    {printable(line)}"), soft_wrap=True)

    def _grid(self, space: int = 1) -> Table:
        return Table.grid(padding=(0, space, 0, 0))

    def _print(self, item: Text | Table | Padding) -> None:
        self._console.print(item, overflow="fold")
