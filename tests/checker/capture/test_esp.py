"""ESP that the site gives keys for. The packets are made by scapy, which encrypts in its own way."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mipcheck.checker.capture import Capture, read_capture
from mipcheck.checker.capture.frames.frame import Frame
from mipcheck.checker.capture.headers import layers
from mipcheck.checker.capture.headers import packet as headers
from mipcheck.checker.capture.messages.ciphers import UnusableKey
from mipcheck.checker.capture.messages.esp import DUMMY, EspAssociation, Keyring, Opened
from mipcheck.checker.site.site import EspSa, Site
from scapy.layers.inet import IP, TCP
from scapy.layers.ipsec import ESP
from scapy.packet import Packet, Raw

from making.esp import CIPHERS, IN, NAMES, OUT, SECRET, association, keys, sealed
from making.files import RAW, Device, Record, pcapng
from making.packets import (
    IHA,
    IHOA,
    KEY,
    OUTSIDE,
    SECOND,
    SERVER,
    SITE,
    TIA,
    VPN,
    XHA,
    XHOA,
    ike,
    into,
    lease,
    number,
    out,
    reply,
    request,
    signed,
    user,
)
from making.reading import brief

COMBINED = ("aes-gcm", "chacha20-poly1305")
SUITES = [
    (cipher, size, integrity)
    for cipher, (_, sizes) in CIPHERS.items()
    for size in sizes
    for integrity in NAMES
    if cipher not in COMBINED or integrity == "null"
]


def payload(packet: Packet) -> bytes:
    """An ESP packet from its SPI on."""
    return bytes(packet[ESP])


# Algorithms.


@pytest.mark.parametrize(("cipher", "size", "integrity"), SUITES)
def test_every_algorithm(cipher: str, size: int, integrity: str) -> None:
    sa = keys(OUT, cipher, size, integrity)
    inner = user(TIA, SERVER, 101)
    data = payload(sealed(inner, sa))
    assert EspAssociation(sa).open(data) == Opened(4, bytes(inner))
    if integrity != "null" or cipher in COMBINED:
        for at in (0, 6, 9, 30, len(data) - 1):  # SPI, sequence number, IV, data, check value
            changed = bytearray(data)
            changed[at] ^= 1
            assert EspAssociation(sa).open(bytes(changed)) is None
    other = replace(sa, encryption_key=bytes(size), integrity_key=b"x" * len(sa.integrity_key))
    assert sa == other or EspAssociation(other).open(data) is None or (cipher, integrity) == ("null", "null")


@pytest.mark.parametrize(("cipher", "integrity"), [("aes-cbc", "hmac-sha1-96"), ("aes-gcm", "null")])
def test_extended_sequence_numbers(cipher: str, integrity: str) -> None:
    sa = keys(OUT, cipher, CIPHERS[cipher][1][0], integrity)
    inner = user(TIA, SERVER)
    extended = association(sa, IP(src=XHOA, dst=VPN), esn_en=True)
    ours = EspAssociation(sa)
    for _ in range(3):
        assert ours.open(payload(extended.encrypt(inner, esn_en=True, esn=0))) == Opened(4, bytes(inner))


@pytest.mark.parametrize("size", [8, 12, 16])
def test_gcm_with_a_shorter_check_value(size: int) -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key, salt, header, iv = SECRET[:16], SECRET[16:20], bytes.fromhex("0c44be6c00000001"), bytes(8)
    inner = bytes(user(TIA, SERVER))
    padding = -(len(inner) + 2) % 4
    clear = inner + bytes(range(1, padding + 1)) + bytes([padding, 4])
    encrypted = AESGCM(key).encrypt(salt + iv, clear, header)
    packet = header + iv + encrypted[: len(clear) + size]
    for name in ("aes-gcm", f"aes-gcm-{size}", f"aes-gcm-with-{size}-octet-icv", f"AES128-GCM{size}"):
        assert EspAssociation(EspSa(OUT, name, key + salt, "null", b"")).open(packet) == Opened(4, inner)


@pytest.mark.parametrize(
    ("encryption", "integrity"),
    [("AES-CBC [RFC3602]", "HMAC-SHA-1-96 [RFC2404]"), ("aes128-cbc", "hmac-sha1-96"), ("aes-128-cbc", "HMAC_SHA1_96")],
)
def test_spellings(encryption: str, integrity: str) -> None:
    data = payload(sealed(user(TIA, SERVER), keys()))
    assert EspAssociation(replace(keys(), encryption=encryption, integrity=integrity)).open(data)


@pytest.mark.parametrize(
    ("sa", "message"),
    [
        (keys(encryption="rot13"), "encryption rot13 is not supported"),
        (replace(keys(), integrity="crc"), "integrity crc is not supported"),
        (keys(size=17), "a key for aes-cbc has 16 or 24 or 32 bytes, not 17"),
    ],
)
def test_keys_that_cannot_be_used(sa: EspSa, message: str) -> None:
    with pytest.raises(UnusableKey, match=message):
        EspAssociation(sa)
    assert message in Keyring([sa]).unusable[OUT]


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    ring = Keyring([keys(), keys(IN, "null", 0)])
    assert "cryptography" in ring.unusable[OUT] and ring.has(IN)
    site = replace(SITE, esp_sas=(keys(),))
    capture = ethernet([out(sealed(request(TIA), keys()))], site)
    assert "the package cryptography" in capture.hidden[0] and "the package cryptography" in capture.notes[-1]


@given(st.binary(max_size=120), st.sampled_from(SUITES))
def test_arbitrary_packets(data: bytes, suite: tuple[str, int, str]) -> None:
    ours = EspAssociation(keys(OUT, *suite))
    ours.open(data)
    ours.open(payload(sealed(user(TIA, SERVER), keys(OUT, *suite)))[: len(data)])


@settings(deadline=None)
@given(st.binary(max_size=80), st.sampled_from([4, 6, 17, 1, 59, 41, 50, 99]))
def test_whatever_is_inside_is_survived(data: bytes, protocol: int) -> None:
    outer = headers.Packet(1, 0, "eth0", 100, headers.ESP, stack="ip/esp", addresses=((1, 2),), spi=OUT)
    outer.payload = bytes.fromhex("0c44be6c00000001") + data + bytes([0, protocol])
    Keyring([EspSa(OUT, "null", b"", "null", b"")]).inside(outer)


# Packets.


def packet_of(packet: Packet) -> headers.Packet:
    """The decoded ESP packet, with its bytes whoever passes them on."""
    found = layers.decode(Frame(7, 9, "eth0", RAW, bytes(packet), len(packet), ""))
    found.payload = payload(packet)
    return found


def test_tunnel_mode() -> None:
    inner = Keyring([keys()]).inside(packet_of(IP(src=OUTSIDE, dst=XHA) / sealed(request(TIA), keys())))
    assert inner is not None
    assert (inner.kind, inner.stack) == (headers.REGISTRATION, "ip/ip/udp4500/esp/ip")
    assert (inner.frame, inner.time, inner.interface) == (7, 9, "eth0")
    assert inner.addresses == ((number(TIA), number(IHA)),)
    carried = sealed(IP(src=TIA, dst=IHA) / user(IHOA, SERVER), keys(), nat=False)
    inner = Keyring([keys()]).inside(packet_of(carried))
    assert inner is not None and (inner.kind, inner.stack) == (headers.PLAIN, "ip/esp/ip/ip")


def test_transport_mode() -> None:
    protected = association(keys()).encrypt(request(OUTSIDE, VPN))
    inner = Keyring([keys()]).inside(packet_of(protected))
    assert inner is not None
    assert (inner.kind, inner.stack, inner.addresses) == (
        headers.REGISTRATION,
        "ip/esp",
        ((number(OUTSIDE), number(VPN)),),
    )
    inner = Keyring([keys()]).inside(packet_of(association(keys()).encrypt(IP(src=OUTSIDE, dst=VPN) / TCP(dport=80))))
    assert inner is not None and (inner.kind, inner.dport) == (headers.PLAIN, 80)


def test_dummies_are_nothing() -> None:
    sa = keys(OUT, "null", 0)
    dummy = association(sa).encrypt(IP(src=XHOA, dst=VPN, proto=59) / Raw(b"x" * 50))
    inner = Keyring([sa]).inside(packet_of(dummy))
    assert inner is not None and (inner.kind, inner.why) == (headers.ASIDE, DUMMY)


# Captures.


def ethernet(frames: Sequence[bytes], site: Site) -> Capture:
    data = pcapng([Record(i * SECOND, frame) for i, frame in enumerate(frames)])
    return read_capture(io.BytesIO(data), "t.pcap", site)


KEYED = replace(SITE, esp_sas=(keys(), keys(IN, "aes-gcm", 20, "null")))


def session(tunnel: bool) -> list[Record]:
    """A registration through the VPN, from the address on; with its copies on the tunnel device, or without them."""
    asked, answered = signed(request(TIA), KEY), signed(reply(TIA), KEY)
    above, below = keys(), keys(IN, "aes-gcm", 20, "null")
    carried = IP(src=TIA, dst=IHA) / user(IHOA, SERVER)
    records = [Record(i, frame) for i, frame in enumerate(lease(OUTSIDE))]
    records += [
        Record(10, out(request(OUTSIDE, XHA, XHA, XHOA))),
        Record(20, out(IP(src=OUTSIDE, dst=XHA) / ike(XHOA, VPN))),
        Record(30, bytes(asked), 1),
        Record(31, out(IP(src=OUTSIDE, dst=XHA) / sealed(asked, above))),
        Record(40, into(IP(src=XHA, dst=OUTSIDE) / sealed(answered, below, VPN, XHOA))),
        Record(41, bytes(answered), 1),
        Record(50, bytes(carried), 1),
        Record(51, out(IP(src=OUTSIDE, dst=XHA) / sealed(carried, above))),
    ]
    return [r for r in records if tunnel or not r.interface]


def seen(tunnel: bool, site: Site = KEYED) -> Capture:
    data = pcapng(session(tunnel), [Device("eth0"), Device("ipsec0", RAW)])
    return read_capture(io.BytesIO(data), "t.pcapng", site)


def test_a_registration_is_found_inside_esp() -> None:
    capture = seen(False)
    assert brief(capture.events) == [
        ("eth0", "link", "up"),
        ("eth0", "coa", "colocated"),
        ("eth0", "rrq", "xha", "direct"),
        ("eth0", "ike", "start"),
        ("eth0", "ike", "established"),
        ("eth0", "sa", "up"),
        ("eth0", "rrq", "iha", "vpn"),
        ("eth0", "rrp", "iha", "vpn"),
        ("eth0", "data", "out", "esp"),
    ]
    by_kind = {e.kind: e for e in capture.events}
    assert by_kind["sa"].args["tia"] == number(TIA)
    assert by_kind["rrp"].args["auth"] == "ok" and by_kind["rrp"].at.frame == 8
    assert by_kind["data"].args["stack"] == "ip/ip/udp4500/esp/ip/ip"
    assert capture.hidden == () and capture.set_aside["signalling inside esp"] == 2


def test_a_registration_that_the_tunnel_device_shows_too_counts_once() -> None:
    both, device = seen(True), seen(True, SITE)
    one = [(e.kind, dict(e.args)) for e in seen(False).events]
    assert [(e.kind, dict(e.args)) for e in both.events] == one
    # Without keys, nothing tells that the carrier of a registration is no user data.
    assert [b for b in brief(device.events) if b[1] != "data"] == [b for b in brief(both.events) if b[1] != "data"]
    assert (both.hidden, device.hidden) == ((), ())


def test_esp_tells_over_which_interface_a_registration_went() -> None:
    asked, devices = request(TIA), [Device("eth0"), Device("ipsec0", RAW), Device("wlan0")]
    records = [
        Record(0, out(sealed(user(TIA, SERVER), keys()))),
        Record(SECOND, bytes(asked), 1),
        Record(SECOND + 1000, out(sealed(asked, keys())), 2),
    ]
    capture = read_capture(io.BytesIO(pcapng(records, devices)), "t.pcapng", KEYED)
    assert [(e.interface, e.at.frame) for e in capture.events if e.kind == "rrq"] == [("wlan0", 2)]


def test_wrong_keys_are_not_used_and_said_to_be_wrong() -> None:
    wrong = replace(KEYED, esp_sas=(replace(keys(), integrity_key=b"x" * 20), KEYED.esp_sas[1]))
    capture = seen(False, wrong)
    assert [b for b in brief(capture.events) if "vpn" in b] == [("eth0", "rrp", "iha", "vpn")]
    (hidden,) = capture.hidden
    assert f"keys of SPI {OUT:#010x} do not fit" in hidden and "xmip" in hidden
    assert capture.notes == (
        f"2 of 2 packets with SPI {OUT:#010x} do not fit their [[esp_sa]] keys, and were not opened",
    )


@pytest.mark.parametrize("changed", ["encryption_key", "integrity_key"])
def test_one_wrong_key_of_an_association_shows_nothing_that_is_not_there(changed: str) -> None:
    """A key that only decrypts is noticed by what comes out; it accuses nobody, and no packet is made of noise."""
    sa = keys()
    if changed == "encryption_key":
        sa = replace(sa, encryption_key=b"\x5a" * len(sa.encryption_key))
    else:
        sa = replace(sa, integrity_key=b"\x5a" * len(sa.integrity_key))
    right, wrong = seen(False), seen(False, replace(KEYED, esp_sas=(sa, KEYED.esp_sas[1])))
    told = [b for b in brief(right.events) if b[1:] != ("rrq", "iha", "vpn")]
    assert [b for b in brief(wrong.events) if b[1] != "data"] == [b for b in told if b[1] != "data"]
    assert wrong.hidden or wrong.holes


def test_a_damaged_packet_does_not_make_the_keys_wrong() -> None:
    good = out(sealed(request(TIA), keys()))
    capture = ethernet([*lease(OUTSIDE), good, good[:-1] + bytes([good[-1] ^ 1])], KEYED)
    assert capture.hidden == ()
    assert capture.notes[0].startswith(f"1 of 2 packets with SPI {OUT:#010x}")


def test_what_is_hidden_and_how_to_see_it() -> None:
    (hidden,) = seen(False, SITE).hidden
    assert f"give [[esp_sa]] keys for SPI {OUT:#010x}, {IN:#010x}" in hidden
    assert "on the tunnel interface that carries its inner packets (ipsec0 or xmip or imip)" in hidden
    assert "the VPN's tunnel interface" in seen(False, replace(SITE, tunnels=())).hidden[0]


def test_one_direction_without_keys() -> None:
    (hidden,) = seen(False, replace(KEYED, esp_sas=KEYED.esp_sas[:1])).hidden
    assert f"SPI {IN:#010x}" in hidden and f"{OUT:#010x}" not in hidden


def test_esp_with_somebody_else_is_not_the_vpn() -> None:
    capture = ethernet([*lease(OUTSIDE), out(sealed(request(TIA), keys(), OUTSIDE, "203.0.113.99"))], KEYED)
    assert brief(capture.events)[2:] == [("eth0", "data", "out", "esp")] and capture.hidden == ()
