"""Expressions, patterns and citations → text. Parsing the text again gives the same tree."""

from __future__ import annotations

from ipaddress import IPv4Address

from mipcheck.model.language.expression import (
    Apply,
    Citation,
    Entry,
    Expression,
    Field,
    Held,
    Literal,
    Name,
    Pattern,
    Quantified,
    QuantifiedEntry,
    SiteName,
    Word,
)
from mipcheck.model.values.types import show_duration

_STRENGTH = {
    "implies": 1, "or": 2, "and": 3, "not": 4, "seen": 4, "=": 5, "!=": 5, "<": 5, "<=": 5, ">": 5, ">=": 5, "has": 5,
    "uses": 5, "capable": 9, "given": 9, "assigned": 9,
    "+": 6, "-": 6, "*": 7, "/": 7, "minus": 8, "max": 9, "min": 9,
}  # fmt: skip


def show_expression(e: Expression, strength: int = 0) -> str:
    """Return an expression as one line of text, with parentheses only where they are needed."""
    match e:
        case Name(name):
            return dotted(name)
        case SiteName(name):
            return f"site.{name}"
        case Literal("time", value):
            return _duration(value)
        case Literal("bool", value):
            return "true" if value else "false"
        case Literal("address", value):
            return str(IPv4Address(value))
        case Literal(_, value):
            return str(value)
        case Word(word):
            return word
        case Quantified(quantifier, body):
            text, own = f"{quantifier} interface: {show_expression(body)}", 0
        case QuantifiedEntry(quantifier, names, table, body):
            text, own = f"{quantifier} {', '.join(names)} in {dotted(table)}: {show_expression(body)}", 0
        case Held(Entry(table, keys)):
            text, own = f"({', '.join(map(show_expression, keys))}) in {dotted(table)}", _STRENGTH["has"]
        case Field(entry, name):
            return f"{show_entry(entry)}.{name}"
        case Apply(op, args):
            own = _STRENGTH[op]
            text = _apply(op, args, own)
    return f"({text})" if own < strength or (own == 0 and strength > 0) else text


def dotted(name: str) -> str:
    """Return a name as it is written: `gateway.endpoint` of what a party has."""
    return name.replace("/", ".")


def show_entry(e: Entry) -> str:
    """Return an entry of a table as text: `pending[id]`."""
    return f"{dotted(e.table)}[{', '.join(map(show_expression, e.keys))}]"


def _apply(op: str, args: tuple[Expression, ...], own: int) -> str:
    match op:
        case "max" | "min":
            return f"{op}({', '.join(map(show_expression, args))})"
        case "not" | "seen":
            return f"{op} {show_expression(args[0], own)}"
        case "minus":
            return f"-{show_expression(args[0], own)}"
        case "uses":
            return f"{show_expression(args[0], own + 1)} uses {' '.join(map(show_expression, args[1:]))}"
        case "capable":
            return f"capability {show_expression(args[0])}"
        case "assigned":
            return f"assigned({show_expression(args[0])})"
        case "given":
            return f"given {show_expression(args[0])}"
        case "has":
            return f"{show_expression(args[0], own + 1)} in {show_expression(args[1], own + 1)}"
        case "and" | "or":
            return f" {op} ".join(show_expression(a, own + 1) for a in args)
        case "implies":
            return f"{show_expression(args[0], own + 1)} implies {show_expression(args[1], own)}"
        case "+" | "-" | "*" | "/":
            return f"{show_expression(args[0], own)} {op} {show_expression(args[1], own + 1)}"
        case _:
            return f"{show_expression(args[0], own + 1)} {op} {show_expression(args[1], own + 1)}"


def _duration(ns: int) -> str:
    word = show_duration(ns)
    digits = word.rstrip("nusmh")
    return f"{digits} {word[len(digits) :]}"


def show_pattern(p: Pattern) -> str:
    """Return a pattern as text: `rrp(code = 0) when inside`."""
    text = dotted(p.event)
    if p.conditions:
        text += f"({', '.join(map(show_expression, p.conditions))})"
    return text + (f" when {show_expression(p.when)}" if p.when is not None else "")


def show_patterns(patterns: tuple[Pattern, ...]) -> str:
    """Return patterns as text, separated by commas."""
    return ", ".join(map(show_pattern, patterns))


def show_citation(c: Citation) -> str:
    """Return a citation as text: `4.2.1 lines 977-980`."""
    if c.lines is None:
        return c.section
    first, last = c.lines
    return f"{c.section} lines {first}" + (f"-{last}" if last != first else "")


def show_citations(cite: tuple[Citation, ...]) -> str:
    """Return citations as text, separated by commas."""
    return ", ".join(map(show_citation, cite))
