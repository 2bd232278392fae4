"""The commonest mistakes: each is named as what it is, with what to do."""

from __future__ import annotations

import gzip
import json
import os
import struct
from pathlib import Path

import pytest
from mipcheck.checker.cli.main import main

from making.files import Record, pcap
from making.packets import KEY, SESSION, into, out, reply, request, signed

LOG = (
    "mipcheck-trace 1\nsite iha=10.1.0.10 xha=198.51.100.2 vpn=192.0.2.1 ihoa=10.1.0.100 xhoa=198.51.100.100\n"
    "0.0 eth0 link state=up\n"
)
FRAMES = [out(SESSION[0]), into(SESSION[1])] * 3


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.log").write_text(LOG)
    (tmp_path / "x.pcap").write_bytes(pcap([Record(n * 10**6, f) for n, f in enumerate(FRAMES)]))
    (tmp_path / "site.toml").write_text('[site]\niha = "10.1.0.10"\n')
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The exit code, and all that was said."""
    try:
        code = main(list(words))
    except SystemExit as done:
        code = int(done.code or 0)
    shown = capsys.readouterr()
    return code, shown.out + shown.err


def test_check_may_be_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "check", "x.log") == said(capsys, "x.log")
    (here / "check").write_text(LOG)
    assert said(capsys, "check", "./check")[0] == 3


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["x.log", "--config", "x.log"], "x.log: is no site file\n    it is a log"),
        (["x.log", "--config", "x.pcap"], "x.pcap: is no site file\n    it is a capture: mipcheck infer x.pcap"),
        (["convert", "x.pcap", "--config", "x.pcap"], "is no site file"),
        (["site.toml"], "it looks like a site file: give it with --config site.toml"),
        ([""], '"": is no name of a file'),
        (["x.log", "--config", ""], '"": is no name of a file'),
        (["x.log", "-o", ""], '-o takes the name of a file, not ""'),
        (["x.log", "--set", "t_stop=45"], "t_stop=45: a time needs a unit, such as 45s or 45ms"),
        (["prove", "inside_is_sound", "--set", "t_stop=1.5"], "t_stop=1.5: a time needs a unit, such as 1.5s"),
        (["infer", "x.log"], "x.log: is no capture\n    only a capture shows who is who by itself"),
        (["-x.log"], 'unknown option "-x.log"; the file is ./-x.log'),
        (["-nosuch.log"], 'unknown option "-nosuch.log"'),
        (["requirements", "x.log"], 'unknown argument "x.log"; mipcheck requirements takes no file'),
        (["man", "/dev/null"], 'unknown argument "/dev/null"; mipcheck man takes no file'),
        (["anonymise", "x.log", "-o", "y.pcap"], "x.log: is no capture\n    of a log, mipcheck shrink writes the few"),
    ],
)
def test_what_is_given_for_something_else(
    words: list[str], text: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "-x.log").write_text(LOG)
    code, shown = said(capsys, *words)
    assert code == 2 and text in shown, shown


@pytest.mark.parametrize(
    "words",
    [
        ["x.log", "--config", "site.toml", "y.log"],
        ["--config", "site.toml", "x.log", "-v", "y.log"],
        ["x.log", "--config=site.toml", "-"],
        ["names", "--spec", "draft-01", "roles"],
        ["export", "mermaid", "--spec", "draft-01", "inside", "--role", "mn", "sa_up"],
        ["synthesize", "no_plaintext_after_loss", "--spec", "draft-01", "nosuch"],
        ["lint", "./a.spec", "--format", "json", "./b.spec"],
        ["explain", "M2", "--all", "M1"],
        ["--", "x.log", "-odd"],
    ],
)
def test_words_may_stand_before_and_after_options(
    words: list[str], here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came behind an option of what may be several was an unknown argument."""
    for name in ("y.log", "-odd"):
        (here / name).write_text(LOG)
    for name in ("a.spec", "b.spec"):
        (here / name).write_text("spec a")
    with Path("x.log").open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        code, told = said(capsys, *words)
    wrong = {"lint": 'unknown option "--format"', "explain": 'unknown argument "M1"', "synthesize": '"nosuch"'}
    assert wrong.get(words[0], "") in told
    assert (code == 2) == (words[0] in wrong), told


def test_a_verb_that_is_misspelt_with_options_of_its_own(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = said(capsys, "requirments", "--spec", "rfc5265", "--fleet", "x")
    assert code == 2 and 'unknown option "--fleet"' in shown and "did you mean the verb requirements?" in shown
    assert "verb" not in said(capsys, "x.log", "--fleet")[1]
    assert "did you mean the verb check?" in said(capsys, "chek", "x.log")[1]


def test_a_time_of_nothing_needs_no_unit(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "x.log", "--set", "t_slack=0")[0] == 3
    assert said(capsys, "x.log", "--set", "n_retransmit=3")[0] == 3


def dialect(header: int, magic: int = 0xA1B2C3D4) -> bytes:
    """A capture with records whose headers are as long as those of other writers."""
    data = struct.pack("<IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
    for n, frame in enumerate(FRAMES):
        data += struct.pack("<IIII", 1_800_000_000 + n, 0, len(frame), len(frame)) + bytes(header - 16) + frame
    return data


def erf() -> bytes:
    record = struct.pack("<Q", 1_700_000_000 << 32) + b"\x02\x04" + struct.pack("!HHH", 18 + 62, 0, 60) + bytes(64)
    return record * 3


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x04\x22\x4d\x18" + bytes(50), "compressed with lz4; unpack it first (lz4 -d)"),
        (b"GMBU" + bytes(99), "Microsoft Network Monitor 2; convert it first (editcap -F pcapng)"),
        (b"TRSNIFF data    \x1a", "a capture of a Sniffer; convert it first (editcap -F pcapng)"),
        (erf(), "Endace card (ERF); convert it first (editcap -F pcapng)"),
        (b"btsnoop\0" + bytes(50), "Bluetooth (btsnoop)"),
        (dialect(20), "dialect of pcap, as Nokia's firewalls write it; convert it first (editcap -F pcapng)"),
        (dialect(24), "dialect of pcap, as Red Hat's tcpdump wrote it once; convert it first (editcap -F pcapng)"),
        (dialect(16, 0x1C0001AC), "dialect of pcap (IXIA); convert it first (editcap -F pcapng)"),
        (bytes(300), "it is no text; if it is a capture of another kind, convert it first (editcap -F pcapng)"),
    ],
)
def test_captures_of_other_kinds(data: bytes, text: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "y").write_bytes(data)
    code, shown = said(capsys, "y")
    assert code == 2 and "is neither a log nor a capture" in shown and text in shown, shown


JSONL = b'{"mipcheck-trace": 1}\n'


@pytest.mark.parametrize("log", [LOG.encode(), b"\xef\xbb\xbf\n" + LOG.encode() * 2000, JSONL])
def test_a_compressed_log_is_read(log: bytes, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.log").write_bytes(log)
    (here / "a log.gz").write_bytes(gzip.compress(log))
    (here / "wide.log").write_bytes(log.decode("utf-8-sig").encode("utf-16"))
    (here / "both.gz").write_bytes(gzip.compress(log.decode("utf-8-sig").encode("utf-16")))
    wanted = said(capsys, "a.log")
    for name in ("a log.gz", "wide.log", "both.gz"):
        code, shown = said(capsys, name)
        assert (code, shown.replace(name, "a.log")) == wanted
    (here / "cut.gz").write_bytes(gzip.compress(log)[:-9])
    code, shown = said(capsys, "cut.gz")
    assert code == 2 and "compressed with gzip, and truncated" in shown


def test_what_else_is_compressed_is_no_log(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "y.gz").write_bytes(gzip.compress(bytes(300)))
    code, shown = said(capsys, "y.gz")
    assert code == 2 and "is neither a log nor a capture" in shown and "unpack it first (gunzip)" in shown


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (gzip.compress(LOG.encode())[:10], "compressed with gzip, and truncated: nothing of it can be unpacked"),
        (gzip.compress(LOG.encode())[:10] + b"\xff" * 90, "compressed with gzip, and damaged: nothing of it can be"),
        (b"\x1f\x8b\x07" + bytes(90), "compressed with gzip, and damaged: nothing of it can be unpacked"),
        (gzip.compress(b""), "compressed with gzip, and empty"),
        (gzip.compress(bytes(257) + b"ustar\x0000"), "an archive (tar); unpack it first (tar -xzf)"),
        (gzip.compress(b"\xfd7zXZ\0" + bytes(90)), "unpack it first (gunzip); then it is compressed with xz"),
        (gzip.compress(LOG.encode())[:-20], "and truncated: the gzip data end"),
    ],
    ids=["a header", "no deflate", "no gzip", "nothing", "an archive", "twice", "cut"],
)
def test_what_is_wrong_with_compressed_data_is_said(
    data: bytes, text: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "y.gz").write_bytes(data)
    code, shown = said(capsys, "y.gz")
    assert code == 2 and text in " ".join(shown.split()), shown


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("site.toml", '[parameters]\nt_slack = "1s"\nt_stop = 59\n', "site.toml:3:1"),
        ("site.toml", "[parameters]\nt_stop = 59.5\n", "site.toml:2:1"),
        ("y.log", "mipcheck-trace 1\nsite t_stop=59\n", "y.log:2:13"),
        ("y.jsonl", '{"mipcheck-trace": 1, "site": {"t_stop": 59}}\n', "y.jsonl:1:"),
    ],
)
def test_a_time_without_a_unit_is_named_with_its_place(
    name: str, text: str, place: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / name).write_text(text)
    words = ["x.log", "--config", name] if name.endswith(".toml") else [name]
    code, shown = said(capsys, *words)
    assert code == 2 and shown.startswith(place) and "a time needs a unit, such as 59" in shown, shown


@pytest.mark.parametrize("data", [dialect(16), dialect(24, 0xA1B2CD34), gzip.compress(dialect(16))])
def test_captures_that_are_read(data: bytes, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "y").write_bytes(data)
    code, shown = said(capsys, "y")
    assert code == 3 and "(pcap): 6 frames" in shown


@pytest.mark.parametrize("cut", [24, 30, 40, 41, 60, 150])
@pytest.mark.parametrize("header", [16, 20, 24])
def test_a_capture_cut_short_is_read_as_far_as_it_goes(
    cut: int, header: int, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "y").write_bytes(dialect(header)[:cut])
    code, shown = said(capsys, "y")
    assert code in (2, 3) and "internal error" not in shown
    assert header != 16 or code == 3


@pytest.mark.parametrize(
    ("line", "seems"),
    [
        (
            "Nov 29 00:12:01 mn charon: 05[IKE] initiating IKE_SA gw[1]",
            "syslog or a listing of systemd's journal (lines of charon)",
        ),
        ("Nov 29 00:12:01 05[IKE] initiating IKE_SA gw[1]", "a log of strongSwan's charon"),
        ("05[NET] received packet", "a log of strongSwan's charon"),
        ("05[NET2] received packet", "a log of strongSwan's charon"),
        ("2026-11-29T00:12:01.123456+00:00 mn dhclient[4]: bound", "(lines of dhclient)"),
        ('{"__REALTIME_TIMESTAMP":"1","MESSAGE":"x"}', "an export of systemd's journal"),
        ("-- Logs begin at Mon 2026-11-23 --", "a listing of systemd's journal"),
        ("[    0.000000] Linux version", "the kernel's log"),
        ("*Mar  1 00:00:42.123: MobileIP: HA 10.1.0.2 rcv reg", "a router's log"),
        ("<34>1 2026-11-29T00:12:01Z mn racoon - - -", "syslog"),
    ],
)
def test_another_programs_log(line: str, seems: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "y").write_text(f"{line}\n{line}\n")
    code, shown = said(capsys, "y")
    assert code == 2 and seems in shown and "is read through a map: --map NAME" in shown, shown


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ('{"timestamp":"2026-11-28T10:00:00.1+0000","event_type":"flow"}', "a log of Suricata, which says too little"),
        ('{"ts":1764320000.1,"uid":"C","id.orig_h":"10.0.0.1"}', "a log of Zeek, which says too little"),
        ('{"log":"Nov  3 09:14:02 11[KNL] 203.0.113.20 appeared","stream":"stdout"}', "taken out first: jq -rj .log"),
        ("mn-1  | Nov  3 09:14:02 11[KNL] 203.0.113.20 appeared", "something in front of each line"),
        ("> Nov  3 09:14:02 11[KNL] 203.0.113.20 appeared", "quoted in a mail"),
        (
            "time;interface;event;args",
            "it looks like a table of a spreadsheet, which is no log: write each row as TIME",
        ),
        ('"time","interface","event"', "it looks like a table of a spreadsheet"),
        ("sep=;", "it looks like a table of a spreadsheet"),
        ('"mipcheck-trace 1"', "it is a trace whose lines are quoted; take that away first: sed 's/"),
        ('[{"time": 0.5, "event": "link"}]', "take them apart first (jq -c '.[]')"),
        ("[", "take them apart first (jq -c '.[]')"),
    ],
)
def test_what_has_to_be_done_to_a_log_first(
    line: str, hint: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "y").write_text(f"{line}\n")
    code, shown = said(capsys, "y")
    assert code == 2 and hint in shown, shown


def test_text_with_zeros_in_it_is_told_from_what_is_no_text(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for data in (b"Nov  3 09:14:02 gw charon: a\n" + bytes(99) + b"b\n", "Nov  3 a\nb\n".encode("utf-16-le")):
        (here / "y").write_bytes(data)
        code, shown = said(capsys, "y")
        assert code == 2 and "text with zeros in it" in shown and "tr -d" in shown


@pytest.mark.parametrize(
    ("wrap", "hint"),
    [
        ("> {}\n", "cut -c 3-"),
        ("Nov 29 00:12:01 mn mipd[7]: {}\n", "cut -c 29-"),
        ("2026-11-29T00:12:01.123456789Z {}\n", "something in front of each line"),
        ('{{"log":"{}\\n","stream":"stdout"}}\n', "jq -r .log"),
        ("\x1b[32m{}\x1b[0m\n", "sed 's/\\x1b"),
        ("{}\r", "lines end with CR alone"),
    ],
)
def test_a_trace_that_others_have_wrapped(wrap: str, hint: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "".join(wrap.format(line) for line in LOG.splitlines())
    (here / "y").write_text(text, newline="")
    code, shown = said(capsys, "y")
    assert code == 2 and hint in shown and "--map" not in shown, shown


def test_zeros_that_a_crash_leaves_are_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "y").write_bytes(LOG.encode() + bytes(512))
    code, shown = said(capsys, "y")
    assert code == 2 and "a crash leaves zeros" in shown and "tr -d" in shown


@pytest.mark.parametrize(
    ("line", "seems"),
    [
        ("00:12:01.123456 IP 10.0.0.1.434 > 10.0.0.2.434: UDP, length 40", "a listing of tcpdump"),
        ('"No.","Time","Source"', "a table exported from Wireshark"),
        ('<?xml version="1.0"?>', "XML, as Wireshark exports"),
        ("    1 02:56:18.852120530 10.0.0.1 → 10.0.0.2 MobileIP 90", "a listing of tshark"),
        ("    1\t2026-11-23 02:56:18.852120530 10.0.0.1 → 10.0.0.2 MobileIP 90", "a listing of tshark"),
        ("Frame 1: 90 bytes on wire (720 bits)", "what tshark says of packets (-V, -T ek)"),
        ('{"index":{"_index":"packets-2026-11-23","_type":"doc"}}', "what tshark says of packets (-V, -T ek)"),
        ("0000  33 33 00 00 00 16 9a 48  33.....H", "packets in hexadecimal"),
        ("frame.number,frame.time,ip.src", "a table of tshark (-T fields)"),
        ("1762157642.123456\t10.0.0.1\t10.0.0.2\t434", "a table of packets, as tshark -T fields writes"),
        ("1762157642.123456 IP 10.0.0.1.434 > 10.0.0.2.434: UDP, length 40", "a listing of tcpdump"),
        (" 00:00:00.010000 IP 10.0.0.1.434 > 10.0.0.2.434: UDP, length 40", "a listing of tcpdump"),
        ("00:12:01.123456 02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype IPv4", "a listing of tcpdump"),
    ],
)
def test_what_others_print_of_a_capture(line: str, seems: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "y").write_text(f"{line}\n")
    code, shown = said(capsys, "y")
    assert code == 2 and f"it looks like {seems}, which says less than the capture itself: give that" in shown


@pytest.mark.parametrize("words", [["anonymise", "pipe", "-o", "y.pcap"], ["overhead", "pipe"]])
def test_what_is_read_twice_is_no_pipe(words: list[str], here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody writes into it a second time: it was waited for without end."""
    os.mkfifo(here / "pipe")
    code, shown = said(capsys, *words)
    assert code == 2 and "twice" in shown and "pipe can" in shown


@pytest.mark.parametrize("digits", ["9" * 19, "9" * 200, "-" + "9" * 30])
@pytest.mark.parametrize("suffix", ["log", "jsonl"])
def test_numbers_that_are_too_large_are_called_so(
    digits: str, suffix: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"mipcheck-trace 1\n0 e rrp from=iha path=direct code={digits} lifetime=1 id=1 auth=ok\n"
    if suffix == "jsonl":
        text = (
            '{"mipcheck-trace": 1}\n{"time": 0, "interface": "e", "event": "rrp", "from": "iha", "path": "direct",'
            f' "code": "{digits}", "lifetime": 1, "id": 1, "auth": "ok"}}\n'
        )
    (here / f"y.{suffix}").write_text(text)
    assert "too large" in said(capsys, f"y.{suffix}")[1]


def test_identifications_that_are_too_large_are_called_so(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for word in ("0x" + "f" * 17, "18446744073709551616", "9" * 60):
        (here / "y.log").write_text(LOG + f"0 e rrp from=iha path=direct code=0 lifetime=1 id={word} auth=ok\n")
        assert "too large" in said(capsys, "y.log")[1]


@pytest.mark.parametrize("verb", [[], ["convert"]])
def test_json_is_utf_8_whatever_a_file_is_called(
    verb: list[str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = os.fsdecode(b"bad\xff\xf0\x9f\x92\xa9.pcap")
    (here / name).write_bytes((here / "x.pcap").read_bytes())
    code, shown = said(capsys, *verb, name, "--format", "jsonl" if verb else "json")
    assert code in (0, 3)
    for text in shown.splitlines() if verb else [shown]:
        json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8")
    assert "bad\\xff\U0001f4a9.pcap" in json.dumps(
        json.loads(shown.split("\n")[0] if verb else shown), ensure_ascii=False
    ).replace("\\\\", "\\")


@pytest.mark.parametrize("fits", [True, False])
def test_a_key_whose_digits_were_taken_as_text(fits: bool, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = [out(signed(request(), KEY)), into(signed(reply(), KEY))]
    (here / "y.pcap").write_bytes(pcap([Record(n * 10**6, f) for n, f in enumerate(session)]))
    digits = KEY.key.hex() if fits else "0123456789abcdef" * 2
    (here / "site.toml").write_text(
        f'[[mn_ha_key]]\nagent = "{KEY.agent}"\nspi = {KEY.spi}\nalgorithm = "{KEY.algorithm}"\nkey = "{digits}"\n'
    )
    shown = " ".join(said(capsys, "y.pcap", "--config", "site.toml")[1].split())
    assert f"{len(digits)} hexadecimal digits were taken as text" in shown and "write 0x before them" in shown
    assert ("and as a number they fit" in shown) == fits


def test_what_was_inferred_is_in_the_converted_log_and_not_called_unknown(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "iha=10.1.0.10 inferred" in " ".join(said(capsys, "x.pcap")[1].split())
    assert "the address iha is not known" not in " ".join(said(capsys, "x.pcap")[1].split())
    code, shown = said(capsys, "convert", "x.pcap")
    assert code == 0 and "\nsite iha=10.1.0.10 " in shown
