"""What a capture may be unable to show is said by the specification: `seen log, capture unless …`."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources

import pytest
from mipcheck.checker.check.check import judge
from mipcheck.checker.inputs.read import read_trace
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.model.language import syntax as s
from mipcheck.model.language.errors import SpecError
from mipcheck.model.language.parse import parse
from mipcheck.model.language.show_module import show
from mipcheck.model.specification.load import load, loads
from mipcheck.model.specification.spec import Spec

from making.paths import TRACES

DRAFT = resources.files("mipcheck.specs").joinpath("draft-01.spec").read_text("utf-8")
CLAUSE = " unless path = vpn"
INSIDE = TRACES / "inside-colocated.log"

SPEC = """\
spec small "a small one"
enum way { open, covered }
event probe(way: way, hops: int) by node seen log, capture%s "a probe"
interface { inside: bool = false }
rule R1 MUST cite 4 "one" allow probe(way = covered) only if inside
rule R2 MUST cite 4 "two" allow probe(way = open) only if inside
rule R3 MUST cite 4 "three" allow probe only if inside
rule R4 MUST cite 4 "four" allow probe(hops > 3, way = covered) only if inside
rule R5 MUST cite 4 "five" allow probe(not (way = covered)) only if inside
rule R6 MUST cite 4 "six" allow probe(way = open), probe(way = covered) only if inside
rule R7 MUST cite 4 "seven" configure 1 < 2
define deep = way = covered and hops > 1
rule R8 MUST cite 4 "eight" allow probe(deep) only if inside
"""


def hidden(spec: Spec) -> list[str]:
    """The rules with a pattern all of whose events may be hidden."""
    return [
        rule.id
        for rule in spec.rules.values()
        if any(spec.events[p.event].hides(p.condition) for p in rule.body.patterns)
    ]


def test_patterns_that_ask_for_what_may_be_hidden() -> None:
    assert hidden(loads(SPEC % "")) == []
    assert hidden(loads(SPEC % " unless way = covered")) == ["R1", "R4", "R6", "R8"]
    assert hidden(loads(SPEC % " unless way = covered and hops > 3")) == ["R4"]


@pytest.mark.parametrize("clause", ["", " unless way = covered", " unless way = covered and hops > 3"])
def test_it_is_printed_as_it_is_read(clause: str) -> None:
    module = parse(SPEC % clause, "small.spec")
    assert parse(show(module), "small.spec") == module
    (event,) = (d for d in module.declarations if isinstance(d, s.EventDecl))
    assert (event.hidden is None) == (not clause) and event.text == "a probe"


@pytest.mark.parametrize(
    ("clause", "message"),
    [
        (" unless wey = covered", "way"),
        (" unless inside", "inside"),
        (" unless hops", "bool"),
        (" unless now > 3 s", "now"),
    ],
)
def test_only_keys_tell_it(clause: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        loads(SPEC % clause)


def test_what_is_in_no_capture_cannot_be_hidden_there() -> None:
    text = (SPEC % " unless way = covered").replace("seen log, capture", "seen log")
    with pytest.raises(SpecError, match="what a capture may be unable to show"):
        loads(text)


@pytest.mark.slow
def test_registrations_through_the_vpn_may_be_hidden() -> None:
    assert set(hidden(load("draft-01"))) == {"C4", "L3", "V1", "V2", "V5", "V6", "V7", "V10", "V11", "V13"}
    assert set(hidden(load("rfc5265"))) == {"L3", "V1", "V2", "V5", "V10"}


@pytest.mark.slow
@pytest.mark.parametrize("said", [True, False])
def test_the_checker_knows_it_from_the_specification_alone(said: bool) -> None:
    text = DRAFT if said else DRAFT.replace(CLAUSE, "")
    assert (CLAUSE in text) == said
    spec = loads(text)
    trace = read_trace([str(INSIDE)], vocabulary_of(spec))
    blind = replace(trace, inputs=tuple(replace(i, hidden=("inside ESP",)) for i in trace.inputs))
    status = {rule.id: rule.status for rule in judge(spec, blind).rules}
    assert status["V1"] == ("unobservable" if said else "not-exercised")
    assert status["D1"] == "held"
