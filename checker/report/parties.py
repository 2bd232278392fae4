"""The reports on several parties as one: text, JSON, JSON Lines."""

from __future__ import annotations

from typing import Final

from mipcheck.checker.check.parties import Together
from mipcheck.checker.console.counts import counted
from mipcheck.checker.console.lines import Lines
from mipcheck.checker.console.valid_json import SCHEMA, dumps
from mipcheck.checker.report.json import as_object
from mipcheck.checker.report.jsonl import lines as lines_of
from mipcheck.checker.report.text import report_text
from mipcheck.model.specification.load import DEFAULT
from mipcheck.model.version import __version__

FORMATS: Final = ("text", "json", "jsonl")
"""What reports on several parties can be written as."""


def together_text(
    together: Together, width: int, colour: bool = False, verbose: bool = False, spec: str = DEFAULT
) -> str:
    """Return the report on each party under its name, the verdict on all, and who has no input; parameters as for
    `report_text`."""
    last = Lines(width, colour)
    last.line("")
    for a in together.absent:
        last.line(f"no input of {a.name} (role {a.role}), a party of system {a.system}: what it did was not judged")
    each = [f"{name} {r.verdict}" for name, r in together.reports.items()]
    last.title((together.verdict, "bold"), (f" of {counted(len(each), 'party', 'parties')}: {', '.join(each)}", ""))
    parts = []
    for name, report in together.reports.items():
        head = Lines(width, colour)
        role = together.roles[name]
        head.title((f"AT {name}", "bold"), (f" (role {role})" if role != name else "", ""))
        head.line("")
        parts.append(head.text() + report_text(report, width, colour, verbose, spec))
    return "\n".join(parts) + last.text()


def together_json(together: Together) -> str:
    """Return one JSON object: the verdict on all, by the name of each party what JSON has for it alone, and of which
    parties there is no input."""
    objects = {name: as_object(report) for name, report in together.reports.items()}
    head = {"schema": SCHEMA, "mipcheck": __version__, "spec": together.spec, "verdict": together.verdict}
    absent = [{"party": a.name, "role": a.role, "system": a.system} for a in together.absent]
    return dumps({**head, "parties": objects, "absent": absent}, indent=2) + "\n"


def together_jsonl(together: Together) -> str:
    """Return the JSON Lines of each party, in which each object has its `party`."""
    found = ({**line, "party": name} for name, report in together.reports.items() for line in lines_of(report))
    return "".join(f"{dumps(line)}\n" for line in found)
