"""A site file takes bounded time and gives a bounded answer, whatever is in it."""

from __future__ import annotations

import io
import time

import pytest
from mipcheck.checker.console.errors import LIMIT, InputError
from mipcheck.checker.site import toml
from mipcheck.checker.site.dotted import too_many_parts
from mipcheck.checker.site.toml import read_site
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.model.specification.load import load

VOCABULARY = vocabulary_of(load("draft-01"))


def refused(text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        read_site(io.BytesIO(text.encode()), "s.toml", VOCABULARY)
    return caught.value


@pytest.mark.parametrize("part", ["a", '"a"', '"\\""', "'a' ", "a-b "])
@pytest.mark.parametrize("form", ["[site]\n{} = 1\n", "[{}]\n", "[[{}]]\n", "[site]\nfa = {{ {} = 1 }}\n"])
def test_a_key_of_very_many_parts_is_refused_at_once(form: str, part: str) -> None:
    """Parsing one of 200,000 parts takes tomllib ten minutes and more."""
    error = refused(form.format(".".join([part] * 150_000)))
    assert "a key of more than 64 parts" in str(error)
    assert error.problems[0].at.line == form[: form.index("{}")].count("\n") + 1


@pytest.mark.slow
def test_looking_for_such_a_key_takes_time_that_grows_with_the_text() -> None:
    size = 2**20
    for text in (
        'x="' + '\\"' * size,
        'x="""' + '\\"""' * size,
        "'" * size,
        '"' * size,
        "x=[" + "1.5," * size,
        "a . " * 60,
    ):
        started = time.process_time()
        assert too_many_parts(text) is None
        assert time.process_time() - started < 5


def test_dots_elsewhere_are_no_key() -> None:
    prefixes = ", ".join(["'10.0.0.0/8'"] * 200)
    text = f'# {"." * 500}\n[site]\niha = "10.1.0.2" # {". . " * 200}\ninternal = [{prefixes}]\n'
    assert read_site(io.BytesIO(text.encode()), "s.toml", VOCABULARY).addresses


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("[[mn_ha_key]]\nx = 1\n" * 40_000, 40_000 * 5),
        ("".join(f"[a{n}]\n" for n in range(50_000)), 50_000),
        ("[site]\n" + "".join(f"k{n} = 1\n" for n in range(50_000)), 50_000),
        ("[parameters]\n" + "".join(f"k{n} = 1\n" for n in range(50_000)), 50_000),
    ],
)
def test_the_first_problems_are_shown_and_the_others_counted(
    text: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To find the place of each of 40,000 took time that grew with the square."""
    looked: list[object] = []
    find = toml._TomlFile._find

    def counted(file: toml._TomlFile, table: str, index: int, key: str) -> tuple[int | None, int]:
        looked.append(key)
        return find(file, table, index, key)

    monkeypatch.setattr(toml._TomlFile, "_find", counted)
    error = refused(text)
    assert len(error.problems) == len(looked) == LIMIT
    assert str(error).endswith(f"… and {count - LIMIT} more")


def test_a_site_file_has_a_limit() -> None:
    said = str(refused("#" * (2**20 + 1)))
    assert "longer than 1048576 bytes" in said
    assert "--keys" in said
