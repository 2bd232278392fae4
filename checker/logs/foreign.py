"""What a file seems to be that is no trace: logs, listings and exports of other programs, told by their first line."""

from __future__ import annotations

import re
from typing import Final

_PROGRAM: Final = re.compile(
    r"\b(charon(?:-systemd|-nm)?|pluto|racoon|iked|openvpn|dhclient|dhcpcd|NetworkManager|wpa_supplicant"
    r"|systemd-networkd|kernel|mip6d|dynmnd|dynhad|dynfad)\b"
)
_STAMP: Final = (
    r"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)"
)
_TRANSLATE: Final = "which is read through a map: --map NAME (mipcheck map lists them)"
_CAPTURE: Final = "which says less than the capture itself: give that"
_SEEMS: Final = (
    (r"(?:@ )?\d\d\[[A-Z]{3}\] ", "a log of strongSwan's charon", _TRANSLATE),
    (r"\{.*\"__REALTIME_TIMESTAMP\"", "an export of systemd's journal", _TRANSLATE),
    (r"-- (?:Logs|Journal) beg[ia]ns? |-- Boot ", "a listing of systemd's journal (journalctl)", _TRANSLATE),
    (r"(?:<\d{1,3}>1? ?)?@ \S+ [^\s:]+(?:\[\d+\])?: ", "syslog or a listing of systemd's journal", _TRANSLATE),
    (r"<\d{1,3}>", "syslog", _TRANSLATE),
    (r"\[ *\d+\.\d{6}\] ", "the kernel's log (dmesg)", _TRANSLATE),
    (r"\*?[A-Z][a-z]{2} +\d+ +\d\d:\d\d:\d\d(?:\.\d+)?: ", "a router's log (Cisco IOS)", _TRANSLATE),
    (r"(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d{6} (?:IP6?|ARP|\w+ +(?:In|Out)) ", "a listing of tcpdump", _CAPTURE),
    (r" *1 +0\.0{6}", "a listing of tshark", _CAPTURE),
    (r"\"No\.\",|No\.,Time", "a table exported from Wireshark", _CAPTURE),
    (r"<\?xml|<pdml|<psml", "XML, as Wireshark exports", _CAPTURE),
    (r"\[?\s*\{?\s*\"_index\"|\[\s*(?:\{|$)", "JSON in one piece, not JSON Lines", _TRANSLATE),
    (r"ElfFile\0", "an event log of Windows", _TRANSLATE),
    (r"@\b", "a log of some program", _TRANSLATE),
)
_KNOWN: Final = tuple((re.compile(pattern.replace("@", _STAMP)), name, mend) for pattern, name, mend in _SEEMS)


def seems(line: str) -> str:
    """Return in words what a file that begins with `line` seems to be, and what to do; nothing if that is unclear."""
    for pattern, name, mend in _KNOWN:
        if pattern.match(line):
            program = _PROGRAM.search(line[:200])
            by = f" (lines of {program[1]})" if program and "charon" not in name else ""
            return f"it looks like {name}{by}, {mend}"
    return ""
