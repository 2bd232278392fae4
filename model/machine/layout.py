"""Where a machine of a specification has what: slots of its state, columns of its tables, numbers of its rules."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from mipcheck.model.machine import entries as tables
from mipcheck.model.machine.altering import flag_raised
from mipcheck.model.machine.rows import Entries, Row, form_of, rows_of
from mipcheck.model.specification.spec import Change, Require, Rule, Spec, Update
from mipcheck.model.specification.term import EventPattern


class Layout:
    """What stands where, for a specification and the names of its `parameters`; the same for all sites.

    Interface state has one slot for each variable, then one for each obligation: 1 if it has been met since its anchor;
    if not, 0 less the time (ns) for which it has paused since then; unknown; or, where it is owed perhaps, 2 and the
    time since when it is at the earliest (`kleene.owed_since`). The node's has one for each variable, then the default
    rows of its tables, whose columns are in `table_slots`, then one for each obligation of its own (`shared_duties`).
    `forms` are those of its tables (see `entries.py`), `columns` says which of its table's each is.
    `constant_of` says by kind and name which of the constants is a parameter, an address or a flag.
    """

    def __init__(self, spec: Spec, parameters: Iterable[str], capabilities: frozenset[str]) -> None:
        self.spec, self.capabilities = spec, capabilities
        self.rules: list[Rule] = [r for r in spec.rules.values() if r.applies(capabilities)]
        self.obligations = [(n, r.body) for n, r in enumerate(self.rules) if isinstance(r.body, Require)]
        self.interface_slots = {v.name: n for n, v in enumerate(spec.interface_variables(ghost=False))}
        self.node_slots = {v.name: n for n, v in enumerate(spec.node_variables(ghost=False))}
        self.tables = {t.name: n for n, t in enumerate(t for t in spec.tables.values() if not t.ghost)}
        columns = [c for name in self.tables for c in spec.tables[name].columns]
        self.table_slots = {c: len(self.node_slots) + n for n, c in enumerate(columns)}
        self.columns = {c: n for name in self.tables for n, c in enumerate(spec.tables[name].columns)}
        kept = [(n, spec.tables[name]) for name, n in self.tables.items()]
        self.forms = {t.name: form_of(n, len(t.keys), len(t.columns)) for n, t in kept}
        self.shared_duties = frozenset(n for n, body in self.obligations if spec.is_owed_by_node(body))
        own = [n for n, _ in self.obligations if n not in self.shared_duties]
        self.done_slot = {rule: len(self.interface_slots) + n for n, rule in enumerate(own)}
        first = len(self.node_slots) + len(self.table_slots)
        self.done_slot |= {rule: first + n for n, rule in enumerate(sorted(self.shared_duties))}
        self.kinds = [e.name for e in spec.events.values() if e.seen]
        constants = [*(("param", n) for n in parameters), *(("site", n) for n in spec.sites)]
        constants += [("given", n) for n in spec.told_whether_given]
        self.constant_of = {constant: n for n, constant in enumerate(constants)}

    @cached_property
    def notes(self) -> dict[str, int]:
        """The kinds of events that raise a flag of an interface where it is down, by an update that does nothing else.

        With each comes the slot of the flag. A kind that may raise several is none of them.
        """
        found: dict[str, set[str]] = {}
        for update in self.spec.updates:
            if (flag := flag_raised(update, self.spec.variables)) is not None:
                for pattern in update.patterns:
                    found.setdefault(pattern.event, set()).add(flag)
        return {kind: self.interface_slots[flags.pop()] for kind, flags in found.items() if len(flags) == 1}

    @cached_property
    def begun(self) -> tuple[int, ...]:
        """Slots of the times of an interface since when the trace tells of it (`Variable.begins_with_evidence`)."""
        told = self.spec.interface_variables(ghost=False)
        return tuple(self.interface_slots[v.name] for v in told if v.begins_with_evidence)

    @cached_property
    def begun_by(self) -> frozenset[str]:
        """The kinds of events that set one of them."""
        names = {v.name for v in self.spec.variables.values() if v.begins_with_evidence}
        return frozenset(p.event for u in self.spec.updates if names & set(u.writes()) for p in u.patterns)

    def altering(self, updates: Iterable[Update]) -> list[EventPattern]:
        """Return the patterns of events by which some updates change state, or obligations are met, but for `notes`."""
        found = []
        for update in updates:
            notes = flag_raised(update, self.spec.variables) is not None
            found += [p for p in update.patterns if not notes or p.event not in self.notes]
        return found + [p for _, body in self.obligations for p in body.patterns]

    @property
    def interface_size(self) -> int:
        return len(self.interface_slots) + len(self.obligations) - len(self.shared_duties)

    @property
    def node_size(self) -> int:
        return len(self.node_slots) + len(self.table_slots) + len(self.shared_duties)

    def anchor_slot(self, rule: int) -> int:
        """Return where the time is from which an obligation counts: a slot of the node's if it is owed by that."""
        body = self.rules[rule].body
        assert isinstance(body, Require)
        return (self.node_slots if rule in self.shared_duties else self.interface_slots)[body.anchor]

    def rows(self, entries: Entries) -> list[Row]:
        """Return the rows of all tables."""
        return rows_of(entries, self.forms.values())

    def places(self, column: str) -> tuple[int, int]:
        """Return where in a row the column of that name stands, and who wrote it."""
        table = self.spec.tables[column.partition(".")[0]]
        place = tables.first_of(self.forms[table.name]) + self.columns[column]
        return place, place + len(table.columns)

    @cached_property
    def most_set(self) -> int:
        """How many integers of rows an event may add at most: so much room is needed before each."""
        return max(map(self._most_set, self.kinds), default=0)

    def _most_set(self, kind: str) -> int:
        """Return the same for events of a kind: a row for each key that its updates name."""
        keys = {(c.table, c.keys) for c in self.changes(kind) if c.kind != "clear"}
        return sum(tables.width_of(self.forms[table]) for table, _ in keys)

    def slots_set(self, kind: str) -> list[int]:
        """Return the slots of the node's state that events of a kind may set."""
        updates = [u for u in self.spec.updates if any(p.event == kind for p in u.patterns)]
        found = {self.node_slots[name] for u in updates for name, _ in u.assignments if name in self.node_slots}
        found.update(self.table_slots[c] for one in self.changes(kind) for c in self.spec.tables[one.table].columns)
        return sorted(found.union(self.done_slot[rule] for rule in self.shared_duties))

    def changes(self, kind: str) -> list[Change]:
        """Return what events of a kind may do to tables."""
        updates = [u for u in self.spec.updates if any(p.event == kind for p in u.patterns)]
        return [c for u in updates for c in u.changes if c.table in self.tables]
