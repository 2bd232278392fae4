"""The maps that come along, maps in files, and what a user says with one: `NAME|PATH[,key=value]…`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mipcheck.checker.console.errors import InputError, Problem, UsageError, did_you_mean, joined, listed, quoted
from mipcheck.checker.console.escape import printable
from mipcheck.checker.maps.language import Map
from mipcheck.checker.maps.reader import MAX_SIZE, MapNameError, read_map
from mipcheck.checker.maps.stamps import StampError, read_stamp, read_zone
from mipcheck.model.values.event import Position
from mipcheck.model.values.packages import folder_of

if TYPE_CHECKING:
    import datetime

    from mipcheck.checker.trace.vocabulary import Vocabulary


@dataclass(frozen=True)
class Use:
    """A map, and what a user gives with it: the year and the zone of stamps that lack them, and words by name.

    `chosen` says in words how it was chosen, where nobody gave it.
    """

    map: Map
    year: int | None = None
    zone: datetime.tzinfo | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    chosen: str = ""


def bundled() -> list[str]:
    """Return the names of the maps that come along."""
    return sorted(path.stem for path in folder_of(__package__).glob("*.map"))


def use_of(word: str, vocabulary: Vocabulary | None = None) -> Use:
    """Read `NAME|PATH[+NAME|PATH]…[,key=value]…`. A bundled name wins; a path has a slash or ends in .map.

    Raises InputError, UsageError.
    """
    name, *rest = word.split(",")
    pairs: dict[str, str] = {}
    last = ""
    for pair in rest:
        key, equals, value = pair.partition("=")
        if last == "stamp" and not re.match(r"[A-Za-z_]+=", pair):
            pairs[last] += f",{pair}"
            continue
        last = key
        if not equals or not key or not value:
            raise UsageError(f"--map takes NAME,key=value, not {quoted(pair)} after the comma")
        pairs[key] = value
    return used(_named(name, vocabulary), pairs)


def _named(name: str, vocabulary: Vocabulary | None) -> Map:
    """Return the map of a name, or of several that plus signs join. Raises InputError, UsageError."""
    if "+" not in name or Path(name).exists():
        return map_of(name, vocabulary)
    return joined_map([map_of(part, vocabulary) for part in name.split("+")])


def joined_map(maps: Sequence[Map]) -> Map:
    """Return the map of a listing in which the programs of several maps speak. Raises UsageError."""
    names = listed([m.name for m in maps])
    if (alone := next((m for m in maps if not m.programs or m.record), None)) is not None:
        raise UsageError(f"maps {names} cannot be joined: {alone.name} does not know its lines by the program's name")
    if len({m.role for m in maps}) > 1:
        raise UsageError(f"maps {names} cannot be joined: they are about different roles")
    if any(n > 1 for n in Counter(p for m in maps for p in m.programs).values()):
        raise UsageError(f"maps {names} cannot be joined: two of them are for one program")
    sees = None if any(m.sees is None for m in maps) else _seen(w for m in maps for w in m.sees or ())
    stamps = {s.text: s for m in maps for s in m.stamps}
    return Map(
        "+".join(m.name for m in maps),
        " and ".join(m.title for m in maps),
        maps[0].file,
        sees=sees,
        role=maps[0].role,
        resolution=max((m.resolution for m in maps if m.resolution is not None), default=None),
        programs=frozenset[str]().union(*(m.programs for m in maps)),
        units=tuple(u for m in maps for u in m.units),
        stamps=tuple(stamps.values()),
        given={k: v for m in maps for k, v in m.given.items()},
        advice=maps[0].advice,
        parts=tuple(maps),
    )


def _seen(words: Iterable[str]) -> tuple[str, ...]:
    """Return what several sources see together: what one of them shows wholly, and the rest in part."""
    said = dict.fromkeys(words)
    return tuple(w for w in said if not w.endswith("~") or w.rstrip("~") not in said)


def used(map_: Map, settings: Mapping[str, str]) -> Use:
    """Return a map with what is given for it: `year`, `zone`, `stamp`, words that it asks for. Raises UsageError."""
    year, zone, given = None, None, {}
    for key, value in settings.items():
        if key == "year":
            if not re.fullmatch(r"(19[7-9]|20|21)[0-9]+", value) or len(value) != 4:
                raise UsageError(f"map {map_.name}: {quoted(value)} is no year, as year=2025")
            year = int(value)
        elif key == "zone":
            try:
                zone = read_zone(value)
            except StampError as error:
                raise UsageError(f"map {map_.name}: {error.message}; {error.hint}") from None
        elif key == "stamp":
            try:
                stamps = (read_stamp(value),)
                map_ = replace(map_, stamps=stamps, parts=tuple(replace(p, stamps=stamps) for p in map_.parts))
            except StampError as error:
                raise UsageError(joined(f"map {map_.name}: {error.message}", error.hint)) from None
        elif key in map_.given:
            given[key] = value
        else:
            known = ["year", "zone", "stamp", *map_.given]
            hint = joined(did_you_mean(key, known), f"known are {listed(known)}")
            raise UsageError(f"map {map_.name} takes no {quoted(key)}: {hint}")
    return Use(map_, year, zone, given)


def map_of(name: str, vocabulary: Vocabulary | None = None) -> Map:
    """Return the bundled map of a name, or the one in a file. Raises InputError."""
    if name in bundled():
        return _bundled(name) if vocabulary is None else _read(folder_of(__package__) / f"{name}.map", vocabulary)
    path = Path(name)
    if "/" in name or path.suffix == ".map":
        return _read(path, vocabulary)
    raise InputError([Problem(Position(name), "is the name of no map", _known(name))])


def _known(name: str) -> str:
    there = f"the file is ./{printable(name)}" if Path(name).exists() else ""
    return joined(
        did_you_mean(name, bundled()), f"maps: {listed(bundled())}", there or "a file of your own is a path: ./my.map"
    )


@lru_cache(64)
def _bundled(name: str) -> Map:
    return _read(folder_of(__package__) / f"{name}.map", None)


def _read(path: Path, vocabulary: Vocabulary | None) -> Map:
    """Read the map in a file. Raises InputError."""
    try:
        with path.open("rb") as file:
            data = file.read(4 * MAX_SIZE + 1)
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = Problem(Position(str(path)), f"is no map: it is no UTF-8 at byte {error.start}")
        raise InputError([problem]) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError([Problem(Position(str(path)), f"the map cannot be read: {reason}")]) from None
    return read_map(text, str(path), vocabulary, _by_name)


def _by_name(name: str) -> Map:
    """Return the bundled map that another one uses. Raises MapNameError."""
    if name not in bundled():
        raise MapNameError(
            f"{quoted(name)} is the name of no map", joined(did_you_mean(name, bundled()), f"maps: {listed(bundled())}")
        )
    return _bundled(name)
