"""A `Report` with its chart → one HTML page that opens from the disk and asks nobody for anything.

All text is in the page as text, for readers without script and for those who listen; the script draws the chart beside
it. What comes from an input is never markup or script: it is escaped here, the script puts text in as text only, and
the page's own policy lets the browser run nothing but the script that came along (its hash), and fetch nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from mipcheck.checker.check.chart import Chart, Moments
from mipcheck.checker.check.margins import Margin
from mipcheck.checker.check.report import Report, RuleReport, Violation, date
from mipcheck.checker.console.counts import counted
from mipcheck.checker.console.valid_json import dumps
from mipcheck.checker.report.json import seconds
from mipcheck.checker.report.markup import asset, page, text
from mipcheck.checker.report.page_data import LED, numbered, page_data, said_by_place
from mipcheck.model.specification.spec import MOBILE_NODE
from mipcheck.model.values.event import Position
from mipcheck.model.values.types import show_seconds

_VERDICTS: Final = {
    "violation": "Violation",
    "conformant": "Conformant",
    "inconclusive": "Inconclusive",
    "expected": "As expected",
    "stale": "Expectations are out of date",
}
_STATUS: Final = {
    "held": "kept",
    "violated": "broken",
    "inconclusive": "not clear",
    "unobservable": "cannot be seen",
    "not-exercised": "did not come up",
}


def report_html(report: Report) -> str:
    """Return the page."""
    parts = {
        "VERDICT": text(report.verdict),
        "HEADER": "".join(_header(report)),
        "FINDINGS": "".join(_findings(report)),
        "RULES": "".join(_rules(report)),
        "EVIDENCE": "".join(_evidence(report)),
        "DATA": _inert(dumps(page_data(report))),
    }
    title = f"{_VERDICTS.get(report.verdict, report.verdict)}: {', '.join(_names(report))}"
    return page("page.html", title, parts, asset("page.js"))


def _inert(json: str) -> str:
    """Return JSON in which nothing can end the element that it stands in."""
    return json.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _names(report: Report) -> list[str]:
    return [Path(i.file).name or i.file for i in report.inputs[:3]]


# --- the head -----------------------------------------------------------------------------------------------------


def _header(report: Report) -> Iterator[str]:
    """Yield the verdict in a sentence, and what it is about."""
    badge = text(_VERDICTS.get(report.verdict, report.verdict))
    yield f'<p class="verdict {text(report.verdict)}"><span class="badge">{badge}</span></p>'
    yield f"<h1>{text(_sentence(report))}</h1>"
    inputs = ", ".join(
        f"{i.file} ({counted(i.frames, 'frame', form=',')})" if i.frames is not None else i.file
        for i in report.inputs[:8]
    )
    more = f" and {len(report.inputs) - 8} more" if len(report.inputs) > 8 else ""
    role = "" if report.role == MOBILE_NODE else f", as {report.role}"
    start = date(report, 0)
    began = f" · begins {text(start)}" if start is not None else ""
    events = counted(report.events or 0, "event", form=",")
    yield f'<p class="about">{text(inputs)}{more} · {events} · held to {text(report.spec + role)}{began}</p>'


def _sentence(report: Report) -> str:
    musts = [r for r in report.rules if r.level == "MUST"]
    held = sum(r.status == "held" for r in report.rules)
    broken = list(dict.fromkeys(v.rule for v in report.violations))
    times = sum(r.broken for r in report.rules if r.id in broken) - sum(
        e.violation.count for e in report.excused if e.violation.rule in broken
    )
    match report.verdict:
        case "violation":
            what = "A requirement is broken" if len(broken) == 1 else f"{len(broken)} requirements are broken"
            return f"{what}, {'once' if times == 1 else f'{times:,} times in all'}"
        case "conformant":
            idle = sum(r.status == "not-exercised" for r in musts)
            more = f"; {idle} of {len(musts)} did not come up" if idle else ""
            return f"Nothing here breaks a requirement: {held} were kept{more}"
        case "inconclusive":
            return f"No requirement is seen broken and {held} were kept, but evidence is missing"
        case "expected":
            return "Nothing is broken but what is known and expected"
    return "What is expected does not occur any more"


# --- findings -----------------------------------------------------------------------------------------------------


def _findings(report: Report) -> Iterator[str]:
    rules = {r.id: r for r in report.rules}
    found = numbered(report)
    words = said_by_place(report.chart, report.role)
    moments = {} if report.chart is None else {(m.rule, m.interface, m.node, m.time): m for m in report.chart.moments}
    reasons = {id(e.violation): e.reason for e in report.excused}
    for n, kind, v in found:
        yield from _finding(
            report,
            n,
            kind,
            v,
            rules[v.rule],
            words,
            moments.get((v.rule, v.interface, v.node, v.time)),
            reasons.get(id(v)),
        )
    total = len(report.violations) + len(report.warnings) + len(report.excused)
    if total > len(found):
        yield f"<p>{total - len(found)} more findings are not on this page; JSON has them all.</p>"
    unlisted = sum(r.unlisted for r in report.rules)
    if unlisted:
        yield f"<p>{unlisted:,} more violations, for other causes, are only counted.</p>"
    for line in report.stale:
        yield f'<p class="stale">To be taken out of the expectations: {text(line)}</p>'
    if not total:
        missing = ' But <a href="#evidence">evidence is missing</a>.' if report.verdict == "inconclusive" else ""
        yield f"<p class=none>Nothing is seen to be wrong.{missing}</p>"


def _finding(
    report: Report,
    n: int,
    kind: str,
    v: Violation,
    rule: RuleReport,
    words: dict[Position, str],
    moment: Moments | None,
    reason: str | None,
) -> Iterator[str]:
    """Yield one finding, all that is to be said of it."""
    where = (
        "the configuration"
        if v.interface is None
        else v.interface
        if v.node is None
        else f"{v.interface}, node {v.node}"
    )
    when = "" if v.interface is None else f" at {clock(report, v.time)}"
    times = "" if v.count == 1 else f", {v.count:,} times"
    yield f'<details class="finding {kind}" id="finding-{n}" data-finding="{n}"><summary>'
    yield f'<span class="number" aria-hidden="true">{n}</span><span class="what">'
    yield f'<span class="rule">{text(v.rule)}</span>'
    yield f' <span class="level">{text(v.level)}</span> {text(rule.text)}'
    yield f'<span class="where">{text(where)}{text(when)}{times}</span></span></summary><div class="body">'
    if reason is not None:
        yield f"<h3>Known, and expected</h3><p>{text(reason or 'no reason is given')}</p>"
    plain = words.get(v.at, "")
    owed = "Owed since then, and not done. " if v.overdue else ""
    yield f"<h3>What happened</h3><p>{text(owed + plain)} {_link(report, v.at)}</p><p class=raw>{text(v.seen)}</p>"
    yield from _stage(report.chart, v)
    if v.count > 1:
        yield f"<p>In the same state again until {text(clock(report, v.last_time))}, {_link(report, v.last_at)}.</p>"
    yield "<h3>Why it is wrong</h3>" + _list(map(text, v.wrong[1:] or v.wrong))
    yield from _led(report, "What led there", [(b.at, b.text, "") for b in v.because], words)
    if v.not_counted_more:
        yield f"<p>{v.not_counted_more:,} earlier near misses are not told.</p>"
    yield from _led(report, "What came close, and did not count", [(m.at, m.text, m.why) for m in v.not_counted], words)
    yield "<h3>What would have been allowed</h3>" + _list(map(text, v.allowed))
    if v.repairs:
        yield "<h3>It would not be broken if</h3>" + _list(
            text(r.text) + ("" if r.conforms else " (other requirements stay broken)") for r in v.repairs
        )
    cited = f"{v.rule} ({v.level}), section {v.section}; cited: {rule.cite}."
    yield f"<h3>The requirement</h3><p>{text(cited)}</p>"
    if rule.reading is not None:
        yield f"<p>It can be read in several ways; this is the reading “{text(rule.reading)}”.</p>"
    demand = v.wrong[0] if len(v.wrong) > 1 else moment.demand if moment is not None else ""
    if demand:
        yield f"<p class=raw>{text(demand)}</p>"
    if moment is not None:
        yield from _state(moment)
    yield "</div></details>"


def _stage(chart: Chart | None, v: Violation) -> Iterator[str]:
    """Yield what the interface was at a finding, where that is known."""
    if chart is None:
        return
    for s in chart.stages:
        if s.interface == v.interface and s.since <= v.time <= s.until and s.name in chart.texts:
            meant = f"<p>{text(s.interface)} counted as “{text(s.name)}”: {text(chart.texts[s.name])}.</p>"
            if v.time < s.until or s.until == chart.end:
                yield meant
                return


def _led(
    report: Report, title: str, steps: Sequence[tuple[Position, str, str]], words: dict[Position, str]
) -> Iterator[str]:
    """Yield events that have to do with a finding, the oldest first."""
    if not steps:
        return
    yield f"<h3>{title}</h3><ol class=led>"
    if len(steps) > LED:
        yield f"<li>{len(steps) - LED} earlier ones are not told</li>"
    for at, what, why in steps[-LED:]:
        plain = words.get(at, "")
        yield f"<li>{text(plain) + '. ' if plain else ''}{_link(report, at)}<span class=raw>{text(what)}</span>"
        yield f"<span class=why>{text(why)}</span></li>" if why else "</li>"
    yield "</ol>"


def _state(moment: Moments) -> Iterator[str]:
    """Yield the state at a finding: what the rule asked, and the rest."""
    for title, facts in (
        ("What was known then, of what the rule asks", [f for f in moment.facts if f.asked]),
        ("All else that was known", [f for f in moment.facts if not f.asked]),
    ):
        if facts:
            rows = "".join(
                f"<tr><td>{text(f.name)}</td><td>{text(f.value)}</td><td>{text(f.text)}</td></tr>" for f in facts
            )
            yield f"<details class=state><summary>{title}</summary><table><tbody>{rows}</tbody></table></details>"


def _link(report: Report, at: Position) -> str:
    """Return a link to a place: `line 21`, `wlan.pcapng frame 212`."""
    number = at.frame if at.frame is not None else at.line
    named = f"{Path(at.file).name or at.file} " if len(report.inputs) > 1 else ""
    if number is None:
        return text(named)
    kind = "frame" if at.frame is not None else "line"
    files = [i.file for i in report.inputs]
    which = f"file={files.index(at.file) + 1}&amp;" if len(files) > 1 and at.file in files else ""
    return f'<a href="#{which}{kind}={number}">{text(named)}{kind} {number}</a>'


def _list(items: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>"


# --- rules and evidence -------------------------------------------------------------------------------------------


def _rules(report: Report) -> Iterator[str]:
    """Yield the rules as rows of a table, those that did not come up last."""
    order = ("violated", "inconclusive", "unobservable", "held", "not-exercised")
    for r in sorted(report.rules, key=lambda r: order.index(r.status) if r.status in order else len(order)):
        counts = [
            f"{r.kept:,} kept" if r.kept and not r.configuration else "",
            f"{r.broken:,} broken" if r.broken else "",
        ]
        counts += [f"{r.unknown:,} unclear" if r.unknown else "", r.why]
        yield f'<tr class="{text(r.status)}"><th scope=row>{text(r.id)}</th><td>{text(r.level)}</td>'
        yield f"<td>{text(r.section)}</td><td><span class=status>{_STATUS.get(r.status, text(r.status))}</span></td>"
        yield f"<td>{text(r.text)}<span class=count>{text('; '.join(filter(None, counts)))}</span></td></tr>"


def _evidence(report: Report) -> Iterator[str]:
    """Yield what is missing, notes, parameters, and what this page leaves out."""
    holes = [f"{i.file}: {hole}" for i in report.inputs for hole in i.holes]
    out = list(report.chart.left_out) if report.chart is not None else []
    for title, lines in (
        ("Why it is not conclusive", report.reasons),
        ("Evidence that is missing", [h for h in holes if h not in report.reasons]),
        ("Notes", report.notes),
        ("Left out of the chart", out),
    ):
        if lines:
            yield f"<h3>{title}</h3>" + _list(map(text, lines))
    if report.margins:
        yield "<h3>How close it was</h3>" + _list(_margin(report, m) for m in report.margins)
    given = [f"{p.name} = {p.value}" for p in report.parameters if p.given]
    if given:
        yield f"<h3>Given</h3><p class=raw>{text(', '.join(given))}</p>"
    addresses = _addresses(report.chart)
    if addresses:
        yield f"<h3>Addresses</h3><p class=raw>{text(addresses)}</p>"


def _margin(report: Report, m: Margin) -> str:
    """Return how close it was, of what was done in time."""
    what = f"{m.name}: done" if m.is_rule else f"“{m.name}” was made to last"
    of = f", the closest of {m.times:,} times" if m.times > 1 else ""
    return f"{text(f'{m.interface}, {what} {m.margin / 10**9:.3f} s before time was up{of}')} {_link(report, m.at)}"


def _addresses(chart: Chart | None) -> str:
    return "" if chart is None else ", ".join(f"{name} = {value}" for name, value in chart.addresses.items())


def clock(report: Report, time: int) -> str:
    """Return a time as the page shows it: seconds, and the time of the day where there is one."""
    day = date(report, time)
    shown = f"{seconds(time):.3f} s" if abs(time) < 10**15 else f"{show_seconds(time)} s"
    return shown if day is None else f"{shown} ({day})"
