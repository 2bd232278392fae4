"""Runs a specification over the events of a trace: what each rule came to, and the findings, alike ones together.

An `Observer` takes events one by one in order of time. It keeps no event and copies no state, except for what is
reported; findings name events by number, from 0. At a device that serves many mobile nodes it keeps a state for each,
told apart by the key that the role `tracks`; what an event costs depends neither on how many there are, nor on how
many interfaces they have.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace

from mipcheck.checker.observe import limits
from mipcheck.checker.observe.blame import Moment, cause_of
from mipcheck.checker.observe.deadlines import Deadlines
from mipcheck.checker.observe.facts import facts_of
from mipcheck.checker.observe.moments import Copied, copied, moment_of
from mipcheck.checker.observe.nodes import NEVER, InterfaceState, NodeState, hide, in_order, keep_writers
from mipcheck.checker.observe.observation import Finding, Groups, Hole, Observation, Tally, concluded
from mipcheck.checker.observe.sleep import Sleep
from mipcheck.checker.trace.source import Fog
from mipcheck.model.machine.compile import Due, Judged, Machine, State
from mipcheck.model.machine.entries import emptied
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.machine.rows import Entries
from mipcheck.model.values.event import NODE, Event


def observe(
    machine: Machine, events: Iterable[Event], boot: bool = False, fog: Fog | None = None, several: bool = False
) -> Observation:
    """Run a machine over events in order of time; with `boot` they begin when the node does, in its initial state.

    What is in the `fog` stays unknown. The events may be of `several` sources.

    Raises ValueError for events out of order, TooMuch for hostile ones.
    """
    observer = Observer(machine, boot, fog, several)
    for event in events:
        observer.take(event)
    return observer.observation()


class Observer:
    """One machine, running. Times are ns."""

    def __init__(self, machine: Machine, boot: bool = False, fog: Fog | None = None, several: bool = False) -> None:
        """Begin with the node, in its initial state, if it is known to `boot`; what is in the `fog` stays unknown.

        Of `several` sources nobody knows when the last one began.
        """
        self._machine = machine
        self._begun = () if several else machine.begun
        self._fog = fog
        self._tracks = machine.spec.tracks
        self._nodes: dict[int, NodeState] = {}
        # Where nodes are not told apart, the only one; else the state in which the next one begins.
        fresh = machine.initial_interface() if boot else machine.late_interface()
        self._one = NodeState(None, fresh, machine.initial_node() if boot else machine.late_node(), [])
        self._one.writers = [-1] * len(self._one.state)
        self._veil(self._one.state)
        self._names: dict[str, None] = {}
        self._tallies = [Tally() for _ in machine.rules]
        self._groups = [Groups() for _ in machine.rules]
        facts = facts_of(machine)
        self._interests, self._entangled = facts.interests, facts.entangled
        self._changing, self._notes, self._telling, self._gaps = facts.changing, facts.notes, facts.telling, facts.gaps
        self._anew, self._waking, self._ending = facts.anew, facts.waking, facts.ending
        self._deadlines = Deadlines(facts)
        self._count = self._spread = self._seen = 0
        self._sleep = Sleep(machine, facts)
        self._gapped = -1
        self._by = self._tolerance = 0  # ns: how much later than its stamp an event may be, and its resolution
        self._now: int | None = None
        self._make_whole(self._one)
        self.numbering = True
        """Whether findings keep the numbers of all their events, which takes memory without end."""
        self.fresh: list[Finding] = []
        """Findings in the order in which they were made, for whoever wants to hear of them; may be emptied."""

    @property
    def only(self) -> NodeState:
        """The node, where the specification does not tell several apart."""
        return self._one

    def observation(self) -> Observation:
        """Return what has been seen so far. An obligation whose deadline lies after the last event is not overdue."""
        found = [f for g in self._groups for f in g.by_cause.values()]
        nodes = self._seen if self._tracks else None
        told, self._tallies = self._tallies, [replace(tally) for tally in self._tallies]
        if self._now is not None:
            self._not_told(self._now + self._by, self._count - 1)
        tallies, self._tallies, pauses = self._tallies, told, self._sleep.counted
        return concluded(self._machine, tallies, found, list(self._names), self._count, nodes, pauses, self._gapped)

    def take(self, event: Event) -> None:
        """Take the next event. Kinds that the specification does not know pass unseen. Raises ValueError, TooMuch."""
        number, self._count = self._count, self._count + 1
        if self._now is not None and event.time < self._now:
            raise ValueError(f"event {number} at {event.time} ns is earlier than the one before it")
        if self._now is None:
            self._begin(self._one, event.time)
        kind = event.kind
        if kind in self._gaps:
            self._gap(event, number)
            self._now = event.time
            return
        if kind in self._waking:
            self._sleep.begin(self._one, self._now)
        elif kind in self._ending:
            self._wake(event, number, event.time + self._by)
        if self._deadlines.come(event.time):
            self._overdue(event.time)
        self._now = event.time
        if kind not in self._machine.steps:
            return
        keys = self._machine.encode(kind, event.args)
        if not self._tracks:
            self._happen(event, number, self._one, keys)
            return
        key = self._machine.node_of(event.args)
        if key is not None:
            self._happen(event, number, self._node(key), keys)
        elif kind in self._telling:
            self._happen_to_all(event, number, keys)

    def interfaces(self) -> Iterable[InterfaceState]:
        """Return the interfaces of the node, to be looked at only, where no nodes are told apart."""
        return self._one.places.values()

    def owing(self) -> Iterable[InterfaceState]:
        """Return the same, and last the whole of the node, if it owes anything."""
        return self._places(self._one)

    def meets(self, event: Event) -> Moment:
        """Return what an event would be judged by if it came next, which may name a new interface or node."""
        key = self._machine.node_of(event.args)
        place = self._place(self._node(key) if key is not None else self._one, event.interface)
        keys = self._machine.encode(event.kind, event.args)
        return moment_of(event.time, place, copied(place), event.kind, keys)

    def _wake(self, event: Event, number: int, now: int) -> None:
        """Let a node that sleeps have done so until now (ns), at the most, if an event shows that it is awake."""
        if self._sleep.ends(self._one, event):
            self._not_told(now, number)
            self._sleep.end(self._one, now, event, number)
            self._deadlines.look_at(in_order(self._one.expired or ()))

    def _not_told(self, until: int, number: int) -> None:
        """Note of what would be missed until then (ns), were the node awake for some time, that nobody knows of it."""
        for rule, hole in self._sleep.untold(self._one, until, number):
            self._unjudged(rule, hole)

    def _unjudged(self, rule: int, hole: Hole) -> None:
        tally = self._tallies[rule]
        tally.unknown += 1
        tally.hole = tally.hole or hole

    def _happen(self, event: Event, number: int, node: NodeState, keys: list[int], judged: bool = True) -> None:
        """Let an event happen to one node; if it is not to be `judged`, it only changes state.

        One that begins the node anew happens on each of its interfaces, unless it names one.
        """
        if event.interface != NODE or event.kind not in self._anew:
            self._happen_at(event, number, node, keys, judged)
            return
        for name in list(node.places) or [NODE]:
            self._happen_at(replace(event, interface=name), number, node, keys, judged)
        node.fresh = self._machine.initial_interface()

    def _happen_at(self, event: Event, number: int, node: NodeState, keys: list[int], judged: bool) -> None:
        """Let an event happen on the interface that it names."""
        kind = event.kind
        self._tell_of_none(event)
        place = self._place(node, event.interface)
        before = copied(place) if self._changes(kind, place.state) else None
        outcomes = self._carry_out(event, number, place, keys)
        if before is not None and kind in self._waking and node is self._one:
            self._sleep.count(before[3], node.state, event.time)
        if before is not None:
            _, own, writers, shared, shared_writers, _ = before
            keep_writers(place.state, own, place.writers, writers)
            keep_writers(node.state, shared, node.writers, shared_writers)
            self._settle(event, number, place)
        for rule, outcome in outcomes if judged else ():
            tally = self._tallies[rule]
            if outcome == 1:
                tally.kept += 1
            elif outcome == 0:
                tally.broken += 1
                self._broken(rule, event, number, place, before, keys)
            else:
                tally.unknown += 1
                if tally.hole is None:
                    moment = moment_of(event.time, place, before or copied(place), kind, keys)
                    tally.hole = Hole(number, event.interface, moment, node=node.key, why=self._why(rule))
        if before is not None:
            planned = node.owing([place] if place.index != UNKNOWN else [])
            for each in planned:
                self._deadlines.plan(each, event.time)
            if node.expired and (self._entangled or before[3] != node.state):
                self._deadlines.look_at(other for other in in_order(node.expired) if other not in planned)

    def _carry_out(self, event: Event, number: int, place: InterfaceState, keys: list[int]) -> Sequence[Judged]:
        """Let an event change the state of an interface and its node; return what rules say to it."""
        node = place.node
        step = self._machine.steps[event.kind]
        outcomes = step(event.time, place.index, place.state, node.state, node.states, keys, number, place.writers,
                        node.writers, node.entries)  # fmt: skip
        self._veil(node.state, place.state, node.entries)
        return outcomes

    def _changes(self, kind: str, own: State) -> bool:
        """Decide whether an event of a kind may change state, or meet an obligation; `own` is its interface's."""
        return kind in self._changing or (kind in self._notes and own[self._notes[kind]] == 0)

    def _settle(self, event: Event, number: int, place: InterfaceState) -> None:
        """Note what becomes doubtful by a change of state; nothing where times are exact."""

    def _why(self, rule: int) -> str:
        """Return in words why a rule could not be judged just now, where it is not that state is unknown."""
        return ""

    def _happen_to_all(self, event: Event, number: int, keys: list[int]) -> None:
        """Let an event happen that does not say which node it is about: to the device, all nodes and those to come."""
        self._spread += len(self._nodes)
        if self._spread > limits.SPREAD:
            raise limits.too_much_spread(len(self._nodes), self._tracks)
        for node in self._nodes.values():
            self._happen(event, number, node, keys)
        self._happen(event, number, self._one, keys, judged=not self._nodes)

    # --- state ----------------------------------------------------------------------------------------------------

    def _node(self, key: int) -> NodeState:
        """Return the node of that address; one that is new begins as the device is by now."""
        node = self._nodes.get(key)
        if node is None:
            if self._seen >= limits.NODES:
                raise limits.too_many_nodes()
            one = self._one
            node = self._nodes[key] = NodeState(key, one.fresh, one.state[:], one.writers[:])
            node.entries = one.entries[:]
            self._seen += 1
            for place in one.places.values():
                self._add(node, place.name, place.state[:], place.writers[:])
            self._make_whole(node)
        return node

    def _make_whole(self, node: NodeState) -> None:
        """Let a node owe what is owed by the whole of it."""
        if not self._machine.shared_duties:
            return
        unknown = self._machine.unknown_interface()
        node.whole = InterfaceState(NODE, UNKNOWN, node, unknown, [-1] * len(self._machine.interface_slots))
        self._deadlines.plan(node.whole, self._now or 0)

    def _places(self, node: NodeState) -> list[InterfaceState]:
        """Return all that may owe something: the interfaces of a node, and last the whole of it."""
        return node.owing(node.places.values())

    def _place(self, node: NodeState, name: str) -> InterfaceState:
        """Return an interface of a node; what concerns the whole node has a state of its own, forgotten at once."""
        place = node.places.get(name)
        if place is not None:
            return place
        machine = self._machine
        writers = [-1] * len(machine.interface_slots)
        if name == NODE:
            return InterfaceState(name, UNKNOWN, node, machine.unknown_interface(), writers)
        if len(node.places) >= limits.INTERFACES:
            raise limits.too_many_interfaces()
        for slot in self._begun:
            writers[slot] = self._count - 1
        return self._add(node, name, self._from_now(node.fresh[:], self._now or 0), writers)

    def _from_now(self, own: State, now: int) -> State:
        """Return the state of an interface of which evidence begins by now (ns)."""
        for slot in self._begun:
            own[slot] = now + self._tolerance
        return own

    def _tell_of_none(self, event: Event) -> None:
        """Note that nobody knows since when of any interface, if what would have been seen there is told without."""
        if event.interface == NODE and self._begun and event.kind in self._machine.begun_by:
            for place in (p for node in (self._one, *self._nodes.values()) for p in node.places.values()):
                for slot in self._begun:
                    place.state[slot] = UNKNOWN
            self._begun = ()

    def _add(self, node: NodeState, name: str, state: State, writers: list[int]) -> InterfaceState:
        """Add an interface to a node."""
        self._veil(node.state, state)
        place = node.places[name] = InterfaceState(name, len(node.states), node, state, writers)
        node.states.append(state)
        self._names[name] = None
        self._deadlines.plan(place, self._now or 0)
        return place

    def _veil(self, shared: State, own: State | None = None, entries: Entries | None = None) -> None:
        """Forget of a node's state and an interface's what may have changed without anybody seeing it."""
        fog = self._fog
        if fog is None:
            return
        hide(shared, fog.node)
        for form in fog.tables if entries else ():
            emptied(entries or [], form)
        if own is not None:
            hide(own, fog.own)
            for slot in fog.owed:
                if own[slot] <= 0:
                    own[slot] = UNKNOWN
        for slot in fog.owed_by_node:
            if shared[slot] <= 0:
                shared[slot] = UNKNOWN

    # --- findings -------------------------------------------------------------------------------------------------

    def _broken(
        self, rule: int, event: Event, number: int, place: InterfaceState, before: Copied | None, keys: list[int]
    ) -> None:
        """Note that an event was not allowed; `before` is the state that was judged, None if it is still there.

        What the condition reads is compared first, because finding out the cause takes much longer.
        """
        groups, interest = self._groups[rule], self._interests[rule]
        node = place.node
        writers, shared_writers = (before[2], before[4]) if before else (place.writers, node.writers)
        entries = before[5] if before else node.entries
        read = (*(writers[n] for n in interest.own), *(shared_writers[n] for n in interest.node))
        if interest.all:
            every = (writers if i is place else i.writers for i in node.places.values())
            read += tuple(w[n] for w in every for n in interest.all)
        if interest.tables:
            read += tuple(keys[n] for n in interest.keys[event.kind])
            rows = (r for r in self._machine.rows(entries) if r.table in interest.tables)
            read += tuple(c for r in rows for c in (r.table, r.age, *r.key, *r.values, *r.writers))
        last = groups.last.get((node.key, place.name, event.kind))
        if last is not None and last[0] == read:
            self._again(last[1], event.time, number)
            return
        if len(groups.by_cause) >= limits.LIMIT:
            self._tallies[rule].unlisted += 1
            return
        moment = moment_of(event.time, place, before or copied(place), event.kind, keys)
        cause = (node.key, place.name, event.kind, *cause_of(self._machine, rule, moment))
        finding = groups.by_cause.get(cause)
        if finding is None:
            finding = Finding(rule, event.interface, event.time, number, moment=moment, node=node.key)
            finding.last_time, finding.last_event = event.time, number
            finding.events.append(number)
            groups.by_cause[cause] = finding
            self.fresh.append(finding)
        else:
            self._again(finding, event.time, number)
        groups.last[node.key, place.name, event.kind] = (read, finding)

    def _again(self, finding: Finding, time: int, number: int) -> None:
        """Count a finding once more, for the event of that number, at a time (ns)."""
        finding.count += 1
        finding.last_time, finding.last_event = time, number
        if self.numbering and not finding.overdue:
            finding.events.append(number)

    # --- what is owed ---------------------------------------------------------------------------------------------

    def _overdue(self, now: int) -> None:
        """Judge every obligation whose deadline lies before `now`.

        An interface is looked at when its next deadline has come; and, where a deadline has passed without its
        condition, when what the condition reads may have changed.
        """
        for place in self._deadlines.taken(now):
            self._look(place, now)

    def _look(self, place: InterfaceState, now: int) -> None:
        """Judge what an interface owed before `now`, and see what is due next."""
        node = place.node
        missed = self._due(place, now)
        if node.key is not None or not self._tracks:  # else there is nobody yet to owe anything
            for due in missed:
                self._missed(due, place)
        self._deadlines.put(place, now)

    def _due(self, place: InterfaceState, now: int, noted: bool = True) -> list[Due]:
        """Return what an interface owed before `now`; it is `noted` that it has been asked."""
        if not noted:
            return self._would_be_due(place, now)
        node = place.node
        return self._machine.due(now, place.index, place.state, node.state, node.states)

    def _would_be_due(self, place: InterfaceState, now: int) -> list[Due]:
        """Return what an interface would have missed if it were `now`."""
        node, state = place.node, place.state[:]
        states = [state if s is place.state else s for s in node.states]
        return self._machine.due(now, place.index, state, node.state[:], states)

    def silent(self, until: int) -> list[Finding]:
        """Return the findings that there will be if nothing happens until then (ns), without taking them for so."""
        found = []
        for place in self._deadlines.before(until):
            if place.node.key is not None or not self._tracks:
                missed = self._due(place, until, noted=False)
                found += [self._overdue_finding(due, place) for due in missed if due.outcome == 0]
        return found

    def pass_time(self, until: int) -> None:
        """Let nothing happen until then (ns): what was owed before it is judged. The next event comes no sooner."""
        self._overdue(until)
        self._now = until

    def events_needed(self, wanted: Container[int] = ()) -> Iterator[int]:
        """Return the numbers of events that have made the state what it is, or that what was found refers to.

        Of findings that are `wanted` (by `id`), also those that explain them. Not all that is returned is such a
        number.
        """
        for node in (self._one, *self._nodes.values()):
            yield from node.writers
            for place in node.places.values():
                yield from place.writers
            yield from node.entries  # writers are among them
        moments = [(t.hole.event, t.hole.moment) for t in self._tallies if t.hole is not None]
        for finding in (f for g in self._groups for f in g.by_cause.values()):
            yield finding.event
            yield finding.last_event
            if finding.moment is not None and id(finding) in wanted:
                moments.append((finding.event, finding.moment))
        for number, moment in moments:
            yield number
            yield from moment.all_writers()

    def _missed(self, due: Due, place: InterfaceState) -> None:
        """Note an obligation that was not met, or of which that is not known."""
        tally, groups = self._tallies[due.rule], self._groups[due.rule]
        anchor, node = self._anchored(due.rule, place), place.node
        if due.outcome == UNKNOWN:
            tally.unknown += 1
            if tally.hole is None:
                at = anchor if anchor >= 0 else self._count - 1  # what has not been told is not known by now
                tally.hole = Hole(at, place.name, moment_of(due.deadline, place, copied(place)), node=node.key)
            return
        tally.broken += 1
        cause = (node.key, place.name, anchor)
        if cause in groups.by_cause:
            self._again(groups.by_cause[cause], due.deadline, anchor)
        elif len(groups.by_cause) >= limits.LIMIT:
            tally.unlisted += 1
        else:
            finding = groups.by_cause[cause] = self._overdue_finding(due, place)
            self.fresh.append(finding)

    def _anchored(self, rule: int, place: InterfaceState) -> int:
        """Return which event has set the time from which an obligation counts, by its number; -1 if none has."""
        writers = place.node.writers if rule in self._machine.shared_duties else place.writers
        return writers[self._machine.anchor_slot(rule)]

    def _overdue_finding(self, due: Due, place: InterfaceState) -> Finding:
        """Return the finding of an obligation that was not met."""
        anchor = self._anchored(due.rule, place)
        moment = moment_of(due.deadline, place, copied(place))
        return Finding(
            due.rule, place.name, due.deadline, anchor, True, moment, 1, due.deadline, anchor, node=place.node.key
        )

    # --- gaps -----------------------------------------------------------------------------------------------------

    def _gap(self, event: Event, number: int) -> None:
        """Forget what was known: from the last event to here anything may have happened, and what was owed be met."""
        if self._gapped < 0 < number:  # what came before the first event is unknown anyhow
            self._gapped = number
        if self._now is not None:
            self._overdue(self._now)
        key = self._machine.node_of(event.args)
        if key is not None:
            self._blind(self._node(key), event, number)
        elif not self._tracks:
            self._blind(self._one, event, number)
        else:
            # Whatever interface it was: what a device keeps of a node belongs to none. Nodes are then as unknown as
            # those that have not been seen, and need not be remembered.
            for node in self._nodes.values():
                self._pending(node, event, number, self._places(node))
                for place in self._places(node):
                    place.queued = NEVER
            self._nodes.clear()
            self._deadlines.forget()
            machine = self._machine
            self._one = NodeState(
                None, machine.unknown_interface(), machine.unknown_node(), [number] * len(self._one.state)
            )
            self._begin(self._one, event.time)
            self._make_whole(self._one)

    def _begin(self, node: NodeState, now: int) -> None:
        """Note that of a node evidence begins by then (ns): nothing that is unknown of it has come about later."""
        self._machine.begin_evidence(node.state, now + self._tolerance)
        self._veil(node.state)

    def _blind(self, node: NodeState, event: Event, number: int) -> None:
        """Forget what was known of a node, or of one interface and of what all share."""
        whole = event.interface == NODE
        places = list(node.places.values()) if whole else [self._place(node, event.interface)]
        self._pending(node, event, number, node.owing(places))
        for place in places:
            place.state[:] = self._from_now(self._machine.unknown_interface(), event.time)
            place.writers[:] = [number] * len(place.writers)
        self._sleep.forget(node)
        # What the interfaces share may have changed too, and after a gap of the whole node interfaces are not new.
        node.state[:] = self._machine.unknown_node()
        node.writers[:] = [number] * len(node.writers)
        node.entries.clear()
        self._begin(node, event.time)
        if whole:
            node.fresh = self._machine.unknown_interface()
        self._deadlines.look_at(in_order(node.expired or ()))

    def _pending(self, node: NodeState, event: Event, number: int, places: Iterable[InterfaceState]) -> None:
        """Note that it is not known whether what was owed at interfaces has been met, when evidence was lost."""
        for place in places:
            for rule in self._machine.pending(place.index, place.state, node.state, node.states):
                tally = self._tallies[rule]
                tally.unknown += 1
                if tally.hole is None:
                    moment = moment_of(event.time, place, copied(place))
                    tally.hole = Hole(number, place.name, moment, gap=True, node=node.key)
