"""Writing an answer: to standard output, to a file whole or not at all, or into what is no file.

Imports nothing heavy: every run of the command begins here.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from mipcheck.checker.console.streams import columns, drop, say

if TYPE_CHECKING:
    from mipcheck.model.specification.spec import Spec

_LINKS: Final = 40
"""Symbolic links that are followed from one to the next, as Linux does."""


def write(text: str, path: str | None) -> None:
    """Write an answer to standard output, or to a file whole or not at all. Raises UsageError if it cannot be written;
    then an earlier file of that name is as it was.

    A reader who has seen enough and gone is no error: the verdict stands all the same.
    """
    from mipcheck.checker.console.errors import UsageError

    try:
        if path is None:
            sys.stdout.write(text)
            sys.stdout.flush()
            return
        with answering(path) as file:
            file.write(text.encode("utf-8", "backslashreplace"))
    except BrokenPipeError:
        if path is None:
            drop(sys.stdout)
    except (OSError, ValueError) as error:
        if path is None:
            drop(sys.stdout)
        where = "standard output" if path is None else path
        raise UsageError(f"{where} cannot be written: {getattr(error, 'strerror', None) or error}") from None


@contextlib.contextmanager
def answering(path: str) -> Iterator[BinaryIO]:
    """Open what an answer goes to.

    A file is replaced when all is written, and a link to it stays one; what is no file (a device, a pipe, an open
    descriptor such as /dev/stdout) is written to, never replaced. Raises OSError, ValueError.
    """
    number = _descriptor(path)
    if number is not None:
        if number == 1:
            sys.stdout.flush()
        with os.fdopen(os.dup(number), "wb") as file:
            yield file
    elif is_special(path):
        with Path(path).open("wb") as file:
            yield file
    else:
        with replacing(os.path.realpath(path)) as file:
            yield file


def is_special(path: str) -> bool:
    """Decide whether a path is there, through links, and is neither a file nor a folder."""
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _descriptor(path: str) -> int | None:
    """Return the number of the open file that a path means, through links: 1 for - and /dev/stdout; None for others.

    What is behind it may be a regular file, to which others write as well (`>> FILE`): it must not be replaced.
    """
    if path == "-":
        return 1
    for _ in range(_LINKS):
        folder = os.path.realpath(os.path.dirname(path) or ".")  # noqa: PTH120  # a path that does not exist, or means no file
        name = os.path.basename(path)  # noqa: PTH119
        if re.fullmatch(rf"/proc/({os.getpid()}|self)(/task/[0-9]+)?/fd|/dev/fd", folder):
            return int(name) if name.isdecimal() and name.isascii() else None
        full = f"{folder}/{name}"
        try:
            path = str(Path(folder) / Path(full).readlink())
        except (OSError, ValueError):
            return None
    return None


def keep_inputs(outputs: Iterable[tuple[str, str | None]], inputs: Iterable[str | None]) -> None:
    """Raise UsageError where a file that is written is one that is read, or one that is written too.

    `outputs` are options, each with its path, None for one that is not given; `inputs` are the paths of everything that
    is read, - for standard input. Links are followed, hard ones too. What is no regular file cannot be overwritten.
    """
    from mipcheck.checker.console.errors import UsageError

    read = {mark for i in inputs if i is not None for mark in _marks(i)}
    written: dict[object, str] = {}
    for option, path in outputs:
        if path in (None, "-"):
            continue
        marks = _marks(path)
        if any(mark in read for mark in marks):
            raise UsageError(f"{option} {path} would overwrite an input")
        for mark in marks:
            if mark in written:
                raise UsageError(f"{written[mark]} and {option} would write to the same file: {path}")
        written |= dict.fromkeys(marks, option)


def _marks(path: str) -> list[object]:
    """Return what tells a regular file, or one that is to be made, from every other: its path, device and number."""
    try:
        status = os.fstat(0) if path == "-" else Path(path).stat()
    except (OSError, ValueError):
        return [] if path == "-" or "\0" in path else [os.path.realpath(path)]
    if not stat.S_ISREG(status.st_mode):
        return []
    return [(status.st_dev, status.st_ino), *([] if path == "-" else [os.path.realpath(path)])]


def terminal(output: str | None) -> tuple[int, bool]:
    """Return the columns for an answer that goes to the file `output` (None: standard output), and whether colours are
    welcome there."""
    on_terminal = output is None and sys.stdout.isatty()
    colour = on_terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return columns(), colour


def warned(spec: Spec) -> Spec:
    """Return the specification, after what is odd about it was said on standard error."""
    from mipcheck.checker.console.escape import printable

    for warning in spec.warnings:
        say(f"warning: {printable(warning)}")
    return spec


@contextlib.contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of `path` when all is written, and leaves it as it was if anything fails.

    It has no name before that, where the file system can do so: then nothing is left behind even by a process that is
    killed. An earlier file's rights are kept. Raises OSError, also where `path` is a pipe or a device: those stay.
    """
    target = Path(path)
    if is_special(path):
        raise FileExistsError(errno.EEXIST, "what is no file is not replaced", path)
    name = target.with_name(f".{target.name[:20]}.{os.urandom(6).hex()}")
    descriptor = _nameless(target.parent)
    nameless = descriptor is not None
    try:
        if descriptor is None:
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield cast("BinaryIO", file)
            file.flush()
            os.fchmod(file.fileno(), _rights(target))
            if nameless:
                _named(file.fileno(), name)
        name.replace(target)
    except BaseException:
        name.unlink(missing_ok=True)
        raise


def _nameless(folder: Path) -> int | None:
    """Open a new file without a name in a folder; None where the system does not offer that."""
    if not hasattr(os, "O_TMPFILE") or not Path("/proc/self/fd").is_dir():
        return None
    with contextlib.suppress(OSError):
        return os.open(folder, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
    return None


def _named(descriptor: int, name: Path) -> None:
    """Give a file without a name its first one. Raises OSError."""
    here = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.link(str(descriptor), name, src_dir_fd=here, follow_symlinks=True)  # linkat(2) shows this way
    finally:
        os.close(here)


def _rights(target: Path) -> int:
    """Return the rights of the file that is replaced, or those of a new one."""
    with contextlib.suppress(OSError):
        return stat.S_IMODE(target.stat().st_mode) & 0o777
    return new_rights(0o666)


def new_rights(wanted: int) -> int:
    """Return those of the `wanted` rights that new files and folders of this process get."""
    mask = os.umask(0)  # it can only be read by setting it
    os.umask(mask)
    return wanted & ~mask
