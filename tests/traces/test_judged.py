"""What is said of every example trace, to the last count: `UPDATE=1 pytest tests/traces/test_judged.py` writes it anew.

Nobody has to believe every number; but a change of a specification, or of what judges, shows here which traces are
judged otherwise. `mipcheck mutate` calls a mutant noticed by a trace where this file would differ.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from mipcheck.checker.verbs.mutate_fates import Jury
from mipcheck.model.specification.load import load

from making.paths import TRACES

JUDGED = Path(__file__).parent / "judged"
SPECS = ("draft-01", "rfc5265")


@pytest.mark.slow
@pytest.mark.parametrize("name", SPECS)
def test_every_trace_is_judged_as_it_was(name: str) -> None:
    got = {w.name: w.outcome for w in Jury(load(name), None, 1.0).witnesses}
    path = JUDGED / f"{name}.json"
    if os.environ.get("UPDATE"):
        lines = [f"{json.dumps(n)}: {json.dumps(o)}" for n, o in sorted(got.items())]
        path.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    expected = json.loads(path.read_text("utf-8"))
    assert set(got) == set(expected)
    others = [trace for trace, outcome in expected.items() if got[trace] != outcome]
    assert not others, "judged otherwise; if that is meant, UPDATE=1 writes it anew: read the difference"


@pytest.mark.parametrize("name", SPECS)
def test_every_trace_that_a_specification_has_words_for_is_asked(name: str) -> None:
    judged = json.loads((JUDGED / f"{name}.json").read_text("utf-8"))
    for path in (TRACES / "walks" / name).glob("*.log"):
        assert path.stem in judged
    assert {"inside-colocated", "d1-broken"} <= set(judged)
