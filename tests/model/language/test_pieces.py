"""A text of which most was read before is read as if it never had been, and takes less."""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import lark
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lark.utils import logger
from mipcheck.model.language import grammar, pieces
from mipcheck.model.language.errors import SpecError
from mipcheck.model.language.expression import Place
from mipcheck.model.language.node import Node
from mipcheck.model.language.parse import parse
from mipcheck.model.language.pieces import Kept, parse_again
from mipcheck.model.specification import load as loading
from mipcheck.model.specification.load import every_bundled, load
from mipcheck.model.values.packages import folder_of

from making.depth import drawn

BUNDLED = {name: (folder_of("mipcheck.specs") / f"{name}.spec").read_text("utf-8") for name in every_bundled()}
TEXT = """# what it is about
spec small
  "who asks waits"
document "none"
event ask(n: int) by node seen log
# who asks
node {
  last: time = 0 s
}
on ask { last := now }

rule A MUST cite 1 "asks slowly" allow ask
  only if now - last > 2 s
rule B MUST cite 2 "small numbers" allow ask only if n < 5
role other "another" {
  event go() by node seen log
  rule C MUST cite 3 "goes" allow go only if true
}
"""

WORDS = ['"', "\n", "{", "}", "#", "rule ", " x ", "\nextends a"]


def _places(tree: Any) -> list[Place]:
    if isinstance(tree, Place):
        return [tree]
    if isinstance(tree, tuple):
        return [p for part in tree for p in _places(part)]
    return [p for f in fields(tree) for p in _places(getattr(tree, f.name))] if is_dataclass(tree) else []


def _known(text: str) -> dict[str, Kept]:
    return parse_again(text, "x.spec", {})[1]


def _is_as_ever(text: str, known: dict[str, Kept]) -> bool:
    """Decide whether a text is read alike with what is known, the places and what is wrong with it included."""
    try:
        whole = parse(text, "x.spec")
    except SpecError as error:
        with pytest.raises(SpecError) as found:
            parse_again(text, "x.spec", known)
        return str(found.value) == str(error)
    again, _ = parse_again(text, "x.spec", known)
    return again == whole and _places(again) == _places(whole)


@pytest.mark.parametrize("name", BUNDLED)
def test_whatever_is_moved_in_a_bundled_one_is_where_it_stands(name: str) -> None:
    lines = BUNDLED[name].split("\n")
    known = _known(BUNDLED[name])
    assert len(known) > 4
    for at in (0, len(lines) // 3, len(lines) // 2, len(lines)):
        assert _is_as_ever("\n".join([*lines[:at], "# more", *lines[at:]]), known)


def test_only_what_changed_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    known = _known(TEXT)
    read: list[str] = []

    def counted(text: str, file: str = "") -> Any:
        read.append(text)
        return parse(text, file)

    monkeypatch.setattr(pieces, "parse", counted)
    module, again = parse_again(TEXT.replace("> 2 s", "> 3 s"), "x.spec", known)
    (changed,) = read
    assert "> 3 s" in changed and "rule B" not in changed
    assert len(again) == len(known) == 8 and len(module.declarations) == 7


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from(WORDS)), max_size=3), st.integers(0, 20),
       st.integers(0, 20))  # fmt: skip
def test_whatever_is_written_is_read_alike(edits: list[tuple[int, str]], first: int, second: int) -> None:
    known = _known(TEXT)
    lines = TEXT.split("\n")
    first, second = first % len(lines), second % len(lines)
    lines[first], lines[second] = lines[second], lines[first]
    text = "\n".join(lines)
    for at, what in edits:
        text = text[: at % len(text)] + what + text[at % len(text) :]
    assert _is_as_ever(text, known)
    assert _is_as_ever(TEXT, _known(text) if _reads(text) else known)


def _reads(text: str) -> bool:
    try:
        parse(text)
    except SpecError:
        return False
    return True


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace('spec small\n  "who asks waits"', "spec small\nextends draft-01"),
        TEXT.replace("\n  only if", "\nonly if"),
        TEXT.replace('"who asks waits"', '"who\nrule B\nwaits"'),
        TEXT.replace("rule B", "rule"),
        TEXT.replace("  rule C", "rule C"),
        TEXT.replace('rule A MUST cite 1 "asks', 'rule A MUST cite 1 "asks\nrule B MUST cite 2 "small numbers" allow '),
        "",
        "# nothing",
        "rule A",
        TEXT + TEXT,
    ],
)
def test_what_stands_at_the_margin_need_not_begin_anything(text: str) -> None:
    assert _is_as_ever(text, _known(TEXT))
    if _reads(text):
        known = _known(text)
        assert _is_as_ever(text, known) and _is_as_ever(f"# more\n{text}", known) and _is_as_ever(TEXT, known)


def test_a_piece_is_kept_by_itself_only_if_it_is_whole() -> None:
    known = _known(TEXT.replace("\n  only if", "\nonly if"))
    assert not any("rule A" in text or text.startswith("only if") for text in known)


def test_what_was_kept_may_be_damaged() -> None:
    known = _known(TEXT)
    for damage in (b"", b"damaged", b"\x80\x05N."):
        module, again = parse_again(TEXT, "x.spec", {text: Kept(kept.line, damage) for text, kept in known.items()})
        assert module == parse(TEXT, "x.spec") and again == known


def test_a_file_is_read_alike_after_each_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIPCHECK_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "small.spec"
    texts = [TEXT, TEXT.replace("n < 5", "n < 6"), f"# more\n{TEXT}", TEXT.replace("rule B", "rule D")]
    for text in texts:
        file.write_text(text, "utf-8")
        read = load(str(file))
        assert read.rules.keys() == {"A", "D" if "rule D" in text else "B"}
        line = next(n for n, words in enumerate(text.split("\n"), 1) if "n <" in words)
        source = read.rules["D" if "rule D" in text else "B"].body.condition.source
        assert source is not None and source.at.line == line


def _split(text: str) -> list[str]:
    return re.split(r"(?m)^(?=[a-z])", text)


def _swapped(text: str, rng: random.Random) -> str:
    pieces = _split(text)
    first, second = rng.randrange(len(pieces)), rng.randrange(len(pieces))
    pieces[first], pieces[second] = pieces[second], pieces[first]
    return "".join(pieces)


def _without_one(text: str, rng: random.Random) -> str:
    return text.replace(rng.choice(_split(text)), "", 1)


def _in_a_role(text: str, rng: random.Random) -> str:
    chosen = rng.choice(_split(text))
    return text.replace(chosen, f'role more{rng.randrange(3)} "more" {{\n{chosen}}}\n', 1)


def _with_a_line(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    lines.insert(
        rng.randrange(len(lines)), rng.choice(["", "# more", "\t", "\x0c", '"', "}", "rulebook", "on", " " * 3000])
    )
    return "\n".join(lines)


EDITS: list[Callable[[str, random.Random], str]] = [
    _swapped,
    _without_one,
    _in_a_role,
    _with_a_line,
    lambda text, rng: text[: rng.randrange(len(text) + 1)],  # half saved
    lambda text, _: text.replace("\n", "\r\n"),
    lambda text, _: text.replace("  ", "\t"),
    lambda text, _: "\ufeff" + text,
    lambda text, rng: re.sub(r"\b\d\b", str(rng.randrange(9)), text, count=1),
    lambda text, rng: text.replace(
        rng.choice(["ask", "last", "now", "go", "n"]), rng.choice(["ask", "rules", "on_it"])
    ),
    lambda text, rng: text.replace("# who", rng.choice(["rule", '"', "who"])),
    lambda text, rng: re.sub(r"\s", rng.choice(["\n", "\r", " #\n"]), text, count=rng.randrange(60)),
    lambda _, __: TEXT,
]
"""What a person may do to a file between two runs, also in haste, with another editor, or by a mistake."""


def _all_of(value: Any) -> Any:
    """Return all that a specification says, its places included, which do not count where two are compared."""
    if is_dataclass(value):
        return [_all_of(getattr(value, f.name)) for f in fields(value)]
    if isinstance(value, tuple | list):
        return [_all_of(part) for part in value]
    return [(k, _all_of(v)) for k, v in value.items()] if hasattr(value, "items") else repr(value)


@pytest.mark.parametrize("seed", range(drawn(12, 400)))
def test_whatever_a_person_does_to_files_they_are_loaded_alike(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what was read before in different folders, and without; also by another one that extends it."""
    rng = random.Random(seed)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.spec").write_text("spec mine\nextends small\n")
    text = good = TEXT
    for _ in range(10):
        file = tmp_path / rng.choice("ab") / "small.spec"
        file.write_bytes(text.encode())
        for name in (file, file.with_stem("mine")):
            said = []
            for cache in ("off", str(tmp_path / "cache")):
                monkeypatch.setenv("MIPCHECK_CACHE", cache)
                loading._recent.clear()
                try:
                    said.append(_all_of(load(str(name))))
                except SpecError as error:
                    said.append([str(error), repr(error.place), error.hint])
            assert said[0] == said[1]
        good = text if _reads(text) else good
        text = rng.choice(EDITS)(rng.choice([text, good]), rng)


def test_no_declaration_could_be_the_end_of_another(caplog: pytest.LogCaptureFixture) -> None:
    """Where the grammar has no conflict, whole declarations after one another are read as each by itself is."""
    before = logger.level
    logger.setLevel(logging.DEBUG)
    try:
        with caplog.at_level(logging.DEBUG, logger=logger.name):
            text = (folder_of("mipcheck.model.language") / "grammar.lark").read_text("utf-8")
            lark.Lark(text, parser="lalr", keep_all_tokens=True, tree_class=Node, maybe_placeholders=False, debug=True,
                      edit_terminals=grammar._whole_words)  # fmt: skip
    finally:
        logger.setLevel(before)
    assert not [r for r in caplog.records if "onflict" in r.getMessage()]
