"""Writing an answer: to standard output, or to a file whole or not at all.

Imports nothing heavy: every run of the command begins here.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TextIO, cast

if TYPE_CHECKING:
    from mipcheck.model.specification.spec import Spec

_COLUMNS: Final = 80


def write(text: str, path: str | None) -> None:
    """Write an answer to standard output, or to a file whole or not at all. Raises UsageError if it cannot be written;
    then an earlier file of that name is as it was.

    A reader of standard output who has seen enough and gone is no error: the verdict stands all the same.
    """
    from mipcheck.checker.console.errors import UsageError

    try:
        if path is None:
            sys.stdout.write(text)
            sys.stdout.flush()
        elif _special(path):  # a device or a pipe is written to, not replaced
            with Path(path).open("w", encoding="utf-8") as pipe:
                pipe.write(text)
        else:
            with replacing(os.path.realpath(path)) as file:
                file.write(text.encode("utf-8", "backslashreplace"))
            sys.stdout.flush()
    except BrokenPipeError:
        drop_stdout()
    except OSError as error:
        where = "standard output" if path is None else path
        drop_stdout()
        raise UsageError(f"{where} cannot be written: {error.strerror or error}") from None


def _special(path: str) -> bool:
    """Decide whether a path is there and is neither a file nor a folder."""
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def keep_inputs(output: str | None, inputs: Iterable[str | None]) -> None:
    """Raise UsageError if `output` is one of the `inputs`; None among them is an option that was not given."""
    from mipcheck.checker.console.errors import UsageError

    kept = {os.path.realpath(i) for i in inputs if i is not None and i != "-"}
    if output is not None and os.path.realpath(output) in kept:
        raise UsageError(f"-o {output} would overwrite an input")


def terminal(output: str | None) -> tuple[int, bool]:
    """Return the columns for an answer that goes to the file `output` (None: standard output), and whether colours are
    welcome there."""
    on_terminal = output is None and sys.stdout.isatty()
    colour = on_terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return columns(), colour


def columns() -> int:
    """Return the columns of the terminal: those of $COLUMNS, else what standard output is, else 80."""
    # As `shutil.get_terminal_size` has it, which brings all of Python's compression along.
    with contextlib.suppress(KeyError, ValueError):
        if (said := int(os.environ["COLUMNS"])) > 0:
            return said
    with contextlib.suppress(AttributeError, ValueError, OSError):  # no standard output, or no terminal
        return os.get_terminal_size(cast("TextIO", sys.__stdout__).fileno()).columns or _COLUMNS
    return _COLUMNS


def warned(spec: Spec) -> Spec:
    """Return the specification, after what is odd about it was said on standard error."""
    from mipcheck.checker.console.escape import printable

    for warning in spec.warnings:
        print(f"warning: {printable(warning)}", file=sys.stderr)
    return spec


@contextlib.contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of `path` when all is written, and leaves it as it was if anything fails."""
    import tempfile  # not above: it takes longer than all else here, and most runs write no file

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
