"""The compiler's page: its example runs, and its table of modules names them all."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from mipcheck.model.values import cache as keep

from making.paths import ROOT

pytest.importorskip("numpy")
pytest.importorskip("llvmlite")

HOME = ROOT / "model/native"
PAGE = (HOME / "README.md").read_text("utf-8")


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, driver = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "counting.py").write_text(loop, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv(keep.OFF, "off")
    try:
        exec(driver, {})
    finally:
        sys.modules.pop("counting", None)


def test_every_module_is_named() -> None:
    table = PAGE[PAGE.index("| module |") : PAGE.index("## How it is tested")]
    assert set(re.findall(r"`(\w+\.py)`", table)) == {p.name for p in HOME.glob("[!_]*.py")}
