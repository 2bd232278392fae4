"""A finding → why: what was seen, the part of the condition that failed, the events that led there, what is allowed.

Everything said about a requirement comes from the specification's own texts; here is only the grammar around them.
Texts are safe to show (`escape.printable`), whatever the trace held. Why a rule could not be judged is in `holes.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mipcheck.checker.observe.blame import RELATIONS, Leaf, Moment, Read, blame, evaluate, reads
from mipcheck.checker.observe.context import Context, duration, named, show_event, show_number, source, state_shown
from mipcheck.checker.observe.observation import Finding
from mipcheck.checker.observe.settled import NOBODY, Decided, Key, key_of
from mipcheck.checker.trace.columns import Columns
from mipcheck.model.machine.compile import Machine
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.specification.spec import MOBILE_NODE, Allow, Require, Rule
from mipcheck.model.specification.term import STATE, EventPattern, Term, TermKind
from mipcheck.model.values.event import NODE, Event, Position
from mipcheck.model.values.types import BOOL, INT

_FORWARD: Final = 100_000
"""Events looked at for one that came late."""

_STATE: Final[tuple[TermKind, ...]] = ("now", *STATE, "this")
"""Terms whose value is not the event's own."""

_TABLES: Final[tuple[TermKind, ...]] = ("entry", "some_entry", "every_entry")

_NAMED: Final = 4
"""Interfaces that one sentence names; of more, the number is given."""


@dataclass(frozen=True, slots=True)
class Because:
    """An event (or the start of the trace) that helped to bring about what a finding says."""

    text: str
    at: Position


@dataclass(frozen=True, slots=True)
class Explanation:
    """`seen` is what happened (or did not), `wrong` the facts against it, `allowed` what there is instead."""

    seen: str
    wrong: tuple[str, ...]
    because: tuple[Because, ...]
    allowed: tuple[str, ...]


def explain(context: Context, finding: Finding, decided: Decided = NOBODY) -> Explanation:
    """Explain a finding: what was seen, why it is wrong, what led there, what would have been allowed.

    `decided` tells which events left things as they were.
    """
    if finding.moment is not None:
        context = replace(context, interfaces=finding.moment.names)
    if finding.moment is None:
        return _explain_configuration(context, finding)
    if finding.overdue:
        return _explain_overdue(context, finding, decided)
    rule = context.machine.rules[finding.rule]
    moment = finding.moment
    leaves = blame(context.machine, rule.body.condition, moment, moment.this, telling=True)
    event = context.events[finding.event]
    seen = f"{context.time(event.time)} {show_event(context.spec, event)}"
    wrong = (f"allowed only if {condition_in_words(rule.body.condition)}", *sentences(context, finding, leaves))
    led = _because(context, finding, leaves, decided)
    if not any(why.at.line is not None or why.at.frame is not None for why in led):
        led += _occasion(context, finding)
    return Explanation(seen, wrong, tuple(led), _allowed(context, finding))


# --- facts --------------------------------------------------------------------------------------------------------


def sentences(context: Context, finding: Finding, leaves: Sequence[Leaf]) -> list[str]:
    """Return a sentence for each leaf, with the actual values; the same one of several interfaces is said once."""
    several = any(leaf.quantified for leaf in leaves)
    found: dict[str, tuple[str, str, dict[str, None]]] = {}
    for leaf in leaves:
        term = leaf.term
        subject, text = (source(term), context.spec.variables[term.name].text) if term.kind == "var" else ("", "")
        *_, names = found.setdefault(_sentence(context, finding, leaf), (subject, text, {}))
        own = any(r.interface is not None for r in _reads(context, finding, leaf))
        if leaf.quantified or (several and own):
            names[context.name(leaf.interface)] = None
    told: set[str] = set()
    result = []
    for fact, (subject, text, names) in found.items():
        meaning = "" if subject in told else text
        told.add(subject)
        result.append((named(subject, meaning) + fact[len(subject) :] if subject else fact) + _on(names))
    return result


def _reads(context: Context, finding: Finding, leaf: Leaf) -> Iterable[Read]:
    return reads(context.machine, leaf.term, finding.moment, leaf.interface) if finding.moment is not None else ()


def _on(names: Iterable[str]) -> str:
    """Return on which interfaces something is so, as the end of a sentence; nothing without `names`."""
    listed = list(names)
    if not listed:
        return ""
    if len(listed) > _NAMED:
        return f" on {', '.join(listed[:_NAMED])} and {len(listed) - _NAMED} more interfaces"
    return f" on {' and '.join([', '.join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)}"


def _sentence(context: Context, finding: Finding, leaf: Leaf) -> str:
    """Return a leaf as a sentence, with the actual values."""
    term = leaf.term
    if leaf.value == UNKNOWN:
        return f"{source(term)} is not known"
    if term.kind in RELATIONS:
        return _comparison(context, finding, leaf)
    if term.kind == "has":
        held = _value(context, finding, leaf, term.args[0])
        return f"{source(term.args[0])} is {held}, {'with' if leaf.value else 'without'} {term.name}"
    if term.kind == "in":
        value, held = (_value(context, finding, leaf, t) for t in term.args)
        return f"{source(term.args[0])} is {value}, {source(term.args[1])} is {held}"
    if term.kind == "entry" and term.name in context.spec.tables:
        key = " and ".join(f"{source(a)} ({_value(context, finding, leaf, a)})" for a in term.args)
        text = context.spec.tables[term.name].text
        return f"{key} is {'' if leaf.value else 'not '}in {named(term.name, text)}"
    if term.kind in ("some_entry", "every_entry") and term.args[0].kind == "const":
        text = context.spec.tables[term.name].text
        return f"there is {'something' if leaf.value else 'nothing'} in {named(term.name, text)}"
    if term.kind == "const":
        return f"{source(term)} is never the case" if not leaf.value else f"{source(term)} is always the case"
    return f"{source(term)} is {'true' if leaf.value else 'false'}"


def _comparison(context: Context, finding: Finding, leaf: Leaf) -> str:
    """Return a comparison as a sentence, with the actual values and how they relate."""
    left, right = leaf.term.args
    assert finding.moment is not None or leaf.interface == UNKNOWN
    a, b = (_number(context, finding, leaf, t) for t in (left, right))
    ordered = left.type.name in ("int", "time") and leaf.term.kind not in ("=", "!=")
    relation = "" if a == b else "not " if not ordered else "more than " if a > b else "less than "
    if ordered and a == b and leaf.term.kind in ("<", ">"):
        bound = "less" if leaf.term.kind == "<" else "more"
        relation = f"not {bound} than " if left.type.name == "int" else "exactly "
    first = f"{source(left)} is {_value(context, finding, leaf, left)}"
    if right.kind in ("const", "nobody"):
        return (f"{first}, {relation}{source(right)}" if relation else first) + _limit(context, finding, leaf)
    second = "this interface" if right.kind == "this" else source(right)
    if not relation and right.kind != "this":
        return f"{source(left)} and {second} are both {_value(context, finding, leaf, left)}"
    if a != b:
        second += f" ({_value(context, finding, leaf, right)})"
    return f"{first}, {relation}{second}{_limit(context, finding, leaf)}"


def _limit(context: Context, finding: Finding, leaf: Leaf) -> str:
    """Return when a condition such as `now - confirmed <= t_stop` ceased to hold, as the end of a sentence."""
    left, right = leaf.term.args
    if leaf.term.kind not in ("<", "<=") or leaf.value != 0 or left.kind != "-" or left.args[0].kind != "now":
        return ""
    start, limit = (_number(context, finding, leaf, t) for t in (left.args[1], right))
    return f", which was over at {context.time(start + limit)}"


def _number(context: Context, finding: Finding, leaf: Leaf, term: Term) -> int:
    """Return the value of a term in a finding's moment, as an observer holds it."""
    if finding.moment is None:
        return context.machine.evaluate(term, 0, UNKNOWN, [], [], [], [])
    return evaluate(context.machine, term, finding.moment, leaf.interface)


def _value(context: Context, finding: Finding, leaf: Leaf, term: Term) -> str:
    """Return the value of a term in a finding's moment, in words, with its unit."""
    return show_number(context, term.type, _number(context, finding, leaf, term), _instants(context, term) == 1)


def _instants(context: Context, term: Term) -> int:
    """Return 1 for a point in time, 0 for a duration: their sums and differences tell."""
    match term.kind:
        case "now" | "var" | "key" | "entry":
            return 1
        case "+":
            return sum(_instants(context, a) for a in term.args)
        case "-":
            return _instants(context, term.args[0]) - _instants(context, term.args[1])
        case "max" | "min" | "def":
            return _instants(context, term.args[0])
    return 0


# --- what led there -----------------------------------------------------------------------------------------------


def _because(context: Context, finding: Finding, leaves: Sequence[Leaf], decided: Decided = NOBODY) -> list[Because]:
    """Return the events that last wrote what the leaves read, or left it as it was, in order of time."""
    moment = finding.moment
    assert moment is not None
    by_writer: dict[int, dict[Key, Read]] = {}
    left: dict[Position, tuple[Event, list[Read]]] = {}
    for leaf in leaves:
        for read in reads(context.machine, leaf.term, moment, leaf.interface):
            by = decided.by.get(key_of(read)) if read.writer < 0 else None
            if by is None:
                by_writer.setdefault(read.writer, {})[key_of(read)] = read
            else:
                those = left.setdefault(by.at, (by, []))[1]
                those += [read] if read not in those else []
    told = {leaf.term.name for leaf in leaves if leaf.term.kind == "var"}
    result = []
    if written := list(by_writer.pop(-1, {}).values()):
        text = _from_the_start(context, written, told, decided.never)
        result.append(Because(text, Position(context.events[0].at.file)))
    writers = [(context.events[n], list(by_writer[n].values())) for n in sorted(by_writer)]
    writers += [(event, []) for event, _ in left.values() if event.at not in {e.at for e, _ in writers}]
    for event, written in sorted(writers, key=lambda pair: pair[0].time):
        facts = [f"sets {_facts(context, written, told, 'to', event.interface)}"] if written else []
        facts += _left(context, left[event.at][1], told, event.interface) if event.at in left else []
        text = f"{context.time(event.time)} {show_event(context.spec, event)}: {'; '.join(facts)}"
        result.append(Because(text, event.at))
    return result


def _left(context: Context, reads: Sequence[Read], told: set[str], interface: str | None) -> Iterator[str]:
    """Say what an event has decided without changing it for good: `takes 0x5 out of pending`, `leaves inside false`."""
    gone = [r for r in reads if r.name in context.spec.tables]
    kept = [r for r in reads if r not in gone]
    if gone:
        yield "takes " + "; ".join(dict.fromkeys(state_shown(context, r, told, " out of ") for r in gone))
    if kept:
        yield f"leaves {_facts(context, kept, told, 'at', interface)}"


def _occasion(context: Context, finding: Finding) -> list[Because]:
    """Return the events because of which a permission is asked for at all, where nothing else has led to a finding."""
    moment, body = finding.moment, context.machine.rules[finding.rule].body
    assert moment is not None
    conditions = [p.condition for p in body.patterns if p.event == moment.kind]
    leaves = [
        leaf
        for condition in conditions
        if evaluate(context.machine, condition, moment, moment.this) == 1
        for leaf in blame(context.machine, condition, moment, moment.this, telling=True)
    ]
    return [why for why in _because(context, finding, leaves) if why.at.line is not None or why.at.frame is not None]


def _from_the_start(context: Context, written: Sequence[Read], told: set[str], never: Collection[Key]) -> str:
    """Return what no event has written. A device that starts has seen nothing: that is a fact, and no address is."""
    if all(read.value == UNKNOWN for read in written):
        return f"when this trace begins, {_facts(context, written, told, 'was', None)}"
    absent = [r for r in written if r.key and r.value == 0]
    own = [r for r in written if r not in absent]
    unset = [r for r in own if r.value != UNKNOWN and context.spec.state(r.name).type not in (BOOL, INT)]
    known = [r for r in own if r not in unset]
    whose = "node" if context.spec.role == MOBILE_NODE else "device"
    parts = [_facts(context, known, told, "was", None)] if known else []
    parts += dict.fromkeys(f"nothing had set {state_shown(context, read, told)} yet" for read in unset)
    found = [f"when the {whose} started, {'; '.join(parts)}"] if parts else []
    return "; ".join([*found, *dict.fromkeys(_absent(context, read, told, key_of(read) in never) for read in absent)])


def _absent(context: Context, read: Read, told: set[str], never: bool) -> str:
    """Return that an entry is in no row: since the device started, or because what put it there is over."""
    if set(read.key) == {UNKNOWN}:
        return f"nothing was in {named(read.name, '' if read.name in told else context.spec.state(read.name).text)}"
    return f"nothing had put {state_shown(context, read, told)}" + ("" if never else ", or it was taken out again")


def _facts(context: Context, written: Sequence[Read], told: set[str], verb: str, interface: str | None) -> str:
    """Return what an event wrote: `inside to true; confirmed (…) to 7.682000`.

    The texts of variables in `told` have been given already; `interface` is the event's.
    """
    groups: dict[str, list[str]] = {}
    for read in written:
        value = show_number(context, context.spec.state(read.name).type, read.value, instant=True)
        fact = f"{state_shown(context, read, told)} {verb} {value}"
        names = groups.setdefault(fact, [])
        if read.interface is not None and context.token(read.interface) != interface:
            names.append(context.name(read.interface))
    return "; ".join(fact + _on(names) for fact, names in groups.items())


# --- what would have been allowed ---------------------------------------------------------------------------------


def condition_in_words(term: Term) -> str:
    """Return a condition as the specification has it, with the definitions that it uses."""
    text = source(term)
    definitions = {t.name: t for t in term.walk() if t.kind == "def"}
    where = [f"{name} = {source(t.args[0])}" for name, t in definitions.items()]
    return text + (", where " + " and ".join(where) if where else "")


def _allowed(context: Context, finding: Finding) -> tuple[str, ...]:
    """Return what would have been allowed instead; where other rules forbid it too, what they advise."""
    rule = context.machine.rules[finding.rule]
    if prevailing := _prevailing(context, finding):
        return prevailing
    if rule.instead:
        return (rule.instead,)
    if isinstance(rule.body, Require):
        return (f"{_patterns(rule.body.patterns)}, in time",)
    return (f"what keeps to {condition_in_words(rule.body.condition)}",)


def _prevailing(context: Context, finding: Finding) -> tuple[str, ...]:
    """Return the advice of other MUSTs that forbid an event altogether in the state that it met.

    Whoever follows the advice of a rule that wants it done otherwise, or after something else, would break those.
    """
    machine, moment = context.machine, finding.moment
    if moment is None or finding.overdue or _forbids(machine, machine.rules[finding.rule], moment):
        return ()
    others = [r for n, r in enumerate(machine.rules) if n != finding.rule and r.level == "MUST" and r.instead]
    return tuple(dict.fromkeys(r.instead for r in others if _forbids(machine, r, moment)))


def _forbids(machine: Machine, rule: Rule, moment: Moment) -> bool:
    """Decide whether a permission is denied in a moment because of something that is so, whatever the event's keys.

    Where something is not so yet, there is a way to keep to the rule: to wait for it, or to bring it about.
    """
    body = rule.body
    if not isinstance(body, Allow):
        return False
    conditions = [p.condition for p in body.patterns if p.event == moment.kind]
    if not any(evaluate(machine, c, moment, moment.this) == 1 for c in conditions):
        return False
    if evaluate(machine, body.condition, moment, moment.this) != 0:
        return False
    if body.unclear is not None and evaluate(machine, body.unclear, moment, moment.this) != 0:
        return False
    leaves = blame(machine, body.condition, moment, moment.this)
    return any(f.term.kind == "var" and f.value == 1 for f in leaves) and not any(f.term.uses("key") for f in leaves)


def _patterns(patterns: Iterable[EventPattern]) -> str:
    return " or ".join(p.source for p in patterns)


# --- obligations and configuration --------------------------------------------------------------------------------


def _explain_overdue(context: Context, finding: Finding, decided: Decided) -> Explanation:
    """Explain an obligation that was not met."""
    rule, moment = context.machine.rules[finding.rule], finding.moment
    body = rule.body
    assert isinstance(body, Require) and moment is not None
    where = "" if context.spec.is_owed_by_node(body) else f" on {context.name(moment.this)}"
    counted_from = Term("var", context.spec.variables[body.anchor].type, body.anchor)
    start = evaluate(context.machine, counted_from, moment, moment.this)
    within = evaluate(context.machine, body.within, moment, moment.this)
    what = _patterns(body.patterns)
    limit = duration(within)
    if body.within.kind != "const":
        limit = f"{source(body.within)} ({limit})"
    slack = f" and t_slack ({duration(context.machine.slack)})" if context.machine.slack else ""
    leaves = blame(context.machine, body.condition, moment, moment.this)
    wrong = [
        f"it was owed by {context.time(finding.time)}: within {limit}{slack} of {body.anchor},"
        f" which is {context.time(start)}",
        *_paused(context, finding.time - (start + within + context.machine.slack)),
        *_late(context, finding, body),
        f"owed while {condition_in_words(body.condition)}: " + "; ".join(sentences(context, finding, leaves)),
    ]
    anchor = Leaf(Term("def", counted_from.type, args=(counted_from,)), moment.this, 1)
    return Explanation(
        f"no {what}{where} by {context.time(finding.time)}",
        tuple(wrong),
        tuple(_because(context, finding, [anchor, *leaves], decided)),
        _allowed(context, finding),
    )


def _paused(context: Context, ns: int) -> Iterator[str]:
    """Say for how long an obligation has paused, if it has."""
    pause = context.spec.pause
    if pause is not None and ns > 0:
        yield f"{duration(ns)} do not count: {pause.text or f'while {pause.condition}'}, no obligation runs"


def _late(context: Context, finding: Finding, body: Require) -> Iterator[str]:
    """Say whether the event that was owed came after all, or that none followed which could be taken for it.

    Whether a later one matches is judged in the state of the finding; where its pattern asks for the time, or only
    state is against it, nothing is said.
    """
    if finding.moment is None:
        return
    machine, moment, maybe = context.machine, finding.moment, False

    def value(term: Term, event: Event) -> int:
        keys = machine.encode(event.kind, event.args)
        own, node, interfaces = moment.own, moment.node, moment.interfaces
        return machine.evaluate(term, event.time, moment.this, own, node, interfaces, keys, event.kind)

    for event in _following(context, finding, {p.event for p in body.patterns}):
        if event.time <= finding.time or finding.interface not in (NODE, event.interface):
            continue
        if machine.node_of(event.args) not in (None, finding.node):
            continue
        for p in body.patterns:
            own = (c for c in p.condition.conjuncts() if not c.uses(*_STATE))
            if p.event == event.kind and all(value(c, event) != 0 for c in own):
                if not p.condition.uses("now", *_TABLES) and value(p.condition, event) == 1:
                    late = duration(event.time - finding.time)
                    yield f"it came at {context.time(event.time)} ({event.at}), {late} late"
                    return
                maybe = True
    if not maybe and context.complete:
        yield "nothing like it follows in this trace"


def _following(context: Context, finding: Finding, kinds: Collection[str]) -> Iterable[Event]:
    """Return events after a finding, among them those of such kinds on its interface, or on any if the node owed it."""
    events, first = context.events, finding.event + 1
    if isinstance(events, Columns) and finding.interface is not None:
        tracks = context.spec.tracks
        whose = (tracks, finding.node) if tracks and finding.node is not None else None
        where = None if finding.interface == NODE else finding.interface
        return events.following(finding.event, _FORWARD, kinds, where, whose)
    return events[first : first + _FORWARD]


def _explain_configuration(context: Context, finding: Finding) -> Explanation:
    """Explain a configuration of the node that was not allowed."""
    rule = context.machine.rules[finding.rule]
    moment = Moment(0, UNKNOWN, [], [], (), [], [], ())
    leaves = blame(context.machine, rule.body.condition, moment, UNKNOWN)
    facts = sentences(context, finding, leaves)
    wrong = (f"allowed only if {condition_in_words(rule.body.condition)}", *facts)
    return Explanation("the configuration of the node", wrong, (), _allowed(context, finding))
