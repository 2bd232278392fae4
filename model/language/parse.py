"""Text of a specification → syntax tree."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from mipcheck.model.language import catalogue
from mipcheck.model.language import syntax as s
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
from mipcheck.model.language.grammar import parser
from mipcheck.model.language.unexpected import unexpected
from mipcheck.model.values.types import ValueSyntaxError, read_duration

if TYPE_CHECKING:
    from lark import Token, Tree

MAX_SIZE: Final = 250_000
"""Characters of a specification, ten times the largest so far: what is longer is some other file."""
MAX_DEPTH: Final = 100
"""Levels of an expression. Trees are walked recursively, and Python compiles at most 200 nested parentheses."""


def parse(text: str, file: str = "<spec>") -> s.Module:
    """Return the tree of one specification file. Raises SpecError at the first place that does not fit the grammar."""
    from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedToken

    if len(text) > MAX_SIZE:
        raise SpecError(file, Place(), f"a specification has at most {MAX_SIZE} characters")
    try:
        tree = parser().parse(text)
    except (UnexpectedToken, UnexpectedCharacters, UnexpectedEOF) as error:
        raise unexpected(error, text, file) from None
    return _Builder(text, file).module(tree)


class _Builder:
    """Walks Lark's tree. A declaration has one method, which has the name of its grammar rule after an underscore."""

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file
        self.depth = 0

    def module(self, tree: Tree[Token]) -> s.Module:
        """Return the tree of a whole file."""
        header, *rest = tree.children
        words = [t for t in header.children if t.type == "SPEC_NAME"]  # type: ignore[union-attr]
        return s.Module(
            str(words[0]),
            _text(header.children),  # type: ignore[union-attr]
            str(words[1]) if len(words) > 1 else None,
            tuple(self._declaration(t) for t in rest),
            _at(header),
            _at(words[1]) if len(words) > 1 else Place(),
        )

    def _declaration(self, t: Any) -> s.Declaration:
        method = getattr(self, f"_{t.data}")  # what the grammar lists as a declaration, and only that, gets here
        result: s.Declaration = method(t, list(t.children), _at(t))
        return result

    def _document(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        return s.DocumentDecl(_string(c[0]), at)

    def _enum(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        return s.EnumDecl(str(c[0]), _names(c[1]), False, at)

    def _set_of(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        return s.EnumDecl(str(c[0]), _names(c[1]), True, at)

    def _sites(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        return s.SiteDecl(tuple(map(str, c)), at)

    def _layer(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        override, c = _flag(c, "OVERRIDE")
        protects, c = _flag(c, "PROTECTS")
        text = _text(c)
        forms = tuple(self._form(k) for k in c if _is(k, "form"))
        moved = next((tuple(map(self._way, k.children)) for k in c if _is(k, "moved")), ())
        return s.LayerDecl(str(c[0]), text, protects, forms, override, moved, at)

    def _way(self, t: Any) -> catalogue.Way:
        anew, c = _flag(t.children, "ANEW")
        given = next((str(k.children[0]) for k in c if _is(k, "form_given")), "")
        return catalogue.Way(tuple(str(k) for k in c if _is_token(k, "STEP")), anew, given, _at(t))

    def _form(self, t: Any) -> s.FormDecl:
        traversal, (headers, *rest) = _flag(t.children, "TRAVERSAL")
        adds = next((self._expr(k.children[0]) for k in rest if _is(k, "adds")), None)
        given = next((str(k.children[0]) for k in rest if _is(k, "form_given")), "")
        return s.FormDecl("" if headers.type == "NOTHING" else str(headers), adds, given, traversal, _at(t))

    def _access(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        override, c = _flag(c, "OVERRIDE")
        parts = tuple(
            (str(p.children[0]), str(p.children[1]) if len(p.children) > 1 else "") for p in c if _is(p, "part")
        )
        needs = next((_names(k) for k in c if _is(k, "needs")), ())
        text = _text(c)
        return s.AccessDecl(str(c[0]), parts, needs, text, override, at)

    def _capability(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        return s.CapabilityDecl(str(c[0]), _string(c[1]), at)

    def _parameter(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        override, c = _flag(c, "OVERRIDE")
        name, type_, default, *rest = c
        cite, text = self._cite_and_text(rest)
        return s.ParamDecl(str(name), _type(type_), self._expr(default), cite, text, override, at)

    def _event(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        keys = tuple(self._key(k) for k in c if _is(k, "key"))
        sender = next(str(k) for k in c if _is_token(k, "SENDER"))
        seen = next(tuple(map(str, k.children)) for k in c if _is(k, "seen") or _is(k, "silent"))
        hidden = next((self._expr(k.children[0]) for k in c if _is(k, "hidden")), None)
        text = _text(c)
        anew, _ = _flag(c, "ANEW")
        return s.EventDecl(str(c[0]), keys, sender, seen, text, hidden, anew, at)

    def _pause(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        return s.PauseDecl(str(c[0]), str(c[1]), _text(c), at)

    def _stage(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        return s.StageDecl(str(c[0]), self._expr(c[1]), _text(c), at)

    def _key(self, t: Any) -> s.KeyDecl:
        optional, c = _flag(list(t.children), "OPTIONAL")
        return s.KeyDecl(str(c[0]), _type(c[1]), optional, _at(t))

    def _state(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        ghost, c = _flag(c, "GHOST")
        told, c = _flag(c, "TOLD")
        return s.StateDecl(str(c[0]), ghost, tuple(self._variable(v) for v in c[1:]), told, at)

    def _variable(self, t: Any) -> s.VariableDecl:
        name, type_, *rest = t.children
        text = _text(rest)
        initial = next((self._expr(k) for k in rest if not _is_token(k, "STRING")), None)
        return s.VariableDecl(str(name), _type(type_), initial, text, _at(t))

    def _update(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        assignments = tuple(self._assignment(a) for a in c[1].children if _is(a, "assignment"))
        changes = tuple(self._change(a) for a in c[1].children if not _is(a, "assignment"))
        return s.UpdateDecl(self._patterns(c[0]), assignments, changes, at)

    def _assignment(self, t: Any) -> s.Assignment:
        return s.Assignment(str(t.children[0]), self._expr(t.children[1]), _at(t))

    def _change(self, t: Any) -> s.ChangeDecl:
        """Read what an update does to a table."""
        c, at = t.children, _at(t)
        match t.data:
            case "set_entry":
                return s.SetEntry(self._entry(c[0]), tuple(map(self._assignment, c[1:])), at)
            case "set_field":
                return s.SetField(self._entry(c[0]), s.Assignment(str(c[1]), self._expr(c[2]), _at(c[1])), at)
            case "remove":
                return s.RemoveEntry(self._entry(c[0]), at)
            case _:
                return s.ClearTable(str(c[0]), at)

    def _entry(self, t: Any) -> Entry:
        return Entry(_named(t.children[0]), tuple(map(self._expr, t.children[1:])), _at(t))

    def _table(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        ghost, c = _flag(c, "GHOST")
        keys = tuple(s.KeyPart(str(k.children[0]), _type(k.children[1]), _at(k)) for k in c if _is(k, "key_part"))
        limit = next((self._number(k.children[0], 9) for k in c if _is(k, "limit")), None)
        until = next((str(k.children[0]) for k in c if _is(k, "until")), "")
        variables = tuple(self._variable(k) for k in c if _is(k, "variable"))
        return s.TableDecl(str(c[0]), keys, ghost, limit, until, _text(c), variables, at)

    def _definition(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        override, c = _flag(c, "OVERRIDE")
        return s.DefineDecl(str(c[0]), self._expr(c[1]), override, at)

    def _assumption(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        override, c = _flag(c, "OVERRIDE")
        name, *rest, patterns, condition = c
        cite, text = self._cite_and_text(rest)
        return s.AssumptionDecl(str(name), cite, text, self._patterns(patterns), self._expr(condition), override, at)

    def _rule(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
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
            doubt = next((self._expr(k.children[0]) for k in c[2:] if _is(k, "unclear")), None)
            kept = next((self._patterns(k.children[0]) for k in c[2:] if _is(k, "kept")), ())
            return s.AllowDecl(self._patterns(c[0]), self._expr(c[1]), _at(t), doubt, kept)
        if t.data == "require":
            return s.RequireDecl(self._patterns(c[0]), self._expr(c[1]), str(c[2]), self._expr(c[3]), _at(t), _at(c[2]))
        return s.ConfigureDecl(self._expr(c[0]), _at(t))

    def _property(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        override, c = _flag(c, "OVERRIDE")
        relying = next((_names(k) for k in c if _is(k, "relying")), ())
        against = next((tuple(map(_power, k.children)) for k in c if _is(k, "against")), ())
        name, *rest, claim = [k for k in c if not _is(k, "relying") and not _is(k, "against")]
        cite, text = self._cite_and_text(rest)
        return s.PropertyDecl(str(name), cite, text, self._claim(claim), override, relying, against, at)

    def _claim(self, t: Any) -> s.ClaimDecl:
        c = t.children
        match t.data:
            case "invariant":
                return s.InvariantDecl(self._expr(c[0]))
            case "whenever":
                return s.WheneverDecl(self._patterns(c[0]), self._expr(c[1]))
            case "permitted":
                return s.PermittedDecl(self._patterns(c[0]))
            case "independent":
                names = tuple(Name(str(k.children[0]), _at(k)) for k in c if k.data == "subject_state")
                allowed = tuple(self._pattern(k.children[0]) for k in c if k.data == "subject_allowed")
                return s.IndependentDecl(names, allowed)
            case _:
                return s.ConsistentDecl()

    def _default_reading(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        return s.DefaultReadingDecl(str(c[0]), str(c[1]), at)

    def _drop(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        return s.DropDecl(str(c[0]), _names(c[1]), at)

    def _confirm(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        kind, name, *rest = c
        level = next((str(k) for k in rest if _is_token(k, "LEVEL")), "")
        cite, text = self._cite_and_text([k for k in rest if not _is_token(k, "LEVEL")])
        return s.ConfirmDecl(str(kind), str(name), level, cite, text, at)

    def _statement(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        override, c = _flag(c, "OVERRIDE")
        name, level, cite, text, last = c
        by = _names(last) if _is(last, "encoded") else ()
        because = _string(last.children[0]) if _is(last, "because") else ""
        return s.StatementDecl(
            str(name), str(level), self._cite_and_text([cite])[0], _string(text), by, because, override, at
        )

    def _ambiguity(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        override, c = _flag(c, "OVERRIDE")
        readings = tuple((str(k.children[0]), _string(k.children[1])) for k in c if _is(k, "choice"))
        cite, text = self._cite_and_text([k for k in c[1:] if not _is(k, "choice")])
        return s.AmbiguityDecl(str(c[0]), cite, text, readings, override, at)

    def _entity(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        override, c = _flag(c, "OVERRIDE")
        by = next((_names(k) for k in c if _is(k, "encoded")), ())
        return catalogue.EntityDecl(str(c[0]), str(c[1]), _text(c), by, override, at)

    def _guideline(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        override, c = _flag(c, "OVERRIDE")
        cite, text = self._cite_and_text(c[1:])
        return catalogue.GuidelineDecl(str(c[0]), cite, text, override, at)

    def _point(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        override, c = _flag(c, "OVERRIDE")
        name, stance, cite, text, *grounds = c
        found = tuple(map(self._ground, grounds))
        return catalogue.PointDecl(
            str(name), str(stance), self._cite_and_text([cite])[0], _string(text), found, override, at
        )

    def _answer(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        override, c = _flag(c, "OVERRIDE")
        grounds = tuple(self._ground(k) for k in c[1:] if not _is_token(k, "STRING"))
        return catalogue.AnswerDecl(str(c[0]), _text(c), grounds, override, at)

    def _ground(self, t: Any) -> catalogue.Ground:
        c, at = t.children, _at(t)
        match t.data:
            case "proved":
                return catalogue.Proved(_names(t), at)
            case "shown":
                return catalogue.Shown(_names(t), at)
            case "computed":
                return catalogue.Computed(tuple(map(self._figure, c)), at)
            case "declared":
                return catalogue.Declared(tuple((str(k.children[0]), str(k.children[1])) for k in c), at)
            case "opinion":
                return catalogue.Opinion(_string(c[0]), at)
            case _:
                return catalogue.Missing(_string(c[0]), at)

    def _figure(self, t: Any) -> catalogue.Figure:
        amount, *rest = t.children
        compare, value = (str(rest[0]), self._amount(rest[1])) if rest else ("", ())
        return catalogue.Figure(self._amount(amount), compare, value)

    def _amount(self, t: Any) -> tuple[tuple[int, catalogue.Measure | int], ...]:
        """Read measures and numbers, each with its sign."""
        signs = [1, *(1 if k == "+" else -1 for k in t.children[1::2])]
        return tuple((sign, self._measured(k)) for sign, k in zip(signs, t.children[::2], strict=True))

    def _measured(self, t: Any) -> catalogue.Measure | int:
        c = t.children
        match t.data:
            case "measure":
                return catalogue.Measure(str(c[0]), str(c[1]), _at(t))
            case "count":
                return catalogue.Measure("entities", str(c[0]), _at(t))
            case _:
                return self._number(c[0], 9)

    def _role(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        name, *rest = c
        tracks = next((str(k.children[0]) for k in rest if _is(k, "tracks")), "")
        text = _text(rest)
        inner = [k for k in rest if not _is(k, "tracks")]
        return s.RoleDecl(str(name), tracks, text, self._inner(inner, "role"), at)

    def _system(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        name, *rest = c
        return s.SystemDecl(str(name), _text(rest), self._inner(rest, "system"), at)

    def _inner(self, c: list[Any], block: str) -> tuple[s.Declaration, ...]:
        """Read the declarations in a block, in which no other one can stand."""
        found = [k for k in c if not _is_token(k, "STRING")]
        for k in found:
            if k.data in ("role", "system"):
                where = "another" if k.data == block == "role" else f"a {block}"
                self._fail(_at(k), f"a {k.data} cannot stand inside {where}")
        return tuple(map(self._declaration, found))

    def _party(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        name, role, *rest = c
        tracked = next((str(k.children[0]) for k in rest if _is(k, "followed")), "")
        sites = next((tuple((str(b.children[0]), str(b.children[1])) for b in k.children) for k in rest
                      if _is(k, "bindings")), ())  # fmt: skip
        return s.PartyDecl(str(name), str(role), tracked, sites, _text(rest), at)

    def _channel(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        override, c = _flag(c, "OVERRIDE")
        private, c = _flag(c, "PRIVATE")
        key = next((str(k.children[0]) for k in c if _is(k, "key_of")), "")
        sent, received = (tuple(map(self._end, k.children)) for k in c if _is(k, "ends"))
        carried = tuple(self._carried(k) for k in c if _is(k, "carried"))
        return s.ChannelDecl(str(c[0]), _text(c), key, private, sent, received, carried, override, at)

    def _end(self, t: Any) -> Pattern:
        name, *conditions = t.children
        return Pattern(_named(name), tuple(map(self._expr, conditions)), None, _at(t))

    def _carried(self, t: Any) -> s.CarriedDecl:
        outer, c = _flag(t.children, "OUTER")
        return s.CarriedDecl(str(c[0]), self._expr(c[1]) if len(c) > 1 else None, outer, _at(t))

    def _fail(self, at: Place, message: str, hint: str = "") -> NoReturn:
        """Raise a SpecError."""
        raise SpecError(self.file, at, message, hint, self.text)

    def _number(self, token: Any, digits: int) -> int:
        """Return a number of few digits: Python itself refuses to read thousands. Raises SpecError."""
        if len(token) > digits:
            self._fail(_at(token), f"a number here has at most {digits} digits")
        return int(token)

    def _cite_and_text(self, items: list[Any]) -> tuple[tuple[Citation, ...], str]:
        """Return the citations and the text among some children, each of which may be missing."""
        cite: list[Citation] = []
        text = ""
        for item in items:
            if _is(item, "citations"):
                for k in item.children:
                    section, *lines = k.children
                    cite.append(Citation(str(section), self._lines(lines[0]) if lines else None))
            else:
                text = _string(item)
        return tuple(cite), text

    def _lines(self, token: Any) -> tuple[int, int]:
        """Return the first and the last line of `12-15` or `12`. Raises SpecError."""
        if len(token) > 19:
            self._fail(_at(token), "a line number has at most 9 digits")
        first, _, last = str(token).partition("-")
        if int(last or first) < int(first):
            self._fail(_at(token), "these lines run backwards", f"{last}-{first}")
        return int(first), int(last or first)

    def _patterns(self, t: Any) -> tuple[Pattern, ...]:
        return tuple(self._pattern(k) for k in t.children)

    def _pattern(self, t: Any) -> Pattern:
        name, *rest = t.children
        conditions = [self._expr(k) for k in rest if not _is(k, "when")]
        whens = [self._expr(k.children[0]) for k in rest if _is(k, "when")]
        return Pattern(_named(name), tuple(conditions), whens[0] if whens else None, _at(t))

    def _expr(self, t: Any) -> Expression:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self._fail(_at(t), "this expression is nested too deeply", f"at most {MAX_DEPTH} levels; define its parts")
        result = self._expression(t, _at(t), t.children)
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
                return Name(_named(c[0]), at)
            case "call":
                return Apply(_operator(c[0]), tuple(map(self._expr, c[1:])), at)
            case "quantified":
                return Quantified(cast("Quantifier", str(c[0])), self._expr(c[1]), at)
            case "compare" | "binary":
                return Apply(_operator(c[1]), (self._expr(c[0]), self._expr(c[2])), at)
            case "has":
                return Apply("has", (self._expr(c[0]), self._expr(c[1])), at)
            case "held":
                return Held(Entry(_named(c[-1]), tuple(map(self._expr, c[:-1])), at), at)
            case "field":
                return Field(Entry(_named(c[0]), tuple(map(self._expr, c[1:-1])), at), str(c[-1]), at)
            case "quantified_entry":
                *names, table, body = c[1:]
                return QuantifiedEntry(
                    cast("Quantifier", str(c[0])), tuple(map(str, names)), _named(table), self._expr(body), at
                )
            case "uses":
                words = tuple(Name(str(k), _at(k)) for k in c[1:])
                return Apply("uses", (self._expr(c[0]), *words), at)
            case "capable":
                return Apply("capable", (Name(str(c[0]), at),), at)
            case "given_value":
                return Apply("given", (Name(str(c[0]), at),), at)
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


def _is(item: Any, data: str) -> bool:
    """Decide whether a child is the tree of that grammar rule; it may be a token as well."""
    return getattr(item, "data", None) == data


def _is_token(item: Any, kind: str) -> bool:
    """Decide whether a child is a token of that kind; it may be a tree as well."""
    return getattr(item, "type", None) == kind


def _flag(children: list[Any], kind: str) -> tuple[bool, list[Any]]:
    """Return whether a child of that kind is there, and the other children."""
    rest = [c for c in children if not _is_token(c, kind)]
    return len(rest) < len(children), rest


def _at(t: Any) -> Place:
    """Return where a token or tree stands."""
    meta = getattr(t, "meta", None)
    if meta is None:
        return Place(t.line, t.column)
    return Place(getattr(meta, "line", 0), getattr(meta, "column", 0))


def _operator(token: Any) -> Operator:
    """Return the operator that a token is: FUNCTION, COMPARE, ADD and MUL of the grammar match no others."""
    return cast("Operator", str(token))


def _string(token: Any) -> str:
    """Return the text in quotes, its line breaks and indentation folded to single spaces."""
    return " ".join(str(token)[1:-1].split())


def _text(children: list[Any]) -> str:
    """Return the text in quotes among some children, empty if there is none."""
    return next((_string(k) for k in children if _is_token(k, "STRING")), "")


def _names(t: Any) -> tuple[str, ...]:
    return tuple(map(str, t.children))


def _named(token: Any) -> str:
    """Return a name: of what a party has, with a slash for the dot, which stands for a field of a table."""
    return str(token).replace(".", "/")


def _power(t: Any) -> str:
    return f"knows {t.children[0]}" if t.data == "knows" else str(t.children[0])


def _type(t: Any) -> s.TypeName:
    if t.data == "named_type":
        return s.TypeName(str(t.children[0]), (), _at(t))
    return s.TypeName(None, _names(t.children[0]), _at(t))
