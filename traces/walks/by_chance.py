#!/usr/bin/env python3
"""Look for walks that notice what no other example trace does: python3 traces/walks/by_chance.py SPEC MINUTES [MUTANTS]

Of so many mutants of a specification (`mipcheck mutate`, 400 if nothing is said) those are looked at that no trace
notices. Parts of the example traces are put one after another and changed at random (lines left out, repeated, with
other values, just before or after a time that the specification names); a walk is kept if some mutant judges it
otherwise, those that many do first. Nobody has to believe what a walk shows: it is what a node might do, for better or
worse. What the checker says of each is kept in tests/traces/judged/: `UPDATE=1 pytest
tests/traces/test_judged.py`.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mipcheck.checker.check.check import conclude
from mipcheck.checker.inputs.trace import Trace
from mipcheck.checker.logs.text import write_log
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.checker.verbs.mutate_fates import Jury, Witnessed, chosen, outcome, seen
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import load
from mipcheck.model.specification.mutants import Mutant
from mipcheck.model.values.errors import MipcheckError
from mipcheck.model.values.event import NODE, Event

HERE = Path(__file__).resolve().parent
LONGEST = 60  # events
SITES = 6  # of a role
_TENTH, _SECOND = 10**8, 10**9


class Walks:
    """The mutants that are left, and what walks are made of."""

    def __init__(self, name: str, count: int, seed: int) -> None:
        self.name, self.spec, self.random = name, load(name), random.Random(seed)
        self.folder = HERE / name
        self.jury = Jury(self.spec, None, 5.0)
        wanted = [m for m in chosen(self.spec, (), None, count) if not m.where.startswith("assumption")]
        self.left = [m for m in wanted if self.jury.fate(m, False).by == ""]
        print(f"{len(self.left)} of {len(wanted)} are left", flush=True)
        self.machines: dict[str, dict[str, Machine]] = {m.id: {} for m in wanted}
        self.corpus: dict[str, list[Trace]] = {}
        for w in self.jury.witnesses:
            if w.trace.events and not w.trace.absolute:
                self.corpus.setdefault(w.role, []).append(w.trace)
        self.delays = {m.role: self._delays(m.role) for m in self.spec.machines()}
        self.wanted = {m.role: 8 for m in self.spec.machines()}
        self.vain = dict.fromkeys(self.wanted, 0)

    def _delays(self, role: str) -> list[int]:
        """Return times (ns) at which something may be decided: those of parameters, a little before, and later."""
        spec = self.spec.for_role(role)
        times = [v for n, v in configure(spec, {}).items() if spec.parameters[n].type.name == "time"]
        near = [t + d for t in times for d in (-_TENTH, 0, _TENTH, _SECOND, _SECOND + _TENTH, 2 * _SECOND)]
        return sorted({d for d in near if 0 < d < 4000 * _SECOND})

    def walk(self, role: str) -> Trace:
        """Return a new walk."""
        pick, corpus = self.random, self.corpus[role]
        sites = list({repr(t.site): t for t in corpus}.values())[:SITES]
        base = pick.choice([t for t in corpus if pick.random() < 0.5 or any(t.site == s.site for s in sites)] or corpus)
        events: list[Event] = []
        for _ in range(pick.randint(1, 5)):
            part = pick.choice(corpus).events
            start = pick.choice((0, 0, pick.randrange(len(part))))
            names = {e.interface for e in part} - {NODE}
            new = dict(zip(sorted(names), pick.sample(("eth0", "wlan0", "wwan0"), 3), strict=False))
            if pick.random() < 0.7:
                new = {n: n for n in names}
            begin = (events[-1].time if events else 0) + pick.choice((_TENTH, 2 * _SECOND, *self.delays[role]))
            for e in part[start : start + pick.randint(2, 30)]:
                shifted = begin + e.time - part[start].time
                events.append(replace(e, time=shifted, interface=new.get(e.interface, e.interface)))
        events = events[:LONGEST]
        for _ in range(pick.choice((0, 2, 4, 8, 12))):
            if events:
                self._change(events, role)
        return replace(base, events=events[:LONGEST])

    def _change(self, events: list[Event], role: str) -> None:
        pick = self.random
        n = pick.randrange(len(events))
        event = events[n]
        others = [e for t in pick.choices(self.corpus[role], k=8) for e in t.events]
        match pick.choice(("without", "again", "foreign", "later", "exact", "exact", "value", "value", "value")):
            case "without":
                events.pop(n)
            case "again":
                place = pick.randrange(n, len(events))
                events.insert(place + 1, replace(event, time=events[place].time))
            case "foreign":
                events.insert(n + 1, replace(pick.choice(others), time=event.time, interface=event.interface))
            case "later":
                _later(events, n, pick.choice(self.delays[role]))
            case "exact":
                before = events[pick.randrange(max(0, n - 6), n + 1)]
                _later(events, n, before.time + pick.choice(self.delays[role]) - event.time)
            case "value" if self.spec.for_role(role).events[event.kind].keys:
                keys = self.spec.for_role(role).events[event.kind].by_name
                # Now and then one that may be absent, and is: of an event that another specification knows less of.
                key = pick.choice(list(keys) if pick.random() < 0.3 or not event.args else list(event.args))
                alike = [e.args[key] for e in (*others, *events) if e.kind == event.kind and key in e.args]
                kind = keys[key].type
                if not alike and not (kind.members and not kind.is_set):
                    return
                value = pick.choice(alike) if alike else ""
                if kind.members and not kind.is_set:
                    value = pick.choice(kind.members)
                elif kind.is_set and pick.random() < 0.5 and isinstance(value, frozenset):
                    value = value ^ {pick.choice(kind.members)}
                elif kind.name == "int" and pick.random() < 0.3:
                    value = pick.choice((0, 1, 2, 60, 127, 128, 129, 133, 134, 135, 136))
                events[n] = replace(event, args={**event.args, key: value})

    def notices(self, w: Witnessed, mutant: Mutant) -> bool:
        """Decide whether a trace is judged otherwise by a mutant."""
        theirs = self.jury.watched(mutant.spec, w.trace, self.machines[mutant.id])
        return seen(theirs) != w.seen and outcome(conclude(theirs)) != w.outcome

    def attempt(self) -> None:
        """Make a walk, and write it if enough mutants notice it."""
        role = self.random.choice([m.role for m in self.left])
        trace = self.walk(role)
        try:
            title = [f"A walk at random, on which changes to {self.name} show."]
            text = write_log(trace.events, trace.site, vocabulary_of(self.spec), title)
            path = self.folder / f"{self._next(role)}.log"
            path.write_text(text, "utf-8")
            (witness,) = self.jury._read(path)
            found = [m for m in self.left if m.role == role and self.notices(witness, m)]
        except (MipcheckError, ValueError):
            path.unlink(missing_ok=True)
            return
        if len(found) < self.wanted[role]:
            path.unlink()
            self.vain[role] += 1
            if self.vain[role] >= 8 and self.wanted[role] > 1:
                self.vain[role], self.wanted[role] = 0, self.wanted[role] // 2
            return
        self.vain[role] = 0
        self.left = [m for m in self.left if m not in found]
        self.corpus[role].append(witness.trace)
        print(f"{path.stem} ({len(witness.trace.events)} events): {len(found)}, {len(self.left)} left", flush=True)

    def _next(self, role: str) -> str:
        taken = {p.stem for p in self.folder.glob("*.log")}
        return next(name for n in range(1, 10**6) if (name := f"{role}-walk-{n}") not in taken)


def _later(events: list[Event], n: int, delay: int) -> None:
    """Have event n and all that follow happen later, or earlier as far as the order of events stays."""
    least = -(events[n].time - (events[n - 1].time if n else 0))
    events[n:] = [replace(e, time=e.time + max(delay, least)) for e in events[n:]]


def main(words: Sequence[str]) -> None:
    """Look for walks for some minutes."""
    walks = Walks(words[0], int(words[2]) if len(words) > 2 else 400, int(words[3]) if len(words) > 3 else 1)
    end = time.monotonic() + 60 * float(words[1])
    while walks.left and time.monotonic() < end:
        walks.attempt()
    print(f"{len(walks.left)} are not noticed")
    for m in walks.left:
        print(f"  {m.id}: {m.what}")


if __name__ == "__main__":
    main(sys.argv[1:])
