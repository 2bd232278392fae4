"""Pages of text, tables and pictures of traces, without a script: proofs, differences, comparisons, coverage.

As on a verdict's page, what comes from elsewhere is text: it is escaped where it is put in, and the page's policy lets
the browser run and fetch nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mipcheck.checker.check.report import Report
from mipcheck.checker.report.figure import figure
from mipcheck.checker.report.markup import page, text


def sheet(title: str, lead: str, body: Iterable[str]) -> str:
    """Return a page; `title` and `lead` are plain text, `body` parts made by the functions below."""
    return page("sheet.html", title, {"LEAD": paragraph(lead), "BODY": "".join(body)})


def paragraph(words: str, kind: str = "") -> str:
    """Return a paragraph of plain text, nothing for none."""
    return f'<p class="{text(kind)}">{text(words)}</p>' if words else ""


def section(title: str, parts: Iterable[str], badge: str = "", tone: str = "") -> str:
    """Return a section; `badge` is a word before its title, `tone` good, bad or nothing."""
    word = f'<span class="badge">{text(badge)}</span>' if badge else ""
    return f'<section class="{text(tone)}"><h2>{word}{text(title)}</h2>{"".join(parts)}</section>'


def listing(lines: Iterable[str]) -> str:
    """Return lines of plain text as a list."""
    return "<ul>" + "".join(f"<li>{text(line)}</li>" for line in lines) + "</ul>"


def table(head: Sequence[str], rows: Iterable[Sequence[Sequence[tuple[str, str]]]]) -> str:
    """Return a table whose cells are lines of text, each with the kind that it is ("" for none); the first cell of a
    row is its heading. Where there is no room for columns, a row is a block whose cells name their column."""
    cells = "".join(f'<th scope="col" role="columnheader">{text(word)}</th>' for word in head)
    found = [f'<div class="wide"><table role="table"><thead><tr role="row">{cells}</tr></thead><tbody>']
    for first, *rest in rows:
        others = "".join(
            f'<td role="cell" data-head="{text(name)}">{_lines(cell)}</td>'
            for name, cell in zip(head[1:], rest, strict=True)
        )
        found.append(f'<tr role="row"><th scope="row" role="rowheader">{_lines(first)}</th>{others}</tr>')
    return "".join([*found, "</tbody></table></div>"])


def _lines(cell: Sequence[tuple[str, str]]) -> str:
    return "".join(
        f'<div><span class="kind k-{text(kind.partition(" ")[0])}">{text(kind)}</span> {text(words)}</div>'
        if kind
        else f"<div>{text(words)}</div>"
        for kind, words in cell
    )


def sides(parts: Iterable[str]) -> str:
    """Return parts side by side, one below the other where there is no room."""
    return f'<div class="sides">{"".join(parts)}</div>'


def world(title: str, log: str, report: Report | None, why: str = "") -> str:
    """Return a trace as one party or one specification sees it: a picture, what is broken there and why, and the log.

    `why` says what is shown instead where there is no `report`.
    """
    parts = [f"<h3>{text(title)}</h3>"]
    if report is None:
        parts.append(paragraph(why, "none"))
    else:
        parts.append(figure(report, f"{title}: the sequence of events; the log below has the same as text"))
        found = [*report.violations, *report.warnings]
        for v in found:
            at = f"line {v.at.line}" if v.at.line is not None else "the configuration"
            wrong = "; ".join(v.wrong[1:] or v.wrong)
            parts.append(paragraph(f"✗ {v.rule} ({v.level}) is broken at {at}: {wrong}.", "stale"))
        if not found:
            parts.append(paragraph("✓ Nothing is broken.", "fine"))
    parts.append(f"<details><summary>As a log</summary><pre>{text_of_log(log)}</pre></details>")
    return f'<div class="side">{"".join(parts)}</div>'


def text_of_log(log: str) -> str:
    """Return a log as plain text, line by line."""
    return "\n".join(text(line) for line in log.splitlines())
