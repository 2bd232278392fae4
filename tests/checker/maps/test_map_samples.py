"""Each map that comes along gives the events that its samples say, and so does the map of the guide."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mipcheck.checker.maps.library import bundled, map_of
from mipcheck.checker.maps.reader import read_map
from mipcheck.checker.maps.samples import wrong_with
from mipcheck.checker.trace.vocabulary import Vocabulary, vocabulary_of
from mipcheck.model.specification.load import load

from making.paths import ROOT

GUIDE = (ROOT / "checker" / "maps" / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def words() -> Vocabulary:
    return vocabulary_of(load("draft-01"))


@pytest.mark.parametrize("name", bundled())
def test_a_map_passes_its_samples(name: str, words: Vocabulary) -> None:
    map_ = map_of(name, words)
    assert map_.samples
    assert {s.name: wrong_with(map_, s, words) for s in map_.samples} == {s.name: [] for s in map_.samples}


def test_a_sample_that_is_not_as_due_fails(words: Vocabulary, tmp_path: Path) -> None:
    text = (
        Path(map_of("networkd").file).read_text("utf-8").replace("coa kind=colocated addr=10.1.7.20\n", "solicit\n", 1)
    )
    (wrong,) = {len(wrong_with(m, m.samples[0], words)) for m in [read_map(text, "own.map", words)]}
    assert wrong >= 2


def test_the_map_of_the_guide_passes_its_sample(words: Vocabulary) -> None:
    (text,) = re.findall(r"^```map\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    map_ = read_map(text, "guide.map", words)
    (sample,) = map_.samples
    assert wrong_with(map_, sample, words) == []
