"""A machine and a trace → what was observed, in Python or in native code, whichever is sooner done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from mipcheck.checker.observe.observer import Observation, observe
from mipcheck.checker.trace.columns import Columns
from mipcheck.checker.trace.derive import derive, derived, modes_in_words, modes_seen

if TYPE_CHECKING:
    from mipcheck.model.machine.compile import Machine
    from mipcheck.model.specification.spec import Spec
    from mipcheck.model.values.event import Event

MANY: Final = 5_000
"""Events from which on native code is sooner done where it is at hand."""

VERY_MANY: Final = 50_000
"""The same where it has to be compiled first, which takes the time in which Python observes so many."""


def watch(spec: Spec, machine: Machine, events: Sequence[Event], boot: bool) -> tuple[Observation, list[str]]:
    """What a trace shows, and which access modes were seen, in words. Raises TooMuch for hostile ones."""
    if isinstance(events, Columns):
        from mipcheck.model.native.unit import NativeError

        try:
            if is_worth_it(machine, len(events)):
                return _natively(spec, machine, events, boot)
        except NativeError:
            pass
        return (
            observe(machine, derived(spec, events, machine.capabilities), boot),
            modes_seen(spec, derived(spec, events, machine.capabilities)),
        )
    known = derive(spec, events, machine.capabilities)
    return observe(machine, known, boot), modes_seen(spec, known)


def is_worth_it(machine: Machine, events: int) -> bool:
    """Whether so many events are sooner observed natively. Raises NativeError."""
    if events < MANY:
        return False
    from mipcheck.checker.observe.columns import unit_of
    from mipcheck.model.native.compiled import is_kept

    return events >= VERY_MANY or is_kept(unit_of(machine))


def _natively(spec: Spec, machine: Machine, columns: Columns, boot: bool) -> tuple[Observation, list[str]]:
    from mipcheck.checker.observe.columns import Replay
    from mipcheck.checker.trace.ahead import ahead

    replay = Replay(machine, columns, boot, record=columns.framed)
    for batch in ahead(columns.batches()):
        replay.take(batch)
    return replay.observation(), modes_in_words(spec, replay.modes())
