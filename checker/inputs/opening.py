"""Opening what was given: files, pipes, standard input; and telling what it is by its first bytes."""

from __future__ import annotations

import difflib
import io
import os
import re
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from mipcheck.checker.console.errors import InputError, Problem
from mipcheck.checker.console.escape import printable
from mipcheck.model.values.event import Position

if TYPE_CHECKING:
    pass

from mipcheck.checker.console.errors import UsageError

STDIN: Final = "-"
STDIN_NAME: Final = "<stdin>"
"""How standard input is called in positions and messages."""

_HEAD: Final = 4096
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


def open_inputs(paths: Sequence[str], stack: ExitStack) -> dict[str, BinaryIO]:
    """All inputs, open until the stack is closed. Raises InputError, UsageError."""
    _check_paths(paths)
    return {path: stack.enter_context(_open_input(path)) for path in paths}


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


def size_of(stream: BinaryIO, enough: int) -> int:
    """Bytes of an input; of a pipe, as many as have come when that many have, or its end."""
    if isinstance(stream, Pipe):
        return stream.wait_for(enough)
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    return size
