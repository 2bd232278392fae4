"""Simulate a mobile node of the draft in its world, and write its log in mipcheck's format.

The node keeps every MUST (and most SHOULDs) by a margin, unless a fault is injected. Both depend on the seed alone:

    simulate(17)                                   a node that conforms
    simulate(17, frozenset({"no-restart"}))        one that does not begin detection anew

The world: home agents that may be unreachable, slow, or deny; foreign agents; an attacker outside who forges replies; a
VPN gateway. The node: section 4.3 of the draft on each interface, sections 3.5 to 3.8 when it is outside, RFC 3344 3.6
for identifications, retransmission and denial.
"""

from __future__ import annotations

from .scenario import SECOND, Stay, draw
from .world import IHOA, VPN, XHOA, Asked, Journey, World

TIA, VPN_COA = "10.1.200.7", "10.1.250.1"
AGENT_DENIES = (64, 65, 66, 67, 69, 70, 71, 77, 78, 80, 81, 88, 95, 99)
_MARGIN = 60_000  # how much before t_stop a node stops plaintext
HOME_DENIES = (128, 129, 130, 131, 134, 135, 136)


def simulate(seed: int, faults: frozenset[str] = frozenset(), without: frozenset[str] = frozenset()) -> str:
    """Return the log of a node with `faults` for `seed`; `without` names features to leave out of its scenario."""
    scenario, random = draw(seed, faults, without)
    world = World(scenario, random)
    world.ports += [Port(world, name, plan) for name, plan in sorted(scenario.plans.items())]
    world.run()
    title = f"# seed {seed}, {scenario.kind}: {' '.join(sorted(faults)) or 'no fault'}"
    return "\n".join(["mipcheck-trace 1", title, world.site(), *world.lines]) + "\n"


class Port(Journey):
    """One interface of the node, and the algorithm of section 4.3 on it."""

    def __init__(self, world: World, name: str, plan: list[Stay]) -> None:
        super().__init__(world, name, plan)
        self.first_asked = 0
        self.purpose = "detect"
        self.unanswered = 0
        self.wait = 0
        self.asked_since_outside = False
        self.resynchronised = 0

    # --- registration

    def detect(self) -> None:
        """Ask both home agents (4.3)."""
        self.purpose, self.unanswered, self.resynchronised = "detect", 0, 0
        self.outside = self.asked_since_outside = False
        if not (self.has("never-verifies-hint") and self.hint == "inside"):
            self.ask_inside(new=True)
        self.first_asked = self.world.now
        postponed = self.hint == "inside" and self.random.random() < 0.5
        delay = self.random.randint(100_000, 2 * SECOND) if postponed else self.random.randint(50, 2000)
        self.after("xha", delay, lambda: self.ask_outside(new=True, number=0))
        if self.has("ike-before-registration") and not self.world.sa_up:
            self.after("vpn", 50_000, self.key_exchange)
        if self.has("says-inside"):
            self.after("claim", 60_000, lambda: self.conclude("inside", True))

    def ask_inside(self, new: bool) -> None:
        """Ask the i-HA, directly, and wait for its reply."""
        s = self.scenario
        if new:
            self.unanswered, self.wait = 0, 0
        self.transmit("iha", "direct", s.lifetime, new)
        self.unanswered += 1
        if self.outside:
            self.asked_since_outside = True
        before = self.wait
        self.wait = (2 * before or s.retransmit) if s.backoff else s.retransmit
        wait = self.wait + self.random.randint(0, 50_000)
        if self.unanswered > s.retransmissions and self.purpose == "refresh":
            wait = max(s.retransmit, before) + 100_000
        self.after("iha", wait, self.no_answer_inside)

    def no_answer_inside(self) -> None:
        """Retransmit, or give up."""
        s = self.scenario
        if self.purpose == "refresh":
            if self.unanswered <= s.retransmissions or self.has("never-gives-up"):
                self.ask_inside(new=False)
            else:
                self.fail()
        elif self.purpose == "detect":
            over = self.world.now >= self.first_asked + s.detection and self.unanswered > s.retransmissions
            if not over or not self.outside or not self.asked_since_outside:
                if self.wait >= 8 * SECOND:
                    self.wait = 4 * SECOND
                self.ask_inside(new=False)
            else:
                self.after("probe", self.random.randint(5, 30) * SECOND, self.probe)
        elif self.unanswered <= 1:
            self.ask_inside(new=False)
        else:
            self.after("probe", self.random.randint(10, 30) * SECOND, self.probe)

    def probe(self) -> None:
        """Ask the i-HA again although the node is outside (4.3, lines 1129-1135)."""
        self.purpose = "probe"
        self.ask_inside(new=True)

    def ask_outside(self, new: bool, number: int) -> None:
        """Ask the x-HA, and wait for its reply."""
        self.transmit("xha", "direct", self.scenario.lifetime, new)
        wait = self.scenario.retransmit * (2 ** min(number, 2) if self.scenario.backoff else 1)
        self.after("xha", wait + self.random.randint(0, 50_000), lambda: self.ask_outside(False, number + 1))

    def withdraw(self, number: int = 0) -> None:
        """Withdraw from the x-HA (4.3, lines 1093-1100)."""
        if self.trusted and number < 2:
            self.transmit("xha", "direct", 0, number == 0)
            self.after("withdraw", self.scenario.retransmit, lambda: self.withdraw(number + 1))

    def transmit(self, agent: str, path: str, lifetime: int, new: bool) -> None:
        """Send a request, and let the network carry it."""
        key, s = (agent, path), self.scenario
        if agent == "xha" and lifetime == 0 and self.world.registered_outside == self.name:
            self.world.registered_outside = None
        known = self.asked.get(key)
        flags, coa = self.flags(path), self.coa
        if path == "vpn":
            coa = VPN_COA if s.vpn_agent else TIA
        copy = known is not None and not new and known.lifetime == lifetime and known.coa == coa
        if known is not None and copy and s.nonces:
            asked = known
        else:
            asked = self.asked[key] = Asked(self.world.low(), 0, lifetime, coa)
        high = self.nonce[agent] if s.nonces else self.world.high()
        via = f" via={self.coa}" if self.agent and path == "direct" else ""
        time = self.say(
            f"rrq to={agent} path={path} coa={coa} flags={flags} lifetime={lifetime} "
            f"id={high << 32 | asked.low:#x}{via}"
        )
        asked.first = asked.first or time
        self.carry(agent, path, lifetime, asked.low, high)

    def flags(self, path: str) -> str:
        """Return the flags of a request by `path`."""
        colocated = not self.scenario.vpn_agent if path == "vpn" else not self.agent
        flags = ("S" if self.scenario.simultaneous else "") + ("D" if colocated else "") + "T"
        if path == "vpn" and self.has("wrong-flags"):
            flags = flags.replace("D", "") if colocated else "D" + flags
        if path == "vpn" and self.has("no-reverse-tunnel"):
            flags = flags.replace("T", "")
        return flags or "-"

    def carry(self, agent: str, path: str, lifetime: int, low: int, high: int) -> None:
        """Let the network and the home agent do what they do with a request."""
        s, random, now = self.scenario, self.random, self.world.now
        delay = s.rtt + random.randint(0, s.rtt)
        auth = "unchecked" if s.unchecked else "ok"
        if agent == "iha" and path == "direct" and not self.stay.inside:
            if random.random() < s.forgeries:
                self.deliver(delay, agent, path, 0, 60, low, high, random.choice(["bad", "absent"]))
            if random.random() < s.strays:
                self.deliver(delay, agent, path, 0, 60, (low - 7) & 0xFFFFFFFF, high, "ok")
            return
        if agent == "iha" and path == "direct" and self.stay.lost:
            return
        if path == "vpn" and not self.world.sa_up:
            return
        if random.random() < s.loss or random.random() < s.loss:
            return
        if s.slow_xha and agent == "xha" and lifetime and now < self.first_asked + 2 * s.slack + SECOND:
            delay += 2 * s.slack + SECOND
        if random.random() < s.late:
            delay += random.randint(0, 4 * SECOND)
        code = random.choice([0, 0, 0, 1]) if s.simultaneous else 0
        if agent == "iha" and path == "direct":
            refresh = self.purpose == "refresh"
            if s.refusals and self.stays >= 1:
                code = random.choice(HOME_DENIES)
            elif random.random() < s.denials and (refresh or random.random() < 0.7):
                code = random.choice([*HOME_DENIES, 133, 133])
        if path == "direct" and self.agent and random.random() < s.denials:
            code = random.choice(AGENT_DENIES)
            auth = "absent"
        if code not in (0, 1):
            lifetime = 0
        reply_high = random.getrandbits(32) if s.nonces or code == 133 else high
        self.deliver(delay, agent, path, code, lifetime, low, reply_high, auth)
        if random.random() < s.twice:
            self.deliver(delay + random.randint(1, SECOND), agent, path, code, lifetime, low, reply_high, auth)

    def deliver(
        self, delay: int, agent: str, path: str, code: int, lifetime: int, low: int, high: int, auth: str
    ) -> None:
        """Let a reply arrive after `delay`, if the node is still where it asked."""
        changes = self.changes

        def arrive() -> None:
            if self.changes != changes or not self.up:
                return
            self.say(
                f"rrp from={agent} path={path} code={code} lifetime={lifetime} id={high << 32 | low:#x} auth={auth}"
            )
            self.receive(agent, path, code, low, high, auth)

        self.world.at(self.world.now + delay, arrive)

    # --- replies

    def receive(self, agent: str, path: str, code: int, low: int, high: int, auth: str) -> None:
        """Act on a reply, if it counts (RFC 3344 3.6.2.1)."""
        asked = self.asked.get((agent, path))
        if asked is None or asked.accepted:
            return
        if asked.low != low and not self.has("believes-other-reply"):
            return
        home = not 64 <= code < 128
        if home and auth not in ("ok", "unchecked") and not self.has("believes-forgery"):
            return
        if home and self.scenario.nonces:
            self.nonce[agent] = high
        if code in (0, 1) or (code >= 128 and agent == "iha" and path == "direct" and self.ignores(code)):
            asked.accepted = code in (0, 1)
            if path == "vpn":
                self.accepted_through_vpn()
            elif asked.lifetime == 0:
                self.cancel("withdraw")
            elif agent == "iha":
                self.accepted_inside(asked)
            else:
                self.accepted_outside(asked)
        elif agent == "iha" and path == "direct":
            self.denied_inside(code)

    def ignores(self, code: int) -> bool:
        """Say whether a denial is taken for an acceptance."""
        if self.has("ignores-denial"):
            return self.purpose == "refresh"
        return self.has("believes-denial-accepted") and code != 133

    def denied_inside(self, code: int) -> None:
        """Act on a denial of a direct registration with the i-HA (RFC 3344 3.6.2.3)."""
        if code == 133 and self.resynchronised < 2:
            self.resynchronised += 1
            self.after("iha", self.random.randint(1000, 20_000), lambda: self.ask_inside(new=False))
        elif code == 133 or 64 <= code < 128:
            return  # go on as if there had been no reply
        elif self.trusted:
            self.fail()
        else:
            self.cancel("iha")
            self.after("probe", self.random.randint(4, 15) * SECOND, self.probe)

    def accepted_inside(self, asked: Asked) -> None:
        """The i-HA has accepted: inside (4.3, lines 1092-1096)."""
        s, now = self.scenario, self.world.now
        entered = not self.trusted
        self.trusted, self.leaking = True, False
        self.resynchronised = 0
        self.cancel("iha", "xha", "probe", "restart", "vpn", "refresh-xha", "rekey")
        if self.has("retransmits-after-acceptance") and entered:
            self.after("again", s.slack + 100_000, lambda: self.go_on_asking(4))
        if entered:
            self.conclude("inside")
            if self.outside:
                self.after("withdraw", self.random.randint(20_000, SECOND), self.withdraw)
            self.outside = False
            if (self.has("stays-in-vpn") or self.has("registers-through-vpn-inside")) and self.in_vpn:
                self.stayed = True
                if self.has("registers-through-vpn-inside"):
                    self.after("vpn", 4 * SECOND, lambda: self.register_through_vpn(0))
            else:
                self.leave_vpn()
        due = asked.first + s.reregister * self.random.randint(80, 97) // 100
        if not self.has("no-re-registration"):
            self.after("renew", max(20_000, due - now), self.renew)
        if not self.has("never-gives-up"):
            self.after("stop", max(1000, asked.first + s.stop - _MARGIN - now), lambda: self.fail(_MARGIN))

    def go_on_asking(self, number: int) -> None:
        """Fault: retransmit what has been accepted."""
        self.transmit("iha", "direct", self.scenario.lifetime, new=False)
        self.transmit("xha", "direct", self.scenario.lifetime, new=False)
        if number:
            self.after("again", self.scenario.retransmit, lambda: self.go_on_asking(number - 1))

    def renew(self) -> None:
        """Re-register with the i-HA (4.2.2)."""
        self.purpose = "refresh"
        self.ask_inside(new=True)
        if self.has("refreshes-both"):
            self.transmit("xha", "direct", self.scenario.lifetime, new=True)

    def fail(self, pause: int = 0) -> None:
        """Re-registration has failed: stop plaintext, begin detection anew after `pause` (4.3, lines 1106-1108)."""
        if self.has("plaintext-after-failure"):
            self.leaking = True
        self.trusted = self.stayed = False
        self.cancel("iha", "renew", "stop", "withdraw")
        if self.has("plaintext-after-outside"):
            self.leaking = True
            self.conclude("outside", True)
            return
        self.conclude("unknown")
        if not self.has("no-restart"):
            self.after("restart", pause + self.random.randint(1000, 50_000), self.detect)

    def accepted_outside(self, asked: Asked) -> None:
        """The x-HA has accepted: outside, unless the i-HA has (4.3, lines 1083-1090 and 1098-1100)."""
        s, now = self.scenario, self.world.now
        self.cancel("xha")
        self.world.registered_outside = self.name
        self.world.registered_until = asked.first + asked.lifetime * SECOND
        if self.trusted:
            self.after("withdraw", self.random.randint(20_000, SECOND), self.withdraw)
            return
        if not self.outside:
            self.outside = True
            self.conclude("outside")
            if self.has("stops-asking-inside"):
                self.cancel("iha")
        at_once = self.hint == "outside" and self.random.random() < 0.5
        wait = 0 if at_once else max(0, self.first_asked + s.detection - now)
        if not self.in_vpn:
            self.after("vpn", wait + self.random.randint(1000, 100_000), self.key_exchange)
        self.after("refresh-xha", s.lifetime * SECOND * 7 // 10, lambda: self.ask_outside(True, 0))

    # --- the VPN

    def registered_outside(self) -> bool:
        """Say whether the x-HA has the address of this interface."""
        return self.world.registered_outside == self.name and self.world.now < self.world.registered_until

    def key_exchange(self) -> None:
        """Set up a security association from the x-HoA, unless there is one (3.5 to 3.8)."""
        world = self.world
        if world.sa_up:
            self.after("vpn", 1000, lambda: self.register_through_vpn(0))
            return
        if not self.registered_outside() and not self.has("ike-before-registration"):
            self.ask_outside(True, 0)
            return
        if self.has("registers-without-vpn"):
            self.register_through_vpn(0)
        source = self.coa if self.has("ike-from-care-of-address") else XHOA
        self.say(f"ike phase=start src={source} dst={VPN} version=2")
        wait = self.scenario.rtt * 2 + self.random.randint(10_000, 200_000)
        if self.random.random() < self.scenario.loss:
            self.after("vpn", wait + 2 * SECOND, self.key_exchange_failed)
        else:
            self.after("vpn", wait, self.key_exchange_done)

    def key_exchange_failed(self) -> None:
        """Give up, and try again."""
        self.say(f"ike phase=abandoned src={XHOA} dst={VPN}")
        self.after("vpn", self.random.randint(SECOND, 3 * SECOND), self.key_exchange)

    def key_exchange_done(self) -> None:
        """Have a security association, and register through it."""
        self.say(f"ike phase=established src={XHOA} dst={VPN}")
        self.association_up()
        self.after("vpn", 5000, lambda: self.register_through_vpn(0))

    def association_up(self) -> None:
        """Say what was negotiated."""
        who = self.name if self.random.random() < 0.7 else "-"
        if self.scenario.vpn_agent:
            self.world.say(who, f"sa state=up features=vpn-fa tia={IHOA} coa={VPN_COA}")
        else:
            self.world.say(who, f"sa state=up tia={TIA}")
        self.world.sa_up = True

    def register_through_vpn(self, number: int) -> None:
        """Register the address of the tunnel with the i-HA."""
        if not self.world.sa_up and not self.has("registers-without-vpn"):
            self.key_exchange()
        elif number < 4:
            self.transmit("iha", "vpn", self.scenario.lifetime, new=number == 0)
            wait = self.scenario.retransmit * (2**number if self.scenario.backoff else 1)
            self.after("vpn", wait, lambda: self.register_through_vpn(number + 1))

    def accepted_through_vpn(self) -> None:
        """Use the VPN."""
        self.cancel("vpn")
        if self.trusted and not self.stayed:
            return  # too late: the i-HA has accepted directly
        self.in_vpn = True
        if self.has("plaintext-beside-vpn"):
            self.leaking = True
        if self.scenario.rekeys:
            self.after("rekey", self.random.randint(10, 60) * SECOND, self.rekey)

    def rekey(self) -> None:
        """Replace the security association: the new one first, or the old one gone first."""
        world = self.world
        if not self.in_vpn or not world.sa_up or not self.registered_outside():
            return
        first = self.random.random() < 0.6
        if not first:
            self.association_down()
        self.say(f"ike phase=start src={XHOA} dst={VPN} version=2")

        def done() -> None:
            self.say(f"ike phase=established src={XHOA} dst={VPN}")
            self.association_up()
            if first:
                self.say("sa state=down")
            self.after("rekey", self.random.randint(10, 60) * SECOND, self.rekey)

        self.after("rekey", self.random.randint(20_000, 400_000), done)

    def association_down(self) -> None:
        """The security association is gone."""
        self.say("sa state=down")
        self.world.sa_up = False

    def leave_vpn(self) -> None:
        """Use the i-HA directly (4.4, lines 1167-1179)."""
        was, self.in_vpn = self.in_vpn, False
        others = any(port.in_vpn for port in self.world.ports)
        if was and self.world.sa_up and not others and self.random.random() < 0.7:
            self.say(f"ike phase=deleted src={XHOA} dst={VPN}")
            self.association_down()

    # --- the user

    def conclude(self, where: str, always: bool = False) -> None:
        """Log a conclusion, where this node logs them."""
        if self.scenario.logs_conclusions or always:
            self.say(f"infer where={where}")

    def user(self) -> None:
        """Send and receive user data, as the state of the interface has it."""
        others = any(port.trusted for port in self.world.ports if port is not self)
        if self.up and not (self.scenario.quiet and self.changes > 3):
            borrowed = others and self.has("trusts-another-interface")
            if (self.trusted and not self.stayed) or self.leaking or borrowed:
                self.plain()
            elif self.in_vpn and (self.world.sa_up or self.stayed):
                self.protected()
        self.after("data", self.random.randint(200_000, 4 * SECOND), self.user)

    def plain(self) -> None:
        """Send plaintext."""
        stack = "ip" if self.agent else "ip/udp434/ip" if self.scenario.nat else "ip/ip"
        self.say(f"data dir=out protection=none bytes={self.random.randint(40, 1420)} stack={stack}")
        if self.random.random() < 0.3:
            self.say(f"data dir=in protection=none bytes={self.random.randint(40, 1420)} stack={stack}")

    def protected(self) -> None:
        """Send through the VPN."""
        esp = "udp4500/esp" if self.scenario.nat else "esp"
        outer = "ip" if self.agent else "ip/udp434/ip" if self.scenario.nat else "ip/ip"
        self.say(f"data dir=out protection=esp bytes={self.random.randint(40, 1420)} stack={outer}/{esp}")
        if self.random.random() < 0.3:
            self.say(f"data dir=in protection=esp bytes={self.random.randint(40, 1420)} stack={outer}/{esp}")
