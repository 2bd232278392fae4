"""Compare the judge with mipcheck on simulated logs, and say where they disagree.

    python tests/oracle/compare.py --seeds 1000 --first 1              nodes that conform
    python tests/oracle/compare.py --seeds 1000 --first 1 --faulty     nodes with one or two faults
    python tests/oracle/compare.py --seeds 1 --first 17 --faulty --show    that log, and both judgements

They agree on a log if both give the same verdict, if mipcheck names for each requirement that the judge finds broken
one of the sections that state it, on that interface and at that line, and if it names none that the judge does not.
What the judge calls free counts for neither side. The exit code is 1 if they disagree on any.
"""

from __future__ import annotations

import argparse
import collections
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[1]))

from oracle.findings import Finding, Judgement
from oracle.judge import judge
from oracle.scenario import FAULTS, FEATURES
from oracle.simulator import simulate

_MEMORY = Path("/dev/shm")
_SMALL = 1 << 18
"""Octets of a log that are read at a time."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Where the two differ on one log; `kind` sums up what it is about, `what` is a line for people."""

    seed: int
    faults: frozenset[str]
    kind: str
    what: str


def faults_of(seed: int, faulty: bool) -> frozenset[str]:
    """Return the faults of `seed`: none, or one or two of all, each in its turn."""
    if not faulty:
        return frozenset()
    names = sorted(FAULTS)
    chosen = {names[seed % len(names)]}
    random = Random(seed)
    if random.random() < 0.25:
        chosen.add(random.choice(names))
    return frozenset(chosen)


def compare(text: str, seed: int, faults: frozenset[str], report: Any) -> Iterator[Disagreement]:
    """Return where `report`, mipcheck's of the log `text`, differs from the judge's opinion."""
    ours = judge(text)
    theirs = [violation for violation in report.violations if violation.level == "MUST"]
    free = ours.of("free")
    accused = []
    for violation in theirs:
        allowed = [finding for finding in [*ours.of("broken"), *free] if _same(finding, violation)]
        if not allowed:
            accused.append(violation)
            kind = f"mipcheck accuses by {violation.rule}, the judge does not"
            yield Disagreement(seed, faults, kind, f"{violation.interface} {violation.time / 1e9}: {violation.message}")
    missed: dict[tuple[str, str | None], Finding] = {}
    for finding in ours.of("broken"):
        if not any(_same(finding, violation) for violation in theirs):
            missed.setdefault((finding.requirement, finding.interface), finding)
    for finding in missed.values():
        kind = f"the judge accuses by {finding.requirement}, mipcheck does not"
        yield Disagreement(seed, faults, kind, _show(finding))
    both = (ours.verdict, report.verdict)
    if both[0] != both[1] and not accused and not missed and not _excused(ours, report.verdict):
        yield Disagreement(seed, faults, f"verdict: the judge says {both[0]}, mipcheck {both[1]}", _why(ours, report))


def _same(finding: Finding, violation: Any) -> bool:
    """Say whether `violation` may be about `finding`: a section that states it, that interface, and that line.

    What is overdue has no line, and the draft gives it no exact time. One violation may stand for several lines.
    """
    where = finding.interface is None or violation.interface in (None, finding.interface)
    if not where or violation.section not in finding.sections:
        return False
    if finding.line is None or violation.overdue:
        return finding.line is None and (violation.overdue or finding.interface is None)
    return bool(violation.time <= finding.time <= max(violation.time, violation.last_time or 0))


def _excused(ours: Judgement, theirs: str) -> bool:
    """Say whether what the draft leaves open explains another verdict; a lack of evidence beside a hole is none."""
    return bool(ours.of("free")) and {ours.verdict, theirs} != {"conformant", "inconclusive"}


def _why(ours: Judgement, report: Any) -> str:
    lacking = [_show(finding) for finding in ours.of("untold")][:2]
    unsure = [f"{rule.id} {rule.status}" for rule in report.rules if rule.status in ("inconclusive", "unobservable")]
    return "; ".join([*lacking, *unsure])


def _show(finding: Finding) -> str:
    return f"{finding.interface} {finding.time / 1e9} (line {finding.line}): {finding.requirement}: {finding.text}"


@cache
def _specification() -> Any:
    from mipcheck.model.specification.load import load

    return load()


@cache
def _machine(role: str, capabilities: frozenset[str], given: frozenset[str]) -> Any:
    """Return a machine for sites that give these parameters; it is made once, which takes as long as all the rest."""
    from mipcheck.model.machine.compile import Machine
    from mipcheck.model.specification.configure import configure

    spec = _specification().for_role(role)
    return Machine(spec, configure(spec, {}), {}, capabilities, given)


def _settled(spec: Any, site: Any) -> Any:
    """Do what `machine_of` does, by giving the machine of another site this one's parameters and addresses."""
    from mipcheck.model.machine.kleene import UNKNOWN
    from mipcheck.model.specification.configure import configure, read_parameter

    machine = _machine(site.role, site.capabilities, frozenset(site.parameters))
    given = {name: read_parameter(machine.spec.parameters[name], word) for name, word in site.parameters.items()}
    machine.parameters = dict(configure(machine.spec, given))
    machine.site = {name: address for name, address in site.addresses.items() if name in machine.spec.sites}
    machine.slack = machine.parameters["t_slack"]
    constants = [*machine.parameters.values(), *(machine.site.get(name, UNKNOWN) for name in machine.spec.sites)]
    machine.constants[: len(constants)] = constants
    return machine


def check(text: str) -> Any:
    """Return mipcheck's report of the log `text`."""
    with _campaign():
        return _reports(text, False)[0]


def check_both(text: str) -> list[Any]:
    """Return mipcheck's reports of the log `text`, read line by line and in bulk."""
    with _campaign():
        return _reports(text, True)


@contextmanager
def _campaign() -> Iterator[None]:
    """Let mipcheck make once what it makes for each site, and is the same for all of them; logs are short.

    How many events native code may take depends on the parameters, but is more than any of these logs has. Nor do they
    need the room, or the second thread, that long ones do.
    """
    from mipcheck.checker.check import bulk, check
    from mipcheck.checker.logs.bulk import log, passes
    from mipcheck.checker.observe import columns, unit
    from mipcheck.checker.trace import ahead

    said = [(columns, "most_events"), (columns, "numbers_read"), (columns, "native_of"), (unit, "unit_of")]
    with ExitStack() as stack:
        for module in (check, bulk):
            stack.enter_context(patch.object(module, "machine_of", _settled))
        for module, name in said:
            stack.enter_context(patch.object(module, name, _once(getattr(module, name))))
        stack.enter_context(patch.multiple(log, BUFFER=_SMALL, MOST_ROWS=passes.FEWEST_ROWS))
        stack.enter_context(patch.object(ahead, "ahead", iter))
        yield


def _once(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return what a function of a machine, or of a specification, says of each the first time."""
    said: dict[int, tuple[Any, Any]] = {}

    def say(of: Any) -> Any:
        if id(of) not in said:
            said[id(of)] = of, function(of)  # with what it is of, or another would get that one's number
        return said[id(of)][1]

    return say


def _reports(text: str, natively: bool) -> list[Any]:
    """Return a report of the log `text`, and if asked `natively` a second one of the same file, read in bulk."""
    import mipcheck
    from mipcheck.checker.check import check
    from mipcheck.checker.trace import route

    spec, where = _specification(), _MEMORY if _MEMORY.is_dir() else None
    at_once = {**route.TABLE, route.LOGS: replace(route.TABLE[route.LOGS], kept=0, compiled=0)}
    with tempfile.NamedTemporaryFile("w", suffix=".log", dir=where) as file:
        file.write(text)
        file.flush()
        found = [mipcheck.check([file.name], spec=spec)]
        if natively:
            # Whatever cannot be read in bulk may not be left to the slow way.
            with patch.object(route, "TABLE", at_once), patch.object(check, "read_inputs", None):
                found.append(mipcheck.check([file.name], spec=spec))
    return found


def disagreements(
    seeds: range, faulty: bool, without: frozenset[str] = frozenset(), natively: bool = False
) -> list[Disagreement]:
    """Compare the two on all `seeds`; `without` names features that the scenarios do not have.

    Asked `natively`, compare mipcheck's two ways of reading as well: their reports have to be equal.
    """
    found = []
    with _campaign():
        for seed in seeds:
            faults = faults_of(seed, faulty)
            text = simulate(seed, faults, without)
            report, *others = _reports(text, natively)
            found += list(compare(text, seed, faults, report))
            kind = "mipcheck's two ways of reading give different reports"
            found += [Disagreement(seed, faults, kind, f"{report.verdict}, {o.verdict}") for o in others if o != report]
    return found


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1000, help="how many logs")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--faulty", action="store_true", help="inject faults")
    parser.add_argument("--without", action="append", default=[], choices=FEATURES, help="leave a feature out")
    parser.add_argument("--natively", action="store_true", help="read each log in bulk, too: the reports are equal")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes")
    parser.add_argument("--each", type=int, default=3, help="how many examples of each kind are shown")
    parser.add_argument("--show", action="store_true", help="print the logs and both judgements as well")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Run the comparison that `arguments` ask for, and print what was found."""
    options = _options(arguments)
    seeds = range(options.first, options.first + options.seeds)
    without = frozenset(options.without)
    if options.show:
        for seed in seeds:
            _print(simulate(seed, faults_of(seed, options.faulty), without))
    parts = [seeds[start : start + 100] for start in range(0, len(seeds), 100)]
    if options.jobs == 1:
        found = [each for part in parts for each in disagreements(part, options.faulty, without, options.natively)]
    else:
        with ProcessPoolExecutor(options.jobs) as pool:
            one = partial(disagreements, faulty=options.faulty, without=without, natively=options.natively)
            compared = pool.map(one, parts)
            found = [each for part in compared for each in part]
    kinds = collections.defaultdict(list)
    for each in found:
        kinds[each.kind].append(each)
    logs = len({each.seed for each in found})
    print(f"{len(seeds)} logs, the judge and mipcheck disagree on {logs}")
    flags = (" --faulty" if options.faulty else "") + "".join(f" --without {name}" for name in options.without)
    for kind, examples in sorted(kinds.items(), key=lambda pair: -len(pair[1])):
        print(f"\n{kind}: {len({each.seed for each in examples})} logs")
        for each in examples[: options.each]:
            print(f"  {each.what}")
            print(f"    python tests/oracle/compare.py --seeds 1 --first {each.seed}{flags} --show")
    return 1 if found else 0


def _print(text: str) -> None:
    ours, report = judge(text), check(text)
    print(text)
    print(f"judge: {ours.verdict}")
    for finding in ours.findings:
        print(f"  {finding.outcome} {_show(finding)}")
    print(f"mipcheck: {report.verdict}")
    for violation in report.violations:
        print(f"  {violation.message}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
