"""Roles, statements, open questions, forms of layers, and what an extending document confirms."""

from __future__ import annotations

from pathlib import Path

import pytest
from mipcheck.model.language.errors import SpecError
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import load
from mipcheck.model.specification.spec import Spec

BASE = """\
spec base "A device and its nodes"
document "base.txt"
enum access_mode { near, far }
capability extra "something optional"
param octets: int = 8
layer mip "Mobile IP" as ip adds 20, nothing adds 0 given extra
layer tunnel protects as esp adds 12 + octets
access near = mip colocated
access far = tunnel, mip foreign-agent needs extra "from far away"
event mode(name: access_mode)  by node seen log
event rrq(coa: address)  by node seen log
interface { asked: bool = false }
on rrq { asked := true }
ambiguity early cite 2 lines 5-6 "May it be early?"
  reading no "it would be rash"
  reading yes "nothing forbids it"
rule A MUST cite 1 lines 1-2 "Far needs something." allow mode(name uses tunnel) only if capability extra and asked
rule B MUST cite 1 lines 3-4 "Ask first." allow mode(name uses mip colocated) only if asked or early = yes
statement S MUST cite 3 lines 7-7 "It is said." by A, extra, device
statement T MAY cite 3 "It is for people." because "it addresses people"
role device tracks home "the device" {
  event ask(home: address)  by network seen log
  event grant(home: address)  by node seen log
  interface { asked: bool = false }
  on ask { asked := true }
  rule G MUST cite 4 "Nothing unasked." allow grant only if asked or early = yes
  property p "As said." whenever grant: asked or early = yes
}
"""


def _load(tmp_path: Path, text: str, name: str = "base", **readings: str) -> Spec:
    path = tmp_path / f"{name}.spec"
    path.write_text(text, "utf-8")
    return load(str(path), readings)


def _message(tmp_path: Path, text: str, name: str = "base") -> str:
    with pytest.raises(SpecError) as caught:
        _load(tmp_path, text, name)
    return str(caught.value).split("\n")[0].rpartition("spec:")[2]


@pytest.fixture
def base(tmp_path: Path) -> Spec:
    return _load(tmp_path, BASE)


def test_layers_and_modes(base: Spec) -> None:
    assert base.warnings == ()
    assert [f.headers for f in base.layers["mip"].usable()] == ["ip"]
    assert [f.given for f in base.layers["mip"].forms] == ["", "extra"]
    assert base.accesses["far"].needs == ("extra",) and base.accesses["far"].text == "from far away"
    assert base.accesses["near"].uses("mip", "colocated") and not base.accesses["far"].uses("mip", "colocated")


def test_roles_have_their_own_events_and_share_the_rest(base: Spec) -> None:
    device = base.for_role("device")
    assert list(base.events) == ["mode", "rrq"] and list(device.events) == ["ask", "grant"]
    assert list(base.rules) == ["A", "B"] and list(device.rules) == ["G"]
    assert device.parameters == base.parameters and device.accesses == base.accesses
    assert (device.role, device.tracks, device.role_text) == ("device", "home", "the device")
    assert base.machines() == [base, device] and base.for_role("mn") is base
    with pytest.raises(KeyError):
        base.for_role("other")


def test_statements(base: Spec) -> None:
    s, t = base.statements["S"], base.statements["T"]
    assert (s.level, s.by, s.cite[0].lines) == ("MUST", ("A", "extra", "device"), (7, 7))
    assert (t.by, t.because) == ((), "it addresses people")


@pytest.mark.parametrize(("reading", "allowed"), [("no", False), ("yes", True)])
def test_an_open_question_is_answered_for_every_role(tmp_path: Path, reading: str, allowed: bool) -> None:
    spec = _load(tmp_path, BASE, early=reading)
    assert spec.parameters["early"].reading == reading
    for role, kind, number in (("mn", "mode", 1), ("device", "grant", 0)):
        machine = Machine(spec.for_role(role), configure(spec, {}), {})
        state, node = machine.initial_interface(), machine.initial_node()
        keys = machine.encode(kind, {"name": "near"} if kind == "mode" else {"home": 7})
        outcomes = machine.steps[kind](0, 0, state, node, [state], keys, 0, [-1] * len(state), [-1] * len(node))
        assert (number, int(allowed)) in list(outcomes)


def test_modes_and_capabilities_in_conditions(base: Spec) -> None:
    for capabilities in (frozenset[str](), frozenset({"extra"})):
        machine = Machine(base, configure(base, {}), {}, capabilities)
        state, node = machine.initial_interface(), machine.initial_node()
        state[machine.interface_slots["asked"]] = 1
        keys = machine.encode("mode", {"name": "far"})
        outcomes = machine.steps["mode"](0, 0, state, node, [state], keys, 0, [-1] * len(state), [-1] * len(node))
        assert list(outcomes) == [(0, int("extra" in capabilities))]


@pytest.mark.parametrize(
    ("addition", "message"),
    [
        ("role a { role b { } }", "29:10: a role cannot stand inside another"),
        ("role a tracks home { event e(x: int) by node seen log }", '29:1: no event of role a has an address "home"'),
        ('role a { rule A MUST cite 1 "" configure true }', '29:10: rule "A" is declared for another role already'),
        ('statement U MUST cite 1 "" by Nobody', '29:1: nothing is called "Nobody"'),
        ('statement S MUST cite 1 "" by A', '29:1: statement "S" is declared twice'),
        ('ambiguity x "" reading a "" reading a ""', "29:1: "),
        ("default reading early maybe", '29:1: early has no reading "maybe"'),
        ("default reading late yes", '29:1: unknown rule "late"'),
        ("layer x as ip given nobody", '29:12: unknown capability "nobody"'),
        ("layer x as ip adds 20 s", "29:20: "),
        ("access near2 = mip needs nobody", '29:1: unknown capability "nobody"'),
        ('rule X MUST cite 1 "" allow mode(name uses vpn) only if true', '29:44: unknown layer "vpn"'),
        ('rule X MUST cite 1 "" allow mode(asked uses mip) only if true', "29:34: "),
        ('rule X MUST cite 1 "" allow mode(name uses mip colocted) only if true', "29:48: unknown kind of care-of"),
        ('rule X MUST cite 1 "" allow rrq only if capability nobody', '29:41: unknown capability "nobody"'),
        ('confirm property A cite 1 ""', "29:1: "),
    ],
)
def test_mistakes(tmp_path: Path, addition: str, message: str) -> None:
    assert _message(tmp_path, BASE + addition).startswith(message)


def test_confirming(tmp_path: Path) -> None:
    _load(tmp_path, BASE)
    text = """\
spec later extends base
document "later.txt"
confirm rule A SHOULD cite 9 lines 1-1
confirm statement S cite 9 lines 2-2 "It is said again."
confirm rule G cite 9.1
drop rule B
drop statement T
override ambiguity early "May it be early after all?"
  reading yes "it says so now"
  reading no "as before"
"""
    spec = _load(tmp_path, text, "later")
    a, s, g = spec.rules["A"], spec.statements["S"], spec.roles["device"].rules["G"]
    assert (a.level, a.section, a.cite[0].document, a.text) == ("SHOULD", "9", "", "Far needs something.")
    assert (s.level, s.text, s.by) == ("MUST", "It is said again.", ("A", "extra", "device"))
    assert g.section == "9.1"
    assert spec.parameters["early"].reading == "yes"
    assert spec.roles["device"].properties["p"].name == "p"
    untouched = _load(tmp_path, 'spec bare extends base\ndocument "bare.txt"\n', "bare")
    assert untouched.rules["A"].cite[0].document == "base.txt"


@pytest.mark.parametrize(
    ("addition", "message"),
    [
        ("confirm rule Nobody cite 1", '3:1: there is no rule "Nobody"'),
        ("confirm property p MUST cite 1", "3:1: a property has no level"),
        ("drop capability extra", ""),
    ],
)
def test_mistakes_in_confirming(tmp_path: Path, addition: str, message: str) -> None:
    _load(tmp_path, BASE)
    text = f'spec later extends base\ndocument "later.txt"\n{addition}\n'
    assert _message(tmp_path, text, "later").startswith(message)
