"""Long logs, read and judged in one go: nothing of them is kept but counts, and what is reported.

`watch_in_bulk` is what `read_streams` and `judge` do, for logs with many lines. Errors come in the same order: what is
wrong with the first log before what is wrong with the next, and that before what is wrong with the site.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Iterable, Mapping, MutableMapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from mipcheck.checker.console.errors import InputError, UsageError
from mipcheck.checker.console.escape import printable
from mipcheck.checker.console.progress import Reading
from mipcheck.checker.inputs.clocks import shifts_of
from mipcheck.checker.inputs.opening import Pipe, kind_of, name_of
from mipcheck.checker.inputs.settle import Over, over_logs, site_of, vocabulary_for
from mipcheck.checker.inputs.trace import Input, Trace
from mipcheck.checker.logs.lines import Log
from mipcheck.checker.observe.observer import Observation, TooMuch
from mipcheck.checker.trace.ahead import ahead
from mipcheck.checker.trace.derive import modes_in_words
from mipcheck.checker.trace.vocabulary import RoleError, Vocabulary
from mipcheck.model.native.unit import NativeError
from mipcheck.model.specification.spec import MOBILE_NODE, Spec
from mipcheck.model.values.errors import UserError

if TYPE_CHECKING:
    from mipcheck.checker.logs.bulk.form import Form
    from mipcheck.checker.logs.bulk.log import BulkLog, Spool
    from mipcheck.checker.logs.bulk.merge import MergedLogs
    from mipcheck.checker.site.site import Site
    from mipcheck.checker.trace.columns import Batch
    from mipcheck.model.machine.compile import Machine

LONG: Final = 256 * 1024
"""Bytes of logs from which native code is sooner done, where it is at hand."""

VERY_LONG: Final = 3 * 1024 * 1024
"""The same where it has to be compiled first, for as long as it takes to read this many bytes without it."""

Build = Callable[[Spec, "Site"], "Machine"]
"""Makes the machine for a site, of the specification for its role. Raises UsageError, ParameterError."""

Watched = tuple["Machine", Trace, Observation, list[str]]
"""A machine and a trace, what it showed, and which access modes were seen."""

Has = Callable[[int], bool]
"""Whether all logs together have so many bytes."""


def watch_in_bulk(
    spec: Spec,
    streams: MutableMapping[str, BinaryIO],
    vocabulary: Vocabulary,
    config: str | None,
    words: Mapping[str, str],
    offsets: Mapping[str, str],
    keep_going: bool,
    build: Build,
) -> Watched | None:
    """What logs showed that are worth it; None if that is not for here.

    `streams` are open and stay so; one that can be read only once is exchanged for one that can be read again.
    Raises as `read_streams` and `build` do, and TooMuch.
    """
    kinds = _kinds_of(streams)
    if kinds is None or not _are_long(streams.values()):
        return None
    watched = None
    try:
        from mipcheck.checker.logs.bulk.log import form_of
        from mipcheck.model.native.compiled import is_kept

        over = over_logs(vocabulary, config, words)
        forms = {path: form_of(kind) for path, kind in kinds.items()}
        spools = _spooled(streams)
        has = _size_of(streams.values(), spools)
        if all(is_kept(form.unit()) for form in forms.values()) or has(VERY_LONG):
            logs = _Logs(streams, forms, vocabulary, over, keep_going)
            watched = _watch(spec, logs, kinds, over, offsets, build, has, bool(spools))
    except (NativeError, ImportError):
        watched = None
    if watched is None:
        for stream in streams.values():
            if not isinstance(stream, Pipe):
                stream.seek(0)
    return watched


# --- how long they are --------------------------------------------------------------------------------------------


def _kinds_of(streams: Mapping[str, BinaryIO]) -> dict[str, str] | None:
    """`log` or `jsonl`, if all of them are; of what cannot be read, others say what is wrong."""
    kinds: dict[str, str] = {}
    for path, stream in streams.items():
        try:
            kinds[path] = kind_of(stream, name_of(path))
        except InputError:
            return None
        if kinds[path] not in ("log", "jsonl"):
            return None
    return kinds


def _file_size(stream: BinaryIO) -> int:
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    return size


def _are_long(streams: Iterable[BinaryIO]) -> bool:
    pipes = [s for s in streams if isinstance(s, Pipe)]
    size = sum(_file_size(s) for s in streams if not isinstance(s, Pipe))
    for pipe in pipes:
        if size < LONG:
            size += len(pipe.head(LONG - size))
    return size >= LONG


def _spooled(streams: MutableMapping[str, BinaryIO]) -> dict[BinaryIO, Spool]:
    """Exchange pipes for what can be read again."""
    from mipcheck.checker.logs.bulk.log import Spool

    spools: dict[BinaryIO, Spool] = {}
    for path, stream in streams.items():
        if isinstance(stream, Pipe):
            spool = Spool(stream)
            streams[path] = cast("BinaryIO", io.BufferedReader(spool))
            spools[streams[path]] = spool
    return spools


def _size_of(streams: Iterable[BinaryIO], spools: Mapping[BinaryIO, Spool]) -> Has:
    files = sum(_file_size(s) for s in streams if s not in spools)

    def has(wanted: int) -> bool:
        size = files
        for spool in spools.values():
            if size < wanted:
                size += spool.holds(wanted - size)
        return size >= wanted

    return has


# --- reading and judging ------------------------------------------------------------------------------------------


class _Logs:
    """All logs, by path, each read up to its first event. Raises InputError, UsageError."""

    def __init__(
        self,
        streams: Mapping[str, BinaryIO],
        forms: Mapping[str, Form],
        vocabulary: Vocabulary,
        over: Over,
        keep_going: bool,
    ) -> None:
        from mipcheck.checker.logs.bulk.log import BulkLog

        self.by_path: dict[str, BulkLog] = {}
        try:
            for path, stream in streams.items():
                log = BulkLog(stream, name_of(path), vocabulary, keep_going, over.role, forms[path], len(streams))
                self.by_path[path] = log
                trace = log.begin().trace
                if "role" in trace.words and over.role is None:  # which holds for logs after it that do not say
                    vocabulary = vocabulary.for_role(log.reading.site().role)
        except (InputError, RoleError):
            self.read()
            raise
        self.vocabulary = vocabulary

    def read(self) -> None:
        """Read all of them, for what is wrong with the first of which anything is. Raises InputError, UsageError."""
        for log in self.by_path.values():
            try:
                len(log)
            except RoleError as error:
                raise UsageError(f"{printable(log.name)}: {error}") from None

    def inputs(self, kinds: Mapping[str, str]) -> list[Input]:
        """As far as they have been read."""
        result = []
        for path, log in self.by_path.items():
            reading = log.reading
            first = reading.trace.first
            absolute = first is not None and first[0].absolute
            interfaces, problems = tuple(log.interfaces), tuple(reading.problems)
            events = reading.trace.events[:1]
            result.append(
                Input(log.name, kinds[path], events, absolute, interfaces, skipped=reading.skipped, problems=problems)
            )
        return result


def _watch(
    spec: Spec,
    logs: _Logs,
    kinds: Mapping[str, str],
    over: Over,
    offsets: Mapping[str, str],
    build: Build,
    has: Has,
    piped: bool,
) -> Watched | None:
    from mipcheck.checker.inputs.addresses import Said
    from mipcheck.checker.observe.columns import Replay, unit_of
    from mipcheck.model.native.compiled import is_kept

    try:
        known = {
            path: Log([], log.reading.site(), 0, given=frozenset(log.reading.trace.words))
            for path, log in logs.by_path.items()
        }
        site, given = site_of(known, over)
        vocabulary = vocabulary_for(logs.vocabulary, site.role)
        inputs = logs.inputs(kinds)
        shifts = shifts_of(list(kinds), inputs, offsets)
        machine = build(spec, site)
        if not is_kept(unit_of(machine)) and not has(VERY_LONG):
            return None
        columns = _columns(list(logs.by_path.values()), [s.ns for s in shifts], vocabulary)
        if columns is None:
            return None
        for log in logs.by_path.values():
            log.tell(machine.spec, machine.capabilities)
        said = Said(site if site.role == MOBILE_NODE else None, columns)
        replay = Replay(machine, columns, site.boot)
        with closing(_shown(columns, logs, piped)) as batches:
            for batch in batches:
                said.take(batch)
                replay.take(batch)
        site, notes = said.complete(site)
        if notes:
            before, machine = machine, build(spec, site)
            if _reads(machine) & (machine.site.keys() - before.site.keys()):
                replay = Replay(machine, columns, site.boot)
                with closing(_shown(columns, logs, piped)) as batches:
                    for batch in batches:
                        replay.take(batch)
    except (UserError, TooMuch):
        logs.read()  # what is wrong with a log is said first
        raise
    absolute = any(i.absolute or s.absolute for i, s in zip(inputs, shifts, strict=True) if i.events)
    read = [replace(i, events=log) for i, log in zip(logs.inputs(kinds), logs.by_path.values(), strict=True)]
    trace = Trace(tuple(read), columns, site, given, absolute, notes)
    return machine, trace, replay.observation(), modes_in_words(machine.spec, replay.modes())


def _columns(logs: Sequence[BulkLog], offsets: Sequence[int], vocabulary: Vocabulary) -> BulkLog | MergedLogs | None:
    """The logs as one trace; None if they do not speak the same language."""
    if len(logs) == 1 and not offsets[0]:
        return logs[0]
    from mipcheck.checker.logs.bulk.merge import MergedLogs

    if any(log.events != logs[0].events for log in logs):
        return None
    gaps = {e.name for e in vocabulary.events.values() if e.sender == "observer"}
    return MergedLogs(logs, offsets, gaps)


def _shown(columns: BulkLog | MergedLogs, logs: _Logs, piped: bool) -> Generator[Batch, None, None]:
    """The batches, the next of which is read while one is being replayed."""
    first, *others = logs.by_path.values()
    name = first.name + (f" and {len(others)} more" if others else "")
    with Reading([log.source for log in logs.by_path.values()], name, "events") as progress:
        # A pipe is read by the main thread, which hears Ctrl-C and lets whoever writes to it come to an end.
        for batch in columns.batches() if piped else ahead(columns.batches()):
            yield batch
            progress.update(batch.first + len(batch))


def _reads(machine: Machine) -> set[str]:
    """The addresses of the site that anything depends on."""
    terms = [t for r in machine.rules for t in r.terms()] + [t for u in machine.spec.updates for t in u.terms()]
    return {name for term in terms for name in term.names("site")}
