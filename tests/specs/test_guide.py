"""Every example of the guide to the language does what the guide says."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest
from mipcheck.model.language.build import MAX_DEPTH
from mipcheck.model.language.errors import SpecError
from mipcheck.model.language.parse import MAX_SIZE, parse
from mipcheck.model.language.show_module import show
from mipcheck.model.prover.prove import prove
from mipcheck.model.specification.load import load
from mipcheck.model.specification.spec import LIMIT
from mipcheck.model.specification.state import MAX_LIMIT, MAX_PARTS
from mipcheck.model.specification.typecheck import MAX_TERMS

GUIDE = resources.files("mipcheck.specs").joinpath("README.md").read_text("utf-8")
_BLOCKS = [
    (m[1], m[2], GUIDE.count("\n", 0, m.start()) + 1) for m in re.finditer(r"^```(.+)\n((?s:.*?))^```$", GUIDE, re.M)
]
_PRELUDE = "".join(text for kind, text, _ in _BLOCKS if kind == "spec prelude")
_FRAGMENTS = "".join(text for kind, text, _ in _BLOCKS if kind == "spec fragment")
_OFFSET = _PRELUDE.count("\n")


def _of(kind: str) -> pytest.MarkDecorator:
    found = [pytest.param(text, id=f"line {line}") for k, text, line in _BLOCKS if k == kind]
    assert found, kind
    return pytest.mark.parametrize("text", found)


def _split(text: str) -> tuple[str, str]:
    """The example, and the message that the guide promises."""
    example, _, message = text.partition("\n\n")
    return example + "\n", message.rstrip("\n")


def _relative(message: str, folder: Path) -> str:
    """Lines counted from the example, as in the guide."""

    def shift(m: re.Match[str]) -> str:
        return f"{m[1]}{int(m[2]) - _OFFSET}"

    message = message.replace(f"{folder}/", "")
    return re.sub(r"(used in line )(\d+)", shift, re.sub(r"^(example\.spec:)(\d+)", shift, message, flags=re.M))


def _write(folder: Path, name: str, text: str) -> str:
    path = folder / f"{name}.spec"
    path.write_text(text, "utf-8")
    return str(path)


def test_blocks_are_of_known_kinds() -> None:
    kinds = [kind for kind, _, _ in _BLOCKS]
    assert set(kinds) == {"spec", "spec prelude", "spec fragment", "error", "warning"}
    assert kinds.count("spec prelude") == 1


def test_prelude(tmp_path: Path) -> None:
    spec = load(_write(tmp_path, "example", _PRELUDE))
    assert spec.warnings == ()
    assert parse(show(parse(_PRELUDE))) == parse(_PRELUDE)


@_of("spec fragment")
def test_fragments(text: str, tmp_path: Path) -> None:
    """A fragment need not use all that it declares."""
    warnings = load(_write(tmp_path, "example", _PRELUDE + text)).warnings
    assert [w for w in warnings if "is never" not in w] == []


@_of("spec")
def test_specifications(text: str, tmp_path: Path) -> None:
    """What they extend is the guide's specification, with all fragments."""
    _write(tmp_path, "example", _PRELUDE + _FRAGMENTS)
    assert load(_write(tmp_path, "other", text)).warnings == ()


@pytest.mark.slow
def test_what_the_guide_calls_proved(tmp_path: Path) -> None:
    text = _PRELUDE + _FRAGMENTS
    results = prove(spec=load(_write(tmp_path, "example", text)), with_needs=False)
    proved = ("no_leak", "settled", "polite", "sound", "alone", "sane", "restored", "no_stranger", "waited")
    refuted = ("never_registers", "found", "no_copy")
    assert {r.name: r.result for r in results} == dict.fromkeys(proved, "proved") | dict.fromkeys(refuted, "refuted")
    anchored = text.replace("within t_refresh of answered", "within t_refresh of confirmed")
    (result,) = prove(["sane"], spec=load(_write(tmp_path, "example", anchored)), with_needs=False)
    assert result.result == "refuted" and "overdue at once" in result.reason


@_of("error")
def test_errors(text: str, tmp_path: Path) -> None:
    example, message = _split(text)
    with pytest.raises(SpecError) as caught:
        load(_write(tmp_path, "example", _PRELUDE + example))
    assert _relative(str(caught.value), tmp_path) == message


@_of("warning")
def test_warnings(text: str, tmp_path: Path) -> None:
    example, message = _split(text)
    warnings = load(_write(tmp_path, "example", _PRELUDE + example)).warnings
    assert _relative("\n".join(warnings), tmp_path) == message


def test_limits() -> None:
    told = " ".join(GUIDE.split())
    for limit, unit in (
        (MAX_SIZE, "characters a file"), (MAX_DEPTH, "levels an"), (MAX_TERMS, "terms a"), (MAX_PARTS, "parts a key"),
        (MAX_LIMIT, "entries a table"), (LIMIT, "where it says no `limit`"),
    ):  # fmt: skip
        assert f"{limit:,} {unit}" in told


def test_every_keyword_is_explained() -> None:
    grammar = resources.files("mipcheck.model.language").joinpath("grammar.lark").read_text("utf-8")
    words = set(re.findall(r'"([A-Za-z]+)"', grammar))
    assert [w for w in sorted(words) if not re.search(rf"\b{w}\b", GUIDE)] == []
