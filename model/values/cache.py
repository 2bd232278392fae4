"""A cache of what takes long to make and the next run needs again, beside the code and in the user's directory.

Entries are files named by what they were made from, so that none is ever out of date. Those for the specifications that
come with mipcheck are made at installation, and are a part of it like any other. The rest is in a directory of the
user's own (`$XDG_CACHE_HOME/mipcheck` or `~/.cache/mipcheck`): code is loaded from it, so one that others may write to
is not used. A damaged entry is never used. Nothing here raises: without any of it everything works, and takes longer.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
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

_DIGEST: Final = 32


def folder() -> Path | None:
    """Return the directory, made if need be; None if there is none that the user alone may write to."""
    if _is_off():
        return None
    chosen = os.environ.get(OFF, "")
    try:
        path = Path(chosen) if chosen else _usual()
        if path is None:
            return None
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path if _is_own(path) else None
    except (OSError, RuntimeError, ValueError):
        return None


def _is_off() -> bool:
    return os.environ.get(OFF, "") == "off"


def _usual() -> Path | None:
    """Return the directory where the user's caches are, by the XDG specification; None if there is none."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification has relative paths ignored; without a home, expanduser raises or changes nothing.
    path = Path(base) if base and Path(base).is_absolute() else Path("~/.cache").expanduser()
    return path / "mipcheck" if path.is_absolute() else None


def _is_own(path: Path) -> bool:
    """Decide whether a file or directory is the user's own, and nobody else's to write to."""
    status = path.stat()
    return not hasattr(os, "geteuid") or (status.st_uid == os.geteuid() and not status.st_mode & 0o022)


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


def read(name: str) -> bytes | None:
    """Return an entry as it was written; None if there is none."""
    if _is_off():
        return None
    found = _content(INSTALLED / name)
    if found is not None:
        return found
    place = folder()
    if place is None:
        return None
    path = place / name
    try:
        if not _is_own(path):
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # what is used is not what makes room
    except OSError:
        return None
    return _content(path)


def _content(path: Path) -> bytes | None:
    """Return what was kept in a file; None if there is none, or it is damaged."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, content = data[:_DIGEST], data[_DIGEST:]
    return content if digest == hashlib.sha256(content).digest() else None


def write(name: str, content: bytes) -> None:
    """Keep an entry, whole or not at all."""
    place = folder()
    if place is None:
        return
    import tempfile  # not above: most runs write nothing, and it takes 2 ms

    with contextlib.suppress(OSError):
        handle, temporary = tempfile.mkstemp(dir=place, prefix=".new-")  # readable by the user alone
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(content).digest() + content)
            Path(temporary).replace(place / name)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _make_room(place, name.partition("-")[0])


def _make_room(place: Path, kind: str) -> None:
    """Delete the entries of a kind that were used longest ago, beyond the most that are kept."""
    entries = sorted((p for p in place.glob(f"{kind}-*") if p.is_file()), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in entries[_MOST:]:
        old.unlink(missing_ok=True)
