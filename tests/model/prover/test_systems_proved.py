"""Systems: what arrives is what the attacker can make arrive, no more and no less; proofs and traces of them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Final

import pytest
from mipcheck.model.prover import spacer
from mipcheck.model.prover.prove import Result, prove
from mipcheck.model.prover.scripts import Followed, Script, ScriptStep, Unfollowed
from mipcheck.model.prover.setting import setting_of
from mipcheck.model.prover.symbolic import World
from mipcheck.model.specification.compose import owners
from mipcheck.model.specification.load import loads
from mipcheck.model.specification.spec import Spec

from making.systems import CHANNEL, PARTIES, SYSTEM

Message = tuple[int, int]
"""What identifies a message, and its outer address."""
SENT, ARRIVED = "mobile/sends", "gateway/arrives"
MS: Final = 10**6
POWERS: Final = [
    (), ("delay",), ("replay",), ("alter",), ("forge",), ("knows esp",), ("delay", "alter"), ("replay", "alter"),
    ("delay", "replay"), ("delay", "forge"),
]  # fmt: skip


def may_arrive(before: Sequence[tuple[str, Message]], message: Message, powers: Sequence[str], key: bool) -> bool:
    """What the guide says of a network and an attacker, in Python: may this arrive, after what was sent and arrived?"""
    if ("knows esp" if key else "forge") in powers:
        return True

    def same(m: Message) -> bool:
        return m[0] == message[0] and ("alter" in powers or m[1] == message[1])

    sent = [m for what, m in before if what == SENT]
    arrived = [m for what, m in before if what == ARRIVED]
    if "replay" in powers:
        return any(map(same, sent))
    if "delay" in powers:
        return Counter(map(same, sent))[True] > Counter(map(same, arrived))[True]
    newest = max((n for n, (what, _) in enumerate(before) if what == SENT), default=None)
    return newest is not None and same(before[newest][1]) and all(what == SENT for what, _ in before[newest:])


def world_of(spec: Spec) -> World:
    return next(s for n, s in enumerate(setting_of(spec).trackings, 1) if n == (2 if spec.tables else 1)).world((), MS)


def happens(spec: Spec, world: World, run: Sequence[tuple[str, Message]]) -> bool:
    """Whether a run is one of the system, by the prover's own semantics; it is told which entries to follow."""
    own = dict.fromkeys(m for _, m in run)
    keys: dict[str, int] = {}
    for table in spec.tables.values():
        entries = list(dict.fromkeys(tuple(m[i] for i in range(len(table.keys))) for m in own))
        for n, entry in enumerate(entries[:2]):
            keys |= {f"{table.name}[{n}]#{part}.n": entry[i] for i, (part, _) in enumerate(table.keys)}
    steps = [
        ScriptStep(what, 0, n, {"id": m[0], "src": m[1], **({"dst": world.site["vpn"]} if what == SENT else {})})
        for n, (what, m) in enumerate(run)
    ]
    try:
        Followed(world, Script(MS, tuple(steps), keys))
    except Unfollowed:
        return False
    return True


@pytest.mark.parametrize("powers", POWERS, ids=" ".join)
@pytest.mark.parametrize("key", [True, False])
def test_what_arrives_is_what_the_attacker_can_make_arrive(powers: tuple[str, ...], key: bool) -> None:
    """Every run of three events about two messages is one of the composed specification just if it is possible; of four
    where it is counted how often a message may arrive."""
    if not key and "knows esp" in powers:
        return
    against = f" against {', '.join(powers)}" if powers else ""
    channel = CHANNEL if key else CHANNEL.replace("key esp", "")
    spec = owners(loads(f'{PARTIES}system both {{{channel} property p "…" invariant true{against} }}'))["p"]
    world = world_of(spec)
    for messages in ([(1, 7), (2, 8)], [(1, 7), (1, 8)]):
        events = list(itertools.product((SENT, ARRIVED), messages))
        for length in (1, 2, 3, 4) if powers == ("delay",) else (1, 2, 3):
            for run in itertools.product(events, repeat=length):
                if run[-1][0] == SENT or not all(
                    what == SENT or may_arrive(run[:n], m, powers, key) for n, (what, m) in enumerate(run[:-1])
                ):
                    continue  # nothing prevents sending, and what comes after the impossible says nothing
                assert happens(spec, world, run) == may_arrive(run[:-1], run[-1][1], powers, key), (powers, run)


def results(text: str, *names: str) -> dict[str, Result]:
    return {r.name: r for r in prove(names, spec=loads(text), with_needs=not names)}


@pytest.mark.slow
def test_what_is_proved_and_what_is_refuted() -> None:
    found = results(SYSTEM)
    assert {name: r.result for name, r in found.items()} == {
        "known_is_right": "proved",
        "no_stranger": "proved",
        "no_thief": "refuted",
        "no_copy": "refuted",
        "answers_find": "refuted",
    }
    assert found["no_stranger"].assumes == ("gateway.arrives by uplink",)
    assert [n.rule for n in found["no_stranger"].needs] == ["mobile.N1"], "a node that lies about its place is believed"
    assert "2 parties, an attacker who can forge, delay" in found["no_stranger"].method
    trace = found["no_copy"].trace
    assert trace is not None and [e.kind for e in trace.events] == [SENT, ARRIVED]


@pytest.mark.slow
def test_a_private_channel_is_out_of_reach() -> None:
    found = results(SYSTEM.replace("channel uplink", "channel uplink private"), "no_copy", "no_thief")
    assert found["no_copy"].result == found["no_thief"].result == "proved"


def test_of_two_channels_either_may_have_brought_it() -> None:
    """A second, open channel to the same event is another way for what arrives; a message is taken from one of them."""
    second = "  channel side from mobile.moves to gateway.arrives(id = 0) carries id = 0, src = to\n  ghost node"
    found = results(SYSTEM.replace("  ghost node", second, 1), "known_is_right", "no_stranger")
    assert found["known_is_right"].result == "proved"
    assert found["no_stranger"].result == "refuted", "what needs no key can be sent by anybody"


@pytest.mark.slow
def test_a_device_is_followed_for_one_mobile_node() -> None:
    text = """
    spec devices "a device that keeps what each node has told it"
    document "none"
    site ihoa, other
    event tells(home: address, what: {yes, no}) by node seen log
    rule N1 MUST cite 1 "Speaks of itself." allow tells only if home = site.ihoa
    role agent tracks home {
      event told(home: address, what: {yes, no}) by network seen log
      event acts(home: address) by node seen log
      node { willing: bool = false }
      on told { willing := what = yes }
      rule A1 MUST cite 1 "Acts where it is wanted." allow acts only if willing
    }
    system all {
      party a: mn  party b: mn with ihoa = other
      party for_a: agent  party for_b: agent for other
      channel one from a.tells, b.tells to for_a.told carries home, what
      channel two from a.tells, b.tells to for_b.told carries home, what
      ghost node { a_wants: bool = false  b_wants: bool = false }
      on a.tells { a_wants := a_wants or what = yes }
      on b.tells { b_wants := b_wants or what = yes }
      property own "Who has told nothing is not served." whenever for_a.acts: a_wants
      property other_one "Nor the other." whenever for_b.acts: b_wants
      property mixed "One of them is not the other." whenever for_b.acts: a_wants
    }
    """
    found = results(text)
    assert {n: r.result for n, r in found.items()} == {"own": "proved", "other_one": "proved", "mixed": "refuted"}
    assert {n.rule for n in found["own"].needs} == {"for_a.A1", "b.N1"}


def test_a_rule_is_dropped_wherever_a_party_has_it() -> None:
    (result,) = prove(["no_stranger"], spec=loads(SYSTEM), without=["N1"])
    assert result.result == "refuted"
    (result,) = prove(["known_is_right"], spec=loads(SYSTEM), without=["mobile.N1"])
    assert result.result == "proved"
    with pytest.raises(KeyError):
        prove(["known_is_right"], spec=loads(SYSTEM), without=["N2"])


NUMBERED: Final = """
spec numbered "a gateway that takes what is newer than all before"
document "none"
event moves(to: address) by node seen log
event tells(n: int, to: address) by node seen log
node { place: address = 0.0.0.0  count: int = 0 }
on moves { place := to }
on tells { count := n }
rule N1 MUST cite 1 "Tells where it is." allow tells only if to = place and n = count + 1
role vpn {
  event told(n: int, to: address) by network seen log
  event answers(dst: address) by node seen log
  node { newest: int = 0  endpoint: address = 0.0.0.0 }
  on told when n > newest { newest := n; endpoint := to }
  rule V1 MUST cite 1 "Answers go where the newest message says." allow answers only if dst = endpoint
}
system both {
  party mobile: mn
  party gateway: vpn
  channel signalling key ike from mobile.tells to gateway.told carries n, to
  ghost table been by place: address { }
  on mobile.moves { been[mobile.place] := { } }
  property there "Nobody has it answer where the node never was." invariant
    gateway.endpoint = 0.0.0.0 or gateway.endpoint = mobile.place or gateway.endpoint in been
    against delay, replay, alter, forge
  property behind "The gateway knows of nothing that was not sent." invariant gateway.newest <= mobile.count
}
"""


@pytest.mark.slow
def test_a_message_that_is_passed_over_is_not_the_one_that_is_followed() -> None:
    """What the gateway knows comes from the newest number, whatever old message has been brought again since."""
    (found,) = prove(["there"], spec=loads(NUMBERED), with_needs=False)
    assert found.result == "proved"
    (found,) = prove(["there"], spec=loads(NUMBERED.replace("when n > newest", "")), with_needs=False, without=["N1"])
    assert found.result == "refuted"


def test_which_of_two_numbers_is_greater_is_looked_for_before_spacer_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It finds orders of counters one value at a time: with them given, a proof that took a minute takes seconds."""
    monkeypatch.setattr(spacer, "_asked", lambda *_: spacer.Verdict("unknown", reason="not asked"))
    found = prove(["behind"], spec=loads(NUMBERED), with_needs=False)
    assert [r.result for r in found] == ["proved"]
