"""What `mipcheck repair` says: the nearest repairs of one finding, the first also as a log that was replayed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from mipcheck.checker.check.machine import machine_of
from mipcheck.checker.check.mended import told
from mipcheck.checker.check.repair import Repair, Repairs, until
from mipcheck.checker.check.report import RepairReport
from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.console.lines import Lines
from mipcheck.checker.console.valid_json import SCHEMA, dumps
from mipcheck.checker.inputs.trace import Trace
from mipcheck.checker.observe.context import Context
from mipcheck.checker.observe.misses import Misses
from mipcheck.checker.report.json import at_object, repair_object, seconds
from mipcheck.checker.trace.vocabulary import Vocabulary, vocabulary_of
from mipcheck.checker.verbs.one_finding import Meant, common, judged
from mipcheck.model.values.event import Position


@dataclass(frozen=True)
class Repaired:
    """The nearest repairs of a finding: of `rule`, on an interface, at `time` (ns) and a place.

    `whole` is whether all that is worth trying was tried, in so many replays, before `timeout` (seconds) was over.
    `log` is the trace after the first repair.
    """

    rule: str
    interface: str
    time: int
    at: Position
    repairs: tuple[RepairReport, ...]
    replays: int
    whole: bool
    timeout: float
    log: str = ""


def repaired(meant: Meant, timeout: float = 20.0, as_log: bool = False) -> Repaired:
    """Return the nearest repairs of the finding that is meant, found in `timeout` seconds.

    Raises UsageError where there is no such finding, and what reading does.
    """
    spec = meant.spec
    vocabulary = vocabulary_of(spec)
    trace = meant.trace(vocabulary)
    machine = machine_of(spec, trace.site)
    repairs = Repairs(machine, trace)
    finding = meant.chosen(machine, trace.events, repairs.observation.findings, "repair")
    origin = trace.events[0].time if trace.absolute else 0
    context = Context(machine, trace.events, repairs.observation.interfaces, origin)
    search = repairs.nearest(finding, Misses(context).of(finding), until(timeout))
    place = trace.events[finding.event].at if finding.event >= 0 else Position(trace.inputs[0].file)
    found = Repaired(
        machine.rules[finding.rule].id,
        finding.interface or "",
        finding.time - origin,
        place,
        tuple(told(context, repairs, r) for r in search.repairs),
        search.tried,
        search.whole,
        timeout,
    )
    if as_log and search.repairs:
        text = _log(trace, vocabulary, search.repairs[0], found)
        judged(spec, text, vocabulary)
        found = replace(found, log=text)
    return found


def _log(trace: Trace, vocabulary: Vocabulary, repair: Repair, found: Repaired) -> str:
    """Return the trace after a repair as a log. Raises UsageError for events that no log can hold."""
    from mipcheck.checker.logs.text import write_log
    from mipcheck.checker.site.site import without_keys

    sight = common(trace.inputs)
    comments = [f"Repaired: {found.rule} is not broken here if {found.repairs[0].text}."]
    site = without_keys(trace.site)
    try:
        return write_log([e for _, e in repair.world], site, vocabulary, comments, absolute=trace.absolute,
                         sight=sight)  # fmt: skip
    except ValueError as error:
        raise UsageError(f"no log can hold the trace: {error}") from None


def repaired_json(found: Repaired) -> str:
    """Return the repairs as one JSON object."""
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "rule": found.rule,
        "interface": found.interface,
        "time": seconds(found.time),
        "at": at_object(found.at),
        "repairs": [repair_object(r) for r in found.repairs],
        "replays": found.replays,
        "complete": found.whole,
        "timeout": found.timeout,
    }
    return dumps(content, indent=2) + "\n"


def repaired_text(found: Repaired, width: int, colour: bool = False) -> str:
    """Return the repairs for a terminal of `width` columns."""
    lines = Lines(width, colour)
    lines.title((found.rule, "bold"), (f" {found.interface}, {seconds(found.time):.6f} s, {found.at}", ""))
    for n, repair in enumerate(found.repairs):
        said = f"{'conforms' if repair.conforms else 'mended'} if {repair.text}"
        lines.labelled("or" if n else "repair", [said])
    if found.repairs and not all(r.conforms for r in found.repairs):
        lines.line("Where the trace does not conform then, other rules are broken still, as they are now.")
    if not found.repairs:
        what = f"none in {found.timeout:g} s" if not found.whole else "none of up to three changes that were tried"
        lines.labelled("repair", [f"{what} ({found.replays:,} replays)"])
    elif not found.whole:
        lines.line(f"Time was up after {found.timeout:g} s: there may be nearer ones.")
    return lines.text()
