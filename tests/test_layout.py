"""Tests stand where a stranger looks for them, and share through `making` alone."""

from __future__ import annotations

import ast
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from making.paths import ROOT, TESTS

MODULES = sorted(TESTS.rglob("test_*.py"))


def imported(path: Path) -> Iterator[str]:
    """Yield the names of the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.slow
def test_no_test_module_is_imported() -> None:
    """What two of them need is in `making`; what is imported there is no test module either."""
    tests = {path.stem for path in MODULES}
    found = {
        (str(path.relative_to(TESTS)), name)
        for path in TESTS.rglob("*.py")
        for name in imported(path)
        if not tests.isdisjoint(name.split("."))
    }
    assert found == set()


def test_every_test_module_has_a_name_of_its_own() -> None:
    """Without packages two modules of one name are one module to mypy, and the name alone finds a test."""
    assert [name for name, count in Counter(path.name for path in MODULES).items() if count > 1] == []
    packages = {path.parent.name for path in TESTS.rglob("__init__.py")}
    assert packages == {"fuzzing", "making", "metamorphic", "oracle"}


def test_tests_stand_on_the_floors_of_the_house() -> None:
    """A folder of tests of model/ and checker/ is named as the room whose modules it tries."""
    for house in ("model", "checker"):
        rooms = {path.name for path in (ROOT / house).iterdir() if path.is_dir()}
        here = {path.relative_to(TESTS / house).parts[0] for path in MODULES if TESTS / house in path.parents}
        assert here <= rooms, house


@pytest.mark.skipif(not (ROOT / ".git").exists() or not shutil.which("git"), reason="no checkout of git")
def test_nothing_lies_about_at_the_root() -> None:
    """What a run wrote there is not committed by mistake."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tops = {name.split("/")[0] for name in listed.splitlines()} - {".ci", ".gitignore"}
    folders, files = {"specs", "model", "checker", "traces", "tests"}, {"pyproject.toml", "setup.py", "LICENSE"}
    assert tops == folders | files | {f"{page}.md" for page in ("README", "ARCHITECTURE", "CHANGELOG", "CONTRIBUTING")}
