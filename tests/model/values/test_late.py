"""A mapping that makes its values late: each once, when it is asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from mipcheck.model.values.late import Late


def test_a_value_is_made_once_and_only_when_it_is_asked_for() -> None:
    made: list[str] = []

    def maker(name: str) -> Callable[[], str]:
        def make() -> str:
            made.append(name)
            return name.upper()

        return make

    late = Late({name: maker(name) for name in ("a", "b")})
    assert (list(late), len(late), "a" in late, "c" in late) == (["a", "b"], 2, True, False)
    assert made == []
    assert (late["b"], late["b"]) == ("B", "B")
    assert made == ["b"]


def test_it_is_equal_to_a_mapping_of_the_same_values() -> None:
    assert Late({"a": lambda: 1}) == {"a": 1}
    assert Late({"a": lambda: 1}) != {"a": 2}


def test_there_is_nothing_under_another_name() -> None:
    with pytest.raises(KeyError):
        Late({"a": lambda: 1})["b"]
