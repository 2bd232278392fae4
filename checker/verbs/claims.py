"""What decides claims about a proposal: proofs, counterexamples, numbers, and who changes, as they are found today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mipcheck.checker.verbs.prove_results import Answered, ToProve, prove_all
from mipcheck.model.language import catalogue as k
from mipcheck.model.language.show_module import show_figure
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.figures import holds, value_of_figure
from mipcheck.model.specification.overhead import Untold
from mipcheck.model.specification.spec import Spec

EACH: Final = 60.0
"""Seconds for a property that has no certificate."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was found of one thing that decides a claim.

    `kind` is proved, shown, computed, declared, opinion or missing; `name` what decides it, as it is written. `found`
    is what it came to, in words, and `as_said` whether that is what the specification says; `wrong` says why not.
    `trace` is a counterexample, as a log; `value` a number.
    """

    kind: str
    name: str
    found: str
    as_said: bool = True
    wrong: str = ""
    trace: str = ""
    value: int | None = None


class Decisions:
    """Finds what decides claims about one specification, each property once.

    `name` is the specification as on the command line, by which certificates are found; `fresh`: what they show is
    proved anew.
    """

    def __init__(self, spec: Spec, name: str, timeout: float = EACH, fresh: bool = False) -> None:
        self._spec, self._name, self._timeout, self._fresh = spec, name, timeout, fresh
        self._proved: dict[str, Answered] = {}
        self._parameters = configure(spec, {})

    def of(self, ground: k.Ground) -> dict[str, Decision]:
        """Return what was found of all that a ground names, by name. Raises what the prover raises."""
        match ground:
            case k.Proved(names):
                return {name: self._property(name, "proved") for name in names}
            case k.Shown(names):
                return {name: self._property(name, "shown") for name in names}
            case k.Computed(figures):
                return {show_figure(f): self._figure(f) for f in figures}
            case k.Declared(entities):
                return {f"{name} {standing}": self._entity(name, standing) for name, standing in entities}
            case k.Opinion(reason):
                return {"opinion": Decision("opinion", "opinion", reason)}
            case k.Missing(reason):
                return {"missing": Decision("missing", "missing", reason)}

    def _property(self, name: str, kind: str) -> Decision:
        proved = self.prove([name])[name]
        result = proved.result.result
        wanted = "proved" if kind == "proved" else "refuted"
        said = "proved" if kind == "proved" else "shown to fail"
        why = f" because {proved.result.reason}" if result == "unknown" and proved.result.reason else ""
        wrong = "" if result == wanted else f"it is said to be {said}, and is {result}{why}"
        return Decision(kind, name, result, result == wanted, wrong, proved.counterexample)

    def prove(self, names: Sequence[str]) -> dict[str, Answered]:
        """Prove properties, from certificates where there are some; return the results by name."""
        new = [name for name in names if name not in self._proved]
        if new:
            limit = self._timeout * len(new)
            asked = ToProve(self._spec, self._name, new, with_needs=False, fresh=self._fresh, timeout=limit)
            for proved in prove_all(asked):
                if proved.error is not None:
                    raise proved.error
                self._proved[proved.result.name] = proved
        return {name: self._proved[name] for name in names}

    def _figure(self, figure: k.Figure) -> Decision:
        shown = show_figure(figure)
        try:
            value = value_of_figure(self._spec, figure, self._parameters)
            right = holds(self._spec, figure, self._parameters)
        except Untold as error:
            return Decision("computed", shown, "unknown", False, str(error))
        return Decision("computed", shown, str(value), right, "" if right else f"it is {value}", value=value)

    def _entity(self, name: str, standing: str) -> Decision:
        e = self._spec.entities[name]
        right = e.standing == standing
        return Decision("declared", f"{name} {standing}", f"{name} is {e.standing}: {e.text}", right,
                        "" if right else f"{name} is {e.standing}")  # fmt: skip
