#!/usr/bin/env python3
"""Look for walks that notice what no example trace does: python3 traces/walks/guided.py SPEC MINUTES [MUTANTS] [SEED]

Of so many mutants of a specification (`mipcheck mutate`, 400 if nothing is said; or of those that a file of `mipcheck
mutate --format json` leaves undecided) those are looked at that no trace notices. A walk is made event by event, beside
the original's observer: events that come to the place that was changed, with keys such that it matters, as far as keys
decide that; events that assign what else decides it; and others. A walk that comes nearer to the place is kept and
continued, and so is one on which a mutant has parted from the original (`steps.py`), until the difference is judged.
What notices a mutant is shortened as long as it does, and written, several walks to a file where they notice as much
there. Nobody has to believe what a walk shows: it is what a node might do, for better or worse. What the checker says
of each is kept in tests/traces/judged/: `UPDATE=1 pytest tests/traces/test_judged.py`.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bundled import Walk, bundles
from made import HOME, Maker
from mipcheck.checker.logs.text import write_log
from mipcheck.checker.observe.observer import Observer
from mipcheck.checker.site.site import Site
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.checker.verbs.mutate_fates import Jury, chosen
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.prover.setting import SITE
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import load
from mipcheck.model.specification.mutants import Mutant
from mipcheck.model.specification.spec import Require, Spec
from mipcheck.model.specification.term import COMPARISONS, EventPattern, Term
from mipcheck.model.values.errors import MipcheckError
from mipcheck.model.values.event import Event
from spots import Spot, spots
from steps import Arena, Changed, Step

HERE = Path(__file__).resolve().parent
_SECOND = 10**9
_FAR = 5000 * _SECOND


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
        told = _told(self.of, {n for t in self.of.terms() for n in t.names("given")})
        if told:
            sites.append(replace(base, parameters=told))
        self.named = {m.id: _named(self.of, m.machine) for m in mutants}
        others = [(n, w) for n in sorted(set().union(*self.named.values())) for w in _other_values(self.of, n)]
        known: dict[Any, Changed] = {}
        self.arenas = [Arena(spec, site, mutants, known) for site in sites]
        self._only: dict[int, str] = {}
        for name, word in others:
            self.arenas.append(Arena(spec, replace(base, parameters={**told, name: word}), mutants, known))
            self._only[id(self.arenas[-1])] = name
        shown = {i for a in self.arenas for i in a.changed}
        self.left = {m.id: m for m in mutants if m.id in shown}
        self.every = dict(self.left)
        self.spots = {i: spots(self.of, m.machine) for i, m in self.left.items()}
        self._timed = {i: _timed(found) for i, found in self.spots.items()}
        bodies = {r.id: r.body for r in self.of.rules.values() if isinstance(r.body, Require)}
        self._owed = {i: [bodies[r] for r in m.rules if r in bodies] for i, m in self.left.items()}
        self.corpus = [
            w.trace.events for w in jury.witnesses if w.role == role and w.trace.events and not w.trace.absolute
        ]
        self.maker = Maker(self.of, self.corpus, self.random)
        self.writers: dict[str, list[EventPattern]] = {}
        for u in self.of.updates:
            for name in u.writes():
                self.writers.setdefault(name, []).extend(u.patterns)
        self.near: dict[tuple[str, int], tuple[int, list[list[Event]]]] = {}
        self.parted: dict[tuple[str, int], dict[frozenset[str], list[list[Event]]]] = {}
        self.tries: Counter[str] = Counter()
        self.walks: list[Walk] = []
        rules = [r.body for r in self.of.rules.values() if hasattr(r.body, "patterns")]
        self._readers = [({n for t in owner.terms() for n in t.reads()}, owner.patterns)
                         for owner in (*self.of.updates, *rules)]  # fmt: skip
        self._following: dict[frozenset[str], list[EventPattern]] = {}

    def following(self, names: frozenset[str]) -> list[EventPattern]:
        """Return the patterns of what reads any of these variables or tables."""
        if names not in self._following:
            found = [p for reads, patterns in self._readers if reads & names for p in patterns]
            self._following[names] = found
        return self._following[names]

    def _concerns(self, arena: Arena, m: Mutant) -> bool:
        """Decide whether a mutant may have to do with what is told at a site alone."""
        only = self._only.get(id(arena))
        return only is None or only in self.named[m.id]

    # --- a walk ---------------------------------------------------------------------------------------------------

    def grow(self, arena: Arena, m: Mutant, events: list[Event], count: int, apart: frozenset[str]) -> Sequence[Step]:
        """Add events to a walk; return its steps."""
        pick, maker = self.random, self.maker
        o = arena.walked(events)
        for _ in range(count):
            interface = "eth0" if pick.random() < 0.88 else "wlan0"
            last = events[-1].time if events else _SECOND
            at = self.moment(arena, m, o, last, interface) or maker.when(o, last, interface)
            e = self._event(m, o, at, interface, apart)
            e = replace(pick.choice(events), time=at) if events and pick.random() < 0.06 else e
            e = arena.derive(e)
            o.take(e)
            events.append(e)
        return o.steps

    def moment(self, arena: Arena, m: Mutant, o: Observer, last: int, interface: str) -> int | None:
        """Return a time from which on a comparison at the place that was changed is decided otherwise, or nearly."""
        pick, node = self.random, self.maker._node(o)
        place = node.places.get(interface)
        if place is None or pick.random() < 0.6:
            return None

        def value(t: Term, now: int) -> int:
            return arena.machine.evaluate(
                t, now, place.index, place.state, node.state, node.states, [], "", node.entries
            )

        found = []
        for t in self._timed[m.id]:
            sides = [[value(a, now) for a in t.args] for now in (0, _FAR)]
            if not any(UNKNOWN in side for side in sides):
                (a, b), (c, d) = sides
                slope = ((c - d) - (a - b)) // _FAR
                found += [(b - a) // slope] if slope else []
        for body in self._owed[m.id]:
            anchor = place.state[arena.machine.interface_slots[body.anchor]]
            found += [anchor + value(body.within, 0) + arena.machine.slack] if anchor != UNKNOWN else []
        near = [
            at for f in found if last <= (at := f + pick.choice((0, 0, 0, 1000, -1000, _SECOND // 2))) < last + _FAR
        ]
        return pick.choice(near) if near else None

    def _event(self, m: Mutant, o: Observer, at: int, interface: str, apart: frozenset[str]) -> Event:
        """Return an event that may have to do with what was changed."""
        pick, maker, there = self.random, self.maker, self.spots[m.id]
        pattern, wants = None, []
        chance = pick.random()
        if apart and chance < 0.55 and (followers := self.following(apart)):
            pattern = pick.choice(followers)
        elif there and chance < 0.8:
            spot = pick.choice(there)
            if spot.pattern is not None and pick.random() < 0.5:
                pattern = spot.pattern
                wants = [w for w in spot.wants if pick.random() < 0.95]
                wants += [(t, pick.random() < 0.5) for t in spot.at]
            elif spot.reads and (found := self.writers.get(pick.choice(sorted(spot.reads)))):
                pattern = pick.choice(found)
        if pattern is not None and pattern.event in maker.patterns:
            return maker.event(pattern.event, o, at, interface, [(pattern.condition, True), *wants])
        weights = [0.15 if k in maker.gaps else 1 for k in maker.kinds]
        return maker.event(pick.choices(maker.kinds, weights)[0], o, at, interface)

    def attempt(self) -> None:
        """Make a walk for one of the mutants that were tried the least, and keep it if it notices any."""
        pick = self.random
        m = self.left[min(pick.sample(list(self.left), min(4, len(self.left))), key=lambda i: self.tries[i])]
        arena = pick.choice([a for a in self.arenas if m.id in a.changed and self._concerns(a, m)])
        self.tries[m.id] += 1
        parted = self.parted.setdefault((m.id, id(arena)), {})
        near = self.near.get((m.id, id(arena)), (0, []))[1]
        old, apart, chance = list[Event](), frozenset[str](), pick.random()
        if parted and chance < 0.65:  # what has reached other state as often as what has reached much
            apart = pick.choice(list(parted))
            old = list(pick.choice(parted[apart]))
        elif near and chance < 0.8:
            old = list(pick.choice(near))
        elif self.corpus and chance < 0.92:
            whole = pick.choice(self.corpus)
            old = [arena.derive(whole[n]) for n in range(pick.randint(1, min(len(whole), 40)))]
        steps = self.grow(arena, m, old, pick.randint(2, 14), apart)
        found, others = arena.notice(old, list(self.left))
        if found:
            self.keep(arena, self.shortened(arena, old, found), found)
        for i, p in others.items():
            if i in self.left:
                hints = self.parted.setdefault((i, id(arena)), {}).setdefault(p.names, [])
                hints.append(old if p.names else old[: p.after])
                hints.sort(key=len)
                del hints[8:]
        if m.id in self.left and m.id not in others:
            self._approach(arena, m, old, steps)

    def _approach(self, arena: Arena, m: Mutant, events: list[Event], steps: Sequence[Step]) -> None:
        """Keep a walk up to where it comes nearest to the place that was changed."""
        best, kept = self.near.get((m.id, id(arena)), (0, []))
        for spot in self.spots[m.id]:
            for s in steps:
                if (spot.pattern is None or s.kind == spot.pattern.event) and s.number:
                    score = self._score(arena, spot, s)
                    if score > best:
                        best, kept = score, []
                    if score == best and score and len(kept) < 12:
                        kept.append(events[: s.number])
        self.near[m.id, id(arena)] = best, kept

    def _score(self, arena: Arena, spot: Spot, s: Step) -> int:
        """Return how much of what has to hold did so at an event."""
        own, node, entries, every = s.before
        wants = [*spot.wants, *((c, True) for c in (spot.pattern.condition.conjuncts() if spot.pattern else ()))]
        keys, kind = (s.keys, s.kind) if spot.pattern else ([], "")
        return sum(arena.machine.evaluate(t, s.now, s.this, own, node, every, keys, kind, entries) == int(holds)
                   for t, holds in wants)  # fmt: skip

    def shortened(self, arena: Arena, events: list[Event], found: Sequence[str]) -> list[Event]:
        """Return a walk without what is not needed so that these mutants notice it."""
        size = max(1, len(events) // 2)
        while size:
            for n in range(len(events) - size, -1, -size):
                less = events[:n] + events[n + size :]
                if less and len(arena.notice(less, found)[0]) == len(found):
                    events = less
            size //= 2
        return events

    def keep(self, arena: Arena, events: list[Event], found: Sequence[str]) -> None:
        """Keep a walk, if it is judged otherwise as it is written and read again, too."""
        noticed = self.noticed(arena.site, events, found)
        for i in noticed:
            del self.left[i]
        if noticed:
            self.walks.append(Walk(arena.site, tuple(events), frozenset(noticed)))
        print(
            f"{self.role} ({len(events)} events): {', '.join(noticed) or 'nothing'}, {len(self.left)} left", flush=True
        )

    def noticed(self, site: Site, events: Sequence[Event], found: Sequence[str]) -> list[str]:
        """Return those mutants that judge a walk otherwise once it is written and read again."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "walk.log"
            try:
                path.write_text(self.written(site, events), "utf-8")
                (w,) = self.jury._read(path)
            except (MipcheckError, ValueError):
                return []
        return [i for i in found if self.jury.notices(w, self.every[i], {})]

    def written(self, site: Site, events: Sequence[Event]) -> str:
        """Return a walk as a log."""
        title = [f"Walks at random, on which changes to {self.spec.name} show."]
        return write_log(events, site, vocabulary_of(self.spec), title)

    def write(self) -> None:
        """Write all walks, several to a file."""
        folder = HERE / self.spec.name
        folder.mkdir(exist_ok=True)
        for site, events in bundles(self.walks, self.of.tracks, HOME, self.noticed):
            taken = {p.stem for p in folder.glob("*.log")}
            name = next(n for k in range(1, 10**6) if (n := f"{self.role}-walks-{k}") not in taken)
            (folder / f"{name}.log").write_text(self.written(site, events), "utf-8")
            print(f"{name}: {len(events)} events", flush=True)


def _told(of: Spec, names: Iterable[str]) -> dict[str, str]:
    """Return parameters as a site tells them; numbers small, so that walks get there."""
    values, types = configure(of, {}), of.parameters
    return {n: f"{values[n] / _SECOND:g}s" if types[n].type.name == "time" else "1" for n in sorted(names)}


def _timed(found: Iterable[Spot]) -> list[Term]:
    """Return the comparisons at some places that depend on the time and on no key."""
    terms = [t for s in found for t in (*(w for w, _ in s.wants), *s.at, *([s.pattern.condition] if s.pattern else []))]
    below = (b for t in terms for b in t.walk())
    return [b for b in below if b.kind in COMPARISONS and b.uses("now") and not b.uses("key", "bound", "some", "every")]


def _named(old: Spec, new: Spec) -> set[str]:
    """Return the parameters in terms that only one of two specifications has."""
    return {n for t in {*old.terms()} ^ {*new.terms()} for n in t.names("param")}


def _other_values(of: Spec, name: str) -> list[str]:
    """Return other readings of a name, or other values of a parameter: the least, and a large one."""
    parameter, value = of.parameters[name], configure(of, {})[name]
    if parameter.readings:
        return [r for r, _ in parameter.readings if r != parameter.reading]
    return ["0s", f"{10 * value / _SECOND + 100:g}s"] if parameter.type.name == "time" else ["0"]


def main(words: Sequence[str]) -> None:
    """Look for walks for some minutes."""
    spec, minutes, seed = load(words[0]), float(words[1]), int(words[3]) if len(words) > 3 else 1
    jury = Jury(spec, None, 5.0)
    if len(words) > 2 and not words[2].isdecimal():
        said = json.loads(Path(words[2]).read_text("utf-8"))["mutants"]
        open_ = {m["id"] for m in said if m["fate"] in ("undecided", "survives")}
        wanted = [m for m in chosen(spec, (), None, None) if m.id in open_]
    else:
        wanted = chosen(spec, (), None, int(words[2]) if len(words) > 2 else 400)
    left = [m for m in wanted if jury.fate(m, False).by == ""]
    print(f"{len(left)} of {len(wanted)} are left", flush=True)
    roles = [Walks(spec, jury, r, [m for m in left if m.role == r], seed) for r in dict.fromkeys(m.role for m in left)]
    for w in roles:
        print(f"{w.role}: {len(w.every)} may show", flush=True)
    end = time.monotonic() + 60 * minutes
    while (live := [w for w in roles if w.left]) and time.monotonic() < end:
        random.Random(time.monotonic_ns()).choices(live, [len(w.left) for w in live])[0].attempt()
    for w in roles:
        w.write()
    for w in roles:
        for m in w.left.values():
            print(f"  {m.id}: {m.what} ({w.tries[m.id]} tries)")


if __name__ == "__main__":
    main(sys.argv[1:])
