"""What is compiled to run a machine over columns: the loop, and the functions that its specification says.

Which machines can run natively is a matter of their integers: nothing may leave 64 bits (`bounds.py`).
"""

from __future__ import annotations

from typing import Final

from mipcheck.checker.observe import causes, loop, near, packed, pauses, tables, trials
from mipcheck.checker.observe.bounds import check_bounds
from mipcheck.checker.observe.state import ObserverState
from mipcheck.model.machine import entries, kleene
from mipcheck.model.machine.compile import Machine
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.native.compiled import Native, compiled
from mipcheck.model.native.errors import NativeError
from mipcheck.model.native.unit import Unit, constants_of, source_of

_MOST_BITS: Final = 60
"""Tables, and keys of an event: each has a bit of an integer."""

_ROW, _TABLE = "int64:1", "int64:2"
_STEPS: Final = {
    "step": ("", "", "", _ROW, _ROW, _ROW, _TABLE, _ROW, _ROW, "", _ROW, _ROW, _ROW),
    "alters": ("", _ROW, _ROW),
    "due": ("", "", _ROW, _ROW, _ROW, _TABLE, _ROW, _ROW),
    "pending": ("", _ROW, _ROW, _ROW, _TABLE, _ROW, _ROW),
    "ends": ("", "", _ROW, _ROW, _ROW),
    "rouse": ("", _ROW, _ROW, _TABLE, ""),
}
"""Functions that are generated from a specification, with the kinds of their parameters."""


def unit_of(machine: Machine) -> Unit:
    """Return what is compiled to run a machine: the loop, which is the same for all, and what its specification says.

    Both are the same for all sites and parameters.
    """
    constants = {"U": UNKNOWN} | constants_of(vars(entries))
    steps = Unit("", None, (source_of(kleene), source_of(entries), machine.source), constants, _STEPS)
    modules = packed, tables, near, causes, trials, pauses, loop
    constants = {"U": UNKNOWN} | {name: n for module in modules for name, n in constants_of(vars(module)).items()}
    return Unit("replay", ObserverState, tuple(map(source_of, (kleene, *modules))), constants, linked=(steps,))


def native_of(machine: Machine) -> Native:
    """Return the compiled loop of a machine, for as many events as `most_events` says. Raises NativeError."""
    return compiled(unit_of(machine))


def most_events(machine: Machine) -> int:
    """Return how many events native code may take for a machine. Raises NativeError where it could leave 64 bits."""
    if max(len(machine.tables), *(len(machine.spec.events[k].keys) for k in machine.kinds)) > _MOST_BITS:
        raise NativeError("too many keys of an event, or tables")
    return check_bounds(machine)
