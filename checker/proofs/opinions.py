"""A second opinion: every obligation of a proof decided anew by each solver there is, from text and by itself."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.console.isolated import isolated
from mipcheck.checker.proofs.replayed import Disagreement

if TYPE_CHECKING:
    from mipcheck.model.prover.smtlib import Obligation

SOLVERS: Final = ("z3", "cvc5")
"""Python packages that decide. The second one is an extra."""
_GRACE: Final = 20.0
"""Seconds after which a process that outlives its own alarm is killed."""


@dataclass(frozen=True, slots=True)
class SolverOpinion:
    """What one solver says of a proof: how many obligations it discharged, and of the others why not, by name."""

    solver: str
    discharged: int
    undecided: tuple[tuple[str, str], ...] = ()


def required() -> None:
    """Raise UsageError where a solver is not installed."""
    for solver in SOLVERS:
        if find_spec(solver) is None:
            raise UsageError(
                f"there is no {solver} here to cross-check with: python3 -m pip install 'mipcheck[{solver}]'"
            )


def opinions(name: str, obligations: Sequence[Obligation], timeout: float) -> tuple[SolverOpinion, ...]:
    """Ask all solvers, each in processes of its own, and `timeout` seconds at most for each obligation of a proof.

    Raises Disagreement where one finds possible what has to be impossible.
    """
    found = []
    for solver in SOLVERS:
        answers = list(decided(solver, [o.text for o in obligations], timeout))
        for o, said in zip(obligations, answers, strict=True):
            if said == "sat":
                raise Disagreement(f"{solver} finds a state that {o.name} of the proof of {name} excludes: {o.about}")
        undecided = tuple((o.name, a) for o, a in zip(obligations, answers, strict=True) if a != "unsat")
        found.append(SolverOpinion(solver, len(answers) - len(undecided), undecided))
    return tuple(found)


def decided(solver: str, texts: Sequence[str], timeout: float) -> Iterator[str]:
    """Yield for each text sat, unsat, or why it was not decided. What dies is started again for the next text."""
    code = f"from mipcheck.checker.proofs.decide import serve; serve({solver!r}, {float(timeout)!r})"
    left = [json.dumps(text) for text in texts]
    while left:
        try:
            done = subprocess.run(
                isolated(code),
                input="\n".join(left) + "\n",
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                timeout=timeout * len(left) + _GRACE,
                cwd="/",
            )
            said, how = done.stdout, _ending(done.returncode, timeout)
        except subprocess.TimeoutExpired as error:
            output = error.stdout or b""
            said, how = output if isinstance(output, str) else output.decode(), f"no answer in {timeout:g} s"
        answers = [json.loads(line) for line in said.splitlines(keepends=True) if line.endswith("\n")][: len(left)]
        yield from answers
        if len(answers) < len(left):
            yield how
        left = left[len(answers) + 1 :]


def _ending(code: int, timeout: float) -> str:
    """Say why a process ended before it had answered."""
    if code == -14:  # its own alarm
        return f"no answer in {timeout:g} s"
    return f"it ended with signal {-code}" if code < 0 else f"it ended with exit code {code}"
