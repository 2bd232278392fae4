"""`--expect FILE`: known deviations. What is expected makes no violation, what is new does, what is gone is stale.

The file is TOML, a table `[[expect]]` for each deviation: `rule`, and if wanted `input` (a glob of the file's name or
path), `interface`, `count` (how often, in all) or `at` (the number of a line or frame), `reason` and `until` (a date,
the last on which it is expected). An entry whose input is none of the run's is about another run.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import Any, Final

from mipcheck.checker.check.report import Excused, Report, Violation
from mipcheck.checker.console.errors import UsageError, did_you_mean, joined, quoted
from mipcheck.checker.console.escape import printable
from mipcheck.checker.console.output import keep_inputs
from mipcheck.checker.site.dotted import MOST, too_many_parts
from mipcheck.model.specification.spec import Spec

_LARGEST: Final = 4 * 1024 * 1024
"""Bytes of a file that is read."""

_TYPES: Final[Mapping[str, type]] = {
    "input": str,
    "rule": str,
    "interface": str,
    "count": int,
    "at": int,
    "reason": str,
    "until": date,
}


@dataclass(frozen=True)
class Expectation:
    """A deviation that is known; what is None is not said."""

    rule: str
    input: str | None = None
    interface: str | None = None
    count: int | None = None
    at: int | None = None
    reason: str | None = None
    until: date | None = None

    def fits_file(self, file: str) -> bool:
        """Decide whether it is about a file: the glob is of its path or of its name alone."""
        glob = self.input
        return glob is None or fnmatchcase(file, glob) or fnmatchcase(PurePath(file).name, glob)

    def fits(self, v: Violation) -> bool:
        """Decide whether it is about a finding, however often that was."""
        here = self.at is None or self.at == (v.at.line if v.at.frame is None else v.at.frame)
        return self.rule == v.rule and self.interface in (None, v.interface) and here and self.fits_file(v.at.file)

    def __str__(self) -> str:
        where = [f"input {self.input}"] if self.input is not None else []
        where += [f"interface {self.interface}"] if self.interface is not None else []
        where += [f"at {self.at}"] if self.at is not None else []
        return printable(", ".join([self.rule, *where]))


# --- reading and writing ------------------------------------------------------------------------------------------


def asked_for(path: str | None, update: bool, spec: Spec, read: Iterable[str | None]) -> list[Expectation]:
    """Return what `--expect PATH` holds; with `update` the file may have to be made, and is none of those that are
    `read`. Raises UsageError."""
    if path is None:
        raise UsageError("--expect-update needs --expect FILE, which it rewrites")
    if update:
        keep_inputs([("--expect-update", path)], read)
        if not Path(path).exists():
            return []
    return read_expectations(path, {r for machine in spec.machines() for r in machine.rules})


def read_expectations(path: str, rules: Collection[str]) -> list[Expectation]:
    """Read a file of expectations; `rules` are those that there are. Raises UsageError."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise UsageError(f"--expect {path}: larger than {_LARGEST // 1024**2} MiB")
        text = data.decode("utf-8")
        if line := too_many_parts(text):
            raise UsageError(f"--expect {path}, line {line}: a key of more than {MOST} parts")
        tables = tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"--expect {path} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--expect {path} is no TOML: {str(error)[:200]}") from None
    entries = tables.pop("expect", [])
    if tables or not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise UsageError(f"--expect {path}: only tables [[expect]] can stand there")
    return [_entry(f"--expect {path}, entry {n}", entry, rules) for n, entry in enumerate(entries, 1)]


def _entry(where: str, entry: Mapping[str, Any], rules: Collection[str]) -> Expectation:
    """Return an entry that was read. Raises UsageError."""
    for key, value in entry.items():
        if key not in _TYPES:
            raise UsageError(joined(f"{where}: unknown key {quoted(key)}", did_you_mean(key, _TYPES)))
        wanted = _TYPES[key]
        if not isinstance(value, wanted) or isinstance(value, bool | datetime):
            word = {str: "a text", int: "a number", date: "a date, as 2027-03-31"}[wanted]
            raise UsageError(f"{where}: {key} is {word}")
        if isinstance(value, int) and value < 1:
            raise UsageError(f"{where}: {key} is 1 or more")
    found = Expectation(**{"rule": "", **entry})
    if found.rule not in rules:
        raise UsageError(joined(f"{where}: there is no rule {quoted(found.rule)}", did_you_mean(found.rule, rules)))
    if found.count is not None and found.at is not None:
        raise UsageError(f"{where}: count and at exclude each other")
    return found


def written_expectations(entries: Iterable[Expectation]) -> str:
    """Return expectations as a file that reads back to them."""
    lines = ["# Known deviations: mipcheck --expect THIS FILE. --expect-update rewrites it; reasons and dates stay."]
    for entry in entries:
        lines += ["", "[[expect]]"]
        for key in _TYPES:
            value = getattr(entry, key)
            if value is not None:
                lines.append(f"{key} = {_toml(value) if isinstance(value, str) else value}")
    return "\n".join(lines) + "\n"


def _toml(text: str) -> str:
    r"""Return a basic string of TOML. A byte of a name that is no UTF-8 becomes `?`, which a glob takes for any."""
    safe = "".join("?" if 0xD800 <= ord(c) <= 0xDFFF else c for c in text)
    plain = "".join(f"\\{c}" if c in '"\\' else c if c.isprintable() else f"\\U{ord(c):08x}" for c in safe)
    return f'"{plain}"'


# --- judging ------------------------------------------------------------------------------------------------------


def with_expectations(report: Report, entries: Sequence[Expectation], today: date) -> Report:
    """Return the report with what is expected taken out of its violations, and what is stale told.

    With all expected the verdict is `expected`, unless the evidence has holes: then it is inconclusive, as it is
    without violations. What is stale alone makes it `stale`.
    """
    counted = len(report.violations)
    found = [*report.violations, *report.warnings]
    excuses: dict[int, str] = {}
    stale: list[str] = []
    for entry in entries:
        if not any(entry.fits_file(i.file) for i in report.inputs):
            continue
        if entry.until is not None and today > entry.until:
            stale.append(f"{entry}: expected until {entry.until} only")
            continue
        mine = [n for n, v in enumerate(found) if n not in excuses and entry.fits(v)]
        times = sum(found[n].count for n in mine)
        unlisted = _unlisted(report, entry)
        if not mine:
            if not any(entry.fits(v) for v in found):
                stale.append(f"{entry}: occurs no more")
            continue
        if entry.count is not None and times + unlisted > entry.count:
            mine = list(_within(found, mine, entry.count))
        elif entry.count is not None and times + unlisted < entry.count:
            stale.append(f"{entry}: occurs {times} times, expected are {entry.count}")
        excuses |= dict.fromkeys(mine, entry.reason or "")
    new = tuple(v for n, v in enumerate(found) if n < counted and n not in excuses)
    more = any(r.unlisted and not _covered(r.id, entries, today) for r in report.rules if _counts(report, r.id))
    if more:  # what is only counted may be anything, so that nothing of it is excused
        return replace(report, stale=tuple(stale))
    excused = tuple(Excused(found[n], excuses[n]) for n in sorted(excuses))
    verdict = report.verdict
    if not new:
        if stale:
            verdict = "stale"
        elif report.reasons:
            verdict = "inconclusive"
        elif report.verdict == "violation":
            verdict = "expected"
    return replace(
        report,
        verdict=verdict,
        violations=new,
        warnings=tuple(v for n, v in enumerate(found) if n >= counted and n not in excuses),
        excused=excused,
        stale=tuple(stale),
    )


def _within(found: Sequence[Violation], mine: Sequence[int], most: int) -> Iterator[int]:
    """Yield the first of the findings `mine`, as many as come to no more than `most` times."""
    for n in mine:
        most -= found[n].count
        if most < 0:
            return
        yield n


def _counts(report: Report, rule: str) -> bool:
    """Decide whether a rule's findings make the verdict."""
    return any(v.rule == rule for v in report.violations)


def _unlisted(report: Report, entry: Expectation) -> int:
    """Return how often an entry's rule was broken in ways that the report does not list."""
    return sum(r.unlisted for r in report.rules if r.id == entry.rule)


def _covered(rule: str, entries: Iterable[Expectation], today: date) -> bool:
    """Decide whether all findings of a rule are expected, also those that the report does not list."""
    return any(
        e == Expectation(rule, reason=e.reason, until=e.until) and (e.until is None or today <= e.until)
        for e in entries
    )


def updated(report: Report, entries: Sequence[Expectation], today: date) -> list[Expectation]:
    """Return the expectations after which this `report` (before any were applied) is expected.

    Entries that are about other inputs, or that still hold, stay as they are; what is gone is taken out; counts are
    made right, and dates that are over taken out; what is new gets an entry for each file, rule and interface.
    """
    kept: list[Expectation] = []
    left = list(report.violations)
    warned = list(report.warnings)
    for entry in entries:
        if not any(entry.fits_file(i.file) for i in report.inputs):
            kept.append(entry)
            continue
        mine = [v for v in left if entry.fits(v)]
        if not mine and not any(entry.fits(v) for v in warned):
            continue
        count = entry.count if entry.count is None else sum(v.count for v in mine or warned if entry.fits(v))
        until = None if entry.until is not None and today > entry.until else entry.until
        kept.append(replace(entry, count=count, until=until))
        left = [v for v in left if not entry.fits(v)]
    groups: dict[tuple[str, str, str | None], int] = {}
    for v in left:
        key = (v.at.file, v.rule, v.interface)
        groups[key] = groups.get(key, 0) + v.count
    for (file, rule, interface), count in groups.items():
        unlisted = any(r.id == rule and r.unlisted for r in report.rules)
        entry = Expectation(rule, _glob(file), interface, count, reason="not explained yet")
        kept.append(Expectation(rule, reason=entry.reason) if unlisted else entry)
    return list(dict.fromkeys(kept))


def _glob(file: str) -> str:
    """Return the glob that a path, and none else, fits."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in file)
