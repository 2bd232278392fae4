"""Identifications of 64 bits: numbers without a sign, which arrays hold as numbers with one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mipcheck.model.machine.compile import Machine
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.native.errors import NativeError

_WRAP: Final = 2**64


def unsigned_slots(machine: Machine) -> tuple[set[int], set[int]]:
    """Return the slots of an interface, and those of a node, that hold identifications: numbers without a sign."""
    variables = machine.spec.variables
    return (
        {slot for name, slot in machine.interface_slots.items() if variables[name].type.name == "id"},
        {slot for name, slot in machine.node_slots.items() if variables[name].type.name == "id"},
    )


def unsigned(value: int) -> int:
    """Return an identification that an array holds."""
    return value + _WRAP if value < 0 and value != UNKNOWN else value


def signed(values: Sequence[int]) -> list[int]:
    """Return identifications as arrays hold them. Raises NativeError for the one that stands for unknown there."""
    if any(v == -UNKNOWN for v in values):
        raise NativeError("an identification cannot be told from an unknown one")
    return [v - _WRAP if v > -UNKNOWN else v for v in values]
