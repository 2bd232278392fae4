"""Events that might meet an obligation: a choice of them, and what forbids all of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final

import z3
from mipcheck.model.prover.logic import conj, neg
from mipcheck.model.prover.spacer import Z
from mipcheck.model.prover.symbolic import HIDDEN, WHOLE_NODE, Action, Keys, SymbolicState, World
from mipcheck.model.specification.spec import Allow, Key, Require, Rule, Spec
from mipcheck.model.specification.term import Term
from mipcheck.model.values.types import ID, Type

_COUNT = itertools.count()
"""Sets what is hidden of an event apart from that of any other."""
_COMPARING: Final = ("=", "!=", "<", "<=", ">", ">=")
_MOST_MEMBERS: Final = 4
"""Members of a set of which all choices are tried."""
Tried = tuple[Action, Keys, Z]
"""An event, its keys, and that it meets the obligation."""


def events_that_meet(
    rule: Rule, permissions: Sequence[Rule], w: World, s: SymbolicState, now: Z, widely: bool = False
) -> tuple[list[Tried], Z]:
    """Return events to try, each with whether it meets an obligation; and that a new identification is new.

    Tried `widely` sets are not full or empty alone, where rules may want one member of them and not another.
    """
    assert isinstance(rule.body, Require)
    unused = z3.Int("unused")
    variables = w.spec.variables
    apart = [unused != z for (name, _), z in s.items() if name in variables and variables[name].type.name == "id"]
    apart += [unused != w.number(n) for n in sorted(_numbers(w, _terms([rule, *permissions]), ID))]
    patterns, found = rule.body.patterns, []
    for event in events_that_would(w.spec, rule):
        read = [p.condition for p in patterns if p.event == event]
        for a in w.meeting(rule.body, event):
            meets = _once(read, partial(w.matches, patterns, s, a, now=now))
            found += [(a, keys, meets(keys)) for keys in _choice(w, s, a, unused, [rule, *permissions], widely)]
    return found, z3.And(unused >= 0, *apart)


def none_of(w: World, s: SymbolicState, now: Z, tried: Iterable[Tried], permissions: Sequence[Rule]) -> list[Z]:
    """Return, as parts that all have to hold, that none of some events is permitted and meets the obligation.

    Of a thousand events most are told apart by keys that a rule does not read: of each rule is asked what those come to
    that it does.
    """
    asked: dict[Action, list[Callable[[Keys], Z]]] = {}
    parts: dict[tuple[int, ...], Z] = {}
    for a, keys, meets in tried:
        if meets is False:
            continue
        if a not in asked:
            concerned = [r for r in permissions if w.concerns(r.id, a)]
            asked[a] = [
                _once(_terms([r], a.event), partial(w.not_given, w.allows[r.id], s, a, now=now)) for r in concerned
            ]
        broken = []
        for rule in asked[a]:
            broken.append(rule(keys))
            if broken[-1] is True:
                break
        else:
            alike = tuple(map(id, (meets, *broken)))  # kept by those that have worked them out
            if alike not in parts:
                parts[alike] = neg(conj([meets, *map(neg, broken)]))
    return list(parts.values())


def _once(read: Iterable[Term], value: Callable[[Keys], Z]) -> Callable[[Keys], Z]:
    """Return a function of the keys of an event that is worked out once for all whose keys are the same objects, of
    those that are `read`."""
    names = sorted({n for t in read for n in t.names("key")})
    known: dict[tuple[int, ...], tuple[Keys, Z]] = {}

    def of(keys: Keys) -> Z:
        place = tuple([id(keys[n]) for n in names])
        if place not in known:
            known[place] = keys, value(keys)  # what is read is kept, so that its number stays its own
        return known[place][1]

    return of


def events_that_would(spec: Spec, rule: Rule) -> list[str]:
    """Return the node's events that meet an obligation."""
    assert isinstance(rule.body, Require)
    kinds = dict.fromkeys(q.event for q in rule.body.patterns)
    return [e for e in kinds if spec.events[e].sender == "node"]


def tells_members(spec: Spec, rule: Rule, permissions: Sequence[Rule]) -> bool:
    """Decide whether several members of a set are asked for, of an event that meets an obligation."""
    terms = _terms([rule, *permissions])
    keys = [(e, k.name) for e in events_that_would(spec, rule) for k in spec.events[e].keys if k.type.is_set]
    return any(len(_members(terms, key)) > 1 for _, key in keys)


def _members(terms: Iterable[Term], key: str) -> list[str]:
    """Return the members of a set for which conditions ask."""
    asked = {t.name for root in terms for t in root.walk() if t.kind == "has" and key in t.names("key")}
    return sorted(asked)[:_MOST_MEMBERS]


def _sets(w: World, type_: Type, asked: Sequence[str]) -> Iterator[dict[str, Z]]:
    """Yield sets that are full and empty, and that have just some of the members asked for."""
    some = [c for n in range(1, len(asked) + 1) for c in itertools.combinations(asked, n)]
    for chosen in (type_.members, (), *some):
        yield {m: w.truth(m in chosen) for m in type_.members}


def _choice(w: World, s: SymbolicState, a: Action, unused: Z, rules: Sequence[Rule], widely: bool) -> Iterator[Keys]:
    """Yield events to try: every value of an enumeration, some sets, a few numbers, a new identification.

    Keys that none of the rules looks at keep one value. Addresses are those that the rules name, and one more; numbers,
    times, identifications and addresses also those that the state holds, or that are written, where a rule compares
    them with it.
    """
    values: list[list[Any]] = []
    names, event = [], a.event
    terms = _terms(rules, event)
    used = {n for t in terms for n in t.names("key")}
    addresses = sorted({w.site[n] for t in terms for n in t.names("site")})
    beside = _compared(terms)
    for k in w.spec.events[event].keys:
        names.append(k.name)
        if k.name.startswith(HIDDEN):
            values.append([None])
        elif k.type.is_set:
            values.append(list(_sets(w, k.type, _members(terms, k.name) if widely else ())))
        elif k.type.is_enum:
            values.append([w.number(n) for n in range(len(k.type.members))])
        elif k.type.name == "bool":
            values.append([w.truth(True), w.truth(False)])
        else:
            usual = {"id": set(), "address": {1, *addresses}, "time": {0, 10**9, 60 * 10**9}}
            found = usual.get(k.type.name, {0, 1, 60}) | _written_beside(w, terms, k)
            values.append([*([unused] if k.type == ID else []), *(w.constant(k.type, n) for n in sorted(found))])
        same = [n for n in sorted(beside.get(k.name, ())) if w.spec.variables[n].type == k.type]
        values[-1] += [s[n, i] for n in same for i in (WHOLE_NODE, a.interface) if (n, i) in s]
        if k.name not in used:
            values[-1] = values[-1][:1]
    for combination in itertools.product(*values):
        # What is hidden is no choice: it may be anything, of each of these events.
        yield w.apart(event, dict(zip(names, combination, strict=True)), f"#{next(_COUNT)}")


def _terms(rules: Iterable[Rule], event: str = "") -> list[Term]:
    """Return the conditions of permissions and obligations; of their patterns those of an event, if one is named."""
    bodies = [r.body for r in rules if isinstance(r.body, Allow | Require)]
    return [t for b in bodies for t in (b.condition, *(p.condition for p in b.patterns if event in ("", p.event)))]


def _written_beside(w: World, terms: Iterable[Term], key: Key) -> set[int]:
    """Return the numbers, times, identifications or addresses that are written where a key is compared with something;
    of what has an order those next to them, too, for what is beyond."""
    comparisons = [t for root in terms for t in root.walk() if t.kind in _COMPARING and key.name in t.names("key")]
    found = _numbers(w, comparisons, key.type)
    step = {"int": 1, "time": 10**9}.get(key.type.name)
    return found if step is None else {m for n in found for m in (n - step, n, n + step) if m >= 0}


def _numbers(w: World, terms: Iterable[Term], type_: Type) -> set[int]:
    """Return what is written of a type, as itself or as a parameter."""
    leaves = [t for root in terms for t in root.walk() if t.type == type_ and t.kind in ("const", "param")]
    values = [t.value if t.kind == "const" else w.parameters[t.name] for t in leaves]
    return {value for value in values if isinstance(value, int)}


def _compared(terms: Iterable[Term]) -> dict[str, set[str]]:
    """Return by keys of an event the variables of the same type that something is said to be equal to beside them."""
    found: dict[str, set[str]] = {}
    for t in (t for root in terms for t in root.walk() if t.kind in ("=", "!=") and not t.args[0].type.is_enum):
        for name in t.names("key"):
            found.setdefault(name, set()).update(t.names("var"))
    return found
