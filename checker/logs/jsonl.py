"""Trace logs in JSON Lines: `{"mipcheck-trace": 1, "site": {…}}`, then one event a line. The site, and what the
source shows, may stand in lines of their own, as in text.

An event is `{"time": 0.113, "interface": "eth0", "event": "rrq", "to": "iha", …}`. Numbers keep every digit
that is written; everything but the parsing of a line is shared with `text.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, BinaryIO, Final

from mipcheck.checker.console.errors import did_you_mean, joined, listed, quoted
from mipcheck.checker.console.valid_json import characters
from mipcheck.checker.logs.builder import LogBuilder, as_printed, source_faults, value_fault
from mipcheck.checker.logs.lines import Log, read_lines
from mipcheck.checker.logs.parts import MAGIC, VERSIONS, Fault, KeyValue, LineError, Time, WordAt, read_time
from mipcheck.checker.logs.writing import joined_lines, missing_somewhere, writable_events, writable_site
from mipcheck.checker.site.site import LISTS, TEXTUAL, expected, natural_word, read_value
from mipcheck.checker.trace.source import ALL, Sight
from mipcheck.checker.trace.times import show_datetime
from mipcheck.checker.trace.vocabulary import Vocabulary
from mipcheck.model.values.types import Type, Value, ValueSyntaxError, show_seconds

if TYPE_CHECKING:
    from mipcheck.checker.site.site import Site
    from mipcheck.checker.trace.spans import Span
    from mipcheck.model.specification.spec import Key
    from mipcheck.model.values.event import Event

FIRST_LINE: Final = f'{{"{MAGIC}": {VERSIONS[-1]}}}'

_SOURCE: Final = "source"
_SITE: Final = "site"
_HEADER_KEYS: Final = (MAGIC, _SITE, _SOURCE, "comments")
EVENT_KEYS: Final = ("time", "interface", "event")
"""The keys that every event has."""

_NUMERAL: Final = 64  # characters; a longer integer is refused anyway, and Python's own limit is an exception

_KEYS: Final = re.compile(r'"((?:[^"\\]|\\.)*)"([ \t]*:[ \t]*)?')
_VALUE: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\[[^\]]*\]?|[^,}\] \t]+|')


def read_jsonl(
    stream: BinaryIO, name: str, vocabulary: Vocabulary, keep_going: bool = False, role: str | None = None
) -> Log:
    """Read a JSON Lines log; as `read_log` in every other respect. Raises InputError, RoleError."""
    return read_lines(stream, name, vocabulary, keep_going, interpret, FIRST_LINE, role)


def write_jsonl(
    events: Iterable[Event],
    site: Site,
    vocabulary: Vocabulary,
    comments: Iterable[str] = (),
    *,
    absolute: bool = False,
    sight: Sight = ALL,
    holes: Sequence[str] = (),
    lost: Sequence[Span] = (),
) -> str:
    """Return the JSON Lines of a trace, which `read_jsonl` reads back to the same events, site and `sight`.

    Times are strings of seconds (a double holds no nanoseconds since the epoch), or RFC 3339 if `absolute`.
    Raises ValueError as `write_log` does.
    """
    vocabulary = vocabulary.for_role(site.role)
    header: dict[str, object] = {MAGIC: VERSIONS[-1]}
    # What is for people, and may name a file, is made readable; what the trace says is read back as it was.
    if notes := list(map(characters, comments)):
        header["comments"] = notes
    if words := writable_site(site, vocabulary):
        header["site"] = {k: w.split(",") if k in LISTS else w for k, w in words.items()}
    lines: list[Mapping[str, object]] = [header]
    if said := sight.words(vocabulary.events):
        lines.append({_SOURCE: said})
    show = show_datetime if absolute else show_seconds
    events = list(events)
    start = show(events[0].time if events else 0)
    for interface, args in missing_somewhere(holes, lost, vocabulary, show):
        told = {k: characters(w) if isinstance(w, str) else w for k, w in args.items()}
        lines.append({"time": start, "interface": interface, "event": "gap", **told})
    for event, shown in writable_events(events, vocabulary):
        if clash := shown.keys() & set(EVENT_KEYS):
            raise ValueError(f"event {event.kind} has a key that JSON Lines use themselves: {' '.join(sorted(clash))}")
        values = {k: event.args[k] if isinstance(event.args[k], bool) else w for k, w in shown.items()}
        types = vocabulary.events[event.kind].by_name
        values |= {k: event.args[k] for k in shown if types[k].type.name == "int"}
        lines.append({"time": show(event.time), "interface": event.interface, "event": event.kind, **values})
    return joined_lines(map(json.dumps, lines))


class _DuplicateKey(Exception):
    """A key that an object has twice."""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object of its pairs. Raises _DuplicateKey, where `json` would take the last."""
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise _DuplicateKey(key)
        found[key] = value
    return found


def _integer(digits: str) -> int | Decimal:
    """Read an integer; a longer one than Python takes becomes a Decimal, and is refused later by a message."""
    return int(digits) if len(digits) <= _NUMERAL else Decimal(digits)


def _no_constant(word: str) -> object:
    """Refuse NaN and Infinity, which `json` takes though they are no JSON. Raises ValueError."""
    raise ValueError(f"{word} is no JSON")


def _parse(text: str) -> object:
    """Read the JSON of a line. Raises LineError."""
    try:
        return json.loads(
            text, object_pairs_hook=_once, parse_float=Decimal, parse_int=_integer, parse_constant=_no_constant
        )
    except json.JSONDecodeError as error:
        if error.pos >= len(text):
            raise LineError(Fault(len(text), 1, "the line ends too early", "expected a JSON object")) from None
        raise LineError(Fault(error.pos, 1, f"no JSON: {error.msg}", "expected a JSON object in one line")) from None
    except _DuplicateKey as error:
        places = [m.start(1) for m in _KEYS.finditer(text) if m[2] and _name(m[1]) == str(error)]
        at = places[1] if len(places) > 1 else 0
        raise LineError(Fault(at, len(str(error)), f"key {quoted(str(error))} appears twice")) from None
    except RecursionError:
        raise LineError(Fault(0, 1, "JSON nested too deeply", "expected a flat JSON object")) from None
    except (ValueError, ArithmeticError) as error:  # NaN, Infinity; exponents that no Decimal holds
        raise LineError(Fault(0, 1, "a number out of range", str(error) if "JSON" in str(error) else "")) from None


def _name(inside: str) -> str:
    """Return a key from the text between its quotation marks."""
    try:
        return str(json.loads(f'"{inside}"')) if "\\" in inside else inside
    except ValueError:
        return inside


def _pairs(text: str, values: Mapping[str, object]) -> dict[str, KeyValue]:
    """Return each of the keys of an object in `text` with its value and the places of both."""
    places: dict[str, tuple[int, int]] = {}
    for match in _KEYS.finditer(text):
        if match[2]:
            places.setdefault(_name(match[1]), (match.start(1), match.end()))
    found: dict[str, KeyValue] = {}
    for key, value in values.items():
        at, value_at = places.get(key, (0, 0))
        token = _VALUE.match(text, value_at)
        found[key] = KeyValue(key, at, value, value_at, len(token[0]) if token else 1)
    return found


def interpret(builder: LogBuilder, number: int, text: str) -> list[Fault]:
    """Take a line into a log, for `lines.read_lines`. May raise LineError."""
    if not text.strip(" \t"):
        return []
    line = _parse(text)
    if not isinstance(line, dict):
        return [Fault(0, len(text), f"{quoted(text)} is no JSON object", "expected {…}")]
    pairs = _pairs(text, line)
    if not builder.headed or MAGIC in line:
        return _header(builder, number, text, pairs)
    if _SOURCE in line and "event" not in line:
        return _unknown(pairs, (_SOURCE,)) + _source(builder, text, pairs[_SOURCE])
    if _SITE in line and "event" not in line:
        return _unknown(pairs, (_SITE,)) + _site(builder, number, text, pairs[_SITE])
    return _event(builder, number, pairs)


def _header(builder: LogBuilder, number: int, text: str, pairs: dict[str, KeyValue]) -> list[Fault]:
    """Take the header, and the site in it."""
    if MAGIC not in pairs:
        return [Fault(0, len(text), "")]  # said better by the caller
    version = pairs[MAGIC]
    if faults := builder.add_header(_word(version.value), version.value_at):
        return faults
    faults = _unknown(pairs, _HEADER_KEYS)
    if not faults and _SOURCE in pairs:
        faults = _source(builder, text, pairs[_SOURCE])
    return faults + (_site(builder, number, text, pairs[_SITE]) if _SITE in pairs else [])


def _site(builder: LogBuilder, number: int, text: str, site: KeyValue) -> list[Fault]:
    """Take what is said of the site, an object within the line."""
    if not isinstance(site.value, dict):
        return [Fault(site.value_at, site.value_width, "site is no JSON object", 'expected {"iha": …}')]
    faults: list[Fault] = []
    words: list[KeyValue] = []
    for pair in _pairs(text[site.value_at :], site.value).values():
        moved = replace(pair, key_at=pair.key_at + site.value_at, value_at=pair.value_at + site.value_at)
        try:
            word = _site_word(moved)
        except ValueError as error:
            message = f"site key {quoted(pair.key)} has no such value"
            faults.append(Fault(moved.value_at, moved.value_width, message, f"expected {error}"))
            continue
        words.append(replace(moved, value=word))
    return faults + builder.add_site(number, words, site.key_at)


def _source(builder: LogBuilder, text: str, source: KeyValue) -> list[Fault]:
    """Take what the source shows, an object within the line."""
    if not isinstance(source.value, dict):
        hint = 'expected {"sees": [...], "resolution": "1s"}'
        return [Fault(source.value_at, source.value_width, "source is no JSON object", hint)]
    pairs = {}
    for pair in _pairs(text[source.value_at :], source.value).values():
        pairs[pair.key] = replace(pair, key_at=pair.key_at + source.value_at, value_at=pair.value_at + source.value_at)
    if faults := source_faults(list(pairs.values())):
        return faults
    sees, resolution = pairs.get("sees"), pairs.get("resolution")
    if sees is not None and (not isinstance(sees.value, list) or any(not isinstance(v, str) for v in sees.value)):
        return [Fault(sees.value_at, sees.value_width, "sees is no list of texts", 'expected ["rrq", "rrp", "link~"]')]
    if resolution is not None and not isinstance(resolution.value, str):
        message = f"{quoted(_word(resolution.value))} is no resolution"
        return [Fault(resolution.value_at, resolution.value_width, message, 'expected a text such as "1s"')]
    if sees is None:
        return builder.add_source(None, resolution, source.key_at)
    items = [WordAt(v, _item_at(text, sees, v)) for v in sees.value] if isinstance(sees.value, list) else []
    return builder.add_source((sees, items), resolution, source.key_at)


def _item_at(text: str, pair: KeyValue, item: str) -> int:
    """Return where an item of a list stands in a line, or where the list does."""
    at = text.find(f'"{item}"', pair.value_at)
    return pair.value_at if at < 0 else at + 1


def _site_word(pair: KeyValue) -> str:
    """Return the word of a site key. Raises ValueError saying what was expected."""
    if isinstance(pair.value, list):
        if pair.key not in LISTS or any(not isinstance(v, str) or "," in v or not v for v in pair.value):
            raise ValueError("a list of words" if pair.key in LISTS else "one value, not a list")
        return ",".join(pair.value)
    try:
        return natural_word(pair.value)
    except ValueError:
        raise ValueError("a text, a number of reasonable size, true or false") from None


def _unknown(pairs: Mapping[str, KeyValue], known: tuple[str, ...]) -> list[Fault]:
    """Return a fault for each pair whose key is not among the known ones."""
    return [
        Fault(p.key_at, len(p.key), f"unknown key {quoted(p.key)}", joined(did_you_mean(p.key, known), listed(known)))
        for p in pairs.values()
        if p.key not in known
    ]


def _word(value: object) -> str:
    """Return a value as a message names it, and numbers as the words that they stand for."""
    try:
        return natural_word(value)
    except ValueError:
        return str(value)[:_NUMERAL]


def _event(builder: LogBuilder, number: int, pairs: dict[str, KeyValue]) -> list[Fault]:
    """Take an event. May raise LineError."""
    if missing := [k for k in EVENT_KEYS if k not in pairs]:
        near = joined(*(did_you_mean(k, missing) for k in pairs if k not in EVENT_KEYS))
        return [
            Fault(0, 1, f"the event lacks {' '.join(missing)}", joined(near, 'expected {"time": …, "interface": …'))
        ]
    time, interface, kind = (pairs.pop(k) for k in EVENT_KEYS)
    faults = [
        Fault(p.value_at, p.value_width, f"{p.key} is no text", "expected a text in quotation marks")
        for p in (interface, kind)
        if not isinstance(p.value, str)
    ]
    if faults:
        return faults
    span = WordAt(str(kind.value), kind.value_at + 1)
    return builder.add_event(number, _time(time), str(interface.value), span, list(pairs.values()), _read)


def _time(pair: KeyValue) -> Time:
    """Read the time of an event. Raises LineError."""
    if isinstance(pair.value, str):
        return read_time(pair.value, pair.value_at + 1)
    word = _word(pair.value)
    if isinstance(pair.value, bool) or not isinstance(pair.value, int | Decimal):
        raise LineError(Fault(pair.value_at, pair.value_width, f"{quoted(word)} is no time", "expected seconds"))
    return read_time(word.rstrip("0").rstrip(".") if "." in word else word, pair.value_at)


def time_word(text: str) -> str:
    """Return the time of an event's line as messages name it. Raises LineError if it has none."""
    line = _parse(text)
    return _time(KeyValue("time", 0, line.get("time") if isinstance(line, dict) else None, 0, 1)).span.word


def _read(key: Key, pair: KeyValue) -> Value | Fault | None:
    """Read the value of a key of an event, or return its fault; `null` says nothing, so that it is None."""
    if pair.value is None:
        return None
    try:
        return _value(key.type, pair.value)
    except ValueSyntaxError as error:
        return value_fault(key, pair, _word(pair.value), str(error))
    except ValueError:
        return value_fault(key, pair, _word(pair.value), expected(key.type))


def _value(type_: Type, value: object) -> Value:
    """Return the value of a type that a JSON value stands for. Raises ValueError."""
    if type_.is_set and isinstance(value, list):
        items = [v for v in value if isinstance(v, str) and v in type_.members]
        if len(set(items)) < len(value):
            raise ValueError("a list of members, each once")
        return frozenset(items)
    if isinstance(value, bool):
        words = {"yes", "true"} if value else {"no", "false"}
        if type_.name == "bool" and not type_.members:
            return value
        return read_value(type_, next((m for m in type_.members if m in words and type_.is_enum), ""))
    if type_.name in TEXTUAL and not type_.members:
        if not isinstance(value, str):
            raise ValueError("a text")
        return value
    return read_value(type_, as_printed(type_, natural_word(value)))
