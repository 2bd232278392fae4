"""The values of a trace do not depend on how busy the machine is that searches for it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from mipcheck.model.prover import search, tidy
from mipcheck.model.prover.examples import Examples
from mipcheck.model.prover.setting import setting_of
from mipcheck.model.specification.load import loads

TEXT = """
spec s
document "none"
param patience: time = 5 s
event ask(id: id, weight: int) by node seen log
event answer(id: id) by node seen log
interface { asked: bool = false since: time request: id = 0 }
on ask { asked := true; since := now; request := id }
rule R MUST cite 1 "what is asked is asked once" allow ask(weight > 7) only if not asked
rule A MUST cite 2 "in time" require answer(id = request) within patience of since while asked
"""
SPEC = loads(TEXT)


def test_no_wish_is_given_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wish is given up by what the solver has done for it; by the clock, a busy machine would give up others."""
    given: list[dict[str, Any]] = []

    class Watched:
        def __init__(self, solver: Any) -> None:
            self._solver = solver

        def __getattr__(self, name: str) -> Any:
            return getattr(self._solver, name)

        def set(self, *args: Any, **keys: Any) -> None:
            given.append({**dict(zip(args[::2], args[1::2], strict=True)), **keys})
            self._solver.set(*args, **keys)

        def check(self, *assumptions: Any) -> Any:
            given.append({"check": True})
            return self._solver.check(*assumptions)

    of_events = search.Search._of_events

    def watched(self: search.Search, *args: Any) -> Any:
        assert not isinstance(self.run.solver, Watched)  # and what is sought after that has no limit
        return Watched(of_events(self, *args))

    monkeypatch.setattr(search.Search, "_of_events", watched)
    assert Examples(setting_of(SPEC)).find("R", True) is not None
    assert {"check": True} in given
    assert [g["timeout"] for g in given if "timeout" in g] == [tidy._ENDLESS]
    assert [g["rlimit"] for g in given if "rlimit" in g] == [tidy._EFFORT]


@pytest.mark.slow
@pytest.mark.parametrize("effort", [1, 3000])
def test_who_gives_up_early_gives_up_the_same(effort: int) -> None:
    """In another process, where Python hashes otherwise, too."""
    code = (
        "from mipcheck.model.prover import tidy\n"
        "from mipcheck.model.prover.examples import Examples\n"
        "from mipcheck.model.prover.setting import setting_of\n"
        "from mipcheck.model.specification.load import loads\n"
        f"tidy._EFFORT = {effort}\n"
        f"spec = loads({TEXT!r})\n"
        "print([Examples(setting_of(spec)).find(rule, True) for rule in spec.rules])"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": seed}, stdout=subprocess.PIPE, check=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1] and told[0].count(b"Witness") == 2
