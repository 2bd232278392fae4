"""What those who carry a log say of its interruptions: of lines that they dropped, and of another boot."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from mipcheck import check
from mipcheck.checker.maps.library import use_of
from mipcheck.checker.maps.read import read_mapped
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.model.specification.load import load

WORDS = vocabulary_of(load("draft-01"))
CHARON = "Nov 03 09:14:0{} h charon[8]: 1[IKE] {}\n"
UP = "".join(
    CHARON.format(n, text)
    for n, text in enumerate(
        (
            "initiating IKE_SA corp[1] to 192.0.2.1",
            "IKE_SA corp[1] established between 198.51.100.100[a]...192.0.2.1[b]",
            "installing new virtual IP 10.1.0.200",
            "CHILD_SA corp{1} established with SPIs c2f1a6b1_i c0b5e6fe_o and TS 10.1.0.200/32 === 10.0.0.0/8",
        )
    )
)
END = CHARON.format(9, "interface wlan0 deactivated")
AGAIN = UP.replace("09:14", "09:19")


def told(log: str, use: str = "charon,year=2025,zone=UTC,src=198.51.100.100") -> list[str]:
    """The kinds of the events of a log, with what a state is."""
    found = read_mapped(io.BytesIO(log.encode()), "x.log", use_of(use), WORDS)
    return [f"{e.kind} {e.args.get('state') or e.args.get('phase') or ''}".strip() for e in found.events]


WHOLE = ["ike start", "ike established", "sa up"]
DROPPED = {
    "the unit of strongSwan": ("systemd-journald[3]: Suppressed 34 messages from strongswan.service", True),
    "in a slice": ("systemd-journald[3]: Suppressed 34 messages from /system.slice/strongswan-starter.service", True),
    "an older journal": ("journal: Suppressed 34 messages from /system.slice/ipsec.service", True),
    "another unit": ("systemd-journald[3]: Suppressed 34 messages from nginx.service", False),
    "the kernel's": ("systemd-journald[3]: Missed 7 kernel messages", False),
    "on the way to syslog": ("systemd-journald[3]: Forwarding to syslog missed 12 messages.", True),
    "rsyslog": (
        "rsyslogd: imuxsock[pid: 8, name: /usr/lib/ipsec/charon] from <charon>: 412 messages lost due to rate-limiting",
        True,
    ),
    "rsyslog, another's": (
        "rsyslogd: imuxsock[pid: 9, name: /usr/sbin/nginx] from <nginx>: 412 messages lost due to rate-limiting",
        False,
    ),
    "rsyslog, of a number": ("rsyslogd-2177: imuxsock lost 123 messages from pid 8 due to rate-limiting", True),
    "rsyslog, out of the journal": ("rsyslogd: imjournal: 9 messages lost due to rate-limiting (20 allowed)", True),
    "somebody who quotes it": ("mailer: Suppressed 34 messages from strongswan.service", False),
}


@pytest.mark.parametrize("how", DROPPED)
@pytest.mark.parametrize("others", [0, 3000])
def test_lines_that_were_dropped_are_a_gap(how: str, others: int) -> None:
    line, ours = DROPPED[how]
    noise = "Nov 03 09:14:07 h dbus[7]: nothing to see here\n" * others
    gap = ["gap"] if ours else []
    assert told(f"{UP}{noise}Nov 03 09:14:08 h {line}\n{noise}{END}") == [*WHOLE, *gap, "link down"]


def test_the_report_says_so(tmp_path: Path) -> None:
    log = tmp_path / "charon.log"
    log.write_text(f"{UP}Nov 03 09:14:08 h {DROPPED['rsyslog'][0]}\n")
    found = check(log, maps=["charon"])
    assert found.verdict == "inconclusive"
    assert any("412 messages lost due to rate-limiting" in reason for reason in found.reasons)


BOOTS = {
    "a listing": "-- Boot 1b6f1d0a2a3c4e5f8a9b0c1d2e3f4a5b --\n",
    "an older listing": "-- Reboot --\n",
    "the kernel": "Nov 03 09:19:00 h kernel: Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org)\n",
    "the kernel, with its time": "Nov  3 09:19:00 h kernel: [    0.000000] Linux version 6.1.0-18-amd64\n",
}


@pytest.mark.parametrize("how", BOOTS)
@pytest.mark.parametrize("others", [0, 3000])
def test_a_machine_that_starts_again_has_forgotten(how: str, others: int) -> None:
    noise = "Nov 03 09:18:07 h dbus[7]: nothing to see here\n" * others
    assert told(UP + noise + BOOTS[how] + noise + AGAIN) == [*WHOLE, "restart", "sa down", *WHOLE]


def test_no_boot_but_what_looks_like_one() -> None:
    same = "".join(BOOTS.values()).replace("-- B", "- B").replace("-- R", "- R").replace("kernel:", "kern:")
    assert told(UP + same + END.replace("14:09", "19:09")) == [*WHOLE, "link down"]


def test_links_are_told_anew_after_a_boot() -> None:
    up = "Nov 03 09:{} h kernel: e1000e 0000:00:1f.6 eth0: NIC Link is Up 1000 Mbps\n"
    log = up.format("14:00") + up.format("14:05") + "-- Reboot --\n" + up.format("19:00")
    assert told(log, "kernel,year=2025,zone=UTC") == ["link up", "restart", "link up"]


def test_the_journals_boots() -> None:
    records = []
    for boot in "ab":
        for n, text in enumerate(UP.splitlines()):
            second = 1762161242 + n + 300 * (boot == "b")
            records.append(
                {
                    "__REALTIME_TIMESTAMP": f"{second}000000",
                    "_BOOT_ID": boot * 32,
                    "SYSLOG_IDENTIFIER": "charon",
                    "MESSAGE": text.partition(": ")[2],
                }
            )
    due = [*WHOLE, "restart", "sa down", *WHOLE]
    assert told("".join(json.dumps(r) + "\n" for r in records)) == due
    assert told("".join("".join(f"{k}={v}\n" for k, v in r.items()) + "\n" for r in records)) == due


def test_several_programs_say_it_once() -> None:
    nm = "Nov 03 09:{} h NetworkManager: <info>  [17621{}] dhcp4 (wlan0): state changed new lease, address=10.1.7.20\n"
    log = nm.format("14:00", "61240") + UP + "-- Reboot --\n" + nm.format("19:00", "61540") + AGAIN
    found = told(log, "charon+networkmanager,src=198.51.100.100")
    assert found == ["coa", *WHOLE, "restart", "sa down", "coa", *WHOLE]
