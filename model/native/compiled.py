"""Plain Python functions over records → native code, kept for the next run.

`lower.py` says what the functions do in LLVM's terms, and llvmlite compiles that, once; the object code is kept
(`model/values/cache.py`) and only loaded the next time. What is compiled calls nothing outside of itself and of what it
is linked to: that is checked. Calls release Python's lock.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from mipcheck.model.native.errors import NativeError
from mipcheck.model.native.record import Record
from mipcheck.model.native.unit import ENTRY, Unit
from mipcheck.model.values import cache as keep

_HARMLESS: Final = ("llvm.", "memcpy", "memmove", "memset", "memcmp")


Native = Callable[[Record], int]
"""Takes the unit's record, which must not be given to two calls at a time. Raises TypeError for anything else."""


def is_kept(unit: Unit) -> bool:
    """Decide whether a unit, and what is linked to it, has been compiled before, so that it is at hand at once.

    Raises NativeError.
    """
    try:
        return all(_at_hand(u) is not None for u in (unit, *unit.linked))
    except (ImportError, OSError) as error:
        raise NativeError(str(error)) from None


_objects: dict[str, bytes] = {}
_loaded: dict[tuple[str, ...], Native] = {}


def compiled(unit: Unit, *, careful: bool = False) -> Native:
    """Return the native code of a unit: as it was kept, or compiled now, which takes a moment. Raises NativeError.

    What is only linked to comes from a specification, whose author may be changing it: unless `careful`, it is compiled
    quickly, since care takes longer than it then saves in a run.
    """
    try:
        names = tuple(u.name for u in (unit, *unit.linked))
        if names not in _loaded:
            _loaded[names] = _callable(unit, careful)
        return _loaded[names]
    except NativeError:
        raise
    except Exception as error:  # LLVM has many; none of them is a fault of the input
        raise NativeError(f"{type(error).__name__}: {error}") from error


def _object(unit: Unit, careful: bool) -> bytes:
    """Return object code: as it was kept, or compiled now, and kept."""
    code = _at_hand(unit)
    if code is None:
        code = _objects[unit.name] = _compile(unit, careful)
        keep.write(unit.name, code)
    return code


def _at_hand(unit: Unit) -> bytes | None:
    """Return object code that need not be compiled, None if there is none."""
    if unit.name not in _objects and (kept := keep.read(unit.name)) is not None:
        _objects[unit.name] = kept
    return _objects.get(unit.name)


# --- compiling ----------------------------------------------------------------------------------------------------


def _compile(unit: Unit, careful: bool) -> bytes:
    from mipcheck.model.native.lower import assembly

    repeats = unit.record is not None  # what is only linked to is called for an event, and goes through none itself
    level = 2 if repeats else 1 if careful else 0
    llvm, machine = import_module("llvmlite.binding"), _machine(level)
    layout = f'target triple = "{machine.triple}"\ntarget datalayout = "{machine.target_data}"\n'
    module = llvm.parse_assembly(layout + assembly(unit))
    module.verify()
    _optimize(module, machine, level)
    for function in module.functions:
        if function.is_declaration and not function.name.startswith(_HARMLESS):
            raise NativeError(f"compiled code calls {function.name}")
    code: bytes = machine.emit_object(module)
    return code


def _optimize(module: Any, machine: Any, level: int) -> None:
    """Optimize a module for a machine of that level: functions that are to be are inlined, and variables in registers.

    From level 1 on a few passes more bring what LLVM's usual ones bring here, in a quarter of the time. Where nothing
    repeats, combining instructions brings nothing, and takes longer than all the others together.
    """
    llvm = import_module("llvmlite.binding")
    passes = llvm.create_new_module_pass_manager()
    if level:
        passes.add_sroa_pass()
        passes.add_simplify_cfg_pass()
    passes.add_always_inliner_pass()
    passes.add_sroa_pass()
    if level:
        passes.add_simplify_cfg_pass()
    if level > 1:
        passes.add_instruction_combine_pass()
    if level:
        passes.add_jump_threading_pass()
        passes.add_simplify_cfg_pass()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))


def _machine(level: int = 2) -> Any:
    """Return LLVM's machine that this one is, at a `level` of optimizing from 0 to 3."""
    llvm = import_module("llvmlite.binding")
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=level,
        reloc="pic",
        codemodel="jitdefault",
    )


# --- loading ------------------------------------------------------------------------------------------------------


def _load(code: bytes) -> Any:
    """Return an engine that has the functions of an object file."""
    llvm = import_module("llvmlite.binding")
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine


def _address(engine: Any, name: str) -> int:
    found: int = engine.get_function_address(name)
    if not found:
        raise NativeError(f"no {name} in the object code")
    return found


def _callable(unit: Unit, careful: bool) -> Native:
    record = unit.record
    if record is None:
        raise NativeError("there is nothing to call in a unit without a record")
    engines = [_load(_object(u, careful)) for u in (unit, *unit.linked)]
    for other, engine in zip(unit.linked, engines[1:], strict=True):
        for name in other.exports:
            place = ctypes.c_void_p.from_address(engines[0].get_global_value_address(name))
            place.value = _address(engine, name)
    function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(_address(engines[0], ENTRY))

    def call(given: Record) -> int:
        if type(given) is not record:
            raise TypeError(f"a {type(given).__name__}, not a {record.__name__}")
        return int(function(given.address()))

    call.engines = engines  # type: ignore[attr-defined]  # kept alive, as the object code is by `_objects`
    return call
