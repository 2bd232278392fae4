"""The results of a fleet as a Parquet dataset: written part by part as they come, and taken up again after a crash.

A part is written beside its place, forced to the disk and renamed, so that it is there whole or not at all. What counts
as done is what stands in a part, nothing else; so a crash at any moment loses at most what had not been written yet,
and that is checked again.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from mipcheck.checker.check.report import VERDICTS
from mipcheck.checker.console.errors import UsageError, listed, quoted
from mipcheck.checker.console.escape import printable
from mipcheck.checker.console.output import replacing
from mipcheck.checker.fleet.inputs import File
from mipcheck.checker.fleet.work import STATUS, FileOutcome
from mipcheck.model.version import __version__

FLUSH: Final = 1.0
"""Seconds that a result waits for others before it is written, so that not every file makes a part; a crash may cost
that much."""

_ROWS: Final = 1000
_ABOUT: Final = "_mipcheck.json"  # what begins with _ or . is no part of a dataset
_LOCK: Final = "_lock"
_PART: Final = re.compile(r"part-[0-9]{6}-[0-9]{6}\.parquet")
_ABOUT_LIMIT: Final = 2**20
_ROWS_LIMIT: Final = 100_000
_BYTES_LIMIT: Final = 2**30
"""Rows and bytes (unpacked) of a part beyond which it is not read: a hundred times what is ever written."""
_SAID: Final = 300
_OLDER: Final = ("parameters",)
"""What is read where it is there: older results have none."""
_NEEDED: Final = ("path", "size", "stamp", "status", "error", "verdict", "spec", "kind", "events", "frames", "rules")
_REPORTED: Final = ("role", "nodes", "interfaces", "reasons", "notes", "findings")
"""What is read besides where reports are asked for."""

COLUMNS: Final = (
    ("path", "the file: absolute path or URL"),
    ("size", "bytes, and"),
    ("stamp", "entity tag or time of modification: with path and size, what tells the file from a later version"),
    ("fields", "map: fields of the path by --pattern"),
    ("status", "checked, unreadable, changed, limit, killed or error; only what was checked has a verdict"),
    ("error", "why there is no verdict"),
    ("verdict", "violation, inconclusive or conformant"),
    ("reasons", "list: why inconclusive"),
    ("spec", "name of the specification"),
    ("role", "whose trace it is: mn, vpn, …"),
    ("nodes", "mobile nodes that the trace of another role tells apart"),
    ("kind", "log, jsonl, pcap or pcapng"),
    ("events", "events checked"),
    ("frames", "frames of a capture"),
    ("interfaces", "list"),
    ("notes", "list"),
    ("rules", "list of id, level, section, status, exercised, violations, inconclusive"),
    ("violations", "list of rule, level, section, interface, node, time (s), date, line, frame, count, message"),
    ("warnings", "the same, of what does not fail"),
    ("findings", "JSON: the findings in full, of which --report and --expect are made"),
    ("parameters", "map: parameters that the file, the site or the command line gave"),
    ("started", "when the check began"),
    ("seconds", "how long it took"),
    ("attempts", "how often it was begun"),
    ("worker", "host and process"),
    ("run", "which run of this folder, from 1"),
    ("mipcheck", "version"),
)
"""Stable: columns may be added, none may go or change its type."""


class Store:
    """The dataset in a folder, for one run at a time. `results` of earlier runs are read before any are added."""

    def __init__(self, folder: str, options: Mapping[str, Any], fields: Callable[[str], Mapping[str, str]]) -> None:
        """Open or make the folder, and lock it. Raises UsageError.

        `options` are what the results depend on, by name; `fields` gives the fields of a path.
        """
        self.folder = Path(folder)
        self.fields = fields
        self._rows: list[dict[str, Any]] = []
        self._since = 0.0
        self._number = 0
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            entries = [p.name for p in self.folder.iterdir() if not p.name.startswith(".") and p.name != _LOCK]
            if entries and _ABOUT not in entries:
                raise UsageError(f"-o {printable(folder)} is not empty, and what it holds are no results of a fleet")
            self._lock = self._locked()
            self._agree(dict(options))
            for left in self.folder.glob(".part-*"):  # of a run that died while it wrote
                left.unlink()
        except OSError as error:
            raise UsageError(f"-o {printable(folder)}: {error.strerror or error}") from None
        self.run = 1 + max((int(p.name[5:11]) for p in self._parts()), default=0)

    def _locked(self) -> int:
        """Return a descriptor whose lock keeps other runs out. Raises UsageError where one is at work."""
        lock = os.open(self.folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise UsageError(f"another run writes to {printable(str(self.folder))}") from None
        return lock

    def _agree(self, options: dict[str, Any]) -> None:
        """Note the options in a new folder, or compare them with those of its first run. Raises UsageError."""
        about = self.folder / _ABOUT
        if not about.exists():
            with replacing(str(about)) as file:
                file.write(json.dumps({"mipcheck": __version__, "options": options}, indent=2).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            return
        try:
            before = json.loads(_small(about))["options"]
            differ = [n for n in options if before.get(n) != options[n]]
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
            raise UsageError(f"{printable(str(about))} is damaged; give another folder with -o") from None
        if differ:
            raise UsageError(
                f"the results in {printable(str(self.folder))} were made with other options ({listed(differ)});"
                " repeat those, or give another folder with -o"
            )

    def _parts(self) -> list[Path]:
        """List the parts that are written, in order. Raises UsageError for what is called so and is none."""
        parts = sorted(self.folder.glob("part-*.parquet"))
        for part in parts:
            if not _PART.fullmatch(part.name) or not stat.S_ISREG(part.lstat().st_mode):
                raise UsageError(f"{quoted(part.name)} in {printable(str(self.folder))} is no part of these results")
        return parts

    def results(self, reported: bool = False) -> Iterator[FileOutcome]:
        """Read what earlier runs came to: one outcome a file, with its findings only where it is to be `reported`.

        Raises UsageError.
        """
        for part in self._parts():
            for row in _read(part, (*_NEEDED, *_OLDER, *_REPORTED) if reported else (*_NEEDED, *_OLDER)):
                yield _outcome(row)

    def forget(self, paths: set[str]) -> None:
        """Take out the results of files that will be checked again."""
        import pyarrow as pa
        import pyarrow.compute as pc

        for part in self._parts() if paths else []:
            table = _table(part)
            kept = table.filter(pc.invert(pc.is_in(table["path"], pa.array(sorted(paths), pa.string()))))
            if not kept.num_rows:
                part.unlink()
            elif kept.num_rows < table.num_rows:
                self._write(kept, part)

    def add(self, outcome: FileOutcome) -> None:
        """Take a result, and write all that wait if they are many. Raises UsageError."""
        if not self._rows:
            self._since = time.monotonic()
        self._rows.append(_row(outcome, self.fields(outcome.file.path), self.run))
        if len(self._rows) >= _ROWS:
            self.flush()

    def flush_if_due(self) -> None:
        """Write the results that wait, if the first of them has waited for `FLUSH` seconds. Raises UsageError."""
        if self._rows and time.monotonic() - self._since >= FLUSH:
            self.flush()

    def flush(self) -> None:
        """Write the results that wait as a part. Raises UsageError where the folder cannot be written."""
        import pyarrow as pa

        if not self._rows:
            return
        self._number += 1
        part = self.folder / f"part-{self.run:06d}-{self._number:06d}.parquet"
        try:
            self._write(pa.Table.from_pylist(self._rows, schema=schema()), part)
        except OSError as error:
            raise UsageError(f"{printable(str(part))} cannot be written: {error.strerror or error}") from None
        finally:
            if part.exists():  # also where Ctrl-C came right after that: nothing is written twice
                self._rows = []

    def _write(self, table: Any, part: Path) -> None:
        """Write a part whole or not at all, and force it to the disk. Raises OSError."""
        import pyarrow.parquet as pq

        with replacing(str(part)) as file:
            pq.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Let other runs in."""
        os.close(self._lock)


def schema() -> Any:
    """Return the Arrow schema of `COLUMNS`."""
    import pyarrow as pa

    text, texts, number = pa.string(), pa.list_(pa.string()), pa.int64()
    rule = pa.struct(
        {"id": text, "level": text, "section": text, "status": text}
        | {"exercised": number, "violations": number, "inconclusive": number}
    )
    breach = pa.struct(
        {
            "rule": text,
            "level": text,
            "section": text,
            "interface": text,
            "node": text,
            "time": pa.float64(),
            "date": text,
        }
        | {"line": number, "frame": number, "count": number, "message": text}
    )
    types = {
        "size": number,
        "fields": pa.map_(text, text),
        "parameters": pa.map_(text, text),
        "reasons": texts,
        "nodes": number,
        "events": number,
        "frames": number,
        "interfaces": texts,
        "notes": texts,
        "rules": pa.list_(rule),
        "violations": pa.list_(breach),
        "warnings": pa.list_(breach),
        "started": pa.timestamp("us", tz="UTC"),
        "seconds": pa.float64(),
        "attempts": pa.int32(),
        "run": pa.int32(),
    }
    return pa.schema([(name, types.get(name, text)) for name, _ in COLUMNS], metadata={"mipcheck.fleet": "1"})


def _row(outcome: FileOutcome, fields: Mapping[str, str], run: int) -> dict[str, Any]:
    """Return an outcome as a row: the values of `COLUMNS` by name."""
    row: dict[str, Any] = asdict(outcome)
    path, size, stamp = row.pop("file")
    row |= {"path": path, "size": size, "stamp": stamp, "fields": dict(fields), "run": run, "mipcheck": __version__}
    row["started"] = round(outcome.started * 1e6)
    row["parameters"] = dict(outcome.parameters)
    return {name: _storable(value) for name, value in row.items()}


def _storable(value: Any) -> Any:
    """Return a value as Parquet can hold it: in UTF-8, whereas a file's name, say, may be any bytes."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {key: _storable(item) for key, item in value.items()}
    return [_storable(item) for item in value] if isinstance(value, tuple | list) else value


def stored_path(file: File) -> str:
    """Return the path under which a file's result stands."""
    return str(_storable(file.path))


def _small(path: Path) -> str:
    """Read a file that cannot be long. Raises OSError, ValueError where it is, or is no file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("no file")
        data = file.read(_ABOUT_LIMIT + 1)
    if len(data) > _ABOUT_LIMIT:
        raise ValueError("too long")
    return data.decode("utf-8")


def _table(part: Path, columns: Sequence[str] | None = None) -> Any:
    """Read a part as an Arrow table of these columns, or of all. Raises UsageError if it is damaged or none of ours.

    Whoever can write to the folder may have put anything there: its schema has to be the one that is written, and its
    size one that a part can have.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(part) as file:
            types = {field.name: field.type for field in file.schema_arrow}
            odd = [f.name for f in schema() if types.get(f.name, f.type if f.name not in _NEEDED else None) != f.type]
            meta = file.metadata
            size = sum(meta.row_group(n).total_byte_size for n in range(meta.num_row_groups))
            if odd or meta.num_rows > _ROWS_LIMIT or size > _BYTES_LIMIT:
                raise _damaged(part, f"columns {listed(odd)}" if odd else "too large")
            return file.read(columns=columns)
    except (OSError, ValueError, pa.ArrowException) as error:
        if isinstance(error, UsageError):
            raise
        raise _damaged(part, str(error)) from None


def _damaged(part: Path, why: str) -> UsageError:
    """Return the error about a part that cannot be used."""
    return UsageError(
        f"{quoted(part.name)} in {printable(str(part.parent))} is damaged ({printable(why[:_SAID])}):"
        " remove it, and what it held is checked again"
    )


def _read(part: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Read the rows of a part, without having them all at once as Python's objects. Raises UsageError."""
    for batch in _table(part, list(columns)).to_batches(max_chunksize=_ROWS):
        for row in batch.to_pylist():
            if not _is_outcome(row):
                raise _damaged(part, "a row that no check comes to")
            yield row


def _is_outcome(row: Mapping[str, Any]) -> bool:
    """Decide whether a row of the columns `_NEEDED` can be what a file has come to."""
    whole = all(row[name] is not None for name in ("path", "size", "stamp", "status", "error"))
    verdicts = VERDICTS if row["status"] == "checked" else (None,)
    rules = row["rules"] or ()
    return (
        whole
        and row["status"] in STATUS
        and row["verdict"] in verdicts
        and all(row[name] is None or row[name] >= 0 for name in ("events", "frames"))
        and all(None not in rule.values() for rule in rules)
        and all(None not in pair for pair in row.get("parameters") or ())
        and all(None not in (row.get(name) or ()) for name in ("interfaces", "reasons", "notes"))
    )


def _outcome(row: dict[str, Any]) -> FileOutcome:
    """Return the outcome that a row of the columns `_NEEDED` was made of."""
    from mipcheck.checker.fleet.work import RuleOutcome

    rules = tuple(RuleOutcome(**r) for r in row.pop("rules") or ())
    file = File(row.pop("path"), row.pop("size"), row.pop("stamp"))
    row["parameters"] = tuple(row.get("parameters") or ())
    return FileOutcome(file, rules=rules, **{name: value for name, value in row.items() if value is not None})
