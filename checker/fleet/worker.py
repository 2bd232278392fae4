"""What a process of a pool does: one task after another, for as long as its owner lives."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import threading
from pathlib import Path
from typing import BinaryIO

from mipcheck.checker.console.pipes import read, send
from mipcheck.checker.fleet import work as fleet_work


def serve() -> None:
    """Do the tasks that come by standard input, and send what comes of each by standard output.

    Ctrl-C is for the owner. Whoever it was that ended it, this process ends with it, in the middle of a task, too.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    fleet_work.alone_in_its_process()
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")  # memory that runs out costs a worker, not its owner
    given, answer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):  # nothing else may get into the answer
        os.dup2(nowhere, number)
    tasks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_hear, args=[given, tasks], daemon=True).start()
    send(answer, None)
    while True:
        send(answer, _done(tasks.get()))


def _hear(given: BinaryIO, tasks: queue.SimpleQueue[bytes]) -> None:
    """Take tasks; end the process when none can come any more."""
    with contextlib.suppress(OSError, EOFError):
        while True:
            tasks.put(read(given))
    os._exit(0)


def _done(task: bytes) -> tuple[bool, object]:
    """Return whether a task was done, and what came of it, or the error."""
    try:
        work, packed, file = pickle.loads(task)
        return True, work(packed, file)
    except Exception as error:  # the owner knows what to make of it
        with contextlib.suppress(Exception):
            return False, pickle.loads(pickle.dumps(error))
        return False, RuntimeError(f"{type(error).__name__}: {error}")
