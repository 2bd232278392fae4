"""Our own recordings of strongSwan and small Mobile IP agents (traces/record/) get the verdicts beside them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report
from mipcheck.checker.console.errors import InputError

from making.files import only
from making.paths import CAPTURES

EXPECTED = tomllib.loads((CAPTURES / "expected.toml").read_text("utf-8"))
WITH_VPN = ("outside-cvc", "outside-fvc", "movement", "late-reply")
THROUGH_VPN = ("V1", "V2", "V5")
"""Rules about the registration inside ESP."""


def capture(name: str) -> Path:
    return CAPTURES / f"{name}.pcapng"


def site(name: str) -> Path:
    return CAPTURES / f"{name}.toml"


def status(report: Report, *rules: str) -> set[str]:
    return {r.status for r in report.rules if r.id in rules}


def only_physical(data: bytes) -> bytes:
    """A pcapng without the frames of tunnel devices: what a capture on eth0 and wlan0 alone would hold."""
    return only(data, ("eth0", "wlan0"))


def test_every_capture_is_small_and_complete() -> None:
    names = set(EXPECTED)
    assert names == {p.stem for p in CAPTURES.glob("*.pcapng")}
    assert names | {"expected"} == {p.stem for p in CAPTURES.glob("*.toml")}
    sizes = [capture(name).stat().st_size for name in names]
    assert max(sizes) < 200_000
    assert sum(sizes) < 1_000_000


@pytest.mark.parametrize("name", EXPECTED)
def test_verdict(name: str) -> None:
    expected = EXPECTED[name]
    report = check([str(capture(name))], config=str(site(name)))
    assert report.verdict == expected["verdict"], [(v.rule, v.at) for v in report.violations]
    assert sorted(r.id for r in report.rules if r.status == "violated") == expected.get("broken", [])
    if first := expected.get("first"):
        v = min(report.violations, key=lambda v: v.time)
        assert {"rule": v.rule, "interface": v.interface, "frame": v.at.frame} == first


@pytest.mark.parametrize("name", WITH_VPN)
def test_registration_through_the_vpn_is_seen_with_the_keys_alone(name: str, tmp_path: Path) -> None:
    """Where no tunnel device was captured, the keys of strongSwan's log open what it encrypted."""
    pytest.importorskip("cryptography")
    file = tmp_path / "physical.pcapng"
    file.write_bytes(only_physical(capture(name).read_bytes()))
    report = check([str(file)], config=str(site(name)))
    assert report.verdict == "conformant"
    assert status(report, *THROUGH_VPN) == {"held"}


@pytest.mark.parametrize("name", WITH_VPN)
def test_registration_through_the_vpn_is_not_seen_without_keys(name: str, tmp_path: Path) -> None:
    file, config = tmp_path / "physical.pcapng", tmp_path / "site.toml"
    file.write_bytes(only_physical(capture(name).read_bytes()))
    config.write_text(site(name).read_text("utf-8").partition("[[esp_sa]]")[0], "utf-8")
    report = check([str(file)], config=str(config))
    assert "held" not in status(report, *THROUGH_VPN)


@pytest.mark.parametrize(("name", "modes"), [("inside-f", "f"), ("outside-fvc", "vc or vf or fvc or fvf")])
def test_with_a_foreign_agent_the_mode_shows_in_what_is_missing(name: str, modes: str) -> None:
    """Between node and agent the outer layer leaves nothing on the wire."""
    report = check([str(capture(name))], config=str(site(name)))
    assert any(note.startswith(f"eth0: user data left as access mode {modes} (") for note in report.notes)


def test_replies_are_verified_with_the_keys_given(tmp_path: Path) -> None:
    """With another key no reply of the i-HA is genuine, though the node's requests are accepted: the key is wrong."""
    config = tmp_path / "site.toml"
    config.write_text(re.sub("recorded-i-ha-key", "not-that-i-ha-key", site("inside").read_text("utf-8")), "utf-8")
    with pytest.raises(InputError, match="site key mn_ha_key"):
        check([str(capture("inside"))], config=str(config))
