"""JSON Lines logs of any length, in columns: what they have of their own beside `bulk_log.py`, which reads them."""

from __future__ import annotations

from functools import cache
from typing import Final

from mipcheck.checker import bulk_json_lines as json_lines
from mipcheck.checker import bulk_lines as lines
from mipcheck.checker.bulk_form import ARGUMENTS, Form
from mipcheck.checker.jsonl import EVENT_KEYS, FIRST_LINE, interpret, time_word
from mipcheck.model.unit import Argument, Unit, constants_of, source_of

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
