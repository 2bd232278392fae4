"""The simulator, and what the judge says of its nodes."""

from __future__ import annotations

import pytest

from oracle.judge import judge
from oracle.scenario import FAULTS
from oracle.simulator import simulate

FEW = range(1, 41)
MANY = range(41, 401)


def test_the_same_seed_is_the_same_log() -> None:
    faults = frozenset({"no-restart", "wrong-flags"})
    assert simulate(7, faults) == simulate(7, faults)
    assert simulate(7) != simulate(8)


@pytest.mark.parametrize("seeds", [FEW, pytest.param(MANY, marks=pytest.mark.slow)], ids=["few", "many"])
def test_nodes_without_a_fault_break_nothing(seeds: range) -> None:
    for seed in seeds:
        assert judge(simulate(seed)).of("broken") == [], f"seed {seed}"


def test_nodes_without_a_fault_live_through_much() -> None:
    exercised: dict[str, int] = {}
    for seed in FEW:
        for requirement in judge(simulate(seed)).kept:
            exercised[requirement] = exercised.get(requirement, 0) + 1
    for requirement in (
        "inference",
        "re-register",
        "restart",
        "keep-asking",
        "one-agent",
        "prefer-direct",
        "vpn-flags",
    ):
        assert exercised[requirement] > len(FEW) // 5, requirement


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_noticed(fault: str) -> None:
    seeds = range(1, 13)
    noticed = [seed for seed in seeds if judge(simulate(seed, frozenset({fault}))).verdict == "violation"]
    assert len(noticed) >= 0.7 * len(seeds)


@pytest.mark.parametrize("code", range(64, 137))
def test_every_code_is_read(code: int) -> None:
    """A denial ends trust at once if the i-HA itself gave it, authentically, and not to resynchronise."""
    text = "\n".join(
        [
            "mipcheck-trace 1",
            "site boot=true iha=10.1.0.2",
            "0.0 e0 link state=up",
            "0.1 e0 coa kind=colocated addr=10.1.7.20",
            "0.2 e0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=600 id=0x1",
            "0.3 e0 rrp from=iha path=direct code=0 lifetime=600 id=0x1 auth=ok",
            "9.0 e0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=600 id=0x2",
            f"9.1 e0 rrp from=iha path=direct code={code} lifetime=0 id=0x2 auth=ok",
            "12.0 e0 data dir=out protection=none",
        ]
    )
    ended = code >= 128 and code != 133
    assert (judge(text).verdict == "violation") == ended
