"""Reports in which every text that an input may have a hand in is hostile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

WORDS: Final = (
    "\x1b[31m",
    "\n::error file=x::injected\n",
    "\r\n##[error]injected",
    "]]></failure><testcase name='x'/>&lt;",
    "<script>alert(1)</script>",
    "[click](https://evil.example/)",
    "{0} {",
    "%0A %25",
    "\ud800 \udcff",
    "\u202e \u2028 \ufffe \0 \U000e0001",
    "\"'`|\\",
)
"""What does harm somewhere."""

_OURS: Final = ("verdict", "status", "level", "kind", "section", "id", "rule", "role")
"""Fields whose words are ours, whatever was read."""


def poisoned(value: Any, word: str) -> Any:
    """A report, or a part of one, with a word put into every text of it."""
    if isinstance(value, str):
        return f"{value}{word}"
    if isinstance(value, tuple):
        return tuple(poisoned(v, word) for v in value)
    if isinstance(value, Mapping):
        return {poisoned(k, word): v for k, v in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        ours = {f.name: getattr(value, f.name) for f in fields(value)}
        return replace(value, **{n: v if n in _OURS else poisoned(v, word) for n, v in ours.items()})
    return value
