"""`mipcheck --follow` as it is used: lines as they become certain, the report at the end or after a signal, metrics."""

from __future__ import annotations

import gzip
import json
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from mipcheck.checker.cli.main import main

from making.paths import ROOT

LOSS = ROOT / "traces" / "plaintext-after-loss.log"


@contextmanager
def running(*words: str, stdin: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run `mipcheck --follow` until the test is done with it."""
    command = [sys.executable, "-m", "mipcheck", "--follow", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=stdin) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()


@pytest.mark.slow
def test_a_growing_file_is_followed_and_sigterm_gives_the_whole_report(tmp_path: Path) -> None:
    path, metrics = tmp_path / "x.log", tmp_path / "m.prom"
    lines = LOSS.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:20]))
    with running(str(path), "--format", "jsonl", "--metrics", str(metrics)) as process:
        with path.open("a") as file:
            file.write(lines[20])
        found = json.loads(line_of(process.stdout))
        assert (found["kind"], found["rule"], found["at"]["line"], found["schema"]) == ("finding", "M2", 21, 1)
        path.rename(tmp_path / "x.log.1")
        path.write_text("".join(lines[:4] + lines[21:]))  # a further file has a header of its own
        again = json.loads(line_of(process.stdout))
        assert (again["rule"], again["at"]["line"]) == ("M2", 7)
        process.send_signal(signal.SIGTERM)
        rest, complaints = process.communicate(timeout=30)
    assert (process.returncode, complaints) == (1, "")
    end = json.loads(rest.splitlines()[-1])
    assert (end["kind"], end["verdict"], end["violations"], end["events"]) == ("end", "violation", 2, 20)
    assert 'mipcheck_findings_total{rule="M2",level="MUST"} 2' in metrics.read_text()
    assert f'mipcheck_events_total{{input="{path}"}} 20' in metrics.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["renamed and compressed", "cut short", "gone for a while"])
def test_whatever_rotates_a_file_what_was_written_is_judged_once(tmp_path: Path, how: str) -> None:
    path = tmp_path / "x.log"
    lines = LOSS.read_text().splitlines(keepends=True)
    head, second = "".join(lines[:4]), "".join(lines[21:])
    path.write_text("".join(lines[:21]))
    with running(str(path), "--format", "jsonl", "--grace", "100ms") as process:
        assert json.loads(line_of(process.stdout))["at"]["line"] == 21
        time.sleep(0.5)  # so that it has been read to its end
        if how == "cut short":
            path.write_text(head + second)
        else:
            path.rename(tmp_path / "x.log.1")
            (tmp_path / "x.log.1.gz").write_bytes(gzip.compress((tmp_path / "x.log.1").read_bytes()))
            (tmp_path / "x.log.1").unlink()
            time.sleep(0.5 if how == "gone for a while" else 0)
            path.write_text(head + second)
        if how == "cut short":  # what was lost may have made it right: nobody is accused after that
            time.sleep(1)
        else:
            again = json.loads(line_of(process.stdout))
            assert (again["kind"], again["at"]["line"]) == ("finding", 7)
        process.send_signal(signal.SIGTERM)
        rest, complaints = process.communicate(timeout=30)
    assert (process.returncode, complaints) == (1, "")
    *holes, end = [json.loads(line) for line in rest.splitlines()]
    assert (end["violations"], end["events"]) == ((1, 21) if how == "cut short" else (2, 20))
    assert [hole["kind"] for hole in holes] == (["hole"] if how == "cut short" else [])


@pytest.mark.slow
def test_the_unit_of_the_guide_runs(tmp_path: Path) -> None:
    guide = (ROOT / "checker" / "README.md").read_text()
    (unit,) = re.findall(r"```ini\n(\[Unit\].*?)```", guide, re.DOTALL)
    start = re.search(r"^ExecStart=/usr/bin/mipcheck (.*)$", unit.replace("\\\n", " "), re.MULTILINE)
    assert start is not None
    site, log, metrics = tmp_path / "site.toml", tmp_path / "mip.log", tmp_path / "mipcheck.prom"
    site.write_text("")
    log.write_text("".join(LOSS.read_text().splitlines(keepends=True)[:21]))
    files = {"/etc/mipcheck/site.toml": site, "/var/log/mip.log": log,
             "/var/lib/node_exporter/textfile/mipcheck.prom": metrics}  # fmt: skip
    words = [str(files.pop(word, word)) for word in shlex.split(start[1])]
    assert files == {}
    assert words.pop(0) == "--follow"
    with running(*words) as process:
        assert json.loads(line_of(process.stdout))["rule"] == "M2"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 1
    assert "SuccessExitStatus=0 1 3" in unit
    assert "mipcheck_findings_total" in metrics.read_text()


def test_a_pipe_ends_by_itself_and_ctrl_c_is_no_loss(tmp_path: Path) -> None:
    with running("-", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write("".join(LOSS.read_text().splitlines(keepends=True)[:21]))
        process.stdin.flush()
        assert line_of(process.stdout).startswith("violation M2 6.400000 eth0 (<stdin>:21): ")
        process.send_signal(signal.SIGINT)
        process.stdin.write("6.5 eth0 data dir=out protection=none bytes=1420 stack=ip/ip\n")
        process.stdin.close()
        process.stdin = None
        rest, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "and once more in the same state" in rest


@pytest.mark.slow
def test_nothing_came_of_a_pipe() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mipcheck", "--follow", "-"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("<stdin>:1: ")


def test_fail_fast_ends_at_the_first_violation(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    before = time.monotonic()
    assert main(["--follow", "--fail-fast", str(LOSS), "-o", str(tmp_path / "report.txt")]) == 1  # a file has no end
    assert time.monotonic() - before < 20
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [["violation", "M2"]]
    assert "VIOLATION  M2 MUST" in (tmp_path / "report.txt").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--grace", "2s"], "--grace is for --follow"),
        (["--metrics", "m.prom"], "--metrics is for --follow"),
        (["--fail-fast"], "--fail-fast is for --follow"),
        (["--follow", "--annotate", "a.pcapng"], "--annotate needs the whole capture"),
        (["--follow", "--grace", "two"], "no duration; expected"),
        (["--follow", "--fail-fast", "--expect", "e.toml"], "--fail-fast cannot know"),
        (["--follow", "--metrics", str(LOSS)], "would overwrite an input"),
    ],
)
def test_options_that_do_not_fit_are_refused(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, str(LOSS)]) == 2
    assert said in capsys.readouterr().err


def test_a_line_that_cannot_be_read_is_an_error_unless_it_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(LOSS.read_bytes().replace(b"7.0", b"x" * 10_000_000 + b" 7.0", 1) + b"8.1 eth0 dota dir=out\n")
    assert main(["--follow", str(path)]) == 2
    assert "x.log:" in capsys.readouterr().err
    assert main(["--follow", "--fail-fast", "--keep-going", str(path)]) == 1
