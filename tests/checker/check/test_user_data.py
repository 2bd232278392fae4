"""Whose traffic counts as user data is a reading; a site that the capture contradicts is refused."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.console.errors import InputError

from making.paths import CAPTURES, SPECS

LOG = """mipcheck-trace 1
site iha=10.1.0.2 xha=198.51.100.2
0.0 wlan0 link state=up
0.1 wlan0 data dir=out protection=none scope=other
0.2 wlan0 link state=down
"""


def test_other_traffic_counts_by_reading_only(tmp_path: Path) -> None:
    log = tmp_path / "trace.log"
    log.write_text(LOG, "utf-8")
    assert check([log]).verdict == "inconclusive"
    assert {v.rule for v in check([log], readings={"user_data": "all"}).violations} == {"D1", "S1"}
    log.write_text(LOG.replace(" scope=other", ""), "utf-8")
    assert {v.rule for v in check([log]).violations} == {"D1", "S1"}


def test_a_wrong_site_is_an_error_with_key_and_frame(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    text = (CAPTURES / "inside.toml").read_text("utf-8")
    iha = next(line for line in text.splitlines() if line.startswith("iha"))
    site.write_text(text.replace(iha, 'iha = "10.9.9.9"'), "utf-8")
    with pytest.raises(InputError, match=r"inside.pcapng frame \d+: site key iha"):
        check([CAPTURES / "inside.pcapng"], config=site)


def test_standard_input_is_held_against_the_site_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be read twice, so that what tells is gathered while it goes by."""
    site = tmp_path / "site.toml"
    text = (CAPTURES / "inside.toml").read_text("utf-8")
    iha = next(line for line in text.splitlines() if line.startswith("iha"))
    data = (CAPTURES / "inside.pcapng").read_bytes()
    for said, wrong in ((text, False), (text.replace(iha, 'iha = "10.9.9.9"'), True)):
        site.write_text(said, "utf-8")
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        if wrong:
            with pytest.raises(InputError, match=r"<stdin> frame \d+: site key iha"):
                check(["-"], config=site)
        else:
            assert check(["-"], config=site).verdict == "conformant"


@pytest.mark.slow
def test_what_protects_is_declared(tmp_path: Path) -> None:
    """In a specification whose tunnel does not protect, what goes through it is plaintext."""
    specification = tmp_path / "bare.spec"
    draft = (SPECS / "draft-01.spec").read_text("utf-8")
    specification.write_text(draft.replace('VPN gateway" protects as', 'VPN gateway" as'), "utf-8")
    site, capture = CAPTURES / "outside-cvc.toml", CAPTURES / "outside-cvc.pcapng"
    assert check([capture], config=site).verdict == "conformant"
    assert "D1" in {v.rule for v in check([capture], config=site, spec=str(specification)).violations}
