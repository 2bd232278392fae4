"""What an input is, told by its first bytes; and what it is instead, where it is none of what can be read."""

from __future__ import annotations

import re
import shlex
import struct
import zlib
from pathlib import Path
from typing import Final

from mipcheck.checker.capture.frames.magic import GZIP, PCAP, WITH_HEADER, is_capture, unpacked_head
from mipcheck.checker.console.escape import printable

_CONVERT: Final = "convert it first (editcap -F pcapng)"
_PACKED: Final = (
    (b"\x1f\x8b", "it is compressed with gzip; unpack it first (gunzip)"),
    (b"(\xb5/\xfd", "it is compressed with zstd; unpack it first (unzstd)"),
    (b"\xfd7zXZ", "it is compressed with xz; unpack it first (unxz)"),
    (b"BZh", "it is compressed with bzip2; unpack it first (bunzip2)"),
    (b"PK\x03\x04", "it is a zip archive; unpack it first"),
    (b"\x04\x22\x4d\x18", "it is compressed with lz4; unpack it first (lz4 -d)"),
    (b"\x02\x21\x4c\x18", "it is compressed with lz4; unpack it first (lz4 -d)"),
)
_CAPTURES: Final = (
    (b"snoop\0", f"it is a snoop capture; {_CONVERT}"),
    (b"RTSS", f"it is a capture of Microsoft Network Monitor 1; {_CONVERT}"),
    (b"GMBU", f"it is a capture of Microsoft Network Monitor 2; {_CONVERT}"),
    (b"TRSNIFF data", f"it is a capture of a Sniffer; {_CONVERT}"),
    (b"XCP\0", f"it is a capture of NetXRay or a Sniffer for Windows; {_CONVERT}"),
    (b"btsnoop\0", "it is a capture of Bluetooth (btsnoop), which holds nothing of Mobile IP; capture on the network"),
    (b"iptrace ", f"it is a capture of AIX iptrace; {_CONVERT}"),
    (b"\x7fver", f"it is a capture of EtherPeek or OmniPeek; {_CONVERT}"),
    (b"\x05VNF", f"it is a capture of Visual UpTime; {_CONVERT}"),
    (b"\xaa\xaa\xaa\xaa", f"it is a capture of 5View; {_CONVERT}"),
    *((magic, f"it is a capture in a dialect of pcap (IXIA); {_CONVERT}") for magic in (
        b"\xa1\xb2\x23\x4d", b"\xac\x01\x00\x1c", b"\x1c\x00\x01\xac", b"\xab\x01\x00\x1c", b"\x1c\x00\x01\xab"
    )),
)  # fmt: skip
_ERF: Final = f"it looks like a capture of an Endace card (ERF); {_CONVERT}"
_BINARY: Final = f"it is no text; if it is a capture of another kind, {_CONVERT}"
_ZEROS: Final = (
    "it is text with zeros in it: a crash leaves such, take them away first (tr -d '\\000'); if it is UTF-16 without"
    " its mark, convert it (iconv -f UTF-16LE -t UTF-8)"
)
_TEXT: Final = re.compile(rb"[\t\r\n -~]*\n[\t\r\n -~]*")

_DIALECTS: Final = {24: "as Red Hat's tcpdump wrote it once", 20: "as Nokia's firewalls write it"}
"""Bytes of a record's header in dialects of pcap that begin like any other."""
_LONGEST: Final = 262_144
"""Bytes of a frame that anybody captures."""
_APART: Final = 30 * 24 * 3600
"""Seconds between two frames that follow each other at the beginning of a capture, at most."""

_INSIDE: Final = 512
"""Bytes by which it is told what is compressed."""

_AGAIN: Final = "copy it anew from where it was made, as binary data, or compress it again"
_WHOLE: Final = (
    "is {}, which is read only as a whole, not while it grows",
    "check what there is of it without --follow: {}; or follow the plain log that it is made of",
)
"""What is said of a log that is followed, and what to do."""

LOG_MARKS: Final = (b"mipcheck-trace", b'{"mipcheck-trace"')


def _known(head: bytes) -> str:
    """Return capture, log or jsonl for what begins so and is one for certain, else nothing."""
    if is_capture(head):
        return "capture"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(LOG_MARKS):
        return "jsonl" if text.startswith(b"{") else "log"
    return ""


def foreign(head: bytes, name: str) -> str:
    """Say what an input is that is known to be neither a log nor a capture, and what to do; nothing if it may be one.

    `head` are its first bytes, `name` its path.
    """
    if is_capture(head):
        return _dialect(head)
    for magic, hint in (*_PACKED, *_CAPTURES):
        if head.startswith(magic):
            return hint
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(LOG_MARKS):
        return ""
    if (b"\0" in head and Path(name).suffix.lower() == ".erf") or _is_erf(head):
        return _ERF
    if re.search(rb"^\s*\[\[expect\]\]", text, re.MULTILINE):
        return f"it looks like known deviations: give it with --expect {printable(name)}, beside a log or a capture"
    if name.endswith(".map") or re.match(rb"(?:#[^\n]*\n|\s)*map [\w.-]+ \"", text):
        return f"it looks like a map: give it with --map {printable(name)}, beside the log that it reads"
    if re.search(rb"^\s*\[\[?(site|parameters|mn_ha_key|esp_sa)\]", text, re.MULTILINE) or name.endswith(".toml"):
        return f"it looks like a site file: give it with --config {printable(name)}, beside a log or a capture"
    if name.endswith(".spec"):
        return f"it looks like a specification: give it with --spec {printable(name)}, beside a log or a capture"
    if (
        not head.startswith((b"\xff\xfe", b"\xfe\xff", b"ElfFile"))
        and b"\0" in head[:512]
        and not text.startswith(b"{")
    ):
        return _ZEROS if _TEXT.fullmatch(head.replace(b"\0", b"")) else _BINARY
    return ""


def refused(head: bytes, name: str, grows: bool = False) -> tuple[str, str] | None:
    """Say why an input is not read, and what to do; None if it may be a log or a capture.

    `head` are its first bytes, `name` its path; `grows` says that it is read while it grows.
    """
    if head[:2] == GZIP and not is_capture(head):
        inside = unpacked_head(head, _INSIDE)
        if not inside:
            return _nothing_inside(head)
        if grows and b"\0" not in inside:
            return _WHOLE[0].format("compressed with gzip"), _WHOLE[1].format(_command(name))
        return "is neither a log nor a capture", _contents(inside)
    if grows and head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _WHOLE[0].format("in UTF-16"), _WHOLE[1].format(_command(name))
    if hint := foreign(head, name):
        return "is neither a log nor a capture", hint
    return None


def _command(name: str) -> str:
    """Return the command that checks a file."""
    return f"mipcheck {'-' if name == '<stdin>' else shlex.quote(printable(name))}"


def _nothing_inside(head: bytes) -> tuple[str, str]:
    """Say why nothing at all comes of what begins as gzip."""
    engine = zlib.decompressobj(WITH_HEADER)
    try:
        engine.decompress(head)
    except zlib.error:
        return "compressed with gzip, and damaged: nothing of it can be unpacked", _AGAIN
    if engine.eof:
        return "compressed with gzip, and empty", "see that what it was made of holds a log or a capture"
    return "compressed with gzip, and truncated: nothing of it can be unpacked", _AGAIN


def _contents(inside: bytes) -> str:
    """Say what a gzip file holds that is no text, of which some bytes are given, and what to do."""
    if inside[257:262] == b"ustar":
        return "it is compressed with gzip, and holds an archive (tar); unpack it first (tar -xzf), and give its files"
    known = next((hint for magic, hint in (*_PACKED, *_CAPTURES) if inside.startswith(magic)), "")
    if known:
        return f"it is compressed with gzip; unpack it first (gunzip); then {known}"
    return f"it is compressed with gzip; unpack it first (gunzip); then {_BINARY}"


def no_site_file(head: bytes, name: str) -> str:
    """Say what a file is that is known to be no site file, and what to do; nothing if it may be one."""
    shown = printable(name)
    kind = _known(head)
    if kind == "capture":
        return f"it is a capture: mipcheck infer {shown} -o site.toml proposes a site file for it"
    if kind:
        return f"it is a log: check it as mipcheck {shown}; what a site file says can stand in its site lines"
    for magic, hint in (*_PACKED, *_CAPTURES):
        if head.startswith(magic):
            return hint
    if name.endswith(".spec"):
        return f"it looks like a specification: give it with --spec {shown}"
    return "it is no text" if b"\0" in head[:512] else ""


def no_text_log(head: bytes) -> str:
    """Say what an input is that is known to be no other program's log, and what to do; nothing if it may be one."""
    kind = _known(head)
    if kind == "capture":
        return "it is a capture, which is read without a map"
    if kind:
        return "it is a log in our own words, which is read without a map"
    for magic, hint in (*_PACKED, *_CAPTURES):
        if head.startswith(magic):
            return hint
    if head.startswith(b"ElfFile\0"):
        return "it is an event log of Windows (evtx); export it as text"
    if head.startswith((b"__CURSOR=", b"__REALTIME_TIMESTAMP=")):
        return ""  # the journal, exported: fields may be binary
    if b"\0" in head[:512] and head[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        return "it is no text; where some of it is UTF-16, convert that first (iconv -f UTF-16 -t UTF-8)"
    return ""


def _is_erf(head: bytes) -> bool:
    """Tell whether a file begins with two records of ERF: stamps in 2^-32 s, a type, lengths that fit."""
    if len(head) < 16:
        return False
    first, kind, size, length = _erf_record(head, 0)
    if not 1 <= kind <= 48 or size < 18 or not length or len(head) < size + 16:
        return False
    second, other, _, _ = _erf_record(head, size)
    return 1 <= other <= 48 and first > 0 and 0 <= second - first <= _APART


def _erf_record(head: bytes, at: int) -> tuple[int, int, int, int]:
    """Return seconds, type, length in the file and on the wire of a record."""
    (stamp,) = struct.unpack_from("<Q", head, at)
    kind, _, size, _, length = struct.unpack_from("!BBHHH", head, at + 8)
    return stamp >> 32, kind & 0x7F, size, length


def _dialect(head: bytes) -> str:
    """Say in which dialect of pcap a file is that is not as it says; nothing if it is."""
    if head[:4] not in PCAP or PCAP[head[:4]][2] != 16:
        return ""
    order = PCAP[head[:4]][0]
    if _records(head, order, 16):
        return ""
    for size, name in _DIALECTS.items():
        if _records(head, order, size):
            return f"it is a capture in a dialect of pcap, {name}; {_CONVERT}"
    return ""


def _records(head: bytes, order: str, size: int) -> bool:
    """Tell whether the records at the beginning make sense with headers of `size` bytes; two at least have to be seen.

    What cannot be told apart counts as the common format.
    """
    at, before, count = 24, None, 0
    while at + size <= len(head):
        seconds, fraction, stored, length = struct.unpack_from(order + "IIII", head, at)
        if stored > _LONGEST or length > _LONGEST or stored > length or fraction >= 10**9:
            return False
        if before is not None and abs(seconds - before) > _APART:
            return False
        at, before, count = at + size + stored, seconds, count + 1
    return count > 1 or size == 16
