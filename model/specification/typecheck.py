"""Expressions and patterns → typed terms: every name looked up, every type checked, definitions written out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from mipcheck.model.language import syntax as s
from mipcheck.model.language.build import MAX_DEPTH
from mipcheck.model.language.errors import SpecError
from mipcheck.model.language.expression import (
    Apply,
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
    SiteName,
    Word,
)
from mipcheck.model.language.show import show_expression, show_pattern
from mipcheck.model.specification.assigned import flag_of
from mipcheck.model.specification.names import Names
from mipcheck.model.specification.spec import KINDS_OF_ADDRESS, Table
from mipcheck.model.specification.term import EventPattern, Term, TermKind, conjunction, contradiction
from mipcheck.model.values.nearest import nearest
from mipcheck.model.values.types import BASIC, BOOL, ID, INT, INTERFACE, TIME, Type

MAX_TERMS: Final = 100_000
"""Terms of a specification, a hundred times the largest so far: definitions that use definitions grow without bound."""


@dataclass(frozen=True)
class Scope:
    """The things that an expression may speak of: keys of an event, state (ghost state too), this interface, the
    present time, the site's addresses.

    `events` are those whose `keys` they are, for messages; `expanding` the definitions that are being written out;
    `bound` the parts of keys that quantifiers around the expression give a name.
    """

    keys: Mapping[str, Type]
    events: tuple[str, ...] = ()
    state: bool = True
    ghost: bool = False
    this: bool = True
    now: bool = True
    site: bool = True
    expanding: tuple[str, ...] = ()
    tables: bool = True
    bound: Mapping[str, Term] = field(default_factory=dict)
    depth: int = 0


CONSTANT: Final = Scope({}, state=False, this=False, now=False)
"""Of parameters and the site's addresses alone."""


class TypeChecker:
    """Makes terms of expressions, by the names that have been declared so far."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.depth = self.terms = 0
        self._is_told = True
        """Whether what is wrong is told to anybody, and not only that something is."""

    def _pattern(self, p: Pattern, scope: Scope, observed: bool) -> EventPattern:
        if p.event not in self.names.events:
            self.names.fail(p.at, f'unknown event "{p.event}"', nearest(p.event, self.names.events))
        event = self.names.events[p.event]
        if observed and not event.seen:
            self.names.fail(p.at, f'event "{p.event}" is silent: no node can see it', "only ghost state may follow it")
        inner = replace(scope, keys={k.name: k.type for k in event.keys}, events=(p.event,))
        terms = [self.expression(c, inner, BOOL) for c in p.conditions]
        if p.when is not None:
            terms.append(self.expression(p.when, inner, BOOL))
        if clash := contradiction(tuple(terms)):
            reason = " contradicts ".join(sorted(_show(t.source) for t in clash if t.source))
            self.names.warn(self.names.item, p.at, f"{shown(show_pattern(p))} can never happen: {reason}")
        return EventPattern(p.event, conjunction(tuple(terms)), show_pattern(p))

    def patterns(self, patterns: tuple[Pattern, ...], scope: Scope, observed: bool) -> tuple[EventPattern, ...]:
        """Return patterns whose conditions may speak of their events' keys and of what `scope` has.

        An `observed` one is of events that a node can see. Raises SpecError, warns of patterns that never match.
        """
        return tuple(self._pattern(p, scope, observed) for p in patterns)

    def scope_after(self, patterns: tuple[Pattern, ...], ghost: bool = False) -> Scope:
        """Return what an expression beside these patterns may speak of: of keys, those that all of them have."""
        return Scope(self._shared_keys(patterns), tuple(dict.fromkeys(p.event for p in patterns)), ghost=ghost)

    def _shared_keys(self, patterns: tuple[Pattern, ...]) -> dict[str, Type]:
        tables = [{k.name: k.type for k in self.names.events[p.event].keys} for p in patterns]
        return {k: t for k, t in tables[0].items() if all(other.get(k) == t for other in tables)}

    def expression(self, e: Expression, scope: Scope, expected: Type | None) -> Term:
        """Return the term of an expression, of the `expected` type if there is one. Raises SpecError."""
        term = self._infer(e, scope, expected)
        if expected is not None and term.type != expected:
            hint = "a duration needs a unit: 60 s" if expected == TIME and term.type == INT else ""
            if expected.is_words and term.type.is_words:
                hint = "types without a name are one where they have the same words: extend the other one, too"
            self.names.fail(e.at, f"{_show(e)} is of type {term.type.name}, where {expected.name} is expected", hint)
        return term

    def _infer(self, e: Expression, scope: Scope, expected: Type | None) -> Term:
        """Return the term of an expression, of whatever type; the `expected` one says what words and numbers mean."""
        self.depth += 1
        self.terms += 1
        if self.depth > MAX_DEPTH:
            hint = f"at most {MAX_DEPTH} levels, definitions included"
            self.names.fail(e.at, "this expression is nested too deeply", hint)
        if self.terms > MAX_TERMS:
            self.names.fail(
                e.at, "the specification is too large", f"at most {MAX_TERMS} terms, definitions written out"
            )
        term = self._infer_one(e, scope, expected)
        self.depth -= 1
        return term

    def _infer_one(self, e: Expression, scope: Scope, expected: Type | None) -> Term:
        match e:
            case Literal(kind, value):
                type_ = ID if kind == "int" and expected == ID else BASIC[kind]
                if value >= (2**64 if type_ == ID else 2**62):
                    self.names.fail(e.at, f"this number is too large, at most {64 if type_ == ID else 62} bits")
                return Term("const", type_, value=value, source=e)
            case Word("now"):
                if not scope.now:
                    hint = "the condition of an obligation, like a parameter, does not change as time passes"
                    self.names.fail(e.at, "the present time cannot be used here", hint)
                return Term("now", TIME, source=e)
            case Word():
                if not scope.this:
                    self.names.fail(e.at, '"this" interface makes no sense here')
                return Term("this", INTERFACE, source=e)
            case SiteName(name):
                if not scope.site:
                    self.names.fail(e.at, "a parameter cannot depend on the site's addresses")
                if name not in self.names.sites:
                    self.names.fail(e.at, f'unknown site address "{name}"', nearest(name, self.names.sites))
                self.names.used[f"site {name}"] += 1
                return Term("site", BASIC["address"], name, source=e)
            case Name(name):
                return self._name(e, name, scope, expected)
            case Quantified(quantifier, body):
                if not scope.state:
                    self.names.fail(e.at, "there are no interfaces to speak of here")
                return Term(quantifier, BOOL, args=(self.expression(body, scope, BOOL),), source=e)
            case QuantifiedEntry():
                return self._quantified_entry(e, scope)
            case Held(entry):
                table, keys = self.entry(entry, scope)
                self.names.read[table.name] += 1
                return Term("entry", BOOL, table.name, args=keys, source=e)
            case Field(entry, name):
                return self._field(e, entry, name, scope)
            case Apply():
                return self._apply(e, scope)

    # --- tables ---------------------------------------------------------------------------------------------------

    def table(self, name: str, at: Place, scope: Scope) -> Table:
        """Return a table that an expression may speak of. Raises SpecError."""
        if name not in self.names.tables or not scope.state:
            if name in self.names.states and name not in self.names.variables:
                self.names.fail(at, f'"{name}" is a table, which has no value here', "use numbers and parameters")
            self.names.fail(at, f'unknown table "{name}"', nearest(name, self.names.tables))
        table = self.names.tables[name]
        if not scope.tables:
            hint = "keep what it depends on in state of the interface or the node"
            self.names.fail(at, f'an obligation cannot look into the table "{name}"', hint)
        if table.ghost and not scope.ghost:
            self.names.fail(
                at, f'"{name}" is ghost state: no node can see it', "only properties and assumptions may read it"
            )
        return table

    def entry(self, e: Entry, scope: Scope) -> tuple[Table, tuple[Term, ...]]:
        """Return the table of an entry, and the terms of its key. Raises SpecError."""
        table = self.table(e.table, e.at, scope)
        return table, self._key(e.keys, table, e.at, scope)

    def _key(self, keys: tuple[Expression, ...], table: Table, at: Place, scope: Scope) -> tuple[Term, ...]:
        if len(keys) != len(table.keys):
            parts = ", ".join(f"{name}: {type_.name}" for name, type_ in table.keys)
            self.names.fail(at, f'an entry of "{table.name}" has a key of other parts', f"{table.name} by {parts}")
        return tuple(self.expression(k, scope, type_) for k, (_, type_) in zip(keys, table.keys, strict=True))

    def _field(self, e: Field, entry: Entry, name: str, scope: Scope) -> Term:
        table, keys = self.entry(entry, scope)
        column = f"{table.name}.{name}"
        if column not in table.columns:
            self.names.fail(
                e.at, f'an entry of "{table.name}" has no field "{name}"', nearest(name, [v.name for v in table.fields])
            )
        self.names.read[column] += 1
        return Term("entry", table.columns[column].type, column, args=keys, source=e)

    def _quantified_entry(self, e: QuantifiedEntry, scope: Scope) -> Term:
        table = self.table(e.table, e.at, scope)
        if len(e.names) != len(table.keys):
            parts = ", ".join(name for name, _ in table.keys)
            self.names.fail(
                e.at, f'an entry of "{table.name}" has a key of other parts', f"some {parts} in {table.name}"
            )
        for name in e.names:
            self.names.check_word(name, e.at)
        self.names.read[table.name] += 1
        bound = {
            name: Term("bound", type_, f"{name}#{scope.depth}")
            for name, (_, type_) in zip(e.names, table.keys, strict=True)
        }
        inner = replace(scope, bound={**scope.bound, **bound}, depth=scope.depth + 1)
        body = self.expression(e.body, inner, BOOL)
        kind: TermKind = "some_entry" if e.quantifier == "some" else "every_entry"
        return Term(kind, BOOL, table.name, args=(body, *bound.values()), source=e)

    def _name(self, e: Name, name: str, scope: Scope, expected: Type | None) -> Term:
        if expected is not None and expected.is_enum and name in expected.members:
            return Term("const", expected, name, expected.members.index(name), source=e)
        if expected == INTERFACE and name == "none":
            return Term("nobody", INTERFACE, source=e)
        if name in scope.bound:
            return replace(scope.bound[name], source=e)
        if name in scope.keys:
            return Term("key", scope.keys[name], name, source=e)
        if name in self.names.tables and scope.state:
            self.names.fail(
                e.at, f'"{name}" is a table, which has no value of its own', f"ask whether a key is in {name}"
            )
        if name in self.names.variables and scope.state:
            variable = self.names.variables[name]
            if variable.ghost and not scope.ghost:
                self.names.fail(
                    e.at, f'"{name}" is ghost state: no node can see it', "only properties and assumptions may read it"
                )
            self.names.read[name] += 1
            return Term("var", variable.type, name, source=e)
        if name in self.names.parameters:
            self.names.used[f"parameter {name}"] += 1
            return Term("param", self.names.parameters[name].type, name, source=e)
        if name in self.names.defines:
            return self._expand(e, name, scope, expected)
        if expected is not None and expected.is_enum:
            self.names.fail(e.at, f'unknown value "{name}" of {expected.name}', self._nearest(name, expected.members))
        if name in self.names.states:
            self.names.fail(e.at, f'"{name}" is state, which has no value here', "use numbers and parameters")
        visible = [n for n, v in self.names.variables.items() if scope.state and scope.ghost >= v.ghost]
        word = [name.lower()] if name.lower() in ("true", "false", "now", "this") else []
        known = word or [*scope.bound, *scope.keys, *self.names.parameters, *self.names.defines, *visible]
        owners = [event for event in scope.events if name in self.names.events[event].by_name]
        if owners:
            self.names.fail(e.at, f'not all of these events have a key "{name}"', f"{', '.join(owners)} has")
        where = f" in event {' or '.join(scope.events)}" if scope.events else ""
        hint = f"the site's address is site.{name}" if name in self.names.sites else self._nearest(name, known)
        self.names.fail(e.at, f'unknown name "{name}"{where}', hint)

    def _nearest(self, name: str, known: Iterable[str]) -> str:
        """Return a hint about a name, if its error is to be told to anybody: to look for one takes long."""
        return nearest(name, known) if self._is_told else ""

    def _expand(self, e: Name, name: str, scope: Scope, expected: Type | None) -> Term:
        """Return a definition written out: its names are looked up where it is used, its errors are where it stands."""
        if name in scope.expanding:
            self.names.fail(e.at, f'the definition of "{name}" uses itself')
        self.names.used[f"definition {name}"] += 1
        here, self.names.item = self.names.item, self.names.defines[name]
        assert isinstance(self.names.item.declaration, s.DefineDecl)
        inner = replace(scope, expanding=(*scope.expanding, name))
        try:
            body = self._infer(self.names.item.declaration.value, inner, expected)
        except SpecError as error:
            if scope.expanding:
                raise
            where = f"line {e.at.line}" if here.file == self.names.item.file else f"{here.file}:{e.at.line}"
            raise error.also(f"definition {name} is used in {where}") from None
        finally:
            self.names.item = here
        return Term("def", body.type, name, args=(body,), source=e)

    def _apply(self, e: Apply, scope: Scope) -> Term:
        match e.op:
            case "and" | "or" | "not" | "seen" | "implies":
                return Term(e.op, BOOL, args=tuple(self.expression(a, scope, BOOL) for a in e.args), source=e)
            case "capable":
                (name,) = e.args
                assert isinstance(name, Name)
                self.names.use_capability(name.name, name.at)
                return Term("capable", BOOL, name.name, source=e)
            case "given":
                (name,) = e.args
                assert isinstance(name, Name)
                if name.name not in self.names.parameters:
                    hint = nearest(name.name, self.names.parameters)
                    self.names.fail(name.at, f'unknown parameter "{name.name}"', hint)
                self.names.used[f"parameter {name.name}"] += 1
                return Term("given", BOOL, name.name, source=e)
            case "assigned":
                return self._assigned(e, scope)
            case "uses":
                return self._uses(e, scope)
            case "has":
                return self._has(e, scope)
            case "=" | "!=" | "<" | "<=" | ">" | ">=":
                return self._comparison(e, e.op, scope)
            case "*":
                return self._product(e, scope)
            case "/":
                return self._quotient(e, scope)
            case "+" | "-" | "minus" | "max" | "min":
                terms = self._numbers(e.args, scope)
                if len({t.type for t in terms}) > 1:
                    self.names.fail(e.at, "a time and a number do not mix here", "write the number with a unit: 60 s")
                return Term(e.op, terms[0].type, args=terms, source=e)

    def _assigned(self, e: Apply, scope: Scope) -> Term:
        """Return whether a time has a value, which is state of its own."""
        (time,) = e.args
        term = self._infer(time, scope, None)
        if term.kind != "var" or term.type != TIME:
            self.names.fail(time.at, f"{_show(time)} is no state of type time", "of other things nobody need ask")
        if self.names.variables[term.name].initial is not None:
            self.names.fail(time.at, f"{_show(time)} always has a value", "a time without an initial one may have none")
        if flag_of(term.name) not in self.names.variables:
            self.names.fail(
                time.at, f"no rule of its role asks for that of {_show(time)}", "define it there, by a name"
            )
        self.names.read[flag_of(term.name)] += 1
        return Term("var", BOOL, flag_of(term.name), source=e)

    def _uses(self, e: Apply, scope: Scope) -> Term:
        """Return whether an access mode has a layer (with that kind of care-of address): it is one of those that do."""
        mode, layer, *kinds = e.args
        assert isinstance(layer, Name)
        value = self._infer(mode, scope, None)
        if not value.type.is_enum or not set(value.type.members) >= set(self.names.accesses):
            self.names.fail(
                mode.at, f"{_show(mode)} is no access mode", "an enumeration with every access mode is needed"
            )
        if layer.name not in self.names.layers:
            self.names.fail(layer.at, f'unknown layer "{layer.name}"', nearest(layer.name, self.names.layers))
        kind = ""
        for k in kinds:
            assert isinstance(k, Name)
            kind = k.name
            if kind not in KINDS_OF_ADDRESS:
                self.names.fail(k.at, f'unknown kind of care-of address "{kind}"', nearest(kind, KINDS_OF_ADDRESS))
        members = value.type.members
        cases = tuple(
            Term("=", BOOL, args=(value, Term("const", value.type, a.name, members.index(a.name))), source=e)
            for a in self.names.accesses.values()
            if a.uses(layer.name, kind)
        )
        return Term("or", BOOL, args=cases, source=e) if len(cases) != 1 else cases[0]

    def _has(self, e: Apply, scope: Scope) -> Term:
        """Return whether a set has a member, which is a word or else a value.

        A value is asked for by `in`; its enumeration has to be that of the set's members.
        """
        member, collection = e.args
        if isinstance(collection, Name) and collection.name in self.names.tables:
            table = self.table(collection.name, collection.at, scope)
            self.names.read[table.name] += 1
            return Term("entry", BOOL, table.name, args=self._key((member,), table, e.at, scope), source=e)
        term = self._infer(collection, scope, None)
        if not isinstance(member, Name):
            self.names.fail(member.at, f"{_show(member)} is no member of a set, which is a word or a name")
        members = term.type.members
        if not term.type.is_set:
            self.names.fail(collection.at, f"{_show(collection)} is no set")
        if member.name in members:
            return Term("has", BOOL, member.name, members.index(member.name), (term,), e)
        if not self._is_known(member.name, scope):
            self.names.fail(e.at, f'"{member.name}" is no member of {term.type.name}', nearest(member.name, members))
        value = self._infer(member, scope, None)
        if not value.type.is_enum or value.type.members != members:
            self.names.fail(e.at, f"{_show(member)} is of type {value.type.name}, which has not the members of "
                            f"{term.type.name}")  # fmt: skip
        return Term("in", BOOL, args=(value, term), source=e)

    def _comparison(self, e: Apply, op: Operator, scope: Scope) -> Term:
        left, right = e.args
        # A word such as `iha`, or the number of an id, means something only beside the other side: look there first.
        if self._needs_other(left, scope) and not self._is_misspelt(left, right, scope):
            second = self._infer(right, scope, None)
            first = self.expression(left, scope, second.type)
            judged = second
        else:
            judged = first = self._infer(left, scope, None)
            self._check_comparable(e, op, first.type)
            second = self.expression(right, scope, first.type)
        self._check_comparable(e, op, judged.type)
        return Term(op, BOOL, args=(first, second), source=e)

    def _check_comparable(self, e: Apply, op: str, type_: Type) -> None:
        if type_.is_set:
            self.names.fail(
                e.at, "sets are asked for members, not compared", f"{type_.members[0]} in {_show(e.args[0])}"
            )
        if op not in ("=", "!=") and type_ not in (INT, TIME):
            self.names.fail(e.at, f"values of type {type_.name} have no order")

    def _needs_other(self, e: Expression, scope: Scope) -> bool:
        """Decide whether an expression means something only beside another, which tells its type."""
        return (isinstance(e, Name) and not self._is_known(e.name, scope)) or (
            isinstance(e, Literal) and e.kind == "int"
        )

    def _is_misspelt(self, left: Expression, right: Expression, scope: Scope) -> bool:
        """Decide whether the left side of `fro = iha` is to be reported: neither side means anything by itself."""
        if not (isinstance(left, Name) and self._needs_other(right, scope) and isinstance(right, Name)):
            return False
        types = [*scope.keys.values(), *(v.type for v in self.names.variables.values()), *self.names.enums.values()]
        return all(left.name not in t.members for t in types)

    def _is_known(self, name: str, scope: Scope) -> bool:
        return any(name in known for known in (scope.bound, scope.keys, self.names.parameters, self.names.defines)) or (
            scope.state and name in self.names.variables
        )

    def _product(self, e: Apply, scope: Scope) -> Term:
        terms = self._numbers(e.args, scope)
        types = {t.type for t in terms}
        if types == {TIME}:
            self.names.fail(e.at, "a time cannot be multiplied by a time")
        if all(t.uses("var", "key", "now", "entry", "bound") for t in terms):
            self.names.fail(e.at, "one factor has to be a number or a parameter", "proofs stay in linear arithmetic")
        return Term("*", TIME if TIME in types else INT, args=terms, source=e)

    def _quotient(self, e: Apply, scope: Scope) -> Term:
        dividend, divisor = e.args
        (term,) = self._numbers((dividend,), scope)
        if not isinstance(divisor, Literal) or divisor.kind != "int" or not divisor.value:
            hint = "a whole number above 0: proofs stay in linear arithmetic"
            self.names.fail(divisor.at, f"{_show(divisor)} is nothing to divide by", hint)
        return Term("/", term.type, value=divisor.value, args=(term,), source=e)

    def _numbers(self, args: tuple[Expression, ...], scope: Scope) -> tuple[Term, ...]:
        """Return the terms of expressions that are numbers or times, as arithmetic needs them. Raises SpecError."""
        terms = tuple(self._infer(a, scope, None) for a in args)
        for a, t in zip(args, terms, strict=True):
            if t.type not in (INT, TIME):
                self.names.fail(a.at, f"{_show(a)} is of type {t.type.name}, not a number or a time")
        return terms

    def definition(self, name: str) -> Term | None:
        """Return a definition as a term; None for one that needs an event, which is written out where it is used."""
        self.names.item = self.names.defines[name]
        assert isinstance(self.names.item.declaration, s.DefineDecl)
        depth, self._is_told = self.depth, False
        used, read = self.names.used.copy(), self.names.read.copy()
        try:
            return self._infer(self.names.item.declaration.value, Scope({}, expanding=(name,)), None)
        except SpecError:
            if self.terms > MAX_TERMS:
                raise
            return None
        finally:
            # Looking at a definition is no use of what it names: that is counted where it is written out.
            self.names.used, self.names.read, self.depth, self._is_told = used, read, depth, True


def shown(text: str) -> str:
    """Return a text as a message shows it: at most 80 characters."""
    return text if len(text) <= 80 else text[:79] + "…"


def _show(e: Expression) -> str:
    return shown(show_expression(e))
