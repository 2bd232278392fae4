"""A log whose newest line stands first is read from its end, or refused; never in the order in which it stands."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from mipcheck import check
from mipcheck.checker.console.errors import InputError
from mipcheck.checker.maps import read
from mipcheck.checker.maps.library import Use, bundled, map_of, use_of
from mipcheck.checker.maps.newest import is_newest_first
from mipcheck.checker.maps.read import LogReading
from mipcheck.checker.maps.samples import settled

DIALS = (
    "11/3/2025 9:19:05 AM\t20227\tRasClient\tCoId={7b}: The user SYSTEM dialed a connection which has failed.",
    "11/3/2025 9:14:09 AM\t20225\tRasClient\tCoId={7b}: The user SYSTEM has established a connection using the "
    "device: \n\tServer address/Phone Number = 192.0.2.1\n\tDevice = WAN Miniport (IKEv2)\n"
    "\tTunnel IpAddress = 10.1.200.7",
    "11/3/2025 9:14:08 AM\t20224\tRasClient\tCoId={7b}: The link to the Remote Access Server has been established.",
    "11/3/2025 9:14:05 AM\t20221\tRasClient\tCoId={7b}: The user SYSTEM has started dialing. \n\tVpnStrategy = IKEv2",
    "11/3/2025 9:14:02 AM\t10000\tNetworkProfile\tNetwork Connected\tName: corp.example 2\tState: Connected",
)
"""What an event viewer saves: the newest first, each with its further lines below it."""
EXPORT = (
    "__CURSOR=s={0}\n__REALTIME_TIMESTAMP=176216124{0}000000\n"
    "SYSLOG_IDENTIFIER=charon\nMESSAGE=1[KNL] 203.0.113.{0} appeared on wlan0\n"
)


def events(text: str, use: Use) -> list[tuple[object, ...]]:
    """The events of a log, in the order in which they are told."""
    records = LogReading(use, "x", 2 * 10**18).records(io.BytesIO(text.encode()))
    return [(e.moment.ns, e.interface, e.kind, e.words) for record in records for e in record.events]


def told(text: str, map_: str) -> list[tuple[object, ...]]:
    return events(text, use_of(map_))


@pytest.mark.parametrize("name", bundled())
def test_samples_from_their_end_tell_what_they_tell_from_their_beginning(name: str) -> None:
    map_ = map_of(name)
    for sample in map_.samples:
        parts: list[str] = []
        for line in sample.raw:
            if parts and not any(stamp.match(line) for stamp in map_.stamps):
                parts[-1] += f"{line}\n"
            else:
                parts.append(f"{line}\n")
        use = settled(map_, sample)
        text, turned = "".join(parts), "".join(reversed(parts))
        if is_newest_first(LogReading(use, "x", 0)._listed(turned.encode()), use):
            assert events(turned, use) == events(text, use)


def test_records_of_several_lines_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "events.txt"
    path.write_text("".join(f"{dial}\n" for dial in DIALS))
    report = check(path, maps=["windows,interface=E,src=198.51.100.1"])
    assert any("its newest line stands first: it is read from its end" in note for note in report.notes)
    use = "windows,interface=E,src=198.51.100.1"
    texts = ["".join(f"{dial}\n" for dial in order) for order in (DIALS, DIALS[::-1])]
    assert told(texts[0], use) == told(texts[1], use)
    assert len(told(texts[0], use)) == 5
    headed = "Date and Time\tEvent ID\tSource\n"
    assert told(headed + texts[0], use) == told(texts[1], use)


def test_what_carries_the_lines_makes_no_difference() -> None:
    records = [EXPORT.format(n) for n in range(5)]
    assert told("\n".join(reversed(records)), "charon") == told("\n".join(records), "charon")
    assert len(told("\n".join(records), "charon")) == 5


def line(second: int, text: str = "203.0.113.20 appeared on wlan0") -> str:
    return f"Nov  3 09:14:{second:02} 11[KNL] {text}\n"


@pytest.mark.parametrize("seconds", [(9, 7), (9, 7, 5), (9, 7, 8, 6, 4), (9, 5, 3, 4)], ids=str)
def test_a_clock_that_was_set_back_is_no_order(tmp_path: Path, seconds: tuple[int, ...]) -> None:
    """Too few lines to tell, or one that rises: it is refused, and the way out is named."""
    path = tmp_path / "charon.log"
    path.write_text("".join(map(line, seconds)))
    with pytest.raises(InputError, match="time runs backwards") as refused:
        check(path)
    assert "tac" in str(refused.value)


def test_what_rises_after_its_beginning_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "charon.log"
    long = "x" * 2000 + " appeared on wlan0"
    path.write_text("".join(line(59 - n, long) for n in range(60)) + line(30) + line(1))
    with pytest.raises(InputError, match="time runs backwards"):
        check(path, maps=["charon"])


def test_what_is_too_long_to_be_turned_round_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "ROOM", 300)
    with pytest.raises(InputError, match="too long to be turned round") as refused:
        told("".join(line(n) for n in range(20, 0, -1)), "charon,year=2025")
    assert "journalctl without -r" in str(refused.value)


def test_what_was_said_within_a_moment() -> None:
    """A short listing, whose stamps fall by less than threads may be late, and never rise."""
    log = "".join(
        f"2025-11-03T09:14:02.{ms:03}Z h charon: 1[KNL] 203.0.113.{ms} appeared on wlan0\n"
        for ms in (90, 60, 60, 30, 1)
    )
    late = "2025-11-03T09:14:02.001Z h charon: 1[KNL] interface wlan0 activated\n"
    assert told(log, "charon")[0][3] == {"kind": "colocated", "addr": "203.0.113.1"}
    assert told(log + "2025-11-03T09:14:02.095Z h charon: 1[IKE] x\n" + late, "charon")[0][3] == {
        "kind": "colocated",
        "addr": "203.0.113.90",
    }
