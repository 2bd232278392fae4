"""The table of section 6.2 follows from the declared layers, and what a capture shows is within what is computed."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mipcheck.checker.capture.frames.frame import Frame
from mipcheck.checker.cli.main import main
from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.verbs.overhead_costs import CIPHERS, INTEGRITIES, costs, sizes_of
from mipcheck.checker.verbs.overhead_measured import surrounding
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import load, loads
from mipcheck.model.specification.overhead import COLUMNS, Overhead

from making.paths import CAPTURES, ROOT
from making.schemas import conforming

SPEC = load()
TABLE = {
    "inside-fa": [0, 0, 0, 0, 0],
    "inside-coa": [20, 20, 20, 20, 20],
    "outside-fa": [77, 57, 57, 57, 57],
    "outside-coa": [97, 77, 77, 57, 57],
    "outside-coa-no-xmip": [None, None, 57, None, 57],
}
"""Section 6.2 of the draft; None is "not mobile"."""


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert main(["overhead", "--format", "json", *words]) == 0
    return conforming("overhead", capsys.readouterr().out)


def test_the_table_of_the_draft(capsys: pytest.CaptureFixture[str]) -> None:
    rows = answer(capsys)["rows"]
    assert list(rows) == list(TABLE)
    assert [list(cells) for cells in rows.values()] == [list(COLUMNS)] * 5
    assert {row: list(cells.values()) for row, cells in rows.items()} == TABLE


def test_which_mode_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    by = answer(capsys)["by"]
    assert by["outside-coa"] == {
        "basic": "cvc", "vpn-fa": "cvf", "vpn-fa+sa-update": "cvf", "vpn-fa+zot": "cvf", "vpn-fa+sa-update+zot": "cvf",
    }  # fmt: skip
    assert by["outside-coa-no-xmip"]["vpn-fa+sa-update"] == "vf"
    assert by["outside-coa-no-xmip"]["basic"] is None


def test_nat_traversal_adds_8_and_12_and_32_for_cvc(capsys: pytest.CaptureFixture[str]) -> None:
    modes = answer(capsys)["modes"]
    assert {m: entry["nat"] for m, entry in modes.items()} == {
        "c": 12, "f": 0, "vc": 20, "vf": 8, "cvc": 32, "cvf": 20, "fvc": 20, "fvf": 8,
    }  # fmt: skip
    assert answer(capsys, "--nat")["rows"]["outside-coa"]["basic"] == 97 + 32
    assert answer(capsys, "--nat")["rows"]["inside-fa"]["basic"] == 0


@pytest.mark.parametrize(
    ("options", "vpn"),
    [
        (["--cipher", "3des-cbc"], 57),
        (["--cipher", "aes-cbc"], 20 + 8 + 16 + 17 + 12),
        (["--cipher", "aes-cbc+hmac-sha2-256-128"], 20 + 8 + 16 + 17 + 16),
        (["--cipher", "AES-GCM"], 20 + 8 + 8 + 5 + 16),
        (["--iv", "16", "--block", "16", "--icv", "12"], 20 + 8 + 16 + 17 + 12),
        (["--cipher", "aes-gcm", "--icv", "8"], 20 + 8 + 8 + 5 + 8),
        (["--set", "esp_icv=0"], 45),
    ],
)
def test_other_ciphers(options: list[str], vpn: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, *options)["modes"]["fvf"]["octets"] == vpn


@given(st.sampled_from(sorted(CIPHERS)), st.sampled_from(sorted(INTEGRITIES)), st.integers(0, 1500))
def test_no_packet_costs_more_than_its_cipher_can(cipher: str, check: str, length: int) -> None:
    """Tunnel mode by RFC 4303: outer header, SPI, sequence, IV, inner packet, padding to the block, trailer, ICV."""
    sizes = sizes_of(cipher if CIPHERS[cipher][2] is not None else f"{cipher}+{check}")
    padding = -(length + 2) % sizes["block"]
    real = 20 + 8 + sizes["iv"] + padding + 2 + sizes["icv"]
    overhead = Overhead(SPEC, configure(SPEC, {f"esp_{k}": v for k, v in sizes.items()}))
    assert real <= overhead.mode(SPEC.accesses["fvf"]) <= real + sizes["block"] - 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cipher", "aes-cbd"], 'unknown cipher "aes-cbd"; did you mean "aes-cbc"?'),
        (["--cipher", "aes-cbc+sha1"], 'unknown integrity check "sha1"'),
        (["--cipher", "aes-gcm+hmac-md5-96"], "aes-gcm has an integrity check of its own"),
        (["--block", "0"], "--block is a number of octets, not 0"),
        (["--iv", "-1"], "a number of octets, as 16"),
        (["--set", "esp_ivv=1"], 'there is no parameter "esp_ivv"; did you mean "esp_iv"?'),
        (["-"], "a capture is read twice to be measured"),
        (["traces/late-reply.log"], "is a log: only a capture shows how long packets are"),
        (["nowhere.pcap"], "nowhere.pcap"),
    ],
)
def test_what_is_wrong_is_said(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    try:
        assert main(["overhead", *words]) == 2
    except SystemExit as done:
        assert done.code == 2
    assert message in capsys.readouterr().err


SMALL = "spec small layer wire as ip{} access plain = wire event go(name: {{plain}}) by node seen log"


def test_layers_that_do_not_say_what_they_add() -> None:
    with pytest.raises(UsageError, match="layer wire of small does not say what ip adds"):
        costs(loads(SMALL.format("")))


def test_the_table_is_about_the_capabilities_of_the_draft(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Others have modes alone, by their whole names: they were told of columns that nothing of theirs is about."""
    spec = tmp_path / "own.spec"
    spec.write_text("""
        spec own
        document "none"
        capability named "it has a name"
        layer ipip "IP in IP" as ip adds 20
        access through-a-tunnel = ipip needs named
    """)
    assert main(["overhead", "--spec", str(spec)]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "", "  through-a-tunnel 20 = 20 ipip; NATs add 0; needs named"
    ]  # fmt: skip


def test_a_specification_without_ciphers() -> None:
    assert costs(loads(SMALL.format(" adds 20"))).rows["inside-coa"]["basic"].octets == 20
    with pytest.raises(UsageError, match="small has no parameter esp_iv"):
        costs(loads(SMALL.format(" adds 20")), sizes={"iv": 8})


# --- measured -------------------------------------------------------------------------------------------------------


def measured(capsys: pytest.CaptureFixture[str], name: str) -> dict[str, Any]:
    found = answer(capsys, str(CAPTURES / f"{name}.pcapng"), "--config", str(CAPTURES / f"{name}.toml"))
    return {entry["stack"]: entry for entry in found["measured"]}


def test_mode_c_carries_20_octets(capsys: pytest.CaptureFixture[str]) -> None:
    (entry,) = measured(capsys, "inside").values()
    assert entry["modes"] == ["c"]
    assert (entry["least"], entry["most"], entry["computed"]) == (20, 20, {"c": 20})


def test_mode_cvc_carries_what_its_cipher_leaves(capsys: pytest.CaptureFixture[str]) -> None:
    """AES-CBC with HMAC-SHA2-256-128 in UDP 4500: less than a block below the computed maximum."""
    entry = measured(capsys, "outside-cvc")["ip/ip/udp4500/esp/ip/ip"]
    assert entry["packets"] > 50
    assert entry["computed"] == {"cvc": 20 + 20 + 8 + 8 + 16 + 17 + 16 + 20}
    assert entry["computed"]["cvc"] - 15 <= entry["least"] <= entry["mean"] <= entry["most"] <= entry["computed"]["cvc"]


def test_without_keys_the_inside_is_not_guessed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = (CAPTURES / "outside-cvc.toml").read_text("utf-8")
    (tmp_path / "site.toml").write_text(site[: site.index("[[esp_sa]]")], "utf-8")
    found = answer(capsys, str(CAPTURES / "outside-cvc.pcapng"), "--config", str(tmp_path / "site.toml"))
    entry = next(e for e in found["measured"] if "esp" in e["stack"])
    assert (entry["packets"], entry["least"], entry["most"]) == (0, None, None)
    assert "the inside of ESP cannot be seen" in next(iter(entry["unmeasured"]))


def ip(protocol: int, payload: bytes) -> bytes:
    return struct.pack("!BxHHHBBxxII", 0x45, 20 + len(payload), 0, 0, 64, protocol, 0x0A000001, 0x0A000002) + payload


USER = ip(6, bytes(40))
TUNNELS = {
    "plain": (USER, 0),
    "ip": (ip(4, USER), 20),
    "twice": (ip(4, ip(4, USER)), 40),
    "udp434": (ip(17, struct.pack("!HHHxx", 434, 434, 12 + len(USER)) + b"\x04\x04\0\0" + USER), 32),
    "gre": (ip(47, b"\0\0\x08\0" + USER), 24),
    "gre with key": (ip(47, b"\x20\0\x08\0abcd" + USER), 28),
    "minenc": (ip(55, struct.pack("!BBxxI", 6, 0, 7) + USER[20:]), 8),
    "minenc with source": (ip(55, struct.pack("!BBxxII", 6, 0x80, 7, 8) + USER[20:]), 12),
}


@pytest.mark.parametrize("name", TUNNELS)
def test_headers_are_measured(name: str) -> None:
    data, octets = TUNNELS[name]
    assert surrounding(Frame(1, 0, "if0", 101, data, len(data), ""), {}) == (octets, "")


@given(st.sampled_from(sorted(TUNNELS)), st.data())
def test_damaged_frames_are_no_trouble(name: str, data: st.DataObject) -> None:
    content = bytearray(TUNNELS[name][0])
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(content[: data.draw(st.integers(0, len(content)))])
    octets, why = surrounding(Frame(1, 0, "if0", 101, cut, len(content), ""), {})
    assert (octets is None) == bool(why)


def test_a_specification_without_access_modes_says_so() -> None:
    with pytest.raises(UsageError, match="small declares no access modes"):
        costs(loads("spec small"))
