"""A line of a proposed site file: what it says, which frame speaks for it, and how sure that is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from mipcheck.checker.console.escape import printable

SURE: Final = "sure"
LIKELY: Final = "likely"
UNCERTAIN: Final = "uncertain"

ACCEPTED: Final = (0, 1)
"""Reply codes of success (RFC 3344 section 3.4)."""

OTHERS: Final = 8
"""Further candidates, or SPIs, that are listed for a key."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a site file. `frame` is None where no frame speaks for it; unless `said`, the line is a comment.

    `value` is written in TOML; facts of a list have one item each, under the same key.
    """

    key: str
    value: str
    frame: int | None
    why: str
    sure: str = SURE
    said: bool = True

    @property
    def evidence(self) -> str:
        """The frame, how sure it is, and why, in words."""
        where = "no frame" if self.frame is None else f"frame {self.frame}, {self.sure}"
        return printable(f"{where}: {self.why}")


def toml_text(word: str) -> str:
    """Return `word` as a TOML basic string; JSON's is one too, but for the delete character."""
    return json.dumps(word).replace("\x7f", "\\u007f")
