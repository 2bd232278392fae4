"""A `Report` → text for a terminal or a file.

How lines are built, and why no input can do harm there, is in `console/lines.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from shlex import quote
from typing import Final

from mipcheck.checker.check.report import InputReport, Report, RuleReport, Violation, date
from mipcheck.checker.console.counts import counted, few
from mipcheck.checker.console.escape import printable
from mipcheck.checker.console.lines import Lines
from mipcheck.checker.trace.vocabulary import IPV6_NOTE, TELL_INTERNAL
from mipcheck.model.specification.load import DEFAULT
from mipcheck.model.specification.spec import MOBILE_NODE
from mipcheck.model.values.event import NODE, Position
from mipcheck.model.values.types import show_seconds
from mipcheck.model.version import __version__

_SHOWN: Final = 5
"""Violations of one rule that are described in full without --verbose."""
_INTERFACES: Final = 40
"""Interfaces of an input that are named."""

_STYLE: Final = {
    "violated": "bold red",
    "inconclusive": "yellow",
    "unobservable": "yellow",
    "held": "green",
    "not-exercised": "dim",
    "violation": "bold red",
    "conformant": "bold green",
    "expected": "bold green",
    "stale": "bold red",
}


_MEND: Final = {
    "hidden": "capture where the note says, or supply the keys",
    "address": "give the address {names} in the log's site line, in --config or with --set",
    "history": "let the trace begin when the node does (boot=true), or when its interfaces come up",
    "gap": "capture again, without gaps",
    "interface": "log the interface with every event",
    "key": "log {names} with every event that has it",
    "source": "add an input that shows what this one cannot, or whose stamps are finer",
    "doubt": "give other evidence of what may be right either way, as said above",
}
"""Advice that would make a run conclusive, by the kind of what is lacking, and the names of that."""


def report_text(report: Report, width: int, colour: bool = False, verbose: bool = False, spec: str = DEFAULT) -> str:
    """Return the report, in lines of at most `width` columns as far as words allow.

    `colour` puts terminal escapes in; `verbose` lists all findings, rules and parameters; `spec` is how the command
    line called the specification, for what it may be asked next.
    """
    lines = Lines(width, colour)
    _ReportWriter(lines, report, verbose, spec).write()
    return lines.text()


class _ReportWriter:
    """Writes a report into `lines`, part by part."""

    def __init__(self, lines: Lines, report: Report, verbose: bool, spec: str) -> None:
        self.lines, self.report, self.verbose = lines, report, verbose
        self.asked = "" if spec == DEFAULT else f" --spec {printable(quote(spec))}"
        self.rules = {r.id: r for r in report.rules}

    def write(self) -> None:
        for heading, found in (("VIOLATION", self.report.violations), ("WARNING", self.report.warnings)):
            self._findings(heading, found)
        self._known()
        self._rules()
        self.lines.labelled("inputs", [_input(i) for i in self.report.inputs])
        role = "" if self.report.role == MOBILE_NODE else f", role {self.report.role}{self._nodes()}"
        self.lines.labelled("spec", [f"{printable(self.report.spec)}{role} (mipcheck {__version__})"])
        self.lines.labelled("given", self._parameters())
        self.lines.labelled("closest", list(self._closest()) if self.verbose else [])
        aside = [f"{count} {reason}" for reason, count in self.report.set_aside.items()]
        self.lines.labelled("aside", [", ".join(aside)] if aside else [])
        beside = self._beside()
        self.lines.labelled("note", [note for note in self.report.notes if note not in beside])
        self._verdict()

    def _nodes(self) -> str:
        return "" if self.report.nodes is None else f" for {counted(self.report.nodes, 'mobile node')}"

    # --- findings -------------------------------------------------------------------------------------------------

    def _findings(self, heading: str, found: Sequence[Violation]) -> None:
        shown: dict[str, int] = {}
        for v in found:
            shown[v.rule] = shown.get(v.rule, 0) + 1
            if shown[v.rule] <= _SHOWN or self.verbose:
                self._finding(heading, v)
        for rule, count in shown.items():
            more = count - _SHOWN if count > _SHOWN and not self.verbose else 0
            unlisted = self.rules[rule].unlisted
            if more:
                self.lines.line(f"{more} more findings about {rule}: --verbose shows them.")
            if unlisted:
                self.lines.line(f"{unlisted} more violations of {rule}, for other causes, are only counted.")
            if more or unlisted:
                self.lines.line("")

    def _finding(self, heading: str, v: Violation) -> None:
        """Write a violation in full."""
        rule = self.rules[v.rule]
        style = "bold red" if heading == "VIOLATION" else "bold yellow"
        self.lines.title((heading, style), (f"  {v.rule} {v.level}", "bold"), (f"  {self._where(v)}", ""))
        self.lines.indented(rule.text)
        self.lines.labelled("cited", [rule.cite])
        if rule.reading is not None:
            self.lines.labelled(
                "reading", [f"{rule.reading} (see mipcheck explain {v.rule}{self.asked} for the others)"]
            )
        self.lines.labelled("seen", [v.seen + self._again(v)])
        self.lines.labelled("wrong", [v.wrong[0], *(f"- {w}" for w in v.wrong[1:])])
        self.lines.labelled("because", [f"{printable(_place(b.at))}: {b.text}" for b in v.because])
        self.lines.labelled("misses", list(_misses(v)))
        self.lines.labelled("instead", list(v.allowed))
        if self.verbose:
            said = [f"{'conforms' if r.conforms else 'mended'} if {r.text}" for r in v.repairs]
            self.lines.labelled("repair", said)
        self.lines.labelled("more", [f"mipcheck explain {v.rule}{self.asked}"])
        self.lines.line("")

    def _known(self) -> None:
        """Write known deviations in a line each, and those to be taken out."""
        for e in self.report.excused:
            v = e.violation
            parts = [
                ("EXPECTED", "bold"),
                (f"  {v.rule} {v.level}", "bold"),
                (f"  {self._where(v)}{self._again(v)}", ""),
            ]
            self.lines.title(*parts)
            if e.reason:
                self.lines.indented(e.reason)
        for text in self.report.stale:
            self.lines.title(("STALE", "bold red"), (f"  {text}", ""))
        if self.report.excused or self.report.stale:
            self.lines.line("")

    def _where(self, v: Violation) -> str:
        """Return where and when a violation was."""
        place = printable(str(v.at))
        if v.interface is None:
            return f"{place}, configuration"
        day = date(self.report, v.time)
        whose = f"mobile node {v.node}, " if v.node is not None else ""
        when = f"{whose}{printable(v.interface)} at {show_seconds(v.time)}" + (f" ({day})" if day is not None else "")
        return f"{when}, owed since {place}" if v.overdue else f"{place}, {when}"

    def _again(self, v: Violation) -> str:
        """Return how often more a rule was broken for the same cause, nothing if it was not."""
        if v.count == 1:
            return ""
        times = "once more" if v.count == 2 else f"{v.count - 1} times more"
        return f" (and {times} in the same state, until {show_seconds(v.last_time)}, {printable(_place(v.last_at))})"

    # --- rules ----------------------------------------------------------------------------------------------------

    def _rules(self) -> None:
        listed = [r for r in self.report.rules if self.verbose or r.status != "not-exercised"]
        self.lines.table(
            [
                [(r.id, "bold"), (r.level, ""), (r.section, ""), (r.status, _STYLE.get(r.status, "")), (_counts(r), "")]
                for r in listed
            ]
        )
        hidden = len(self.report.rules) - len(listed)
        if hidden:
            self.lines.line(f"{counted(hidden, 'rule')} not exercised by this trace (--verbose lists them).")
        self.lines.line("")
        unclear: dict[str, list[str]] = {}
        for r in self.report.rules:
            if r.why and r.status in ("inconclusive", "unobservable"):
                unclear.setdefault(r.why, []).append(r.id)
        self.lines.labelled("unclear", [f"{', '.join(ids)}: {why}" for why, ids in unclear.items()])

    # --- the rest -------------------------------------------------------------------------------------------------

    def _parameters(self) -> list[str]:
        given = [f"{p.name} = {p.value}" for p in self.report.parameters if p.given or self.verbose]
        return [", ".join(given)] if given else []

    def _closest(self) -> Iterator[str]:
        """Yield how close it was, of every time that ran and was met."""
        for m in self.report.margins or ():
            what = "done" if m.is_rule else f"“{m.name}” made to last"
            of = f", the closest of {m.times} times" if m.times > 1 else ""
            before = f"{what} {show_seconds(m.margin)} s before time was up{of}"
            rule = (m.name if m.interface == NODE else f"{m.name} on {m.interface}") if m.is_rule else m.interface
            yield f"{rule}: {before}, {printable(_place(m.at))}"

    def _verdict(self) -> None:
        report = self.report
        self.lines.line("")
        self.lines.title((report.verdict, _STYLE.get(report.verdict, "bold yellow")), (self._summary(), ""))
        for reason in report.reasons if report.verdict == "inconclusive" else ():
            self.lines.indented(f"- {reason}")
        for line in (*self._next(), *self._beside()):
            self.lines.line(line)

    def _beside(self) -> list[str]:
        """Return the notes that no reader of the verdict may miss: they come last."""
        return [note for note in self.report.notes if note.endswith(IPV6_NOTE)]

    def _summary(self) -> str:
        """Return the verdict's grounds in one sentence."""
        report = self.report
        musts = [r for r in report.rules if r.level == "MUST"]
        held = sum(r.status == "held" for r in report.rules)
        if report.verdict == "violation":
            ids = sorted({v.rule for v in report.violations}, key=list(self.rules).index)
            known = sum(e.violation.count for e in report.excused if e.violation.rule in ids)
            total = sum(self.rules[i].broken for i in ids) - known
            return f": {', '.join(ids)} broken, {counted(total, 'time')} in all"
        if report.verdict == "stale":
            return f": {counted(len(report.stale), 'expectation')} to be taken out, no MUST is broken in a new way"
        if report.verdict == "expected":
            times = sum(e.violation.count for e in report.excused)
            return f": no MUST is broken but as expected, {counted(times, 'time')} in all"
        if report.verdict == "conformant":
            idle = sum(r.status == "not-exercised" for r in musts)
            more = f"; {counted(idle, 'MUST')} of {len(musts)} not exercised" if idle else ""
            return f": nothing in this trace breaks a MUST; {counted(held, 'rule')} held{more}"
        but = " but as expected" if report.excused else ""
        return f": no MUST is seen broken{but}, {counted(held, 'rule')} held, but the evidence has holes"

    def _next(self) -> Iterable[str]:
        """Return what a reader may do next."""
        report = self.report
        if report.violations:
            yield f"Next: mipcheck explain {report.violations[0].rule}{self.asked}, or --format json for machines."
        elif report.verdict == "inconclusive":
            yield f"Next: {self._mend()}."
        elif report.verdict == "stale":
            yield "Next: take them out, or let --expect-update do so."
        elif report.warnings:
            rule = report.warnings[0].rule
            yield f"Next: mipcheck explain {rule}{self.asked}; --fail-on should makes warnings count."

    def _mend(self) -> str:
        """Return what would make an inconclusive run conclusive."""
        report = self.report
        if any(i.skipped for i in report.inputs):
            return "mend the lines that could not be read"
        lacks = {kind for r in report.rules if r.level == "MUST" for kind in r.lacks if r.status != "not-exercised"}
        names: dict[str, list[str]] = {}
        for lack in sorted(lacks):
            kind, _, name = lack.partition(" ")
            names.setdefault(kind, []).append(name)
        if report.gaps:
            names["gap"] = []
        advice = [text.format(names=_listed(names[kind])) for kind, text in _MEND.items() if kind in names]
        holes = [hole for i in report.inputs for hole in i.holes]
        if any(hole.endswith(TELL_INTERNAL) for hole in holes):
            advice.append("say what is internal, as said above")
        if any(not hole.endswith(TELL_INTERNAL) for hole in holes):
            advice.append("capture anew what could not be read, as said above")
        return (
            "; ".join(advice) or "see whether this is the trace you meant; --verbose lists what could have been judged"
        )


def _listed(names: Sequence[str]) -> str:
    """Return names as a part of a sentence: `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _misses(v: Violation) -> Iterator[str]:
    """Return the near misses of a violation, the oldest first."""
    if v.not_counted_more:
        yield f"{v.not_counted_more} more before these, not counted either"
    if not v.sought:
        yield "not looked for: there are too many findings; a part of the trace by itself tells them"
    for miss in v.not_counted:
        yield f"{printable(_place(miss.at))}: {miss.text}: not counted: {miss.why}"


def _input(i: InputReport) -> str:
    """Return one line on an input."""
    frames = f"{counted(i.frames, 'frame')}, " if i.frames is not None else ""
    skipped = f", {counted(i.skipped, 'line')} skipped" if i.skipped else ""
    interfaces = f" on {few(i.interfaces, _INTERFACES)}" if i.interfaces else ""
    return f"{i.file} ({i.kind}): {frames}{counted(i.events, 'event')}{interfaces}{skipped}"


def _counts(r: RuleReport) -> str:
    """Return how often a rule was kept, broken or unclear; of one not exercised, why."""
    if r.status == "not-exercised":
        return r.why
    if r.configuration:
        return "configuration"
    parts = [f"{r.kept} kept" if r.kept else "", f"{r.broken} broken" if r.broken else ""]
    return ", ".join(filter(None, [*parts, f"{r.unknown} unclear" if r.unknown else ""]))


def _place(at: Position) -> str:
    """Return a place beside which the file's folder need not be said again."""
    name = Path(at.file).name or at.file
    if at.frame is not None:
        return f"{name} frame {at.frame}"
    return name if at.line is None else f"{name}:{at.line}"
