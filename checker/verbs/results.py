"""Results of other verbs, as their JSON, that pages take in: what a fleet exercised and with which parameters, what
became of mutants.

Such a file may be anybody's: what these verbs do not write is refused, and nothing of it is more than text and numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from mipcheck.checker.console.errors import InputError, Problem, UsageError, quoted
from mipcheck.checker.inputs.opening import open_input
from mipcheck.model.values.event import Position

_T = TypeVar("_T")
_SIZE: Final = 256 * 1024 * 1024
"""Bytes of a file of results: a fleet of a million files has as many."""
_LARGEST: Final = 2**62
_OF_RULE: Final = "rule "
"""What the place of a mutant begins with that changes a rule."""


@dataclass(frozen=True, slots=True)
class Exercised:
    """What a rule came to over the files of a corpus: in how many it had which status, and how often it was broken."""

    files: Mapping[str, int]
    violations: int


@dataclass(frozen=True, slots=True)
class Corpus:
    """What a fleet of traces came to: `name` is the file of its results, `verdicts` count its files."""

    name: str
    spec: str
    files: int
    verdicts: Mapping[str, int]
    rules: Mapping[str, Exercised]


@dataclass(frozen=True, slots=True)
class MeasuredFile:
    """A file of a corpus: its verdict, and the parameters that were given for it, in words."""

    file: str
    verdict: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Mutated:
    """A mutant of a rule: what was changed, what became of it, and who noticed."""

    what: str
    fate: str
    by: str


class _Odd(ValueError):
    """A part of a file of results that none of ours has."""


def check_about(name: str, of: str, spec: str) -> None:
    """Raise UsageError unless results called `name`, about the specification `of`, are about `spec`."""
    if of != spec:
        raise UsageError(f"{quoted(name)} is about {quoted(of)}, not {spec}: give --spec {quoted(of)}")


def read_corpus(path: str) -> Corpus:
    """Read what `mipcheck fleet --format json` has written. Raises InputError."""
    return _read(path, "fleet", _corpus)


def read_measured(path: str) -> tuple[str, list[MeasuredFile]]:
    """Read what `mipcheck fleet --format json` has written: the specification, and each file that was checked.

    Raises InputError.
    """
    return _read(path, "fleet", _measured)


def read_mutants(path: str) -> tuple[str, dict[str, list[Mutated]]]:
    """Read what `mipcheck mutate --format json` has written: the specification, and mutants by rule.

    Raises InputError.
    """
    return _read(path, "mutate", _mutants)


def _read(path: str, verb: str, meant: Callable[[dict[str, Any], str], _T]) -> _T:
    with open_input(path) as stream:
        data = stream.read(_SIZE + 1)
    if len(data) > _SIZE:
        raise InputError([Problem(Position(path), f"the file is longer than {_SIZE} bytes")])
    try:
        return meant(_as(json.loads(data), dict), Path(path).stem or path)
    except (ValueError, KeyError, RecursionError):
        hint = f"expected what mipcheck {verb} writes with --format json"
        raise InputError([Problem(Position(path), f"holds no results of mipcheck {verb}", hint)]) from None


def _corpus(o: dict[str, Any], name: str) -> Corpus:
    rules = {_as(r["id"], str): Exercised(_counts(r["files"]), _count(r["violations"])) for r in _objects(o["by_rule"])}
    return Corpus(name, _as(o["spec"], str), _count(o["files"]), _counts(o["counts"]), rules)


def _measured(o: dict[str, Any], name: str) -> tuple[str, list[MeasuredFile]]:
    found = []
    for f in _objects(o["by_file"]):
        words = {_as(n, str): _as(word, str) for n, word in _as(f.get("parameters", {}), dict).items()}
        found.append(MeasuredFile(_as(f["file"], str), _as(f["verdict"], str), words))
    return _as(o["spec"], str), found


def _mutants(o: dict[str, Any], name: str) -> tuple[str, dict[str, list[Mutated]]]:
    found: dict[str, list[Mutated]] = {}
    for m in _objects(o["mutants"]):
        where, by = _as(m["where"], str), m["by"]
        if where.startswith(_OF_RULE):
            mutant = Mutated(_as(m["what"], str), _as(m["fate"], str), "" if by is None else _as(by, str))
            found.setdefault(where.removeprefix(_OF_RULE), []).append(mutant)
    return _as(o["spec"], str), found


def _as(value: object, type_: type[_T]) -> _T:
    if type(value) is not type_:
        raise _Odd
    return value


def _count(value: object) -> int:
    number = _as(value, int)
    if not 0 <= number < _LARGEST:
        raise _Odd
    return number


def _counts(value: object) -> dict[str, int]:
    return {name: _count(n) for name, n in _as(value, dict).items()}


def _objects(value: object) -> list[dict[str, Any]]:
    return [_as(item, dict) for item in _as(value, list)]
