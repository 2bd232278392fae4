"""The two forms in which logs are written, text and JSON Lines, for those who read them in bulk (`log.py`).

Each has a compiled parser of its own, which works on a record that `parsed.py` declares. What words, times and values
are is the same for both (`words.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Final

from mipcheck.checker.logs import jsonl, text
from mipcheck.checker.logs.bulk import json_loop, loop, text_loop, words
from mipcheck.checker.logs.bulk.parsed import JsonLines, LogLines
from mipcheck.checker.logs.lines import Interpret
from mipcheck.checker.logs.parts import FIRST_LINE
from mipcheck.model.native.unit import Unit, constants_of, source_of


@dataclass(frozen=True, slots=True)
class LogForm:
    """A way in which logs are written.

    `interpret` takes any line of it, `first` is what the first has to be, for messages, and `unit` the compiled parser,
    which works on `lines`. `time_word` gives the time in the line of an event that it took, as messages name it.
    `own_keys` are those keys of a line that are none of its event's.
    """

    interpret: Interpret
    first: str
    unit: Callable[[], Unit]
    lines: type[LogLines]
    time_word: Callable[[bytes], str]
    own_keys: Sequence[str] = ()


@cache
def _text_unit() -> Unit:
    """Return what is compiled for text; it is the same for all specifications. Raises NativeError."""
    return _unit(text_loop, LogLines)


@cache
def _json_unit() -> Unit:
    """Return what is compiled for JSON Lines; it is the same for all specifications. Raises NativeError."""
    return _unit(json_loop, JsonLines)


def _unit(form: ModuleType, record: type[LogLines]) -> Unit:
    modules = words, loop, form  # `take_line` of the last one counts
    constants = {name: value for module in modules for name, value in constants_of(vars(module)).items()}
    return Unit("parse", record, tuple(map(source_of, modules)), constants)


TEXT: Final = LogForm(
    interpret=text.interpret,
    first=FIRST_LINE,
    unit=_text_unit,
    lines=LogLines,
    time_word=lambda line: line.split(None, 1)[0].decode("ascii"),
)
JSON: Final = LogForm(
    interpret=jsonl.interpret,
    first=jsonl.FIRST_LINE,
    unit=_json_unit,
    lines=JsonLines,
    time_word=lambda line: jsonl.time_word(line.decode("ascii")),
    own_keys=jsonl.EVENT_KEYS,
)

FORMS: Final = {"log": TEXT, "jsonl": JSON}
"""By the kind of an input."""
