"""Certificates: what shows that a property holds or does not, in a form that is checked and not trusted.

A certificate is a JSON object. It belongs to no version of a specification: whatever that says today, the invariant
has to pass its re-check, and the traces have to be traces. What does not pass is proved anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mipcheck.model.prover.form import FORMS, Form
from mipcheck.model.prover.scripts import Number, Script, ScriptStep
from mipcheck.model.values.errors import MipcheckError

VERSION: Final = 1
HAPPENS: Final = "happens:"
REFUTES: Final = "refutes:"
LONGEST: Final = 16 * 2**20
"""Bytes of a certificate."""
_STEPS: Final = 100
_LARGEST: Final = 2**80
_LATEST: Final = 2**62
"""Times that a log can hold are before this (ns)."""


class Malformed(MipcheckError):
    """A text that is no certificate."""


@dataclass(frozen=True, slots=True)
class Inductive:
    """An `invariant` (SMT-LIB) that excludes what is bad where these `rules` are kept.

    `whole`: obligations are kept and all state is followed. `assumes` are the assumptions that it takes, None for all.
    `form` is for how much it holds.
    """

    rules: tuple[str, ...]
    whole: bool
    invariant: str
    assumes: tuple[str, ...] | None = None
    form: Form = Form()


@dataclass(frozen=True, slots=True)
class Certificate:
    """What shows that a property of a role of a specification holds.

    `proofs` are by what each is about: "" is the property, a rule the property without it, or a part of consistency.
    The script HAPPENS keeps all rules, and what the property speaks of happens in it. Where no proof is one today, the
    script REFUTES keeps them and refutes the property.
    `scripts` are counterexamples by the rule that each breaks, or examples of consistency. Of `undecided` rules nobody
    knows whether they are needed.
    """

    spec: str
    role: str
    property: str
    proofs: Mapping[str, Inductive]
    scripts: Mapping[str, Script] = field(default_factory=dict)
    undecided: tuple[str, ...] = ()


def write_certificate(c: Certificate) -> str:
    """Return a certificate as text."""
    proofs = {
        n: {
            "rules": list(p.rules),
            **({} if p.assumes is None else {"assumes": list(p.assumes)}),
            "whole": p.whole,
            **({} if p.form.interfaces == "2" else {"interfaces": p.form.interfaces}),
            **({"free": list(p.form.free)} if p.form.free else {}),
            "invariant": " ".join(p.invariant.split()),
        }
        for n, p in c.proofs.items()
    }
    scripts = {
        n: {
            "unit_ns": s.unit,
            "entries": s.entries,
            **({"mirror": s.mirror} if s.mirror else {}),
            **({"initial": dict(s.initial)} if s.initial else {}),
            **({"site": dict(s.site)} if s.site else {}),
            "steps": [_step(step) for step in s.steps],
        }
        for n, s in c.scripts.items()
    }
    head = {"mipcheck_certificate": VERSION, "spec": c.spec, "role": c.role, "property": c.property}
    parts = [f"  {json.dumps(n)}: {json.dumps(v)}" for n, v in head.items()]
    for name, entries in (("proofs", proofs), ("scripts", scripts)):
        lines = [f"    {json.dumps(n)}: {json.dumps(v)}" for n, v in entries.items()]
        parts.append(f'  "{name}": {{' + ("\n" + ",\n".join(lines) + "\n  }" if lines else "}"))
    parts.append(f'  "undecided": {json.dumps(list(c.undecided))}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _step(step: ScriptStep) -> list[Any]:
    keys = {n: list(v) if isinstance(v, tuple) else v for n, v in step.keys.items()}
    return [step.now, step.interface, step.event, keys]


def read_certificate(text: str) -> Certificate:
    """Return the certificate in a text. Raises Malformed."""
    try:
        data = json.loads(text)
        if data["mipcheck_certificate"] != VERSION:
            raise Malformed("it is of another version")
        return Certificate(
            _word(data["spec"]),
            _word(data["role"]),
            _word(data["property"]),
            {_word(n): _proof(p) for n, p in data["proofs"].items()},
            {_word(n): _script(s) for n, s in data["scripts"].items()},
            tuple(_word(w) for w in data["undecided"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Malformed(f"it is no certificate: {type(error).__name__}") from None


def _proof(data: Any) -> Inductive:
    rules, assumes = (data.get(name) and tuple(_word(w) for w in data[name]) for name in ("rules", "assumes"))
    if "assumes" in data and not assumes:
        assumes = ()
    interfaces, free = data.get("interfaces", "2"), tuple(_word(w) for w in data.get("free", ()))
    if interfaces not in FORMS:
        raise Malformed("it is of an unknown form")
    return Inductive(rules or (), data["whole"] is True, _word(data["invariant"]), assumes, Form(interfaces, free))


def _script(data: Any) -> Script:
    steps = tuple(
        ScriptStep(_word(event), _integer(interface), _integer(now), {_word(n): _number(v) for n, v in keys.items()})
        for now, interface, event, keys in data["steps"][:_STEPS]
    )
    mirror = data.get("mirror", "")
    if mirror not in ("", "fewer", "more") or _integer(data["unit_ns"]) < 1 or data["entries"] not in (1, 2):
        raise Malformed("it has a script of an unknown kind")
    if any(not 0 <= step.now * data["unit_ns"] < _LATEST for step in steps):
        raise Malformed("it has a script with a time that no log can hold")
    initial, site = ({_word(n): _integer(v) for n, v in data.get(what, {}).items()} for what in ("initial", "site"))
    return Script(data["unit_ns"], steps, initial, mirror, data["entries"], site)


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _integer(value: Any) -> int:
    if type(value) is not int or abs(value) > _LARGEST:
        raise TypeError
    return value


def _number(value: Any) -> Number:
    if isinstance(value, bool):
        return value
    return tuple(_word(m) for m in value) if isinstance(value, list) else _integer(value)
