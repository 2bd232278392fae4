"""Captures at a gateway in columns: the same as frame by frame, and what columns cannot tell is left to that."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mipcheck.checker.capture.bulk.read import read_bulk
from mipcheck.checker.capture.device import crossing
from mipcheck.checker.capture.frames.frame import Frame
from mipcheck.checker.capture.headers.packet import Packet as CapturedPacket
from mipcheck.checker.capture.read import Decoder, read_captures
from mipcheck.checker.capture.survey import Surveyor
from mipcheck.checker.trace.columns import Columns
from scapy.layers.inet import IP, UDP, fragment

from making.at_device import CORRESPONDENT, MS, comes, file_of, leaves, words
from making.at_gateway import Traffic, cut
from making.depth import drawn
from making.in_columns import LINKS, Frames, as_captured, assert_same, protects, small, sources
from making.packets import IHA, VPN, number, reply

pytest.importorskip("llvmlite")
pytest.importorskip("cryptography")


@pytest.mark.slow
@settings(max_examples=drawn(20, 300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    nodes=st.sampled_from((1, 3, 8)),
    odd=st.sampled_from((0.0, 0.1, 0.5, 1.0)),
    damage=st.sampled_from((0.0, 0.0, 0.03, 0.3)),
    step=st.sampled_from((MS, 700 * MS, 3000 * MS)),
    chunk=st.sampled_from((7, 64, 5000)),
    link=st.sampled_from(LINKS),
    files=st.sampled_from((1, 1, 2)),
    registers=st.sampled_from((0.0, 0.3, 0.9)),
)
def test_any_traffic_comes_to_the_same(
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    nodes: int,
    odd: float,
    damage: float,
    step: int,
    chunk: int,
    link: str,
    files: int,
    registers: float,
) -> None:
    dice = random.Random(seed)
    small(monkeypatch, chunk, dice.choice((0, 2)))
    traffic = Traffic(dice, nodes, odd, registers)
    frames = cut(traffic.frames(120), dice, damage)
    assert_same([as_captured(frames[n::files], step, link) for n in range(files)], traffic.site)


@pytest.mark.slow
def test_most_of_it_stays_in_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the test above is about columns, and not about what was read one by one in their place."""
    small(monkeypatch, 64, 2)
    for seed in range(drawn(4, 20)):
        traffic = Traffic(random.Random(seed), 3)
        assert isinstance(assert_same([file_of(traffic.frames(120))], traffic.site), Columns)


def test_what_passes_twice_is_followed_packet_by_packet(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes from one node to another by way of the i-HA comes in twice, in the same flow."""
    small(monkeypatch, 5, 2)
    traffic = Traffic(random.Random(1), 2, 0.0)
    first, second = traffic.clients
    frames: Frames = []
    for n in range(6):
        packet = IP(src=first.home, dst=second.home, id=n) / UDP(sport=4000, dport=7777) / bytes(20)
        up, down = first.sealed(packet, True), second.sealed(packet, False)
        frames += [comes(up), leaves(packet, 1), comes(packet, 1), leaves(down)]
    events = assert_same([file_of(frames, 100 * MS)], traffic.site)
    assert isinstance(events, Columns)
    assert [e.kind for e in events].count(
        "relay"
    ) == 6  # of those that leave for the second node nobody knows whence they came


def test_what_came_in_fragments_is_recognised_as_it_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read in full, and what leaves in columns."""
    traffic = Traffic(random.Random(1), 1, 0.0)
    (client,) = traffic.clients
    packet = IP(src=client.home, dst=CORRESPONDENT, id=7) / UDP(sport=4000, dport=7777) / bytes(200)
    frames = [*(comes(p) for p in fragment(client.sealed(packet, True), 120)), leaves(packet, 1)]
    events = assert_same([file_of(frames)], traffic.site)
    assert isinstance(events, Columns)
    assert "relay" in {e.kind for e in events}


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize("cuts", [True, False])
def test_what_hardware_cuts_or_joins_is_followed_by_its_flow(
    monkeypatch: pytest.MonkeyPatch, up: bool, cuts: bool
) -> None:
    """One packet on one side of the gateway stands for several on the other: none of them is the same."""
    small(monkeypatch, 5, 2)
    traffic = Traffic(random.Random(3), 2, 0.0)
    first, second = traffic.clients
    frames = [f for client in (first, second, first) for f in traffic.offloaded(client, up, cuts)]
    events = assert_same([file_of(frames)], traffic.site)
    assert isinstance(events, Columns)
    told = [(e.args["home"], e.args["from"], e.args["to"]) for e in events if e.kind == "relay"]
    ends = ("node", "correspondent") if up else ("other", "node")
    leaving = 3 if cuts else 1
    homes = [number(client.home) for client in (first, second, first) for _ in range(leaving)]
    assert told == [(home, *ends) for home in homes]


def test_a_flow_that_comes_out_of_two_tunnels_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where packets themselves are recognised, they are followed all the same."""
    small(monkeypatch, 5, 2)
    traffic = Traffic(random.Random(3), 2, 0.0)
    first, second = traffic.clients
    shared = [IP(src=first.home, dst=CORRESPONDENT, id=n) / UDP(sport=4000, dport=7777) / bytes(20) for n in range(3)]
    own = [IP(src=second.home, dst=CORRESPONDENT, id=n) / UDP(dport=53) / b"own" for n in (8, 9)]
    frames = [comes(second.sealed(p, True)) for p in own]
    frames += [comes(first.sealed(shared[0], True)), comes(second.sealed(shared[1], True))]
    frames += [leaves(shared[2], 1), leaves(shared[1], 1), leaves(shared[0], 1)]
    events = assert_same([file_of(frames)], traffic.site)
    assert isinstance(events, Columns)
    homes = [e.args["home"] for e in events if e.kind == "relay"]
    assert homes == [number(second.home), number(first.home)]


def test_of_usual_registrations_few_are_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that thousands of nodes cost no more than as many look-ups: none is read in full but one of those alike."""
    taken: list[Frame] = []
    take = Decoder.take

    def counting(decoder: Decoder, frame: Frame) -> list[CapturedPacket]:
        taken.append(frame)
        return take(decoder, frame)

    traffic = Traffic(random.Random(5), 40, 0.0, 1.0)
    data = file_of(traffic.frames(400))
    monkeypatch.setattr(Decoder, "take", counting)
    _, events, _ = read_bulk(sources([data]), traffic.site, None, True, words("vpn"))
    assert isinstance(events, Columns)
    assert {"rrq", "rrp", "relay"} <= {e.kind for e in events}
    assert len(taken) < 80  # those with an extension that nobody knows
    monkeypatch.undo()
    assert_same([data], traffic.site)


def test_of_esp_that_fits_no_key_none_is_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much of it strangers send."""
    taken: list[Frame] = []
    take = Decoder.take

    def counting(decoder: Decoder, frame: Frame) -> list[CapturedPacket]:
        taken.append(frame)
        return take(decoder, frame)

    traffic = Traffic(random.Random(5), 4, 0.0)
    frames: Frames = [f for client in traffic.clients for f in traffic.offloaded(client, True, True)]
    for n in range(100):
        client = traffic.clients[n % 4]
        forged = bytes(client.up.spi.to_bytes(4)) + random.Random(n).randbytes(60 + n)
        frames.append(comes(IP(src=f"203.0.113.{n % 20}", dst=VPN, proto=50) / forged))
        frames.append(comes(IP(src=f"203.0.113.{n % 20}", dst=VPN) / UDP(sport=4500 + n % 2, dport=4500) / forged))
    data = file_of(frames)
    monkeypatch.setattr(Decoder, "take", counting)
    _, events, _ = read_bulk(sources([data]), traffic.site, None, True, words("vpn"))
    assert isinstance(events, Columns)
    assert [e.args.get("auth") for e in events].count("bad") >= 150
    assert len(taken) < 60
    monkeypatch.undo()
    small(monkeypatch, 7, 2)
    assert_same([data], traffic.site)


def test_a_denial_is_the_home_agents_once_it_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch, 3, 2)
    traffic = Traffic(random.Random(3), 1, 0.0)
    (client,) = traffic.clients
    answer = reply(VPN, IHA, client.home, id=7, code=75)
    passed = reply(client.home, IHA, client.home, VPN, id=7, code=75)
    down = [leaves(client.sealed(passed, False)) for _ in range(3)]
    events = assert_same([file_of([*down[:2], comes(answer, 1), down[2]])], traffic.site)
    assert isinstance(events, Columns)
    assert [e.args["from"] for e in events if e.kind == "relay"] == ["other", "other", "iha"]


def test_too_much_at_a_time_is_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crossing, "PACKETS", 20)
    traffic = Traffic(random.Random(3), 3, 0.0)
    events = assert_same([file_of(traffic.frames(120))], traffic.site)
    assert not isinstance(events, Columns)


@pytest.mark.parametrize("odd", [0.0, 0.5])
def test_a_survey_is_the_same(odd: float) -> None:
    """Whether ESP was opened or not: who speaks with whom."""
    traffic = Traffic(random.Random(5), 4, odd)
    files = [file_of(traffic.frames(150))]
    surveyors: list[Surveyor] = []
    read_captures(sources(files), traffic.site, protects(), surveyors, words("vpn"))
    _, _, found = read_bulk(sources(files), traffic.site, protects(), True, words("vpn"))
    expected = [surveyor.survey() for surveyor in surveyors]
    for one, other in zip(found, expected, strict=True):
        assert one.flows == other.flows
        assert one.devices == other.devices
        # The first of many that are alike is among the few and among the many.
        assert {m.frame: m for m in one.messages()} == {m.frame: m for m in other.messages()}


def test_an_odd_packet_is_what_was_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was opened in its place is put back where it is read in full."""
    traffic = Traffic(random.Random(7), 1, 0.0)
    (client,) = traffic.clients
    pieces = fragment(IP(src=client.home, dst=CORRESPONDENT, id=7) / UDP() / bytes(90), 48)
    frames = [comes(client.sealed(p, True)) for p in pieces]
    taken: list[CapturedPacket] = []
    take = Decoder.take

    def noted(decoder: Decoder, frame: Frame) -> list[CapturedPacket]:
        found = take(decoder, frame)
        taken.extend(found)
        return found

    monkeypatch.setattr(Decoder, "take", noted)
    read_bulk(sources([file_of(frames)]), traffic.site, protects(), True, words("vpn"))
    assert [bytes(p.payload) in data for p, (data, _) in zip(taken, frames, strict=True)] == [True] * len(frames)
