"""Terms of a machine's source: a term of the specification → Python text of what it comes to, over integers.

What a function reads has to be given its name at the head of it, and what it asks twice is worked out once: a
`TermWriter` keeps account of both, for the function that is being written.
"""

from __future__ import annotations

from mipcheck.model.language.show import show_expression
from mipcheck.model.machine import entries as tables
from mipcheck.model.machine.layout import Layout
from mipcheck.model.machine.sharing import Shared
from mipcheck.model.machine.wording import RESERVED, VALUE, comment, local_names, nested, other_than
from mipcheck.model.specification.spec import Variable
from mipcheck.model.specification.term import EventPattern, Term
from mipcheck.model.values.types import BOOL, ID, LOW_HALF

_CALL = {
    "and": "and_", "or": "or_", "not": "not_", "seen": "seen", "implies": "implies", "=": "eq", "!=": "ne", "<": "lt",
    "<=": "le", "+": "add", "-": "sub", "*": "mul", "minus": "neg", "max": "largest", "min": "smallest",
}  # fmt: skip


def literal(t: Term) -> int:
    """Return the integer that a constant is in a machine."""
    return t.value & LOW_HALF if t.type == ID else t.value


class TermWriter:
    """Writes terms of one machine, whose state has that `layout`.

    Terms with a loop over interfaces or entries become functions of their own, each written once.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout, self._spec = layout, layout.spec
        self._quantifiers: dict[str, tuple[str, str]] = {}
        self._shared = Shared()  # of the function that is being written
        self._reads: set[tuple[str, str]] = set()  # by the function that is being written: kinds and names
        self._local_of = local_names(self._spec, layout.constant_of)
        self._taken = RESERVED.union(self._local_of.values())

    def _function(self, *parts: str) -> str:
        """Return source of a function that is written, each operation of it worked out once."""
        shared, self._shared = self._shared, Shared()
        return shared.written("".join(parts))

    def _local(self, kind: str, name: str) -> str:
        """Return the name of what is read, and note that `_unpack` has to give it that."""
        self._reads.add((kind, name))
        return self._local_of[kind, name]

    def _unpack(self, event: str = "", depth: int = 1, array: str = "") -> str:
        """Return source that gives what has been read its name, for the head of the function that reads it.

        `event` is that whose keys are read. With `array` it is only what stands in that array.
        """
        keys = self._spec.events[event].keys if event else ()
        places = [(("key", k.name), f"keys[{n}]") for n, k in enumerate(keys)]
        halved = {("key", k.name) for k in keys if k.type == ID}  # only that half is compared (RFC 3344 3.6.2.1)
        slots = *self._layout.interface_slots, *self._layout.node_slots
        places += [(("var", name), self._place(name)[0]) for name in slots]
        places += [(constant, f"constants[{n}]") for constant, n in self._layout.constant_of.items()]
        found = [(read, place) for read, place in places if read in self._reads and place.startswith(array)]
        self._reads.difference_update(read for read, _ in found)
        return "".join(f"{'    ' * depth}{self._local_of[read]} = "
                       f"{f'low_half({place})' if read in halved else place}\n" for read, place in found)  # fmt: skip

    def _place(self, name: str) -> tuple[str, str]:
        """Return source of where a variable and its writer are."""
        if name in self._layout.interface_slots:
            slot = self._layout.interface_slots[name]
            return f"own[{slot}]", f"own_writers[{slot}]"
        slot = self._layout.node_slots[name]
        return f"node[{slot}]", f"node_writers[{slot}]"

    def _match(self, patterns: tuple[EventPattern, ...], event: str) -> str:
        """Return source of whether an event of that kind matches; empty if it never does."""
        conditions = [self._term(p.condition, event) for p in patterns if p.event == event]
        return self._shared.logical("or_", conditions) if conditions else ""

    def _term(self, t: Term, event: str = "") -> str:
        """Return source of a term; keys are those of `event`.

        The function that it goes into begins with `_unpack`, and `_function` takes the marks out of it.
        """
        return self._shared.mark(self._worked_out(t, event), t.name if t.kind == "def" else "")

    def _worked_out(self, t: Term, event: str) -> str:
        match t.kind:
            case "const":
                return str(literal(t))
            case "var" | "key" | "given":
                return self._local(t.kind, t.name)
            case "param" | "site":
                return self._local(t.kind, t.name) if (t.kind, t.name) in self._layout.constant_of else "U"
            case "capable":
                return str(int(t.name in self._layout.capabilities))
            case "now" | "this":
                return t.kind
            case "nobody":
                return "-1"
            case "def":
                return self._term(t.args[0], event)
            case "some" | "every":
                return self._quantified(t, event)
            case "entry":
                return self._entry(t, event)
            case "some_entry" | "every_entry":
                return self._quantified_entry(t, event)
            case "bound":
                return self._bound(t.name)
            case "in":
                return f"contains({', '.join(self._term(a, event) for a in t.args)})"
            case "has" | "/":
                name = "has" if t.kind == "has" else "quotient"
                return f"{name}({self._term(t.args[0], event)}, {t.value})"
            case ">" | ">=":
                left, right = (self._term(a, event) for a in t.args)
                return f"{'lt' if t.kind == '>' else 'le'}({right}, {left})"
        arguments = [self._term(a, event) for a in t.args]
        if t.kind in ("and", "or"):
            return self._shared.logical(_CALL[t.kind], arguments)
        if t.kind in ("max", "min"):
            return nested(_CALL[t.kind], arguments, self._shared.mark)
        return f"{_CALL[t.kind]}({', '.join(arguments)})"

    def _call(self, what: str, t: Term, passed: str, source: str) -> str:
        """Return a call of a function with a loop, which is written unless there is such a one."""
        head = f"({passed}):\n"
        known = self._quantifiers.get(head + source)
        if known is None:
            name = other_than(self._taken, f"{what}_{len(self._quantifiers)}")
            said = comment(show_expression(t.source) if t.source else "")
            known = self._quantifiers[head + source] = name, f"{said}def {name}{head}{source}"
        return self._shared.mark(f"{known[0]}({passed})", loops=True)

    def _quantified(self, t: Term, event: str) -> str:
        """Return a call of a function with a loop over all interfaces; that function joins the source, once."""
        body = t.args[0]
        (outside, self._reads), (around, self._shared) = (self._reads, set()), (self._shared, Shared())
        inner = self._term(body, event)
        each = self._unpack(event, 2, "own")
        each = f"        own = every[this]\n{each}" if each else ""
        head = self._unpack(event)
        decides = 1 if t.kind == "some" else 0
        source = self._function(
            f"{head}    result = {1 - decides}\n    for this in range(len(every)):\n"
            f"{each}        value = {inner}\n        if value == {decides}:\n"
            f"            return {decides}\n        if value == U:\n            result = U\n    return result\n"
        )
        self._reads, self._shared = outside, around
        bound = sorted({t.name for t in body.walk() if t.kind == "bound"} - _binds(body))
        entries = ["entries"] if body.uses("entry", "some_entry", "every_entry") else []
        passed = ", ".join([*(["now"] if self._reads_now(body) else []), "node", *entries, "every", "constants",
                            *(["keys"] if body.uses("key") else []), *map(self._bound, bound)])  # fmt: skip
        return self._call(f"{t.kind}_interface", t, passed, source)

    def _reads_now(self, term: Term) -> bool:
        """Decide whether a term depends on the present time: an entry may, that lapses."""
        return any(
            t.kind == "now" or (t.kind in ("entry", "some_entry", "every_entry") and self._lapses(t.name))
            for t in term.walk()
        )

    def _lapses(self, column: str) -> str:
        return self._spec.tables[column.partition(".")[0]].lapses

    def _bound(self, name: str) -> str:
        """Return what a part of a key is called that a quantifier gives a name."""
        return other_than(self._taken, "of_" + name.replace("#", "_"))

    def _initially(self, variable: Variable, event: str) -> str:
        """Return source of what a column has where there is no entry."""
        return "U" if variable.initial is None else self._term(variable.initial, event)

    def _entry(self, t: Term, event: str) -> str:
        """Return source of what a column of an entry is; of one that lapses, at the time of the event."""
        table = self._spec.tables[t.name.partition(".")[0]]
        key = ", ".join([*(self._term(a, event) for a in t.args), *["0"] * (tables.PARTS - len(t.args))])
        form = self._layout.forms[table.name]
        at = self._shared.mark(f"place_of(entries, {form}, {key})", f"at_{table.name}", loops=True)

        def column(name: str) -> str:
            default = f"node[{self._layout.table_slots[name]}]"
            place = f"{at}, {form}, {self._layout.places(name)[0]}"
            return self._shared.mark(f"looked_up(entries, {place}, {key}, {default})", loops=True)

        if not table.lapses:
            return column(t.name)
        alive = self._shared.mark(f"and_({column(table.name)}, le(now, {column(table.lapses)}))")
        if t.name == table.name:
            return alive
        return f"lasting({alive}, {column(t.name)}, {self._initially(table.columns[t.name], event)})"

    def _quantified_entry(self, t: Term, event: str) -> str:
        """Return a call of a function with a loop over a table's entries; that function joins the source, once."""
        body, *parts = t.args
        some = t.kind == "some_entry"
        there = Term("entry", BOOL, t.name, args=tuple(parts))
        asked = Term("and" if some else "implies", BOOL, args=(there, body))
        (outside, self._reads), (around, self._shared) = (self._reads, set()), (self._shared, Shared())
        inner = self._term(asked, event)
        head = self._unpack(event)
        decides = 1 if some else 0
        until, slot, own = self._lapses(t.name), self._layout.table_slots[t.name], self._layout.forms[t.name]
        lapses = self._layout.places(until)[0] if until else 0
        named = enumerate(map(self._bound, (a.name for a in parts)), tables.KEY)
        each = "".join(f"        {name} = entries[at + {n}]\n" for n, name in named)
        source = self._function(
            f"{head}    result = {1 - decides}\n"
            f"    at = begin_of_rows(entries, {own})\n    while at < end_of_rows(entries, {own}):\n"
            f"{each}        value = {inner}\n        if value == {decides}:\n            return {decides}\n"
            f"        if value == U:\n            result = U\n        at += {tables.width_of(own)}\n"
            f"    if is_over(node, {slot}, {lapses}, {own}, now) == 0:\n        result = U\n    return result\n"
        )
        self._reads, self._shared = outside, around
        names = {a.name for a in parts}
        bound = sorted({b.name for b in body.walk() if b.kind == "bound"} - _binds(body) - names)
        passed = ", ".join([*VALUE.split(", "), *map(self._bound, bound)])
        if not body.uses("key"):
            passed = passed.replace(", keys", "")
        return self._call(t.kind, t, passed, source)


def _binds(term: Term) -> set[str]:
    """Return the names of parts of keys that quantifiers within a term bind."""
    return {a.name for t in term.walk() if t.kind in ("some_entry", "every_entry") for a in t.args[1:]}
