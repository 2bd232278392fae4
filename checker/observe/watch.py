"""A machine and a trace → what was observed, in Python or in native code, whichever is sooner done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from mipcheck.checker.observe.blame import Moment
from mipcheck.checker.observe.observation import Observation
from mipcheck.checker.observe.observer import observe
from mipcheck.checker.trace.columns import Columns
from mipcheck.checker.trace.derive import ACCESS, derive, derived, modes_in_words, modes_seen
from mipcheck.checker.trace.route import EVENTS, decide, slowly
from mipcheck.checker.trace.source import EXACT, Evidence, fog_of
from mipcheck.model.native.errors import NativeError

INEXACT: Final = "stamps are coarse, and there are several sources: the order of events is not known"
"""Why a trace is not observed natively."""

if TYPE_CHECKING:
    from mipcheck.model.machine.compile import Machine
    from mipcheck.model.native.unit import Unit
    from mipcheck.model.values.event import Event


def watch(
    machine: Machine, events: Sequence[Event], boot: bool, evidence: Evidence = EXACT
) -> tuple[Observation, list[str]]:
    """Return what a trace shows, and in words which access modes were seen. Raises TooMuch for hostile traces.

    `evidence` is what its sources are able to show.
    """
    observation, modes = _watched(machine, events, boot, evidence)
    if evidence.excuses:
        from mipcheck.checker.observe.silence import excused

        observation = excused(machine, observation, events, evidence)
    return observation, modes(forbidden(machine, observation))


_Modes = Callable[[Mapping[str, Sequence[str]]], list[str]]
"""Says in words which access modes were seen, told by interface which rules what left it broke."""


def _watched(machine: Machine, events: Sequence[Event], boot: bool, evidence: Evidence) -> tuple[Observation, _Modes]:
    """Do as `watch`, as if every change of a connection's status was seen, and nothing lost."""
    spec = machine.spec
    columns = isinstance(events, Columns)
    inexact = evidence.resolution and not (evidence.alone and columns)
    if inexact or (not columns and fog_of(machine, evidence) is not None):
        if columns:
            slowly(EVENTS, INEXACT)
        observation = _slowly(machine, derived(spec, events, machine.capabilities), boot, evidence)
        return observation, lambda broken: modes_seen(spec, derived(spec, events, machine.capabilities), broken)
    if isinstance(events, Columns):
        if decide(EVENTS, lambda count: len(events) >= count, lambda: _units(machine)).native:
            try:
                return _natively(machine, events, boot, evidence)
            except NativeError as error:
                slowly(EVENTS, str(error))
        # Derived once for each, one event at a time: a list of all would take the memory that columns save.
        observation = _slowly(machine, derived(spec, events, machine.capabilities), boot, evidence)
        return observation, lambda broken: modes_seen(spec, derived(spec, events, machine.capabilities), broken)
    known = derive(spec, events, machine.capabilities)
    observation = observe(machine, known, boot, several=evidence.several)
    return observation, lambda broken: modes_seen(spec, known, broken)


def forbidden(machine: Machine, observation: Observation) -> dict[str, list[str]]:
    """Return by interface the MUSTs that packets which left it broke, in the order of the rules."""
    found: dict[str, set[int]] = {}
    for finding in observation.findings:
        must = machine.rules[finding.rule].level == "MUST"
        if must and finding.interface is not None and finding.moment is not None and _leaves(machine, finding.moment):
            found.setdefault(finding.interface, set()).add(finding.rule)
    return {interface: [machine.rules[n].id for n in sorted(rules)] for interface, rules in found.items()}


def _leaves(machine: Machine, moment: Moment) -> bool:
    """Decide whether the event of a moment is a packet that leaves, of which an access mode is told."""
    if not moment.kind:
        return False
    event = machine.spec.events[moment.kind]
    said = {
        k.name: k.type.members[v] for k, v in zip(event.keys, moment.keys, strict=True) if k.name == "dir" and v >= 0
    }
    return ACCESS in event.by_name and said.get("dir") == "out"


def _slowly(machine: Machine, events: Iterable[Event], boot: bool, evidence: Evidence) -> Observation:
    """Observe what sources show that do not show everything, or not in its order."""
    fog = fog_of(machine, evidence)
    if evidence.resolution and evidence.alone:
        from mipcheck.checker.observe.ordered import observe_in_order

        return observe_in_order(machine, events, boot, fog, evidence)
    if evidence.resolution:
        from mipcheck.checker.observe.coarse import observe_coarsely

        return observe_coarsely(machine, events, boot, fog, evidence)
    return observe(machine, events, boot, fog, evidence.several)


def _units(machine: Machine) -> list[Unit]:
    """Return what would have to be compiled to observe natively."""
    from mipcheck.checker.observe.unit import unit_of

    return [unit_of(machine)]


def _natively(machine: Machine, columns: Columns, boot: bool, evidence: Evidence) -> tuple[Observation, _Modes]:
    """Observe by the compiled loop. Raises NativeError where it cannot count with this machine, or this trace."""
    from mipcheck.checker.observe.columns import NativeObserver
    from mipcheck.checker.trace.ahead import ahead

    fog = fog_of(machine, evidence)
    replay = NativeObserver(machine, columns, boot, record=columns.framed, fog=fog, evidence=evidence)
    for batch in ahead(columns.batches()):
        replay.take(batch)
    return replay.observation(), lambda broken: modes_in_words(machine.spec, replay.modes(), broken)
