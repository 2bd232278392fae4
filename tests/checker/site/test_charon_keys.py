"""Keys in charon's own log: of a run of strongSwan 5.9.8 at level 4, as both ends told them, with its capture."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path

import pytest
from mipcheck import check
from mipcheck.checker.cli.main import main
from mipcheck.checker.console.errors import InputError
from mipcheck.checker.site import charon
from mipcheck.checker.site.keys import read_keys
from mipcheck.checker.site.site import EspSa, Site

HERE = Path(__file__).with_name("charon")
INITIATOR, RESPONDER = ((HERE / f"{end}.log").read_text("ascii") for end in ("initiator", "responder"))
SITE = """[site]
iha = "10.1.0.10"
xha = "198.51.100.10"
vpn = "192.0.2.1"
ihoa = "10.1.9.77"
xhoa = "192.0.2.20"
internal = ["10.0.0.0/8"]
"""


def read(text: str) -> Site:
    return read_keys(io.BytesIO(text.encode()), "charon.log")


def by_spi(site: Site) -> dict[int, EspSa]:
    return {sa.spi: sa for sa in site.esp_sas}


def test_both_ends_tell_the_same_keys_whoever_began_an_exchange() -> None:
    """The gateway began the second exchange, the node the third: the initiator of the one is the responder of the
    other."""
    one, other = read(INITIATOR), read(RESPONDER)
    assert by_spi(one) == by_spi(other) and len(by_spi(one)) == 6
    first = by_spi(one)[0x67B269A7]  # what the initiator sends
    assert first.encryption_key.hex().startswith("19dfd4420791") and len(first.integrity_key) == 32
    assert (first.encryption, first.integrity) == ("aes-cbc", "hmac-sha2-256-128")
    ike = {sa.spis: sa for sa in one.ike_sas}
    assert ike == {sa.spis: sa for sa in other.ike_sas}
    assert [spis[0].hex() for spis in ike] == ["5e605c2f4981f0d7", "84c23390f32b982c"]  # and the one that replaced it
    sa = next(iter(ike.values()))
    assert [k.hex()[:4] for k in (*sa.encryption_keys, *sa.integrity_keys)] == ["0820", "3b59", "3db5", "b84e"]


@pytest.mark.parametrize(
    "before", ["Nov 29 19:55:58 ", "Nov 29 19:55:58 gw charon-systemd[812]: ", "2026-11-29T19:55:58+0000 charon: "]
)
def test_whatever_stands_before_a_line(before: str) -> None:
    named = re.sub(r"^(\d\d\[\w+\]) ", r"\1 <corp net|1> ", INITIATOR, flags=re.MULTILINE)
    told = "".join(f"{before}{line}\n" for line in named.splitlines())
    assert read(told) == read(INITIATOR)
    levels = re.sub(r"^(.*?\d\d\[\w+)\] ", r"\g<1>4] ", told, flags=re.MULTILINE)  # log_level = yes
    assert levels != told and read(levels) == read(INITIATOR)


def test_threads_may_speak_at_once() -> None:
    """Lines of other threads stand between those of one: each has its own keys."""
    lines = INITIATOR.splitlines()
    others = [re.sub(r"^\d\d", "99", line) for line in RESPONDER.splitlines()]
    both = [line for pair in zip(lines, others, strict=False) for line in pair] + lines[len(others) :]
    assert by_spi(read("\n".join(both))) == by_spi(read(INITIATOR))


def test_other_algorithms_have_their_names() -> None:
    combined = re.sub(r".*integrity.*\n(?:\d\d\[CHD\] +\d+: .*\n)*", "", INITIATOR).replace(
        "using AES_CBC", "using AES_GCM_16"
    )
    key = re.compile(r"(encryption \w+ key =>) 16( bytes.*\n(\d\d\[CHD\]) .*\n)")
    combined = key.sub(r"\1 20\2\3   16: 01 02 03 04              ....\n", combined)
    sa = by_spi(read(combined))[0x67B269A7]
    assert (sa.encryption, sa.encryption_key[-5:], sa.integrity) == ("aes-gcm-16", bytes((0x21, 1, 2, 3, 4)), "null")
    (one, *_) = read(INITIATOR.replace("AES_CBC_128/HMAC_SHA2_256_128/PRF", "AES_GCM_16_128/PRF")).ike_sas
    assert (one.encryption, one.integrity) == ("aes-gcm-16", "null")
    text = INITIATOR.replace("using AES_CBC", "using 3DES_CBC").replace("HMAC_SHA2_256_128 for", "HMAC_MD5_96 for")
    assert {(sa.encryption, sa.integrity) for sa in read(text).esp_sas} == {("3des-cbc", "hmac-md5-96")}


def test_a_capture_is_opened_with_it(tmp_path: Path) -> None:
    """That the association ends is seen in IKEv2 that only these keys open."""
    (tmp_path / "site.toml").write_text(SITE, "utf-8")
    closed = check(HERE / "run.pcap", config=tmp_path / "site.toml")
    for end in ("initiator", "responder"):
        opened = check(HERE / "run.pcap", config=tmp_path / "site.toml", keys=[HERE / f"{end}.log"])
        assert opened.events == (closed.events or 0) + 1


def test_what_is_not_told_is_said_with_what_to_do() -> None:
    silent = re.sub(r".*(key|secret) => .*\n", "", INITIATOR)
    nobodys = re.sub(r".*(\[ENC\]|\[MGR\]).*\n", "", INITIATOR)
    for text, said in (
        (silent, "is charon's log, and tells no keys of ESP or IKEv2\n    charon tells keys of ESP with chd = 4"),
        (nobodys, "tells keys, but not whose they are"),
    ):
        with pytest.raises(InputError, match=said):
            read(text)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.replace("=> 16 bytes", "=> 99999999999999999999 bytes"),
        lambda t: t.replace("=> 16 bytes", "=> 0 bytes"),
        lambda t: t.replace("Sk_ei secret => 16 bytes", "Sk_ei secret => 16 bytes @ " + "x" * 100_000),
        lambda t: "".join(f"{n:02}[CHD] encryption initiator key => 128 bytes\n" for n in range(100)) * 50 + t,
        lambda t: t.replace("0: ", "0: GG "),
        lambda t: t.replace("\n", "\0\xff\n"),
        lambda t: t + "12[CHD]    0: 00 " + "00 " * 200_000,
        lambda t: re.sub(r"SPI 0x\w+", "SPI 0xzz", t),
    ],
)
def test_a_damaged_log_takes_no_time_and_gives_no_key_of_another_length(change: object, tmp_path: Path) -> None:
    text = change(INITIATOR)  # type: ignore[operator]
    began = time.process_time()
    try:
        found = read(text)
    except InputError:
        found = Site()
    assert time.process_time() - began < 2
    assert {len(sa.encryption_key) for sa in found.esp_sas} <= {0, 16, 32}
    known = by_spi(read(INITIATOR))
    assert all(known.get(sa.spi, sa).integrity == sa.integrity for sa in found.esp_sas)


def test_more_associations_than_anybody_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charon, "MOST", 4)
    with pytest.raises(InputError, match="tells more than 4 associations"):
        read(INITIATOR)


def test_no_message_shows_a_key_also_where_the_log_is_an_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dated = "".join(f"2026-11-29T19:55:58+0000 {line}\n" for line in INITIATOR.splitlines())
    (tmp_path / "charon.log").write_text(dated, "ascii")
    (tmp_path / "site.toml").write_text(SITE, "utf-8")
    main([str(tmp_path / "charon.log"), "--map", "charon", "--config", str(tmp_path / "site.toml"), "-v"])
    told = "".join(capsys.readouterr())
    assert not re.search(r"(?:[0-9A-F]{2} ){8}", told)
