"""Arithmetic as Python has it, on integers of 64 bits: division rounds down, and no operand does harm."""

from __future__ import annotations

import ast
from typing import Final

from mipcheck.model.native.instructions import Instructions

LEAST: Final = -(2**63)
"""The least integer of 64 bits."""
_DIRECT: Final[dict[type[ast.operator], str]] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.BitAnd: "and", ast.BitOr: "or", ast.BitXor: "xor",
}  # fmt: skip


def is_number(operand: str) -> bool:
    """Decide whether an operand is a number that is known."""
    return operand.removeprefix("-").isdecimal()


def arithmetic(to: Instructions, node: ast.AST, operator: ast.operator, left: str, right: str) -> str:
    """Write what an operator does with two operands, and return its result. Raises NativeError for other operators."""
    if type(operator) in _DIRECT:
        return to.new(f"{_DIRECT[type(operator)]} i64 {left}, {right}")
    if isinstance(operator, ast.RShift):
        most = _least_unsigned(to, right, 63)
        return to.new(f"ashr i64 {left}, {most}")
    if isinstance(operator, ast.LShift):
        shifted = to.new(f"shl i64 {left}, {_least_unsigned(to, right, 63)}")
        if right.isdecimal():
            return shifted if int(right) < 64 else "0"
        return to.new(f"select i1 {to.new(f'icmp ult i64 {right}, 64')}, i64 {shifted}, i64 0")
    if isinstance(operator, ast.FloorDiv):
        return _divided(to, left, right)[0]
    if isinstance(operator, ast.Mod):
        return _divided(to, left, right)[1]
    raise to.refused(node, type(operator).__name__)


def _least_unsigned(to: Instructions, operand: str, most: int) -> str:
    if operand.isdecimal():
        return str(min(int(operand), most))
    return to.new(f"call i64 @llvm.umin.i64(i64 {operand}, i64 {most})")


def _divided(to: Instructions, left: str, right: str) -> tuple[str, str]:
    """Write quotient and remainder, rounded down; of zero and -1, by which processors do not like to divide, too."""
    if right in ("0", "-1"):
        return ("0", "0") if right == "0" else (to.new(f"sub i64 0, {left}"), "0")
    divisor = right
    odd = ""
    if not is_number(right):
        odd = to.new(f"icmp ult i64 {to.new(f'add i64 {right}, 1')}, 2")
        divisor = to.new(f"select i1 {odd}, i64 1, i64 {right}")
    quotient, rest = to.new(f"sdiv i64 {left}, {divisor}"), to.new(f"srem i64 {left}, {divisor}")
    signs = to.new(f"icmp slt i64 {to.new(f'xor i64 {rest}, {divisor}')}, 0")
    down = to.new(f"and i1 {to.new(f'icmp ne i64 {rest}, 0')}, {signs}")
    quotient = to.new(f"sub i64 {quotient}, {to.new(f'zext i1 {down} to i64')}")
    rest = to.new(f"add i64 {rest}, {to.new(f'select i1 {down}, i64 {divisor}, i64 0')}")
    if odd:
        # -1 times the left side, or 0 times it.
        quotient = to.new(f"select i1 {odd}, i64 {to.new(f'mul i64 {left}, {right}')}, i64 {quotient}")
        rest = to.new(f"select i1 {odd}, i64 0, i64 {rest}")
    return quotient, rest
