"""Reports on the same inputs, read in bulk and one line at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from mipcheck.checker.check import check as run
from mipcheck.checker.console.errors import InputError, UsageError
from mipcheck.checker.trace.route import LOGS
from mipcheck.model.specification.load import load

from making.routes import NEVER, native_from

DRAFT = load()


def report(paths: Path | Sequence[Path], fast: bool, only: bool = False, **more: Any) -> object:
    """A report, or what is wrong in words; `only` says that nothing may be left to the slow way."""
    given = [str(p) for p in ([paths] if isinstance(paths, Path) else paths)]
    with pytest.MonkeyPatch.context() as patched:
        native_from(patched, LOGS, 0 if fast else NEVER)
        if only:
            patched.setattr(run, "read_inputs", None)
        try:
            return run.check(given, spec=DRAFT, **more)
        except InputError as error:
            return str(error)
        except UsageError as error:
            return f"usage: {error}"


def assert_same(paths: Path | Sequence[Path], only: bool = False, **more: Any) -> None:
    """Assert that both ways give the same report, or the same error."""
    assert report(paths, True, only, **more) == report(paths, False, **more)
