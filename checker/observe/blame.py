"""The parts of a condition that made it what it was: a false conjunct, disjuncts that all failed, an unknown value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from mipcheck.model.machine.compile import Machine, State
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.machine.rows import Entries
from mipcheck.model.specification.spec import Spec
from mipcheck.model.specification.term import Term
from mipcheck.model.values.types import BOOL, INT

RELATIONS: Final = frozenset({"=", "!=", "<", "<=", ">", ">="})
"""Kinds of terms that compare."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A copy of all that a judgement depended on.

    `now` is in ns; `this` indexes `interfaces`, or is UNKNOWN for what concerns the whole node (whose state is then
    in `own` alone). Writers are the numbers of the events that last wrote each variable, -1 for none. `kind` and
    `keys` are those of the event that was judged, empty if there was none. `names` are those of the interfaces,
    `entries` those of tables (see `model/machine/entries.py`).
    """

    now: int
    this: int
    own: State
    node: State
    interfaces: tuple[State, ...]
    own_writers: list[int]
    node_writers: list[int]
    interface_writers: tuple[list[int], ...]
    kind: str = ""
    keys: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    entries: Entries = field(default_factory=list)

    def state(self, interface: int) -> State:
        return self.own if interface == self.this else self.interfaces[interface]

    def writers(self, interface: int) -> list[int]:
        return self.own_writers if interface == self.this else self.interface_writers[interface]

    def all_writers(self) -> Iterator[int]:
        """Yield the numbers of the events that made the state what it is, among others."""
        yield from self.own_writers
        yield from self.node_writers
        for writers in self.interface_writers:
            yield from writers
        yield from self.entries  # writers are among them


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part of a condition without `and`, `or` or `not` outside of it: its truth value, and of which interface.

    `quantified` is whether it was reached through `some` or `every` interface.
    """

    term: Term
    interface: int
    value: int
    quantified: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """A variable that a leaf reads: whose (an index; None for the node's), its value, and the event that wrote it.

    A column of an entry, too: the parts of its `key` are then not empty, and may be unknown.
    """

    name: str
    interface: int | None
    value: int
    writer: int
    key: tuple[int, ...] = ()


def evaluate(machine: Machine, term: Term, moment: Moment, interface: int) -> int:
    """Return the value of a term, or of a part of one, in a moment, for the interface of that index."""
    own = moment.state(interface)
    return machine.evaluate(
        term, moment.now, interface, own, moment.node, moment.interfaces, moment.keys, moment.kind, moment.entries
    )


def blame(
    machine: Machine, term: Term, moment: Moment, interface: int, quantified: bool = False, telling: bool = False
) -> list[Leaf]:
    """Return the leaves that made a condition what it was (true, false or unknown), in order of appearance.

    `interface` is the index of the one that the condition is about; `quantified` is as in `Leaf`. With `telling`, of
    several reasons why all of something does not hold those are left out that compare with what nothing has set, or are
    about what an entry has that is not there, and of several alternatives those that need what the event does not tell
    to be `seen`.
    """
    value = evaluate(machine, term, moment, interface)

    def below(term: Term, interface: int = interface, quantified: bool = quantified) -> list[Leaf]:
        return blame(machine, term, moment, interface, quantified, telling)

    def those(terms: tuple[Term, ...], wanted: int) -> list[Leaf]:
        found = [t for t in terms if evaluate(machine, t, moment, interface) == wanted]
        if telling and term.kind == "and" and wanted == 0:
            found = [t for t in found if not _is_unset(machine, t, moment, interface)] or found
            found = [t for t in found if not _is_absent(machine, t, moment, interface)] or found
        if telling and term.kind == "or" and wanted == 0:
            found = [t for t in found if not _is_untold(machine, t, moment, interface)] or found
        return [leaf for t in found for leaf in below(t)]

    match term.kind:
        case "def" if term.type.name == "bool":
            return below(term.args[0])
        case "not" | "seen":
            return below(term.args[0])
        case "and" | "or":
            return those(term.args, value)
        case "implies":
            if value == 0:
                return [leaf for t in term.args for leaf in below(t)]
            if value == 1:
                return those(term.args[:1], 0) + those(term.args[1:], 1)
            return those(term.args, UNKNOWN)
        case "some" | "every":
            body = term.args[0]
            every = range(len(moment.interfaces))
            return [leaf for n in every if evaluate(machine, body, moment, n) == value for leaf in below(body, n, True)]
    return [Leaf(term, interface, value, quantified)]


def _is_unset(machine: Machine, term: Term, moment: Moment, interface: int) -> bool:
    """Decide whether a term compares with a time, an address or the like that nothing has set."""
    while term.kind in ("not", "def", "seen"):
        term = term.args[0]
    plain = (BOOL, INT)
    return term.kind in RELATIONS and any(
        read.writer < 0 and read.value != UNKNOWN and machine.spec.state(read.name).type not in plain
        for read in reads(machine, term, moment, interface)
    )


def _is_absent(machine: Machine, term: Term, moment: Moment, interface: int) -> bool:
    """Decide whether a term is about a column of an entry that is not there."""
    for t in term.walk():
        table, _, column = t.name.partition(".")
        if t.kind == "entry" and column and not t.uses("bound"):
            key = tuple(evaluate(machine, a, moment, interface) for a in t.args)
            if _read(machine, moment, table, key).value == 0:
                return True
    return False


def _is_untold(machine: Machine, term: Term, moment: Moment, interface: int) -> bool:
    """Decide whether a term is for the case that something is `seen` of a key which the event does not have."""
    while term.kind == "def":
        term = term.args[0]
    if term.kind == "and":
        return any(_is_untold(machine, t, moment, interface) for t in term.args)
    keys = (t for t in term.walk() if t.kind == "key")
    return term.kind == "seen" and any(evaluate(machine, t, moment, interface) == UNKNOWN for t in keys)


def reads(machine: Machine, term: Term, moment: Moment, interface: int) -> Iterator[Read]:
    """Return the variables that a term reads, each once for every interface that it is read of."""
    seen: set[tuple[str, int | None]] = set()
    told: set[tuple[str, tuple[int, ...]]] = set()
    for name, whose in _variables(machine.spec, term, interface, len(moment.interfaces)):
        if (name, whose) in seen:
            continue
        seen.add((name, whose))
        if whose is None:
            slot = machine.node_slots[name]
            yield Read(name, None, moment.node[slot], moment.node_writers[slot])
        else:
            slot = machine.interface_slots[name]
            yield Read(name, whose, moment.state(whose)[slot], moment.writers(whose)[slot])
    for read in _entries_read(machine, term, moment, interface):
        if (read.name, read.key) not in told:
            told.add((read.name, read.key))
            yield read


def _entries_read(machine: Machine, term: Term, moment: Moment, interface: int) -> Iterator[Read]:
    """Return the columns of entries that a term reads; of a table that it asks as a whole, all entries."""
    for t in term.walk():
        table = t.name.partition(".")[0]
        if t.kind == "entry" and not t.uses("bound"):
            key = tuple(evaluate(machine, a, moment, interface) for a in t.args)
            yield from _columns_read(machine, moment, t.name, key)
        elif t.kind in ("entry", "some_entry", "every_entry"):
            parts = len(machine.spec.tables[table].keys)
            keys = [r.key for r in machine.rows(moment.entries) if r.table == machine.tables[table]]
            for key in sorted(keys) or [(UNKNOWN,) * parts]:
                yield from _columns_read(machine, moment, t.name, key)


def _columns_read(machine: Machine, moment: Moment, column: str, key: tuple[int, ...]) -> Iterator[Read]:
    """Return what is looked at for a column of an entry: whether it is there, and, if so, until when, and the column.

    What an entry has that is not there is no fact about it.
    """
    table = machine.spec.tables[column.partition(".")[0]]
    there = _read(machine, moment, table.name, key)
    yield there
    if there.value == 1:
        yield from (
            _read(machine, moment, name, key) for name in (table.lapses, column) if name not in ("", table.name)
        )


def _read(machine: Machine, moment: Moment, column: str, key: tuple[int, ...]) -> Read:
    """Return what an entry has in a column, and who wrote it; of one that is in no row, the default row's."""
    table = machine.tables[column.partition(".")[0]]
    for row in machine.rows(moment.entries):
        if row.table == table and row.key == key:
            place = machine.columns[column]
            return Read(column, None, row.values[place], row.writers[place], key)
    slot = machine.table_slots[column]
    return Read(column, None, moment.node[slot], moment.node_writers[slot], key)


def cause_of(machine: Machine, rule: int, moment: Moment) -> list[tuple[str | int, ...]]:
    """Return what made a permission's condition false: variables, whose each is, and the event that wrote it.

    Violations of one cause are one finding.
    """
    leaves = blame(machine, machine.rules[rule].body.condition, moment, moment.this)
    return sorted(
        (r.name, UNKNOWN if r.interface is None else r.interface, r.writer, *r.key)
        for leaf in leaves
        for r in reads(machine, leaf.term, moment, leaf.interface)
    )


def _variables(spec: Spec, term: Term, interface: int, count: int) -> Iterator[tuple[str, int | None]]:
    """Return names of variables, and whose each is (None for the node's); `count` is how many interfaces there are."""
    if term.kind == "var":
        yield term.name, interface if spec.variables[term.name].scope == "interface" else None
    elif term.kind in ("some", "every"):
        for n in range(count):
            yield from _variables(spec, term.args[0], n, count)
    else:
        for a in term.args:
            yield from _variables(spec, a, interface, count)
