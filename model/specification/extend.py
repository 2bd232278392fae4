"""`extend`: more words of types and state, more keys of events than their declarations have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from mipcheck.model.language import syntax as s
from mipcheck.model.language.expression import Place
from mipcheck.model.specification import spec as m
from mipcheck.model.specification.names import Names
from mipcheck.model.values.nearest import nearest
from mipcheck.model.values.types import Type


class Extender:
    """Carries out the extensions of a role in its `names`; each method raises SpecError for what cannot be extended."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def types(self) -> None:
        """Give types more words."""
        for d in self.names.each(s.ExtendWords):
            known = self.names.enums.get(d.name)
            what = "set" if d.is_set else "enum"
            if known is None or known.is_set != d.is_set:
                named = [n for n, t in self.names.enums.items() if t.is_set == d.is_set]
                self.names.fail(d.at, f'there is no {what} "{d.name}" to extend', nearest(d.name, named))
            self.names.enums[d.name] = self._longer(known, d.members, d.name, d.at)

    def events(self) -> None:
        """Give events more keys, and keys more words."""
        for d in self.names.each(s.ExtendEvent):
            event = self.names.events.get(d.name)
            if event is None:
                self.names.fail(d.at, f'there is no event "{d.name}" to extend', nearest(d.name, self.names.events))
            for k in d.keys:
                event = replace(event, keys=self._keys(event, k))
            self.names.events[d.name] = event

    def _keys(self, event: m.EventType, k: s.KeyDecl) -> tuple[m.Key, ...]:
        old = event.by_name.get(k.name)
        if old is None:
            if k.name in self.names.states:
                self.names.fail(k.at, f'key "{k.name}" could not be told from the state of that name')
            return (*event.keys, self.names.key(k, event.name))
        if k.type.name is not None or not old.type.is_words:
            hint = f"extend enum {old.type.name} gives it more words" if old.type.is_enum else ""
            hint = f"more words are given it by {k.name}: {{…}}" if old.type.is_words else hint
            self.names.fail(k.at, f'event {event.name} has a key "{k.name}" already', hint)
        longer = replace(old, type=self._longer(old.type, k.type.members, "", k.type.at))
        return tuple(longer if x is old else x for x in event.keys)

    def state(self) -> None:
        """Give state and tables more words."""
        for d in self.names.each(s.ExtendState):
            own = {n: v for n, v in self.names.variables.items() if v.scope == d.scope and self.names.own(n)}
            for w in d.values:
                self.names.variables[w.name] = self._variable(self._found(w, own, f"state of the {d.scope}"), w)
        for t in self.names.each(s.ExtendTable):
            table = self.names.tables.get(t.name)
            if table is None:
                self.names.fail(t.at, f'there is no table "{t.name}" to extend', nearest(t.name, self.names.tables))
            for w in t.values:
                parts = {n: m.Variable(n, type_, "entry", table.ghost, None) for n, type_ in table.keys}
                found = self._variable(self._found(w, {**parts, **{v.name: v for v in table.fields}}, t.name), w)
                keys = tuple((n, found.type if n == w.name else type_) for n, type_ in table.keys)
                fields = tuple(found if v.name == w.name else v for v in table.fields)
                table = replace(table, keys=keys, fields=fields)
            self.names.tables[t.name] = table

    def _found(self, w: s.MoreWords, known: Mapping[str, m.Variable], what: str) -> m.Variable:
        if w.name not in known:
            self.names.fail(w.at, f'there is no "{w.name}" in {what} to extend', nearest(w.name, known))
        return known[w.name]

    def _variable(self, v: m.Variable, w: s.MoreWords) -> m.Variable:
        if not v.type.is_words:
            hint = f"extend enum {v.type.name} gives it more words" if v.type.is_enum else ""
            self.names.fail(w.at, f'"{v.name}" is of type {v.type.name}', hint)
        type_ = self._longer(v.type, w.members, "", w.at)
        return replace(v, type=type_, initial=None if v.initial is None else replace(v.initial, type=type_))

    def _longer(self, type_: Type, more: Collection[str], name: str, at: Place) -> Type:
        """Return a type with more words; `name` is "" where it is called by its words."""
        members = (*type_.members, *more)
        self.names.check_members(name or "{" + ", ".join(members) + "}", members, at)
        return Type(type_.name if name else "{" + ", ".join(members) + "}", members)
