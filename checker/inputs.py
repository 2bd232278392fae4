"""Opening what is given to be checked: which kind of file it is, what it holds, and one site and one clock for all."""

from __future__ import annotations

import difflib
import io
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from mipcheck.checker.addresses import complete
from mipcheck.checker.errors import InputError, Problem, did_you_mean, joined, quoted
from mipcheck.checker.escape import printable
from mipcheck.checker.log import LineError, RoleError, Vocabulary, read_datetime, read_log, read_time
from mipcheck.checker.merge import merge
from mipcheck.checker.site import Site, SiteError, merge_sites, site_from_words, site_words
from mipcheck.model.event import NODE, Event, Position
from mipcheck.model.native import is_kept
from mipcheck.model.spec import MOBILE_NODE
from mipcheck.model.unit import NativeError

if TYPE_CHECKING:
    from mipcheck.checker.capture import Capture, Source
    from mipcheck.checker.capture.files import FileInfo, Frame
    from mipcheck.checker.log import Log
    from mipcheck.checker.survey import Survey

STDIN: Final = "-"
STDIN_NAME: Final = "<stdin>"
"""How standard input is called in positions and messages."""

_HEAD: Final = 4096
_LONG: Final = 4 << 20
"""Bytes of captures from which on the compiled loop is sooner done, where it is at hand."""
_VERY_LONG: Final = 10 << 20
"""The same where it has to be compiled first, for as long as it takes to read this many bytes without it."""
_LISTED: Final = 2000
"""Files of a folder among which the one that was meant is looked for."""

_FOREIGN: Final = (
    (b"\x1f\x8b", "it is compressed with gzip; unpack it first (gunzip)"),
    (b"(\xb5/\xfd", "it is compressed with zstd; unpack it first (unzstd)"),
    (b"\xfd7zXZ", "it is compressed with xz; unpack it first (unxz)"),
    (b"BZh", "it is compressed with bzip2; unpack it first (bunzip2)"),
    (b"PK\x03\x04", "it is a zip archive; unpack it first"),
    (b"snoop\0", "it is a snoop capture; convert it first (editcap -F pcapng)"),
)


class UsageError(ValueError):
    """Something on the command line, or among the arguments of `check`, that cannot be; the message says what can."""


@dataclass(frozen=True)
class Input:
    """One file as read. `kind` is log, jsonl, pcap or pcapng; `absolute` whether times count from the epoch.

    `skipped` lines were unreadable, for the reasons in `problems`. The rest is what a capture tells besides events.
    """

    file: str
    kind: str
    events: Sequence[Event]
    absolute: bool
    interfaces: tuple[str, ...]
    frames: int | None = None
    skipped: int = 0
    problems: tuple[Problem, ...] = ()
    set_aside: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    holes: tuple[str, ...] = ()
    """What is missing without anybody knowing where, so that a verdict of conformant cannot be had."""


@dataclass(frozen=True)
class Trace:
    """All inputs as one: events in order of time, and the site that holds for all. `given` names what the site says."""

    inputs: tuple[Input, ...]
    events: Sequence[Event]
    site: Site
    given: frozenset[str]
    absolute: bool
    notes: tuple[str, ...] = ()


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


def open_inputs(paths: Sequence[str], stack: ExitStack) -> dict[str, BinaryIO]:
    """All inputs, open until the stack is closed. Raises InputError, UsageError."""
    _check_paths(paths)
    return {path: stack.enter_context(_open_input(path)) for path in paths}


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
    ahead = _shifts_of_captures(paths, kinds, offsets or {})
    captures, captured, surveys = _read_captures(
        {p: s for p, s in streams.items() if p not in logs}, ahead, site, protects
    )
    for path, interface in _interface_names(list(captures)).items():
        _check_site(streams[path], path, interface, site, surveys.get(path))
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


def _check_site(stream: BinaryIO, path: str, interface: str, site: Site, survey: Survey | None) -> None:
    """Raises InputError where a capture contradicts what the site says. A pipe has gone by: it has a `survey`."""
    from mipcheck.checker.contradictions import as_error, find, find_in

    if not site.addresses or (survey is None and not stream.seekable()):
        return
    if survey is None:
        stream.seek(0)
    if found := find_in(stream, name_of(path), site, interface) if survey is None else find(survey, site):
        raise as_error(found, name_of(path))


# --- files --------------------------------------------------------------------------------------------------------


def _check_paths(paths: Sequence[str]) -> None:
    if not paths:
        raise UsageError("nothing to check: give a log or a capture, or - for standard input")
    seen: set[str] = set()
    for path in paths:
        real = path if path == STDIN else os.path.realpath(path)
        if real in seen:
            raise UsageError(f"{printable(path)} is given twice; its events would count twice")
        seen.add(real)


def name_of(path: str) -> str:
    return STDIN_NAME if path == STDIN else path


class Pipe(io.RawIOBase):
    """What can be read once and forwards only, perhaps while somebody is still writing to it."""

    def __init__(self, stream: BinaryIO, keep_open: bool) -> None:
        self._stream = stream
        self._keep_open = keep_open
        self._interrupted = False
        self._head = b""
        self._given = 0  # bytes of it that were read

    def readable(self) -> bool:
        return True

    def head(self, size: int) -> bytes:
        """The first bytes, which will be read once more: `size` of them, or as many as it takes to know a capture."""
        from mipcheck.checker.capture import is_capture

        while len(self._head) < size and not (len(self._head) >= 12 and is_capture(self._head)):
            more = self._some(size - len(self._head))
            if not more:
                break
            self._head += more
        return self._head

    def wait_for(self, size: int) -> int:
        """How many bytes there are, once there are that many or the end has come; they will be read once more."""
        parts = [self._head]
        have = len(self._head)
        while have < size and (more := self._some(size - have)):
            parts.append(more)
            have += len(more)
        self._head = b"".join(parts)
        return have

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, as many as there are already; none at the end."""
        if size < 0:
            rest, self._head = [self._head[self._given :]], b""
            while more := self._some(1 << 20):
                rest.append(more)
            return b"".join(rest)
        if self._given < len(self._head):
            data = self._head[self._given : self._given + size]
            self._given += len(data)
            return data
        self._head, self._given = b"", 0
        return self._some(size)

    def _some(self, size: int) -> bytes:
        read = getattr(self._stream, "read1", self._stream.read)
        while True:
            try:
                return bytes(read(size) or b"")
            except KeyboardInterrupt:
                # Ctrl-C ends the capturing program in front of the pipe too; what it still has to say is the rest of
                # the capture. Whoever means this program does it twice.
                if self._interrupted or self._stream.isatty():
                    raise
                self._interrupted = True

    def close(self) -> None:
        if not self._keep_open:
            self._stream.close()
        super().close()


def open_input(path: str) -> BinaryIO:
    """A file that can be read more than once."""
    stream = _open_input(path)
    if not isinstance(stream, Pipe):
        return stream
    with stream:
        return io.BytesIO(stream.read())


def _open_input(path: str) -> BinaryIO:
    """A file, or a `Pipe`."""
    if path == STDIN:
        return cast("BinaryIO", Pipe(sys.stdin.buffer, keep_open=True))
    try:
        stream = Path(path).open("rb")  # noqa: SIM115  # the caller closes it
    except FileNotFoundError:
        raise InputError([Problem(Position(path), "no such file", _near(path))]) from None
    except IsADirectoryError:
        raise InputError([Problem(Position(path), "is a folder", "give the files in it")]) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError([Problem(Position(path), f"cannot be read: {reason}")]) from None
    # A pipe is what the shell makes of <(command).
    return stream if stream.seekable() else cast("BinaryIO", Pipe(stream, keep_open=False))


def _near(path: str) -> str:
    """The file that was probably meant."""
    if "://" in path:
        return "mipcheck fleet reads URLs; to check one by itself, give a copy of it"
    folder, name = Path(path).parent, Path(path).name
    try:
        names = [entry.name for entry, _ in zip(folder.iterdir(), range(_LISTED), strict=False)]
    except (OSError, ValueError):
        return ""
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.75)
    return f"did you mean {printable(str(folder / close[0]))}?" if close else ""


def kind_of(stream: BinaryIO, name: str) -> str:
    """What a file is, by its first bytes. Raises InputError for what is known to be something else."""
    from mipcheck.checker.capture import is_capture

    try:
        if isinstance(stream, Pipe):
            head = stream.head(_HEAD)
        else:
            head = stream.read(_HEAD)
            stream.seek(0)
    except OSError as error:
        raise InputError([Problem(Position(name), f"cannot be read: {error.strerror or error}")]) from None
    if is_capture(head):
        return "capture"
    for magic, hint in _FOREIGN:
        if head.startswith(magic):
            raise InputError([Problem(Position(name), "is neither a log nor a capture", hint)])
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if re.search(rb"^\s*\[\[?(site|parameters|mn_ha_key|esp_sa)\]", text, re.MULTILINE) or name.endswith(".toml"):
        hint = f"it looks like a site file: give it with --config {printable(name)}, beside a log or a capture"
        raise InputError([Problem(Position(name), "is neither a log nor a capture", hint)])
    if name.endswith(".spec"):
        hint = f"it looks like a specification: give it with --spec {printable(name)}, beside a log or a capture"
        raise InputError([Problem(Position(name), "is neither a log nor a capture", hint)])
    return "jsonl" if text.startswith(b"{") else "log"


def _read_log(
    stream: BinaryIO, path: str, kind: str, vocabulary: Vocabulary, keep_going: bool, role: str | None
) -> Log:
    name = name_of(path)
    try:
        if kind == "log":
            return read_log(stream, name, vocabulary, keep_going, role)
        from mipcheck.checker.jsonl import read_jsonl

        return read_jsonl(stream, name, vocabulary, keep_going, role)
    except RoleError as error:
        raise UsageError(f"{printable(name)}: {error}") from None


def vocabulary_for(vocabulary: Vocabulary, role: str) -> Vocabulary:
    try:
        return vocabulary.for_role(role)
    except RoleError as error:
        raise UsageError(str(error)) from None


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
    """Captures by path, the events of all of them, and who speaks with whom in each, if that was seen in passing."""
    if not streams:
        return {}, [], {}
    from mipcheck.checker.capture import Source

    names = _interface_names(list(streams))
    sources = [Source(s, name_of(p), shifts.get(p, 0), names[p]) for p, s in streams.items()]
    surveyed: list[Survey] = []
    passed: dict[str, Survey] = {}
    if _are_long(list(streams.values())):
        try:
            from mipcheck.checker.capture.bulk import read_bulk

            captures, events, surveyed = read_bulk(sources, site, protects, bool(site.addresses))
        except (ImportError, NativeError):  # no native code: it takes longer
            captures, events, passed = _read_shortly(sources, site, protects)
    else:
        captures, events, passed = _read_shortly(sources, site, protects)
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
    return inputs, events, passed | dict(zip(streams, surveyed, strict=False))


def _read_shortly(
    sources: Sequence[Source], site: Site, protects: Callable[[str], bool] | None
) -> tuple[list[Capture], Sequence[Event], dict[str, Survey]]:
    """Without native code. Also surveys, by path, of what cannot be read again."""
    from mipcheck.checker.capture import layers, read_captures
    from mipcheck.checker.survey import Surveyor

    gone = {s.name for s in sources if not s.stream.seekable()} if site.addresses else set()
    surveyors: dict[str, Surveyor] = {}

    def watch(info: FileInfo, frame: Frame) -> None:
        if info.name in gone:
            surveyor = surveyors.get(info.name) or surveyors.setdefault(info.name, Surveyor(info))
            surveyor.take(layers.decode(frame), frame.linktype)

    captures, events = read_captures(sources, site, protects, watch if gone else None)
    paths = {name_of(STDIN): STDIN}
    return captures, events, {paths.get(name, name): s.survey() for name, s in surveyors.items()}


def _are_long(streams: Sequence[BinaryIO]) -> bool:
    """Whether captures are so long that it takes less time to get the compiled loop than to do without it."""
    if sum(_size(stream, _LONG) for stream in streams) < _LONG:
        return False
    from mipcheck.checker.capture import scan

    try:
        return is_kept(scan.unit()) or sum(_size(stream, _VERY_LONG) for stream in streams) >= _VERY_LONG
    except NativeError:
        return False


def _size(stream: BinaryIO, enough: int) -> int:
    """Bytes of an input; of a pipe, as many as have come when that many have, or its end."""
    if isinstance(stream, Pipe):
        return stream.wait_for(enough)
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    return size


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


# --- the site -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Over:
    """What wins over the logs: a site, what it says explicitly, and the role if that is among it."""

    site: Site
    given: frozenset[str]
    role: str | None


def over_logs(vocabulary: Vocabulary, config: str | None, words: Mapping[str, str]) -> Over:
    """The file, then the command line; the later wins."""
    site, given = Site(), frozenset[str]()
    if config is not None:
        from mipcheck.checker.toml import read_given

        with open_input(config) as stream:
            site, given = read_given(stream, name_of(config), vocabulary)
    try:
        last = site_from_words(words, vocabulary.parameters, vocabulary.capabilities, vocabulary.roles)
    except SiteError as error:
        raise UsageError(joined(f"{error.message}", error.hint)) from None
    site, given = merge_sites(site, last, words.keys()), given | words.keys()
    if "role" in given:
        vocabulary_for(vocabulary, site.role)
    return Over(site, given, site.role if "role" in given else None)


def site_of(logs: Mapping[str, Log], over: Over) -> tuple[Site, frozenset[str]]:
    """What the logs say, and over it what wins over them. Logs must not contradict each other."""
    settled = over.given
    site, given = Site(), frozenset[str]()
    said: dict[str, tuple[str, str]] = {}
    for path, log in logs.items():
        shown = site_words(log.site)
        for key in sorted(log.given - settled):
            word = shown.get(key, "")
            file, earlier = said.setdefault(key, (path, word))
            if earlier != word:
                hint = f"decide with --set {key}=… or in a --config file"
                message = f"site key {key} is {quoted(word)} here, but {quoted(earlier)} in {printable(name_of(file))}"
                raise InputError([Problem(Position(name_of(path)), message, hint)])
        site, given = merge_sites(site, log.site, log.given), given | log.given
    return merge_sites(site, over.site, settled), given | settled


# --- clocks -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shift:
    """What is added to an input's times (ns), and whether that makes relative times absolute."""

    ns: int = 0
    absolute: bool = False


def shifts_of(paths: Sequence[str], inputs: Sequence[Input], offsets: Mapping[str, str]) -> list[Shift]:
    """One for each input. Raises UsageError for inputs whose times cannot be compared."""
    shifts = [Shift() for _ in inputs]
    for name, which in [(name, _which(paths, name)) for name in offsets]:
        shifts[which] = _shift(inputs[which].absolute, name, offsets[name])
    clocks = {i.absolute or s.absolute for i, s in zip(inputs, shifts, strict=True) if i.events}
    if len(clocks) > 1:
        relative = next(i for i, s in zip(inputs, shifts, strict=True) if i.events and not (i.absolute or s.absolute))
        raise UsageError(
            f"{printable(relative.file)} counts seconds from its own start, other inputs have dates: say when it"
            f" started, as in --offset {printable(Path(relative.file).name)}=2026-11-23T02:56:02.5Z"
        )
    return shifts


def _shifts_of_captures(paths: Sequence[str], kinds: Mapping[str, str], offsets: Mapping[str, str]) -> dict[str, int]:
    """Path → ns. Raises UsageError."""
    found = {}
    for name, word in offsets.items():
        path = paths[_which(paths, name)]
        if kinds[path] == "capture":
            found[path] = _shift(True, name, word).ns
    return found


def _which(paths: Sequence[str], name: str) -> int:
    """The input that is meant. Raises UsageError."""
    which = [n for n, p in enumerate(paths) if p == name] or [
        n for n, p in enumerate(paths) if Path(p).name == name or name_of(p) == name
    ]
    if len(which) != 1:
        wrong = "no input" if not which else "more than one input"
        raise UsageError(joined(f"--offset: {wrong} is called {quoted(name)}", did_you_mean(name, paths)))
    return which[0]


def _shift(absolute: bool, name: str, word: str) -> Shift:
    match = re.fullmatch(r"([+-]?)([0-9]{1,10}(?:\.[0-9]{1,9})?)", word)
    if match is not None:
        try:
            return Shift(read_time(match[2], 0).ns * (-1 if match[1] == "-" else 1))
        except LineError:
            pass
    elif re.fullmatch(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", word, re.ASCII):
        if absolute:
            raise UsageError(f"--offset: {quoted(name)} has dates of its own; its offset is a number of seconds")
        try:
            return Shift(read_datetime(word), True)
        except ValueError as error:
            raise UsageError(f"--offset: {quoted(word)} is no date: {error}") from None
    raise UsageError(
        f"--offset: {quoted(word)} is no offset; expected seconds, such as -0.25,"
        " or the date (RFC 3339) at which a log of relative times starts"
    )
