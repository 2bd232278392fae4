"""The examples of a workflow and of a hook in checker/README.md call mipcheck as it can be called."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from mipcheck.checker.cli.main import main

from making.paths import CAPTURES, ROOT, TRACES

README = (ROOT / "checker" / "README.md").read_text(encoding="utf-8")


def test_the_command_of_the_workflow_does_what_is_uploaded(tmp_path: Path) -> None:
    block = re.search(r"run: >-\n((?: {10}.*\n)+)", README)
    assert block is not None
    words = shlex.split(block[1])
    (tmp_path / "known.toml").write_text("", encoding="utf-8")
    there = {
        "captures/wlan.pcapng": str(CAPTURES / "movement.pcapng"),
        "site.toml": str(CAPTURES / "movement.toml"),
        "known.toml": str(tmp_path / "known.toml"),
        "github=/dev/stdout": f"github={tmp_path / 'github.txt'}",
        "report.txt": str(tmp_path / "report.txt"),
    }
    given = [there.get(w, w) for w in words if w not in ("mipcheck", "captures/eth.pcapng")]
    given = [re.sub(r"=(mipcheck\.sarif|verdict\.html)$", lambda m: f"={tmp_path / m[1]}", w) for w in given]
    assert main(given) == 0
    kept = set(re.findall(r"^ +(?:sarif_file: )?([a-z]+\.(?:sarif|html|txt))$", README, re.MULTILINE))
    assert kept == {"mipcheck.sarif", "verdict.html", "report.txt"}
    assert all((tmp_path / name).stat().st_size for name in kept)


@pytest.mark.slow
def test_the_hook_fails_where_a_log_breaks_a_rule(tmp_path: Path) -> None:
    entry = re.search(r"entry: (.*)\n", README)
    assert entry is not None
    (tmp_path / "known.toml").write_text("", encoding="utf-8")
    (tmp_path / "site.toml").write_text("[site]\n", encoding="utf-8")
    program = tmp_path / "mipcheck"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m mipcheck "$@"\n', encoding="utf-8")
    program.chmod(0o755)

    def code(*logs: str) -> int:
        words = [*shlex.split(entry[1]), *(str(TRACES / log) for log in logs)]
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        return subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, check=False).returncode

    assert code("inside-colocated.log") == 0
    assert code("plaintext-after-loss.log", "inside-colocated.log") == 1
