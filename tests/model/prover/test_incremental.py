"""What is proved by the certificates of a specification that has changed since is what is proved of it from scratch."""

from __future__ import annotations

import random

import pytest
from mipcheck.checker.proofs.certificates import known
from mipcheck.checker.proofs.replayed import agree_all, trace_texts
from mipcheck.model.prover.certificate import Certificate
from mipcheck.model.prover.prove import Proofs, Result
from mipcheck.model.specification.compose import owners
from mipcheck.model.specification.load import load
from mipcheck.model.specification.mutants import Mutant, mutants
from mipcheck.model.specification.spec import Spec

from making.depth import DEEP, drawn
from making.small_specs import small


def shown(spec: Spec, result: Result) -> str:
    """Return what is said of a property; where that is a counterexample, once the checker has replayed it."""
    if result.trace is not None:
        owner = owners(spec)[result.name]
        agree_all(spec, owner, trace_texts(spec, owner, result.trace, {}), result.trace.broken)
    return result.result


def are_alike(changed: Spec, kept: dict[str, Certificate], names: list[str], timeout: float) -> list[str]:
    """Prove properties with what is kept of them and without, and return the answers, which do not contradict each
    other: nobody need decide what somebody else does."""
    answers = []
    for name in names:
        later, anew = (
            Proofs(changed, timeout=timeout, certificate=certificate).verdict(name)
            for certificate in (kept.get, lambda _: None)
        )
        said = [shown(changed, r) for r in (later, anew)]
        assert len({*said, "unknown"}) < 3, f"{name}: {said}, {later.reason}; {anew.reason}"
        answers.append(said[0])
    return answers


def of_small(seed: int, count: int) -> list[str]:
    """Make up a specification, keep what is proved of it, change it, and prove it again."""
    rng = random.Random(seed)
    spec = small(rng).spec
    proofs = Proofs(spec, timeout=3.0)
    results = [proofs.verdict(name) for name in proofs.properties]
    kept = {r.name: r.certificate for r in results if r.certificate is not None}
    every = list(mutants(spec))
    answers = []
    for mutant in rng.sample(every, min(count, len(every))):
        answers += are_alike(mutant.spec, kept, [n for n in kept if n in owners(mutant.spec)], 3.0)
    return answers


@pytest.mark.slow
def test_a_small_specification_that_is_changed_is_proved_as_from_scratch() -> None:
    answers = [a for seed in range(drawn(30, 600)) for a in of_small(seed, 3)]
    assert {"proved", "refuted"} <= set(answers)


@pytest.mark.slow
@pytest.mark.skipif(not DEEP, reason="what is neither proved nor refuted takes minutes")
@pytest.mark.parametrize("name", ["draft-01", "rfc5265"])
def test_a_bundled_specification_that_is_changed_is_proved_as_from_scratch(name: str) -> None:
    """Of rules that are left out, and of other changes to them, the properties that need these rules: but not what is
    proved of every rule at once, which takes half a minute for each."""
    kept = {n: c for n in owners(load(name)) if (c := known(name)(n)) is not None and not n.endswith("consistent")}
    of: dict[str, list[Mutant]] = {}
    for mutant in mutants(load(name)):
        of.setdefault(mutant.where.removeprefix("rule "), []).append(mutant)
    needed = sorted({rule for c in kept.values() for rule in c.scripts if rule in of})
    rng = random.Random(7)
    answers: list[str] = []
    for rule in rng.sample(needed, min(20, len(needed))):
        for mutant in (of[rule][0], *rng.sample(of[rule], 1)):
            names = [n for n in mutant.machine.properties if n in kept and rule in kept[n].scripts]
            answers += are_alike(mutant.spec, kept, names, 60.0)
    assert "refuted" in answers
