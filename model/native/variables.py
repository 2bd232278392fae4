"""The names within a function: its parameters and variables, and the constants of the unit."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeGuard

from mipcheck.model.native.arithmetic import LEAST
from mipcheck.model.native.instructions import Instructions
from mipcheck.model.native.program import Program
from mipcheck.model.native.unit import Kind
from mipcheck.model.native.views import Operand, View, kind_of


class Variables(Instructions):
    """A function whose parameters have the values `names`.

    A name that is assigned to has a place in memory for all its values, which LLVM makes a register of; others stand
    for one value, also one that is assigned to once, by a statement of the function itself. In a function that is one
    expression and becomes part of another, the names are its parameters alone.
    """

    def __init__(self, program: Program, name: str, names: Mapping[str, Operand]) -> None:
        super().__init__(name)
        self.program = program
        self._names: Mapping[str, Operand] = names
        self._slots: dict[str, tuple[Kind, tuple[str, ...]]] = {}
        self._inlined: list[str] = []  # the expressions that are worked out, each within the one before
        self._assigned: set[str] = set()
        self._once: set[str] = set()
        self._values: dict[str, Operand] = {}  # of names that stand for one value

    def declare(self, function: ast.FunctionDef) -> None:
        """Note the names that a function assigns to; its parameters among them get places of their own."""
        stores = Counter(_assigned_in(function.body))
        self._assigned.update(stores)
        for statement in function.body:
            match statement:
                case ast.Assign([ast.Name(name)]) if stores[name] == 1 and name not in self._names:
                    self._once.add(name)
        for name in sorted(self._assigned & self._names.keys()):
            self.slot(function, name, kind_of(self._names[name]))

    @contextmanager
    def within(self, name: str, names: Mapping[str, Operand]) -> Iterator[None]:
        """Let `names` be all the names that there are besides constants: those of an expression, of function `name`."""
        outside, self._names = self._names, names
        self._inlined.append(name)
        yield
        self._inlined.pop()
        self._names = outside

    def is_within(self, name: str) -> bool:
        """Decide whether the expression of a function is being worked out."""
        return name in self._inlined

    # --- variables ----------------------------------------------------------------------------------------------------

    def store(self, node: ast.AST, name: str, value: Operand) -> None:
        """Assign a value to a name. Raises NativeError if it has had values of another kind."""
        if name in self._once and name not in self._slots:
            self._values[name] = value
            return
        self.slot(node, name, kind_of(value))
        kind, slots = self._slots[name]
        for n, (part, slot) in enumerate(zip(_parts_of(value), slots, strict=True)):
            self.put(f"store {'ptr' if kind and n == 0 else 'i64'} {part}, ptr {slot}")

    def slot(self, node: ast.AST, name: str, kind: Kind) -> None:
        """See to it that a name has room for values of a kind. That of a parameter begins with what was passed."""
        start = self._names.get(name)
        before = self._slots[name][0] if name in self._slots else kind if start is None else kind_of(start)
        if before != kind:
            raise self.refused(node, f"{name}, which is not always of one kind,")
        if name in self._slots:
            return
        count = 1 + int(kind.partition(":")[2]) if kind else 1
        slots = tuple(f"%{name}.v{n}" for n in range(count))
        self._slots[name] = kind, slots
        zeros = ["null" if kind else "0", *("0" for _ in slots[1:])]
        for n, (part, slot) in enumerate(zip(zeros if start is None else _parts_of(start), slots, strict=True)):
            type_ = "ptr" if kind and n == 0 else "i64"
            self.put_first(f"{slot} = alloca {type_}")
            self.put_first(f"store {type_} {part}, ptr {slot}")

    def load(self, node: ast.AST, name: str) -> Operand:
        """Return what a name stands for: a variable, a parameter or a constant."""
        if not self._inlined and name in self._assigned:
            if name in self._values:
                return self._values[name]
            if name not in self._slots:  # by the time that it is read it will have been assigned to, further down
                self.slot(node, name, "")
            kind, slots = self._slots[name]
            if not kind:
                return self.new(f"load i64, ptr {slots[0]}")
            sizes = tuple(self.new(f"load i64, ptr {slot}") for slot in slots[1:])
            return View(kind.partition(":")[0], self.new(f"load ptr, ptr {slots[0]}"), sizes)
        if name in self._names:
            return self._names[name]
        if name in self.program.constants:
            return self.literal(node, self.program.constants[name])
        raise self.refused(node, f"the name {name}")

    # --- numbers that are known ---------------------------------------------------------------------------------------

    def integer_of(self, value: Operand, node: ast.AST | None) -> str:
        """Return a value that has to be an integer."""
        if not isinstance(value, str):
            raise self.refused(node, f"{'an array' if value.sizes else 'a record'} as a number")
        return value

    def literal(self, node: ast.AST, number: int) -> str:
        """Return the operand for a number that is known. Raises NativeError if it is not one of 64 bits."""
        if not LEAST <= number < -LEAST:
            raise self.refused(node, f"the number {number}")
        return str(number)

    def constant(self, node: ast.expr) -> int | None:
        """Return the number that an expression stands for whenever it is worked out, None if it is not known."""
        match node:
            case ast.Constant(int() as number):
                return int(number)
            case ast.Name(name) if name not in self._names and (self._inlined or name not in self._assigned):
                return self.program.constants.get(name)
            case ast.Call(ast.Name("ord"), [ast.Constant(str() as letter)], []) if (
                len(letter) == 1 and letter.isascii()
            ):
                return ord(letter)
            case ast.UnaryOp(ast.USub(), operand):
                known = self.constant(operand)
                return None if known is None else -known
        return None


def _assigned_in(body: Iterable[ast.stmt]) -> Iterator[str]:
    """Yield the names that statements assign to, once for each time; no expression here assigns."""
    for statement in body:
        match statement:
            case ast.Assign(targets):
                yield from (n.id for t in targets for n in ast.walk(t) if _is_assigned(n))
            case ast.AugAssign(target) | ast.For(target):
                yield from (n.id for n in ast.walk(target) if _is_assigned(n))
        for inner in (getattr(statement, "body", ()), getattr(statement, "orelse", ())):
            yield from _assigned_in(inner)


def _is_assigned(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _parts_of(value: Operand) -> Sequence[str]:
    return [value] if isinstance(value, str) else [value.pointer, *value.sizes]
