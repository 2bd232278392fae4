"""What a fleet came to: counts by file, by rule and by field of the path, as text or JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from mipcheck.checker.check.report import VERDICTS
from mipcheck.checker.console.counts import counted
from mipcheck.checker.console.errors import listed
from mipcheck.checker.console.escape import printable
from mipcheck.checker.console.lines import Lines
from mipcheck.checker.console.valid_json import SCHEMA, dumps
from mipcheck.checker.fleet.inputs import File, PathPattern, shown
from mipcheck.checker.fleet.work import FileOutcome
from mipcheck.model.version import __version__

_SHOWN: Final = 40
"""Files of a list that the text names without --verbose."""

UNMATCHED: Final = "(no match)"
"""Where files are counted whose path the pattern does not match."""

_UNCLEAR: Final = ("inconclusive", "unobservable")
_STYLE: Final = {
    "violation": "bold red",
    "stale": "bold red",
    "inconclusive": "yellow",
    "expected": "bold green",
    "conformant": "bold green",
}


@dataclass(frozen=True)
class FileLine:
    """A file in the summary. `status` is one of `STATUS` in `work.py`, or `pending` if the run ended before.

    `expected` are the rules that are broken as is known; they are not among those `violated` then.
    """

    path: str
    status: str
    verdict: str | None
    reason: str
    violated: tuple[str, ...]
    unclear: tuple[str, ...]
    events: int
    frames: int | None
    earlier: bool
    expected: tuple[str, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass
class RuleCount:
    """A rule over all files: in how many it had which status, and how often it was broken."""

    level: str
    section: str
    files: dict[str, int] = field(default_factory=dict)
    violations: int = 0


@dataclass
class Summary:
    """What a fleet came to; it grows file by file. `others` counts what lay in the folders and is no log or capture.

    Where it is to be `reported`, all `outcomes` are kept. With known deviations `stale` says which are to be taken out
    (None where none were given).
    """

    spec: str
    order: Sequence[str]
    fail_on: str = "must"
    pattern: PathPattern | None = None
    by: tuple[str, ...] = ()
    others: int = 0
    stopped: str = ""
    lines: dict[str, FileLine] = field(default_factory=dict)
    rules: dict[str, RuleCount] = field(default_factory=dict)
    reported: bool = False
    outcomes: dict[str, FileOutcome] = field(default_factory=dict)
    stale: tuple[str, ...] | None = None

    def add(self, outcome: FileOutcome, earlier: bool = False) -> None:
        """Add a file that is done with; `earlier` if its result is of a run before."""
        checked = outcome.status == "checked"
        if self.reported:
            self.outcomes[outcome.file.path] = outcome
        counts = ("MUST", "SHOULD") if self.fail_on == "should" else ("MUST",)
        self.lines[outcome.file.path] = FileLine(
            outcome.file.path,
            outcome.status,
            outcome.verdict,
            outcome.error,
            tuple(r.id for r in outcome.rules if r.status == "violated" and r.level in counts),
            tuple(r.id for r in outcome.rules if r.status in _UNCLEAR and r.level == "MUST"),
            outcome.events or 0,
            outcome.frames,
            earlier,
            parameters=outcome.parameters,
        )
        for rule in outcome.rules if checked else ():
            count = self.rules.setdefault(rule.id, RuleCount(rule.level, rule.section))
            count.files[rule.status] = count.files.get(rule.status, 0) + 1
            count.violations += rule.violations

    def pending(self, files: Iterable[File], why: str) -> None:
        """Add those of the `files` that no run has come to; `why` is said of each."""
        self.stopped = why
        for file in files:
            if file.path not in self.lines:
                self.lines[file.path] = FileLine(file.path, "pending", None, why, (), (), 0, None, False)
                if self.reported:
                    self.outcomes[file.path] = FileOutcome(file, "pending", why)

    def excuse(self, verdicts: Mapping[str, str], expected: Mapping[str, Sequence[str]], stale: Sequence[str]) -> None:
        """Take known deviations into account: verdicts of files by path, the rules that are broken as is known, and
        what is stale."""
        self.stale = tuple(stale)
        for path, line in self.lines.items():
            if line.verdict is not None:
                known = tuple(dict.fromkeys(expected.get(path, ())))
                verdict = verdicts[path]
                violated = () if verdict != "violation" else line.violated
                self.lines[path] = replace(line, verdict=verdict, violated=violated, expected=known)

    # --- counts ---------------------------------------------------------------------------------------------------

    @property
    def verdicts(self) -> tuple[str, ...]:
        """What a file can come to, the worst first."""
        return VERDICTS if self.stale is None else (*VERDICTS[:-1], "expected", *VERDICTS[-1:])

    def counted(self, lines: Iterable[FileLine]) -> dict[str, int]:
        """Count files by verdict, and those without any."""
        counts = dict.fromkeys((*self.verdicts, "unchecked"), 0)
        for line in lines:
            counts[line.verdict or "unchecked"] += 1
        return counts

    def grouped(self, name: str) -> dict[str, list[FileLine]]:
        """Return the files by a field of their path, those last that the pattern does not match."""
        groups: dict[str, list[FileLine]] = {}
        for line in self.ordered():
            fields = self.pattern.fields(line.path) if self.pattern is not None else None
            groups.setdefault(UNMATCHED if fields is None else fields[name], []).append(line)
        return {n: groups[n] for n in sorted(groups, key=lambda n: (n == UNMATCHED, n))}

    def ordered(self) -> list[FileLine]:
        """Return all files by path."""
        return [self.lines[path] for path in sorted(self.lines)]

    def ordered_rules(self) -> list[tuple[str, RuleCount]]:
        """Return the rules as the specification orders them, those last that it does not have."""
        known = [*self.order, *sorted(self.rules.keys() - set(self.order))]
        return [(name, self.rules[name]) for name in known if name in self.rules]

    def verdict(self) -> str:
        """Return the verdict of the fleet: what is seen broken stays broken, whatever else could not be checked."""
        counts = self.counted(self.lines.values())
        if counts["violation"]:
            return "violation"
        if self.stale:
            return "stale"
        if counts["inconclusive"] or counts["unchecked"]:
            return "inconclusive"
        return "expected" if counts.get("expected") else "conformant"

    def exit_code(self) -> int:
        """Return the first that applies: 1 a violation in any file, or known deviations that are stale, 4 an error of
        mipcheck's own with any, 2 no file could be read, 3 a file without a verdict or an inconclusive one, 0 all are
        conformant or as expected."""
        states = {line.status for line in self.lines.values()}
        if self.verdict() in ("violation", "stale"):
            return 1
        if "error" in states:
            return 4
        if states == {"unreadable"}:
            return 2
        return 3 if self.verdict() == "inconclusive" else 0


# --- JSON ---------------------------------------------------------------------------------------------------------


def summary_json(summary: Summary) -> str:
    """Return the summary as one JSON object."""
    return dumps(_object(summary), indent=2) + "\n"


def _object(s: Summary) -> dict[str, Any]:
    """Return the summary as JSON has it."""
    lines = s.ordered()
    return {
        "schema": SCHEMA,
        "mipcheck": __version__,
        "spec": s.spec,
        "verdict": s.verdict(),
        "exit": s.exit_code(),
        "files": len(lines),
        "counts": s.counted(lines),
        "events": sum(line.events for line in lines),
        "frames": sum(line.frames or 0 for line in lines),
        "earlier": sum(line.earlier for line in lines),
        "by": {name: {value: s.counted(group) for value, group in s.grouped(name).items()} for name in s.by},
        "by_rule": [
            {"id": name, "level": r.level, "section": r.section, "violations": r.violations, "files": dict(r.files)}
            for name, r in s.ordered_rules()
        ],
        "by_file": [_file(s, line) for line in lines if line.status == "checked"],
        "unchecked": [_file(s, line) for line in lines if line.status != "checked"],
        "others_in_folders": s.others,
        "stopped": s.stopped or None,
        **({} if s.stale is None else {"stale": list(s.stale)}),
    }


def _file(s: Summary, line: FileLine) -> dict[str, Any]:
    """Return a file as JSON has it: its verdict, or why there is none."""
    fields = s.pattern.fields(line.path) if s.pattern is not None else None
    found = {"file": line.path, "fields": fields, "status": line.status, "earlier": line.earlier}
    if line.status != "checked":
        return {**found, "reason": line.reason}
    rest = {"verdict": line.verdict, "violated": list(line.violated), "inconclusive": list(line.unclear)}
    known = {} if s.stale is None else {"expected": list(line.expected)}
    given = {"parameters": dict(line.parameters)}
    return {**found, **rest, **known, "events": line.events, "frames": line.frames, **given}


# --- text ---------------------------------------------------------------------------------------------------------


def summary_text(summary: Summary, width: int, colour: bool = False, verbose: bool = False) -> str:
    """Return the summary for a terminal of `width` columns; `verbose` lists every file and rule."""
    lines = Lines(width, colour)
    _SummaryWriter(lines, summary, verbose).write()
    return lines.text()


class _SummaryWriter:
    """Writes a summary into lines, section by section."""

    def __init__(self, lines: Lines, summary: Summary, verbose: bool) -> None:
        self.lines, self.summary, self.verbose = lines, summary, verbose

    def write(self) -> None:
        """Write all sections, and the verdict last, where a terminal shows it."""
        self._by_file()
        self._by_rule()
        for name in self.summary.by:
            self._by_field(name)
        self._unchecked()
        self._verdict()

    def _by_file(self) -> None:
        """Write what became of each file that was checked."""
        checked = [line for line in self.summary.ordered() if line.status == "checked"]
        listed_ = [line for line in checked if self.verbose or line.verdict != "conformant"]
        self._listed(
            "by file",
            [
                [(line.verdict or "", _STYLE[line.verdict or ""]), (shown(line.path), ""), (_rules(line), "")]
                for line in listed_
            ],
        )
        rest = len(checked) - len(listed_)
        if rest:
            self.lines.line(f"{counted(rest, 'file')} conformant (--verbose lists them).")
        self._space(bool(checked))

    def _by_rule(self) -> None:
        """Write in how many files each rule had which status."""
        rules = [
            (n, r) for n, r in self.summary.ordered_rules() if self.verbose or {"violated", *_UNCLEAR} & r.files.keys()
        ]
        self._listed(
            "by rule",
            [[(name, "bold"), (r.level, ""), (r.section, ""), (_spread(r), "")] for name, r in rules],
            all_of_them=True,
        )
        self._space(bool(rules))

    def _by_field(self, name: str) -> None:
        """Write the counts for each value of a field."""
        groups = self.summary.grouped(name)
        rows = [[("", ""), *((word, "dim") for word in ("files", *self.summary.verdicts, "unchecked"))]]
        for value, group in groups.items():
            counts = self.summary.counted(group)
            cells = [(str(n) if n else "-", _STYLE.get(v, "") if n else "") for v, n in counts.items()]
            rows.append([(value, "bold"), (str(len(group)), ""), *cells])
        self._listed(f"by {name}", rows, all_of_them=True)
        self._space(True)

    def _unchecked(self) -> None:
        """Write which files have no verdict, and why."""
        missing = [line for line in self.summary.ordered() if line.status != "checked"]
        self._listed(
            "not checked",
            [[(m.status, "yellow"), (shown(m.path), ""), (_first(m.reason, m.path), "")] for m in missing],
        )
        others = self.summary.others
        if others:
            self.lines.line(f"{counted(others, 'other file')} in the folders given, neither logs nor captures by name.")
        self._space(bool(missing or others))

    def _verdict(self) -> None:
        """Write what was read, the verdict, and what to do next."""
        s = self.summary
        lines = s.ordered()
        counts = s.counted(lines)
        parts = [f"{counts[v]} {v}" for v in s.verdicts if counts[v]]
        parts += [f"{counts['unchecked']} not checked"] if counts["unchecked"] else []
        earlier = sum(line.earlier for line in lines)
        before = f" ({earlier} of them by an earlier run)" if earlier else ""
        events = sum(line.events for line in lines)
        self.lines.labelled("spec", [f"{printable(s.spec)} (mipcheck {__version__})"])
        self.lines.labelled("read", [f"{counted(events, 'event')} in {counted(len(lines), 'file')}{before}"])
        self.lines.labelled("stopped", [s.stopped] if s.stopped else [])
        self.lines.labelled("stale", [f"to be taken out of the expectations: {printable(x)}" for x in s.stale or ()])
        verdict = s.verdict()
        self.lines.title((verdict, _STYLE[verdict]), (f": {', '.join(parts)}", ""))
        first = next((line for line in lines if line.verdict == verdict != "conformant"), None)
        if first is not None:
            what = f"with a copy of {shown(first.path)}" if "://" in first.path else shown(first.path)
            self.lines.line(f"Next: mipcheck {what}, with the same options, explains that file.")

    def _listed(self, title: str, rows: Sequence[Sequence[tuple[str, str]]], all_of_them: bool = False) -> None:
        """Write a title and rows of cells below, as many as there is room for."""
        if not rows:
            return
        few = rows if self.verbose or all_of_them else rows[:_SHOWN]
        self.lines.title((title, "bold"))
        self.lines.table([[("", ""), *row] for row in few])
        if len(few) < len(rows):
            self.lines.line(f"  and {len(rows) - len(few)} more (--verbose or --format json lists them)")

    def _space(self, wanted: bool) -> None:
        """Write an empty line below what was written."""
        if wanted:
            self.lines.line("")


def _rules(line: FileLine) -> str:
    """Name the rules to which a file owes its verdict."""
    if line.verdict == "violation":
        return listed([r for r in line.violated if r not in line.expected] or line.violated)
    if line.verdict == "expected":
        return listed(line.expected)
    return listed(line.unclear) if line.verdict == "inconclusive" else ""


def _spread(r: RuleCount) -> str:
    """Tell a rule's statuses and in how many files each: `violated in 2 (5 times), held in 7`."""
    words = ("violated", "inconclusive", "unobservable", "held", "not-exercised")
    parts = [f"{word} in {r.files[word]}" for word in words if word in r.files]
    times = f" ({counted(r.violations, 'time')})" if r.violations else ""
    return ", ".join(part + (times if part.startswith("violated") else "") for part in parts)


def _first(reason: str, path: str) -> str:
    """Return the first line of a reason, without the path that stands beside it."""
    line = reason.partition("\n")[0]
    return line.removeprefix(printable(path)).removeprefix(":").strip()
