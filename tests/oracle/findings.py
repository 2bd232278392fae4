"""Say what was found of each requirement, and which sections of the draft state it."""

from __future__ import annotations

from dataclasses import dataclass, field

from .logtext import Event

# Each requirement, with the sections of the draft that say it; a checker may name any of them.
REQUIREMENTS = {
    "inference": ("4.2.1", "4.2.3", "4.2.4", "4.3", "4.4", "3.1", "3.2"),
    "determine": ("4.3",),
    "stop-plaintext": ("4.2.2", "4.3", "4.2.1"),
    "detect-first": ("4.2.3", "4.3"),
    "detect": ("4.2.3", "4.3", "4.2", "5.1"),
    "re-register": ("4.2.2", "4.3", "3.1", "3.2"),
    "restart": ("4.3", "4.2.2"),
    "keep-asking": ("4.3",),
    "stop-asking": ("4.3",),
    "one-agent": ("4.3",),
    "prefer-direct": ("4.4", "5.1", "4.3"),
    "outside-in-order": ("3", "3.5", "3.6", "3.7", "3.8"),
    "agreed-options": ("3.3", "3.4", "3.5", "3.6", "3.7", "3.8"),
    "vpn-flags": ("3.3", "3.4", "3.5", "3.6", "3.7", "3.8"),
    "different-agents": ("4.4",),
    "verify-hint": ("4.4", "4.2.3", "4.3"),
    "withdraw": ("4.3",),
    "reverse-tunnel": ("3.1", "3.2", "2"),
}
SHOULD = frozenset({"withdraw", "reverse-tunnel"})


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of `requirement` on `interface` at `time` (ns): `broken`, `untold` or `free`."""

    outcome: str
    requirement: str
    interface: str | None
    time: int
    text: str
    line: int | None = None

    @property
    def sections(self) -> tuple[str, ...]:
        """Return the sections that a checker may name for it."""
        return REQUIREMENTS[self.requirement]


@dataclass(slots=True)
class Judgement:
    """All findings about one log, and how often each requirement was kept."""

    findings: list[Finding] = field(default_factory=list)
    kept: dict[str, int] = field(default_factory=dict)

    def of(self, outcome: str, should: bool = False) -> list[Finding]:
        """Return the findings with `outcome`, of the MUSTs or of the SHOULDs."""
        return [f for f in self.findings if f.outcome == outcome and (f.requirement in SHOULD) == should]

    @property
    def verdict(self) -> str:
        """Return `violation`, `inconclusive` or `conformant`."""
        if self.of("broken"):
            return "violation"
        return "inconclusive" if self.of("untold") else "conformant"

    def status(self, requirement: str) -> str:
        """Return `broken`, `untold`, `free`, `kept` or `not-exercised`."""
        outcomes = {finding.outcome for finding in self.findings if finding.requirement == requirement}
        for outcome in ("broken", "untold", "free"):
            if outcome in outcomes:
                return outcome
        return "kept" if self.kept.get(requirement) else "not-exercised"

    def note(self, outcome: str, requirement: str, interface: str | None, at: int | Event, text: str) -> None:
        """Note `outcome` of `requirement` at a time or at a line."""
        time, line = (at.time, at.line) if isinstance(at, Event) else (at, None)
        self.findings.append(Finding(outcome, requirement, interface, time, text, line))

    def keep(self, requirement: str) -> None:
        """Note that `requirement` was kept once."""
        self.kept[requirement] = self.kept.get(requirement, 0) + 1

    def decide(self, right: str, requirement: str, event: Event, text: str) -> None:
        """Note that what `event` shows was right (`yes`), wrong (`no`), `untold` or `free`."""
        if right == "yes":
            self.keep(requirement)
        else:
            self.note("broken" if right == "no" else right, requirement, event.interface, event, text)
