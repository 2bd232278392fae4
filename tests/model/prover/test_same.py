"""What is proved never to differ means the same; what differs is not, and least of all in what is only unclear."""

from __future__ import annotations

import pytest
from mipcheck.model.prover.same import never_differs
from mipcheck.model.specification.load import loads

pytestmark = pytest.mark.slow  # a third of a second each

LAMP = """\
spec lamp "a lamp on each interface"
document "lamp.txt"
param t_on: time = 5 s
param t_slack: time = 1 s
capability dimmer "it can be dimmed"
event press(force: int, id: id) by node seen log
event burn(id: id) by node seen log
event dim() by node seen log
event dark() by network silent
interface { lit: bool = false
  since: time = 0 s
  warm: bool = false
  power: int = 0
  spare: int = 0 }
table lamps by id: id limit 4 { bright: bool = false
  shown: bool = false }
ghost node { blind: bool = false }
on press(force > 0) { lit := true; since := now; warm := false; power := force }
on press(force = 0) { lit := false; spare := 1 }
on press(force > 0) when lit { warm := true }
on press { lamps[id] := { bright := force > 3 } }
on dark { blind := true }
rule R1 MUST cite 1 "" allow burn only if lit unclear if now - since > t_on
rule R2 MUST cite 2 "" require burn within t_on of since while lit
rule R3 MUST cite 3 "" allow burn when id in lamps and lamps[id].bright only if lit or warm
rule R4 MUST cite 4 "" allow dim only if not lit or power > 2 or warm
"""
SAME = [
    ("on press(force = 0) { lit := false; spare := 1 }", "on press(force = 0) { lit := false }"),  # nobody reads it
    ("when lit { warm", "when lit and (lit or warm) { warm"),
    ("on press(force > 0) { lit := true; since", "on press(force >= 1) { lit := true; since"),
    ("on dark { blind := true }", "on dark { blind := false }"),  # no property does
    ("unclear if now - since > t_on", "unclear if now - since > t_on and now > t_on"),  # no lamp was lit before 0 s
    ("power: int = 0", "power: int = 1"),  # no lamp is lit before it is set
]
OTHER = [
    ("now - since > t_on", "now - since >= t_on"),
    ("unclear if now - since > t_on", ""),
    ("unclear if now - since > t_on", "unclear if now - since > t_on and not lit"),  # what is kept may be unclear, too
    ("within t_on of", "within t_on + 1 s of"),
    ("lit := false; spare", "spare"),
    ("force > 3", "force > 4"),
    ("force > 0) when lit", "force > 0) when not lit"),
    ("warm: bool = false", "warm: bool = true"),
    ("allow burn when id in lamps and", "allow burn when id in lamps or not"),
    ("only if lit unclear", "only if lit or capability dimmer unclear"),
]


@pytest.mark.parametrize(("was", "now"), SAME)
def test_what_means_the_same_is_proved_to(was: str, now: str) -> None:
    assert was in LAMP
    assert never_differs(loads(LAMP), loads(LAMP.replace(was, now)))


@pytest.mark.parametrize(("was", "now"), OTHER)
def test_what_does_something_else_is_not(was: str, now: str) -> None:
    assert was in LAMP
    assert not never_differs(loads(LAMP), loads(LAMP.replace(was, now)))


def test_a_variable_is_not_taken_for_a_column_of_its_name() -> None:
    spec = LAMP.replace("power", "bright")
    assert never_differs(loads(spec), loads(spec.replace("bright: int = 0", "bright: int = 1")))


def test_what_is_watched_matters() -> None:
    was, now = SAME[0]
    assert not never_differs(loads(LAMP), loads(LAMP.replace(was, now)), ["spare"])


def test_a_property_watches_what_it_reads() -> None:
    spec = LAMP + 'property seen_dark "" invariant not blind\n'
    assert not never_differs(loads(spec), loads(spec.replace("blind := true", "blind := false")))
    assumed = spec + 'assumption bright "" on dark: blind\n'  # it never happens, then
    assert never_differs(loads(assumed), loads(assumed.replace("blind := true", "blind := false")))
