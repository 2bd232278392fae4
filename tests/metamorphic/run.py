"""Run a case, and compare what came of it with what came of a changed one."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report, Violation
from mipcheck.checker.cli.main import main
from mipcheck.checker.console.errors import InputError, UsageError
from mipcheck.checker.trace.route import CAPTURES, EVENTS, LOGS
from mipcheck.model.specification.load import load

from making.routes import NEVER, native_from

SAME, NO_BETTER = "same", "no better"
"""How a changed case relates to the one it was made from: the verdict and what is broken stay; or what was not
conformant does not become so, and nothing is accused of what it was not accused of before."""


@dataclass(frozen=True, slots=True)
class Case:
    """Files of one run, each with its name, and the site file that they are checked with."""

    files: Mapping[str, bytes]
    config: str | None = None
    spec: str = "draft-01"


@dataclass(frozen=True, slots=True)
class Change:
    """A changed case. `later` is how many ns later everything happens, `names` what its interfaces were called."""

    name: str
    case: Case
    relation: str = SAME
    later: int = 0
    names: Mapping[str, str] = field(default_factory=dict)


Broken = tuple[str, str | None, int, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict, and what is broken: rule, interface, first and last time in ns. `error` says what cannot be read."""

    verdict: str
    broken: frozenset[Broken]
    error: str = ""
    report: Report | None = None

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Return what is broken, in full."""
        return self.report.violations if self.report else ()


def answer(case: Case, folder: Path, native: bool | None = None) -> Answer:
    """Check a case whose files are written to `folder`; natively or not, where that is asked for."""
    paths, config = _written(case, folder)
    with pytest.MonkeyPatch.context() as patched:
        if native is not None:
            for kind in (LOGS, CAPTURES, EVENTS):
                native_from(patched, kind, 0 if native else NEVER)
        try:
            report = check(paths, config=config, spec=load(case.spec))
        except (InputError, UsageError) as error:
            return Answer("error", frozenset(), str(error))
    origin = _origin(report)
    broken = frozenset((v.rule, v.interface, v.time + origin, v.last_time + origin) for v in report.violations)
    return Answer(report.verdict, broken, report=report)


def _written(case: Case, folder: Path) -> tuple[list[str], str | None]:
    """Write the files of a case to `folder`; return their paths, and that of its site file, if it has one."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in case.files.items():
        (folder / name).write_bytes(data)
    paths = [str(folder / name) for name in case.files]
    if case.config is None:
        return paths, None
    config = folder / "site.toml"
    config.write_text(case.config, "utf-8")
    return paths, str(config)


def _origin(report: Report) -> int:
    return report.start or 0


def wrong(before: Answer, after: Answer, change: Change) -> str | None:
    """Say what is wrong with `after`, the answer to `change`, where `before` was the answer without it."""
    if after.error and not before.error:
        return f"cannot be read: {after.error.splitlines()[0]}"
    names = dict(change.names)
    broken = {
        (rule, names.get(str(i), i), first - change.later, last - change.later) for rule, i, first, last in after.broken
    }
    if change.relation == SAME:
        if after.verdict != before.verdict:
            return f"{before.verdict} becomes {after.verdict}{_differ(broken, before.broken)}"
        return f"not the same is broken{_differ(broken, before.broken)}" if broken != before.broken else None
    if after.verdict == "conformant" != before.verdict:
        return f"{before.verdict} becomes conformant"
    added = [
        (rule, i, first)
        for rule, i, first, _ in broken
        if not any(i == other and begun <= first <= ended for _, other, begun, ended in before.broken)
    ]
    return f"accused of more: {sorted(added, key=str)[:3]}" if added else None


def _differ(now: set[Broken], before: frozenset[Broken]) -> str:
    return f"; more: {sorted(now - before, key=str)[:3]}, less: {sorted(before - now, key=str)[:3]}"


def failures(case: Case, changes: Iterator[Change] | Sequence[Change], folder: Path, both: bool) -> list[str]:
    """Return what is wrong with each of `changes` to `case`; with `both`, natively and frame by frame as well."""
    before = answer(case, folder / "as-it-is")
    found = []
    for number, change in enumerate(changes):
        here = folder / str(number)
        after = answer(change.case, here)
        if problem := wrong(before, after, change):
            found.append(f"{change.name}: {problem}")
        if both:
            slow, fast = answer(change.case, here, native=False), answer(change.case, here, native=True)
            if (slow.report, slow.error) != (fast.report, fast.error):
                found.append(f"{change.name}: natively {fast.verdict}, otherwise {slow.verdict}")
    return found


def converted(case: Case, folder: Path) -> Iterator[Change]:
    """Return a case of one input as what `convert` makes of it, text and JSON Lines, which says all that there is."""
    [path], config = _written(case, folder)
    options = ["--spec", case.spec, *(["--config", config] if config is not None else [])]
    for form in ("log", "jsonl"):
        made = folder / f"converted.{form}"
        if main(["convert", path, *options, "--format", form, "-o", str(made)]) == 0:
            yield Change(f"converted to {form}", Case({made.name: made.read_bytes()}, None, case.spec))


def zipped(case: Case) -> Case:
    """Return a case whose files are compressed."""
    return Case({f"{name}.gz": gzip.compress(data) for name, data in case.files.items()}, case.config, case.spec)
