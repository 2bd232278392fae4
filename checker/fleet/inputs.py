"""Which files a fleet consists of: folders, globs and URLs → files, each with what tells it from a later version."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from mipcheck.checker.console.errors import UsageError, quoted
from mipcheck.checker.console.escape import printable

_PLAIN: Final = (".log", ".jsonl", ".pcap", ".pcapng", ".cap")
SUFFIXES: Final = (*_PLAIN, *(f"{suffix}.gz" for suffix in _PLAIN))
"""What is taken from a folder. A file that is named, or that a glob finds, is taken whatever it is called."""

_TAGS: Final = ("ETag", "etag", "md5Hash", "content_md5", "mtime", "LastModified", "last_modified", "updated",
                "modified", "created")  # fmt: skip
"""Where stores keep what changes with a file's content, the surest first."""


class File(NamedTuple):
    """A file of a fleet: its absolute path or URL, bytes, and its entity tag or time of modification."""

    path: str
    size: int
    stamp: str


@dataclass(frozen=True)
class FleetFiles:
    """The files of a fleet in order, and how many others lay in the folders that were given."""

    files: tuple[File, ...]
    others: int


def find(inputs: Sequence[str]) -> FleetFiles:
    """List the files that `inputs` name. Raises UsageError for an input that names none, or that cannot be listed."""
    files: dict[str, File] = {}
    others = 0
    for given in inputs:
        here, more = _find(given)
        files.update((f.path, f) for f in here)
        others += more
    return FleetFiles(tuple(files[path] for path in sorted(files)), others)


def _find(given: str) -> tuple[list[File], int]:
    """List the files that one input names, and count the others in its folder. Raises UsageError."""
    if "::" in given:
        raise UsageError(f"{printable(given)}: chained URLs are not supported; give the files themselves")
    system, path = _system(given)
    try:
        infos = _infos(system, path)
    # A store's library raises what it likes when there are no credentials or no network.
    except Exception as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UsageError(f"{printable(given)} cannot be listed: {printable(str(reason))}") from None
    if infos is None:
        raise UsageError(f"{printable(given)}: no such file, and nothing that it matches")
    folder, entries = infos
    files = [_file(system, name, info) for name, info in entries.items() if info["type"] == "file"]
    if not folder:
        if not files:
            raise UsageError(f"{printable(given)} is no file")
        return files, 0
    taken = [f for f in files if f.path.lower().endswith(SUFFIXES) and not _hidden(f.path)]
    if not taken:
        raise UsageError(f"{printable(given)}: no logs or captures in this folder ({' '.join(SUFFIXES)})")
    return taken, len(files) - len(taken)


def _infos(system: Any, path: str) -> tuple[bool, Mapping[str, Mapping[str, Any]]] | None:
    """Return whether `path` is a folder of a file system of fsspec, and its files by name; None if there is nothing."""
    if system.exists(path):
        if system.isdir(path):
            # By default fsspec leaves out a folder that cannot be read, without a word.
            strict = {"on_error": "raise"} if is_local(system) else {}
            return True, system.find(path, detail=True, **strict)
        return False, {path: system.info(path)}
    found = system.glob(path, detail=True) if re.search(r"[*?\[]", path) else {}
    files = {name: info for name, info in found.items() if info["type"] == "file"}
    return (False, files) if files else None


def _hidden(path: str) -> bool:
    """Decide whether a file is hidden by its name."""
    return path.rpartition("/")[2].startswith(".")


def _system(url: str) -> tuple[Any, str]:
    """Return the file system of a path or URL, and the path in it. Raises UsageError."""
    from fsspec.core import url_to_fs

    try:
        system, path = url_to_fs(url)
    except ImportError as error:
        raise UsageError(f"{printable(url)} needs a package that is not installed: {printable(str(error))}") from None
    except Exception as error:  # as in `_find`
        raise UsageError(f"{printable(url)}: {printable(str(error))}") from None
    return system, str(path)


def _file(system: Any, name: str, info: Mapping[str, Any]) -> File:
    """Return a file by what its file system says of it."""
    path = name if is_local(system) else str(system.unstrip_protocol(name))
    return File(path, int(info.get("size") or 0), _stamp(info))


def is_local(system: Any) -> bool:
    """Decide whether a file system of fsspec is that of this machine."""
    return "file" in ((system.protocol,) if isinstance(system.protocol, str) else system.protocol)


def _stamp(info: Mapping[str, Any]) -> str:
    """Return what changes with a file's content; empty where a store tells nothing of the kind, so that the size alone
    has to do."""
    found = next((info[tag] for tag in _TAGS if info.get(tag) is not None), "")
    return found.isoformat() if isinstance(found, datetime) else str(found).strip('"')


def look(path: str) -> tuple[Any, str, File]:
    """Return the file system of `path`, the path in it, and the file as it is now. Raises what that system raises."""
    from fsspec import filesystem
    from fsspec.core import url_to_fs

    # A local name may hold what would mean something in a URL.
    system, inside = (filesystem("file"), path) if path.startswith("/") else url_to_fs(path)
    return system, inside, _file(system, inside, system.info(inside))


def shown(path: str) -> str:
    """Return a path as a report names it: from the working folder, if it lies in there."""
    here = os.getcwd().rstrip("/") + "/"  # noqa: PTH109  # a text, like the path
    return path.removeprefix(here)


# --- fields of a path ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PathPattern:
    """`{vendor}/{build}/*.log`: names for parts of a path, which it has to match at its end."""

    text: str
    names: tuple[str, ...]
    expression: re.Pattern[str]

    def fields(self, path: str) -> dict[str, str] | None:
        """Return the fields of a path by name, None if it does not match."""
        match = self.expression.search(path)
        return None if match is None else match.groupdict()


def read_pattern(text: str) -> PathPattern:
    """Read a pattern as `--pattern` has it; `*` and `?` stay within a folder, `**` does not. Raises UsageError."""
    names: list[str] = []
    parts: list[str] = []
    for token in re.findall(r"\{[^{}]*\}|\*\*/?|[*?]|[^*?]", text):
        if token.startswith("{") and len(token) > 1:
            name = token[1:-1]
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                raise UsageError(f"--pattern: {quoted(token)} is no name of a field; letters, digits and _ are")
            if name in names:
                raise UsageError(f"--pattern: {quoted(token)} is there twice")
            names.append(name)
            parts.append(f"(?P<{name}>[^/]+?)")
        elif token in "{}":
            raise UsageError(f"--pattern: a brace without its other half in {quoted(text)}")
        else:
            wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
            parts.append(wild.get(token) or re.escape(token))
    if not names:
        raise UsageError(
            f"--pattern names no field: {quoted(text)}; expected something like {{vendor}}/{{build}}/*.log"
        )
    start = "^" if text.startswith("/") or re.match(r"[a-z0-9]+://", text) else "(?:^|/)"
    return PathPattern(text, tuple(names), re.compile(start + "".join(parts) + r"\Z", re.DOTALL))


def fields_asked(pattern: PathPattern | None, by: Iterable[str]) -> tuple[str, ...]:
    """Return the fields to count by, each once. Raises UsageError for one that the pattern does not have."""
    asked = tuple(dict.fromkeys(by))
    for name in asked:
        if pattern is None:
            raise UsageError(
                f"--by {name} needs a --pattern that says where in the path it stands, as '{{{name}}}/*.log'"
            )
        if name not in pattern.names:
            raise UsageError(f"--by: {quoted(name)} is no field of the pattern; it has {' '.join(pattern.names)}")
    return asked
