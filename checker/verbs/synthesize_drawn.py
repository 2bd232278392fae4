"""The region of parameters for which a property holds, as an SVG picture that stands alone, with measured points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.console.escape import printable
from mipcheck.checker.proofs.replayed import show_parameter
from mipcheck.checker.verbs.synthesize_measured import Point, Points
from mipcheck.checker.verbs.synthesize_region import Plane, Synthesis, plane

_PARTS: Final = 60
_CELL: Final = 8
_LEFT: Final = 90
_TOP: Final = 48
"""Points along each side, pixels of each, and the room for words beside and above them."""


_FILLS: Final = {"violation": "#c22", "stale": "#c22", "inconclusive": "#d90"}
"""Colours of verdicts; what is conformant or expected is neither."""
_MARKS: Final = {"violation": "✕", "stale": "✕", "inconclusive": "?"}
"""Signs of verdicts: no colour says anything alone."""


def drawing(s: Synthesis, measured: Points | None = None) -> str:
    """Return the picture: where the property holds is filled, points are the `measured` files.

    Raises UsageError for what has no one or two numbers.
    """
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
    points, beyond = _points(drawn, measured.points if measured is not None else (), wide, high)
    below = [across] + ([] if s.region.known else ["This is not known for certain."])
    if measured is not None:
        below += [measured.said(), "Points: ✕ a violation, ? inconclusive, without a sign conformant or expected."]
    below += [f"{beyond:,} files are beyond the picture."] if beyond else []
    above = [f'<text x="{_LEFT}" y="20">{title}</text>', f'<text x="{_LEFT}" y="{_TOP - 8}">{escape(up)}</text>']
    foot = _TOP + high + 20
    words = [f'<text x="{_LEFT}" y="{foot + 20 * n}">{escape(line)}</text>' for n, line in enumerate(below)]
    frame = f'<rect x="{_LEFT}" y="{_TOP}" width="{wide}" height="{high}" fill="none" stroke="#444"/>'
    size = f'viewBox="0 0 {_LEFT + wide + 40} {foot + 20 * len(below)}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">'
    return "\n".join([head, f"<title>{title}</title>", *cells, frame, *points, *above, *words, "</svg>", ""])


def _points(drawn: Plane, points: Sequence[Point], wide: int, high: int) -> tuple[list[str], int]:
    """Return measured points as marks that tell their files, and of how many files the values are beyond the picture.

    Points at one place stand beside each other.
    """
    marks, beyond, taken = [], 0, Counter[tuple[int, int]]()
    for p in points:
        across = p.values[drawn.across] / drawn.most[drawn.across]
        up = p.values[drawn.up] / drawn.most[drawn.up] if drawn.up else 0.5
        if not (0 <= across <= 1 and 0 <= up <= 1):
            beyond += len(p.files)
            continue
        x, y = round(_LEFT + across * wide), round(_TOP + high * (1 - up))
        place = x + 14 * taken[x, y]
        taken[x, y] += 1
        fill, sign = _FILLS.get(p.verdict, "#136"), _MARKS.get(p.verdict, "")
        named = ", ".join(p.files[:5]) + (f" and {len(p.files) - 5} more" if len(p.files) > 5 else "")
        said = escape(printable(f"{p.verdict}: {named}"))
        marks.append(
            f'<g><title>{said}</title><circle cx="{place}" cy="{y}" r="6" fill="{fill}" stroke="#fff"/>'
            f'<text x="{place}" y="{y + 4}" fill="#fff" font-size="10" text-anchor="middle">{sign}</text></g>'
        )
    return marks, beyond
