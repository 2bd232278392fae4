"""Setting from which size on code is compiled and used, which is decided in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from mipcheck.checker.check.report import Report
from mipcheck.checker.report.json import report_json
from mipcheck.checker.trace import route

NEVER = 2**60


def native_from(patched: pytest.MonkeyPatch, kind: str, size: int, compiled: int | None = None) -> None:
    """Let inputs of a kind in the table take the native way from `size` on; from `compiled` on, if none is at hand."""
    threshold = replace(route.TABLE[kind], kept=size, compiled=size if compiled is None else compiled)
    patched.setitem(route.TABLE, kind, threshold)


def both_ways(patched: pytest.MonkeyPatch, checked: Callable[[], Report], *kinds: str) -> Report:
    """Check inputs of these kinds natively and without, which has to come to the same report, and return it."""
    reports = []
    for size in (0, NEVER):
        for kind in kinds:
            native_from(patched, kind, size)
        reports.append(checked())
    assert report_json(reports[0]) == report_json(reports[1])
    return reports[0]
