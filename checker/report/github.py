"""A `Report` → GitHub's workflow commands: annotations beside the lines of what is checked in.

GitHub shows ten annotations of a kind for each step; what is beyond that is counted in one that is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from mipcheck.checker.check.report import Report, Violation
from mipcheck.checker.console.escape import printable

_SHOWN: Final = 10
"""Annotations of a kind that GitHub shows for a step."""

_DATA: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def report_github(report: Report) -> str:
    """Return a line for each annotation: an error a violation, a warning a violated SHOULD, and the verdict last."""
    lines = [*_annotations("error", report.violations), *_annotations("warning", report.warnings)]
    if report.stale:
        lines.append(_command("error", {"title": "mipcheck: stale"}, "\n".join(map(printable, report.stale))))
    reasons = "".join(f"\n- {printable(reason)}" for reason in report.reasons)
    told = f"{report.spec}: {report.verdict}"
    lines.append(_command("notice", {"title": "mipcheck"}, f"{printable(told)}{reasons}"))
    return "\n".join(lines) + "\n"


def reports_github(reports: Mapping[str, Report], told: str, absent: Sequence[str]) -> str:
    """Return the annotations of several parties.

    The last is what is `told` of all, why, and what `absent` says of parties without an input.
    """
    lines = [
        *_annotations("error", [v for r in reports.values() for v in r.violations]),
        *_annotations("warning", [v for r in reports.values() for v in r.warnings]),
    ]
    reasons = [f"{party}: {reason}" for party, r in reports.items() for reason in r.reasons]
    said = "".join(f"\n- {printable(line)}" for line in [*reasons, *absent])
    spec = next(iter(reports.values())).spec
    lines.append(_command("notice", {"title": "mipcheck"}, f"{printable(f'{spec}: {told}')}{said}"))
    return "\n".join(lines) + "\n"


def _annotations(kind: str, found: Sequence[Violation]) -> list[str]:
    """Return the findings of a kind, as many as are shown; the last says how many there are besides."""
    shown = found if len(found) <= _SHOWN else found[: _SHOWN - 1]
    lines = [_annotation(kind, v) for v in shown]
    if len(found) > len(shown):
        lines.append(_command(kind, {"title": "mipcheck"}, f"{len(found) - len(shown)} more findings"))
    return lines


def _annotation(kind: str, v: Violation) -> str:
    """Return one finding, at its line; of a capture its frame is named."""
    place = {"file": v.at.file, "line": None if v.at.line is None else str(v.at.line)}
    frame = "" if v.at.frame is None else f", frame {v.at.frame}"
    title = f"{v.rule} {v.level} {v.section}{frame}"
    lines = [v.message, *(f"{b.at}: {b.text}" for b in v.because), *(f"instead: {a}" for a in v.allowed)]
    return _command(kind, {**place, "title": title}, "\n".join(map(printable, lines)))


def _command(kind: str, properties: dict[str, str | None], message: str) -> str:
    """Return a workflow command; nothing in it can end it or begin another."""
    given = [f"{n}={printable(value).translate(_PROPERTY)}" for n, value in properties.items() if value is not None]
    return f"::{kind} {','.join(given)}::{message.translate(_DATA)}"
