"""That no event of a choice is permitted and meets an obligation is what is said of each of them, put together."""

from __future__ import annotations

import pytest
import z3
from mipcheck.model.prover.logic import conj, neg
from mipcheck.model.prover.runs import Run, cone, roots_of_rules
from mipcheck.model.prover.setting import setting_of
from mipcheck.model.prover.tried import events_that_meet, none_of
from mipcheck.model.specification.load import loads
from mipcheck.model.specification.spec import Require

TEXT = """
spec tried "what is due is sent in one of several ways"
param t_slack: time = 1 s
enum way { direct, tunnel, relay }
set flags { D, R }
site a, b
event ask(n: int, id: id) by network seen log
event send(way: way, flags: flags, n: int, src: address, id: id, urgent: bool) by node seen log
event call(way: way) by node seen log
node { asked: bool = false  at: time  number: int = 0  last: id = 0 }
on ask { asked := true; at := now; number := n; last := id }
rule A MUST cite 1 "answers" require send(way != relay), call within 5 s of at while asked
rule B MUST cite 2 "the number that was asked for" allow send only if n = number or urgent
rule C MUST cite 3 "another identification" allow send(way = direct) only if id != last
rule E MUST cite 4 "one flag in a tunnel" allow send(way = tunnel) only if D in flags and not (R in flags)
rule F MUST cite 5 "from an address of its own" allow send only if src = site.a or src = site.b
rule G MUST cite 6 "calls go by a relay" allow call only if way = relay
"""


@pytest.mark.parametrize("plain", [False, True])
def test_what_is_worked_out_once_is_what_is_said_of_each(plain: bool) -> None:
    setting = setting_of(loads(TEXT)).followed()
    owed = next(r for r in setting.musts if isinstance(r.body, Require))
    permissions = setting.permissions(["send", "call"])
    run = Run(setting, [owed, *permissions], cone(setting.spec, roots_of_rules([owed, *permissions]), False), True)
    w = run.world.in_values() if plain else run.world
    tried, _ = events_that_meet(owed, permissions, w, run.state, run.then)
    ids = [r.id for r in permissions]
    state, now = run.state, run.then
    each = [
        neg(conj([w.matches(owed.body.patterns, state, a, keys, now), w.permitted(state, a, keys, now, ids)]))
        for a, keys, _ in tried
    ]
    found = none_of(w, state, now, tried, permissions)
    assert len(found) < len(tried) or not plain
    solver = z3.Solver()
    solver.add(conj(found) != conj(each))
    assert solver.check() == z3.unsat
