"""A `Difference` → text, Markdown or JSON."""

from __future__ import annotations

from typing import Any

from mipcheck.checker.console import markdown
from mipcheck.checker.console.lines import Lines
from mipcheck.checker.console.valid_json import SCHEMA, dumps
from mipcheck.checker.proofs.partings import verdicts
from mipcheck.checker.verbs.diff_changes import ALIKE, KINDS, LEVEL, PARTED, Behaviour, ChangedDeclaration, Difference

_PLURAL = {"property": "properties", "party": "parties", "ambiguity": "ambiguities", "capability": "capabilities"}


def diff_json(d: Difference) -> str:
    """Return the difference as one JSON object.

    Aspects are [before, after], null where there is none; a trace is one that `mipcheck --spec …` reads.
    """
    changes = [
        {
            "kind": c.kind,
            "name": c.name,
            "role": c.role,
            "change": c.change,
            "aspects": {a: [before or None, after or None] for a, (before, after) in c.aspects.items()},
            "behaviour": None if c.behaviour is None else _object(c.behaviour),
        }
        for c in d.changes
    ]
    content = {
        "schema": SCHEMA,
        "from": d.left.name,
        "to": d.right.name,
        "changes": changes,
        "unchanged": dict(d.unchanged),
    }
    return dumps(content, indent=2) + "\n"


def _object(b: Behaviour) -> dict[str, Any]:
    """Return a behaviour as JSON has it."""
    found = b.found
    broken = {"from": list(found.left), "to": list(found.right)} if found.trace else None
    return {"result": b.result, "broken": broken, "trace": found.trace or None, "reason": found.reason or None}


def _summary(d: Difference) -> str:
    """Count what differs, by kind, in a sentence."""
    counts = {k: [c for c in d.changes if c.kind == k] for k in KINDS}
    parts = []
    for kind, changes in counts.items():
        total = len(changes) + d.unchanged.get(kind, 0)
        if total:
            parts.append(f"{len(changes)} of {total} {_PLURAL.get(kind, f'{kind}s') if total > 1 else kind}")
    return f"{d.left.name} to {d.right.name}: " + (", ".join(parts) or "nothing is declared") + " differ"


def _how(d: Difference, b: Behaviour) -> str:
    """Say in a sentence whether the rule still allows the same."""
    if b.result == LEVEL:
        levels = f"broken, it is a {b.levels[0]} for {d.left.name} and a {b.levels[1]} for {d.right.name}"
        return f"the same is allowed and demanded; {levels if b.found.trace else b.found.reason}"
    if b.found.trace and b.result == PARTED:
        said = verdicts(b.found, d.left.name, d.right.name)
        return said if b.found.both_read else f"{said} (one of them does not know all events and keys of it)"
    if b.result == ALIKE:
        return "the same is allowed and demanded"
    return f"unknown: no trace was found on which they disagree ({b.found.reason})"


def _role(d: Difference, c: ChangedDeclaration) -> str:
    """Name the role or the system of a change, unless it is the mobile node."""
    what = "system" if c.role in (*d.left.systems, *d.right.systems) else "role"
    return "" if c.role == "mn" else f" ({what} {c.role})"


# --- text -----------------------------------------------------------------------------------------------------------


def diff_text(d: Difference, width: int, colour: bool = False) -> str:
    """Return the difference for a terminal of `width` columns."""
    lines = Lines(width, colour)
    for c in d.changes:
        lines.title((c.name, "bold"), (f"  {c.kind}{_role(d, c)}  ", ""), (c.change, "yellow"))
        for aspect, (before, after) in c.telling.items():
            for label, texts in _labelled(aspect, before, after):
                lines.labelled(label, texts)
        if c.behaviour is not None:
            lines.labelled("effect", [_how(d, c.behaviour)])
            lines.verbatim(c.behaviour.found.trace)
        lines.line("")
    lines.line(_summary(d))
    if not d.decided:
        lines.line("Unknown is not the same: a longer --timeout may find a trace.")
    return lines.text()


def _labelled(aspect: str, before: str, after: str) -> list[tuple[str, list[str]]]:
    """Return an aspect's label and what stands beside it: short things side by side, long ones one below the other."""
    name, _, detail = aspect.partition(" ")
    name = {"condition": "demand"}.get(name, name)
    shown = [f"{detail}: {x}" if detail and x else x for x in (before, after)]
    if before and after and len(before) + len(after) < 50:
        return [(name, [f"{shown[0]} → {shown[1]}"])]
    sides = [f"- {shown[0]}"] if before else []
    sides += [f"+ {shown[1]}"] if after else []
    return [(name, sides)]


# --- Markdown -------------------------------------------------------------------------------------------------------


def diff_markdown(d: Difference) -> str:
    """Return the difference as a page of Markdown: a table for each kind of declaration."""
    parts = [f"# {markdown.plain(d.left.name)} → {markdown.plain(d.right.name)}\n", markdown.plain(_summary(d)) + "\n"]
    for kind in KINDS:
        changes = [c for c in d.changes if c.kind == kind]
        if not changes:
            continue
        title = _PLURAL.get(kind, f"{kind}s")
        parts.append(f"## {title[0].upper()}{title[1:]}\n")
        rows = [row for c in changes for row in _rows(d, c)]
        parts.append(markdown.table(["name", "change", "aspect", d.left.name, d.right.name], rows))
        for c in changes:
            if c.behaviour is not None and c.behaviour.found.trace:
                parts.append(f"{markdown.plain(c.name)}: {markdown.plain(_how(d, c.behaviour))}\n")
                parts.append(markdown.block(c.behaviour.found.trace) + "\n")
    return "\n".join(parts)


def _rows(d: Difference, c: ChangedDeclaration) -> list[list[str]]:
    """Return the rows of a change: one for each aspect, and one for its behaviour."""
    name = markdown.plain(c.name + _role(d, c))
    rows = [[name, c.change, markdown.plain(a), markdown.plain(before), markdown.plain(after)]
            for a, (before, after) in c.telling.items()]  # fmt: skip
    if c.behaviour is not None:
        found = c.behaviour.found
        sides = (
            [_broken(found.left), _broken(found.right)] if found.trace else [markdown.plain(_how(d, c.behaviour)), ""]
        )
        rows.append([name, c.change, "behaviour", *sides])
    return [row if n == 0 else ["", "", *row[2:]] for n, row in enumerate(rows)]


def _broken(rules: tuple[str, ...]) -> str:
    """Say which rules a trace breaks."""
    return markdown.plain(", ".join(rules) + " broken" if rules else "nothing broken")
