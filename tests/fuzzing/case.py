"""What is tried: some files, and what is to become of them. The same dice give the same case."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True)
class Case:
    """Files by name, how many `units` (frames, lines, files) they hold, and options of what is tried with them."""

    files: Mapping[str, bytes]
    units: int
    options: Mapping[str, object]

    def write(self, folder: Path) -> list[Path]:
        """Write the files into a folder; return their paths."""
        paths = []
        for name, data in self.files.items():
            path = folder / name
            path.write_bytes(data)
            paths.append(path)
        return paths


class Kind(NamedTuple):
    """A kind of case: what its units are, what makes one, what tries one, written to a folder, and its weight.

    `attempt` raises whatever must not happen. Its weight is how many of a kind a round has.
    """

    name: str
    unit: str
    make: Callable[[random.Random], Case]
    attempt: Callable[[Case, Path], None]
    weight: int
