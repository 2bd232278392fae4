"""A file and its copy are one input; files that only look alike, or are read otherwise, are two."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import mipcheck
import pytest

from making.paths import TRACES

LOG = TRACES / "plaintext-after-loss.log"
CAPTURE = TRACES / "raw" / "scenarios" / "inside-f.pcapng"


@pytest.mark.parametrize("path", [LOG, CAPTURE], ids=lambda path: path.suffix)
def test_a_copy_changes_nothing(path: Path, tmp_path: Path) -> None:
    first, second = tmp_path / f"one{path.suffix}", tmp_path / f"two{path.suffix}"
    first.write_bytes(path.read_bytes())
    second.write_bytes(path.read_bytes())
    site = path.with_suffix(".toml")
    config = str(site) if site.exists() else None
    alone, both = mipcheck.check([first], config=config), mipcheck.check([first, second], config=config)
    assert both.notes[-1] == f"{second}: the same as {first}, and read once"
    assert replace(both, notes=both.notes[:-1]) == alone


def test_one_other_byte_makes_another_input(tmp_path: Path) -> None:
    first, second = tmp_path / "one.log", tmp_path / "two.log"
    first.write_bytes(LOG.read_bytes() + b"#1\n")
    second.write_bytes(LOG.read_bytes() + b"#2\n")
    assert len(mipcheck.check([first, second]).inputs) == 2


def test_a_copy_with_another_clock_is_another_input(tmp_path: Path) -> None:
    first, second = tmp_path / "one.log", tmp_path / "two.log"
    first.write_bytes(LOG.read_bytes())
    second.write_bytes(LOG.read_bytes())
    assert len(mipcheck.check([first, second], offsets={"two.log": "1000"}).inputs) == 2


def test_a_copy_with_other_names_of_interfaces_is_another_input(tmp_path: Path) -> None:
    first, second, site = tmp_path / "one.log", tmp_path / "two.log", tmp_path / "site.toml"
    first.write_bytes(LOG.read_bytes())
    second.write_bytes(LOG.read_bytes())
    site.write_text('[[source]]\nfile = "two.log"\nrename = { eth0 = "wlan0" }\n', "utf-8")
    assert len(mipcheck.check([first, second], config=site).inputs) == 2
