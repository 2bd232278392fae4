"""The names that a specification declares, what each stands for, and the place in the text that is being read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, NoReturn, TypeVar

from mipcheck.model.language import syntax as s
from mipcheck.model.language.errors import SpecError
from mipcheck.model.language.expression import Place
from mipcheck.model.language.grammar import RESERVED
from mipcheck.model.specification import spec as m
from mipcheck.model.specification.flatten import KINDS
from mipcheck.model.specification.items import Item
from mipcheck.model.specification.layers import Access, Layer
from mipcheck.model.specification.parties import Channel, Party
from mipcheck.model.values.nearest import nearest
from mipcheck.model.values.types import BASIC, INTERFACE, Type

_NAMED: Final = ("parameter", "ambiguity", "state", "table", "definition", "party", "channel")
"""Kinds of declarations that share one space of names, because expressions do not tell them apart."""

SITE_KEYS: Final = ("role", "party", "boot", "fa", "internal", "tunnels", "upkeep", "capabilities")
"""Keys that a site has in any case, besides addresses: nothing else could be given by that name."""
ADDRESS_KEYS: Final = ("iha", "xha", "vpn", "ihoa", "xhoa")
"""Addresses that any site may give."""

_D = TypeVar("_D", bound=s.Declaration)


class Names:
    """The tables that reading the declarations of one role fills, each from a name to what it stands for.

    `item` is the declaration that is being read: errors are said of its file. `used` and `read` count what warnings
    are made from, as `parameter t_stop` and the name of a piece of state.
    """

    def __init__(self, items: Sequence[Item], file: str) -> None:
        self.items = items
        self.item = Item(s.DocumentDecl(""), file, "")
        self.enums: dict[str, Type] = {}
        self.sites: list[str] = []
        self.capabilities: dict[str, str] = {}
        self.parameters: dict[str, m.Parameter] = {}
        self.events: dict[str, m.EventType] = {}
        self.variables: dict[str, m.Variable] = {}
        self.tables: dict[str, m.Table] = {}
        self.defines: dict[str, Item] = {}
        self.layers: dict[str, Layer] = {}
        self.accesses: dict[str, Access] = {}
        self.parties: dict[str, Party] = {}
        self.channels: dict[str, Channel] = {}
        self.declared: dict[tuple[str, str], tuple[str, Item, Place]] = {}
        """(space of names, name) → what it was declared as, and where."""
        self.key_of: dict[str, str] = {}
        """The name of a key → an event that has it."""
        self.used: Counter[str] = Counter()
        self.read: Counter[str] = Counter()
        self.warnings: list[str] = []
        # State is known by name from the start, so that a parameter that uses it can be told why it cannot.
        self.states = {v.name for i in items if isinstance(i.declaration, s.StateDecl) for v in i.declaration.variables}
        self.states |= {i.declaration.name for i in items if isinstance(i.declaration, s.TableDecl)}

    def each(self, kind: type[_D]) -> Iterator[_D]:
        """Yield the declarations of one kind; `item` says meanwhile where each stands."""
        for item in self.items:
            if isinstance(item.declaration, kind):
                self.item = item
                yield item.declaration

    def fail(self, at: Place, message: str, hint: str = "") -> NoReturn:
        """Raise a SpecError about a place in the file that is being read."""
        raise SpecError(self.item.file, at, self._spoken(message), self._spoken(hint), self.item.source)

    def _spoken(self, message: str) -> str:
        """Return a message in which what a party has is called as it is written: `gateway.endpoint`."""
        message = re.sub(r'"(\w+)/(\w+)"', r'"\1.\2"', message)
        return re.sub(rf"\b({'|'.join(self.parties)})/(?=\w)", r"\1.", message) if self.parties else message

    def own(self, name: str) -> bool:
        """Decide whether this is the name of what is declared here, and not of what a party or a channel has."""
        return "/" not in name and name not in self.channels

    def warn(self, item: Item, at: Place, message: str) -> None:
        """Add a warning about a place in the file of `item`, if the author can mend it: not in one that is extended."""
        if item.own:
            self.warnings.append(f"{item.file}:{at.line}:{at.column}: {message}")

    def warn_declared(self, what: str, name: str, message: str) -> None:
        """Add a warning about a name where it was declared."""
        space = "name" if what in _NAMED else what
        _, item, at = self.declared[space, name]
        self.warn(item, at, f"{what} {name} {message}")

    def declare(self, what: str, name: str, at: Place) -> None:
        """Enter a name as a `what`. Raises SpecError if it is taken, a word of the language, or the key of an event."""
        space = "name" if what in _NAMED else what
        if (space, name) in self.declared:
            earlier, item, place = self.declared[space, name]
            if item.file == self.item.file and (place.line, place.column) > (at.line, at.column):
                # Declarations are read kind by kind, not in their order: the later one in the text is the second.
                self.item, item, what, earlier, at, place = item, self.item, earlier, what, place, at
            where = f"line {place.line}" if item.file == self.item.file else f"{item.file}:{place.line}"
            hint = f"first in {where}"
            if item.own < self.item.own and what in KINDS.values() and what != "event":
                hint += ", which override replaces"
            quoted = f'{what} "{name}"' if name else what
            second = "twice" if earlier == what else f"as {earlier} already"
            self.fail(at, f"{quoted} is declared {second}", hint)
        if space == "name":
            self.check_word(name, at)
            if name in self.key_of:
                self.fail(at, f'{what} "{name}" could not be told from the key of event {self.key_of[name]}')
        self.declared[space, name] = what, self.item, at

    def check_word(self, name: str, at: Place) -> None:
        """Raise SpecError for a name that is a word of the language."""
        if name in RESERVED:
            self.fail(at, f'"{name}" is a word of the language and cannot be a name')

    def check_site_key(self, name: str, at: Place, more: tuple[str, ...] = ()) -> None:
        """Raise SpecError for an address or a parameter that no site could give: its key means something else."""
        if name in SITE_KEYS or name in more:
            hint = f"so are {', '.join(n for n in (*SITE_KEYS, *more) if n != name)}"
            self.fail(at, f'"{name}" is a key of every site and cannot be a name', hint)
        if more and name in self.sites:
            self.fail(at, f'"{name}" is an address of the site already')

    def check_members(self, what: str, members: tuple[str, ...], at: Place) -> None:
        """Raise SpecError for members that are words of the language, or stand there twice."""
        for word, count in Counter(members).items():
            self.check_word(word, at)
            if count > 1:
                self.fail(at, f'"{word}" stands twice in {what}')

    def type_of(self, t: s.TypeName) -> Type:
        """Return the type that is named, or the anonymous enumeration. Raises SpecError for an unknown one."""
        if t.name is None:
            anonymous = Type("{" + ", ".join(t.members) + "}", t.members)
            self.check_members(anonymous.name, t.members, t.at)
            return anonymous
        self.used[f"type {t.name}"] += 1
        known = self.enums.get(t.name) or BASIC.get(t.name)
        if known is None:
            self.fail(t.at, f'unknown type "{t.name}"', nearest(t.name, [*BASIC, *self.enums]))
        return known

    def key(self, k: s.KeyDecl, event: str) -> m.Key:
        """Return a key of an event, which it declares. Raises SpecError for a name or a type that no key can have."""
        self.check_word(k.name, k.at)
        type_ = self.type_of(k.type)
        if type_ == INTERFACE:
            self.fail(k.at, "a key cannot be an interface")
        self.key_of[k.name] = event
        return m.Key(k.name, type_, k.optional)

    def use_capability(self, name: str, at: Place) -> None:
        """Count a use of a capability. Raises SpecError for an unknown one."""
        if name not in self.capabilities:
            self.fail(at, f'unknown capability "{name}"', nearest(name, self.capabilities))
        self.used[f"capability {name}"] += 1
