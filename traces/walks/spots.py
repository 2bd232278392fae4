"""Where a mutant is other than the original: in which term, and what has to hold around it so that this matters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mipcheck.model.specification.spec import Configure, Require, Spec
from mipcheck.model.specification.term import EventPattern, Term


@dataclass(frozen=True, slots=True)
class Spot:
    """One place that was changed: an event that matches the `pattern` comes to it (None: no event is needed).

    `wants` are conditions and whether they have to hold, `at` the terms there, and `reads` the variables of all that.
    """

    pattern: EventPattern | None
    wants: tuple[tuple[Term, bool], ...]
    at: tuple[Term, ...]
    reads: frozenset[str] = field(default=frozenset())


def spots(old: Spec, new: Spec) -> list[Spot]:
    """Return the places in which the specifications of one role differ."""
    found = [*_in_updates(old, new), *_in_rules(old, new)]
    return [_reading(s) for s in found]


def _reading(s: Spot) -> Spot:
    terms = [*(t for t, _ in s.wants), *s.at, *([s.pattern.condition] if s.pattern else [])]
    return Spot(s.pattern, s.wants, s.at, frozenset(n for t in terms for n in t.reads()))


def _in_updates(old: Spec, new: Spec) -> Iterator[Spot]:
    if len(old.updates) != len(new.updates):
        for u in old.updates:
            if u not in new.updates:
                yield from (Spot(p, (), ()) for p in u.patterns)
        return
    for a, b in zip(old.updates, new.updates, strict=True):
        if a == b:
            continue
        if a.patterns != b.patterns:
            yield from _in_patterns(a.patterns, b.patterns)
            continue
        others = [(x, y) for x, y in zip(a.terms(), b.terms(), strict=False) if x != y]
        for p in a.patterns:
            for x, y in others or [(p.condition, p.condition)]:
                wants, at = around(x, y)
                yield Spot(p, wants, at)


def _in_rules(old: Spec, new: Spec) -> Iterator[Spot]:
    for name, rule in old.rules.items():
        body, other = rule.body, new.rules[name].body if name in new.rules else None
        if body == other or isinstance(body, Configure):
            continue
        if other is None or isinstance(other, Configure):
            yield from (Spot(p, (), ()) for p in body.patterns)
            continue
        pairs = [(body.condition, other.condition)]
        pairs += [(a, b) for a, b in [(getattr(body, "unclear", None), getattr(other, "unclear", None))] if a and b]
        patterns = [None] if isinstance(body, Require) else body.patterns
        for x, y in pairs:
            if x != y:
                wants, at = around(x, y)
                yield from (Spot(p, wants, at) for p in patterns)
        if body.patterns != other.patterns:
            yield from _in_patterns(body.patterns, other.patterns)
        elif all(x == y for x, y in pairs):  # the time limit, what is unclear, or what shows that it is kept
            yield from (Spot(p, (), ()) for p in (*body.patterns, *getattr(body, "kept", ())))


def _in_patterns(old: tuple[EventPattern, ...], new: tuple[EventPattern, ...]) -> Iterator[Spot]:
    if len(old) != len(new):
        yield from (Spot(p, (), ()) for p in old if p not in new)
        return
    for p, q in zip(old, new, strict=True):
        if p != q:
            wants, at = around(p.condition, q.condition)
            yield Spot(EventPattern(p.event, Term("const", p.condition.type, value=1)), wants, at)


def around(old: Term, new: Term) -> tuple[tuple[tuple[Term, bool], ...], tuple[Term, ...]]:
    """Return what has to hold, or not to hold, so that it matters in what two terms differ; and the terms that do."""
    wants: list[tuple[Term, bool]] = []
    while True:
        if old.kind in ("and", "or"):
            all_ = old.kind == "and"
            if old.kind == new.kind and len(old.args) == len(new.args):
                k = (
                    next(n for n, (a, b) in enumerate(zip(old.args, new.args, strict=True)) if a != b)
                    if old != new
                    else 0
                )
                wants += [(a, all_) for n, a in enumerate(old.args) if n != k]
                old, new = old.args[k], new.args[k]
                continue
            rest = new.args if new.kind == old.kind else (new,)
            gone = [a for a in old.args if a not in rest]
            if len(gone) == 1 and len(old.args) == len(rest) + 1:
                wants += [(a, all_) for a in rest] + [(gone[0], not all_)]
                return tuple(wants), ()
            return tuple(wants), (old,)
        if old.kind == "implies" and new.kind == "implies" and old != new:
            k = 0 if old.args[0] != new.args[0] else 1
            wants.append((old.args[1 - k], k == 1))
            old, new = old.args[k], new.args[k]
            continue
        if old.kind in ("def", "not", "seen") and old.kind == new.kind and old.args and old != new:
            old, new = old.args[0], new.args[0]
            continue
        return tuple(wants), (old,)
