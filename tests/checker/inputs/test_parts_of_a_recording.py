"""Files into which one recording was divided are of one interface, although none of them names it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from mipcheck import check
from scapy.layers.inet import IP

from making.files import Record, pcap
from making.packets import COA, IHA, IHOA, KEY, SECOND, SERVER, XHA, into, lease, out, reply, request, signed, user

SITE = f"""[site]
iha = "{IHA}"
xha = "{XHA}"
ihoa = "{IHOA}"
internal = ["10.0.0.0/8"]
[[mn_ha_key]]
agent = "iha"
spi = {KEY.spi}
algorithm = "{KEY.algorithm}"
key = "{KEY.key.decode()}"
"""


def registered(time: float, id: int) -> list[tuple[float, bytes]]:
    return [
        (time, out(signed(request(id=id), KEY))),
        (time + 0.01, into(signed(reply(id=id), KEY))),
        (time + 1, out(IP(src=COA, dst=IHA) / user(IHOA, SERVER))),
    ]


FRAMES = [*((n / 100, frame) for n, frame in enumerate(lease())), *registered(0.2, 1), *registered(15, 2)]
FIRST, SECOND_PART = FRAMES[:-1], FRAMES[-1:]
"""The second part has plaintext alone, which rests on what the first one shows."""


def inputs(folder: Path, names: Sequence[str]) -> tuple[str, list[tuple[str, ...]]]:
    """Check the recording in two parts that are called so; the verdict, and the interfaces of each."""
    for name, frames in zip(names, (FIRST, SECOND_PART), strict=True):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(pcap([Record(int(time * SECOND), frame) for time, frame in frames], 1))
    site = folder / "site.toml"
    site.write_text(SITE)
    found = check([folder / name for name in names], config=site)
    return found.verdict, [i.interfaces for i in found.inputs]


@pytest.mark.parametrize(
    ("names", "called"),
    [
        (("wlan0.pcap", "wlan0.pcap1"), "wlan0"),
        (("mn.cap00", "mn.cap01"), "mn"),
        (("wlan0_00001_20251103091402.pcap", "wlan0_00002_20251103091412.pcap"), "wlan0"),
        (("wlan0-20251103-091402.pcap", "wlan0-20251103-091412.pcap"), "wlan0"),
        (("wlan0-20251103091402.dmp", "wlan0-20251103091412.dmp"), "wlan0"),
    ],
)
def test_parts(tmp_path: Path, names: tuple[str, str], called: str) -> None:
    assert inputs(tmp_path, names) == ("conformant", [(called,), (called,)])


@pytest.mark.parametrize(
    ("names", "called"),
    [
        (("wlan0.pcap", "wlan1.pcap"), ("wlan0", "wlan1")),
        (("a/if.pcap", "b/if.pcap"), ("if", "if-2")),
        (("wlan0", "wlan1"), ("wlan0", "wlan1")),
        (("wlan0.one.pcap", "wlan0.two.pcap"), ("wlan0", "wlan0-2")),
        (("wlan0.pcap", "wlan0.cap"), ("wlan0", "wlan0-2")),
    ],
)
def test_others(tmp_path: Path, names: tuple[str, str], called: tuple[str, str]) -> None:
    """Two interfaces: that one of them is inside says nothing of the other."""
    verdict, interfaces = inputs(tmp_path, names)
    assert (verdict, interfaces) == ("inconclusive", [(called[0],), (called[1],)])
