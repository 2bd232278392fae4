"""Small specifications made up at random, of whatever the language has that proofs and traces have to agree about."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mipcheck.model.language.parse import parse
from mipcheck.model.language.syntax import Module
from mipcheck.model.specification.load import loads
from mipcheck.model.specification.resolve import resolve
from mipcheck.model.specification.spec import Spec

HEAD = """
spec small
site home
enum word { yes, no }
set marks { A, B }
capability spare "it has one"
param limit: time = 3 s
param least: int = 1
param slow: time = 2 * limit
event ring(from: address, until: time, n: int, where: {near, far}) by network seen log
event call(what: word, n: int, hot: bool, marks: marks) by node seen log
event go(what: word, id: id) by node seen log
event hum(n: int) by node seen log
event fade() by network silent
interface {
  on_: bool = false  last: time = 0 s  end: time = 0 s  count: int = 0  said: word = no  heard: time  then: time
  asked: id = 0  side: {near, far} = near
}
node {
  busy: bool = false  owner: interface = none  total: int = 0  moment: time = 0 s  ever: time  lim: time
  place: address = 0.0.0.0
}
ghost interface { truly: bool = false  since: time = 0 s }
define calm = on_ and not busy
"""
STATE = ["on_", "busy", "count < least", "count >= 1", "total = count", "said = yes", "owner = this", "owner = none",
         "last <= moment", "end >= last", "(some interface: on_)", "(every interface: on_ implies busy)",
         "count / 2 < total", "calm", "side = far", "asked = 0", "place = site.home", "assigned(heard)",
         "assigned(ever)", "max(count, total) >= 2", "count - total < least", "given limit"]  # fmt: skip
OF_NODE = ["busy", "total = least", "owner = none", "(some interface: on_ or owner = this)",
           "(every interface: on_ implies busy)", "(some interface: last <= moment)", "assigned(ever)",
           "place != site.home", "(every interface: side = far or count < 2)"]  # fmt: skip
TIMED = ["now - last <= limit", "now <= end", "now - moment > slow", "now - last < end / 2", "now - heard <= slow",
         "now - last <= lim", "not assigned(then) or now - then > limit", "now - ever <= lim",
         "now - moment <= least * 2 s"]  # fmt: skip
GHOST = ["truly", "now - since <= slow", "not truly or on_"]
OF: Mapping[str, list[str]] = {
    "ring": ["from = site.home", "until > now", "n = count", "where = far", "where = side", "from = place"],
    "call": ["what = yes", "n > count", "hot", "hot = on_", "A in marks", "not (B in marks)", "what = said"],
    "go": ["what = said", "id = asked", "id != 0"],
    "hum": ["n = total", "n < least"],
    "fade": ["truly"],
}  # fmt: skip
VALUES: Mapping[str, list[str]] = {
    "on_": ["true", "false", "busy"], "last": ["now", "end", "now - limit"],
    "end": ["now + limit", "last", "now + lim"],
    "count": ["count + 1", "0", "max(count, total)"], "said": ["yes", "no"], "busy": ["true", "on_", "not calm"],
    "owner": ["this", "none"], "total": ["count", "total + 1"], "moment": ["now", "last"], "ever": ["now", "moment"],
    "heard": ["now", "last"], "then": ["now", "heard"], "asked": ["0", "7"], "side": ["near", "far"],
    "place": ["site.home", "0.0.0.0"],
}  # fmt: skip
MORE: Mapping[str, Mapping[str, list[str]]] = {
    "ring": {"end": ["until"], "count": ["n"], "side": ["where"], "place": ["from"]},
    "call": {"count": ["n"], "said": ["what"], "busy": ["hot", "A in marks"]},
    "go": {"said": ["what"], "asked": ["id"]},
    "hum": {"total": ["n"]},
}
OWN = ["call", "go", "hum"]
"""Events of the node."""
ANCHORS = ["last", "heard", "then", "end", "moment", "ever"]
"""Times from which something may be owed; the last two are the node's."""
CHILD = """
spec small extends parent
extend enum word { perhaps }
extend set marks { C }
extend event ring(where: {between})
extend interface { side: {between} }
extend event call(loud: bool)
override param limit: time = 2 s
"""
CHANGED = {
    "call": ["loud", "C in marks", "what = perhaps", "loud = on_"],
    "ring": ["where = between", "side = between"],
    "go": ["what = perhaps"],
}
"""What the extended events can be asked besides."""


@dataclass(frozen=True)
class Small:
    """A specification, with what it extends, if it does."""

    text: str
    parent: str = ""

    @property
    def spec(self) -> Spec:
        """The specification resolved."""
        if not self.parent:
            return loads(self.text)

        def extended(_: str) -> tuple[Module, str, str]:
            return parse(self.parent, "parent"), "parent", self.parent

        return resolve(parse(self.text, "small"), "small", self.text, extended)

    def __str__(self) -> str:
        return self.parent + self.text


class _Maker:
    """Makes parts of one specification up."""

    def __init__(self, rng: random.Random, more: Mapping[str, list[str]], dropped: Iterable[str] = ()) -> None:
        self._rng, self._dropped = rng, set(dropped)
        self._of = {e: [*atoms, *more.get(e, [])] for e, atoms in OF.items() if e not in self._dropped}
        self._own = [e for e in OWN if e not in self._dropped]

    def condition(self, atoms: list[str], most: int = 3) -> str:
        rng = self._rng
        parts = [("not " if rng.random() < 0.3 else "") + f"({rng.choice(atoms)})" for _ in range(rng.randint(1, most))]
        return f" {rng.choice(['and', 'or'])} ".join(parts)

    def pattern(self, event: str) -> str:
        """Return a pattern of an event, with a condition on its keys or without."""
        return f"{event}({self._rng.choice(self._of[event])})" if self._rng.random() < 0.3 else event

    def update(self) -> str:
        rng = self._rng
        event = rng.choice([e for e in self._of if e != "fade"])
        known = {**VALUES, **{n: [*VALUES[n], *more] for n, more in MORE.get(event, {}).items()}}
        names = rng.sample(sorted(known), rng.randint(1, 3))
        body = "  ".join(f"{n} := {rng.choice(known[n])}" for n in names)
        if rng.random() < 0.1:
            body += f"  forget {rng.choice([n for n in ('heard', 'then', 'ever') if n not in names] or ['ever'])}"
        when = self.condition([*self._of[event], *STATE, *TIMED], 2)
        return f"on {event} when {when} {{ {body} }}" if rng.random() < 0.7 else f"on {event} {{ {body} }}"

    def permission(self, number: int, most: int = 3) -> str:
        rng = self._rng
        event = rng.choice(self._own)
        asked = self.condition([*self._of[event], *STATE, *TIMED], most)
        given = rng.choice(["", "", "", " unless capability spare", " given capability spare"])
        doubt = f" unclear if {rng.choice(STATE)}" if rng.random() < 0.1 else ""
        level = rng.choice(["MUST", "MUST", "SHOULD"])
        return f'rule R{number} {level} cite 1 "x" allow {self.pattern(event)} only if {asked}{doubt}{given}'

    def obligation(self, number: int, most: int = 2) -> str:
        rng = self._rng
        anchor = rng.choice(ANCHORS)
        owed = self.condition(OF_NODE if anchor in ("moment", "ever") else STATE[:-1], most)
        met = ", ".join(self.pattern(e) for e in rng.sample(self._own, rng.choice([1, 1, 2])))
        limit = rng.choice(["limit", "limit", "0 s", "2 * limit"])
        begun = f"on {rng.choice([*self._own, 'ring'])} when {rng.choice(STATE)} {{ {anchor} := now }}"
        return f'{begun}\nrule O{number} MUST cite 1 "x" require {met} within {limit} of {anchor} while {owed}'

    def properties(self) -> list[str]:
        rng = self._rng
        event = rng.choice(list(self._of))
        known = [*self._of[event], *STATE, *TIMED]
        when = f" when {self.condition(known, 1)}" if rng.random() < 0.3 else ""
        relying = " relying on R0" if rng.random() < 0.1 else ""
        found = [f'property p "x" whenever {self.pattern(event)}{when}: {self.condition([*known, *GHOST])}{relying}',
                 f'property q "x" invariant {self.condition([*STATE, *TIMED, *GHOST])}']  # fmt: skip
        if rng.random() < 0.3:
            event = rng.choice(self._own)
            when = f" when {self.condition([*self._of[event], *STATE, *TIMED], 2)}" if rng.random() < 0.7 else ""
            found.append(f'property r "x" permitted {self.pattern(event)}{when}')
        if rng.random() < 0.3:
            names = rng.sample(["on_", "last", "end", "count", "said", "asked", "side"], rng.randint(1, 2))
            allowed = [f"allowed {self.pattern(rng.choice(self._own))}"] if rng.random() < 0.5 else []
            found.append(f'property s "x" independent {", ".join([*names, *allowed])}')
        return found

    def rest(self) -> list[str]:
        """Return ghosts, an assumption, rules and properties."""
        rng = self._rng
        lines = ["on ring { truly := true  since := now }" if rng.random() < 0.7 else "on ring { truly := on_ }"]
        if rng.random() < 0.5:
            lines.append("on fade { truly := false }")
        if rng.random() < 0.4:
            asked = self.condition([*self._of["ring"], *STATE, *GHOST], 2)
            lines.append(f'assumption a "x" on {self.pattern("ring")}: {asked}')
        if rng.random() < 0.2:
            lines.append(f"param t_slack: time = {rng.choice(['0 s', '1 s'])}")
        fit = rng.random() < 0.3
        if fit:  # what is demanded is simple: of rules that nobody can keep or break nothing else is found
            lines.append('property t "x" consistent')
        lines += [self.permission(number, 1 if fit else 3) for number in range(rng.randint(1, 1 if fit else 3))]
        lines += [self.obligation(number, 1 if fit else 2) for number in range(rng.choice([0, fit, 1, 1, 2]))]
        if rng.random() < 0.15:
            demand = rng.choice(["limit <= slow", "limit <= 2 s", "least <= 1 or limit > 0 s", "site.home != 0.0.0.0"])
            lines.append(f'rule C MUST cite 1 "x" configure {demand}')
        return [*lines, *self.properties()]


def small(rng: random.Random) -> Small:
    """Return a specification with two properties, p and q, or some more."""
    child = rng.random() < 0.25
    plain = _Maker(rng, {})
    lines = [HEAD, *(plain.update() for _ in range(rng.randint(2, 5)))]
    if not child:
        return Small("\n".join([*lines, *plain.rest()]))
    lines += [plain.permission(8)]
    dropped = ["hum"] if rng.random() < 0.5 and "hum" not in lines[-1] else []
    maker = _Maker(rng, CHANGED, dropped)
    more = [CHILD, *(f"drop event {e}" for e in dropped), *(maker.update() for _ in range(rng.randint(0, 2)))]
    if rng.random() < 0.3:
        more.append("drop rule R8")
    return Small("\n".join([*more, *maker.rest()]), "\n".join(lines).replace("spec small", "spec parent"))
