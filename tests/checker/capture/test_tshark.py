"""Our decoding against tshark's, an independent decoder; and real captures, where there are any."""

from __future__ import annotations

import io
import ipaddress
import json
import struct
import subprocess
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree

import pytest
from mipcheck.checker.capture import Capture, is_capture, read_capture
from mipcheck.checker.capture.frames.files import open_frames
from mipcheck.checker.capture.headers import layers
from mipcheck.checker.capture.headers import packet as headers
from mipcheck.checker.capture.messages import dhcp, ike, mobileip
from mipcheck.checker.capture.messages import extensions as ext
from mipcheck.checker.capture.messages.esp import Keyring
from mipcheck.checker.capture.node.knowledge import dotted
from mipcheck.checker.site.site import EspSa, MnHaKey, Site
from mipcheck.model.values.types import Value
from scapy.layers.inet import IP

from making.esp import keys, sealed
from making.files import START, Device, Record, pcap, pcapng
from making.packets import (
    COA,
    IHA,
    IHOA,
    KEY,
    SERVER,
    TIA,
    TUNNELS,
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
from making.packets import dhcp as dhcp_frame
from making.paths import CAPTURES, OTHER_CAPTURES
from making.reading import ethernet
from making.signalling import TNC, advert, bootp, generic, isakmp, long, simple, to_gateway, with_extensions

OURS = sorted(CAPTURES.glob("*.pcapng"))
WIRESHARK = {
    "aes-cbc": "AES-CBC [RFC3602]",
    "aes-gcm": "AES-GCM with 16 octet ICV [RFC4106]",
    "aes-ctr": "AES-CTR [RFC3686]",
    "3des-cbc": "TripleDES-CBC [RFC2451]",
    "hmac-sha1-96": "HMAC-SHA-1-96 [RFC2404]",
    "hmac-md5-96": "HMAC-MD5-96 [RFC2403]",
    "hmac-sha2-256-128": "HMAC-SHA-256-128 [RFC4868]",
    "hmac-sha2-512-256": "HMAC-SHA-512-256 [RFC4868]",
    "null": "NULL",
}
"""Our names of algorithms → those of Wireshark's esp_sa table."""


def run(tshark: str, file: Path, show: str, *fields: str) -> list[list[str]]:
    """The fields of each frame that matches, tab-separated by tshark."""
    command = [tshark, "-r", str(file), "-Y", show, "-T", "fields", *(a for f in fields for a in ("-e", f))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return [line.split("\t") for line in done.stdout.splitlines()]


Fields = list[tuple[str, str, str]]
"""(name, shown, value as hexadecimal bytes) of every field of tshark's dissection of a frame, in order."""
# What is compared, by its name: tshark's filter for all of it, and how the frames of each are told apart in the answer.
SIGNALLING: dict[str, tuple[str, Callable[[Fields], bool]]] = {
    "registrations": ("mip.type == 1 || mip.type == 3", lambda f: bool({"1", "3"} & set(values(f, "mip.type", True)))),
    "advertisements": (
        "icmp.type == 9 && icmp.mip.seq",
        lambda f: "9" in values(f, "icmp.type", True) and bool(values(f, "icmp.mip.seq")),
    ),
    "dhcp": ("dhcp", lambda f: any(name.startswith("dhcp.") for name, _, _ in f)),
    "ike": ("isakmp.ispi", lambda f: bool(values(f, "isakmp.ispi"))),
}


def dissected(tshark: str, file: Path, what: str, *options: str) -> dict[int, Fields]:
    """Frame → its fields, for what is in `SIGNALLING`.

    Frames with ICMP errors are left out: what these quote is nobody's signalling.
    """
    return {n: fields for n, fields in signalling(tshark, file, options).items() if SIGNALLING[what][1](fields)}


@lru_cache(maxsize=2)
def signalling(tshark: str, file: Path, options: tuple[str, ...]) -> dict[int, Fields]:
    """All of it in one run: to start tshark takes longer than what it has to do."""
    show = " || ".join(f"({filtered})" for filtered, _ in SIGNALLING.values())
    command = [tshark, "-r", str(file), *options, "-Y", f"({show}) && !(icmp.type in {{3,4,5,11,12}})", "-T", "pdml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    found: dict[int, Fields] = {}
    for packet in ElementTree.fromstring(done.stdout).iter("packet"):
        fields = [(f.get("name", ""), f.get("show", ""), f.get("value", "")) for f in packet.iter("field")]
        number = next(shown for name, shown, _ in fields if name == "frame.number" or name == "num")
        found[int(number)] = fields
    return found


def values(fields: Fields, name: str, shown: bool = False) -> list[str]:
    return [show if shown else value for n, show, value in fields if n == name]


def decoded(file: Path, kind: int, site: Site | None = None) -> dict[int, headers.Packet]:
    """Our packets of one kind, by frame; with a site, those inside ESP."""
    ring = Keyring(site.esp_sas) if site else None
    found: dict[int, headers.Packet] = {}
    with file.open("rb") as stream:
        for frame in open_frames(stream, file.name)[1]:
            packet: headers.Packet | None = layers.decode(frame, [sa.spi for sa in site.esp_sas] if site else [])
            if ring is not None and packet is not None:
                packet = ring.inside(packet) if packet.kind == headers.ESP else None
            if packet is not None and packet.kind == kind:
                found[frame.number] = packet
    return found


def hexadecimal(number: int, size: int) -> str:
    return number.to_bytes(size).hex()


def our_registration(message: bytes) -> list[list[str]]:
    asked, answered = mobileip.read_request(message), mobileip.read_reply(message)
    if asked is not None:
        bits = sum(0x80 >> "SBDMGrT".index(letter) for letter in asked.flags)
        head = [["01"], [hexadecimal(bits, 1)], [], [hexadecimal(asked.coa, 4)]]
        common: mobileip.Request | mobileip.Reply = asked
    else:
        assert answered is not None
        head, common = [["03"], [], [hexadecimal(answered.code, 1)], []], answered
    found = list(mobileip.extensions(message))
    return [
        *head,
        [hexadecimal(common.lifetime, 2)],
        [hexadecimal(common.home, 4)],
        [hexadecimal(common.agent, 4)],
        [hexadecimal(common.id, 8)],
        [f"{e.type}/{e.length}" for e in found],
        [hexadecimal(ext.authenticator_of(e)[0], 4) for e in found if e.type in (32, 33, 34, 36)],
        [ext.authenticator_of(e)[1].hex() for e in found if e.type in (32, 33, 34, 36)],
        [e.data.hex() for e in found if e.type == ext.NAI],
    ]


def their_registration(fields: Fields) -> list[list[str]]:
    names = ("type", "flags", "code", "coa", "life", "homeaddr", "haaddr", "ident")
    kinds, lengths = values(fields, "mip.ext.type", True), values(fields, "mip.ext.len", True)
    # Bit 0x01 of the flags is reserved.
    flags = [f"{int(v, 16) & 0xFE:02x}" for v in values(fields, "mip.flags")]
    # A registration through the VPN may itself be in a UDP tunnel (type 4) to the x-HA.
    types = [v for v in values(fields, "mip.type") if v != "04"]
    given = {"flags": flags, "type": types}
    return [
        *(given.get(name, values(fields, f"mip.{name}")) for name in names),
        [f"{k}/{n}" for k, n in zip(kinds, lengths, strict=True) if k != "0"],  # padding
        values(fields, "mip.auth.spi"),
        values(fields, "mip.auth.auth"),
        values(fields, "mip.nai"),
    ]


def compare(tshark: str, file: Path) -> int:
    theirs = dissected(tshark, file, "registrations")
    ours = {n: our_registration(p.payload) for n, p in decoded(file, headers.REGISTRATION).items()}
    assert ours == {number: their_registration(fields) for number, fields in theirs.items()}
    return len(theirs)


def compare_inside_esp(tshark: str, file: Path, site: Site) -> int:
    """Registrations that only whoever has the keys can see."""
    options = ["-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE"]
    for sa in site.esp_sas:
        names = (WIRESHARK[sa.encryption], f"0x{sa.encryption_key.hex()}", WIRESHARK[sa.integrity])
        line = ["IPv4", "*", "*", f"{sa.spi:#010x}", *names, f"0x{sa.integrity_key.hex()}"]
        options += ["-o", "uat:esp_sa:" + ",".join(f'"{word}"' for word in line)]
    shown = dissected(tshark, file, "registrations", *options)
    theirs = {n: fields for n, fields in shown.items() if values(fields, "esp.spi")}
    ours = {n: our_registration(p.payload) for n, p in decoded(file, headers.REGISTRATION, site).items()}
    assert ours == {number: their_registration(fields) for number, fields in theirs.items()}
    return len(theirs)


def compare_advertisements(tshark: str, file: Path) -> int:
    theirs = {
        number: [values(fields, f"icmp.mip.{name}") for name in ("seq", "life", "flags", "coa")]
        for number, fields in dissected(tshark, file, "advertisements").items()
    }
    ours = {}
    for number, packet in decoded(file, headers.ADVERTISEMENT).items():
        found = mobileip.read_advertisement(packet.payload)
        if found is not None:
            flags = sum(0x8000 >> "RBHFMGrTU".index(letter) for letter in found.flags)
            fixed = [[hexadecimal(value, 2)] for value in (found.sequence, found.lifetime, flags)]
            ours[number] = [*fixed, [hexadecimal(coa, 4) for coa in found.coas]]
    assert ours == theirs
    return len(theirs)


DHCP_FIELDS = (
    *("id", "ip.your", "ip.client", "option.dhcp", "option.domain_name", "option.ip_address_lease_time"),
    *("option.dhcp_server_id", "option.requested_ip_address", "option.subnet_mask", "option.router"),
)


def compare_dhcp(tshark: str, file: Path) -> int:
    theirs = {
        number: [[v for v in values(fields, f"dhcp.{name}") if v] for name in DHCP_FIELDS]
        for number, fields in dissected(tshark, file, "dhcp").items()
    }
    ours = {}
    for number, packet in decoded(file, headers.DHCP).items():
        found = dhcp.read_message(packet.payload)
        if found is not None:
            optional = (found.lease, found.server, found.requested, found.mask)
            ours[number] = [
                *([hexadecimal(value, 4)] for value in (found.xid, found.offered, found.current)),
                [hexadecimal(found.type, 1)],
                [found.domain.encode().hex()] if found.domain else [],
                *([hexadecimal(value, 4)] if value else [] for value in optional),
                [hexadecimal(router, 4) for router in found.routers],
            ]
    assert ours == theirs
    return len(theirs)


def compare_ike(tshark: str, file: Path) -> int:
    names = ("ispi", "rspi", "version", "exchangetype", "messageid")
    theirs, ours = {}, {}
    for number, fields in dissected(tshark, file, "ike").items():
        payloads = [int(kind) for kind in values(fields, "isakmp.typepayload", True)]
        # Proposals and transforms are inside of the SA payload; a sealed payload is told apart from those in clear.
        seen = [kind for kind in payloads if kind not in (2, 3, 46, 53)]
        vendors = values(fields, "isakmp.vid_bytes")
        theirs[number] = [*(values(fields, f"isakmp.{name}")[0] for name in names), seen, vendors]
    for number, packet in decoded(file, headers.IKE).items():
        found = ike.read_message(packet.payload)
        assert found is not None
        version = f"{packet.payload[17]:02x}"
        head = [found.initiator.hex(), found.responder.hex(), version, hexadecimal(found.exchange, 1)]
        ids = [p.data.hex() for p in found.payloads if p.type in (13, 43)]
        ours[number] = [*head, hexadecimal(found.message_id, 4), [p.type for p in found.payloads], ids]
    assert ours == theirs
    return len(theirs)


def compare_esp(tshark: str, file: Path) -> int:
    theirs = {int(n): spi for n, spi in run(tshark, file, "esp.spi && !icmp", "frame.number", "esp.spi")}
    assert {n: f"{p.spi:#010x}" for n, p in decoded(file, headers.ESP).items()} == theirs
    return len(theirs)


@pytest.mark.slow
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


def write(tmp_path: Path, frames: Sequence[bytes]) -> Path:
    file = tmp_path / "t.pcap"
    file.write_bytes(pcap([Record(i * 1000, frame) for i, frame in enumerate(frames)]))
    return file


@pytest.mark.slow
def test_extensions_as_tshark_reads_them(tshark: str, tmp_path: Path) -> None:
    # Type 37 is left out: RFC 3025 gives it the format of 38, of which tshark reads only half.
    short = [
        simple(131, b"node@example.com"),
        simple(132, b"challenge"),
        simple(134, struct.pack("!HIH", 0, 9, 6) + b"normal"),
        simple(144, struct.pack("!BBBBH", 0, 0, 0x80, 47, 0)),
        TNC,
        simple(137, struct.pack("!BBI", 0, 0, 5)),
        simple(200, b"whatever"),
    ]
    longer = [long(38, 0, struct.pack("!IH", 9, 5) + b"critical"), long(36, 1, struct.pack("!I", 7) + b"x" * 16)]
    foreign = [simple(kind, struct.pack("!I", 300) + b"y" * 16) for kind in (33, 34)]
    answer = simple(44, struct.pack("!BBHH", 0, 64, 0x8000, 110))
    frames = [
        out(with_extensions(signed(request(flags=0xFF), KEY, before=b"".join(short)), b"".join(foreign))),
        out(with_extensions(request(lifetime=0), b"".join(longer))),
        into(signed(reply(code=1, lifetime=65535), KEY, before=answer)),
        *(out(signed(request(id=2**64 - 1), KEY, before=e)) for e in [*short, *longer, *foreign]),
        *(into(with_extensions(reply(code=code), TNC)) for code in range(256)),
    ]
    assert compare(tshark, write(tmp_path, frames)) == len(frames)


@pytest.mark.slow
def test_advertisements_as_tshark_reads_them(tshark: str, tmp_path: Path) -> None:
    after = simple(19, bytes([24])) + b"\0" + simple(24, b"challenge")
    coas = ["10.1.2.1", "10.1.2.2"]
    frames = [into(advert(coas[:n], flags << 7, n, after)) for n in range(3) for flags in range(512)]
    assert compare_advertisements(tshark, write(tmp_path, frames)) == len(frames)


def test_dhcp_as_tshark_reads_it(tshark: str, tmp_path: Path) -> None:
    kinds = ("discover", "offer", "request", "decline", "ack", "nak", "release", "inform")
    frames = [dhcp_frame(kind, COA, 7, current=COA if kind == "inform" else "0.0.0.0") for kind in kinds]
    reboot = [("message-type", "request"), ("requested_addr", COA), ("server_id", IHA)]
    full = [("message-type", "ack"), ("lease_time", 2**32 - 1), ("router", IHA, XHA), ("domain", b"a.example")]
    frames += [bootp([*reboot], op=1), bootp([*full], op=2, yiaddr=COA)]
    frames.append(bootp([(52, b"\1"), ("message-type", "ack")], op=2, yiaddr=COA, file=b"\x0f\x05a.com\xff"))
    assert compare_dhcp(tshark, write(tmp_path, frames)) == len(frames)


def test_key_exchange_as_tshark_reads_it(tshark: str, tmp_path: Path) -> None:
    ids = [bytes.fromhex(word) for word in ike.VENDORS]
    body = b"".join(generic(13, i) for i in ids) + generic(20, b"h" * 16) + generic(0, b"h" * 16)
    later = b"initiatrresponds"
    deleted = generic(0, struct.pack("!IBBH", 1, 3, 4, 1) + b"spi.")
    notified = generic(41, struct.pack("!BBH", 0, 0, 16388) + b"h" * 20) + generic(43, struct.pack("!BBH", 0, 0, 16389))
    messages = [
        isakmp(body, 13),
        isakmp(deleted, 12, exchange=5, cookies=later),
        isakmp(b"sealed" * 8, 8, exchange=32, cookies=later, flags=1),
        isakmp(notified + generic(0, b"vendor"), 41, 0x20, 34),
        isakmp(generic(33, b"sealed" * 8), 46, 0x20, 35, later, flags=8),
        isakmp(generic(33, b"sealed" * 8), 46, 0x20, 36, later, flags=0x20),
    ]
    frames = [to_gateway(message, port) for message in messages for port in (500, 4500)]
    assert compare_ike(tshark, write(tmp_path, frames)) == len(frames)


def test_deletions_as_tshark_reads_them(tshark: str, tmp_path: Path) -> None:
    """Of IKEv1, before there are keys: which protocol, and which SPIs."""
    asked = [(3, (b"spi.",)), (3, (b"one.", b"two.")), (1, (b"initiatrresponds",)), (2, (b"ah..",))]
    frames = []
    for protocol, spis in asked:
        body = generic(0, struct.pack("!IBBH", 1, protocol, len(spis[0]), len(spis)) + b"".join(spis))
        frames.append(to_gateway(isakmp(body, 12, exchange=5, cookies=b"initiatrresponds")))
    file = write(tmp_path, frames)
    rows = run(tshark, file, "isakmp", "isakmp.delete.protoid", "isakmp.delete.spi")
    for (protocol, spis), (their_protocol, their_spis), packet in zip(
        asked, rows, decoded(file, headers.IKE).values(), strict=True
    ):
        message = ike.read_message(packet.payload)
        assert message is not None and message.deletions == (ike.Deletion(protocol, spis),)
        assert their_protocol == str(protocol)
        assert their_spis.replace(":", "").split(",") == [spi.hex() for spi in spis]


def test_nonces_as_tshark_reads_them(tshark: str, tmp_path: Path) -> None:
    """The halves of an identification, which replay protection by nonces keeps apart (RFC 3344 section 5.7.2)."""
    nonces = [0x1111, 0x2222, 0x3333]
    pairs = [(nonces[i] << 32 | i + 7, nonces[i + 1] << 32 | i + 7) for i in range(2)]
    frames = [f for a, b in pairs for f in (out(request(id=a)), into(signed(reply(id=b), KEY)))]
    rows = dissected(tshark, write(tmp_path, frames), "registrations")
    theirs = [int(values(fields, "mip.ident")[0], 16) for fields in rows.values()]
    assert theirs == [identification for pair in pairs for identification in pair]
    events = ethernet(frames).events
    assert [e.args["id"] for e in events] == theirs


CIPHERS = [("aes-cbc", 16), ("aes-cbc", 32), ("aes-gcm", 20), ("aes-ctr", 20), ("3des-cbc", 24), ("null", 0)]


INTEGRITIES = ("hmac-sha1-96", "hmac-md5-96", "hmac-sha2-256-128", "hmac-sha2-512-256")
TRANSFORMS = [(*c, i) for c in CIPHERS for i in (("null",) if c[0] == "aes-gcm" else INTEGRITIES)]


@pytest.mark.slow
def test_esp_as_tshark_opens_it(tshark: str, tmp_path: Path) -> None:
    """All transforms in one file, each with an SPI of its own."""
    inner = [signed(request(TIA), KEY), signed(reply(TIA), KEY), user(IHOA, SERVER)]
    sas = tuple(keys(0x0C44BE6C + n, *transform) for n, transform in enumerate(TRANSFORMS))
    frames = []
    for sa in sas:
        frames += [out(sealed(p, sa)) for p in inner] + [
            out(IP(src=COA, dst=XHA) / sealed(p, sa, nat=False)) for p in inner
        ]
    file = write(tmp_path, frames)
    assert compare_esp(tshark, file) == 6 * len(sas)
    assert compare_inside_esp(tshark, file, Site(esp_sas=sas)) == 4 * len(sas)


@pytest.mark.slow
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
        esp_sas=tuple(
            EspSa(
                k["spi"],
                k["encryption"],
                bytes.fromhex(k["encryption_key"]),
                k["integrity"],
                bytes.fromhex(k["integrity_key"]),
            )
            for k in table.get("esp_sa", [])
        ),
    )


def compare_addresses(tshark: str, file: Path) -> int:
    """Of every packet: its interface, the addresses of all its IP headers, and whether ESP is among them."""
    fields = ("frame.number", "frame.protocols", "ip.src", "ip.dst", "frame.interface_name")
    command = [
        tshark,
        "-r",
        str(file),
        "-o",
        "ip.defragment:FALSE",
        "-T",
        "fields",
        *(a for f in fields for a in ("-e", f)),
    ]
    rows = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.splitlines()
    with file.open("rb") as stream:
        frames = list(open_frames(stream, file.name)[1])
    for frame, row in zip(frames, rows, strict=True):
        number, protocols, sources, targets, interface = row.split("\t")
        packet, words = layers.decode(frame), protocols.split(":")
        ours = [(dotted(s), dotted(t)) for s, t in packet.addresses]
        theirs = list(zip(sources.split(","), targets.split(","), strict=True)) if sources else []
        # What an ICMP error quotes is no header of this packet.
        assert (int(number), ours) == (frame.number, theirs[: len(ours)] if "icmp" in words else theirs)
        assert ("esp" in words) == ("esp" in packet.stack.split("/"))
        assert interface in ("", frame.interface)
    return len(frames)


@pytest.mark.slow
@pytest.mark.parametrize("file", OURS, ids=lambda p: p.name)
def test_our_own_captures(file: Path, tshark: str) -> None:
    assert compare_addresses(tshark, file)
    assert compare(tshark, file)
    compare_advertisements(tshark, file)
    compare_dhcp(tshark, file)
    compare_ike(tshark, file)
    site = load_site(file.with_suffix(".toml"))
    if site.esp_sas:
        assert compare_inside_esp(tshark, file, site)


@pytest.mark.slow
@pytest.mark.skipif(not OTHER_CAPTURES, reason="no captures of other software beside the checkout")
@pytest.mark.parametrize("file", OTHER_CAPTURES, ids=lambda p: p.name)
def test_captures_of_other_software(file: Path, tshark: str) -> None:
    site = load_site(file.with_suffix(".toml"))
    with file.open("rb") as stream:
        assert is_capture(stream.read(12))
        stream.seek(0)
        capture = read_capture(stream, file.name, site)
    assert capture.frames == len(run(tshark, file, "frame", "frame.number"))
    assert [e.time for e in capture.events] == sorted(e.time for e in capture.events)
    compare_addresses(tshark, file)
    compare(tshark, file)
    compare_advertisements(tshark, file)
    compare_dhcp(tshark, file)
    compare_ike(tshark, file)
    compare_esp(tshark, file)
    if site.esp_sas and any(e.args.get("protection") == "esp" for e in capture.events):
        assert compare_inside_esp(tshark, file, site)
    truth = file.with_suffix(".json")
    offender = json.loads(truth.read_text()).get("at_frame") if truth.exists() else None
    if offender is not None:
        (event,) = (e for e in capture.events if e.at.frame == offender)
        assert event.kind == "rrq" or (event.args["dir"], event.args["protection"]) == ("out", "none")


def from_physical_interfaces(file: Path, site: Site) -> bytes:
    """The capture as it would be without the tunnel devices."""
    with file.open("rb") as stream:
        info, frames = open_frames(stream, file.name)
        kept = [frame for frame in frames if frame.interface not in site.tunnels]
    names = [name for name in info.interfaces if name not in site.tunnels]
    records = [Record(f.time - START, f.data, names.index(f.interface), f.length) for f in kept]
    return pcapng(records, [Device(name, info.interfaces[name]) for name in names])


KEYED = [file for file in OTHER_CAPTURES if load_site(file.with_suffix(".toml")).esp_sas]


@pytest.mark.skipif(not KEYED, reason="no captures of other software beside the checkout")
@pytest.mark.parametrize("file", KEYED, ids=lambda p: p.name)
def test_what_the_tunnel_devices_show_is_found_inside_esp(file: Path) -> None:
    site = load_site(file.with_suffix(".toml"))

    def registrations(capture: Capture) -> list[tuple[str, dict[str, Value]]]:
        return [(e.kind, dict(e.args)) for e in capture.events if e.args.get("path") == "vpn"]

    with file.open("rb") as stream:
        whole = read_capture(stream, file.name, site)
    outside = read_capture(io.BytesIO(from_physical_interfaces(file, site)), file.name, site)
    assert registrations(outside) == registrations(whole)
    assert (whole.hidden, outside.hidden) == ((), ())
    blind = read_capture(io.BytesIO(from_physical_interfaces(file, site)), file.name, replace(site, esp_sas=()))
    assert registrations(blind) == []
    assert bool(blind.hidden) == any(e.args.get("protection") == "esp" for e in blind.events)
