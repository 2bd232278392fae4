"""Where a changed machine may do something else than the original: at which events, or at any time.

The two are compared by their source, in which what an event does, and what is owed, are functions of their own. A trace
without such an event need not be replayed, and what is looked for begins with one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.spec import Configure

_AT_ANY_TIME = {"due", "pending"}
_STEP = "step_"


@dataclass(frozen=True, slots=True)
class Reach:
    """The `kinds` of events of which the changed machine may make something else; `anywhere` if that may show without
    one: in what is owed, in the state at first, or in what is said of the site."""

    kinds: frozenset[str]
    anywhere: bool = False

    def shows_in(self, kinds: Collection[str]) -> bool:
        """Decide whether a trace with events of these kinds may show the change."""
        return self.anywhere or not self.kinds.isdisjoint(kinds)


def reach_of(original: Machine, changed: Machine) -> Reach:
    """Return where two machines of one role and site may part."""
    ours, theirs = functions(original.source), functions(changed.source)
    other = {n for n in ours.keys() | theirs.keys() if ours.get(n) != theirs.get(n)}
    while more := {n for n, text in theirs.items() if n not in other and any(f"{o}(" in text for o in _helpers(other))}:
        other |= more
    anywhere = bool(other & _AT_ANY_TIME) or _outset(original) != _outset(changed)
    return Reach(frozenset(n.removeprefix(_STEP) for n in other if n.startswith(_STEP)), anywhere)


def functions(source: str) -> dict[str, str]:
    """Return the functions of a machine's source by name."""
    found = {part.partition("(")[0]: f"def {part}" for part in f"\n{source}".split("\ndef ")[1:]}
    found.pop("step", None)  # it only calls the others
    return found


def _helpers(names: Collection[str]) -> list[str]:
    """Return those functions that others call."""
    return [n for n in names if not n.startswith(_STEP) and n not in _AT_ANY_TIME]


def _outset(m: Machine) -> object:
    """Return what a machine says before anything happens."""
    of_site = {r.id: r.body for r in m.rules if isinstance(r.body, Configure)}
    first = m.initial_interface(), m.initial_node(), m.late_interface(), m.late_node()
    return [r.id for r in m.rules], of_site, first
