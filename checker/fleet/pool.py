"""The processes of this machine that a fleet works in. They listen to nobody: each has a pipe for what it is to do, and
one for what comes of it. When their owner has gone, however that came about, they end.

A process is started isolated (`isolated`): nothing that lies in the working folder, or that an environment variable
names, is imported. One that is lost, or that ran out of time, is replaced by another.
"""

from __future__ import annotations

import contextlib
import pickle
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, BinaryIO, Final, cast

from mipcheck.checker.console.isolated import isolated
from mipcheck.checker.console.pipes import receive, send
from mipcheck.checker.fleet.inputs import File
from mipcheck.checker.fleet.work import FileOutcome
from mipcheck.model.values.errors import MipcheckError

Work = Callable[[bytes, File], FileOutcome]

_STARTS: Final = 3
"""Processes that may end before they are ready, one after another, before no more are started."""


class WorkerLost(MipcheckError):
    """A worker has died of a task, or during it."""


class TimeOver(MipcheckError):
    """A task has taken longer than it may."""


class Task(Future[FileOutcome]):
    """What is to be done, and what will have come of it."""

    def __init__(self, key: str, work: Work, packed: bytes, file: File) -> None:
        super().__init__()
        self.key, self.given = key, (work, packed, file)


class Pool:
    """So many workers. `status` is running, or says why there are none any more."""

    def __init__(self, workers: int) -> None:
        self.status = "running"
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._failed = 0
        self._threads = [threading.Thread(target=self._tend, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def nthreads(self) -> dict[int, int]:
        """Return how many tasks each worker does at a time."""
        return {n: 1 for n, _ in enumerate(self._threads)}

    def submit(self, work: Work, packed: bytes, file: File, *, key: str, **_: Any) -> Task:
        """Have `work(packed, file)` done; `work` has to be a function of a module."""
        task = Task(key, work, packed, file)
        self._tasks.put(task)
        return task

    def cancel(self, tasks: Iterable[Task]) -> None:
        """Give up what has not been begun."""
        for task in tasks:
            task.cancel()

    def close(self) -> None:
        """End all workers, whatever they do. What they were doing is undone; they keep nothing that could be lost."""
        with self._lock:
            if self.status == "running":
                self.status = "closed"
            for process in self._processes:
                process.kill()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    # --- one worker ---------------------------------------------------------------------------------------------------

    def _tend(self) -> None:
        """Do tasks in one process after another, until there are no more."""
        process: subprocess.Popen[bytes] | None = None
        try:
            while (task := self._tasks.get()) is not None:
                if task.set_running_or_notify_cancel():
                    process = self._do(process, task)
        finally:
            if process is not None:
                self._end(process)

    def _do(self, process: subprocess.Popen[bytes] | None, task: Task) -> subprocess.Popen[bytes] | None:
        """Do a task in a process that is there, or in a new one; return it, None if it is lost."""
        if process is None:
            process = self._ready()
            if process is None:
                task.set_exception(WorkerLost("no worker can be started"))
                return None
        try:
            send(cast("BinaryIO", process.stdin), task.given)
            done, answer = receive(cast("BinaryIO", process.stdout))
        except (OSError, EOFError, pickle.UnpicklingError):
            code = self._end(process)
            timed = code == -signal.SIGALRM
            task.set_exception(TimeOver("out of time") if timed else WorkerLost("its worker was lost"))
            return None
        if done:
            task.set_result(answer)
        else:
            task.set_exception(answer)
        return process

    def _ready(self) -> subprocess.Popen[bytes] | None:
        """Start a process that is able to work; None where there will be none."""
        while self.status == "running":
            process = None
            try:
                process = self._start()
                if process is not None:
                    receive(cast("BinaryIO", process.stdout))
                    self._failed = 0
                return process
            except (OSError, EOFError, pickle.UnpicklingError) as error:
                if process is not None:
                    self._end(process)
                with self._lock:
                    self._failed += 1
                    if self._failed >= _STARTS and self.status == "running":
                        self.status = f"no worker can be started {f'({error})' if str(error) else ''}".rstrip()
        return None

    def _start(self) -> subprocess.Popen[bytes] | None:
        """Start a process; None if the pool has been closed. Raises OSError."""
        command = isolated("from mipcheck.checker.fleet.worker import serve; serve()")
        with self._lock:
            if self.status != "running":
                return None
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/"
            )
            self._processes.add(process)
        return process

    def _end(self, process: subprocess.Popen[bytes]) -> int:
        """End a process, and return its code: a signal's number below zero."""
        with contextlib.suppress(OSError):
            cast("BinaryIO", process.stdin).close()
        with contextlib.suppress(OSError):
            cast("BinaryIO", process.stdout).close()
        code = process.wait()
        with self._lock:
            self._processes.discard(process)
        return code
