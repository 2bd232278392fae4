"""What an event says without saying it: the access modes that a packet's headers fit, and the layers that pass
through a NAT, by the layers declared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from mipcheck.model.event import Event
from mipcheck.model.layering import Layering
from mipcheck.model.spec import Spec

STACK, ACCESS, TRAVERSAL = "stack", "access", "traversal"


def derive(spec: Spec, events: Iterable[Event], capabilities: frozenset[str] = frozenset()) -> list[Event]:
    """The events with `access` and `traversal` told where there is a `stack`; what an input says itself stands."""
    layering = Layering(spec, capabilities)
    told = {ACCESS: layering.modes, TRAVERSAL: layering.traversal}
    names = {ACCESS: set(spec.accesses), TRAVERSAL: set(spec.layers)}
    kinds = {
        e.name: [k for k in told if k in e.by_name and names[k] and names[k] <= set(e.by_name[k].type.members)]
        for e in spec.events.values()
        if STACK in e.by_name
    }
    result = []
    for event in events:
        stack = event.args.get(STACK)
        if isinstance(stack, str) and (missing := [k for k in kinds.get(event.kind, ()) if k not in event.args]):
            event = replace(event, args={**event.args, **{k: told[k](stack) for k in missing}})
        result.append(event)
    return result


def modes_seen(spec: Spec, events: Iterable[Event]) -> list[str]:
    """For each interface, which access modes the packets that left it fit, in words; nothing where none was seen."""
    order = list(spec.accesses)
    counts: dict[str, Counter[str]] = {}
    for event in events:
        modes = event.args.get(ACCESS)
        if isinstance(modes, frozenset) and event.args.get("dir") == "out":
            named = " or ".join(sorted(modes, key=order.index)) or "no mode at all"
            count = event.args.get("count")
            counts.setdefault(event.interface, Counter())[named] += count if isinstance(count, int) else 1
    return [
        f"{interface}: user data left as access mode " + ", ".join(f"{m} ({n})" for m, n in found.most_common())
        for interface, found in counts.items()
    ]
