"""What a unit has, before anything is made of it: its functions, constants and records, by name."""

from __future__ import annotations

import ast

from mipcheck.model.native.errors import NativeError
from mipcheck.model.native.record import RecordLayout
from mipcheck.model.native.unit import Unit


class Program:
    """The functions of a unit, those that are one expression (`expressions`) among them, and its records' layouts.

    Raises NativeError if two records have one name.
    """

    def __init__(self, unit: Unit) -> None:
        self.constants, self.given = unit.constants, unit.given
        self.functions: dict[str, ast.FunctionDef] = {}
        for source in unit.sources:
            for node in ast.parse(source).body:
                if isinstance(node, ast.FunctionDef) and node.name not in unit.given:
                    self.functions[node.name] = node
        self.expressions: dict[str, ast.expr] = {}
        for name, function in self.functions.items():
            body = statements_of(function)
            if len(body) == 1 and isinstance(body[0], ast.Return) and body[0].value is not None:
                self.expressions[name] = body[0].value
        self.layouts: dict[str, RecordLayout] = {}
        for layout in unit.record.__layout__.all() if unit.record else ():
            if self.layouts.setdefault(layout.name, layout).described() != layout.described():
                raise NativeError(f"there are two records named {layout.name}")
        self._simple: dict[str, bool] = {}

    def function(self, name: str) -> ast.FunctionDef:
        """Return a function by its name. Raises NativeError if there is none."""
        if name not in self.functions:
            raise NativeError(f"there is no function {name}")
        return self.functions[name]

    def is_simple(self, node: ast.expr) -> bool:
        """Decide whether working an expression out can do no harm and takes no time, wanted or not."""
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
                return name not in self.given and all(map(self.is_simple, arguments))
        return False


def statements_of(function: ast.FunctionDef) -> list[ast.stmt]:
    """Return what a function does, without its docstring."""
    first = function.body[0]
    return function.body[isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) :]


def parameters_of(function: ast.FunctionDef) -> list[str]:
    """Return the names of a function's parameters. Raises NativeError if they are more than positional ones."""
    a = function.args
    if a.posonlyargs or a.kwonlyargs or a.vararg or a.kwarg or a.defaults:
        raise NativeError(f"parameters of {function.name} cannot be compiled")
    if function.decorator_list:
        raise NativeError(f"decorators of {function.name} cannot be compiled")
    return [p.arg for p in a.args]


def is_truth(node: ast.expr) -> bool:
    """Decide whether an expression gives True or False, whatever its operands are."""
    match node:
        case ast.Compare() | ast.UnaryOp(ast.Not()) | ast.Call(ast.Name("bool")):
            return True
        case ast.BoolOp(_, values):
            return all(map(is_truth, values))
    return False
