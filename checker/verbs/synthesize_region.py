"""The region of parameters for which a property holds: found, its counterexample replayed, said and drawn."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.console.escape import printable
from mipcheck.checker.console.streams import columns
from mipcheck.checker.console.valid_json import SCHEMA, dumps
from mipcheck.checker.proofs.replayed import agree, check_names, parameters_of, show_parameter, trace_text

if TYPE_CHECKING:
    from mipcheck.checker.verbs.synthesize_measured import Point, Points
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
    of_system = next((n for n, m in spec.systems.items() if name in m.properties), None)
    if name not in owners and of_system is not None:
        raise UsageError(f"{name} is of the system {of_system}: a region is sought for a property of one party")
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
        where = f" for {values}" if values else ""
        title = [f"{name} of {spec.name} does not hold{where}, found by mipcheck synthesize.", p.text]
        text = trace_text(owner, found.outside, given, title)
        agree(owner, text, found.outside.broken)
    default = "" if found.by_default is None else said(setting, found.by_default)
    return Synthesis(owner, name, setting, found, said(setting, found.formula), default, text)


def answer_json(s: Synthesis, measured: Points | None = None) -> str:
    """Return a region as one JSON object, with the files that a fleet has `measured`."""
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
                **({} if measured is None else {"measured": [_point(s, p) for p in measured.points]}),
            },
            indent=2,
        )
        + "\n"
    )


def _point(s: Synthesis, p: Point) -> dict[str, object]:
    """Return a measured point as JSON has it."""
    values = {n: show_parameter(s.spec, n, v) for n, v in p.values.items()}
    return {"values": values, "inside": p.inside, "verdict": p.verdict, "files": list(p.files)}


def answer_text(s: Synthesis, measured: Points | None = None) -> str:
    """Return a region as text, and how many files that a fleet has `measured` are inside."""
    lines = [f"{s.property} of {s.spec.name}", ""]
    where = {"true": "for all values", "false": "for no values"}.get(s.formula, "")
    if s.region.known:
        lines += [f"holds {where}" if where else "holds exactly where", ""]
    else:
        lines += [f"may hold {where}" if where else "may hold where", ""]
    lines += [] if where else [f"  {s.formula}", ""]
    if s.by_default:
        lines += _wrapped("and, where the site leaves the others to their defaults, exactly where")
        lines += ["", f"  {s.by_default}", ""]
    lines += _fixed(s)
    lines += picture(s)
    if s.region.known and s.formula == "false":
        lines.append("For each there are counterexamples.")
    elif s.region.known:
        proved = "It is" if where else "Inside it is"
        lines += _wrapped(f"{proved} proved, by Spacer, in dense time, of {_about(s)}.")
    else:
        lines += _wrapped(f"This is not known, because {s.region.reason}. Outside there are counterexamples.")
    lines += [printable(measured.said())] if measured is not None else []
    if s.counterexample:
        where = "T" if s.formula == "false" else "Near the border t"
        lines += [*_wrapped(f"{where}he shortest counterexample, replayed by the checker:"), "", s.counterexample]
    return "\n".join(lines).rstrip("\n") + "\n"


def _wrapped(sentence: str) -> list[str]:
    return textwrap.wrap(sentence, max(40, columns()), break_on_hyphens=False)


def _about(s: Synthesis) -> str:
    """Return what the proof is about, in words."""
    from mipcheck.model.prover.form import Form

    return replace(s.setting, form=Form(s.region.interfaces)).about


def _fixed(s: Synthesis) -> list[str]:
    """Return in words which parameters the region says nothing of, because no proof can leave them open."""
    from mipcheck.model.prover.region import may_vary

    able = may_vary(s.setting)
    names = [n for n, p in s.spec.parameters.items() if n not in able and not p.readings]
    if not names:
        return []
    values = ", ".join(f"{n} = {show_parameter(s.spec, n, s.setting.parameters[n])}" for n in names)
    return [*_wrapped(f"with {values}, which cannot vary."), ""]


@dataclass(frozen=True, slots=True)
class Plane:
    """What a picture of a region spans: the parameters `across` and `up` ("" if the region speaks of one alone), each
    from 0 to its `most` (ns, or a number)."""

    synthesis: Synthesis
    across: str
    up: str
    most: Mapping[str, int]

    def inside(self, across: int, up: int, parts: int, rows: int) -> bool:
        """Decide whether one of `parts` points across, and of `rows` points up, is in the region."""
        from mipcheck.model.prover.region import holds_at

        s = self.synthesis
        point = {self.across: self.most[self.across] * across // (parts - 1)}
        if self.up:
            point[self.up] = self.most[self.up] * up // (rows - 1)
        return holds_at(s.setting, s.region, {n: s.setting.parameters[n] for n in s.region.parameters} | point)


def plane(s: Synthesis) -> Plane | None:
    """Return what a picture of a region spans; None where it does not speak of one number or two."""
    named = [n for n in s.region.parameters if f"{n} " in f"{s.formula} "]
    types = {n: s.spec.parameters[n].type.name for n in named}
    if not 1 <= len(named) <= 2 or not set(types.values()) <= {"time", "int"}:
        return None
    return Plane(s, named[0], "".join(named[1:]), {n: _most(s, n) for n in named})


def picture(s: Synthesis) -> list[str]:
    """Return the region as a picture of characters: # inside, . outside; none of more than two numbers."""
    drawn = plane(s)
    if drawn is None:
        return []
    across, up, most = drawn.across, drawn.up, drawn.most
    high = min(_HIGH, most[up] + 1) if up and s.spec.parameters[up].type.name == "int" else _HIGH
    rows = list(reversed(range(high))) if up else [0]
    labels = [show_parameter(s.spec, up, most[up] * y // (high - 1)) if up else "" for y in rows]
    width = max(map(len, labels))
    wide = max(20, min(_WIDE, columns() - width - 6))
    lines = [f"  {up}"] if up else []
    for label, y in zip(labels, rows, strict=True):
        bar = "".join("#" if drawn.inside(x, y, wide, high) else "." for x in range(wide))
        lines.append(f"  {label:>{width}} |{bar}|")
    last = show_parameter(s.spec, across, most[across])
    lines.append(f"  {'':{width}} 0{across + ' ' + last:>{wide}}")
    return [*lines, ""]


def _most(s: Synthesis, name: str) -> int:
    """Return how far a picture goes: twice as far as the default, and as any number that the region speaks of."""
    from mipcheck.model.prover.region import numbers

    unit = 10**9 if s.spec.parameters[name].type.name == "time" else 1
    return 2 * max(1, s.setting.parameters[name], *(int(n * unit) for n in numbers(s.region.formula)))
