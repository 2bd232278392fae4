"""Finding specifications: bundled ones by name, others by path.

Reading one takes longer than checking a small trace against it, so what has been resolved is kept for the next run, and
at hand for whoever checks many traces in one process.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import pickle
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mipcheck.model.language.errors import SpecError
from mipcheck.model.language.expression import Place
from mipcheck.model.specification.spec import Spec
from mipcheck.model.values import cache
from mipcheck.model.values.late import Late
from mipcheck.model.values.nearest import nearest
from mipcheck.model.values.packages import folder_of
from mipcheck.model.values.packed import packed

if TYPE_CHECKING:
    from mipcheck.model.language.syntax import Module

DEFAULT = "draft-01"

_RECENT = 8
"""Specifications that this process keeps at hand."""

_recent: dict[str, tuple[dict[str, str], Spec]] = {}
"""Those by what they were made from, the one that was asked for last at the end."""

_SPACE = r"(?:\s|#[^\n]*\n)"
_EXTENDS = re.compile(
    rf'{_SPACE}*spec{_SPACE}+[\w/-]+{_SPACE}*(?:"[^"]*"{_SPACE}*)?extends{_SPACE}+'
    rf"([\w/-]+(?:{_SPACE}*,{_SPACE}*[\w/-]+)*)"
)
"""The header of a specification that extends another one, as the grammar has it."""


def bundled() -> list[str]:
    """Return the names of the specifications that come with mipcheck and stand in no folder."""
    return sorted(f.stem for f in folder_of("mipcheck.specs").glob("*.spec"))


def every_bundled() -> list[str]:
    """Return the names of all specifications that come with mipcheck, those in a folder last, as `candidates/e2`."""
    return bundled() + sorted(f"{f.parent.name}/{f.stem}" for f in folder_of("mipcheck.specs").glob("*/*.spec"))


def load(name: str = DEFAULT, readings: Mapping[str, str] | None = None) -> Spec:
    """Return the specification of that name, or in the file of that path. Raises SpecError, also if there is none."""
    file, text = _read(name, None)
    base = Path(file).parent if Path(file).exists() else None
    entry = cache.name_of("spec", _code(), file.encode("utf-8", "surrogatepass"), text.encode(),
                         repr(sorted((readings or {}).items())).encode())  # fmt: skip
    kept = _recent.pop(entry, None) or _unpacked(cache.read(entry))
    if kept is not None and all(_same(other, base, extended) for other, extended in kept[0].items()):
        return _remembered(entry, *kept)

    from mipcheck.model.specification.resolve import resolve

    others: dict[str, str] = {}

    def extended(other: str) -> tuple[Module, str, str]:
        other_file, other_text = _read(other, base)
        others[other] = other_text
        return _read_again(other_text, other_file), other_file, other_text

    with _nothing_collected():
        spec = resolve(_read_again(text, file), file, text, extended, readings)
    if cache.folder() is not None:
        cache.write(entry, _packed(others, spec))
    return _remembered(entry, others, spec)


@contextlib.contextmanager
def _nothing_collected() -> Iterator[None]:
    """Look for no garbage: half a million objects are made, and stay; to look through them takes an eighth."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read_again(text: str, file: str) -> Module:
    """Return the tree of a file, or of one that it extends: what is as it was when that was read last is kept."""
    from mipcheck.model.language.pieces import parse_again

    entry = cache.name_of("pieces", _code(), file.encode("utf-8", "surrogatepass"))
    kept, known = cache.read(entry), {}
    if kept is not None:
        with contextlib.suppress(Exception):  # whatever the entry is, it can be made anew
            known = pickle.loads(kept)
    tree, again = parse_again(text, file, known)
    if again != known and cache.folder() is not None:
        cache.write(entry, packed(again))
    return tree


def _remembered(entry: str, others: dict[str, str], spec: Spec) -> Spec:
    """Return a specification, which is kept at hand with the texts of those that it extends."""
    _recent[entry] = others, spec
    while len(_recent) > _RECENT:
        _recent.pop(next(iter(_recent)), None)
    return spec


def kept_as(spec: Spec) -> str:
    """Return what a specification, or that of one of its roles, was made from, as it was loaded: its name in the cache,
    and the texts of those that it extends. "" for any other, also for one that was changed since."""
    for entry, (others, loaded) in _recent.items():
        if spec is loaded or (spec.role in loaded.roles and spec is loaded.roles[spec.role]):
            return "\0".join([entry, *(f"{name}\0{text}" for name, text in sorted(others.items()))])
    return ""


def _code() -> bytes:
    """Return a digest of all that a resolved specification depends on besides its text: Python and our code."""
    return sys.version.encode() + cache.code_of("mipcheck.model.values", "mipcheck.model.language", __package__)


def _packed(others: dict[str, str], spec: Spec) -> bytes:
    """Return what is kept of a specification, each role and system by itself: most runs are about one."""
    parts = [{name: packed(part) for name, part in of.items()} for of in (spec.roles, spec.systems)]
    return packed((others, replace(spec, roles={}, systems={}), *parts))


def _unpacked(entry: bytes | None) -> tuple[dict[str, str], Spec] | None:
    """Return a kept specification with the texts of those that it extends; None if it cannot be read."""
    if entry is None:
        return None
    try:
        others, spec, *packed = pickle.loads(entry)
        roles, systems = (
            Late({name: functools.partial(pickle.loads, part) for name, part in of.items()}) for of in packed
        )
    except Exception:  # whatever the entry is, it can be made anew
        return None
    return (others, replace(spec, roles=roles, systems=systems)) if isinstance(spec, Spec) else None


def _same(other: str, base: Path | None, text: str) -> bool:
    """Decide whether an extended specification still has the text that it had when this was kept."""
    try:
        return _read(other, base)[1] == text
    except SpecError:
        return False


def files_of(name: str) -> list[str]:
    """Return the files of a user's own that a specification is read from: those of its path and of what that extends.

    What is wrong with one of them is left to `load`.
    """
    found: list[str] = []
    base: Path | None = None
    wanted = [name]
    while wanted:
        try:
            file, text = _read(wanted.pop(0), base)
        except SpecError:
            continue
        if not Path(file).exists() or file in found:
            continue
        found.append(file)
        base = Path(found[0]).parent
        if (extends := _EXTENDS.match(text)) is not None:
            wanted += re.findall(r"[\w/-]+", re.sub(r"#[^\n]*", "", extends[1]))
    return found


def loads(text: str, file: str = "<spec>", readings: Mapping[str, str] | None = None) -> Spec:
    """Return the specification in a text; what it extends is looked for among the bundled ones."""
    from mipcheck.model.language.parse import parse
    from mipcheck.model.specification.resolve import resolve

    def extended(other: str) -> tuple[Module, str, str]:
        other_file, other_text = _read(other, None)
        return parse(other_text, other_file), other_file, other_text

    return resolve(parse(text, file), file, text, extended, readings)


def _read(name: str, base: Path | None) -> tuple[str, str]:
    """Return the file name and the text of a specification. Raises SpecError.

    Bundled ones win; else a name with a slash or a suffix is a path. Where `base` is given, a sibling comes first.
    """
    path = folder_of("mipcheck.specs") / f"{name}.spec"
    if _is_folder_and_name(name) and path.is_file():
        return f"{name}.spec", path.read_text("utf-8")
    if _is_folder_and_name(name) and path.parent.is_dir() and not Path(name).exists():
        raise SpecError(name, Place(), f'there is no specification "{name}"', nearest(name, every_bundled()))
    if "/" in name or "\\" in name or name.endswith(".spec"):
        return read_path(Path(name))
    if base is not None and (base / f"{name}.spec").exists():
        return read_path(base / f"{name}.spec")
    if not path.is_file():
        raise SpecError(name, Place(), f'there is no specification "{name}"', nearest(name, every_bundled()))
    return f"{name}.spec", path.read_text("utf-8")


def _is_folder_and_name(name: str) -> bool:
    """Decide whether a name is of the form `candidates/e2`, so that it cannot lead out of the package."""
    return re.fullmatch(r"[\w-]+/[\w-]+", name) is not None


def read_path(path: Path) -> tuple[str, str]:
    """Return the name and the text of a file that may be a specification. Raises SpecError."""
    from mipcheck.model.language.parse import MAX_SIZE

    try:
        with path.open("rb") as file:
            data = file.read(4 * MAX_SIZE + 1)  # what is longer than that has too many characters as well
    except OSError as error:
        raise SpecError(str(path), Place(), f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise SpecError(str(path), Place(), "cannot be read: no such file can exist") from None
    if len(data) > 4 * MAX_SIZE:
        raise SpecError(str(path), Place(), f"a specification has at most {MAX_SIZE} characters")
    try:
        return str(path), data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise SpecError(str(path), place, "this is not UTF-8", source=data.decode("utf-8", "replace")) from None
