"""Traces on which two specifications (or two readings of one) part: found, written as logs, and replayed in both.

What the observer finds in each has to be what the search predicted; else that is an internal error and no result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mipcheck.checker.proofs import Disagreement, agree, trace_text
from mipcheck.model.event import Event

if TYPE_CHECKING:
    from mipcheck.model.compare import Outcome, Parting
    from mipcheck.model.search import Trace
    from mipcheck.model.spec import Spec

TIMEOUT = 30.0
"""Seconds for each search, unless the command line says otherwise."""


@dataclass(frozen=True)
class Found:
    """A trace as a log, with the rules that it breaks under the one and under the other; or why there is none.

    `both_read` says that it holds nothing that one of the two specifications does not know.
    """

    trace: str = ""
    left: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    outright: bool = True
    both_read: bool = True
    reason: str = ""


def find_parting(
    left: Spec, right: Spec, rules: Iterable[str], title: Iterable[str], timeout: float = TIMEOUT
) -> Found:
    """The shortest trace on which two machines of one role part, by one of the rules, with whatever capability it
    takes. Raises Disagreement."""
    from mipcheck.model.compare import Incomparable

    named = list(dict.fromkeys(rules))
    reason = ""
    try:
        for capabilities in _capabilities(left, right, named):
            outcome = _search(left, right, named, capabilities, timeout)
            if outcome.parting is not None:
                return confirmed(left, right, outcome.parting, list(title), capabilities)
            reason = reason or outcome.reason
    except Incomparable as error:
        return Found(reason=str(error))
    return Found(reason=reason)


def _capabilities(left: Spec, right: Spec, rules: list[str]) -> Iterator[frozenset[str]]:
    """What a node may have to be capable of for some rule to apply: nothing first."""
    known = [s.rules[r] for r in rules for s in (left, right) if r in s.rules]
    yield from dict.fromkeys([frozenset[str](), *(frozenset(r.given) for r in known)])


def _search(left: Spec, right: Spec, rules: list[str], capabilities: frozenset[str], timeout: float) -> Outcome:
    from mipcheck.model.compare import Comparison, part_settings
    from mipcheck.model.setting import setting_of

    settings = [setting_of(s, capabilities=capabilities & set(s.capabilities)) for s in (left, right)]
    by_settings = part_settings(settings[0], settings[1], rules, timeout)
    if by_settings.parting is not None:
        return by_settings
    by_events = Comparison(settings[0], settings[1], timeout=timeout).part(rules, rules)
    if by_events.parting is None and not _on_events(left, right, rules):
        return by_settings
    return by_events


def confirmed(left: Spec, right: Spec, parting: Parting, title: list[str], capabilities: frozenset[str]) -> Found:
    """The trace as a log, after both observers have found in it what was predicted. Raises Disagreement."""
    for spec, predicted in ((left, parting.left), (right, parting.right)):
        known, _ = known_to(spec, parting.trace)
        agree(spec, trace_text(spec, known, {}, (), capabilities & set(spec.capabilities)), predicted)
    if parting.left == parting.right:
        raise Disagreement(f"both are said to break {sorted(parting.left)} on a trace on which they part")
    written, lost = known_to(left, parting.trace)
    own, other_lost = known_to(right, parting.trace)
    speaker = left if lost <= other_lost else right
    shown = written if speaker is left else own
    return Found(
        trace_text(speaker, shown, {}, title, capabilities & set(speaker.capabilities)),
        tuple(sorted(parting.left)),
        tuple(sorted(parting.right)),
        parting.outright,
        lost == other_lost == 0,
    )


def known_to(spec: Spec, trace: Trace) -> tuple[Trace, int]:
    """What a specification has words for, and the number of events and keys that it has none for."""
    events: list[Event] = []
    silent = []
    lost = 0
    pending = list(trace.silent)
    for number, event in enumerate([*trace.events, None]):
        while pending and pending[0][0] <= number:
            silent.append((len(events), pending.pop(0)[1]))
        if event is None:
            break
        if event.kind not in spec.events:
            lost += 1
            continue
        keys = spec.events[event.kind].by_name
        args = {k: v for k, v in event.args.items() if k in keys}
        lost += len(event.args) - len(args)
        events.append(replace(event, args=args))
    parameters = {n: v for n, v in trace.parameters.items() if n in spec.parameters}
    site = {n: v for n, v in trace.site.items() if n in spec.sites}
    return replace(trace, events=tuple(events), silent=tuple(silent), parameters=parameters, site=site), lost


def _on_events(left: Spec, right: Spec, rules: list[str]) -> bool:
    from mipcheck.model.spec import Configure

    return any(not isinstance(s.rules[r].body, Configure) for s in (left, right) for r in rules if r in s.rules)
