"""Numbers of things, and the first of many, in words."""

from __future__ import annotations

import pytest
from mipcheck.checker.console.counts import few


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, ""), (2, "a, a"), (3, "a, a and 1 more"), (1002, "a, a and 1,000 more")],
)
def test_the_first_are_named_and_the_others_counted(number: int, words: str) -> None:
    assert few(["a"] * number, 2, ",") == words
