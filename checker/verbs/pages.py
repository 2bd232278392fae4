"""Pages of what the prover, comparisons and the catalogue say: each verb's `--report html=FILE`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Final

from mipcheck.checker.check.readings import resolved
from mipcheck.checker.check.report import Report
from mipcheck.checker.console.counts import counted, few
from mipcheck.checker.console.output import write
from mipcheck.checker.proofs.partings import verdicts
from mipcheck.checker.proofs.replayed import report_on, show_parameter
from mipcheck.checker.report import sheet
from mipcheck.checker.verbs.ambiguities_parted import AmbiguityEntry
from mipcheck.checker.verbs.compare_report import parted
from mipcheck.checker.verbs.compare_table import Compared, Fact
from mipcheck.checker.verbs.diff_changes import Difference
from mipcheck.checker.verbs.prove_results import Answered
from mipcheck.checker.verbs.synthesize_drawn import drawing
from mipcheck.checker.verbs.synthesize_measured import Point, Points
from mipcheck.checker.verbs.synthesize_region import Synthesis, plane
from mipcheck.model.language.show import show_citations
from mipcheck.model.specification.compose import owners
from mipcheck.model.specification.spec import Spec
from mipcheck.model.values.errors import UserError

KINDS: Final = ("html",)
"""What these verbs can be reported as besides their own formats."""
_ROWS: Final = 500
_NAMED: Final = 5
"""Measured points of a table, and files of a point that are named."""
_TONES: Final = {"proved": "good", "refuted": "bad", "vacuous": "bad"}


def write_pages(args: argparse.Namespace, made: Callable[[], str]) -> None:
    """Write the page to each file that `--report` names. Raises UsageError."""
    if args.report:
        page = made()
        for _, path in args.report:
            write(page, path)


def _world(title: str, spec: Spec, log: str) -> str:
    """Return a log as a specification judges it; what that has no words for is said."""
    report: Report | None = None
    why = ""
    try:
        report = report_on(spec, log)
    except UserError as error:
        why = f"{spec.name} has no words for all of it: {str(error).splitlines()[0].partition(': ')[2]}"
    return sheet.world(title, log, report, why)


def _worlds(title: str, spec: Spec, log: str) -> list[str]:
    """Return the logs of a trace, one for each party, as pictures."""
    head = "mipcheck-trace 1\n"
    logs = [head + part for part in log.split(head) if part.strip()]
    return [_world(title if len(logs) == 1 else f"{title}, {_party(one)}", spec, one) for one in logs]


def _party(log: str) -> str:
    """Return the name of the party whose log it is."""
    words = next((line for line in log.splitlines() if line.startswith("site ")), "").split()
    said = dict(word.partition("=")[::2] for word in words)
    return f"at {said.get('party', said.get('role', 'the node'))}"


# --- prove --------------------------------------------------------------------------------------------------------


def prove_page(spec: Spec, proved: Sequence[Answered]) -> str:
    """Return the page on results of the prover."""
    counts = ", ".join(
        f"{sum(p.result.result == word for p in proved)} {word}"
        for word in dict.fromkeys(p.result.result for p in proved)
    )
    return sheet.sheet(f"{spec.name}: {counts}", "What was proved of the specification, and what was refuted, with a"
                       " trace that shows it.", [_result(spec, p) for p in proved])  # fmt: skip


def _result(spec: Spec, p: Answered) -> str:
    r = p.result
    owner = owners(spec)[r.name]
    parts = [sheet.paragraph(owner.properties[r.name].text)]
    facts = [f"section {r.section}"] if r.section else []
    facts += [f"by {r.method}"] if r.result == "proved" else []
    facts += [f"for {r.interfaces} interfaces"] if r.result == "proved" and r.interfaces else []
    facts += [f"needs {', '.join(n.rule for n in r.needs)}"] if r.needs else []
    facts += [f"assumes {', '.join(r.assumes)}"] if r.assumes else []
    facts += r.excluded
    facts += [f"because {r.reason}"] if r.reason else []
    parts.append(sheet.paragraph(" · ".join(facts), "about"))
    for need in r.needs:
        parts.append(sheet.paragraph(f"Without {need.rule} it does not hold.", "none"))
    if p.logs:
        which = f"{'the shortest' if r.shortest else 'a'} counterexample"
        parts.append(sheet.sides(_world(f"at {name}" if name else which, spec, log) for name, log in p.logs.items()))
    return sheet.section(r.name, parts, r.result, _TONES.get(r.result, ""))


# --- synthesize ---------------------------------------------------------------------------------------------------


def synthesize_page(s: Synthesis, measured: Points | None = None) -> str:
    """Return the page on the region of parameters for which a property holds, with the files of fleets."""
    where = {"true": "for all values", "false": "for no values"}.get(s.formula, f"where {s.formula}")
    known = "holds exactly" if s.region.known else "may hold"
    parts = [sheet.paragraph(s.spec.properties[s.property].text), sheet.paragraph(f"It {known} {where}.")]
    if s.by_default:
        parts.append(
            sheet.paragraph(f"Where the site leaves the others to their defaults: exactly where {s.by_default}.")
        )
    if s.region.known:
        ends = ("for each there are counterexamples" if s.formula == "false" else
                "inside it is proved, in dense time; outside there are counterexamples")  # fmt: skip
        parts.append(sheet.paragraph(f"{ends[0].upper()}{ends[1:]}.", "about"))
    else:
        parts.append(sheet.paragraph(f"This is not known, because {s.region.reason}.", "none"))
    if plane(s) is not None:
        parts.append(f'<div class="region">{drawing(s, measured)}</div>')
    elif measured is not None:
        parts.append(sheet.paragraph(measured.said()))
    if measured is not None:
        rows = [[[("", word)] for word in _point(s, p)] for p in measured.points[:_ROWS]]
        parts.append(sheet.table(["verdict", "in the region", "parameters", "files"], rows))
        if len(measured.points) > _ROWS:
            parts.append(sheet.paragraph(f"{len(measured.points) - _ROWS:,} more points are not listed.", "none"))
    if s.counterexample:
        parts.append(sheet.sides([_world("near the border, outside", s.spec, s.counterexample)]))
    tone = "good" if s.region.known else ""
    body = [sheet.section(s.property, parts, "exact" if s.region.known else "unknown", tone)]
    return sheet.sheet(
        f"{s.spec.name}: for which parameters {s.property} holds", "What is filled is where it holds.", body
    )


def _point(s: Synthesis, p: Point) -> tuple[str, ...]:
    """Return the row of a measured point."""
    return p.verdict, "inside" if p.inside else "outside", _values(s, p), few(p.files, _NAMED, ",")


def _values(s: Synthesis, p: Point) -> str:
    return ", ".join(f"{n} = {show_parameter(s.spec, n, v)}" for n, v in p.values.items() if f"{n} " in f"{s.formula} ")


# --- two worlds ---------------------------------------------------------------------------------------------------


def ambiguities_page(spec: Spec, entries: Sequence[AmbiguityEntry]) -> str:
    """Return the page on ambiguous sentences: each pair of readings, side by side."""
    body = []
    for e in entries:
        a = e.ambiguity
        parts = [sheet.paragraph(a.text), sheet.listing(f"{name}: {why}" if why else name for name, why in a.readings)]
        for p in e.pairs:
            if not p.found.trace:
                said = "never part, which is proved" if p.found.same else f"unknown: {p.found.reason}"
                parts.append(sheet.paragraph(f"{p.first} and {p.second}: {said}.", "none"))
                continue
            parts.append(sheet.paragraph(verdicts(p.found, p.first, p.second), "about"))
            parts.append(sheet.sides(_world(f"read as {name}", resolved(spec, {a.name: name}), p.found.trace)
                                     for name in (p.first, p.second)))  # fmt: skip
        body.append(sheet.section(f"{a.name}  {show_citations(a.cite)}", parts, e.level))
    return sheet.sheet(f"{spec.name}: sentences that can be read in several ways", "Each pair of readings with the"
                       " shortest trace on which they part.", body)  # fmt: skip


def diff_page(d: Difference) -> str:
    """Return the page on what differs between two specifications."""
    body = []
    for c in d.changes:
        rows = [[[("", aspect)], [("", before)], [("", after)]] for aspect, (before, after) in c.telling.items()]
        parts = [sheet.table(["aspect", d.left.name, d.right.name], rows)] if rows else []
        if c.behaviour is not None and c.behaviour.found.trace:
            found = c.behaviour.found
            parts.append(sheet.paragraph(verdicts(found, d.left.name, d.right.name), "about"))
            parts.append(sheet.sides(_world(f"for {s.name}", s, found.trace) for s in (d.left, d.right)))
        elif c.behaviour is not None:
            parts.append(sheet.paragraph(f"What it allows: {c.behaviour.result}.", "none"))
        body.append(sheet.section(f"{c.kind} {c.name}", parts, c.change))
    differ = counted(len(d.changes), "declaration")
    lead = (
        f"What differs: {differ}. Where that changes what is allowed, the shortest trace shows it, as each judges it."
    )
    return sheet.sheet(f"{d.left.name} and {d.right.name}", lead, body)


# --- compare ------------------------------------------------------------------------------------------------------


def compare_page(c: Compared) -> str:
    """Return the page on proposals by guidelines: a table, and below it each trace as a picture."""

    def cell(facts: Sequence[Fact]) -> list[tuple[str, str]]:
        lines = [((f.kind, _fact(f)), ("wrong", f"not as it is said to be: {f.wrong}")) for f in facts]
        return [line for f, pair in zip(facts, lines, strict=True) for line in pair[: 1 + bool(f.wrong)]]

    rows = [[[("", g.text)], *(cell(c.cells[name][spec]) for spec in c.specs)] for name, g in c.guidelines.items()]
    body = [sheet.section("By guideline", [sheet.table(["guideline", *c.specs], rows)])]
    for spec in c.specs:
        traces = {f.trace: f for g in c.guidelines for f in c.cells[g][spec] if f.trace}
        loaded = resolved(spec) if traces else None
        for trace, f in traces.items():
            assert loaded is not None
            parts = [sheet.paragraph(f.text), sheet.sides(_worlds("the shortest trace", loaded, trace))]
            body.append(sheet.section(f"{spec}: {f.by}", parts, "trace", "bad"))
    if c.apart is not None:
        parts = [sheet.paragraph(parted(c, c.apart) if c.apart.trace else c.apart.reason)]
        if c.apart.trace:
            parts.append(sheet.sides(_world(f"for {name}", resolved(name), c.apart.trace) for name in c.specs))
        body.append(sheet.section("What tells the two apart", parts))
    return sheet.sheet("Proposals compared: " + ", ".join(c.specs[:4]) + (" …" if len(c.specs) > 4 else ""),
                       "What each proposal comes to by each question: a proof, a trace that shows the contrary, a"
                       " number, who changes, an opinion, or unknown.", body)  # fmt: skip


def _fact(f: Fact) -> str:
    number = f"{f.by} = {f.value}" if f.kind == "number" and f.value is not None else ""
    return number or (f"{f.text} ({f.by})" if f.by and f.kind != "change" else f.by or f.text)
