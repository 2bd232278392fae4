"""Running a command once: time, time to the first output, peak memory. And what machine it ran on."""

from __future__ import annotations

import os
import platform
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

_KEPT: Final = 1 << 20
"""Bytes of output that are kept; more is read and thrown away, so that the runner stays small."""


@dataclass(frozen=True)
class Run:
    """`seconds` of wall time, `first` of them before any output (None: there was none), `cpu` seconds of processors,
    `peak` MiB resident.

    `code` is None if it was stopped at its time limit.
    """

    seconds: float
    first: float | None
    cpu: float
    peak: float
    code: int | None
    out: bytes
    err: bytes

    def why(self) -> str:
        """The last thing that it said, for when it failed."""
        lines = (self.err or self.out).decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:200] if lines else f"exit code {self.code}"


def run(
    command: Sequence[str],
    timeout: float,
    stop: int = signal.SIGKILL,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Run:
    """Raises FileNotFoundError where the program is not installed.

    Peak memory is that of the process alone, as the kernel counts it; on Linux that begins with what its parent had
    when it was started, so the runner keeps small.
    """
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd, env=env)
    assert process.stdout is not None and process.stderr is not None
    parts: dict[int, list[bytes]] = {process.stdout.fileno(): [], process.stderr.fileno(): []}
    out, err = parts
    kept, first, stopped = 0, None, False
    opened = set(parts)
    while opened:
        left = timeout - (time.perf_counter() - begin)
        ready, _, _ = select.select(list(opened), [], [], max(0.0, left) if not stopped else None)
        if not ready:
            stopped = True
            process.send_signal(stop)
        for stream in ready:
            data = os.read(stream, 1 << 16)
            if not data:
                opened.discard(stream)
            elif first is None and stream == out:
                first = time.perf_counter() - begin
            if kept < _KEPT:
                parts[stream].append(data)
                kept += len(data)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    process.stderr.close()
    code = None if stopped else process.returncode
    cpu = usage.ru_utime + usage.ru_stime
    return Run(seconds, first, cpu, usage.ru_maxrss / 1024, code, b"".join(parts[out]), b"".join(parts[err]))


def program(name: str) -> list[str]:
    """A command of this environment."""
    beside = Path(sys.executable).with_name(name)
    return [str(beside)] if beside.exists() else [sys.executable, "-m", name]


# --- the machine --------------------------------------------------------------------------------------------------


def machine() -> dict[str, Any]:
    """What figures depend on."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "os": platform.platform(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def versions() -> dict[str, str | None]:
    """Of mipcheck, what it stands on, and its peers; None for what is not installed."""
    found: dict[str, str | None] = {}
    for name in ("mipcheck", "lark", "numpy", "llvmlite", "polars", "z3-solver", "dpkt", "scapy", "reelay"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    for name, option in (("tshark", "--version"), ("tcpdump", "--version"), ("spin", "-V"), ("gcc", "--version")):
        found[name] = None
        if shutil.which(name) is not None:
            said = run([name, option], 20.0)
            lines = (said.out or said.err).decode("utf-8", "replace").splitlines()
            found[name] = lines[0].strip() if lines else "unknown"
    return found
