"""Keys of TOML with more parts than mean anything: `tomllib` takes time and memory for them that grow quadratically."""

from __future__ import annotations

import re
from typing import Final

MOST: Final = 64
"""Parts of a key that are read."""

_TOKEN: Final = re.compile(
    r'''"""(?:[^"\\]|\\.|"(?!""))*+(?:"""|\Z)|\'{3}(?:[^\']|\'(?!\'\'))*+(?:\'{3}|\Z)'''
    r"""|"(?:[^"\\\n]|\\.)*+"?|\'[^\'\n]*+\'?|\#[^\n]*+|[\n=,\[\]{}]|\.""",
    re.DOTALL,
)
"""A text, a comment, what ends a key, or a dot. No alternative is left for another, so that a scan is linear."""


def too_many_parts(text: str) -> int | None:
    """Return the line of the first key with more than MOST parts, if there is one."""
    dots = 0
    for token in _TOKEN.finditer(text):
        found = token[0]
        if found == ".":
            dots += 1
            if dots >= MOST:
                return text.count("\n", 0, token.start()) + 1
        elif found[0] not in "\"'":
            dots = 0
    return None
