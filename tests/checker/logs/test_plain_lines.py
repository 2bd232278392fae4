"""Lines that are read without the grammar are read as the grammar has it; starting up needs nothing heavy."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mipcheck.checker.console.errors import InputError
from mipcheck.checker.logs import text as log
from mipcheck.checker.logs.lines import Interpret, read_lines
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.model.specification.load import load

from making.log_text import logs, mutated
from making.paths import TRACES

WORDS = vocabulary_of(load())


def outcome(data: bytes, interpret: Interpret, keep_going: bool) -> object:
    try:
        return read_lines(io.BytesIO(data), "x.log", WORDS, keep_going, interpret)
    except InputError as error:
        return str(error)


def same(data: bytes, keep_going: bool) -> None:
    assert outcome(data, log.interpret, keep_going) == outcome(data, log.interpret_by_grammar, keep_going)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None)
@given(logs(most=10) | mutated(), st.booleans())
def test_plain_lines_are_those_of_the_grammar(data: bytes, keep_going: bool) -> None:
    same(data, keep_going)


@pytest.mark.parametrize("path", sorted(TRACES.glob("*.log")), ids=lambda p: p.stem)
def test_example_traces(path: Path) -> None:
    same(path.read_bytes(), False)


_HEAVY = {
    *("lark", "z3", "numpy", "llvmlite", "polars", "cryptography", "rich"),
    *("importlib.resources", "zipfile", "tempfile", "shutil", "difflib", "ctypes", "queue"),
    *("model.native.record", "model.native.unit", "model.native.compiled", "model.language.parse"),
    *("model.language.build", "model.language.syntax", "model.specification.resolve", "model.specification.rules"),
    *("checker.capture.frames.frame", "checker.capture.read", "checker.logs.bulk", "checker.console.progress"),
    *("checker.observe.explain", "checker.observe.misses", "checker.observe.silence", "checker.observe.inexact"),
    *("checker.check.violations", "checker.site.toml", "checker.infer"),
}
"""What a short trace that keeps to everything is checked without: each would make its start longer."""


@pytest.mark.slow
def test_a_small_trace_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from mipcheck.checker.cli.main import main\n"
        f"assert main({[str(TRACES / 'inside-colocated.log'), '--format', 'json']}) == 0\n"
        f"heavy = {_HEAVY} & {{m.removeprefix('mipcheck.') for m in sys.modules}}\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    # The specification was read above, and is kept unless caches are off.
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
