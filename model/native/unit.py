"""What is compiled: functions as their source has them, the constants they use, and the record they work on."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from mipcheck.model.native.errors import NativeError
from mipcheck.model.native.record import Record
from mipcheck.model.values import cache as keep

ENTRY: Final = "entry"
"""The symbol of the function that is called from outside: it takes a pointer to the record."""

Kind = str
"""What is known of a value before it is there: "" of an integer, element type and dimensions of an array (int64:2).

Records are elements too, and their type is their name: a table of `Interface` is Interface:1, and a row Interface:0.
"""


@dataclass(frozen=True)
class Unit:
    """What is compiled together: functions that call each other by name, and constants they use.

    `sources` is their text; of two functions of one name the later counts. `entry` is the one that can be called from
    outside, with a `record` as its one parameter; it returns an integer. A unit that only has functions for others has
    no entry ("") and no record. `exports` are those that other units may call, with the kinds of their parameters;
    units that have such a function are `linked`, and theirs is called rather than one of that name here. They are
    compiled by themselves, so that one that changes costs nothing to the others.
    """

    entry: str
    record: type[Record] | None
    sources: tuple[str, ...]
    constants: Mapping[str, int]
    exports: Mapping[str, tuple[Kind, ...]] = field(default_factory=dict)
    linked: tuple[Unit, ...] = ()

    @cached_property
    def given(self) -> dict[str, tuple[Kind, ...]]:
        """The functions that linked units have, with the kinds of their parameters."""
        return {name: kinds for unit in self.linked for name, kinds in unit.exports.items()}

    @cached_property
    def name(self) -> str:
        """The name under which its own object code is kept; it stands for all that the code depends on.

        Raises ImportError or OSError where there is nothing to compile with.
        """
        llvm = import_module("llvmlite.binding")
        mappings = [sorted(m.items()) for m in (self.constants, self.exports, self.given)]
        record = self.record.__layout__.described() if self.record else None
        parts = [keep.code_of(__package__), sys.version.encode(), repr(llvm.llvm_version_info).encode(),
                 llvm.get_process_triple().encode(), llvm.get_host_cpu_name().encode(),
                 llvm.get_host_cpu_features().flatten().encode(),
                 json.dumps([self.entry, record]).encode(), json.dumps(mappings).encode()]  # fmt: skip
        parts += [source.encode() for source in self.sources]
        return keep.name_of("native", *parts)


def source_of(module: ModuleType) -> str:
    """Return the text of a module. Raises NativeError if there is none: what is without its source is not compiled."""
    try:
        return Path(str(module.__file__)).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise NativeError(str(error)) from None


def constants_of(space: Mapping[str, Any]) -> dict[str, int]:
    """Return the integers of a module, or of any namespace."""
    return {n: v for n, v in space.items() if isinstance(v, int) and not isinstance(v, bool)}
