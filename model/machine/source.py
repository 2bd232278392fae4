"""The source of a machine, written: a specification → Python text of a step function over integers.

Nothing here knows a requirement: everything comes from the `Spec`. The source is for Python as it stands (`Machine`),
over lists, and for native code (`model/native/`), over arrays: one text, two ways to run it. So it keeps to integers,
indices and loops; what it finds goes into an array that is passed in; and it depends on nothing but the specification
and the capabilities: parameters and addresses are passed in too, so that compiled code can be kept for the next site.

It is made to be read, too: `print(machine.source)`. Each function begins by giving what it reads the names that the
specification has for it, and each rule and update has a line of comment above what became of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from mipcheck.model.machine import entries as tables
from mipcheck.model.machine.altering import chance
from mipcheck.model.machine.code import Written, written
from mipcheck.model.machine.sharing import is_operation, outdented
from mipcheck.model.machine.terms import TermWriter
from mipcheck.model.machine.wording import LEGEND, STEP, VALUE, comment, other_than
from mipcheck.model.specification.spec import Allow, Change, EventType, Require, Spec, Update
from mipcheck.model.specification.term import TRUE, Term
from mipcheck.model.values.types import BOOL

_RECENT = 8
_written: dict[
    tuple[int, frozenset[str], tuple[tuple[str, str], ...]], tuple[Spec, str, dict[str, tuple[str, str]]]
] = {}
"""Specifications with the source of their machines, and those functions in it that have a loop; the last at the end."""


class Writer(TermWriter):
    """Writes the functions of one machine, whose state has that `layout`."""

    def module(self, kept_as: str = "") -> str:
        """Return source of all that a machine does; that of the last few is remembered for machines of other sites.

        It is kept for the next run if the specification is, as `kept_as`.
        """
        layout = self._layout
        key = id(self._spec), layout.capabilities, tuple(layout.constant_of)
        known = _written.pop(key, None)
        if known is None:
            parts = kept_as, self._spec.role, repr(sorted(layout.capabilities)), repr([*layout.constant_of])
            known = self._spec, *(written(parts, self._made) if kept_as else self._made())
        self._quantifiers = dict(known[2])
        _written[key] = known  # with the specification: an id is its own only while it is kept
        while len(_written) > _RECENT:
            _written.pop(next(iter(_written)), None)
        return known[1]

    def _made(self) -> Written:
        return self._module(), dict(self._quantifiers)

    def _module(self) -> str:
        steps = [self._step(self._spec.events[name]) for name in self._layout.kinds]
        functions = [*steps, self._dispatch(), self._alters(), self._due_source(), self._pending_source()]
        functions += [self._ends(), self._rouse()]
        heading = comment(f"{self._spec.name} as a machine, role {self._spec.role}") + LEGEND
        return "\n".join([heading, *(source for _, source in self._quantifiers.values()), *functions])

    def value(self, term: Term, event: str = "") -> str:
        """Return source of a function `value` of a term, and of those with a loop that it is the first to call.

        Keys are those of `event`.
        """
        known = len(self._quantifiers)
        result = self._term(term, event)
        source = self._function(f"def value({VALUE}):\n{self._unpack(event)}    return {result}\n")
        return "\n".join([*(text for _, text in list(self._quantifiers.values())[known:]), source])

    def _step(self, event: EventType) -> str:
        lines = []
        for n, rule in enumerate(self._layout.rules):
            if isinstance(rule.body, Allow) and (match := self._match(rule.body.patterns, event.name)):
                condition = self._judged(rule.body, event.name)
                lines.append(comment(f"{rule.id}: {rule.text}", 1))
                lines.append(f"    match = {match}\n    if match != 0:\n        kept = {condition}\n")
                lines.append(f"        outcomes[count] = {n}\n")
                lines.append("        outcomes[count + 1] = kept if match == 1 or kept == 1 else U\n")
                lines.append("        count += 2\n")
            if isinstance(rule.body, Allow) and (match := self._match(rule.body.kept, event.name)):
                lines.append(comment(f"{rule.id} is kept: {rule.text}", 1))
                lines.append(f"    match = {match}\n    if match == 1:\n")
                lines.append(f"        outcomes[count] = {n}\n        outcomes[count + 1] = 1\n")
                lines.append("        count += 2\n")
        for n, body in self._layout.obligations:
            if match := self._match(body.patterns, event.name):
                done = self._done(n)
                lines.append(comment(f"{self._layout.rules[n].id} is met: {self._layout.rules[n].text}", 1))
                lines.append(f"    match = {match}\n    met = {done}\n    if match == 1:\n")
                lines.append(f"        if met != 1 and met != U and {self._owed(body, event.name)} == 1:\n")
                lines.append(f"            outcomes[count] = {n}\n            outcomes[count + 1] = 1\n")
                lines.append(f"            count += 2\n        {done} = 1\n")
                lines.append(f"    elif match != 0 and met <= 0:\n        {done} = U\n")
        lines += self._updates(event)
        lines += self._waking(event)
        head = f"{comment(f'{event.name}: {event.text}')}def step_{event.name}({STEP}):\n"
        return self._function(head, self._unpack(event.name), "    count = 0\n", *lines, "    return count\n")

    def _judged(self, body: Allow, event: str) -> str:
        """Return source of what a permission comes to: 1, 0, or U where it is unclear."""
        condition = self._term(body.condition, event)
        return condition if body.unclear is None else f"doubted({condition}, {self._term(body.unclear, event)})"

    def _dispatch(self) -> str:
        """Return source of a step that takes the event's kind as a number, in the order of `kinds`."""
        lines = [f"def step(kind, {STEP}):\n"]
        for n, name in enumerate(self._layout.kinds):
            lines.append(f"    if kind == {n}:\n        return step_{name}({STEP})\n")
        return "".join([*lines, "    return 0\n"])

    def _alters(self) -> str:
        """Return source of whether an event may change state, or meet an obligation, told by its keys.

        It may all the same where a flag is down that such events raise (`Layout.notes`).
        """
        lines = ["def alters(kind, keys, constants):\n"]
        patterns = self._layout.altering(u for u in self._spec.updates if self._is_real(u))
        for n, name in enumerate(self._layout.kinds):
            terms = [p.condition for p in patterns if p.event == name]
            found = chance(terms, partial(self._term, event=name))
            if found not in ("0", "1"):
                lines += [f"    if kind == {n}:\n", self._unpack(name, 2), f"        return 1 if {found} else 0\n"]
            self._reads.clear()
        return self._function(*lines, "    return 1\n")

    def _is_real(self, update: Update) -> bool:
        """Decide whether an update is of more than ghost state."""
        return any(not self._spec.variables[v].ghost for v, _ in update.assignments) or any(
            c.table in self._layout.tables for c in update.changes
        )

    def _updates(self, event: EventType) -> list[str]:
        """Return source of what updates do.

        All right-hand sides come first, in the state before; then the assignments, in the order of declaration.
        """
        compute, assign = [], []
        count = 0
        for update in self._spec.updates:
            values = [(v, t) for v, t in update.assignments if not self._spec.variables[v].ghost]
            changes = [c for c in update.changes if c.table in self._layout.tables]
            if not values and not changes:  # of ghost state alone, which its patterns may read
                continue
            source = self._match(update.patterns, event.name)
            if not source:
                continue
            on = comment("on " + " or ".join(p.source for p in update.patterns if p.event == event.name), 1)
            match = source if source == "1" else other_than(self._taken, f"match_{count}")
            before, after = self._assigned(values, event.name, match, count)
            for n, change in enumerate(changes):
                more, done = self._change(change, event.name, match, f"{count}_{n}")
                before += more
                after += done
            if match == "1":
                compute += outdented(before)
                assign += [on, *outdented(after)]
            else:
                compute += [f"{on}    {match} = {source}\n", f"    if {match} != 0:\n" if before else "", *before]
                assign += [f"{on}    if {match} != 0:\n", *after]
            count += 1
        return compute + assign

    def _assigned(
        self, values: Sequence[tuple[str, Term]], event: str, match: str, number: int
    ) -> tuple[list[str], list[str]]:
        """Return source that works values out, and source that assigns them."""
        compute, assign = [], []
        for name, term in values:
            value = self._term(term, event)
            if is_operation(value):
                local = other_than(self._taken, f"{self._local_of['var', name]}_{number}")
                compute.append(f"        {local} = {value}\n")
                value = local
            place, writer = self._place(name)
            begun = _becomes(place, value, match)
            owed = [rule for rule, body in self._layout.obligations if body.anchor == name]
            if owed:
                assign.append(f"        begun = {begun}\n")
            for rule in owed:
                met, anew = self._done(rule), f"# {self._layout.rules[rule].id} is to be met anew"
                assign.append(f"        {met} = owed_since({met}, {place}, begun, {match}, now)  {anew}\n")
            assign.append(f"        {place} = {'begun' if owed else begun}\n        {writer} = event\n")
        return compute, assign

    def _change(self, change: Change, event: str, match: str, number: str) -> tuple[list[str], list[str]]:
        """Return source that works out what a change needs, in the state before, and source that carries it out.

        `match` is what holds whether it happens, `number` sets its names apart from those of others.
        """
        table = self._spec.tables[change.table]
        form = self._layout.forms[table.name]
        compute, assign = [], []

        def named(name: str, term: str) -> str:
            if not is_operation(term):
                return term
            local = other_than(self._taken, f"{name}_{number}")
            compute.append(f"        {local} = {term}\n")
            return local

        keys = [named(f"key{n}", self._term(k, event)) for n, k in enumerate(change.keys)]
        key = ", ".join([*keys, *["0"] * (tables.PARTS - len(keys))] if keys else ["U"] * tables.PARTS)
        given = {name: named(f"column{n}", self._term(value, event)) for n, (name, value) in enumerate(change.values)}
        initial = {name: self._initially(v, event) for name, v in table.columns.items()}
        values = given if change.kind == "field" else {n: given.get(n, initial[n]) for n in table.columns}
        slots = [self._layout.table_slots[n] for n in table.columns]
        if change.kind == "field":
            there = named("there", self._entry(Term("entry", BOOL, table.name, args=change.keys), event))
            match = named("sets", f"and_({match}, {there})")
        lapses = self._layout.places(table.lapses)[0] if table.lapses else 0
        row, indent = "0", "        "
        if change.kind == "clear":
            assign.append(f"        if {match} == 1:\n            emptied(entries, {form})\n")
            assign += [f"            reset(node, node_writers, {self._layout.table_slots[n]}, {initial[n]}, event)\n"
                       for n in table.columns]  # fmt: skip
            assign.append("        else:\n")
            indent = "            "
        else:
            row = other_than(self._taken, f"row_{number}")
            if change.kind == "field":
                assign.append(f"        if {match} != 0:\n")
                indent = "            "
            assign.append(
                f"{indent}{row} = row_for(entries, node, node_writers, {form}, {table.limit}, {lapses}, now, {key},"
                f" {slots[0]}, {len(slots)}, {_WANTED[change.kind]}, event)\n"
            )
        for name, value in sorted(values.items(), key=lambda one: one[0] != table.lapses):
            column, writer = self._layout.places(name)
            sets = f", {int(change.kind in ('set', 'field'))}, {slots[0]}"
            call, more = ("put_off", sets) if name == table.lapses else ("write", "")
            assign.append(
                f"{indent}{call}(entries, node, node_writers, {row}, {form}, {column},"
                f" {self._layout.table_slots[name]}, {writer}, {key}, {value}, {match}, event{more})\n"
            )
        if change.kind == "set":
            assign.append(f"        if {match} == 1:\n            stamp(entries, {row}, event)\n")
        elif change.kind == "remove":
            assign.append(f"        tidy(entries, node, {row}, {form}, {slots[0]}, {len(slots)}, {lapses}, now)\n")
        return compute, assign

    def _done(self, rule: int, own: str = "own") -> str:
        """Return source of where it is said whether an obligation has been met."""
        return f"{'node' if rule in self._layout.shared_duties else own}[{self._layout.done_slot[rule]}]"

    def _asked(self, ask: Callable[[int, Require], list[str]]) -> list[str]:
        """Return source that asks about each obligation: the node's where no interface is asked about, else its."""
        own, shared = list[str](), list[str]()
        for n, body in self._layout.obligations:
            text = comment(f"{self._layout.rules[n].id}: {self._layout.rules[n].text}", 1)
            (shared if n in self._layout.shared_duties else own).extend([text, *ask(n, body)])
        if not shared:
            return own
        chosen = [(condition, part) for condition, part in (("this == U", shared), ("this != U", own)) if part]
        return [line for condition, part in chosen for line in (f"    if {condition}:\n", *map(_indented, part))]

    def _due_source(self) -> str:
        slack = self._local("param", "t_slack") if ("param", "t_slack") in self._layout.constant_of else "0"

        def ask(n: int, body: Require) -> list[str]:
            done, anchor = self._done(n), self._local("var", body.anchor)
            lines = [f"    met = {done}\n    if met > 1 or met != 1 and {anchor} != U:\n"]
            lines.append(f"        since = met - 2 if met > 1 else {anchor}\n")
            lines.append(f"        deadline = since + {self._term(body.within)} + {slack}\n")
            if self._spec.pause is not None:
                lines.append("        if met < 0 and met != U:\n            deadline = deadline - met\n")
            lines.append(f"        if deadline < now:\n            owed = {self._owed(body)}\n")
            lines.append(f"            if owed != 0:\n                outcomes[count] = {n}\n")
            lines.append("                outcomes[count + 1] = deadline\n")
            lines.append("                outcomes[count + 2] = 0 if owed == 1 and met <= 0 and met != U else U\n")
            lines.append(f"                count += 3\n                {done} = 1\n")
            return lines

        lines = self._asked(ask)
        head = "def due(now, this, own, node, entries, every, constants, outcomes):\n"
        return self._function(head, self._unpack(), "    count = 0\n", *lines, "    return count\n")

    def _pending_source(self) -> str:
        def ask(n: int, body: Require) -> list[str]:
            lines = [f"    met = {self._done(n)}\n    owed = {self._term(body.condition)}\n"]
            lines.append("    if met != 1 and owed == 1 or met > 1 and owed == U:\n")
            return [*lines, f"        outcomes[count] = {n}\n        count += 1\n"]

        lines = self._asked(ask)
        head = "def pending(this, own, node, entries, every, constants, outcomes):\n"
        return self._function(head, self._unpack(), "    count = 0\n", *lines, "    return count\n")

    def _owed(self, body: Require, event: str = "") -> str:
        """Return source of whether an obligation runs: its condition holds, and nothing is known to make it pause."""
        condition = self._term(body.condition, event)
        if self._spec.pause is None:
            return condition
        return f"and_({condition}, 1 - seen({self._local('var', self._spec.pause.condition)}))"

    def _waking(self, event: EventType) -> list[str]:
        """Return source of what becomes of obligations once they run again: they are owed later by as much.

        What was slept since its anchor is kept, negated, where it is said whether an obligation has been met.
        """
        pause = self._spec.pause
        if pause is None or event.name not in pause.kinds or not self._layout.obligations:
            return []
        ends = [t for u in self._spec.updates if any(p.event == event.name for p in u.patterns)
                for v, t in u.assignments if v == pause.condition and t != TRUE]  # fmt: skip
        if not ends:
            return []
        was, since = self._local("var", pause.condition), self._local("var", pause.since)
        lines = [comment(f"obligations run again: {pause.text}", 1)]
        lines.append(f"    if {was} == 1 and {self._place(pause.condition)[0]} == 0:\n")
        return [*lines, *self._later(since, "        ")]

    def _later(self, since: str, indent: str) -> list[str]:
        """Return source that lets obligations be owed later by as long as they have not run."""
        layout = self._layout
        own, shared = list[str](), list[str]()
        for n, _ in layout.obligations:
            lines, array, depth = (
                (shared, "node", indent) if n in layout.shared_duties else (own, "row", f"{indent}    ")
            )
            done, anchor = self._done(n, "row"), f"{array}[{layout.anchor_slot(n)}]"
            lines.append(f"{depth}if {done} <= 0 and {done} != U and {anchor} != U:\n")
            lines.append(f"{depth}    {done} = add({done}, sub({since}, now))\n")
            lines.append(f"{depth}elif {done} > 1 and {since} != U:\n")
            lines.append(f"{depth}    {done} = {done} + now - {since}\n")
        if own:
            own.insert(0, f"{indent}for other in range(len(every)):\n{indent}    row = every[other]\n")
        return own + shared

    def _ends(self) -> str:
        """Return source of whether an event shows that a pause is over, which nobody has told."""
        patterns = self._spec.pause.ended if self._spec.pause is not None else ()
        kinds = [n for n, name in enumerate(self._layout.kinds) if any(p.event == name for p in patterns)]
        functions, lines = [], ["def ends(kind, now, node, keys, constants):\n"]
        for n in kinds:
            name = self._layout.kinds[n]
            result = self._match(patterns, name)
            head = f"def ends_{name}(now, node, keys, constants):\n"
            functions.append(self._function(head, self._unpack(name), f"    return {result}\n"))
            lines.append(f"    if kind == {n}:\n        return ends_{name}(now, node, keys, constants)\n")
        return "\n".join([*functions, "".join([*lines, "    return 0\n"])])

    def _rouse(self) -> str:
        """Return source that ends a pause, where an event shows that it is over."""
        pause, lines = self._spec.pause, list[str]()
        if pause is not None and pause.ended:
            (place, writer), since = self._place(pause.condition), self._local("var", pause.since)
            later = self._later(since, "    ") if self._layout.obligations else []
            lines = [self._unpack(), *later, f"    {place} = 0\n", f"    {writer} = event\n"]
        head = "def rouse(now, node, node_writers, every, event):\n"
        return "".join([head, *lines, "    return 0\n"])


def _becomes(place: str, value: str, match: str) -> str:
    """Return source of what a place has after an update that happens if `match` is 1, and may if that is not known."""
    return value if match == "1" else f"{value} if {match} == 1 else join({place}, {value})"


def _indented(text: str) -> str:
    """Return lines, one level deeper."""
    return "".join(f"    {line}" for line in text.splitlines(keepends=True))


_WANTED: Final = {"set": 1, "remove": 2, "field": 3}
"""What `row_for` is to do where there is no row."""
