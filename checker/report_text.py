"""A `Report` → text for a terminal or a file.

Nothing from an input is ever taken for markup, and all of it passes through `printable`: a trace may be hostile.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mipcheck import __version__
from mipcheck.checker.escape import printable
from mipcheck.checker.run import InputReport, Report, RuleReport, Violation, date
from mipcheck.model.event import Position
from mipcheck.model.types import show_seconds

_LABEL: Final = 9
_SHOWN: Final = 5
"""Violations of one rule that are described in full without --verbose."""

_STYLE: Final = {
    "violated": "bold red",
    "inconclusive": "yellow",
    "unobservable": "yellow",
    "held": "green",
    "not-exercised": "dim",
    "violation": "bold red",
    "conformant": "bold green",
}


def report_text(report: Report, width: int, colour: bool = False, verbose: bool = False) -> str:
    """The report, in lines of at most `width` columns as far as words allow."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=max(20, width),
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
        _environ={},
    )
    _Writer(console, report, verbose).write()
    return "\n".join(line.rstrip() for line in out.getvalue().split("\n")) if not colour else out.getvalue()


class _Writer:
    def __init__(self, console: Console, report: Report, verbose: bool) -> None:
        self.console, self.report, self.verbose = console, report, verbose
        self.rules = {r.id: r for r in report.rules}

    def write(self) -> None:
        for heading, found in (("VIOLATION", self.report.violations), ("WARNING", self.report.warnings)):
            self._findings(heading, found)
        self._rules()
        self._labelled("inputs", [_input(i) for i in self.report.inputs])
        self._labelled("spec", [f"{printable(self.report.spec)} (mipcheck {__version__})"])
        self._labelled("given", self._parameters())
        self._labelled("aside", [f"{count} {printable(reason)}" for reason, count in self.report.set_aside.items()])
        self._labelled("note", list(self.report.notes))
        self._verdict()

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
                self._line(f"{more} more findings about {rule}: --verbose shows them.")
            if unlisted:
                self._line(f"{unlisted} more violations of {rule}, for other causes, are only counted.")
            if more or unlisted:
                self._line("")

    def _finding(self, heading: str, v: Violation) -> None:
        rule = self.rules[v.rule]
        title = Text()
        title.append(heading, "bold red" if heading == "VIOLATION" else "bold yellow")
        title.append(f"  {v.rule} {v.level}", "bold")
        title.append(f"  {self._where(v)}")
        self._print(title)
        self._print(Padding(Text(rule.text), (0, 0, 0, 2)))
        self._labelled("cited", [rule.cite])
        if rule.reading is not None:
            self._labelled("reading", [f"{rule.reading} (see mipcheck explain {v.rule} for the others)"])
        self._labelled("seen", [v.seen + self._again(v)])
        self._labelled("wrong", [v.wrong[0], *(f"but {w}" for w in v.wrong[1:])])
        self._labelled("because", [f"{printable(_place(b.at))}: {b.text}" for b in v.because])
        self._labelled("instead", list(v.allowed))
        self._labelled("more", [f"mipcheck explain {v.rule}"])
        self._line("")

    def _where(self, v: Violation) -> str:
        place = printable(str(v.at))
        if v.interface is None:
            return f"{place}, configuration"
        day = date(self.report, v.time)
        when = show_seconds(v.time) + (f" ({day})" if day is not None else "")
        return f"{place}, {printable(v.interface)} at {when}"

    def _again(self, v: Violation) -> str:
        if v.count == 1:
            return ""
        times = "once more" if v.count == 2 else f"{v.count - 1} times more"
        return f" (and {times} for the same cause, until {show_seconds(v.last_time)}, {printable(_place(v.last_at))})"

    # --- rules ----------------------------------------------------------------------------------------------------

    def _rules(self) -> None:
        listed = [r for r in self.report.rules if self.verbose or r.status != "not-exercised"]
        if listed:
            table = Table.grid(padding=(0, 2, 0, 0))
            table.add_column(no_wrap=True)
            table.add_column(no_wrap=True)
            table.add_column(no_wrap=True)
            table.add_column(no_wrap=True)
            table.add_column()
            for r in listed:
                status = Text(r.status, _STYLE.get(r.status, ""))
                table.add_row(Text(r.id, "bold"), Text(r.level), Text(r.section), status, Text(_counts(r)))
            self._print(table)
        hidden = len(self.report.rules) - len(listed)
        if hidden:
            self._line(f"{_count(hidden, 'rule')} not exercised by this trace (--verbose lists them).")
        self._line("")

    # --- the rest -------------------------------------------------------------------------------------------------

    def _parameters(self) -> list[str]:
        given = [f"{p.name} = {p.value}" for p in self.report.parameters if p.given or self.verbose]
        return [", ".join(given)] if given else []

    def _verdict(self) -> None:
        report = self.report
        self._line("")
        verdict = Text(report.verdict, _STYLE.get(report.verdict, "bold yellow"))
        verdict.append(self._summary(), "not bold default")
        self._print(verdict)
        for reason in report.reasons if report.verdict == "inconclusive" else ():
            self._print(Padding(Text(f"- {printable(reason)}"), (0, 0, 0, 2)))
        for line in self._next():
            self._line(line)

    def _summary(self) -> str:
        report = self.report
        musts = [r for r in report.rules if r.level == "MUST"]
        held = sum(r.status == "held" for r in report.rules)
        if report.verdict == "violation":
            ids = sorted({v.rule for v in report.violations}, key=list(self.rules).index)
            total = sum(self.rules[i].broken for i in ids)
            return f": {', '.join(ids)} broken, {_count(total, 'time')} in all"
        if report.verdict == "conformant":
            idle = sum(r.status == "not-exercised" for r in musts)
            more = f"; {_count(idle, 'MUST')} of {len(musts)} not exercised" if idle else ""
            return f": nothing in this trace breaks a MUST; {_count(held, 'rule')} held{more}"
        return f": no MUST is seen broken, {_count(held, 'rule')} held, but the evidence has holes"

    def _next(self) -> Iterable[str]:
        report = self.report
        if report.violations:
            yield f"Next: mipcheck explain {report.violations[0].rule}, or --format json for machines."
        elif report.verdict == "inconclusive":
            yield "Next: start the trace before the node does (boot=true), or mend what is listed above."
        elif report.warnings:
            yield f"Next: mipcheck explain {report.warnings[0].rule}; --fail-on should makes warnings count."

    # --- lines ----------------------------------------------------------------------------------------------------

    def _labelled(self, label: str, texts: Sequence[str]) -> None:
        if not texts:
            return
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column(no_wrap=True, width=_LABEL)
        table.add_column(overflow="fold")
        for n, text in enumerate(texts):
            table.add_row(Text(f"  {label}" if n == 0 else "", "cyan"), Text(printable(text), overflow="fold"))
        self._print(table)

    def _line(self, text: str) -> None:
        self._print(Text(printable(text)))

    def _print(self, item: Text | Table | Padding) -> None:
        self.console.print(item, overflow="fold")


def _input(i: InputReport) -> str:
    frames = f"{_count(i.frames, 'frame')}, " if i.frames is not None else ""
    skipped = f", {_count(i.skipped, 'line')} skipped" if i.skipped else ""
    interfaces = f" on {', '.join(i.interfaces)}" if i.interfaces else ""
    return f"{i.file} ({i.kind}): {frames}{_count(i.events, 'event')}{interfaces}{skipped}"


def _counts(r: RuleReport) -> str:
    parts = [f"{r.kept} kept" if r.kept else "", f"{r.broken} broken" if r.broken else ""]
    parts.append(f"{r.unknown} cannot be told" if r.unknown else "")
    text = (
        ", ".join(filter(None, parts))
        if not r.configuration
        else "configuration"
        if r.status != "not-exercised"
        else ""
    )
    return text + (": " if text and r.why else "") + printable(r.why)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _place(at: Position) -> str:
    """A position beside which the file's folder need not be said again."""
    name = Path(at.file).name or at.file
    if at.frame is not None:
        return f"{name} frame {at.frame}"
    return name if at.line is None else f"{name}:{at.line}"
