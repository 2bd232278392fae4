"""For how much a proof holds: for how many interfaces, and for which values of parameters and addresses.

A parameter or an address that is `free` is a symbol that never changes (see `free.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import z3
from mipcheck.model.specification.spec import Parameter, Spec
from mipcheck.model.values.types import Type

ANY: Final = "any"
FORMS: Final = (ANY, "2", "3")
ADDRESS: Final = "site."
"""Begins the name of an address of the site."""

_Z = Any


@dataclass(frozen=True, slots=True)
class Form:
    """`interfaces` are any (one is followed, and of the others nothing is known), 2 or 3; `free` are names of
    parameters, and of addresses as `site.iha`."""

    interfaces: str = "2"
    free: tuple[str, ...] = ()

    @property
    def is_any(self) -> bool:
        """Whether it is for any number of interfaces."""
        return self.interfaces == ANY

    @property
    def count(self) -> int:
        """The interfaces that there are: of any number one, and one that stands for any other."""
        return 2 if self.is_any else int(self.interfaces)


def symbols(spec: Spec, form: Form) -> dict[str, _Z]:
    """Return the constants that stand for what is free, by name."""
    return {n: z3.Int(n) if n.startswith(ADDRESS) else _symbol(n, spec.parameters[n]) for n in form.free}


def _symbol(name: str, p: Parameter) -> _Z:
    if p.type.name == "bool":
        return z3.Bool(name)
    return z3.Real(name) if p.type.name == "time" else z3.Int(name)


def constant(type_: Type, number: int) -> _Z:
    """Return a value of a parameter as a term: a time, in ns, in seconds."""
    if type_.name == "bool":
        return z3.BoolVal(bool(number))
    return z3.RealVal(Fraction(number, 10**9)) if type_.name == "time" else z3.IntVal(number)


def possible(spec: Spec, form: Form) -> list[_Z]:
    """Return that what is free has a value that there is: times and addresses are not below 0, words are in range."""
    found = []
    for name, z in symbols(spec, form).items():
        type_ = None if name.startswith(ADDRESS) else spec.parameters[name].type
        if type_ is not None and type_.is_enum:
            found += [z >= 0, z < len(type_.members)]
        elif type_ is None or type_.name == "time":
            found.append(z >= 0)
    return found
