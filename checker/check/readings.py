"""Readings: sentences that can be read in several ways, and a specification as read in the way that a user chooses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from mipcheck.checker.console.errors import UsageError, did_you_mean, joined, listed, quoted
from mipcheck.model.language.expression import Citation
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import load
from mipcheck.model.specification.spec import MOBILE_NODE, Parameter, Rule, Spec
from mipcheck.model.specification.term import Term


@dataclass(frozen=True)
class Ambiguity:
    """A sentence with several readings (name, why); `chosen` is in force. `kind` is rule, ambiguity or parameter."""

    name: str
    kind: str
    cite: tuple[Citation, ...]
    text: str
    readings: tuple[tuple[str, str], ...]
    chosen: str
    role: str = MOBILE_NODE

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.readings]


def ambiguities(spec: Spec) -> list[Ambiguity]:
    """Return questions that rules ask and rules with readings, those of all roles, in the order of declaration."""
    found = [_of_parameter(spec, p) for p in spec.parameters.values() if p.type.is_enum]
    for machine in spec.machines():
        found += [
            Ambiguity(r.id, "rule", r.cite, r.text, tuple((x.name, x.text) for x in r.readings), r.reading or "",
                      machine.role)
            for r in machine.rules.values()
            if r.readings
        ]  # fmt: skip
    return found


def _of_parameter(spec: Spec, p: Parameter) -> Ambiguity:
    """Return a parameter of which a specification asks which of its values is meant."""
    kind = "ambiguity" if p.readings else "parameter"
    readings = p.readings or tuple((m, "") for m in p.type.members)
    return Ambiguity(p.name, kind, p.cite, p.text, readings, p.type.members[configure(spec, {})[p.name]])


def resolved(spec: str | Spec, readings: Mapping[str, str] | Iterable[str] | None = None) -> Spec:
    """Return the specification of that name or path, as read in the way chosen.

    `readings` are a mapping of rules (or ambiguities) to the names of their readings, or words as a command line has
    them: `M2=both-ways`, or `both-ways` alone where only one sentence has a reading of that name. Raises SpecError,
    UsageError.
    """
    base = load(spec) if isinstance(spec, str) else spec
    if not readings:
        return base  # of whose roles only that of the site need be read
    known = ambiguities(base)
    chosen: dict[str, str] = {}
    for name, wanted in _pairs(base, known, readings):
        if chosen.get(name, wanted) != wanted:
            raise UsageError(f"{quoted(name)} is given two readings, {quoted(chosen[name])} and {quoted(wanted)}")
        chosen[name] = wanted
        _check(base, known, name, wanted)
    if not chosen:
        return base
    roles = {n: _read_as(role, chosen) for n, role in base.roles.items()}
    return replace(_read_as(base, chosen), roles=roles)


def _pairs(
    spec: Spec, known: list[Ambiguity], readings: Mapping[str, str] | Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Return of each choice what is read and the name of the reading. Raises UsageError."""
    if isinstance(readings, Mapping):
        yield from readings.items()
        return
    for word in readings:
        name, equals, wanted = word.partition("=")
        if not equals:
            yield _named(spec, known, word), word
        elif name and wanted:
            yield name, wanted
        else:
            raise UsageError(f"--reading takes NAME or RULE=NAME, not {quoted(word)}")


def _named(spec: Spec, known: list[Ambiguity], reading: str) -> str:
    """Return the name of what has a reading of that name. Raises UsageError unless there is exactly one."""
    owners = [a.name for a in known if reading in a.names]
    if len(owners) == 1:
        return owners[0]
    if owners:
        choice = " or ".join(f"{o}={reading}" for o in owners)
        raise UsageError(f"{' and '.join(owners)} have a reading {quoted(reading)} each; say which: {choice}")
    near = did_you_mean(reading, dict.fromkeys(n for a in known for n in a.names))
    if (own := next((a for a in known if a.name == reading), None)) is not None:
        near = f"{reading} has several: " + listed([f"{reading}={n}" for n in own.names])
    hint = joined(near, f"with readings: {listed([a.name for a in known]) or 'nothing'}")
    raise UsageError(joined(f"there is no reading {quoted(reading)} in {spec.name}", hint))


def _check(spec: Spec, known: list[Ambiguity], name: str, wanted: str) -> None:
    """Raise UsageError unless there is a rule or an ambiguity of that name with that reading."""
    rules = [r for machine in spec.machines() for r in machine.rules]
    found = next((a for a in known if a.name == name), None)
    if found is None and name not in rules:
        hint = joined(did_you_mean(name, [*rules, *(a.name for a in known)]),
                      f"with readings: {listed([a.name for a in known]) or 'nothing'}")  # fmt: skip
        raise UsageError(joined(f"there is no rule {quoted(name)} in {spec.name}", hint))
    names = found.names if found else []
    if wanted not in names:
        hint = f"its readings: {listed(names)}" if names else "it has one reading only"
        what = f"rule {name}" if name in rules else name
        raise UsageError(joined(f"{what} has no reading {quoted(wanted)}", did_you_mean(wanted, names), hint))


def _read_as(spec: Spec, chosen: Mapping[str, str]) -> Spec:
    """Return a specification, of one role, as read in the ways chosen."""
    rules = {n: _rule_as(r, chosen[n]) if n in chosen else r for n, r in spec.rules.items()}
    parameters = {n: _parameter_as(p, chosen[n]) if n in chosen else p for n, p in spec.parameters.items()}
    return replace(spec, rules=rules, parameters=parameters)


def _rule_as(rule: Rule, wanted: str) -> Rule:
    """Return a rule as read in the way of that name."""
    reading = next(r for r in rule.readings if r.name == wanted)
    return replace(rule, body=reading.body, reading=wanted)


def _parameter_as(parameter: Parameter, wanted: str) -> Parameter:
    """Return a parameter with another default, as if it had been declared so."""
    type_ = parameter.type
    return replace(parameter, default=Term("const", type_, wanted, type_.members.index(wanted)))
