"""What `mipcheck ambiguities` lists: ambiguous sentences, and for each pair of readings where they part."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mipcheck.checker.check.readings import Ambiguity, ambiguities, resolved
from mipcheck.checker.console.counts import counted
from mipcheck.checker.console.errors import UsageError, did_you_mean, joined, listed, quoted
from mipcheck.checker.console.progress import Steps
from mipcheck.checker.console.valid_json import SCHEMA, dumps
from mipcheck.checker.proofs.demand import demand
from mipcheck.checker.proofs.kept import KeptLogs
from mipcheck.checker.proofs.partings import TIMEOUT, PartingLog, Partings, verdicts
from mipcheck.model.language.show import show_citations

if TYPE_CHECKING:
    from mipcheck.checker.console.lines import Lines
    from mipcheck.model.specification.spec import Spec


@dataclass(frozen=True)
class ReadingPair:
    """Two readings and where they part; `rules` are those to which it makes a difference which is taken."""

    first: str
    second: str
    rules: tuple[str, ...]
    found: PartingLog

    @property
    def decided(self) -> bool:
        """Whether they part on a trace, or it is proved that they never do."""
        return bool(self.found.trace) or self.found.same


@dataclass(frozen=True)
class AmbiguityEntry:
    """An ambiguous sentence; `demands` says what each reading demands, and is empty where other rules say that."""

    ambiguity: Ambiguity
    level: str
    demands: tuple[str, ...]
    pairs: tuple[ReadingPair, ...]

    @property
    def decided(self) -> bool:
        """Whether all pairs of readings are."""
        return all(pair.decided for pair in self.pairs)


def parted(
    spec: Spec, names: Sequence[str], timeout: float = TIMEOUT, kept: KeptLogs | None = None
) -> list[AmbiguityEntry]:
    """Seek where the readings of the ambiguities of these names part (none: of all but those of parameters).

    `timeout` is in seconds of the processor, for each pair; traces that are `kept` are only replayed. Raises
    UsageError for what is none, and Disagreement.
    """
    wanted, logs = _wanted(spec, names), kept or KeptLogs(spec.name)
    with Steps(sum(math.comb(len(a.names), 2) for a in wanted), "comparing") as steps:
        return [_entry(spec, a, timeout, logs, steps) for a in wanted]


def _wanted(spec: Spec, names: Sequence[str]) -> list[Ambiguity]:
    """Return the ambiguities of these names, each once. Raises UsageError for what is none."""
    known = {a.name: a for a in ambiguities(spec)}
    for name in names:
        if name not in known:
            rules = [r for machine in spec.machines() for r in machine.rules]
            what = f"rule {name} has one reading only" if name in rules else f"there is no ambiguity {quoted(name)}"
            raise UsageError(joined(f"{what} in {spec.name}", did_you_mean(name, known),
                                    f"with readings: {listed(list(known)) or 'nothing'}"))  # fmt: skip
    if names:
        return [known[n] for n in dict.fromkeys(names)]
    return [a for a in known.values() if a.kind != "parameter"]


def _entry(spec: Spec, a: Ambiguity, timeout: float, kept: KeptLogs, steps: Steps) -> AmbiguityEntry:
    """Compare all pairs of readings of an ambiguity."""
    rule = next((m.rules[a.name] for m in spec.machines() if a.kind == "rule" and a.name in m.rules), None)
    demands = tuple(demand(r.body) for r in rule.readings) if rule else ()
    pairs = []
    for first, second in itertools.combinations(a.names, 2):
        steps.step(f"{first} with {second} of {a.name}")
        pairs.append(_pair(spec, a, first, second, timeout, kept))
    return AmbiguityEntry(a, rule.level if rule else "", demands, tuple(pairs))


def _pair(spec: Spec, a: Ambiguity, first: str, second: str, timeout: float, kept: KeptLogs) -> ReadingPair:
    """Seek where two readings part, in the first machine, of whichever role, to which it makes a difference."""
    title = f"A trace on which readings {first} and {second} of {a.name} part; no shorter one was found."
    concerned: list[str] = []
    found = PartingLog(reason="it makes no difference to any rule", same=True)
    left, right = resolved(spec, {a.name: first}), resolved(spec, {a.name: second})
    for one, other in zip(left.machines(), right.machines(), strict=True):
        partings = Partings(one, other, timeout)
        rules = [r for r in one.rules if (r == a.name if a.kind == "rule" else not partings.alike(r))]
        if rules and not found.trace:
            found = partings.kept(f"{a.name}-{first}-{second}", rules, [title], kept)
        concerned += rules
    return ReadingPair(first, second, tuple(concerned), found)


# --- rendering ----------------------------------------------------------------------------------------------------


def entries_json(spec: Spec, entries: list[AmbiguityEntry]) -> str:
    """Return the entries as one JSON object."""
    return dumps({"schema": SCHEMA, "spec": spec.name, "ambiguities": [_object(e) for e in entries]}, indent=2) + "\n"


def _object(e: AmbiguityEntry) -> dict[str, Any]:
    """Return an entry as JSON has it."""
    a = e.ambiguity
    demands = e.demands or (None,) * len(a.readings)
    return {
        "name": a.name,
        "kind": a.kind,
        "role": a.role,
        "level": e.level or None,
        "section": a.cite[0].section if a.cite else None,
        "cite": show_citations(a.cite),
        "text": a.text,
        "readings": [
            {"name": name, "why": why, "demand": d, "default": name == a.chosen}
            for (name, why), d in zip(a.readings, demands, strict=True)
        ],
        "pairs": [
            {
                "readings": [p.first, p.second],
                "rules": list(p.rules),
                "result": "parted" if p.found.trace else "same" if p.found.same else "unknown",
                "broken": {p.first: list(p.found.left), p.second: list(p.found.right)} if p.found.trace else None,
                "trace": p.found.trace or None,
                "reason": p.found.reason or None,
            }
            for p in e.pairs
        ],
    }


def entries_text(spec: Spec, entries: list[AmbiguityEntry], width: int, colour: bool = False) -> str:
    """Return the entries for a terminal of `width` columns."""
    from mipcheck.checker.console.lines import Lines

    lines = Lines(width, colour)
    for e in entries:
        _show(lines, e)
        lines.line("")
    pairs = [p for e in entries for p in e.pairs]
    parted = sum(bool(p.found.trace) for p in pairs)
    unknown = sum(not p.decided for p in pairs)
    lines.line(f"{spec.name}: {counted(len(entries), 'ambiguity', 'ambiguities')}; {parted} of "
               f"{counted(len(pairs), 'pair')} of readings part on a trace")  # fmt: skip
    if unknown:
        lines.line("Unknown is not the same: a longer --timeout may find a trace.")
    return lines.text()


def _show(lines: Lines, e: AmbiguityEntry) -> None:
    """Write an entry: the sentence, its readings, and each pair with the trace on which it parts."""
    a = e.ambiguity
    level = f"  {e.level}  " if e.level else "  "
    lines.title((a.name, "bold"), (level, ""), (show_citations(a.cite), ""))
    lines.indented(a.text)
    for n, (name, why) in enumerate(a.readings):
        how = "the default" if name == a.chosen else f"--reading {a.name}={name}"
        said = f"{name} ({how})" + (f": {why}" if why else "")
        lines.labelled("reading", [said, *(e.demands[n : n + 1])])
    for p in e.pairs:
        lines.line("")
        if a.kind != "rule" and p.rules:
            lines.labelled("rules", [f"{p.first} or {p.second} makes a difference to {' '.join(p.rules)}"])
        if p.found.same:
            said = f"{p.first} and {p.second} never part with the parameters as they are, which is proved"
            lines.labelled("same", [said])
            continue
        if not p.found.trace:
            lines.labelled("unknown", [f"no trace was found on which {p.first} and {p.second} part: {p.found.reason}"])
            continue
        lines.labelled("parted", [verdicts(p.found, p.first, p.second)])
        lines.verbatim(p.found.trace)
