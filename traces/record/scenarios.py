"""What is recorded: who plugs what in when, and how the node is to behave."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scenario:
    """`steps` are (seconds from the start, what is done, to what); the node is asked to leave after `seconds`."""

    name: str
    tells: str
    seconds: float
    steps: tuple[tuple[float, str, str], ...]
    vpn: bool = False
    agent: str = ""
    """The access network that has a foreign agent; the node then takes its address and asks for no other."""
    ike: int = 2
    """Version of the key exchange."""
    goes_on: float = 0.0
    """A fault: seconds for which plaintext goes on after re-registration has failed."""
    trusts_others: bool = False
    """A fault: an interface that is outside is used in the clear because another one is inside."""
    careless: bool = False
    """A fault: the i-HA grants registrations whose authenticator is wrong; the node has another key."""
    at: tuple[str, ...] = ()
    """Where else is captured: roles of devices."""


SCENARIOS = (
    Scenario(
        "inside",
        "Access mode c: both agents answer, the x-HA is left, data goes in the clear; the i-HA is asked every 3 s.",
        12,
        ((0.3, "plug", "eth0 inside"),),
    ),
    Scenario(
        "loss",
        "The internal router drops what goes to the i-HA; re-registration fails, plaintext stops, detection begins "
        "again. The x-HA answers from inside through the firewall. Later the i-HA is back.",
        24,
        ((0.3, "plug", "eth0 inside"), (7.0, "lose", ""), (18.0, "find", "")),
    ),
    Scenario(
        "loss-ignored",
        "As loss, but the node goes on in plaintext after re-registration has failed.",
        22,
        ((0.3, "plug", "eth0 inside"), (7.0, "lose", "")),
        goes_on=8.0,
    ),
    Scenario(
        "outside-cvc",
        "Access mode cvc: the x-HA answers, the firewall keeps the i-HA away; after the detection period IKEv2 from "
        "the x-HoA, registration with the i-HA from the VPN-TIA, and data in three layers.",
        17,
        ((0.3, "plug", "eth0 outside"),),
        vpn=True,
        at=("vpn", "xha", "iha"),
    ),
    Scenario(
        "inside-f",
        "Access mode f: a foreign agent inside; both agents are asked through it, and data goes to it as it is.",
        10,
        ((0.3, "plug", "eth0 inside"),),
        agent="inside",
        at=("fa", "iha"),
    ),
    Scenario(
        "outside-fvc",
        "Access mode fvc with IKEv1: a foreign agent outside, which rejects for the silent i-HA (code 78, late); then "
        "main mode, mode configuration and quick mode from the x-HoA, 3DES with HMAC-MD5, data through both layers.",
        17,
        ((0.3, "plug", "eth0 outside"),),
        vpn=True,
        agent="outside",
        ike=1,
        at=("vpn", "xha", "fa"),
    ),
    Scenario(
        "movement",
        "Inside, then outside with the VPN, then inside again: eth0 is plugged into other networks.",
        27,
        (
            (0.3, "plug", "eth0 inside"),
            (7.0, "unplug", "eth0"),
            (8.0, "plug", "eth0 outside"),
            (19.0, "unplug", "eth0"),
            (20.0, "plug", "eth0 inside"),
        ),
        vpn=True,
    ),
    Scenario(
        "two-interfaces",
        "eth0 is inside; wlan0 comes up outside, and the node sends half of its plaintext there.",
        13,
        ((0.3, "plug", "eth0 inside"), (5.0, "plug", "wlan0 outside")),
        trusts_others=True,
    ),
    Scenario(
        "late-reply",
        "Inside, but the i-HA cannot be reached at first: the node sets up the VPN, in UDP through the firewall's NAT. "
        "Then the i-HA answers directly, and the node leaves the VPN.",
        18,
        ((0.1, "lose", ""), (0.3, "plug", "eth0 inside"), (9.0, "find", "")),
        vpn=True,
        at=("vpn", "xha", "iha"),
    ),
    Scenario(
        "careless-iha",
        "Inside, but the node has another key than the i-HA, which grants its registrations all the same.",
        8,
        ((0.3, "plug", "eth0 inside"),),
        careless=True,
        at=("iha",),
    ),
)
