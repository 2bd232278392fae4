"""What a worker of a fleet does: one file → `FileOutcome`. The checking is that of `check`, as for a single file."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, cast

from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report, Violation, date
from mipcheck.checker.console.escape import printable
from mipcheck.checker.console.isolated import isolated
from mipcheck.checker.console.valid_json import dumps
from mipcheck.checker.fleet.inputs import File, is_local, look
from mipcheck.checker.fleet.kept import kept
from mipcheck.model.specification.spec import Spec
from mipcheck.model.values.errors import MipcheckError, UserError
from mipcheck.model.version import __version__

_GRACE: Final = 30.0
"""Seconds after which a process that outlives its own alarm is killed by the worker."""

_DESCRIPTORS: Final = "/proc/self/fd"

_SAID: Final = 2000
"""Characters of an error that are kept."""


@dataclass(frozen=True)
class Job:
    """What is the same for all files. `config` is the site file's bytes, `limit` seconds for one file, None for any.

    `maps` are the texts of the maps that the site file names, by which it is known whether they have changed.
    """

    spec: Spec
    config: bytes | None = None
    config_name: str = "the site file"
    parameters: Mapping[str, str] = field(default_factory=dict)
    keep_going: bool = False
    fail_on: str = "must"
    strict: bool = False
    limit: float | None = None
    maps: bytes = b""
    version: str = __version__

    def packed(self) -> bytes:
        """Return the job as bytes for a worker, which may not see the files that these options name."""
        return zlib.compress(pickle.dumps(self))


@dataclass(frozen=True)
class RuleOutcome:
    """A rule in one file; the counts are those of the report's `RuleReport`."""

    id: str
    level: str
    section: str
    status: str
    exercised: int
    violations: int
    inconclusive: int


@dataclass(frozen=True)
class Breach:
    """A finding in one file: `time` in seconds as the report counts, `date` (RFC 3339) if the file has dates; `node`
    where the file tells several mobile nodes apart."""

    rule: str
    level: str
    section: str
    interface: str | None
    node: str | None
    time: float
    date: str | None
    line: int | None
    frame: int | None
    count: int
    message: str


@dataclass(frozen=True)
class FileOutcome:
    """What became of a file. `status` is one of `STATUS`; only a file that was `checked` has a verdict.

    `started` is seconds since the epoch, `seconds` how long it took, `attempts` how often it was begun. `findings` are
    the findings in full, as JSON (`kept.py`). `parameters` are those that anybody gave, as a log spells them.
    """

    file: File
    status: str
    error: str = ""
    started: float = 0.0
    seconds: float = 0.0
    worker: str = ""
    attempts: int = 1
    verdict: str | None = None
    spec: str = ""
    role: str = ""
    nodes: int | None = None
    kind: str | None = None
    events: int | None = None
    frames: int | None = None
    interfaces: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    rules: tuple[RuleOutcome, ...] = ()
    violations: tuple[Breach, ...] = ()
    warnings: tuple[Breach, ...] = ()
    findings: str = ""
    parameters: tuple[tuple[str, str], ...] = ()


STATUS: Final = {
    "checked": "has a verdict",
    "unreadable": "the file cannot be read, or is no log or capture that can be checked",
    "changed": "the file was written to meanwhile",
    "limit": "the time limit was over",
    "killed": "worker after worker died of it",
    "error": "an error of mipcheck's own",
}


class OtherVersion(MipcheckError):
    """The worker's mipcheck is not the one that asks."""


_alone = False


def alone_in_its_process() -> None:
    """Say that this process does nothing but `examine`, so that it may be ended for a file that takes too long."""
    global _alone
    _alone = True


def examine(packed: bytes, file: File) -> FileOutcome:
    """Check one file: the task of a fleet. Whatever is wrong with it is in the outcome; raises OtherVersion only.

    A process of its own that does so ends where the time limit is over.
    """
    started, begin = time.time(), time.monotonic()  # the clock of the day may jump
    job = _unpacked(packed)
    if job.version != __version__:
        raise OtherVersion(f"worker {socket.gethostname()} has mipcheck {__version__}, not {job.version}")
    if job.limit is None:
        outcome = _check(job, file)
    elif _alone:
        outcome = _alarmed(job.limit, job, file)
    else:
        outcome = _within(job.limit, packed, file)
    took = time.monotonic() - begin
    return replace(outcome, started=started, seconds=took, worker=f"{socket.gethostname()}:{os.getpid()}")


@lru_cache(maxsize=2)
def _unpacked(packed: bytes) -> Job:
    """Return the job of `Job.packed`; a worker does so once for thousands of files."""
    return cast("Job", pickle.loads(zlib.decompress(packed)))


# --- one file -----------------------------------------------------------------------------------------------------


def _check(job: Job, file: File) -> FileOutcome:
    """Check a file, whatever happens."""
    names: dict[str, str] = {}
    try:
        before = _now(file)
        with _local(file) as local, _config(job) as config:
            names = {name: known for name, known in ((local, file.path), (config, job.config_name)) if name is not None}
            report = check(
                [local],
                spec=job.spec,
                config=config,
                parameters=job.parameters,
                keep_going=job.keep_going,
                fail_on=job.fail_on,
                strict=job.strict,
            )
        if _now(file) != before:
            return FileOutcome(file, "changed", "it was written to while it was checked")
    except UserError as error:
        return FileOutcome(file, "unreadable", _said(str(error), names))
    except OSError as error:
        return FileOutcome(file, "unreadable", _said(f"{file.path}: cannot be read: {error.strerror or error}", names))
    except MemoryError:
        return FileOutcome(file, "error", "there was not enough memory")
    # A fleet goes on; the type and text are what a report of the fault begins with.
    except Exception as error:
        return FileOutcome(file, "error", _said(f"{type(error).__name__}: {error}", names))
    return _outcome(report, file, names)


def _named(json: str, names: Mapping[str, str]) -> str:
    """Return JSON in which copies are called what people know them by."""
    for name, known in sorted(names.items(), reverse=True):
        if name != known:
            json = json.replace(dumps(name)[1:-1], dumps(known)[1:-1])
    return json


def _said(text: str, names: Mapping[str, str]) -> str:
    """Return the text of an error, shortened and safe to show. `names` are what people know copies by."""
    for name, known in sorted(names.items(), reverse=True):  # of two descriptors one may begin like the other
        text = text.replace(name, known)
    return "\n".join(printable(line) for line in text[:_SAID].splitlines())


@contextlib.contextmanager
def _local(file: File) -> Iterator[str]:
    """Provide a path that can be opened: the file's own, or that of a copy for as long. Raises OSError."""
    with _store_errors():
        system, path, _ = look(file.path)
    if is_local(system):
        yield path
        return
    with _nameless() as copy:
        with _store_errors():
            system.get_file(path, copy)
        yield copy


def _now(file: File) -> File:
    """Return the file as it is now: what a store says of a file may differ from its listing. Raises OSError."""
    with _store_errors():
        return look(file.path)[2]


@contextlib.contextmanager
def _store_errors() -> Iterator[None]:
    """Turn whatever a store's library raises into OSError."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from None


@contextlib.contextmanager
def _config(job: Job) -> Iterator[str | None]:
    """Provide the path of the site file, for no longer than it is needed, as it may hold keys."""
    if job.config is None:
        yield None
        return
    with _nameless(in_memory=True) as copy:
        Path(copy).write_bytes(job.config)
        yield copy


@contextlib.contextmanager
def _nameless(in_memory: bool = False) -> Iterator[str]:
    """Provide the path of a new file that goes with this process, however it ends, where the system has such ones.

    One `in_memory` is on no disk.
    """
    if Path(_DESCRIPTORS).is_dir() and in_memory and hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("mipcheck"), "wb") as memory:
            yield f"{_DESCRIPTORS}/{memory.fileno()}"
    elif Path(_DESCRIPTORS).is_dir():
        with tempfile.TemporaryFile() as file:
            yield f"{_DESCRIPTORS}/{file.fileno()}"
    else:
        with tempfile.NamedTemporaryFile(prefix="mipcheck-") as file:
            yield file.name


def _outcome(report: Report, file: File, names: Mapping[str, str]) -> FileOutcome:
    """Return a report as the outcome of a file; `names` are as in `_said`."""
    (source,) = report.inputs
    return FileOutcome(
        file,
        "checked",
        verdict=report.verdict,
        spec=report.spec,
        role=report.role,
        nodes=report.nodes,
        kind=source.kind,
        events=source.events,
        frames=source.frames,
        interfaces=source.interfaces,
        reasons=tuple(_said(r, names) for r in report.reasons),
        notes=tuple(_said(n, names) for n in report.notes),
        rules=tuple(
            RuleOutcome(r.id, r.level, r.section, r.status, r.exercised, r.broken, r.unknown) for r in report.rules
        ),
        violations=tuple(_breach(report, v) for v in report.violations),
        warnings=tuple(_breach(report, v) for v in report.warnings),
        findings=_named(kept(report), names),
        parameters=tuple((p.name, p.value) for p in report.parameters if p.given),
    )


def _breach(report: Report, v: Violation) -> Breach:
    """Return a violation or warning of a report as a breach."""
    return Breach(
        rule=v.rule,
        level=v.level,
        section=v.section,
        interface=v.interface,
        node=v.node,
        time=v.time / 1e9,
        date=date(report, v.time),
        line=v.at.line,
        frame=v.at.frame,
        count=v.count,
        message=v.message,
    )


# --- a limit ------------------------------------------------------------------------------------------------------


def _within(limit: float, packed: bytes, file: File) -> FileOutcome:
    """Check a file as `_check` does, for `limit` seconds at most, in a process of its own: that can be ended, whereas a
    thread of a worker cannot."""
    command = isolated("from mipcheck.checker.fleet.work import _child; _child()")
    given = pickle.dumps((packed, file))
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=limit + _GRACE, check=False, cwd="/")
    except subprocess.TimeoutExpired:
        return FileOutcome(file, "limit", f"not done in {limit:g} s")
    if done.returncode == 0:
        return cast("FileOutcome", pickle.loads(done.stdout))
    if done.returncode == -signal.SIGALRM:
        return FileOutcome(file, "limit", f"not done in {limit:g} s")
    if done.returncode < 0:
        return FileOutcome(file, "killed", f"the process that checked it died of signal {-done.returncode}")
    last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
    return FileOutcome(file, "error", _said(": ".join(["the process that checked it failed", *last]), {}))


def _alarmed(limit: float, job: Job, file: File) -> FileOutcome:
    """Check a file, or die of the alarm after `limit` seconds: the kernel keeps it, whatever this process does."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, limit)
    outcome = _check(job, file)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return outcome


def _child() -> None:
    """Read a job and a file from standard input and write the outcome to standard output, or die of the alarm, even
    if the worker has died meanwhile."""
    answer = os.dup(1)
    os.dup2(2, 1)  # nothing else may get into the answer
    packed, file = pickle.load(sys.stdin.buffer)
    job: Any = _unpacked(packed)
    outcome = _alarmed(job.limit, job, file)
    with os.fdopen(answer, "wb") as out:
        pickle.dump(outcome, out)
