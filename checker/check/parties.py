"""Traces taken at several parties at once: which input was taken where, and a report on each party by its own rules.

A party is one of a system, or goes by its role where nobody speaks of a system. Clocks and evidence of one party mean
nothing to another: each is judged as if it were alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report
from mipcheck.checker.console.errors import UsageError, did_you_mean, joined, quoted
from mipcheck.checker.console.escape import printable
from mipcheck.checker.logs.parts import MAGIC
from mipcheck.model.specification.spec import MOBILE_NODE, Spec

_HEAD: Final = 2**16
"""Bytes at the beginning of a log in which it says where it was taken."""
_WORST: Final = ("violation", "inconclusive", "conformant")
"""Verdicts, the one that decides first."""


@dataclass
class Group:
    """The inputs that were taken at one party, which plays a `role`."""

    name: str
    role: str
    inputs: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Together:
    """The reports on several parties, by their names; `roles` says what each is."""

    spec: str
    reports: Mapping[str, Report]
    roles: Mapping[str, str]

    @property
    def verdict(self) -> str:
        """The verdict on all of them: a violation anywhere is one."""
        found = {r.verdict for r in self.reports.values()}
        return next(v for v in _WORST if v in found)


def taken_at(paths: Sequence[str], told: Mapping[str, str], spec: Spec) -> list[Group] | None:
    """Return the inputs by party, None if all are of one. `told` names the party of an input, or its role.

    Logs say by themselves: `site role=vpn party=gateway`. Raises UsageError for a party that there is not, one with two
    roles, and an input of which nobody says where it was taken.
    """
    known = _known(spec)
    for path in told:
        if path not in paths:
            raise UsageError(f"--party: {quoted(path)} is no input; {did_you_mean(path, paths) or 'inputs are paths'}")
    said = {p: _told(told[p], known) if p in told else _stated(p, known) for p in paths}
    if not told and len({s for s in said.values() if s is not None}) < 2:
        return None
    groups: dict[str, Group] = {}
    for path, of in said.items():
        if of is None:
            hint = f"--party {printable(path)}=NAME, or `site role=…` in the log"
            raise UsageError(f"{printable(path)} does not say at which party it was taken: {hint}")
        name, role = of
        group = groups.setdefault(name, Group(name, role))
        if group.role != role:
            raise UsageError(f"{printable(path)}: {name} is of role {role} here, and of role {group.role} in "
                             f"{printable(group.inputs[0])}")  # fmt: skip
        group.inputs.append(path)
    return list(groups.values())


def check_together(groups: Sequence[Group], spec: Spec, parameters: Mapping[str, str], **more: Any) -> Together:
    """Check the inputs of each party by the rules of its role. `more` is as for `check`; what names inputs (`offsets`,
    `maps`) counts where they are. Raises as that does."""
    offsets, maps = more.pop("offsets", {}), more.pop("maps", ())
    every = {p for g in groups for p in g.inputs}
    reports = {
        g.name: check(
            g.inputs,
            spec=spec,
            parameters={**parameters, "role": g.role},
            offsets={p: o for p, o in offsets.items() if p not in every or p in g.inputs},
            maps=[m for m in maps if (f := m.rpartition("=")[0]) not in every or f in g.inputs],
            **more,
        )
        for g in groups
    }
    return Together(spec.name, reports, {g.name: g.role for g in groups})


def _known(spec: Spec) -> dict[str, str]:
    """Return the role of each party of the systems, and of each role itself. Of two systems the first counts."""
    found = {m.role: m.role for m in spec.machines()}
    for system in spec.systems.values():
        for party in system.parties.values():
            found.setdefault(party.name, party.role)
    return found


def _told(name: str, known: Mapping[str, str]) -> tuple[str, str]:
    """Return a party and its role. Raises UsageError for one that there is not."""
    if name not in known:
        raise UsageError(joined(f"--party: there is no party or role {quoted(name)}", did_you_mean(name, known)))
    return name, known[name]


def _stated(path: str, known: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the party at which a log says that it was taken, and its role; None if it does not say.

    What is no log, or can be read only once, is not looked at.
    """
    try:
        if not Path(path).is_file():
            return None
        with open(path, "rb") as stream:  # noqa: PTH123 - of any path that a command line gives
            head = stream.read(_HEAD)
    except (OSError, ValueError):
        return None
    words = _words(head.decode("utf-8-sig", "replace"))
    party, role = words.get("party", ""), words.get("role", "")
    if not party and not role:
        return None
    role = role or known.get(party, MOBILE_NODE)
    return party or role, role


def _words(text: str) -> dict[str, str]:
    """Return what the beginning of a log says of its party and its role."""
    found: dict[str, str] = {}
    if text.lstrip().startswith("{"):
        try:
            first = json.loads(text.lstrip().partition("\n")[0])
        except (ValueError, RecursionError):
            return {}
        site = first.get("site") if isinstance(first, dict) else None
        return {k: v for k in ("party", "role") if isinstance(site, dict) and isinstance(v := site.get(k), str)}
    for number, line in enumerate(text.splitlines()):
        word = line.partition(" ")[0]
        if number == 0 and word != MAGIC:
            return {}
        if word == "site":
            found |= dict(re.findall(r"[ \t](role|party)=(\S+)", line))
        elif word and word not in (MAGIC, "source") and not word.startswith("#"):
            break
    return found
