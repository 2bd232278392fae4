"""The source of a machine, compiled by Python: kept for the next run, since that takes longer than a short trace."""

from __future__ import annotations

import marshal
import sys
from contextlib import suppress
from functools import lru_cache
from types import CodeType

from mipcheck.model.values import cache


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
