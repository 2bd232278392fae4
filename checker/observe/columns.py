"""A trace in columns → what each rule came to, in native code: what `observer.Observer` does, for traces of any length.

The compiled loop (`loop.py`, `causes.py` and `tables.py`, with the functions generated from the specification) runs
over a batch's arrays and stops only where words are needed: at a finding for a cause that is new, and the first time
that a rule cannot be judged. Then the state is in the record (`state.py`) as the observer would have it in its objects;
a `Moment` is made of it, and the same code decides (`blame.cause_of`). All else is counted where it happens.

What is compiled is said in `unit.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from mipcheck.checker.observe import limits, loop, packed, tables, trials
from mipcheck.checker.observe.blame import Moment, cause_of
from mipcheck.checker.observe.bounds import numbers_read
from mipcheck.checker.observe.facts import facts_of
from mipcheck.checker.observe.inexact import times_of, too_coarse
from mipcheck.checker.observe.interests import COUNT, fill_interests, fill_kinds, read_slots
from mipcheck.checker.observe.observation import Finding, Hole, Observation, Tally, concluded
from mipcheck.checker.observe.room import grow, make_room
from mipcheck.checker.observe.shapes import Shapes
from mipcheck.checker.observe.signs import signed, unsigned, unsigned_slots
from mipcheck.checker.observe.sleep import missed_if_over, why_untold
from mipcheck.checker.observe.state import KEPT, ObserverState
from mipcheck.checker.observe.unit import most_events, native_of
from mipcheck.checker.trace.columns import NUMBER, WHOLE, Array, Batch, Columns, EventTable
from mipcheck.checker.trace.derive import ACCESS
from mipcheck.checker.trace.source import EXACT, Evidence, Fog
from mipcheck.checker.trace.times import TIME_LIMIT
from mipcheck.model.machine.compile import Machine, State
from mipcheck.model.machine.entries import width_of
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.machine.rows import held
from mipcheck.model.native.errors import NativeError
from mipcheck.model.values.event import NODE

_FEW: Final = 4096
"""Rows and entries that arrays have at first; they are doubled as need be."""

_MOST_TOLERANCE: Final = 10**15
"""How coarse stamps may be at most (ns), so that no time leaves 64 bits by them: eleven days."""


class NativeObserver:
    """One machine, running over batches of `columns`. With `record`, the events of each finding are remembered.

    What is in the `fog` stays unknown. Raises NativeError if there is no native code for it.
    """

    def __init__(
        self,
        machine: Machine,
        columns: Columns,
        boot: bool = False,
        record: bool = False,
        fog: Fog | None = None,
        evidence: Evidence = EXACT,
    ) -> None:
        self._machine, self._columns = machine, columns
        self._most = most_events(machine)
        self._native = native_of(machine)
        self._facts = facts_of(machine)
        self._tracks = machine.spec.tracks
        self._width = max((len(machine.spec.events[k].keys) for k in machine.kinds), default=1) or 1
        self._counted = numbers_read(machine) | {COUNT}
        self._shapes = Shapes(machine, self._width, self._counted, _FEW)
        self._findings: list[Finding] = []
        self._numbers: dict[int, int] = {}  # of findings, by their id
        self._causes: list[dict[tuple[object, ...], Finding]] = [{} for _ in machine.rules]
        self._holes: dict[int, Hole] = {}
        self._events = 0
        self._record = record
        self._unsigned = unsigned_slots(machine)
        self._resolution = evidence.resolution
        self._by = max(0, evidence.tolerance - 1)
        self._since = {rule: machine.anchor_slot(rule) for rule, _ in machine.obligations}
        self._doubts: list[tuple[int, int, int, Hole]] = []
        # Where state changes that no event sets, because times are coarse or nothing is seen of it, all is kept.
        few = self._tracks and not self._by and fog is None
        every = [*range(machine.node_size)]
        self._slots_set = [machine.slots_set(kind) if few else every for kind in machine.kinds]
        self._state = self._start(boot)
        self._state.tolerance = evidence.tolerance
        self._state.begun[list(() if evidence.several else machine.begun)] = 1
        if self._by:
            self._blur(evidence)
        if fog is not None:
            self._cover(fog)

    # --- the record -------------------------------------------------------------------------------------------------

    def _start(self, boot: bool) -> ObserverState:
        machine, facts = self._machine, self._facts
        interests = read_slots(machine, facts)
        kept = [machine.spec.tables[name] for name in machine.tables]
        most_entries = len(kept) + 1 + sum(t.limit * width_of(machine.forms[t.name]) for t in kept) + machine.most_set
        s = ObserverState(
            rules_count=len(machine.rules), kinds_count=len(machine.kinds), limits_count=len(facts.limits),
            shared_limits_count=len(facts.shared_limits),
            interests_count=sum(map(len, interests)), constants_count=len(machine.constants),
            slots=machine.interface_size, variables=len(machine.interface_slots), shared_slots=machine.node_size,
            tables_count=len(kept), most_entries=most_entries, packed_count=most_entries,
            set_count=sum(map(len, self._slots_set)), most_packed=2 * most_entries, packed_room=8 * most_entries,
            rows_room=_FEW, nodes_room=_FEW, node_of_room=4 * _FEW, deadlines_room=4 * _FEW, late_room=4 * _FEW,
            occurrences_room=16 * _FEW if self._record else len(machine.rules) + 1, modes_room=_FEW, names_room=_FEW,
            width=self._width, now=UNKNOWN, rows_count=1, nodes_count=1,
            tracks=int(bool(self._tracks)), entangled=int(facts.entangled), recording=int(self._record),
            asleep=(facts.pause or (-1, -1))[0], asleep_since=(facts.pause or (-1, -1))[1], each=-1,
            tried_room=2 * trials.ROWS if self._by else 1, most_nodes=limits.NODES, most_spread=limits.SPREAD,
        )  # fmt: skip
        s.constants[:] = signed(machine.constants)
        s.initial[0] = UNKNOWN
        s.initial[1] = signed(machine.initial_interface())
        s.initial[2] = signed(machine.late_interface())
        s.values[0] = UNKNOWN
        s.writers[0] = -1
        s.interfaces[0] = (WHOLE, tables.NEVER, 0, 0, -1)
        s.nodes[0] = (UNKNOWN, 1 if boot else 2, tables.whole_of(s, 0), 1, 0, 0, 0, -1)
        s.shared[0] = signed(machine.initial_node() if boot else machine.late_node())
        s.shared_writers[0] = -1
        s.pieces[:] = -1
        for n, limit in enumerate((*facts.limits, *facts.shared_limits)):
            s.limits[n] = limit
        fill_interests(s, machine, facts, interests)
        fill_kinds(s, machine, facts, self._slots_set)
        for rule, _ in machine.obligations:
            s.rules[rule].anchor, s.rules[rule].by_node = machine.anchor_slot(rule), rule in machine.shared_duties
        s.varying, s.varying_key = self._varying()
        return s

    def _cover(self, fog: Fog) -> None:
        """Let the loop forget what is in the fog, whenever it changes; the state of node 0 is there already.

        Raises NativeError for what it cannot forget.
        """
        if fog.tables:
            raise NativeError("entries of tables that nobody sees are only forgotten in Python")
        s = self._state
        s.foggy = 1
        for veiled, slots in ((s.veiled, fog.own), (s.shared_veiled, fog.node)):
            for slot, kept in slots.items():
                veiled[slot] = 1 if kept is None else KEPT + kept
        s.veiled[list(fog.owed)] = 2
        s.shared_veiled[list(fog.owed_by_node)] = 2
        unmet = [slot for slot in fog.owed_by_node if s.shared[0][slot] <= 0]
        lost = [slot for slot, kept in fog.node.items() if s.shared[0][slot] != kept]
        s.shared[0][[*lost, *unmet]] = UNKNOWN

    def _blur(self, evidence: Evidence) -> None:
        """Let the loop take times to be as coarse as the stamps of one source. Raises NativeError where it cannot."""
        if self._machine.tables or not evidence.alone or self._by > _MOST_TOLERANCE:
            raise NativeError("the order of events, or the times of entries of tables, are only tried in Python")
        if self._machine.shared_duties:
            raise NativeError("when the node as a whole owes something, by coarse stamps, is only tried in Python")
        s, times = self._state, times_of(self._machine, evidence.coarse)
        s.coarse, s.by = 1, self._by
        s.timed[:], s.shared_timed[:] = times.own, times.node
        s.uncertain[list(times.own_uncertain)] = 1
        s.fragile[list(times.fragile)] = 1
        s.shared_uncertain[list(times.node_uncertain)] = 1
        s.limits.column("within")[:] += self._by

    def _varying(self) -> tuple[int, int]:
        """Return the kind and the key that vary beside the table, -1 for both if the machine does not know them."""
        if self._columns.varying is None:
            return -1, -1
        kind, key = self._columns.varying
        if kind not in self._machine.kinds or key not in self._machine.spec.events[kind].by_name:
            return -1, -1
        names = [k.name for k in self._machine.spec.events[kind].keys]
        return self._machine.kinds.index(kind), names.index(key)

    # --- running ----------------------------------------------------------------------------------------------------

    def take(self, batch: Batch) -> None:
        """Take the next batch. Raises TooMuch for hostile ones, NativeError for what only Python can count with."""
        s = self._state
        if batch.table is None:
            batch = self._shapes.tabled(self._columns, batch)
        table = batch.table
        assert table is not None
        if not self._counted.isdisjoint(self._columns.wide) or self._shapes.wide or self._is_wide(batch):
            raise NativeError("a number is too large")
        if len(batch) and (batch.time[0] <= -TIME_LIMIT or batch.time[-1] >= TIME_LIMIT):
            raise NativeError("a time is too far away")  # an offset took it there, where a deadline would overflow
        make_room(s, "names_room", len(self._columns.interfaces) + 1)
        if s.now == UNKNOWN and len(batch):
            self._begin(int(batch.time[0]))
        s.at, s.brought, s.size, s.first = 0, 0, len(batch), batch.first
        s.time, s.distinct_of = batch.time, batch.row
        s.distinct, s.width = table.keys.shape
        s.kind_of, s.token_of, s.keys = table.kind, table.interface, table.keys
        if len(s.completed) != s.width:
            s.completed = np.zeros(s.width, np.int64)
        if batch.number is None:
            s.numbers, s.varying = 0, -1
        else:
            s.numbers, s.number = len(batch), batch.number
        while (reason := self._native(s)) != loop.DONE:
            self._pause(reason, batch, table)
        self._flush()
        self._events += len(batch)
        if self._events > self._most:
            raise NativeError(f"more than {self._most:,} events, whose sum could leave 64 bits")

    def _begin(self, now: int) -> None:
        """Note that evidence begins now (ns), as `Machine.begin_evidence` has it; at gaps the loop does."""
        s = self._state
        for there, lapses, most in self._machine.outlasting:
            if s.shared_veiled[lapses] == 0:
                s.outlasting[lapses] = most
                if s.shared[0, there] == UNKNOWN:
                    s.shared[0, lapses] = now + most

    def _is_wide(self, batch: Batch) -> bool:
        """Decide whether the key that varies beside the table is counted with, and too large for that."""
        if batch.number is None or not len(batch) or self._columns.varying is None:
            return False
        return self._columns.varying[1] in self._counted and int(batch.number.max()) >= NUMBER

    def _pause(self, reason: int, batch: Batch, table: EventTable) -> None:
        """Do what the loop stopped for."""
        s = self._state
        if reason == loop.GROW:
            grow(self._state)
        elif reason == loop.FLUSH:
            self._flush()
            if s.occurrences_room <= s.rules_count:
                s.grow(occurrences_room=2 * s.occurrences_room)
        elif reason == loop.TOO_MANY_INTERFACES:
            raise limits.too_many_interfaces()
        elif reason == loop.TOO_MANY_NODES:
            raise limits.too_many_nodes()
        elif reason == loop.TOO_MUCH_SPREAD:
            raise limits.too_much_spread(s.nodes_count - 1, self._tracks)
        elif reason == loop.DOUBT:
            at = int(s.time[s.at])
            self._doubts = self._found_doubts(s.node, at + self._by, at + 2 * self._by)
            s.doubted = 1 if self._doubts else 2
        elif reason == loop.SETTLE:
            self._settle(batch)
        elif reason in (loop.BROKEN, loop.UNJUDGED):
            self._at_event(reason, batch, table)
        else:
            self._at_deadline(reason, batch)

    def _at_event(self, reason: int, batch: Batch, table: EventTable) -> None:
        """Note that a rule did not allow the event, or could not tell."""
        s = self._state
        rule, node = s.rule, self._address(s.node)
        number, time = batch.first + s.at, int(batch.time[s.at])
        row = int(batch.row[s.at])
        kind = int(table.kind[row])
        name = self._name(s.interfaces[s.row].token)  # not the event's where that begins the node anew
        moment = self._moment(time, kind, self._keys(batch, table, s.at, kind))
        if reason == loop.UNJUDGED:
            why = too_coarse(self._resolution) if s.splits and s.split[rule] else ""
            self._hole(rule, Hole(number, name, moment, node=node, why=why))
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
        self._remember(finding, s.interfaces[s.row].token, kind)

    def _at_deadline(self, reason: int, batch: Batch) -> None:
        """Note that what was owed was missed, or may have been met, or was owed when evidence was lost."""
        s = self._state
        rule, row, interface = s.rule, s.row, s.interfaces[s.row]
        name = self._name(interface.token)
        if reason == loop.UNJUDGED_GAP:
            moment = self._moment(int(batch.time[s.at]))
            self._hole(rule, Hole(batch.first + s.at, name, moment, gap=True, node=self._address(interface.node)))
            return
        node, deadline, at_anchor = self._address(s.node), s.deadline, s.rules[rule].anchor
        anchor = int(s.shared_writers[s.node, at_anchor] if s.rules[rule].by_node else s.writers[row, at_anchor])
        moment = self._moment(deadline)
        if reason == loop.UNJUDGED_PAUSE:
            self._hole(rule, Hole(batch.first + s.at, name, moment, node=node, why=why_untold(self._machine.spec)))
            return
        if reason == loop.UNJUDGED_MISS:
            at = anchor if anchor >= 0 else batch.first + s.at  # what has not been told is not known by now
            self._hole(rule, Hole(at, name, moment, node=node))
            return
        finding = Finding(rule, name, deadline, anchor, True, moment, 0, node=node)
        self._add((node, name, anchor), finding)
        self._count(finding, deadline, anchor)
        self._remember(finding, interface.token, anchor)

    # --- what coarse stamps leave in doubt: `InexactObserver` once more ----------------------------------------------

    def _found_doubts(self, node: int, until: int, soon: int) -> list[tuple[int, int, int, Hole]]:
        """Return what is owed at interfaces of a node and would be overdue if it were `until` (ns) now.

        By row, rule and deadline, with how that is told. Those are looked at that are planned before `soon`.
        """
        s, found = self._state, []
        begin, row, index = s.nodes[node].begin, s.row, s.index
        for n in range(s.nodes[node].count):
            if s.interfaces[begin + n].queued >= soon:
                continue
            s.row, s.index = begin + n, n
            for rule, deadline in self._due(begin + n, until):
                anchor = int(s.writers[s.row, self._since[rule]])
                name, why = self._name(s.interfaces[s.row].token), too_coarse(self._resolution)
                hole = Hole(anchor, name, self._moment(deadline), node=self._address(node), why=why)
                found.append((s.row, rule, deadline, hole))
        s.row, s.index = row, index
        return found

    def _due(self, row: int, until: int) -> list[tuple[int, int]]:
        """Return by rule and deadline what the interface in a row would have missed if it were `until` (ns) now."""
        s = self._state
        node = s.interfaces[row].node
        begin, count = s.nodes[node].begin, s.nodes[node].count
        states = [self._interface(s.values[r]) for r in range(begin, begin + count)]
        shared = self._shared(s.shared[node])
        due = self._machine.due(until, row - begin, states[row - begin][:], shared, states)
        return [(each.rule, each.deadline) for each in due]

    def _settle(self, batch: Batch) -> None:
        """Note what may have been owed for too long before the event, and what is owed since nobody knows when."""
        s, time = self._state, int(batch.time[self._state.at])
        for row, rule, deadline, hole in self._doubts if s.doubted == 1 else ():
            if (rule, deadline) not in self._due(row, time + self._by):
                self._unjudged(rule, hole)
        if s.gone:
            begin, count = s.nodes[s.node].begin, s.nodes[s.node].count
            states = [self._interface(s.values[r]) for r in range(begin, begin + count)]
            own, shared = states[s.index], self._shared(s.shared[s.node])
            for rule, body in self._machine.obligations:
                if not s.lost[self._since[rule]] or own[self._machine.done_slot[rule]] == 1:
                    continue
                if self._machine.evaluate(body.condition, time, s.index, own, shared, states, []):
                    name, why = self._name(s.interfaces[s.row].token), too_coarse(self._resolution)
                    node = self._address(s.node)
                    hole = Hole(batch.first + s.at, name, self._moment(time), node=node, why=why)
                    self._unjudged(rule, hole)
        s.doubted, s.gone = 2, 0

    def _unjudged(self, rule: int, hole: Hole) -> None:
        self._state.rules[rule].unknown += 1
        if rule not in self._holes:
            self._hole(rule, hole)

    def _at_the_end(self) -> tuple[dict[int, int], dict[int, Hole]]:
        """Return how often, by rule, and for the first time, it is not known whether something is overdue by now."""
        s, counts, holes = self._state, Counter[int](), dict(self._holes)
        if self._by and s.now != UNKNOWN:
            for node in range(1 if self._tracks else 0, s.nodes_count):
                for _, rule, _, hole in self._found_doubts(node, s.now + self._by, s.now + 2 * self._by):
                    counts[rule] += 1
                    holes.setdefault(rule, hole)
        if s.now != UNKNOWN and not self._tracks and s.asleep >= 0 and s.shared[0, s.asleep] == 1:
            begin, why = s.nodes[0].begin, why_untold(self._machine.spec)
            states = [self._interface(s.values[begin + n]) for n in range(s.nodes[0].count)]
            shared = self._shared(s.shared[0])
            for n, due in missed_if_over(self._machine, states, shared, s.asleep, s.now + self._by):
                s.row, s.index = (s.nodes[0].whole if n == UNKNOWN else begin + n), n
                counts[due.rule] += 1
                name, moment = self._name(s.interfaces[s.row].token), self._moment(due.deadline)
                holes.setdefault(due.rule, Hole(self._events - 1, name, moment, why=why))
        return counts, holes

    def _hole(self, rule: int, hole: Hole) -> None:
        self._holes[rule] = hole
        self._state.rules[rule].holed = 1

    def _add(self, cause: tuple[object, ...], finding: Finding) -> None:
        self._causes[finding.rule][cause] = finding
        self._state.rules[finding.rule].findings += 1
        self._numbers[id(finding)] = len(self._findings)
        self._findings.append(finding)

    def _count(self, finding: Finding, time: int, number: int) -> None:
        """Count a finding once more, where the loop goes on counting."""
        counts = self._state.findings[self._numbers[id(finding)]]
        counts.count += 1
        counts.time, counts.event = time, number

    def _remember(self, finding: Finding, token: int, what: int) -> None:
        """Leave word for the loop: this is the last finding of its rule for a node, an interface, and `what` it was."""
        s = self._state
        key = UNKNOWN if finding.node is None else finding.node
        begin, rule = finding.rule * limits.LIMIT, s.rules[finding.rule]
        known = s.causes.cells[begin : begin + rule.causes, :3]  # key, token, what
        same = np.flatnonzero((known == (key, token, what)).all(axis=1))
        at = begin + (int(same[0]) if len(same) else rule.causes)
        rule.causes += not len(same)
        s.causes[at] = (key, token, what, s.read, self._numbers[id(finding)])

    def _flush(self) -> None:
        """Give the events that the loop has noted to their findings."""
        s = self._state
        count, s.occurrences_count = s.occurrences_count, 0
        if not count:
            return
        which, numbers = s.occurrences.column("finding")[:count], s.occurrences.column("event")[:count]
        for n in np.unique(which):
            self._findings[int(n)].events.frombytes(np.ascontiguousarray(numbers[which == n]).tobytes())

    # --- what the record says, in the observer's terms --------------------------------------------------------------

    def _name(self, token: int) -> str:
        return NODE if token < 0 else self._columns.interfaces[token]

    def _address(self, node: int) -> int | None:
        """Return the address that tells a node apart, None for node 0, which has none."""
        key = self._state.nodes[node].key
        return None if key == UNKNOWN else key

    def _keys(self, batch: Batch, table: EventTable, at: int, kind: int) -> list[int]:
        event = self._machine.spec.events[self._machine.kinds[kind]]
        keys = [int(k) for k in table.keys[int(batch.row[at]), : len(event.keys)]]
        if batch.number is not None and kind == self._state.varying:
            number = int(batch.number[at])
            if number >= 0:
                keys[self._state.varying_key] = number
        return [unsigned(v) if k.type.name == "id" else v for k, v in zip(event.keys, keys, strict=True)]

    def _moment(self, now: int, kind: int = -1, keys: Sequence[int] = ()) -> Moment:
        """Return the moment in which the loop stands: as it was before an event, else as it is.

        `kind` and `keys` are those of the event that was judged.
        """
        s, row = self._state, self._state.row
        node = s.interfaces[row].node
        before = kind >= 0 and s.altered == 1
        own = self._interface(s.values_before if before else s.values[row])
        writers = (s.writers_before if before else s.writers[row]).tolist()
        of_node, its_writers = s.shared[node].copy(), s.shared_writers[node].copy()
        if before:
            slots = s.slots_set[s.kinds[kind].slots : s.kinds[kind].slots_end]
            of_node[slots], its_writers[slots] = s.shared_before[slots], s.shared_writers_before[slots]
        shared, shared_writers = self._shared(of_node), its_writers.tolist()
        rows = range(s.nodes[node].begin, s.nodes[node].begin + s.nodes[node].count)
        states = tuple(own if r == row else self._interface(s.values[r]) for r in rows)
        all_writers = tuple(writers if r == row else s.writers[r].tolist() for r in rows)
        names = tuple(self._name(s.interfaces[r].token) for r in rows)
        packed.bring_entries(s, node, 0)  # as they were before an event that is being judged
        event = self._machine.kinds[kind] if kind >= 0 else ""
        return Moment(
            now, s.index, own, shared, states, writers, shared_writers, all_writers, event, tuple(keys), names,
            held(s.packed[s.entries_begin : s.entries_end].tolist()),
        )  # fmt: skip

    def _interface(self, state: Array) -> State:
        return [unsigned(v) if n in self._unsigned[0] else v for n, v in enumerate(state.tolist())]

    def _shared(self, state: Array) -> State:
        return [unsigned(v) if n in self._unsigned[1] else v for n, v in enumerate(state.tolist())]

    # --- the answer -------------------------------------------------------------------------------------------------

    def observation(self) -> Observation:
        """Return what has been seen so far. An obligation whose deadline lies after the last event is not overdue."""
        s = self._state
        doubts, holes = self._at_the_end()
        tallies = [
            Tally(rule.kept, rule.broken, rule.unknown + doubts.get(n, 0), rule.unlisted, holes.get(n))
            for n, rule in enumerate(s.rules)
        ]
        for finding, row in zip(self._findings, s.findings, strict=False):
            finding.count, finding.last_time, finding.last_event = row.count, row.time, row.event
        by_rule = [f for causes in self._causes for f in causes.values()]
        names = [self._name(token) for token in s.names[: s.names_count].tolist()]
        nodes = s.seen if self._tracks else None
        return concluded(self._machine, tallies, by_rule, names, self._events, nodes, (s.pauses, s.paused), s.gap - 1)

    def modes(self) -> list[tuple[str, frozenset[str], int]]:
        """Return interfaces, access modes that packets which left them fit, and how many; in order of appearance."""
        entries = self._state.modes
        filled = entries.cells[entries.column("filled") != 0].tolist()
        found = sorted((first, token, modes, count) for token, modes, _, first, count in filled)
        types = (e.by_name[ACCESS].type for e in self._machine.spec.events.values() if ACCESS in e.by_name)
        members = next(types).members if found else ()
        return [
            (self._name(token), frozenset(m for n, m in enumerate(members) if modes >> n & 1), count)
            for _, token, modes, count in found
        ]
