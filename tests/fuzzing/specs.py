"""Specifications with words changed: refused with a place, or run alike in both ways, and a prover that ends."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Final

import pytest
from mipcheck.checker.check import check as run
from mipcheck.checker.trace.route import LOGS
from mipcheck.model.language.errors import SpecError
from mipcheck.model.prover.prove import prove
from mipcheck.model.specification.load import loads
from mipcheck.model.specification.spec import Spec
from mipcheck.model.values.errors import UserError

from fuzzing.case import Case, Kind
from fuzzing.logs import log_of, text_log
from fuzzing.reports import assert_harmless, assert_sound
from making.paths import SPECS
from making.routes import NEVER, native_from
from making.small import BASE

_OWED: Final = """rule N MUST cite 4.5 "the node owes it"
  require rrq within t_max of seen_at while (some interface: inside)
"""
_TEXTS: Final = (BASE, BASE, BASE + _OWED, *(path.read_text("utf-8") for path in sorted(SPECS.glob("*.spec"))))
_TOKEN: Final = re.compile(r'"[^"\n]*"|[\w.-]+|:=|<=|>=|!=|\S')
_WORDS: Final = ("0", "1", "99999999999999999999", "18446744073709551616", "0 s", "146 years", "not", "and", "or",
                 "(", ")", "this", "now", "some interface:", "unknown", ":=", "=", "-", "+", "*", "seen",
                 "9223372036854775807 ns",
                 "true", "{", "}", "always", "60 s", "\u202e", "((((" * 50, "x" * 2000)  # fmt: skip
_SECONDS: Final = 0.2


def make(dice: random.Random) -> Case:
    """Make a specification with a few words changed, and a log for it."""
    text = dice.choice(_TEXTS)
    tokens = list(_TOKEN.finditer(text))
    for _ in range(dice.choice((1, 1, 2, 5))):
        at = dice.choice(tokens)
        if at.end() > len(text):
            continue
        other = dice.choice(tokens)[0]
        word = dice.choice((other, other, other, dice.choice(_WORDS), "", f"{at[0]} {other}", f"({at[0]})"))
        text = text[: at.start()] + word + text[at.end() :]
        tokens = list(_TOKEN.finditer(text))
    if dice.random() < 0.1:
        lines = text.split("\n")
        start = dice.randrange(len(lines))
        text = "\n".join([*lines[:start], *lines[start + dice.randrange(5) :]])
    return Case({"x.spec": text.encode(), "x.log": log_of(dice, text_log, 60)}, 1, {"prove": dice.random() < 0.05})


def attempt(case: Case, folder: Path) -> None:
    """Load the specification, check the log in both ways, and perhaps prove a property of it."""
    try:
        spec = loads(case.files["x.spec"].decode("utf-8", "replace"), "x.spec")
    except SpecError as error:
        assert_harmless(str(error))
        return
    _, log = case.write(folder)
    slow, fast = (_report(spec, log, fast) for fast in (False, True))
    assert slow == fast
    assert_sound(slow)
    if case.options["prove"]:
        _prove(spec)


def _report(spec: Spec, log: Path, fast: bool) -> object:
    """Return a report, or what is wrong in words."""
    with pytest.MonkeyPatch.context() as patched:
        native_from(patched, LOGS, 0 if fast else NEVER)
        try:
            return run.check(str(log), spec=spec, keep_going=True)
        except UserError as error:
            return f"{type(error).__name__}: {error}"


def _prove(spec: Spec) -> None:
    """Try to prove what the specification claims first, with a solver that has to give up at once."""
    try:
        for name in list(spec.properties)[:1]:
            prove([name], spec=spec, timeout=_SECONDS)
    except UserError as error:
        assert_harmless(str(error))


KIND = Kind("spec", "specifications", make, attempt, 10)
