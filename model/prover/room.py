"""Whether there is room for Z3: without it, the library crashes while it is loaded or starts a thread."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Final

NEEDED: Final = 112 * 2**20
"""Bytes of address space: 29 MiB of library, and stacks and arenas of its threads. No proof gets by with less."""
_STATUS: Final = Path("/proc/self/status")


def require_room() -> None:
    """Raise MemoryError where a limit (`ulimit -v`) leaves less address space than Z3 needs."""
    with suppress(ImportError, OSError):
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        used = re.search(r"^VmSize:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
        left = limit - int(used[1]) * 1024 if used and limit != resource.RLIM_INFINITY else NEEDED
        if left < NEEDED:
            raise MemoryError(
                f"the solver needs {NEEDED // 2**20} MiB of address space, and the limit on it (ulimit -v) leaves"
                f" {max(0, left) // 2**20} MiB"
            )
