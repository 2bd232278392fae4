"""`--annotate` from the command line, also of a compressed capture; what cannot be annotated is refused."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest
from mipcheck.checker.main import main

CAPTURES = Path(__file__).parent.parent / "traces" / "captures"
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
    log = CAPTURES.parent / "joined-late.log"
    assert main([str(log), "--annotate", str(tmp_path / "out.pcapng")]) == 2
    assert "just one capture" in capsys.readouterr().err
    assert not (tmp_path / "out.pcapng").exists()
