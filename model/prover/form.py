"""For how much a proof holds: for how many interfaces, and for which values of parameters and addresses.

A parameter or an address that is `free` is a symbol that never changes. A parameter that is not, and that the site does
not give, is what its default says of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import z3
from mipcheck.model.prover.symbolic import applied
from mipcheck.model.specification.spec import Parameter, Spec
from mipcheck.model.specification.term import Term

if TYPE_CHECKING:
    from mipcheck.model.prover.setting import Setting

ANY: Final = "any"
FORMS: Final = (ANY, "2", "3")
ADDRESS: Final = "site."
"""Begins the name of an address of the site."""

_Z = Any


@dataclass(frozen=True, slots=True)
class Form:
    """`interfaces` are any (one is followed, and of the others nothing is known), 2 or 3; `free` are names of parameters,
    and of addresses as `site.iha`."""

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


def candidates(setting: Setting) -> tuple[str, ...]:
    """Return the names of all that may be free: proofs stay linear, and what is `given` is no question of values."""
    spec = setting.unfolded or setting.spec
    asked = {n for t in _terms(spec) for n in t.names("given")}
    numbers = {n for t in _terms(spec) for n in _factors(t)}
    chosen = [n for n, p in spec.parameters.items() if not p.readings and n not in asked | numbers]
    return (*chosen, *(ADDRESS + n for n in spec.sites))


def _terms(spec: Spec) -> Iterable[Term]:
    yield from spec.terms()
    for x in (*spec.assumptions.values(), *spec.properties.values()):
        yield from x.terms()
    yield from (p.default for p in spec.parameters.values())


def _factors(root: Term) -> set[str]:
    """Return the parameters that multiply something that is no constant."""
    found: set[str] = set()
    for t in root.walk():
        if t.kind == "*" and all(a.uses("param", "var", "key", "now", "entry", "bound") for a in t.args):
            numbers = [a for a in t.args if a.type.name == "int" and a.uses("param")] or t.args
            found |= {n for a in numbers for n in a.names("param")}
    return found


def symbols(spec: Spec, form: Form) -> dict[str, _Z]:
    """Return the constants that stand for what is free, by name."""
    return {n: z3.Int(n) if n.startswith(ADDRESS) else _symbol(n, spec.parameters[n]) for n in form.free}


def _symbol(name: str, p: Parameter) -> _Z:
    if p.type.name == "bool":
        return z3.Bool(name)
    return z3.Real(name) if p.type.name == "time" else z3.Int(name)


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


def values(setting: Setting, form: Form) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parameters and the addresses of a setting, with symbols for what is free."""
    free, found = symbols(setting.spec, form), {}
    parameters = setting.spec.parameters

    def value(name: str) -> Any:
        if name not in found:
            found[name] = free[name] if name in free else setting.parameters[name]
            if name not in free and name not in setting.given and _depends(parameters, name, free):
                found[name] = build(parameters[name].default)
        return found[name]

    def build(t: Term) -> _Z:
        if t.kind == "param":
            number = value(t.name)
            return number if z3.is_expr(number) else _constant(t, number)
        if t.kind == "const":
            return _constant(t, t.value)
        return applied(t, [build(a) for a in t.args])

    for name in parameters:
        value(name)
    return found, {n: free.get(ADDRESS + n, a) for n, a in setting.site.items()}


def _depends(parameters: Mapping[str, Parameter], name: str, free: Mapping[str, _Z]) -> bool:
    names = parameters[name].default.names("param")
    return any(n in free or _depends(parameters, n, free) for n in names)


def _constant(t: Term, number: int) -> _Z:
    if t.type.name == "bool":
        return z3.BoolVal(bool(number))
    return z3.RealVal(Fraction(number, 10**9)) if t.type.name == "time" else z3.IntVal(number)
