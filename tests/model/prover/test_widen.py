"""For how many interfaces a proof is, and for which values."""

from __future__ import annotations

import pytest
from mipcheck.checker.verbs.prove_results import prove_one
from mipcheck.model.prover.form import Form
from mipcheck.model.prover.free import values
from mipcheck.model.prover.prove import Result
from mipcheck.model.prover.setting import setting_of
from mipcheck.model.specification.load import loads


def result(text: str, name: str = "p", **given: int) -> Result:
    return prove_one(loads(text), name, given, [], with_needs=False).result


NAMED = """
spec small
event take() by network seen log
event go() by node seen log
interface { mine: bool = false }
node { first: interface = none  second: interface = none  third: interface = none  many: int = 0 }
on take when first = none { first := this }
on take when first != none and second = none and this != first { second := this }
on take when first != none and second != none and third = none and this != first and this != second { third := this }
rule A MUST cite 1 "x" allow go only if third = none
property two "there is no second" whenever go: second = none
property p "there is no third" invariant third = none
property any "who is first is not second" invariant first = none or first != second
"""


def test_what_two_interfaces_prove_three_may_refute() -> None:
    found = result(NAMED)
    assert found.result == "refuted"
    assert found.trace is not None and len({e.interface for e in found.trace.events}) == 3


def test_one_interface_stands_for_any_number() -> None:
    found = result(NAMED, "any")
    assert (found.result, found.interfaces) == ("proved", "any")
    assert result(NAMED, "two").result == "refuted"


COUNTED = """
spec small
event take() by network seen log
event go() by node seen log
interface { mine: bool = false }
node { busy: bool = false }
on take when not (some interface: mine) { mine := true; busy := true }
rule A MUST cite 1 "x" allow go only if (every interface: mine implies busy)
property p "nobody is busy where nobody is" whenever go: mine implies busy
property q "one at most" invariant mine implies busy
property r "there is one" invariant busy implies (some interface: mine)
property s "no two" whenever go: not (mine and busy) or (every interface: mine)
"""


@pytest.mark.parametrize(("name", "answer", "interfaces"),
                         [("p", "proved", "any"), ("q", "proved", "any"), ("s", "refuted", None)])  # fmt: skip
def test_some_and_every_interface_of_any_number(name: str, answer: str, interfaces: str | None) -> None:
    found = result(COUNTED, name)
    assert (found.result, found.interfaces) == (answer, interfaces)


def test_what_is_not_proved_of_any_number_is_said_of_how_many() -> None:
    found = result(COUNTED, "r")
    assert (found.result, found.interfaces) == ("proved", "3")
    assert "three interfaces" in found.method


VALUES = """
spec small
site home, other
param limit: time = 60 s
param often: time = 20 s
param longest: time = max(60 s, often)
param idle: time = 5 s
param many: int = 3
param loud: bool = false
param asked: time = 1 s
event ring(from: address, n: int) by network seen log
event go(to: address) by node seen log
interface { rung: bool = false  last: time = 0 s  count: int = 0 }
ghost interface { truly: time = 0 s }
on ring(from = site.home) { rung := true; last := now; truly := now; count := n * many }
rule A MUST cite 1 "x" allow go only if rung and now - last <= longest and (loud or to = site.home)
rule B SHOULD cite 1 "x" allow go only if given asked implies now - last <= asked
property p "whatever the limit" whenever go: now - truly <= longest
property q "of a minute" whenever go: now - truly <= 60 s
property r "quiet" whenever go: to = site.home
"""


def test_all_values() -> None:
    found = result(VALUES)
    assert found.result == "proved" and found.for_all is not None
    assert set(found.for_all) == {
        "limit",
        "often",
        "longest",
        "idle",
        "loud",
        "site.home",
        "site.other",
    }  # many multiplies


@pytest.mark.slow
def test_a_default_is_what_it_says_of_the_others() -> None:
    """`longest` is 60 s, but not for all values of `often`: these decide it where the site does not."""
    found = result(VALUES, "q")
    assert found.result == "proved" and found.for_all is not None
    assert not {"often", "longest", "asked"} & set(found.for_all)
    assert {"limit", "idle", "loud", "site.home"} <= set(found.for_all)
    given = result(VALUES, "q", longest=30 * 10**9)
    assert given.for_all is not None and "often" in given.for_all and "longest" not in given.for_all
    assert result(VALUES, "q", often=61 * 10**9).result == "refuted"
    assert result(VALUES, "q", often=61 * 10**9, longest=60 * 10**9).result == "proved"


@pytest.mark.slow
def test_words_and_truths_are_values_too() -> None:
    found = result(VALUES, "r")
    assert found.result == "proved" and found.for_all is not None
    assert "loud" not in found.for_all and "site.home" in found.for_all
    assert result(VALUES, "r", loud=1).result == "refuted"


TOLD = """
spec small
param long: time = 1 s
event go() by node seen log
node { told: bool = given long }
on go { told := told }
rule A MUST cite 1 "x" allow go only if not told or long > 0 s
property p "not if it is given" invariant not told
"""


def test_what_is_asked_for_at_first_has_one_value() -> None:
    """Whether a parameter is given decides what state is at first: then a proof is not for all its values."""
    found = result(TOLD)
    assert (found.result, found.for_all) == ("proved", ())
    assert result(TOLD, long=10**9).result == "refuted"


def test_symbols_take_the_place_of_what_is_free() -> None:
    setting = setting_of(loads(VALUES))
    parameters, site = values(setting, Form("any", ("often", "site.home")))
    assert str(parameters["longest"]) == "If(60 >= often, 60, often)"
    assert parameters["limit"] == 60 * 10**9
    assert str(site["home"]) == "site.home" and site["other"] == setting.site["other"]
