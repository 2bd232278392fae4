"""Inputs that are read through maps: which map is whose, and the log that it makes."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import TYPE_CHECKING

from mipcheck.checker.console.errors import UsageError, did_you_mean, joined, quoted
from mipcheck.checker.console.escape import printable
from mipcheck.checker.inputs.opening import Mapped, OpenInput, name_of
from mipcheck.checker.maps.library import bundled, use_of
from mipcheck.checker.maps.read import read_mapped
from mipcheck.checker.trace.vocabulary import RoleError

if TYPE_CHECKING:
    from mipcheck.checker.inputs.settle import Settling
    from mipcheck.checker.logs.lines import Log
    from mipcheck.checker.trace.vocabulary import Vocabulary


def give_maps(inputs: Sequence[OpenInput], words: Sequence[str], vocabulary: Vocabulary, strict: bool) -> None:
    """Give inputs the maps of a command line, as `maps_of` reads them: one for all to whatever is neither a capture
    nor a log of our own.

    Raises InputError, UsageError.
    """
    named, common = maps_of([i.path for i in inputs], words, vocabulary, strict)
    for given in inputs:
        given.mapped = named.get(given.path)
    if common is not None:
        without = [i for i in inputs if i.mapped is None and i.needs_map()]
        if not without:
            name = printable(common.use.map.name)
            raise UsageError(f"--map: no input is another program's log, so that none needs the map {name}")
        for given in without:
            given.mapped = common


def maps_of(
    paths: Sequence[str], words: Sequence[str], vocabulary: Vocabulary, strict: bool
) -> tuple[dict[str, Mapped], Mapped | None]:
    """Read the maps of a command line: `FILE=NAME` is for inputs of that path, name or pattern, `NAME` for all others.

    Returns those of inputs by path, and the one for all, if there is one. With `strict`, lines that a map does not know
    are errors. Raises InputError, UsageError.
    """
    named: dict[str, Mapped] = {}
    common: Mapped | None = None
    for word in words:
        file, name = divided(word)
        mapped = Mapped(use_of(name, vocabulary), strict)
        if file is None:
            if common is not None:
                raise UsageError(f"--map {printable(name)}: another map is given for all inputs: say whose it is, as"
                                 f" --map {printable(PurePath(paths[0]).name)}={printable(name)}")  # fmt: skip
            common = mapped
            continue
        chosen = [p for p in paths if file in (p, name_of(p)) or fnmatchcase(PurePath(p).name, file)]
        if not chosen:
            raise UsageError(joined(f"--map: no input is called {quoted(file)}", did_you_mean(file, list(paths))))
        named |= dict.fromkeys(chosen, mapped)
    return named, common


def divided(word: str) -> tuple[str | None, str]:
    """Return the file of a `[FILE=]NAME[,key=value]…` and the rest. A name has no = before its first comma."""
    head = word.partition(",")[0]
    if "=" not in head or head in bundled():
        return None, word
    file, _, _ = head.rpartition("=")
    return file, word[len(file) + 1 :]


def read_other(given: OpenInput, settling: Settling, keep_going: bool, alone: bool) -> Log:
    """Read an input through its map. Where it is `alone`, a year or a zone that its stamps lack may be guessed.

    Raises InputError, UsageError for a role that the specification has not.
    """
    assert given.mapped is not None
    use, strict = given.mapped
    latest = given.written if alone else None
    try:
        return read_mapped(
            given.lines(), given.name, use, settling.vocabulary, keep_going, settling.role, latest, strict
        )
    except RoleError as error:
        raise UsageError(f"{printable(given.name)}: {error}") from None
