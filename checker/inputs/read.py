"""Opening what is given to be checked: which kind of file it is, what it holds, and one site and one clock for all."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from mipcheck.checker.console.escape import printable
from mipcheck.checker.inputs.addresses import complete
from mipcheck.checker.logs.text import read_log
from mipcheck.checker.site.site import Site
from mipcheck.checker.trace.merge import merge
from mipcheck.checker.trace.vocabulary import RoleError, Vocabulary
from mipcheck.model.native.compiled import is_kept
from mipcheck.model.native.unit import NativeError
from mipcheck.model.specification.spec import MOBILE_NODE
from mipcheck.model.values.event import NODE, Event

if TYPE_CHECKING:
    from mipcheck.checker.capture import Capture, Source
    from mipcheck.checker.capture.survey import Survey
    from mipcheck.checker.logs.lines import Log

from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.inputs.clocks import shifts_of, shifts_of_captures
from mipcheck.checker.inputs.opening import STDIN, Pipe, kind_of, name_of, open_inputs, size_of
from mipcheck.checker.inputs.settle import over_logs, site_of, vocabulary_for
from mipcheck.checker.inputs.trace import Input, Trace

_LONG: Final = 4 << 20
"""Bytes of captures from which on the compiled loop is sooner done, where it is at hand."""
_VERY_LONG: Final = 10 << 20
"""The same where it has to be compiled first, for as long as it takes to read this many bytes without it."""


def read_trace(
    paths: Sequence[str],
    vocabulary: Vocabulary,
    config: str | None = None,
    words: Mapping[str, str] | None = None,
    offsets: Mapping[str, str] | None = None,
    keep_going: bool = False,
    protects: Callable[[str], bool] | None = None,
) -> Trace:
    """Read and merge all inputs. `protects` tells protected packets of a capture by their headers.

    `words` are values of parameters and site keys; they win over those of the file `config`, and these over those of
    the logs. `offsets` are, by input, seconds to add to its times, or the date at which a log of relative times starts.
    Raises InputError, CaptureError, UsageError.
    """
    with ExitStack() as stack:
        streams = open_inputs(paths, stack)
        return read_streams(streams, vocabulary, config, words, offsets, keep_going, protects)


def read_streams(
    streams: Mapping[str, BinaryIO],
    vocabulary: Vocabulary,
    config: str | None = None,
    words: Mapping[str, str] | None = None,
    offsets: Mapping[str, str] | None = None,
    keep_going: bool = False,
    protects: Callable[[str], bool] | None = None,
) -> Trace:
    """`read_trace` of inputs that are open."""
    paths = list(streams)
    over = over_logs(vocabulary, config, words or {})
    logs: dict[str, Log] = {}
    kinds: dict[str, str] = {}
    for path, stream in streams.items():
        kinds[path] = kind_of(stream, name_of(path))
        if kinds[path] in ("log", "jsonl"):
            seekable = io.BytesIO(stream.read()) if isinstance(stream, Pipe) else stream
            logs[path] = log = _read_log(seekable, path, kinds[path], vocabulary, keep_going, over.role)
            if "role" in log.given and over.role is None:  # which holds for logs after it that do not say
                vocabulary = vocabulary.for_role(log.site.role)
    site, given = site_of(logs, over)
    vocabulary = vocabulary_for(vocabulary, site.role)
    if site.role != MOBILE_NODE and len(logs) < len(paths):
        raise UsageError(
            f"role={site.role}: captures are read as a mobile node's; of other nodes, give a log"
            " (traces/README.md lists its events)"
        )
    ahead = shifts_of_captures(paths, kinds, offsets or {})
    captures, captured, surveys = _read_captures(
        {p: s for p, s in streams.items() if p not in logs}, ahead, site, protects
    )
    for path, survey in surveys.items():
        _check_site(path, site, survey)
    inputs = [_of_log(path, kinds[path], logs[path]) if path in logs else captures[path] for path in paths]
    shifts = shifts_of(paths, inputs, offsets or {})
    gaps = {e.name for e in vocabulary.events.values() if e.sender == "observer"}
    # Captures were put in order together, after their clocks had been set right.
    parts = [(i.events, s.ns) for i, s in zip(inputs, shifts, strict=True) if i.frames is None]
    if captures:
        parts.append((captured, 0))
    if captures and len(parts) == 1:
        events = captured
    else:
        events = merge([part for part, _ in parts], [ns for _, ns in parts], gaps)
    absolute = any(i.absolute or s.absolute for i, s in zip(inputs, shifts, strict=True) if i.events)
    site, notes = complete(site, events) if site.role == MOBILE_NODE else (site, ())
    return Trace(tuple(inputs), events, site, given, absolute, notes)


def _check_site(path: str, site: Site, survey: Survey) -> None:
    """Raises InputError where a capture contradicts what the site says."""
    from mipcheck.checker.infer.contradictions import as_error, find

    if found := find(survey, site):
        raise as_error(found, name_of(path))


def _read_log(
    stream: BinaryIO, path: str, kind: str, vocabulary: Vocabulary, keep_going: bool, role: str | None
) -> Log:
    name = name_of(path)
    try:
        if kind == "log":
            return read_log(stream, name, vocabulary, keep_going, role)
        from mipcheck.checker.logs.jsonl import read_jsonl

        return read_jsonl(stream, name, vocabulary, keep_going, role)
    except RoleError as error:
        raise UsageError(f"{printable(name)}: {error}") from None


def _of_log(path: str, kind: str, log: Log) -> Input:
    interfaces = tuple(i for i in dict.fromkeys(e.interface for e in log.events) if i != NODE)
    return Input(
        name_of(path), kind, log.events, log.absolute, interfaces, skipped=log.skipped, problems=tuple(log.problems)
    )


def _read_captures(
    streams: Mapping[str, BinaryIO],
    shifts: Mapping[str, int],
    site: Site,
    protects: Callable[[str], bool] | None,
) -> tuple[dict[str, Input], Sequence[Event], dict[str, Survey]]:
    """Captures by path, the events of all of them, and who speaks with whom in each, for a site with addresses."""
    if not streams:
        return {}, [], {}
    from mipcheck.checker.capture import Source

    names = _interface_names(list(streams))
    sources = [Source(s, name_of(p), shifts.get(p, 0), names[p]) for p, s in streams.items()]
    if _are_long(list(streams.values())):
        try:
            from mipcheck.checker.capture.bulk.read import read_bulk

            captures, events, surveys = read_bulk(sources, site, protects, bool(site.addresses))
        except (ImportError, NativeError):  # no native code: it takes longer
            captures, events, surveys = _read_shortly(sources, site, protects)
    else:
        captures, events, surveys = _read_shortly(sources, site, protects)
    inputs = {
        path: Input(
            name_of(path),
            capture.kind,
            capture.events,
            True,
            capture.interfaces,
            frames=capture.frames,
            set_aside=capture.set_aside,
            notes=capture.notes,
            hidden=capture.hidden,
            holes=capture.holes,
        )
        for path, capture in zip(streams, captures, strict=True)
    }
    return inputs, events, dict(zip(streams, surveys, strict=bool(site.addresses)))


def _read_shortly(
    sources: Sequence[Source], site: Site, protects: Callable[[str], bool] | None
) -> tuple[list[Capture], Sequence[Event], list[Survey]]:
    """The same without native code."""
    from mipcheck.checker.capture import read_captures
    from mipcheck.checker.capture.survey import Surveyor

    surveyors: list[Surveyor] = []
    captures, events = read_captures(sources, site, protects, surveyors if site.addresses else None)
    return captures, events, [surveyor.survey() for surveyor in surveyors]


def _are_long(streams: Sequence[BinaryIO]) -> bool:
    """Whether captures are so long that it takes less time to get the compiled loop than to do without it."""
    if sum(size_of(stream, _LONG) for stream in streams) < _LONG:
        return False
    from mipcheck.checker.capture.bulk import loop as scan

    try:
        return is_kept(scan.unit()) or sum(size_of(stream, _VERY_LONG) for stream in streams) >= _VERY_LONG
    except NativeError:
        return False


def _interface_names(paths: Sequence[str]) -> dict[str, str]:
    """How the interface of a capture is called that names none: of several, each by its file's name (wlan0.pcap)."""
    if len(paths) == 1:
        return {paths[0]: "if0"}
    names: dict[str, str] = {}
    for path in paths:
        stem = Path(path).name.removesuffix(".gz").partition(".")[0] if path != STDIN else "stdin"
        name = "".join("_" if c.isspace() or not c.isprintable() or c in '"=#' else c for c in stem)[:64]
        name = name if name not in ("", NODE) else "if"
        taken = set(names.values())
        others = (f"{name}-{number}" for number in range(2, len(paths) + 1))
        names[path] = name if name not in taken else next(other for other in others if other not in taken)
    return names
