"""The command `mipcheck`. Imports nothing heavy: `--help` has to be quick."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from mipcheck.checker.console.streams import drop, flushed, say, settle
from mipcheck.model.values.errors import INCONCLUSIVE, INTERNAL_ERROR, INTERRUPTED, WRONG_INPUT

_LEAST = 96 << 20
"""Bytes of address space below which nothing is begun: where Python lacks even some bytes for a number, it may go round
for ever instead of telling so (3.11, an exception within a `with`)."""
_SPARED = 4 << 20
_SPARE: list[bytearray] = []
"""Memory to say with that there is no more, where it is limited: some bytes, held from the beginning."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: 0 conformant, 1 violation, 2 wrong input or usage, 3 inconclusive
    or unknown, 4 internal error."""
    try:
        _start_lightly()
        settle()
        if argv is None and (limit := _memory_limit()) is not None:
            if limit < _LEAST:
                return _told_of_memory(f": at least {_LEAST >> 20} MiB of address space are needed, not {limit >> 20}")
            _SPARE.append(bytearray(_SPARED))
        try:
            from mipcheck.checker.cli.cli import run

            code = run(list(sys.argv[1:] if argv is None else argv))
        except SystemExit as done:  # of argparse
            if _unwritten():
                return WRONG_INPUT
            raise done
        if argv is None:
            gc.freeze()  # the process ends: to look through all that there is for garbage takes it 20 ms
        return WRONG_INPUT if _unwritten() else code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        drop(sys.stdout)
        return 0
    except Exception as error:
        _SPARE.clear()
        if _interrupted(error):
            return INTERRUPTED
        if _lacks_memory(error):
            why = f": {error}" if isinstance(error, MemoryError) and error.args else ""
            code = _told_of_memory(why)
            if argv is None:  # a library that went without may not even be able to end
                flushed(sys.stdout)
                os._exit(code)
            return code
        if os.environ.get("MIPCHECK_DEBUG") == "1":
            raise
        text = "".join(c if c.isprintable() else "?" for c in f"{type(error).__name__}: {error}")[:300]
        say(
            f"mipcheck: internal error: {text}\n"
            "This is a fault of mipcheck. Please report it with the command and, if you may, the input;"
            " MIPCHECK_DEBUG=1 shows where it happened."
        )
        return INTERNAL_ERROR


def _interrupted(error: BaseException) -> bool:
    """Decide whether an error is what a library makes of Ctrl-C: ctypes where that comes while it converts an argument,
    Z3 where it simplifies a term."""
    text = str(error)
    if "KeyboardInterrupt" in text or (type(error).__name__ == "Z3Exception" and "cancel" in text):
        return True
    return isinstance(error.__context__, KeyboardInterrupt)


def _lacks_memory(error: Exception) -> bool:
    """Decide whether an error is for want of memory: libraries and threads that there was none for say so in words.

    A function of C that finds none may fail without a word, which Python calls an error of the system. That counts
    where a limit is set, as by `ulimit -v`.
    """
    words = ("failed to map segment", "cannot allocate memory", "out of memory", "can't start new thread")
    if isinstance(error, MemoryError) or any(word in str(error).lower() for word in words):
        return True
    return isinstance(error, SystemError) and _memory_limit() is not None


def _memory_limit() -> int | None:
    """Return how many bytes of address space the process may have, None without a limit."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _told_of_memory(why: str) -> int:
    """Say that there is too little memory, and return the exit code."""
    say(f"mipcheck: there was not enough memory, so that nothing is known of the input{why}")
    return INCONCLUSIVE


def _unwritten() -> bool:
    """Write what waits in the standard streams; tell whether an answer was lost, and say so."""
    error = flushed(sys.stdout)
    lost = error is not None and not isinstance(error, BrokenPipeError)
    if error is not None and lost:
        say(f"mipcheck: standard output cannot be written: {error.strerror or error}")
    flushed(sys.stderr)
    return lost


def _start_lightly() -> None:
    """Shorten the start, which is much of a short run."""
    # Numpy would start a thread for each core for linear algebra, of which there is none here. What is imported stays,
    # so that to look for garbage as often as by default is in vain.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(50_000, 20, 20)


if __name__ == "__main__":
    sys.exit(main())
