"""Comments in a copy of a capture: what they say, and that nothing else changes. tshark reads the copies back."""

from __future__ import annotations

import io
import struct
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mipcheck.checker.capture import CaptureError
from mipcheck.checker.capture.frames.files import open_frames
from mipcheck.checker.capture.frames.frame import Frame
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report, RuleReport, Violation
from mipcheck.checker.observe.explain import Because
from mipcheck.checker.report.annotate import COMMENT_LIMIT, COMMENTS_LIMIT, PREFIX, annotate, comment_bytes, comments_of
from mipcheck.model.values.event import Position
from scapy.layers.inet import IP

from making.files import Device, Record, block, device_block, option, packet_block, pcap, pcapng, section
from making.packets import (
    COA,
    IHA,
    IHOA,
    KEY,
    OUTSIDE,
    SERVER,
    VPN,
    XHA,
    XHOA,
    into,
    lease,
    out,
    reply,
    request,
    signed,
    user,
)
from making.paths import OTHER_CAPTURES


def read_back(tshark: str, file: Path, show: str = "frame.comment") -> dict[int, list[str]]:
    """Frame → its comments, as tshark sees them."""
    fields = ("-T", "fields", "-e", "frame.number", "-e", "frame.comment", "-E", "aggregator=|")
    done = subprocess.run(
        [tshark, "-r", str(file), "-Y", show, *fields], capture_output=True, text=True, check=True, timeout=60
    )
    rows = (line.split("\t") for line in done.stdout.splitlines())
    return {int(number): words.split("|") for number, words in rows}


def copy(data: bytes, comments: Mapping[int, Sequence[str]]) -> tuple[bytes, int]:
    """The copy, and how many packets got a comment."""
    target = io.BytesIO()
    count = annotate(io.BytesIO(data), target, comments)
    return target.getvalue(), count


def frames(data: bytes) -> list[Frame]:
    return list(open_frames(io.BytesIO(data), "t")[1])


def blocks(data: bytes) -> Iterator[tuple[str, int, bytes]]:
    """Byte order, type and body of the blocks of a sound pcapng file."""
    order, at = "<", 0
    while at < len(data):
        if data[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
        kind, length = struct.unpack_from(order + "II", data, at)
        assert data[at + length - 4 : at + length] == data[at + 4 : at + 8]
        yield order, kind, data[at + 8 : at + length - 4]
        at += length
    assert at == len(data)


def stripped(data: bytes) -> bytes:
    """A file without the comments that stand first in a packet's options and begin as ours do."""
    result = b""
    for order, kind, body in blocks(data):
        if kind in (2, 6):
            size = struct.unpack_from(order + "I", body, 12)[0]
            at = end = 20 + size + -size % 4
            ours = False
            while body[at + 4 :].startswith(PREFIX.encode()):
                length = struct.unpack_from(order + "H", body, at + 2)[0]
                at += 4 + length + -length % 4
                ours = True
            body = body[:end] + (b"" if ours and body[at:] == bytes(4) else body[at:])
        result += block(order, kind, body)
    return result


# --- copies -------------------------------------------------------------------------------------------------------

THREE = [Record(n * 1_000_001_000, bytes([n]) * (60 + n)) for n in range(3)]


@pytest.mark.slow
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("nano", [False, True])
def test_pcap_becomes_pcapng_with_the_same_packets(order: str, nano: bool, tshark: str, tmp_path: Path) -> None:
    data = pcap([*THREE, Record(9 * 10**9, b"z" * 60, length=1500)], order=order, nano=nano)
    annotated, count = copy(data, {2: [PREFIX + "one", PREFIX + "two"], 3: []})
    assert count == 1
    assert frames(annotated) == frames(data)
    file = tmp_path / "t.pcapng"
    file.write_bytes(annotated)
    assert read_back(tshark, file) == {2: [PREFIX + "one", PREFIX + "two"]}


@pytest.mark.slow
@pytest.mark.parametrize("order", "<>")
def test_pcapng_is_copied_byte_for_byte(order: str, tshark: str, tmp_path: Path) -> None:
    options = option(order, 1, b"from somebody else") + option(order, 2, struct.pack(order + "I", 2))
    secrets = block(order, 10, b"TLSK" + struct.pack(order + "I", 4) + b"keys")
    stray = block(order, 0x80001234, b"whatever")
    data = pcapng([THREE[0], THREE[1]._replace(options=options), THREE[2]], order=order) + secrets + stray
    assert copy(data, {}) == (data, 0)
    annotated, count = copy(data, {1: [PREFIX + "ä"], 2: [PREFIX + "b"], 9: [PREFIX + "no such frame"]})
    assert count == 2
    assert stripped(annotated) == data
    assert frames(annotated) == frames(data)
    file = tmp_path / "t.pcapng"
    file.write_bytes(annotated)
    assert read_back(tshark, file) == {1: [PREFIX + "ä"], 2: [PREFIX + "b", "from somebody else"]}
    assert read_back(tshark, file, 'frame.comment contains "mipcheck"').keys() == {1, 2}


def test_old_packet_blocks_take_comments_and_simple_ones_do_not(tshark: str, tmp_path: Path) -> None:
    old = block("<", 2, struct.pack("<HHIIII", 0, 0xFFFF, 0, 5, 3, 3) + b"abc\0")
    simple = block("<", 3, struct.pack("<I", 4) + b"abcd")
    data = section() + device_block(Device("eth0")) + old + simple + packet_block(THREE[0], 7)
    annotated, count = copy(data, {n: [f"{PREFIX}{n}"] for n in (1, 2, 3)})
    assert count == 2
    assert stripped(annotated) == data
    file = tmp_path / "t.pcapng"
    file.write_bytes(annotated)
    assert read_back(tshark, file) == {1: [PREFIX + "1"], 3: [PREFIX + "3"]}


def test_sections_in_different_orders_and_a_stated_length() -> None:
    one, other = pcapng(THREE), pcapng(THREE, order=">")
    stated = struct.pack("<q", len(one) - 28)
    data = one[:16] + stated + one[24:] + other
    assert copy(data, {})[0] == data
    annotated, count = copy(data, {2: [PREFIX + "a"], 5: [PREFIX + "b"]})
    assert count == 2
    assert stripped(annotated) == one + other  # the length is no longer stated
    assert frames(annotated) == frames(data)


def test_a_frame_check_sequence_is_told_for_each_packet(tshark: str, tmp_path: Path) -> None:
    data = bytearray(pcap(THREE[:1]))
    data[20:24] = struct.pack("<I", 1 | 0x04000000 | 2 << 28)
    annotated, _ = copy(bytes(data), {})
    (packet,) = (body for _, kind, body in blocks(annotated) if kind == 6)
    assert packet[80:88] == option("<", 2, struct.pack("<I", 4 << 5))
    file = tmp_path / "t.pcapng"
    file.write_bytes(annotated)
    done = subprocess.run([tshark, "-r", str(file), "-V"], capture_output=True, text=True, check=True, timeout=60)
    assert "FCS length: 4" in done.stdout or "Frame check sequence" in done.stdout


@pytest.mark.parametrize("data", [pcap(THREE), pcapng(THREE), pcapng(THREE, order=">")], ids=["pcap", "<", ">"])
def test_a_cut_file_is_copied_to_the_cut(data: bytes) -> None:
    is_pcapng = data[:4] == b"\x0a\x0d\x0d\x0a"
    ends = [0]
    for _, _, body in blocks(data) if is_pcapng else ():
        ends.append(ends[-1] + len(body) + 12)
    for cut in range(12 if is_pcapng else 24, len(data)):
        annotated, count = copy(data[:cut], {1: [PREFIX + "x"], 3: [PREFIX + "y"]})
        whole = frames(data[:cut])
        assert frames(annotated) == whole
        assert count == len({1, 3} & {f.number for f in whole})
        if is_pcapng:
            end = max(e for e in ends if e <= cut)
            rest = data[end:cut]
            assert annotated.endswith(rest)
            assert stripped(annotated[: len(annotated) - len(rest)]) == data[:end]


@pytest.mark.parametrize(
    "bad",
    [
        block("<", 6, b"short"),
        block("<", 6, struct.pack("<IIIII", 0, 0, 0, 5000, 5000) + bytes(64)),
        packet_block(THREE[0], 5)[:-4] + bytes(4),
        struct.pack("<II", 6, 13) + bytes(50),
        struct.pack("<II", 6, 2**31) + bytes(50),
        b"\x0a\x0d\x0d\x0a" + bytes(40),
    ],
    ids=["empty", "beyond", "length behind", "odd", "absurd", "section"],
)
def test_damage_is_copied_as_it_is(bad: bytes) -> None:
    data = pcapng(THREE) + bad + packet_block(THREE[0], 9)
    annotated, count = copy(data, {4: [PREFIX + "on the damaged one"]})
    assert (annotated, count) == (data, 0)


@pytest.mark.parametrize("data", [b"", b"abc", b"\xd4\xc3\xb2\xa1short", b"\x1f\x8b\x08", b"mipcheck-trace 1\n"])
def test_what_is_no_capture(data: bytes) -> None:
    with pytest.raises(CaptureError):
        copy(data, {1: ["x"]})


def test_memory_does_not_grow_with_a_block() -> None:
    class Watched(io.BytesIO):
        most = 0

        def read(self, size: int | None = -1, /) -> bytes:
            assert size is not None and size >= 0
            self.most = max(self.most, size)
            return super().read(size)

    data = pcapng(THREE) + block("<", 0x80001234, bytes(10**6))
    source, target = Watched(data), io.BytesIO()
    assert annotate(source, target, {1: [PREFIX + "x"]}) == 1
    assert source.most <= 64 * 1024
    assert stripped(target.getvalue()) == data


def test_long_and_hostile_comments() -> None:
    assert comment_bytes("a\x1b[2J\nb\u202ec") == rb"a\x1b[2J\x0ab\u202ec"
    for character in ("x", "ä", "€", "😀"):
        stored = comment_bytes(PREFIX + character * 2000)
        assert COMMENT_LIMIT - 4 <= len(stored) <= COMMENT_LIMIT
        assert stored.decode().endswith("…")
    assert comment_bytes("x" * COMMENT_LIMIT) == b"x" * COMMENT_LIMIT


option_values = st.tuples(st.sampled_from([2, 3, 4, 6, 2988, 0x8001]), st.binary(max_size=40))
packets = st.tuples(st.binary(max_size=80), st.lists(option_values, max_size=3), st.booleans())


@pytest.mark.slow
@given(
    st.lists(packets, max_size=6),
    st.sampled_from("<>"),
    st.dictionaries(st.integers(1, 7), st.lists(st.text(max_size=30), min_size=1, max_size=3)),
    st.booleans(),
    st.booleans(),
)
def test_whatever_the_packets_they_stay_as_they_are(
    made: list[tuple[bytes, list[tuple[int, bytes]], bool]],
    order: str,
    words: dict[int, list[str]],
    classic: bool,
    nano: bool,
) -> None:
    records = [
        Record(n * 10**6, data, length=len(data) + 5 * longer, options=b"".join(option(order, *o) for o in options))
        for n, (data, options, longer) in enumerate(made)
    ]
    data = pcap(records, order=order, nano=nano) if classic else pcapng(records, order=order)
    comments = {frame: [PREFIX + text for text in texts] for frame, texts in words.items()}
    annotated, count = copy(data, comments)
    assert count == sum(1 for frame in comments if frame <= len(records))
    assert frames(annotated) == frames(data)
    if not classic:
        assert stripped(annotated) == data
    assert copy(annotated, {})[0] == annotated


# --- what is said -------------------------------------------------------------------------------------------------

RULES = (
    RuleReport("D1", "MUST", "4.2.1", "4.2.1 lines 1-2", "Nothing is taken to be inside.", "violated"),
    RuleReport("M1", "MUST", "4.2.2", "4.2.2 lines 1-2", "Register again.", "violated"),
)


def violation(
    rule: str, at: Position, *further: int, because: tuple[Because, ...] = (), overdue: bool = False
) -> Violation:
    section = next(r.section for r in RULES if r.id == rule)
    frames = {at.file: (at.frame, *further)} if at.frame is not None and not overdue else {}
    count, last = 1 + len(further), Position("a.pcap", None, further[-1]) if further else at
    return Violation(
        rule, "MUST", section, "eth0", 0, at, "message", "seen", (), because, (), count, 0, last, overdue, frames
    )


def report(*violations: Violation, warnings: tuple[Violation, ...] = ()) -> Report:
    return Report("violation", "draft-01", (), RULES, violations, warnings, (), (), {}, (), None)


def at(frame: int, file: str = "a.pcap") -> Position:
    return Position(file, None, frame)


def test_what_comments_say() -> None:
    because = (
        Because("1.0 eth0 coa: sets inside to false", at(112)),
        Because("0.5 - link", Position("node.log", 3)),
        Because("when this trace begins, inside was unknown", Position("a.pcap")),
    )
    found = comments_of(report(violation("D1", at(136), because=because)), "a.pcap")
    assert found == {
        112: ["mipcheck: led to D1 (4.2.1) at frame 136: 1.0 eth0 coa: sets inside to false"],
        136: ["mipcheck: D1 (MUST, 4.2.1) broken here: Nothing is taken to be inside."],
    }
    assert comments_of(report(violation("D1", at(136), because=because)), "b.pcap") == {}


def test_groups_deadlines_and_other_files() -> None:
    group = violation("D1", at(5), 7, 9)
    late = violation("M1", at(5), because=(Because("it was so", at(5)),), overdue=True)
    in_a_log = violation("M1", Position("node.log", 4), because=(Because("registered", at(2)),))
    found = comments_of(report(group, late, warnings=(in_a_log,)), "a.pcap")
    assert found == {
        2: ["mipcheck: led to M1 (4.2.2) at node.log:4: registered"],
        5: [
            "mipcheck: D1 (MUST, 4.2.1) broken here, the first of 3 times: Nothing is taken to be inside.",
            "mipcheck: M1 (MUST, 4.2.2) owed from here, and not kept: Register again.",
            "mipcheck: led to M1 (4.2.2) at frame 5: it was so",
        ],
        7: ["mipcheck: D1 (MUST, 4.2.1) broken here too, as at frame 5: Nothing is taken to be inside."],
        9: ["mipcheck: D1 (MUST, 4.2.1) broken here too, as at frame 5: Nothing is taken to be inside."],
    }
    assert found[7] is found[9]


def test_one_packet_may_lead_to_very_much() -> None:
    many = [violation("D1", at(n), because=(Because("x", at(1)),)) for n in range(2, 200)]
    found = comments_of(report(*many), "a.pcap")
    assert len(found[1]) == COMMENTS_LIMIT
    assert found[1][-1] == f"mipcheck: and {198 - COMMENTS_LIMIT + 1} more"


def test_a_capture_checked_annotated_and_read_by_tshark(tshark: str, tmp_path: Path) -> None:
    """Plaintext before any registration: D1, told at the packet."""
    packets = [*lease(OUTSIDE), out(request(OUTSIDE, XHA, XHA, XHOA)), into(reply(OUTSIDE, XHA, XHOA))]
    packets += [out(user(IHOA, SERVER))]
    source, target, site = tmp_path / "t.pcap", tmp_path / "out.pcapng", tmp_path / "site.toml"
    source.write_bytes(pcap([Record(n * 10**6, p) for n, p in enumerate(packets)]))
    site.write_text(f'[site]\niha = "10.1.0.10"\nxha = "{XHA}"\nvpn = "{VPN}"\nihoa = "{IHOA}"\nxhoa = "{XHOA}"\n')
    result = check(source, config=site)
    comments = comments_of(result, str(source))
    with source.open("rb") as read, target.open("wb") as write:
        assert annotate(read, write, comments) == len(comments) > 0
    assert any(text.startswith("mipcheck: D1 (MUST, 4.2.1) broken here: ") for text in comments[len(packets)])
    assert read_back(tshark, target) == comments


MISSES = {
    "its identification differs in the low 32 bits: ours 0x0000d0c1, theirs 0x0000d0c2": signed(reply(id=0xD0C2), KEY),
    "it has no authenticator": reply(),
    "its authenticator is wrong": signed(reply(), KEY, b"another key"),
    "denied with code 131, mobile node failed authentication (home agent)": signed(reply(code=131), KEY),
    "its lifetime is 0, which grants nothing": signed(reply(lifetime=0), KEY),
}


def leak(folder: Path) -> tuple[Path, Path]:
    """A capture of two interfaces in which one is inside and plaintext leaves by the other, and a site with the key.

    There each of MISSES has come.
    """
    mac, docked = "02:00:00:00:00:09", "10.1.3.7"
    inside = [out(request(docked), mac), into(signed(reply(docked), KEY), mac)]
    beside = [*lease(), out(request()), *(into(packet) for packet in MISSES.values())]
    packets = [(0, each) for each in inside] + [(1, each) for each in beside]
    packets += [(1, out(IP(src=COA, dst=IHA) / user(IHOA, SERVER)))]
    source, site = folder / "node.pcapng", folder / "site.toml"
    records = [Record(n * 10**6, packet, device) for n, (device, packet) in enumerate(packets)]
    source.write_bytes(pcapng(records, [Device("eth0"), Device("wlan0")]))
    site.write_text(
        f'[site]\niha = "{IHA}"\nxha = "{XHA}"\nvpn = "{VPN}"\nihoa = "{IHOA}"\nxhoa = "{XHOA}"\n'
        'internal = ["10.0.0.0/8"]\n'
        '[[mn_ha_key]]\nagent = "iha"\nspi = 256\nalgorithm = "hmac-md5"\nkey = "i-ha-key"\n'
    )
    return source, site


@pytest.mark.slow
def test_what_did_not_count_is_told_at_its_packet(tshark: str, tmp_path: Path) -> None:
    """Each near miss of a finding stands at its own frame, with the reason, and so does the other interface's reply."""
    source, site = leak(tmp_path)
    target = tmp_path / "out.pcapng"
    result = check(source, config=site)
    comments = comments_of(result, str(source))
    with source.open("rb") as read, target.open("wb") as write:
        assert annotate(read, write, comments) == len(comments)
    last = len(frames(source.read_bytes()))
    first = last - len(MISSES)
    for number, why in enumerate(MISSES):
        (told,) = (c for c in comments[first + number] if c.startswith(f"{PREFIX}did not count for I1 (4.2.4) "))
        assert told.startswith(f"{PREFIX}did not count for I1 (4.2.4) at frame {last}: {why}: "), told
    told_by_us = {
        n: [c.decode() for c in own_comments(order, body)]
        for n, (order, _, body) in enumerate((b for b in blocks(target.read_bytes()) if b[1] == 6), start=1)
    }
    assert {n: words for n, words in told_by_us.items() if words} == comments == read_back(tshark, target)
    assert stripped(target.read_bytes()) == source.read_bytes()
    again = check(target, config=site)
    assert [(v.rule, [(m.at.frame, m.why) for m in v.not_counted]) for v in again.violations] == [
        (v.rule, [(m.at.frame, m.why) for m in v.not_counted]) for v in result.violations
    ]


def own_comments(order: str, body: bytes) -> Iterator[bytes]:
    """The comments among the options of a packet block."""
    size = struct.unpack_from(order + "I", body, 12)[0]
    at = 20 + size + -size % 4
    while at < len(body):
        code, length = struct.unpack_from(order + "HH", body, at)
        if code == 1:
            yield body[at + 4 : at + 4 + length]
        at += 4 + length + -length % 4


@pytest.mark.sampled(6)
@pytest.mark.skipif(not OTHER_CAPTURES, reason="no captures of other software beside the checkout")
@pytest.mark.parametrize("file", OTHER_CAPTURES, ids=lambda p: p.name)
def test_captures_of_other_software(file: Path, tshark: str, tmp_path: Path) -> None:
    data = file.read_bytes()
    read = frames(data)
    comments = {f.number: [f"{PREFIX}{f.number}", f"{PREFIX}again"] for f in read[:: max(1, len(read) // 20)]}
    if file.with_suffix(".toml").exists():
        comments |= comments_of(check(file, config=file.with_suffix(".toml")), str(file))
    annotated, count = copy(data, comments)
    assert count == len(comments)
    assert frames(annotated) == read
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        assert stripped(annotated) == data
    target = tmp_path / "t.pcapng"
    target.write_bytes(annotated)
    assert read_back(tshark, target) == comments
