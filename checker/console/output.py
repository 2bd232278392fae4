"""Writing an answer: to standard output, or to a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast


def write_answer(text: str, path: str | None) -> None:
    """Write to a file, or to standard output where `path` is None.

    Raises OSError where the file cannot be written; then an earlier file of that name is as it was.
    """
    if path is None:
        sys.stdout.write(text)
        return
    with replacing(path) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


@contextlib.contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of `path` when all is written, and leaves it as it was if anything fails."""
    target = Path(path)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield cast("BinaryIO", file)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    """Return which rights a new file does not get; it can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


INTERRUPTED = 130  # as a shell reports a command that was interrupted


def drop_stdout() -> None:
    """Lead standard output to nowhere when its reader has gone: what Python flushes at its end must not fail again."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
