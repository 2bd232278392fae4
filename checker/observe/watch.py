"""A machine and a trace → what was observed, in Python or in native code, whichever is sooner done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mipcheck.checker.observe.observation import Observation
from mipcheck.checker.observe.observer import observe
from mipcheck.checker.trace.columns import Columns
from mipcheck.checker.trace.derive import derive, derived, modes_in_words, modes_seen
from mipcheck.checker.trace.route import EVENTS, decide, slowly
from mipcheck.model.native.unit import NativeError, Unit

if TYPE_CHECKING:
    from mipcheck.model.machine.compile import Machine
    from mipcheck.model.values.event import Event


def watch(machine: Machine, events: Sequence[Event], boot: bool) -> tuple[Observation, list[str]]:
    """Return what a trace shows, and in words which access modes were seen. Raises TooMuch for hostile traces."""
    spec = machine.spec
    if isinstance(events, Columns):
        if decide(EVENTS, lambda count: len(events) >= count, lambda: _units(machine)).native:
            try:
                return _natively(machine, events, boot)
            except NativeError as error:
                slowly(EVENTS, str(error))
        # Derived once for each, one event at a time: a list of all would take the memory that columns save.
        return (
            observe(machine, derived(spec, events, machine.capabilities), boot),
            modes_seen(spec, derived(spec, events, machine.capabilities)),
        )
    known = derive(spec, events, machine.capabilities)
    return observe(machine, known, boot), modes_seen(spec, known)


def _units(machine: Machine) -> list[Unit]:
    """Return what would have to be compiled to observe natively."""
    from mipcheck.checker.observe.columns import unit_of

    return [unit_of(machine)]


def _natively(machine: Machine, columns: Columns, boot: bool) -> tuple[Observation, list[str]]:
    """Observe by the compiled loop. Raises NativeError where it cannot count with this machine, or this trace."""
    from mipcheck.checker.observe.columns import NativeObserver
    from mipcheck.checker.trace.ahead import ahead

    replay = NativeObserver(machine, columns, boot, record=columns.framed)
    for batch in ahead(columns.batches()):
        replay.take(batch)
    return replay.observation(), modes_in_words(machine.spec, replay.modes())
