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

Statements (`statements.py`) stand on expressions (`expressions.py`), these on places in arrays and records
(`places.py`), on variables (`variables.py`) and on text (`instructions.py`). What the source says is in `program.py`.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence
from typing import Final

from mipcheck.model.native.errors import NativeError
from mipcheck.model.native.expressions import Callee
from mipcheck.model.native.program import Program, parameters_of
from mipcheck.model.native.statements import Statements
from mipcheck.model.native.unit import ENTRY, Kind, Unit
from mipcheck.model.native.views import Operand, View, example_of, kind_of

_LONG: Final = 600
"""Instructions from which on a function is called; what is shorter becomes part of its callers."""
_MUCH: Final = 1000
"""Instructions to which the copies of a function may come that becomes part of several callers; else it is called."""

_INTRINSICS: Final = """
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.umin.i64(i64, i64)
declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)
!0 = !{}
"""


def assembly(unit: Unit) -> str:
    """Return a module whose public functions are ENTRY and what the unit exports, by their names.

    Of a function that it is given it has the place for a pointer, by the function's name, to be filled in.

    Raises NativeError for what is not in the subset.
    """
    return _Assembly(unit).text()


class _Assembly:
    """The functions of a unit that are needed, each for the kinds of arguments that it is called with."""

    def __init__(self, unit: Unit) -> None:
        self._unit, self._program = unit, Program(unit)
        self._callees: dict[tuple[str, tuple[Kind, ...]], Callee | None] = {}
        """By function and kinds; None while it is being made."""
        self._calls: Counter[str] = Counter()
        """By symbol, at how many places it is called."""
        self._lengths: dict[str, int] = {}
        """By symbol, the instructions of what becomes part of its callers, unless there are too many of them."""
        self._texts: dict[str, tuple[str, str]] = {}
        """By symbol, what stands before and after the word on whether it does."""

    def text(self) -> str:
        """Make all that is public, and return the module."""
        unit = self._unit
        if unit.record is not None:
            self._entry(unit.entry, View(unit.record.__name__, "%s.", ()))
        for name, kinds in unit.exports.items():
            self._define(name, self._program.function(name), list(map(example_of, kinds)), public=True)
        places = [f"@{name} = dso_local global ptr null" for name in unit.given]
        functions = [f"{head} {self._inlined(symbol)} {body}" for symbol, (head, body) in self._texts.items()]
        return "\n".join([_INTRINSICS, *places, *functions])

    def _inlined(self, symbol: str) -> str:
        """Return how a function is called: from its own place, or as a part of its callers."""
        if symbol == ENTRY:
            return ""
        copies = max(self._calls[symbol], 1)
        few = symbol in self._lengths and (copies == 1 or copies * self._lengths[symbol] <= _MUCH)
        return "alwaysinline" if few else "noinline"

    def _entry(self, name: str, record: View) -> None:
        body = Statements(self._program, self._callee_of, name, {})
        body.ret(body.integer_of(body.call_of(self._program.function(name), [record]), None))
        self._texts[ENTRY] = f"define i64 @{ENTRY}({self._parameter(record)}) nounwind", f"{{\n{body.text()}}}\n"

    def _callee_of(self, function: ast.FunctionDef, arguments: Sequence[Operand]) -> Callee:
        """Return a function as it is for arguments of these kinds. Raises NativeError if it calls itself."""
        key = function.name, tuple(map(kind_of, arguments))
        if key in self._callees:
            found = self._callees[key]
            if found is None:
                raise NativeError(f"{function.name} calls itself")
            self._calls[found.symbol] += 1
            return found
        self._callees[key] = None
        symbol = f"{function.name}.{len(self._callees)}"
        self._calls[symbol] += 1
        made = self._callees[key] = Callee(symbol, self._define(symbol, function, arguments))
        return made

    def _define(
        self, symbol: str, function: ast.FunctionDef, arguments: Sequence[Operand], public: bool = False
    ) -> int:
        """Make a function, and return how many instructions a call of it comes to."""
        names: dict[str, Operand] = {}
        parameters: list[str] = []
        for name, argument in zip(parameters_of(function), arguments, strict=True):
            if isinstance(argument, View):
                sizes = tuple(f"%{name}.{n}" for n in range(len(argument.sizes)))
                view = names[name] = View(argument.type, f"%{name}.", sizes)
                parameters += [self._parameter(view), *(f"i64 {size}" for size in sizes)]
            else:
                names[name] = f"%{name}."
                parameters.append(f"i64 %{name}.")
        body = Statements(self._program, self._callee_of, function.name, names)
        body.function(function)
        is_long = body.length > _LONG
        if not is_long and not public:
            self._lengths[symbol] = body.length
        define = "define" if public else "define internal"
        head = f"{define} i64 @{symbol}({', '.join(parameters)}) nounwind"
        self._texts[symbol] = head, f"{{\n{body.text()}}}\n"
        return 1 if is_long else body.length

    def _parameter(self, view: View) -> str:
        """Return the declaration of a view's pointer.

        A record with arrays is no row: there is such a record at each call, so its pointer may be followed at once.
        """
        layout = self._program.layouts.get(view.type)
        if layout is None or view.sizes or not layout.fields:
            return f"ptr {view.pointer}"
        return f"ptr dereferenceable({8 * len(layout.places)}) align 8 {view.pointer}"
