"""Programs in processes of their own, found again by a mark in their environment: what they leave behind, and what
they listen to."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

MIPCHECK = (sys.executable, "-P", "-m", "mipcheck")


_STARTED = "import os, sys; from mipcheck.checker.cli.start import start; os.write(1, b'\\n'); sys.exit(start())"
STARTED = (sys.executable, "-P", "-c", _STARTED)
"""The same after Python itself has started, which is said by an empty line."""


class Marked:
    """A process, and all that it has started, however far away; `folder` is where its temporary files go."""

    def __init__(self, command: Sequence[str], folder: Path, **more: Any) -> None:
        self.mark = f"MARK={uuid.uuid4().hex}"
        self.folder = folder
        folder.mkdir(exist_ok=True)
        environment = {**os.environ, "MARK": self.mark.partition("=")[2], "TMPDIR": str(folder)}
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more
        )

    def alive(self) -> list[int]:
        """Return the numbers of all its processes that are there."""
        found = []
        for environment in Path("/proc").glob("[0-9]*/environ"):
            try:
                if self.mark.encode() in environment.read_bytes().split(b"\0"):
                    found.append(int(environment.parent.name))
            except OSError:
                continue
        return found

    def all_gone(self, seconds: float = 10.0) -> bool:
        """Wait until none of its processes is there."""
        end = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def semaphores(self) -> list[str]:
        """Return the semaphores with a name that its processes have: after SIGKILL nobody would remove them."""
        found: list[str] = []
        for pid in self.alive():
            try:
                lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
            except OSError:
                continue
            found += [line for line in lines if "/dev/shm/sem." in line]
        return found

    def listening(self) -> list[str]:
        """Return the sockets that any of its processes listens to."""
        sockets = {line.split()[9]: line.split()[1] for line in _lines("tcp", "tcp6") if line.split()[3] == "0A"}
        sockets |= {line.split()[6]: line for line in _lines("unix") if line.split()[3] == "00010000"}
        sockets |= {line.split()[9]: line.split()[1] for line in _lines("udp", "udp6") if line.split()[3] == "07"}
        found = []
        for pid in self.alive():
            for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
                try:
                    target = str(descriptor.readlink())
                except OSError:
                    continue
                inode = target.removeprefix("socket:[").removesuffix("]")
                if target.startswith("socket:[") and inode in sockets:
                    found.append(sockets[inode])
        return found


def _lines(*tables: str) -> list[str]:
    """Return the rows of the kernel's tables of sockets."""
    found: list[str] = []
    for table in tables:
        path = Path("/proc/net") / table
        found += path.read_text().splitlines()[1:] if path.exists() else []
    return found
