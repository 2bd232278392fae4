"""A capture that is anonymised says nothing of anybody, and is judged as it was."""

from __future__ import annotations

import io
import ipaddress
import random
import re
from pathlib import Path

import pytest
from fuzzing.frames import batch_of, seeds
from hypothesis import given
from hypothesis import strategies as st
from mipcheck.checker.capture.frames.files import open_frames
from mipcheck.checker.capture.frames.frame import Frame
from mipcheck.checker.capture.headers.fragments import Reassembler
from mipcheck.checker.capture.headers.packet import Packet
from mipcheck.checker.capture.read import Decoder
from mipcheck.checker.check.check import check
from mipcheck.checker.check.readings import resolved
from mipcheck.checker.cli.main import main
from mipcheck.checker.inputs.settle import over_logs
from mipcheck.checker.site.site import MnHaKey, Site
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.checker.verbs.anonymise import site_toml
from mipcheck.checker.verbs.anonymise_esp import DisguisedAssociations
from mipcheck.checker.verbs.anonymise_file import rewrite
from mipcheck.checker.verbs.anonymise_frames import Rewriter
from mipcheck.checker.verbs.anonymise_names import Disguise
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from making.files import Device, Record, pcap, pcapng
from making.packets import (
    COA,
    IHA,
    IHOA,
    KEY,
    NODE_MAC,
    PEER_MAC,
    SERVER,
    SESSION,
    VPN,
    XHA,
    XHOA,
    into,
    lease,
    out,
    reply,
    request,
    signed,
)
from making.paths import CAPTURES

SPEC = resolved("draft-01")
DISGUISE = Disguise(b"secret")
addresses = st.integers(0, 2**32 - 1)


def common(a: int, b: int) -> int:
    """How many leading bits two addresses share."""
    return 32 - (a ^ b).bit_length()


@given(addresses, addresses)
def test_addresses_share_as_many_bits_as_before(a: int, b: int) -> None:
    assert common(DISGUISE.address(a), DISGUISE.address(b)) == common(a, b)


@given(addresses)
def test_an_address_stays_of_its_kind(address: int) -> None:
    old, new = (ipaddress.IPv4Address(a) for a in (address, DISGUISE.address(address)))
    for kind in ("is_multicast", "is_loopback", "is_link_local", "is_unspecified"):
        assert getattr(old, kind) == getattr(new, kind)
    for private in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"):
        assert (old in ipaddress.ip_network(private)) == (new in ipaddress.ip_network(private))
    assert (address & 0xFF == 0xFF) == (DISGUISE.address(address) & 0xFF == 0xFF)


@given(st.binary(max_size=40))
def test_a_name_keeps_its_form(name: bytes) -> None:
    new = DISGUISE.text(name)
    assert len(new) == len(name) and new == DISGUISE.text(name)
    assert [c for c in new if c in b".@-_/\\"] == [c for c in name if c in b".@-_/\\"]


@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*.pcapng"))[::3], ids=lambda path: path.stem)
def test_own_captures_are_judged_as_they_were(path: Path, tmp_path: Path) -> None:
    config, target = path.with_suffix(".toml"), tmp_path / "shown.pcapng"
    assert main(["anonymise", str(path), "--config", str(config), "-o", str(target)]) == 0
    before, after = check(path, config=config), check(target, config=f"{target}.toml")
    assert [(r.id, r.status, r.kept, r.broken) for r in before.rules] == [
        (r.id, r.status, r.kept, r.broken) for r in after.rules
    ]
    assert after.verdict == before.verdict and len(after.violations) == len(before.violations)
    site = over_logs(vocabulary_of(SPEC), str(config), {}).site
    written, said = target.read_bytes(), Path(f"{target}.toml").read_text()
    for address in (*site.addresses.values(), *site.fa):
        if DISGUISE.address(address) != address:
            assert address.to_bytes(4, "big") not in written
            assert not re.search(rf"\b{re.escape(str(ipaddress.IPv4Address(address)))}\b", said)
    for key in (*(k.key for k in site.mn_ha_keys), *(s.encryption_key for s in site.esp_sas)):
        assert key.hex() not in said and key not in written and (not key or key.decode("latin-1") not in said)
    assert b"example" not in written


def frames_of(data: bytes) -> list[bytes]:
    return [frame.data for frame in open_frames(io.BytesIO(data), "x")[1]]


def rewriter(*keys: tuple[MnHaKey, MnHaKey]) -> Rewriter:
    return Rewriter(DISGUISE, keys, DisguisedAssociations((), b"secret"))


def test_checksums_that_were_right_are_right_and_wrong_ones_stay_wrong() -> None:
    for wrong in (False, True):
        packet = IP(src=COA, dst=IHA) / UDP(sport=7, dport=9) / b"who am I?"
        if wrong:
            packet.chksum, packet[UDP].chksum = 0x1234, 0x4321
        made = IP(rewriter().ipv4(bytes(packet)))
        told = made.chksum, made[UDP].chksum
        del made.chksum, made[UDP].chksum
        right = IP(bytes(made))
        assert (told[0] == right.chksum, told[1] == right[UDP].chksum) == (not wrong, not wrong)
        assert bytes(made[UDP].payload) == bytes(9) and made.src != COA


@pytest.mark.parametrize("fits", [True, False])
def test_authenticators_fit_as_they_did(fits: bool, tmp_path: Path) -> None:
    used = KEY if fits else MnHaKey(KEY.agent, KEY.spi, KEY.algorithm, b"another")
    frames = [out(signed(request(), used)), into(signed(reply(), used))]
    capture, config, target = tmp_path / "x.pcap", tmp_path / "x.toml", tmp_path / "y.pcap"
    capture.write_bytes(pcap([Record(n * 10**6, f) for n, f in enumerate(frames)]))
    config.write_text(
        f'[[mn_ha_key]]\nagent = "iha"\nspi = {KEY.spi}\nalgorithm = "hmac-md5"\nkey = "{KEY.key.decode()}"\n'
    )
    assert main(["anonymise", str(capture), "--config", str(config), "-o", str(target)]) == 0
    assert KEY.key not in target.read_bytes() and KEY.key.decode() not in Path(f"{target}.toml").read_text()
    notes = " ".join(check(target, config=f"{target}.toml").notes)
    assert ("does not fit the [[mn_ha_key]]" in notes) == (not fits)


def test_names_and_link_addresses_are_gone() -> None:
    devices = [Device("eth0", description="the chief's laptop")]
    data = pcapng([Record(n, frame) for n, frame in enumerate([*lease(), out(SESSION[0])])], devices)
    made = io.BytesIO()
    rewrite(io.BytesIO(data), "x", made, rewriter())
    mac = bytes.fromhex(NODE_MAC.replace(":", ""))
    assert b"eth0" in made.getvalue() and mac in data
    for secret in (mac, b"chief", b"example", b"corp"):
        assert secret not in made.getvalue()
    assert len(frames_of(made.getvalue())) == len(frames_of(data))
    assert {Ether(f).src for f in frames_of(data)}.isdisjoint({Ether(f).src for f in frames_of(made.getvalue())})


def test_what_would_be_judged_otherwise_is_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    capture, target = tmp_path / "x.pcap", tmp_path / "y.pcap"
    capture.write_bytes(pcap([Record(n * 10**6, f) for n, f in enumerate(seeds()[1])]))
    monkeypatch.setattr(Rewriter, "frame", lambda self, linktype, data: bytes(len(data)))
    assert main(["anonymise", str(capture), "-o", str(target)]) == 2
    assert "judged in another way" in capsys.readouterr().err and not target.exists()


# --- frames of every kind -----------------------------------------------------------------------------------------

SECRETS = (COA, IHA, IHOA, XHA, XHOA, VPN, SERVER)
WITH_NAMES = {link: [*frames, *(f + b"the chief's laptop" for f in frames)] for link, frames in seeds().items()}


def made_of(linktype: int, frames: list[bytes]) -> list[bytes]:
    made, data = rewriter((KEY, KEY)), pcap([Record(n * 10**6, f) for n, f in enumerate(frames)], linktype)
    for made.fragments.learning in (True, False):
        target = io.BytesIO()
        rewrite(io.BytesIO(data), "x", target, made)
    return frames_of(target.getvalue())


@pytest.mark.parametrize("linktype", WITH_NAMES)
def test_nothing_of_anybody_is_left_in_any_frame(linktype: int) -> None:
    """Addresses of each kind, and every word that a frame holds, on the air and in fragments too."""
    found = b"\n".join(made_of(linktype, WITH_NAMES[linktype]))
    given = b"\n".join(WITH_NAMES[linktype])
    numbers = [ipaddress.IPv4Address(a).packed for a in SECRETS]
    numbers += [bytes.fromhex(mac.replace(":", "")) for mac in (NODE_MAC, PEER_MAC)]
    assert any(n in given for n in numbers)
    assert not [n.hex() for n in numbers if n in found]
    # Noise and headers come to four or five letters in a row by chance; where they stand in both, it is no chance.
    words = set(re.findall(rb"[ -~]{6,}", given)) - {b"initiatr"}  # the cookie of a key exchange, a random number
    assert words and not [w for w in words if w in found]


@pytest.mark.sampled(4)
@pytest.mark.parametrize("linktype", seeds())
def test_captures_of_every_link_are_judged_as_they_were(linktype: int, tmp_path: Path) -> None:
    """What would be judged in another way is not written."""
    capture, target = tmp_path / "x.pcap", tmp_path / "y.pcap"
    capture.write_bytes(pcap([Record(n * 10**6, f) for n, f in enumerate(seeds()[linktype])], linktype))
    assert main(["anonymise", str(capture), "-o", str(target)]) == 0


def decoded(linktype: int, frames: list[bytes]) -> list[Packet]:
    """What is told from each frame, its datagrams put together, with disguised addresses."""
    together = Reassembler()
    decoder = Decoder(frozenset(), together, 0, 0)
    found = [
        p for n, f in enumerate(frames) for p in decoder.take(Frame(n + 1, n * 10**6, "x", linktype, f, len(f), ""))
    ]
    together.finish()
    return found


def told(packet: Packet, disguise: bool) -> tuple[object, ...]:
    address = DISGUISE.address if disguise else int
    mac = DISGUISE.link_address if disguise else bytes
    pairs = tuple((address(a), address(b)) for a, b in packet.addresses)
    stations = tuple(mac(m[:6]) for m in (packet.source_mac, packet.target_mac))
    return (packet.kind, packet.why, packet.stack, pairs, stations, packet.protocol, packet.sport, packet.dport,
            packet.spi, packet.again, packet.closed, packet.unread, len(packet.payload), packet.direction)  # fmt: skip


@pytest.mark.parametrize("linktype", seeds())
def test_every_frame_is_read_as_it_was(linktype: int) -> None:
    """Of 802.11, of fragments in any order, of tunnels in tunnels."""
    dice, frames = random.Random(linktype), seeds()[linktype]
    dice.shuffle(frames)
    before, after = decoded(linktype, frames), decoded(linktype, made_of(linktype, frames))
    assert [told(p, True) for p in before] == [told(p, False) for p in after]


@pytest.mark.parametrize("words", [["-", "-o", "y"], ["x.log", "-o", "y"], ["x.pcap"], ["x.pcap", "-o", "x.pcap"]])
def test_what_cannot_be_done(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = pcap([Record(0, out(SESSION[0]))])
    Path("x.pcap").write_bytes(data)
    Path("x.log").write_text("mipcheck-trace 1\n0 e link state=up\n")
    try:
        code = main(["anonymise", *words])
    except SystemExit as done:
        code = int(done.code or 0)
    assert code == 2 and not Path("y").exists() and Path("x.pcap").read_bytes() == data


def test_hostile_captures_keep_their_lengths() -> None:
    links, dice = seeds(), random.Random(5)
    for _ in range(12):
        data = batch_of(links, 150, dice)
        made = io.BytesIO()
        rewrite(io.BytesIO(data), "x", made, rewriter((KEY, KEY)))
        assert [len(f) for f in frames_of(made.getvalue())] == [len(f) for f in frames_of(data)]


def test_the_site_is_translated(tmp_path: Path) -> None:
    plain = Site(
        internal=(ipaddress.IPv4Network("10.1.0.0/16"),), upkeep=("dns", "10.1.2.3:80"), parameters={"t_stop": "9s"}
    )
    path = tmp_path / "s.toml"
    path.write_text(site_toml(plain, DISGUISE, [], []))
    site = over_logs(vocabulary_of(SPEC), str(path), {}).site
    inside = ipaddress.IPv4Address(DISGUISE.address(int(ipaddress.ip_address("10.1.2.3"))))
    assert inside in site.internal[0] and site.internal[0].prefixlen == 16
    assert site.upkeep == ("dns", f"{inside}:80") and site.parameters == {"t_stop": "9s"}
