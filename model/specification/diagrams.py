"""State diagrams of a specification: what each piece of state may be, and which events take it from one to another.

A value is a word of an enumeration, true or false. What is assigned something else (a time, a number) has no diagram.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mipcheck.model.language.show import show_expression
from mipcheck.model.specification.spec import Spec, Variable
from mipcheck.model.specification.term import EventPattern, Term, facts
from mipcheck.model.values.types import BOOL

_AND: Final = 3
"""How strongly `and` binds its parts (`show_expression`)."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """An event that takes a variable from any of the values `before` to `after` ("" where that depends)."""

    before: tuple[str, ...]
    after: str
    event: str
    condition: str


@dataclass(frozen=True, slots=True)
class Diagram:
    """What a variable may be, what it is at first ("" if that depends), and what changes it."""

    variable: str
    scope: str
    text: str
    values: tuple[str, ...]
    initial: str
    arrows: tuple[Arrow, ...]


def diagrams(spec: Spec, names: Sequence[str] = ()) -> list[Diagram]:
    """Return the diagrams of the variables of one role that have few values: of those named, or of all but ghosts."""
    chosen = [v for v in spec.variables.values() if (v.name in names if names else not v.ghost and not v.tells_of)]
    return [_diagram(spec, v) for v in chosen if drawable(v)]


def _steps(d: Diagram) -> Iterator[tuple[str, str, str]]:
    """Yield from where each arrow leads where, and its label; what leaves the value as it is is no arrow."""
    for arrow in d.arrows:
        label = f"{arrow.event} when {arrow.condition}" if arrow.condition else arrow.event
        for before in arrow.before:
            after = [v for v in ((arrow.after,) if arrow.after else d.values) if v != before]
            yield from ((before, v, label) for v in after)


def drawable(v: Variable) -> bool:
    """Decide whether a variable has values that can be drawn."""
    return v.type == BOOL or (v.type.is_enum and bool(v.type.members))


def _diagram(spec: Spec, v: Variable) -> Diagram:
    values = ("false", "true") if v.type == BOOL else v.type.members
    initial = values[v.initial.value] if v.initial is not None and v.initial.kind == "const" else ""
    arrows = tuple(a for u in spec.updates for name, value in u.assignments if name == v.name
                   for p in u.patterns for a in _arrows(v.name, values, p, value))  # fmt: skip
    return Diagram(v.written, v.scope, v.text, values, initial, arrows)


def _arrows(name: str, values: tuple[str, ...], p: EventPattern, value: Term) -> Iterator[Arrow]:
    before = tuple(w for n, w in enumerate(values) if not _excluded(name, n, p.condition))
    condition = said(p.condition)
    if value.kind == "const":
        yield Arrow(before, values[value.value], p.event, condition)
    elif value.type == BOOL:
        text = said(value)
        for word, holds in (("true", text), ("false", f"not ({text})")):
            yield Arrow(before, word, p.event, f"{condition} and {holds}" if condition else holds)
    else:
        yield Arrow(before, "", p.event, condition)


def _excluded(name: str, value: int, condition: Term) -> bool:
    """Decide whether a condition says outright that a variable does not have this value."""
    for fact in facts((condition,)):
        denied, t = (True, fact.args[0]) if fact.kind == "not" else (False, fact)
        if t.kind == "var" and t.name == name:
            wanted: int | None = 1
        elif t.kind in ("=", "!=") and t.args[0].kind == "var" and t.args[0].name == name and t.args[1].kind == "const":
            wanted, denied = t.args[1].value, denied != (t.kind == "!=")
        else:
            continue
        if (value == wanted) == denied:
            return True
    return False


def said(t: Term, strength: int = 0) -> str:
    """Return a condition as it was written, nothing if it says nothing; `strength` is that of what stands around."""
    if t.source is not None:
        return " ".join(show_expression(t.source, strength).split())
    if t.kind == "and":
        return " and ".join(filter(None, (said(a, _AND) for a in t.args)))
    return "" if t.kind == "const" and t.value else t.name or t.kind


def mermaid(found: Sequence[Diagram], title: str) -> str:
    """Return diagrams as one of Mermaid's, a state for each variable with its values inside."""
    lines = [f"%% {_line(title)}", "stateDiagram-v2"]
    for d in found:
        lines.append(f"  state {_mermaid(d.variable)} {{")
        lines += [f"    {_mermaid(d.variable, v)} : {v}" for v in d.values]
        lines += [f"    [*] --> {_mermaid(d.variable, d.initial)}"] if d.initial else []
        for before, after, label in _steps(d):
            ends = f"{_mermaid(d.variable, before)} --> {_mermaid(d.variable, after)}"
            lines.append(f"    {ends} : {_mermaid_text(label)}")
        lines.append("  }")
    return "\n".join(lines) + "\n"


def _mermaid(*words: str) -> str:
    """Return the identifier of a state: letters, digits and underscores."""
    return "__".join(words).replace("-", "_")


def _mermaid_text(text: str) -> str:
    """Return a text in which nothing means anything to Mermaid."""
    marks = {"#": "#35;", ";": "#59;", ":": "#58;", "<": "#lt;", ">": "#gt;", "{": "#123;", "}": "#125;", '"': "#quot;"}
    return "".join(marks.get(c, c) for c in text)


def dot(found: Sequence[Diagram], title: str) -> str:
    """Return diagrams as one graph in Graphviz's language, a cluster for each variable."""
    lines = [f"// {_line(title)}", "digraph specification {", "  rankdir=LR; node [shape=box, style=rounded];"]
    for d in found:
        lines.append(f"  subgraph {_dot('cluster ' + d.variable)} {{")
        lines.append(f"    label={_dot(f'{d.variable} ({d.scope})')};")
        lines += [f"    {_dot(f'{d.variable} {v}')} [label={_dot(v)}];" for v in d.values]
        if d.initial:
            lines.append(f"    {_dot(d.variable)} [shape=point];")
            lines.append(f"    {_dot(d.variable)} -> {_dot(f'{d.variable} {d.initial}')};")
        for before, after, label in _steps(d):
            ends = f"{_dot(f'{d.variable} {before}')} -> {_dot(f'{d.variable} {after}')}"
            lines.append(f"    {ends} [label={_dot(label)}];")
        lines.append("  }")
    return "\n".join([*lines, "}"]) + "\n"


def _dot(text: str) -> str:
    """Return a text as a quoted identifier."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _line(text: str) -> str:
    return " ".join(text.split())
