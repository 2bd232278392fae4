"""What IKEv2 has sealed, opened with the keys of Wireshark's table: what ends or moves an association is seen.

The messages are sealed here by the words of RFC 7296 section 3.14 and RFC 5282; tshark opens them with the same table.
"""

from __future__ import annotations

import hmac
import io
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from mipcheck.checker.capture.messages import ike
from mipcheck.checker.capture.messages.sealed import IkeKeys
from mipcheck.checker.console.errors import InputError
from mipcheck.checker.site.keys import read_keys
from mipcheck.model.values.event import Event
from scapy.layers.inet import IP, UDP
from scapy.packet import Raw

from making.files import Record, pcap
from making.packets import COA, SITE, VPN, esp, into, out
from making.packets import ike as first
from making.reading import ethernet

SPIS = b"initiate", b"responds"
KEYS = bytes(range(16)), bytes(range(16, 32))
SECRETS = bytes(range(32, 52)), bytes(range(52, 72))
SALT = b"salt"
CBC = (f'{SPIS[0].hex()},{SPIS[1].hex()},{KEYS[0].hex()},{KEYS[1].hex()},"AES-CBC-128 [RFC3602]",'
       f'{SECRETS[0].hex()},{SECRETS[1].hex()},"HMAC_SHA1_96 [RFC2404]"\n')  # fmt: skip
GCM = (f'{SPIS[0].hex()},{SPIS[1].hex()},{(KEYS[0] + SALT).hex()},{(KEYS[1] + SALT).hex()},'
       '"AES-GCM-128 with 16 octet ICV [RFC5282]",,,"NONE [RFC4306]"\n')  # fmt: skip
DELETE_IKE = (42, bytes([1, 0, 0, 0]))
DELETE_ESP = (42, bytes([3, 4, 0, 1]) + bytes(4))
MOVE = (41, bytes([0, 0]) + (16400).to_bytes(2))
REFUSE = (41, bytes([0, 0]) + (40).to_bytes(2))
INFORMATIONAL, CREATE_CHILD_SA = 37, 36


def message(
    *payloads: tuple[int, bytes],
    number: int = 2,
    response: bool = False,
    exchange: int = INFORMATIONAL,
    combined: bool = False,
    by_node: bool = True,
) -> bytes:
    """Seal payloads (type, body) as the end does that began the exchange, or as the other one."""
    clear = b""
    for (_, body), (following, _) in zip(payloads, (*payloads[1:], (0, b"")), strict=False):
        clear += struct.pack("!BBH", following, 0, 4 + len(body)) + body
    padding = 0 if combined else -(len(clear) + 1) % 16
    clear += bytes(padding) + bytes([padding])
    iv, icv = (b"8 octets", 16) if combined else (b"sixteen octets!!", 12)
    length = 4 + len(iv) + len(clear) + icv
    flags = (0x08 if by_node else 0) | (0x20 if response else 0)
    start = struct.pack("!8s8sBBBBII", *SPIS, 46, 0x20, exchange, flags, number, 28 + length)
    start += struct.pack("!BBH", payloads[0][0] if payloads else 0, 0, length)
    key, secret = KEYS[not by_node], SECRETS[not by_node]
    if combined:
        return start + iv + AESGCM(key).encrypt(SALT + iv, clear, start)
    sealer = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    covered = start + iv + sealer.update(clear) + sealer.finalize()
    return covered + hmac.digest(secret, covered, "sha1")[:icv]


def sent(data: bytes, source: str = COA) -> bytes:
    """The message in a frame of the node's; it sits behind a NAT, as all that uses MOBIKE does on port 4500."""
    return out(IP(src=source, dst=VPN) / UDP(sport=4500, dport=4500) / Raw(bytes(4) + data))


def answered(data: bytes, target: str = COA) -> bytes:
    return into(IP(src=VPN, dst=target) / UDP(sport=4500, dport=4500) / Raw(bytes(4) + data))


def seen(*frames: bytes, table: str = CBC) -> list[Event]:
    """What happens after an exchange and ESP of either end, by a capture with these keys."""
    site = replace(SITE, ike_sas=read_keys(io.BytesIO(table.encode()), "keys").ike_sas)
    begun = [out(first(COA, VPN)), out(esp(COA, VPN)), into(esp(VPN, COA, 0x99))]
    events = ethernet([*begun, *frames], site).events
    expected = ("start", "established", "up")
    return [e for e in events if e.kind in ("ike", "sa") and e.args.get("phase", e.args.get("state")) not in expected]


@pytest.mark.parametrize(("table", "combined"), [(CBC, False), (GCM, True)], ids=["cbc", "gcm"])
def test_what_the_node_deletes_ends_it(table: str, combined: bool) -> None:
    (event,) = seen(sent(message(DELETE_IKE, combined=combined)), table=table)
    assert (event.kind, event.args["phase"]) == ("ike", "deleted")
    gone = (42, bytes([3, 4, 0, 1]) + (0x99).to_bytes(4))
    (event,) = seen(sent(message(MOVE, gone, combined=combined)), table=table)
    assert (event.kind, event.args["state"]) == ("sa", "down")


def test_it_is_told_once_and_only_where_it_ends_something() -> None:
    assert len(seen(*[sent(message(DELETE_IKE))] * 3)) == 1
    assert seen(sent(message(DELETE_ESP))) == []  # of another SPI than the newest
    assert seen(answered(message(DELETE_IKE, by_node=False))) == []  # the event is what the node does
    rekeyed = sent(message((33, b""), exchange=CREATE_CHILD_SA))
    assert seen(rekeyed, sent(message(DELETE_IKE, number=3))) == []  # the old one, now that there is a new one
    assert seen(sent(message(DELETE_IKE)), table=CBC.replace(SECRETS[0].hex(), "ff" * 20)) == []


def test_a_capture_says_what_it_could_not_tell_of_an_exchange_and_of_which() -> None:
    frames = [out(first(COA, VPN)), out(esp(COA, VPN)), *[sent(message(DELETE_IKE, number=n)) for n in range(3)]]
    (note,) = [n for n in ethernet(frames).notes if "stayed encrypted" in n]
    assert note.startswith(f"1 key exchange (initiator's SPI 0x{SPIS[0].hex()}) stayed encrypted")
    site = replace(SITE, ike_sas=read_keys(io.BytesIO(CBC.encode()), "keys").ike_sas)
    assert not any("stayed encrypted" in n for n in ethernet(frames, site).notes)
    assert not any("stayed encrypted" in n for n in ethernet(frames[:2]).notes)


def test_an_update_of_addresses_counts_once_it_is_answered() -> None:
    elsewhere = "203.0.113.9"
    asked = sent(message(MOVE, number=7), elsewhere)
    assert seen(asked) == []
    done = answered(message(number=7, response=True, by_node=False), elsewhere)
    (event,) = seen(asked, asked, done, done)
    assert (event.kind, event.args["phase"]) == ("ike", "updated")
    assert event.args["src"] == int.from_bytes(bytes(map(int, elsewhere.split("."))))
    assert seen(asked, answered(message(REFUSE, number=7, response=True, by_node=False), elsewhere)) == []
    assert seen(asked, answered(message(number=6, response=True, by_node=False), elsewhere)) == []
    assert seen(asked, done, table=CBC.replace(b"responds".hex(), "00" * 8)) == []


@pytest.mark.slow
@pytest.mark.parametrize(("table", "combined"), [(CBC, False), (GCM, True)], ids=["cbc", "gcm"])
def test_tshark_opens_the_same(table: str, combined: bool, tmp_path: Path, tshark: str) -> None:
    data = message(MOVE, DELETE_ESP, combined=combined)
    file = tmp_path / "x.pcap"
    file.write_bytes(pcap([Record(1, sent(data))]))
    done = subprocess.run(
        [tshark, "-r", str(file), "-o", f"uat:ikev2_decryption_table:{table.strip()}", "-T", "fields",
         "-e", "isakmp.notify.msgtype", "-e", "isakmp.delete.protoid"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == ["16400", "3"]
    found = read_keys(io.BytesIO(table.encode()), "keys").ike_sas
    clear = ike.read_message(data)
    assert clear is not None and clear.encrypted
    opened = IkeKeys(found).opened(clear, data)
    assert opened is not None and opened.notifications == (16400,) and opened.deletions[0].protocol == 3


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (CBC.replace(",", ";"), "is no line of Wireshark's esp_sa"),
        (CBC.rpartition(",")[0] + "\n", "is no line of Wireshark's ikev2_decryption_table"),
        (CBC.replace(KEYS[0].hex(), "0"), "has no such keys"),
        (CBC.replace(SPIS[1].hex(), "1234"), "has no such keys"),
    ],
)
def test_what_is_wrong_with_a_table_shows_no_key(line: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        read_keys(io.BytesIO(line.encode()), "keys")
    assert said in str(error.value)
    assert KEYS[1].hex() not in str(error.value) and SECRETS[0].hex() not in str(error.value)


def test_keys_that_cannot_be_used_are_a_note() -> None:
    site = replace(SITE, ike_sas=read_keys(io.BytesIO(CBC.replace("AES-CBC-128", "CAST").encode()), "keys").ike_sas)
    capture = ethernet([out(first(COA, VPN)), sent(message(DELETE_IKE))], site)
    assert any("cast" in note.lower() and SPIS[0].hex() in note for note in capture.notes)


@given(st.binary(max_size=120), st.integers(0, 200), st.booleans())
def test_no_bytes_crash_it(noise: bytes, at: int, combined: bool) -> None:
    data = bytearray(message(MOVE, DELETE_ESP, combined=combined))
    data[at : at + len(noise)] = noise
    found = read_keys(io.BytesIO((GCM if combined else CBC).encode()), "keys").ike_sas
    whole = ike.read_message(bytes(data))
    if whole is not None:
        IkeKeys(found).opened(whole, bytes(data))
