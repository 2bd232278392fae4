"""Plain Python functions over integers and arrays → native code, kept for the next run.

numba compiles, once; the object code is kept (`keep.py`) and loaded by llvmlite alone the next time, in a tenth of the
time that importing numba takes. What is compiled must not raise, allocate, or call anything outside of itself: that is
checked, so that a library which changes its ways is noticed here and not by a crash. Calls release Python's lock.
"""

from __future__ import annotations

import ctypes
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from mipcheck.model import keep

if TYPE_CHECKING:
    import numpy as np

_FORMAT: Final = b"1"
"""Changed when code compiled by an earlier version of this module must not be used any more."""

_POINTERS: Final = {"int64": ctypes.c_int64, "int32": ctypes.c_int32, "int16": ctypes.c_int16, "uint8": ctypes.c_uint8}
_UNCOUNTED: Final = """
define void @NRT_incref(ptr %object) alwaysinline { ret void }
define void @NRT_decref(ptr %object) alwaysinline { ret void }
"""
"""numba counts the references to what arrays belong to; these arrays belong to the caller."""

_HARMLESS: Final = ("llvm.", "memcpy", "memmove", "memset", "memcmp")


class NativeError(Exception):
    """There is no native code to be had: a library is missing, or cannot do this."""


@dataclass(frozen=True, slots=True)
class Argument:
    """An array that a compiled function takes: its element type, and its shape as an expression.

    The expression may use constants and the arguments before it, as in `("C[ROWS]", "C[WIDTH]")`.
    """

    name: str
    type: str
    shape: tuple[str, ...]


@dataclass(frozen=True)
class Unit:
    """What is compiled together: functions that call each other by name, and constants they use.

    `entry` is the one that can be called from outside, with `arguments` in this order; it returns an integer.
    """

    entry: str
    arguments: tuple[Argument, ...]
    functions: Mapping[str, FunctionType]
    constants: Mapping[str, int]

    @cached_property
    def name(self) -> str:
        """The name under which its object code is kept; it stands for all that the code depends on."""
        llvm = import_module("llvmlite.binding")
        parts = [_FORMAT, sys.version.encode(), repr(llvm.llvm_version_info).encode(),
                 llvm.get_process_triple().encode(), llvm.get_host_cpu_name().encode(),
                 llvm.get_host_cpu_features().flatten().encode(),
                 json.dumps([self.entry, [[a.name, a.type, a.shape] for a in self.arguments]]).encode(),
                 json.dumps(sorted(self.constants.items())).encode()]  # fmt: skip
        for name in sorted(self.functions):
            code = self.functions[name].__code__
            parts += [name.encode(), code.co_code, repr((code.co_consts, code.co_names, code.co_varnames)).encode()]
        return keep.name_of("native", *parts)


Native = Callable[[Sequence["np.ndarray[Any, Any]"]], int]
"""Takes the arrays, in the order of the unit's arguments; C-contiguous, of the types declared."""


def functions_of(space: Mapping[str, Any]) -> dict[str, FunctionType]:
    """The functions of a module, or of any namespace."""
    return {n: f for n, f in space.items() if isinstance(f, FunctionType)}


def constants_of(space: Mapping[str, Any]) -> dict[str, int]:
    """The integers of a module, or of any namespace."""
    return {n: v for n, v in space.items() if isinstance(v, int) and not isinstance(v, bool)}


def is_kept(unit: Unit) -> bool:
    """Whether a unit has been compiled before, so that it is at hand at once. Raises NativeError."""
    try:
        return unit.name in _loaded or keep.read(unit.name) is not None
    except ImportError as error:
        raise NativeError(str(error)) from None


_loaded: dict[str, Native] = {}


def compiled(unit: Unit) -> Native:
    """The native code of a unit: as it was kept, or compiled now, which takes seconds. Raises NativeError."""
    try:
        name = unit.name
        if name in _loaded:
            return _loaded[name]
        entry = keep.read(name)
        if entry is None:
            symbol, code = _compile(unit)
            keep.write(name, symbol.encode() + b"\0" + code)
        else:
            head, _, code = entry.partition(b"\0")
            symbol = head.decode()
        _loaded[name] = _callable(unit, _load(symbol, code), code)
        return _loaded[name]
    except NativeError:
        raise
    except Exception as error:  # numba and LLVM have many; none of them is a fault of the input
        raise NativeError(f"{type(error).__name__}: {error}") from error


# --- compiling ----------------------------------------------------------------------------------------------------


def _compile(unit: Unit) -> tuple[str, bytes]:
    """The symbol of the entry, and object code."""
    llvm, numba = import_module("llvmlite.binding"), import_module("numba")
    space: dict[str, Any] = {**unit.constants, "carray": numba.carray}
    options = {"error_model": "numpy", "boundscheck": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    for name, function in unit.functions.items():
        space[name] = numba.njit(**options)(FunctionType(function.__code__, space, name))
    exec(_wrapper(unit), space)
    signature = numba.types.int64(*(numba.types.CPointer(getattr(numba.types, a.type)) for a in unit.arguments))
    entry = numba.njit(signature, **options)(space["_wrapped"])
    symbol = entry.overloads[signature.args].fndesc.llvm_func_name
    module = llvm.parse_assembly(entry.inspect_llvm(signature.args))
    module.link_in(llvm.parse_assembly(_UNCOUNTED))
    for function in module.functions:
        if not function.is_declaration and function.name != symbol:
            function.linkage = "internal"
    _optimize(module)
    for function in module.functions:
        if function.is_declaration and not function.name.startswith(_HARMLESS):
            raise NativeError(f"compiled code calls {function.name}")
    return symbol, _machine().emit_object(module)


def _wrapper(unit: Unit) -> str:
    """Source of a function that takes pointers."""
    lines = [f"def _wrapped({', '.join(f'{a.name}_' for a in unit.arguments)}):"]
    lines += [f"    {a.name} = carray({a.name}_, ({', '.join(a.shape)},))" for a in unit.arguments]
    lines.append(f"    return {unit.entry}({', '.join(a.name for a in unit.arguments)})")
    return "\n".join(lines)


def _optimize(module: Any) -> None:
    llvm = import_module("llvmlite.binding")
    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    builder = llvm.create_pass_builder(_machine(), tuning)
    passes = builder.getModulePassManager()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, builder)


def _machine() -> Any:
    llvm = import_module("llvmlite.binding")
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        reloc="pic",
        codemodel="jitdefault",
    )


# --- loading ------------------------------------------------------------------------------------------------------


def _load(symbol: str, code: bytes) -> tuple[int, Any]:
    """The address of the entry, and what has to live as long as it is called."""
    llvm = import_module("llvmlite.binding")
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    address = engine.get_function_address(symbol)
    if not address:
        raise NativeError(f"no {symbol} in the object code")
    return address, engine


def _callable(unit: Unit, loaded: tuple[int, Any], code: bytes) -> Native:
    import numpy as np

    address, engine = loaded
    types = [np.dtype(a.type) for a in unit.arguments]
    # numba's own convention: where the result goes, where an exception would, and the arguments; 0 if all went well.
    function = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * (2 + len(types)))(address)

    def call(arrays: Sequence[np.ndarray[Any, Any]]) -> int:
        result, exception = ctypes.c_int64(), ctypes.c_void_p()
        pointers = []
        for array, type_ in zip(arrays, types, strict=True):
            if array.dtype != type_ or not array.flags.c_contiguous:
                raise TypeError(f"an array of {array.dtype}, not a contiguous one of {type_}")
            pointers.append(array.ctypes.data)
        status = function(ctypes.addressof(result), ctypes.addressof(exception), *pointers)
        if status != 0:
            raise NativeError(f"compiled code failed ({status})")
        return result.value

    call.engine = engine, code  # type: ignore[attr-defined]  # kept alive
    return call
