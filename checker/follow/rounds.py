"""Captures that grow: what has come so far is judged as a whole, again and again.

What a packet means may depend on packets that come after it, so that there is no judging it by itself. Captures are
read so fast that all of it can be done once more: rounds take at most a fifth of the time. A finding is said when it
has stood for the grace, in several rounds.
"""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable, Sequence
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, BinaryIO, Final, cast

from mipcheck.checker.check.report import Report, Violation
from mipcheck.checker.console.escape import printable
from mipcheck.checker.console.streams import say as warn
from mipcheck.checker.follow.judge import Said
from mipcheck.checker.follow.tail import Tail
from mipcheck.checker.inputs.opening import OpenInput, check_paths
from mipcheck.model.values.errors import UserError
from mipcheck.model.values.event import Position

if TYPE_CHECKING:
    from mipcheck.checker.follow.metrics import Metrics

_LEAST: Final = 1.0
"""s between two rounds."""
_SHARE: Final = 4
"""Times as long as a round took that is waited for the next."""
_TELLING: Final = 4096
"""Bytes of an input from which on an error is one; before that it may only be incomplete."""
_LAST: Final = 1.0
"""s that is waited for the end of pipes, after it was asked to stop."""

_Key = tuple[str, str | None, str | None, int, Position]


class Prefix(io.RawIOBase):
    """The first `size` bytes of an open file that may go on growing."""

    def __init__(self, number: int, size: int) -> None:
        self._number, self._size, self._at = number, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to an offset."""
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, into: memoryview, /) -> int:  # type: ignore[override]
        """Fill `into` as far as the prefix reaches."""
        data = os.pread(self._number, max(0, min(len(into), self._size - self._at)), self._at)
        into[: len(data)] = data
        self._at += len(data)
        return len(data)


class _Grows:
    """An input that grows: a file, or what has come of a pipe so far, kept in a file without a name."""

    def __init__(self, path: str, begun: Tail | None, data: bytes) -> None:
        """`begun` is a pipe of which `data` were read. Raises InputError."""
        self.path, self.ended, self._closed = path, False, False
        self._tail = begun if begun is not None else Tail(path)
        self._kept: IO[bytes] | None = None
        self._keeper: threading.Thread | None = None
        if self._tail.waits is not None:
            self._kept = TemporaryFile(buffering=0)  # noqa: SIM115  # closed with this
            self._kept.write(data)
            self._keeper = threading.Thread(target=self._keep, daemon=True)
            self._keeper.start()
            self.number = self._kept.fileno()
        else:
            self.number = self._tail.number

    def _keep(self) -> None:
        """Keep what comes of the pipe, also while a round is under way."""
        kept = self._kept
        assert kept is not None
        while not self.ended and not self._closed:
            try:
                data = self._tail.read()
                if not data and not self._tail.ended:
                    self._tail.wait(_LEAST / 10)
                kept.write(data)
                self.ended = self._tail.ended
            except (OSError, ValueError, UserError):  # closed in the meantime, or no room: what came is judged
                self.ended = True

    def close(self) -> None:
        """Keep nothing more of a pipe: its number may soon be another's, from whom bytes would be taken."""
        self._closed = True
        if self._keeper is not None:
            self._keeper.join()

    @property
    def pipe(self) -> bool:
        """Whether it is a pipe."""
        return self._kept is not None

    @property
    def replaced(self) -> bool:
        """Whether another file has taken its name."""
        return self._tail.replaced()

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return os.fstat(self.number).st_size


class Rounds:
    """Judges inputs of which one at least is a capture, until they end or somebody asks to `stop`."""

    def __init__(
        self,
        paths: Sequence[str],
        begun: dict[str, tuple[Tail, bytes]],
        judge: Callable[[Sequence[OpenInput]], Report],
        say: Callable[[Said], None],
        grace: float,
        fail_fast: bool,
        metrics: Metrics | None,
    ) -> None:
        """`begun` are pipes of which something was read, `judge` reports on inputs as they are. `grace` is in s.

        `metrics`, where given, is told what was read; of findings whoever is to `say` them tells it.

        Raises InputError, UsageError.
        """
        check_paths(paths)
        self._inputs = [_Grows(p, *begun.get(p, (None, b""))) for p in paths]
        self._judge, self._say, self._grace = judge, say, grace
        self._fail_fast, self._metrics = fail_fast, metrics
        self._since: dict[_Key, float] = {}
        self._said: dict[_Key, Said] = {}
        self._stop = False

    def stop(self) -> None:
        """End after what has come by now."""
        self._stop = True

    def run(self) -> Report:
        """Go through the rounds; return the report of the last one. Raises what `judge` raises."""
        sizes: list[int] | None = None
        waited = 0.0
        while not self._stop and not self._ended():
            now = [i.size for i in self._inputs]
            waiting = len(self._since) > len(self._said)
            if now == sizes and not waiting and self._is_complete():
                break
            if (now == sizes and not waiting) or waited > 0:
                time.sleep(min(_LEAST / 5, waited) if waited > 0 else _LEAST / 5)
                waited -= _LEAST / 5
                continue
            sizes, began = now, time.monotonic()
            report = self._round(now, final=False)
            if self._fail_fast and any(s.counts for s in self._said.values()) and report is not None:
                return report
            waited = max(_LEAST, _SHARE * (time.monotonic() - began))
        until = time.monotonic() + _LAST
        while not self._ended() and time.monotonic() < until and any(i.pipe for i in self._inputs):
            time.sleep(_LEAST / 20)
        report = self._round([i.size for i in self._inputs], final=True)
        assert report is not None
        return report

    def close(self) -> None:
        """Read nothing more of what was given to it."""
        for grows in self._inputs:
            grows.close()

    def _is_complete(self) -> bool:
        """Tell whether one of the inputs was rotated: what is judged as a whole is complete then. It is said."""
        rotated = next((i for i in self._inputs if i.replaced), None)
        if rotated is not None:
            warn(
                f"mipcheck: {printable(rotated.path)}: another file has taken its place, so that this one is complete;"
                " the report follows. What goes on without an end is followed as a pipe (tcpdump -U -w -)"
            )
        return rotated is not None

    def _ended(self) -> bool:
        return all(i.ended for i in self._inputs)

    def _round(self, sizes: Sequence[int], final: bool) -> Report | None:
        """Judge the first bytes of each input; None if there is not enough yet. Raises what `judge` raises."""
        opened = [
            OpenInput(i.path, cast("BinaryIO", io.BufferedReader(Prefix(i.number, size))))
            for i, size in zip(self._inputs, sizes, strict=True)
        ]
        try:
            report = self._judge(opened)
        except UserError:
            if final or min(sizes) > _TELLING:
                raise
            return None
        self._hear(report, final)
        if self._metrics is not None:
            events = {i.file: i.events for i in report.inputs}
            self._metrics.counted(events, {i.file: i.frames or 0 for i in report.inputs}, len(report.reasons), final)
        return report

    def _hear(self, report: Report, final: bool) -> None:
        """Say what has stood long enough, and take back what does not stand any more."""
        now = time.monotonic()
        found: dict[_Key, tuple[Violation, bool]] = {}
        for counts, violations in ((True, report.violations), (False, report.warnings)):
            found |= {(v.rule, v.interface, v.node, v.time, v.at): (v, counts) for v in violations}
        self._since = {key: self._since.get(key, now) for key in found}
        for key, (violation, counts) in found.items():
            if key not in self._said and (final or now - self._since[key] >= self._grace):
                self._said[key] = said = Said(violation, counts, report.start)
                self._say(said)
        for key in [k for k in self._said if k not in found]:
            said = self._said.pop(key)
            self._say(Said(said.violation, said.counts, said.start, "what came later shows that it is none"))
