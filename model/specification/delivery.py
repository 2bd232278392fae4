"""What is on its way between the parties to a system: ghost state, and an assumption about what arrives.

Of each channel the network itself hands on the newest message, as it was sent and once. What an attacker has the power
to do besides takes more to be kept: all that was sent, by what of it cannot be altered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mipcheck.model.specification.claimed import Assumption
from mipcheck.model.specification.parties import KNOWS, Channel
from mipcheck.model.specification.spec import Change, Table, Update, Variable
from mipcheck.model.specification.term import FALSE, TRUE, EventPattern, Term, conjunction
from mipcheck.model.values.types import BOOL, INT, Type

_ONE: Final = Term("const", INT, value=1)


def table_of(channel: Channel) -> Table:
    """Return what was ever sent on a channel, by what it carries: ghost state that properties may read."""
    parts = tuple((c.name, c.value.type) for c in channel.carried)
    return Table(channel.name, parts, (), ghost=True, text=channel.text)


@dataclass(frozen=True)
class OnWay:
    """What of a channel is on its way, and what may arrive of it while the attacker has these powers.

    It is `recorded`, all that was ever sent, where something reads that.
    """

    channel: Channel
    powers: tuple[str, ...]
    recorded: bool = False

    def _has(self, power: str) -> bool:
        return not self.channel.private and power in self.powers

    @property
    def anything(self) -> bool:
        """Whatever arrives may have been sent by the attacker."""
        return self._has(f"{KNOWS}{self.channel.key}" if self.channel.key else "forge")

    @property
    def mode(self) -> str:
        """What is kept: nothing, the newest, all with how often it may still arrive, or all."""
        if self.anything:
            return "nothing"
        return "all" if self._has("replay") else "late" if self._has("delay") else "newest"

    @property
    def _compared(self) -> list[int]:
        """What arrives as it was sent, by number."""
        return [n for n, c in enumerate(self.channel.carried) if not (c.outer and self._has("alter"))]

    def _named(self, what: str) -> str:
        return f"{self.channel.name}/{what}"

    def _keys(self) -> tuple[Term, ...]:
        """Return the keys of what arrives, as far as they are compared."""
        each = (self.channel.carried[n] for n in self._compared)
        return tuple(Term("key", c.value.type, c.name) for c in each)

    @property
    def table(self) -> Table | None:
        """What was sent, by what is compared: None if that is nothing, so that one variable says it."""
        parts = tuple((self.channel.carried[n].name, self.channel.carried[n].value.type) for n in self._compared)
        if self.mode not in ("late", "all") or not parts:
            return None
        if self.mode == "all" and len(parts) == len(self.channel.carried):
            return table_of(self.channel)  # which properties speak of, too
        left = (_ghost("left", INT, scope="entry"),) if self.mode == "late" else ()
        return Table(self._named("sent"), parts, left, ghost=True)

    @property
    def tables(self) -> Mapping[str, Table]:
        """All that is kept of it in tables."""
        found = [table_of(self.channel)] if self.recorded else []
        found += [] if self.table is None else [self.table]
        return {t.name: t for t in found}

    @property
    def variables(self) -> Mapping[str, Variable]:
        """What is kept of it in variables, all of it ghost state."""
        found = []
        if self.mode == "newest":
            carried = (self.channel.carried[n] for n in self._compared)
            found = [_ghost(self._named("sent"), BOOL)]
            found += [_ghost(self._named(f"newest/{c.name}"), c.value.type) for c in carried]
        elif self.mode in ("late", "all") and self.table is None:
            found = [_ghost(self._named("left"), INT) if self.mode == "late" else _ghost(self._named("sent"), BOOL)]
        if self.tables:
            found.append(_ghost(self._named("arrived"), BOOL))
            found += [_ghost(self._named(f"arrived/{c.name}"), c.value.type) for c in self.channel.carried]
        return {v.name: v for v in found}

    @property
    def newest_arrived(self) -> Mapping[str, tuple[Term, ...]]:
        """By table: whether anything has arrived, and the key of what did so last."""
        any_ = Term("var", BOOL, self._named("arrived"))
        types = {c.name: c.value.type for c in self.channel.carried}
        return {
            t.name: (any_, *(Term("var", types[part], self._named(f"arrived/{part}")) for part, _ in t.keys))
            for t in self.tables.values()
        }

    def sending(self) -> Iterator[Update]:
        """Yield what sending does."""
        for table in self.tables.values():
            values = tuple(c.value for c in self.channel.carried if c.name in dict(table.keys))
            columns: list[tuple[str, Term]] = [(table.name, TRUE)]
            if table.fields:
                left = f"{table.name}.left"
                columns.append((left, _more(Term("entry", INT, left, args=values))))
            yield Update(self.channel.sent, (), (Change("set", table.name, values, tuple(columns)),))
        if self.mode == "newest":
            carried = [self.channel.carried[n] for n in self._compared]
            newest = tuple((self._named(f"newest/{c.name}"), c.value) for c in carried)
            yield Update(self.channel.sent, ((self._named("sent"), TRUE), *newest))
        elif self.mode == "late" and self.table is None:
            left = self._named("left")
            yield Update(self.channel.sent, ((left, _more(Term("var", INT, left))),))
        elif self.mode == "all" and self.table is None:
            yield Update(self.channel.sent, ((self._named("sent"), TRUE),))

    def arrives(self) -> Term:
        """Return that the network may hand on what arrives, told by its keys."""
        keys, sent, table = self._keys(), self._named("sent"), self.table
        if self.mode == "nothing":
            return TRUE
        if table is not None:
            there = Term("entry", BOOL, table.name, args=keys)
            left = Term("entry", INT, f"{table.name}.left", args=keys)
            return there if self.mode == "all" else conjunction((there, Term(">=", BOOL, args=(left, _ONE))))
        if self.mode == "late":
            return Term(">=", BOOL, args=(Term("var", INT, self._named("left")), _ONE))
        same = tuple(Term("=", BOOL, args=(Term("var", k.type, self._named(f"newest/{k.name}")), k)) for k in keys)
        return conjunction((Term("var", BOOL, sent), *(same if self.mode == "newest" else ())))

    def taken(self, patterns: tuple[EventPattern, ...], heard: Term) -> Iterator[Update]:
        """Yield what the arrival of a message, of these patterns, does to what is on its way; `heard` is that it does
        something to who gets it."""
        if self.tables:
            each = self.channel.carried
            last = tuple((self._named(f"arrived/{c.name}"), Term("key", c.value.type, c.name)) for c in each)
            of_it = tuple(replace(p, condition=conjunction((p.condition, heard))) for p in patterns)
            yield Update(of_it, ((self._named("arrived"), TRUE), *last))
        if self.mode == "newest":
            yield Update(patterns, ((self._named("sent"), FALSE),))
        elif self.mode == "late":
            left = self._named("left")
            if self.table is None:
                yield Update(patterns, ((left, _less(Term("var", INT, left))),))
            else:
                name, keys = f"{self.table.name}.left", self._keys()
                change = Change("field", self.table.name, keys, ((name, _less(Term("entry", INT, name, args=keys))),))
                yield Update(patterns, (), (change,))


def _more(t: Term) -> Term:
    return Term("+", INT, args=(t, _ONE))


def _less(t: Term) -> Term:
    return Term("-", INT, args=(t, _ONE))


def _ghost(name: str, type_: Type, scope: str = "node") -> Variable:
    return Variable(name, type_, scope, True, Term("const", type_, value=0))


def _deliveries(ways: Sequence[OnWay]) -> dict[str, list[tuple[OnWay, Term]]]:
    """Return, by the event that arrives, the channels that it may have come by, each with when."""
    found: dict[str, list[tuple[OnWay, Term]]] = {}
    for way in ways:
        for p in way.channel.received:
            found.setdefault(p.event, []).append((way, p.condition))
    return found


def arrivals(ways: Sequence[OnWay]) -> Iterator[Assumption]:
    """Yield, of each event that channels bring, that one of them does."""
    for event, by in _deliveries(ways).items():
        name = event.replace("/", ".")
        channels = " or ".join(dict.fromkeys(way.channel.name for way, _ in by))
        meant = _any([condition for _, condition in by])
        brought = _any([conjunction((condition, way.arrives())) for way, condition in by])
        text = f"What arrives is what {channels} brings."
        yield Assumption(f"{name} by {channels}", (), text, (EventPattern(event, meant, name),), brought)


def taken(ways: Sequence[OnWay], updates: Sequence[Update]) -> Iterator[Update]:
    """Yield what arrival does to what is on its way: a message is taken from the first channel that has it.

    `updates` are those of parties and system. A message that none of them minds, as one that is older than another, is
    not the one that what they know comes from.
    """
    for event, by in _deliveries(ways).items():
        minding = [p.condition for u in updates for p in u.patterns if p.event == event]
        heard = _any(minding) if minding else TRUE
        earlier: list[Term] = []
        for way, condition in by:
            own = conjunction((condition, way.arrives()))
            others = tuple(Term("not", BOOL, args=(e,)) for e in earlier)
            yield from way.taken((EventPattern(event, conjunction((own, *others)), event),), heard)
            earlier.append(own)


def _any(terms: Sequence[Term]) -> Term:
    different = list(dict.fromkeys(terms))
    if TRUE in different:
        return TRUE
    return different[0] if len(different) == 1 else Term("or", BOOL, args=tuple(different))
