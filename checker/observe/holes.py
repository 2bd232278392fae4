"""Why a rule could not be judged: what was not known, and since when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mipcheck.checker.console.escape import printable
from mipcheck.checker.observe.blame import Leaf, Moment, Read, blame, evaluate, reads
from mipcheck.checker.observe.context import Context, show_event, state_shown
from mipcheck.checker.observe.observation import Hole
from mipcheck.model.machine.entries import used_rows
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.specification.spec import Require
from mipcheck.model.values.types import BASIC


@dataclass(frozen=True, slots=True)
class Lack:
    """The reason why a rule could not be judged; `kinds` of what is missing are history, gap, room (in a table),
    interface, source, and, each with its name after a blank, address and key.

    Of a rule that is unobservable, it is hidden.
    """

    text: str
    kinds: frozenset[str]


def explain_hole(context: Context, rule: int, hole: Hole) -> Lack:
    """Explain why the rule of that number could not be judged, the first time that it could not."""
    context = replace(context, interfaces=hole.moment.names)
    body = context.machine.rules[rule].body
    if not 0 <= hole.event < len(context.events):
        return Lack("what it depends on is not known", frozenset({"history"}))
    event = context.events[hole.event]
    where = f"{context.time(event.time)} ({printable(str(event.at))})"
    if hole.node is not None:
        where += f", for mobile node {BASIC['address'].show(hole.node)},"
    if hole.why:
        return Lack(f"at {where} {hole.why}", frozenset({"source"}))
    if hole.gap:
        text = f"at {where} evidence was missing while something was owed: {show_event(context.spec, event)}"
        return Lack(text, frozenset({"gap"}))
    moment = hole.moment
    terms = [body.condition]
    if not isinstance(body, Require) and evaluate(context.machine, body.condition, moment, moment.this) != UNKNOWN:
        terms = [p.condition for p in body.patterns if p.event == event.kind]
    missing: dict[str, str] = {}
    for term in terms:
        for leaf in blame(context.machine, term, moment, moment.this):
            if leaf.value == UNKNOWN:
                missing.update(_missing(context, hole, leaf))
    facts = "; ".join(missing) or "whether what was owed has been met is not known"
    return Lack(f"at {where} {facts}", frozenset(missing.values()))


def _missing(context: Context, hole: Hole, leaf: Leaf) -> Iterator[tuple[str, str]]:
    """Return what is not known in an unknown leaf, and since when; each with its kind (see `Lack`)."""
    moment = hole.moment
    for read in reads(context.machine, leaf.term, moment, leaf.interface):
        if read.value == UNKNOWN:
            other = read.interface is not None and read.interface != moment.this
            whose = f" of {context.name(read.interface)}" if other and read.interface is not None else ""
            since, kind = "so far", "history"
            if read.writer >= 0:
                since = f"since {printable(str(context.events[read.writer].at))}"
                sender = context.spec.events[context.events[read.writer].kind].sender
                kind = "gap" if sender == "observer" else "history"
            if beyond := _beyond(context, moment, read):
                kind = "room"
            yield f"{state_shown(context, read)}{whose} is not known {since}{beyond}", kind
    for term in leaf.term.walk():
        if term.kind == "site" and term.name not in context.machine.site:
            yield f"the address {term.name} is not known", f"address {term.name}"
        elif term.kind == "key" and evaluate(context.machine, term, moment, leaf.interface) == UNKNOWN:
            yield f"the event does not tell {term.name}", f"key {term.name}"
        elif term.kind == "this" and leaf.interface == UNKNOWN:
            yield "the event names no interface", "interface"


def _beyond(context: Context, moment: Moment, read: Read) -> str:
    """Say that there were more entries than a table holds, where one is not known for that reason."""
    table = context.spec.tables.get(read.name) if read.key else None
    if table is None or read.writer < 0 or context.spec.events[context.events[read.writer].kind].sender == "observer":
        return ""
    held = [row for row in used_rows(moment.entries)[1:] if row[0] == context.machine.tables[table.name]]
    return f": no more than {table.limit} are remembered" if len(held) >= table.limit else ""
