"""The example traces get the verdicts that stand beside them, and real captures theirs where they are at hand."""

from __future__ import annotations

import json
import tomllib

import pytest
from mipcheck.checker.check.check import check

from making.paths import OTHERS, TRACES

EXPECTED = tomllib.loads((TRACES / "expected.toml").read_text("utf-8"))


def test_every_trace_has_its_expectation() -> None:
    assert {p.stem for p in TRACES.glob("*.log")} == set(EXPECTED)
    assert len(EXPECTED) >= 10


@pytest.mark.parametrize("name", EXPECTED)
def test_trace(name: str) -> None:
    expected = EXPECTED[name]
    report = check([str(TRACES / f"{name}.log")])
    assert report.verdict == expected["verdict"]
    assert sorted(r.id for r in report.rules if r.status == "violated") == expected.get("broken", [])
    if "held" in expected:
        assert sorted(r.id for r in report.rules if r.status == "held") == expected["held"]
    if first := expected.get("first"):
        v = report.violations[0]
        found = {"rule": v.rule, "interface": v.interface, "line": v.at.line, "node": v.node}
        assert {key: found[key] for key in first} == first


def _truths() -> list[str]:
    return sorted(p.stem for p in OTHERS.glob("*.json")) if OTHERS.is_dir() else []


@pytest.mark.parametrize("name", _truths() or [pytest.param("none", marks=pytest.mark.skip("no captures at hand"))])
def test_real_capture(name: str) -> None:
    """Captures of software that we did not write; they are not part of the project."""
    truth = json.loads((OTHERS / f"{name}.json").read_text("utf-8"))
    (capture,) = OTHERS.glob(f"{name}.pcap*")
    report = check([str(capture)], config=str(OTHERS / f"{name}.toml"))
    musts = [v for v in report.violations if v.level == "MUST"]
    if truth["verdict"] is None:
        pytest.skip(truth["note"])
    right = truth["verdict"] if isinstance(truth["verdict"], list) else [truth["verdict"]]
    assert report.verdict in right, [(v.rule, v.at) for v in musts]
    if truth["verdict"] == "violation":
        first = min(musts, key=lambda v: v.time)
        assert first.section in truth["sections"]
        assert first.at.frame == truth["at_frame"]
        assert truth.get("interface") in (None, first.interface)
