"""What explanations refer to, and how events, times and terms are shown in them.

Texts are safe to show (`escape.printable`), whatever the trace held.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mipcheck.checker.console.escape import as_in_log, printable
from mipcheck.model.language.show import show_expression
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.spec import Spec
from mipcheck.model.specification.term import Term
from mipcheck.model.values.event import NODE, Event
from mipcheck.model.values.types import show_seconds


@dataclass(frozen=True)
class Context:
    """The things that explanations refer to. Times are shown as they count from `origin` (ns)."""

    machine: Machine
    events: Sequence[Event]
    interfaces: Sequence[str]
    origin: int = 0

    @property
    def spec(self) -> Spec:
        return self.machine.spec

    def token(self, interface: int) -> str:
        """Return the name of an interface, or that of the whole node."""
        return self.interfaces[interface] if 0 <= interface < len(self.interfaces) else NODE

    def name(self, interface: int) -> str:
        """Return the same, safe to show."""
        return printable(self.token(interface))

    def time(self, ns: int) -> str:
        """Return a time in seconds, as it is shown."""
        return show_seconds(ns - self.origin)


def show_event(spec: Spec, event: Event) -> str:
    """Return an event as a log has it, without its time: `eth0 data dir=out protection=none`."""
    declared = spec.events.get(event.kind)
    words = [printable(as_in_log(event.interface, "=")), event.kind]
    for key in declared.keys if declared is not None else ():
        if key.name in event.args:
            words.append(f"{key.name}={as_in_log(key.type.show(event.args[key.name]))}")
    return " ".join(words)


def duration(ns: int) -> str:
    """Return a duration in seconds, with as many decimals as needed: `6.115 s`."""
    word = show_seconds(ns)
    return (word.rstrip("0").rstrip(".") or "0") + " s"


def source(term: Term) -> str:
    """Return a term as the specification writes it."""
    return show_expression(term.source) if term.source is not None else term.name or term.kind


def named(name: str, text: str) -> str:
    """Return a name with what it means, where that is told."""
    return f"{name} ({text})" if text else name
