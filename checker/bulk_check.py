"""A long text log, read and judged in one go: nothing of it is kept but counts, and what is reported.

`watch_in_bulk` is what `read_streams` and `judge` do, for one log with many lines. Errors come in the same order: what
is wrong with the log before what is wrong with its site.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from mipcheck.checker.ahead import ahead
from mipcheck.checker.derive import modes_in_words
from mipcheck.checker.escape import printable
from mipcheck.checker.inputs import (
    Input,
    Over,
    Pipe,
    Trace,
    UsageError,
    kind_of,
    name_of,
    over_logs,
    site_of,
    vocabulary_for,
)
from mipcheck.checker.log import Log, RoleError, Vocabulary
from mipcheck.checker.observe import Observation, TooMuch
from mipcheck.checker.progress import Progress
from mipcheck.model.configure import ParameterError
from mipcheck.model.spec import MOBILE_NODE, Spec
from mipcheck.model.unit import NativeError

if TYPE_CHECKING:
    from mipcheck.checker.bulk_log import BulkLog
    from mipcheck.checker.columns import Batch
    from mipcheck.checker.site import Site
    from mipcheck.model.compile import Machine

LONG: Final = 256 * 1024
"""Bytes of a log from which native code is sooner done, where it is at hand."""

VERY_LONG: Final = 3 * 1024 * 1024
"""The same where it has to be compiled first, for as long as it takes to read this many bytes without it."""

Build = Callable[[Spec, "Site"], "Machine"]
"""Makes the machine for a site, of the specification for its role. Raises UsageError, ParameterError."""

Watched = tuple["Machine", Trace, Observation, list[str]]
"""A machine and a trace, what it showed, and which access modes were seen."""


def watch_in_bulk(
    spec: Spec,
    streams: MutableMapping[str, BinaryIO],
    vocabulary: Vocabulary,
    config: str | None,
    words: Mapping[str, str],
    keep_going: bool,
    build: Build,
) -> Watched | None:
    """What a log showed that is worth it; None if that is not for here.

    `streams` are open and stay so; one that can be read only once is exchanged for one that can be read again.
    Raises as `read_streams` and `build` do, and TooMuch.
    """
    if len(streams) != 1:
        return None
    ((path, stream),) = streams.items()
    if not _is_long(stream) or kind_of(stream, name_of(path)) != "log":
        return None
    try:
        from mipcheck.checker.bulk_log import BulkLog, Spool, is_ready

        over = over_logs(vocabulary, config, words)
        spool = Spool(stream) if isinstance(stream, Pipe) else None
        if spool is not None:
            stream = streams[path] = cast("BinaryIO", io.BufferedReader(spool))
        has = spool.holds if spool is not None else _size_of(stream)
        if not is_ready() and not has(VERY_LONG):
            stream.seek(0)
            return None
        log = BulkLog(stream, name_of(path), vocabulary, keep_going, over.role)
        watched = _watch(spec, path, log, over, build, has, spool is not None)
    except (NativeError, ImportError):
        watched = None
    if watched is None:
        stream.seek(0)
    return watched


def _size_of(stream: BinaryIO) -> Callable[[int], bool]:
    """Whether a file has so many bytes."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    return lambda wanted: size >= wanted


def _is_long(stream: BinaryIO) -> bool:
    return len(stream.head(LONG)) >= LONG if isinstance(stream, Pipe) else _size_of(stream)(LONG)


def _watch(
    spec: Spec, path: str, log: BulkLog, over: Over, build: Build, has: Callable[[int], bool], piped: bool
) -> Watched | None:
    from mipcheck.checker.addresses import Said
    from mipcheck.checker.replay import Replay, unit_of
    from mipcheck.model.native import is_kept

    try:
        reading = log.begin()
    except RoleError as error:
        raise UsageError(f"{printable(log.name)}: {error}") from None
    first = reading.trace.first
    try:
        site, given = site_of({path: Log([], reading.site(), 0, given=frozenset(reading.trace.words))}, over)
        vocabulary_for(reading.trace.vocabulary, site.role)
        machine = build(spec, site)
        if not is_kept(unit_of(machine)) and not has(VERY_LONG):
            return None
        log.tell(machine.spec, machine.capabilities)
        said = Said(site if site.role == MOBILE_NODE else None, log)
        replay = Replay(machine, log, site.boot)
        for batch in _shown(log, piped):
            said.take(batch)
            replay.take(batch)
        site, notes = said.complete(site)
        if notes:
            before, machine = machine, build(spec, site)
            if _reads(machine) & (machine.site.keys() - before.site.keys()):
                replay = Replay(machine, log, site.boot)
                for batch in _shown(log, piped):
                    replay.take(batch)
    except (UsageError, ParameterError, TooMuch):
        len(log)  # what is wrong with the log is said first
        raise
    reading = log.reading
    absolute = first is not None and first[0].absolute
    source = Input(
        log.name, "log", log, absolute, tuple(log.interfaces), skipped=reading.skipped, problems=tuple(reading.problems)
    )
    trace = Trace((source,), log, site, given, absolute, notes)
    return machine, trace, replay.observation(), modes_in_words(machine.spec, replay.modes())


def _shown(log: BulkLog, piped: bool) -> Iterator[Batch]:
    """The batches of a log, the next of which is read while one is being replayed."""
    progress = Progress(log.source, log.name, "events")
    try:
        # A pipe is read by the main thread, which hears Ctrl-C and lets whoever writes to it come to an end.
        for batch in log.batches() if piped else ahead(log.batches()):
            yield batch
            progress.update(batch.first + len(batch))
    finally:
        progress.end()


def _reads(machine: Machine) -> set[str]:
    """The addresses of the site that anything depends on."""
    names: set[str] = set()
    for rule in machine.rules:
        for term in (rule.body.condition, *(p.condition for p in getattr(rule.body, "patterns", ()))):
            names |= term.names("site")
    for update in machine.spec.updates:
        for term in (*(p.condition for p in update.patterns), *(t for _, t in update.assignments)):
            names |= term.names("site")
    return names
