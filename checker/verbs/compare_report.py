"""A comparison → text, Markdown or JSON."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from mipcheck.checker.console import markdown
from mipcheck.checker.console.counts import counted
from mipcheck.checker.console.lines import Lines
from mipcheck.checker.console.valid_json import SCHEMA, dumps
from mipcheck.checker.proofs.partings import PartingLog, verdicts
from mipcheck.checker.verbs.compare_table import Compared, Fact
from mipcheck.model.language.show import show_citations

_STYLES: Final = {"proof": "green", "trace": "yellow", "unknown": "magenta"}
"""Colours besides the words, which say it all."""


def compared_json(c: Compared) -> str:
    """Return the table as one JSON object: guidelines with the facts of each specification."""
    differing = c.differing()
    content = {
        "schema": SCHEMA,
        "specs": list(c.specs),
        "guidelines": [
            {
                "name": name,
                "section": g.cite[0].section if g.cite else "",
                "text": g.text,
                "differs": name in differing,
                "cells": {spec: [_object(f) for f in c.cells[name][spec]] for spec in c.specs},
            }
            for name, g in c.guidelines.items()
        ],
        "apart": _apart_object(c),
    }
    return dumps(content, indent=2) + "\n"


def _object(f: Fact) -> dict[str, Any]:
    return {
        "kind": f.kind, "text": f.text, "by": f.by or None, "value": f.value, "trace": f.trace or None,
        "wrong": f.wrong or None,
    }  # fmt: skip


def _apart_object(c: Compared) -> dict[str, Any] | None:
    if c.apart is None:
        return None
    return {
        "trace": c.apart.trace or None,
        "left": list(c.apart.left),
        "right": list(c.apart.right),
        "reason": c.apart.reason or None,
    }


def _said(f: Fact) -> str:
    """Return a fact in words, without its kind."""
    text = f.text
    if f.kind == "number" and f.value is not None:
        text = f"{f.by} = {f.value}"
    elif f.kind == "change":
        text = f.by
    elif f.kind in ("proof", "trace"):
        text = f"{f.text} ({f.by})"
    return f"{text} — {f.wrong}" if f.wrong else text


def _chosen(c: Compared) -> list[str]:
    """Return the guidelines to be shown: of two specifications, those that tell them apart."""
    return c.differing() if len(c.specs) == 2 else list(c.guidelines)


def compared_text(c: Compared, width: int, colour: bool = False) -> str:
    """Return the table for a terminal of `width` columns: a guideline after the other, with a line for each fact."""
    lines = Lines(width, colour)
    for name in _chosen(c):
        g = c.guidelines[name]
        lines.title((g.text, "bold"), (f"  {name} ({show_citations(g.cite)})" if g.cite else f"  {name}", ""))
        rows = []
        for spec in c.specs:
            facts = c.cells[name][spec]
            for n, kind in enumerate(dict.fromkeys(f.kind for f in facts)):
                said = "; ".join(_said(f) for f in facts if f.kind == kind)
                style = "red" if any(f.wrong for f in facts) else _STYLES.get(kind, "")
                rows.append([("" if n else spec, ""), (kind, style), (said, "")])
        lines.table(rows)
        lines.line("")
    if len(c.specs) == 2:
        _text_of_two(c, lines)
    else:
        lines.line(_summary(c))
    return lines.text()


def _text_of_two(c: Compared, lines: Lines) -> None:
    """Add what tells two specifications apart: traces that refute a property of one, and the shortest parting."""
    differing = c.differing()
    same = len(c.guidelines) - len(differing)
    said = counted(len(differing), "guideline tells", "guidelines tell")
    lines.line(f"{c.specs[0]} and {c.specs[1]}: {said} them apart;"
               f" by {same} they come to the same, or both leave it open")  # fmt: skip
    for name in differing:
        for spec in c.specs:
            for f in c.cells[name][spec]:
                if f.trace:
                    lines.line("")
                    lines.line(f"{spec}, {f.by}:")
                    lines.verbatim(f.trace)
    if c.apart is not None:
        lines.line("")
        if not c.apart.trace:
            lines.line(c.apart.reason)
        else:
            lines.line(f"the shortest trace on which they part: {parted(c, c.apart)}")
            lines.verbatim(c.apart.trace)


def _summary(c: Compared) -> str:
    counts = Counter(f.kind for f in c.facts)
    wrong = sum(bool(f.wrong) and f.kind != "unknown" for f in c.facts)
    left = sum(bool(f.wrong) and f.kind == "unknown" for f in c.facts)
    lacking = [f"{wrong} are not as their specification says"] if wrong else []
    lacking += [f"of {left} it is not known whether they are"] if left else []
    said = ", ".join(f"{kind} {n}" for kind, n in counts.items())
    return f"{counted(len(c.specs), 'specification')} by {len(c.guidelines)} guidelines ({said}); " + (
        ", ".join(lacking) or "all are as their specifications say"
    )


def parted(c: Compared, apart: PartingLog) -> str:
    """Say what each of two specifications makes of the trace on which they part."""
    known = "" if apart.both_read else "; only one of them has words for all of it"
    return verdicts(apart, *c.specs) + known


def compared_markdown(c: Compared) -> str:
    """Return the table with a row for each specification; traces follow it."""
    chosen = _chosen(c)
    head = ["specification", *(markdown.plain(name) for name in chosen)]

    def cell(spec: str, guideline: str) -> str:
        return markdown.plain("; ".join(f"{f.kind}: {_said(f)}" for f in c.cells[guideline][spec]))

    rows = [[markdown.plain(spec), *(cell(spec, g) for g in chosen)] for spec in c.specs]
    text = markdown.plain(_summary(c)) + "\n\n" + markdown.table(head, rows) + "\n"
    text += "".join(f"- {markdown.plain(g)}: {markdown.plain(c.guidelines[g].text)}\n" for g in chosen)
    for spec, f in [(s, f) for g in chosen for s in c.specs for f in c.cells[g][s] if f.trace]:
        text += f"\n{markdown.plain(f'{spec}, {f.by}: {f.text}')}\n\n{markdown.block(f.trace)}\n"
    if c.apart is not None:
        found = f"The shortest trace on which they part: {parted(c, c.apart)}" if c.apart.trace else c.apart.reason
        text += f"\n{markdown.plain(found)}\n" + (f"\n{markdown.block(c.apart.trace)}\n" if c.apart.trace else "")
    return text
