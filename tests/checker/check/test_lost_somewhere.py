"""What was lost nobody knows where accuses nobody who may be excused by it, and nobody else is let off by it."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report
from mipcheck.checker.cli.main import main
from mipcheck.checker.observe.limits import LIMIT
from mipcheck.checker.trace.route import CAPTURES, EVENTS, LOGS
from oracle.simulator import simulate

from making.depth import drawn
from making.files import START, Device, Record, block, option, pcapng
from making.packets import (
    COA,
    IHA,
    IHOA,
    KEY,
    OUTSIDE,
    SECOND,
    SERVER,
    VPN,
    XHA,
    XHOA,
    dhcp,
    into,
    lease,
    out,
    reply,
    request,
    signed,
    user,
)
from making.routes import both_ways
from making.source_logs import HEAD, INSIDE, SITE

LEAK = "2.000000 wlan0 link state=up\n2.100000 wlan0 data dir=out protection=none stack=ip/ip\n"
"""Plaintext on another interface, which nobody has registered."""
STALE = "70.000000 eth0 data dir=out protection=none stack=ip/ip\n"
"""Plaintext after the last registration has run out, which was to be renewed."""
END = "80.000000 eth0 data dir=out protection=esp stack=ip/ip/esp\n"


def status(found: Report) -> dict[str, str]:
    return {r.id: r.status for r in found.rules}


def lost(span: str, interface: str = "-", count: str = " count=3") -> str:
    return f'0.000000 {interface} gap reason="3 frames lost"{count} {span}\n'


def of_log(folder: Path, *parts: str) -> Report:
    """Check a log, and what is made of it, which has to come to the same."""
    path, again = folder / "a.log", folder / "b.log"
    path.write_text("".join([HEAD, *([] if parts[0].startswith("site") else [SITE]), *parts]), "utf-8")
    assert main(["convert", str(path), "-o", str(again)]) == 0
    found, other = check([path]), check([again])
    assert (other.verdict, status(other)) == (found.verdict, status(found))
    assert [(v.rule, v.time) for v in other.violations] == [(v.rule, v.time) for v in found.violations]
    return found


def test_without_loss_it_is_a_violation(tmp_path: Path) -> None:
    for part in (LEAK, STALE):
        assert of_log(tmp_path, INSIDE, part).verdict == "violation"


@pytest.mark.parametrize("span", ["from=start to=end", "from=start to=75", "from=1.5 to=end", "from=1.5 to=75"])
@pytest.mark.parametrize("interface", ["-", "eth0"])
def test_what_may_be_excused_accuses_nobody(tmp_path: Path, span: str, interface: str) -> None:
    found = of_log(tmp_path, lost(span, interface), INSIDE, STALE, END)
    assert found.verdict == "inconclusive"
    (why,) = [r.why for r in found.rules if r.id == "M2"]
    assert "3 frames lost" in why and "at 70" in why and "seen broken" in why
    assert status(found)["S1"] == ("inconclusive" if "75" in span else "held")  # nothing is known once it is over


def test_without_a_number_nobody_knows_how_many_are_missing(tmp_path: Path) -> None:
    assert of_log(tmp_path, lost("from=start to=end", count=""), INSIDE, STALE).verdict == "inconclusive"
    assert of_log(tmp_path, lost("from=start to=end", count=" count=0"), INSIDE, STALE).verdict == "violation"
    assert of_log(tmp_path, lost("from=start to=end", count=" count=0"), INSIDE).verdict == "inconclusive"


@pytest.mark.parametrize("span", ["from=70 to=end", "from=71 to=75"])
def test_what_is_not_in_the_stretch_stands(tmp_path: Path, span: str) -> None:
    found = of_log(tmp_path, lost(span), INSIDE, STALE, END)
    assert "M2" in {v.rule for v in found.violations}


def test_what_is_known_only_since_the_stretch_was_over_stands(tmp_path: Path) -> None:
    gone = "20.000000 eth0 link state=down\n21.000000 eth0 data dir=out protection=none stack=ip/ip\n"
    assert {v.rule for v in of_log(tmp_path, lost("from=1.5 to=10"), INSIDE, gone).violations} == {"D1", "S1"}
    assert of_log(tmp_path, lost("from=1.5 to=20.5"), INSIDE, gone).verdict == "inconclusive"


def test_what_was_lost_elsewhere_excuses_nothing(tmp_path: Path) -> None:
    """Not the other interface's registration (I1), nor a status of the link, nor a reply: only what they share."""
    found = of_log(tmp_path, lost("from=start to=end", "eth0"), INSIDE, LEAK)
    assert {v.rule for v in found.violations} == {"I1", "S1"}
    other = of_log(tmp_path, lost("from=start to=end", "wlan0"), INSIDE, LEAK)
    assert other.verdict == "inconclusive" and {status(other)[r] for r in ("I1", "S1")} == {"inconclusive"}
    owed = of_log(tmp_path, lost("from=start to=end", "wlan0"), INSIDE, STALE)
    assert "M2" in {v.rule for v in owed.violations}
    # The home agent's one binding may by now be that of the interface on which something was lost.
    assert status(owed)["M1"] == "inconclusive"


def test_what_is_broken_whatever_was_seen_before_stands(tmp_path: Path) -> None:
    wrong = "3.000000 eth0 rrq to=iha path=vpn coa=10.1.7.20 flags=D lifetime=60 id=0x99\n"
    for gap in ("", lost("from=start to=end")):
        site = SITE.replace("boot", "t_stop=90s boot")
        assert {"V2", "M3"} <= {v.rule for v in of_log(tmp_path, site, gap, INSIDE, wrong).violations}


def test_a_device_is_let_off_for_the_node_that_it_is_about(tmp_path: Path) -> None:
    granted = "9.000000 eth0 rrq home=10.1.0.102 coa=203.0.113.9 flags=DT lifetime=60 id=1 auth=ok via=outside udp=no\n"
    granted += "9.100000 eth0 rrp home=10.1.0.102 code=0 lifetime=60 id=1 udp=no\n"
    stale = "1.000000 eth0 rrq home=10.1.0.100 coa=10.1.7.20 flags=DT lifetime=60 id=1 auth=ok via=inside udp=no\n"
    stale += "1.100000 eth0 rrp home=10.1.0.100 code=0 lifetime=60 id=1 udp=no\n"
    stale += "2.000000 eth0 tunnel home=10.1.0.100 coa=10.1.7.99\n"
    site = "site role=iha boot=true iha=10.1.0.2\n"
    verdicts = {}
    for home in ("", *(f"home=10.1.0.{n} " for n in (100, 101))):
        for part in (stale, granted):
            found = of_log(tmp_path, site, lost(home + "from=start to=end"), part)
            verdicts[home, part] = [v.rule for v in found.violations]
    assert of_log(tmp_path, site, stale).verdict == of_log(tmp_path, site, granted).verdict == "violation"
    assert [bool(verdicts[home, stale]) for home in ("", "home=10.1.0.100 ", "home=10.1.0.101 ")] == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("span", ["from=start to=end", "from=1.5 to=75"])
def test_in_columns_as_one_by_one_and_while_it_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, span: str
) -> None:
    many = "".join(f"{2 + n / 100:.6f} eth{n % 3} data dir=out protection=none stack=ip/ip\n" for n in range(900))
    path = tmp_path / "a.log"
    path.write_text(HEAD + SITE + lost(span, "eth1") + INSIDE + many + STALE + END, "utf-8")
    found = both_ways(monkeypatch, lambda: check([path]), LOGS, EVENTS)
    assert {v.interface for v in found.violations} == {"eth0", "eth2"}


def test_findings_that_are_only_counted_are_as_unknown_as_those_listed(tmp_path: Path) -> None:
    many = "".join(
        f"{2 + n}.000000 e{n} coa kind=colocated addr=10.2.0.{n}\n{2 + n}.5 e{n} data dir=out protection=none\n"
        for n in range(LIMIT + 20)
    )
    found = of_log(tmp_path, lost("from=start to=end"), many)
    assert found.verdict == "inconclusive" and not [r for r in found.rules if r.status == "violated"]
    assert [r.unlisted for r in found.rules if r.id == "S1"] == [0]


# --- captures -----------------------------------------------------------------------------------------------------

TWO = (Device("eth0"), Device("wlan0"))
CONFIG = f"""\
[site]
iha = "{IHA}"
xha = "{XHA}"
vpn = "{VPN}"
ihoa = "{IHOA}"
xhoa = "{XHOA}"
internal = ["10.0.0.0/8"]
"""
PLAIN = user(IHOA, SERVER)


def plain(time: float, interface: int = 0, source: str = COA) -> Record:
    from scapy.layers.inet import IP

    mac = f"02:00:00:00:00:0{1 + interface}"
    return Record(int(time * SECOND), out(IP(src=source, dst=IHA) / PLAIN, mac), interface)


GOT = [Record(n * SECOND // 100, frame) for n, frame in enumerate(lease())]
GOOD = [*GOT, Record(SECOND, out(request())), Record(2 * SECOND, into(signed(reply(), KEY))), plain(3)]
ELSEWHERE = [
    Record(2 * SECOND, dhcp(kind, OUTSIDE, 3, "02:00:00:00:00:02"), 1)
    for kind in ("discover", "offer", "request", "ack")
]


def statistics(dropped: int, at: float, interface: int = 0) -> bytes:
    stamp = START + int(at * SECOND)
    told = option("<", 5, dropped.to_bytes(8, "little")) + option("<", 0, b"")
    return block("<", 5, struct.pack("<III", interface, stamp >> 32, stamp & 0xFFFFFFFF) + told)


def of_capture(folder: Path, monkeypatch: pytest.MonkeyPatch, data: bytes) -> Report:
    """Check a capture frame by frame, in columns, and as the log that is made of it."""
    path, log, config = folder / "a.pcapng", folder / "a.log", folder / "site.toml"
    path.write_bytes(data)
    config.write_text(CONFIG, "utf-8")
    found = both_ways(monkeypatch, lambda: check([path], config=config), CAPTURES)
    assert main(["convert", str(path), "--config", str(config), "-o", str(log)]) == 0
    other = check([log])
    assert (other.verdict, status(other)) == (found.verdict, status(found))
    assert [(v.rule, v.interface, v.time) for v in other.violations] == [
        (v.rule, v.interface, v.time) for v in found.violations
    ]
    holes = [hole.partition(": ")[2] if ": " in hole else hole for i in other.inputs for hole in i.holes]
    assert sorted(holes) == sorted(h.partition(": ")[2] if ": " in h else h for i in found.inputs for h in i.holes)
    return found


def test_frames_that_were_lost_may_have_been_the_reply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twins differ in what the interface's statistics say."""
    unanswered = [*GOT, Record(SECOND, out(request())), *ELSEWHERE, plain(3), plain(4)]
    assert of_capture(tmp_path, monkeypatch, pcapng(unanswered, TWO) + statistics(0, 5)).verdict == "violation"
    found = of_capture(tmp_path, monkeypatch, pcapng(unanswered, TWO) + statistics(7, 5))
    assert found.verdict == "inconclusive"
    why = {r.id: r.why for r in found.rules}["D1"]
    assert "7 frames on eth0 were lost" in why and "frame 10" in why
    assert any("D1" in reason for reason in found.reasons)
    elsewhere = of_capture(tmp_path, monkeypatch, pcapng(unanswered, TWO) + statistics(7, 5, 1))
    assert elsewhere.verdict == "violation"


def test_what_was_found_before_the_last_statistics_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    early = pcapng([*GOT, Record(SECOND, out(request())), plain(3)], TWO)
    later = pcapng([*GOT, Record(SECOND, out(request())), plain(3), plain(6)], TWO)[len(early) :]
    for first, second, verdict in ((0, 4, "violation"), (4, 4, "inconclusive"), (2, 4, "inconclusive")):
        data = early + statistics(first, 5) + later + statistics(second, 7)
        assert of_capture(tmp_path, monkeypatch, data).verdict == verdict, (first, second)
    # Statistics of another unit say nothing of when they were made, and stand where they stand.
    assert of_capture(tmp_path, monkeypatch, early + statistics(0, -(10**9)) + later + statistics(4, 7)).verdict == (
        "violation"
    )


def test_a_tunnel_device_carries_what_is_of_any_interface(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leak = [*GOOD[:-1], *ELSEWHERE, GOOD[-1], plain(4, 1, OUTSIDE)]
    data = pcapng(leak, (*TWO, Device("imip", 101)))
    assert of_capture(tmp_path, monkeypatch, data + statistics(0, 5, 2)).verdict == "violation"
    assert of_capture(tmp_path, monkeypatch, data + statistics(1, 5, 0)).verdict == "violation"
    assert of_capture(tmp_path, monkeypatch, data + statistics(1, 5, 2)).verdict == "inconclusive"


def on_air(frame: bytes, sealed: bool = False) -> bytes:
    """Return what is in a frame of Ethernet as one of 802.11, which nobody can read if it is `sealed`."""
    access = b"\2\0\0\0\0\xaa"
    target, source, body = frame[:6], frame[6:12], b"\xaa\xaa\3\0\0\0" + frame[12:]
    sent = frame[6:12] == GOT[0].data[6:12]
    flags = (1 if sent else 2) | 0x40 * sealed
    addresses = access + source + target if sent else target + access + source
    return bytes([8, flags, 0, 0]) + addresses + bytes(2) + (b"\x5a" * 80 if sealed else body)


@pytest.mark.parametrize(
    ("at", "verdict"),
    [((), "violation"), ((2,), "inconclusive"), ((2, 2.9, 3.5), "inconclusive"), ((3.5,), "violation")],
)
@pytest.mark.parametrize("own", [True, False])
def test_what_is_encrypted_on_the_air_may_have_been_the_reply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: tuple[float, ...], verdict: str, own: bool
) -> None:
    """Plaintext at 3 s, before which nobody can read what came: a reply, or what somebody else was sent."""
    seen = [*GOT, Record(SECOND, out(request())), plain(3)]
    air = [Record(record.time, on_air(record.data)) for record in seen]
    mac = "02:00:00:00:00:01" if own else "02:00:00:00:00:77"
    closed = [Record(int(time * SECOND), on_air(into(signed(reply(), KEY), mac), True)) for time in at]
    data = pcapng(sorted([*air, *closed], key=lambda record: record.time), (Device("wlan0", 105),))
    found = of_capture(tmp_path, monkeypatch, data)
    assert found.verdict == (verdict if own else "violation")
    if found.verdict == "inconclusive":
        why = {r.id: r.why for r in found.rules}["D1"]
        assert "not known since" in why if at[-1] < 3 else "encrypted on wlan0" in why and "seen broken" in why


def test_what_was_encrypted_before_all_that_matters_excuses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node gets its address after that, so that nothing was registered before."""
    early = Record(0, on_air(into(signed(reply(), KEY)), True))
    seen = [*GOT, Record(SECOND, out(request())), plain(3)]
    later = [Record(record.time + 60 * SECOND, on_air(record.data)) for record in seen]
    late = Record(90 * SECOND, on_air(out(request()), True))
    data = pcapng([early, *later, late], (Device("wlan0", 105),))
    assert of_capture(tmp_path, monkeypatch, data).verdict == "violation"


def test_many_stretches_of_encrypted_frames_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [Record(record.time, on_air(record.data)) for record in [*GOT, Record(SECOND, out(request())), plain(3)]]
    for count, holes in ((2, 1), (300, 1)):
        closed = [Record((2 + 2 * n) * SECOND, on_air(into(reply()), True)) for n in range(count)]
        data = pcapng(sorted([*seen, *closed], key=lambda record: record.time), (Device("wlan0", 105),))
        found = of_capture(tmp_path, monkeypatch, data)
        assert found.verdict == "inconclusive" and len(found.inputs[0].holes) == holes
    assert "300 frames of 802.11" in found.inputs[0].holes[0]


# --- the law ------------------------------------------------------------------------------------------------------


@st.composite
def with_loss(draw: st.DrawFn) -> tuple[str, str]:
    """A conformant node's log, and what is left of it when some of what an interface showed in a stretch is lost."""
    head, _, site, *events = simulate(draw(st.integers(1, 400))).splitlines()
    events = events[: draw(st.integers(10, 80))]
    interfaces = sorted({event.split()[1] for event in events if not event.startswith("#")})
    interface = draw(st.sampled_from([*interfaces, "-"]))
    first = draw(st.integers(0, len(events) - 1))
    last = draw(st.integers(first, len(events) - 1))
    may_go = [n for n in range(first, last + 1) if interface in ("-", events[n].split()[1])]
    gone = draw(st.sets(st.sampled_from(may_go), min_size=1, max_size=4)) if may_go else set()
    since = events[first - 1].split()[0] if first else "start"
    until = draw(st.sampled_from([events[last].split()[0], "end"]))
    gap = f"{events[0].split()[0]} {interface} gap reason=lost count={len(gone) or 1} from={since} to={until}"
    left = [event for n, event in enumerate(events) if n not in gone]
    return "\n".join([head, site, *events, ""]), "\n".join([head, site, gap, *left, ""])


@pytest.mark.slow
@settings(max_examples=drawn(60, 3000), deadline=None)
@given(with_loss())
def test_nobody_is_accused_for_what_was_lost(logs: tuple[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole, left = (Path(folder) / name for name in ("whole.log", "left.log"))
        for path, text in zip((whole, left), logs, strict=True):
            path.write_text(text, "utf-8")
        if check([whole]).verdict != "violation":
            found = check([left])
            assert found.verdict == "inconclusive", [(v.rule, v.time) for v in found.violations]
