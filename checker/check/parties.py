"""Traces taken at several parties at once: which input was taken where, and a report on each party by its own rules.

A party is one of a system, or goes by its role where nobody speaks of a system. Clocks and evidence of one party mean
nothing to another: each is judged as if it were alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mipcheck.checker.check.check import check_open
from mipcheck.checker.check.report import VERDICTS, Report
from mipcheck.checker.console.errors import InputError, UsageError, did_you_mean, joined, quoted
from mipcheck.checker.console.escape import printable
from mipcheck.checker.inputs.clocks import which_input
from mipcheck.checker.inputs.opening import OpenInput, check_paths, open_input, open_inputs
from mipcheck.checker.inputs.read import give_maps
from mipcheck.checker.inputs.settle import Over, vocabulary_for
from mipcheck.checker.logs import text
from mipcheck.checker.logs.lines import LogReader, raw_lines
from mipcheck.checker.logs.parts import FIRST_LINE
from mipcheck.checker.trace.vocabulary import RoleError, Vocabulary, vocabulary_of
from mipcheck.model.specification.spec import MOBILE_NODE, Spec


@dataclass
class Group:
    """The inputs that were taken at one party, which plays a `role`."""

    name: str
    role: str
    inputs: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Absent:
    """A party of a `system` that has all the parties of a run, of which there is no input."""

    name: str
    role: str
    system: str

    @property
    def said(self) -> str:
        """What a report says of it."""
        who = f"{self.name} (role {self.role}), a party of system {self.system}"
        return f"no input of {who}: what it did was not judged"


@dataclass(frozen=True)
class Together:
    """The reports on several parties, by their names; `roles` says what each is.

    `absent` are those of whom there is no input: with `strict`, that is evidence which is missing.
    """

    spec: str
    reports: Mapping[str, Report]
    roles: Mapping[str, str]
    absent: tuple[Absent, ...] = ()
    strict: bool = False

    @property
    def verdict(self) -> str:
        """The verdict on all of them: a violation anywhere is one."""
        found = {r.verdict for r in self.reports.values()}
        found |= {"inconclusive"} if self.strict and self.absent else set()
        return next(v for v in VERDICTS if v in found)


def taken_at(paths: Sequence[str], told: Mapping[str, str], spec: Spec) -> list[Group] | None:
    """Return the inputs by party, None if all are of one. `told` names the party of an input, or its role.

    Logs say by themselves: `site role=vpn party=gateway`. Raises UsageError for a party that there is not, one with two
    roles or of which it is open which it plays, an input of which nobody says where it was taken, and one that is given
    twice.
    """
    check_paths(paths)
    known, words = _known(spec), vocabulary_of(spec)
    for path in told:
        if path not in paths:
            raise UsageError(f"--party: {quoted(path)} is no input; {did_you_mean(path, paths) or 'inputs are paths'}")
    said = {p: _told(p, told[p], known, words) if p in told else _stated(p, known, words) for p in paths}
    if not told and len({s for s in said.values() if s is not None}) < 2:
        return None
    sure = {s[0]: s[1][0] for s in said.values() if s is not None and len(s[1]) == 1}
    groups: dict[str, Group] = {}
    for path, of in said.items():
        if of is None:
            hint = f"--party {printable(path)}=NAME, or `site role=…` in the log"
            raise UsageError(f"{printable(path)} does not say at which party it was taken: {hint}")
        name, role = of[0], _only(path, *of, sure, spec)
        group = groups.setdefault(name, Group(name, role))
        if group.role != role:
            raise UsageError(f"{printable(path)}: {name} is of role {role} here, and of role {group.role} in "
                             f"{printable(group.inputs[0])}")  # fmt: skip
        group.inputs.append(path)
    return list(groups.values())


def check_together(
    groups: Sequence[Group],
    spec: Spec,
    over: Over,
    offsets: Mapping[str, str],
    maps: Sequence[str] = (),
    unmatched: str = "count",
    strict: bool = False,
    **more: Any,
) -> Together:
    """Check the inputs of each party by the rules of its role.

    `over` is what wins over the site of all logs, but for its role; `offsets`, `maps` and `unmatched` are for all
    inputs as for `check`, `strict` and `more` are as for `check_open`. Raises as `check` does.
    """
    vocabulary = vocabulary_of(spec)
    for g in groups:
        vocabulary_for(vocabulary, g.role)
    paths = [p for g in groups for p in g.inputs]
    shifts = {paths[which_input(paths, name)]: word for name, word in offsets.items()}
    reports = {}
    with ExitStack() as stack:
        opened = {given.path: given for given in open_inputs(paths, stack)}
        give_maps(list(opened.values()), maps, vocabulary, unmatched == "error", over.sources)
        for g in groups:
            own = replace(over, site=replace(over.site, role=g.role), given=over.given | {"role"}, role=g.role)
            of_inputs = {p: shifts[p] for p in g.inputs if p in shifts}
            inputs = [opened[p] for p in g.inputs]
            reports[g.name] = check_open(inputs, spec, vocabulary, own, of_inputs, strict=strict, **more)
    roles = {g.name: g.role for g in groups}
    return Together(spec.name, reports, roles, tuple(_absent(roles, spec)), strict)


def _absent(roles: Mapping[str, str], spec: Spec) -> Iterator[Absent]:
    """Yield the parties without an input, of each system that has all the parties that there are inputs of: unless a
    system has no others, which is then the one that was run."""
    fitting = []
    for called, system in spec.systems.items():
        plays = _plays(system)
        present = {_party(name, role, plays) for name, role in roles.items()}
        if None not in present:
            fitting.append([Absent(n, role, called) for n, role in plays.items() if n not in present])
    if all(fitting):
        for others in fitting:
            yield from others


def _plays(system: Spec) -> dict[str, str]:
    """Return the role of each party of a system."""
    return {p.name: p.role for p in system.parties.values()}


def _party(name: str, role: str, plays: Mapping[str, str]) -> str | None:
    """Return which party of a system is meant, where `plays` has their roles: by its name, or by its role if only one
    plays that. None if it has none."""
    same = [n for n, r in plays.items() if r == role]
    if name in same:
        return name
    return same[0] if name == role and len(same) == 1 else None


def _known(spec: Spec) -> dict[str, tuple[str, ...]]:
    """Return the roles that each party plays in some system, and each role's own by its name."""
    found: dict[str, tuple[str, ...]] = {m.role: (m.role,) for m in spec.machines()}
    for system in spec.systems.values():
        for party in system.parties.values():
            found[party.name] = tuple(dict.fromkeys((*found.get(party.name, ()), party.role)))
    return found


def _told(
    path: str, name: str, known: Mapping[str, tuple[str, ...]], vocabulary: Vocabulary
) -> tuple[str, tuple[str, ...]]:
    """Return a party and the roles that it may have: where it has several, that of which its log is.

    Raises UsageError for one that there is not.
    """
    if name not in known:
        raise UsageError(joined(f"--party: there is no party or role {quoted(name)}", did_you_mean(name, known)))
    stated = _stated(path, known, vocabulary) if len(known[name]) > 1 else None
    if stated is not None and len(stated[1]) == 1 and stated[1][0] in known[name]:
        return name, stated[1]
    return name, known[name]


def _stated(
    path: str, known: Mapping[str, tuple[str, ...]], vocabulary: Vocabulary
) -> tuple[str, tuple[str, ...]] | None:
    """Return the party at which a log says that it was taken, and the roles that it may have; None if it does not say.

    Who says no role is a node, as in any log, where a party of that name may be one.
    """
    words = _words(path, vocabulary)
    party, role = words.get("party", ""), words.get("role", "")
    if not party and not role:
        return None
    if role:
        return party or role, (role,)
    roles = known.get(party, (MOBILE_NODE,))
    return party, (MOBILE_NODE,) if MOBILE_NODE in roles else roles


def _only(path: str, name: str, roles: Sequence[str], sure: Mapping[str, str], spec: Spec) -> str:
    """Return the one of several roles that a party has in a system with all the others, of whom it is `sure` which role
    they have. Raises UsageError where that does not tell."""
    fitting = [
        role
        for role in roles
        if any(
            _party(name, role, plays) and all(_party(n, r, plays) for n, r in sure.items())
            for plays in map(_plays, spec.systems.values())
        )
    ]
    if len(roles) > 1 and len(fitting) != 1:
        file = printable(path)
        raise UsageError(f"{file}: {name} is of role {' or '.join(roles)}, in one system or another: name the role, as"
                         f" --party {file}={roles[-1]}, or `site role=…` in the log")  # fmt: skip
    return fitting[0] if len(roles) > 1 else roles[0]


def _words(path: str, vocabulary: Vocabulary) -> Mapping[str, str]:
    """Return what a log says of its site before its first event.

    What is no log of our own, or can be read only once, is not looked at; what is wrong with one is said later.
    """
    try:
        if not Path(path).is_file():
            return {}
        with open_input(path) as stream:
            given = OpenInput(path, stream)
            if given.kind == "capture" or (given.kind == "log" and given.needs_map()):
                return {}
            return _before_events(given, vocabulary)
    except (InputError, OSError, ValueError):
        return {}


def _before_events(given: OpenInput, vocabulary: Vocabulary) -> Mapping[str, str]:
    interpret, first = text.interpret, FIRST_LINE
    if given.kind == "jsonl":
        from mipcheck.checker.logs import jsonl

        interpret, first = jsonl.interpret, jsonl.FIRST_LINE
    reader = LogReader(given.name, vocabulary, False, interpret, first, None)
    try:
        for line in raw_lines(given.stream):
            reader.take(line)
            # Where only the party is said, events of its role are none that the reader knows.
            if reader.builder.first is not None or reader.problems:
                break
    except (InputError, RoleError):
        pass
    return reader.builder.words
