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
_APART: Final = "which is read one object a line: take them apart first (jq -c '.[]')"
_TABLE: Final = "which is no log: write each row as TIME INTERFACE EVENT KEY=VALUE …, with spaces and decimal points"
_CAPTURE: Final = "which says less than the capture itself: give that"
_FLOWS: Final = "which says too little of packets: give the capture that it was made of"
_FRONT: Final = "with something in front of each line: take that away first (cut -c, sed)"
_SEEMS: Final = (
    (r"(?:@ )?\d\d\[[A-Z]{3}\d?\] ", "a log of strongSwan's charon", _TRANSLATE),
    (r"\{.*\"__REALTIME_TIMESTAMP\"", "an export of systemd's journal", _TRANSLATE),
    (r"-- (?:Logs|Journal) beg[ia]ns? |-- Boot ", "a listing of systemd's journal (journalctl)", _TRANSLATE),
    (r"(?:<\d{1,3}>1? ?)?@ \S+ [^\s:]+(?:\[\d+\])?: ", "syslog or a listing of systemd's journal", _TRANSLATE),
    (r"<\d{1,3}>", "syslog", _TRANSLATE),
    (r"\[ *\d+\.\d{6}\] ", "the kernel's log (dmesg)", _TRANSLATE),
    (r"\*?[A-Z][a-z]{2} +\d+ +\d\d:\d\d:\d\d(?:\.\d+)?: ", "a router's log (Cisco IOS)", _TRANSLATE),
    (r"(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d{6} (?:IP6?|ARP|\w+ +(?:In|Out)) ", "a listing of tcpdump", _CAPTURE),
    (r"(?:\d{9,10}\.\d{6,9}| ?\d\d:\d\d:\d\d\.\d{6}) (?:IP6?|ARP|[\da-f:]{17}) ", "a listing of tcpdump", _CAPTURE),
    (r"\d{9,10}\.\d{6,9}[\t,;|][\d.]+[\t,;|]", "a table of packets, as tshark -T fields writes", _CAPTURE),
    (r"\ufeff?(?:sep=.$|\"?time\"?[,;\t])", "a table of a spreadsheet", _TABLE),
    (r" *1[ \t]+(?:0\.0{6}|(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d)", "a listing of tshark", _CAPTURE),
    (r"Frame 1: |\{\"index\": ?\{\"_index\"", "what tshark says of packets (-V, -T ek)", _CAPTURE),
    (r"0000[0-9a-f]? +[0-9a-f]{2} [0-9a-f]{2} |\+-{9}\+-", "packets in hexadecimal", _CAPTURE),
    (r"frame\.\w+[\t,;|]", "a table of tshark (-T fields)", _CAPTURE),
    (r"\{.*\"event_type\"", "a log of Suricata", _FLOWS),
    (r"#separator |\{.*\"id\.orig_h\"", "a log of Zeek", _FLOWS),
    (r"\{\"log\": ?\"", "a container's log (docker)", "whose lines have to be taken out first: jq -rj .log"),
    (r"[\w.-]+ +\| ", "logs of containers (docker compose)", _FRONT),
    (r"> ", "a log that was quoted in a mail", _FRONT),
    (r"\"No\.\",|No\.,Time", "a table exported from Wireshark", _CAPTURE),
    (r"<\?xml|<pdml|<psml", "XML, as Wireshark exports", _CAPTURE),
    (r"\[?\s*\{?\s*\"_index\"|\[\s*(?:\{|$)", "JSON in one piece, not JSON Lines", _APART),
    (r"ElfFile\0", "an event log of Windows", _TRANSLATE),
    (r"@\b", "a log of some program", _TRANSLATE),
)
_KNOWN: Final = tuple((re.compile(pattern.replace("@", _STAMP)), name, mend) for pattern, name, mend in _SEEMS)


_OURS: Final = re.compile(r"mipcheck-trace[ \t]+\d")
_IN_JSON: Final = re.compile(r"\{.*?\"(\w+)\"\s*:\s*\"mipcheck-trace[ \t]+\d")
_COLOUR: Final = "\x1b["


def _wrapped(line: str) -> str:
    """Return what was done to a trace of ours that begins with `line`, and how to undo it; nothing if it is none."""
    found = _OURS.search(line)
    if found is None:
        return ""
    if member := _IN_JSON.match(line):
        return f"it is a trace whose lines stand in JSON; take them out first: jq -r .{member[1]}"
    if _COLOUR in line:
        return r"it is a trace with colours of a terminal; take them away first: sed 's/\x1b\[[0-9;]*m//g'"
    if "\r" in line[found.end() :]:
        return r"it is a trace whose lines end with CR alone; change that first: tr '\r' '\n'"
    if re.fullmatch(r'"mipcheck-trace[ \t]+\d+"\s*', line):
        return 'it is a trace whose lines are quoted; take that away first: sed \'s/^"//; s/"$//; s/""/"/g\''
    if front := found.start():
        return (
            "it is a trace with something in front of each line; take that away first, as with"
            f" cut -c {front + 1}- where it is always as long"
        )
    return ""


def seems(line: str) -> str:
    """Return in words what a file that begins with `line` seems to be, and what to do; nothing if that is unclear."""
    if ours := _wrapped(line):
        return ours
    for pattern, name, mend in _KNOWN:
        if pattern.match(line):
            program = _PROGRAM.search(line[:200])
            by = f" (lines of {program[1]})" if program and "charon" not in name else ""
            return f"it looks like {name}{by}, {mend}"
    return ""
