"""The judge and mipcheck agree on simulated nodes. `compare.py` does the same for as many as one likes."""

from __future__ import annotations

import pytest

from oracle.compare import disagreements

# Seeds on which the two once disagreed are added here; what was right was settled in the draft's words.
SEEDS = range(1, 151)


@pytest.mark.slow
@pytest.mark.parametrize("faulty", [False, True], ids=["conforming", "faulty"])
def test_they_agree(faulty: bool) -> None:
    assert disagreements(SEEDS, faulty) == []
