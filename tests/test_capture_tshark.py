"""Our decoding against tshark's, an independent decoder; and real captures, where there are any."""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from mipcheck.checker.capture import is_capture, layers, mobileip, read_capture
from mipcheck.checker.capture.files import open_frames
from mipcheck.checker.capture.node import dotted
from mipcheck.checker.site import MnHaKey, Site
from scapy.layers.inet import IP
from test_capture_events import (
    COA,
    IHA,
    IHOA,
    KEY,
    SERVER,
    TUNNELS,
    XHA,
    XHOA,
    ethernet,
    into,
    lease,
    out,
    reply,
    request,
    signed,
    user,
)
from test_capture_files import Record, pcap, pcapng

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "captures"
CAPTURES = sorted(p for p in SHARED.rglob("*") if p.suffix in (".pcap", ".pcapng", ".dump")) if SHARED.is_dir() else []
FIELDS = ("frame.number", "mip.type", "mip.code", "mip.life", "mip.homeaddr", "mip.haaddr", "mip.coa", "icmp.type")


@pytest.fixture(scope="module")
def tshark() -> str:
    found = shutil.which("tshark")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("tshark has to be installed in CI")
        pytest.skip("tshark is not installed")
    return found


def run(tshark: str, file: Path, show: str, *fields: str) -> list[list[str]]:
    """The fields of each frame that matches, tab-separated by tshark."""
    command = [tshark, "-r", str(file), "-Y", show, "-T", "fields", *(a for f in fields for a in ("-e", f))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return [line.split("\t") for line in done.stdout.splitlines()]


def registrations(file: Path) -> dict[int, list[str]]:
    """Frame → what tshark's fields say, in our decoding."""
    found = {}
    with file.open("rb") as stream:
        for frame in open_frames(stream, file.name)[1]:
            packet = layers.decode(frame)
            if packet.kind != layers.REGISTRATION:
                continue
            asked, answered = mobileip.read_request(packet.payload), mobileip.read_reply(packet.payload)
            if asked is not None:
                rest = [str(asked.lifetime), dotted(asked.home), dotted(asked.agent), dotted(asked.coa)]
                found[frame.number] = ["1", "", *rest]
            elif answered is not None:
                rest = [str(answered.lifetime), dotted(answered.home), dotted(answered.agent), ""]
                found[frame.number] = ["3", str(answered.code), *rest]
    return found


def compare(tshark: str, file: Path) -> int:
    rows = run(tshark, file, "mip.type == 1 || mip.type == 3", *FIELDS)
    theirs = {int(row[0]): row[1:7] for row in rows if not row[7]}  # those with ICMP are quotes
    assert registrations(file) == theirs
    return len(theirs)


def test_registrations_as_tshark_decodes_them(tshark: str, tmp_path: Path) -> None:
    frames = [
        *lease(),
        out(request(lifetime=65535)),
        into(signed(reply(code=133), KEY)),
        out(request(COA, XHA, XHA, XHOA)),
    ]
    frames += [out(IP(src=COA, dst=IHA) / request(IHOA)), *(out(p) for p in TUNNELS.values())]
    for name, write in (("t.pcap", pcap), ("t.pcapng", pcapng)):
        file = tmp_path / name
        file.write_bytes(write([Record(i * 1000, frame) for i, frame in enumerate(frames)]))
        assert compare(tshark, file) == 4


def test_times_and_interfaces_as_tshark_reads_them(tshark: str, tmp_path: Path) -> None:
    frames = [*lease(), out(user(IHOA, SERVER))]
    for order in "<>":
        file = tmp_path / "t.pcapng"
        file.write_bytes(pcapng([Record(i * 1_000_001, f) for i, f in enumerate(frames)], order=order))
        rows = run(tshark, file, "frame", "frame.time_epoch", "frame.interface_name", "frame.len")
        with file.open("rb") as stream:
            ours = list(open_frames(stream, "t")[1])
        assert [[f"{f.time // 10**9}.{f.time % 10**9:09d}", f.interface, str(f.length)] for f in ours] == rows


def test_stacks_as_tshark_dissects_them(tshark: str, tmp_path: Path) -> None:
    """The number of IP headers and whether there is ESP."""
    file = tmp_path / "t.pcap"
    file.write_bytes(pcap([Record(i * 1000, out(p)) for i, p in enumerate(TUNNELS.values())]))
    rows = run(tshark, file, "frame", "frame.protocols")
    for (protocols,), stack in zip(rows, TUNNELS, strict=True):
        theirs, ours = protocols.split(":"), stack.split("/")
        assert theirs.count("ip") == ours.count("ip") + ours.count("minenc") * theirs.count("ipminenc")
        assert ("esp" in theirs) == ("esp" in ours)
    capture = ethernet([*lease(), *(out(p) for p in TUNNELS.values())])
    assert [e.args["stack"] for e in capture.events if e.kind == "data"] == list(TUNNELS)


def load_site(file: Path) -> Site:
    if not file.exists():
        return Site()
    table = tomllib.loads(file.read_text())
    given = table["site"]
    named = {k: int(ipaddress.IPv4Address(given[k])) for k in ("iha", "xha", "vpn", "ihoa", "xhoa") if k in given}
    return Site(
        addresses=named,
        fa=tuple(int(ipaddress.IPv4Address(a)) for a in given.get("fa", [])),
        internal=tuple(ipaddress.IPv4Network(n) for n in given.get("internal", [])),
        tunnels=tuple(given.get("tunnels", [])),
        mn_ha_keys=tuple(
            MnHaKey(k["agent"], k["spi"], k["algorithm"], k["key"].encode()) for k in table.get("mn_ha_key", [])
        ),
    )


@pytest.mark.skipif(not CAPTURES, reason="no captures of other software beside the checkout")
@pytest.mark.parametrize("file", CAPTURES, ids=lambda p: p.name)
def test_captures_of_other_software(file: Path, tshark: str) -> None:
    site = load_site(file.with_suffix(".toml"))
    with file.open("rb") as stream:
        assert is_capture(stream.read(12))
        stream.seek(0)
        capture = read_capture(stream, file.name, site)
    assert capture.frames == len(run(tshark, file, "frame", "frame.number"))
    assert [e.time for e in capture.events] == sorted(e.time for e in capture.events)
    compare(tshark, file)
    truth = file.with_suffix(".json")
    offender = json.loads(truth.read_text()).get("at_frame") if truth.exists() else None
    if offender is not None:
        (event,) = (e for e in capture.events if e.at.frame == offender)
        assert event.kind == "rrq" or (event.args["dir"], event.args["protection"]) == ("out", "none")
