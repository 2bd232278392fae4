"""Long logs, read and observed in one go: nothing of them is kept but counts, and what is reported.

`watch_in_bulk` does for logs with many lines what `read_inputs` and `judge` do. Errors come in the same order: what is
wrong with the first log before what is wrong with the next, and that before what is wrong with the site.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from mipcheck.checker.check.machine import machine_of
from mipcheck.checker.console.errors import InputError, UsageError
from mipcheck.checker.console.escape import printable
from mipcheck.checker.inputs.addresses import SaidAddresses
from mipcheck.checker.inputs.clocks import absolute_of, shifts_of
from mipcheck.checker.inputs.opening import OpenInput, hold
from mipcheck.checker.inputs.settle import Over, Settling
from mipcheck.checker.inputs.trace import Input, Trace, evidence_of_inputs, input_of_log
from mipcheck.checker.observe.limits import TooMuch
from mipcheck.checker.observe.observation import Observation
from mipcheck.checker.observe.watch import INEXACT, forbidden
from mipcheck.checker.trace.derive import modes_in_words
from mipcheck.checker.trace.route import LOGS, decide, slowly
from mipcheck.checker.trace.source import Evidence, fog_of, table_of
from mipcheck.checker.trace.vocabulary import RoleError, Vocabulary
from mipcheck.model.native.errors import NativeError
from mipcheck.model.specification.spec import MOBILE_NODE, Spec
from mipcheck.model.values.errors import UserError
from mipcheck.model.values.event import NODE

if TYPE_CHECKING:
    from mipcheck.checker.logs.bulk.log import BulkLog
    from mipcheck.checker.logs.bulk.merge import MergedLogs
    from mipcheck.checker.observe.columns import NativeObserver
    from mipcheck.checker.trace.columns import Batch
    from mipcheck.model.machine.compile import Machine
    from mipcheck.model.native.unit import Unit


class Watched(NamedTuple):
    """A machine and a trace, what the trace showed, and in words which access modes were seen."""

    machine: Machine
    trace: Trace
    observation: Observation
    modes: list[str]


def watch_in_bulk(
    spec: Spec,
    inputs: Sequence[OpenInput],
    vocabulary: Vocabulary,
    over: Over,
    offsets: Mapping[str, str],
    keep_going: bool,
) -> Watched | None:
    """Read and observe inputs natively, if all are logs and that is worth it; else return None.

    `over` is what wins over the site of the logs, `offsets` are by input. A pipe that is read here can be read again
    afterwards. Raises as `read_inputs` and `machine_of` do, and TooMuch.
    """
    if not _are_logs(inputs):
        return None
    if any(table_of(over.sources, i.path) for i in inputs):
        slowly(LOGS, "the configuration describes the source of an input")
        return None
    if not decide(LOGS, lambda size: hold(inputs, size), lambda: _parsers(inputs)).native:
        return None
    piped = any(i.piped for i in inputs)
    for given in inputs:
        given.keep()
    watched = None
    try:
        watched = _watch(spec, _Logs(inputs, Settling(vocabulary, over), keep_going), offsets, piped)
    except (NativeError, ImportError) as error:
        slowly(LOGS, str(error))
    if watched is None:
        for given in inputs:
            given.stream.seek(0)
    return watched


def _are_logs(inputs: Sequence[OpenInput]) -> bool:
    """Tell whether all inputs are logs. What is wrong with one that cannot be read, `read_inputs` says in its turn."""
    try:
        kinds = {i.kind for i in inputs}
    except InputError as error:
        slowly(LOGS, str(error))
        return False
    if kinds <= {"log", "jsonl"}:
        return True
    slowly(LOGS, "a capture, or a log that is read through a map, is among the inputs")
    return False


def _parsers(inputs: Sequence[OpenInput]) -> list[Unit]:
    """Return what would have to be compiled to read logs natively."""
    from mipcheck.checker.logs.bulk.form import FORMS

    return [FORMS[kind].unit() for kind in dict.fromkeys(i.kind for i in inputs)]


class _Logs:
    """All logs, each read up to its first event, and the site that they have told by then."""

    def __init__(self, inputs: Sequence[OpenInput], settling: Settling, keep_going: bool) -> None:
        """Begin all logs, in order. Raises InputError, UsageError, NativeError."""
        from mipcheck.checker.logs.bulk.form import FORMS
        from mipcheck.checker.logs.bulk.log import BulkLog

        self.given, self.settling = inputs, settling
        self.logs: list[BulkLog] = []
        try:
            for given in inputs:
                log = BulkLog(
                    given.stream,
                    given.name,
                    settling.vocabulary,
                    keep_going,
                    settling.role,
                    FORMS[given.kind],
                    len(inputs),
                )
                self.logs.append(log)
                reader = log.begin()
                settling.add(given.path, reader.site(), reader.given)
        except (InputError, RoleError):
            self.read()
            raise

    def read(self) -> None:
        """Read all of them, for what is wrong with the first of which anything is. Raises InputError, UsageError."""
        for log in self.logs:
            try:
                len(log)
            except RoleError as error:
                raise UsageError(f"{printable(log.name)}: {error}") from None

    def inputs(self) -> list[Input]:
        """Return what is known of each log, as far as it has been read; of its events only the first."""
        return [
            input_of_log(log.name, given.kind, log.reader, log.reader.builder.events[:1], log.interfaces)
            for given, log in zip(self.given, self.logs, strict=True)
        ]


def _watch(spec: Spec, logs: _Logs, offsets: Mapping[str, str], piped: bool) -> Watched | None:
    """Read the logs to their ends and observe them; None if that is not worth it or they do not fit together.

    Raises InputError, UsageError, ParameterError, TooMuch, NativeError.
    """
    from mipcheck.checker.observe.unit import unit_of

    try:
        site, said, vocabulary = logs.settling.settle()
        inputs = logs.inputs()
        shifts = shifts_of([i.path for i in logs.given], inputs, offsets)
        machine = machine_of(spec, site)
        if len(inputs) > 1 and any(i.sight.resolution for i in inputs):
            slowly(LOGS, INEXACT)
            return None
        # That stamps are whole seconds is known once the last one has been read.
        seen = evidence_of_inputs(machine.spec, inputs, stamps=any(i.sight.resolution for i in inputs))
        if not decide(LOGS, lambda size: hold(logs.given, size), lambda: [unit_of(machine)]).native:
            return None
        columns = _columns(logs.logs, [s.ns for s in shifts], vocabulary)
        if columns is None:
            slowly(LOGS, "the logs are of different roles")
            return None
        for log in logs.logs:
            log.tell(machine.spec, machine.capabilities)
        addresses = SaidAddresses(site if site.role == MOBILE_NODE else None, columns)
        replay = _replayed(machine, columns, site.boot, logs, piped, seen, addresses)
        site, notes = addresses.complete(site)
        if notes:
            before, machine = machine, machine_of(spec, site)
            # What was observed without an address stands if nothing depends on it.
            if _reads(machine) & (machine.site.keys() - before.site.keys()):
                replay = _replayed(machine, columns, site.boot, logs, piped, seen)
    except (UserError, TooMuch):
        logs.read()  # what is wrong with a log is said first
        raise
    if any(log.spans for log in logs.logs):
        slowly(LOGS, "a gap has a span of its own")
        return None
    if _overlap(logs.logs, [s.ns for s in shifts]):
        slowly(LOGS, "one log begins with what stands in another")
        return None
    read = [
        replace(i, events=log, fractions=log.fractions).by_clock(shift.ns)
        for i, log, shift in zip(logs.inputs(), logs.logs, shifts, strict=True)
    ]
    trace = Trace(tuple(read), columns, site, said, absolute_of(inputs, shifts), notes)
    evidence = trace.evidence(machine.spec)
    if evidence.resolution != seen.resolution:
        if not evidence.alone:
            slowly(LOGS, INEXACT)
            return None
        replay = _replayed(machine, columns, site.boot, logs, piped, evidence)
    observation = replay.observation()
    if evidence.excuses:
        from mipcheck.checker.observe.silence import excused

        observation = excused(machine, observation, columns, evidence)
    modes = modes_in_words(machine.spec, replay.modes(), forbidden(machine, observation))
    return Watched(machine, trace, observation, modes)


def _columns(logs: Sequence[BulkLog], offsets: Sequence[int], vocabulary: Vocabulary) -> BulkLog | MergedLogs | None:
    """Return the logs as one trace, after `offsets` (ns) are added; None if they do not tell of the same events."""
    if len(logs) == 1 and not offsets[0]:
        return logs[0]
    from mipcheck.checker.logs.bulk.merge import MergedLogs

    if any(log.events != logs[0].events for log in logs):
        return None
    return MergedLogs(logs, offsets, vocabulary.gaps)


def _overlap(logs: Sequence[BulkLog], offsets: Sequence[int]) -> bool:
    """Tell whether the first event of a log stands in another one, too, after `offsets` (ns) are added."""
    if len(logs) == 1:
        return False
    from mipcheck.checker.inputs.overlap import same

    told = [(log, offset) for log, offset in zip(logs, offsets, strict=True) if len(log)]
    return any(
        same(event, log[0], offset - shift)
        for log, offset in told
        for other, shift in told
        if other is not log and log[0].interface in (NODE, *other.interfaces)
        for event in other.at(log[0].time + offset - shift)
    )


def _replayed(
    machine: Machine,
    columns: BulkLog | MergedLogs,
    boot: bool,
    logs: _Logs,
    piped: bool,
    evidence: Evidence,
    addresses: SaidAddresses | None = None,
) -> NativeObserver:
    """Run a machine over all events, of which `evidence` says what they show; `addresses` sees them too."""
    from mipcheck.checker.observe.columns import NativeObserver

    fog = fog_of(machine, evidence)
    replay = NativeObserver(machine, columns, boot, fog=fog, evidence=evidence)
    with closing(_shown(columns, logs, piped)) as batches:
        for batch in batches:
            if addresses is not None:
                addresses.take(batch, columns)
            replay.take(batch)
    return replay


def _shown(columns: BulkLog | MergedLogs, logs: _Logs, piped: bool) -> Generator[Batch, None, None]:
    """Return the batches, the next of which is read while one is being replayed, and show how far they are."""
    from mipcheck.checker.console.progress import ReadingProgress
    from mipcheck.checker.trace.ahead import ahead

    first, *others = logs.logs
    name = first.name + (f" and {len(others)} more" if others else "")
    with ReadingProgress([log.source for log in logs.logs], name, "events") as progress:
        # A pipe is read by the main thread, which hears Ctrl-C and lets whoever writes to it come to an end.
        for batch in columns.batches() if piped else ahead(columns.batches()):
            yield batch
            progress.update(batch.first + len(batch))


def _reads(machine: Machine) -> set[str]:
    """Return the addresses of the site that anything depends on."""
    terms = [t for r in machine.rules for t in r.terms()] + [t for u in machine.spec.updates for t in u.terms()]
    return {name for term in terms for name in term.names("site")}
