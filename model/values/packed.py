"""Frozen data as bytes, for what is kept between runs."""

from __future__ import annotations

import functools
import io
import pickle
from dataclasses import fields, is_dataclass
from typing import Any


class _Pickler(pickle.Pickler):
    """Frozen data is made anew by its class: the way of dataclasses takes three times as long to be read."""

    def reducer_override(self, obj: object) -> Any:
        of: Any = type(obj)
        names = _fields(of)
        return NotImplemented if names is None else (of, tuple([getattr(obj, name) for name in names]))


@functools.cache
def _fields(of: type[Any]) -> tuple[str, ...] | None:
    """Return the names of a dataclass's fields; None for another class."""
    return tuple(f.name for f in fields(of)) if is_dataclass(of) else None


def packed(value: object) -> bytes:
    """Return a value as bytes, which `pickle` reads."""
    made = io.BytesIO()
    _Pickler(made, pickle.HIGHEST_PROTOCOL).dump(value)
    return made.getvalue()
