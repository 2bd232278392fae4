"""Whole files through the command line: an exit code of the contract, a readable answer, nothing left behind."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import random
from pathlib import Path
from typing import Final

import pytest
from mipcheck.checker.check import readings
from mipcheck.checker.cli import cli
from mipcheck.checker.trace.route import CAPTURES, LOGS
from mipcheck.model.specification.load import load

from fuzzing import sites
from fuzzing.case import Case, Kind
from fuzzing.frames import batch_of, seeds
from fuzzing.logs import damaged, json_log, log_of, text_log
from fuzzing.reports import assert_harmless
from making.routes import NEVER, native_from

_LINKS = seeds()
_LOAD = functools.cache(load)
"""Reading the specification anew is half of what a small file costs."""
_CODES: Final = {0, 1, 2, 3}
_VERBS: Final = ("check", "check", "check", "convert", "infer", "overhead", "anonymise")
_FORMATS: Final = {"check": ("text", "json"), "convert": ("log", "jsonl")}
_NAMES: Final = ("x", "-", "a b", "<b>", "ü", "\udcff", "x\ny", "`|`", "..x", "\x1b[2J", "x=1", "#")


def make(dice: random.Random) -> Case:
    """Make one file, or two, a command line, and now and then a site file."""
    files: dict[str, bytes] = {}
    for n in range(1 if dice.random() < 0.85 else 2):
        how = dice.randrange(5)
        size = dice.randrange(1, 30)
        if how < 2:
            data, suffix = batch_of(_LINKS, size, dice), ".pcapng"
        elif how < 4:
            writer, suffix = ((text_log, ".log"), (json_log, ".jsonl"))[how - 2]
            data = log_of(dice, writer, size)
        else:
            data, suffix = dice.randbytes(dice.randrange(300)), ""
        stem = dice.choice(_NAMES) if dice.random() < 0.2 else "x"
        files[f"{n}{stem}{suffix}"] = damaged(data, dice) if data and dice.random() < 0.2 else data
    inputs = list(files)
    verb = dice.choice(_VERBS)
    options = ["--format", dice.choice(_FORMATS[verb])] if verb in _FORMATS else []
    if verb == "check":
        options += [o for o in ("--keep-going", "--verbose", "--fail-on=should") if dice.random() < 0.2]
    if verb != "infer" and dice.random() < 0.2:
        files["site.toml"] = sites.make(dice).files["site.toml"]
        options += ["--config", "site.toml"]
    if verb == "check" and dice.random() < 0.1:
        options += ["--annotate", "out.pcapng"]
    if dice.random() < 0.1 or verb == "anonymise":
        options += ["-o", "out"]
    chosen = inputs if verb == "check" else inputs[:1]
    return Case(files, 1, {"words": [verb, *chosen, *options], "native": dice.random() < 0.5})


def attempt(case: Case, folder: Path) -> None:
    """Run the command. Raises AssertionError for an answer that no contract allows, and what the command raises."""
    case.write(folder)
    given = set(case.files)
    words = [str(w) for w in case.options["words"]] if isinstance(case.options["words"], list) else []
    verb = words[0]
    words = words[1:] if verb == "check" else words
    words = [str(folder / w) if w in given or w in ("out", "out.pcapng") else w for w in words]
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        for kind in (LOGS, CAPTURES):
            native_from(patched, kind, 0 if case.options["native"] else NEVER)
        patched.setattr(readings, "load", _LOAD)
        try:
            code = cli.run(words)
        except SystemExit as done:
            code = done.code if isinstance(done.code, int) else 2
    assert code in _CODES, code
    assert_harmless(err.getvalue())
    answer = out.getvalue()
    assert len(answer) < 5_000_000
    if "json" in words and code in (0, 1, 3) and answer:
        json.dumps(json.loads(answer), ensure_ascii=False).encode("utf-8")
    elif verb in ("check", "infer", "overhead"):
        assert_harmless(answer)
    left = {p.name for p in folder.iterdir()} - given - {"out", "out.toml", "out.pcapng"}
    assert not left, left


KIND = Kind("file", "files", make, attempt, 60)
