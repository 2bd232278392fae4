"""The text of one function in LLVM's assembly: its instructions, block by block."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mipcheck.model.native.errors import NativeError


class Instructions:
    """What a function named `name` comes to so far. Each instruction that gives something gets a name, `%.1`, `%.2`…

    What is written by `put_first` stands where the function starts, before all else.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._start: list[str] = []
        self._lines: list[str] = []
        self._count = 0
        self._labels = 0
        self._called = 0
        self.block = "start"
        """The block that is being written."""
        self.open = True
        """Whether what comes next can be reached."""

    @property
    def length(self) -> int:
        """Instructions, those of what becomes part of it included: else functions could grow without bounds."""
        return len(self._lines) + self._called

    def text(self) -> str:
        """Return all blocks, as they stand between a function's braces."""
        return "start:\n" + "".join(f"  {line}\n" for line in self._start) + "\n".join(self._lines) + "\n"

    def refused(self, node: ast.AST | None, what: str = "") -> NativeError:
        """Return the error that says what cannot be compiled, and where."""
        where = f", line {node.lineno}" if isinstance(node, ast.stmt | ast.expr) else ""
        return NativeError(f"{what or type(node).__name__} cannot be compiled ({self._name}{where})")

    # --- instructions -------------------------------------------------------------------------------------------------

    def put(self, line: str) -> None:
        """Write an instruction that gives nothing."""
        self._lines.append(f"  {line}")

    def put_first(self, line: str) -> None:
        """Write an instruction where the function starts."""
        self._start.append(line)

    def new(self, instruction: str) -> str:
        """Write an instruction, and return the name of what it gives."""
        self._count += 1
        self._lines.append(f"  %.{self._count} = {instruction}")
        return f"%.{self._count}"

    def add_length(self, instructions: int) -> None:
        """Count instructions that stand elsewhere and become part of this function."""
        self._called += instructions

    @contextmanager
    def at_start(self) -> Iterator[None]:
        """Write what is written meanwhile where the function starts."""
        lines, self._lines = self._lines, []
        yield
        self._start += [line.lstrip() for line in self._lines]
        self.add_length(len(self._lines))
        self._lines = lines

    # --- blocks -------------------------------------------------------------------------------------------------------

    def label(self) -> str:
        """Return the name of a block to come."""
        self._labels += 1
        return f"b{self._labels}"

    def begin(self, label: str) -> None:
        """Begin a block."""
        self._lines.append(f"{label}:")
        self.block, self.open = label, True

    def go(self, label: str) -> None:
        """Go on at a block, if this place can be reached at all."""
        if self.open:
            self.put(f"br label %{label}")
            self.open = False

    def branch(self, condition: str, then: str, other: str) -> None:
        """Go on at one block or the other."""
        self.put(f"br i1 {condition}, label %{then}, label %{other}")
        self.open = False

    def ret(self, number: str) -> None:
        """Return a number from the function."""
        self.put(f"ret i64 {number}")
        self.open = False

    def come_from(self, type_: str, values: Sequence[tuple[str, str]]) -> str:
        """Return the value that belongs to the block that control comes from: `values` are pairs of the two."""
        return self.new(f"phi {type_} " + ", ".join(f"[ {value}, %{block} ]" for value, block in values))
