"""The nearest known name to one that was misspelt."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 64  # comparing takes time that grows with the square of the length, and nobody misspells a kilobyte
_MOST = 20


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that was probably meant, None if none is near enough."""
    if len(word) > _LONGEST:
        return None
    import difflib  # not above: a run without errors needs none

    folded = {_folded(n): n for n in reversed(list(known)) if len(n) <= _LONGEST}
    alike = 0.5 if len(word) < 4 else 0.61  # two letters swapped in a short name; not "holder" for "code"
    close = difflib.get_close_matches(_folded(word), folded, n=1, cutoff=alike)
    return folded[close[0]] if close else None


def _folded(name: str) -> str:
    """Return a name without the differences that are only typing."""
    return name.casefold().replace("_", "-")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `did you mean "x"?`, or what is known if nothing is near; empty if nothing is known."""
    names = sorted(set(known))
    meant = closest(name, names)
    if meant is not None:
        return f'did you mean "{meant}"?'
    shown = ", ".join(names[:_MOST]) + (", …" if len(names) > _MOST else "")
    return f"known: {shown}" if names else ""
