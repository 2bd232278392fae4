"""Keys of ESP are read from Wireshark's table and from what `ip xfrm state` shows, and no message shows them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mipcheck import Error, check
from mipcheck.checker.cli.main import main
from mipcheck.checker.console.errors import InputError
from mipcheck.checker.site.keys import read_keys
from mipcheck.checker.site.site import EspSa

from making.esp import keys_beside
from making.paths import ROOT

CAPTURE = ROOT / "traces" / "captures" / "late-reply.pcapng"
KEY, SECRET = "00112233445566778899aabbccddeeff", "ff" * 32
TABLE = f'"IPv4","*","192.0.2.1","0xc1a0b2d4","AES-CBC [RFC3602]","0x{KEY}","HMAC-SHA-256-128 [RFC4868]","0x{SECRET}"\n'
XFRM = f"""src 192.0.2.20 dst 192.0.2.1
\tproto esp spi 0xc1a0b2d4 reqid 1 mode tunnel
\treplay-window 0 flag af-unspec
\tauth-trunc hmac(sha256) 0x{SECRET} 128
\tenc cbc(aes) 0x{KEY}
\tencap type espinudp sport 4500 dport 4500 addr 0.0.0.0
\tanti-replay context: seq 0x0, oseq 0x0, bitmap 0x00000000
src 192.0.2.1 dst 192.0.2.20
\tproto esp spi 0x00000102(258) reqid 1(0x00000001) mode tunnel
\taead rfc4106(gcm(aes)) 0x{KEY}01020304 128
src 192.0.2.1 dst 192.0.2.20
\tproto comp spi 0x00000103 reqid 1 mode tunnel
src 192.0.2.1 dst 192.0.2.20
\tproto esp spi 0x104 reqid 1 mode tunnel
\tauth hmac(sha1) 0x{SECRET}
\tenc ecb(cipher_null)
"""


def read(text: str) -> list[EspSa]:
    return list(read_keys(io.BytesIO(text.encode()), "keys").esp_sas)


def test_both_forms_say_the_same() -> None:
    (sa,) = read("# comment\n\n" + TABLE)
    key, secret = bytes.fromhex(KEY), bytes.fromhex(SECRET)
    assert (sa.spi, sa.encryption_key, sa.integrity_key) == (0xC1A0B2D4, key, secret)
    assert sa.encryption.startswith("aes-cbc")
    assert read(XFRM) == [
        EspSa(0xC1A0B2D4, "aes-cbc", key, "hmac-sha2-256-128", secret),
        EspSa(0x102, "aes-gcm-16", key + bytes([1, 2, 3, 4]), "null", b""),
        EspSa(0x104, "null", b"", "hmac-sha1-96", secret),
    ]
    assert read(TABLE + TABLE) == [sa]
    assert read(TABLE.replace("\n", ',"64-bit"\n')) == [sa]


def test_a_capture_is_opened_with_keys_of_a_file_as_with_those_of_the_site_file(tmp_path: Path) -> None:
    keys = keys_beside(CAPTURE.with_suffix(".toml"), tmp_path)
    known = check(CAPTURE, config=CAPTURE.with_suffix(".toml"))
    closed = check(CAPTURE, config=tmp_path / "site.toml")
    opened = check(CAPTURE, config=tmp_path / "site.toml", keys=[keys])
    assert opened == known
    named = tmp_path / "named.toml"
    named.write_text(f'keys = ["{keys.name}"]\n' + (tmp_path / "site.toml").read_text())
    assert check(CAPTURE, config=named) == known
    assert closed.inputs != known.inputs or closed.rules != known.rules


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no keys of ESP or IKEv2"),
        ("hello\n", "is no line of Wireshark's esp_sa"),
        (TABLE.replace("0xc1a0b2d4", "*"), "its SPI is no number of 32 bits"),
        (TABLE.replace(KEY, KEY + "0"), "has no such keys"),
        (TABLE + TABLE.replace(KEY, KEY[::-1]), "SPI 0xc1a0b2d4 has other keys above"),
        (XFRM.replace("cbc(aes)", "cbc(camellia)"), "SPI 0xc1a0b2d4 has no keys that can be used"),
        (XFRM.replace(f"enc cbc(aes) 0x{KEY}", "enc cbc(aes) <<Keys hidden>>"), "run ip xfrm state as root"),
        ("f" * 5_000_000, "longer than"),
    ],
)
def test_what_cannot_be_read_has_its_line_and_shows_no_key(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        read(text)
    assert said in str(error.value)
    assert KEY[:8] not in str(error.value)
    assert SECRET[:8] not in str(error.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('keys = "esp_sa"', "keys is no list of files"),
        ("keys = [1]", "keys is no list of files"),
        ('keys = ["none"]', '"none" cannot be read: No such file'),
        (r'keys = ["a\u0000b"]', "cannot be read: no such file can exist"),
        ('keys = ["."]', "cannot be read: Is a directory"),
        ('keys = ["bad"]', "is no line of Wireshark's esp_sa"),
    ],
)
def test_a_site_file_says_what_is_wrong_with_its_files_of_keys(
    line: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad").write_text(f"{KEY}\n")
    (tmp_path / "site.toml").write_text(f"{line}\n")
    assert main([str(CAPTURE), "--config", str(tmp_path / "site.toml")]) == 2
    told = capsys.readouterr().err
    assert said in told and KEY[:8] not in told


@pytest.mark.parametrize(
    ("data", "seems"),
    [
        (b"mipcheck-trace 1\n0.0 eth0 link state=up\n", "it seems to be a log: give it as an input"),
        (b'{"mipcheck-trace": 1}\n{"time": 0}\n', "it seems to be a log: give it as an input"),
        (b"# ours\n[site]\niha = '10.1.0.2'\n", "it seems to be a site file: give it with --config"),
        (b"\n\r\r\n\x1c\0\0\0M<+\x1a\x01\0\nmore\n", "it is no text: a capture is given as an input"),
        (b"some\nwords\n" * 30, "expected lines of Wireshark's esp_sa or ikev2_decryption_table"),
    ],
)
def test_a_file_that_holds_something_else_is_said_to_once(data: bytes, seems: str) -> None:
    with pytest.raises(InputError) as error:
        read_keys(io.BytesIO(data), "keys")
    (problem,) = error.value.problems
    assert "is no file with keys" in problem.message
    assert seems in problem.hint


def test_a_file_that_is_missing_is_an_error_of_the_command_line_s_reader(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(CAPTURE), "--keys", str(tmp_path / "none")]) == 2
    assert "none" in capsys.readouterr().err
    with pytest.raises(Error):
        check(CAPTURE, keys=[tmp_path / "none"])


@given(
    st.text(alphabet=st.sampled_from('src dst proto esp spi enc aead auth 0x1f",\\\n\t()'), max_size=80), st.booleans()
)
def test_no_text_crashes_it(text: str, linux: bool) -> None:
    try:
        read(("src a dst b\n proto esp spi 0x1\n" if linux else "") + text)
    except InputError as error:
        assert "keys" in str(error)
