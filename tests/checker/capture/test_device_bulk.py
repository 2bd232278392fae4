"""Captures at agents in columns: the same as frame by frame, and what columns cannot tell is left to that."""

from __future__ import annotations

import dataclasses
import gc
import random
import weakref

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mipcheck.checker.capture.bulk import read as bulk
from mipcheck.checker.capture.bulk.families import Families
from mipcheck.checker.capture.device.reader import DeviceReader
from mipcheck.checker.capture.frames.frame import Frame
from mipcheck.checker.capture.headers import layers
from mipcheck.checker.capture.headers.packet import Packet as CapturedPacket
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report
from mipcheck.checker.observe import shapes
from mipcheck.checker.report.json import as_object
from mipcheck.checker.trace import route
from mipcheck.checker.trace.columns import Columns
from scapy.layers.inet import IP, UDP, fragment
from scapy.layers.l2 import GRE
from scapy.packet import Packet

from making.at_device import CORRESPONDENT, ELSEWHERE, MS, NEAR, comes, file_of, leaves, site, words
from making.depth import drawn
from making.in_columns import LINKS, Frames, as_captured, assert_same, small, sources
from making.packets import IHA, IHOA, KEY, XHA, XHOA, number, reply, request, signed, user
from making.paths import CAPTURES
from making.registrations import FA, Registrations

pytest.importorskip("llvmlite")

SITES = {"iha": site("iha"), "xha": site("xha"), "fa": site("fa", fa=(number(FA),))}


class Traffic:
    """What passes an agent, drawn at random: nodes that move, strangers, packets both ways, some in pieces."""

    def __init__(self, role: str, dice: random.Random, nodes: int) -> None:
        self._role, self._dice = role, dice
        self._agent = {"iha": IHA, "xha": XHA, "fa": FA}[role]
        self._homes = [f"10.1.9.{n + 1}" if role != "xha" else f"198.51.100.{n + 80}" for n in range(nodes)]
        self._at = {home: self._place() for home in self._homes}
        self._numbers = iter(range(1, 1 << 20))

    def _place(self) -> str:
        return self._dice.choice((NEAR, ELSEWHERE, "10.1.7.34", "203.0.113.54"))

    def frames(self, count: int) -> Frames:
        found: Frames = []
        while len(found) < count:
            found += self._some(self._dice.choice(self._homes))
        return found

    def _some(self, home: str) -> Frames:
        dice = self._dice
        other = dice.choice((CORRESPONDENT, dice.choice(self._homes), "192.0.2.1"))
        up, down = user(home, other, dice.choice((20, 90))), user(other, home, 60)
        up[UDP].sport = down[UDP].dport = dice.choice((4000, 40_001, 40_002))
        if self._role == "fa":
            return self._at_foreign_agent(home, up, down)
        coa, agent = self._at[home], self._agent
        wrapped = IP(src=coa, dst=agent) / up
        ways: list[Frames] = [
            [comes(wrapped), leaves(up)],
            [comes(wrapped)],
            [leaves(IP(src=agent, dst=coa) / down)],
            [comes(down), leaves(IP(src=agent, dst=coa) / down)],
            [leaves(up)],
            [comes(IP(src=coa, dst=agent) / user(home, dice.choice(self._homes)))],
            [comes(IP(src="203.0.113.99", dst=agent) / user(home, "10.1.5.21"))],
            [leaves(IP(src=agent, dst=coa) / user(other, dice.choice(("224.0.0.5", "10.1.255.255", "10.1.9.127"))))],
            [comes(IP(src=coa, dst=agent) / IP(src=agent, dst=coa) / up)],
            [comes(IP(src=coa, dst=agent) / GRE() / up), leaves(up)],
        ]
        if dice.random() < 0.1:
            self._at[home] = self._place()
            number_ = next(self._numbers)
            asks = request(self._at[home], agent, agent, home, id=number_, flags=dice.choice((0x22, 0x22, 0x62)))
            return [
                comes(signed(asks, KEY) if dice.random() < 0.5 else asks),
                leaves(reply(self._at[home], agent, home, id=number_)),
            ]
        return dice.choice(ways)

    def _at_foreign_agent(self, home: str, up: Packet, down: Packet) -> Frames:
        number_ = next(self._numbers)
        ways: list[Frames] = [
            [comes(up, 0), leaves(IP(src=FA, dst=IHA) / up, 1)],
            [comes(IP(src=IHA, dst=FA) / down, 1), leaves(down, 0)],
            [comes(down, 1), leaves(down, 0)],
            [leaves(down, 0)],
            [comes(up, 0), leaves(up, 1)],
            [comes(up, 0), leaves(IP(src=FA, dst=self._dice.choice(("203.0.113.77", "203.0.113.78"))) / up, 1)],
            [comes(IP(src="203.0.113.77", dst=FA) / down, 1), leaves(down, 0)],
            [leaves(user(home, "224.0.0.5"), 0)],
            [
                comes(request(home, FA, IHA, home, coa=FA, flags=2, id=number_), 0),
                leaves(request(FA, IHA, IHA, home, coa=FA, flags=2, id=number_), 1),
                comes(reply(FA, IHA, home, id=number_), 1),
                leaves(reply(home, IHA, home, FA, id=number_), 0),
            ],
        ]
        return self._dice.choice(ways)


@pytest.mark.slow
@settings(max_examples=drawn(20, 300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    role=st.sampled_from(sorted(SITES)),
    seed=st.integers(0, 2**32),
    nodes=st.sampled_from((1, 3, 12)),
    step=st.sampled_from((MS, 700 * MS, 3000 * MS)),
    chunk=st.sampled_from((7, 64, 5000)),
    link=st.sampled_from(LINKS),
    files=st.sampled_from((1, 1, 2)),
)
def test_any_traffic_comes_to_the_same(
    monkeypatch: pytest.MonkeyPatch, role: str, seed: int, nodes: int, step: int, chunk: int, link: str, files: int
) -> None:
    dice = random.Random(seed)
    small(monkeypatch, chunk, dice.choice((0, 2)))
    frames = Traffic(role, dice, nodes).frames(150)
    assert_same([as_captured(frames[n::files], step, link) for n in range(files)], SITES[role])


@pytest.mark.slow
def test_most_of_it_stays_in_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the test above is about columns, and not about what was read one by one in their place."""
    small(monkeypatch, 64, 2)
    stayed = 0
    seeds = drawn(8, 20)
    for seed in range(seeds):
        frames = Traffic("iha", random.Random(seed), 3).frames(150)
        stayed += isinstance(assert_same([file_of(frames, 3000 * MS)], SITES["iha"]), Columns)
    assert stayed * 4 >= seeds * 3


@pytest.mark.slow
@settings(max_examples=drawn(25, 400), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    role=st.sampled_from(sorted(SITES)),
    seed=st.integers(0, 2**32),
    odd=st.sampled_from((0.0, 0.1, 0.4, 1.0)),
    keys=st.sampled_from(("right", "wrong", "of a node", "none")),
    step=st.sampled_from((MS, 700 * MS)),
    chunk=st.sampled_from((7, 64, 5000)),
    link=st.sampled_from(LINKS),
    files=st.sampled_from((1, 1, 2)),
)
def test_any_registrations_come_to_the_same(
    monkeypatch: pytest.MonkeyPatch,
    role: str,
    seed: int,
    odd: float,
    keys: str,
    step: int,
    chunk: int,
    link: str,
    files: int,
) -> None:
    """Usual ones, and such as are damaged, forged, sent again, in pieces, of strangers, or about no home address."""
    dice = random.Random(seed)
    small(monkeypatch, chunk, dice.choice((0, 2)))
    key = dataclasses.replace(KEY, agent="iha" if role == "fa" else role)
    traffic = Registrations(role, dice, key, dice.choice((1, 3, 12)), odd)
    frames: Frames = []
    while len(frames) < 120:
        frames += traffic.some() if dice.random() < 0.7 else traffic.data()
    given = {
        "right": (key,),
        "wrong": (dataclasses.replace(key, key=b"another"),),
        "of a node": (
            dataclasses.replace(key, home=number("10.1.9.1")),
            dataclasses.replace(key, algorithm="keyed-md5"),
        ),
        "none": (),
    }
    of = dataclasses.replace(SITES[role], mn_ha_keys=given[keys])
    assert_same([as_captured(frames[n::files], step, link) for n in range(files)], of)


def _in_pieces(dice: random.Random, packet: Packet) -> list[Packet]:
    """Return a packet whole or in fragments, of which some are lost, come twice, or in another order."""
    packet[IP].id = dice.randrange(1 << 16)
    if dice.random() < 0.4:
        return [packet]
    found = fragment(IP(bytes(packet)), dice.choice((16, 48, 120)))
    if dice.random() < 0.3:
        dice.shuffle(found)
    if dice.random() < 0.2:
        found.append(dice.choice(found))
    return [p for p in found if dice.random() < 0.95]


@pytest.mark.slow
@settings(max_examples=drawn(25, 400), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    role=st.sampled_from(sorted(SITES)),
    seed=st.integers(0, 2**32),
    chunk=st.sampled_from((7, 64, 5000)),
    link=st.sampled_from(LINKS),
)
def test_any_fragments_come_to_the_same(
    monkeypatch: pytest.MonkeyPatch, role: str, seed: int, chunk: int, link: str
) -> None:
    """Of what nodes send, of the tunnel around it, or of both: whether a packet is a fragment is said of its depth."""
    dice = random.Random(seed)
    small(monkeypatch, chunk, dice.choice((0, 2)))
    agent, home = {"iha": (IHA, IHOA), "xha": (XHA, XHOA), "fa": (FA, "10.1.9.1")}[role]
    frames: Frames = []
    for n in range(30):
        other = f"10.1.5.{n + 20}"
        up, down = (user(*ends, dice.choice((20, 300))) for ends in ((home, other), (other, home)))
        if role == "fa":
            tunnels = IP(src=FA, dst=IHA), IP(src=IHA, dst=FA)
        else:
            tunnels = IP(src=ELSEWHERE, dst=agent), IP(src=agent, dst=ELSEWHERE)
        inside = _in_pieces(dice, dice.choice((up, down)))
        wrapped = [p for one in inside for p in _in_pieces(dice, tunnels[one.src != home] / one)]
        upward = not inside or inside[0].src == home
        if upward == (role != "fa"):
            frames += [*map(comes, wrapped), *(leaves(p, 1) for p in _in_pieces(dice, up))]
        else:
            frames += [*(comes(p, 1) for p in inside), *map(leaves, wrapped)]
    assert_same([as_captured(frames, MS, link)], SITES[role])


def test_a_fragment_in_a_tunnel_is_one_in_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of them holds the headers that all others are told by."""
    small(monkeypatch, 5, 2)
    pieces = fragment(user("192.0.2.1", XHOA, 300), 120)
    frames = [leaves(IP(src=XHA, dst=ELSEWHERE) / p) for p in pieces]
    events = assert_same([file_of(frames)], SITES["xha"])
    assert isinstance(events, Columns)
    assert [e.args["fragment"] for e in events if e.kind == "send"] == ["yes"] * len(pieces)


@pytest.mark.parametrize("role", sorted(SITES))
def test_of_usual_registrations_few_are_read_one_by_one(monkeypatch: pytest.MonkeyPatch, role: str) -> None:
    """So that thousands of nodes cost no more than as many look-ups."""
    taken: list[CapturedPacket] = []
    take = DeviceReader.take

    def counting(reader: DeviceReader, packet: CapturedPacket) -> None:
        taken.append(packet)
        take(reader, packet)

    key = dataclasses.replace(KEY, agent="iha" if role == "fa" else role)
    traffic = Registrations(role, random.Random(5), key, 40, 0.0)
    frames = [frame for _ in range(60) for frame in traffic.some()]
    data = file_of(frames)
    of = dataclasses.replace(SITES[role], mn_ha_keys=(key,))
    monkeypatch.setattr(DeviceReader, "take", counting)
    _, events, _ = bulk.read_bulk(sources([data]), of, None, True, words(role))
    assert isinstance(events, Columns)
    assert len(events) > 100
    assert len(taken) * 4 < len(frames)
    monkeypatch.undo()
    assert_same([data], of)


def test_a_reply_is_passed_on_once_the_home_agent_has_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch, 3, 2)
    passed = leaves(reply("10.1.9.1", IHA, "10.1.9.1", FA, id=7), 0)
    answers = comes(reply(FA, IHA, "10.1.9.1", id=7), 1)
    asks = comes(request("10.1.9.1", FA, IHA, "10.1.9.1", coa=FA, flags=2, id=7), 0)
    events = assert_same([file_of([asks, passed, passed, answers, passed])], SITES["fa"])
    assert isinstance(events, Columns)
    assert [e.kind for e in events] == ["rrq", "gap", "gap", "rrp", "relay"]


@pytest.mark.parametrize("name", sorted(p.stem for p in CAPTURES.glob("*-at-*.pcapng")))
def test_our_own_captures(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports are the same whichever way is taken."""
    path = str(CAPTURES / f"{name}.pcapng")

    def report() -> Report:
        return check([path], config=str(CAPTURES / f"{name}.toml"))

    slow = as_object(report())
    monkeypatch.setattr(route, "TABLE", {k: dataclasses.replace(t, kept=0, compiled=0) for k, t in route.TABLE.items()})
    assert as_object(report()) == slow
    monkeypatch.setattr(shapes, "_AT_ONCE", 0)  # as if there were very many distinct events
    small(monkeypatch, 64, 2)
    assert as_object(report()) == slow


def test_what_is_known_of_kinds_is_dropped_once_packets_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many nodes it takes more than all else, and nobody asks for it while events are judged."""
    made = []

    class Counted(Families):
        def __init__(self) -> None:
            super().__init__()
            made.append(weakref.ref(self))

    monkeypatch.setattr(bulk, "Families", Counted)
    of = SITES["iha"]
    frames = [comes(request(NEAR, IHA, IHA, IHOA)), leaves(reply(NEAR, IHA, IHOA)), leaves(user(IHOA, CORRESPONDENT))]
    events = bulk.read_bulk(sources([file_of(frames)]), of, words=words("iha"))[1]
    gc.collect()
    assert [e.kind for e in events] == ["rrq", "rrp"]
    assert [ref() for ref in made] == [None]


def test_two_tunnels_for_one_flow_are_told_apart_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch, 64, 2)
    first, second = user(IHOA, CORRESPONDENT), user(IHOA, CORRESPONDENT)
    first[IP].id, second[IP].id = 1, 2
    frames = [comes(IP(src=ELSEWHERE, dst=IHA) / first), comes(IP(src=NEAR, dst=IHA) / second), leaves(second)]
    events = assert_same([file_of(frames)], SITES["iha"])
    assert [e.args["coa"] for e in events] == [number(NEAR)]
    assert not isinstance(events, Columns)


def test_a_node_that_moves_is_followed_in_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch, 3, 2)
    packet = user(IHOA, CORRESPONDENT)
    frames = [f for coa in (NEAR, ELSEWHERE, NEAR) for f in (comes(IP(src=coa, dst=IHA) / packet), leaves(packet))]
    events = assert_same([file_of(frames, 1500 * MS)], SITES["iha"])
    assert isinstance(events, Columns)
    assert [e.args["coa"] for e in events] == [number(a) for a in (NEAR, ELSEWHERE, NEAR)]


def test_switched_addresses_are_read_one_by_one() -> None:
    up = user(XHOA, "192.0.2.1")
    plain = up.copy()
    plain.src, plain.dst = ELSEWHERE, XHA
    frames = [
        comes(request(ELSEWHERE, XHA, XHA, XHOA)),
        leaves(reply(ELSEWHERE, XHA, XHOA)),
        comes(plain),
        leaves(up),
    ]
    events = assert_same([file_of(frames)], SITES["xha"])
    assert [e.kind for e in events] == ["rrq", "rrp", "packet", "pass"]


def test_flows_that_differ_by_any_port_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """By ports that mean nothing, too: the first that comes need not be the first that leaves."""
    small(monkeypatch, 3, 2)
    first, second = user(IHOA, CORRESPONDENT), user(IHOA, CORRESPONDENT)
    first[UDP].sport, second[UDP].sport = 40_001, 40_002
    frames = [*(comes(IP(src=NEAR, dst=IHA) / p) for p in (first, second)), *(leaves(p) for p in (second, first))]
    events = assert_same([file_of(frames)], SITES["iha"])
    assert isinstance(events, Columns)
    assert len(events) == 2


def test_two_files_are_one_device(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch, 5, 2)
    packet = user(IHOA, CORRESPONDENT)
    inside = file_of([comes(IP(src=NEAR, dst=IHA) / packet)] * 9)
    outside = file_of([leaves(packet)] * 9)
    assert [e.at.file for e in assert_same([inside, outside], SITES["iha"])] == ["file1"] * 9


def test_of_packets_that_differ_by_addresses_one_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that thousands of nodes cost no more than as many look-ups."""
    decoded: list[Frame] = []
    decode = layers.decode

    def counting(frame: Frame, keys: frozenset[int] = frozenset()) -> CapturedPacket:
        decoded.append(frame)
        return decode(frame, keys)

    monkeypatch.setattr(layers, "decode", counting)
    frames: Frames = []
    for n in range(40):
        up = user(f"10.1.9.{n + 1}", CORRESPONDENT)
        frames += [comes(IP(src=f"10.1.7.{n + 1}", dst=IHA) / up), leaves(up)]
    data = file_of(frames)
    _, events, _ = bulk.read_bulk(sources([data]), SITES["iha"], None, True, words("iha"))
    assert len(decoded) == 2
    assert [e.args["home"] for e in events] == [number(f"10.1.9.{n + 1}") for n in range(40)]
    assert assert_same([data], SITES["iha"])


def test_a_port_that_means_something_to_a_group_alone_is_told_apart() -> None:
    mdns = [
        IP(src=IHOA, dst=to) / UDP(sport=5353, dport=5353) / bytes(60) for to in (CORRESPONDENT, "224.0.0.251", NEAR)
    ]
    frames = [f for p in mdns for f in (comes(IP(src=ELSEWHERE, dst=IHA) / p), leaves(p))]
    assert len(assert_same([file_of(frames)], SITES["iha"])) == 2


def test_a_packet_seen_at_another_time_is_the_same_otherwise() -> None:
    packet = layers.decode(
        Frame(1, 2, "eth0", 1, comes(IP(src=ELSEWHERE, dst=IHA) / user(IHOA, CORRESPONDENT))[0], 99, "")
    )
    assert packet.seen_at(7, 8, 9) == dataclasses.replace(packet, time=7, frame=8, length=9)
