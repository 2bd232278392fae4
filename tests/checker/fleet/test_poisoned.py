"""A folder of results into which somebody has put things: an error that names them, no crash, hang or false line."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mipcheck.checker.cli.main import main
from mipcheck.checker.fleet.store import schema

from making.paths import TRACES

FINE = "inside-colocated.log"
PART = "part-000001-000001.parquet"


def rewritten(**changed: Any) -> Callable[[Path], None]:
    """Return what exchanges columns of a part by name; None takes one out."""

    def poison(out: Path) -> None:
        table = pq.ParquetFile(out / PART).read()
        for name, value in changed.items():
            at = table.schema.get_field_index(name)
            table = table.remove_column(at) if value is None else table.set_column(at, name, pa.array([value]))
        pq.write_table(table, out / PART)

    return poison


def link(name: str, target: str) -> Callable[[Path], None]:
    def poison(out: Path) -> None:
        (out / name).unlink(missing_ok=True)
        (out / name).symlink_to(target)

    return poison


def fifo(name: str) -> Callable[[Path], None]:
    def poison(out: Path) -> None:
        (out / name).unlink(missing_ok=True)
        os.mkfifo(out / name)

    return poison


RULE = {"id": "D1", "level": "MUST", "section": "1", "status": "held"}
POISONS: dict[str, Callable[[Path], object]] = {
    "no Parquet": lambda out: (out / PART).write_bytes(b"PAR1" + os.urandom(200) + b"PAR1"),
    "empty": lambda out: (out / PART).write_bytes(b""),
    "cut": lambda out: (out / PART).write_bytes((out / PART).read_bytes()[:-50]),
    "another name": lambda out: shutil.copy(out / PART, out / "part-x.parquet"),
    "a folder": lambda out: (out / "part-000002-000001.parquet").mkdir(),
    "a link to a device": link(PART, "/dev/zero"),
    "a pipe": fifo(PART),
    "a column is missing": rewritten(path=None),
    "rules are missing": rewritten(rules=None),
    "a number for a path": rewritten(path=7),
    "no path": rewritten(path=pa.scalar(None, pa.string())),
    "a status that is none": rewritten(status="\x1b[31mfine"),
    "a verdict that is none": rewritten(verdict="best"),
    "a verdict without a check": rewritten(status="limit"),
    "counts below zero": rewritten(events=-5),
    "other rules": rewritten(rules=[{"id": "D1"}]),
    "rules without counts": rewritten(
        rules=pa.scalar([RULE | {"exercised": None, "violations": 1, "inconclusive": 0}], schema().field("rules").type)
    ),
    "options nested too deep": lambda out: (out / "_mipcheck.json").write_text("[" * 200_000),
    "options without end": link("_mipcheck.json", "/dev/zero"),
    "options from a pipe": fifo("_mipcheck.json"),
    "options of another kind": lambda out: (out / "_mipcheck.json").write_text('{"options": 7}'),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("fleet")
    (base / "in").mkdir()
    shutil.copy(TRACES / FINE, base / "in" / FINE)
    assert main(["fleet", str(base / "in"), "--workers", "1", "-o", str(base / "out")]) == 0
    return base


@pytest.mark.slow
@pytest.mark.parametrize("name", POISONS)
def test_a_poisoned_folder(name: str, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    shutil.copytree(made / "out", out)
    POISONS[name](out)
    assert main(["fleet", str(made / "in"), "--workers", "1", "-o", str(out)]) == 2
    said = capsys.readouterr()
    assert said.out == "" and "mipcheck: " in said.err and "\x1b" not in said.err
    assert "internal error" not in said.err


@pytest.mark.slow
def test_text_in_results_is_escaped(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    shutil.copytree(made / "out", out)
    rewritten(status="unreadable", verdict=pa.scalar(None, pa.string()), error="\x1b]0;owned\x07\nsecond")(out)
    assert main(["fleet", str(made / "in"), "--workers", "1", "-o", str(out)]) == 2
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err and "\\x1b]0;owned" in "".join(said.out.split())
