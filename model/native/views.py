"""Values as the compiler sees them: an integer is the name of what holds it, an array or a record is a view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mipcheck.model.native.unit import Kind


@dataclass(frozen=True, slots=True)
class View:
    """An array or a part of one, row after row: its element type, where it begins, and its size in each dimension.

    Without dimensions it is one element: a record, or the place of an integer.
    """

    type: str
    pointer: str
    sizes: tuple[str, ...]


Operand = str | View
"""An operand of 64 bits, or a view."""


def kind_of(value: Operand) -> Kind:
    """Return what is known of a value before it is there."""
    return "" if isinstance(value, str) else f"{value.type}:{len(value.sizes)}"


def example_of(kind: Kind) -> Operand:
    """Return some value of a kind."""
    type_, _, dimensions = kind.partition(":")
    return View(type_, "", ("",) * int(dimensions)) if kind else ""


def passed(arguments: Sequence[Operand]) -> str:
    """Return the arguments of a call as LLVM's assembly has them."""
    parts: list[str] = []
    for argument in arguments:
        if isinstance(argument, str):
            parts.append(f"i64 {argument}")
        else:
            parts += [f"ptr {argument.pointer}", *(f"i64 {size}" for size in argument.sizes)]
    return ", ".join(parts)
