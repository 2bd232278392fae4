"""What the VPN gateway logs of a node, for logs with seeded faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from seeded_node import SLACK, Line, Node, S

POLICY: Final = "mode=tunnel endpoint=single remote=any selectors=any"
AGENT: Final = "10.1.0.7"


class AtGateway(Node):
    """What the gateway logs of a node that uses VPN/FA and the endpoint update: where it is, until when it is bound."""

    def __init__(self, number: int, begin: int, fault: str, seed: int) -> None:
        super().__init__(number, begin, fault, seed)
        self.expires = 0
        self.peer = self.outer()

    def outer(self) -> str:
        """Return an outer address at which the node has not been."""
        return f"203.{self.elsewhere().split('.', 1)[1]}"

    def begin(self) -> Iterator[Line]:
        features = "vpn-fa,endpoint-update"
        if self.chance.random() < 0.2:
            yield self.line("offer", "vendor=- natt=no")  # in its name
        yield self.line("offer", f"vendor={features} natt=yes")
        yield self.line("answer", f"vendor={features} natt=yes")
        yield self.line("advert", f"coa={AGENT} message=last")
        yield from self.associate()
        yield from self.register()

    def go_wrong(self) -> Iterator[Line]:
        yield from FAULTS[self.fault][1](self)

    def turn(self) -> Iterator[Line]:
        if self.expires < self.now + 40 * S:
            yield from self.register()
        yield from self.data()
        self.wait()
        yield from self.chance.choice(_EPISODES)(self)

    def associate(self, features: str = "vpn-fa,endpoint-update", more: str = "", fault: str = "") -> Iterator[Line]:
        yield self.line("propose", "features=vpn-fa,endpoint-update plain=yes")
        nat = self.chance.choice(("no", "yes"))
        how = more or f"nat={nat} udp={nat} {POLICY}"
        yield self.line("sa", f"state=up features={features} peer={self.peer} {how}", fault)

    def asked(self, number: str, lifetime: int = 600, coa: str = AGENT, flags: str = "T", dynamic: str = "no") -> Line:
        return self.line("rrq", f"coa={coa} flags={flags} lifetime={lifetime} id={number} dynamic={dynamic}")

    def passed(self, what: str, fault: str = "", to: str = "iha", src: str = "") -> Line:
        """Return a line of what goes inside."""
        return self.line("relay", f"what={what} from=node to={to} src={src or self.home}", fault)

    def delivered(self, what: str, whence: str = "iha", fault: str = "", dst: str = "") -> Line:
        """Return a line of what goes to the node."""
        return self.line("relay", f"what={what} from={whence} to=node dst={dst or self.peer}", fault)

    def register(self, lifetime: int = 0, code: int = 0) -> Iterator[Line]:
        number, lifetime = self.identification(), lifetime or self.chance.choice((120, 300, 600))
        copies = self.chance.choice((1, 1, 1, 2))
        for _ in range(copies):
            yield self.asked(number, lifetime)
            yield self.passed("rrq")
        for _ in range(copies):
            yield self.line("rrp", f"code={code} lifetime={0 if code else lifetime} id={number}")
            if not code:
                self.expires = self.now + lifetime * S
            yield self.delivered("rrp")

    def renew(self) -> Iterator[Line]:
        yield from self.register()

    def data(self) -> Iterator[Line]:
        for _ in range(self.chance.randrange(1, 5)):
            yield self.passed("data") if self.chance.random() < 0.5 else self.delivered("data")

    def move(self) -> Iterator[Line]:
        old, self.peer = self.peer, self.outer()
        yield self.line("packet", f"auth=ok peer={self.peer}")
        if self.chance.random() < 0.3:  # what was queued
            yield self.delivered("data", dst=old)
        yield self.line("endpoint", f"from={old} to={self.peer}")

    def stranger(self) -> Iterator[Line]:
        auth, reason = self.chance.choice((("bad", "not-authentic"), ("replayed", "replayed")))
        yield self.line("packet", f"auth={auth} peer=203.0.113.66")
        yield self.line("drop", f"from=node reason={reason}")

    def forged_reply(self) -> Iterator[Line]:
        yield self.line("rrp", f"code={self.chance.choice((0, 131))} lifetime=600 id={self.identification()}")

    def first_message(self) -> Iterator[Line]:
        yield self.line("offer", "vendor=- natt=no")
        yield self.line("answer", "vendor=- natt=no")

    def deny(self) -> Iterator[Line]:
        yield from self.register(600, self.chance.choice((131, 133)))

    def deny_itself(self) -> Iterator[Line]:
        coa, flags, dynamic = self.chance.choice(
            (("10.1.0.99", "T", "no"), (AGENT, "DT", "no"), (AGENT, "-", "no"), (AGENT, "T", "yes"))
        )
        yield self.asked(self.identification(), 600, coa, flags, dynamic)
        yield self.delivered("rrp", "other")

    def rekey(self) -> Iterator[Line]:
        yield from self.associate()

    def pause(self) -> Iterator[Line]:
        """The association goes, and comes again."""
        yield self.line("sa", "state=down")
        if self.chance.random() < 0.5:  # what was queued
            yield self.passed("data")
        self.wait(S, 2 * S)
        yield self.line("drop", "from=iha reason=no-sa")
        yield from self.associate()

    def leave(self) -> Iterator[Line]:
        number = self.identification()
        yield self.asked(number, 0)
        yield self.passed("rrq")
        yield self.line("rrp", f"code=0 lifetime=0 id={number}")
        self.expires = 0
        yield self.delivered("rrp")
        yield self.delivered("data")  # it was queued
        self.wait()
        yield self.line("drop", "from=iha reason=no-binding")
        yield from self.register()

    def lapse(self) -> Iterator[Line]:
        yield from self.register(20)
        self.wait(20 * S + SLACK, 30 * S)
        yield self.line("drop", "from=iha reason=no-binding")
        yield from self.register()

    def claim_feature(self) -> Iterator[Line]:
        yield self.line("propose", "features=endpoint-update plain=yes")
        how = f"nat=no udp=no {POLICY}"
        yield self.line("sa", f"state=up features=vpn-fa,endpoint-update peer={self.peer} {how}", self.fault)

    def without_udp(self) -> Iterator[Line]:
        yield from self.associate(more=f"nat=yes udp=no {POLICY}", fault=self.fault)

    def transport(self) -> Iterator[Line]:
        how = "nat=no udp=no mode=transport endpoint=single remote=any selectors=any"
        yield from self.associate(more=how, fault=self.fault)

    def pass_wrong_request(self, **what: str) -> Iterator[Line]:
        yield self.asked(self.identification(), **what)  # type: ignore[arg-type]
        yield self.passed("rrq", self.fault)

    def pass_dynamic(self) -> Iterator[Line]:
        yield from self.pass_wrong_request(dynamic="yes")

    def pass_colocated(self) -> Iterator[Line]:
        yield from self.pass_wrong_request(flags="DT")

    def pass_other_agent(self) -> Iterator[Line]:
        yield from self.pass_wrong_request(coa="10.1.0.99")

    def short_cut_out(self) -> Iterator[Line]:
        yield self.passed("data", self.fault, "correspondent")

    def short_cut_in(self) -> Iterator[Line]:
        yield self.delivered("data", "mobile", self.fault)

    def unbound(self) -> Iterator[Line]:
        yield from self.register(20)
        self.wait(20 * S + SLACK, 30 * S)
        yield self.delivered("data", fault=self.fault)

    def unassociated(self) -> Iterator[Line]:
        yield self.line("sa", "state=down")
        self.wait()
        yield self.passed("data", self.fault)
        yield from self.associate()

    def dropped(self) -> Iterator[Line]:
        yield from self.register()
        self.wait()
        yield self.line("drop", "from=iha reason=no-binding", self.fault)

    def dropped_unprotected(self) -> Iterator[Line]:
        yield self.line("drop", "from=iha reason=no-sa", self.fault)
        self.wait()

    def hijacked(self) -> Iterator[Line]:
        yield self.line("packet", "auth=bad peer=203.0.113.66")
        self.wait(S, 2 * S)
        yield self.line("endpoint", f"from={self.peer} to=203.0.113.66", self.fault)

    def left_behind(self) -> Iterator[Line]:
        old, self.peer = self.peer, self.outer()
        yield self.line("packet", f"auth=ok peer={self.peer}")
        self.wait()
        yield self.delivered("data", fault=self.fault, dst=old)

    def asks_itself(self) -> Iterator[Line]:
        yield self.passed("rrq", self.fault)

    def answers_unasked(self) -> Iterator[Line]:
        yield self.line("rrp", f"code=0 lifetime=600 id={self.identification()}")
        yield self.delivered("rrp", fault=self.fault)


_EPISODES: Final[Sequence[Callable[[AtGateway], Iterator[Line]]]] = (
    AtGateway.renew, AtGateway.renew, AtGateway.move, AtGateway.move, AtGateway.stranger, AtGateway.forged_reply,
    AtGateway.first_message, AtGateway.deny, AtGateway.deny_itself, AtGateway.rekey, AtGateway.pause, AtGateway.leave,
    AtGateway.lapse,
)  # fmt: skip
FAULTS: Final[dict[str, tuple[str, Callable[[AtGateway], Iterator[Line]]]]] = {
    "without-udp": ("GW2", AtGateway.without_udp),
    "claim-feature": ("GW6", AtGateway.claim_feature),
    "transport": ("GW8", AtGateway.transport),
    "pass-dynamic": ("GW14", AtGateway.pass_dynamic),
    "pass-colocated": ("GW24", AtGateway.pass_colocated),
    "pass-other-agent": ("GW25", AtGateway.pass_other_agent),
    "short-cut-out": ("GW15", AtGateway.short_cut_out),
    "short-cut-in": ("GW16", AtGateway.short_cut_in),
    "unbound": ("GW17", AtGateway.unbound),
    "unassociated": ("GW18", AtGateway.unassociated),
    "dropped": ("GW19", AtGateway.dropped),
    "dropped-unprotected": ("GW28", AtGateway.dropped_unprotected),
    "hijacked": ("GW21", AtGateway.hijacked),
    "left-behind": ("GW22", AtGateway.left_behind),
    "asks-itself": ("GW26", AtGateway.asks_itself),
    "answers-unasked": ("GW27", AtGateway.answers_unasked),
}
