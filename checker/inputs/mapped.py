"""Inputs that are read through maps: which map is whose, and the log that it makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import TYPE_CHECKING

from mipcheck.checker.console.errors import InputError, Problem, UsageError, did_you_mean, joined, listed, quoted
from mipcheck.checker.console.escape import printable
from mipcheck.checker.inputs.kinds import LOG_MARKS, foreign, no_text_log
from mipcheck.checker.inputs.opening import Mapped, OpenInput, name_of
from mipcheck.checker.maps.library import bundled, use_of
from mipcheck.checker.maps.read import read_mapped
from mipcheck.checker.maps.recognise import SIZE, recognised, timeless
from mipcheck.checker.trace.source import table_of
from mipcheck.checker.trace.vocabulary import RoleError
from mipcheck.model.values.event import Position

if TYPE_CHECKING:
    from mipcheck.checker.inputs.settle import Settling
    from mipcheck.checker.logs.lines import Log
    from mipcheck.checker.trace.source import SourceTable
    from mipcheck.checker.trace.vocabulary import Vocabulary


def give_maps(
    inputs: Sequence[OpenInput],
    words: Sequence[str],
    vocabulary: Vocabulary,
    strict: bool,
    tables: Sequence[SourceTable] = (),
) -> None:
    """Give inputs their maps: those of a command line, as `maps_of` reads them, one for all to whatever is neither a
    capture nor a log of our own. What has none of these gets that of the `tables` of a configuration file, or else that
    of the program whose log it is by its first lines.

    With `strict`, lines that a map does not know are errors. Raises InputError, UsageError.
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
    for given in inputs:
        if given.mapped is None and given.needs_map():
            table = table_of(tables, given.name)
            given.mapped = map_of_table(table, vocabulary, strict) or map_by_words(
                given.beginning(SIZE), given.name, vocabulary, strict
            )


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


def map_of_table(table: SourceTable | None, vocabulary: Vocabulary, strict: bool) -> Mapped | None:
    """Return the map that a table of a configuration file gives, if it does. Raises InputError, UsageError."""
    if table is None or not table.map:
        return None
    try:
        return Mapped(use_of(table.map, vocabulary), strict)
    except UsageError as error:
        raise UsageError(f"[[source]] of {printable(table.file)}: {error}") from None


def map_by_words(head: bytes, name: str, vocabulary: Vocabulary, strict: bool) -> Mapped | None:
    """Return the map of the program whose log begins with `head`, if one is known by that.

    Raises InputError where it may be the log of either of two, or its lines have no times.
    """
    if foreign(head, name) or no_text_log(head) or any(line.startswith(LOG_MARKS) for line in head.splitlines()):
        return None
    found = recognised(head)
    if not found:
        if (whose := timeless(head)) is not None:
            program = whose.title.partition(":")[0]
            message = f"its lines have no times, and none is invented; they look like those of {program}"
            raise InputError([Problem(Position(name), message, whose.advice)])
        return None
    if len(found) > 1:
        programs = listed([f"{r.map.title} ({r.map.name})" for r in found])
        hint = f"say which is meant, as --map {printable(name)}={found[0].map.name}"
        raise InputError([Problem(Position(name), f"its first lines may be those of {programs}", hint)])
    return Mapped(replace(use_of(found[0].map.name, vocabulary), chosen=found[0].words()), strict)


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
            given.lines(),
            given.name,
            use,
            settling.vocabulary,
            keep_going,
            settling.role,
            latest,
            strict,
            settling.tunnels,
        )
    except RoleError as error:
        raise UsageError(f"{printable(given.name)}: {error}") from None
