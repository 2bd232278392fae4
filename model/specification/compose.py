"""A system → one specification, in which its parties act together: all else reads that as any other.

Names of what a party has begin with the party's: `gateway/endpoint`, and of rules and assumptions `gateway.V1`. What is
on its way between parties is ghost state, and what the network hands on is an assumption about what arrives.

Of each channel the network itself hands on the newest message, as it was sent and once. What the attacker of a property
has the power to do besides is written in for it alone, so that every property is about an attacker of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from mipcheck.model.specification.claimed import Property
from mipcheck.model.specification.delivery import OnWay, arrivals, taken
from mipcheck.model.specification.playing import renamed
from mipcheck.model.specification.spec import Spec
from mipcheck.model.values.late import Late

_T = TypeVar("_T")


def owners(spec: Spec) -> Mapping[str, Spec]:
    """Return, by the name of each property, the specification that it is judged in: of a role, or a composed one.

    Those are made when they are asked for.
    """
    makers: dict[str, Callable[[], Spec]] = {n: partial(_itself, m) for m in spec.machines() for n in m.properties}
    for system, own in spec.systems.items():
        makers |= {n: partial(compose, spec, system, p) for n, p in own.properties.items()}
    return Late(makers)


def _itself(spec: Spec) -> Spec:
    return spec


def called(owner: Spec, names: Iterable[str]) -> list[str]:
    """Return the rules and assumptions of an owner that are called so: of a composed one by each party's name or
    without."""
    wanted = set(names)
    known = (*owner.rules, *owner.assumptions)
    return [n for n in known if n in wanted or (owner.parties and n.partition(".")[2] in wanted)]


def compose(spec: Spec, system: str, property_: Property) -> Spec:
    """Return the specification of a system in which one of its properties is judged: with the attacker that this is
    against. Raises KeyError for an unknown system."""
    own = spec.systems[system]
    machines = [renamed(spec.for_role(p.role), p) for p in own.parties.values()]
    asked = property_.terms(), *(a.terms() for a in own.assumptions.values()), *(u.terms() for u in own.updates)
    read = {n for terms in asked for t in terms for n in t.reads()}
    updates = (*(u for m in machines for u in m.updates), *own.updates)
    on_way = [OnWay(c, property_.against, c.name in read) for c in own.channels.values()]
    return replace(
        own,
        parameters=spec.parameters,
        events=_joined([*(m.events for m in machines), own.events]),
        variables=_joined([*(m.variables for m in machines), own.variables, *(w.variables for w in on_way)]),
        tables=_joined([*(m.tables for m in machines), own.tables, *(w.tables for w in on_way)]),
        # Sending comes last: what passes a message on by the channel that brought it has sent it.
        updates=(*updates, *taken(on_way, updates), *(u for w in on_way for u in w.sending())),
        assumptions=_joined([*(m.assumptions for m in machines), own.assumptions, {a.id: a for a in arrivals(on_way)}]),
        rules=_joined([m.rules for m in machines]),
        properties={property_.name: property_},
        arrived=_joined([w.newest_arrived for w in on_way]),
        systems={},
    )  # fmt: skip


def _joined(parts: Sequence[Mapping[str, _T]]) -> dict[str, _T]:
    return {name: each for part in parts for name, each in part.items()}
