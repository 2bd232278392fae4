"""Two specifications over one table of events: what either knows of what happens, and what it calls it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from mipcheck.model.prover.setting import Setting, example_site
from mipcheck.model.specification.spec import Configure, EventType, Key, Rule, Spec
from mipcheck.model.specification.term import TRUE, EventPattern, Term, conjunction
from mipcheck.model.values.types import BOOL, Type

NONE: Final[Mapping[str, int]] = MappingProxyType({})
OTHER: Final = "~"
"""Ends the name of an event of the second specification that is another one than the first one's of that name."""


def clashing(left: Spec, right: Spec) -> frozenset[str]:
    """Return the events that both have with a key of one type here and another there: they are not the same event.

    Where one has more words than the other, it is: who does not know a word does not know of that event alone.
    """
    return frozenset(
        name
        for name, event in left.events.items()
        if name in right.events
        and any(k.name in event.by_name and _wider(event.by_name[k.name].type, k.type) is None
                for k in right.events[name].keys)
    )  # fmt: skip


def _wider(one: Type, other: Type) -> Type | None:
    """Return that of two types whose values are all of the other's, too, by the same numbers; None if neither is."""
    if one == other:
        return one
    small, large = sorted((one, other), key=lambda t: len(t.members))
    if one.is_enum and other.is_enum and large.members[: len(small.members)] == small.members:
        return large
    if one.is_set and other.is_set and one.name == other.name and set(small.members) <= set(large.members):
        return large
    return None


def merged_events(left: Spec, right: Spec) -> dict[str, EventType]:
    """Return the events of both specifications, each with the keys of both."""
    clashes = clashing(left, right)
    events = dict(left.events)
    for name, event in right.events.items():
        if name in clashes:
            events[name + OTHER] = replace(event, name=name + OTHER)
        else:
            events[name] = _merged(events[name], event) if name in events else event
    return events


def _merged(left: EventType, right: EventType) -> EventType:
    """Return an event with the keys of both; those of one alone are optional, because the other does not tell them."""
    both = {k.name for k in left.keys} & {k.name for k in right.keys}
    keys = {k.name: k for k in (*right.keys, *left.keys)}

    def shared(k: Key) -> Key:
        wider = _wider(k.type, right.by_name[k.name].type) if k.name in both else k.type
        return replace(k, type=wider or k.type, optional=k.optional or k.name not in both)

    return replace(left, keys=tuple(map(shared, keys.values())), seen=left.seen | right.seen)


def known(spec: Spec, events: Mapping[str, EventType], renamed: frozenset[str] = frozenset()) -> dict[str, Term]:
    """Return of merged `events` those of which a specification knows, each with when it knows all words of it; those
    `renamed` it calls by another name."""
    found = {}
    for name, event in spec.events.items():
        merged = name + OTHER if name in renamed else name
        parts = []
        for k in events[merged].keys:
            own = event.by_name.get(k.name)
            words = () if own is None or own.type == k.type else k.type.members
            parts += [_other_than(k, n) for n, w in enumerate(words) if own is not None and w not in own.type.members]
        found[merged] = conjunction(tuple(parts))
    return found


def _other_than(key: Key, n: int) -> Term:
    """Return that a key does not say, or have, the n-th word of its type."""
    value = Term("key", key.type, key.name)
    if key.type.is_set:
        return Term("not", BOOL, args=(Term("has", BOOL, key.type.members[n], n, (value,)),))
    return Term("!=", BOOL, args=(value, Term("const", key.type, value=n)))


def _speaking(spec: Spec, clashes: frozenset[str], knows: Mapping[str, Term]) -> Spec:
    """Return a specification that speaks of events only as it `knows` them, and of its own where the first one's of
    that name are others."""
    if not clashes and all(t == TRUE for t in knows.values()):
        return spec

    def own(patterns: tuple[EventPattern, ...]) -> tuple[EventPattern, ...]:
        return tuple(map(said, patterns))

    def said(p: EventPattern) -> EventPattern:
        event = p.event + OTHER if p.event in clashes else p.event
        if knows[event] == TRUE:
            return replace(p, event=event)
        return replace(p, event=event, condition=conjunction((knows[event], p.condition)))

    def of_rule(rule: Rule) -> Rule:
        body = rule.body
        return rule if isinstance(body, Configure) else replace(rule, body=replace(body, patterns=own(body.patterns)))

    return replace(
        spec,
        updates=tuple(replace(u, patterns=own(u.patterns)) for u in spec.updates),
        assumptions={n: replace(a, patterns=own(a.patterns)) for n, a in spec.assumptions.items()},
        rules={n: of_rule(r) for n, r in spec.rules.items()},
        properties={},
    )


def merged(left: Setting, right: Setting, addresses: Mapping[str, int] = NONE) -> tuple[Setting, Setting]:
    """Return the settings with the events of both and one site, which has the `addresses` given."""
    events = merged_events(left.spec, right.spec)
    sites = tuple(dict.fromkeys((*left.spec.sites, *right.spec.sites)))
    site = {**example_site(replace(left.spec, sites=sites)), **addresses}
    nothing = frozenset[str]()
    sides = []
    for s, clashes in ((left, nothing), (right, clashing(left.spec, right.spec))):
        own = _speaking(s.spec, clashes, known(s.spec, events, clashes))
        rules = {n: own.rules[n] for n in s.rules}
        sides.append(replace(s, spec=replace(own, events=events), site=site, rules=rules))
    return sides[0], sides[1]
