"""Work that goes wrong in a worker of a fleet, which has to find it in a module that it can import."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from mipcheck.checker.fleet.inputs import File
from mipcheck.checker.fleet.work import FileOutcome, examine


def troubled(packed: bytes, file: File) -> FileOutcome:
    """In the worker: a poisonous file takes it along; at a slow one it waits to be killed, the first time."""
    name = Path(file.path).name
    folder = Path(file.path).parent
    with (folder / "begun").open("a") as begun:
        begun.write(f"{name}\n")
    if name == "poison.log":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "slow.log" and not (folder / "pid").exists():
        (folder / "pid.new").write_text(str(os.getpid()))
        (folder / "pid.new").rename(folder / "pid")
        time.sleep(60)
    return examine(packed, file)
