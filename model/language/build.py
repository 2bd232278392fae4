"""Lark's tree → what declarations are made of: expressions, patterns, citations, texts."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any, Final, NoReturn, cast

from mipcheck.model.language.errors import SpecError
from mipcheck.model.language.expression import (
    Apply,
    Citation,
    Entry,
    Expression,
    Field,
    Held,
    Literal,
    Name,
    Operator,
    Pattern,
    Place,
    Quantified,
    QuantifiedEntry,
    Quantifier,
    SiteName,
    Word,
)
from mipcheck.model.language.vocabulary import TypeName
from mipcheck.model.values.types import ValueSyntaxError, read_duration

MAX_DEPTH: Final = 100
"""Levels of an expression. Trees are walked recursively, and Python compiles at most 200 nested parentheses."""


class Builder:
    """Reads what stands inside a declaration of the specification `text`, which is that of `file`."""

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file
        self.depth = 0

    def _fail(self, at: Place, message: str, hint: str = "") -> NoReturn:
        """Raise a SpecError."""
        raise SpecError(self.file, at, message, hint, self.text)

    def _number(self, token: Any, digits: int) -> int:
        """Return a number of few digits: Python itself refuses to read thousands. Raises SpecError."""
        if len(token) > digits:
            self._fail(place_of(token), f"a number here has at most {digits} digits")
        return int(token)

    def _cite_and_text(self, items: list[Any]) -> tuple[tuple[Citation, ...], str]:
        """Return the citations and the text among some children, each of which may be missing."""
        cite: list[Citation] = []
        text = ""
        for item in items:
            if is_tree(item, "citations"):
                for k in item.children:
                    section, *lines = k.children
                    cite.append(Citation(str(section), self._lines(lines[0]) if lines else None))
            else:
                text = string(item)
        return tuple(cite), text

    def _lines(self, token: Any) -> tuple[int, int]:
        """Return the first and the last line of `12-15` or `12`. Raises SpecError."""
        if len(token) > 19:
            self._fail(place_of(token), "a line number has at most 9 digits")
        first, _, last = str(token).partition("-")
        if int(last or first) < int(first):
            self._fail(place_of(token), "these lines run backwards", f"{last}-{first}")
        return int(first), int(last or first)

    def _patterns(self, t: Any) -> tuple[Pattern, ...]:
        return tuple(self._pattern(k) for k in t.children)

    def _pattern(self, t: Any) -> Pattern:
        name, *rest = t.children
        conditions = [self._expr(k) for k in rest if not is_tree(k, "when")]
        whens = [self._expr(k.children[0]) for k in rest if is_tree(k, "when")]
        return Pattern(named(name), tuple(conditions), whens[0] if whens else None, place_of(t))

    def _expr(self, t: Any) -> Expression:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self._fail(
                place_of(t), "this expression is nested too deeply", f"at most {MAX_DEPTH} levels; define its parts"
            )
        result = self._expression(t, place_of(t), t.children)
        self.depth -= 1
        return result

    def _expression(self, t: Any, at: Place, c: list[Any]) -> Expression:
        match t.data:
            case "parens":
                return self._expr(c[0])
            case "integer":
                return Literal("int", self._number(c[0], 20), at)
            case "duration":
                try:
                    return Literal("time", read_duration(str(c[0])), at)
                except ValueSyntaxError as error:
                    self._fail(at, f"expected {error}")
            case "address":
                try:
                    return Literal("address", int(IPv4Address(str(c[0]))), at)
                except ValueError:
                    self._fail(at, "expected an IPv4 address")
            case "true" | "false":
                return Literal("bool", int(t.data == "true"), at)
            case "now" | "this":
                return Word(t.data, at)
            case "site_ref":
                return SiteName(str(c[0]), at)
            case "name":
                return Name(named(c[0]), at)
            case "call":
                return Apply(_operator(c[0]), tuple(map(self._expr, c[1:])), at)
            case "quantified":
                return Quantified(cast("Quantifier", str(c[0])), self._expr(c[1]), at)
            case "compare" | "binary":
                return Apply(_operator(c[1]), (self._expr(c[0]), self._expr(c[2])), at)
            case "has":
                return Apply("has", (self._expr(c[0]), self._expr(c[1])), at)
            case "held":
                return Held(Entry(named(c[-1]), tuple(map(self._expr, c[:-1])), at), at)
            case "field":
                return Field(Entry(named(c[0]), tuple(map(self._expr, c[1:-1])), at), str(c[-1]), at)
            case "quantified_entry":
                *names, table, body = c[1:]
                return QuantifiedEntry(
                    cast("Quantifier", str(c[0])), tuple(map(str, names)), named(table), self._expr(body), at
                )
            case "uses":
                words = tuple(Name(str(k), place_of(k)) for k in c[1:])
                return Apply("uses", (self._expr(c[0]), *words), at)
            case "capable":
                return Apply("capable", (Name(str(c[0]), at),), at)
            case "given_value":
                return Apply("given", (Name(str(c[0]), at),), at)
            case "assigned":
                return Apply("assigned", (Name(named(c[1]), place_of(c[1])),), at)
            case "negate":
                return Apply("not", (self._expr(c[0]),), at)
            case "known":
                return Apply("seen", (self._expr(c[0]),), at)
            case "minus":
                return Apply("minus", (self._expr(c[0]),), at)
            case "implies":
                return Apply("implies", tuple(map(self._expr, c)), at)
            case "disjunction" | "conjunction":
                return Apply("or" if t.data == "disjunction" else "and", tuple(map(self._expr, c)), at)
        raise AssertionError(t.data)


def is_tree(item: Any, data: str) -> bool:
    """Decide whether a child is the tree of that grammar rule; it may be a token as well."""
    return getattr(item, "data", None) == data


def is_token(item: Any, kind: str) -> bool:
    """Decide whether a child is a token of that kind; it may be a tree as well."""
    return getattr(item, "type", None) == kind


def flag(children: list[Any], kind: str) -> tuple[bool, list[Any]]:
    """Return whether a child of that kind is there, and the other children."""
    rest = [c for c in children if not is_token(c, kind)]
    return len(rest) < len(children), rest


def place_of(t: Any) -> Place:
    """Return where a token or tree stands."""
    return Place(t.line, t.column)


def _operator(token: Any) -> Operator:
    """Return the operator that a token is: FUNCTION, COMPARE, ADD and MUL of the grammar match no others."""
    return cast("Operator", str(token))


def string(token: Any) -> str:
    """Return the text in quotes, its line breaks and indentation folded to single spaces."""
    return " ".join(str(token)[1:-1].split())


def text_of(children: list[Any]) -> str:
    """Return the text in quotes among some children, empty if there is none."""
    return next((string(k) for k in children if is_token(k, "STRING")), "")


def names_of(t: Any) -> tuple[str, ...]:
    """Return the names that a tree lists."""
    return tuple(map(str, t.children))


def named(token: Any) -> str:
    """Return a name: of what a party has, with a slash for the dot, which stands for a field of a table."""
    return str(token).replace(".", "/")


def type_name(t: Any) -> TypeName:
    """Return the name of a type, or the members of an anonymous one."""
    if t.data == "named_type":
        return TypeName(str(t.children[0]), (), place_of(t))
    return TypeName(None, names_of(t.children[0]), place_of(t))
