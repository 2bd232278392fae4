"""Text of a map → `Map`, or what is wrong with it: the place, what was expected, the nearest name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from mipcheck.checker.console.errors import InputError, did_you_mean, joined, listed, problem_in_line, quoted
from mipcheck.checker.maps import language as m
from mipcheck.checker.maps.grammar import parse, unexpected
from mipcheck.checker.maps.patterns import LinePattern, PatternError, read_pattern
from mipcheck.checker.maps.stamps import LISTINGS, StampError, read_stamp
from mipcheck.checker.maps.values import FUNCTIONS
from mipcheck.checker.trace.source import SourceError, read_resolution
from mipcheck.model.values.errors import MipcheckError
from mipcheck.model.values.event import Position
from mipcheck.model.values.types import ValueSyntaxError, read_duration

if TYPE_CHECKING:
    from lark import Token
    from mipcheck.checker.trace.vocabulary import Vocabulary
    from mipcheck.model.specification.spec import EventType

MAX_SIZE: Final = 250_000
"""Characters of a map; what is longer is some other file."""
_DEPTH: Final = 30
"""Levels of blocks and values."""
_RECORDS: Final = ("indented", "stampless")
_LISTS: Final = ("stamps", "heads", "drop", "lines", "samples", "programs", "units")
_ESCAPE: Final = re.compile(r"\\([\"t])")
_T = TypeVar("_T")


def read_map(
    text: str, file: str, vocabulary: Vocabulary | None = None, used: Callable[[str], m.Map] | None = None
) -> m.Map:
    """Read a map. With a `vocabulary`, its events and keys have to be declared there, for some role; `used` gives the
    map of a name that another one uses. Raises InputError.
    """
    return _Reader(text, file, vocabulary, used).read()


class _Reader:
    def __init__(
        self, text: str, file: str, vocabulary: Vocabulary | None, used: Callable[[str], m.Map] | None
    ) -> None:
        self._text, self._file, self._used = text, file, used
        self._events: list[dict[str, EventType]] = []
        if vocabulary is not None:
            roles = list(vocabulary.roles.values()) or [vocabulary.events]
            self._events = [dict(events) for events in roles]
        self._fields: frozenset[str] = frozenset()
        self._set: set[str] = set()
        self._read_at: list[tuple[str, Token, frozenset[str]]] = []
        self._calls: list[tuple[str, Token]] = []
        self._depth = 0

    # --- the whole ------------------------------------------------------------------------------------------------

    def read(self) -> m.Map:
        from lark.exceptions import UnexpectedInput

        if len(self._text) > MAX_SIZE:
            self._fail(0, 1, f"a map has at most {MAX_SIZE} characters")
        try:
            tree = parse(self._text)
        except UnexpectedInput as error:
            self._fail(*unexpected(self._text, error))
        header, *items = tree.children
        name, title = header.children
        self._map: dict[str, Any] = {"name": str(name), "title": _unquote(title), "file": self._file}
        self._lists: dict[str, list[Any]] = {k: [] for k in _LISTS}
        self._words: dict[str, str] = {}
        self._tables: dict[str, Mapping[str, str]] = {}
        for item in items:
            if item.data == "head":  # whose fields every line has
                self._head(item, list(item.children))
        for item in items:
            if item.data != "head":
                getattr(self, f"_{item.data}")(item, list(item.children))
        self._check_names()
        self._map["programs"] = frozenset(self._lists.pop("programs"))
        lists: dict[str, Any] = {name: tuple(values) for name, values in self._lists.items()}
        if self._map["programs"]:
            known = {s.text for s in lists["stamps"]}
            lists["stamps"] += tuple(s for s in LISTINGS if s.text not in known)
        if not lists["stamps"]:
            self._fail(0, 3, "the map has no stamp", 'expected one at least, as stamp "%b %d %H:%M:%S" or stamp "iso"')
        return m.Map(**self._map, **lists, given=self._words, tables=self._tables)

    def _check_names(self) -> None:
        """Check that what is read is a field or set anywhere, and that functions exist."""
        known = self._set | set(self._words) | {"program"}
        for name, token, fields in self._read_at:
            if name not in known:
                hint = joined(
                    did_you_mean(name, known | fields),
                    "fields of the line, and what the map sets or is given, have names",
                )
                self._fail_at(token, f"nothing is called {quoted(name)}", hint)
        for name, token in self._calls:
            functions = (*FUNCTIONS, *self._tables)
            if name not in functions:
                hint = joined(did_you_mean(name, functions), f"functions and tables: {listed(functions)}")
                self._fail_at(token, f"unknown function {quoted(name)}", hint)

    # --- items ----------------------------------------------------------------------------------------------------

    def _use(self, _: Any, c: list[Any]) -> None:
        if self._used is None:
            self._fail_at(c[0], "no other map can be used here")
        other = self._guard(c[0], lambda: self._used(str(c[0])))  # type: ignore[misc]
        self._lists["lines"] += (replace(line, borrowed=True) for line in other.lines)
        self._tables |= other.tables
        self._words |= other.given
        self._set |= {p for line in other.lines for p in _assigned(line.body)}

    def _sees(self, _: Any, c: list[Any]) -> None:
        for word in c:
            if self._events and not any(word.rstrip("~") in events for events in self._events):
                known = list(dict.fromkeys(n for events in self._events for n in events))
                self._fail_at(
                    word,
                    f"unknown event {quoted(word)}",
                    joined(did_you_mean(word.rstrip("~"), known), f"events: {listed(known)}"),
                )
        self._map["sees"] = tuple(map(str, c))

    def _role(self, _: Any, c: list[Any]) -> None:
        self._map["role"] = str(c[0])

    def _resolution(self, _: Any, c: list[Any]) -> None:
        self._map["resolution"] = self._guard(c[0], lambda: read_resolution(str(c[0])))

    def _program(self, _: Any, c: list[Any]) -> None:
        self._lists["programs"] += map(str, c)

    def _unit(self, _: Any, c: list[Any]) -> None:
        self._lists["units"] += map(_unquote, c)

    def _stamp(self, _: Any, c: list[Any]) -> None:
        said = {str(t.data): _unquote(t.children[0]) if t.children else "" for t in c[1:]}
        stamp = self._guard(c[0], lambda: read_stamp(_unquote(c[0]), said.get("since"), said.get("after", "")))
        self._lists["stamps"].append(replace(stamp, own="own" in said))

    def _record(self, _: Any, c: list[Any]) -> None:
        if c[0] not in _RECORDS:
            hint = joined(did_you_mean(c[0], _RECORDS), f"expected {' or '.join(_RECORDS)}")
            self._fail_at(c[0], f"{quoted(c[0])} is no form of records", hint)
        self._map["record"] = str(c[0])

    def _head(self, _: Any, c: list[Any]) -> None:
        pattern = self._pattern(c[0], whole=False)
        time, stamped = None, len(c) > 1 and _is(c[1], "stamped")
        if len(c) > 1 and not stamped:
            time = str(c[1].children[0])
            if time not in pattern.fields:
                self._fail_at(
                    c[1].children[0], f"the head has no field {quoted(time)}", did_you_mean(time, pattern.fields)
                )
        self._lists["heads"].append(m.Head(pattern, time, stamped))
        self._set |= set(pattern.fields)

    def _given(self, _: Any, c: list[Any]) -> None:
        self._words[str(c[0])] = _unquote(c[1])

    def _advice(self, _: Any, c: list[Any]) -> None:
        self._map["advice"] = _unquote(c[0])

    def _drop(self, _: Any, c: list[Any]) -> None:
        self._lists["drop"] += map(_unquote, c)

    def _table(self, _: Any, c: list[Any]) -> None:
        self._tables[str(c[0])] = {_unquote(e.children[0]): _word(e.children[2]) for e in c[1:]}

    def _line(self, _: Any, c: list[Any]) -> None:
        *strings, block = c
        patterns = tuple(self._pattern(s) for s in strings)
        fields = set(patterns[0].fields).union(*(p.fields for p in patterns))
        self._fields = frozenset(fields)
        body = self._block(block)
        self._fields = frozenset()
        self._lists["lines"].append(m.Line(patterns, body))

    def _ignore(self, _: Any, c: list[Any]) -> None:
        self._lists["lines"].append(m.Line(tuple(self._pattern(s) for s in c), ignored=True))

    def _sample(self, tree: Any, c: list[Any]) -> None:
        settings = {str(s.children[0]): _word(s.children[2]) for s in c if _is(s, "setting")}
        lines = [t for t in c[1:] if not _is(t, "setting")]
        raw = tuple(str(t)[1:].removeprefix(" ").rstrip("\r") for t in lines if t.type == "RAW")
        due = tuple(str(t)[1:].strip() for t in lines if t.type == "DUE")
        self._lists["samples"].append(m.Sample(_unquote(c[0]), tree.meta.line, settings, raw, due))

    # --- statements -----------------------------------------------------------------------------------------------

    def _block(self, tree: Any) -> tuple[m.Statement, ...]:
        self._deeper(tree)
        body = tuple(getattr(self, f"_do_{s.data}")(s, list(s.children)) for s in tree.children)
        self._depth -= 1
        return body

    def _deeper(self, tree: Any) -> None:
        self._depth += 1
        if self._depth > _DEPTH:
            self._fail(tree.meta.start_pos, 1, f"more than {_DEPTH} levels")

    def _do_event(self, _: Any, c: list[Any]) -> m.Statement:
        changed, once = False, None
        if _is(c[0], "changed"):
            changed, c = True, c[1:]
        elif _is(c[0], "once"):
            word = c[0].children[0]
            once, c = self._guard(word, lambda: read_duration(str(word))), c[1:]
        interface, kind, *pairs = c
        kinds = [events[str(kind)] for events in self._events if str(kind) in events]
        if self._events and not kinds:
            known = list(dict.fromkeys(n for events in self._events for n in events))
            self._fail_at(
                kind, f"unknown event {quoted(kind)}", joined(did_you_mean(kind, known), f"events: {listed(known)}")
            )
        found: list[tuple[str, m.Value | m.Later]] = []
        for pair in pairs:
            key, _equals, value = pair.children
            keys = list(dict.fromkeys(k for event in kinds for k in event.by_name))
            if kinds and str(key) not in keys:
                self._fail_at(
                    key,
                    f"unknown key {quoted(key)} of event {kind}",
                    joined(did_you_mean(key, keys), f"keys of {kind}: {listed(keys)}"),
                )
            if any(name == key for name, _ in found):
                self._fail_at(key, f"key {quoted(key)} appears twice")
            found.append((str(key), self._later(value) if _is(value, "later") else self._value(value)))
        return m.Emit(self._value(interface), str(kind), tuple(found), changed, once)

    def _later(self, tree: Any) -> m.Later:
        reference, *otherwise = tree.children
        return m.Later(self._reference(reference), self._value(otherwise[0]) if otherwise else None)

    def _change(self, kind: str, c: list[Any]) -> m.VariableChange:
        reference = self._reference(c[0], written=kind != "forget")
        return m.VariableChange(kind, reference, self._value(c[2]) if len(c) > 2 else m.Literal(""))

    def _do_set(self, _: Any, c: list[Any]) -> m.Statement:
        return self._change("set", c)

    def _do_forget(self, _: Any, c: list[Any]) -> m.Statement:
        return self._change("forget", c)

    def _do_count(self, _: Any, c: list[Any]) -> m.Statement:
        return self._change("count", c)

    def _do_add(self, _: Any, c: list[Any]) -> m.Statement:
        return self._change("add", c)

    def _do_remove(self, _: Any, c: list[Any]) -> m.Statement:
        return self._change("remove", c)

    def _do_if(self, _: Any, c: list[Any]) -> m.Statement:
        condition, then, *rest = c
        otherwise: tuple[m.Statement, ...] = ()
        if rest:
            self._deeper(rest[0])
            otherwise = (self._do_if(rest[0], list(rest[0].children)),) if _is(rest[0], "if") else self._block(rest[0])
            self._depth -= 1
        return m.If(self._condition(condition), self._block(then), otherwise)

    # --- conditions and values ------------------------------------------------------------------------------------

    def _condition(self, tree: Any) -> m.Condition:
        self._deeper(tree)
        c = [t for t in tree.children if not hasattr(t, "type")]
        made: m.Condition
        if tree.data in ("or", "and"):
            made = self._condition(c[0]) if len(c) == 1 else m.Every(tuple(map(self._condition, c)), tree.data == "and")
        elif tree.data == "not":
            made = m.Not(self._condition(c[0]))
        else:
            values = [self._value(v) for v in c]
            kind = "same" if tree.data == "other" else str(tree.data)
            made = m.Test(kind, *values)
            made = m.Not(made) if tree.data == "other" else made
        self._depth -= 1
        return made

    def _value(self, tree: Any) -> m.Value:
        self._deeper(tree)
        values = tuple(map(self._atom, tree.children))
        self._depth -= 1
        return values[0] if len(values) == 1 else m.First(values)

    def _atom(self, tree: Any) -> m.Value:
        if tree.data == "literal":
            return m.Literal(_word(tree.children[0]))
        if tree.data == "reference":
            return self._reference(tree.children[0])
        name, *values = tree.children
        self._calls.append((str(name), name))
        return m.Call(str(name), tuple(map(self._value, values)))

    def _reference(self, tree: Any, written: bool = False) -> m.Reference:
        name, *keys = tree.children
        if written:
            if str(name) in self._fields and not keys:
                self._fail_at(
                    name,
                    f"{quoted(name)} is a field of the line, which cannot be set",
                    "give the variable another name",
                )
            self._set.add(str(name))
        elif keys or str(name) not in self._fields:
            self._read_at.append((str(name), name, self._fields))
        return m.Reference(str(name), tuple(map(self._value, keys)))

    # --- patterns and errors --------------------------------------------------------------------------------------

    def _pattern(self, token: Any, whole: bool = True) -> LinePattern:
        try:
            return read_pattern(_unquote(token), whole)
        except PatternError as error:
            self._fail(token.start_pos + 1 + error.at, error.width, error.message, error.hint)

    def _guard(self, token: Any, read: Callable[[], _T]) -> _T:
        """Return what `read` gives; what it raises is wrong with the token."""
        try:
            return read()
        except StampError as error:
            width = 2 if error.at >= 0 else len(token)
            self._fail(token.start_pos + error.at + 1, width, error.message, error.hint)
        except SourceError as error:
            self._fail_at(token, error.message, error.hint)
        except ValueSyntaxError as error:
            self._fail_at(token, f"{quoted(token)} is no duration", f"expected {error}")
        except MapNameError as error:
            self._fail_at(token, error.message, error.hint)

    def _fail_at(self, token: Any, message: str, hint: str = "") -> NoReturn:
        self._fail(token.start_pos, len(token), message, hint)

    def _fail(self, at: int, width: int, message: str, hint: str = "") -> NoReturn:
        line = self._text.count("\n", 0, at) + 1
        start = self._text.rfind("\n", 0, at) + 1
        end = self._text.find("\n", at)
        text = self._text[start : end if end >= 0 else len(self._text)].rstrip("\r")
        raise InputError([problem_in_line(Position(self._file, line), text, at - start, width, message, hint)])


class MapNameError(MipcheckError, ValueError):
    """A name that no map has."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def _assigned(body: tuple[m.Statement, ...]) -> set[str]:
    """Return the names of the variables that statements set."""
    found: set[str] = set()
    for statement in body:
        if isinstance(statement, m.VariableChange):
            found.add(statement.reference.name)
        elif isinstance(statement, m.If):
            found |= _assigned(statement.then) | _assigned(statement.otherwise)
    return found


def _is(tree: Any, name: str) -> bool:
    return getattr(tree, "data", None) == name


def _word(token: Any) -> str:
    """Return the word of a token, or the text that its quotation marks hold."""
    return _unquote(token) if token.type == "STRING" else str(token)


def _unquote(token: Any) -> str:
    """Return what a text holds; a backslash stays before what patterns read themselves."""
    return _ESCAPE.sub(lambda x: "\t" if x[1] == "t" else x[1], str(token)[1:-1])
