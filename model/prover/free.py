"""The setting of a proof for all values of something: what is free in it is a symbol.

A parameter that is not free, and that the site does not give, is what its default says of the others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import z3
from mipcheck.model.prover.form import ADDRESS, Form, constant, symbols
from mipcheck.model.prover.setting import Setting
from mipcheck.model.prover.symbolic import applied
from mipcheck.model.specification.spec import Parameter
from mipcheck.model.specification.term import Term

_Z = Any


def in_form(setting: Setting, form: Form) -> Setting:
    """Return the setting for a proof of that form; the values of what is free in it are symbols."""
    parameters, site = values(setting, form)
    return replace(setting, parameters=parameters, site=site, form=form)


def candidates(setting: Setting, told: Collection[str] = ()) -> tuple[str, ...]:
    """Return the names of all that may be free: proofs stay linear, and what is `given` is no question of values.

    Those that are `told`, whatever their value is, may be free all the same.
    """
    spec = setting.unfolded or setting.spec
    chosen = [n for n in spec.parameters if n in spec.open_parameters or (n in told and n not in spec.factors)]
    return (*chosen, *(ADDRESS + n for n in spec.sites))


def values(setting: Setting, form: Form) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parameters and the addresses of a setting, with symbols for what is free."""
    free, found = symbols(setting.spec, form), {}
    parameters = setting.spec.parameters
    open_ = set(depending(parameters, free)).difference(setting.given)

    def value(name: str) -> Any:
        if name not in found:
            found[name] = free[name] if name in free else setting.parameters[name]
            if name in open_:
                found[name] = build(parameters[name].default)
        return found[name]

    def build(t: Term) -> _Z:
        if t.kind == "param":
            number = value(t.name)
            return number if z3.is_expr(number) else constant(t.type, number)
        if t.kind == "const":
            return constant(t.type, t.value)
        return applied(t, [build(a) for a in t.args])

    for name in parameters:
        value(name)
    return found, {n: free.get(ADDRESS + n, a) for n, a in setting.site.items()}


def depending(parameters: Mapping[str, Parameter], names: Collection[str]) -> list[str]:
    """Return the other parameters whose defaults speak of some parameters, each after those that it speaks of."""
    found: dict[str, bool] = dict.fromkeys(names, True)

    def depends(name: str) -> bool:
        if name not in found:
            spoken_of = [depends(n) for n in sorted(parameters[name].default.names("param"))]
            found[name] = any(spoken_of)
        return found[name]

    for name in parameters:
        depends(name)
    return [name for name, does in found.items() if does and name not in names]
