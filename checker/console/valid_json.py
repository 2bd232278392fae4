"""JSON that every reader takes: names of files need not be UTF-8, and half a pair of surrogates is no character."""

from __future__ import annotations

import json
import re
from typing import Final

_HALVES: Final = re.compile(r"\\\\|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|\\u(d[89a-f][0-9a-f]{2})")


SCHEMA: Final = 1
"""The version of what is written as JSON, in every object: `mipcheck schema` says what it is."""


def dumps(value: object, indent: int | None = None) -> str:
    r"""Return the JSON of a value, in ASCII. A byte of a file's name that is no UTF-8 is shown as `\xff`."""
    return _HALVES.sub(_shown, json.dumps(value, indent=indent))


def characters(text: str) -> str:
    """Return a text with what is no character shown as by `dumps`, and all else as it is."""
    return str(json.loads(dumps(text)))


def _shown(match: re.Match[str]) -> str:
    """Return what is no half as it is, and of a half what can be read."""
    if match[1] is None:
        return match[0]
    code = int(match[1], 16)
    # Python keeps bytes that are no UTF-8 as U+DC80 to U+DCFF (PEP 383).
    return f"\\\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\\\u{code:04x}"
