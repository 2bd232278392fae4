"""What an event says without saying it: the access modes that a packet's headers fit, and the layers that pass
through a NAT, by the layers declared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from mipcheck.model.specification.layering import Layering
from mipcheck.model.specification.spec import Spec
from mipcheck.model.values.event import Event

STACK, ACCESS, TRAVERSAL = "stack", "access", "traversal"


def derive(spec: Spec, events: Iterable[Event], capabilities: frozenset[str] = frozenset()) -> list[Event]:
    """The events with `access` and `traversal` told where there is a `stack`; what an input says itself stands."""
    return list(derived(spec, events, capabilities))


def derived(spec: Spec, events: Iterable[Event], capabilities: frozenset[str] = frozenset()) -> Iterator[Event]:
    """The same, one at a time."""
    layering = Layering(spec, capabilities)
    told = {ACCESS: layering.modes, TRAVERSAL: layering.traversal}
    kinds = derives(spec)
    for event in events:
        stack = event.args.get(STACK)
        if isinstance(stack, str) and (missing := [k for k in kinds.get(event.kind, ()) if k not in event.args]):
            event = replace(event, args={**event.args, **{k: told[k](stack) for k in missing}})
        yield event


def derives(spec: Spec) -> dict[str, list[str]]:
    """Which keys are told, by kind of event."""
    names = {ACCESS: set(spec.accesses), TRAVERSAL: set(spec.layers)}
    return {
        e.name: [k for k in names if k in e.by_name and names[k] and names[k] <= set(e.by_name[k].type.members)]
        for e in spec.events.values()
        if STACK in e.by_name
    }


def modes_seen(spec: Spec, events: Iterable[Event]) -> list[str]:
    """For each interface, which access modes the packets that left it fit, in words; nothing where none was seen."""
    return modes_in_words(spec, _outward(events))


def _outward(events: Iterable[Event]) -> Iterator[tuple[str, frozenset[str], int]]:
    for event in events:
        modes = event.args.get(ACCESS)
        if isinstance(modes, frozenset) and event.args.get("dir") == "out":
            count = event.args.get("count")
            yield event.interface, modes, count if isinstance(count, int) else 1


def modes_in_words(spec: Spec, seen: Iterable[tuple[str, frozenset[str], int]]) -> list[str]:
    """The same of interfaces, access modes that packets fit, and how many there were."""
    order = {name: n for n, name in enumerate(spec.accesses)}  # a log may name others
    counts: dict[str, Counter[str]] = {}
    for interface, modes, count in seen:
        named = " or ".join(sorted(modes, key=lambda m: (order.get(m, len(order)), m))) or "no mode at all"
        counts.setdefault(interface, Counter())[named] += count
    return [
        f"{interface}: user data left as access mode " + ", ".join(f"{m} ({n})" for m, n in found.most_common())
        for interface, found in counts.items()
    ]
