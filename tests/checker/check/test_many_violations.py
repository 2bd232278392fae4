"""A log of which every line is a violation: bounded time and memory, whatever its stamps, and all of them counted."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

HEAD = (
    "mipcheck-trace 1\nsite boot=true iha=10.1.0.2 xha=198.51.100.2 vpn=192.0.2.1 ihoa=10.1.0.100 xhoa=198.51.100.100\n"
)
MEMORY = 2 * 2**30
"""Bytes of address space; what is read natively maps much more than it uses."""
SECONDS = 60


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="limits of processes")
@pytest.mark.parametrize(
    ("count", "interfaces", "fraction", "form"),
    [(30_000, 1, ".5", "json"), (30_000, 200, ".5", "json"), (30_000, 200, ".5", "text"), (4000, 200, "", "json")],
    ids=["one interface", "two hundred", "as text", "whole seconds"],
)
def test_every_line_is_a_violation(count: int, interfaces: int, fraction: str, form: str, tmp_path: Path) -> None:
    sent = "data dir=out protection=none src=10.1.0.100 dst=10.1.0.5"
    path = tmp_path / "x.log"
    path.write_text(HEAD + "".join(f"{n}{fraction} e{n % interfaces} {sent}\n" for n in range(count)))
    command = [sys.executable, "-m", "mipcheck.checker.cli.main", str(path), "--format", form]
    done = subprocess.run(command, capture_output=True, preexec_fn=limited, timeout=600, check=False)
    assert done.returncode == 1, done.stderr[-2000:]
    assert len(done.stdout) < 2**20
    if form == "json":
        found = json.loads(done.stdout)
        (rule,) = [r for r in found["rules"] if r["id"] == "D1"]
        assert rule["violations"] == count
    else:
        assert f"{count}" in done.stdout.decode().replace(",", "").replace(" ", "")
