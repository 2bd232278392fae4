"""Text of a specification → syntax tree."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from mipcheck.model import syntax as s
from mipcheck.model.errors import SpecError, nearest
from mipcheck.model.types import ValueSyntaxError, read_duration

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

_KEYWORDS = {
    "document", "enum", "set", "site", "capability", "param", "event", "interface", "node", "ghost", "on", "define",
    "assumption", "rule", "property", "default", "drop", "override",
}  # fmt: skip


@cache
def _parser() -> Lark:
    from lark import Lark

    grammar = resources.files("mipcheck.model").joinpath("grammar.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", propagate_positions=True, maybe_placeholders=False)


def parse(text: str, file: str = "<spec>") -> s.Module:
    """The tree of one specification file. Raises SpecError at the first place that does not fit the grammar."""
    from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedToken

    try:
        tree = _parser().parse(text)
    except (UnexpectedToken, UnexpectedCharacters, UnexpectedEOF) as error:
        raise _explain(error, text, file) from None
    return _Builder(text, file).module(tree)


def _explain(error: Any, text: str, file: str) -> SpecError:
    token = getattr(error, "token", None)
    wanted = sorted(
        getattr(error, "accepts", None) or getattr(error, "expected", None) or getattr(error, "allowed", None) or []
    )
    if token is None or token.type == "$END":
        lines = text.splitlines() or [""]
        line, column = getattr(error, "line", -1), getattr(error, "column", -1)
        if token is not None or line is None or line < 1:
            place = s.Place(len(lines), len(lines[-1]) + 1)
            return SpecError(file, place, "the specification ends too early", f"expected {_words(wanted)}", text)
        found = text.splitlines()[line - 1][column - 1 : column]
        return SpecError(file, s.Place(line, column), f"unexpected {found!r}", f"expected {_words(wanted)}", text)
    place = s.Place(token.line, token.column)
    shown = str(token) if len(token) < 30 else str(token)[:27] + "…"
    hint = f"expected {_words(wanted)}"
    if token.type in ("NAME", "WORD", "SECTION"):
        keywords = [w.lower() for w in wanted if w.isalpha() and w not in ("NAME", "WORD", "STRING", "INT")]
        near = nearest(str(token), keywords or _KEYWORDS)
        hint += f"; {near}" if near.startswith("did") else ""
    return SpecError(file, place, f"unexpected {shown!r}", hint, text)


def _words(terminals: list[str]) -> str:
    names = {
        "NAME": "a name", "WORD": "a name", "STRING": '"text"', "INT": "a number", "DURATION": "a duration (60 s)",
        "SECTION": "a section number", "LINES": "line numbers (12-15)", "LPAR": "(", "RPAR": ")", "LBRACE": "{",
        "RBRACE": "}", "COLON": ":", "COMMA": ",", "SEMICOLON": ";", "COMPARE": "a comparison", "ADD": "+ or -",
        "MUL": "*", "LEVEL": "MUST, SHOULD or MAY", "SCOPE": "interface or node", "SENDER": "node, network or observer",
        "WHERE": "log or capture", "QUANTIFIER": "some or every", "FUNCTION": "max or min", "EQUAL": "=",
        "OPTIONAL": "?", "DOT": ".", "$END": "the end", "DROPPABLE": "rule, property or assumption",
        "MINUS": "-", "COLONEQUAL": ":=",
    }  # fmt: skip
    shown = list(dict.fromkeys(names.get(t, t.lower()) for t in terminals))
    return ", ".join(shown[:12]) + (" …" if len(shown) > 12 else "") if shown else "something else"


class _Builder:
    """Walks Lark's tree. One method a grammar rule; `_at` keeps places."""

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file

    def module(self, tree: Tree[Token]) -> s.Module:
        header, *rest = tree.children
        words = [t for t in header.children if t.type == "WORD"]  # type: ignore[union-attr]
        texts = [_string(t) for t in header.children if t.type == "STRING"]  # type: ignore[union-attr]
        return s.Module(
            str(words[0]),
            texts[0] if texts else "",
            str(words[1]) if len(words) > 1 else None,
            tuple(self._declaration(t) for t in rest),
            _at(header),
        )

    def _declaration(self, t: Any) -> s.Declaration:
        method = getattr(self, f"_{t.data}")
        result: s.Declaration = method(t, list(t.children), _at(t))
        return result

    def _document(self, t: Any, c: list[Any], at: s.Place) -> s.Declaration:
        return s.DocumentDecl(_string(c[0]), at)

    def _enum(self, t: Any, c: list[Any], at: s.Place) -> s.Declaration:
        return s.EnumDecl(str(c[0]), _names(c[1]), False, at)

    def _set_of(self, t: Any, c: list[Any], at: s.Place) -> s.Declaration:
        return s.EnumDecl(str(c[0]), _names(c[1]), True, at)

    def _sites(self, t: Any, c: list[Any], at: s.Place) -> s.Declaration:
        return s.SiteDecl(tuple(map(str, c)), at)

    def _capability(self, t: Any, c: list[Any], at: s.Place) -> s.Declaration:
        return s.CapabilityDecl(str(c[0]), _string(c[1]), at)

    def _parameter(self, t: Any, c: list[Any], at: s.Place) -> s.Declaration:
        override, c = _flag(c, "OVERRIDE")
        name, type_, default, *rest = c
        cite, text = self._cite_and_text(rest)
        return s.ParamDecl(str(name), _type(type_), self._expr(default), cite, text, override, at)

    def _event(self, t: Any, c: list[Any], at: s.Place) -> s.Declaration:
        keys = tuple(self._key(k) for k in c if _is(k, "key"))
        sender = next(str(k) for k in c if getattr(k, "type", "") == "SENDER")
        seen = next(tuple(map(str, k.children)) for k in c if _is(k, "seen") or _is(k, "silent"))
        text = next((_string(k) for k in c if getattr(k, "type", "") == "STRING"), "")
        return s.EventDecl(str(c[0]), keys, sender, seen, text, at)

    def _key(self, t: Any) -> s.KeyDecl:
        optional, c = _flag(list(t.children), "OPTIONAL")
        return s.KeyDecl(str(c[0]), _type(c[1]), optional, _at(t))

    def _state(self, t: Any, c: list[Any], at: s.Place) -> s.Declaration:
        ghost, c = _flag(c, "GHOST")
        return s.StateDecl(str(c[0]), ghost, tuple(self._variable(v) for v in c[1:]), at)

    def _variable(self, t: Any) -> s.VariableDecl:
        name, type_, *rest = t.children
        text = next((_string(k) for k in rest if getattr(k, "type", "") == "STRING"), "")
        initial = next((self._expr(k) for k in rest if getattr(k, "type", "") != "STRING"), None)
        return s.VariableDecl(str(name), _type(type_), initial, text, _at(t))

    def _update(self, t: Any, c: list[Any], at: s.Place) -> s.Declaration:
        assignments = tuple(
            s.Assignment(str(a.children[0]), self._expr(a.children[1]), _at(a))
            for a in c[1].children
            if _is(a, "assignment")
        )
        return s.UpdateDecl(self._patterns(c[0]), assignments, at)

    def _definition(self, t: Any, c: list[Any], at: s.Place) -> s.Declaration:
        return s.DefineDecl(str(c[0]), self._expr(c[1]), at)

    def _assumption(self, t: Any, c: list[Any], at: s.Place) -> s.Declaration:
        override, c = _flag(c, "OVERRIDE")
        name, *rest, patterns, condition = c
        cite, text = self._cite_and_text(rest)
        return s.AssumptionDecl(str(name), cite, text, self._patterns(patterns), self._expr(condition), override, at)

    def _rule(self, t: Any, c: list[Any], at: s.Place) -> s.Declaration:
        override, c = _flag(c, "OVERRIDE")
        name, level, cite, text, *rest = c
        readings = tuple(
            s.ReadingDecl(str(k.children[0]), _string(k.children[1]), self._body(k.children[2]), _at(k))
            for k in rest
            if _is(k, "reading")
        )
        if not readings:
            readings = (s.ReadingDecl("", "", self._body(rest[0]), _at(rest[0])),)
        options = tuple(
            s.Option(k.data, _string(k.children[0]) if k.data in ("instead", "note") else str(k.children[0]), _at(k))
            for k in rest
            if any(_is(k, o) for o in ("unless", "given", "instead", "note"))
        )
        return s.RuleDecl(
            str(name), str(level), self._cite_and_text([cite])[0], _string(text), readings, options, override, at
        )

    def _body(self, t: Any) -> s.BodyDecl:
        c = t.children
        if t.data == "allow":
            return s.AllowDecl(self._patterns(c[0]), self._expr(c[1]), _at(t))
        if t.data == "require":
            return s.RequireDecl(self._patterns(c[0]), self._expr(c[1]), str(c[2]), self._expr(c[3]), _at(t))
        return s.ConfigureDecl(self._expr(c[0]), _at(t))

    def _property(self, t: Any, c: list[Any], at: s.Place) -> s.Declaration:
        override, c = _flag(c, "OVERRIDE")
        name, *rest, claim = c
        cite, text = self._cite_and_text(rest)
        return s.PropertyDecl(str(name), cite, text, self._claim(claim), override, at)

    def _claim(self, t: Any) -> s.ClaimDecl:
        c = t.children
        match t.data:
            case "invariant":
                return s.InvariantDecl(self._expr(c[0]))
            case "whenever":
                return s.WheneverDecl(self._patterns(c[0]), self._expr(c[1]))
            case "independent":
                names = tuple(s.Name(str(k.children[0]), _at(k)) for k in c if k.data == "subject_state")
                allowed = tuple(self._pattern(k.children[0]) for k in c if k.data == "subject_allowed")
                return s.IndependentDecl(names, allowed)
            case _:
                return s.ConsistentDecl()

    def _default_reading(self, t: Any, c: list[Any], at: s.Place) -> s.Declaration:
        return s.DefaultReadingDecl(str(c[0]), str(c[1]), at)

    def _drop(self, t: Any, c: list[Any], at: s.Place) -> s.Declaration:
        return s.DropDecl(str(c[0]), str(c[1]), at)

    def _cite_and_text(self, items: list[Any]) -> tuple[tuple[s.Citation, ...], str]:
        cite: list[s.Citation] = []
        text = ""
        for item in items:
            if _is(item, "citations"):
                for k in item.children:
                    words = list(map(str, k.children))
                    first, _, last = words[1].partition("-") if len(words) > 1 else ("", "", "")
                    cite.append(s.Citation(words[0], (int(first), int(last or first)) if first else None))
            else:
                text = _string(item)
        return tuple(cite), text

    def _patterns(self, t: Any) -> tuple[s.Pattern, ...]:
        return tuple(self._pattern(k) for k in t.children)

    def _pattern(self, t: Any) -> s.Pattern:
        name, *rest = t.children
        # Lark drops the parentheses; a `when` is told from the conditions by what stands before it.
        conditions = [self._expr(k) for k in rest if not _is(k, "when")]
        whens = [self._expr(k.children[0]) for k in rest if _is(k, "when")]
        return s.Pattern(str(name), tuple(conditions), whens[0] if whens else None, _at(t))

    def _expr(self, t: Any) -> s.Expression:
        at, c = _at(t), t.children
        match t.data:
            case "integer":
                return s.Literal("int", int(c[0]), at)
            case "duration":
                try:
                    return s.Literal("time", read_duration(str(c[0])), at)
                except ValueSyntaxError as error:
                    raise SpecError(self.file, at, f"expected {error}", source=self.text) from None
            case "true" | "false":
                return s.Literal("bool", int(t.data == "true"), at)
            case "now" | "this":
                return s.Word(t.data, at)
            case "site_ref":
                return s.SiteName(str(c[0]), at)
            case "name":
                return s.Name(str(c[0]), at)
            case "call":
                return s.Apply(str(c[0]), tuple(map(self._expr, c[1:])), at)
            case "quantified":
                return s.Quantified(str(c[0]), self._expr(c[1]), at)
            case "compare" | "binary":
                return s.Apply(str(c[1]), (self._expr(c[0]), self._expr(c[2])), at)
            case "has":
                return s.Apply("has", (s.Name(str(c[0]), at), self._expr(c[1])), at)
            case "negate":
                return s.Apply("not", (self._expr(c[0]),), at)
            case "minus":
                return s.Apply("minus", (self._expr(c[0]),), at)
            case "implies":
                return s.Apply("implies", tuple(map(self._expr, c)), at)
            case "disjunction" | "conjunction":
                return s.Apply("or" if t.data == "disjunction" else "and", tuple(map(self._expr, c)), at)
        raise AssertionError(t.data)


def _is(item: Any, data: str) -> bool:
    return getattr(item, "data", None) == data


def _flag(children: list[Any], kind: str) -> tuple[bool, list[Any]]:
    rest = [c for c in children if getattr(c, "type", "") != kind]
    return len(rest) < len(children), rest


def _at(t: Any) -> s.Place:
    meta = getattr(t, "meta", None)
    if meta is None:
        return s.Place(t.line, t.column)
    return s.Place(getattr(meta, "line", 0), getattr(meta, "column", 0))


def _string(token: Any) -> str:
    """Text in quotes, its line breaks and indentation folded to single spaces."""
    return " ".join(str(token)[1:-1].split())


def _names(t: Any) -> tuple[str, ...]:
    return tuple(map(str, t.children))


def _type(t: Any) -> s.TypeName:
    if t.data == "named_type":
        return s.TypeName(str(t.children[0]), (), _at(t))
    return s.TypeName(None, _names(t.children[0]), _at(t))
