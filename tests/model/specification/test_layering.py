"""Access modes from headers, by the layers that a specification declares."""

from __future__ import annotations

import pytest
from mipcheck.checker.trace.derive import modes_seen
from mipcheck.model.language.errors import SpecError
from mipcheck.model.specification.layering import Layering
from mipcheck.model.specification.load import load, loads
from mipcheck.model.values.event import Event

DRAFT = Layering(load())


@pytest.mark.parametrize(
    ("stack", "modes"),
    [
        ("ip", "f"),
        ("ip/ip", "c"),
        ("ip/udp434/ip", "c"),
        ("ip/gre/ip", "c"),
        ("ip/minenc", "c"),
        ("ip/esp", "fvc fvf vc vf"),
        ("ip/udp4500/esp", "fvc fvf vc vf"),
        ("ip/ip/udp4500/esp", "cvc cvf"),
        ("ip/udp434/ip/esp", "cvc cvf"),
        ("ip/ip/udp4500/esp/ip/ip", "cvc cvf"),
        ("ip/ip/ip", ""),
        ("", ""),
    ],
)
def test_modes_of_the_draft(stack: str, modes: str) -> None:
    assert DRAFT.modes(stack) == frozenset(modes.split())
    assert DRAFT.protected(stack) == ("esp" in stack)


def test_another_specification_has_other_layers() -> None:
    layering = Layering(
        loads(
            """
            spec other
            layer outer "a tunnel" protects as tls
            layer inner "another" as ip
            access one = outer, inner colocated
            access two = inner colocated
            """
        )
    )
    assert layering.modes("ip/tls") == {"one"}
    assert layering.modes("ip/ip") == {"two"}
    assert layering.protected("ip/tls/ip") and not layering.protected("ip/tlsx")


def test_ways_through_a_nat_and_capabilities() -> None:
    spec = loads(
        """
        spec other
        capability short "an outer layer that costs nothing"
        layer outer as ip, udp434/ip traversal, nothing given short
        layer tunnel protects as esp, udp4500/esp traversal
        access one = outer colocated, tunnel
        """
    )
    layering = Layering(spec)
    assert layering.traversal("ip/udp434/ip/esp") == {"outer"}
    assert layering.traversal("ip/udp434/ip/udp4500/esp") == {"outer", "tunnel"}
    assert layering.traversal("ip/ip/esp") == layering.traversal("ip/udp434") == frozenset()
    assert layering.modes("ip/esp") == frozenset() and layering.protected("ip/esp")
    assert Layering(spec, frozenset({"short"})).modes("ip/esp") == {"one"}


def test_a_log_may_name_a_mode_that_is_gone() -> None:
    event = Event(0, "eth0", "data", {"dir": "out", "access": frozenset({"b", "gone", "a"})})
    spec = loads("spec small layer wire as ip access a = wire access b = wire event e(name: {a, b}) by node seen log")
    assert modes_seen(spec, [event]) == ["eth0: user data left as access mode a or b or gone (1)"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("access a = vpm colocated", 'unknown layer "vpm"'),
        ("access a = vpn colocatd", 'unknown kind of care-of address "colocatd"'),
        ("layer vpn as esp", 'layer "vpn" is declared twice'),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        loads(f"spec bad layer vpn as esp {text}")
