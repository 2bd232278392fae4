"""Numbers of things, and the first of many, in words."""

from __future__ import annotations

from collections.abc import Sequence


def counted(number: int, noun: str, more: str = "", form: str = "") -> str:
    """Return a number with its noun, as `1 file` or `2 files`: `more` is the plural unless it takes an s, `form` how
    the number is written (`,`: in groups of three digits)."""
    return f"{number:{form}} {noun if number == 1 else more or f'{noun}s'}"


def few(names: Sequence[str], most: int, form: str = "") -> str:
    """Return the first names, and how many more there are than `most`; `form` is as in `counted`."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:{form}} more" if more > 0 else "")
