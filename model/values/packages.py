"""Where the files of a package are that are no code: grammars, specifications, and the sources themselves."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path


def folder_of(package: str) -> Path:
    """Return the folder of a package, by its full name. Raises ImportError if there is none.

    It is always a folder, as what is kept beside the packages is in one, too; `importlib.resources`, which would look
    into archives as well, takes a short run 10 ms to import.
    """
    return Path(import_module(package).__path__[0])
