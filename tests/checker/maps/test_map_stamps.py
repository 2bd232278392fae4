"""Times as programs write them: forms of charon's `time_format`, fractions after them, a user's own, the journal."""

from __future__ import annotations

import datetime
import io
import json
from pathlib import Path

import pytest
from mipcheck import check
from mipcheck.checker.console.errors import InputError, UsageError
from mipcheck.checker.logs.lines import RawLine
from mipcheck.checker.maps.carriers import carrier_of
from mipcheck.checker.maps.library import map_of, use_of
from mipcheck.checker.maps.read import read_mapped
from mipcheck.checker.maps.windows import ListedEvents
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.model.specification.load import load

WORDS = vocabulary_of(load("draft-01"))
DUE = datetime.datetime(2026, 11, 29, 21, 13, 32, tzinfo=datetime.UTC)


def times(log: str, use: str = "charon,year=2026,zone=UTC") -> list[int]:
    """The times (ms since DUE) of what a log of charon tells."""
    found = read_mapped(io.BytesIO(log.encode()), "x.log", use_of(use), WORDS).events
    return [(e.time - int(DUE.timestamp()) * 10**9) // 10**6 for e in found]


FORMS = [
    "%b %e %T",
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%d %H:%M:%S",
    "%a, %d %b %Y %H:%M:%S %z",
    "%d/%m/%y %I:%M:%S %p",
    "%D %T",
    "%s",
    "%c",
    "%a %d %b %Y %r %Z",
    "%d.%m.%Y %T",
    "%F %T %Z",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("fraction", "ms"), [("", 0), (".254", 254)])
def test_charon_is_read_whatever_its_time_format(form: str, fraction: str, ms: int) -> None:
    shown = DUE.strftime(form.replace("%s", str(int(DUE.timestamp())))) + fraction
    assert times(f"{shown} 11[KNL] 203.0.113.20 appeared on wlan0\n") == [ms]


@pytest.mark.parametrize(
    ("shown", "form", "hours"),
    [
        ("Sun, 29 Nov 2026 21:13:32 +0530", "", -5.5),
        ("29|11|2026 21h13m32s", "%d|%m|%Y %Hh%Mm%Ss", 0),
        ("Sun, 29.11. 2026, 21:13:32", "%a, %d.%m. %Y, %T", 0),
        ("11/03/26 21:13:32", "%m/%d/%y %T", -26 * 24),
        ("11/03/26 21:13:32", "", -263 * 24),  # the day comes first, unless it is said otherwise
    ],
)
def test_a_form_of_stamps_may_be_given(shown: str, form: str, hours: float) -> None:
    use = "charon,zone=UTC" + (f",stamp={form}" if form else "")
    (found,) = times(f"{shown} 11[KNL] 203.0.113.20 appeared on wlan0\n", use)
    assert found == hours * 3600_000


def test_a_form_that_is_none_is_said() -> None:
    with pytest.raises(UsageError, match="unknown part"):
        use_of("charon,stamp=%Q")


@pytest.mark.parametrize("line", ["00[DMN] Starting IKE charon daemon\n", "11[KNL] 203.0.113.20 appeared on wlan0\n"])
def test_a_log_without_times_is_refused_with_the_setting(line: str) -> None:
    with pytest.raises(InputError, match="set time_format"):
        times(line)


# --- the journal --------------------------------------------------------------------------------------------------

RECORD = {
    "__CURSOR": "s=1;i=2",
    "__REALTIME_TIMESTAMP": "1796000013000000",
    "_SOURCE_REALTIME_TIMESTAMP": "1796000012254321",
    "_HOSTNAME": "laptop",
    "SYSLOG_IDENTIFIER": "charon-systemd",
    "_PID": "7",
    "MESSAGE": "interface wlan0 activated",
}


def exported(*records: dict[str, str]) -> bytes:
    """Records as `journalctl -o export` writes them; a message of several lines with its length."""
    out = bytearray()
    for record in records:
        for name, value in record.items():
            data = value.encode()
            if b"\n" in data:
                out += name.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n"
            else:
                out += f"{name}={value}\n".encode()
        out += b"\n"
    return bytes(out)


OTHER = {**RECORD, "SYSLOG_IDENTIFIER": "sshd", "MESSAGE": "x=1\n\ny"}
LATER = {k: v for k, v in RECORD.items() if not k.startswith("_SOURCE")} | {"MESSAGE": "interface wlan0 deactivated"}


def verbose(record: dict[str, str]) -> str:
    """A record as `journalctl -o verbose` writes it; a message of several lines goes on further to the right."""
    cursor = f"[s=8d7f;i=1;b=2;m=3;t={int(record['__REALTIME_TIMESTAMP']):x};x=5]"
    fields = (f"    {n}={v}".replace("\n", f"\n{' ' * (5 + len(n))}") for n, v in record.items() if n[:2] != "__")
    return "\n".join([f"Mon 2026-11-30 09:00:12.254321 CET {cursor}", *fields, ""])


@pytest.mark.parametrize("form", ["pretty", "verbose"])
def test_the_journal_is_read_as_people_look_at_it(form: str) -> None:
    records = (RECORD, OTHER, LATER)
    texts = [
        verbose(r) if form == "verbose" else json.dumps(r, indent="\t", separators=(",", " : ")) + "\n" for r in records
    ]
    log = read_mapped(io.BytesIO("".join(texts).encode()), "x.journal", use_of("charon"), WORDS)
    assert [(e.time, e.kind, e.args["state"]) for e in log.events] == [
        (1796000012254321000, "link", "up"),
        (1796000013000000000, "link", "down"),
    ]
    assert log.events[1].at.line == 1 + sum(text.count("\n") for text in texts[:2])
    assert "1 of other programs" in log.notes[0]


@pytest.mark.parametrize("form", ["export", "json", "bytes"])
def test_the_journal_is_read_as_it_is_exported(form: str, tmp_path: Path) -> None:
    records = (RECORD, OTHER, LATER)
    data = exported(*records)
    if form != "export":
        data = "".join(f"{json.dumps(r)}\n" for r in records).encode()
    if form == "bytes":
        data = data.replace(b'"interface wlan0 activated"', json.dumps(list(b"interface wlan0 activated")).encode())
    log = read_mapped(io.BytesIO(data), "x.journal", use_of("charon"), WORDS)
    assert [(e.time, e.kind, e.args["state"]) for e in log.events] == [
        (1796000012254321000, "link", "up"),
        (1796000013000000000, "link", "down"),
    ]
    assert log.events[1].at.line == (3 if form != "export" else 20)
    assert "1 of other programs" in log.notes[0]
    (tmp_path / "x.journal").write_bytes(data)
    assert check(tmp_path / "x.journal", maps=["charon"]).inputs[0].events == 2


def test_damaged_exports_are_no_crash() -> None:
    data = exported(RECORD, OTHER, LATER)
    for cut in range(0, len(data), 7):
        try:
            read_mapped(io.BytesIO(data[:cut] + b"\xff\n\x00" + data[cut + 2 :]), "x", use_of("charon"), WORDS)
        except InputError:
            continue


def test_ip_monitor_without_times_is_refused() -> None:
    with pytest.raises(InputError, match="ip -ts monitor"):
        read_mapped(io.BytesIO(b"2: eth0: <UP,LOWER_UP> mtu 1500\n"), "x", use_of("ip-monitor"), WORDS)
    assert map_of("ip-monitor").record == "stampless"


def test_events_of_windows_are_read_as_a_list_of_their_properties() -> None:
    text = (
        "\nTimeCreated  : 2026-11-30T09:00:12Z\nProviderName : RasClient\nId           : 20225\n"
        "Message      : It is\n               up: now\n\n"
        "TimeCreated  : 2026-11-30T09:00:13Z\nProviderName : RasClient\nId           : 20226\nLevel        : 4\n"
        "Message      : It is down\n\n\n"
    )
    carrier = ListedEvents()
    lines = [RawLine(n + 1, 0, line.encode(), whole=True) for n, line in enumerate(text.split("\n"))]
    listed = [*(found for line in lines for found in carrier.take(line)), *carrier.end()]
    assert [(line.number, line.data.decode()) for line in listed] == [
        (2, "2026-11-30T09:00:12Z\t20225\tRasClient\tIt is up: now"),
        (8, "2026-11-30T09:00:13Z\t20226\tRasClient\tIt is down"),
    ]
    assert isinstance(carrier_of(lines[1].data, "x"), ListedEvents)
