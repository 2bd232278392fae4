"""The compiled semantics: a specification, ready to run as a step function over integers.

State is a list of integers for the node and one for each interface; a value that is not known is UNKNOWN, and
logic over it is Kleene's (`kleene.py`). What stands where is said in `layout.py`; `source.py` writes the functions,
and `terms.py` what is asked in them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Protocol

from mipcheck.model.machine import entries as tables
from mipcheck.model.machine import kleene
from mipcheck.model.machine.code import code_of, compiled
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.machine.layout import Layout
from mipcheck.model.machine.outlasting import longest
from mipcheck.model.machine.rows import Entries, none_of
from mipcheck.model.machine.source import Writer
from mipcheck.model.machine.terms import literal
from mipcheck.model.machine.wording import ON_TABLES, OPERATIONS
from mipcheck.model.specification.load import kept_as
from mipcheck.model.specification.spec import Configure, Spec
from mipcheck.model.specification.term import Term
from mipcheck.model.values.types import Value

State = list[int]
Judged = tuple[int, int]
"""A rule's number and 1 (kept), 0 (broken) or UNKNOWN."""


class Step(Protocol):
    """What an event does; the head of `Machine.source` says what the parameters are."""

    def __call__(
        self, now: int, this: int, own: State, node: State, every: Sequence[State], keys: Sequence[int], event: int,
        own_writers: State, node_writers: State, entries: Entries = ...,
    ) -> list[Judged]: ...  # fmt: skip


_NONE: Final[Entries] = []
"""The entries of a node without tables: it stays empty."""


@dataclass(frozen=True, slots=True)
class Due:
    """An obligation whose deadline (ns) has passed: 0 broken, UNKNOWN if it may have been kept."""

    rule: int
    deadline: int
    outcome: int


class Machine(Layout):
    """One specification, ready to run for one site.

    `parameters` are all of them (see `configure`), `site` the addresses that are known, as integers, `given` the
    parameters that were not left to their defaults. With `kept` its code is kept for the next run.
    """

    def __init__(
        self,
        spec: Spec,
        parameters: Mapping[str, int],
        site: Mapping[str, int],
        capabilities: frozenset[str] = frozenset(),
        given: Collection[str] = (),
        *,
        kept: bool = False,
    ) -> None:
        super().__init__(spec, parameters, capabilities)
        self.parameters, self.site = dict(parameters), dict(site)
        self.slack = self.parameters.get("t_slack", 0)
        self._texts: dict[str, int] = {}
        self._terms: dict[tuple[int, str], tuple[Term, Callable[..., int]]] = {}
        self.constants = [*self.parameters.values(), *(self.site.get(s, UNKNOWN) for s in spec.sites)]
        self.constants += [int(name in given) for kind, name in self.constant_of if kind == "given"]
        self._writer = Writer(self)
        self.source = self._writer.module(kept_as(spec) if kept else "")
        self._names: dict[str, Any] = {n: getattr(kleene, n) for n in (*OPERATIONS, "U")}
        self._names |= {n: getattr(tables, n) for n in ON_TABLES}
        file = f"<{spec.name}>"
        exec(code_of(self.source, file) if kept else compiled(self.source, file), self._names)
        self._out = [0] * self.most_outcomes
        self.steps: dict[str, Step] = {name: self._stepper(self._names[f"step_{name}"]) for name in self.kinds}
        self._due: Callable[..., int] = self._names["due"]
        self._pending: Callable[..., int] = self._names["pending"]
        self._ends: Callable[..., int] = self._names["ends"]
        self._rouse: Callable[..., int] = self._names["rouse"]

    # --- state ----------------------------------------------------------------------------------------------------

    def make_room(self, entries: Entries) -> None:
        """See that there is room in `entries` for what the next event may set."""
        if not entries:
            entries += none_of([*self.forms.values()])
        entries += [0] * (entries[len(self.forms)] + self.most_set - len(entries))

    def unknown_interface(self) -> State:
        return [UNKNOWN] * self.interface_size

    def unknown_node(self) -> State:
        return [UNKNOWN] * self.node_size

    @cached_property
    def outlasting(self) -> Sequence[tuple[int, int, int]]:
        """Of tables whose entries all lapse within some time (ns): two slots of the default row, whether there is an
        entry and when it lapses, and that time."""
        kept = [self.spec.tables[name] for name in self.tables]
        found = [(t, longest(self.spec, t, self.parameters)) for t in kept if t.lapses]
        return [(self.table_slots[t.name], self.table_slots[t.lapses], n) for t, n in found if n is not None]

    def begin_evidence(self, node: State, now: int) -> None:
        """Note in a node's state that evidence begins now (ns): entries that may be there have been set before."""
        for there, lapses, most in self.outlasting:
            if node[there] == UNKNOWN:
                node[lapses] = now + most

    def initial_interface(self) -> State:
        """Return the state of an interface when the node starts; nothing is owed before its anchor is assigned."""
        state = self._initial(self.interface_slots)
        return state + [1] * (self.interface_size - len(state))

    def initial_node(self) -> State:
        return self._initial((*self.node_slots, *self.table_slots)) + [1] * len(self.shared_duties)

    def late_interface(self) -> State:
        """Return the state of an interface of which the trace has told nothing yet: all but that is unknown."""
        return self._initial(self.interface_slots, told=True) + self._owed_late(shared=False)

    def late_node(self) -> State:
        """Return the same of a node."""
        return self._initial((*self.node_slots, *self.table_slots), told=True) + self._owed_late(shared=True)

    def _owed_late(self, shared: bool) -> State:
        """Return of the obligations of a node, or of those of an interface, whether they have been met before a trace
        that begins late."""
        own = [body for n, body in self.obligations if (n in self.shared_duties) == shared]
        return [1 if self.spec.variables[body.anchor].told else UNKNOWN for body in own]

    def _initial(self, names: Iterable[str], told: bool = False) -> State:
        result = []
        for name in names:
            variable = self.spec.state(name)
            term = None if told and not variable.told else variable.initial
            result.append(UNKNOWN if term is None else self.evaluate(term, 0, UNKNOWN, [], [], [], []))
        return result

    # --- running --------------------------------------------------------------------------------------------------

    def encode(self, kind: str, args: Mapping[str, Value]) -> list[int]:
        """Return the keys of an event as integers, in the order of declaration; absent ones are UNKNOWN."""
        keys = [self._encode(args.get(k.name), k.type.members) for k in self.spec.events[kind].keys]
        if self.spec.tracks in args and self.node_of(args) is None:
            keys[[k.name for k in self.spec.events[kind].keys].index(self.spec.tracks)] = UNKNOWN
        return keys

    def node_of(self, args: Mapping[str, Value]) -> int | None:
        """Return the address of the node that an event with these keys is about, where several are told apart.

        None if it does not say. 0.0.0.0 does not: a node asks with it for any home address, and whose it is that is
        given, only the answer tells (RFC 3344 3.7.1).
        """
        key = args.get(self.spec.tracks) if self.spec.tracks else None
        return key if isinstance(key, int) and key != 0 else None

    def _encode(self, value: Value | None, members: tuple[str, ...]) -> int:
        if value is None:
            return UNKNOWN
        if isinstance(value, frozenset):
            return sum(1 << n for n, m in enumerate(members) if m in value)
        if isinstance(value, str):
            return members.index(value) if members else self._texts.setdefault(value, len(self._texts))
        return int(value)

    @property
    def most_outcomes(self) -> int:
        """How many integers a step, `due` or `pending` may give."""
        return 3 * len(self.rules) + 3

    def _stepper(self, function: Callable[..., int]) -> Step:
        constants, out, tabled = self.constants, self._out, bool(self.tables)

        def step(
            now: int, this: int, own: State, node: State, every: Sequence[State], keys: Sequence[int], event: int,
            own_writers: State, node_writers: State, entries: Entries = _NONE,
        ) -> list[Judged]:  # fmt: skip
            if tabled:
                self.make_room(entries)
            count = function(
                now, this, own, node, entries, every, keys, constants, event, own_writers, node_writers, out
            )
            return [(out[k], out[k + 1]) for k in range(0, count, 2)]

        return step

    def due(self, now: int, this: int, own: State, node: State, every: Sequence[State]) -> list[Due]:
        """Return obligations of this interface, or of the node if it is UNKNOWN, whose deadline lies before `now` (ns);
        each is given once."""
        count, out = self._due(now, this, own, node, _NONE, every, self.constants, self._out), self._out
        return [Due(*out[k : k + 3]) for k in range(0, count, 3)]

    def pending(self, this: int, own: State, node: State, every: Sequence[State]) -> list[int]:
        """Return the numbers of rules whose obligation is owed on this interface now, or by the node if it is
        UNKNOWN."""
        return self._out[: self._pending(this, own, node, _NONE, every, self.constants, self._out)]

    def ends(self, kind: str, now: int, node: State, keys: Sequence[int]) -> bool:
        """Decide whether an event shows that a pause, in which no obligation runs, is over: it does for certain."""
        return self._ends(self.kinds.index(kind), now, node, keys, self.constants) == 1

    def rouse(self, now: int, node: State, node_writers: State, every: Sequence[State], event: int) -> None:
        """Let a pause end now (ns): what is owed on all interfaces is owed later by as long as it lasted."""
        self._rouse(now, node, node_writers, every, event)

    def evaluate(
        self, term: Term, now: int, this: int, own: State, node: State, every: Sequence[State], keys: Sequence[int],
        event: str = "", entries: Sequence[int] = (),
    ) -> int:  # fmt: skip
        """Return the value of a sub-expression in a state, for initial values and explanations."""
        if term.kind == "const":  # which most initial values are: nothing is compiled for these
            return literal(term)
        _, function = self._terms.get((id(term), event), (term, None))
        if function is None:
            exec(self._writer.value(term, event), self._names)
            function = self._names.pop("value")
            self._terms[(id(term), event)] = term, function  # an id is a term's own only while the term is kept
        return function(now, this, own, node, entries, every, keys, self.constants)

    def configuration(self) -> list[Judged]:
        """Return the outcomes of rules on the site and the parameters alone."""
        return [
            (n, self.evaluate(r.body.condition, 0, UNKNOWN, [], [], [], []))
            for n, r in enumerate(self.rules)
            if isinstance(r.body, Configure)
        ]
