"""A short trace as a picture that needs no script: lanes, messages, what interfaces were, what is broken. SVG."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mipcheck.checker.check.report import Report
from mipcheck.checker.report.markup import text
from mipcheck.checker.report.page_data import page_data

MOST: Final = 80
"""Events of a picture."""
_WIDTH: Final = 720
_GUTTER: Final = 86
_HEAD: Final = 44
_STEP: Final = 30
_PAUSE: Final = 24
_STAGES: Final = ("inside", "outside", "detecting", "failed", "unknown")
_LETTER: Final = 6.6
"""How wide a letter of a label is."""


def figure(report: Report, title: str) -> str:
    """Return a picture of the trace of a report that has a chart; `title` is read out to those who do not see it."""
    data = page_data(report)
    if not data.get("marks"):
        return f"<p class=none>{text('Nothing happens in it: what is told is about the configuration.')}</p>"
    return "".join(_Drawing(data).draw(title))


class _Drawing:
    """The picture of one trace; `data` are those of the page's script."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data, self.words = data, data["texts"]
        self.marks = data["marks"][:MOST]
        lanes = data["lanes"]
        each = (_WIDTH - _GUTTER - 40) / max(1, len(lanes))
        self.x = [round(_GUTTER + 30 + each * n) for n in range(len(lanes))]
        self.ys: list[int] = []
        y, before = _HEAD + 22, None
        for mark in self.marks:
            if before is not None:
                y += _STEP + (_PAUSE if mark[0] - before >= self._long else 0)
            self.ys.append(y)
            before = mark[1]
        self.height = y + 34
        self.anchors = [(m[0], y) for m, y in zip(self.marks, self.ys, strict=True)]

    @property
    def _long(self) -> float:
        """What counts as a pause (seconds)."""
        return max(0.5, float(self.marks[-1][1] - self.marks[0][0]) / 12)

    def draw(self, title: str) -> Iterator[str]:
        """Yield the parts of the picture."""
        yield f'<svg class=figure viewBox="0 0 {_WIDTH} {self.height}" role=img aria-label="{text(title)}">'
        for n, (lane, x) in enumerate(zip(self.data["lanes"], self.x, strict=True)):
            kind = "head" if lane["own"] else "head other"
            room = int((self.x[1] - self.x[0] if len(self.x) > 1 else _WIDTH) / 7.2)
            name = lane["name"] if len(lane["name"]) <= room else lane["name"][: max(3, room - 1)] + "…"
            yield f'<line x1="{x}" x2="{x}" y1="{_HEAD - 14}" y2="{self.height - 8}" class=lifeline />'
            yield f'<text x="{x}" y="20" class="{kind}">{text(name)}<title>{text(lane["title"])}</title></text>'
            if lane["own"]:
                yield from self._stages(n)
        before = None
        for mark, y in zip(self.marks, self.ys, strict=True):
            yield f'<text x="{_GUTTER - 22}" y="{y + 4}" class=time text-anchor=end>{mark[0]:.3f} s</text>'
            if before is not None and mark[0] - before >= self._long:
                pause = f"⋮ {mark[0] - before:.1f} s"
                yield f'<text x="{_GUTTER - 22}" y="{y - 24}" class=pause text-anchor=end>{pause}</text>'
            yield from self._event(mark, y)
            before = mark[1]
        yield "</svg>"
        if len(self.data["marks"]) > MOST:
            yield f"<p class=none>{len(self.data['marks']) - MOST} later events are not drawn.</p>"

    def _stages(self, lane: int) -> Iterator[str]:
        for whose, name, since, until in self.data["stages"]:
            if whose != lane:
                continue
            y1, y2 = self._y(since), max(self._y(until), self._y(since) + 3)
            word = self.words[name]
            kind = f"s-{word}" if word in _STAGES else "s-a"
            about = self.data["about"].get(word, "")
            yield f'<rect x="{self.x[lane] - 9}" y="{y1:.0f}" width="18" height="{y2 - y1:.0f}" rx="3"'
            yield f' class="{text(kind)}"><title>{text(f"{word}: {about}")}</title></rect>'
            if y2 - y1 > len(word) * 6.5 + 6:
                turned = f"translate({self.x[lane] + 4} {(y1 + y2) / 2:.0f}) rotate(-90)"
                yield f'<text class=stage-name transform="{turned}">{text(word)}</text>'

    def _y(self, time: float) -> float:
        """Return where a time is, between the events around it."""
        below = [(t, y) for t, y in self.anchors if t <= time]
        above = [(t, y) for t, y in self.anchors if t > time]
        if not below:
            return self.ys[0] - 14
        if not above:
            return below[-1][1] + (16 if time > below[-1][0] else 0)
        (t1, y1), (t2, y2) = below[-1], above[0]
        return float(y1 + (y2 - y1) * (time - t1) / (t2 - t1))

    def _event(self, mark: list[Any], y: int) -> Iterator[str]:
        _, _, _, lane, to, outward, label, sentence, tone, _, keys, place, _, rules, lost, _ = mark
        kinds = f"item {self.words[tone]}" + (" broken" if rules else "") + (" lost" if lost else "")
        broken = ", ".join(self.words[r] for r in rules)
        said = f"{self.words[sentence]}{f'; breaks {broken}' if broken else ''} [line {place[1]}: {self.words[keys]}]"
        words = self.words[label] + (f"  ✗ {broken}" if broken else "")
        yield f'<g class="{text(kinds)}"><title>{text(said)}</title>'
        x = self.x[lane]
        if to >= 0 and to != lane:
            far, away = self.x[to], 1 if self.x[to] > x else -1
            start = x + 10 * away
            tip, back = (far, -away) if outward else (start, away)
            yield f'<line x1="{start}" x2="{far}" y1="{y}" y2="{y}" class=arrow />'
            yield f'<path d="M{tip} {y}l{8 * back} -4v8Z" class=tip />'
            at, anchor = (start + far) / 2, "middle"
            if len(words) * _LETTER > abs(far - start):
                at, anchor = start + 6 * away, "start" if away > 0 else "end"
            yield f'<text x="{at:.0f}" y="{y - 5}" class=halo text-anchor={anchor}>{text(words)}</text></g>'
            return
        most = max(8, int((_WIDTH - x - 24) / _LETTER))
        cut = words if len(words) <= most else words[: most - 1] + "…"
        yield f'<circle cx="{x}" cy="{y}" r="4" class=dot />'
        yield f'<text x="{x + 16}" y="{y + 4}" class=halo>{text(cut)}</text></g>'
