"""Opening what was given: files, pipes, standard input; and telling what it is by its first bytes."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, cast

from mipcheck.checker.console.errors import InputError, Problem, UsageError
from mipcheck.checker.console.escape import printable
from mipcheck.checker.console.output import is_special
from mipcheck.model.values.event import Position

if TYPE_CHECKING:
    from mipcheck.checker.maps.library import Use

STDIN: Final = "-"
STDIN_NAME: Final = "<stdin>"
"""The name of standard input in positions and messages."""

_HEAD: Final = 4096
"""Bytes by which it is told what an input is."""

_MEMORY: Final = 2**24
"""Bytes of a pipe that are kept in memory to be read again; what comes after them is kept in a file."""

_LISTED: Final = 2000
"""Files of a folder among which the one that was meant is looked for."""


class Mapped(NamedTuple):
    """Through which map an input is read, and whether lines that it does not know are errors."""

    use: Use
    strict: bool


class OpenInput:
    """An input that is open: its `path` as it was given, its `name` in messages, its `stream`, which may be a `Pipe`.

    `kind` is capture, log or jsonl, by the first bytes, which are looked at once, or mapped, if a map is given for it.
    Asking for it raises InputError for what is none of these or cannot be read.
    """

    def __init__(self, path: str, stream: BinaryIO) -> None:
        self.path, self.name, self.stream = path, name_of(path), stream
        self._file, self._before = stream, _state(stream)
        self.mapped: Mapped | None = None
        self.packed = self._plain = False
        """Whether it is a log that is compressed, and unpacked on the way; and whether that has been looked at."""

    def _as_plain(self) -> None:
        """Let a log be read as text that is compressed, or in UTF-16."""
        if self._plain:
            return
        self._plain = True
        head = _head(self.stream, self.name)
        if head[:2] in (b"\x1f\x8b", b"\xff\xfe", b"\xfe\xff"):
            from mipcheck.checker.inputs.plain import is_packed_text, plain

            self.packed = is_packed_text(head)
            self.stream = plain(self.stream, self.name, head)

    @cached_property
    def kind(self) -> str:
        self._as_plain()
        if self.mapped is not None:
            self.refuse_binary()
            return "mapped"
        return kind_of(self.stream, self.name)

    @property
    def piped(self) -> bool:
        """Whether it can be read once only."""
        return isinstance(self.stream, Pipe)

    @property
    def written(self) -> int:
        """When the file was last written to, in ns since the epoch; for what is no file, now."""
        import time

        return self._before[1] if self._before is not None else time.time_ns()

    @property
    def size(self) -> int | None:
        """How many bytes a file has; None for what is no file, or is read once."""
        return None if self._before is None or self.piped else self._before[0]

    def lines(self) -> BinaryIO:
        """Return the stream so that it can be read line by line, also from a pipe."""
        return cast("BinaryIO", io.BufferedReader(self.stream)) if isinstance(self.stream, Pipe) else self.stream

    def beginning(self, size: int) -> bytes:
        """Return the first bytes, `size` of them if there are so many. Raises InputError if it cannot be read."""
        self._as_plain()
        return _head(self.stream, self.name, size)

    def needs_map(self) -> bool:
        """Tell whether it is neither a capture nor a log in our own words. Raises InputError if it cannot be read."""
        from mipcheck.checker.capture import is_capture
        from mipcheck.checker.inputs.kinds import LOG_MARKS

        self._as_plain()
        head = _head(self.stream, self.name)
        return not is_capture(head) and not head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(LOG_MARKS)

    def refuse_binary(self) -> None:
        """Raise InputError where the input is a capture, a log in our words, or no text: no map reads that."""
        from mipcheck.checker.inputs.kinds import no_text_log

        self._as_plain()
        if hint := no_text_log(_head(self.stream, self.name)):
            raise InputError([Problem(Position(self.name), "is no log that a map could read", hint)])

    def changed(self) -> bool:
        """Tell whether the file has been written to since it was opened."""
        return _state(self._file) != self._before

    def keep(self) -> None:
        """Make a pipe an input that can be read again, by keeping what has been read of it."""
        if self.piped:
            self.stream = cast("BinaryIO", io.BufferedReader(Spool(self.stream)))

    def wait_for(self, size: int) -> int:
        """Return how many bytes there are; of a pipe as many as have come when these are `size`, or when it ends.

        Of what is compressed, those that it unpacks to are counted, as far as that matters for `size`.
        """
        raw = getattr(self.stream, "raw", self.stream)
        if isinstance(raw, Pipe | Spool):
            found = raw.wait_for(size)
        else:
            found = self.stream.seek(0, io.SEEK_END)
            self.stream.seek(0)
        return found if found >= size else max(found, self._unpacked(found, size))

    def _unpacked(self, stored: int, size: int) -> int:
        """Return how many bytes all of its `stored` ones unpack to, about `size` at most; 0 if they are no gzip."""
        from mipcheck.checker.capture.frames.magic import GZIP

        piped = self.stream if isinstance(self.stream, Pipe) else None
        head = piped.head(2) if piped else self.stream.read(2)
        if not piped:
            self.stream.seek(0)
        if head[:2] != GZIP:
            return 0
        from mipcheck.checker.capture.frames.gunzip import unpacked_size

        data = head if piped else self.stream.read(stored)
        if not piped:
            self.stream.seek(0)
        return unpacked_size(data, size)


def _state(stream: BinaryIO) -> tuple[int, int] | None:
    """Return the size of an open file and when it was last written to (ns); None for what is no file."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return None
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None


def open_inputs(paths: Sequence[str], stack: ExitStack) -> list[OpenInput]:
    """Open all inputs, until the stack is closed. Raises InputError, UsageError."""
    check_paths(paths)
    return [OpenInput(path, stack.enter_context(_open_input(path))) for path in paths]


def hold(inputs: Sequence[OpenInput], size: int) -> bool:
    """Tell whether inputs hold at least `size` bytes, all together. Of pipes no more is read than it takes."""
    found = 0
    for given in sorted(inputs, key=_is_endless):
        if found < size:
            found += given.wait_for(size - found)
    return found >= size


def _is_endless(given: OpenInput) -> bool:
    """Tell whether the size of an input is not known before its end has come."""
    return isinstance(getattr(given.stream, "raw", given.stream), Pipe | Spool)


# --- files --------------------------------------------------------------------------------------------------------


def check_paths(paths: Sequence[str]) -> None:
    """Check that there are inputs, each given once. Raises UsageError."""
    if not paths:
        raise UsageError("nothing to check: give a log or a capture, or - for standard input")
    seen: set[str] = set()
    for path in paths:
        real = path if path == STDIN else os.path.realpath(path)
        if real in seen:
            raise UsageError(f"{printable(path)} is given twice; its events would count twice")
        seen.add(real)


def name_of(path: str) -> str:
    """Return how the input of that path is called in positions and messages."""
    return STDIN_NAME if path == STDIN else path


class Pipe(io.RawIOBase):
    """A stream that can be read once and forwards only, perhaps while somebody is still writing to it."""

    def __init__(self, stream: BinaryIO, keep_open: bool) -> None:
        """Read `stream`, which is closed with the pipe unless it is to be kept open."""
        self._stream = stream
        self._keep_open = keep_open
        self._interrupted = False
        self._head = b""
        self._given = 0  # bytes of it that were read

    def readable(self) -> bool:
        return True

    def head(self, size: int) -> bytes:
        """Return the first bytes, which will be read once more.

        They are `size` or more, fewer if the end has come or a capture is known by them.
        """
        from mipcheck.checker.capture import is_capture

        while len(self._head) < size and not (len(self._head) >= 12 and is_capture(self._head)):
            more = self._some(size - len(self._head))
            if not more:
                break
            self._head += more
        return self._head

    def wait_for(self, size: int) -> int:
        """Return how many bytes there are, once these are `size` or the end has come; they will be read once more."""
        parts = [self._head]
        have = len(self._head)
        while have < size and (more := self._some(size - have)):
            parts.append(more)
            have += len(more)
        self._head = b"".join(parts)
        return have

    def read(self, size: int = -1, /) -> bytes:
        """Read up to `size` bytes, as many as there are already; none at the end. A negative `size` reads all."""
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

    def readinto(self, into: memoryview, /) -> int:  # type: ignore[override]
        """Fill `into` as far as there are bytes already; 0 at the end."""
        data = self.read(len(into))
        into[: len(data)] = data
        return len(data)

    def _some(self, size: int) -> bytes:
        """Read what the stream gives at once, at most `size` bytes."""
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


class Spool(io.RawIOBase):
    """A pipe whose bytes are kept, in memory and then in a file without a name, so that they can be read again."""

    def __init__(self, pipe: BinaryIO, memory: int = _MEMORY) -> None:
        """Read `pipe` as far as anybody wants; `memory` is how many bytes of it are kept there."""
        from tempfile import SpooledTemporaryFile

        self._pipe = pipe
        self._kept = SpooledTemporaryFile(memory)  # noqa: SIM115  # closed with this
        self._size = self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go on at an offset from the start, at most where the pipe has been read to."""
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("only from the start")
        self._at = offset
        return offset

    def tell(self) -> int:
        return self._at

    def readinto(self, into: memoryview, /) -> int:  # type: ignore[override]
        """Fill `into` as far as bytes are kept, or else as far as the pipe gives some; 0 at the end."""
        if self._at < self._size:
            self._kept.seek(self._at)
            data = self._kept.read(min(len(into), self._size - self._at))
        else:
            data = self._pipe.read(len(into))
            self._kept.seek(self._size)
            self._kept.write(data)
            self._size += len(data)
        into[: len(data)] = data
        self._at += len(data)
        return len(data)

    def wait_for(self, size: int) -> int:
        """Return how many bytes there are, once these are `size` or the end has come; they are read for that."""
        at, piece = self._at, bytearray(2**18)
        self._at = self._size
        while self._size < size and self.readinto(memoryview(piece)):
            pass
        self._at = at
        return self._size

    def close(self) -> None:
        self._kept.close()
        super().close()


def goes_by(path: str) -> bool:
    """Decide whether an input can be read only once, such as standard input or what the shell makes of <(command)."""
    return path == STDIN or is_special(path)


def open_input(path: str) -> BinaryIO:
    """Open a file so that it can be read more than once; of a pipe all is read. Raises InputError."""
    stream = _open_input(path)
    if not isinstance(stream, Pipe):
        return stream
    with stream:
        return io.BytesIO(stream.read())


def _open_input(path: str) -> BinaryIO:
    """Open a file; what cannot be read again becomes a `Pipe`. Raises InputError."""
    if not path:
        raise InputError([Problem(Position('""'), "is no name of a file")])
    if path == STDIN:
        return cast("BinaryIO", Pipe(sys.stdin.buffer, keep_open=True))
    try:
        stream = Path(path).open("rb")  # noqa: SIM115  # the caller closes it
    except FileNotFoundError:
        raise InputError([Problem(Position(path), "no such file", _near(path))]) from None
    except IsADirectoryError:
        raise InputError([Problem(Position(path), "is a folder", _FOLDER.format(printable(path)))]) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError([Problem(Position(path), f"cannot be read: {reason}")]) from None
    # A pipe is what the shell makes of <(command).
    return stream if stream.seekable() else cast("BinaryIO", Pipe(stream, keep_open=False))


_FOLDER: Final = "give the files in it, as one node's; or have each checked by itself: mipcheck fleet {}"


def _near(path: str) -> str:
    """Return a hint at the file that was probably meant, or nothing."""
    import difflib

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
    """Tell by its first bytes whether a stream is a capture, a log or jsonl.

    `name` stands for it in messages. Raises InputError for what is known to be something else, or cannot be read.
    """
    from mipcheck.checker.capture import is_capture
    from mipcheck.checker.inputs.kinds import refused

    head = _head(stream, name)
    if why := refused(head, name):
        raise InputError([Problem(Position(name), *why)])
    if is_capture(head):
        return "capture"
    return "jsonl" if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{") else "log"


def refuse_other(stream: BinaryIO, name: str) -> None:
    """Raise InputError where what is given as a site file, and called `name`, is known to be something else."""
    from mipcheck.checker.inputs.kinds import no_site_file

    if hint := no_site_file(_head(stream, name), name):
        raise InputError([Problem(Position(name), "is no site file", hint)])


def _head(stream: BinaryIO, name: str, size: int = _HEAD) -> bytes:
    """Return the first bytes of a stream, which will be read once more. Raises InputError."""
    try:
        if isinstance(stream, Pipe):
            return stream.head(size)
        head = stream.read(size)
        stream.seek(0)
    except OSError as error:
        raise InputError([Problem(Position(name), f"cannot be read: {error.strerror or error}")]) from None
    return head
