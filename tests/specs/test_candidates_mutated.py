"""A rule of what candidates share, or of E.9, that is left out is noticed by a property, which is some pro or con.

Smaller changes, and other candidates, are told of in the candidates' README."""

from __future__ import annotations

import pytest
from mipcheck.checker.verbs.mutate_fates import KILLED, chosen, fates
from mipcheck.model.specification.load import load


@pytest.mark.slow
@pytest.mark.parametrize("name", ["outer", "inner", "e9"])
def test_a_rule_that_is_left_out_is_noticed(name: str) -> None:
    spec = load(f"candidates/{name}")
    left_out = [m for m in chosen(spec, [], None, None) if m.what == "the rule is left out"]
    assert left_out
    found = fates(spec, left_out, [], 20.0)
    assert [f.mutant.where for f in found if f.fate != KILLED] == []
