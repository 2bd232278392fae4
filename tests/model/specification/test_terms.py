"""The parts of a specification tell all of their expressions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from mipcheck.model.specification.claimed import Assumption, Property
from mipcheck.model.specification.load import bundled, load
from mipcheck.model.specification.spec import Configure, Require, Spec, Update
from mipcheck.model.specification.term import Term

MACHINES = [machine for name in bundled() for machine in load(name).machines()]


def _within(thing: object) -> Iterator[int]:
    """Yield the outermost terms that stand anywhere in a part of a specification, by identity."""
    if isinstance(thing, Term):
        yield id(thing)
    elif isinstance(thing, tuple):
        for inner in thing:
            yield from _within(inner)
    elif is_dataclass(thing):
        for field in fields(thing):
            yield from _within(getattr(thing, field.name))


@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: f"{m.name}-{m.role}")
def test_terms_are_all_that_there_are(machine: Spec) -> None:
    parts: list[Update | Assumption | Property] = [
        *machine.updates,
        *machine.assumptions.values(),
        *machine.properties.values(),
    ]
    for part in parts:
        assert sorted(map(id, part.terms())) == sorted(_within(part))
    for rule in machine.rules.values():
        assert sorted(map(id, rule.terms())) == sorted(_within(rule.body))
    ours: list[Any] = [*machine.updates, *(r.body for r in machine.rules.values())]
    ours += [machine.pause] if machine.pause is not None else []
    assert sorted(map(id, machine.terms())) == sorted(t for part in ours for t in _within(part))


def test_every_kind_of_rule_was_looked_at() -> None:
    kinds = {type(r.body) for machine in MACHINES for r in machine.rules.values()}
    assert {Require, Configure} < kinds
    assert all(not r.body.patterns for m in MACHINES for r in m.rules.values() if isinstance(r.body, Configure))
