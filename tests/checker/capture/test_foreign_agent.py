"""Captures taken at a foreign agent, with its link (eth0) and the way to the home agents (eth1)."""

from __future__ import annotations

from pathlib import Path

from mipcheck.checker.check.check import check
from mipcheck.checker.site.site import Site
from scapy.layers.inet import IP
from scapy.packet import Packet

from making.at_device import CORRESPONDENT, MS, comes, file_of, leaves, only, read_at, site, told
from making.packets import IHA, IHOA, XHA, XHOA, number, reply, request, user
from making.signalling import advert

OWN, NATTED = "10.1.7.1", "198.51.100.1"
SITE = site("fa", fa=(number(OWN),))
LINK, UP = 0, 1


def asks(number_: int = 7, home: str = IHOA, agent: str = IHA, **fields: int) -> Packet:
    return request(home, OWN, agent, home, coa=OWN, flags=0x02, id=number_, **fields)


def asked(number_: int = 7, home: str = IHOA, agent: str = IHA, to: str = "", source: str = OWN) -> Packet:
    return request(source, to or agent, agent, home, coa=OWN, flags=0x02, id=number_)


def registered(home: str = IHOA, agent: str = IHA, number_: int = 7) -> list[tuple[bytes, int]]:
    """Return how a node is registered through the agent."""
    return [
        comes(asks(number_, home, agent), LINK),
        leaves(asked(number_, home, agent), UP),
        comes(reply(OWN, agent, home, id=number_), UP),
        leaves(reply(home, agent, home, OWN, id=number_), LINK),
    ]


def relays(frames: list[tuple[bytes, int]], of: Site = SITE) -> list[tuple[object, ...]]:
    return [t[1:] for t in told(read_at(of, frames), "what", "from", "to", "agent") if t[0] == "relay"]


def test_requests_and_replies_come_and_are_passed_on() -> None:
    capture = read_at(SITE, registered())
    assert told(capture, "home", "what", "to", "from", "agent") == [
        ("rrq", number(IHOA), None, "iha", None, None),
        ("relay", number(IHOA), "rrq", "ha", "node", "iha"),
        ("rrp", number(IHOA), None, None, "iha", None),
        ("relay", number(IHOA), "rrp", "node", "ha", "iha"),
    ]
    rrq = only(capture, "rrq").args
    assert (rrq["coa"], rrq["flags"], rrq["id"]) == (number(OWN), frozenset("T"), 7)


def test_every_address_that_is_advertised_is_told() -> None:
    mine = advert([OWN, "10.1.7.2"])
    mine[IP].src = OWN
    others = advert(["10.1.7.99"])
    capture = read_at(SITE, [leaves(mine), comes(others), *registered()])
    assert [t for t in told(capture, "coa") if t[0] == "advert"] == [
        ("advert", number(OWN)),
        ("advert", number("10.1.7.2")),
    ]


def test_a_denial_of_its_own_is_no_reply_of_a_home_agent() -> None:
    denial = leaves(reply(IHOA, IHA, IHOA, OWN, id=7, code=78), LINK)
    assert relays([comes(asks()), leaves(asked(), UP), denial]) == [
        ("rrq", "node", "ha", "iha"),
        ("rrp", "other", "node", "iha"),
    ]


def test_a_denial_of_such_a_code_may_come_from_a_home_agent_all_the_same() -> None:
    came, passed = reply(OWN, IHA, IHOA, id=7, code=78), reply(IHOA, IHA, IHOA, OWN, id=7, code=78)
    frames = [comes(asks()), leaves(asked(), UP), comes(came, UP), leaves(passed, LINK)]
    assert relays(frames)[-1] == ("rrp", "ha", "node", "iha")


def test_what_the_agent_denied_it_may_not_pass_on(tmp_path: Path) -> None:
    """The request that it denied does not wait any more: what it then sends is a request of its own."""
    mine = advert([OWN])
    mine[IP].src = OWN
    denial = leaves(reply(IHOA, IHA, IHOA, OWN, id=7, code=69), LINK)
    path = tmp_path / "x.pcapng"
    path.write_bytes(file_of([leaves(mine), comes(asks()), denial, leaves(asked(), UP)]))
    given = {"role": "fa", "boot": "true", "iha": IHA, "xha": XHA, "fa": OWN}
    report = check(str(path), parameters=given)
    assert {v.rule for v in report.violations} == {"FA5"}


def test_a_reply_that_no_home_agent_gave_is_passed_on_all_the_same() -> None:
    forged = leaves(reply(IHOA, IHA, IHOA, OWN, id=99), LINK)
    assert relays([*registered(), forged])[-1] == ("rrp", "ha", "node", "iha")


def test_without_the_side_of_the_home_agents_nobody_knows_what_was_answered() -> None:
    frames = [f for f in registered() if f[1] == LINK]
    capture = read_at(SITE, frames)
    assert told(capture, "home") == [("rrq", number(IHOA)), ("gap", number(IHOA))]


def test_data_is_passed_on_in_either_direction() -> None:
    up, down = user(IHOA, CORRESPONDENT), user(CORRESPONDENT, IHOA)
    frames = [
        *registered(),
        comes(up, LINK),
        leaves(IP(src=OWN, dst=IHA) / up, UP),
        comes(IP(src=IHA, dst=OWN) / down, UP),
        leaves(down, LINK),
    ]
    assert relays(frames)[2:] == [("data", "node", "ha", "iha"), ("data", "ha", "node", "iha")]


def test_data_may_go_the_short_way() -> None:
    up, down = user(IHOA, CORRESPONDENT), user(CORRESPONDENT, IHOA)
    frames = [*registered(), comes(up, LINK), leaves(up, UP), comes(down, UP), leaves(down, LINK)]
    assert relays(frames)[2:] == [("data", "node", "correspondent", None), ("data", "other", "node", None)]


def test_what_a_router_passes_on_besides_is_not_the_agents() -> None:
    """What is for the home address and leaves towards the home agent has not been delivered to the node."""
    down = user(CORRESPONDENT, IHOA)
    assert len(relays([*registered(), comes(down, UP), leaves(down, UP)])) == 2


def test_a_request_that_goes_elsewhere_is_told_as_it_went() -> None:
    frames = [comes(asks(), LINK), leaves(asked(to=XHA), UP)]
    assert relays(frames) == [("rrq", "node", "ha", "xha")]


def test_a_request_of_nobody_is_seen() -> None:
    assert relays([leaves(asked(), UP)]) == [("rrq", "node", "ha", "iha")]


def test_behind_a_nat_of_its_own_the_agent_is_still_itself() -> None:
    frames = [
        comes(asks(7, XHOA, XHA), LINK),
        leaves(asked(7, XHOA, XHA, source=NATTED), UP),
        comes(reply(NATTED, XHA, XHOA, id=7), UP),
        leaves(reply(XHOA, XHA, XHOA, OWN, id=7), LINK),
    ]
    assert relays(frames) == [("rrq", "node", "ha", "xha"), ("rrp", "ha", "node", "xha")]


def test_a_copy_that_a_neighbour_sends_makes_nobody_the_agent() -> None:
    stranger = asked(source="10.1.7.66")
    frames = [comes(asks(), LINK), comes(stranger, LINK), leaves(stranger, UP)]
    assert told(read_at(SITE, frames)) == [("rrq",)]


def test_a_stranger_in_the_agents_name_is_not_the_agent() -> None:
    forged = comes(reply(IHOA, IHA, IHOA, OWN, id=7), LINK)
    assert told(read_at(SITE, [*registered(), forged])) == told(read_at(SITE, registered()))


def test_registrations_with_two_home_agents_are_told_apart() -> None:
    capture = read_at(SITE, [*registered(), *registered(XHOA, XHA, 8)])
    assert [t for t in told(capture, "to", "home") if t[0] == "rrq"] == [
        ("rrq", "iha", number(IHOA)),
        ("rrq", "xha", number(XHOA)),
    ]


def test_data_that_came_by_no_way_that_was_captured_is_a_gap() -> None:
    capture = read_at(SITE, [*registered(), leaves(user(CORRESPONDENT, IHOA), LINK)], step=MS)
    assert told(capture, "home")[-1] == ("gap", number(IHOA))


def test_the_advertisement_tells_the_agents_address() -> None:
    mine = advert([OWN])
    mine[IP].src = OWN
    capture = read_at(site("fa"), [leaves(mine), *registered()])
    assert len(capture.events) == 5
    assert "fa=10.1.7.1 inferred: no other agent is in the capture" in capture.notes
