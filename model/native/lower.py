"""Plain Python source over integers and arrays → LLVM's assembly.

The subset: functions of positional parameters whose variables are integers or (parts of) arrays; assignment, also of
several at once; `if`, `while`, `for … in range(…)`, `break`, `continue`, `return`; arithmetic, comparisons, `and`,
`or`, `not`, `in` a tuple, `… if … else …`; calls among the functions and of `min`, `max`, `abs`, `int`, `bool`, `len`;
indices and slices, and global integers; `ord` of a character of ASCII. Types are not declared: a function is lowered
once for each kind of arguments that it is called with. Anything else raises NativeError, which names it and the line.

Records (`record.py`) are values too, and their fields are read and written by name: `s.late += 1`, `s.time[row]`,
`s.rows[row].token`. A record is passed, and bound to a name, as a view: `row = s.rows[at]` is no copy. Assigning to a
row of a table copies all its fields, or takes them from a tuple: `s.rows[to] = s.rows[at]`, `s.heap[at] = time, row`.

Meaning is Python's, with integers of 64 bits that wrap. What raises in Python must not happen: division by zero gives
zero, a shift by a negative number counts as one by many, and an index must lie within the array: it is not looked at, a
negative one does not count from the end, and a slice is not cut off.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from mipcheck.model.native.record import CELL, ELEMENTS, Layout
from mipcheck.model.native.unit import ENTRY, Kind, NativeError, Unit
from mipcheck.model.values.nearest import nearest

_LONG: Final = 600
"""Instructions from which on a function is called; what is shorter becomes part of its callers."""

_ARITHMETIC: Final[dict[type[ast.operator], str]] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.BitAnd: "and", ast.BitOr: "or", ast.BitXor: "xor",
}  # fmt: skip
_COMPARISON: Final[dict[type[ast.cmpop], str]] = {
    ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "slt", ast.LtE: "sle", ast.Gt: "sgt", ast.GtE: "sge",
}  # fmt: skip
_INTRINSICS: Final = """
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.umin.i64(i64, i64)
!0 = !{}
"""
_FIXED: Final = "!invariant.load !0"
"""Of a load: what is there stays as it is while native code runs, so that it need not be loaded again."""
_LEAST: Final = -(2**63)


@dataclass(frozen=True, slots=True)
class View:
    """An array or a part of one, row after row: its element type, where it begins, and its size in each dimension.

    Without dimensions it is one element: a record, or the place of an integer.
    """

    type: str
    pointer: str
    sizes: tuple[str, ...]


Value = str | View
"""An operand of 64 bits, or a view."""


def assembly(unit: Unit) -> str:
    """A module whose public functions are ENTRY and what the unit exports, by their names.

    Of a function that it is given it has the place for a pointer, by the function's name, to be filled in.

    Raises NativeError for what is not in the subset.
    """
    return _Module(unit).text()


def _kind_of(value: Value) -> Kind:
    return "" if isinstance(value, str) else f"{value.type}:{len(value.sizes)}"


def _example(kind: Kind) -> Value:
    """Some value of a kind."""
    type_, _, dimensions = kind.partition(":")
    return View(type_, "", ("",) * int(dimensions)) if kind else ""


def _passed(arguments: Sequence[Value]) -> str:
    parts: list[str] = []
    for argument in arguments:
        if isinstance(argument, str):
            parts.append(f"i64 {argument}")
        else:
            parts += [f"ptr {argument.pointer}", *(f"i64 {size}" for size in argument.sizes)]
    return ", ".join(parts)


class _Module:
    def __init__(self, unit: Unit) -> None:
        self.unit, self.constants = unit, unit.constants
        self.functions: dict[str, ast.FunctionDef] = {}
        for source in unit.sources:
            for node in ast.parse(source).body:
                if isinstance(node, ast.FunctionDef) and node.name not in unit.given:
                    self.functions[node.name] = node
        self.expressions: dict[str, ast.expr] = {}
        for name, function in self.functions.items():
            body = _statements(function)
            if len(body) == 1 and isinstance(body[0], ast.Return) and body[0].value is not None:
                self.expressions[name] = body[0].value
        self.layouts: dict[str, Layout] = {}
        for layout in unit.record.__layout__.all() if unit.record else ():
            if self.layouts.setdefault(layout.name, layout).described() != layout.described():
                raise NativeError(f"there are two records named {layout.name}")
        self._simple: dict[str, bool] = {}
        self._symbols: dict[tuple[str, tuple[Kind, ...]], str | None] = {}
        self._texts: list[str] = []
        self.lengths: dict[str, int] = {}
        """By symbol, how many instructions a call comes to."""

    def text(self) -> str:
        if self.unit.record is not None:
            self._entry(self.unit.record.__name__)
        for name, kinds in self.unit.exports.items():
            self._define(name, self._function(name), [_example(kind) for kind in kinds], public=True)
        places = [f"@{name} = dso_local global ptr null" for name in self.unit.given]
        return "\n".join([_INTRINSICS, *places, *self._texts])

    def _function(self, name: str) -> ast.FunctionDef:
        if name not in self.functions:
            raise NativeError(f"there is no function {name}")
        return self.functions[name]

    def _entry(self, record_name: str) -> None:
        entry = self.unit.entry
        body, record = _Body(self, entry, {}), View(record_name, "%s.", ())
        body.give(body.call_of(self._function(entry), [record]))
        self._texts.append(f"define i64 @{ENTRY}({self.parameter(record)}) nounwind {{\n{body.text()}}}\n")

    def symbol(self, function: ast.FunctionDef, arguments: Sequence[Value]) -> str:
        """The name of a function as it is for arguments of these kinds."""
        key = function.name, tuple(map(_kind_of, arguments))
        if key in self._symbols:
            found = self._symbols[key]
            if found is None:
                raise NativeError(f"{function.name} calls itself")
            return found
        self._symbols[key] = None
        symbol = f"{function.name}.{len(self._symbols)}"
        self._define(symbol, function, arguments)
        self._symbols[key] = symbol
        return symbol

    def _define(self, symbol: str, function: ast.FunctionDef, arguments: Sequence[Value], public: bool = False) -> None:
        names: dict[str, Value] = {}
        parameters: list[str] = []
        for name, argument in zip(_parameters(function), arguments, strict=True):
            if isinstance(argument, View):
                sizes = tuple(f"%{name}.{n}" for n in range(len(argument.sizes)))
                view = names[name] = View(argument.type, f"%{name}.", sizes)
                parameters += [self.parameter(view), *(f"i64 {size}" for size in sizes)]
            else:
                names[name] = f"%{name}."
                parameters.append(f"i64 %{name}.")
        body = _Body(self, function.name, names)
        body.function(function)
        inline = "noinline" if body.length > _LONG or public else "alwaysinline"
        self.lengths[symbol] = 1 if body.length > _LONG else body.length
        define = "define" if public else "define internal"
        self._texts.append(f"{define} i64 @{symbol}({', '.join(parameters)}) nounwind {inline} {{\n{body.text()}}}\n")

    def parameter(self, view: View) -> str:
        """The declaration of a view's pointer. A record with arrays is no row: its pointer may be followed at once."""
        layout = self.layouts.get(view.type)
        if layout is None or view.sizes or not layout.fields:
            return f"ptr {view.pointer}"
        return f"ptr dereferenceable({8 * len(layout.places)}) align 8 {view.pointer}"

    def is_simple(self, node: ast.expr) -> bool:
        """Whether working an expression out can do no harm and takes no time, wanted or not."""
        match node:
            case ast.Name() | ast.Constant():
                return True
            case ast.UnaryOp(_, operand):
                return self.is_simple(operand)
            case ast.BinOp(left, operator, right):
                cheap = not isinstance(operator, ast.FloorDiv | ast.Mod)
                return cheap and self.is_simple(left) and self.is_simple(right)
            case ast.Compare(left, _, others):
                return self.is_simple(left) and all(map(self.is_simple, others))
            case ast.BoolOp(_, values) | ast.Tuple(values):
                return all(map(self.is_simple, values))
            case ast.IfExp(test, then, other):
                return self.is_simple(test) and self.is_simple(then) and self.is_simple(other)
            case ast.Call(ast.Name(name), arguments):
                if name in self.functions:
                    if name not in self._simple:
                        self._simple[name] = False  # one that calls itself
                        self._simple[name] = name in self.expressions and self.is_simple(self.expressions[name])
                    return self._simple[name] and all(map(self.is_simple, arguments))
                return name not in self.unit.given and all(map(self.is_simple, arguments))
        return False


class _Body:
    """Instructions of one function, block by block. `names` are its parameters."""

    def __init__(self, module: _Module, name: str, names: Mapping[str, Value]) -> None:
        self._module, self._name = module, name
        self._names: Mapping[str, Value] = names
        self._slots: dict[str, tuple[Kind, tuple[str, ...]]] = {}
        self._start: list[str] = []
        self._lines: list[str] = []
        self._count = 0
        self._labels = 0
        self._called = 0
        self._block = "start"
        self._open = True  # whether what comes next can be reached
        self._loops: list[tuple[str, str]] = []  # where `continue` and `break` go
        self._broken: set[str] = set()
        self._inlined: list[str] = []
        self._own: set[str] = set()  # names that are assigned to somewhere
        # Of records that are parameters, and of their parts, arrays are loaded where the function starts.
        self._known = {view.pointer for view in names.values() if isinstance(view, View)}
        self._fields: dict[tuple[str, str], View] = {}

    # --- text -------------------------------------------------------------------------------------------------------

    @property
    def length(self) -> int:
        """Instructions, those of what becomes part of it included: else functions could grow without bounds."""
        return len(self._lines) + self._called

    def text(self) -> str:
        return "start:\n" + "".join(f"  {line}\n" for line in self._start) + "\n".join(self._lines) + "\n"

    def put(self, line: str) -> None:
        self._lines.append(f"  {line}")

    def give(self, value: Value) -> None:
        """Return a number."""
        self.put(f"ret i64 {self._integer_of(value, None)}")

    def _new(self, instruction: str) -> str:
        self._count += 1
        self._lines.append(f"  %.{self._count} = {instruction}")
        return f"%.{self._count}"

    def _label(self) -> str:
        self._labels += 1
        return f"b{self._labels}"

    def _begin(self, label: str) -> None:
        self._lines.append(f"{label}:")
        self._block, self._open = label, True

    def _go(self, label: str) -> None:
        if self._open:
            self.put(f"br label %{label}")
            self._open = False

    def _branch(self, condition: str, then: str, other: str) -> None:
        self.put(f"br i1 {condition}, label %{then}, label %{other}")
        self._open = False

    def function(self, function: ast.FunctionDef) -> None:
        """All of a function."""
        gives = False
        for node in ast.walk(function):
            if isinstance(node, ast.Name):
                if isinstance(node.ctx, ast.Store):
                    self._own.add(node.id)
            elif isinstance(node, ast.Return):
                gives = gives or node.value is not None
        for name in sorted(self._own & self._names.keys()):
            self._slot(function, name, _kind_of(self._names[name]))
        self.run(_statements(function))
        self._finish(gives)

    def _finish(self, gives: bool) -> None:
        """End a function; one that gives a number must not end without."""
        if self._open:
            if gives:
                raise self._refused(None, "a function that may or may not return a number")
            self.put("ret i64 0")

    def _refused(self, node: ast.AST | None, what: str = "") -> NativeError:
        where = f", line {node.lineno}" if isinstance(node, ast.stmt | ast.expr) else ""
        return NativeError(f"{what or type(node).__name__} cannot be compiled ({self._name}{where})")

    # --- statements -------------------------------------------------------------------------------------------------

    def run(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            if not self._open:  # after a return or a loop without end
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
                now = self._integer_of(self._load(node, name), node)
                self._store(node, name, self._arithmetic(node, operator, now, self.integer(value)))
            case ast.AugAssign(ast.Subscript() | ast.Attribute() as target, operator, value):
                type_, place = self._place(target)
                now = self._read(type_, place)  # before the right side, which may change it
                self._write(type_, place, self._arithmetic(node, operator, now, self.integer(value)))
            case ast.If(test, then, other):
                self._if(test, then, other)
            case ast.While(test, body, []):
                self._while(test, body)
            case ast.For(ast.Name(name), ast.Call(ast.Name("range"), bounds, []), body, []):
                self._for(node, name, bounds, body)
            case ast.Break() | ast.Continue() if self._loops:
                label = self._loops[-1][isinstance(node, ast.Break)]
                self._broken.add(label)
                self._go(label)
            case ast.Return(None):
                self.put("ret i64 0")
                self._open = False
            case ast.Return(value) if value is not None:
                self.put(f"ret i64 {self.integer(value)}")
                self._open = False
            case _:
                raise self._refused(node)

    def _assign(self, targets: Sequence[ast.expr], value: ast.expr) -> None:
        several = isinstance(value, ast.Tuple)
        values = [self.value(v) for v in value.elts] if isinstance(value, ast.Tuple) else [self.value(value)]
        for target in targets:
            if several and isinstance(target, ast.Subscript):
                self._fill(target, values)
            elif several:
                if not isinstance(target, ast.Tuple) or len(target.elts) != len(values):
                    raise self._refused(target, "this assignment of a tuple")
                for one, v in zip(target.elts, values, strict=True):
                    if not isinstance(one, ast.Name):
                        self._integer_of(v, value)  # a row of a table would be a view still when it is copied
                    self._put_into(one, v)
            else:
                self._put_into(target, values[0])

    def _put_into(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Name):
            self._store(target, target.id, value)
        elif isinstance(target, ast.Subscript) and isinstance(value, View):
            self._copy(target, value)
        elif isinstance(target, ast.Subscript | ast.Attribute):
            self._write(*self._place(target), self._integer_of(value, target))
        else:
            raise self._refused(target)

    def _copy(self, target: ast.Subscript, row: View) -> None:
        """Copy a row of a table onto another."""
        layout = self._module.layouts.get(row.type)
        if layout is None or row.sizes:
            raise self._refused(target, "an array as a number")
        cells = [self._read(CELL, self._cell(row, n)) for n in range(len(layout.cells))]
        self._fill(target, cells, row.type)

    def _fill(self, target: ast.Subscript, values: Sequence[Value], type_: str = "") -> None:
        """Set all fields of a row of a table, which has to be of type `type_` if that is given."""
        row = self._part(target)
        layout = self._module.layouts.get(row.type)
        if layout is None or row.sizes or len(layout.cells) != len(values) or type_ not in ("", row.type):
            raise self._refused(target, f"this assignment of {type_ or 'a tuple'}")
        for n, value in enumerate(values):
            self._write(CELL, self._cell(row, n), self._integer_of(value, target))

    def _if(self, test: ast.expr, then: Sequence[ast.stmt], other: Sequence[ast.stmt]) -> None:
        yes, no, end = self._label(), self._label(), self._label()
        self._decide(test, yes, no if other else end)
        self._begin(yes)
        self.run(then)
        reached = not other or self._open
        self._go(end)
        if other:
            self._begin(no)
            self.run(other)
            reached = reached or self._open
            self._go(end)
        if reached:
            self._begin(end)

    def _while(self, test: ast.expr, body: Sequence[ast.stmt]) -> None:
        head, inside, end = self._label(), self._label(), self._label()
        self._go(head)
        self._begin(head)
        forever = isinstance(test, ast.Constant) and bool(test.value)
        if forever:
            self._go(inside)
        else:
            self._decide(test, inside, end)
        self._begin(inside)
        self._loop(body, head, end)
        self._go(head)
        if not forever or end in self._broken:
            self._begin(end)

    def _loop(self, body: Sequence[ast.stmt], again: str, end: str) -> None:
        self._loops.append((again, end))
        self.run(body)
        self._loops.pop()

    def _for(self, node: ast.For, name: str, bounds: Sequence[ast.expr], body: Sequence[ast.stmt]) -> None:
        step = self._constant(bounds[2]) if len(bounds) == 3 else 1
        if not step or not 1 <= len(bounds) <= 3:
            raise self._refused(node, "this range")
        start = self.integer(bounds[0]) if len(bounds) > 1 else "0"
        stop = self.integer(bounds[min(1, len(bounds) - 1)])
        counter = f"%{name}.at{self._label()}"
        self._start.append(f"{counter} = alloca i64")
        inside, again, more, end = self._label(), self._label(), self._label(), self._label()
        self.put(f"store i64 {start}, ptr {counter}")
        self._branch(self._new(f"icmp {'slt' if step > 0 else 'sgt'} i64 {start}, {stop}"), inside, end)
        self._begin(inside)
        at = self._new(f"load i64, ptr {counter}")
        self._store(node, name, at)
        self._loop(body, again, end)
        self._go(again)
        # Whether there is another is asked of what is left, since the counter itself might go past the last number.
        self._begin(again)
        left = self._new(f"sub i64 {stop}, {at}" if step > 0 else f"sub i64 {at}, {stop}")
        following = self._new(f"add i64 {at}, {step}")
        self.put(f"store i64 {following}, ptr {counter}")
        if step == 1:
            self._branch(self._new(f"icmp slt i64 {following}, {stop}"), inside, end)
        else:
            self._branch(self._new(f"icmp ugt i64 {left}, {abs(step)}"), more, end)
            self._begin(more)
            self._go(inside)
        self._begin(end)

    # --- variables --------------------------------------------------------------------------------------------------

    def _store(self, node: ast.AST, name: str, value: Value) -> None:
        self._slot(node, name, _kind_of(value))
        parts = [value] if isinstance(value, str) else [value.pointer, *value.sizes]
        kind, slots = self._slots[name]
        for n, (part, slot) in enumerate(zip(parts, slots, strict=True)):
            self.put(f"store {'ptr' if kind and n == 0 else 'i64'} {part}, ptr {slot}")

    def _slot(self, node: ast.AST, name: str, kind: Kind) -> None:
        if name not in self._slots:
            count = 1 + int(kind.partition(":")[2]) if kind else 1
            slots = tuple(f"%{name}.v{n}" for n in range(count))
            self._slots[name] = kind, slots
            start: Value | None = self._names.get(name)
            first = [None] if start is None else [start] if isinstance(start, str) else [start.pointer, *start.sizes]
            for n, slot in enumerate(slots):
                pointer = bool(kind) and n == 0
                self._start.append(f"{slot} = alloca {'ptr' if pointer else 'i64'}")
                if start is not None and _kind_of(start) == kind:
                    self._start.append(f"store {'ptr' if pointer else 'i64'} {first[n]}, ptr {slot}")
                else:
                    self._start.append(f"store {'ptr null' if pointer else 'i64 0'}, ptr {slot}")
            if start is not None and _kind_of(start) != kind:
                raise self._refused(node, f"{name}, which is not always of one kind,")
        elif self._slots[name][0] != kind:
            raise self._refused(node, f"{name}, which is not always of one kind,")

    def _load(self, node: ast.AST, name: str) -> Value:
        if not self._inlined and name in self._own:
            if name not in self._slots:  # by the time that it is read it will have been assigned to, further down
                self._slot(node, name, "")
            kind, slots = self._slots[name]
            if not kind:
                return self._new(f"load i64, ptr {slots[0]}")
            sizes = tuple(self._new(f"load i64, ptr {slot}") for slot in slots[1:])
            return View(kind.partition(":")[0], self._new(f"load ptr, ptr {slots[0]}"), sizes)
        if name in self._names:
            return self._names[name]
        if name in self._module.constants:
            return self._literal(node, self._module.constants[name])
        raise self._refused(node, f"the name {name}")

    # --- arrays -----------------------------------------------------------------------------------------------------

    def _place(self, node: ast.Subscript | ast.Attribute) -> tuple[str, str]:
        """The type of an element that is written to, and a pointer to it."""
        found = self._part(node) if isinstance(node, ast.Subscript) else self._field(node, written=True)
        if found.sizes:
            raise self._refused(node, "a part of an array as a number")
        if found.type not in ELEMENTS:
            raise self._refused(node, "a record as a number")
        return found.type, found.pointer

    def _part(self, node: ast.Subscript) -> View:
        view = self.value(node.value)
        if isinstance(view, str):
            raise self._refused(node, "an index of a number")
        if isinstance(node.slice, ast.Slice):
            if node.slice.step is not None:
                raise self._refused(node, "a slice with steps")
            if not view.sizes:
                raise self._refused(node, "a slice of a record")
            low = self.integer(node.slice.lower) if node.slice.lower else "0"
            high = self.integer(node.slice.upper) if node.slice.upper else view.sizes[0]
            size = self._new(f"sub i64 {high}, {low}")
            return View(view.type, self._moved(view, low), (size, *view.sizes[1:]))
        indices = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if len(indices) > len(view.sizes):
            raise self._refused(node, "an index too many")
        for index in indices:
            number = self._constant(index)
            if number is not None and number < 0:
                raise self._refused(node, "an index from the end")
            view = View(view.type, self._moved(view, self.integer(index)), view.sizes[1:])
        return view

    def _moved(self, view: View, index: str) -> str:
        for size in view.sizes[1:]:
            index = self._new(f"mul i64 {index}, {size}")
        layout = self._module.layouts.get(view.type)
        element = f"i{ELEMENTS[view.type]}" if layout is None else f"[{len(layout.cells)} x i64]"
        return self._new(f"getelementptr {element}, ptr {view.pointer}, i64 {index}")

    def _element(self, view: View) -> Value:
        """An integer as it is now; a part of an array and a record as a view."""
        return self._read(view.type, view.pointer) if not view.sizes and view.type in ELEMENTS else view

    def _read(self, type_: str, place: str) -> str:
        bits = ELEMENTS[type_]
        found = self._new(f"load i{bits}, ptr {place}")
        if bits == 64:
            return found
        return self._new(f"{'zext' if type_[0] == 'u' else 'sext'} i{bits} {found} to i64")

    def _write(self, type_: str, place: str, value: str) -> None:
        bits = ELEMENTS[type_]
        if bits < 64:
            value = self._new(f"trunc i64 {value} to i{bits}")
        self.put(f"store i{bits} {value}, ptr {place}")

    # --- records ----------------------------------------------------------------------------------------------------

    def _field(self, node: ast.Attribute, written: bool = False) -> View:
        """The place of a cell, or an array or record."""
        owner = self.value(node.value)
        layout = self._module.layouts.get(owner.type) if isinstance(owner, View) and not owner.sizes else None
        if layout is None or isinstance(owner, str):
            raise self._refused(node, f"the attribute {node.attr} of what is no record")
        if node.attr not in layout.places:
            raise self._refused(
                node, f"{node.attr}, which {layout.name} does not have ({nearest(node.attr, layout.places)}),"
            )
        if node.attr in layout.fields:
            if written:
                raise self._refused(node, f"an assignment to {node.attr} as a whole")
            return self._array(owner, layout, node.attr)
        if written and node.attr in layout.sizes:
            raise self._refused(node, f"an assignment to {node.attr}, which says how large arrays are,")
        return View(CELL, self._cell(owner, layout.places[node.attr]), ())

    def _cell(self, record: View, n: int) -> str:
        return self._new(f"getelementptr i64, ptr {record.pointer}, i64 {n}")

    def _array(self, record: View, layout: Layout, name: str) -> View:
        """An array, table or part of a record; where it is and its sizes stay what they are."""
        if record.pointer not in self._known:
            return self._loaded(record, layout, name)
        key = record.pointer, name
        if key not in self._fields:
            lines, self._lines = self._lines, []
            found = self._fields[key] = self._loaded(record, layout, name)
            self._start += [line.lstrip() for line in self._lines]
            self._called += len(self._lines)
            self._lines = lines
            if not layout.fields[name].shape:
                self._known.add(found.pointer)
        return self._fields[key]

    def _loaded(self, record: View, layout: Layout, name: str) -> View:
        field = layout.fields[name]
        pointer = self._new(f"load ptr, ptr {self._cell(record, layout.places[name])}, {_FIXED}")
        cells = [(n, self._cell(record, layout.places[n])) for n in sorted(field.cells)]
        sizes = {n: self._new(f"load i64, ptr {place}, {_FIXED}") for n, place in cells}
        shape = [ast.parse(size, mode="eval").body for size in field.shape]
        return View(field.type, pointer, tuple(self._with(sizes, size) for size in shape))

    def _with(self, names: Mapping[str, Value], node: ast.expr) -> str:
        """An expression in which names have these values."""
        outside, self._names = self._names, names
        self._inlined.append("")
        found = self.integer(node)
        self._inlined.pop()
        self._names = outside
        return found

    # --- expressions ------------------------------------------------------------------------------------------------

    def integer(self, node: ast.expr) -> str:
        return self._integer_of(self.value(node), node)

    def _integer_of(self, value: Value, node: ast.AST | None) -> str:
        if not isinstance(value, str):
            raise self._refused(node, f"{'an array' if value.sizes else 'a record'} as a number")
        return value

    def _literal(self, node: ast.AST, number: int) -> str:
        if not _LEAST <= number < -_LEAST:
            raise self._refused(node, f"the number {number}")
        return str(number)

    def _constant(self, node: ast.expr) -> int | None:
        match node:
            case ast.Constant(int() as number):
                return int(number)
            case ast.Name(name) if name not in self._names and (self._inlined or name not in self._own):
                return self._module.constants.get(name)
            case ast.Call(ast.Name("ord"), [ast.Constant(str() as letter)], []) if (
                len(letter) == 1 and letter.isascii()
            ):
                return ord(letter)
            case ast.UnaryOp(ast.USub(), operand):
                known = self._constant(operand)
                return None if known is None else -known
        return None

    def value(self, node: ast.expr) -> Value:
        """An operand for what an expression gives."""
        match node:
            case ast.Constant(int() as number):
                return self._literal(node, int(number))
            case ast.Name(name):
                return self._load(node, name)
            case ast.UnaryOp(ast.USub(), operand):
                known = self._constant(operand)
                if known is not None and known != _LEAST:  # which wraps to itself
                    return self._literal(node, -known)
                return self._new(f"sub i64 0, {self.integer(operand)}")
            case ast.UnaryOp(ast.UAdd(), operand):
                return self.integer(operand)
            case ast.UnaryOp(ast.Invert(), operand):
                return self._new(f"xor i64 {self.integer(operand)}, -1")
            case ast.UnaryOp(ast.Not()) | ast.Compare():
                return self._new(f"zext i1 {self._condition(node)} to i64")
            case ast.BinOp(left, operator, right):
                return self._arithmetic(node, operator, self.integer(left), self.integer(right))
            case ast.BoolOp(operator, values):
                return self._last(values, isinstance(operator, ast.And))
            case ast.IfExp(test, then, other):
                return self._choice(node, test, then, other)
            case ast.Subscript():
                return self._element(self._part(node))
            case ast.Attribute():
                return self._element(self._field(node))
            case ast.Call(ast.Name(name), arguments, []):
                return self._call(node, name, arguments)
        raise self._refused(node)

    def _arithmetic(self, node: ast.AST, operator: ast.operator, left: str, right: str) -> str:
        if type(operator) in _ARITHMETIC:
            return self._new(f"{_ARITHMETIC[type(operator)]} i64 {left}, {right}")
        if isinstance(operator, ast.RShift):
            most = self._least_unsigned(right, 63)
            return self._new(f"ashr i64 {left}, {most}")
        if isinstance(operator, ast.LShift):
            shifted = self._new(f"shl i64 {left}, {self._least_unsigned(right, 63)}")
            if right.isdecimal():
                return shifted if int(right) < 64 else "0"
            return self._new(f"select i1 {self._new(f'icmp ult i64 {right}, 64')}, i64 {shifted}, i64 0")
        if isinstance(operator, ast.FloorDiv):
            return self._divided(left, right)[0]
        if isinstance(operator, ast.Mod):
            return self._divided(left, right)[1]
        raise self._refused(node, type(operator).__name__)

    def _least_unsigned(self, operand: str, most: int) -> str:
        if operand.isdecimal():
            return str(min(int(operand), most))
        return self._new(f"call i64 @llvm.umin.i64(i64 {operand}, i64 {most})")

    def _divided(self, left: str, right: str) -> tuple[str, str]:
        """Quotient and remainder, rounded down; of zero and of -1, by which processors do not like to divide, too."""
        if right in ("0", "-1"):
            return ("0", "0") if right == "0" else (self._new(f"sub i64 0, {left}"), "0")
        divisor = right
        odd = ""
        if not right.lstrip("-").isdecimal():
            odd = self._new(f"icmp ult i64 {self._new(f'add i64 {right}, 1')}, 2")
            divisor = self._new(f"select i1 {odd}, i64 1, i64 {right}")
        quotient, rest = self._new(f"sdiv i64 {left}, {divisor}"), self._new(f"srem i64 {left}, {divisor}")
        signs = self._new(f"icmp slt i64 {self._new(f'xor i64 {rest}, {divisor}')}, 0")
        down = self._new(f"and i1 {self._new(f'icmp ne i64 {rest}, 0')}, {signs}")
        quotient = self._new(f"sub i64 {quotient}, {self._new(f'zext i1 {down} to i64')}")
        rest = self._new(f"add i64 {rest}, {self._new(f'select i1 {down}, i64 {divisor}, i64 0')}")
        if odd:
            # -1 times the left side, or 0 times it.
            quotient = self._new(f"select i1 {odd}, i64 {self._new(f'mul i64 {left}, {right}')}, i64 {quotient}")
            rest = self._new(f"select i1 {odd}, i64 0, i64 {rest}")
        return quotient, rest

    def _call(self, node: ast.Call, name: str, arguments: Sequence[ast.expr]) -> Value:
        if name in self._module.functions:
            function = self._module.functions[name]
            return self.call_of(function, [self.value(a) for a in arguments])
        if name in self._module.unit.given:
            return self._call_given(name, [self.value(a) for a in arguments])
        if name == "ord":
            known = self._constant(node)
            if known is None:
                raise self._refused(node, "ord of what is no character of ASCII")
            return str(known)
        if name == "len" and len(arguments) == 1:
            view = self.value(arguments[0])
            if isinstance(view, View):
                return view.sizes[0]
        if name == "int" and len(arguments) == 1:
            return self.integer(arguments[0])
        if name == "bool" and len(arguments) == 1:
            return self._new(f"zext i1 {self._condition(arguments[0])} to i64")
        if name == "abs" and len(arguments) == 1:
            number = self.integer(arguments[0])
            return self._new(f"call i64 @llvm.smax.i64(i64 {number}, i64 {self._new(f'sub i64 0, {number}')})")
        if name in ("min", "max") and len(arguments) > 1:
            found, *others = [self.integer(a) for a in arguments]
            for other in others:
                found = self._new(f"call i64 @llvm.s{name}.i64(i64 {found}, i64 {other})")
            return found
        raise self._refused(node, f"a call of {name}")

    def call_of(self, function: ast.FunctionDef, arguments: Sequence[Value]) -> Value:
        parameters = _parameters(function)
        if len(parameters) != len(arguments):
            raise self._refused(None, f"a call of {function.name} with {len(arguments)} arguments")
        expression = self._module.expressions.get(function.name)
        if expression is not None:
            if function.name in self._inlined:
                raise NativeError(f"{function.name} calls itself")
            outside = self._names
            self._names = dict(zip(parameters, arguments, strict=True))
            self._inlined.append(function.name)
            found = self.value(expression)
            self._inlined.pop()
            self._names = outside
            return found
        symbol = self._module.symbol(function, arguments)
        self._called += self._module.lengths[symbol]
        return self._new(f"call i64 @{symbol}({_passed(arguments)})")

    def _call_given(self, name: str, arguments: Sequence[Value]) -> Value:
        kinds = tuple(map(_kind_of, arguments))
        if kinds != tuple(self._module.unit.given[name]):
            raise self._refused(None, f"a call of {name} with {kinds}")
        function = self._new(f"load ptr, ptr @{name}")
        return self._new(f"call i64 {function}({_passed(arguments)})")

    # --- truth ------------------------------------------------------------------------------------------------------

    def _condition(self, node: ast.expr) -> str:
        """Whether an expression is true, as an operand of one bit."""
        match node:
            case ast.Compare(left, operators, others):
                return self._compared(node, left, operators, others)
            case ast.UnaryOp(ast.Not(), operand):
                return self._new(f"xor i1 {self._condition(operand)}, true")
            case ast.Call(ast.Name("bool"), [operand], []):
                return self._condition(operand)
            case ast.Constant(int() as number):
                return "true" if number else "false"
            case ast.BoolOp(operator, values):
                both = isinstance(operator, ast.And)
                return self._chain([partial(self._condition, v) for v in values], values[1:], both)
        return self._new(f"icmp ne i64 {self.integer(node)}, 0")

    def _chain(self, conditions: Sequence[Callable[[], str]], later: Sequence[ast.expr], both: bool) -> str:
        """Conditions one after another, as long as they do not decide; at once, if that does no harm."""
        found = conditions[0]()
        if all(map(self._module.is_simple, later)):
            for condition in conditions[1:]:
                found = self._new(f"{'and' if both else 'or'} i1 {found}, {condition()}")
            return found
        end = self._label()
        come: list[tuple[str, str]] = []
        for condition in conditions[1:]:
            come.append(("false" if both else "true", self._block))
            following = self._label()
            self._branch(found, *((following, end) if both else (end, following)))
            self._begin(following)
            found = condition()
        come.append((found, self._block))
        self._go(end)
        self._begin(end)
        return self._new("phi i1 " + ", ".join(f"[ {v}, %{b} ]" for v, b in come))

    def _compared(
        self, node: ast.Compare, left: ast.expr, operators: Sequence[ast.cmpop], others: Sequence[ast.expr]
    ) -> str:
        if len(operators) == 1 and isinstance(operators[0], ast.In | ast.NotIn):
            among = others[0]
            if not isinstance(among, ast.Tuple):
                raise self._refused(node, "this `in`")
            sought, found = self.integer(left), "false"
            for element in among.elts:
                found = self._new(f"or i1 {found}, {self._new(f'icmp eq i64 {sought}, {self.integer(element)}')}")
            return self._new(f"xor i1 {found}, true") if isinstance(operators[0], ast.NotIn) else found
        operand = self.integer(left)

        def next_of(operator: ast.cmpop, other: ast.expr) -> str:
            nonlocal operand
            if type(operator) not in _COMPARISON:
                raise self._refused(node, type(operator).__name__)
            before, operand = operand, self.integer(other)
            return self._new(f"icmp {_COMPARISON[type(operator)]} i64 {before}, {operand}")

        conditions = [partial(next_of, o, v) for o, v in zip(operators, others, strict=True)]
        return self._chain(conditions, others[1:], True)

    def _decide(self, node: ast.expr, yes: str, no: str) -> None:
        """Go one way or the other."""
        match node:
            case ast.UnaryOp(ast.Not(), operand):
                self._decide(operand, no, yes)
            case ast.BoolOp(operator, [*first, last]) if not all(map(self._module.is_simple, node.values[1:])):
                for one in first:
                    following = self._label()
                    self._decide(one, *((following, no) if isinstance(operator, ast.And) else (yes, following)))
                    self._begin(following)
                self._decide(last, yes, no)
            case _:
                self._branch(self._condition(node), yes, no)

    def _last(self, values: Sequence[ast.expr], both: bool) -> str:
        """`and` and `or` as Python has them: the value that decides."""
        if all(map(_is_truth, values)):
            node = ast.BoolOp(ast.And() if both else ast.Or(), list(values))
            return self._new(f"zext i1 {self._condition(node)} to i64")
        found = self.integer(values[0])
        end = self._label()
        come: list[tuple[str, str]] = []
        for value in values[1:]:
            come.append((found, self._block))
            following = self._label()
            truth = self._new(f"icmp ne i64 {found}, 0")
            self._branch(truth, *((following, end) if both else (end, following)))
            self._begin(following)
            found = self.integer(value)
        come.append((found, self._block))
        self._go(end)
        self._begin(end)
        return self._new("phi i64 " + ", ".join(f"[ {v}, %{b} ]" for v, b in come))

    def _choice(self, node: ast.expr, test: ast.expr, then: ast.expr, other: ast.expr) -> str:
        simple = self._module.is_simple
        if simple(then) and simple(other):
            condition = self._condition(test)
            return self._new(f"select i1 {condition}, i64 {self.integer(then)}, i64 {self.integer(other)}")
        yes, no, end = self._label(), self._label(), self._label()
        self._decide(test, yes, no)
        come = []
        for label, value in ((yes, then), (no, other)):
            self._begin(label)
            come.append((self.integer(value), self._block))
            self._go(end)
        self._begin(end)
        return self._new("phi i64 " + ", ".join(f"[ {v}, %{b} ]" for v, b in come))


def _statements(function: ast.FunctionDef) -> list[ast.stmt]:
    """What a function does, without its docstring."""
    first = function.body[0]
    return function.body[isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) :]


def _parameters(function: ast.FunctionDef) -> list[str]:
    a = function.args
    if a.posonlyargs or a.kwonlyargs or a.vararg or a.kwarg or a.defaults:
        raise NativeError(f"parameters of {function.name} cannot be compiled")
    if function.decorator_list:
        raise NativeError(f"decorators of {function.name} cannot be compiled")
    return [p.arg for p in a.args]


def _is_truth(node: ast.expr) -> bool:
    match node:
        case ast.Compare() | ast.UnaryOp(ast.Not()) | ast.Call(ast.Name("bool")):
            return True
        case ast.BoolOp(_, values):
            return all(map(_is_truth, values))
    return False
