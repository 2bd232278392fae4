"""Reading what is given to be checked: each input by its kind, and one site, one clock and one order for all."""

from __future__ import annotations

import gc
import io
import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from mipcheck.checker.console.errors import UsageError, listed
from mipcheck.checker.console.escape import printable
from mipcheck.checker.inputs.addresses import complete
from mipcheck.checker.inputs.clocks import absolute_of, shifts_of, shifts_of_captures
from mipcheck.checker.inputs.opening import STDIN, OpenInput, hold, name_of, open_inputs
from mipcheck.checker.inputs.settle import Over, Settling, over_logs
from mipcheck.checker.inputs.trace import Input, Trace, input_of_log
from mipcheck.checker.logs.text import read_log
from mipcheck.checker.site.site import Site
from mipcheck.checker.trace.columns import Columns
from mipcheck.checker.trace.merge import merge
from mipcheck.checker.trace.route import CAPTURES, EVENTS, TABLE, decide, slowly
from mipcheck.checker.trace.source import LINK, Sight, SourceTable, hides, table_of
from mipcheck.checker.trace.spans import and_of_spans, with_spans
from mipcheck.checker.trace.vocabulary import RoleError, Vocabulary
from mipcheck.model.native.errors import NativeError
from mipcheck.model.specification.spec import MOBILE_NODE
from mipcheck.model.values.event import NODE, Event

if TYPE_CHECKING:
    from mipcheck.checker.capture import Capture, Source
    from mipcheck.checker.capture.survey import Survey
    from mipcheck.checker.logs.lines import Log
    from mipcheck.model.native.unit import Unit
    from mipcheck.model.specification.spec import EventType


_RARELY: Final = 50_000
"""Objects that are made, and stay, before Python looks for garbage among them."""
_GATEWAY: Final = "vpn"
CAPTURED: Final = (MOBILE_NODE, _GATEWAY, "iha", "xha", "fa")
"""The roles of which captures are read."""


def read_trace(
    paths: Sequence[str],
    vocabulary: Vocabulary,
    config: str | None = None,
    words: Mapping[str, str] | None = None,
    offsets: Mapping[str, str] | None = None,
    keep_going: bool = False,
    protects: Callable[[str], bool] | None = None,
    maps: Sequence[str] = (),
    unmatched: str = "count",
    keys: Sequence[str] = (),
) -> Trace:
    """Read and merge all inputs. `protects` tells protected packets of a capture by their headers.

    `words` are values of parameters and site keys; they win over those of the file `config`, and these over those of
    the logs. `offsets` are, by input, seconds to add to its times, or the date at which a log of relative times starts.
    `maps` are as on a command line, `unmatched` says what becomes of lines that no map knows (`count` or `error`);
    `keys` are files with keys of ESP.
    Raises InputError, CaptureError, UsageError.
    """
    with ExitStack() as stack:
        inputs = open_inputs(paths, stack)
        over = over_logs(vocabulary, config, words or {}, keys)
        give_maps(inputs, maps, vocabulary, unmatched == "error", over.sources)
        return read_inputs(inputs, vocabulary, over, offsets or {}, keep_going, protects)


def give_maps(
    inputs: Sequence[OpenInput],
    words: Sequence[str],
    vocabulary: Vocabulary,
    strict: bool,
    tables: Sequence[SourceTable] = (),
) -> None:
    """Give inputs the maps through which they are read, as `inputs/mapped.py` does; nothing of it is imported where
    all are captures and logs of our own. Raises InputError, UsageError."""
    if words or any(given.needs_map() for given in inputs):
        from mipcheck.checker.inputs import mapped

        mapped.give_maps(inputs, words, vocabulary, strict, tables)


def read_inputs(
    inputs: Sequence[OpenInput],
    vocabulary: Vocabulary,
    over: Over,
    offsets: Mapping[str, str],
    keep_going: bool = False,
    protects: Callable[[str], bool] | None = None,
) -> Trace:
    """Do what `read_trace` does for inputs that are open; `over` is what wins over the site of the logs."""
    paths = [i.path for i in inputs]
    settling = Settling(vocabulary, over)
    logs: dict[str, Log] = {}
    for given in inputs:
        if given.kind in ("log", "jsonl", "mapped"):
            logs[given.path] = log = _read_log(given, settling, keep_going, alone=len(inputs) == 1)
            if (table := table_of(over.sources, given.name)) is not None:
                log.spans = [span.renamed(table.rename) for span in log.spans]
            settling.add(given.path, log.site, log.given)
    site, said, vocabulary = settling.settle()
    if len(logs) < len(paths):
        _check_role(site, vocabulary)
    ahead = shifts_of_captures(paths, {i.path: i.kind for i in inputs}, offsets)
    others = [i for i in inputs if i.path not in logs]
    with _rarely_collected():
        captures, captured, surveys, agents = _read_captures(others, ahead, site, vocabulary, protects)
    for path, survey in surveys.items():
        _check_site(path, site, survey)
    read = [_of_log(i, logs[i.path]) if i.path in logs else captures[i.path] for i in inputs]
    if over.sources:
        read, captured = _described(read, captured, over.sources)
    read = [
        replace(r, interfaces=and_of_spans(r.interfaces, logs[i.path].spans)) if i.path in logs else r
        for i, r in zip(inputs, read, strict=True)
    ]
    shifts = shifts_of(paths, read, offsets)
    read = [i.by_clock(0 if i.frames is not None else s.ns) for i, s in zip(read, shifts, strict=True)]
    # Captures were put in order together, after their clocks had been set right.
    told = [(i.file, i.events, s.ns) for i, s in zip(read, shifts, strict=True) if i.frames is None]
    doubled: tuple[str, ...] = ()
    parts = [(events, ns) for _, events, ns in told]
    if len(told) > 1:
        from mipcheck.checker.inputs import overlap

        left, doubled = overlap.once(told)
        parts = [(events, ns) for events, (_, ns) in zip(left, parts, strict=True)]
    if captures:
        parts.append((captured, 0))
    if captures and len(parts) == 1:
        events = captured
    else:
        events = merge([part for part, _ in parts], [ns for _, ns in parts], vocabulary.gaps)
    if captures and logs and site.role == MOBILE_NODE:
        from mipcheck.checker.inputs import twice

        events, acts = twice.once(events, read, site.tunnels)
        doubled += acts
    spans = [x.shifted(s.ns) for i, s in zip(inputs, shifts, strict=True) if i.path in logs for x in logs[i.path].spans]
    if any(not span.endless for span in spans):
        events = with_spans(events, spans)
    site = replace(site, addresses={**agents, **site.addresses})
    site, notes = complete(site, events) if site.role == MOBILE_NODE else (site, ())
    return Trace(tuple(read), events, site, said, absolute_of(read, shifts), (*notes, *doubled))


@contextmanager
def _rarely_collected() -> Iterator[None]:
    """Let Python look for garbage in cycles more rarely: packets are many, stay, and are in none."""
    before = gc.get_threshold()
    if before[0]:
        gc.set_threshold(max(before[0], _RARELY), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _check_role(site: Site, vocabulary: Vocabulary) -> None:
    """Raise UsageError where captures of the site's role cannot be read."""
    told = any("capture" in e.seen and e.sender != "observer" for e in vocabulary.events.values())
    if site.role not in CAPTURED or not told:
        why = f"captures are read of role {listed(CAPTURED)}" if told else "no event is declared that a capture shows"
        raise UsageError(f"role={printable(site.role)}: {why}; of this one, give a log")
    if site.role == _GATEWAY and "vpn" not in site.addresses:
        raise UsageError(
            "role=vpn: what a capture shows is told by the gateway's own address:"
            " give it as vpn=… in --config or with --set"
        )


def _described(
    inputs: Sequence[Input], captured: Sequence[Event], tables: Sequence[SourceTable]
) -> tuple[list[Input], Sequence[Event]]:
    """Return inputs, and the events of all captures, as a configuration file describes their sources."""
    found = []
    for given in inputs:
        table = table_of(tables, given.file)
        if table is None:
            found.append(given)
            continue
        interfaces = tuple(dict.fromkeys(table.rename.get(i, i) for i in given.interfaces))
        events = _renamed(given.events, {given.file: table.rename})
        # Those of logs have their names already.
        lost = given.lost if given.frames is None else tuple(span.renamed(table.rename) for span in given.lost)
        found.append(replace(given, events=events, interfaces=interfaces, lost=lost, sight=table.seen_by(given.sight)))
    names = {i.file: t.rename for i in inputs if (t := table_of(tables, i.file)) is not None}
    return found, _renamed(captured, names)


def _renamed(events: Sequence[Event], names: Mapping[str, Mapping[str, str]]) -> Sequence[Event]:
    """Return events with other names of interfaces, which `names` gives by file."""
    if not any(names.values()):
        return events
    return [replace(e, interface=names.get(e.at.file, {}).get(e.interface, e.interface)) for e in events]


# --- logs ---------------------------------------------------------------------------------------------------------


def _read_log(given: OpenInput, settling: Settling, keep_going: bool, alone: bool) -> Log:
    """Read a log line by line; `alone` is whether it is the only input.

    Raises InputError, UsageError for a role that the specification has not.
    """
    if given.mapped is not None:
        from mipcheck.checker.inputs.mapped import read_other

        return read_other(given, settling, keep_going, alone)
    # Of a pipe, lines would be read a byte at a time.
    stream: BinaryIO = io.BytesIO(given.stream.read()) if given.piped else given.stream
    try:
        if given.kind == "log":
            return read_log(stream, given.name, settling.vocabulary, keep_going, settling.role)
        from mipcheck.checker.logs.jsonl import read_jsonl

        return read_jsonl(stream, given.name, settling.vocabulary, keep_going, settling.role)
    except RoleError as error:
        raise UsageError(f"{printable(given.name)}: {error}") from None


def _of_log(given: OpenInput, log: Log) -> Input:
    interfaces = [i for i in dict.fromkeys(e.interface for e in log.events) if i != NODE]
    kind = "log" if given.mapped is not None else given.kind
    return input_of_log(given.name, kind, log, log.events, interfaces)


# --- captures -----------------------------------------------------------------------------------------------------


def _check_site(path: str, site: Site, survey: Survey) -> None:
    """Raise InputError where a capture contradicts what the site says."""
    from mipcheck.checker.infer.contradictions import as_error, find

    if found := find(survey, site):
        raise as_error(found, name_of(path))


def _read_captures(
    given: Sequence[OpenInput],
    shifts: Mapping[str, int],
    site: Site,
    vocabulary: Vocabulary,
    protects: Callable[[str], bool] | None,
) -> tuple[dict[str, Input], Sequence[Event], dict[str, Survey], Mapping[str, int]]:
    """Read captures together; return them by path, the events of all, surveys by path of who speaks with whom, and
    the addresses of home agents.

    `vocabulary` is what they may tell of.

    `shifts` are added to their times (ns), by path. Only for a site with addresses there are surveys.
    """
    if not given:
        return {}, [], {}, {}
    from mipcheck.checker.capture import Source

    paths = [i.path for i in given]
    names = _interface_names(paths)
    sources = [Source(i.stream, i.name, shifts.get(i.path, 0), names[i.path]) for i in given]
    device = site.role != MOBILE_NODE
    words = vocabulary.events if device else None
    native = decide(CAPTURES, lambda size: hold(given, size), _units).native
    if native:
        try:
            from mipcheck.checker.capture.bulk.read import read_bulk

            captures, events, surveys = read_bulk(sources, site, protects, bool(site.addresses), words)
        except (ImportError, NativeError) as error:
            slowly(CAPTURES, str(error))
            native = False
    if not native:
        captures, events, surveys = _read_frames(sources, site, protects, words)
    if site.role == _GATEWAY and not isinstance(events, Columns):
        captures, events = _in_columns(captures, events)
    sight = _sight_of(captures, events, vocabulary)
    inputs = {
        path: Input(
            name_of(path),
            capture.kind,
            capture.events,
            True,
            capture.interfaces,
            frames=capture.frames,
            set_aside=capture.set_aside,
            notes=capture.notes if n or device or sight.part == {LINK} else (*capture.notes, NONE_SEEN),
            hidden=capture.hidden,
            holes=capture.holes,
            lost=capture.lost,
            sight=sight,
        )
        for n, (path, capture) in enumerate(zip(paths, captures, strict=True))
    }
    return inputs, events, dict(zip(paths, surveys, strict=bool(site.addresses))), captures[0].agents


NONE_SEEN: Final = (
    "no registration was seen outside the VPN: if the node has sent any, they were not captured (a filter without UDP"
    " port 434?), so that it is not held against the node that there are none"
)


def _sight_of(captures: Sequence[Capture], events: Sequence[Event], vocabulary: Vocabulary) -> Sight:
    """Return what captures are able to show: never that a cable was pulled, and not what is covered by a tunnel.

    Where all that can be covered is seen in no other way, a filter may have kept it out.
    """
    declared = {n: e for n, e in vocabulary.events.items() if "capture" in e.seen and e.sender != "observer"}
    covered = frozenset(n for n, e in declared.items() if e.hidden is not None)
    seen = events.shapes if isinstance(events, Columns) else events
    part = {LINK}
    if covered and seen and not any(e.kind in covered and not hides(declared[e.kind], e.args) for e in seen):
        part |= covered
    return Sight(frozenset(declared) - part, frozenset(part), covered if captures[0].hidden else frozenset())


def _units() -> list[Unit]:
    """Return what would have to be compiled to read captures natively."""
    from mipcheck.checker.capture.bulk import loop

    return [loop.unit()]


def _read_frames(
    sources: Sequence[Source],
    site: Site,
    protects: Callable[[str], bool] | None,
    words: Mapping[str, EventType] | None = None,
) -> tuple[list[Capture], Sequence[Event], list[Survey]]:
    """Read captures frame by frame; return them, their events, and their surveys if the site has addresses.

    `words` are the events of a device's role.
    """
    from mipcheck.checker.capture import read_captures
    from mipcheck.checker.capture.survey import Surveyor

    surveyors: list[Surveyor] = []
    captures, events = read_captures(sources, site, protects, surveyors if site.addresses else None, words)
    return captures, events, [surveyor.survey() for surveyor in surveyors]


def _in_columns(captures: list[Capture], events: Sequence[Event]) -> tuple[list[Capture], Sequence[Event]]:
    """Return events that were made one by one as columns, if they are so many that native code observes them sooner."""
    if len(events) < TABLE[EVENTS].kept:
        return captures, events
    try:
        from mipcheck.checker.capture.bulk.listed import ListedEvents
    except ImportError:
        return captures, events
    columns = ListedEvents(events)
    return [replace(captures[0], events=columns)] if len(captures) == 1 else captures, columns


_PART: Final = re.compile(
    r"(?P<stem>.+?)(?:_[0-9]{5}_[0-9]{14}|[-_]?[0-9]{8}[-_T]?[0-9]{4,6})?(?P<kind>\.(?:p?cap|pcapng|dmp|dump))[0-9]*",
    re.IGNORECASE,
)
"""Names of the parts of one recording, as tcpdump -C (a.pcap, a.pcap1), tcpdump -G and dumpcap -b call them."""


def _interface_names(paths: Sequence[str]) -> dict[str, str]:
    """Return, by path, how the interface of a capture is called that names none.

    One capture has `if0`; of several, each is called by its file's name (wlan0.pcap), and the parts of one recording
    alike.
    """
    if len(paths) == 1:
        return {paths[0]: "if0"}
    names: dict[str, str] = {}
    of_parts: dict[tuple[Path, str, str], str] = {}
    for path in paths:
        file = "stdin" if path == STDIN else Path(path).name.removesuffix(".gz")
        part = _PART.fullmatch(file)
        stem = part["stem"] if part is not None else file
        recording = (Path(path).parent, stem, part["kind"] if part is not None else path)
        if recording not in of_parts:
            of_parts[recording] = _called(stem.partition(".")[0], set(names.values()))
        names[path] = of_parts[recording]
    return names


def _called(stem: str, taken: Container[str]) -> str:
    """Return a name made of the beginning of a file's, and not taken."""
    name = "".join("_" if c.isspace() or not c.isprintable() or c in '"=#' else c for c in stem)[:64]
    name = name if name not in ("", NODE) else "if"
    others = (f"{name}-{number}" for number in count(2))
    return name if name not in taken else next(other for other in others if other not in taken)
