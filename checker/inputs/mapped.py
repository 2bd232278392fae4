"""Inputs that are read through maps: which map is whose, and the log that it makes."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import TYPE_CHECKING

from mipcheck.checker.console.errors import UsageError, did_you_mean, joined, quoted
from mipcheck.checker.console.escape import printable
from mipcheck.checker.inputs.opening import Mapped, OpenInput
from mipcheck.checker.maps.library import bundled, use_of
from mipcheck.checker.maps.read import read_mapped
from mipcheck.checker.trace.vocabulary import RoleError

if TYPE_CHECKING:
    from mipcheck.checker.inputs.settle import Settling
    from mipcheck.checker.logs.lines import Log
    from mipcheck.checker.trace.vocabulary import Vocabulary


def give_maps(inputs: Sequence[OpenInput], words: Sequence[str], vocabulary: Vocabulary, strict: bool) -> None:
    """Give inputs the maps of a command line: `NAME` for all that is neither a capture nor a log of our own, or
    `FILE=NAME` for inputs of that path, name or pattern. With `strict`, lines that a map does not know are errors.

    Raises InputError, UsageError.
    """
    for word in words:
        file, name = divided(word)
        mapped = Mapped(use_of(name, vocabulary), strict)
        if file is None:
            chosen = [i for i in inputs if i.mapped is None and i.needs_map()]
            if not chosen:
                raise UsageError(
                    f"--map {printable(name)}: no input is another program's log, so that none needs a map"
                )
        else:
            chosen = [i for i in inputs if file in (i.path, i.name) or fnmatchcase(PurePath(i.path).name, file)]
            if not chosen:
                known = [i.path for i in inputs]
                raise UsageError(joined(f"--map: no input is called {quoted(file)}", did_you_mean(file, known)))
        for given in chosen:
            given.mapped = mapped


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
