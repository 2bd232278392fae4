#!/usr/bin/env python3
"""Look for walks that notice what no example trace does: python3 traces/walks/guided.py SPEC MINUTES [MUTANTS] [SEED]

Of so many mutants of a specification (`mipcheck mutate`, 400 if nothing is said) those are looked at that no trace
notices. A walk is made event by event, beside the original's observer: of kinds that have to do with what was changed,
with keys that fit some pattern of the specification and the state that the walk is in, at times that stand at its
deadlines, exactly or nearly. Where one step of a mutant leaves another state than the original's, the walk up to there
is kept and continued in many ways, until the difference is judged. What notices a mutant is shortened as long as it
does, and written. Nobody has to believe what a walk shows: it is what a node might do, for better or worse. What the
checker says of each is kept in tests/traces/judged/: `UPDATE=1 pytest tests/traces/test_judged.py`.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mipcheck.checker.check.check import conclude
from mipcheck.checker.check.machine import machine_of
from mipcheck.checker.logs.text import write_log
from mipcheck.checker.observe.observer import Observer
from mipcheck.checker.site.site import Site
from mipcheck.checker.trace.derive import deriver
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.checker.verbs.mutate_fates import Jury, chosen, outcome, seen
from mipcheck.model.machine.compile import Machine
from mipcheck.model.machine.entries import used_rows
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.prover.setting import SITE
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import load
from mipcheck.model.specification.mutants import Mutant
from mipcheck.model.specification.spec import Spec
from mipcheck.model.specification.term import Term
from mipcheck.model.values.errors import MipcheckError
from mipcheck.model.values.event import Event

HERE = Path(__file__).resolve().parent
HOME = SITE["ihoa"]
OTHERS = [0x0A010714, 0x0A010814, 0xCB007114, 0xCB007115, 0]
_TENTH, _SECOND = 10**8, 10**9
_FAR = 5000 * _SECOND


class Arena:
    """The machines of the original and of the mutants at one site, and the events in which each mutant shows."""

    def __init__(self, spec: Spec, site: Site, mutants: Sequence[Mutant]) -> None:
        self.site, self.machine = site, machine_of(spec, site, kept=False)
        self.derive = deriver(self.machine.spec, self.machine.capabilities)
        ours = _functions(self.machine.source)
        self.mutants: dict[str, tuple[Machine, set[str], bool]] = {}
        for m in mutants:
            machine = machine_of(m.spec, site, kept=False)
            theirs = _functions(machine.source)
            other = {n for n in ours.keys() | theirs.keys() if ours.get(n) != theirs.get(n)}
            loops = [n for n in other if not n.startswith("step_") and n not in ("due", "pending", "step")]
            other |= {n for n, text in theirs.items() if any(f"{loop}(" in text for loop in loops)}
            whole = bool(other & {"due", "pending"}) or _begins(machine) != _begins(self.machine)
            whole = whole or len(machine.rules) != len(self.machine.rules)
            if other or whole:
                self.mutants[m.id] = machine, {n.removeprefix("step_") for n in other}, whole


def _functions(source: str) -> dict[str, str]:
    """Return the functions of a machine's source by name."""
    return {part.partition("(")[0]: part for part in f"\n{source}".split("\ndef ")[1:]}


def _begins(m: Machine) -> object:
    return m.initial_interface(), m.initial_node(), m.late_interface(), m.late_node()


class Walks:
    """The mutants of one role that are left, and walks that may notice them."""

    def __init__(self, spec: Spec, jury: Jury, role: str, mutants: Sequence[Mutant], seed: int) -> None:
        self.spec, self.jury, self.role, self.of = spec, jury, role, spec.for_role(role)
        self.random = random.Random(seed)
        base = Site(role=role, boot=True, addresses={n: SITE[n] for n in SITE})
        able = frozenset(self.of.capabilities)
        sites = [base, replace(base, boot=False), *([replace(base, capabilities=able)] if able else [])]
        if "t_detection" in self.of.parameters:
            sites.append(replace(base, parameters={"t_detection": "5s"}))
        self.arenas = [Arena(spec, site, mutants) for site in sites]
        shown = {i for a in self.arenas for i in a.mutants}
        self.left = {m.id: m for m in mutants if m.id in shown}
        self.kinds = [e.name for e in self.of.events.values() if e.seen]
        self.gaps = {e.name for e in self.of.events.values() if e.sender == "observer"}
        self.parameters = configure(self.of, {})
        consts = [t for term in self.of.terms() for t in term.walk() if t.kind == "const"]
        times = {v for n, v in self.parameters.items() if self.of.parameters[n].type.name == "time"}
        times = sorted({t for t in times | {c.value for c in consts if c.type.name == "time"} if 0 < t < _FAR})
        self.delays = sorted({0, *times, *(a + b for a in times for b in times), *(t + 2 * _SECOND for t in times)})
        self.numbers = sorted(
            {0, 1, 2} | {max(c.value + d, 0) for c in consts if c.type.name == "int" for d in (-1, 0, 1)}
        )
        rules = [r.body for r in self.of.rules.values() if hasattr(r.body, "patterns")]
        patterns = [p for owner in (*self.of.updates, *rules) for p in owner.patterns]
        self.patterns = {k: [p.condition for p in patterns if p.event == k] for k in self.kinds}
        self.corpus = [
            w.trace.events for w in jury.witnesses if w.role == role and w.trace.events and not w.trace.absolute
        ]
        self.texts = {(e.kind, k): v for t in self.corpus for e in t for k, v in e.args.items() if isinstance(v, str)}
        self.hints: dict[tuple[str, int], list[list[Event]]] = {}
        self.tries: Counter[str] = Counter()

    # --- an event -------------------------------------------------------------------------------------------------

    def weights(self, m: Mutant, arena: Arena) -> list[float]:
        """Return how likely an event of each kind is, for a walk that is to notice a mutant."""
        shows = arena.mutants[m.id][1]
        reads = set().union(*(t.reads() for u in self.of.updates if any(p.event in shows for p in u.patterns)
                              for t in u.terms()))  # fmt: skip
        writers = Counter(p.event for u in self.of.updates for p in u.patterns for n, _ in u.assignments if n in reads)
        return [0.15 if k in self.gaps else 1 + 6 * (k in shows) + min(4, writers[k]) for k in self.kinds]

    def values(self, kind: str, o: Observer, interface: str) -> list[int]:
        """Return the values of a type that are in the state."""
        node, m = self._node(o), o._machine
        place = node.places.get(interface)
        variables = self.of.variables
        found = (
            [place.state[i] for n, i in m.interface_slots.items() if variables[n].type.name == kind] if place else []
        )
        found += [node.state[i] for n, i in m.node_slots.items() if variables[n].type.name == kind]
        for row in used_rows(node.entries)[1:]:
            table = self.of.tables[list(m.tables)[row[0]]]
            found += [row[1 + n] for n, (_, type_) in enumerate(table.keys) if type_.name == kind]
            found += [row[m.columns[c]] for c, v in table.columns.items() if v.type.name == kind]
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
                key, value = t.args if t.args[0].kind == "key" else (t.args[1], t.args[0])
                number = self._value(value, o, interface) if key.kind == "key" else None
                if number is not None:
                    near = 0 if (t.kind == "=") == holds else pick.choice((-1, 0, 1, 60))
                    keys[key.name] = max(0, number + near)
            case "has" if t.args[0].kind == "key":
                keys[t.args[0].name] = keys.get(t.args[0].name, 0) | int(holds) << t.value
            case "entry" if t.name in o._machine.tables:
                rows = [r for r in used_rows(self._node(o).entries)[1:] if r[0] == o._machine.tables[t.name]]
                for n, a in enumerate(t.args if rows else ()):
                    if a.kind == "key":
                        keys[a.name] = rows[-1][1 + n]

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

    def event(self, kind: str, o: Observer, at: int, interface: str) -> Event:
        """Return a new event of a kind."""
        pick, keys, args = self.random, dict[str, int](), dict[str, Any]()
        if self.patterns[kind] and pick.random() < 0.85:
            self.solve(pick.choice(self.patterns[kind]), keys, o, interface, pick.random() < 0.9)
        for key in self.of.events[kind].keys:
            type_, value = key.type, keys.get(key.name)
            if key.name == self.of.tracks:
                args[key.name] = HOME if kind in self.gaps or pick.random() < 0.97 else 0
            elif kind in self.gaps or (key.optional and pick.random() < (0.05 if key.name in keys else 0.3)):
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

    # --- a walk ---------------------------------------------------------------------------------------------------

    def grow(self, arena: Arena, m: Mutant, events: list[Event], count: int) -> None:
        """Add events to a walk."""
        pick, weights = self.random, self.weights(m, arena)
        o = self.run(arena.machine, arena, events)
        for _ in range(count):
            interface = "eth0" if pick.random() < 0.85 else "wlan0"
            at = self.when(o, events[-1].time if events else _SECOND, interface)
            e = arena.derive(self.event(pick.choices(self.kinds, weights)[0], o, at, interface))
            e = replace(pick.choice(events), time=at) if events and pick.random() < 0.06 else e
            o.take(e)
            events.append(e)

    def run(self, machine: Machine, arena: Arena, events: Sequence[Event]) -> Observer:
        """Return an observer that has seen a walk."""
        o = Observer(machine, arena.site.boot)
        for e in events:
            o.take(e)
        return o

    def said(self, machine: Machine, arena: Arena, events: Sequence[Event]) -> object:
        """Return what a machine says of a walk."""
        found = self.run(machine, arena, events).observation()
        return ([r.id for r in machine.rules], [(t.kept, t.broken, t.unknown) for t in found.tallies],
                [(f.rule, f.interface, f.node, f.time, f.event, f.count) for f in found.findings])  # fmt: skip

    def attempt(self) -> None:
        """Make a walk for one of the mutants that were tried the least, and keep it if it notices any."""
        pick = self.random
        m = self.left[min(pick.sample(list(self.left), min(4, len(self.left))), key=lambda i: self.tries[i])]
        arena = pick.choice([a for a in self.arenas if m.id in a.mutants])
        self.tries[m.id] += 1
        hints = self.hints.setdefault((m.id, id(arena)), [])
        old: Sequence[Event] = ()
        if hints and pick.random() < 0.6:
            old = pick.choice(hints)
        elif self.corpus and pick.random() < 0.5:
            whole = pick.choice(self.corpus)
            old = [arena.derive(whole[n]) for n in range(pick.randint(1, min(len(whole), 40)))]
        events = list(old)
        self.grow(arena, m, events, pick.randint(2, 20))
        ours = self.said(arena.machine, arena, events)
        kinds = {e.kind for e in events}
        concerned = [
            i for i in self.left if i in arena.mutants and (arena.mutants[i][2] or arena.mutants[i][1] & kinds)
        ]
        found = [i for i in concerned if self.said(arena.mutants[i][0], arena, events) != ours]
        if found:
            self.keep(arena, self.shortened(arena, events, found), found)
        elif m.id in concerned and (n := self.parts(arena, m.id, events)):
            hints.append(events[:n])
            del hints[:-30]

    def parts(self, arena: Arena, mutant: str, events: Sequence[Event]) -> int:
        """Return after how many events a mutant is in another state than the original, 0 if it never is."""
        sides = [Observer(machine, arena.site.boot) for machine in (arena.machine, arena.mutants[mutant][0])]
        for n, e in enumerate(events, 1):
            for o in sides:
                o.take(e)
            one, other = ((s.state, s.states, used_rows(s.entries)) for s in map(self._node, sides))
            if one != other:
                return n
        return 0

    def shortened(self, arena: Arena, events: list[Event], found: Sequence[str]) -> list[Event]:
        """Return a walk without what is not needed so that these mutants notice it."""
        size = max(1, len(events) // 4)
        while size:
            for n in range(len(events) - size, -1, -size):
                less = events[:n] + events[n + size :]
                ours = self.said(arena.machine, arena, less)
                if less and all(self.said(arena.mutants[i][0], arena, less) != ours for i in found):
                    events = less
            size //= 2
        return events

    def keep(self, arena: Arena, events: list[Event], found: Sequence[str]) -> None:
        """Write a walk, if it is judged otherwise as it is read again, too."""
        taken = {p.stem for p in (HERE / self.spec.name).glob("*.log")}
        name = next(n for k in range(1, 10**6) if (n := f"{self.role}-walk-{k}") not in taken)
        path = HERE / self.spec.name / f"{name}.log"
        title = [f"A walk at random, on which changes to {self.spec.name} show."]
        try:
            path.write_text(write_log(events, arena.site, vocabulary_of(self.spec), title), "utf-8")
            (w,) = self.jury._read(path)
            theirs = {i: self.jury.watched(self.left[i].spec, w.trace, {}) for i in found}
            noticed = [i for i, t in theirs.items() if seen(t) != w.seen and outcome(conclude(t)) != w.outcome]
        except (MipcheckError, ValueError):
            noticed = []
        if not noticed:
            path.unlink(missing_ok=True)
        for i in noticed:
            del self.left[i]
        print(f"{name} ({len(events)} events): {', '.join(noticed) or 'nothing'}, {len(self.left)} left", flush=True)


def main(words: Sequence[str]) -> None:
    """Look for walks for some minutes."""
    spec, minutes, seed = load(words[0]), float(words[1]), int(words[3]) if len(words) > 3 else 1
    jury = Jury(spec, None, 5.0)
    wanted = chosen(spec, (), None, int(words[2]) if len(words) > 2 else 400)
    left = [m for m in wanted if jury.fate(m, False).by == ""]
    print(f"{len(left)} of {len(wanted)} are left", flush=True)
    roles = [Walks(spec, jury, r, [m for m in left if m.role == r], seed) for r in dict.fromkeys(m.role for m in left)]
    end = time.monotonic() + 60 * minutes
    while (live := [w for w in roles if w.left]) and time.monotonic() < end:
        random.Random(time.monotonic_ns()).choices(live, [len(w.left) for w in live])[0].attempt()
    for m in (m for w in roles for m in w.left.values()):
        print(f"  {m.id}: {m.what}")


if __name__ == "__main__":
    main(sys.argv[1:])
