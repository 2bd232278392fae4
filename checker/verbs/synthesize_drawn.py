"""The region of parameters for which a property holds, as an SVG picture that stands alone."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.proofs.replayed import show_parameter
from mipcheck.checker.verbs.synthesize_region import Synthesis, plane

_PARTS: Final = 60
_CELL: Final = 8
_LEFT: Final = 90
_TOP: Final = 48
"""Points along each side, pixels of each, and the room for words beside and above them."""


def drawing(s: Synthesis) -> str:
    """Return the picture: where the property holds is filled. Raises UsageError for what has no one or two numbers."""
    drawn = plane(s)
    if drawn is None:
        raise UsageError(f"{s.property} cannot be drawn: its region is of one or two numbers where these are named")
    rows = _PARTS if drawn.up else 4
    wide, high = _PARTS * _CELL, rows * _CELL
    cells = []
    for y in range(rows):
        row = [drawn.inside(x, y if drawn.up else 0, _PARTS, rows) for x in range(_PARTS)]
        for x in (x for x, inside in enumerate(row) if inside and not (x and row[x - 1])):
            length = next((n for n in range(x, _PARTS) if not row[n]), _PARTS) - x
            place = f'x="{_LEFT + x * _CELL}" y="{_TOP + high - (y + 1) * _CELL}"'
            cells.append(f'<rect {place} width="{length * _CELL}" height="{_CELL}" fill="#2a7"/>')
    title = escape(f"{s.property} of {s.spec.name} holds where {s.formula}")
    across, up = (
        f"{n} up to {show_parameter(s.spec, n, drawn.most[n])}" if n else "" for n in (drawn.across, drawn.up)
    )
    words = [
        f'<text x="{_LEFT}" y="20">{title}</text>',
        f'<text x="{_LEFT}" y="{_TOP - 8}">{escape(up)}</text>',
        f'<text x="{_LEFT}" y="{_TOP + high + 20}">{escape(across)}</text>',
        *(
            []
            if s.region.known
            else [f'<text x="{_LEFT}" y="{_TOP + high + 40}">This is not known for certain.</text>']
        ),
    ]
    frame = f'<rect x="{_LEFT}" y="{_TOP}" width="{wide}" height="{high}" fill="none" stroke="#444"/>'
    size = f'viewBox="0 0 {_LEFT + wide + 40} {_TOP + high + 56}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">'
    return "\n".join([head, f"<title>{title}</title>", *cells, frame, *words, "</svg>", ""])
