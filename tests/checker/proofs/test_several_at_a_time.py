"""Properties that two processes prove are told in the order in which they were asked about, and come to the same."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import mipcheck.model.prover.consistency as consistency
import pytest
from mipcheck.checker.verbs import prove_results
from mipcheck.checker.verbs.prove_results import Answered, ToProve, prove_all
from mipcheck.model.prover.prove import Proofs, Result
from mipcheck.model.specification.load import loads

from making.proofs import ASKING, PASSING

TEXT = f"""
spec small
param t_slack: time = 1 s
property mine_consistent cite 1 "sound" consistent
{ASKING}
property wrong cite 1 "who goes has asked for much" whenever go: asked > 3
role other "another" {{
  {PASSING}
  property other_consistent cite 2 "sound" consistent
}}
"""
BLOCKED = """
spec blocked
event ask() by network seen log
event go() by node seen log
interface { asked: bool = false  at: time }
on ask { asked := true; at := now }
rule A MUST cite 1 "who was asked goes at once" require go within 0 s of at while asked
rule B MUST cite 2 "nobody goes who was asked" allow go only if not asked
property mine_consistent cite 1 "sound" consistent
"""
NAMES = ["mine_consistent", "asked", "wrong", "once", "other_consistent"]


class Heard:
    """What is told, in its order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, bool | None]] = []

    def verdict(self, proved: Answered, final: bool) -> None:
        self.told.append((proved.result.name, proved.result.result, final))

    def completed(self, proved: Answered) -> None:
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


@pytest.mark.parametrize("dies", [0, 1, 2])
def test_traces_are_looked_for_beside_a_proof_and_again_if_that_process_dies(
    dies: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What it dies of twice is unknown, as if there were one process."""
    (alone,) = _consistent(monkeypatch, 1)
    traces, owner = consistency._traces, os.getpid()

    def dying(*args: Any) -> object:
        begun = len(list(tmp_path.iterdir()))
        (tmp_path / str(os.getpid())).touch()
        assert os.getpid() != owner
        if begun < dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return traces(*args)

    monkeypatch.setattr(consistency, "_traces", dying)
    (found,) = _consistent(monkeypatch, 2)
    assert len(list(tmp_path.iterdir())) == (2 if dies else 1)
    assert found.result.result == ("unknown" if dies == 2 else "proved")
    assert dies == 2 or replace(found.result, seconds=0.0) == replace(alone.result, seconds=0.0)


def test_what_is_begun_beside_a_refuted_proof_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def endless(*_: Any) -> object:
        (tmp_path / str(os.getpid())).touch()
        while True:
            pass

    monkeypatch.setattr(consistency, "_traces", endless)
    monkeypatch.setattr(prove_results, "cores", lambda: 2)
    (found,) = prove_all(ToProve(loads(BLOCKED), properties=["mine_consistent"]))
    assert found.result.result == "refuted"
    for process in tmp_path.iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(process.name), 0)


def _consistent(monkeypatch: pytest.MonkeyPatch, cores: int) -> list[Answered]:
    monkeypatch.setattr(prove_results, "cores", lambda: cores)
    return prove_all(ToProve(loads(TEXT), properties=["mine_consistent"]))


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
