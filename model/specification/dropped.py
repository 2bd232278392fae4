"""What goes with an event that is dropped: patterns of it, and updates on nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from mipcheck.model.language import syntax as s
from mipcheck.model.language.errors import SpecError
from mipcheck.model.language.expression import Pattern
from mipcheck.model.specification.items import Item


def without_dropped(items: Sequence[Item], dropped: Mapping[tuple[str, str], Item]) -> list[Item]:
    """Return inherited declarations without patterns of events that are `dropped`: (role, event) → by what.

    One that is declared anew has its patterns. Raises SpecError for what speaks of such events alone, and is no update.
    """
    anew = {(i.role, i.declaration.name) for i in items if isinstance(i.declaration, s.EventDecl)}
    gone = {key: by for key, by in dropped.items() if key not in anew}
    if not gone:
        return list(items)
    left = []
    for i in items:
        events = {event for role, event in gone if role == i.role}
        if i.own or not events:
            left.append(i)
            continue
        if isinstance(i.declaration, s.ExtendEvent) and i.declaration.name in events:
            continue
        try:
            left.append(replace(i, declaration=_shortened(i.declaration, events)))
        except _NothingLeft as error:
            if isinstance(i.declaration, s.UpdateDecl):
                continue
            by = gone[i.role, error.event]
            what = type(i.declaration).__name__.removesuffix("Decl").lower()
            name = getattr(i.declaration, "name", "")
            message = f"{what} {name} is about {error.event} alone".replace("  ", " ")
            raise SpecError(
                by.file, by.declaration.at, message, f"drop or override {name} as well", by.source
            ) from None
    return left


class _NothingLeft(Exception):
    """A list of patterns, none of which is left without an `event`."""

    def __init__(self, event: str) -> None:
        super().__init__(event)
        self.event = event


def _shortened(part: Any, events: Collection[str]) -> Any:
    """Return a declaration, or a part of one, without patterns of some events. Raises _NothingLeft."""
    if isinstance(part, tuple):
        if part and all(isinstance(p, Pattern) for p in part):
            return tuple(p for p in part if p.event not in events)
        return tuple(_shortened(p, events) for p in part)
    if not is_dataclass(part) or isinstance(part, type | Pattern):
        return part
    changes = {}
    for f in fields(part):
        before = getattr(part, f.name)
        after = _shortened(before, events)
        if after == before:
            continue
        if not after and f.name == "patterns":
            raise _NothingLeft(before[0].event)
        changes[f.name] = after
    return replace(part, **changes) if changes else part
