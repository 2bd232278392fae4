"""How much tests try: what every run has time for, or what is worth a night (`DEEP=1 pytest`)."""

from __future__ import annotations

import os

DEEP = os.environ.get("DEEP") == "1"


def drawn(usual: int, deep: int) -> int:
    """Return how many inputs a test is to draw, in a usual and in a long run."""
    return deep if DEEP else usual
