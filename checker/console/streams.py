"""The standard streams, of which any may be closed or unwritable: what a run comes to does not depend on them.

Imports nothing heavy: every run of the command begins here.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Final, TextIO, cast

_COLUMNS: Final = 80


def settle() -> None:
    """Give what is missing of the three standard streams an end that leads nowhere, as a daemon or cron may have them.

    Otherwise the next file that is opened would take the number of a closed one, and what is meant for it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                opened = os.open(os.devnull, os.O_RDWR)
                if opened == number:
                    os.set_inheritable(opened, True)  # for what is started from here, too
                else:
                    os.dup2(opened, number)
                    os.close(opened)
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115  # as long as the process lives
    sys.stdout = sys.stdout or _nowhere(1)
    sys.stderr = sys.stderr or _nowhere(2)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # what the terminal cannot show is escaped, never an exception
            stream.reconfigure(errors="backslashreplace")


def _nowhere(number: int) -> TextIO:
    """Open a standard stream that is closed."""
    return open(number, "w", encoding="utf-8", closefd=False)


def say(text: str) -> None:
    """Write a line to standard error; where nobody can read it, nothing happens. It has to be escaped."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        drop(sys.stderr)


def drop(stream: TextIO) -> None:
    """Lead a stream to nowhere whose reader has gone: what Python flushes at its end must not fail again."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def flushed(stream: TextIO) -> OSError | None:
    """Write what waits in a stream; return why that cannot be done, after which it leads nowhere."""
    try:
        stream.flush()
    except OSError as error:
        drop(stream)
        return error
    except ValueError:  # it is closed
        pass
    return None


def columns() -> int:
    """Return the columns of the terminal: those of $COLUMNS, else what standard output is, else 80."""
    # As `shutil.get_terminal_size` has it, which brings all of Python's compression along.
    with contextlib.suppress(KeyError, ValueError):
        if (said := int(os.environ["COLUMNS"])) > 0:
            return said
    with contextlib.suppress(AttributeError, ValueError, OSError):  # no standard output, or no terminal
        return os.get_terminal_size(cast("TextIO", sys.__stdout__).fileno()).columns or _COLUMNS
    return _COLUMNS
