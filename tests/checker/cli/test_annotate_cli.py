"""`--annotate` from the command line, also of a compressed capture; what cannot be annotated is refused."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest
from mipcheck.checker.cli.main import main

from making.files import only
from making.paths import CAPTURES, TRACES

SITE = str(CAPTURES / "two-interfaces.toml")


@pytest.mark.parametrize("compressed", [False, True])
def test_the_verdict_is_written_into_a_copy(tmp_path: Path, compressed: bool) -> None:
    capture, copy = tmp_path / "capture.pcapng", tmp_path / "copy.pcapng"
    data = (CAPTURES / "two-interfaces.pcapng").read_bytes()
    capture.write_bytes(gzip.compress(data) if compressed else data)
    assert main([str(capture), "--config", SITE, "--annotate", str(copy)]) == 1
    assert b"mipcheck: I1 (MUST, 4.2.4) broken here" in copy.read_bytes()
    assert main([str(copy), "--config", SITE]) == 1


def test_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = tmp_path / "capture.pcapng"
    shutil.copy(CAPTURES / "two-interfaces.pcapng", capture)
    before = capture.read_bytes()
    assert main([str(capture), "--config", SITE, "--annotate", str(capture)]) == 2
    assert capture.read_bytes() == before
    log = TRACES / "joined-late.log"
    assert main([str(log), "--annotate", str(tmp_path / "out.pcapng")]) == 2
    assert "needs a capture" in capsys.readouterr().err
    assert not (tmp_path / "out.pcapng").exists()


def parts(folder: Path) -> list[Path]:
    """Both interfaces of a recording as files of their own, one compressed, both called the same."""
    names = [folder / "a" / "capture.pcapng", folder / "b" / "capture.pcapng.gz"]
    data = (CAPTURES / "two-interfaces.pcapng").read_bytes()
    for name, keep in zip(names, ("eth0", "wlan0"), strict=True):
        name.parent.mkdir()
        part = only(data, (keep,))
        name.write_bytes(gzip.compress(part) if name.suffix == ".gz" else part)
    return names


def test_several_captures_go_into_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each copy has the comments on its own frames, the near misses among them."""
    captures = list(map(str, parts(tmp_path)))
    folder = tmp_path / "verdict"
    assert main([*captures, "--config", SITE, "--annotate", str(folder)]) == 2
    assert "has to be a folder" in capsys.readouterr().err
    assert main([*captures, "--config", SITE, "--annotate", f"{folder}/"]) == 1
    inside, outside = (folder / "capture.pcapng").read_bytes(), (folder / "capture-2.pcapng").read_bytes()
    assert b"mipcheck: I1 (MUST, 4.2.4) broken here" in outside
    assert inside.count(b"mipcheck") == inside.count(b"mipcheck: did not count for I1 (4.2.4) at ") == 1
    assert len(inside) >= (tmp_path / "a" / "capture.pcapng").stat().st_size
    again = [str(folder / "capture.pcapng"), str(folder / "capture-2.pcapng")]
    assert main([*again, "--config", SITE, "--annotate", str(folder)]) == 2
    assert "would overwrite an input" in capsys.readouterr().err


def test_one_capture_may_go_into_a_folder(tmp_path: Path) -> None:
    assert main([str(CAPTURES / "two-interfaces.pcapng"), "--config", SITE, "--annotate", str(tmp_path)]) == 1
    assert b"broken here" in (tmp_path / "two-interfaces.pcapng").read_bytes()


@pytest.mark.parametrize("name", ["two-interfaces.pcapng", "cut"])
@pytest.mark.parametrize("odd", ["trailing", "cut", "damaged"])
def test_a_copy_ends_where_the_check_ended(tmp_path: Path, name: str, odd: str) -> None:
    """Bytes after the gzip data, or their end in the middle, are no reason for there to be no copy."""
    data = (CAPTURES / "two-interfaces.pcapng").read_bytes()
    packed = gzip.compress(data if name != "cut" else data[:-9])
    damaged = packed[:-2000] + bytes(200) + packed[-1800:]
    given = {"trailing": packed + b"what is no gzip", "cut": packed[:-1500], "damaged": damaged}[odd]
    capture, copy = tmp_path / "capture.pcapng.gz", tmp_path / "copy.pcapng"
    capture.write_bytes(given)
    assert main([str(capture), "--config", SITE, "--annotate", str(copy)]) == 1
    assert b"broken here" in copy.read_bytes()
    assert main([str(copy), "--config", SITE]) == 1
