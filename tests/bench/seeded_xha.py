"""What the external home agent logs of a node, for logs with seeded faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from seeded_node import SLACK, Line, Node, S

PEER: Final = "192.0.2.1"
"""The default destination of a node with zero-overhead tunnelling."""


class AtExternalAgent(Node):
    """What the x-HA logs of a node: with `zot` by zero-overhead tunnelling; it is at `coa`, and until when."""

    def __init__(self, number: int, begin: int, fault: str, seed: int) -> None:
        super().__init__(number, begin, fault, seed)
        self.zot = FAULTS[fault][2] if fault else number % 2 == 0
        self.coa = ""
        self.expires = 0
        self.nat = "no"

    def begin(self) -> Iterator[Line]:
        yield from self.register(self.elsewhere())

    def go_wrong(self) -> Iterator[Line]:
        yield from self.register(self.coa, nat="no")
        self.wait()
        yield from FAULTS[self.fault][1](self)

    def turn(self) -> Iterator[Line]:
        if self.expires < self.now + 40 * S:
            yield from self.register(self.coa)
        yield from self.data()
        self.wait()
        yield from self.chance.choice(_EPISODES)(self)

    @property
    def how(self) -> str:
        """Return how a request comes: in the fallback encapsulation while addresses are switched."""
        return "wrapped" if self.zot and self.expires > self.now + SLACK else "plain"

    def asked(self, coa: str, number: str, how: str, lifetime: int = 600, nat: str = "no", flags: str = "-") -> Line:
        zot = f"yes peer={PEER}" if self.zot else "no"
        keys = (
            f"coa={coa} lifetime={lifetime} id={number} auth=ok flags={flags} how={how} zot={zot} nat={nat} udp={nat}"
        )
        return self.line("rrq", keys)

    def answered(
        self, number: str, how: str, code: int = 0, lifetime: int = 600, udp: str = "no", zot: str = "", fault: str = ""
    ) -> Line:
        switched = zot or ("yes" if self.zot and code == 0 and lifetime else "no")
        keys = f"code={code} lifetime={0 if code else lifetime} id={number} how={how} zot={switched} udp={udp}"
        return self.line("rrp", keys, fault)

    def register(self, coa: str, flags: str = "-", nat: str = "") -> Iterator[Line]:
        number, how, lifetime = self.identification(), self.how, self.chance.choice((120, 300, 600))
        nat = nat or self.chance.choice(("no", "no", "yes"))
        copies = self.chance.choice((1, 1, 1, 2, 3))
        for n in range(copies):
            if n:
                self.wait(S, 2 * S)
            yield self.asked(coa, number, how, lifetime, nat, flags)
        for _ in range(self.chance.randrange(1, copies + 1)):
            yield self.answered(number, how, 0, lifetime, nat)
        queued = self.coa if self.expires > self.now + SLACK and self.chance.random() < 0.3 else ""
        self.coa, self.nat, self.expires = coa, nat, self.now + lifetime * S
        if queued:
            yield self.sent("wrapped", coa=queued)

    def sent(
        self, how: str, whence: str = "peer", carries: str = "other", fragment: str = "no", coa: str = "",
        fault: str = "",
    ) -> Line:  # fmt: skip
        keys = f"from={whence} how={how} carries={carries} fragment={fragment} coa={coa or self.coa}"
        return self.line("send", keys, fault)

    def arrived(self, how: str) -> Line:
        return self.line("packet", f"how={how} carries=other fragment=no")

    def passed(self, how: str, dst: str = PEER, fault: str = "") -> Line:
        return self.line("pass", f"how={how} src={self.home} dst={dst}", fault)

    def data(self) -> Iterator[Line]:
        for _ in range(self.chance.randrange(1, 3)):
            if self.zot:
                yield self.sent("switched")
                yield self.sent("wrapped", "other")
                yield self.sent("wrapped", *self.chance.choice((("peer", "ipip", "no"), ("peer", "other", "yes"))))
                yield self.arrived("plain")
                yield self.passed("switched")
            else:
                yield self.sent("wrapped", self.chance.choice(("peer", "other")))
            yield self.arrived("wrapped")
            yield self.passed("unwrapped", "10.9.9.9")

    def renew(self) -> Iterator[Line]:
        yield from self.register(self.coa)

    def move(self) -> Iterator[Line]:
        yield from self.register(self.elsewhere())

    def add(self) -> Iterator[Line]:
        """Come to be bound to two addresses at once."""
        old = self.coa
        yield from self.register(self.elsewhere(), "S", "no")
        for coa in (old, self.coa):
            yield self.sent("wrapped", coa=coa)

    def deny(self) -> Iterator[Line]:
        number, how = self.identification(), self.how
        yield self.asked(self.elsewhere(), number, how)
        yield self.answered(number, how, self.chance.choice((130, 133)))

    def stranger(self) -> Iterator[Line]:
        """Somebody else's request, with an identification of his own or one that the node has used."""
        number = self.chance.choice((self.identification(), hex(self.ids)))
        auth = self.chance.choice(("bad", "absent"))
        yield self.line(
            "rrq", f"coa=203.0.113.66 lifetime=600 id={number} auth={auth} how=plain zot=yes peer={PEER} nat=no udp=no"
        )
        yield self.answered(number, "plain", 131)

    def leave(self) -> Iterator[Line]:
        number, how = self.identification(), self.how
        yield self.asked(self.home, number, how, 0)
        yield self.answered(number, how, 0, 0)
        yield self.sent("wrapped")  # it was queued
        self.expires = 0
        self.wait()
        yield from self.register(self.elsewhere())

    def refuse_udp(self) -> Iterator[Line]:
        number, how = self.identification(), self.how
        yield self.asked(self.coa, number, how, nat="yes")
        yield self.answered(number, how, fault=self.fault)
        self.expires = self.now + 600 * S

    def confirm_unasked(self) -> Iterator[Line]:
        number = self.identification()
        yield self.asked(self.coa, number, "plain")
        yield self.answered(number, "plain", zot="yes", fault=self.fault)
        self.expires = self.now + 600 * S

    def switch_unasked(self) -> Iterator[Line]:
        yield self.arrived("plain")
        yield self.passed("switched", fault=self.fault)

    def switch_wrong(self) -> Iterator[Line]:
        yield self.arrived("plain")
        yield self.passed("switched", "192.0.2.9", self.fault)

    def switch_other(self) -> Iterator[Line]:
        yield self.sent("switched", "other", fault=self.fault)

    def switch_fragment(self) -> Iterator[Line]:
        yield self.sent("switched", fragment="yes", fault=self.fault)

    def answer_clear(self) -> Iterator[Line]:
        number = self.identification()
        yield self.asked(self.coa, number, "wrapped")
        yield self.answered(number, "plain", fault=self.fault)
        self.expires = self.now + 600 * S

    def switch_nested(self) -> Iterator[Line]:
        yield self.sent("switched", carries="ipip", fault=self.fault)

    def mix_up(self) -> Iterator[Line]:
        yield self.arrived("wrapped")
        yield self.passed("switched", fault=self.fault)
        yield self.passed("unwrapped", "10.9.9.9")

    def lapsed(self) -> Iterator[Line]:
        number, how = self.identification(), self.how
        yield self.asked(self.coa, number, how, 20)
        yield self.answered(number, how, 0, 20)
        self.expires = self.now + 20 * S
        self.wait(20 * S + SLACK, 30 * S)
        yield self.sent("wrapped", fault=self.fault)

    def stale(self) -> Iterator[Line]:
        old = self.coa
        yield from self.register(self.elsewhere(), nat="no")
        self.wait()
        yield self.sent("wrapped", coa=old, fault=self.fault)

    def grant_forged(self) -> Iterator[Line]:
        number = self.identification()
        keys = f"coa=203.0.113.66 lifetime=600 id={number} auth=bad how=plain zot=no nat=no udp=no"
        yield self.line("rrq", keys)
        yield self.answered(number, "plain", zot="no", fault=self.fault)


_EPISODES: Final[Sequence[Callable[[AtExternalAgent], Iterator[Line]]]] = (
    AtExternalAgent.renew, AtExternalAgent.renew, AtExternalAgent.move, AtExternalAgent.add, AtExternalAgent.deny,
    AtExternalAgent.stranger, AtExternalAgent.leave,
)  # fmt: skip
FAULTS: Final[dict[str, tuple[str, Callable[[AtExternalAgent], Iterator[Line]], bool]]] = {
    "refuse-udp": ("XH1", AtExternalAgent.refuse_udp, False),
    "confirm-unasked": ("XH2", AtExternalAgent.confirm_unasked, False),
    "switch-unasked": ("XH3", AtExternalAgent.switch_unasked, False),
    "switch-wrong": ("XH4", AtExternalAgent.switch_wrong, True),
    "switch-other": ("XH5", AtExternalAgent.switch_other, True),
    "switch-fragment": ("XH6", AtExternalAgent.switch_fragment, True),
    "answer-clear": ("XH7", AtExternalAgent.answer_clear, True),
    "switch-nested": ("XH8", AtExternalAgent.switch_nested, True),
    "mix-up": ("XH9", AtExternalAgent.mix_up, True),
    "lapsed": ("XH10", AtExternalAgent.lapsed, False),
    "stale": ("XH11", AtExternalAgent.stale, False),
    "grant-forged": ("XH12", AtExternalAgent.grant_forged, False),
}
"""The rule, what is done, and whether addresses have to be switched for it."""
