"""Writing an answer: to standard output, or to a file whole or not at all."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path


def write_answer(text: str, path: str | None) -> None:
    """Raises OSError where the file cannot be written; then an earlier file of that name is as it was."""
    if path is None:
        sys.stdout.write(text)
        return
    target = Path(path)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
