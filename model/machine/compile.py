"""The compiled semantics: a specification → Python source of a step function over integers.

State is a list of integers for the node and one for each interface; a value that is not known is UNKNOWN, and
logic over it is Kleene's (`kleene.py`). Nothing here knows a requirement: everything comes from the `Spec`.

The source is for Python as it stands (`Machine`), over lists, and for native code (`native.py`), over arrays: one text,
two ways to run it. So it keeps to integers, indices and loops; what it finds goes into an array that is passed
in; and it depends on nothing but the specification and the capabilities: parameters and addresses are passed in too,
so that compiled code can be kept for the next site.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mipcheck.model.machine import kleene
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.specification.spec import Allow, Configure, EventType, Require, Rule, Spec
from mipcheck.model.specification.term import EventPattern, Term
from mipcheck.model.values.types import ID, LOW_HALF, Value

State = list[int]
Outcome = tuple[int, int]
"""A rule's number and 1 (kept), 0 (broken) or UNKNOWN."""
Step = Callable[[int, int, State, State, Sequence[State], Sequence[int], int, State, State], list[Outcome]]
"""(now, this, interface state, node state, all interface states, keys, event number, writers...) → outcomes."""

OPERATIONS = ("and_", "or_", "not_", "seen", "implies", "eq", "ne", "lt", "le", "add", "sub", "mul", "neg", "largest",
              "smallest", "has", "contains", "join", "low_half")  # fmt: skip
"""Functions of `kleene` that the source calls, beside the constant U."""

_CALL = {
    "and": "and_", "or": "or_", "not": "not_", "seen": "seen", "implies": "implies", "=": "eq", "!=": "ne", "<": "lt",
    "<=": "le", "+": "add", "-": "sub", "*": "mul", "minus": "neg", "max": "largest", "min": "smallest",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Due:
    """An obligation whose deadline (ns) has passed: 0 broken, UNKNOWN if it may have been kept."""

    rule: int
    deadline: int
    outcome: int


class Machine:
    """One specification, ready to run for one site.

    `parameters` are all of them (see `configure`), `site` the addresses that are known, as integers, `given` the
    parameters that were not left to their defaults. Interface
    state has one slot for each variable, then one for each obligation: whether it has been met since its anchor.
    """

    def __init__(
        self,
        spec: Spec,
        parameters: Mapping[str, int],
        site: Mapping[str, int],
        capabilities: frozenset[str] = frozenset(),
        given: Collection[str] = (),
    ) -> None:
        self.spec, self.parameters, self.site, self.capabilities = spec, dict(parameters), dict(site), capabilities
        self.rules: list[Rule] = [r for r in spec.rules.values() if r.applies(capabilities)]
        self.obligations = [(n, r.body) for n, r in enumerate(self.rules) if isinstance(r.body, Require)]
        self.interface_slots = {v.name: n for n, v in enumerate(spec.interface_variables(ghost=False))}
        self.node_slots = {v.name: n for n, v in enumerate(spec.node_variables(ghost=False))}
        self.done_slot = {rule: len(self.interface_slots) + n for n, (rule, _) in enumerate(self.obligations)}
        self.slack = self.parameters.get("t_slack", 0)
        self._texts: dict[str, int] = {}
        self._terms: dict[tuple[int, str], tuple[Term, Callable[..., int]]] = {}
        self.constants = [*self.parameters.values(), *(self.site.get(s, UNKNOWN) for s in spec.sites)]
        self._constant_of = {("param", n): k for k, n in enumerate(self.parameters)}
        self._constant_of |= {("site", n): len(self.parameters) + k for k, n in enumerate(spec.sites)}
        flags = sorted({n for t in spec.terms() for n in t.names("given")})
        self._constant_of |= {("given", n): len(self.constants) + k for k, n in enumerate(flags)}
        self.constants += [int(n in given) for n in flags]
        self._quantifiers: dict[str, str] = {}
        self.kinds = [e.name for e in spec.events.values() if e.seen]
        self.source = self._module()
        self._names: dict[str, Any] = {n: getattr(kleene, n) for n in (*OPERATIONS, "U")}
        exec(compile(self.source, f"<{spec.name}>", "exec"), self._names)
        self._out = [0] * self.most_outcomes
        self.steps: dict[str, Step] = {name: self._stepper(self._names[f"step_{name}"]) for name in self.kinds}
        self._due: Callable[..., int] = self._names["due"]
        self._pending: Callable[..., int] = self._names["pending"]

    # --- state ----------------------------------------------------------------------------------------------------

    @property
    def interface_size(self) -> int:
        return len(self.interface_slots) + len(self.obligations)

    def unknown_interface(self) -> State:
        return [UNKNOWN] * self.interface_size

    def unknown_node(self) -> State:
        return [UNKNOWN] * len(self.node_slots)

    def initial_interface(self) -> State:
        """State of an interface when the node starts; nothing is owed yet."""
        return self._initial(self.interface_slots) + [0] * len(self.obligations)

    def initial_node(self) -> State:
        return self._initial(self.node_slots)

    def _initial(self, slots: Mapping[str, int]) -> State:
        result = []
        for name in slots:
            term = self.spec.variables[name].initial
            result.append(UNKNOWN if term is None else self.evaluate(term, 0, UNKNOWN, [], [], [], []))
        return result

    # --- running --------------------------------------------------------------------------------------------------

    def encode(self, kind: str, args: Mapping[str, Value]) -> list[int]:
        """The keys of an event as integers, in the order of declaration; absent ones are UNKNOWN."""
        return [self._encode(args.get(k.name), k.type.members) for k in self.spec.events[kind].keys]

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
        constants, out = self.constants, self._out

        def step(
            now: int, this: int, i: State, n: State, all_: Sequence[State], keys: Sequence[int], number: int,
            own_writers: State, node_writers: State,
        ) -> list[Outcome]:  # fmt: skip
            count = function(now, this, i, n, all_, keys, constants, number, own_writers, node_writers, out)
            return [(out[k], out[k + 1]) for k in range(0, count, 2)]

        return step

    def due(self, now: int, this: int, i: State, n: State, all_: Sequence[State]) -> list[Due]:
        """Obligations of this interface whose deadline lies before `now`; each is given once."""
        count, out = self._due(now, this, i, n, all_, self.constants, self._out), self._out
        return [Due(*out[k : k + 3]) for k in range(0, count, 3)]

    def pending(self, this: int, i: State, n: State, all_: Sequence[State]) -> list[int]:
        """Rules whose obligation is owed on this interface now."""
        return self._out[: self._pending(this, i, n, all_, self.constants, self._out)]

    def evaluate(
        self, term: Term, now: int, this: int, i: State, n: State, all_: Sequence[State], keys: Sequence[int],
        event: str = "",
    ) -> int:  # fmt: skip
        """A sub-expression in a state, for initial values and explanations."""
        _, function = self._terms.get((id(term), event), (term, None))
        if function is None:
            known = len(self._quantifiers)
            source = self._unpack(self.spec.events[event], 1) if event else ""
            source = f"def f(now, x, I, N, S, a, P):\n{source}    return {self._term(term, event)}\n"
            exec("\n".join([*list(self._quantifiers.values())[known:], source]), self._names)
            function = self._names.pop("f")
            self._terms[(id(term), event)] = term, function  # an id is a term's own only while the term is kept
        return function(now, this, i, n, all_, keys, self.constants)

    def configuration(self) -> list[Outcome]:
        """Rules on the site and the parameters alone."""
        return [
            (n, self.evaluate(r.body.condition, 0, UNKNOWN, [], [], [], []))
            for n, r in enumerate(self.rules)
            if isinstance(r.body, Configure)
        ]

    # --- source ---------------------------------------------------------------------------------------------------

    def _module(self) -> str:
        steps = [self._step(self.spec.events[name]) for name in self.kinds]
        functions = [*steps, self._dispatch(), self._due_source(), self._pending_source()]
        return "\n".join([*self._quantifiers.values(), *functions])

    def _unpack(self, event: EventType, depth: int) -> str:
        """Source that gives keys their names; of an identification the part that is compared (RFC 3344 3.6.2.1)."""
        values = (f"low_half(a[{n}])" if k.type == ID else f"a[{n}]" for n, k in enumerate(event.keys))
        lines = (f"k_{k.name} = {v}\n" for k, v in zip(event.keys, values, strict=True))
        return "".join("    " * depth + line for line in lines)

    def _step(self, event: EventType) -> str:
        lines = [
            f"def step_{event.name}(now, x, I, N, S, a, P, e, WI, WN, O):\n",
            self._unpack(event, 1),
            "    n = 0\n",
        ]
        for n, rule in enumerate(self.rules):
            if isinstance(rule.body, Allow) and (match := self._match(rule.body.patterns, event.name)):
                condition = self._judged(rule.body, event.name)
                lines.append(f"    m = {match}\n    if m != 0:\n        c = {condition}\n        O[n] = {n}\n")
                lines.append("        O[n + 1] = c if m == 1 or c == 1 else U\n        n += 2\n")
        for n, body in self.obligations:
            if match := self._match(body.patterns, event.name):
                slot = self.done_slot[n]
                lines.append(f"    m = {match}\n    if m == 1:\n        if I[{slot}] == 0 and ")
                lines.append(f"{self._term(body.condition, event.name)} == 1:\n            O[n] = {n}\n")
                lines.append(f"            O[n + 1] = 1\n            n += 2\n        I[{slot}] = 1\n")
                lines.append(f"    elif m != 0 and I[{slot}] == 0:\n        I[{slot}] = U\n")
        lines += self._updates(event)
        return "".join([*lines, "    return n\n"])

    def _judged(self, body: Allow, event: str) -> str:
        """Source of what a permission comes to: 1, 0, or U where it is unclear."""
        condition = self._term(body.condition, event)
        return condition if body.unclear is None else f"or_({condition}, and_({self._term(body.unclear, event)}, U))"

    def _dispatch(self) -> str:
        """A step of an event whose kind is a number, in the order of `kinds`; of another, nothing."""
        lines = ["def step(kind, now, x, I, N, S, a, P, e, WI, WN, O):\n"]
        for n, name in enumerate(self.kinds):
            lines.append(f"    if kind == {n}:\n        return step_{name}(now, x, I, N, S, a, P, e, WI, WN, O)\n")
        return "".join([*lines, "    return 0\n"])

    def _updates(self, event: EventType) -> list[str]:
        """All right-hand sides first, in the state before; then the assignments, in the order of declaration."""
        compute, assign = [], []
        count = 0
        for update in self.spec.updates:
            values = [(v, t) for v, t in update.assignments if not self.spec.variables[v].ghost]
            if not values:  # of ghost state alone, which its patterns may read
                continue
            match = self._match(update.patterns, event.name)
            if not match:
                continue
            temporaries = [f"v{count}_{n}" for n in range(len(values))]
            compute.append(f"    g{count} = {match}\n    {' = '.join(temporaries)} = 0\n    if g{count} != 0:\n")
            assign.append(f"    if g{count} != 0:\n")
            for temporary, (name, term) in zip(temporaries, values, strict=True):
                compute.append(f"        {temporary} = {self._term(term, event.name)}\n")
                place, writer = self._place(name)
                assign.append(f"        {place} = {temporary} if g{count} == 1 else join({place}, {temporary})\n")
                assign.append(f"        {writer} = e\n")
                for rule, body in self.obligations:
                    if body.anchor == name:
                        done = f"I[{self.done_slot[rule]}]"
                        assign.append(f"        {done} = 0 if g{count} == 1 else join({done}, 0)\n")
            count += 1
        return compute + assign

    def _place(self, name: str) -> tuple[str, str]:
        if name in self.interface_slots:
            slot = self.interface_slots[name]
            return f"I[{slot}]", f"WI[{slot}]"
        slot = self.node_slots[name]
        return f"N[{slot}]", f"WN[{slot}]"

    def _match(self, patterns: tuple[EventPattern, ...], event: str) -> str:
        """Source of whether an event of that kind matches; empty if it never does."""
        conditions = [self._term(p.condition, event) for p in patterns if p.event == event]
        return _nested("or_", conditions) if conditions else ""

    def _due_source(self) -> str:
        lines = ["def due(now, x, I, N, S, P, O):\n    n = 0\n"]
        for n, body in self.obligations:
            slot, anchor = self.done_slot[n], self._place(body.anchor)[0]
            slack = f"P[{self._constant_of['param', 't_slack']}]" if "t_slack" in self.parameters else "0"
            lines.append(f"    t = {anchor}\n    if I[{slot}] != 1 and t != U:\n")
            lines.append(f"        t += {self._term(body.within)} + {slack}\n        if t < now:\n")
            lines.append(f"            c = {self._term(body.condition)}\n            if c != 0:\n")
            lines.append(f"                O[n] = {n}\n                O[n + 1] = t\n")
            lines.append(f"                O[n + 2] = 0 if c == 1 and I[{slot}] == 0 else U\n")
            lines.append(f"                n += 3\n                I[{slot}] = 1\n")
        return "".join([*lines, "    return n\n"])

    def _pending_source(self) -> str:
        lines = ["def pending(x, I, N, S, P, O):\n    n = 0\n"]
        for n, body in self.obligations:
            lines.append(f"    if I[{self.done_slot[n]}] != 1 and {self._term(body.condition)} == 1:\n")
            lines.append(f"        O[n] = {n}\n        n += 1\n")
        return "".join([*lines, "    return n\n"])

    def _term(self, t: Term, event: str = "") -> str:
        """Source of a term; keys are those of `event`."""
        match t.kind:
            case "const":
                return str(t.value & LOW_HALF if t.type == ID else t.value)
            case "var":
                return self._place(t.name)[0]
            case "key":
                return f"k_{t.name}"
            case "param" | "site":
                number = self._constant_of.get((t.kind, t.name))
                return "U" if number is None else f"P[{number}]"
            case "capable":
                return str(int(t.name in self.capabilities))
            case "given":
                return f"P[{self._constant_of['given', t.name]}]"
            case "now":
                return "now"
            case "this":
                return "x"
            case "nobody":
                return "-1"
            case "def":
                return self._term(t.args[0], event)
            case "some" | "every":
                return self._quantified(t, event)
            case "in":
                return f"contains({', '.join(self._term(a, event) for a in t.args)})"
            case "has":
                return f"has({self._term(t.args[0], event)}, {t.value})"
            case ">" | ">=":
                left, right = (self._term(a, event) for a in t.args)
                return f"{'lt' if t.kind == '>' else 'le'}({right}, {left})"
        arguments = [self._term(a, event) for a in t.args]
        if t.kind in ("and", "or", "max", "min"):
            return _nested(_CALL[t.kind], arguments)
        return f"{_CALL[t.kind]}({', '.join(arguments)})"

    def _quantified(self, t: Term, event: str) -> str:
        """A call of a function with a loop over all interfaces; that function joins the source, once."""
        body = t.args[0]
        inner = self._term(body, event)
        now, keys = body.uses("now"), body.uses("key")
        passed = ", ".join([*(["now"] if now else []), "N", "S", "P", *(["a"] if keys else [])])
        key = f"{t.kind} {passed} {event if keys else ''} {inner}"
        name = f"q{len(self._quantifiers)}"
        if key in self._quantifiers:
            name = self._quantifiers[key].removeprefix("def ").partition("(")[0]
        else:
            decides = 1 if t.kind == "some" else 0
            unpack = self._unpack(self.spec.events[event], 2) if keys else ""
            self._quantifiers[key] = (
                f"def {name}({passed}):\n    r = {1 - decides}\n    for x in range(len(S)):\n        I = S[x]\n{unpack}"
                f"        v = {inner}\n        if v == {decides}:\n            return {decides}\n"
                f"        if v == U:\n            r = U\n    return r\n"
            )
        return f"{name}({passed})"


def _nested(operation: str, arguments: list[str]) -> str:
    """`f(f(a, b), c)`, as operations take two; no deeper than need be, since Python sets a limit to parentheses."""
    if len(arguments) == 1:
        return arguments[0]
    half = (len(arguments) + 1) // 2
    return f"{operation}({_nested(operation, arguments[:half])}, {_nested(operation, arguments[half:])})"
