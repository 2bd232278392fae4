"""The region of parameters for which a property holds: found, its counterexample replayed, said and drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.console.valid_json import SCHEMA, dumps
from mipcheck.checker.proofs.replayed import agree, check_names, parameters_of, show_parameter, trace_text

if TYPE_CHECKING:
    from mipcheck.model.prover.region import Region
    from mipcheck.model.prover.setting import Setting
    from mipcheck.model.specification.spec import Spec

_WIDE: Final = 60
_HIGH: Final = 12
"""Characters of a picture."""


@dataclass(frozen=True, slots=True)
class Synthesis:
    """A region of a property, in words, and the counterexample just outside as a log that has been replayed."""

    spec: Spec
    property: str
    setting: Setting
    region: Region
    formula: str
    by_default: str
    counterexample: str


def synthesize(spec: Spec, name: str, names: Sequence[str], words: Mapping[str, str]) -> Synthesis:
    """Find the region of some parameters, or of all, for which a property holds; `words` give others their values.

    Raises UsageError for what does not exist or cannot vary, ParameterError and Disagreement.
    """
    from mipcheck.model.prover.prove import relying
    from mipcheck.model.prover.region import may_vary, region, said, synthesizes
    from mipcheck.model.prover.setting import setting_of
    from mipcheck.model.specification.configure import configure

    given = parameters_of(spec, words)
    configure(spec, given)
    owners = {n: m for m in spec.machines() for n in m.properties}
    check_names("property", [name], owners)
    check_names("parameter", names, spec.parameters)
    owner = owners[name]
    p = owner.properties[name]
    if not synthesizes(p):
        raise UsageError(f"{name} is neither an invariant nor about what holds whenever something happens")
    setting = relying(setting_of(owner, given), p)
    able = may_vary(setting)
    for n in names:
        if n not in able:
            raise UsageError(f"{n} cannot vary: it multiplies what is no constant, or it matters whether it is given")
    found = region(setting, p, names)
    text = ""
    if found.outside is not None:
        values = ", ".join(f"{n} = {show_parameter(owner, n, v)}" for n, v in sorted(found.outside.parameters.items()))
        title = [f"{name} of {spec.name} does not hold for {values}, found by mipcheck synthesize.", p.text]
        text = trace_text(owner, found.outside, given, title)
        agree(owner, text, found.outside.broken)
    default = "" if found.by_default is None else said(setting, found.by_default)
    return Synthesis(owner, name, setting, found, said(setting, found.formula), default, text)


def answer_json(s: Synthesis) -> str:
    """Return a region as one JSON object."""
    outside = s.region.outside
    values = {} if outside is None else {n: show_parameter(s.spec, n, v) for n, v in outside.parameters.items()}
    return (
        dumps(
            {
                "schema": SCHEMA,
                "spec": s.spec.name,
                "property": s.property,
                "result": "exact" if s.region.known else "unknown",
                "parameters": list(s.region.parameters),
                "region": s.formula,
                "by_default": s.by_default or None,
                "smtlib": s.region.formula.sexpr(),
                "interfaces": s.region.interfaces if s.region.known else None,
                "invariant": s.region.invariant or None,
                "outside": values or None,
                "counterexample": s.counterexample or None,
                "reason": s.region.reason or None,
            },
            indent=2,
        )
        + "\n"
    )


def answer_text(s: Synthesis) -> str:
    """Return a region as text."""
    lines = [f"{s.property} of {s.spec.name}", ""]
    where = {"true": "for all values", "false": "for no values"}.get(s.formula, "")
    if s.region.known:
        lines += [f"holds {where}" if where else "holds exactly where", ""]
    else:
        lines += [f"may hold {where}" if where else "may hold where", ""]
    lines += [] if where else [f"  {s.formula}", ""]
    if s.by_default:
        lines += ["and, where the site leaves the others to their defaults, exactly where", "", f"  {s.by_default}", ""]
    lines += picture(s)
    if s.region.known:
        kinds = {"any": "any number of interfaces", "2": "two interfaces"}
        lines.append(f"Inside it is proved, by Spacer, in dense time, of {kinds[s.region.interfaces]}.")
    else:
        lines.append(f"This is not known, because {s.region.reason}. Outside there are counterexamples.")
    if s.counterexample:
        lines += ["Near the border the shortest counterexample, replayed by the checker:", "", s.counterexample]
    return "\n".join(lines).rstrip("\n") + "\n"


def picture(s: Synthesis) -> list[str]:
    """Return the region as a picture of characters: # inside, . outside; none of more than two numbers."""
    from mipcheck.model.prover.region import holds_at

    named = [n for n in s.region.parameters if f"{n} " in f"{s.formula} "]
    types = {n: s.spec.parameters[n].type.name for n in named}
    if not 1 <= len(named) <= 2 or not set(types.values()) <= {"time", "int"}:
        return []
    most = {n: _most(s, n) for n in named}

    def value(n: str, part: int, parts: int) -> int:
        return most[n] * part // (parts - 1)

    def mark(point: dict[str, int]) -> str:
        whole = {n: s.setting.parameters[n] for n in s.region.parameters} | point
        return "#" if holds_at(s.setting, s.region, whole) else "."

    across = named[0]
    rows = [{}] if len(named) == 1 else [{named[1]: value(named[1], y, _HIGH)} for y in reversed(range(_HIGH))]
    labels = [" ".join(show_parameter(s.spec, n, v) for n, v in row.items()) for row in rows]
    width = max(map(len, labels))
    lines = [] if len(named) == 1 else [f"  {named[1]}"]
    for label, row in zip(labels, rows, strict=True):
        bar = "".join(mark({across: value(across, x, _WIDE), **row}) for x in range(_WIDE))
        lines.append(f"  {label:>{width}} |{bar}|")
    last = show_parameter(s.spec, across, most[across])
    lines.append(f"  {'':{width}} 0{across + ' ' + last:>{_WIDE}}")
    return [*lines, ""]


def _most(s: Synthesis, name: str) -> int:
    """Return how far a picture goes: twice as far as the default, and as any number that the region speaks of."""
    from mipcheck.model.prover.region import numbers

    unit = 10**9 if s.spec.parameters[name].type.name == "time" else 1
    return 2 * max(1, s.setting.parameters[name], *(int(n * unit) for n in numbers(s.region.formula)))
