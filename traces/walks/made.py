"""Events of walks, at random: with keys that fit some pattern of the specification and the state that a walk is in, at
times that stand at its deadlines, exactly or nearly."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from mipcheck.checker.observe.observer import Observer
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.prover.setting import SITE
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.spec import Spec
from mipcheck.model.specification.term import Term
from mipcheck.model.values.event import Event

HOME = SITE["ihoa"]
OTHERS = [0x0A010714, 0x0A010814, 0xCB007114, 0xCB007115, 0]
_TENTH, _SECOND = 10**8, 10**9
_FAR = 5000 * _SECOND
_NEAR = {"=": (0,), "!=": (-1, 1, 60), "<": (-1,), "<=": (0, -1), ">": (1, 60), ">=": (0, 1, 60)}
"""What may be added to a number so that it compares so with it: mostly at the limit."""
_OPPOSITE = {"=": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


class Maker:
    """Makes events for the walks of one role."""

    def __init__(self, of: Spec, corpus: Sequence[Sequence[Event]], pick: random.Random) -> None:
        self.of, self.random = of, pick
        self.kinds = [e.name for e in of.events.values() if e.seen]
        self.gaps = {e.name for e in of.events.values() if e.sender == "observer"}
        self.parameters = configure(of, {})
        consts = [t for term in of.terms() for t in term.walk() if t.kind == "const"]
        told = {v for n, v in self.parameters.items() if of.parameters[n].type.name == "time"}
        times = sorted({t for t in told | {c.value for c in consts if c.type.name == "time"} if 0 < t < _FAR})
        self.delays = sorted({0, *times, *(a + b for a in times for b in times), *(t + 2 * _SECOND for t in times)})
        self.numbers = sorted(
            {0, 1, 2} | {max(c.value + d, 0) for c in consts if c.type.name == "int" for d in (-1, 0, 1)}
        )
        rules = [r.body for r in of.rules.values() if hasattr(r.body, "patterns")]
        patterns = [p for owner in (*of.updates, *rules) for p in owner.patterns]
        self.patterns = {k: [p.condition for p in patterns if p.event == k] for k in self.kinds}
        self.texts = {(e.kind, k): v for t in corpus for e in t for k, v in e.args.items() if isinstance(v, str)}

    def values(self, kind: str, o: Observer, interface: str) -> list[int]:
        """Return the values of a type that are in the state."""
        node, m = self._node(o), o._machine
        place = node.places.get(interface)
        variables = self.of.variables
        found = (
            [place.state[i] for n, i in m.interface_slots.items() if variables[n].type.name == kind] if place else []
        )
        found += [node.state[i] for n, i in m.node_slots.items() if variables[n].type.name == kind]
        for row in m.rows(node.entries):
            table = self.of.tables[list(m.tables)[row.table]]
            found += [part for part, (_, type_) in zip(row.key, table.keys, strict=True) if type_.name == kind]
            found += [row.values[m.columns[c]] for c, v in table.columns.items() if v.type.name == kind]
        return [v for v in found if v != UNKNOWN and v >= 0]

    def _node(self, o: Observer) -> Any:
        return o._nodes.get(HOME, o._one) if o._tracks else o._one

    def solve(self, t: Term, keys: dict[str, int], o: Observer, interface: str, holds: bool = True) -> None:
        """Choose values of keys with which a condition may hold, or may not."""
        pick = self.random
        match t.kind:
            case "def" | "seen":
                self.solve(t.args[0], keys, o, interface, holds)
            case "not":
                self.solve(t.args[0], keys, o, interface, not holds)
            case "and" | "or":
                for a in t.args if (t.kind == "and") == holds else (pick.choice(t.args),):
                    self.solve(a, keys, o, interface, holds)
            case "=" | "!=" | "<" | "<=" | ">" | ">=":
                first = t.args[0].kind == "key"
                key, value = t.args if first else (t.args[1], t.args[0])
                number = self._value(value, o, interface) if key.kind == "key" else None
                if number is not None:
                    kind = t.kind if first else _TURNED.get(t.kind, t.kind)
                    keys[key.name] = max(0, number + pick.choice(_NEAR[kind if holds else _OPPOSITE[kind]]))
            case "has" if t.args[0].kind == "key":
                keys[t.args[0].name] = keys.get(t.args[0].name, 0) | int(holds) << t.value
            case "entry" if t.name in o._machine.tables:
                rows = [r for r in o._machine.rows(self._node(o).entries) if r.table == o._machine.tables[t.name]]
                for n, a in enumerate(t.args if rows else ()):
                    if a.kind == "key":
                        keys[a.name] = rows[-1].key[n]

    def _value(self, t: Term, o: Observer, interface: str) -> int | None:
        m, node = o._machine, self._node(o)
        place = node.places.get(interface)
        if t.kind == "var":
            state, slots = (
                (node.state, m.node_slots) if t.name in m.node_slots else (place and place.state, m.interface_slots)
            )
            value = state[slots[t.name]] if state and t.name in slots else UNKNOWN
            return None if value == UNKNOWN else value
        known = {"const": t.value, "site": SITE.get(t.name), "param": self.parameters.get(t.name)}
        return known.get(t.kind)

    def event(self, kind: str, o: Observer, at: int, interface: str, wants: Sequence[tuple[Term, bool]] = ()) -> Event:
        """Return a new event of a kind, such that these conditions hold, or do not, as far as its keys decide that."""
        pick, keys, args = self.random, dict[str, int](), dict[str, Any]()
        for term, holds in wants:
            self.solve(term, keys, o, interface, holds)
        if not wants and self.patterns[kind] and pick.random() < 0.85:
            self.solve(pick.choice(self.patterns[kind]), keys, o, interface, pick.random() < 0.9)
        for key in self.of.events[kind].keys:
            type_, value = key.type, keys.get(key.name)
            if key.name == self.of.tracks:
                args[key.name] = HOME if kind in self.gaps or pick.random() < 0.97 else 0
            elif kind in self.gaps or (key.optional and pick.random() < (0.03 if key.name in keys else 0.2)):
                continue
            elif type_.is_set:
                bits = (value or 0) | (pick.getrandbits(len(type_.members)) & pick.getrandbits(len(type_.members)))
                args[key.name] = frozenset(m for n, m in enumerate(type_.members) if bits >> n & 1)
            elif type_.members:
                chosen_ = (
                    value if value is not None and value < len(type_.members) else pick.randrange(len(type_.members))
                )
                args[key.name] = type_.members[chosen_]
            elif type_.name == "text":
                args[key.name] = self.texts.get((kind, key.name), "x")
            else:
                there = self.values(type_.name, o, interface) if pick.random() < 0.6 else []
                more = {"address": [*SITE.values(), *OTHERS], "int": self.numbers, "id": [1, 2, 3, 4]}
                args[key.name] = value if value is not None else pick.choice(there or more.get(type_.name, self.delays))
                if type_.name == "bool":
                    args[key.name] = bool(args[key.name])
        return Event(at, interface, kind, args)

    def when(self, o: Observer, now: int, interface: str) -> int:
        """Return when the next event happens: soon, or where something may be decided."""
        pick = self.random
        times = self.values("time", o, interface) if pick.random() < 0.55 else []
        near = pick.choice(times) + pick.choice((0, *self.delays)) + pick.choice((0, 0, 0, 1000, -1000)) if times else 0
        return near if now <= near < now + _FAR else now + pick.choice((0, _TENTH, _TENTH, pick.choice(self.delays)))
