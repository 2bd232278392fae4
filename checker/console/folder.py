"""Folders as answers: written whole, or not at all."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.console.output import new_rights
from mipcheck.model.values.errors import UserError


@contextlib.contextmanager
def new_folder(path: str, option: str, or_empty: bool = False) -> Iterator[Path]:
    """Make a folder that takes the name `path`, which an `option` gave, when all is written; nothing if anything fails.

    Raises UsageError where `path` is there (unless it is a folder that is empty, and `or_empty` ones will do), or
    cannot be written.
    """
    target = Path(path)
    try:
        if target.exists() and not (or_empty and target.is_dir() and not any(target.iterdir())):
            raise UsageError(f"{path} is there already; {option} takes the name of a new folder")
        made = Path(tempfile.mkdtemp(prefix=f".{target.name[:20]}.", dir=target.resolve().parent))
        try:
            yield made
            made.chmod(new_rights(0o777))
            made.replace(target.resolve())
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
    except UserError:
        raise
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be written: {getattr(error, 'strerror', None) or error}") from None
