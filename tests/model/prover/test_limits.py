"""Limits on solvers do not depend on how busy the machine is, and what is likely is only a help."""

from __future__ import annotations

import threading
import time

import pytest
import z3
from mipcheck.model.prover import spacer as module
from mipcheck.model.prover.claims import system_of
from mipcheck.model.prover.limits import Alarm, Allowance, Budget, limited
from mipcheck.model.prover.setting import setting_of
from mipcheck.model.prover.spacer import Move, System, lasting, spacer
from mipcheck.model.specification.load import load


def hard(context: z3.Context) -> z3.Solver:
    """Return what takes a solver minutes: more pigeons than holes."""
    solver = z3.Solver(ctx=context)
    sits = [[z3.Bool(f"{pigeon}.{hole}", context) for hole in range(10)] for pigeon in range(11)]
    solver.add([z3.Or(row) for row in sits])
    solver.add([z3.Or(z3.Not(a[h]), z3.Not(b[h])) for h in range(10) for n, a in enumerate(sits) for b in sits[:n]])
    return solver


def work_done(solver: z3.Solver) -> int:
    return next(int(value) for name, value in solver.statistics() if name == "rlimit count")


@pytest.fixture
def no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the clock on the wall end nothing: where others have the processor, it comes before the work is done."""
    monkeypatch.setattr("mipcheck.model.prover.limits._PATIENCE", 1_000_000)


@pytest.mark.usefixtures("no_clock")
def test_a_plain_question_ends_after_as_much_work_each_time() -> None:
    done = []
    for _ in range(2):
        solver = limited(hard(z3.Context()), 0.02)
        assert solver.check() == z3.unknown
        done.append(work_done(solver))
    assert abs(done[0] - done[1]) < 0.1 * done[0]


@pytest.mark.slow
@pytest.mark.usefixtures("no_clock")
def test_questions_of_one_budget_take_no_more_than_it_together() -> None:
    budget, solver = Budget(0.1), hard(z3.Context())
    before = work_done(solver)
    assert budget.check(solver) == z3.unknown
    spent = work_done(solver) - before
    assert budget.check(solver) == z3.unknown
    assert work_done(solver) - before < 1.1 * spent


def test_time_in_which_others_have_the_processor_does_not_count() -> None:
    with Alarm(z3.Context(), 0.1) as alarm:
        time.sleep(0.3)
    assert alarm.reason("other") == "other"


def test_what_takes_too_long_is_interrupted_and_says_so() -> None:
    context = z3.Context()
    with Alarm(context, 0.1) as alarm:
        assert hard(context).check() == z3.unknown
    assert alarm.reason("canceled") == "0.1 s of the processor were not enough"
    assert threading.active_count() == 1 or not any(t is alarm._thread for t in threading.enumerate())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["draft-01", "rfc5265"])
def test_independence_takes_a_second_and_not_minutes(name: str) -> None:
    spec = load(name)
    p = spec.properties["interface_independence"]
    setting = setting_of(spec)
    events = {q.event for q in p.patterns}
    rules = [r for r in setting.musts if any(q.event in events for q in getattr(r.body, "patterns", ()))]
    system = system_of(setting, p, rules, False)
    assert system.likely
    verdict = spacer(system, 5.0)
    assert verdict.answer == "proved", verdict.reason


def counter(bad: int, *likely: z3.BoolRef) -> System:
    """Return the system of a number that grows by two until it is ten."""
    n = z3.Int("n")
    return System({"n": n}, n == 0, [Move("grow", n < 10, {"n": n + 2})], [n == bad], likely)


def test_of_what_is_likely_only_what_lasts_is_kept() -> None:
    n = z3.Int("n")
    wrong_at_first, lost, lost_with_it, lasts = n == 5, n <= 8, n <= 9, n <= 11
    assert lasting(counter(0, wrong_at_first, lost, lost_with_it, lasts), 5.0) == [lasts]


def test_to_find_out_what_lasts_has_a_limit_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question had one, and a guess of many parts took minutes where seconds were allowed."""
    n = z3.Int("n")
    monkeypatch.setattr(module, "Allowance", lambda _: Allowance(0.0))
    assert lasting(counter(0, n <= 8, n <= 11), 5.0) == []


@pytest.mark.slow
def test_a_wrong_guess_proves_nothing_and_refutes_nothing() -> None:
    n = z3.Int("n")
    for likely in ((), (n <= 4,), (n <= 11,), (n % 2 == 0,)):
        assert spacer(counter(10, *likely), 5.0).answer == "refuted"
        assert spacer(counter(7, *likely), 5.0).answer == "proved"
