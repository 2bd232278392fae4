"""What is made at installation is all that a first run needs of the bundled specifications."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mipcheck.checker.cli.precompile import units
from mipcheck.model.language import parse
from mipcheck.model.machine import code
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import bundled, load
from mipcheck.model.values import cache as keep


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keep.OFF, str(tmp_path / "cache"))


@pytest.mark.slow
def test_nothing_is_left_to_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "kept"
    monkeypatch.setattr(keep, "INSTALLED", tmp_path / "none")
    program = (
        "from mipcheck.checker.cli import precompile\n"
        "from mipcheck.model.values import cache as keep\n"
        "keep.INSTALLED /= 'none'\n"  # as it is before there is an installation
        "precompile.main()"
    )
    subprocess.run([sys.executable, "-c", program], env=os.environ | {keep.OFF: str(folder)}, check=True)
    names = [part.name for unit in units() for part in (unit, *unit.linked)]
    assert not any(map(keep.read, names))

    monkeypatch.setattr(keep, "INSTALLED", folder)
    assert all(map(keep.read, names))
    monkeypatch.setattr(parse, "parse", None)  # no specification has to be read
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(code, "compile", None, raising=False)  # nor compiled
        for name in bundled():
            spec = load(name)
            assert spec.name == name
            for machine in spec.machines():
                Machine(machine, configure(machine, {}), {}, kept=True)


@pytest.mark.skipif(os.environ.get("CI") != "true", reason="sources may have changed since the installation")
def test_the_installation_made_it() -> None:
    assert all(keep.read(part.name) for unit in units() for part in (unit, *unit.linked))
