"""The events that a trace is made of, whoever wrote it: a log, a capture or the prover."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from mipcheck.model.values.types import Value

NODE: Final = "-"
"""The interface token of what concerns the whole node."""

_NOTHING: Final[Mapping[str, Value]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Position:
    """Where something was seen: a line (and column) of a log or a frame of a capture, all counted from 1."""

    file: str
    line: int | None = None
    frame: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        if self.frame is not None:
            return f"{self.file} frame {self.frame}"
        if self.line is None:
            return self.file
        return f"{self.file}:{self.line}" + (f":{self.column}" if self.column is not None else "")


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a trace: `time` in ns (since the epoch or the trace's start), `interface` a token or `-`.

    `kind` and the keys of `args` are those of the specification's event declarations; optional keys that
    were not seen are absent.
    """

    time: int
    interface: str
    kind: str
    args: Mapping[str, Value] = field(default_factory=lambda: _NOTHING)
    at: Position = Position("-")
