"""Functions that are generated from a specification (`model/machine/source.py`), as the compiled loop calls them.

The loop is linked to those of the machine that it runs; `unit.py` says what kinds their parameters are of.
"""

from __future__ import annotations

from typing import Any


def step(*of: Any) -> int:
    """Let an event happen."""
    raise NotImplementedError


def alters(*of: Any) -> int:
    """Decide whether an event of a kind may change state, by its keys."""
    raise NotImplementedError


def due(*of: Any) -> int:
    """Find what an interface owes and is late with."""
    raise NotImplementedError


def pending(*of: Any) -> int:
    """Find what an interface owes."""
    raise NotImplementedError


def ends(*of: Any) -> int:
    """Decide whether an event shows that a pause is over."""
    raise NotImplementedError


def rouse(*of: Any) -> int:
    """End a pause."""
    raise NotImplementedError
