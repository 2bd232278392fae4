"""What people install is whole: the source distribution builds, and the wheel made of it has everything."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from making.paths import ROOT


@pytest.mark.slow
def test_a_wheel_of_the_source_distribution_is_whole(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--outdir", str(tmp_path), str(ROOT)]
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())

    modules = {f"mipcheck/{p.relative_to(ROOT)}" for top in ("model", "checker") for p in (ROOT / top).rglob("*.py")}
    inner = {name.replace("mipcheck/checker/api/", "mipcheck/") for name in modules}
    assert inner <= names
    assert {"mipcheck/model/language/grammar.lark", "mipcheck/checker/logs/log.lark", "mipcheck/py.typed"} <= names
    maps = ROOT / "checker" / "maps"
    assert {f"mipcheck/checker/maps/{p.name}" for p in (*maps.glob("*.map"), *maps.glob("*.lark"))} <= names
    specs = [p for ending in ("spec", "md", "json") for p in (ROOT / "specs").rglob(f"*.{ending}")]
    assert {f"mipcheck/{p.relative_to(ROOT)}" for p in specs} <= names
    assert any(p.parent.name == "candidates" for p in specs)

    # Native code is of one interpreter on one platform, so that pip must not take the wheel elsewhere.
    for kind in ("native", "grammar"):
        assert any(name.startswith(f"mipcheck/kept/{kind}-") for name in names)
    version, interpreter, abi, platform = wheel.stem.removeprefix("mipcheck-").split("-")
    assert interpreter == abi == f"cp{sys.version_info.major}{sys.version_info.minor}"
    assert platform != "any"

    metadata = zipfile.ZipFile(wheel).read(f"mipcheck-{version}.dist-info/METADATA").decode()
    from mipcheck import __version__

    assert f"\nVersion: {__version__}\n" in metadata
