"""Plain data with something hostile in every text, for what shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final, TypeVar

HOSTILE: Final = (
    "</script></style></title>'\"><img src=x onerror=alert(1)><script>alert(1)</script>{{DATA}}${alert(1)}\u202e\x1b"
)

_T = TypeVar("_T")

KEPT: Final = {"verdict", "status", "role", "level", "kind", "ended"}
"""Fields whose words are the program's own."""


def poisoned(value: _T) -> _T:
    """Return data in which every text, keys of mappings included, ends with something hostile."""
    return _poisoned(value)  # type: ignore[no-any-return]


def _poisoned(value: Any) -> Any:
    if isinstance(value, str):
        return value + HOSTILE
    if is_dataclass(value) and not isinstance(value, type):
        changes = {f.name: _poisoned(getattr(value, f.name)) for f in fields(value) if f.init and f.name not in KEPT}
        return replace(value, **changes)
    if isinstance(value, Mapping):
        return {_poisoned(k): _poisoned(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return tuple(map(_poisoned, value))
    return value
