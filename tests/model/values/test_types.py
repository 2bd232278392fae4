"""Values: what is read is what was shown, and what is no value says what was expected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mipcheck.model.values.types import (
    ADDRESS,
    BOOL,
    ID,
    INT,
    TEXT,
    TIME,
    Type,
    Value,
    ValueSyntaxError,
    read_duration,
    show_duration,
    show_seconds,
)

ENUM = Type("binding", ("colocated", "foreign-agent"))
FLAGS = Type("set of flags", ("S", "B", "D", "T"))
FEATURES = Type("set of feature", ("vpn-fa", "endpoint-update", "x"))
_TIMES = st.integers(0, 2**62 - 1)

_VALUES: list[tuple[Type, st.SearchStrategy[Value]]] = [
    (BOOL, st.booleans()),
    (INT, st.integers(-(10**18) + 1, 10**18 - 1)),
    (TIME, _TIMES),
    (ID, st.integers(0, 2**64 - 1)),
    (ADDRESS, st.integers(0, 2**32 - 1)),
    (TEXT, st.text(min_size=1)),
    (ENUM, st.sampled_from(ENUM.members)),
    (FLAGS, st.frozensets(st.sampled_from(FLAGS.members))),
    (FEATURES, st.frozensets(st.sampled_from(FEATURES.members))),
]


@pytest.mark.parametrize(("type_", "values"), _VALUES, ids=[t.name for t, _ in _VALUES])
def test_what_is_shown_is_read(type_: Type, values: st.SearchStrategy[Value]) -> None:
    @given(values)
    def check(value: Value) -> None:
        assert type_.read(type_.show(value)) == value

    check()


@pytest.mark.slow
@pytest.mark.parametrize("type_", [t for t, _ in _VALUES], ids=[t.name for t, _ in _VALUES])
@given(word=st.text() | st.from_regex(r"-?[0-9]{1,30}(\.[0-9]{1,40})?( ?[a-z]{1,3})?", fullmatch=True))
def test_any_word_is_a_value_or_a_syntax_error(type_: Type, word: str) -> None:
    try:
        value = type_.read(word)
    except ValueSyntaxError as error:
        assert str(error)
    else:
        assert type_.read(type_.show(value)) == value


@pytest.mark.slow
@given(_TIMES)
def test_durations(ns: int) -> None:
    assert read_duration(show_duration(ns)) == ns
    assert read_duration(show_seconds(ns) + "s") == ns
    assert read_duration(f"  {show_duration(ns)} ") == ns


@pytest.mark.parametrize(
    ("word", "ns"),
    [
        ("60 s", 60 * 10**9),
        ("60", 60 * 10**9),
        ("500ms", 5 * 10**8),
        ("1.5 s", 15 * 10**8),
        ("2min", 120 * 10**9),
        ("0.5h", 1800 * 10**9),
        ("0.000000001s", 1),
        ("1.0000000000000000000000000000", 10**9),
        ("0.0000000000001 h", None),  # 0.36 ns
        ("0.0000000000025 h", 9),
        ("0.0000000001 s", None),
        ("1.00000000000000000000000000000000000000000001 s", None),
        ("4611686018427387903ns", 2**62 - 1),
        ("4611686018427387904ns", None),
        ("146.2 h s", None),
        ("-5s", None),
        ("\u0661s", None),  # an Arabic digit
        ("9" * 10_000, None),
        ("", None),
        ("s", None),
        ("1e3s", None),
    ],
)
def test_duration_words(word: str, ns: int | None) -> None:
    if ns is None:
        with pytest.raises(ValueSyntaxError, match="a duration"):
            read_duration(word)
    else:
        assert read_duration(word) == ns


@pytest.mark.parametrize(
    ("ns", "shown"),
    [
        (0, "0s"),
        (60 * 10**9, "60s"),
        (5 * 10**8, "500ms"),
        (1500, "1500ns"),
        (2000, "2us"),
        (10**9 + 1, "1.000000001s"),
        (-(10**6), "-1ms"),
    ],
)
def test_shown_durations(ns: int, shown: str) -> None:
    assert show_duration(ns) == shown


@pytest.mark.parametrize(
    ("type_", "word", "expected"),
    [
        (BOOL, "1", "true or false"),
        (INT, "1.5", "a whole number"),
        (INT, "1" * 19, "a whole number of at most 18 digits; this one is too large"),
        (TIME, "soon", "a duration such as 60s or 500ms"),
        (ID, "0x10000000000000000", "a number of at most 64 bits, decimal or 0x…; this one is too large"),
        (ID, "18446744073709551616", "a number of at most 64 bits, decimal or 0x…; this one is too large"),
        (ID, "-1", "a number of at most 64 bits, decimal or 0x…"),
        (ADDRESS, "10.0.0.256", "an IPv4 address"),
        (ADDRESS, "::1", "an IPv4 address"),
        (TEXT, "", "a word"),
        (ENUM, "co-located", "colocated or foreign-agent"),
        (Type("agent", ("a", "b", "c")), "d", "one of a, b, c"),
        (FLAGS, "X", "letters among SBDT, or -"),
        (FLAGS, "SS", "letters among SBDT, or -"),
        (FLAGS, "", "letters among SBDT, or -"),
        (FEATURES, "vpn-fa,", "a list among vpn-fa, endpoint-update, x"),
    ],
)
def test_what_was_expected(type_: Type, word: str, expected: str) -> None:
    with pytest.raises(ValueSyntaxError) as error:
        type_.read(word)
    assert str(error.value) == expected


@pytest.mark.parametrize(
    ("type_", "word", "value"),
    [
        (BOOL, "yes", True),
        (BOOL, "no", False),
        (ID, "0xD0C1", 0xD0C1),
        (ID, "18446744073709551615", 2**64 - 1),
        (ADDRESS, "10.0.0.1", 0x0A000001),
        (FLAGS, "TD", frozenset("DT")),
        (FLAGS, "-", frozenset()),
        (FEATURES, "x,vpn-fa", frozenset({"x", "vpn-fa"})),
    ],
)
def test_other_spellings(type_: Type, word: str, value: Value) -> None:
    assert type_.read(word) == value


def test_kinds() -> None:
    assert ENUM.is_enum and not ENUM.is_set
    assert FLAGS.is_set and not FLAGS.is_enum
    assert not TIME.is_enum and not TIME.is_set
    assert FLAGS.show(frozenset("TD")) == "DT"  # in the order of declaration
    assert FEATURES.show(frozenset({"x", "vpn-fa"})) == "vpn-fa,x"
