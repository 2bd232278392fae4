"""Replay of columns in native code: what `observe` does, for traces of any length.

The compiled loop (`replay_loop.py`, with the functions generated from the specification) runs over a batch's arrays
and stops only where words are needed: at a finding for a cause that is new, and the first time that a rule cannot be
judged. Then the state is in the arrays as the observer would have it in its lists; a `Moment` is made of it, and the
same code decides (`observe.cause_of`). All else is counted where it happens.

Which machines can run natively is a matter of their integers: nothing may leave 64 bits (`replay_bounds.py`).
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Final

import numpy as np
from mipcheck.checker.observe import loop
from mipcheck.checker.observe import observer as observe
from mipcheck.checker.observe.blame import Moment, cause_of
from mipcheck.checker.observe.bounds import check_bounds, numbers_read
from mipcheck.checker.observe.facts import facts_of
from mipcheck.checker.observe.observation import Finding, Hole, Observation, Tally, concluded
from mipcheck.checker.observe.observer import TooMuch
from mipcheck.checker.trace.columns import NUMBER, WHOLE, Array, Batch, Columns, Table
from mipcheck.checker.trace.derive import ACCESS, derive
from mipcheck.checker.trace.times import TIME_LIMIT
from mipcheck.model.machine import kleene
from mipcheck.model.machine.compile import Machine, State
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.native.compiled import Native, compiled
from mipcheck.model.native.unit import Argument, NativeError, Unit, constants_of, source_of
from mipcheck.model.values.event import NODE

_FEW: Final = 4096
"""Rows and entries that arrays have at first; they are doubled as need be."""

_MOST_CELLS: Final = 2**28
"""Integers of state, all interfaces of all nodes together: 2 GB. A device with more is none."""

_WRAP: Final = 2**64
_COUNT: Final = "count"
"""The key that says how many packets an event stands for; those in an access mode are added up."""

_ARGUMENTS: Final = tuple(Argument(*a) for a in (
    ("C", "int64", ("SCALARS",)),
    ("time", "int64", ("C[SIZE]",)),
    ("row_of", "int32", ("C[SIZE]",)),
    ("kind_of", "int32", ("C[TABLE]",)),
    ("token_of", "int32", ("C[TABLE]",)),
    ("keys", "int64", ("C[TABLE]", "C[WIDTH]")),
    ("number", "int32", ("C[SIZE]",)),
    ("S", "int64", ("C[ROWS_CAP]", "C[SLOTS]")),
    ("W", "int64", ("C[ROWS_CAP]", "C[VARIABLES]")),
    ("R", "int64", ("C[ROWS_CAP]", "R_WIDTH")),
    ("N", "int64", ("C[NODES_CAP]", "C[SHARED]")),
    ("WN", "int64", ("C[NODES_CAP]", "C[SHARED]")),
    ("M", "int64", ("C[NODES_CAP]", "M_WIDTH")),
    ("HT", "int64", ("C[HASH_CAP]", "2")),
    ("H", "int64", ("C[HEAP_CAP]", "3")),
    ("Q", "int64", ("C[LATE_CAP]",)),
    ("K", "int64", ("C[KINDS]", "K_WIDTH")),
    ("L", "int64", ("C[LIMITS]", "3")),
    ("IO", "int64", ("C[RULES]", "4")),
    ("IS", "int64", ("C[INTERESTS]",)),
    ("T", "int64", ("C[RULES]", "T_WIDTH")),
    ("G", "int64", ("C[RULES] * LIMIT", "G_WIDTH")),
    ("F", "int64", ("C[RULES] * LIMIT", "F_WIDTH")),
    ("OC", "int64", ("C[OCCURRED_CAP]", "2")),
    ("A", "int64", ("C[MODES_CAP]", "5")),
    ("B", "int64", ("2", "C[SLOTS]")),
    ("NM", "int64", ("C[TOKENS]",)),
    ("TF", "int64", ("C[TOKENS]",)),
    ("P", "int64", ("C[CONSTANTS]",)),
    ("Z", "int64", ("C[RULES] * 3 + 3",)),
    ("OS", "int64", ("C[SLOTS]",)),
    ("OW", "int64", ("C[VARIABLES]",)),
    ("ON", "int64", ("C[SHARED]",)),
    ("OV", "int64", ("C[SHARED]",)),
    ("X", "int64", ("C[WIDTH]",)),
))  # fmt: skip


_ROW, _TABLE = "int64:1", "int64:2"
_STEPS: Final = {
    "step": ("", "", "", _ROW, _ROW, _TABLE, _ROW, _ROW, "", _ROW, _ROW, _ROW),
    "due": ("", "", _ROW, _ROW, _TABLE, _ROW, _ROW),
    "pending": ("", _ROW, _ROW, _TABLE, _ROW, _ROW),
}
"""What is generated from a specification, with the kinds of its parameters."""


def unit_of(machine: Machine) -> Unit:
    """What is compiled to run a machine: the loop, which is the same for all, and what the specification says.

    Both are the same for all sites and parameters.
    """
    steps = Unit("", (), (source_of(kleene), machine.source), {"U": UNKNOWN}, _STEPS)
    sources = source_of(kleene), source_of(loop)
    return Unit("replay", _ARGUMENTS, sources, {"U": UNKNOWN} | constants_of(vars(loop)), linked=(steps,))


def native_of(machine: Machine) -> Native:
    """The compiled loop of a machine. Raises NativeError where it cannot be had, or could leave 64 bits."""
    check_bounds(machine)
    return compiled(unit_of(machine))


class Replay:
    """One machine, running over batches of `columns`. With `record`, the events of each finding are remembered.

    Raises NativeError if there is no native code for it.
    """

    def __init__(self, machine: Machine, columns: Columns, boot: bool = False, record: bool = False) -> None:
        self._machine, self._columns = machine, columns
        self._native = native_of(machine)
        self._facts = facts_of(machine)
        self._tracks = machine.spec.tracks
        self._width = max((len(machine.spec.events[k].keys) for k in machine.kinds), default=1) or 1
        self._counted = numbers_read(machine) | {_COUNT}
        self._shapes = _Shapes(machine, self._width, self._counted)
        self._findings: list[Finding] = []
        self._numbers: dict[int, int] = {}  # of findings, by their id
        self._causes: list[dict[tuple[object, ...], Finding]] = [{} for _ in machine.rules]
        self._holes: dict[int, Hole] = {}
        self._events = 0
        self._record = record
        self._unsigned = _unsigned_slots(machine)
        self._arrays = self._start(boot)

    # --- arrays -----------------------------------------------------------------------------------------------------

    def _start(self, boot: bool) -> dict[str, Array]:
        machine, facts = self._machine, self._facts
        rules, slots, variables = len(machine.rules), machine.interface_size, len(machine.interface_slots)
        shared, kinds = len(machine.node_slots), len(machine.kinds)
        shapes = {
            "C": (loop.SCALARS,), "S": (_FEW, slots), "W": (_FEW, variables), "R": (_FEW, loop.R_WIDTH),
            "N": (_FEW, shared), "WN": (_FEW, shared), "M": (_FEW, loop.M_WIDTH), "HT": (4 * _FEW, 2),
            "H": (4 * _FEW, 3), "Q": (4 * _FEW,), "K": (kinds, loop.K_WIDTH), "L": (len(facts.limits), 3),
            "IO": (rules, 4), "T": (rules, loop.T_WIDTH), "G": (rules * loop.LIMIT, loop.G_WIDTH),
            "F": (rules * loop.LIMIT, loop.F_WIDTH), "OC": (16 * _FEW if self._record else rules + 1, 2),
            "A": (_FEW, 5), "B": (2, slots), "NM": (_FEW,), "TF": (_FEW,), "P": (len(machine.constants),),
            "Z": (machine.most_outcomes,), "OS": (slots,), "OW": (variables,), "ON": (shared,), "OV": (shared,),
            "X": (self._width,),
        }  # fmt: skip
        a: dict[str, Array] = {name: np.zeros(shape, np.int64) for name, shape in shapes.items()}
        a["P"][:] = _signed(machine.constants)
        a["B"][0] = UNKNOWN
        a["B"][1] = _signed(machine.initial_interface())
        a["S"][0] = UNKNOWN
        a["W"][0] = -1
        a["R"][0] = (-1, loop.NEVER, 0, 0, -1)
        a["N"][0] = _signed(machine.initial_node()) if boot else UNKNOWN
        a["WN"][0] = -1
        a["M"][0] = (UNKNOWN, int(boot), 1, 0, 0, 0)
        a["L"][:] = np.array(facts.limits, np.int64).reshape(-1, 3)
        self._fill_interests(a)
        self._fill_kinds(a["K"])
        for rule, body in machine.obligations:
            a["T"][rule, loop.ANCHOR] = machine.interface_slots[body.anchor]
        c = a["C"]
        c[loop.NOW] = UNKNOWN
        c[loop.ROWS] = c[loop.NODES] = 1
        c[loop.TRACKS], c[loop.ENTANGLED] = int(bool(self._tracks)), int(facts.entangled)
        c[loop.LIMITS], c[loop.RULES], c[loop.RECORD] = len(facts.limits), rules, int(self._record)
        c[loop.MOST_NODES], c[loop.MOST_SPREAD] = observe.NODES, observe.SPREAD
        c[loop.WIDTH], c[loop.SLOTS], c[loop.VARIABLES], c[loop.SHARED] = self._width, slots, variables, shared
        c[loop.KINDS], c[loop.CONSTANTS], c[loop.INTERESTS] = kinds, len(machine.constants), len(a["IS"])
        c[loop.VARYING], c[loop.VARYING_KEY] = self._varying()
        self._note_sizes(a)
        return a

    def _fill_interests(self, a: dict[str, Array]) -> None:
        """Which slots a permission reads: its interface's, the node's, those of every interface."""
        slots: list[int] = []
        for rule in range(len(self._machine.rules)):
            interest = self._facts.interests.get(rule)
            a["IO"][rule, 0] = len(slots)
            for n, part in enumerate((interest.own, interest.node, interest.all) if interest else ((), (), ())):
                slots += part
                a["IO"][rule, n + 1] = len(slots)
        a["IS"] = np.array(slots, np.int64)

    def _fill_kinds(self, table: Array) -> None:
        for n, name in enumerate(self._machine.kinds):
            event = self._machine.spec.events[name]
            slot = {k.name: i for i, k in enumerate(event.keys)}
            direction = event.by_name.get("dir")
            outward = direction.type.members.index("out") if direction and "out" in direction.type.members else -1
            table[n] = (
                name in self._facts.changing,
                name in self._facts.gaps,
                name in self._facts.telling,
                slot.get(self._tracks, -1) if self._tracks else -1,
                slot.get(ACCESS, -1) if ACCESS in slot and event.by_name[ACCESS].type.is_set else -1,
                slot["dir"] if outward >= 0 else -1,
                outward,
                slot.get(_COUNT, -1),
            )

    def _varying(self) -> tuple[int, int]:
        """The kind and the key that vary beside the table, if they matter to anybody."""
        if self._columns.varying is None:
            return -1, -1
        kind, key = self._columns.varying
        if kind not in self._machine.kinds or key not in self._machine.spec.events[kind].by_name:
            return -1, -1
        names = [k.name for k in self._machine.spec.events[kind].keys]
        return self._machine.kinds.index(kind), names.index(key)

    def _note_sizes(self, a: dict[str, Array]) -> None:
        c = a["C"]
        c[loop.ROWS_CAP], c[loop.NODES_CAP], c[loop.HASH_CAP] = len(a["S"]), len(a["N"]), len(a["HT"])
        c[loop.HEAP_CAP], c[loop.LATE_CAP], c[loop.OCCURRED_CAP] = len(a["H"]), len(a["Q"]), len(a["OC"])
        c[loop.MODES_CAP], c[loop.TOKENS] = len(a["A"]), len(a["NM"])

    def _grow(self) -> None:
        """Double whatever might not suffice for the next event."""
        a, c = self._arrays, self._arrays["C"]
        if len(a["S"]) - c[loop.ROWS] < 2 * loop.ROOM:
            for name in ("S", "W", "R"):
                a[name] = _doubled(a[name])
        if len(a["N"]) - c[loop.NODES] < 4:
            for name in ("N", "WN", "M"):
                a[name] = _doubled(a[name])
        if len(a["S"]) * (a["S"].shape[1] + a["W"].shape[1]) > _MOST_CELLS:
            raise TooMuch("more interfaces and nodes than any device serves")
        if len(a["HT"]) < 4 * c[loop.NODES] + 8:
            self._rehash_nodes()
        while len(a["H"]) < c[loop.HEAP] + 2 * c[loop.ROWS] + 2 * loop.ROOM:
            a["H"] = _doubled(a["H"])
        while len(a["Q"]) < c[loop.LATE] + 4 * c[loop.ROWS] + 2 * loop.ROOM:
            a["Q"] = _doubled(a["Q"])
        if len(a["A"]) < 4 * c[loop.MODES] + 8:
            self._rehash_modes()
        self._note_sizes(a)

    def _rehash_nodes(self) -> None:
        a, count = self._arrays, int(self._arrays["C"][loop.NODES])
        table = np.zeros((2 * len(a["HT"]), 2), np.int64)
        for node in range(1, count):
            key = int(a["M"][node, loop.KEY])
            at = _mixed(0, key) & (len(table) - 1)
            while table[at, 1]:
                at = (at + 1) & (len(table) - 1)
            table[at] = (key, node)
            a["M"][node, loop.SLOT] = at
        a["HT"] = table

    def _rehash_modes(self) -> None:
        old = self._arrays["A"]
        table = np.zeros((2 * len(old), 5), np.int64)
        for entry in old[old[:, 2] != 0]:
            at = _mixed(int(entry[0]), int(entry[1])) & (len(table) - 1)
            while table[at, 2]:
                at = (at + 1) & (len(table) - 1)
            table[at] = entry
        self._arrays["A"] = table

    # --- running ----------------------------------------------------------------------------------------------------

    def take(self, batch: Batch) -> None:
        """Take the next batch. Raises TooMuch for hostile ones, NativeError for what only Python can count with."""
        a, c = self._arrays, self._arrays["C"]
        table = batch.table or self._shapes.table(self._columns)
        if not self._counted.isdisjoint(self._columns.wide) or self._shapes.wide or self._is_wide(batch):
            raise NativeError("a number is too large")
        if len(batch) and (batch.time[0] <= -TIME_LIMIT or batch.time[-1] >= TIME_LIMIT):
            raise NativeError("a time is too far away")  # an offset took it there, where a deadline would overflow
        while len(a["NM"]) <= len(self._columns.interfaces):
            a["NM"], a["TF"] = _doubled(a["NM"]), _doubled(a["TF"])
        self._note_sizes(a)
        c[loop.AT], c[loop.SIZE], c[loop.FIRST], c[loop.TABLE] = 0, len(batch), batch.first, len(table.kind)
        c[loop.WIDTH] = table.keys.shape[1]
        if len(a["X"]) < c[loop.WIDTH]:
            a["X"] = np.zeros(int(c[loop.WIDTH]), np.int64)
        number = batch.number if batch.number is not None else _NO_NUMBERS
        if batch.number is None:
            c[loop.VARYING] = -1
        rows = (batch.time, batch.row, table.kind, table.interface, table.keys, number)
        while True:
            arrays = [a["C"], *rows, *(a[argument.name] for argument in _ARGUMENTS[7:])]
            reason = self._native(arrays)
            if reason == loop.DONE:
                break
            self._pause(reason, batch, table)
        self._flush()
        self._events += len(batch)

    def _is_wide(self, batch: Batch) -> bool:
        """Whether the key that varies beside the table is counted with, and too large for that."""
        if batch.number is None or not len(batch) or self._columns.varying is None:
            return False
        return self._columns.varying[1] in self._counted and int(batch.number.max()) >= NUMBER

    def _pause(self, reason: int, batch: Batch, table: Table) -> None:
        """What the loop stopped for."""
        if reason == loop.GROW:
            self._grow()
        elif reason == loop.FLUSH:
            self._flush()
            if len(self._arrays["OC"]) <= len(self._machine.rules):
                self._arrays["OC"] = _doubled(self._arrays["OC"])
            self._note_sizes(self._arrays)
        elif reason == loop.TOO_MANY_INTERFACES:
            raise observe.too_many_interfaces()
        elif reason == loop.TOO_MANY_NODES:
            raise observe.too_many_nodes()
        elif reason == loop.TOO_MUCH_SPREAD:
            raise observe.too_much_spread(int(self._arrays["C"][loop.NODES]) - 1, self._tracks)
        else:
            c = self._arrays["C"]
            rule, row, node = int(c[loop.RULE]), int(c[loop.ROW]), self._arrays["M"][int(c[loop.NODE])]
            key = None if node[loop.KEY] == UNKNOWN else int(node[loop.KEY])
            if reason in (loop.BROKEN, loop.HOLE):
                self._at_event(reason, rule, row, key, batch, table)
            else:
                self._at_deadline(reason, rule, row, key, batch)

    def _at_event(self, reason: int, rule: int, row: int, node: int | None, batch: Batch, table: Table) -> None:
        c = self._arrays["C"]
        at = int(c[loop.AT])
        number, time = batch.first + at, int(batch.time[at])
        cell = int(batch.row[at])
        kind, token = int(table.kind[cell]), int(table.interface[cell])
        name = self._name(token)
        moment = self._moment(time, row, kind, self._keys(batch, table, at, kind))
        if reason == loop.HOLE:
            self._hole(rule, Hole(number, name, moment, node=node))
            return
        event = self._machine.kinds[kind]
        cause = (node, name, event, *cause_of(self._machine, rule, moment))
        finding = self._causes[rule].get(cause)
        if finding is None:
            finding = Finding(rule, name, time, number, moment=moment, count=0, node=node)
            self._add(cause, finding)
        self._count(finding, time, number)
        if self._record:
            self._flush()  # what was noted before comes first
            finding.events.append(number)
        self._remember(rule, finding, (UNKNOWN if node is None else node, token, kind), int(c[loop.DEADLINE]))

    def _at_deadline(self, reason: int, rule: int, row: int, node: int | None, batch: Batch) -> None:
        """What was owed was missed, or may have been met, or it was owed when evidence was lost."""
        c, a = self._arrays["C"], self._arrays
        token = int(a["R"][row, loop.TOKEN])
        name = self._name(token)
        if reason == loop.GAP_HOLE:
            at = int(c[loop.AT])
            number = batch.first + at
            owner = int(a["M"][int(a["R"][row, loop.WHOSE]), loop.KEY])
            moment = self._moment(int(batch.time[at]), row)
            self._hole(rule, Hole(number, name, moment, gap=True, node=None if owner == UNKNOWN else owner))
            return
        anchor = int(a["W"][row, int(a["T"][rule, loop.ANCHOR])])
        deadline = int(c[loop.DEADLINE])
        moment = self._moment(deadline, row)
        if reason == loop.MISSED_HOLE:
            self._hole(rule, Hole(anchor, name, moment, node=node))
            return
        finding = Finding(rule, name, deadline, anchor, True, moment, 0, node=node)
        self._add((node, name, anchor), finding)
        self._count(finding, deadline, anchor)
        self._remember(rule, finding, (UNKNOWN if node is None else node, token, anchor), 0)

    def _hole(self, rule: int, hole: Hole) -> None:
        self._holes[rule] = hole
        self._arrays["T"][rule, loop.HOLED] = 1

    def _add(self, cause: tuple[object, ...], finding: Finding) -> None:
        self._causes[finding.rule][cause] = finding
        self._arrays["T"][finding.rule, loop.GROUPS] += 1
        self._numbers[id(finding)] = len(self._findings)
        self._findings.append(finding)

    def _count(self, finding: Finding, time: int, number: int) -> None:
        """Once more, counted where the loop goes on counting."""
        counts = self._arrays["F"][self._numbers[id(finding)]]
        counts[:] = (counts[0] + 1, time, number)

    def _remember(self, rule: int, finding: Finding, whose: tuple[int, int, int], read: int) -> None:
        """The last finding of a rule for an interface and kind of event, or for an anchor, for the loop to compare."""
        tally, groups = self._arrays["T"][rule], self._arrays["G"]
        begin = rule * loop.LIMIT
        for at in range(begin, begin + int(tally[loop.CAUSES])):
            if tuple(groups[at, :3]) == whose:
                break
        else:
            at = begin + int(tally[loop.CAUSES])
            tally[loop.CAUSES] += 1
        groups[at] = (*whose, read, 0, self._numbers[id(finding)])

    def _flush(self) -> None:
        """Give the events that the loop has noted to their findings."""
        c, noted = self._arrays["C"], self._arrays["OC"]
        count = int(c[loop.OCCURRED])
        c[loop.OCCURRED] = 0
        if not count:
            return
        which, numbers = noted[:count, 0], noted[:count, 1]
        for n in np.unique(which):
            self._findings[int(n)].events.frombytes(np.ascontiguousarray(numbers[which == n]).tobytes())

    # --- what the arrays say, in the observer's terms ---------------------------------------------------------------

    def _name(self, token: int) -> str:
        return NODE if token < 0 else self._columns.interfaces[token]

    def _keys(self, batch: Batch, table: Table, at: int, kind: int) -> list[int]:
        event = self._machine.spec.events[self._machine.kinds[kind]]
        keys = [int(k) for k in table.keys[int(batch.row[at]), : len(event.keys)]]
        c = self._arrays["C"]
        if batch.number is not None and kind == c[loop.VARYING]:
            number = int(batch.number[at])
            if number >= 0:
                keys[int(c[loop.VARYING_KEY])] = number
        return [_unsigned(v) if k.type.name == "id" else v for k, v in zip(event.keys, keys, strict=True)]

    def _moment(self, now: int, row: int, kind: int = -1, keys: Sequence[int] = ()) -> Moment:
        """As `Observer._moment`; of an event that changes state, before it did."""
        a, c = self._arrays, self._arrays["C"]
        node, index = int(a["R"][row, loop.WHOSE]), int(c[loop.INDEX])
        begin, count = int(a["M"][node, loop.BEGIN]), int(a["M"][node, loop.COUNT])
        before = kind >= 0 and a["K"][kind, loop.CHANGING] == 1
        own = self._interface(a["OS"] if before else a["S"][row])
        writers = [int(v) for v in (a["OW"] if before else a["W"][row])]
        shared = self._shared(a["ON"] if before else a["N"][node])
        shared_writers = [int(v) for v in (a["OV"] if before else a["WN"][node])]
        rows = range(begin, begin + count)
        states = tuple(own if r == row else self._interface(a["S"][r]) for r in rows)
        all_writers = tuple(writers if r == row else [int(v) for v in a["W"][r]] for r in rows)
        names = tuple(self._name(int(a["R"][r, loop.TOKEN])) for r in rows)
        event = self._machine.kinds[kind] if kind >= 0 else ""
        return Moment(now, index, own, shared, states, writers, shared_writers, all_writers, event, tuple(keys), names)

    def _interface(self, state: Array) -> State:
        return [_unsigned(int(v)) if n in self._unsigned[0] else int(v) for n, v in enumerate(state)]

    def _shared(self, state: Array) -> State:
        return [_unsigned(int(v)) if n in self._unsigned[1] else int(v) for n, v in enumerate(state)]

    # --- the answer -------------------------------------------------------------------------------------------------

    def observation(self) -> Observation:
        """What has been seen so far."""
        machine, a = self._machine, self._arrays
        tallies = [
            Tally(
                int(t[loop.KEPT]),
                int(t[loop.BREACHES]),
                int(t[loop.UNKNOWN]),
                int(t[loop.UNLISTED]),
                self._holes.get(n),
            )
            for n, t in enumerate(a["T"])
        ]
        for n, finding in enumerate(self._findings):
            finding.count, finding.last_time, finding.last_event = map(int, a["F"][n])
        by_rule = [f for causes in self._causes for f in causes.values()]
        names = [self._name(int(t)) for t in a["NM"][: int(a["C"][loop.NAMES])]]
        nodes = int(a["C"][loop.SEEN]) if self._tracks else None
        return concluded(machine, tallies, by_rule, names, self._events, nodes)

    def modes(self) -> list[tuple[str, frozenset[str], int]]:
        """Interfaces, access modes that packets which left them fit, and how many; in order of appearance."""
        entries = self._arrays["A"]
        found = sorted((int(e[3]), int(e[0]), int(e[1]), int(e[4])) for e in entries[entries[:, 2] != 0])
        types = (e.by_name[ACCESS].type for e in self._machine.spec.events.values() if ACCESS in e.by_name)
        members = next(types).members if found else ()
        return [
            (self._name(token), frozenset(m for n, m in enumerate(members) if modes >> n & 1), count)
            for _, token, modes, count in found
        ]


class _Shapes:
    """The table of a capture's distinct events, which grows as they are seen."""

    def __init__(self, machine: Machine, width: int, counted: Set[str]) -> None:
        self._machine, self._counted = machine, counted
        self.wide = False
        self._interfaces: dict[str, int] = {}
        self._count = 0
        self._table = Table(
            np.zeros(_FEW, np.int32), np.zeros(_FEW, np.int32), np.full((_FEW, width), UNKNOWN, np.int64)
        )

    def table(self, columns: Columns) -> Table:
        for n in range(len(self._interfaces), len(columns.interfaces)):
            self._interfaces[columns.interfaces[n]] = n
        new = columns.shapes[self._count :]
        kinds = {name: n for n, name in enumerate(self._machine.kinds)}
        for event in derive(self._machine.spec, new, self._machine.capabilities):
            if self._count == len(self._table.kind):
                t = self._table
                self._table = Table(_doubled(t.interface), _doubled(t.kind), _doubled(t.keys))
            t, row = self._table, self._count
            self._count += 1
            t.interface[row] = WHOLE if event.interface == NODE else self._interfaces[event.interface]
            t.kind[row] = kinds.get(event.kind, -1)
            for name in event.args.keys() & self._counted:
                value = event.args[name]
                self.wide |= isinstance(value, int) and abs(value) >= NUMBER
            if event.kind in kinds:
                keys = _signed(self._machine.encode(event.kind, event.args))
                t.keys[row, : len(keys)] = keys
                t.keys[row, len(keys) :] = UNKNOWN
        t = self._table
        return Table(t.interface[: self._count], t.kind[: self._count], t.keys[: self._count])


def _unsigned_slots(machine: Machine) -> tuple[set[int], set[int]]:
    """The slots of interface and node that hold identifications."""
    variables = machine.spec.variables
    return (
        {slot for name, slot in machine.interface_slots.items() if variables[name].type.name == "id"},
        {slot for name, slot in machine.node_slots.items() if variables[name].type.name == "id"},
    )


def _unsigned(value: int) -> int:
    return value + _WRAP if value < 0 and value != UNKNOWN else value


def _signed(values: Sequence[int]) -> list[int]:
    """Identifications of 64 bits as arrays hold them. Raises NativeError for the one that stands for unknown there."""
    if any(v == -UNKNOWN for v in values):
        raise NativeError("an identification cannot be told from an unknown one")
    return [v - _WRAP if v > -UNKNOWN else v for v in values]


def _doubled(array: Array) -> Array:
    """An array with as much again after it."""
    return np.concatenate([array, np.zeros_like(array)])


def _mixed(h: int, value: int) -> int:
    """As `replay_loop._mixed`, whose integers wrap by themselves."""
    h = (h ^ (value & 0xFFFFFFFF)) * 0x5851F42D4C957F2D % _WRAP
    h = ((h ^ ((h >> 29) & 0x7FFFFFFF)) + ((value >> 32) & 0xFFFFFFFF) * 0x14057B7EF767814F) % _WRAP
    return h ^ (h >> 32)


_NO_NUMBERS: Final = np.zeros(1, np.int32)
