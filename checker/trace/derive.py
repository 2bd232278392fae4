"""Keys that an event's headers tell, by the layers declared: the access modes that a packet fits, and the layers that
pass through a NAT."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from mipcheck.model.specification.layering import Layering
from mipcheck.model.specification.spec import Spec
from mipcheck.model.values.event import Event

STACK, ACCESS, TRAVERSAL = "stack", "access", "traversal"
SCOPE: Final = "scope"
"""The key that says whose traffic a packet is."""
OTHER: Final = "other"
"""What that key is for traffic that is not between the node and the enterprise."""

NOTHING_FORBIDDEN: Final[Mapping[str, Sequence[str]]] = MappingProxyType({})


def derive(spec: Spec, events: Iterable[Event], capabilities: frozenset[str] = frozenset()) -> list[Event]:
    """Return events with `access` and `traversal` told where there is a `stack`; what an input says itself stands."""
    return list(derived(spec, events, capabilities))


def derived(spec: Spec, events: Iterable[Event], capabilities: frozenset[str] = frozenset()) -> Iterator[Event]:
    """Do the same, one event at a time."""
    return map(deriver(spec, capabilities), events)


def deriver(spec: Spec, capabilities: frozenset[str] = frozenset()) -> Callable[[Event], Event]:
    """Return what does the same with an event."""
    layering = Layering(spec, capabilities)
    told = {ACCESS: layering.modes, TRAVERSAL: layering.traversal}
    kinds = derives(spec)

    def one(event: Event) -> Event:
        stack = event.args.get(STACK)
        if isinstance(stack, str) and (missing := [k for k in kinds.get(event.kind, ()) if k not in event.args]):
            event = replace(event, args={**event.args, **{k: told[k](stack) for k in missing}})
        return event

    return one


def derives(spec: Spec) -> dict[str, list[str]]:
    """Return by kind of event which keys are told."""
    names = {ACCESS: set(spec.accesses), TRAVERSAL: set(spec.layers)}
    return {
        e.name: [k for k in names if k in e.by_name and names[k] and names[k] <= set(e.by_name[k].type.members)]
        for e in spec.events.values()
        if STACK in e.by_name
    }


def modes_seen(
    spec: Spec, events: Iterable[Event], forbidden: Mapping[str, Sequence[str]] = NOTHING_FORBIDDEN
) -> list[str]:
    """Return for each interface, in words, which access modes the packets that left it fit; nothing where none was.

    `forbidden` names by interface the rules that some of these packets broke.
    """
    return modes_in_words(spec, filter(None, map(outward, events)), forbidden)


def outward(event: Event) -> tuple[str, frozenset[str], int] | None:
    """Return of packets that left: the interface, the access modes that they fit, and how many they are.

    None of any other event. What is said to be between others than node and enterprise is access to nothing.
    """
    modes = event.args.get(ACCESS)
    if not isinstance(modes, frozenset) or event.args.get("dir") != "out" or event.args.get(SCOPE) == OTHER:
        return None
    count = event.args.get("count")
    return event.interface, modes, count if isinstance(count, int) else 1


def modes_in_words(
    spec: Spec,
    seen: Iterable[tuple[str, frozenset[str], int]],
    forbidden: Mapping[str, Sequence[str]] = NOTHING_FORBIDDEN,
) -> list[str]:
    """Return the same for `seen`: interfaces, access modes that packets fit, and how many there were.

    Where some of it was `forbidden`, only headers are spoken of: a leak is no way to access anything.
    """
    order = {name: n for n, name in enumerate(spec.accesses)}  # a log may name others
    counts: dict[str, Counter[str]] = {}
    for interface, modes, count in seen:
        named = " or ".join(sorted(modes, key=lambda m: (order.get(m, len(order)), m))) or "no mode at all"
        counts.setdefault(interface, Counter())[named] += count
    return [
        f"{interface}: {_left(forbidden.get(interface, ()))} " + ", ".join(f"{m} ({n})" for m, n in found.most_common())
        for interface, found in counts.items()
    ]


def _left(rules: Sequence[str]) -> str:
    """Say how user data left, of which some broke these rules."""
    if rules:
        return f"user data left, some of it against {', '.join(rules)}; its headers fit"
    return "user data left as access mode"
