"""The command line and `check`, where a transcript would not do: files, pipes, JSON, start-up, hostile input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import mipcheck
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mipcheck.checker.check.check import check
from mipcheck.checker.cli import cli
from mipcheck.checker.cli.main import main
from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.console.output import terminal
from mipcheck.checker.report.json import as_object
from mipcheck.checker.report.text import report_text
from mipcheck.model.specification.load import load

from making.paths import TRACES
from making.schemas import conforming

HEAD = "mipcheck-trace 1\nsite iha=10.1.0.2 xha=198.51.100.2 xhoa=198.51.100.100\n"
BROKEN = str(TRACES / "plaintext-after-loss.log")
FINE = str(TRACES / "inside-colocated.log")
PROGRAM = [sys.executable, "-c", "import sys; from mipcheck.checker.cli.main import main; sys.exit(main())"]


def command(*args: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *args], capture_output=True, text=True, check=False, timeout=60, **more)


def write(path: Path, text: str) -> str:
    path.write_text(text, "utf-8")
    return str(path)


# --- the contract -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ([FINE], 0),
        ([BROKEN], 1),
        ([str(TRACES / "joined-late.log")], 3),
        ([str(TRACES / "xha-left-registered.log")], 0),
        ([str(TRACES / "xha-left-registered.log"), "--fail-on", "should"], 1),
        (["no-such-file"], 2),
        ([], 2),
    ],
)
def test_exit_codes(args: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args) == code


@pytest.mark.parametrize("verb", ["", *cli.NAMED])
def test_help_ends_with_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main([*([verb] if verb else []), "--help"])
    assert done.value.code == 0
    last = capsys.readouterr().out.rstrip().splitlines()
    assert last[-2] == "example:"
    assert last[-1].strip().startswith(f"mipcheck {verb}".strip())


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; from mipcheck.checker.cli.main import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'lark', 'z3', 'rich', 'mipcheck.model.specification.spec'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - start < 2  # 0.15 s is the aim; this allows for a busy machine


JSON_KEYS = {
    "": {"mipcheck", "spec", "verdict", "inputs", "rules", "violations"},
    "inputs": {"file", "kind", "events", "frames", "interfaces"},
    "rules": {"id", "level", "section", "status", "exercised", "violations"},
    "violations": {"rule", "level", "section", "interface", "node", "time", "at", "message", "because", "allowed"},
}


def test_json_keeps_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([BROKEN, "--format", "json"]) == 1
    report = conforming("check", capsys.readouterr().out)
    assert set(report) >= JSON_KEYS[""]
    for part in ("inputs", "rules", "violations"):
        for entry in report[part]:
            assert set(entry) >= JSON_KEYS[part]
    assert {r["id"] for r in report["rules"]} == set(load().rules)
    violation = report["violations"][0]
    assert violation["at"] == {"file": BROKEN, "line": 21, "frame": None}
    assert violation["because"] and all(set(b) == {"text", "at"} for b in violation["because"])


def test_json_is_complete_when_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([FINE, "--format", "json"]) == 0
    report = conforming("check", capsys.readouterr().out)
    assert report["verdict"] == "conformant"
    assert report["violations"] == []


def test_the_package_offers_check() -> None:
    report = mipcheck.check([BROKEN])
    assert (report.verdict, [v.rule for v in report.violations]) == ("violation", ["M2", "M2"])
    assert mipcheck.check(Path(FINE)).verdict == "conformant"


# --- evidence and verdicts ----------------------------------------------------------------------------------------


def test_no_evidence_is_not_conformant(tmp_path: Path) -> None:
    report = check([write(tmp_path / "x.log", HEAD)])
    assert report.verdict == "inconclusive"
    assert "no evidence" in " ".join(report.reasons)


def test_skipped_lines_are_never_conformant(tmp_path: Path) -> None:
    text = Path(FINE).read_text("utf-8")
    assert check([write(tmp_path / "x.log", text + "rubbish\n")], keep_going=True).verdict == "inconclusive"
    broken = Path(BROKEN).read_text("utf-8")
    assert check([write(tmp_path / "y.log", broken + "rubbish\n")], keep_going=True).verdict == "violation"


def test_the_address_that_is_missing_is_named(tmp_path: Path) -> None:
    text = "mipcheck-trace 1\n0 eth0 ike phase=start src=10.0.0.1 dst=10.0.0.2\n"
    report = check([write(tmp_path / "x.log", text)])
    assert any("xhoa is not known, so V3 V4" in n for n in report.notes)


def test_a_rule_that_needs_a_capability_is_listed(tmp_path: Path) -> None:
    for site, why in (("site", "does not apply without capability vpn-fa"), ("site capabilities=vpn-fa", "")):
        report = check([write(tmp_path / "x.log", HEAD.replace("site", site))])
        (rule,) = [r for r in report.rules if r.id == "V14"]
        assert (rule.status, rule.why) == ("not-exercised", why)


# --- sites and clocks ---------------------------------------------------------------------------------------------


def test_precedence_of_sites(tmp_path: Path) -> None:
    log = write(tmp_path / "x.log", HEAD + "site t_stop=10s t_verify=10s t_switch=10s\n0 eth0 link state=up\n")
    config = write(tmp_path / "s.toml", '[parameters]\nt_verify = "20s"\nt_switch = "20s"\n')
    report = check([log], config=config, parameters={"t_switch": "30s"})
    values = {p.name: (p.value, p.given) for p in report.parameters}
    assert [values[n] for n in ("t_stop", "t_verify", "t_switch", "t_slack")] == [
        ("10s", True), ("20s", True), ("30s", True), ("1s", False)]  # fmt: skip


def test_logs_must_not_contradict_each_other_unless_it_is_decided(tmp_path: Path) -> None:
    a = write(tmp_path / "a.log", HEAD)
    b = write(tmp_path / "b.log", HEAD.replace("10.1.0.2", "10.1.0.3"))
    with pytest.raises(Exception, match=r"iha is .10\.1\.0\.3. here"):
        check([a, b])
    assert check([a, b], parameters={"iha": "10.1.0.4"}).verdict == "inconclusive"


def test_an_offset_moves_an_input(tmp_path: Path) -> None:
    wire = write(tmp_path / "a.log", HEAD + "5.0 eth0 link state=up\n")
    other = write(tmp_path / "b.log", HEAD + "1.0 eth0 infer where=inside\n")
    assert check([wire, other]).verdict == "inconclusive"
    for offset in ("3.5", "-0.5", "+3"):
        assert check([wire, other], offsets={"b.log": offset}).violations == ()
    report = check([wire, other], offsets={other: "4.000000001"})
    (violation,) = report.violations
    assert (violation.rule, violation.time) == ("D1", 5_000_000_001)


@pytest.mark.parametrize("offset", ["abc", "", "1e3", "--1", "2026-11-23", "9" * 30, "٣", "2026-13-23T00:00:00Z"])
def test_bad_offsets(offset: str, tmp_path: Path) -> None:
    log = write(tmp_path / "a.log", HEAD)
    with pytest.raises(UsageError, match="--offset"):
        check([log], offsets={"a.log": offset})


def test_dates_are_shown_with_dates(tmp_path: Path) -> None:
    text = HEAD + "2026-11-23T02:00:00Z eth0 link state=up\n2026-11-23T02:00:01.5Z eth0 infer where=inside\n"
    report = as_object(check([write(tmp_path / "a.log", text)]))
    assert report["start"] == "2026-11-23T02:00:00.000000Z"
    (violation,) = report["violations"]
    assert (violation["time"], violation["date"]) == (1.5, "2026-11-23T02:00:01.500000Z")


# --- files --------------------------------------------------------------------------------------------------------


def test_output_is_written_whole_or_not_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "out.json"
    assert main([BROKEN, "--format", "json", "-o", str(target)]) == 1
    assert json.loads(target.read_text("utf-8"))["verdict"] == "violation"
    assert capsys.readouterr().out == ""
    before = target.read_text("utf-8")
    assert main(["no-such-file", "-o", str(target)]) == 2
    assert target.read_text("utf-8") == before
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"]


def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    link = tmp_path / "null"
    link.symlink_to("/dev/null")
    assert main([BROKEN, "-o", str(link)]) == 1
    assert Path("/dev/null").is_char_device()


def test_a_full_disk_is_reported() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*PROGRAM, BROKEN], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "mipcheck: standard output cannot be written: No space left on device\n"


@pytest.mark.slow
def test_a_reader_who_has_gone_changes_nothing() -> None:
    read, write_end = os.pipe()
    os.close(read)
    done = subprocess.run([*PROGRAM, BROKEN, "-v"], stdout=write_end, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (1, "")


def test_standard_input() -> None:
    done = command("-", input=Path(BROKEN).read_text("utf-8"))
    assert done.returncode == 1
    assert "<stdin>:21, eth0 at 6.4" in done.stdout


def test_a_pipe_is_an_input_like_any_other(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(Path(BROKEN).read_bytes()))
    writer.start()
    assert check([pipe]).verdict == "violation"
    writer.join()


def test_a_terminal_without_unicode(tmp_path: Path) -> None:
    log = write(tmp_path / "x.log", HEAD + "0 ethä infer where=inside\n".replace("ethä", "eth€"))
    done = command(log, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 3
    assert "eth\\u20ac" in done.stdout


def test_an_internal_error_has_its_own_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(argv: list[str]) -> int:
        raise RuntimeError("no\x1b[31mway")

    monkeypatch.setattr(cli, "run", fail)
    assert main([]) == 4
    err = capsys.readouterr().err
    assert "internal error: RuntimeError: no?[31mway" in err and "Traceback" not in err
    monkeypatch.setenv("MIPCHECK_DEBUG", "1")
    with pytest.raises(RuntimeError):
        main([])


def test_an_interrupt_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(argv: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "run", interrupt)
    assert main([]) == 130
    assert capsys.readouterr().err == ""


def test_the_verb_wins_over_a_file_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "explain", Path(FINE).read_text("utf-8"))
    with pytest.raises(SystemExit):
        main(["explain"])
    assert main(["./explain"]) == 0


def test_foreign_files_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for data, hint in (
        (b"\x1f\x8b\x08\x00", "compressed with gzip, and truncated"),
        (b"PK\x03\x04", "zip archive"),
        (b"\x00" * 64, "it is no text"),
    ):
        path = tmp_path / "x"
        path.write_bytes(data)
        assert main([str(path)]) == 2
        assert hint in capsys.readouterr().err


@pytest.mark.slow
def test_a_capture_is_converted_to_what_gives_the_same_verdict(tmp_path: Path) -> None:
    for source in TRACES.glob("*.log"):
        target = tmp_path / source.name
        assert main(["convert", str(source), "-o", str(target)]) == 0
        a, b = check([str(source)]), check([str(target)])
        assert [(v.rule, v.time, v.seen) for v in a.violations] == [(v.rule, v.time, v.seen) for v in b.violations]
        assert a.verdict == b.verdict


# --- what is shown ------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_lines_fit_the_terminal(width: int) -> None:
    for trace in sorted(TRACES.glob("*.log")):
        report = check([str(trace)])
        for line in report_text(report, width, verbose=True).splitlines():
            assert len(line) <= width, line


def test_colour_is_only_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    report = check([BROKEN])
    assert "\x1b[" in report_text(report, 80, colour=True)
    assert "\x1b" not in report_text(report, 80)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert terminal(None)[1] is False


EVIL = st.text(st.characters(exclude_characters="\n\r"), max_size=12).filter(lambda text: text != "-")


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(EVIL, EVIL)
def test_no_text_of_a_trace_reaches_the_terminal_raw(interface: str, stack: str) -> None:
    from mipcheck.checker.check.check import judge
    from mipcheck.checker.inputs.trace import Input, Trace
    from mipcheck.checker.logs.text import write_log
    from mipcheck.checker.site.site import Site
    from mipcheck.checker.trace.vocabulary import vocabulary_of
    from mipcheck.model.values.event import Event, Position

    spec = load()
    event = Event(0, interface or "x", "data", {"dir": "out", "protection": "none", "stack": stack}, Position("[b]", 1))
    source = Input("[b]", "log", [event], False, (interface,))
    report = judge(spec, Trace((source,), [event], Site(boot=True), frozenset(), False))
    text = report_text(report, 80)
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "[b]:1" in text
    assert json.loads(json.dumps(as_object(report)))["verdict"] == "violation"
    assert write_log([], Site(), vocabulary_of(spec))


@pytest.mark.slow
def test_many_findings_are_cut_short_and_counted(tmp_path: Path) -> None:
    lines = [f"{n}.5 eth{n} data dir=out protection=none" for n in range(30)]
    text = HEAD.replace("site", "site boot=true") + "\n".join(lines) + "\n"
    report = check([write(tmp_path / "x.log", text)])
    shown = report_text(report, 80)
    assert shown.count("VIOLATION  D1") == 5
    assert "25 more findings about D1: --verbose shows them." in shown
    assert report_text(report, 80, verbose=True).count("VIOLATION  D1") == 30
