"""Setting from which size on code is compiled and used, which is decided in one place."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mipcheck.checker.trace import route

NEVER = 2**60


def native_from(patched: pytest.MonkeyPatch, kind: str, size: int, compiled: int | None = None) -> None:
    """Let inputs of a kind in the table take the native way from `size` on; from `compiled` on, if none is at hand."""
    threshold = replace(route.TABLE[kind], kept=size, compiled=size if compiled is None else compiled)
    patched.setitem(route.TABLE, kind, threshold)
