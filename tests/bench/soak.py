"""A week of events through `mipcheck --follow`, and what it takes: `python tests/bench/soak.py --events 10_000_000`.

Memory is looked at while it runs. It may not grow by more than `BOUND` from a tenth of the events to their end.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from make_log import make

BOUND: Final = 32
"""MiB by which memory may grow after a tenth of the events."""


def resident(process: int) -> float:
    """Return the memory (MiB) that a process has."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def main() -> int:
    """Feed a made log through a pipe, in pieces; say how fast it is judged, and how much memory that takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    events = parser.parse_args().events
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "soak.log"
        make(str(log), events, 1, 2, 250, True)
        command = [sys.executable, "-m", "mipcheck", "--follow", "-", "--format", "jsonl"]
        began, size, given, early = time.monotonic(), log.stat().st_size, 0, 0.0
        with (
            (Path(folder) / "said").open("w+b") as said,  # no pipe: nobody reads while this writes
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=said) as process,
            log.open("rb") as file,
        ):
            assert process.stdin is not None
            most = 0.0
            while piece := file.read(1 << 20):
                process.stdin.write(piece)
                given += len(piece)
                if given * 10 > size:
                    most = max(most, resident(process.pid))
                    early = early or most
            process.stdin.close()
            process.wait()
            said.seek(0)
            lines = sum(1 for _ in said)
        seconds = time.monotonic() - began
    print(f"{events} events in {seconds:.1f} s ({events / seconds:.0f}/s), {lines - 1} lines before the end")
    print(f"memory {early:.0f} MiB after a tenth, {most:.0f} MiB at most (may grow by {BOUND})")
    return int(most - early > BOUND or process.returncode != 1)


if __name__ == "__main__":
    sys.exit(main())
