"""What the internal home agent logs of a node, for logs with seeded faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from seeded_node import SLACK, Line, Node, S


class AtHomeAgent(Node):
    """What the i-HA logs of a node: `bindings` are care-of addresses and when they are over, `newest` the last one.

    `outer` are addresses of NATs that stand for some of them.
    """

    def __init__(self, number: int, begin: int, fault: str, seed: int) -> None:
        super().__init__(number, begin, fault, seed)
        self.bindings: dict[str, int] = {}
        self.outer: dict[str, str] = {}
        self.newest = ""

    def begin(self) -> Iterator[Line]:
        yield from self.register(self.elsewhere())

    def go_wrong(self) -> Iterator[Line]:
        yield from FAULTS[self.fault][1](self)

    def turn(self) -> Iterator[Line]:
        coa = self.somewhere()
        if not coa:
            yield from self.register(self.elsewhere())
        else:
            yield from self.data(coa)
            self.wait()
            if self.somewhere():
                yield from self.chance.choice(_EPISODES)(self)

    def somewhere(self) -> str:
        """Return a care-of address that is bound now and for a while, or nothing."""
        self.bindings = {c: t for c, t in self.bindings.items() if t > self.now + 20 * S}
        return self.chance.choice(list(self.bindings)) if self.bindings else ""

    def asked(self, coa: str, number: str, flags: str = "DT", lifetime: int = 600, more: str = "") -> Line:
        keys = more or "auth=ok via=inside dynamic=no nat=no udp=no"
        return self.line("rrq", f"coa={coa} flags={flags} lifetime={lifetime} id={number} {keys}")

    def answered(self, number: str, code: int = 0, lifetime: int = 600, udp: str = "no", fault: str = "") -> Line:
        return self.line("rrp", f"code={code} lifetime={0 if code > 1 else lifetime} id={number} udp={udp}", fault)

    def bound(self, coa: str, lifetime: int, beside: bool = False) -> None:
        if not beside:
            self.bindings.clear()
        self.bindings[coa] = self.now + lifetime * S
        self.newest = coa

    def register(self, coa: str, beside: bool = False) -> Iterator[Line]:
        number, asked = self.identification(), self.chance.choice((120, 300, 600, 65535))
        granted = min(asked, self.chance.choice((120, 600, 65535)))
        flags = "SDT" if beside else "DT"
        through = self.chance.choice(("inside", "inside", "vpn", "internal"))
        nat = self.chance.choice(("no", "no", "yes"))
        old = self.reached(self.newest)
        self.outer.pop(coa, None)
        if nat == "yes":
            self.outer[coa] = self.elsewhere()
        more = f"auth=ok via={through} dynamic=no nat={nat} udp={nat} sender={self.reached(coa)}"
        copies = self.chance.choice((1, 1, 1, 2, 3))
        for n in range(copies):
            if n:
                self.wait(S, 2 * S)
            yield self.asked(coa, number, flags, asked, more)
        for _ in range(self.chance.randrange(1, copies + 1)):
            yield self.answered(number, 0, granted, nat)
        queued = self.bindings.get(self.newest, 0) > self.now + SLACK and self.chance.random() < 0.2
        self.bound(coa, granted, beside)
        if queued:
            yield self.line("tunnel", f"coa={old}")

    def reached(self, coa: str) -> str:
        """Return the address that stands for a care-of address."""
        return self.outer.get(coa, coa)

    def renew(self) -> Iterator[Line]:
        yield from self.register(self.somewhere(), len(self.bindings) > 1)

    def move(self) -> Iterator[Line]:
        yield from self.register(self.elsewhere())

    def add(self) -> Iterator[Line]:
        if len(self.bindings) < 4:
            yield from self.register(self.elsewhere(), True)
        for coa in list(self.bindings):
            yield self.line("tunnel", f"coa={self.reached(coa)}")

    def data(self, coa: str) -> Iterator[Line]:
        for _ in range(self.chance.randrange(1, 5)):
            way = self.chance.random() < 0.5
            at = self.reached(coa)
            yield self.line(*(("tunnel", f"coa={at}") if way else ("forward", f"coa={at} to=correspondent")))

    def deny(self) -> Iterator[Line]:
        number = self.identification()
        yield self.asked(self.elsewhere(), number)
        yield self.answered(number, self.chance.choice((128, 129, 130, 133)))

    def stranger(self) -> Iterator[Line]:
        """Somebody else's request, with an identification of his own or one that the node has used."""
        number = self.chance.choice((self.identification(), hex(self.ids)))
        auth, way = self.chance.choice(("bad", "absent")), self.chance.choice(("inside", "outside", "vpn"))
        more = f"auth={auth} via={way} dynamic=no nat=no udp=no"
        yield self.asked("203.0.113.66", number, "DT", self.chance.choice((0, 600)), more)
        yield self.answered(number, 131)

    def outside(self) -> Iterator[Line]:
        number = self.identification()
        yield self.asked("203.0.113.20", number, more="auth=ok via=outside dynamic=no nat=no udp=no")
        yield self.answered(number, 129)

    def through_agent(self) -> Iterator[Line]:
        number = self.identification()
        yield self.asked("10.1.0.7", number, "T", more="auth=ok via=vpn-fa dynamic=yes nat=no udp=no")
        yield self.answered(number, 129)

    def leave(self) -> Iterator[Line]:
        """Withdraw one care-of address, or with the home address all."""
        coa = self.chance.choice((self.somewhere(), self.home))
        number = self.identification()
        yield self.asked(coa, number, lifetime=0)
        yield self.answered(number, lifetime=0)
        if coa == self.home:
            queued = self.newest in self.bindings
            self.bindings.clear()
            if queued:
                yield self.line("tunnel", f"coa={self.reached(self.newest)}")
        else:
            del self.bindings[coa]
            yield self.line("forward", f"coa={self.reached(coa)} to=correspondent")

    def peers(self) -> Iterator[Line]:
        """A binding is learnt from a peer, or one is revoked."""
        if len(self.bindings) > 1:
            coa = self.somewhere()
            yield self.line("revoke", f"coa={coa}")
            del self.bindings[coa]
        else:
            coa = self.elsewhere()
            yield self.line("learn", f"coa={coa} lifetime=600")
            self.bound(coa, 600, True)

    def refuse_udp(self) -> Iterator[Line]:
        number, coa = self.identification(), self.elsewhere()
        yield self.asked(coa, number, more="auth=ok via=vpn dynamic=no nat=yes udp=yes")
        yield self.answered(number, fault=self.fault)
        self.bound(coa, 600)

    def grant_outside(self) -> Iterator[Line]:
        number, coa = self.identification(), "203.0.113.20"
        yield self.asked(coa, number, more="auth=ok via=outside dynamic=no nat=no udp=no")
        yield self.answered(number, fault=self.fault)
        self.bound(coa, 600)

    def grant_forged(self) -> Iterator[Line]:
        number = self.identification()
        yield self.asked("203.0.113.66", number, more="auth=bad via=inside dynamic=no nat=no udp=no")
        yield self.answered(number, fault=self.fault)

    def grant_unasked(self) -> Iterator[Line]:
        number = self.identification()
        yield self.asked(self.elsewhere(), number)
        yield self.answered(self.identification(), fault=self.fault)

    def grant_dynamic(self) -> Iterator[Line]:
        number = self.identification()
        yield self.asked("10.1.0.7", number, "T", more="auth=ok via=vpn-fa dynamic=yes nat=no udp=no")
        yield self.answered(number, fault=self.fault)
        self.bound("10.1.0.7", 600)

    def refuse_reverse(self) -> Iterator[Line]:
        number = self.identification()
        yield self.asked(self.elsewhere(), number)
        yield self.answered(number, 137, fault=self.fault)

    def stale(self) -> Iterator[Line]:
        old = self.elsewhere()
        yield from self.register(old)
        self.wait()
        yield from self.register(self.elsewhere())
        self.wait()
        yield self.line("tunnel", f"coa={old}", self.fault)

    def unknown(self) -> Iterator[Line]:
        yield self.line("tunnel", f"coa={self.elsewhere()}", self.fault)

    def lapsed(self) -> Iterator[Line]:
        number, coa = self.identification(), self.elsewhere()
        yield self.asked(coa, number, lifetime=30)
        yield self.answered(number, lifetime=30)
        self.bound(coa, 30)
        self.wait(30 * S + SLACK, 40 * S)
        yield self.line("tunnel", f"coa={coa}", self.fault)

    def too_early(self) -> Iterator[Line]:
        number, coa = self.identification(), self.elsewhere()
        yield self.asked(coa, number)
        self.wait(S, 2 * S)
        yield self.line("tunnel", f"coa={coa}", self.fault)
        yield self.answered(number)
        self.bound(coa, 600)

    def denied(self) -> Iterator[Line]:
        number, coa = self.identification(), self.elsewhere()
        yield self.asked(coa, number)
        yield self.answered(number, 133)
        self.wait()
        yield self.line("forward", f"coa={coa} to=correspondent", self.fault)

    def withdrawn(self) -> Iterator[Line]:
        number, coa = self.identification(), self.elsewhere()
        yield from self.register(coa)
        self.wait()
        yield self.asked(coa, number, lifetime=0)
        yield self.answered(number, lifetime=0)
        self.bindings.clear()
        self.wait()
        yield self.line("forward", f"coa={coa} to=correspondent", self.fault)


_EPISODES: Final[Sequence[Callable[[AtHomeAgent], Iterator[Line]]]] = (
    AtHomeAgent.renew, AtHomeAgent.renew, AtHomeAgent.move, AtHomeAgent.add, AtHomeAgent.deny, AtHomeAgent.stranger,
    AtHomeAgent.outside, AtHomeAgent.through_agent, AtHomeAgent.leave, AtHomeAgent.peers,
)  # fmt: skip
FAULTS: Final[dict[str, tuple[str, Callable[[AtHomeAgent], Iterator[Line]]]]] = {
    "refuse-udp": ("IH1", AtHomeAgent.refuse_udp),
    "grant-outside": ("IH2", AtHomeAgent.grant_outside),
    "grant-forged": ("IH3", AtHomeAgent.grant_forged),
    "grant-unasked": ("IH3", AtHomeAgent.grant_unasked),
    "grant-dynamic": ("IH4", AtHomeAgent.grant_dynamic),
    "refuse-reverse": ("IH5", AtHomeAgent.refuse_reverse),
    "stale": ("IH6", AtHomeAgent.stale),
    "unknown": ("IH6", AtHomeAgent.unknown),
    "lapsed": ("IH6", AtHomeAgent.lapsed),
    "too-early": ("IH6", AtHomeAgent.too_early),
    "denied": ("IH7", AtHomeAgent.denied),
    "withdrawn": ("IH7", AtHomeAgent.withdrawn),
}
