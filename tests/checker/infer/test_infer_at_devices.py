"""Captures taken at a gateway or an agent: what is proposed for them, and sites that they contradict."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from mipcheck.checker.capture.survey import survey_of
from mipcheck.checker.infer.contradictions import find
from mipcheck.checker.infer.proposal import propose
from mipcheck.checker.site.site import MnHaKey, Site
from scapy.packet import Packet

from making.at_device import NEAR, comes, file_of, leaves, site
from making.packets import IHA, IHOA, KEY, VPN, XHA, XHOA, esp, number, reply, request, signed
from making.signalling import advert

STRANGER, OTHER_HOME = "10.1.0.99", "10.1.9.78"


def contradicted(of: Site, *frames: tuple[bytes, int]) -> list[tuple[str, int]]:
    survey = survey_of(io.BytesIO(file_of(frames)), "t.pcapng")
    return [(c.key, c.frame) for c in find(survey, of)]


def with_address(of: Site, address: str) -> Site:
    return replace(of, addresses={**of.addresses, of.role: number(address)})


def answered(key: MnHaKey) -> list[tuple[bytes, int]]:
    asks: Packet = signed(request(NEAR, IHA, IHA, IHOA, id=7), KEY)
    return [comes(asks), leaves(signed(reply(NEAR, id=7), key))]


def test_right_sites_are_not_contradicted() -> None:
    assert contradicted(site("iha"), *answered(KEY)) == []
    assert contradicted(site("vpn"), comes(esp(XHOA, VPN))) == []
    assert contradicted(site("fa", fa=(number("10.1.7.1"),)), leaves(advert(["10.1.7.1"]))) == []


def test_any_number_of_home_addresses_contradicts_nothing() -> None:
    frames = [comes(request(NEAR, IHA, IHA, home)) for home in (IHOA, OTHER_HOME)]
    assert contradicted(replace(site("iha"), addresses={"iha": number(IHA), "ihoa": 1}), *frames) == []


def test_another_agent_is_there() -> None:
    assert contradicted(with_address(site("iha"), STRANGER), *answered(KEY)) == [("iha", 1)]
    assert contradicted(with_address(site("vpn"), "192.0.2.99"), comes(esp(XHOA, VPN))) == [("vpn", 1)]
    assert contradicted(site("fa", fa=(number("10.1.7.2"),)), leaves(advert(["10.1.7.1"]))) == [("fa", 1)]


def test_the_agents_own_replies_tell_that_the_key_is_wrong() -> None:
    wrong = site("iha", mn_ha_keys=(replace(KEY, key=b"another"),))
    assert contradicted(wrong, *answered(KEY)) == [("mn_ha_key", 2)]


def test_what_others_sign_tells_nothing_of_the_key() -> None:
    asks = comes(signed(request(NEAR, IHA, IHA, IHOA), KEY, b"forged"))
    assert contradicted(site("iha"), asks) == []
    denied = leaves(signed(reply(NEAR, code=131), KEY))
    assert contradicted(site("iha"), asks, denied) == []


@pytest.mark.parametrize(
    ("agent", "homes", "role"), [(IHA, (IHOA, OTHER_HOME), "iha"), (XHA, (XHOA, "198.51.100.78"), "xha")]
)
def test_many_home_addresses_are_those_of_an_agents_capture(agent: str, homes: tuple[str, str], role: str) -> None:
    frames = [comes(request(NEAR, agent, agent, home)) for home in homes]
    text = propose(io.BytesIO(file_of(frames)), "t.pcapng").toml()
    (line,) = (line for line in text.splitlines() if line.startswith("role = "))
    assert f'asked for 2 home addresses: captured at a home agent? (then role = "{role}")' in line
