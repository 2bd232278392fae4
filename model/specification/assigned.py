"""Whether a time has a value: state beside each time of which a specification asks that, or which it forgets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

from mipcheck.model.language import syntax as s
from mipcheck.model.language.expression import Apply, Name
from mipcheck.model.specification.items import Item
from mipcheck.model.specification.spec import Variable
from mipcheck.model.specification.term import FALSE
from mipcheck.model.values.types import BOOL, TIME

_MAY_ASK: Final = re.compile(r"\b(?:assigned\s*\(|forget\s)")


def flag_of(time: str) -> str:
    """Return the name of the state that says whether a time has a value."""
    return f"{time}_assigned"


def asked(items: Sequence[Item]) -> list[str]:
    """Return the names of the times that declarations ask about, or forget, in their order."""
    asking = {source for source in {item.source for item in items} if _MAY_ASK.search(source)}
    found: dict[str, None] = {}
    for item in items:
        if item.source in asking:
            found |= dict.fromkeys(_asked(item.declaration))
    return list(found)


def _asked(part: Any) -> Iterator[str]:
    if isinstance(part, tuple):
        for each in part:
            yield from _asked(each)
    elif isinstance(part, s.Forget):
        yield part.name
    elif isinstance(part, Apply) and part.op == "assigned":
        (name,) = part.args
        assert isinstance(name, Name)
        yield name.name
    elif is_dataclass(part):
        for f in fields(part):
            yield from _asked(getattr(part, f.name))


def flag(v: Variable) -> Variable | None:
    """Return the state that says whether a variable has a value; None for what has one in any case."""
    if v.type != TIME or v.initial is not None:
        return None
    return replace(v, name=flag_of(v.name), type=BOOL, initial=FALSE, text="", tells_of=v.name)
