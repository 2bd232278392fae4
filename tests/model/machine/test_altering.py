"""Events that cannot change state, told by their keys: whatever the state, a step leaves it as it was."""

from __future__ import annotations

import random
from functools import cache

import pytest
from mipcheck.model.machine.altering import chance
from mipcheck.model.machine.compile import Machine
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import load
from mipcheck.model.specification.term import FALSE, TRUE, Term
from mipcheck.model.values.types import BOOL

ROLES = ("mn", "iha", "xha", "vpn", "fa")
VALUES = (UNKNOWN, 0, 0, 1, 1, 2, 3, 10**9, 10**10)


@cache
def machine(role: str) -> Machine:
    spec = load("draft-01").for_role(role)
    return Machine(spec, configure(spec, {}), {})


def alters(played: Machine, kind: str, keys: list[int]) -> int:
    found: int = played._names["alters"](played.kinds.index(kind), keys, played.constants)
    return found


@pytest.mark.parametrize("role", ROLES)
def test_what_cannot_alter_state_leaves_it_as_it_was(role: str) -> None:
    played, draw = machine(role), random.Random(role)
    still = 0
    for kind in played.kinds:
        width = len(played.spec.events[kind].keys)
        for _ in range(200):
            keys = draw.choices(VALUES, k=width)
            if alters(played, kind, keys):
                continue
            still += 1
            own, other = (draw.choices(VALUES, k=played.interface_size) for _ in range(2))
            node = draw.choices(VALUES, k=played.node_size)
            own_writers, node_writers = [-1] * len(own), [-1] * len(node)
            before = list(own), list(other), list(node)
            played.steps[kind](10**10, 0, own, node, [own, other], keys, 7, own_writers, node_writers, [])
            assert (own, other, node) == before
            assert set(own_writers + node_writers) == {-1}
    assert still or role == "mn"


def test_requests_that_a_gateway_passes_on_alter_what_it_knows_and_data_does_not() -> None:
    played = machine("vpn")
    relay = played.spec.events["relay"]
    told = [k.name for k in relay.keys]

    def keys(**values: str) -> list[int]:
        found = [UNKNOWN] * len(told)
        for name, word in values.items():
            found[told.index(name)] = relay.by_name[name].type.members.index(word)
        return found

    assert alters(played, "relay", keys(what="rrq")) == 1
    assert alters(played, "relay", keys()) == 1
    assert alters(played, "relay", keys(what="data")) == 0


def test_what_state_decides_may_always_be() -> None:
    key, other, variable = Term("key", BOOL, "k"), Term("key", BOOL, "l"), Term("var", BOOL, "v")

    def source(term: Term) -> str:
        if term.kind == "const":
            return str(term.value)
        return term.name or f"{term.kind}_({source(term.args[0])})"

    def told(*terms: Term) -> str:
        return chance(terms, source)

    def both(*args: Term) -> Term:
        return Term("and", BOOL, args=args)

    assert told() == told(FALSE) == told(both(key, FALSE)) == "0"
    assert told(TRUE) == told(variable) == told(key, variable) == told(both(variable, TRUE)) == "1"
    assert told(Term("not", BOOL, args=(variable,))) == "1"
    assert told(both(key, variable)) == told(both(key, variable), key) == "k != 0"
    assert told(both(key, variable, Term("not", BOOL, args=(other,)))) == "(k != 0 and not_(l) != 0)"
    assert told(Term("def", BOOL, "d", args=(both(key, other),)), other) == "((k != 0 and l != 0) or l != 0)"
    assert told(Term("or", BOOL, args=(key, variable))) == "1"
