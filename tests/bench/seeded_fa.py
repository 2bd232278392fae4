"""What a foreign agent logs of a node, for logs with seeded faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from seeded_node import SLACK, Line, Node, S

COA: Final = "203.0.113.1"


class AtForeignAgent(Node):
    """What a foreign agent logs of a visitor: `visits` are home agents, and until when."""

    def __init__(self, number: int, begin: int, fault: str, seed: int) -> None:
        super().__init__(number, begin, fault, seed)
        self.visits: dict[str, int] = {}
        self.flags = "T" if fault or number % 3 else "-"

    def begin(self) -> Iterator[Line]:
        yield self.line("advert", f"coa={COA}")
        yield from self.register("xha")

    def go_wrong(self) -> Iterator[Line]:
        yield from self.register("xha")
        self.wait()
        yield from FAULTS[self.fault][1](self)

    def turn(self) -> Iterator[Line]:
        self.visits = {a: t for a, t in self.visits.items() if t > self.now + 40 * S}
        if not self.visits:
            yield from self.register("xha")
        yield from self.data()
        self.wait()
        yield from self.chance.choice(_EPISODES)(self)

    def asked(self, agent: str, number: str, lifetime: int = 600, coa: str = COA) -> Line:
        return self.line("rrq", f"to={agent} coa={coa} flags={self.flags} lifetime={lifetime} id={number}")

    def passed(self, agent: str, whence: str = "node", fault: str = "") -> Line:
        """Return a line of a request that is passed on."""
        return self.line("relay", f"what=rrq from={whence} to=ha agent={agent}", fault)

    def replied(self, agent: str, number: str, code: int = 0, lifetime: int = 600, more: str = "") -> Line:
        return self.line("rrp", f"from={agent} code={code} lifetime={0 if code else lifetime} id={number}{more}")

    def returned(self, agent: str, whence: str = "ha", fault: str = "") -> Line:
        """Return a line of a reply that is passed on."""
        return self.line("relay", f"what=rrp from={whence} to=node agent={agent}", fault)

    def outward(self, agent: str, to: str = "ha", fault: str = "") -> Line:
        return self.line("relay", f"what=data from=node to={to} agent={agent}", fault)

    def inward(self, agent: str, whence: str = "ha", fault: str = "") -> Line:
        return self.line("relay", f"what=data from={whence} to=node agent={agent}", fault)

    def register(self, agent: str, code: int = 0, lifetime: int = 0) -> Iterator[Line]:
        number, lifetime = self.identification(), lifetime or self.chance.choice((120, 300, 600))
        copies = self.chance.choice((1, 1, 1, 2))
        for _ in range(copies):
            yield self.asked(agent, number, lifetime)
            yield self.passed(agent)
        for _ in range(self.chance.randrange(1, copies + 1)):
            yield self.replied(agent, number, code, lifetime)
            yield self.returned(agent)
        if not code:
            self.visits[agent] = self.now + lifetime * S

    def data(self) -> Iterator[Line]:
        for _ in range(self.chance.randrange(1, 5)):
            agent = self.chance.choice(list(self.visits))
            yield self.outward(agent) if self.chance.random() < 0.5 else self.inward(agent)
        if self.flags == "-":
            yield self.outward(agent, "correspondent")

    def renew(self) -> Iterator[Line]:
        yield from self.register(self.chance.choice(("iha", "xha")))

    def deny(self) -> Iterator[Line]:
        yield from self.register(self.chance.choice(("iha", "xha")), self.chance.choice((131, 133)))

    def deny_itself(self) -> Iterator[Line]:
        agent, number = self.chance.choice(("iha", "xha")), self.identification()
        if self.chance.random() < 0.5:
            yield self.asked(agent, number, coa="203.0.113.99")
        else:
            yield self.asked(agent, number)
            yield self.passed(agent)
            self.wait(6 * S, 8 * S)
        yield self.returned(agent, "other")

    def forged(self) -> Iterator[Line]:
        agent = self.chance.choice(("iha", "xha"))
        yield self.replied(agent, self.identification(), self.chance.choice((0, 131)))

    def leave(self) -> Iterator[Line]:
        """Withdraw a registration, or have it revoked; what was queued goes out."""
        agent, number = self.chance.choice(list(self.visits)), self.identification()
        del self.visits[agent]
        if self.chance.random() < 0.5:
            yield self.line("revoke", f"agent={agent}")
        else:
            yield self.asked(agent, number, 0)
            yield self.passed(agent)
            yield self.replied(agent, number, 0, 0)
            yield self.returned(agent)
        yield self.inward(agent)

    def pass_other_address(self) -> Iterator[Line]:
        yield self.asked("xha", self.identification(), coa="203.0.113.99")
        yield self.passed("xha", fault=self.fault)

    def answer_unasked(self) -> Iterator[Line]:
        yield self.replied("xha", self.identification())
        yield self.returned("xha", fault=self.fault)

    def answer_other(self) -> Iterator[Line]:
        number = self.identification()
        yield self.asked("xha", number)
        yield self.passed("xha")
        yield self.replied("iha", number)
        yield self.returned("iha", fault=self.fault)

    def answer_forged(self) -> Iterator[Line]:
        number = self.identification()
        yield self.asked("xha", number)
        yield self.passed("xha")
        yield self.replied("xha", number, more=" auth=bad")
        yield self.returned("xha", fault=self.fault)

    def lapsed(self) -> Iterator[Line]:
        self.visits.clear()
        yield from self.register("iha", lifetime=20)
        self.wait(20 * S + SLACK, 30 * S)
        yield self.inward("iha", fault=self.fault)

    def from_outsider(self) -> Iterator[Line]:
        yield self.inward("xha", "other", self.fault)

    def withdrawn(self) -> Iterator[Line]:
        number = self.identification()
        self.visits.pop("xha")
        yield self.asked("xha", number, 0)
        yield self.passed("xha")
        yield self.replied("xha", number, 0, 0)
        yield self.returned("xha")
        self.wait()
        yield self.inward("xha", fault=self.fault)

    def around(self) -> Iterator[Line]:
        self.visits.pop("iha", None)
        yield self.outward("xha", "correspondent", self.fault)

    def asks_itself(self) -> Iterator[Line]:
        yield self.passed("xha", "other", self.fault)

    def asks_other(self) -> Iterator[Line]:
        number = self.identification()
        yield self.asked("xha", number)
        yield self.passed("iha", fault=self.fault)
        yield self.passed("xha")
        yield self.replied("xha", number)
        yield self.returned("xha")

    def to_other(self) -> Iterator[Line]:
        number = self.identification()
        self.visits.pop("iha", None)
        yield self.asked("iha", number, 0)
        yield self.passed("iha")
        yield self.replied("iha", number, 0, 0)
        yield self.returned("iha")
        self.wait()
        yield self.outward("iha", fault=self.fault)


_EPISODES: Final[Sequence[Callable[[AtForeignAgent], Iterator[Line]]]] = (
    AtForeignAgent.renew, AtForeignAgent.renew, AtForeignAgent.deny, AtForeignAgent.deny_itself, AtForeignAgent.forged,
    AtForeignAgent.leave,
)  # fmt: skip
FAULTS: Final[dict[str, tuple[str, Callable[[AtForeignAgent], Iterator[Line]]]]] = {
    "pass-other-address": ("FA1", AtForeignAgent.pass_other_address),
    "answer-unasked": ("FA2", AtForeignAgent.answer_unasked),
    "answer-other": ("FA2", AtForeignAgent.answer_other),
    "answer-forged": ("FA2", AtForeignAgent.answer_forged),
    "lapsed": ("FA3", AtForeignAgent.lapsed),
    "from-outsider": ("FA3", AtForeignAgent.from_outsider),
    "withdrawn": ("FA3", AtForeignAgent.withdrawn),
    "around": ("FA4", AtForeignAgent.around),
    "asks-itself": ("FA5", AtForeignAgent.asks_itself),
    "asks-other": ("FA5", AtForeignAgent.asks_other),
    "to-other": ("FA6", AtForeignAgent.to_other),
}
