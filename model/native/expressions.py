"""Expressions: what they give, calls, and what is true of them."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from mipcheck.model.native.arithmetic import LEAST, arithmetic, is_number
from mipcheck.model.native.errors import NativeError
from mipcheck.model.native.places import Places
from mipcheck.model.native.program import Program, is_truth, parameters_of
from mipcheck.model.native.views import Operand, View, kind_of, passed

_COMPARISON: Final[dict[type[ast.cmpop], str]] = {
    ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "slt", ast.LtE: "sle", ast.Gt: "sgt", ast.GtE: "sge",
}  # fmt: skip
_KNOWN: Final[dict[type[ast.cmpop], Callable[[int, int], bool]]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}  # fmt: skip


class Callee(NamedTuple):
    """A function as it is for arguments of some kinds: its symbol, and how many instructions a call comes to."""

    symbol: str
    length: int


CalleeOf = Callable[[ast.FunctionDef, Sequence[Operand]], Callee]
"""Finds a function for arguments of these kinds, or makes it."""


class Expressions(Places):
    """A function whose expressions can be worked out; `callee_of` gives the functions that it calls."""

    def __init__(self, program: Program, callee_of: CalleeOf, name: str, names: Mapping[str, Operand]) -> None:
        super().__init__(program, name, names)
        self._callee_of = callee_of

    def value(self, node: ast.expr) -> Operand:
        """Return an operand or a view for what an expression gives."""
        match node:
            case ast.Constant(int() as number):
                return self.literal(node, int(number))
            case ast.Name(name):
                return self.load(node, name)
            case ast.UnaryOp(ast.USub(), operand):
                known = self.constant(operand)
                if known is not None and known != LEAST:  # which wraps to itself
                    return self.literal(node, -known)
                return self.new(f"sub i64 0, {self.integer(operand)}")
            case ast.UnaryOp(ast.UAdd(), operand):
                return self.integer(operand)
            case ast.UnaryOp(ast.Invert(), operand):
                return self.new(f"xor i64 {self.integer(operand)}, -1")
            case ast.UnaryOp(ast.Not()) | ast.Compare():
                return self.new(f"zext i1 {self.condition(node)} to i64")
            case ast.BinOp(left, operator, right):
                return arithmetic(self, node, operator, self.integer(left), self.integer(right))
            case ast.BoolOp(operator, values):
                return self._last(values, isinstance(operator, ast.And))
            case ast.IfExp(test, then, other):
                return self._choice(node, test, then, other)
            case ast.Subscript():
                return self.element(self.part(node))
            case ast.Attribute():
                return self.element(self.field(node))
            case ast.Call(ast.Name(name), arguments, []):
                return self._call(node, name, arguments)
        raise self.refused(node)

    # --- calls --------------------------------------------------------------------------------------------------------

    def _call(self, node: ast.Call, name: str, arguments: Sequence[ast.expr]) -> Operand:
        if name in self.program.functions:
            function = self.program.functions[name]
            return self.call_of(function, [self.value(a) for a in arguments])
        if name in self.program.given:
            return self._call_given(name, [self.value(a) for a in arguments])
        if name == "ord":
            known = self.constant(node)
            if known is None:
                raise self.refused(node, "ord of what is no character of ASCII")
            return str(known)
        if name == "len" and len(arguments) == 1:
            view = self.value(arguments[0])
            if isinstance(view, View):
                return view.sizes[0]
        if name == "int" and len(arguments) == 1:
            return self.integer(arguments[0])
        if name == "bool" and len(arguments) == 1:
            return self.new(f"zext i1 {self.condition(arguments[0])} to i64")
        if name == "abs" and len(arguments) == 1:
            number = self.integer(arguments[0])
            return self.new(f"call i64 @llvm.smax.i64(i64 {number}, i64 {self.new(f'sub i64 0, {number}')})")
        if name in ("min", "max") and len(arguments) > 1:
            found, *others = [self.integer(a) for a in arguments]
            for other in others:
                found = self.new(f"call i64 @llvm.s{name}.i64(i64 {found}, i64 {other})")
            return found
        raise self.refused(node, f"a call of {name}")

    def call_of(self, function: ast.FunctionDef, arguments: Sequence[Operand]) -> Operand:
        """Write a call of a function; one that is an expression becomes part of this one."""
        parameters = parameters_of(function)
        if len(parameters) != len(arguments):
            raise self.refused(None, f"a call of {function.name} with {len(arguments)} arguments")
        expression = self.program.expressions.get(function.name)
        if expression is not None:
            if self.is_within(function.name):
                raise NativeError(f"{function.name} calls itself")
            with self.within(function.name, dict(zip(parameters, arguments, strict=True))):
                return self.value(expression)
        callee = self._callee_of(function, arguments)
        self.add_length(callee.length)
        return self.new(f"call i64 @{callee.symbol}({passed(arguments)})")

    def _call_given(self, name: str, arguments: Sequence[Operand]) -> Operand:
        kinds = tuple(map(kind_of, arguments))
        if kinds != tuple(self.program.given[name]):
            raise self.refused(None, f"a call of {name} with {kinds}")
        function = self.new(f"load ptr, ptr @{name}")
        return self.new(f"call i64 {function}({passed(arguments)})")

    # --- truth --------------------------------------------------------------------------------------------------------

    def condition(self, node: ast.expr) -> str:
        """Return whether an expression is true, as an operand of one bit."""
        match node:
            case ast.Compare(left, operators, others):
                return self._compared(node, left, operators, others)
            case ast.UnaryOp(ast.Not(), operand):
                return self.new(f"xor i1 {self.condition(operand)}, true")
            case ast.Call(ast.Name("bool"), [operand], []):
                return self.condition(operand)
            case ast.Constant(int() as number):
                return "true" if number else "false"
            case ast.BoolOp(operator, values):
                both = isinstance(operator, ast.And)
                return self._chain([partial(self.condition, v) for v in values], values[1:], both)
        return self.new(f"icmp ne i64 {self.integer(node)}, 0")

    def _chain(self, conditions: Sequence[Callable[[], str]], later: Sequence[ast.expr], both: bool) -> str:
        """Work conditions out one after another, until one decides; all at once, if that does no harm."""
        found = conditions[0]()
        if all(map(self.program.is_simple, later)):
            for condition in conditions[1:]:
                found = self._both_or_either(found, condition(), both)
            return found
        end = self.label()
        come: list[tuple[str, str]] = []
        for condition in conditions[1:]:
            come.append(("false" if both else "true", self.block))
            following = self.label()
            self.branch(found, *((following, end) if both else (end, following)))
            self.begin(following)
            found = condition()
        come.append((found, self.block))
        self.go(end)
        self.begin(end)
        return self.come_from("i1", come)

    def _both_or_either(self, one: str, other: str, both: bool) -> str:
        """Return what two conditions come to; one that is known needs no instruction."""
        decides, nothing = ("false", "true") if both else ("true", "false")
        if decides in (one, other):
            return decides
        if nothing in (one, other):
            return one if other == nothing else other
        return self.new(f"{'and' if both else 'or'} i1 {one}, {other}")

    def _compared(
        self, node: ast.Compare, left: ast.expr, operators: Sequence[ast.cmpop], others: Sequence[ast.expr]
    ) -> str:
        if len(operators) == 1 and isinstance(operators[0], ast.In | ast.NotIn):
            among = others[0]
            if not isinstance(among, ast.Tuple):
                raise self.refused(node, "this `in`")
            sought, found = self.integer(left), "false"
            for element in among.elts:
                found = self.new(f"or i1 {found}, {self.new(f'icmp eq i64 {sought}, {self.integer(element)}')}")
            return self.new(f"xor i1 {found}, true") if isinstance(operators[0], ast.NotIn) else found
        operand = self.integer(left)

        def next_of(comparison: ast.cmpop, other: ast.expr) -> str:
            nonlocal operand
            kind = type(comparison)
            if kind not in _COMPARISON:
                raise self.refused(node, kind.__name__)
            before, operand = operand, self.integer(other)
            if is_number(before) and is_number(operand):
                return "true" if _KNOWN[kind](int(before), int(operand)) else "false"
            return self.new(f"icmp {_COMPARISON[kind]} i64 {before}, {operand}")

        conditions = [partial(next_of, o, v) for o, v in zip(operators, others, strict=True)]
        return self._chain(conditions, others[1:], True)

    def decide(self, node: ast.expr, yes: str, no: str) -> None:
        """Go on at one block or the other, as an expression is true or not."""
        match node:
            case ast.UnaryOp(ast.Not(), operand):
                self.decide(operand, no, yes)
            case ast.BoolOp(operator, [*first, last]) if not all(map(self.program.is_simple, node.values[1:])):
                for one in first:
                    following = self.label()
                    self.decide(one, *((following, no) if isinstance(operator, ast.And) else (yes, following)))
                    self.begin(following)
                self.decide(last, yes, no)
            case _:
                self.branch(self.condition(node), yes, no)

    def _last(self, values: Sequence[ast.expr], both: bool) -> str:
        """Return what `and` and `or` give in Python: the value that decides."""
        if all(map(is_truth, values)):
            node = ast.BoolOp(ast.And() if both else ast.Or(), list(values))
            return self.new(f"zext i1 {self.condition(node)} to i64")
        found = self.integer(values[0])
        end = self.label()
        come: list[tuple[str, str]] = []
        for value in values[1:]:
            come.append((found, self.block))
            following = self.label()
            truth = self.new(f"icmp ne i64 {found}, 0")
            self.branch(truth, *((following, end) if both else (end, following)))
            self.begin(following)
            found = self.integer(value)
        come.append((found, self.block))
        self.go(end)
        self.begin(end)
        return self.come_from("i64", come)

    def _choice(self, node: ast.expr, test: ast.expr, then: ast.expr, other: ast.expr) -> str:
        simple = self.program.is_simple
        if simple(then) and simple(other):
            condition = self.condition(test)
            if condition in ("true", "false"):
                return self.integer(then if condition == "true" else other)
            return self.new(f"select i1 {condition}, i64 {self.integer(then)}, i64 {self.integer(other)}")
        yes, no, end = self.label(), self.label(), self.label()
        self.decide(test, yes, no)
        come = []
        for label, value in ((yes, then), (no, other)):
            self.begin(label)
            come.append((self.integer(value), self.block))
            self.go(end)
        self.begin(end)
        return self.come_from("i64", come)
