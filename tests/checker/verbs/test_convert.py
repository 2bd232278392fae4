"""A verdict about a capture and about the log that `convert` makes of it is the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.cli.main import main

from making.paths import CAPTURES


@pytest.mark.sampled(4)
@pytest.mark.parametrize("form", ["log", "jsonl"])
@pytest.mark.parametrize("keys", [True, False])
@pytest.mark.parametrize("capture", sorted(CAPTURES.glob("*.pcapng")), ids=lambda path: path.stem)
def test_the_same_verdict_about_a_capture_and_its_log(tmp_path: Path, capture: Path, keys: bool, form: str) -> None:
    text = capture.with_suffix(".toml").read_text("utf-8")
    config, out = tmp_path / "site.toml", tmp_path / f"converted.{form}"
    config.write_text(text if keys else text.partition("[[esp_sa]]")[0], "utf-8")
    assert main(["convert", str(capture), "--config", str(config), "-o", str(out), "--format", form]) == 0
    first, second = check([capture], config=config), check([out])
    assert first.verdict == second.verdict
    assert {r.id: r.status for r in first.rules} == {r.id: r.status for r in second.rules}


def test_inferred_agents_are_in_the_log(tmp_path: Path) -> None:
    capture = CAPTURES / "inside.pcapng"
    text = capture.with_suffix(".toml").read_text("utf-8")
    config, out = tmp_path / "site.toml", tmp_path / "converted.log"
    config.write_text("".join(s for s in text.splitlines(True) if not s.startswith(("iha", "xha"))), "utf-8")
    assert main(["convert", str(capture), "--config", str(config), "-o", str(out)]) == 0
    assert "site iha=10.1.0.10 xha=198.51.100.10" in out.read_text("utf-8")
