"""`mipcheck fleet PATH...`: many files at once, one summary. Imports nothing heavy before it is needed."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mipcheck.checker.console import options
from mipcheck.checker.console.apart import cores
from mipcheck.checker.console.output import keep_inputs, terminal, warned, write
from mipcheck.checker.console.progress import Parallel
from mipcheck.model.values.errors import INTERRUPTED

if TYPE_CHECKING:
    from mipcheck.checker.check.expected import Expectation
    from mipcheck.checker.fleet.inputs import File, PathPattern
    from mipcheck.checker.fleet.store import Store
    from mipcheck.checker.fleet.summary import Summary
    from mipcheck.checker.fleet.work import FileOutcome, Job
    from mipcheck.checker.trace.vocabulary import Vocabulary
    from mipcheck.model.specification.spec import Spec

FORMATS: Final = ("text", "json", "jsonl", "html", "junit", "sarif", "github")
"""What a fleet can be reported as: text and JSON are the summary, the others what they are of a single file."""

NEEDS: Final = ("fsspec", "pyarrow")

DESCRIPTION: Final = "Check many files, each as a trace of its own, on the cores of this machine or on a dask cluster."
EPILOG: Final = """\
A folder stands for the logs and captures in it, by their names; a glob (quote it) for what it matches, ** for
folders in between; a URL for what fsspec opens (s3:// needs s3fs, gs:// needs gcsfs; a worker makes a copy while it
checks). Each file is a trace of its own.

-o DIR is a Parquet dataset of a row a file, written as results come: path, size, stamp, fields, status, error,
verdict, reasons, spec, role, nodes, kind, events, frames, interfaces, notes, rules, violations, warnings, findings,
parameters, started, seconds, attempts, worker, run, mipcheck. After a crash the same command goes on where it
stood; a file that has changed since is checked again; other options need another DIR. --expect and --report are about
what was found, and may change from run to run.

exit codes, the first that applies: 2 the command line is wrong; 1 a violation in any file, or a stale expectation; 4 an
internal error with any file; 2 no file can be read; 3 any file inconclusive or without a verdict; 0 all are conformant
or as expected
"""
EXAMPLE: Final = "mipcheck fleet 'traces/*.log' --pattern '{what}-*.log' --by what"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("inputs", nargs="+", metavar="PATH|GLOB|URL", help="files, folders, globs or URLs")
    parser.add_argument(
        "--workers", type=_workers, metavar="N", help="processes on this machine (default: a core each)"
    )
    parser.add_argument(
        "--scheduler",
        metavar="tcp://…",
        help="an existing dask cluster, whose workers see the files. It is trusted: whoever can reach a scheduler can"
        " have any code run there, by its workers and here",
    )
    parser.add_argument(
        "--limit", type=options.seconds, metavar="S", help="seconds for a file, after which it is given up"
    )
    parser.add_argument("--pattern", metavar="P", help="fields of the path, as '{vendor}/{build}/*.log'")
    parser.add_argument("--by", action="append", default=[], metavar="FIELD", help="count by a field, too (repeatable)")
    parser.add_argument("--retry", action="store_true", help="try files again that an earlier run could not check")
    options.add_judgement(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="of the summary (default: text)")
    parser.add_argument("-o", "--output", metavar="DIR", help="write results as a Parquet dataset, and resume from it")
    options.add_report(parser, FORMATS)
    options.add_expect(parser)
    parser.add_argument("-v", "--verbose", action="store_true", help="list every file and rule")
    options.add_spec(parser)
    options.add_parameters(parser)
    options.add_config(parser)
    options.add_reading(parser)


def _workers(word: str) -> int:
    """Read a number of processes. Raises ArgumentTypeError, which argparse reports."""
    if not word.isdecimal() or not 1 <= int(word) <= 1024:
        raise argparse.ArgumentTypeError("a number of processes, from 1 to 1024")
    return int(word)


def run(args: argparse.Namespace) -> int:
    """Check the files, write the summary, and return the exit code, which `EPILOG` explains.

    Raises UsageError, and what reading the specification and the site raises.
    """
    from mipcheck.checker.check.readings import resolved

    if args.output == "-":
        from mipcheck.checker.console.errors import UsageError

        raise UsageError("-o takes a folder for the results, not -; the summary goes to standard output")
    spec = warned(resolved(args.spec, args.reading))
    expectations = None
    if args.expect is not None or args.expect_update:
        from mipcheck.checker.check.expected import asked_for
        from mipcheck.model.specification.load import files_of

        expectations = asked_for(args.expect, args.expect_update, spec, [args.config, *files_of(args.spec)])
    summary, interrupted = _summary(args, spec, options.parameters(args))
    if summary.reported:
        _report(args, spec, summary, expectations)
    write(_rendered(summary, args.format, None, args), None)
    return summary.exit_code() if interrupted is None else interrupted


def _report(args: argparse.Namespace, spec: Spec, summary: Summary, expectations: Sequence[Expectation] | None) -> None:
    """Excuse known deviations, and write the reports that are asked for. Raises UsageError."""
    from dataclasses import replace
    from datetime import date

    from mipcheck.checker.fleet import reports

    rules = reports.rules_of(spec)
    paths = sorted(summary.outcomes)
    each = [reports.report_of(summary.outcomes[path], rules) for path in paths]
    whole = reports.merged(spec, each)
    if expectations is not None:
        from mipcheck.checker.check.expected import written_expectations

        unchecked = [r.inputs[0].file for r, p in zip(each, paths, strict=True) if summary.lines[p].verdict is None]
        if args.expect_update and not summary.stopped:
            expectations = reports.rewritten(whole, expectations, unchecked, date.today())
            write(written_expectations(expectations), args.expect)
        whole = reports.excused(whole, expectations, unchecked, date.today())
        each = reports.parted(whole, each)
        known = {p: [e.violation.rule for e in r.excused] for p, r in zip(paths, each, strict=True)}
        summary.excuse({p: r.verdict for p, r in zip(paths, each, strict=True)}, known, whole.stale)
        whole = replace(whole, verdict=summary.verdict())
    for kind, path in args.report:
        is_summary = kind in ("text", "json")
        write(_rendered(summary, kind, path, args) if is_summary else reports.rendered(kind, whole, each), path)


def _rendered(summary: Summary, kind: str, path: str | None, args: argparse.Namespace) -> str:
    """Return the summary as text or JSON, for the file `path` (None: standard output)."""
    from mipcheck.checker.fleet.summary import summary_json, summary_text

    return summary_json(summary) if kind == "json" else summary_text(summary, *terminal(path), verbose=args.verbose)


def _summary(args: argparse.Namespace, spec: Spec, parameters: dict[str, str]) -> tuple[Summary, int | None]:
    """Check the files that have no result yet; return the summary of all, and the exit code of a run that was
    interrupted, else None. Raises UsageError and what options may raise."""
    _check_installed(args)
    from mipcheck.checker.fleet import inputs as fleet_inputs
    from mipcheck.checker.fleet.summary import Summary

    pattern = fleet_inputs.read_pattern(args.pattern) if args.pattern is not None else None
    by = fleet_inputs.fields_asked(pattern, args.by)
    job = _job(args, spec, parameters)
    found = fleet_inputs.find(args.inputs)
    updated = [("--expect-update", args.expect)] if args.expect_update else []
    keep_inputs([*options.written(args), *updated], [f.path for f in found.files])
    summary = Summary(spec.name, [r for m in spec.machines() for r in m.rules], args.fail_on, pattern, by, found.others,
                      reported=bool(args.report) or args.expect is not None)  # fmt: skip
    store = _store(args, job, pattern) if args.output is not None else None
    try:
        todo = list(found.files) if store is None else _not_yet(found.files, store, summary, args.retry)
        code = _check_files(args, job, todo, store, summary)
    finally:
        if store is not None:
            store.close()
    summary.pending(found.files, summary.stopped)
    return summary, code


def _check_installed(args: argparse.Namespace) -> None:
    """Raise UsageError where a package is missing, or options exclude each other."""
    from mipcheck.checker.console.errors import UsageError

    needed = NEEDS if args.scheduler is None else ("distributed", *NEEDS)
    missing = [n for n in needed if importlib.util.find_spec(n) is None]
    if missing:
        raise UsageError(f"fleet needs {', '.join(missing)}, not installed here: pip install 'mipcheck[fleet]'")
    if args.scheduler is not None and args.workers is not None:
        raise UsageError("--workers is for this machine; --scheduler names a cluster that has workers already")


def _job(args: argparse.Namespace, spec: Spec, parameters: dict[str, str]) -> Job:
    """Return what is the same for all files. Raises UsageError and what reading the site raises: what is wrong with it
    is an error now, not once for each file."""
    from mipcheck.checker.check.machine import machine_of
    from mipcheck.checker.console.errors import UsageError
    from mipcheck.checker.fleet.work import Job
    from mipcheck.checker.inputs.opening import open_input
    from mipcheck.checker.site.site import Site, SiteError, merge_sites, site_from_words
    from mipcheck.checker.site.toml import read_config
    from mipcheck.checker.trace.vocabulary import vocabulary_of

    vocabulary = vocabulary_of(spec)
    site, config, maps = Site(), None, b""
    if args.config is not None:
        with open_input(args.config) as stream:
            site, _, sources = read_config(stream, args.config, vocabulary)
            stream.seek(0)
            config = stream.read()
        maps = _maps([source.map for source in sources if source.map], vocabulary)
    try:
        words = site_from_words(parameters, vocabulary)
    except SiteError as error:
        raise UsageError(f"{error.message}; {error.hint}" if error.hint else error.message) from None
    site = merge_sites(site, words, parameters.keys())
    machine_of(spec, site)
    name = args.config or ""
    return Job(spec, config, name, parameters, args.keep_going, args.fail_on, args.strict, args.limit, maps)


def _maps(words: Sequence[str], vocabulary: Vocabulary) -> bytes:
    """Return the texts of the maps that a site file names, after they were read. Raises InputError, UsageError."""
    if not words:
        return b""
    from mipcheck.checker.console.errors import UsageError, quoted
    from mipcheck.checker.maps.library import use_of

    files = [Path(file) for word in words for file in use_of(word, vocabulary).map.files]
    for file in files:
        if not file.is_absolute():
            raise UsageError(
                f"map {quoted(str(file))} of a [[source]]: workers run in folders of their own: give its whole path"
            )
    return b"".join(file.read_bytes() for file in files)


def _store(args: argparse.Namespace, job: Job, pattern: PathPattern | None) -> Store:
    """Open the dataset in the folder that `-o` names. Raises UsageError."""
    from mipcheck.checker.console.errors import UsageError
    from mipcheck.checker.fleet.store import Store

    if "://" in args.output:
        raise UsageError("-o takes a folder of this machine; only there can a part be written whole or not at all")

    def fields(path: str) -> dict[str, str]:
        return (pattern.fields(path) or {}) if pattern is not None else {}

    return Store(args.output, options_of(job, args.pattern), fields)


def options_of(job: Job, pattern: str | None) -> dict[str, Any]:
    """Return what results depend on, by the option's name; what is long or secret as its digest (SHA-256)."""
    import hashlib

    def digest(data: bytes) -> str:
        return hashlib.sha256(data).hexdigest()

    return {
        "mipcheck": job.version,
        "--spec": f"{job.spec.name} {digest(_plain(job.spec).encode())}",
        "--config": None if job.config is None else digest(job.config + job.maps),
        "--set": dict(sorted(job.parameters.items())),
        "--keep-going": job.keep_going,
        "--fail-on": job.fail_on,
        "--strict": job.strict or None,  # older results were not
        "--pattern": pattern,
    }


def _plain(value: Any) -> str:
    """Return data as text that is the same in every process: sets have no order, addresses of objects mean nothing."""
    from collections.abc import Mapping, Set
    from dataclasses import fields, is_dataclass

    names: dict[type, list[str]] = {}
    known: dict[int, str] = {}  # by `id`: definitions stand wherever they are used

    def plain(value: Any) -> str:
        kind = type(value)
        if kind in (str, int, bool) or value is None:
            return repr(value)
        if is_dataclass(kind):
            text = known.get(id(value))
            if text is None:
                if kind not in names:
                    names[kind] = [f.name for f in fields(kind)]
                text = f"{kind.__name__}({','.join([plain(getattr(value, name)) for name in names[kind]])})"
                known[id(value)] = text
            return text
        if isinstance(value, Mapping):
            return "{" + ",".join([f"{plain(k)}:{plain(v)}" for k, v in value.items()]) + "}"
        if isinstance(value, Set):
            return "{" + ",".join(sorted(map(plain, value))) + "}"
        return "[" + ",".join(map(plain, value)) + "]" if isinstance(value, list | tuple) else repr(value)

    return plain(value)


def _not_yet(files: tuple[File, ...], store: Store, summary: Summary, retry: bool) -> list[File]:
    """Return the files without a result; add the results of the others to the summary.

    Results of files that have changed since are taken out of the store, with `retry` those without a verdict too.
    """
    from dataclasses import replace

    from mipcheck.checker.fleet.store import stored_path

    wanted = {stored_path(f): f for f in files}
    stale: set[str] = set()
    for outcome in store.results(summary.reported):
        file = wanted.get(outcome.file.path)
        if file is None:
            continue
        lacks = summary.reported and outcome.status == "checked" and not outcome.findings  # as an older run left it
        if (file.size, file.stamp) != outcome.file[1:] or lacks or (retry and outcome.status != "checked"):
            stale.add(outcome.file.path)
        else:
            summary.add(replace(outcome, file=file), earlier=True)
    store.forget(stale)
    return [f for f in files if f.path not in summary.lines]


def _check_files(
    args: argparse.Namespace, job: Job, todo: list[File], store: Store | None, summary: Summary
) -> int | None:
    """Check the files in `todo`, and hand the outcomes to the store and the summary. Returns the exit code of a run
    that was interrupted, else None."""
    from mipcheck.checker.fleet.cluster import ClusterLost, check_all, connected

    if not todo:
        return None
    shown = Parallel(len(todo), "checking", "files")
    count = Counter[str]()

    def done(outcome: FileOutcome) -> None:
        summary.add(outcome)
        if store is not None:
            store.add(outcome)
        count[outcome.verdict or ""] += 1

    def tick() -> None:
        if store is not None:
            store.flush_if_due()
        shown.update(count.total(), f"{count['violation']} with violations")

    again = "; the same command with -o goes on from here" if store is not None else ""
    try:
        with _orderly(), shown, connected(args.scheduler, min(args.workers or cores(), len(todo))) as client:
            check_all(client, job, todo, done, tick)
    except ClusterLost as error:
        summary.stopped = f"{error}{again}"
    except KeyboardInterrupt as error:
        summary.stopped = f"interrupted{again}"
        return _TERMINATED if isinstance(error, _Terminated) else INTERRUPTED
    finally:
        if store is not None:
            store.flush()
    return None


class _Terminated(KeyboardInterrupt):
    """SIGTERM: the end of a fleet is as orderly as after Ctrl-C."""


_TERMINATED: Final = 128 + signal.SIGTERM
"""The exit code then, as a shell reports it."""


@contextlib.contextmanager
def _orderly() -> Iterator[None]:
    """Have SIGTERM interrupt what is done here, unless it is ignored, or this is not the main thread."""

    def end(number: int, frame: object) -> None:
        raise _Terminated

    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
