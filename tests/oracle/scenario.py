"""Draw what a simulated mobile node lives through: its site, where its interfaces go, the network, the faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

SECOND = 1_000_000  # the simulator counts microseconds

# Each fault, and the scenario in which it can be seen (keys of `Scenario`).
FAULTS: dict[str, dict[str, object]] = {
    "plaintext-after-failure": {"kind": "lost"},
    "never-gives-up": {"kind": "lost"},
    "no-re-registration": {"kind": "settled"},
    "no-detection": {"kind": "roaming", "quiet": True},
    "trusts-another-interface": {"kind": "docked"},
    "stays-in-vpn": {"kind": "late"},
    "registers-through-vpn-inside": {"kind": "late"},
    "ignores-denial": {"kind": "denied"},
    "refreshes-both": {"kind": "settled"},
    "retransmits-after-acceptance": {"kind": "settled"},
    "wrong-flags": {"kind": "outside"},
    "no-reverse-tunnel": {"kind": "outside"},
    "plaintext-before-detection": {"kind": "outside"},
    "data-during-detection": {"kind": "wandering", "slow_xha": True},
    "believes-hint": {"kind": "outside", "hints": "inside"},
    "never-verifies-hint": {"kind": "outside", "hints": "inside"},
    "believes-forgery": {"kind": "outside", "forgeries": 0.9},
    "believes-other-reply": {"kind": "outside", "strays": 0.9},
    "believes-denial-accepted": {"kind": "settled", "denials": 1.0},
    "ike-before-registration": {"kind": "outside", "slow_xha": True},
    "ike-from-care-of-address": {"kind": "outside"},
    "registers-without-vpn": {"kind": "outside"},
    "stops-asking-inside": {"kind": "outside", "detection": 5 * SECOND},
    "no-restart": {"kind": "lost", "tells_retransmissions": True},
    "plaintext-beside-vpn": {"kind": "outside"},
    "plaintext-after-change": {"kind": "roaming"},
    "plaintext-after-outside": {"kind": "lost", "logs_conclusions": True},
    "same-home-agents": {"kind": "settled"},
    "says-inside": {"kind": "outside"},
}


@dataclass(slots=True)
class Stay:
    """Where an interface is: `inside` or outside, at a foreign agent or not, for `length`, after `away` without a link.

    `away` 0: another address without a change of link. `lost`: the i-HA cannot be reached, which the node is not told.
    """

    inside: bool
    agent: bool
    away: int
    length: int
    lost: bool = False


@dataclass(slots=True)
class Scenario:
    """What one simulated log is about. Times in microseconds."""

    kind: str
    faults: frozenset[str]
    length: int = 0
    plans: dict[str, list[Stay]] = field(default_factory=dict)
    nonces: bool = False
    backoff: bool = False
    simultaneous: bool = False
    unchecked: bool = False
    nat: bool = False
    renews_lease: bool = False
    vpn_agent: bool = False
    rekeys: bool = True
    hints: str = ""
    logs_conclusions: bool = True
    quiet: bool = False
    slow_xha: bool = False
    loss: float = 0.0
    late: float = 0.0
    denials: float = 0.0
    refusals: bool = False
    forgeries: float = 0.0
    strays: float = 0.0
    twice: float = 0.0
    rtt: int = 20_000
    reregister: int = 10 * SECOND
    retransmit: int = 2 * SECOND
    retransmissions: int = 2
    tells_retransmissions: bool = True
    stop: int = 60 * SECOND
    detection: int = 3 * SECOND
    slack: int = SECOND
    switch: int = 2 * SECOND
    begin: int = 5 * SECOND
    restart: int = 5 * SECOND
    lifetime: int = 600


# What can be left out of a scenario, to find out what a disagreement is about.
FEATURES = (
    "nonces",
    "backoff",
    "simultaneous",
    "unchecked",
    "nat",
    "renews_lease",
    "vpn_agent",
    "rekeys",
    "loss",
    "late",
    "denials",
    "forgeries",
    "strays",
    "twice",
)


def draw(seed: int, faults: frozenset[str], without: frozenset[str]) -> tuple[Scenario, Random]:
    """Return the scenario of `seed` with `faults`, and the source of chance that the simulation goes on with.

    `without` names features that are left out of what the seed would have.
    """
    random = Random(f"{seed} {' '.join(sorted(faults))}")
    kinds = ["settled", "outside", "roaming", "wandering", "lost", "late", "denied", "docked", "lost", "roaming"]
    scenario = Scenario(random.choice(kinds), faults)
    scenario.nonces = random.random() < 0.4
    scenario.backoff = random.random() < 0.3
    scenario.simultaneous = random.random() < 0.3
    scenario.unchecked = random.random() < 0.1
    scenario.nat = random.random() < 0.3
    scenario.renews_lease = random.random() < 0.4
    scenario.vpn_agent = random.random() < 0.25
    scenario.hints = random.choice(["", "", "", "inside", "outside", "right"])
    scenario.logs_conclusions = random.random() < 0.5
    scenario.loss = random.choice([0.0, 0.0, 0.05, 0.2])
    scenario.late = random.choice([0.0, 0.0, 0.1, 0.3])
    scenario.denials = random.choice([0.0, 0.0, 0.05, 0.2])
    scenario.forgeries = random.choice([0.0, 0.0, 0.2])
    scenario.strays = random.choice([0.0, 0.0, 0.2])
    scenario.twice = random.choice([0.0, 0.0, 0.1])
    scenario.rtt = random.choice([4_000, 20_000, 80_000, 300_000])
    scenario.retransmit = random.choice([1, 2, 3]) * SECOND
    scenario.retransmissions = random.choice([1, 2, 3])
    scenario.tells_retransmissions = random.random() < 0.7
    scenario.reregister = random.choice([5, 10, 15, 20]) * SECOND
    scenario.stop = scenario.reregister + random.choice([8, 15, 30]) * SECOND
    scenario.detection = random.choice([0, 1, 2, 3, 5]) * SECOND
    scenario.slack = random.choice([200_000, 500_000, SECOND])
    scenario.begin = random.choice([3, 5]) * SECOND
    scenario.restart = random.choice([5, 8]) * SECOND
    scenario.lifetime = random.choice([60, 600, 1800])
    scenario.length = random.randint(50, 120) * SECOND
    for name in without:
        setattr(scenario, name, type(getattr(scenario, name))(0))
    for fault in sorted(faults):
        for name, value in FAULTS[fault].items():
            setattr(scenario, name, value)
    if faults:
        scenario.loss = min(scenario.loss, 0.05)
        scenario.late = min(scenario.late, 0.1)
    scenario.refusals = scenario.kind == "denied"
    _plan(scenario, random)
    return scenario, random


def _plan(scenario: Scenario, random: Random) -> None:
    names = ["eth0", "wlan0", "wwan0"]
    random.shuffle(names)

    def stay(inside: bool, low: int, high: int, lost: bool = False) -> Stay:
        away = 0 if random.random() < 0.2 else random.randint(100_000, 4 * SECOND)
        length = random.randint(low * SECOND, high * SECOND)
        return Stay(inside, random.random() < 0.3, away, length, lost)

    first, second, third = names
    whole = scenario.length // SECOND
    if scenario.kind == "settled":
        scenario.plans[first] = [stay(True, whole, whole)]
    elif scenario.kind == "outside":
        scenario.plans[first] = [stay(False, whole, whole)]
    elif scenario.kind in ("lost", "denied"):
        lost = scenario.kind == "lost"
        scenario.plans[first] = [stay(True, 10, 30), Stay(True, False, -1, whole * SECOND, lost)]
        if random.random() < 0.5 and not scenario.faults:
            scenario.plans[first][1].length = random.randint(10, 60) * SECOND
            scenario.plans[first] += [Stay(True, False, -1, whole * SECOND)]
    elif scenario.kind == "late":
        scenario.plans[first] = [stay(True, 8, 25, True), Stay(True, False, -1, whole * SECOND)]
    elif scenario.kind == "docked":
        scenario.plans[first] = [stay(True, whole, whole)]
        scenario.plans[second] = [stay(False, whole, whole)]
    else:
        where = [random.random() < 0.5 for _ in range(8)]
        if scenario.kind == "wandering":
            where = [random.random() < 0.15 for _ in range(8)]
            where[:2] = [False, False]
        elif scenario.faults:
            where[0] = True
        scenario.plans[first] = [stay(inside, 12, 35) for inside in where]
    if not scenario.faults or random.random() < 0.3:
        for other in (second, third):
            if other not in scenario.plans and random.random() < 0.4:
                scenario.plans[other] = [stay(random.random() < 0.5, 15, 60) for _ in range(4)]
