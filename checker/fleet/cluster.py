"""Files over workers, of this machine or of a dask cluster: each to one, and again if it is lost, but not for ever."""

from __future__ import annotations

import contextlib
import logging
import queue
import time
import uuid
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import replace
from typing import Any, Final

from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.console.escape import printable
from mipcheck.checker.fleet.inputs import File
from mipcheck.checker.fleet.pool import Pool, TimeOver, WorkerLost
from mipcheck.checker.fleet.work import FileOutcome, Job, OtherVersion, examine
from mipcheck.model.values.errors import INCONCLUSIVE, MipcheckError

DEATHS: Final = 3
"""Workers that may be lost with a file, the last one while it had nothing else to do, before the file is to blame."""

_AHEAD: Final = 2
"""Files under way for each thread of the cluster: one that is checked and one that waits for it."""

_TICK: Final = 0.5
_CONNECT: Final = 15.0
_DESERTED: Final = 300.0
"""Seconds without any worker after which a cluster is given up; one that grows on demand needs some minutes."""


class ClusterLost(MipcheckError):
    """The cluster has gone, with files unchecked; what was checked stays checked."""

    exit_code = INCONCLUSIVE


@contextlib.contextmanager
def connected(scheduler: str | None, workers: int) -> Iterator[Any]:
    """Connect to the cluster at the address `scheduler`, or start so many `workers` on this machine; yields a client of
    dask, or a `Pool`, which does for a fleet what such a client does. Raises UsageError."""
    if scheduler is None:
        pool = Pool(workers)
        try:
            yield pool
        finally:
            pool.close()
        return
    from distributed import Client

    _silence()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            client = Client(scheduler, timeout=_CONNECT, set_as_default=False)
        except (OSError, ValueError) as error:
            raise UsageError(f"no scheduler answers at {printable(scheduler)}: {printable(str(error))}") from None
        with client:
            yield client


def _silence() -> None:
    """Keep dask and what it is made of from saying anything: what matters of it, the summary says."""
    for top in ("distributed", "dask", "tornado", "asyncio"):
        names = [n for n in logging.root.manager.loggerDict if n.partition(".")[0] == top]
        for name in (top, *names):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def check_all(
    client: Any, job: Job, files: Sequence[File], done: Callable[[FileOutcome], None], tick: Callable[[], None]
) -> None:
    """Check files, and hand what became of each to `done`, once. `tick` is called twice a second or so.

    A worker that is lost may not have been lost for the file that it was checking. So that file is tried again; where
    it happens twice, by itself, with nothing else under way; and only a file with which `DEATHS` workers were lost, the
    last one alone, is given up as `killed`. Raises ClusterLost.
    """
    _Dispatcher(client, job, files, done).go(tick)


class _Dispatcher:
    """One call of `check_all`. Files that are `waiting` are submitted as the cluster has room; `suspects`, with which
    two workers were lost, one at a time while nothing else is in `flight`."""

    def __init__(self, client: Any, job: Job, files: Sequence[File], done: Callable[[FileOutcome], None]) -> None:
        self.client, self.job, self.done = client, job, done
        self.packed = job.packed()
        self.waiting = deque(files)
        self.suspects: deque[File] = deque()
        self.deaths: dict[str, int] = {}
        self.attempts: dict[str, int] = {}
        self.flight: dict[str, tuple[Any, File]] = {}
        self.alone = False
        self.ready: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.name = f"mipcheck-{uuid.uuid4().hex}"
        self.count = 0
        self.room = 1
        self.asked = self.peopled = time.monotonic()
        self._ask()

    def go(self, tick: Callable[[], None]) -> None:
        """Check all files. Raises ClusterLost, and UsageError where the workers cannot do this."""
        try:
            while self.waiting or self.suspects or self.flight:
                self._launch()
                with contextlib.suppress(queue.Empty):
                    self._take(self.ready.get(timeout=_TICK))
                self._watch()
                tick()
        finally:
            if self.flight and self.client.status == "running":
                self.client.cancel([future for future, _ in self.flight.values()])

    def _launch(self) -> None:
        """Submit what there is room for."""
        while self.waiting and not self.alone and len(self.flight) < self.room:
            self._submit(self.waiting.popleft())
        if self.suspects and not self.flight:
            self.alone = True
            self._submit(self.suspects.popleft())

    def _submit(self, file: File) -> None:
        """Submit a file under a key that was never used before, so that dask does not take it for another attempt."""
        self.count += 1
        self.attempts[file.path] = self.attempts.get(file.path, 0) + 1
        key = f"{self.name}-{self.count}"
        future = self.client.submit(examine, self.packed, file, key=key, pure=False, retries=0)
        self.flight[key] = future, file
        future.add_done_callback(self.ready.put)

    def _take(self, future: Any) -> None:
        """Take what became of a file that was submitted. Raises ClusterLost and UsageError, as `go` does."""
        if future.key not in self.flight:
            return
        _, file = self.flight.pop(future.key)
        alone, self.alone = self.alone, False
        try:
            # A worker may be lost between its answer and this line; then dask has the file checked again first.
            outcome: FileOutcome = future.result()
        except TimeOver:
            self._finish(file, FileOutcome(file, "limit", f"not done in {self.job.limit:g} s", started=time.time()))
        except (ImportError, OtherVersion) as error:
            raise UsageError(
                f"the workers cannot do this: {printable(str(error))}; all need the same mipcheck"
            ) from None
        except (CancelledError, Exception) as error:
            if self.client.status != "running":
                raise ClusterLost(_lost(self.client)) from None
            workers = _workers_lost(error)
            why = "its worker was lost" if workers else f"{type(error).__name__}: {error}"
            self._died(file, max(1, workers), alone, why)
        else:
            if outcome.status == "killed":
                self._died(file, 1, alone, outcome.error)
            else:
                self._finish(file, outcome)

    def _died(self, file: File, workers: int, alone: bool, why: str) -> None:
        """Note that so many workers were lost with a file, and try it again or give it up."""
        deaths = self.deaths[file.path] = self.deaths.get(file.path, 0) + workers
        if alone and deaths >= DEATHS:
            error = f"tried {self.attempts[file.path]} times, in the end by itself, and each time {why}"
            self._finish(file, FileOutcome(file, "killed", printable(error), started=time.time()))
        elif deaths == 1:
            self.waiting.append(file)
        else:
            self.suspects.append(file)

    def _finish(self, file: File, outcome: FileOutcome) -> None:
        """Hand over what became of a file."""
        self.deaths.pop(file.path, None)
        self.done(replace(outcome, attempts=self.attempts.pop(file.path)))

    def _watch(self) -> None:
        """Ask now and then how much the cluster can take. Raises ClusterLost if it has gone."""
        now = time.monotonic()
        if now - self.asked > 10 * _TICK:
            self._ask()
        if self.client.status != "running":
            raise ClusterLost(_lost(self.client))
        if now - self.peopled > _DESERTED:
            raise ClusterLost(f"no worker was left for {_DESERTED:g} s")

    def _ask(self) -> None:
        """Ask how many threads the cluster has. Raises ClusterLost where it does not answer."""
        try:
            threads = sum(self.client.nthreads().values())
        except (OSError, ValueError, TimeoutError):
            raise ClusterLost("the scheduler does not answer") from None
        self.asked = time.monotonic()
        self.room = max(1, threads) * _AHEAD
        if threads:
            self.peopled = self.asked


def _lost(client: Any) -> str:
    """Say why there are no workers any more."""
    return str(client.status) if isinstance(client, Pool) else "the scheduler is lost"


def _workers_lost(error: BaseException) -> int:
    """Return how many workers an error says were lost with a task; none for other errors."""
    if isinstance(error, WorkerLost):
        return 1
    # dask's own error, which is not imported where there is no dask.
    return int(error.allowed_failures) + 1 if hasattr(error, "allowed_failures") else 0
