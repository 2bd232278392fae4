"""The two forms in which logs are written, text and JSON Lines, for those who read them in bulk (`log.py`).

Each has a compiled parser of its own; the words, times and values of both are those of `text_loop.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from mipcheck.checker.logs import jsonl, text
from mipcheck.checker.logs.bulk import json_loop, text_loop
from mipcheck.checker.logs.lines import FIRST_LINE, Interpret
from mipcheck.model.native.unit import Argument, Unit, constants_of, source_of

ARGUMENTS: Final = tuple(Argument(*a) for a in (
    ("D", "int64", ("SCALARS",)),                        # scalars, by the names in `text_loop.py`
    ("buf", "uint8", ("D[BUFFER]",)),                    # bytes of the log; lines end with a line feed
    ("V", "int64", ("D[WORDS_CAP]", "W_WIDTH")),         # the words of the specification, by hash
    ("VA", "uint8", ("D[LETTERS]",)),                    # their letters
    ("E", "int64", ("D[KINDS]", "E_WIDTH")),             # kinds of events
    ("KT", "int64", ("D[KEY_TYPES]", "KT_WIDTH")),       # their keys, one kind after another
    ("IT", "int64", ("D[TOKENS_CAP]", "W_WIDTH")),       # the interfaces seen so far, by hash; the parser adds some
    ("IA", "uint8", ("D[TOKENS_LETTERS]",)),             # their letters
    ("ST", "int64", ("D[STACKS_CAP]", "W_WIDTH")),       # the stacks of headers seen so far, by hash
    ("SA", "uint8", ("D[STACKS_LETTERS]",)),             # their letters
    ("SM", "int64", ("D[STACKS_CAP]", "2")),             # what each stack tells: access modes, layers through a NAT
    ("time", "int64", ("D[MOST]",)),                     # from here on the rows that are filled, one an event: ns
    ("kind_of", "int32", ("D[MOST]",)),                  # the kind, a row of `E`
    ("token_of", "int32", ("D[MOST]",)),                 # the interface by number, -1 for the whole node
    ("line", "int64", ("D[MOST]",)),                     # the line, from 1
    ("offset", "int64", ("D[MOST]",)),                   # where it begins in the file
    ("keys", "int64", ("D[MOST]", "D[WIDTH]")),          # the values of its keys, in the order of declaration
))  # fmt: skip
"""The arrays that both parsers take."""

_SCRATCH: Final = (
    Argument("J", "int64", ("FIELDS", "J_WIDTH")),       # the keys of an object, with where they and their values stand
    Argument("A", "int64", ("3",)),                      # of the keys that every event has, which of `J` they are
)  # fmt: skip
"""Those that the parser of JSON Lines takes besides."""


@dataclass(frozen=True, slots=True)
class LogForm:
    """A way in which logs are written.

    `interpret` takes any line of it, `first` is what the first has to be, for messages, and `unit` the compiled parser,
    which has arrays of its own (`scratch`, their shapes). `time_word` gives the time in the line of an event that it
    took, as messages name it. `own_keys` are those keys of a line that are none of its event's.
    """

    interpret: Interpret
    first: str
    unit: Callable[[], Unit]
    time_word: Callable[[bytes], str]
    own_keys: Sequence[str] = ()
    scratch: Sequence[tuple[int, ...]] = ()


@cache
def _text_unit() -> Unit:
    """Return what is compiled for text; it is the same for all specifications. Raises NativeError."""
    return Unit("parse", ARGUMENTS, (source_of(text_loop),), constants_of(vars(text_loop)))


@cache
def _json_unit() -> Unit:
    """Return what is compiled for JSON Lines; it is the same for all specifications. Raises NativeError."""
    constants = constants_of(vars(text_loop)) | constants_of(vars(json_loop))
    return Unit("parse_json", (*ARGUMENTS, *_SCRATCH), (source_of(text_loop), source_of(json_loop)), constants)


TEXT: Final = LogForm(
    interpret=text.interpret,
    first=FIRST_LINE,
    unit=_text_unit,
    time_word=lambda line: line.split(None, 1)[0].decode("ascii"),
)
JSON: Final = LogForm(
    interpret=jsonl.interpret,
    first=jsonl.FIRST_LINE,
    unit=_json_unit,
    time_word=lambda line: jsonl.time_word(line.decode("ascii")),
    own_keys=jsonl.EVENT_KEYS,
    scratch=((json_loop.FIELDS, json_loop.J_WIDTH), (3,)),
)

FORMS: Final = {"log": TEXT, "jsonl": JSON}
"""By the kind of an input."""
