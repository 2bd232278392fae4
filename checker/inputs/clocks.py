"""Clocks of several inputs: offsets that were given, and times of the day beside times from a start."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mipcheck.checker.console.errors import UsageError, did_you_mean, joined, quoted
from mipcheck.checker.console.escape import printable
from mipcheck.checker.inputs.opening import name_of
from mipcheck.checker.inputs.trace import Input
from mipcheck.checker.logs.parts import LineError, read_time
from mipcheck.checker.trace.times import read_datetime


@dataclass(frozen=True, slots=True)
class Shift:
    """An amount (ns) that is added to an input's times, and whether that makes relative times absolute."""

    ns: int = 0
    absolute: bool = False


def shifts_of(paths: Sequence[str], inputs: Sequence[Input], offsets: Mapping[str, str]) -> list[Shift]:
    """Return the shift of each input; `offsets` are by the input's path or name, as a command line has them.

    Raises UsageError for an offset that is none or belongs to no input, and for inputs whose times cannot be compared.
    """
    shifts = [Shift() for _ in inputs]
    for name, which in [(name, which_input(paths, name)) for name in offsets]:
        shifts[which] = _shift(inputs[which].absolute, name, offsets[name])
    clocks = {i.absolute or s.absolute for i, s in zip(inputs, shifts, strict=True) if i.events}
    if len(clocks) > 1:
        relative = next(i for i, s in zip(inputs, shifts, strict=True) if i.events and not (i.absolute or s.absolute))
        raise UsageError(
            f"{printable(relative.file)} counts seconds from its own start, other inputs have dates: say when it"
            f" started, as in --offset {printable(Path(relative.file).name)}=2026-11-23T02:56:02.5Z"
        )
    return shifts


def absolute_of(inputs: Sequence[Input], shifts: Sequence[Shift]) -> bool:
    """Tell whether the times of a run count from the epoch: those of any input with events, after its shift."""
    return any(i.absolute or s.absolute for i, s in zip(inputs, shifts, strict=True) if i.events)


def shifts_of_captures(paths: Sequence[str], kinds: Mapping[str, str], offsets: Mapping[str, str]) -> dict[str, int]:
    """Return what is added to the times of captures (ns), by path, where anything is. Raises UsageError."""
    found = {}
    for name, word in offsets.items():
        path = paths[which_input(paths, name)]
        if kinds[path] == "capture":
            found[path] = _shift(True, name, word).ns
    return found


def which_input(paths: Sequence[str], name: str) -> int:
    """Return the number of the input whose path or file name is `name`. Raises UsageError unless there is one."""
    which = [n for n, p in enumerate(paths) if p == name] or [
        n for n, p in enumerate(paths) if Path(p).name == name or name_of(p) == name
    ]
    if len(which) != 1:
        wrong = "no input" if not which else "more than one input"
        raise UsageError(joined(f"--offset: {wrong} is called {quoted(name)}", did_you_mean(name, paths)))
    return which[0]


def _shift(absolute: bool, name: str, word: str) -> Shift:
    """Read the offset of the input called `name`, whose times are `absolute` or not. Raises UsageError."""
    match = re.fullmatch(r"([+-]?)([0-9]{1,10}(?:\.[0-9]{1,9})?)", word)
    if match is not None:
        try:
            return Shift(read_time(match[2], 0).ns * (-1 if match[1] == "-" else 1))
        except LineError:
            pass
    elif re.fullmatch(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", word, re.ASCII):
        if absolute:
            raise UsageError(f"--offset: {quoted(name)} has dates of its own; its offset is a number of seconds")
        try:
            return Shift(read_datetime(word), True)
        except ValueError as error:
            raise UsageError(f"--offset: {quoted(word)} is no date: {error}") from None
    raise UsageError(
        f"--offset: {quoted(word)} is no offset; expected seconds, such as -0.25,"
        " or the date (RFC 3339) at which a log of relative times starts"
    )
