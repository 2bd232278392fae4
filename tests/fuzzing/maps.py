"""Maps with words changed, and logs of other programs: refused with a place, or read line by line in bounded time."""

from __future__ import annotations

import io
import random
import re
from datetime import UTC
from pathlib import Path
from typing import Final

from mipcheck.checker.check import check as run
from mipcheck.checker.console.errors import InputError, UsageError
from mipcheck.checker.maps.library import Use, bundled, map_of
from mipcheck.checker.maps.samples import beside
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.model.values.packages import folder_of

from fuzzing.case import Case, Kind
from fuzzing.logs import damaged
from fuzzing.reports import assert_harmless, assert_sound
from making.both_ways import DRAFT

LINES: Final = 100
_VOCABULARY = vocabulary_of(DRAFT)
_TEXTS: Final = {name: (folder_of("mipcheck.checker.maps") / f"{name}.map").read_text("utf-8") for name in bundled()}
_TOKEN: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"|\{[^{}\n]*\}|[\w.-]+|\S')
_RAW: Final = {name: re.findall(r"^\s*\| ?(.*)$", text, re.MULTILINE) for name, text in _TEXTS.items()}
_WORDS: Final = ('"{..}"', '"{a:word} {b:word}"', '"{a:text}{b:text}"', '"{..}a{..}a{..}a{..}b"', '"%Y %Y"', '"\\\\"',
                 "{", "}", "if not not a", "later", "count", "set", "drop", "use charon", "x" * 3000, "{ {} }", "# ",
                 '"\u202e"',
                 "(((((" * 40, "1e9", '""', "since", "sample", "event")  # fmt: skip
_LINE: Final = (
    "a" * 5000,
    "a b " * 2000,
    "{",
    "\x00",
    "\x1b[2J",
    "=" * 900,
    "2025-13-45T99:99:99Z",
    "[" * 900,
    "1" * 900,
)


def make(dice: random.Random) -> Case:
    """Make a map with a few words changed, or one that comes along, and a log of its program with lines changed."""
    name = dice.choice(sorted(_TEXTS))
    text = _TEXTS[name]
    for _ in range(dice.choice((0, 1, 1, 2, 5))):
        tokens = list(_TOKEN.finditer(text))
        old = dice.choice(tokens)
        other = dice.choice(tokens)[0]
        text = text[: old.start()] + dice.choice((other, other, dice.choice(_WORDS), "")) + text[old.end() :]
    raw = _RAW[name] if dice.random() < 0.9 else dice.choice(list(_RAW.values()))
    lines = [dice.choice(raw) for _ in range(LINES)] if dice.random() < 0.5 else (raw * LINES)[:LINES]
    for _ in range(dice.randrange(6)):
        at = dice.randrange(LINES)
        part = lines[at][: dice.randrange(len(lines[at]) + 1)]
        lines[at] = part + dice.choice((*_LINE, dice.choice(raw), part * 3))
    log = "\n".join(lines).encode("utf-8", "surrogatepass")
    return Case({"m.map": text.encode("utf-8"), "x.log": damaged(log, dice) if dice.random() < 0.3 else log}, LINES, {})


def attempt(case: Case, folder: Path) -> None:
    """Read the map; then show what it makes of the log, and check that."""
    path, log = case.write(folder)
    try:
        map_ = map_of(str(path), _VOCABULARY)
    except InputError as error:
        assert_harmless(str(error))
        return
    try:
        shown = beside(Use(map_, 2025, UTC), io.BytesIO(case.files["x.log"]), "x.log", _VOCABULARY, None)
        assert_harmless("\n".join(shown))
    except InputError as error:
        assert_harmless(str(error))
    try:
        assert_sound(run.check([str(log)], spec=DRAFT, maps=[f"{path},year=2025,zone=UTC"], keep_going=True))
    except (InputError, UsageError) as error:
        assert_sound(str(error))


KIND = Kind("map", "lines", make, attempt, 20)
