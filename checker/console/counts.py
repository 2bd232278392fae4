"""Numbers of things in words."""

from __future__ import annotations


def counted(number: int, noun: str, more: str = "", form: str = "") -> str:
    """Return a number with its noun, as `1 file` or `2 files`: `more` is the plural unless it takes an s, `form` how
    the number is written (`,`: in groups of three digits)."""
    return f"{number:{form}} {noun if number == 1 else more or f'{noun}s'}"
