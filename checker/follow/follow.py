"""`Follower`: inputs that grow → findings as they become certain, and in the end the report on all that came."""

from __future__ import annotations

import select
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import Final

from mipcheck.checker.check.check import check_open
from mipcheck.checker.check.report import Report
from mipcheck.checker.console.errors import InputError, Problem, UsageError
from mipcheck.checker.console.escape import printable
from mipcheck.checker.console.streams import say as warn
from mipcheck.checker.follow.growing import Growing, Means
from mipcheck.checker.follow.judge import Judge, Said
from mipcheck.checker.follow.merge import Merge
from mipcheck.checker.follow.metrics import Metrics
from mipcheck.checker.follow.rounds import Rounds
from mipcheck.checker.follow.tail import CaptureGrows, Tail
from mipcheck.checker.inputs.clocks import absolute_of, shifts_of
from mipcheck.checker.inputs.mapped import give_maps, map_of_table, maps_of
from mipcheck.checker.inputs.opening import OpenInput, check_paths
from mipcheck.checker.inputs.settle import Over, Settling
from mipcheck.checker.inputs.trace import Trace
from mipcheck.checker.maps.recognise import LINES
from mipcheck.checker.trace.source import table_of
from mipcheck.checker.trace.vocabulary import Vocabulary
from mipcheck.model.specification.spec import Spec
from mipcheck.model.values.event import Position

POLL: Final = 0.2
"""s between two looks at files."""
_AHEAD: Final = 5_000
"""Events that one input is read ahead of the others."""
_AT_ONCE: Final = 64
"""Pieces that are read of one input before the next."""
_LAST: Final = 1.0
"""s that is waited for the end of a pipe, after it was asked to stop: what writes to it was, too, as a rule."""
_MISSED: Final = 10.0
"""s after which it is said that a file is not there any more."""
NS: Final = 10**9


@dataclass(frozen=True)
class Wishes:
    """What was asked for: `offsets`, `maps` and `unmatched` as on a command line, `grace` (ns) for late input."""

    offsets: Mapping[str, str] = field(default_factory=dict)
    maps: Sequence[str] = ()
    unmatched: str = "count"
    keep_going: bool = False
    fail_on: str = "must"
    strict: bool = False
    grace: int = 2 * NS
    fail_fast: bool = False


class Follower:
    """Follows inputs until they end, somebody interrupts, or with `fail_fast` something is found.

    `say` is called with each finding that is certain. `metrics`, where given, is kept up to date.
    """

    def __init__(
        self,
        paths: Sequence[str],
        spec: Spec,
        vocabulary: Vocabulary,
        over: Over,
        wishes: Wishes,
        say: Callable[[Said], None],
        metrics: Metrics | None = None,
    ) -> None:
        """Open the inputs. Raises InputError, UsageError."""
        check_paths(paths)
        self._paths, self._vocabulary, self._over, self._wishes = paths, vocabulary, over, wishes
        self._spec = spec
        self._say, self._metrics = say, metrics
        self._judge = Judge(spec, wishes.fail_on, self._hear)
        strict = wishes.unmatched == "error"
        named, common = maps_of(paths, wishes.maps, vocabulary, strict)
        self._tails: list[Tail] = []
        for path in paths:
            self._tails.append(Tail(path))
        self._logs = [
            Growing(path, tail.name, named.get(path) or common or map_of_table(table, vocabulary, strict), table)
            for path, tail in zip(paths, self._tails, strict=True)
            for table in [table_of(over.sources, tail.name)]
        ]
        self._merge = Merge(self._logs, frozenset(vocabulary.gaps))
        self._done = [False] * len(paths)
        self._came = [time.monotonic()] * len(paths)
        self._paused = [False] * len(paths)
        self._missing: dict[int, float] = {}
        self._signature: object = None
        self._settled = False
        self._stop = self._asked = False
        self._newest = time.monotonic()

    def _hear(self, said: Said) -> None:
        self._say(said)
        if self._metrics is not None:
            self._metrics.found(said)
        self._stop |= self._wishes.fail_fast and said.counts and not said.why

    # --- the loop -------------------------------------------------------------------------------------------------

    def run(self) -> Report:
        """Follow the inputs; return the report. Raises InputError, UsageError, ParameterError, TooMuch."""
        try:
            with interruptible(self._ask_to_stop):
                while not self._stop and not all(self._done):
                    if not self._turn():
                        self._wait(POLL)
                if not self._wishes.fail_fast or not self._stop:
                    self._finish()
            return self._report()
        except CaptureGrows:
            return self._in_rounds()
        finally:
            for tail in self._tails:
                tail.close()

    def _in_rounds(self) -> Report:
        """Go on with rounds, as one of the inputs is a capture. Raises UsageError where another is a pipe, too."""
        begun: dict[str, tuple[Tail, bytes]] = {}
        for tail, log in zip(self._tails, self._logs, strict=True):
            if tail.waits is None:
                continue
            if log.head is None:
                raise UsageError(
                    f"{printable(tail.name)} is a pipe beside a capture, which is judged as a whole again and again:"
                    " write it to a file, and follow that"
                )
            begun[tail.path] = (tail, log.head)

        def judged(opened: Sequence[OpenInput]) -> Report:
            w = self._wishes
            give_maps(opened, w.maps, self._vocabulary, w.unmatched == "error", self._over.sources)
            return check_open(
                opened, self._spec, self._vocabulary, self._over, w.offsets, w.keep_going, w.fail_on, w.strict
            )

        w = self._wishes
        rounds = Rounds(self._paths, begun, judged, self._hear, w.grace / NS, w.fail_fast, self._metrics)
        try:
            with interruptible(rounds.stop):
                if self._asked:
                    rounds.stop()
                return rounds.run()
        finally:
            rounds.close()

    def _ask_to_stop(self) -> None:
        self._stop = self._asked = True

    def _turn(self) -> bool:
        """Read what has come and judge what is certain; tell whether anything came."""
        came = False
        for number in range(len(self._tails)):
            came |= self._read(number)
        self._judge_ready()
        if not came:
            self._pass_time()
        if self._metrics is not None:
            self._metrics.update(self._logs, self._waited(), self._judge.newest)
        return came

    def _means(self) -> Means:
        """Return what logs are read with: of a role that one of them has stated, so are those that do not."""
        settling = Settling(self._vocabulary, self._over)
        alone = len(self._paths) == 1
        for log in self._logs:
            settling.add(log.path, *log.said())
        return Means(settling.vocabulary, settling.role, self._wishes.keep_going, time.time_ns() if alone else None,
                     self._wishes.unmatched == "error", settling.tunnels)  # fmt: skip

    def _read(self, number: int) -> bool:
        """Read what has come of an input, unless it is far ahead of the others; tell whether anything has."""
        tail, log = self._tails[number], self._logs[number]
        came = False
        for _ in range(_AT_ONCE):
            if self._done[number] or len(log.events) > _AHEAD or self._stop:
                break
            data = tail.read()
            if tail.turned:
                log.turn(tail.lost, self._means())
                tail.turned = False
            if tail.ended:
                log.end(self._means(), torn=False)
                self._done[number] = True
            if not data:
                break
            came = True
            self._came[number], self._paused[number] = time.monotonic(), False
            log.feed(data, self._means())
        self._note_missing(number)
        return came

    def _note_missing(self, number: int) -> None:
        """Say on standard error that a file is not there any more, once."""
        tail = self._tails[number]
        if not tail.missing:
            self._missing.pop(number, None)
            return
        since = self._missing.setdefault(number, time.monotonic())
        if 0 <= since <= time.monotonic() - _MISSED:
            self._missing[number] = -1
            warn(f"mipcheck: {printable(tail.name)} is not there any more: what takes its place will be read")

    def _judge_ready(self) -> None:
        """Judge the events that can be judged by now."""
        grace = self._wishes.grace / NS
        now = time.monotonic()
        quiet = []
        for number, log in enumerate(self._logs):
            late = now - self._came[number] >= grace
            if late and not self._paused[number] and not self._done[number]:
                log.pause(self._means())
                self._paused[number] = True
                if log.undecided and not log.asked:
                    log.asked = True
                    warn(f"mipcheck: {printable(log.name)}: no map that comes along knows its lines so far; more are"
                         f" waited for, up to {LINES} (--map says whose log it is)")  # fmt: skip
            quiet.append(self._done[number] or late)
        if not any(log.events for log in self._logs):
            return
        if not self._settled and not all(log.begun or q for log, q in zip(self._logs, quiet, strict=True)):
            return  # one that has not said anything yet may say whose trace it is
        self._settle()
        for event in self._merge.ready(quiet):
            self._judge.take(event)
            self._newest = time.monotonic()
            if self._stop and self._wishes.fail_fast:
                return

    def _waited(self) -> float:
        """Return for how long (s) the oldest event that was read has waited to be judged."""
        waiting = [self._came[n] for n, log in enumerate(self._logs) if log.events]
        return max(0.0, time.monotonic() - min(waiting)) if waiting else 0.0

    def _pass_time(self) -> None:
        """Say what silence shows by now: the log's own clock has gone on since its last event."""
        newest = self._judge.newest
        if newest is None or not self._settled or any(log.events for log in self._logs) or all(self._done):
            return
        passed = int((time.monotonic() - self._newest) * NS)
        if passed > self._wishes.grace:
            self._judge.silence(newest + passed - self._wishes.grace)

    def _wait(self, seconds: float) -> None:
        """Wait until something may have come."""
        pipes = [number for tail in self._tails if (number := tail.waits) is not None]
        files = len(pipes) < len(self._tails)
        with suppress(InterruptedError):
            # A pipe without anybody at its other end is always ready, and says nothing.
            began = time.monotonic()
            select.select(pipes if not files else [], [], [], seconds)
            if time.monotonic() - began < seconds / 100:
                time.sleep(seconds / 20)

    def _finish(self) -> None:
        """Read what is still to come after one was asked to stop, and judge it."""
        until = time.monotonic() + _LAST
        self._stop = False
        while not all(self._done):
            came = False
            for number in range(len(self._tails)):
                came |= self._read(number)
            self._judge_ready()
            pipes = any(not done and tail.waits is not None for done, tail in zip(self._done, self._tails, strict=True))
            if self._stop or (not came and (not pipes or time.monotonic() > until)):
                break
            if not came:
                time.sleep(POLL / 10)
        for number, log in enumerate(self._logs):
            if not self._done[number]:
                log.end(self._means(), torn=True)
                self._done[number] = True
        self._judge_ready()

    # --- what is known of all -------------------------------------------------------------------------------------

    def _trace(self) -> Trace:
        """Return what is known of the inputs; their events are only counted. Raises InputError, UsageError."""
        settling = Settling(self._vocabulary, self._over)
        for log in self._logs:
            settling.add(log.path, *log.said())
        site, said, _ = settling.settle()
        inputs = [log.input() for log in self._logs]
        shifts = shifts_of(self._paths, inputs, self._wishes.offsets)
        for log, shift in zip(self._logs, shifts, strict=True):
            log.shift = shift.ns
        late = self._merge.late
        inputs = [
            replace(i, holes=(*i.holes, f"{late[i.file]} events came later than --grace allows, and were not judged"))
            if i.file in late
            else i
            for i in inputs
        ]
        return Trace(tuple(inputs), (), site, said, absolute_of(inputs, shifts))

    def _settle(self) -> None:
        """Take note of what has become known of the inputs."""
        signature = tuple(log.signature() for log in self._logs)
        if self._settled and signature == self._signature:
            return
        self._signature, self._settled = signature, True
        trace = self._trace()
        self._judge.settle(trace, [span for log in self._logs for span in log.spans()])

    def _report(self) -> Report:
        for log in self._logs:
            if not log.known and len(self._logs) == 1 and not self._stop:
                raise InputError([Problem(Position(log.name, 1), "nothing was written to it")])
        self._settle()
        report = self._judge.report(self._wishes.strict, self._trace())
        if self._metrics is not None:
            self._metrics.update(self._logs, 0.0, self._judge.newest, holes=len(report.reasons), now=True)
        return report


@contextmanager
def interruptible(stop: Callable[[], None]) -> Iterator[None]:
    """Have Ctrl-C and SIGTERM ask to stop. Whoever means it does it twice."""
    asked = False

    def heard(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        stop()

    before = {}
    with suppress(ValueError):  # another thread than the first hears nothing
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, heard)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
