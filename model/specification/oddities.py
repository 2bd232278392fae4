"""Warnings of what is declared and serves nothing, or is said twice: `Names` has counted what is used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from mipcheck.model.language import syntax as s
from mipcheck.model.specification import spec as m
from mipcheck.model.specification.configure import settled, unmet
from mipcheck.model.specification.items import Item
from mipcheck.model.specification.names import Names
from mipcheck.model.specification.term import Term
from mipcheck.model.specification.typecheck import shown

_CONTRACT: Final = frozenset({"iha", "xha", "vpn", "ihoa", "xhoa"})
"""Site addresses of the trace format: readers of captures use them, whether or not a rule does."""


def warn_unused(names: Names) -> None:
    """Warn of definitions and state of this role that nothing uses, or gives a value."""
    for name in names.defines:
        if not names.used[f"definition {name}"]:
            names.warn_declared("definition", name, "is never used")
    for name, v in names.variables.items():
        if not names.own(name):
            continue
        if not names.read[name] and v.tells_of:
            names.warn_declared("state", v.tells_of, f"is forgotten, and nothing asks for {v.written}")
        elif not names.read[name]:
            names.warn_declared("state", name, "is never read")
        if v.tells_of:
            continue
        if not names.used[f"assigned {name}"]:
            nothing = ", and has no value" if v.initial is None else ""
            names.warn_declared("state", name, f"is never assigned{nothing}")
        elif not names.used[f"changed {name}"]:
            names.warn_declared("state", name, "is never assigned anything but its initial value")
    for t in names.tables.values():
        if not names.own(t.name):
            continue
        read = [n for n in t.columns if names.read[n]]
        if not read:
            names.warn_declared("table", t.name, "is never read")
        if not names.used[f"assigned {t.name}"]:
            names.warn_declared("table", t.name, "never has an entry")
        unread = [n for n in t.columns if read and n not in (t.name, t.lapses, *read)]
        for column in unread:
            names.warn_declared("table", t.name, f"has a field that is never read: {column.partition('.')[2]}")


def warn_unused_shared(names: Names, used: Counter[str]) -> None:
    """Warn of what is common to all roles and `used` by none."""
    for name, p in names.parameters.items():
        if not used[f"parameter {name}"] and name != "t_slack":
            names.warn_declared("ambiguity" if p.readings else "parameter", name, "is never used")
    for name in names.enums:
        if not used[f"type {name}"]:
            names.warn_declared("type", name, "is never used")
    for name in names.sites:
        if not used[f"site {name}"] and name not in _CONTRACT:
            names.warn_declared("site address", name, "is never used")
    for name in names.capabilities:
        if not used[f"capability {name}"]:
            names.warn_declared("capability", name, "is never used")


def warn_defaults(names: Names, rules: Iterable[m.Rule]) -> None:
    """Warn of demands on parameters that their defaults do not meet: who says nothing of them breaks the rule, and what
    is proved or refuted is so of such a site."""
    for rule in unmet(rules, settled(names.parameters, {})):
        asked = dict.fromkeys(t.name for root in rule.terms() for t in root.walk() if t.kind == "param")
        names.warn_declared("rule", rule.id, f"is broken by the default of {' and '.join(asked)}")


def warn_two_values(names: Names, updates: Sequence[tuple[m.Update, Item]]) -> None:
    """Warn of state that one pattern gives two values, within one file.

    That a later file's update counts is how a specification changes one that it extends.
    """
    seen: dict[tuple[str, str, str], Term] = {}
    for u, item in updates:
        assert isinstance(item.declaration, s.UpdateDecl)
        for p, tree in zip(u.patterns, item.declaration.patterns, strict=True):
            for name, value in u.assignments:
                if seen.setdefault((item.file, p.source, name), value) != value:
                    message = f"{name} is given two values on {shown(p.source)}; the later one counts"
                    names.warn(item, tree.at, message)
