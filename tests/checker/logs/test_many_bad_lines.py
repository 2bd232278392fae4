"""With --keep-going a log that is bad throughout is worked through quickly: what is only counted is not explained."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from mipcheck.checker.console import errors
from mipcheck.checker.console.errors import LIMIT, InputError
from mipcheck.checker.logs import builder
from mipcheck.checker.logs.jsonl import read_jsonl
from mipcheck.checker.logs.lines import REMEMBERED, Log
from mipcheck.checker.logs.text import read_log
from mipcheck.checker.trace.vocabulary import Vocabulary, vocabulary_of
from mipcheck.model.specification.load import load
from mipcheck.model.values.nearest import closest

VOCABULARY = vocabulary_of(load("draft-01"))
TEXT, JSON = "mipcheck-trace 1\n", '{"mipcheck-trace": 1}\n'
Reader = Callable[[io.BytesIO, str, Vocabulary, bool], Log]


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words for which the nearest known one was looked for, which is what takes time."""
    words: list[str] = []

    def counted(word: str, known: list[str]) -> str | None:
        words.append(word)
        return closest(word, known)

    monkeypatch.setattr(errors, "closest", counted)
    monkeypatch.setattr(builder, "closest", counted)
    return words


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (read_log, TEXT + "".join(f"{n}.0 eth0 link stat{n}=up zork{n}=4\n" for n in range(5000))),
        (read_log, TEXT + "".join(f"{n}.0 eth0 lonk{n} state=up\n" for n in range(5000))),
        (read_log, TEXT + "sote iha=10.1.0.2 $$$\n" * 5000),
        (read_log, TEXT + "".join(f"site k{n}=1\n" for n in range(5000))),
        (read_jsonl, JSON + '{"time":1,"interface":"e","event":"link","stat":"up"}\n' * 5000),
        (read_jsonl, JSON + '{"time":1,"interface":"e","event":"lonk"}\n' * 5000),
    ],
)
def test_lines_beyond_the_first_are_only_counted(reader: Reader, text: str, compared: list[str]) -> None:
    found = reader(io.BytesIO(text.encode()), "x", VOCABULARY, True)
    assert found.skipped == 5000 and len(found.problems) == REMEMBERED
    assert len(compared) <= 3 * REMEMBERED


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (read_log, TEXT + "0.0 eth0 link state=up " + " ".join(f"k{n}=1" for n in range(6000)) + "\n"),
        (read_log, TEXT + "site " + " ".join(f"k{n}=1" for n in range(6000)) + "\n"),
        (read_jsonl, JSON[:-2] + ', "site": {' + ",".join(f'"k{n}":"1"' for n in range(4000)) + "}}\n"),
    ],
)
def test_a_line_of_thousands_of_unknown_keys(reader: Reader, text: str, compared: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        reader(io.BytesIO(text.encode()), "x", VOCABULARY, False)
    assert len(caught.value.problems) == LIMIT and caught.value.more
    assert len(compared) <= 3 * LIMIT
    if "site" not in text:
        again = reader(io.BytesIO(text.encode()), "x", VOCABULARY, True)
        assert again.skipped == 1
