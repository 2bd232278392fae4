"""Why a rule could not be judged: what was not known, and since when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mipcheck.checker.console.escape import printable
from mipcheck.checker.observe.blame import Leaf, Moment, Read, blame, evaluate, reads
from mipcheck.checker.observe.context import Context, show_event, state_shown
from mipcheck.checker.observe.observation import Finding, Hole
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.specification.spec import Allow, Require
from mipcheck.model.specification.term import Term
from mipcheck.model.values.event import Event
from mipcheck.model.values.types import BASIC


@dataclass(frozen=True, slots=True)
class Lack:
    """The reason why a rule could not be judged; `kinds` of what is missing are history, gap, room (in a table),
    interface, source, doubt (nothing is missing: the rule says that this cannot be told), and, each with its name after
    a blank, address and key.

    Of a rule that is unobservable, it is hidden.
    """

    text: str
    kinds: frozenset[str]


def explain_hole(context: Context, rule: int, hole: Hole) -> Lack:
    """Explain why the rule of that number could not be judged, the first time that it could not."""
    context = replace(context, interfaces=hole.moment.names)
    if not 0 <= hole.event < len(context.events):
        return Lack("what it depends on is not known", frozenset({"history"}))
    event = context.events[hole.event]
    where = f"{context.time(event.time)} ({printable(str(event.at))})"
    if hole.node is not None:
        where += f", for mobile node {BASIC['address'].show(hole.node)},"
    if hole.why:
        return Lack(f"at {where} {hole.why}", frozenset({"gap" if hole.gap else "source"}))
    if hole.gap:
        text = f"at {where} evidence was missing while something was owed: {show_event(context.spec, event)}"
        return Lack(text, frozenset({"gap"}))
    moment = hole.moment
    missing: dict[str, frozenset[str]] = {}
    for leaf in _owed_since(context, rule, moment):
        missing.update(_missing(context, hole, leaf))
    for term in _undecided(context, rule, event.kind, moment):
        leaves = blame(context.machine, term, moment, moment.this)
        if not missing and evaluate(context.machine, term, moment, moment.this) != UNKNOWN:
            found = Finding(rule, hole.interface, event.time, hole.event, moment=moment)
            from mipcheck.checker.observe.explain import sentences

            facts = "; ".join(sentences(context, found, leaves))
            return Lack(f"at {where} either may be right: {facts}", frozenset({"doubt"}))
        for leaf in leaves:
            if leaf.value == UNKNOWN:
                missing.update(_missing(context, hole, leaf))
    facts = "; ".join(missing) or "whether what was owed has been met is not known"
    return Lack(f"at {where} {facts}", frozenset().union(*missing.values()))


def _owed_since(context: Context, rule: int, moment: Moment) -> list[Leaf]:
    """Return the time since when something is owed, if that is not known: it is owed perhaps."""
    body = context.machine.rules[rule].body
    if not isinstance(body, Require):
        return []
    anchor = Term("var", context.spec.variables[body.anchor].type, body.anchor)
    value = evaluate(context.machine, anchor, moment, moment.this)
    return [Leaf(anchor, moment.this, value)] if value == UNKNOWN else []


def _undecided(context: Context, rule: int, kind: str, moment: Moment) -> list[Term]:
    """Return the conditions for which a rule could not be judged at an event of that kind: not known, or in doubt.

    What is in doubt is known, and says that nobody can tell.
    """
    body = context.machine.rules[rule].body
    if isinstance(body, Require):
        return [body.condition]
    if not isinstance(body, Allow):
        return []
    doubts = [body.unclear] if body.unclear is not None else []
    patterns = [p.condition for p in body.patterns if p.event == kind]
    for terms, wanted in (([body.condition], (UNKNOWN,)), (doubts, (UNKNOWN, 1)), (patterns, (UNKNOWN,))):
        found = [t for t in terms if evaluate(context.machine, t, moment, moment.this) in wanted]
        if found:
            return found
    return []


def _missing(context: Context, hole: Hole, leaf: Leaf) -> Iterator[tuple[str, frozenset[str]]]:
    """Return what is not known in an unknown leaf, and since when; each with its kinds (see `Lack`)."""
    moment = hole.moment
    for read in reads(context.machine, leaf.term, moment, leaf.interface):
        if read.value == UNKNOWN:
            other = read.interface is not None and read.interface != moment.this
            whose = f" of {context.name(read.interface)}" if other and read.interface is not None else ""
            since, kind = "so far", "history"
            kinds: list[str] = []
            if read.writer >= 0:
                writer = context.events[read.writer]
                since = f"since {printable(str(writer.at))}"
                kind = "gap" if context.spec.events[writer.kind].sender == "observer" else "history"
                if untold := _untold(context, read.name, writer):
                    since += f", which does not tell {' and '.join(untold)}"
                    kinds = [f"key {name}" for name in untold]
            if beyond := _beyond(context, moment, read):
                kind, kinds = "room", []
            text = f"{state_shown(context, read)}{whose} is not known {since}{beyond}"
            yield text, frozenset(kinds or [kind])
    for term in leaf.term.walk():
        if term.kind == "site" and term.name not in context.machine.site:
            yield f"the address {term.name} is not known", frozenset({f"address {term.name}"})
        elif term.kind == "key" and evaluate(context.machine, term, moment, leaf.interface) == UNKNOWN:
            yield f"the event does not tell {term.name}", frozenset({f"key {term.name}"})
        elif term.kind == "this" and leaf.interface == UNKNOWN:
            yield "the event names no interface", frozenset({"interface"})


def _untold(context: Context, name: str, writer: Event) -> list[str]:
    """Return the keys that an event lacks, of those that an update by it of that state had to know."""
    wanted: set[str] = set()
    for update in context.spec.updates:
        if any(p.event == writer.kind for p in update.patterns) and name.partition(".")[0] in update.writes():
            for term in update.terms():
                wanted |= set(_keys_read(term))
    declared = context.spec.events[writer.kind].keys
    return [k.name for k in declared if k.name in wanted and k.name not in writer.args]


def _keys_read(term: Term) -> Iterator[str]:
    """Return the keys that a term has to know; `seen` asks whether something is."""
    if term.kind == "key":
        yield term.name
    if term.kind != "seen":
        for part in term.args:
            yield from _keys_read(part)


def _beyond(context: Context, moment: Moment, read: Read) -> str:
    """Say that there were more entries than a table holds, where one is not known for that reason."""
    table = context.spec.tables.get(read.name) if read.key else None
    if table is None or read.writer < 0 or context.spec.events[context.events[read.writer].kind].sender == "observer":
        return ""
    held = [row for row in context.machine.rows(moment.entries) if row.table == context.machine.tables[table.name]]
    return f": no more than {table.limit} are remembered" if len(held) >= table.limit else ""
