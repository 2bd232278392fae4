"""`extend` and `drop event`: what another file declares, with more words and keys, or without an event."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.model.language.errors import SpecError
from mipcheck.model.prover.prove import prove
from mipcheck.model.specification.load import load
from mipcheck.model.specification.spec import Spec

BASE = """spec base "b"
enum agent { home, visited }
set flags { D, T }
event link(state: {up, down}) by node seen log "t"
event other(to: agent, flags: flags) by node seen log "t"
interface { mode: {a, b} = a  up: bool = false  sent: bool = true }
table seen_as by what: {up, down} { kind: {x, y} = x }
on link { up := state = up  seen_as[state] := {} }
on link, other { mode := b }
on other(to = home, T in flags) { sent := true }
rule R1 MUST cite 1 "t" allow link, other only if up or mode = a or up in seen_as and seen_as[up].kind = x
rule R2 MUST cite 1 "t" allow link only if up or sent
property p "t" whenever other: up or mode = a
role server {
  event hears(what: {call, mail}) by network seen log "t"
  node { heard: {call, mail} = call }
  on hears { heard := what }
  property q "t" invariant heard = call or heard = mail
}
"""
Extended = Callable[[str], Spec]


@pytest.fixture
def extended(tmp_path: Path) -> Extended:
    def loaded(text: str) -> Spec:
        (tmp_path / "base.spec").write_text(BASE)
        (tmp_path / "more.spec").write_text(f"spec more extends base {text}")
        return load(str(tmp_path / "more.spec"))

    return loaded


def test_more_words_and_keys(extended: Extended, tmp_path: Path) -> None:
    spec = extended("""
        extend enum agent { third }  extend set flags { X }
        extend event link(state: {dormant}, port?: int)
        extend interface { mode: {c} }
        extend table seen_as { what: {dormant} kind: {z} }
        on other(to = third, X in flags) { mode := c }
        on link(state = dormant, port = 5) { seen_as[dormant] := { kind := z } }
        rule R3 MUST cite 1 "t" allow other only if mode != c and not dormant in seen_as
        property thrice "t" invariant mode != c
        property dozes "t" whenever other(to = third): not dormant in seen_as""")
    assert spec.warnings == ()
    assert spec.enums["agent"].members == ("home", "visited", "third")
    assert [(k.name, k.optional) for k in spec.events["link"].keys] == [("state", False), ("port", True)]
    results = {r.name: r for r in prove(["thrice", "dozes"], spec=spec, with_needs=False)}
    assert {n: r.result for n, r in results.items()} == {"thrice": "refuted", "dozes": "proved"}
    log = tmp_path / "x.log"
    log.write_text("mipcheck-trace 1\nsite boot=true\n1 eth0 other to=third flags=DX\n2 eth0 other to=home flags=T\n"
                   "3 eth0 link state=dormant port=5\n")  # fmt: skip
    assert {v.rule for v in check([log], spec=spec).violations} == {"R1", "R3"}
    assert spec.roles["server"].events["hears"].keys[0].type.members == ("call", "mail")


def test_a_role_is_extended_inside_its_block(extended: Extended) -> None:
    spec = extended("role server { extend event hears(what: {visit}) extend node { heard: {visit} } }")
    assert spec.roles["server"].variables["heard"].type.members == ("call", "mail", "visit")
    (result,) = prove(["q"], spec=spec, with_needs=False)
    assert result.result == "refuted"


def test_an_event_that_is_dropped_takes_updates_and_patterns_along(extended: Extended) -> None:
    spec = extended("drop event other drop property p")
    assert list(spec.events) == ["link"] and len(spec.updates) == 2
    assert [p.event for p in spec.rules["R1"].body.patterns] == ["link"]
    spec = extended('drop event link event link(state: {up, down}, port: int) by node seen log "anew"')
    assert len(spec.updates) == 3 and len(spec.events["link"].keys) == 2
    assert "hears" in extended("drop event link drop rule R2").roles["server"].events


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extend enum agnt { x }", 'there is no enum "agnt" to extend.*did you mean "agent"?'),
        ("extend set agent { x }", 'there is no set "agent" to extend'),
        ("extend enum agent { home }", '"home" stands twice in agent'),
        ("extend enum agent { now }", '"now" is a word of the language'),
        ("extend event lnk(x: int)", 'there is no event "lnk" to extend.*did you mean "link"?'),
        ("extend event link(up: int)", 'key "up" could not be told from the state'),
        ("extend event link(x: nothing)", 'more.spec:1:45: unknown type "nothing"'),
        ("extend event link(state: int)", r"has a key \"state\" already.*state: \{…\}"),
        ("extend event other(to: {x})", 'has a key "to" already.*extend enum agent'),
        ("extend event link(state: {up})", '"up" stands twice'),
        ("extend event link(state: {dormant})", "base.spec.*types without a name are one where they have the same"),
        ("extend node { mode: {c} }", 'there is no "mode" in state of the node'),
        ("extend interface { up: {c} }", '"up" is of type bool'),
        ("extend table seen { what: {c} }", 'there is no table "seen" to extend.*did you mean "seen_as"?'),
        ("extend table seen_as { kin: {c} }", 'there is no "kin" in seen_as to extend.*did you mean "kind"?'),
        ("drop event lnk", 'there is no event "lnk" to drop.*did you mean "link"?'),
        ("drop event link", "rule R2 is about link alone.*drop or override R2 as well"),
        ("drop event other", "property p is about other alone.*drop or override p as well"),
        ("drop event link drop rule R2 on link { up := true }", 'more.spec:1:56: unknown event "link"'),
    ],
)
def test_what_cannot_be_extended_or_dropped(extended: Extended, text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        extended(text)
    assert re.search(message, str(caught.value), re.S)
