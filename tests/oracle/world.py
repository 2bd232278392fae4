"""Time, the network and the agents of the simulation, and an interface that is carried from place to place in them."""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from random import Random

from .scenario import SECOND, Scenario, Stay

IHA, XHA, VPN = "10.1.0.2", "198.51.100.2", "192.0.2.1"
IHOA, XHOA = "10.1.0.100", "198.51.100.100"


class World:
    """Time, and what the node's interfaces share."""

    def __init__(self, scenario: Scenario, random: Random) -> None:
        self.scenario, self.random = scenario, random
        self.now = 0
        self.lines: list[str] = []
        self._last = -1
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._tickets = count()
        self._lows = count(random.randrange(1, 1 << 20) * 16)
        self.sa_up = False
        self.registered_outside: str | None = None  # the interface whose care-of address the x-HA has
        self.registered_until = 0
        self.ports: list[Journey] = []

    def site(self) -> str:
        """Return the line that says who is who, with all parameters."""
        s = self.scenario
        xha = IHA if "same-home-agents" in s.faults else XHA
        words = [f"site iha={IHA} xha={xha} vpn={VPN} ihoa={IHOA} xhoa={XHOA} internal=10.0.0.0/8 boot=true"]
        if s.vpn_agent:
            words.append("capabilities=vpn-fa")
        times = {"reregister": s.reregister, "retransmit": s.retransmit, "stop": s.stop, "detection": s.detection}
        times |= {"slack": s.slack, "switch": s.switch, "begin": s.begin, "restart": s.restart}
        words += [f"t_{name}={time // 1000}ms" for name, time in times.items()]
        if s.tells_retransmissions:
            words.append(f"n_retransmit={s.retransmissions}")
        return " ".join(words)

    def run(self) -> None:
        """Let time pass until the scenario is over and the node is switched off."""
        for port in self.ports:
            port.begin(self.random.randint(0, 3 * SECOND))
        while self._queue and self._queue[0][0] <= self.scenario.length:
            self.now, _, act = heapq.heappop(self._queue)
            act()
        self.now = self.scenario.length
        for port in self.ports:
            if port.up:
                port.leave()

    def at(self, time: int, act: Callable[[], None]) -> None:
        """Do `act` at `time`."""
        heapq.heappush(self._queue, (max(time, self.now), next(self._tickets), act))

    def say(self, interface: str, words: str) -> int:
        """Write a line, and return its time, which is later than that of the line before."""
        self._last = max(self.now, self._last + 1)
        self.lines.append(f"{self._last // SECOND}.{self._last % SECOND:06d} {interface} {words}")
        return self._last

    def low(self) -> int:
        """Return the low half of a new identification."""
        return next(self._lows) & 0xFFFFFFFF

    def high(self) -> int:
        """Return the high half of one: a nonce, or seconds."""
        if self.scenario.nonces:
            return self.random.getrandbits(32)
        return 0xC7000000 + self.now // SECOND


@dataclass(slots=True)
class Asked:
    """The most recent request to one agent by one path: low half of its identification, and when it was first sent."""

    low: int
    first: int
    lifetime: int
    coa: str
    accepted: bool = False


class Journey(ABC):
    """One interface of the node: its timers, where it is, and what the node believes of it."""

    def __init__(self, world: World, name: str, plan: list[Stay]) -> None:
        self.world, self.name, self.plan = world, name, plan
        self.scenario, self.random = world.scenario, world.random
        self.faults = world.scenario.faults
        self.number = {"eth0": 1, "wlan0": 2, "wwan0": 3}[name]
        self.timers: dict[str, int] = {}
        self.tickets = count(1)
        self.stay = Stay(False, False, 0, 0)
        self.stays = -1
        self.changes = 0
        self.up = False
        self.coa, self.agent = "", False
        self.asked: dict[tuple[str, str], Asked] = {}
        self.nonce = {"iha": world.high(), "xha": world.high()}
        self.trusted = self.outside = self.leaking = self.in_vpn = False
        self.stayed = False  # fault: the VPN is used although the i-HA has accepted
        self.hint = ""

    # --- timers

    def after(self, name: str, delay: int, act: Callable[[], None]) -> None:
        """Do `act` in `delay`, unless the timer `name` is set anew or cancelled before."""
        ticket = self.timers[name] = next(self.tickets)

        def fire() -> None:
            if self.timers.get(name) == ticket:
                del self.timers[name]
                act()

        self.world.at(self.world.now + delay, fire)

    def cancel(self, *names: str) -> None:
        """Cancel timers; without names all of them but the journey's and the user's."""
        for name in names or [name for name in self.timers if name not in ("journey", "data")]:
            self.timers.pop(name, None)

    def say(self, words: str) -> int:
        """Write a line about this interface."""
        return self.world.say(self.name, words)

    def has(self, fault: str) -> bool:
        """Say whether `fault` is injected."""
        return fault in self.faults

    # --- where it is

    def begin(self, delay: int) -> None:
        """Set out on the plan after `delay`."""
        self.after("journey", delay, self.next_stay)
        self.after("data", delay + SECOND, self.user)

    def next_stay(self) -> None:
        """Go to the next place of the plan."""
        if not self.plan:
            return
        self.stays += 1
        stay, before = self.plan.pop(0), self.stay
        if stay.away == -1:  # nothing that the node could see
            self.stay = Stay(before.inside, before.agent, 0, stay.length, stay.lost)
            self.after("journey", stay.length, self.next_stay)
        elif self.stays == 0 or (stay.away == 0 and self.up):
            self.stay = stay
            self.arrive(link=self.stays == 0)
        else:
            self.leave()
            self.after("journey", stay.away, lambda: self.come_back(stay))

    def come_back(self, stay: Stay) -> None:
        """Have a link again, at another place."""
        self.stay = stay
        self.arrive(link=True)

    def leave(self) -> None:
        """Lose the link."""
        self.say("link state=down")
        self.forget()
        self.up = False

    def forget(self) -> None:
        """The connection status has changed: nothing that was known holds any more (4.2.3)."""
        self.changes += 1
        if self.has("plaintext-after-change") and self.trusted:
            self.leaking = True
        elif not self.has("plaintext-after-change"):
            self.leaking = False
        self.trusted = self.outside = self.in_vpn = self.stayed = False
        self.asked = {key: asked for key, asked in self.asked.items() if key[1] == "vpn"}
        self.cancel()

    def arrive(self, link: bool) -> None:
        """Have a link at another place, and obtain an address."""
        self.after("journey", self.stay.length, self.next_stay)
        if link:
            self.forget()
            self.say("link state=up")
            self.up = True
            self.after("address", self.random.randint(10_000, 400_000), self.obtain)
        else:
            self.obtain()

    def obtain(self) -> None:
        """Obtain a care-of address, and begin to detect where it is."""
        self.forget()
        network = "10.1" if self.stay.inside else "203.0"
        third = 20 * self.number + self.stays + (1 if self.stay.inside else 113)
        self.agent = self.stay.agent
        if self.agent:
            self.coa = f"{network}.{third}.1"
            self.say(f"advert agent={self.coa} coa={self.coa}")
            self.say(f"coa kind=foreign-agent addr={self.coa} agent={self.coa}")
        else:
            self.coa = f"{network}.{third}.{self.random.randint(2, 250)}"
            self.say(f"coa kind=colocated addr={self.coa}")
            if self.scenario.renews_lease:
                self.after("lease", self.random.randint(8, 40) * SECOND, self.renew_lease)
        self.hint = self.scenario.hints
        if self.hint == "right":
            self.hint = "inside" if self.stay.inside else "outside"
        if self.hint:
            kind = "nai" if self.agent else self.random.choice(["dhcp-domain", "gateway-mac"])
            self.say(f"hint kind={kind} says={self.hint}")
        if self.has("no-detection") and self.changes > 2:
            return
        if self.has("believes-hint") and self.hint == "inside":
            self.leaking = True
        if self.has("plaintext-before-detection"):
            self.leaking = True
            self.after("blurt", self.scenario.slack + 20_000, self.plain)
        if self.has("data-during-detection") and self.world.sa_up:
            self.after("blurt", self.scenario.slack + 50_000, self.protected)
        self.detect()

    def renew_lease(self) -> None:
        """The DHCP client reports the address that the interface has."""
        self.say(f"coa kind=colocated addr={self.coa}")
        self.after("lease", self.random.randint(8, 40) * SECOND, self.renew_lease)

    @abstractmethod
    def detect(self) -> None:
        """Ask both home agents where this interface is (4.3)."""

    @abstractmethod
    def user(self) -> None:
        """Send and receive user data, as the state of the interface has it."""

    @abstractmethod
    def plain(self) -> None:
        """Send plaintext."""

    @abstractmethod
    def protected(self) -> None:
        """Send through the VPN."""
