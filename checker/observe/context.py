"""What explanations refer to, and how events, times and terms are shown in them.

Texts are safe to show (`escape.printable`), whatever the trace held.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mipcheck.checker.console.escape import as_in_log, printable
from mipcheck.checker.observe.blame import Read
from mipcheck.model.language.show import show_expression
from mipcheck.model.machine.compile import Machine
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.specification.spec import Spec
from mipcheck.model.specification.term import Term
from mipcheck.model.values.event import NODE, Event
from mipcheck.model.values.types import Type, show_seconds


@dataclass(frozen=True)
class Context:
    """The things that explanations refer to. Times are shown as they count from `origin` (ns). Events are `complete`
    unless more may come."""

    machine: Machine
    events: Sequence[Event]
    interfaces: Sequence[str]
    origin: int = 0
    complete: bool = True

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


def state_shown(context: Context, read: Read, told: Collection[str] = (), where: str = " in ") -> str:
    """Return what has been read, with its text unless that is `told`: `inside (…)`, `0x5 in pending (…)`."""
    state = context.spec.state(read.name)
    name, text = state.written, state.text
    if read.key:
        table = context.spec.tables[read.name.partition(".")[0]]
        parts = [_part(number, type_) for number, (_, type_) in zip(read.key, table.keys, strict=True)]
        key = ", ".join(parts)
        if read.name == table.name:
            name = f"{f'({key})' if len(parts) > 1 else key}{where}{table.name}"
        else:
            name = f"{table.name}[{key}].{read.name.partition('.')[2]}"
    return named(name, "" if read.name in told else text)


def _part(number: int, type_: Type) -> str:
    """Return a part of a key, as a log has it."""
    if number == UNKNOWN:
        return "an unknown key"
    return type_.members[number] if type_.is_enum else type_.show(bool(number) if type_.name == "bool" else number)


def show_number(context: Context, type_: Type, number: int, instant: bool) -> str:
    """Return in words a value as an observer holds it; one of type time is an instant of the trace or a duration."""
    if number == UNKNOWN:
        return "not known"
    if type_.name == "time":
        return context.time(number) if instant else duration(number)
    if type_.name == "interface":
        return "none" if number == -1 else context.name(number)
    if type_.is_enum:
        return type_.members[number]
    if type_.is_set:
        return type_.show(frozenset(m for n, m in enumerate(type_.members) if number >> n & 1))
    if type_.name == "text":
        return "another text"
    return type_.show(bool(number) if type_.name == "bool" else number)
