"""Reads `tests/specs/devices.txt`: logs of gateways and agents, each with what is right of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

POLICY: Final = "mode=tunnel endpoint=single remote=any selectors=any"
SITES: Final = {
    "vpn": "site role=vpn boot=true iha=10.1.0.2 xha=198.51.100.2 vpn=192.0.2.1",
    "xha": "site role=xha boot=true xha=198.51.100.2 vpn=192.0.2.1",
    "iha": "site role=iha boot=true iha=10.1.0.2",
    "fa": "site role=fa boot=true iha=10.1.0.2 xha=198.51.100.2",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One log; `broken` are the rules that it breaks, `at` is where the first is; `unclear` if nobody can tell."""

    role: str
    name: str
    lines: tuple[str, ...]
    broken: tuple[str, ...]
    at: int
    unclear: bool
    spec: str

    @property
    def text(self) -> str:
        """The log."""
        return "\n".join(("mipcheck-trace 1", SITES[self.role], *(_whole(self.role, line) for line in self.lines), ""))


def read_cases(path: Path) -> list[Case]:
    """Read all cases of a file."""
    begun: dict[tuple[str, str], list[str]] = {}
    found = []
    for block in path.read_text("utf-8").split("\n\n"):
        head, *lines = [line for line in block.splitlines() if line and not line.startswith("#")] or [""]
        if head.startswith("BEGIN "):
            _, role, name, *after = head.split()
            begun[role, name] = [*(begun[role, after[1]] if after else []), *lines]
        elif head:
            who, _, what = head.partition(": ")
            name, _, rules = what.partition(" -> ")
            role, *options = who.split()
            told = dict(zip(options[::2], options[1::2], strict=True))
            before = begun[role, told["after"]] if "after" in told else []
            at = next((n for n, line in enumerate(lines) if line.endswith(" <")), len(lines) - 1)
            whole = (*before, *(line.removesuffix(" <") for line in lines))
            broken = () if rules == "?" else tuple(rules.split())
            spec = told.get("of", "draft-01")
            found.append(Case(role, name, whole, broken, len(before) + at + 3, rules == "?", spec))
    return found


def _whole(role: str, line: str) -> str:
    """Return a line with what is left out: the home address, the policy of a security association."""
    time, interface, event, *keys = line.replace("POLICY", POLICY).split()
    of_all = event in ("gap", "restart") or (role == "fa" and event == "advert")
    alone = of_all or any(k.startswith("home=") for k in keys)
    return " ".join((time, interface, event, *(() if alone else ("home=10.1.0.100",)), *keys))
