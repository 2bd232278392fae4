"""What an event says without saying it: the access modes that a packet's headers fit, by the layers declared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from mipcheck.model.event import Event
from mipcheck.model.layering import Layering
from mipcheck.model.spec import Spec

STACK, ACCESS = "stack", "access"


def derive(spec: Spec, events: Iterable[Event]) -> list[Event]:
    """The events with `access` told where there is a `stack`; what an input says itself stands."""
    return list(derived(spec, events))


def derived(spec: Spec, events: Iterable[Event]) -> Iterator[Event]:
    """The same, one at a time."""
    layering = Layering(spec)
    kinds = {e.name for e in spec.events.values() if STACK in e.by_name and ACCESS in e.by_name and spec.accesses}
    for event in events:
        stack = event.args.get(STACK)
        if event.kind in kinds and isinstance(stack, str) and ACCESS not in event.args:
            event = replace(event, args={**event.args, ACCESS: layering.modes(stack)})
        yield event


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
    order = list(spec.accesses)
    counts: dict[str, Counter[str]] = {}
    for interface, modes, count in seen:
        named = " or ".join(sorted(modes, key=order.index)) or "no mode at all"
        counts.setdefault(interface, Counter())[named] += count
    return [
        f"{interface}: user data left as access mode " + ", ".join(f"{m} ({n})" for m, n in found.most_common())
        for interface, found in counts.items()
    ]
