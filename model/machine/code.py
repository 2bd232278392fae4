"""The source of a machine, written and compiled by Python: kept for the next run, since both take longer than a short
trace."""

from __future__ import annotations

import marshal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from types import CodeType

from mipcheck.model.values import cache

Written = tuple[str, dict[str, tuple[str, str]]]
"""Source of a machine, and those functions in it that have a loop."""


@lru_cache(maxsize=8)
def compiled(source: str, name: str) -> CodeType:
    """Return the code of `source`, remembered for the machines of other sites that this process makes next."""
    return compile(source, name, "exec")


def code_of(source: str, name: str) -> CodeType:
    """Return the code of `source`, as it was kept or compiled now; `name` stands for it in tracebacks."""
    entry = cache.name_of("steps", sys.version.encode(), name.encode(), source.encode())
    kept = cache.read(entry)
    if kept is not None:
        with suppress(EOFError, ValueError, TypeError):  # whatever the entry is, it can be made anew
            code = marshal.loads(kept)
            if isinstance(code, CodeType):
                return code
    made = compile(source, name, "exec")
    cache.write(entry, marshal.dumps(made))
    return made


def written(parts: tuple[str, ...], write: Callable[[], Written]) -> Written:
    """Return what is written, as it was kept or now; `parts` are all that it is made from besides our code."""
    entry = cache.name_of("source", cache.code_of(__package__), *(part.encode() for part in parts))
    kept = cache.read(entry)
    if kept is not None:
        with suppress(EOFError, ValueError, TypeError):  # whatever the entry is, it can be made anew
            source, loops = marshal.loads(kept)
            if isinstance(source, str) and isinstance(loops, dict):
                return source, loops
    made = write()
    cache.write(entry, marshal.dumps(made))
    return made
