"""Systems as they are declared: what they become, and what cannot be said."""

from __future__ import annotations

from pathlib import Path

import pytest
from mipcheck.model.language.errors import SpecError
from mipcheck.model.language.parse import parse
from mipcheck.model.language.show_module import show
from mipcheck.model.specification.compose import compose, owners
from mipcheck.model.specification.load import load, loads
from mipcheck.model.specification.parties import attacker
from mipcheck.model.specification.spec import Spec

from making.systems import CHANNEL, PARTIES, SYSTEM


def refusal(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        loads(text)
    return str(caught.value).partition("\n")[0].partition(": ")[2]


def refused(inside: str) -> str:
    """The message about a system that has these declarations besides."""
    return refusal(f"{PARTIES}system both {{{CHANNEL}{inside}}}")


def composed(text: str, name: str) -> Spec:
    return owners(loads(text))[name]


def test_a_system_is_printed_as_it_was_written() -> None:
    text = SYSTEM.replace("party gateway: vpn", 'party gateway: vpn with vpn = vpn "the device"').replace(
        "channel uplink", "channel uplink private"
    )
    assert parse(show(parse(text))) == parse(text)


def test_nothing_is_odd_about_it() -> None:
    spec = loads(SYSTEM)
    assert spec.warnings == ()
    assert list(spec.systems) == ["both"] and list(spec.roles) == ["vpn"]
    assert [m.role for m in spec.machines()] == ["mn", "vpn"], "a system is no role of a trace"


def test_what_a_party_has_begins_with_its_name() -> None:
    spec = composed(SYSTEM, "known_is_right")
    assert list(spec.events) == ["mobile/moves", "mobile/sends", "gateway/arrives", "gateway/answers"]
    assert {"mobile/place", "gateway/endpoint", "known"} <= set(spec.variables)
    assert list(spec.rules) == ["mobile.N1", "gateway.V1"]
    assert list(spec.properties) == ["known_is_right"], "each property has an attacker of its own"


def test_two_parties_of_one_role_have_addresses_of_their_own() -> None:
    text = PARTIES.replace("site vpn", "site vpn, vpn_b").replace("src = place", "src = place and dst = site.vpn")
    system = 'system two { party a: mn  party b: mn with vpn = vpn_b  property p "…" invariant a.place = b.place }'
    rules = composed(text + system, "p").rules
    named = {name: {n for t in rule.terms() for n in t.names("site")} for name, rule in rules.items()}
    assert named == {"a.N1": {"vpn"}, "b.N1": {"vpn_b"}}


def test_a_system_may_be_taken_up_again(tmp_path: Path) -> None:
    (tmp_path / "walk.spec").write_text(SYSTEM, "utf-8")
    path = tmp_path / "more.spec"
    path.write_text(
        'spec more extends walk\ndrop property no_thief\nsystem both {\n  override channel uplink "ESP"\n'
        "    from mobile.sends to gateway.arrives carries id, outer src\n"
        '  property more_of_it "…" invariant gateway.endpoint = mobile.place against forge\n}\n',
        "utf-8",
    )
    spec = load(str(path))
    assert spec.warnings == ()
    assert "more_of_it" in owners(spec) and "no_thief" not in owners(spec)
    assert spec.systems["both"].channels["uplink"].key == ""
    path.write_text("spec more extends walk\ndrop system both\n", "utf-8")
    assert load(str(path)).systems == {}


def test_it_is_kept_for_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "walk.spec"
    path.write_text(SYSTEM, "utf-8")
    first, second = load(str(path)), load(str(path))
    own = first.systems["both"].properties["no_copy"]
    assert dict(second.systems) == dict(first.systems)
    assert compose(second, "both", own) == compose(first, "both", own)


def test_state_that_only_a_system_asks_for_serves_something() -> None:
    text = SYSTEM.replace("node { place", "node { moved: bool = false  place")
    text = text.replace("{ place := to }", "{ place := to; moved := true }")
    (warning,) = loads(text).warnings
    assert warning.endswith("state moved is never read")
    assert loads(text.replace("invariant\n    known", "invariant\n    mobile.moved and known")).warnings == ()


def test_an_attacker_is_told_in_words() -> None:
    assert attacker(()) == "a network that only loses"
    assert attacker(("knows mip", "alter", "delay")) == "an attacker who knows the key mip and can alter, delay"


def test_the_catalogue_knows_properties_of_systems() -> None:
    text = f'{SYSTEM}statement Q1 MUST cite 1 lines 3-4 "It is not stolen." by no_thief, both'
    assert loads(text).statements["Q1"].by == ("no_thief", "both")


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ("party third: nobody", 'unknown role "nobody"'),
        ("party third: mn with vpn = there", 'unknown site address "there"'),
        ("party third: mn for vpn", "role mn does not tell mobile nodes apart"),
        ("party mobile: mn", 'party "mobile" is declared twice'),
        ('rule R MUST cite 1 "…" allow mobile.moves only if true', "a system has no rules"),
        ("node { x: bool = false }", "nobody can see the state of a system"),
        ("ghost interface { x: bool = false }", "nobody can see the state of a system"),
        ("event odd() by node seen log", "an event of a system is by the network, and silent"),
        ("on mobile.moves { place := to }", 'no state "place" to assign'),
        ("on mobile.moves { remove uplink[1, to] }", '"uplink" is no table of the system'),
        ('property p "…" consistent', "this is claimed of each role by itself"),
        ('property p "…" invariant mobile.plac = 0.0.0.0', 'unknown name "mobile.plac"'),
        ('property p "…" invariant other.place = 0.0.0.0', 'unknown name "other.place"'),
        ('property p "…" whenever gateway.arives: true', 'unknown event "gateway.arives"'),
        ('property p "…" invariant true against replai', 'unknown power "replai"'),
        ('property p "…" invariant true against knows mip', 'no channel has the key "mip"'),
        ("channel c from mobile.sends to gateway.answers carries dst", '"gateway.answers" is what its party does, '
         "and cannot arrive"),
        ("channel c from mobile.moves to gateway.arrives carries src", 'unknown name "src" in event mobile.moves'),
        ("channel c from mobile.moves to gateway.arrives carries dst = to", '"gateway.arrives" has no key "dst" to '
         "carry"),
        ("channel c from mobile.sends to gateway.arrives carries id, id", '"id" is carried twice'),
    ],
)  # fmt: skip
def test_what_cannot_be_said(inside: str, message: str) -> None:
    assert refused(inside) == message


def test_what_stands_in_no_system() -> None:
    assert refusal(PARTIES + "party a: mn") == "a party can only stand in a system"
    assert refusal(PARTIES + CHANNEL.split("vpn", 1)[1]) == "a channel can only stand in a system"
    alone = 'property p "…" invariant true against replay'
    assert refusal(PARTIES + alone) == "only in a system is there anybody to be against"
    assert refusal(PARTIES + "system vpn { }") == '"vpn" is a role already'
    assert refusal(PARTIES + "system s { system t { } }") == "a system cannot stand inside a system"
    assert refusal(PARTIES + "system s { role t { } }") == "a role cannot stand inside a system"
    assert refusal(PARTIES + "role r { system t { } }") == "a system cannot stand inside a role"


def test_interfaces_of_two_parties_are_not_the_same_ones() -> None:
    text = PARTIES.replace("node { place", "interface { up: bool = false }\non moves { up := true }\nnode { place")
    text = text.replace("node { endpoint", "interface { on: bool = false }\non arrives { on := true }\nnode { endpoint")
    start = f"{text}system both {{{CHANNEL}"
    same = "interfaces of gateway and mobile are not the same ones"
    assert refusal(f'{start}property p "…" invariant mobile.up = gateway.on }}') == same
    assert refusal(f'{start}property p "…" whenever mobile.moves: gateway.on }}') == same
    assert refusal(f'{start}property p "…" invariant some interface: mobile.up and gateway.on }}') == same
    apart = "(some interface: mobile.up) or (some interface: gateway.on)"
    loads(f'{start}property p "…" invariant {apart} }}')
    loads(f'{start}property p "…" whenever mobile.moves: mobile.up or (some interface: gateway.on) }}')
