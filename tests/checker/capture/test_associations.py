"""Which sequence numbers of an association have come, one by one and in columns."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from mipcheck.checker.capture.bulk.associated import AUTH, Associated, EspRows
from mipcheck.checker.capture.device import associations
from mipcheck.checker.capture.device.associations import Association

NUMBERS = st.lists(st.one_of(st.integers(0, 60), st.integers(0, 2**32 - 1)), max_size=60)


@given(NUMBERS)
def test_what_has_come_comes_again(numbers: list[int]) -> None:
    """As a set has it, and within a window of 32 packets; what is older may be either."""
    association = Association(0, 0, True)
    seen: set[int] = set()
    for number in numbers:
        late = bool(seen) and number <= max(seen) - 32
        expected = "replayed" if number in seen else None if late else "ok"
        assert association.judge(number) == expected
        seen.add(number)
        assert association.newest == max(seen)


def test_what_is_remembered_is_bounded() -> None:
    association = Association(0, 0, True)
    for number in range(0, 100_000, 2):
        assert association.judge(number) == "ok"
    assert association.judge(99_998) == association.judge(99_960) == "replayed"
    assert association.judge(0) is None  # so long ago that nobody remembers
    assert len(association._seen) <= 2 * associations._STRETCHES


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.booleans(), st.booleans(), st.integers(1, 3), st.one_of(st.none(), st.integers(0, 40))
        ),
        max_size=80,
    ),
    st.integers(1, 20),
)
def test_rows_are_judged_as_packets_are(drawn: list[tuple[int, bool, bool, int, int | None]], size: int) -> None:
    """Associations 0 and 1 come, and 2 and 3 are sent; where no number is given it is the next one."""
    newest = [0] * 4
    rows = []
    for of, opened, inner, peer, number in drawn:
        newest[of] = newest[of] + 1 if number is None else number
        rows.append((of, of < 2, opened, opened and inner, peer, newest[of]))
    columns, single = ([Association(0, 0, of < 2) for of in range(4)] for _ in range(2))
    associated = Associated(columns)
    places: dict[int, int] = {}
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        which, inward, opened_, inner_, to, numbers = zip(*part, strict=True)
        told = EspRows(
            np.array(which), np.array(inward), np.array(opened_), np.array(inner_), np.array(to), np.array(numbers)
        )
        says, looked = associated.judge(told)
        expected, shown = [], []
        for at, (of, comes, opened, inner, peer, number) in enumerate(part):
            said = "ok" if not comes else single[of].judge(number) if opened else "bad"
            expected.append(said)
            if inner and said == "ok" and places.get(of) != peer:
                shown.append(at)
                places[of] = peer
        assert [AUTH[n] for n in says.tolist()] == expected
        assert sorted(looked.tolist()) == shown
