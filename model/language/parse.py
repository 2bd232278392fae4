"""Text of a specification → syntax tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mipcheck.model.language import catalogue
from mipcheck.model.language import syntax as s
from mipcheck.model.language.build import (
    flag,
    is_token,
    is_tree,
    named,
    names_of,
    place_of,
    string,
    text_of,
    type_name,
)
from mipcheck.model.language.build_catalogue import CatalogueBuilder
from mipcheck.model.language.errors import SpecError
from mipcheck.model.language.expression import Entry, Name, Pattern, Place
from mipcheck.model.language.grammar import parser
from mipcheck.model.language.unexpected import unexpected

if TYPE_CHECKING:
    from lark import Token, Tree

MAX_SIZE: Final = 250_000
"""Characters of a specification, ten times the largest so far: what is longer is some other file."""


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


class _Builder(CatalogueBuilder):
    """Walks Lark's tree. A declaration has one method, which has the name of its grammar rule after an underscore."""

    def module(self, tree: Tree[Token]) -> s.Module:
        """Return the tree of a whole file."""
        header, *rest = tree.children
        words = [t for t in header.children if t.type == "SPEC_NAME"]  # type: ignore[union-attr]
        return s.Module(
            str(words[0]),
            text_of(header.children),  # type: ignore[union-attr]
            str(words[1]) if len(words) > 1 else None,
            tuple(self._declaration(t) for t in rest),
            tuple(map(str, words[2:])),
            place_of(header),
            tuple(map(place_of, words[1:])),
        )

    def _declaration(self, t: Any) -> s.Declaration:
        method = getattr(self, f"_{t.data}")  # what the grammar lists as a declaration, and only that, gets here
        result: s.Declaration = method(t, list(t.children), place_of(t))
        return result

    def _document(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        return s.DocumentDecl(string(c[0]), at)

    def _enum(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        return s.EnumDecl(str(c[0]), names_of(c[1]), False, at)

    def _set_of(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        return s.EnumDecl(str(c[0]), names_of(c[1]), True, at)

    def _sites(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        return s.SiteDecl(tuple(map(str, c)), at)

    def _layer(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        override, c = flag(c, "OVERRIDE")
        protects, c = flag(c, "PROTECTS")
        text = text_of(c)
        forms = tuple(self._form(k) for k in c if is_tree(k, "form"))
        moved = next((tuple(map(self._way, k.children)) for k in c if is_tree(k, "moved")), ())
        return s.LayerDecl(str(c[0]), text, protects, forms, override, moved, at)

    def _way(self, t: Any) -> catalogue.Way:
        anew, c = flag(t.children, "ANEW")
        given = next((str(k.children[0]) for k in c if is_tree(k, "form_given")), "")
        return catalogue.Way(tuple(str(k) for k in c if is_token(k, "STEP")), anew, given, place_of(t))

    def _form(self, t: Any) -> s.FormDecl:
        traversal, (headers, *rest) = flag(t.children, "TRAVERSAL")
        adds = next((self._expr(k.children[0]) for k in rest if is_tree(k, "adds")), None)
        given = next((str(k.children[0]) for k in rest if is_tree(k, "form_given")), "")
        return s.FormDecl("" if headers.type == "NOTHING" else str(headers), adds, given, traversal, place_of(t))

    def _access(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        override, c = flag(c, "OVERRIDE")
        parts = tuple(
            (str(p.children[0]), str(p.children[1]) if len(p.children) > 1 else "") for p in c if is_tree(p, "part")
        )
        needs = next((names_of(k) for k in c if is_tree(k, "needs")), ())
        text = text_of(c)
        return s.AccessDecl(str(c[0]), parts, needs, text, override, at)

    def _capability(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        return s.CapabilityDecl(str(c[0]), string(c[1]), at)

    def _parameter(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        override, c = flag(c, "OVERRIDE")
        name, type_, default, *rest = c
        cite, text = self._cite_and_text(rest)
        return s.ParamDecl(str(name), type_name(type_), self._expr(default), cite, text, override, at)

    def _event(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        keys = tuple(self._key(k) for k in c if is_tree(k, "key"))
        sender = next(str(k) for k in c if is_token(k, "SENDER"))
        seen = next(tuple(map(str, k.children)) for k in c if is_tree(k, "seen") or is_tree(k, "silent"))
        hidden = next((self._expr(k.children[0]) for k in c if is_tree(k, "hidden")), None)
        text = text_of(c)
        anew, _ = flag(c, "ANEW")
        return s.EventDecl(str(c[0]), keys, sender, seen, text, hidden, anew, at)

    def _extension(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        (inner,) = c
        first, *rest = inner.children
        match inner.data:
            case "more_keys":
                return s.ExtendEvent(str(first), tuple(map(self._key, rest)), at)
            case "more_values":
                words = tuple(map(self._more_words, rest))
                return (
                    s.ExtendTable(str(first), words, at)
                    if is_token(first, "NAME")
                    else s.ExtendState(str(first), words, at)
                )
            case kind:
                return s.ExtendWords(str(first), names_of(rest[0]), kind == "set_of", at)

    def _more_words(self, t: Any) -> s.MoreWords:
        name, words = t.children
        return s.MoreWords(str(name), names_of(words), place_of(t))

    def _pause(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        ended = next((self._patterns(k.children[0]) for k in c[2:] if is_tree(k, "ended")), ())
        return s.PauseDecl(str(c[0]), str(c[1]), text_of(c), at, ended)

    def _stage(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        return s.StageDecl(str(c[0]), self._expr(c[1]), text_of(c), at)

    def _key(self, t: Any) -> s.KeyDecl:
        optional, c = flag(list(t.children), "OPTIONAL")
        return s.KeyDecl(str(c[0]), type_name(c[1]), optional, place_of(t))

    def _state(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        ghost, c = flag(c, "GHOST")
        told, c = flag(c, "TOLD")
        return s.StateDecl(str(c[0]), ghost, tuple(self._variable(v) for v in c[1:]), told, at)

    def _variable(self, t: Any) -> s.VariableDecl:
        name, type_, *rest = t.children
        text = text_of(rest)
        initial = next((self._expr(k) for k in rest if not is_token(k, "STRING")), None)
        return s.VariableDecl(str(name), type_name(type_), initial, text, place_of(t))

    def _update(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        assignments = tuple(self._assignment(a) for a in c[1].children if is_tree(a, "assignment"))
        forgotten = tuple(s.Forget(str(a.children[0]), place_of(a)) for a in c[1].children if is_tree(a, "forget"))
        changes = tuple(self._change(a) for a in c[1].children if a.data not in ("assignment", "forget"))
        return s.UpdateDecl(self._patterns(c[0]), assignments, changes, forgotten, at)

    def _assignment(self, t: Any) -> s.Assignment:
        return s.Assignment(str(t.children[0]), self._expr(t.children[1]), place_of(t))

    def _change(self, t: Any) -> s.ChangeDecl:
        """Read what an update does to a table."""
        c, at = t.children, place_of(t)
        match t.data:
            case "set_entry":
                return s.SetEntry(self._entry(c[0]), tuple(map(self._assignment, c[1:])), at)
            case "set_field":
                return s.SetField(self._entry(c[0]), s.Assignment(str(c[1]), self._expr(c[2]), place_of(c[1])), at)
            case "remove":
                return s.RemoveEntry(self._entry(c[0]), at)
            case _:
                return s.ClearTable(str(c[0]), at)

    def _entry(self, t: Any) -> Entry:
        return Entry(named(t.children[0]), tuple(map(self._expr, t.children[1:])), place_of(t))

    def _table(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        ghost, c = flag(c, "GHOST")
        keys = tuple(
            s.KeyPart(str(k.children[0]), type_name(k.children[1]), place_of(k)) for k in c if is_tree(k, "key_part")
        )
        limit = next((self._number(k.children[0], 9) for k in c if is_tree(k, "limit")), None)
        until = next((str(k.children[0]) for k in c if is_tree(k, "until")), "")
        variables = tuple(self._variable(k) for k in c if is_tree(k, "variable"))
        return s.TableDecl(str(c[0]), keys, ghost, limit, until, text_of(c), variables, at)

    def _definition(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        override, c = flag(c, "OVERRIDE")
        return s.DefineDecl(str(c[0]), self._expr(c[1]), override, at)

    def _assumption(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        override, c = flag(c, "OVERRIDE")
        name, *rest, patterns, condition = c
        cite, text = self._cite_and_text(rest)
        return s.AssumptionDecl(str(name), cite, text, self._patterns(patterns), self._expr(condition), override, at)

    def _rule(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        override, c = flag(c, "OVERRIDE")
        name, level, cite, text, *rest = c
        readings = tuple(
            s.ReadingDecl(str(k.children[0]), string(k.children[1]), self._body(k.children[2]), place_of(k))
            for k in rest
            if is_tree(k, "reading")
        )
        if not readings:
            readings = (s.ReadingDecl("", "", self._body(rest[0]), place_of(rest[0])),)
        options = tuple(
            s.Option(
                k.data, string(k.children[0]) if k.data in ("instead", "note") else str(k.children[0]), place_of(k)
            )
            for k in rest
            if any(is_tree(k, o) for o in ("unless", "given", "instead", "note"))
        )
        return s.RuleDecl(
            str(name), str(level), self._cite_and_text([cite])[0], string(text), readings, options, override, at
        )

    def _body(self, t: Any) -> s.BodyDecl:
        c = t.children
        if t.data == "allow":
            doubt = next((self._expr(k.children[0]) for k in c[2:] if is_tree(k, "unclear")), None)
            kept = next((self._patterns(k.children[0]) for k in c[2:] if is_tree(k, "kept")), ())
            return s.AllowDecl(self._patterns(c[0]), self._expr(c[1]), place_of(t), doubt, kept)
        if t.data == "require":
            return s.RequireDecl(
                self._patterns(c[0]), self._expr(c[1]), str(c[2]), self._expr(c[3]), place_of(t), place_of(c[2])
            )
        return s.ConfigureDecl(self._expr(c[0]), place_of(t))

    def _property(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        override, c = flag(c, "OVERRIDE")
        relying = next((names_of(k) for k in c if is_tree(k, "relying")), ())
        against = next((tuple(map(_power, k.children)) for k in c if is_tree(k, "against")), ())
        name, *rest, claim = [k for k in c if not is_tree(k, "relying") and not is_tree(k, "against")]
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
                names = tuple(Name(str(k.children[0]), place_of(k)) for k in c if k.data == "subject_state")
                allowed = tuple(self._pattern(k.children[0]) for k in c if k.data == "subject_allowed")
                return s.IndependentDecl(names, allowed)
            case _:
                return s.ConsistentDecl()

    def _default_reading(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        return s.DefaultReadingDecl(str(c[0]), str(c[1]), at)

    def _drop(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        return s.DropDecl(str(c[0]), names_of(c[1]), at)

    def _confirm(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        kind, name, *rest = c
        level = next((str(k) for k in rest if is_token(k, "LEVEL")), "")
        cite, text = self._cite_and_text([k for k in rest if not is_token(k, "LEVEL")])
        return s.ConfirmDecl(str(kind), str(name), level, cite, text, at)

    def _statement(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        override, c = flag(c, "OVERRIDE")
        name, level, cite, text, last = c
        by = names_of(last) if is_tree(last, "encoded") else ()
        because = string(last.children[0]) if is_tree(last, "because") else ""
        return s.StatementDecl(
            str(name), str(level), self._cite_and_text([cite])[0], string(text), by, because, override, at
        )

    def _ambiguity(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        override, c = flag(c, "OVERRIDE")
        readings = tuple((str(k.children[0]), string(k.children[1])) for k in c if is_tree(k, "choice"))
        cite, text = self._cite_and_text([k for k in c[1:] if not is_tree(k, "choice")])
        return s.AmbiguityDecl(str(c[0]), cite, text, readings, override, at)

    def _role(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        name, *rest = c
        tracks = next((str(k.children[0]) for k in rest if is_tree(k, "tracks")), "")
        text = text_of(rest)
        inner = [k for k in rest if not is_tree(k, "tracks")]
        return s.RoleDecl(str(name), tracks, text, self._inner(inner, "role"), at)

    def _system(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        name, *rest = c
        return s.SystemDecl(str(name), text_of(rest), self._inner(rest, "system"), at)

    def _inner(self, c: list[Any], block: str) -> tuple[s.Declaration, ...]:
        """Read the declarations in a block, in which no other one can stand."""
        found = [k for k in c if not is_token(k, "STRING")]
        for k in found:
            if k.data in ("role", "system"):
                where = "another" if k.data == block == "role" else f"a {block}"
                self._fail(place_of(k), f"a {k.data} cannot stand inside {where}")
        return tuple(map(self._declaration, found))

    def _party(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        name, role, *rest = c
        tracked = next((str(k.children[0]) for k in rest if is_tree(k, "followed")), "")
        sites = next((tuple((str(b.children[0]), str(b.children[1])) for b in k.children) for k in rest
                      if is_tree(k, "bindings")), ())  # fmt: skip
        return s.PartyDecl(str(name), str(role), tracked, sites, text_of(rest), at)

    def _channel(self, t: Any, c: list[Any], at: Place) -> s.Declaration:
        override, c = flag(c, "OVERRIDE")
        private, c = flag(c, "PRIVATE")
        key = next((str(k.children[0]) for k in c if is_tree(k, "key_of")), "")
        sent, received = (tuple(map(self._end, k.children)) for k in c if is_tree(k, "ends"))
        carried = tuple(self._carried(k) for k in c if is_tree(k, "carried"))
        return s.ChannelDecl(str(c[0]), text_of(c), key, private, sent, received, carried, override, at)

    def _end(self, t: Any) -> Pattern:
        name, *conditions = t.children
        return Pattern(named(name), tuple(map(self._expr, conditions)), None, place_of(t))

    def _carried(self, t: Any) -> s.CarriedDecl:
        outer, c = flag(t.children, "OUTER")
        return s.CarriedDecl(str(c[0]), self._expr(c[1]) if len(c) > 1 else None, outer, place_of(t))


def _power(t: Any) -> str:
    return f"knows {t.children[0]}" if t.data == "knows" else str(t.children[0])
