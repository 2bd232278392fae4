"""Work done in a process apart, which may die of it: a fork of this one, that ends when this one does.

A library that crashes, or that nothing stops, then takes no more with it than its own answer.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from mipcheck.checker.console.pipes import receive, send
from mipcheck.model.values.errors import MipcheckError

MEMORY: Final = 4 << 30
"""Bytes that a process apart may take besides what it begins with."""
_DIES_WITH_PARENT: Final = 1  # PR_SET_PDEATHSIG of Linux


class Died(MipcheckError):
    """A process apart that has ended before its work was done; `how` it ended, in words, and the number of its work."""

    def __init__(self, how: str, number: int = 0) -> None:
        super().__init__(how)
        self.how, self.number = how, number


def apart(work: Callable[[], Iterator[Any]], seconds: float | None = None) -> Generator[Any, None, None]:
    """Yield what `work` yields in a process apart; what can be pickled, that is. Raises what it raises, and Died.

    After `seconds` by the clock on the wall that process is killed.
    """
    with contextlib.closing(together([work], seconds)) as results:
        for _, what in results:
            yield what


def together(
    works: Sequence[Callable[[], Iterator[Any]]], seconds: float | None = None
) -> Generator[tuple[int, Any], None, None]:
    """Yield what some works yield, each in a process apart, as it comes, after the number of the work; as `apart` does.

    What one raises, or dies of, ends them all.
    """
    until = None if seconds is None else time.monotonic() + seconds
    sys.stdout.flush()
    sys.stderr.flush()
    processes: list[_Process] = []
    try:
        for work in works:
            processes.append(_Process(work, processes))
        at_work = {p.answers: n for n, p in enumerate(processes)}
        while at_work:
            left = None if until is None else max(0.0, until - time.monotonic())
            ready = [] if left == 0 else select.select(list(at_work), [], [], left)[0]
            if not ready:
                raise Died("it went on for longer than it may", min(at_work.values()))
            for answers in ready:
                number = at_work[answers]
                try:
                    kind, what = receive(answers)
                except (EOFError, pickle.UnpicklingError):
                    raise Died(processes[number].ending(), number) from None
                if kind == "done":
                    del at_work[answers]
                elif kind == "raised":
                    raise what
                else:
                    yield number, what
    finally:
        for p in processes:
            p.end()


def cores() -> int:
    """Return the cores that this process may use."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


class _Process:
    """A fork that works, and whose answers are read; `others` are those before it."""

    def __init__(self, work: Callable[[], Iterator[Any]], others: Iterable[_Process]) -> None:
        ours, theirs = os.pipe()
        self.answers = os.fdopen(ours, "rb", buffering=0)
        self._has_ended = False
        parent = os.getpid()
        self._number = os.fork()
        if self._number == 0:
            for p in (self, *others):
                p.answers.close()
            _serve(work, theirs, parent)
        os.close(theirs)

    def ending(self) -> str:
        """Say how it has ended, once there are no more answers."""
        self._has_ended = True
        return _ending(os.waitpid(self._number, 0)[1])

    def end(self) -> None:
        """End it, if it still works."""
        self.answers.close()
        if not self._has_ended:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._number, signal.SIGKILL)
            os.waitpid(self._number, 0)


def _serve(work: Callable[[], Iterator[Any]], into: int, parent: int) -> None:
    """Do the work, write what comes of it, and end."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # which the terminal sends to both; the parent decides
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        _limit_memory()
        with os.fdopen(into, "wb") as stream:
            last: tuple[Literal["done", "raised"], Any] = "done", None
            try:
                for what in work():
                    send(stream, ("yielded", what))
            except BaseException as error:
                last = "raised", _portable(error)
            send(stream, last)
    finally:
        os._exit(0)  # nothing of the parent's is closed, or written twice


def _limit_memory() -> None:
    """Let the process have no more than MEMORY besides what it has; less, if it may have less already."""
    with contextlib.suppress(OSError, ValueError):
        used = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = used + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most if soft == resource.RLIM_INFINITY else min(soft, most), hard))


def _portable(error: BaseException) -> BaseException:
    """Return an error as it can be sent, with where it happened for who looks for that; another if it cannot."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _ending(status: int) -> str:
    """Say how a process ended, by what waiting for it has told."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
        return f"it was ended by {name}"
    return f"it ended with exit code {os.WEXITSTATUS(status)}"
