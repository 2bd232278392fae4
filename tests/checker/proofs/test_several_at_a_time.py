"""Properties that two processes prove are told in the order in which they were asked about, and come to the same."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from mipcheck.checker.verbs import prove_results
from mipcheck.checker.verbs.prove_results import Answered, ToProve, prove_all
from mipcheck.model.prover.prove import Proofs, Result
from mipcheck.model.specification.load import loads

TEXT = """
spec small
param t_slack: time = 1 s
event ask(n: int) by node seen log
event go() by node seen log
interface { asked: int = 0 }
on ask { asked := n }
rule A MUST cite 1 "who goes has asked" allow go only if asked > 2
property mine_consistent cite 1 "sound" consistent
property asked cite 1 "who goes has asked for something" whenever go: asked > 1
property wrong cite 1 "who goes has asked for much" whenever go: asked > 3
role other "another" {
  event pass() by node seen log
  node { passed: bool = false }
  on pass { passed := true }
  rule B MUST cite 2 "once" allow pass only if not passed
  property once cite 2 "once" whenever pass: not passed
  property other_consistent cite 2 "sound" consistent
}
"""
NAMES = ["mine_consistent", "asked", "wrong", "once", "other_consistent"]


class Heard:
    """What is told, in its order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, bool | None]] = []

    def verdict(self, proved: Answered, final: bool) -> None:
        self.told.append((proved.result.name, proved.result.result, final))

    def needs(self, proved: Answered) -> None:
        self.told.append((proved.result.name, " ".join(n.rule for n in proved.result.needs), None))


def _told(monkeypatch: pytest.MonkeyPatch, cores: int) -> tuple[list[tuple[str, str, bool | None]], list[Answered]]:
    monkeypatch.setattr(prove_results, "cores", lambda: cores)
    heard = Heard()
    return heard.told, prove_all(ToProve(loads(TEXT)), heard)


def test_they_come_to_the_same_as_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = prove_results._Run._shares
    processes: list[int] = []

    def counted(self: prove_results._Run, names: list[str]) -> list[list[str]]:
        found = shares(self, names)
        processes.append(len(found))
        return found

    monkeypatch.setattr(prove_results._Run, "_shares", counted)
    (alone, one), (both, two) = _told(monkeypatch, 1), _told(monkeypatch, 2)
    assert processes == [1, 2]
    assert alone == both
    assert [name for name, _, final in both if final is not None] == NAMES
    for a, b in zip(one, two, strict=True):
        assert (a.result.name, a.result.result, a.counterexample) == (b.result.name, b.result.result, b.counterexample)


@pytest.mark.parametrize("lost", NAMES)
def test_what_a_process_dies_of_is_unknown_and_nothing_else(
    lost: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    verdict = Proofs.verdict

    def dying(self: Proofs, name: str) -> Result:
        if name == lost:
            os.kill(os.getpid(), signal.SIGKILL)
        return verdict(self, name)

    monkeypatch.setattr(Proofs, "verdict", dying)
    told, found = _told(monkeypatch, 2)
    results = {p.result.name: p.result.result for p in found}
    expected = dict.fromkeys(NAMES, "proved") | {"wrong": "refuted", lost: "unknown"}
    assert results == expected and list(results) == NAMES
    assert [name for name, _, final in told if final is not None] == NAMES
