"""A cache of what takes long to make and the next run needs again, beside the code and in the user's directory.

Entries are files named by what they were made from, so that none is ever out of date. Those for the specifications that
come with mipcheck are made at installation, and are a part of it like any other. The rest is in a directory of the
user's own (`$XDG_CACHE_HOME/mipcheck` or `~/.cache/mipcheck`): code is loaded from it, so it is trusted only where
nobody else could have put anything in its place: every folder on the way and every entry is opened once, and looked at
as it was opened. A damaged entry is never used. Nothing here raises: without any of it everything works, and takes
longer.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from mipcheck.model.values.packages import folder_of

OFF: Final = "MIPCHECK_CACHE"
"""Environment variable: another directory, or `off` if nothing that was kept shall be used."""

INSTALLED: Final = Path(__file__).parent.parent.parent / "kept"
"""The directory of what was made at installation; there may be none."""

_MOST: Final = 64
"""Entries of a kind; the oldest make room for new ones."""

_STALE: Final = 90 * 86400
"""Seconds after which an entry that nobody has used is removed."""

_ABANDONED: Final = 3600
"""Seconds after which what was being written is thought to have been left by a process that is gone."""

_ENTRY: Final = re.compile(r"([a-z]+)-[0-9a-f]{40}")
"""What `name_of` makes. Nothing else is ever removed: it may be the user's."""

_NEW: Final = re.compile(r"\.new-[0-9a-f]{12}")
_LINKS: Final = 40
_DIGEST: Final = 32


def folder() -> Path | None:
    """Return the directory, made if need be; None if there is none that the user alone may write to."""
    with _place() as place:
        return _chosen() if place is not None else None


def _chosen() -> Path | None:
    """Return the path of the directory, whether or not it is there; None if there is to be none."""
    chosen = os.environ.get(OFF, "")
    if chosen == "off":
        return None
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        return Path(chosen).absolute() if chosen else _usual()
    return None


@contextlib.contextmanager
def _place() -> Iterator[int | None]:
    """Open the directory, made if need be; yields its descriptor, None if it cannot be trusted."""
    place = None
    path = _chosen()
    if path is not None and hasattr(os, "geteuid"):
        with contextlib.suppress(OSError, ValueError):
            place = _opened(path)
    try:
        yield place
    finally:
        if place is not None:
            os.close(place)


def _opened(path: Path) -> int | None:
    """Open a directory, or make it, through parents that nobody else can exchange; None where somebody could.

    Links on the way are followed if the user or the administrator made them. Raises OSError.
    """
    names = list(path.parts[1:])[::-1]
    links = 0
    here = os.open("/", _WALK)
    try:
        while names:
            name = names.pop()
            with contextlib.suppress(OSError):
                os.mkdir(name, 0o700, dir_fd=here)  # below a descriptor
            link = _link(name, here)
            if link is not None:
                links += 1
                if links > _LINKS:
                    return None
                if link.startswith("/"):
                    os.close(here)
                    here = os.open("/", _WALK)
                names += [part for part in link.split("/") if part not in ("", ".")][::-1]
                continue
            there = os.open(name, _WALK if names else _READ | os.O_DIRECTORY, dir_fd=here)
            os.close(here)
            here = there
            if not _is_safe(os.fstat(here), last=not names):
                return None
        found, here = here, -1
        return found
    finally:
        if here >= 0:
            os.close(here)


_READ: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_WALK: Final = _READ | getattr(os, "O_PATH", 0) | getattr(os, "O_DIRECTORY", 0)
"""How a directory is opened that may be walked through, whether or not it may be listed."""


def _link(name: str, here: int) -> str | None:
    """Return where a symbolic link leads; None for what is none. Raises OSError, also for a stranger's link."""
    status = os.stat(name, dir_fd=here, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        return None
    if status.st_uid not in (0, os.geteuid()):
        raise PermissionError
    return os.readlink(name, dir_fd=here)


def _is_safe(status: os.stat_result, last: bool) -> bool:
    """Decide whether nobody else can exchange what is in a directory: one on the way, or the `last`.

    In one with the sticky bit, as /tmp, others may make entries, but not touch those of the user.
    """
    if last:
        return _is_own(status)
    others = status.st_mode & 0o022 and not status.st_mode & stat.S_ISVTX
    return status.st_uid in (0, os.geteuid()) and not others


def _is_own(status: os.stat_result) -> bool:
    """Decide whether a file or directory is the user's own, and nobody else's to write to."""
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _is_off() -> bool:
    return os.environ.get(OFF, "") == "off"


def _usual() -> Path | None:
    """Return the directory where the user's caches are, by the XDG specification; None if there is none."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification has relative paths ignored; without a home, expanduser raises or changes nothing.
    path = Path(base) if base and Path(base).is_absolute() else Path("~/.cache").expanduser()
    return path / "mipcheck" if path.is_absolute() else None


def name_of(kind: str, *parts: bytes) -> str:
    """Return the name of an entry that is made from `parts`; no entry of another kind has it."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return f"{kind}-{digest.hexdigest()[:40]}"


@cache
def code_of(*folders: str) -> bytes:
    """Return a digest of every file in these packages (`mipcheck.model.language`, for instance).

    What is made by code is kept under a name that changes with any line of it; a list of files would forget the next
    one. Raises ImportError if there is no such package, OSError if its files cannot be read.
    """
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder_of(folder).iterdir(), key=lambda path: path.name):
            if path.is_file():
                content = path.read_bytes()
                digest.update(f"{folder}/{path.name} {len(content)}\n".encode())
                digest.update(content)
    return digest.digest()


def read(name: str, shipped: bool = False) -> bytes | None:
    """Return an entry as it was written; None if there is none.

    What is `shipped` is a part of the package, as compiled modules are: what the installation made is used even where
    nothing that was kept shall be.
    """
    if _is_off() and not shipped:
        return None
    with contextlib.suppress(OSError):
        found = _content((INSTALLED / name).read_bytes())
        if found is not None:
            return found
    with _place() as place, contextlib.suppress(OSError):
        if place is not None:
            entry = os.open(name, _READ, dir_fd=place)
            with os.fdopen(entry, "rb") as file:
                status = os.fstat(entry)
                if not stat.S_ISREG(status.st_mode) or not _is_own(status):
                    return None
                with contextlib.suppress(OSError):
                    os.utime(entry)  # what is used is not what makes room
                return _content(file.read())
    return None


def _content(data: bytes) -> bytes | None:
    """Return what was kept in a file that holds `data`; None if it is damaged."""
    digest, content = data[:_DIGEST], data[_DIGEST:]
    return content if digest == hashlib.sha256(content).digest() else None


def write(name: str, content: bytes) -> None:
    """Keep an entry, whole or not at all, and remove those that nobody needs."""
    with _place() as place, contextlib.suppress(OSError):
        if place is None:
            return
        temporary = f".new-{os.urandom(6).hex()}"
        entry = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=place)
        try:
            with os.fdopen(entry, "wb") as file:
                file.write(hashlib.sha256(content).digest() + content)
            os.replace(temporary, name, src_dir_fd=place, dst_dir_fd=place)  # below a descriptor
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=place)
            raise
        _tidy(place, name.partition("-")[0])


def _tidy(place: int, kind: str) -> None:
    """Remove what was not used for long, what processes have left, and of a `kind` more than are kept.

    A clock may have been wrong: an entry from the future has not been used since it was put right.
    """
    now = time.time()
    ages: list[tuple[float, str]] = []
    for name in os.listdir(place):  # of a descriptor
        entry, new = _ENTRY.fullmatch(name), _NEW.fullmatch(name)
        if not entry and not new:
            continue
        with contextlib.suppress(OSError):
            status = os.stat(name, dir_fd=place, follow_symlinks=False)
            age = now - status.st_mtime
            if not stat.S_ISREG(status.st_mode):
                continue
            if age < -86400 or age > (_STALE if entry else _ABANDONED):
                os.unlink(name, dir_fd=place)
            elif entry and entry[1] == kind:
                ages.append((age, name))
    for _, name in sorted(ages)[_MOST:]:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=place)
