"""Statements: assignments, conditions, loops, and a function as a whole."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from mipcheck.model.native.arithmetic import arithmetic
from mipcheck.model.native.expressions import CalleeOf, Expressions
from mipcheck.model.native.program import Program, statements_of
from mipcheck.model.native.record import CELL, ELEMENTS
from mipcheck.model.native.views import Operand, View


class Statements(Expressions):
    """A function whose statements can be written."""

    def __init__(self, program: Program, callee_of: CalleeOf, name: str, names: Mapping[str, Operand]) -> None:
        super().__init__(program, callee_of, name, names)
        self._loops: list[tuple[str, str]] = []  # where `continue` and `break` go
        self._broken: set[str] = set()  # the blocks that they go to

    def function(self, function: ast.FunctionDef) -> None:
        """Write all of a function. Raises NativeError if it gives a number but may end without."""
        self.declare(function)
        self.run(statements_of(function))
        if self.open:
            if any(isinstance(node, ast.Return) and node.value is not None for node in ast.walk(function)):
                raise self.refused(None, "a function that may or may not return a number")
            self.ret("0")

    def run(self, statements: Sequence[ast.stmt]) -> None:
        """Write statements, as far as they can be reached."""
        for statement in statements:
            if not self.open:  # after a return or a loop without end
                return
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Pass() | ast.Expr(ast.Constant()):
                pass
            case ast.Expr(ast.Call()):
                self.value(node.value)
            case ast.Assign(targets, value):
                self._assign(targets, value)
            case ast.AugAssign(ast.Name(name), operator, value):
                now = self.integer_of(self.load(node, name), node)
                self.store(node, name, arithmetic(self, node, operator, now, self.integer(value)))
            case ast.AugAssign(ast.Subscript() | ast.Attribute() as target, operator, value):
                type_, place = self.place(target)
                now = self.read(type_, place)  # before the right side, which may change it
                self.write(type_, place, arithmetic(self, node, operator, now, self.integer(value)))
            case ast.If(test, then, other):
                self._if(test, then, other)
            case ast.While(test, body, []):
                self._while(test, body)
            case ast.For(ast.Name(name), ast.Call(ast.Name("range"), bounds, []), body, []):
                self._for(node, name, bounds, body)
            case ast.Break() | ast.Continue() if self._loops:
                label = self._loops[-1][isinstance(node, ast.Break)]
                self._broken.add(label)
                self.go(label)
            case ast.Return(None):
                self.ret("0")
            case ast.Return(value) if value is not None:
                self.ret(self.integer(value))
            case _:
                raise self.refused(node)

    def _assign(self, targets: Sequence[ast.expr], value: ast.expr) -> None:
        several = isinstance(value, ast.Tuple)
        values = [self.value(v) for v in value.elts] if isinstance(value, ast.Tuple) else [self.value(value)]
        for target in targets:
            if several and isinstance(target, ast.Subscript):
                self._fill(target, values)
            elif several:
                if not isinstance(target, ast.Tuple) or len(target.elts) != len(values):
                    raise self.refused(target, "this assignment of a tuple")
                for one, v in zip(target.elts, values, strict=True):
                    if not isinstance(one, ast.Name):
                        self.integer_of(v, value)  # a row of a table would be a view still when it is copied
                    self._put_into(one, v)
            else:
                self._put_into(target, values[0])

    def _put_into(self, target: ast.expr, value: Operand) -> None:
        if isinstance(target, ast.Name):
            self.store(target, target.id, value)
        elif isinstance(target, ast.Subscript) and isinstance(value, View):
            self._copy(target, value)
        elif isinstance(target, ast.Subscript | ast.Attribute):
            self.write(*self.place(target), self.integer_of(value, target))
        else:
            raise self.refused(target)

    def _copy(self, target: ast.Subscript, row: View) -> None:
        """Copy a row of a table onto another, or one row of numbers onto another: as many as both have."""
        if len(row.sizes) == 1 and row.type in ELEMENTS:
            self._move(target, row)
            return
        layout = self.program.layouts.get(row.type)
        if layout is None or row.sizes:
            raise self.refused(target, "an array as a number")
        cells = [self.read(CELL, self.cell(row, n)) for n in range(len(layout.cells))]
        self._fill(target, cells, row.type)

    def _move(self, target: ast.Subscript, numbers: View) -> None:
        to = self.part(target)
        if to.type != numbers.type or len(to.sizes) != 1:
            raise self.refused(target, "this assignment of an array")
        both = self.new(f"call i64 @llvm.smin.i64(i64 {to.sizes[0]}, i64 {numbers.sizes[0]})")
        count = self.new(f"call i64 @llvm.smax.i64(i64 {both}, i64 0)")
        octets = self.new(f"mul i64 {count}, {ELEMENTS[to.type] // 8}")
        moved = f"ptr {to.pointer}, ptr {numbers.pointer}, i64 {octets}, i1 false"
        self.put(f"call void @llvm.memmove.p0.p0.i64({moved})")

    def _fill(self, target: ast.Subscript, values: Sequence[Operand], type_: str = "") -> None:
        """Set all fields of a row of a table, which has to be of type `type_` if that is given."""
        row = self.part(target)
        layout = self.program.layouts.get(row.type)
        if layout is None or row.sizes or len(layout.cells) != len(values) or type_ not in ("", row.type):
            raise self.refused(target, f"this assignment of {type_ or 'a tuple'}")
        for n, value in enumerate(values):
            self.write(CELL, self.cell(row, n), self.integer_of(value, target))

    def _if(self, test: ast.expr, then: Sequence[ast.stmt], other: Sequence[ast.stmt]) -> None:
        yes, no, end = self.label(), self.label(), self.label()
        self.decide(test, yes, no if other else end)
        self.begin(yes)
        self.run(then)
        reached = not other or self.open
        self.go(end)
        if other:
            self.begin(no)
            self.run(other)
            reached = reached or self.open
            self.go(end)
        if reached:
            self.begin(end)

    def _while(self, test: ast.expr, body: Sequence[ast.stmt]) -> None:
        head, inside, end = self.label(), self.label(), self.label()
        self.go(head)
        self.begin(head)
        forever = isinstance(test, ast.Constant) and bool(test.value)
        if forever:
            self.go(inside)
        else:
            self.decide(test, inside, end)
        self.begin(inside)
        self._loop(body, head, end)
        self.go(head)
        if not forever or end in self._broken:
            self.begin(end)

    def _loop(self, body: Sequence[ast.stmt], again: str, end: str) -> None:
        self._loops.append((again, end))
        self.run(body)
        self._loops.pop()

    def _for(self, node: ast.For, name: str, bounds: Sequence[ast.expr], body: Sequence[ast.stmt]) -> None:
        step = self.constant(bounds[2]) if len(bounds) == 3 else 1
        if not step or not 1 <= len(bounds) <= 3:
            raise self.refused(node, "this range")
        start = self.integer(bounds[0]) if len(bounds) > 1 else "0"
        stop = self.integer(bounds[min(1, len(bounds) - 1)])
        counter = f"%{name}.at{self.label()}"
        self.put_first(f"{counter} = alloca i64")
        inside, again, more, end = self.label(), self.label(), self.label(), self.label()
        self.put(f"store i64 {start}, ptr {counter}")
        self.branch(self.new(f"icmp {'slt' if step > 0 else 'sgt'} i64 {start}, {stop}"), inside, end)
        self.begin(inside)
        at = self.new(f"load i64, ptr {counter}")
        self.store(node, name, at)
        self._loop(body, again, end)
        self.go(again)
        # Whether there is another is asked of what is left, since the counter itself might go past the last number.
        self.begin(again)
        left = self.new(f"sub i64 {stop}, {at}" if step > 0 else f"sub i64 {at}, {stop}")
        following = self.new(f"add i64 {at}, {step}")
        self.put(f"store i64 {following}, ptr {counter}")
        if step == 1:
            self.branch(self.new(f"icmp slt i64 {following}, {stop}"), inside, end)
        else:
            self.branch(self.new(f"icmp ugt i64 {left}, {abs(step)}"), more, end)
            self.begin(more)
            self.go(inside)
        self.begin(end)
