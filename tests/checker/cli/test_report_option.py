"""`--report KIND=FILE`: several reports of one run, each whole or not there, and none in the place of anything else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from mipcheck.checker.cli.main import main
from mipcheck.checker.verbs.check import FORMATS

from making.paths import TRACES

LOG = str(TRACES / "plaintext-after-loss.log")


@pytest.mark.slow
def test_what_is_reported_is_what_the_format_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All kinds at once, one of them twice, change neither the answer nor the exit code."""
    assert main([LOG]) == 1
    answer = capsys.readouterr().out
    words = [w for kind in FORMATS for w in ("--report", f"{kind}={tmp_path / kind}")]
    assert main([LOG, *words, "--report", f"json={tmp_path / 'again=x'}"]) == 1
    assert capsys.readouterr().out == answer
    for kind in FORMATS:
        main([LOG, "--format", kind])
        assert (tmp_path / kind).read_text("utf-8") == capsys.readouterr().out, kind
    assert (tmp_path / "again=x").read_bytes() == (tmp_path / "json").read_bytes()


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, site, link = tmp_path / "x.log", tmp_path / "site.toml", tmp_path / "link"
    shutil.copy(LOG, log)
    site.write_text("[site]\n", "utf-8")
    link.symlink_to(log)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for target in (log, site, link, tmp_path / "." / "x.log"):
        assert main([str(log), "--config", str(site), "--report", f"sarif={target}"]) == 2
        assert f"--report sarif {target} would overwrite an input" in capsys.readouterr().err
    out = tmp_path / "out"
    for first in (["-o", str(out)], ["--report", f"json={out}"], ["--report", f"text={out}"]):
        assert main([str(log), *first, "--report", f"json={out}"]) == 2
        assert "would write to the same file" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_report_that_cannot_be_written_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No answer then says that all was well, and a file that was there stays as it was."""
    kept = tmp_path / "kept"
    kept.write_text("earlier", "utf-8")
    assert main([LOG, "--report", f"junit={tmp_path / 'no' / 'x'}"]) == 2
    assert capsys.readouterr().out == ""
    assert main([str(tmp_path / "missing.log"), "--report", f"junit={kept}"]) == 2
    assert kept.read_text("utf-8") == "earlier"


@pytest.mark.parametrize("word", ["sarif", "sarif=", "=x", "xml=x", ""])
def test_what_is_no_report_is_refused(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main([LOG, "--report", word])
    assert done.value.code == 2
    assert "KIND=FILE" in capsys.readouterr().err
