#!/usr/bin/env python3
"""Look for traces that notice what no example trace does: python3 traces/shortest/by_chance.py MINUTES [MUTANTS]

Of so many mutants of draft-01 (`mipcheck mutate`, 100 if nothing is said) those are looked at that no trace notices.
The example traces are changed at random (lines left out, repeated, taken from others, later, with other values) until
one is judged otherwise by a mutant. It is shortened as long as that stays so, and written here, named by what was
changed.
Afterwards make.py has to say what is expected of it: python3 traces/shortest/make.py NONE.
"""

from __future__ import annotations

import random
import sys
import time
from dataclasses import replace
from pathlib import Path

from mipcheck.checker.check.check import conclude
from mipcheck.checker.inputs.trace import Trace
from mipcheck.checker.logs.text import write_log
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.checker.verbs.mutate_fates import SURVIVES, Fate, Jury, chosen, outcome, seen
from mipcheck.checker.verbs.mutate_report import name_of
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.load import load
from mipcheck.model.specification.mutants import Mutant
from mipcheck.model.values.event import Event

HERE = Path(__file__).resolve().parent
LATER = [n * 10**8 for n in (1, 10, 50, 200, 610, 3000)]  # ns


class Chance:
    """The mutants that are left, and the traces to change."""

    def __init__(self, count: int, seed: int = 1) -> None:
        self.spec, self.random = load("draft-01"), random.Random(seed)
        self.jury = Jury(self.spec, None, 5.0)
        self.left = [m for m in chosen(self.spec, (), None, count) if self.jury.fate(m, False).by == ""]
        self.machines: dict[str, dict[str, Machine]] = {m.id: {} for m in self.left}
        self.corpus: dict[str, list[Trace]] = {}
        for w in self.jury.witnesses:
            self.corpus.setdefault(w.role, []).append(w.trace)

    def notices(self, trace: Trace, mutant: Mutant) -> bool:
        """Decide whether a trace is judged otherwise by a mutant."""
        ours = self.jury.watched(self.spec, trace, self.jury.originals)
        theirs = self.jury.watched(mutant.spec, trace, self.machines[mutant.id])
        return seen(ours) != seen(theirs) and outcome(conclude(ours)) != outcome(conclude(theirs))

    def changed(self, trace: Trace, role: str) -> Trace:
        """Return a trace with one to three changes."""
        events = list(trace.events)
        for _ in range(self.random.randint(1, 3)):
            if events:
                self._change(events, role)
        return replace(trace, events=events)

    def _change(self, events: list[Event], role: str) -> None:
        pick = self.random
        n = pick.randrange(len(events))
        event = events[n]
        others = [e for t in pick.choices(self.corpus[role], k=8) for e in t.events]
        match pick.choice(("without", "again", "foreign", "later", "value", "value")):
            case "without":
                events.pop(n)
            case "again":
                place = pick.randrange(n, len(events))
                events.insert(place + 1, replace(event, time=events[place].time))
            case "foreign" if others:
                events.insert(n + 1, replace(pick.choice(others), time=event.time, interface=event.interface))
            case "later":
                delay = pick.choice(LATER)
                events[n:] = [replace(e, time=e.time + delay) for e in events[n:]]
            case "value" if event.args:
                key = pick.choice(list(event.args))
                values = [e.args[key] for e in (*others, *events) if e.kind == event.kind and key in e.args]
                events[n] = replace(event, args={**event.args, key: pick.choice(values)})

    def shortened(self, trace: Trace, mutant: Mutant) -> Trace:
        """Return a trace without the events that a mutant needs not to be noticed."""
        n = 0
        while n < len(trace.events):
            less = replace(trace, events=[*trace.events[:n], *trace.events[n + 1 :]])
            if self.notices(less, mutant):
                trace = less
            else:
                n += 1
        return trace

    def attempt(self) -> None:
        """Change a trace, and write what is left of it for each mutant that it notices."""
        role = self.random.choice([m.role for m in self.left])
        trace = self.changed(self.random.choice(self.corpus[role]), role)
        for mutant in [m for m in self.left if m.role == role]:
            if self.notices(trace, mutant):
                self.left.remove(mutant)
                self._write(self.shortened(trace, mutant), mutant)

    def _write(self, trace: Trace, mutant: Mutant) -> None:
        name = name_of(Fate(mutant, SURVIVES))
        title = [
            f"What draft-01 says in {mutant.where}, told from what it would say otherwise:",
            f"{mutant.what}. Found by changing other traces at random, and shortened.",
        ]
        (HERE / f"{name}.log").write_text(write_log(trace.events, trace.site, vocabulary_of(self.spec), title), "utf-8")
        print(f"{mutant.id}: {name}, {len(trace.events)} events", flush=True)


if __name__ == "__main__":
    minutes = float(sys.argv[1])
    search = Chance(int(sys.argv[2]) if len(sys.argv) > 2 else 100)
    end = time.monotonic() + 60 * minutes
    while search.left and time.monotonic() < end:
        search.attempt()
    print(f"{len(search.left)} are not noticed")
