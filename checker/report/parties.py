"""The reports on several parties as one, in each format: who has no input is named in all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from mipcheck.checker.check.parties import Together
from mipcheck.checker.console.counts import counted
from mipcheck.checker.console.lines import Lines
from mipcheck.checker.console.valid_json import SCHEMA, dumps
from mipcheck.checker.report.github import reports_github
from mipcheck.checker.report.json import as_object
from mipcheck.checker.report.jsonl import lines as lines_of
from mipcheck.checker.report.junit import suites_of_parties
from mipcheck.checker.report.sarif import reports_sarif
from mipcheck.checker.report.text import report_text
from mipcheck.model.specification.load import DEFAULT
from mipcheck.model.version import __version__


def together_text(
    together: Together, width: int, colour: bool = False, verbose: bool = False, spec: str = DEFAULT
) -> str:
    """Return the report on each party under its name, the verdict on all, and who has no input; parameters as for
    `report_text`."""
    last = Lines(width, colour)
    last.line("")
    for a in together.absent:
        last.line(a.said)
    last.title((together.verdict, "bold"), (_of_each(together), ""))
    parts = []
    for name, report in together.reports.items():
        head = Lines(width, colour)
        role = together.roles[name]
        head.title((f"AT {name}", "bold"), (f" (role {role})" if role != name else "", ""))
        head.line("")
        parts.append(head.text() + report_text(report, width, colour, verbose, spec))
    return "\n".join(parts) + last.text()


def _of_each(together: Together) -> str:
    """Say what the verdicts are behind that on all."""
    each = [f"{name} {r.verdict}" for name, r in together.reports.items()]
    return f" of {counted(len(each), 'party', 'parties')}: {', '.join(each)}"


def together_json(together: Together) -> str:
    """Return one JSON object: the verdict on all, by the name of each party what JSON has for it alone, and of which
    parties there is no input."""
    objects = {name: as_object(report) for name, report in together.reports.items()}
    return dumps({**_head(together), "parties": objects, "absent": _absent(together)}, indent=2) + "\n"


def _head(together: Together) -> dict[str, object]:
    return {"schema": SCHEMA, "mipcheck": __version__, "spec": together.spec, "verdict": together.verdict}


def _absent(together: Together) -> list[dict[str, str]]:
    return [{"party": a.name, "role": a.role, "system": a.system} for a in together.absent]


def together_jsonl(together: Together) -> str:
    """Return the JSON Lines of each party, in which each object has its `party`, and one about all of them."""
    found = [{**line, "party": name} for name, report in together.reports.items() for line in lines_of(report)]
    verdicts = {name: report.verdict for name, report in together.reports.items()}
    last = {**_head(together), "kind": "together", "parties": verdicts, "absent": _absent(together)}
    return "".join(f"{dumps(line)}\n" for line in [*found, last])


def together_junit(together: Together) -> str:
    """Return a test suite for each party, and a test case for each of which there is no input."""
    return suites_of_parties(together.reports, [a.said for a in together.absent], together.strict)


def together_sarif(together: Together) -> str:
    """Return a run for each party; of which there is no input the first says."""
    return reports_sarif(together.reports, [a.said for a in together.absent])


def together_github(together: Together) -> str:
    """Return annotations of all parties, and the verdict on all."""
    told = f"{together.verdict}{_of_each(together)}"
    return reports_github(together.reports, told, [a.said for a in together.absent])


RENDERED: Final[Mapping[str, Callable[[Together], str]]] = {
    "json": together_json,
    "jsonl": together_jsonl,
    "junit": together_junit,
    "sarif": together_sarif,
    "github": together_github,
}
"""What reports on several parties can be written as, beside text."""
