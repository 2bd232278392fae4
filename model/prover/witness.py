"""Traces of the prover as a log has them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mipcheck.model.prover.scripts import Number, Script, nothing
from mipcheck.model.prover.symbolic import World
from mipcheck.model.specification.spec import Key, Spec
from mipcheck.model.values.event import Event
from mipcheck.model.values.types import Value, show_seconds

INTERFACES: Final = ("eth0", "wlan0", "wwan0", "usb0")
ELSEWHERE: Final = 0xCB007114
"""203.0.113.20: an address that means nothing to any site."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A trace that shows what was searched for, be it an example or a counterexample.

    `silent` are the events that no log shows, each with the number of shown events before it and a text, which says
    when and with which keys it happens. `broken` are the rules that, by the symbolic semantics, this trace breaks.
    `site` and `parameters` are what differs from the setting that was searched in, `script` is the run in numbers.
    """

    events: tuple[Event, ...]
    silent: tuple[tuple[int, str], ...]
    broken: frozenset[str]
    steps: int
    site: Mapping[str, int] = field(default_factory=dict)
    parameters: Mapping[str, int] = field(default_factory=dict)
    script: Script | None = None


def told(world: World, script: Script, used: Collection[tuple[str, str]], broken: frozenset[str]) -> Witness:
    """Return a run as a trace, with the rules that it breaks; keys that are not `used` have ordinary values."""
    events: list[Event] = []
    silent: list[tuple[int, str]] = []
    for k, step in enumerate(script.steps):
        kind = world.spec.events[step.event]
        alone = bool(step.interface) and script.mirror == "more"
        interface = INTERFACES[step.interface]
        if alone or not kind.seen:
            said = {k.name: _decode(k, step.keys.get(k.name, nothing(k)), script.unit)
                    for k in kind.keys if (kind.name, k.name) in used}  # fmt: skip
            words = "".join(f", {name}={kind.by_name[name].type.show(value)}" for name, value in said.items())
            what = kind.name if alone else kind.text or kind.name
            text = f"{what} ({interface} at {show_seconds(step.now * script.unit)}{words})"
            silent.append((len(events), f"in the other run alone, {text}" if alone else text))
            continue
        args = {}
        for key in kind.keys:
            if (kind.name, key.name) in used or key.name == world.spec.tracks:
                args[key.name] = _decode(key, step.keys.get(key.name, nothing(key)), script.unit)
            elif not key.optional:
                args[key.name] = ordinary(key, k)
        events.append(Event(step.now * script.unit, interface, kind.name, args))
    return Witness(tuple(events), tuple(silent), broken, len(script.steps), script=script)


def _decode(key: Key, number: Number, unit: int) -> Value:
    """Return the value of a key of a script, whose ticks take `unit` ns, as an event holds it."""
    if isinstance(number, tuple):
        return frozenset(number)
    if key.type.is_enum:
        return key.type.members[number]
    if key.type.name == "time":
        return number * unit
    return str(number) if key.type.name == "text" else number


def ordinary(key: Key, k: int) -> Value:
    """Return a value for a key, of the k-th event, that no rule looks at."""
    if key.type.is_set:
        return frozenset()
    if key.type.is_enum:
        return key.type.members[0]
    return {"bool": False, "int": 60, "id": 0x1001 + k, "address": ELSEWHERE, "time": 0}.get(key.type.name, "x")


def keys_used(spec: Spec) -> set[tuple[str, str]]:
    """Return the keys that some pattern, condition or update looks at: (event, key)."""
    used: set[tuple[str, str]] = set()

    def look(patterns: Iterable[Any], terms: Iterable[Any]) -> None:
        names = {n for t in terms for n in t.names("key")}
        for p in patterns:
            used.update((p.event, n) for n in names | p.condition.names("key"))

    for u in spec.updates:
        look(u.patterns, [t for _, t in u.assignments])
    for a in spec.assumptions.values():
        look(a.patterns, [a.condition])
    for r in spec.rules.values():
        look(r.body.patterns, [r.body.condition])
    for p in spec.properties.values():
        look(p.patterns, [] if p.condition is None else [p.condition])
    return {(e, k) for e, k in used if k in spec.events[e].by_name}
