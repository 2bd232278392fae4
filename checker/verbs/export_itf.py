"""A log as ITF, the Informal Trace Format of Apalache: JSON with a state for each event, that other tools show."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import Any, Final

from mipcheck.checker.console.valid_json import dumps
from mipcheck.checker.observe.observer import Observer
from mipcheck.checker.trace.derive import derive
from mipcheck.model.machine.compile import Machine
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.specification.spec import Variable
from mipcheck.model.values.event import Event

MOST: Final = 10_000
"""Events of a log that is written."""
_UNKNOWN: Final = {"#unserializable": "unknown"}


def itf(machine: Machine, events: Iterable[Event], boot: bool, source: str) -> str:
    """Return the states of a node, one before the events and one after each. What belongs to interfaces is a map.

    `event`, `interface` and `now` (ns) tell the last event. Ghost state is left out: no trace shows it.
    """
    spec = machine.spec
    known = [v for v in spec.variables.values() if not v.ghost]
    observer = Observer(machine, boot)
    told = {"event": "", "interface": "", "now": _number(0)}
    states = [{"#meta": {"index": 0}, **told, **_state(machine, observer, known)}]
    for n, event in enumerate(derive(spec, list(events), machine.capabilities), 1):
        observer.take(event)
        told = {"event": event.kind, "interface": event.interface, "now": _number(event.time)}
        states.append({"#meta": {"index": n}, **told, **_state(machine, observer, known)})
    meta = {
        "format": "ITF",
        "format-description": "https://apalache-mc.org/docs/adr/015adr-trace.html",
        "source": source,
        "description": f"What is known of a node after each event; {spec.name}, role {spec.role}.",
        "varTypes": {"event": "Str", "interface": "Str", "now": "Int", **{v.name: _type(v) for v in known}},
    }
    return dumps({"#meta": meta, "vars": [*told, *(v.name for v in known)], "states": states}, indent=1) + "\n"


def _state(machine: Machine, observer: Observer, known: list[Variable]) -> dict[str, Any]:
    """Return the values of the variables, those of interfaces by the interface's name."""
    node = observer.only
    places = {p.index: p.name for p in node.places.values()}
    result: dict[str, Any] = {}
    own = {name: n for n, name in enumerate(machine.interface_slots)}
    shared = {name: n for n, name in enumerate(machine.node_slots)}
    for v in known:
        if v.scope == "interface":
            each = [[p.name, _value(v, p.state[own[v.name]], places)] for p in node.places.values()]
            result[v.name] = {"#map": each}
        else:
            result[v.name] = _value(v, node.state[shared[v.name]], places)
    return result


def _value(v: Variable, value: int, places: dict[int, str]) -> Any:
    type_ = v.type
    if value == UNKNOWN:
        return _UNKNOWN
    if type_.name == "bool":
        return bool(value)
    if type_.is_set:
        return {"#set": [m for n, m in enumerate(type_.members) if value >> n & 1]}
    if type_.is_enum:
        return type_.members[value]
    if type_.name == "interface":
        return places.get(value, "none")
    return str(IPv4Address(value & 0xFFFFFFFF)) if type_.name == "address" else _number(value)


def _number(value: int) -> dict[str, str]:
    """Return a number as ITF has those that a JSON reader might round."""
    return {"#bigint": str(value)}


def _type(v: Variable) -> str:
    """Return the type of a variable in Apalache's notation."""
    if v.type.name == "bool":
        own = "Bool"
    elif v.type.is_set:
        own = "Set(Str)"
    else:
        own = "Int" if v.type.name in ("int", "time", "id") else "Str"
    return f"Str -> {own}" if v.scope == "interface" else own
