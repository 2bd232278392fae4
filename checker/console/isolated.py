"""How processes are started where strangers' files lie: nothing there is imported, whatever it is called."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from mipcheck.model import version

_OURS: Final = Path(version.__file__).parent.parent.parent
"""The folder that mipcheck is in."""


def isolated(code: str) -> list[str]:
    """Return the command of a process that runs `code`, and imports from where this one does, but for the working
    folder, where strangers' files may lie."""
    flags = ["-I", *(["-B"] if sys.dont_write_bytecode else [])]
    return [sys.executable, *flags, "-c", f"import sys; sys.path[:] = sys.argv[1:]; {code}", *module_paths()]


def module_paths() -> list[str]:
    """Return the folders that modules are imported from, without the working folder unless mipcheck lies there."""
    try:
        here: Path | None = Path.cwd().resolve()
    except OSError:
        here = None
    found = [Path(path) for path in sys.path if path and Path(path).is_absolute()]
    return [str(path) for path in found if path.resolve() != here or path.resolve() == _OURS.resolve()]
