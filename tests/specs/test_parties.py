"""The draft's other parties: home agents, gateway and foreign agent; what is proved of them, how they are judged."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mipcheck.checker.check.check import check, resolved
from mipcheck.checker.proofs.replayed import agree, needed_by, trace_text
from mipcheck.checker.verbs.prove_results import Answered, prove_one
from mipcheck.model.prover.examples import Examples
from mipcheck.model.prover.prove import prove
from mipcheck.model.prover.setting import setting_of
from mipcheck.model.specification.claimed import Consistent
from mipcheck.model.specification.load import load, loads
from mipcheck.model.specification.spec import EventType

from making.devices import TEXT, log
from making.paths import TRACES

DRAFT = load()
ROLES = list(DRAFT.roles)
README = (TRACES / "README.md").read_text("utf-8")


def row(kind: EventType) -> str:
    """An event as the table in traces/README.md shows it."""
    shown = []
    for key in kind.keys:
        few = key.type.is_enum and len(key.type.members) <= 6
        word = f"{key.name}={'|'.join(key.type.members) if few else ''}".replace("|", "\\|")
        shown.append(f"[{word}]" if key.optional else word)
    return f"| `{kind.name}` | `{' '.join(shown)}` | {' '.join(kind.text.split())} |"


@pytest.mark.parametrize("role", ROLES)
def test_the_table_of_events_is_the_specifications(role: str) -> None:
    section = README.split(f"### role={role}: ")[1].split("\n\n#")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert rows == [row(e) for e in DRAFT.for_role(role).events.values() if e.seen]


@pytest.mark.parametrize("role", ROLES)
def test_that_a_role_is_consistent_is_among_what_is_said_of_it(role: str) -> None:
    assert any(isinstance(p.claim, Consistent) for p in DRAFT.for_role(role).properties.values())


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_every_rule_of_a_role_has_a_trace_that_keeps_it_and_one_that_breaks_it(role: str) -> None:
    spec = DRAFT.for_role(role)
    examples = Examples(setting_of(spec))
    for rule in spec.rules:
        for broken in (False, True):
            trace = examples.find(rule, broken, pretty=False)
            assert trace is not None
            assert trace.broken == ({rule} if broken else set())
            agree(spec, trace_text(spec, trace, {}), trace.broken)


# What a property fails without, and the event that then goes wrong.
FAILS = [
    ("vpn_always_reverse_tunnels", "GW15", "relay .*what=data from=node to=correspondent"),
    ("vpn_drops_without_binding_or_sa", "GW17", "relay .*what=data from=iha to=node"),
    ("vpn_drops_without_binding_or_sa", "GW18", "relay .*what=data"),
    ("vpn_fa_excludes_dynamic_home", "GW14", "relay .*what=rrq"),
    ("vpn_fa_was_negotiated", "GW3", "sa .*state=up"),
    ("vpn_fa_serves_its_own", "GW12", "relay .*what=rrq"),
    ("vpn_fa_serves_its_own", "GW25", "relay .*what=rrq"),
    ("vpn_passes_answers_alone", "GW27", "relay .*what=rrp"),
    ("vpn_asks_nothing_by_itself", "GW26", "relay .*what=rrq"),
    ("forged_never_moves_endpoint", "GW21", "endpoint "),
    ("endpoint_restored", "GW22", "relay .*to=node"),
    ("association_restored", "GW22", "relay .*to=node"),
    ("sa_may_outlive_return", "GW16", "relay .*what=data from=(mobile|other|node) to=node"),
    ("zot_identity", "XH6", "send .*how=switched .*fragment=yes"),
    ("zot_identity", "XH7", "rrp .*how=plain"),
    ("zot_identity", "XH8", "send .*how=switched carries=ipip"),
    ("zot_identity", "XH9", "pass "),
    ("zot_identity", "both_know", "(send|rrp|pass) "),
    ("zot_identity", "node_escapes", "pass "),
    ("zot_only_where_negotiated", "XH2", "pass .*how=switched"),
    ("iha_vouches_for_inside", "IH2", "rrp .*code=[01] "),
    ("iha_routes_by_trusted_bindings", "IH2", "tunnel "),
    ("iha_sends_where_the_node_is", "IH6", "tunnel "),
    ("xha_serves_the_registered", "XH10", "send "),
    ("xha_takes_from_the_registered", "XH10", "pass "),
    ("vpn_changes_no_request", "GW29", "relay .*what=rrq"),
    ("vpn_changes_no_reply", "GW30", "relay .*what=rrp"),
    ("vpn_passes_nothing_forged", "GW31", "relay .*from=node"),
    ("vpn_sends_to_its_node", "GW32", "relay .*to=node"),
    ("iha_reaches_through_the_nat", "IH6", "tunnel "),
    ("iha_reaches_through_the_nat", "IH7", "forward "),
    ("xha_reaches_through_the_nat", "XH11", "send "),
    ("xha_reaches_through_the_nat", "XH14", "pass "),
    ("fa_changes_no_request", "FA7", "relay .*what=rrq"),
    ("fa_changes_no_reply", "FA8", "relay .*what=rrp"),
    ("fa_serves_visitors", "FA3", "relay .*what=data"),
    ("fa_serves_visitors", "FA6", "relay .*what=data"),
    ("fa_passes_answers_alone", "FA2", "relay .*what=rrp"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "without", "last"), FAILS)
def test_what_a_property_fails_without(name: str, without: str, last: str) -> None:
    owner = next(m for m in DRAFT.machines() if name in m.properties)
    (result,) = prove([name], spec=owner, without=[without], with_needs=False)
    assert result.result == "refuted"
    assert result.trace is not None
    text = trace_text(owner, result.trace, {})
    agree(owner, text, result.trace.broken)
    assert f"site role={owner.role} " in text
    assert re.search(f"(eth0|wlan0) {last}", text.splitlines()[-1])


@pytest.mark.slow
def test_either_reading_of_port_434_keeps_packets_apart() -> None:
    other = resolved(DRAFT, {"zot_port_434": "registration"}).for_role("xha")
    assert [r.result for r in prove(["zot_identity"], spec=other, with_needs=False)] == ["proved"]
    (result,) = prove(["zot_identity"], spec=other, without=["XH8"], with_needs=False)
    assert result.trace is not None
    assert result.trace.events[-1].args["carries"] == "udp434"
    assert [r.result for r in prove(["zot_identity"], spec=other, without=["XH7"], with_needs=False)] == ["proved"]


def test_a_node_at_the_gateway_is_found_again_after_an_attack(tmp_path: Path) -> None:
    """A copy with another source authenticates and moves the endpoint; the node's next packet moves it back."""
    lines = """site role=vpn boot=true
0 out offer home=10.1.0.1 vendor=endpoint-update
0 out answer home=10.1.0.1 vendor=endpoint-update
0 out propose home=10.1.0.1 features=endpoint-update
0 out sa home=10.1.0.1 state=up features=endpoint-update peer=192.0.2.7 nat=no udp=no
1 out packet home=10.1.0.1 auth=ok peer=203.0.113.66
2 out relay home=10.1.0.1 what=data from=iha to=node dst=203.0.113.66
3 out packet home=10.1.0.1 auth=ok peer=192.0.2.7
4.5 out relay home=10.1.0.1 what=data from=iha to=node dst=%s
"""
    assert not check(log(tmp_path, lines % "192.0.2.7")).violations
    (violation,) = check(log(tmp_path, lines % "203.0.113.66")).violations
    assert (violation.rule, violation.node, violation.at.line) == ("GW22", "10.1.0.1", 10)


POLICY = "mode=tunnel endpoint=single remote=any selectors=any"
OVERLAP = {
    "vpn": """0 o offer home=10.1.0.1 vendor=vpn-fa
0 o answer home=10.1.0.1 vendor=vpn-fa
0 o propose home=10.1.0.1 features=vpn-fa plain=yes
0 o sa home=10.1.0.1 state=up features=vpn-fa peer=192.0.2.7 nat=no udp=no POLICY
1 o rrq home=10.1.0.1 coa=10.1.0.9 flags=T lifetime=60 id=0x1 dynamic=no
1 i relay home=10.1.0.1 what=rrq from=node to=iha
2 o rrq home=10.1.0.1 coa=10.1.0.9 flags=T lifetime=60 id=0x2 dynamic=no
3 i rrp home=10.1.0.1 code=0 lifetime=60 id={}
4 o relay home=10.1.0.1 what=data from=iha to=node dst=192.0.2.7
""",
    "iha": """1 e rrq home=10.1.0.1 coa=10.1.0.9 flags=T lifetime=60 id=0x1 auth=ok via=inside dynamic=no nat=no udp=no
2 e rrq home=10.1.0.1 coa=10.1.0.8 flags=T lifetime=60 id=0x2 auth=bad via=inside dynamic=no nat=no udp=no
3 e rrp home=10.1.0.1 code=0 lifetime=60 id={} udp=no
4 e tunnel home=10.1.0.1 coa=10.1.0.9
""",
    "fa": """0 e advert coa=203.0.113.1
1 e rrq home=10.1.0.1 to=xha coa=203.0.113.1 flags=T lifetime=60 id=0x1
1 e relay home=10.1.0.1 what=rrq from=node to=ha agent=xha
2 e rrq home=10.1.0.1 to=xha coa=203.0.113.1 flags=T lifetime=60 id=0x2
3 e rrp home=10.1.0.1 from=xha code=0 lifetime=60 id={}
3 e relay home=10.1.0.1 what=rrp from=ha to=node agent=xha
4 e relay home=10.1.0.1 what=data from=ha to=node agent=xha
""",
}


@pytest.mark.parametrize("role", OVERLAP)
def test_the_answer_to_a_request_before_the_newest_counts(tmp_path: Path, role: str) -> None:
    def verdict(id_: str) -> str:
        return check(
            log(tmp_path, f"site role={role} boot=true\n" + OVERLAP[role].format(id_).replace("POLICY", POLICY))
        ).verdict

    assert verdict("0x1") == "conformant"
    assert verdict("0x3") == "violation"  # that of no request does not


def test_permitted_is_refuted_by_an_event_that_a_must_forbids() -> None:
    def proved(when: str) -> Answered:
        added = f'property free "free" permitted relay when {when} property relays_bound'
        return prove_one(loads(TEXT.replace("property relays_bound", added)).for_role("vpn"), "free", {}, [])

    assert proved("bound").result.result == "proved"
    found = proved("resets = 0")
    assert found.result.result == "refuted"
    assert found.counterexample.splitlines()[-1] == "0.000000 eth0 relay home=10.1.0.100"


@pytest.mark.slow
def test_a_rule_knows_the_properties_that_fail_without_it() -> None:
    xha, vpn = DRAFT.for_role("xha"), DRAFT.for_role("vpn")
    assert needed_by(xha, "XH7") == ["zot_identity"]  # whose proof takes rules on other events too
    assert needed_by(vpn, "GW22") == ["endpoint_restored", "association_restored"]
    assert needed_by(vpn, "GW8") == []
