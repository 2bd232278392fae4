"""Tables in proofs: a specification with tables → one without, which follows the entries of some keys.

What a specification says of the entry of one key it says of every one, so a few keys are followed, which are any and
stay the same. There are two ways, one for each kind of answer:

- `followed` does more than the specification, for proofs. What is asked of an entry that is not followed may be
  anything, at each event anew. A property is judged only where the keys that it speaks of are followed; since these may
  be any, it then holds of all.
- `tracked` does less, for traces. No event speaks of an entry that is not followed: every trace is one of the
  specification.

What may be anything is a key of the event that no trace has (`Key.name` begins with HIDDEN).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Final

from mipcheck.model.prover.remembered import Itself
from mipcheck.model.prover.symbolic import HIDDEN
from mipcheck.model.specification.claimed import (
    Assumption,
    Claim,
    Independent,
    Invariant,
    Permitted,
    Property,
    Whenever,
)
from mipcheck.model.specification.spec import (
    Allow,
    Body,
    Change,
    Configure,
    EventType,
    Key,
    Rule,
    Spec,
    Table,
    Update,
    Variable,
)
from mipcheck.model.specification.term import TRUE, EventPattern, Term, TermKind, conjunction
from mipcheck.model.values.errors import MipcheckError
from mipcheck.model.values.types import BOOL, Type

MOST: Final = 4
"""Keys of one table that are followed for a proof, at most."""


class TooManyEntries(MipcheckError):
    """A property that speaks of more entries of a table than are followed."""


EntryPlace = tuple[str, tuple[Term, ...]]
"""A table and the key of an entry."""


def _all(*terms: Term) -> Term:
    return conjunction(tuple(t for t in terms if t != TRUE))


def _any(terms: list[Term]) -> Term:
    return terms[0] if len(terms) == 1 else Term("or", BOOL, args=tuple(terms))


def _implied(condition: Term, then: Term) -> Term:
    return Term("implies", BOOL, args=(condition, then))


def _equal(left: Iterable[Term], right: Iterable[Term]) -> Term:
    return _all(*(Term("=", BOOL, args=pair) for pair in zip(left, right, strict=True)))


def _either(condition: Term, then: Term, otherwise: Term) -> Term:
    """Return one term where the condition holds, and else the other."""
    return then if then == otherwise else Term("if", then.type, args=(condition, then, otherwise))


def _substituted(t: Term, bound: Mapping[str, Term]) -> Term:
    """Return a term in which the parts of keys that a quantifier binds stand for others."""
    if t.kind == "bound" and t.name in bound:
        return bound[t.name]
    args = tuple(_substituted(a, bound) for a in t.args)
    return t if args == t.args else replace(t, args=args)


def _said(t: Term) -> str:
    """Return a name for a term that only terms alike have, in whatever specification."""
    inner = ",".join(_said(a) for a in t.args)
    return f"{t.kind}:{t.name}:{t.value}" + (f"({inner})" if inner else "")


@dataclass
class _Asked:
    """The entries that have to be followed so that terms can be told, each with when."""

    places: dict[EntryPlace, Term] = field(default_factory=dict)

    def add(self, place: EntryPlace, when: Term) -> None:
        """Note that an entry has to be followed if a condition holds."""
        before = self.places.get(place)
        self.places[place] = when if before is None else TRUE if TRUE in (before, when) else _any([before, when])


class Reduction:
    """Follows so many keys of each table (`counts`, by name). With `hides`, what others have is hidden in events.

    With `rules`, a property is judged where those entries are followed, too, of which rules on its events speak: they
    help in its proof.
    """

    def __init__(self, spec: Spec, counts: Mapping[str, int], hides: bool, rules: bool = False) -> None:
        self._spec, self._counts, self._hides, self._rules = spec, counts, hides, rules
        self._hidden: dict[str, Key] = {}
        self._claims: dict[Itself[Property], tuple[Claim, _Asked]] = {}
        self._by_itself: dict[Itself[Rule], Rule] = {}

    # --- the whole ------------------------------------------------------------------------------------------------

    @cached_property
    def spec(self) -> Spec:
        """The specification without tables."""
        spec = self._spec
        asked: dict[str, _Asked] = {name: _Asked() for name in spec.events}
        updates = tuple(new for u in spec.updates for new in self._updates(u, asked))
        rules = {n: self._rule(r, asked) for n, r in spec.rules.items()}
        assumptions = {n: self._assumption(a, asked) for n, a in spec.assumptions.items()}
        properties = {} if self._hides else {n: self.of_property(p) for n, p in spec.properties.items()}
        assumptions |= {
            f"only what is tracked on {event}": Assumption(
                f"only what is tracked on {event}", (), "", (EventPattern(event, TRUE),), self._followed(of.places)
            )
            for event, of in asked.items()
            if of.places and not self._hides
        }
        variables = {v.name: v for v in (*spec.variables.values(), *self._variables())}
        return replace(
            spec, updates=updates, rules=rules, assumptions=assumptions, properties=properties, variables=variables,
            events=self.events(), tables={},
        )  # fmt: skip

    def events(self) -> dict[str, EventType]:
        """Return all events, each with what is hidden of any."""
        hidden = tuple(self._hidden.values())
        return {n: replace(e, keys=(*e.keys, *hidden)) for n, e in self._spec.events.items()}

    def of_property(self, p: Property) -> Property:
        """Return a property that is judged where the entries are followed that it speaks of."""
        claim, _ = self._claim(p)
        return replace(p, claim=claim)

    def judges(self, event: str) -> Term:
        """Return that the entries are followed of which rules on events of a kind speak."""
        asked = _Asked()
        self._ask_rules(event, asked)
        return self._followed(asked.places)

    def wants(self, p: Property) -> Mapping[str, int]:
        """Return how many keys of each table have to be followed so that a property is judged wherever it speaks."""
        _, asked = self._claim(p)
        each = [t.name for term in p.terms() for t in term.walk() if t.kind in ("some_entry", "every_entry")]
        return Counter([*(name for name, _ in asked.places), *each])

    def _claim(self, p: Property) -> tuple[Claim, _Asked]:
        if Itself(p) not in self._claims:
            self._claims[Itself(p)] = self._claimed(p)
        return self._claims[Itself(p)]

    def _claimed(self, p: Property) -> tuple[Claim, _Asked]:
        asked = _Asked()
        # What it says of a system depends on what arrived last, if on any message: that has to be followed as well.
        for name, (arrived, *keys) in self._spec.arrived.items():
            asked.add((name, tuple(keys)), arrived)
        claim = p.claim
        match claim:
            case Invariant(condition):
                claim = Invariant(self._judged(self._told(condition, asked), asked))
            case Whenever(patterns, condition):
                of_it = self._judged(self._told(condition, asked), asked)
                claim = Whenever(self._where_followed(patterns, asked, self._rules), of_it)
            case Permitted(patterns):
                claim = Permitted(self._where_followed(patterns, asked, True))
            case Independent(variables, patterns):
                claim = Independent(variables, self._where_followed(patterns, asked, True))
        return claim, asked

    def _where_followed(
        self, patterns: tuple[EventPattern, ...], asked: _Asked, rules: bool
    ) -> tuple[EventPattern, ...]:
        """Return patterns of events where the entries are followed of which they speak, and `rules` on their events."""
        result = []
        for q in patterns:
            own = _Asked()
            condition = self._told(q.condition, own)
            self._ask_arrivals(q.event, own)
            if rules:
                self._ask_rules(q.event, own)
            result.append(replace(q, condition=_all(condition, self._followed(own.places))))
            for place, when in own.places.items():
                asked.add(place, when)
        return tuple(result)

    def _ask_rules(self, event: str, asked: _Asked) -> None:
        """Note the entries of which rules on events of a kind speak."""
        for rule in self._spec.rules.values():
            if isinstance(rule.body, Allow) and any(q.event == event for q in rule.body.patterns):
                others = {q.condition for q in rule.body.patterns if q.event != event}
                for term in rule.body.terms():
                    if term not in others:
                        self._told(term, asked)

    def _ask_arrivals(self, event: str, asked: _Asked) -> None:
        """Note the entry of the message that arrives, in a system."""
        for a in self._spec.assumptions.values():
            if self._spec.arrived and any(q.event == event for q in a.patterns):
                self._told(a.condition, asked)

    def _judged(self, condition: Term, asked: _Asked) -> Term:
        followed = self._followed(asked.places)
        return condition if followed == TRUE else _implied(followed, condition)

    def _followed(self, places: Mapping[EntryPlace, Term]) -> Term:
        """Return that the entries are among those that are followed."""
        parts = []
        for (name, keys), when in places.items():
            own = _any([_equal(keys, self._key(self._spec.tables[name], n)) for n in range(self._counts[name])])
            parts.append(own if when == TRUE else _implied(when, own))
        return _all(*parts)

    # --- state ----------------------------------------------------------------------------------------------------

    def _variables(self) -> Iterator[Variable]:
        """Yield the state of the entries that are followed, and their keys, which may be any."""
        for table in self._spec.tables.values():
            for n in range(self._counts[table.name]):
                for part, type_ in table.keys:
                    yield Variable(_part(table, n, part), type_, "node", table.ghost, None)
                for column, v in table.columns.items():
                    yield replace(v, name=_column(column, n), scope="node")

    def _key(self, table: Table, n: int) -> tuple[Term, ...]:
        """Return the key that is followed as number n."""
        return tuple(Term("var", type_, _part(table, n, part)) for part, type_ in table.keys)

    @property
    def keys(self) -> tuple[Variable, ...]:
        """The state that says which entries are followed, which may be any."""
        return tuple(v for v in self._variables() if "#" in v.name)

    # --- terms ----------------------------------------------------------------------------------------------------

    def _told(self, t: Term, asked: _Asked) -> Term:
        """Return a term that looks into no table, and hides nothing; `asked` notes what has to be followed."""
        return self._term(t, asked, False)

    def _term(self, t: Term, asked: _Asked, hides: bool) -> Term:
        match t.kind:
            case "entry":
                return self._entry(t, asked, hides)
            case "some_entry" | "every_entry":
                return self._quantified(t, asked, hides)
        args = tuple(self._term(a, asked, hides) for a in t.args)
        return t if args == t.args else replace(t, args=args)

    def _entry(self, t: Term, asked: _Asked, hides: bool) -> Term:
        """Return a column of the entry that has a key: of which of those that are followed, or of a hidden one."""
        table = self._spec.tables[t.name.partition(".")[0]]
        keys = tuple(self._term(a, asked, hides) for a in t.args)
        count = self._counts[table.name]
        asked.add((table.name, keys), TRUE)
        result = self._of_hidden(table, t.name, keys) if hides else self._of(table, t.name, count - 1)
        for n in reversed(range(count if hides else count - 1)):
            result = _either(_equal(keys, self._key(table, n)), self._of(table, t.name, n), result)
        return replace(result, source=t.source)

    def _of(self, table: Table, column: str, n: int) -> Term:
        """Return a column of an entry that is followed; one that has lapsed is as one that is not there."""

        def var(name: str) -> Term:
            return Term("var", table.columns[name].type, _column(name, n))

        if not table.lapses:
            return var(column)
        alive = Term("<=", BOOL, args=(Term("now", table.columns[table.lapses].type), var(table.lapses)))
        if column == table.name:
            return _all(var(column), alive)
        initial = table.columns[column].initial
        return var(column) if initial is None else _either(_all(var(table.name), alive), var(column), initial)

    def _of_hidden(self, table: Table, column: str, keys: tuple[Term, ...]) -> Term:
        """Return a column of an entry that is not followed: of one that is not there, what such an entry has."""
        where = ",".join(map(_said, keys))
        there, initial = self._hide(f"{table.name}@{where}", BOOL), table.columns[column].initial
        if column == table.name:
            return there
        value = self._hide(f"{column}@{where}", table.columns[column].type)
        return value if initial is None else _either(there, value, initial)

    def _hide(self, name: str, type_: Type) -> Term:
        key = self._hidden.setdefault(HIDDEN + name, Key(HIDDEN + name, type_))
        return Term("key", key.type, key.name)

    def _quantified(self, t: Term, asked: _Asked, hides: bool) -> Term:
        """Return that some or each entry that is followed is so; of those that are not, some may be or not be."""
        table, (body, *parts) = self._spec.tables[t.name], t.args
        each = []
        for n in range(self._counts[table.name]):
            key = self._key(table, n)
            said = _substituted(body, {p.name: k for p, k in zip(parts, key, strict=True)})
            inner = self._term(self._known(said, table, n), asked, hides)
            kind: TermKind = "and" if t.kind == "some_entry" else "implies"
            each.append(Term(kind, BOOL, args=(self._of(table, table.name, n), inner)))
        if hides:
            each.append(self._hide(_said(t), BOOL))
        return replace(_any(each) if t.kind == "some_entry" else _all(*each), source=t.source)

    def _known(self, t: Term, table: Table, n: int) -> Term:
        """Return a term in which columns of an entry that is followed stand for themselves: they need no asking."""
        if t.kind == "entry" and t.name.partition(".")[0] == table.name and t.args == self._key(table, n):
            return self._of(table, t.name, n)
        args = tuple(self._known(a, table, n) for a in t.args)
        return t if args == t.args else replace(t, args=args)

    # --- declarations ---------------------------------------------------------------------------------------------

    def _for(self, patterns: tuple[EventPattern, ...], asked: Mapping[str, _Asked]) -> Callable[[Term], Term]:
        """Return what makes terms of such events look into no table; what they ask is noted for each of the events."""

        def made(t: Term) -> Term:
            own = _Asked()
            result = self._term(t, own, self._hides)
            for p in patterns if asked else ():
                for place, when in own.places.items():
                    asked[p.event].add(place, when)
            return result

        return made

    def _where(self, patterns: tuple[EventPattern, ...], asked: Mapping[str, _Asked]) -> Callable[[Term], Term]:
        """Return what does the same for terms that are worked out where the event matches, and only then."""

        def made(t: Term) -> Term:
            own = _Asked()
            result = self._term(t, own, self._hides)
            self._note(patterns, own.places, asked)
            return result

        return made

    def _note(
        self, patterns: tuple[EventPattern, ...], places: Iterable[EntryPlace], asked: Mapping[str, _Asked]
    ) -> None:
        """Note entries that have to be followed where one of these patterns matches; their conditions are reduced."""
        for p in patterns if asked else ():
            for place in places:
                asked[p.event].add(place, p.condition)

    def _patterns(self, patterns: tuple[EventPattern, ...], asked: Mapping[str, _Asked]) -> tuple[EventPattern, ...]:
        return tuple(replace(p, condition=self._for((p,), asked)(p.condition)) for p in patterns)

    def _updates(self, u: Update, asked: Mapping[str, _Asked]) -> Iterator[Update]:
        """Yield what an update does to variables, then to each entry that is followed."""
        patterns = self._patterns(u.patterns, asked)
        term = self._where(patterns, asked)
        if u.assignments:
            yield Update(patterns, tuple((n, term(v)) for n, v in u.assignments))
        for c in u.changes:
            table = self._spec.tables[c.table]
            keys = tuple(map(term, c.keys))
            self._note(patterns, [(table.name, keys)] if keys else [], asked)
            values = {n: term(v) for n, v in _values(c, table)}
            if self._hides and c.kind in ("remove", "clear"):  # an entry that is gone has no time any more
                values |= {n: self._hide(f"{n}@nothing", v.type) for n, v in table.columns.items() if n not in values}
            for n in range(self._counts[table.name]):
                here = [_equal(keys, self._key(table, n))] if keys else []
                here += [self._of(table, table.name, n)] if c.kind == "field" else []
                assigned = tuple((_column(name, n), value) for name, value in values.items())
                yield Update(tuple(replace(p, condition=_all(p.condition, *here)) for p in patterns), assigned)

    def _assumption(self, a: Assumption, asked: Mapping[str, _Asked]) -> Assumption:
        term = self._for(a.patterns, asked)
        return replace(a, patterns=self._patterns(a.patterns, asked), condition=term(a.condition))

    def rule(self, rule: Rule) -> Rule:
        """Return a rule whose conditions look into no table."""
        if Itself(rule) not in self._by_itself:
            self._by_itself[Itself(rule)] = self._rule(rule, {})
        return self._by_itself[Itself(rule)]

    def _rule(self, rule: Rule, asked: Mapping[str, _Asked]) -> Rule:
        body: Body = rule.body
        if isinstance(body, Configure):
            return rule
        term = self._for(body.patterns, asked)
        body = replace(body, patterns=self._patterns(body.patterns, asked))
        if isinstance(body, Allow):
            doubt = None if body.unclear is None else term(body.unclear)
            body = replace(body, condition=term(body.condition), unclear=doubt)
        return replace(rule, body=body)


def _values(c: Change, table: Table) -> Iterator[tuple[str, Term]]:
    """Yield what a change gives the columns of an entry: to one without an initial value, nothing of itself."""
    given = dict(c.values)
    for name, column in table.columns.items():
        value = given.get(name) if c.kind == "field" else given.get(name, column.initial)
        if value is not None:
            yield name, value


def _part(table: Table, n: int, part: str) -> str:
    return f"{table.name}[{n}]#{part}"


def _column(column: str, n: int) -> str:
    name, _, field_ = column.partition(".")
    return f"{name}[{n}].{field_}" if field_ else f"{name}[{n}]"


# --- the two ways -----------------------------------------------------------------------------------------------------


def tracked(spec: Spec, count: int) -> Reduction:
    """Return a reduction for traces, which speak of that many entries of each table, or fewer if it holds fewer."""
    return _reduction(Itself(spec), tuple((t.name, min(count, t.limit)) for t in spec.tables.values()), False, False)


@lru_cache(maxsize=32)
def _reduction(spec: Itself[Spec], counts: tuple[tuple[str, int], ...], hides: bool, rules: bool) -> Reduction:
    """Return a reduction, which properties of one role have in common: so have all terms that are made of theirs."""
    return Reduction(spec.what, dict(counts), hides, rules)


def followed(spec: Spec, p: Property | None = None) -> Reduction:
    """Return a reduction for the proof of a property; or of what speaks of events alone.

    Raises TooManyEntries if the property speaks of more than can be followed.
    """
    once = dict.fromkeys(spec.tables, 1)
    if p is None:
        return _reduction(Itself(spec), tuple(once.items()), True, True)
    for rules in (True, False):
        counts = once
        while max(counts.values()) <= MOST:
            reduction = _reduction(Itself(spec), tuple(counts.items()), True, rules)
            wanted = reduction.wants(p)
            more = {name: max(count, wanted[name]) for name, count in counts.items()}
            if more == counts:
                return reduction
            counts = more
    raise TooManyEntries(f"it speaks of more than {MOST} entries of a table at once")
