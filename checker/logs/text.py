"""Trace logs in text: `mipcheck-trace 1`, `site` lines, one event a line (checker/README.md).

A line is parsed by the grammar in `log.lark`; its words are then given meaning by the specification's
declarations, which come in as a `Vocabulary`. `jsonl.py` shares everything but the parsing of a line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from mipcheck.checker.console.errors import quoted
from mipcheck.checker.console.escape import as_in_log, printable
from mipcheck.checker.logs.builder import LogBuilder, as_printed, source_faults, value_fault
from mipcheck.checker.logs.diagnose import diagnose
from mipcheck.checker.logs.grammar import line_parser
from mipcheck.checker.logs.lines import Log, read_lines
from mipcheck.checker.logs.parts import FIRST_LINE, MAGIC, Fault, KeyValue, LineError, Time, WordAt, read_time
from mipcheck.checker.logs.writing import joined_lines, missing_somewhere, writable_events, writable_site
from mipcheck.checker.site.site import TEXTUAL, Site, expected, keys_of, read_value
from mipcheck.checker.trace.source import ALL, Sight
from mipcheck.checker.trace.times import show_datetime
from mipcheck.checker.trace.vocabulary import Vocabulary
from mipcheck.model.values.event import Event
from mipcheck.model.values.types import Value, ValueSyntaxError, show_seconds

if TYPE_CHECKING:
    from lark import Token, Tree
    from mipcheck.checker.trace.spans import Span
    from mipcheck.model.specification.spec import Key


def read_log(
    stream: BinaryIO, name: str, vocabulary: Vocabulary, keep_going: bool = False, role: str | None = None
) -> Log:
    """Read a text log; `name` stands for it in positions and messages. `role` is that of the node, if it is known.

    Raises InputError with up to 20 problems. With `keep_going` bad lines are skipped and counted instead, and
    only a missing or unknown header is an error. Raises RoleError if the node's role is one that is not spoken of.
    """
    return read_lines(stream, name, vocabulary, keep_going, interpret, role=role)


def write_log(
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
    """Return the canonical text of a trace, which `read_log` reads back to the same events, site and `sight`.

    `comments` follow the header, a `#` line each. `absolute` writes times (ns since the epoch) as RFC 3339. `holes` say
    what is missing without anybody knowing where, `lost` where that may be what excuses something; a line for each is
    the first of the events.
    Secret keys of the site are never written. Raises ValueError for what no log can hold: kinds, keys or values
    that are not in the vocabulary, times that are negative or run backwards.
    """
    vocabulary = vocabulary.for_role(site.role)
    words = writable_site(site, vocabulary)
    lines = [FIRST_LINE]
    lines += [f"# {printable(line)}".rstrip() for comment in comments for line in comment.splitlines() or [""]]
    own = keys_of(vocabulary.sites)
    for keys in ([k for k in words if k in own], [k for k in words if k not in own]):
        if keys:
            lines.append("site " + " ".join(f"{k}={as_in_log(words[k])}" for k in keys))
    if said := sight.words(vocabulary.events):
        pairs = [f"{k}={w if isinstance(w, str) else ','.join(w)}" for k, w in said.items()]
        lines.append(" ".join(["source", *pairs]))
    show = show_datetime if absolute else show_seconds
    events = list(events)
    start = show(events[0].time if events else 0)
    for interface, args in missing_somewhere(holes, lost, vocabulary, show):
        pairs = [f"{k}={as_in_log(w) if isinstance(w, str) else w}" for k, w in args.items()]
        lines.append(" ".join([start, as_in_log(interface, also_quoted="="), "gap", *pairs]))
    lines += [
        _event_line(event, shown, vocabulary, show(event.time)) for event, shown in writable_events(events, vocabulary)
    ]
    return joined_lines(lines)


def event_text(event: Event, vocabulary: Vocabulary, *, absolute: bool) -> str:
    """Return the line of one event, as `write_log` writes it. Raises ValueError as that does."""
    ((_, shown),) = writable_events([event], vocabulary)
    time = show_datetime(event.time) if absolute else show_seconds(event.time)
    return _event_line(event, shown, vocabulary, time)


def _event_line(event: Event, shown: Mapping[str, str], vocabulary: Vocabulary, time: str) -> str:
    """Return the line of an event, of whose keys the words are `shown`."""
    types = vocabulary.events[event.kind].by_name
    pairs = [f"{k}={as_in_log(w) if types[k].type.name in TEXTUAL else w}" for k, w in shown.items()]
    return " ".join([time, as_in_log(event.interface, also_quoted="="), event.kind, *pairs])


# ---- The text of a line ----


def interpret(builder: LogBuilder, number: int, text: str) -> list[Fault]:
    """Take a line into a log, for `read_lines`: a plain one without the grammar, with the same meaning.

    May raise LineError.
    """
    if not text.lstrip(" \t") or text.lstrip(" \t")[0] == "#":
        return []
    if builder.headed and (match := _PLAIN_EVENT.fullmatch(text)) and (time := _plain_time(match[1])) is not None:
        kind = WordAt(match[3], match.start(3))
        return builder.add_event(number, time, match[2], kind, _plain_pairs(text, match.end(3)), read_word)
    if builder.headed and _PLAIN_SITE.fullmatch(text):
        return builder.add_site(number, _plain_pairs(text, len("site")), 0)
    if builder.headed and _PLAIN_SOURCE.fullmatch(text):
        return _source(builder, _plain_pairs(text, len("source")), 0)
    if match := _PLAIN_HEADER.fullmatch(text):
        return builder.add_header(match[1], match.start(1))
    return interpret_by_grammar(builder, number, text)


def interpret_by_grammar(builder: LogBuilder, number: int, text: str) -> list[Fault]:
    """Take a line into a log by the grammar. Raises LineError for a line that the grammar refuses."""
    if not text:
        return []
    tree = _parse(text, builder.counting)
    if tree.data == "blank":
        return []
    children: list[Any] = list(tree.children)  # tokens and trees, as the grammar says for each rule
    if tree.data == "header":
        (version,) = children
        return builder.add_header(str(version), _at(version))
    if not builder.headed:
        raise LineError(Fault(0, len(text), ""))  # said better by the caller
    if tree.data == "site":
        return builder.add_site(number, [_pair(c) for c in children], text.index("site"))
    if tree.data == "source":
        return _source(builder, [_pair(c) for c in children], text.index("source"))
    time, interface, kind, *pairs = children
    token = _unquote(interface) if interface.type == "QUOTED" else str(interface)
    span = WordAt(str(kind), _at(kind))
    return builder.add_event(number, read_time(str(time), _at(time)), token, span, list(map(_pair, pairs)), read_word)


# Lines of bare ASCII words without a comment, as programs write them: a part of what the grammar defines. They are read
# without it, since importing Lark takes longer than checking a small trace, and parsing with it longest of all.
_BARE: Final = r"[!$-<>-~][!#-<>-~]*"
_PAIRS: Final = rf"(?:[ \t]+{_BARE}=[!#-~]+)*"
_DATE: Final = r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2} )?"
_PLAIN_EVENT: Final = re.compile(rf"({_DATE}[0-9][-0-9.:TtZz+]*)[ \t]+({_BARE})[ \t]+({_BARE}){_PAIRS}")
_PLAIN_SITE: Final = re.compile(rf"site{_PAIRS}")
_PLAIN_SOURCE: Final = re.compile(rf"source{_PAIRS}")
_PLAIN_HEADER: Final = re.compile(rf"{MAGIC}[ \t]+([!$-~][!#-~]*)")
_PLAIN_PAIR: Final = re.compile(r"([^ \t=]+)=([^ \t]+)")


def _plain_time(word: str) -> Time | None:
    """Read the time at the beginning of a line; None if it is none."""
    try:
        return read_time(word, 0)
    except LineError:
        return None


def _plain_pairs(text: str, start: int) -> list[KeyValue]:
    """Return the pairs of a plain line from an index on."""
    return [KeyValue(m[1], m.start(1), m[2], m.start(2), len(m[2])) for m in _PLAIN_PAIR.finditer(text, start)]


def _source(builder: LogBuilder, pairs: list[KeyValue], at: int) -> list[Fault]:
    """Take a source line, which begins at index `at`, into a log."""
    if faults := source_faults(pairs):
        return faults
    by_key = {p.key: p for p in pairs}
    if len(by_key) < len(pairs):
        twice = next(p for n, p in enumerate(pairs) if p.key in {q.key for q in pairs[:n]})
        return [Fault(twice.key_at, len(twice.key), f"source key {quoted(twice.key)} appears twice")]
    sees = by_key.get("sees")
    items: list[WordAt] = []
    if sees is not None:
        start = sees.value_at + sees.quoted
        for word in str(sees.value).split(","):
            items.append(WordAt(word, start))
            start += len(word) + 1
    return builder.add_source((sees, items) if sees is not None else None, by_key.get("resolution"), at)


def read_word(key: Key, pair: KeyValue) -> Value | Fault | None:
    """Read the value of a pair of a text line, or return its fault."""
    word = str(pair.value)
    if pair.quoted:
        if key.type.name in TEXTUAL and not key.type.members:
            return word
        hint = f"expected {expected(key.type)}, without quotation marks"
        return Fault(pair.value_at, pair.value_width, f"key {key.name} takes no quoted text", hint)
    try:
        return read_value(key.type, as_printed(key.type, word))
    except ValueSyntaxError as error:
        return value_fault(key, pair, word, str(error))


def _pair(tree: Tree[Token]) -> KeyValue:
    """Return the pair that the grammar has found."""
    tokens: list[Any] = list(tree.children)
    key, value = tokens
    is_quoted = value.type == "QUOTED"
    word = _unquote(value) if is_quoted else str(value)
    return KeyValue(str(key), _at(key), word, _at(value), len(value), is_quoted)


def _at(token: Token) -> int:
    """Return the index of a token in its line."""
    return token.start_pos or 0


def _parse(text: str, counting: bool) -> Tree[Token]:
    """Return the syntax tree of a line. Raises LineError, which says nothing where bad lines are only counted."""
    from lark.exceptions import UnexpectedInput

    try:
        return line_parser().parse(text)
    except UnexpectedInput as error:
        raise LineError(Fault(0, 1, "") if counting else diagnose(text, error)) from None


_ESCAPE: Final = re.compile(r'\\(?:(["\\])|x(..)|u(.{4})|U(.{8}))')


def _unquote(word: str) -> str:
    """Return the text that a QUOTED token denotes."""
    if "\\" not in word:
        return word[1:-1]
    return _ESCAPE.sub(lambda m: m[1] or chr(int(m[2] or m[3] or m[4], 16)), word[1:-1])
