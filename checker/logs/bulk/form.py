"""What is of its own in each way to write a log, for those who read it in bulk (`bulk_log.py`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from mipcheck.checker.logs.bulk import json_loop as json_lines
from mipcheck.checker.logs.bulk import text_loop as lines
from mipcheck.checker.logs.jsonl import EVENT_KEYS, FIRST_LINE, interpret, time_word
from mipcheck.checker.logs.lines import Interpret
from mipcheck.model.native.unit import Argument, Unit, constants_of, source_of

ARGUMENTS: Final = tuple(Argument(*a) for a in (
    ("D", "int64", ("SCALARS",)),
    ("buf", "uint8", ("D[BUFFER]",)),
    ("V", "int64", ("D[WORDS_CAP]", "W_WIDTH")),
    ("VA", "uint8", ("D[LETTERS]",)),
    ("E", "int64", ("D[KINDS]", "E_WIDTH")),
    ("KT", "int64", ("D[KEY_TYPES]", "KT_WIDTH")),
    ("IT", "int64", ("D[TOKENS_CAP]", "W_WIDTH")),
    ("IA", "uint8", ("D[TOKENS_LETTERS]",)),
    ("ST", "int64", ("D[STACKS_CAP]", "W_WIDTH")),
    ("SA", "uint8", ("D[STACKS_LETTERS]",)),
    ("SM", "int64", ("D[STACKS_CAP]", "2")),
    ("time", "int64", ("D[MOST]",)),
    ("kind_of", "int32", ("D[MOST]",)),
    ("token_of", "int32", ("D[MOST]",)),
    ("line", "int64", ("D[MOST]",)),
    ("offset", "int64", ("D[MOST]",)),
    ("keys", "int64", ("D[MOST]", "D[WIDTH]")),
))  # fmt: skip
"""The arrays that every parser takes; their names and shapes are explained in `bulk_lines.py`."""


@dataclass(frozen=True, slots=True)
class Form:
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


_SCRATCH: Final = (
    Argument("J", "int64", ("FIELDS", "J_WIDTH")),
    Argument("A", "int64", ("3",)),
)


@cache
def unit() -> Unit:
    """What is compiled; it is the same for all specifications. Raises NativeError."""
    constants = constants_of(vars(lines)) | constants_of(vars(json_lines))
    return Unit("parse_json", (*ARGUMENTS, *_SCRATCH), (source_of(lines), source_of(json_lines)), constants)


JSON: Final = Form(
    interpret=interpret,
    first=FIRST_LINE,
    unit=unit,
    time_word=lambda line: time_word(line.decode("ascii")),
    own_keys=EVENT_KEYS,
    scratch=((json_lines.FIELDS, json_lines.J_WIDTH), (3,)),
)
