"""A finding → its near misses: what came and would have prevented it, did not count, and why.

Nothing here knows a requirement. A condition was false because of some variables; the specification says on which
events of the network those would have been set. Such events that came are looked at again, in the state that they met:
the part of the pattern that was false there is the reason why one did not count. Where a device's own answers settle
something, its denials are near misses, and requests without which nothing is answered (`answers.py`). Another interface
that met the condition is a near miss too, since what one interface has shown holds for no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mipcheck.checker.console.escape import printable
from mipcheck.checker.observe.answers import (
    Asking,
    Target,
    asked_by,
    askings,
    asks_for,
    entries_of,
    identification,
    is_answer,
    mismatch,
    other_than,
)
from mipcheck.checker.observe.blame import Leaf, Moment, Read, blame, evaluate, reads
from mipcheck.checker.observe.context import Context, show_event
from mipcheck.checker.observe.explain import sentences
from mipcheck.checker.observe.observation import Finding
from mipcheck.checker.observe.rerun import Rerun
from mipcheck.checker.observe.settled import NOBODY, Decided, Settling
from mipcheck.checker.trace.replies import accepts, fault
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.specification.spec import Allow, Update
from mipcheck.model.specification.term import EventPattern, Term
from mipcheck.model.values.event import Event, Position
from mipcheck.model.values.types import BOOL, ID, INTERFACE, LOW_HALF, TIME

SHOWN: Final = 5
"""Near misses of a finding that are told, the newest ones."""

_BUDGET: Final = 20_000
"""Events that are run through again for all findings of a report; of those that come after, replies are not sought."""


@dataclass(frozen=True, slots=True)
class NearMiss:
    """Something that came and did not count, `why` not, and where it is."""

    text: str
    why: str
    at: Position


@dataclass(frozen=True, slots=True)
class NearMisses:
    """The near misses of a finding, in order of time; `more` came before them and are not told.

    They were not `sought` where too much work had been done for other findings.
    """

    told: tuple[NearMiss, ...] = ()
    more: int = 0
    sought: bool = True
    decided: Decided = NOBODY
    """Who decided what no event has changed."""


@dataclass(frozen=True, slots=True)
class _Want:
    """A variable that made a condition false, by its value; interface variables are those of the finding's interface.

    `targets` are the events of the network, and a device's answers, that set it: pattern, the value that is assigned,
    and the key of the entry if it is a column of a table. `asking` are the requests that such answers need.
    """

    read: Read
    targets: tuple[Target, ...]
    update_of: tuple[Update, ...] = ()
    ended: bool = False
    """Whether it is true and should have ended."""
    asking: tuple[Asking, ...] = ()
    wanted: int | None = None
    """The one value that would have met the condition; None if it is any other than it has."""


class Misses:
    """Finds near misses for the findings of one report, as long as the work for them stays small."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._machine = context.machine
        self._left = _BUDGET

    def of(self, finding: Finding) -> NearMisses:
        """Return the near misses of a finding; the configuration of the node has none."""
        moment = finding.moment
        if moment is None:
            return NearMisses()
        context = replace(self._context, interfaces=moment.names)
        rule = self._machine.rules[finding.rule]
        leaves = blame(self._machine, rule.body.condition, moment, moment.this)
        wants = self._wants(moment, leaves)
        counted = [r for f in leaves for r in reads(self._machine, f.term, moment, f.interface)]
        settling = Settling(self._machine, counted)
        if not wants and not settling.kinds:
            return NearMisses()
        sought = self._left > 0
        rerun = Rerun.of(context, finding, moment) if sought else None
        walked = self._walked(rerun, finding, wants, settling) if rerun is not None else []
        told = {context.events[r.writer].at for r in counted if r.writer >= 0}  # what counted, if not for the better
        found = [m for m in walked if m.at not in told]
        others = list(_others(context, finding, rule.body.condition, wants, isinstance(rule.body, Allow)))
        decided = settling.decided(rerun is not None and rerun.whole)
        return NearMisses((*found[-SHOWN:], *others), max(0, len(found) - SHOWN), sought or not wants, decided)

    # --- what would have had to be set ----------------------------------------------------------------------------

    def _wants(self, moment: Moment, leaves: Sequence[Leaf]) -> list[_Want]:
        """Return the variables that made leaves what they are and that the network can set, in order of appearance.

        A leaf that is true speaks against a finding's condition where that denies it: something should have ended it.
        """
        found: dict[str, _Want] = {}
        for leaf in leaves:
            ended = leaf.value == 1 and leaf.term.kind == "var" and leaf.term.type == BOOL
            other = other_than(self._machine, leaf, moment)
            if (leaf.value != 0 and not ended and other is None) or (leaf.quantified and leaf.interface != moment.this):
                continue
            for read in reads(self._machine, leaf.term, moment, leaf.interface):
                type_ = self._context.spec.state(read.name).type
                if read.name in found or type_ == ID or (type_ == BOOL and (read.value != 0) != ended):
                    continue
                tables = self._context.spec.tables
                updates = [u for u in self._context.spec.updates if any(n == read.name for n, _, _ in u.values(tables))]
                targets = [
                    (p, term, key)
                    for u in updates
                    for p in u.patterns
                    for name, key, term in u.values(tables)
                    if name == read.name and _resets(term) == ended and self._tells(p.event, term)
                ]
                if targets:
                    asking = tuple(askings(self._context.spec, targets))
                    found[read.name] = _Want(read, tuple(targets), tuple(updates), ended, asking, other)
        return list(found.values())

    def _of_network(self, kind: str) -> bool:
        declared = self._context.spec.events[kind]
        return declared.sender == "network" and bool(declared.seen)

    def _tells(self, kind: str, value: Term) -> bool:
        """Decide whether it is others who give a variable that value, or a device that answers what it was asked."""
        return self._of_network(kind) or (is_answer(self._context.spec, kind) and value.type != TIME)

    # --- what came ------------------------------------------------------------------------------------------------

    def _walked(self, rerun: Rerun, finding: Finding, wants: Sequence[_Want], settling: Settling) -> list[NearMiss]:
        """Run the events before a finding once more; return those that would have set what is wanted, and did not."""
        self._left -= len(rerun.planned)
        linked = {v for w in wants for p, _, _ in w.targets for v in _switches(p.condition)}
        kinds = {p.event for w in wants for u in w.update_of for p in u.patterns}
        kinds |= {a.pattern.event for w in wants for a in w.asking}
        found: list[NearMiss] = []
        for event, met in rerun.run(kinds | settling.kinds):
            if met is None:
                continue
            settling.note(event, met)
            if event.kind not in kinds:
                continue
            if self._sets(event, met, finding, wants, linked):
                found.clear()
            elif self._of_network(event.kind) or is_answer(self._context.spec, event.kind):
                miss = self._missed(rerun, event, met, finding, wants, found)
                found += [miss] if miss is not None else []
        return found

    def _sets(self, event: Event, met: Moment, finding: Finding, wants: Sequence[_Want], linked: set[str]) -> bool:
        """Decide whether an event sets what is wanted, or voids it together with what an answer to it depends on.

        What came before that is of no interest any more: it counted, or a change of status has made it void.
        """
        for want in wants:
            if not _concerns(event, finding, want):
                continue
            for update in want.update_of:
                value = {name: (term, key) for name, key, term in update.values(self._context.spec.tables)}
                voids = {n for n in linked & value.keys() if value[n][0].kind == "const" and value[n][0].value == 0}
                if not any(self._matches(p, event, met) for p in update.patterns):
                    continue
                if voids or self._differs(*value[want.read.name], met, want):
                    return True
        return False

    def _matches(self, pattern: EventPattern, event: Event, met: Moment) -> bool:
        return pattern.event == event.kind and evaluate(self._machine, pattern.condition, met, met.this) == 1

    def _differs(self, term: Term, key: tuple[Term, ...], met: Moment, want: _Want) -> bool:
        """Decide whether an update would have given a variable another value than it has in the finding.

        Of another entry it does not. Which one that would have been is not known where its key stands in an entry that
        is not there.
        """
        for part, wanted in zip(key, want.read.key, strict=False):
            if self._known(part, met) not in (wanted, UNKNOWN):
                return False
        if want.wanted is not None:
            return self._known(term, met) in (want.wanted, UNKNOWN)
        value = evaluate(self._machine, term, met, met.this)
        if term.type == INTERFACE:
            return term.kind != "nobody"
        return value > want.read.value if term.type == TIME else value != want.read.value

    def _known(self, term: Term, met: Moment) -> int:
        """Return the value of a term; it is not known where that stands in an entry which is not there."""
        there = all(evaluate(self._machine, t, met, met.this) == 1 for t in entries_of(term))
        return evaluate(self._machine, term, met, met.this) if there else UNKNOWN

    # --- why it did not count -------------------------------------------------------------------------------------

    def _missed(
        self,
        rerun: Rerun,
        event: Event,
        met: Moment,
        finding: Finding,
        wants: Sequence[_Want],
        found: Sequence[NearMiss],
    ) -> NearMiss | None:
        """Return an event as a near miss, None if it would not have set anything that is wanted."""
        context = replace(self._context, interfaces=met.names)
        for want in wants:
            if not _concerns(event, finding, want):
                continue
            for pattern, term, key in want.targets:
                if pattern.event != event.kind:
                    continue
                if not self._differs(term, key, met, want):
                    why = mismatch(self._machine, finding.moment, met, pattern, key, want.read)
                    if why:
                        return _miss(context, event, why)
                    continue
                if is_answer(context.spec, event.kind):
                    certain = all(self._known(part, met) != UNKNOWN for part in (*key, term))
                    why = self._denied(rerun, event, met, pattern, None if certain else {m.at for m in found})
                else:
                    why = self._why(context, rerun, event, met, pattern)
                if why:
                    return _miss(context, event, why)
            for asking in want.asking:
                if asking.pattern.event == event.kind and self._asks(asking, met, want):
                    why = self._why(context, rerun, event, met, asking.pattern)
                    if why:
                        return _miss(context, event, why)
        return None

    def _asks(self, asking: Asking, met: Moment, want: _Want) -> bool:
        """Decide whether a request is one for the entry that is wanted."""
        told = list(zip(asking.key, want.read.key, strict=False))
        if want.wanted is not None and asking.value is not None:
            told.append((asking.value, want.wanted))
        return all(evaluate(self._machine, part, met, met.this) == key for part, key in told)

    def _denied(
        self, rerun: Rerun, event: Event, met: Moment, pattern: EventPattern, about: set[Position] | None
    ) -> list[str]:
        """Return the reason why an answer settled nothing; none if it did, or is not `about` one of some requests."""
        if evaluate(self._machine, pattern.condition, met, met.this) != 0 or accepts(event):
            return []
        request = asked_by(self._context.spec, rerun.events, event)
        said = fault(event, "code")
        if said is None or (about is not None and (request is None or request.at not in about)):
            return []
        return [said + (f"; it answers the request of {_place(request, event)}" if request is not None else "")]

    def _why(self, context: Context, rerun: Rerun, event: Event, met: Moment, pattern: EventPattern) -> list[str]:
        """Return the reasons why an event did not match a pattern; none if it did, or was about something else."""
        if evaluate(self._machine, pattern.condition, met, met.this) != 0:
            return []
        leaves = blame(self._machine, pattern.condition, met, met.this, telling=True)
        leaves = [f for f in leaves if f.value == 0 or any(t.kind == "key" and t.name == "auth" for t in f.term.walk())]
        answers = any(t.kind == "key" and t.type == ID for t in pattern.condition.walk())
        stub = Finding(0, event.interface, event.time, -1, moment=met)
        reasons: list[str] = []
        for leaf in leaves:
            keys = [t for t in leaf.term.walk() if t.kind == "key"]
            if leaf.term.kind == "entry" and len(leaf.term.args) > 1:  # of what entry it is about, its key has told
                reasons += sentences(context, stub, [leaf])
                continue
            if any(_names_parties(k) for k in keys):
                return []
            if answers and (any(k.type == ID for k in keys) or (not keys and leaf.term.kind == "var")):
                reasons.append(self._unasked(context, rerun, event, met, leaves))
            elif keys:
                if any(k.name == "code" for k in keys) and accepts(event):
                    return []
                if any(k.name == "auth" for k in keys) and event.args.get("auth") == "ok":
                    return []
                said = [s for s in (fault(event, k.name) for k in keys) if s]
                if not said and any(k.name == "lifetime" for k in keys):
                    return []  # what grants is none that fails to withdraw
                reasons += said or (sentences(context, stub, [leaf]) if leaf.value == 0 else [])
            elif leaf.term.kind == "var" and leaf.term.type == BOOL:
                reasons += sentences(context, stub, [leaf])
        return reasons

    def _unasked(self, context: Context, rerun: Rerun, event: Event, met: Moment, leaves: Sequence[Leaf]) -> str:
        """Say why an answer is none to what was asked: by its identification, or because nothing waits for it."""
        theirs = identification(event)
        request = next((e for e in reversed(rerun.sent) if asks_for(e, event, theirs)), None)
        waits = next((f for f in leaves if f.term.kind == "var" and f.term.type == BOOL), None)
        ours = next((f for f in leaves if any(t.kind == "key" and t.type == ID for t in f.term.walk())), None)
        closed = self._writer(rerun, met, waits) if waits is not None else None
        if request is not None and request.interface != event.interface:
            return f"it was asked for on {printable(request.interface)}, {_place(request, event)}"
        if request is None:
            if waits is not None and (ours is None or ours.term.kind != "entry"):
                return "nobody had asked for it" + (f" since {_place(closed, event)}" if closed is not None else "")
            return self._other_identification(met, ours, theirs)
        asked = f"it answers the request of {_place(request, event)}"
        if request.args.get("lifetime") == 0:
            return f"{asked}, which withdraws a registration"
        if closed is not None:
            if identification(closed) == theirs and context.spec.events[closed.kind].sender == "network":
                return f"a copy of the reply of {_place(closed, event)}, which has counted"
            if context.spec.events[closed.kind].sender == "node":
                return f"asked before the change of {_place(closed, event)} ({show_event(context.spec, closed)})"
        newest = next((e for e in reversed(rerun.sent) if asks_for(e, event, None)), request)
        if newest is not request and identification(newest) != theirs:
            return f"{asked}, and only the newest counts, that of {_place(newest, event)}"
        return f"{asked}, which waits for no answer any more"

    def _other_identification(self, met: Moment, leaf: Leaf | None, theirs: int | None) -> str:
        """Say that the identification is another one than what it is compared with."""
        held = "not known"
        if leaf is not None and leaf.term.kind == "entry" and theirs is not None:
            return f"no request of its identification ({theirs:#010x}) waits for an answer"
        if leaf is not None:
            ids = [r.value for r in reads(self._machine, leaf.term, met, leaf.interface)]
            held = f"{ids[0] & LOW_HALF:#010x}" if ids and ids[0] != UNKNOWN else held
        shown = "not known" if theirs is None else f"{theirs:#010x}"
        return f"its identification differs in the low 32 bits: ours {held}, theirs {shown}"

    def _writer(self, rerun: Rerun, met: Moment, leaf: Leaf) -> Event | None:
        """Return the event that made a variable what it was, None if none did."""
        written = [r.writer for r in reads(self._machine, leaf.term, met, leaf.interface)]
        return rerun.events[written[0]] if written and written[0] >= 0 else None


def _miss(context: Context, event: Event, why: Sequence[str]) -> NearMiss:
    """Return an event as a near miss, with the reasons why it did not count."""
    text = f"{context.time(event.time)} {show_event(context.spec, event)}"
    return NearMiss(text, "; ".join(dict.fromkeys(why)), event.at)


def _concerns(event: Event, finding: Finding, want: _Want) -> bool:
    """Decide whether an event can have to do with the variable of a finding: another interface's cannot."""
    return want.read.interface is None or event.interface == finding.interface


def _resets(term: Term) -> bool:
    """Decide whether a term gives a variable the value that means nothing has been shown."""
    return (term.kind == "const" and term.type == BOOL and term.value == 0) or term.kind == "nobody"


def _switches(condition: Term) -> Iterator[str]:
    """Yield the names of what a condition reads as true or false, outside of any comparison."""
    if condition.kind == "var" and condition.type == BOOL:
        yield condition.name
    elif condition.kind in ("and", "or", "def"):
        for a in condition.args:
            yield from _switches(a)


def _names_parties(key: Term) -> bool:
    """Decide whether a key says what an event is about (who, which way), and not how it came out.

    Enumerations that the specification gives a name are those that requests and replies share.
    """
    return key.type.is_enum and not key.type.name.startswith("{")


def _place(event: Event, beside: Event) -> str:
    """Return where an event is, in few words where that is the file of another one."""
    at = event.at
    if at.file != beside.at.file or (at.frame is None and at.line is None):
        return printable(str(at))
    return f"frame {at.frame}" if at.frame is not None else f"line {at.line}"


# --- other interfaces ---------------------------------------------------------------------------------------------


def _others(
    context: Context, finding: Finding, condition: Term, wants: Sequence[_Want], permits: bool
) -> Iterator[NearMiss]:
    """Return the other interfaces on which what was wanted here had been shown.

    Of a permission that is its whole condition, else the first variable that was wanted.
    """
    moment, machine = finding.moment, context.machine
    assert moment is not None
    names = {w.read.name for w in wants if w.read.interface is not None and not w.ended}
    for other in range(len(moment.interfaces)) if names else ():
        if other == moment.this:
            continue
        if permits:
            met = evaluate(machine, condition, moment, other) == 1
            leaves = [f for f in blame(machine, condition, moment, other) if f.value == 1] if met else []
        else:
            first = next(w.read.name for w in wants if w.read.name in names)
            leaves = list(_shown_by(context, first, moment, other))
        told = [f for f in leaves if any(r.name in names for r in _of(context, f, moment))]
        if not told:
            continue
        writers = [r.writer for f in told for r in _of(context, f, moment) if r.name in names]
        at = context.events[max(writers)].at if max(writers) >= 0 else Position(context.events[0].at.file)
        name = context.name(other)
        facts = "; ".join(sentences(context, finding, [replace(f, quantified=False) for f in told]))
        why = f"this was on {name}, and what one interface has shown counts for no other"
        yield NearMiss(f"{name}: {facts}", why, at)


def _of(context: Context, leaf: Leaf, moment: Moment) -> Iterable[Read]:
    return reads(context.machine, leaf.term, moment, leaf.interface)


def _shown_by(context: Context, name: str, moment: Moment, interface: int) -> Iterator[Leaf]:
    """Yield that variable as a leaf, if it is true of an interface."""
    variable = context.spec.variables[name]
    if variable.type == BOOL and moment.state(interface)[context.machine.interface_slots[name]] == 1:
        yield Leaf(Term("var", BOOL, name), interface, 1)
