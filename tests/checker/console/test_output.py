"""Where answers go: files whole or not at all, special ones as they are, and never onto what is read."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from mipcheck.checker.cli.main import main
from mipcheck.checker.console import output
from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.console.lines import Lines
from mipcheck.checker.console.output import answering, keep_inputs, replacing, write

from making.paths import CAPTURES, TRACES

FINE = str(TRACES / "inside-colocated.log")
CAPTURE, SITE = str(CAPTURES / "movement.pcapng"), str(CAPTURES / "movement.toml")
SECTION = b"\x0a\x0d\x0d\x0a"


def read_in_background(fifo: Path) -> tuple[threading.Thread, list[bytes]]:
    found: list[bytes] = []
    thread = threading.Thread(target=lambda: found.append(fifo.read_bytes()), daemon=True)
    thread.start()
    return thread, found


@pytest.mark.parametrize("option", ["-o", "--annotate"])
def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    (tmp_path / "link").symlink_to(fifo)
    for path in (fifo, tmp_path / "link"):
        thread, found = read_in_background(fifo)
        main([CAPTURE, "--config", SITE, option, str(path)])
        thread.join(30)
        assert found[0].startswith(SECTION) if option == "--annotate" else b"conformant" in found[0]
        assert stat.S_ISFIFO(fifo.stat().st_mode)


@pytest.mark.parametrize("option", ["-o", "--annotate"])
def test_a_device_is_written_to_and_stays_one(tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    full = tmp_path / "full"
    try:
        os.mknod(full, 0o666 | stat.S_IFCHR, os.makedev(1, 7))
        full.open("wb").close()
    except PermissionError:
        full = Path("/dev/full")
    for device in (full, Path("/dev/full") if os.geteuid() else full):
        assert main([CAPTURE, "--config", SITE, option, str(device)]) == 2
        assert "No space left on device" in capsys.readouterr().err
        assert stat.S_ISCHR(device.stat().st_mode)


@pytest.mark.slow
@pytest.mark.parametrize("option", ["-o", "--annotate"])
def test_what_the_shell_makes_of_a_command_works(option: str) -> None:
    program = f"{sys.executable} -m mipcheck"
    words = f"{program} {CAPTURE} --config {SITE} {option} >(wc -c >&3) >/dev/null"
    done = subprocess.run(["bash", "-c", f"({words}) 3>&1 | cat"], capture_output=True, check=False, timeout=60)
    assert int(done.stdout) > 500 and done.stderr == b""


def test_an_open_descriptor_is_appended_to(tmp_path: Path) -> None:
    """What is behind /dev/stdout may be a log of others: it is not replaced."""
    log = tmp_path / "log"
    log.write_text("before\n")
    words = f"{sys.executable} -m mipcheck {FINE} -o /dev/stdout >> {log}"
    assert subprocess.run(["sh", "-c", words], check=False, timeout=60).returncode == 0
    assert log.read_text().startswith("before\n") and log.read_text().endswith("not exercised\n")


def test_what_is_read_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "base.spec").write_text((TRACES.parent / "specs" / "draft-01.spec").read_text())
    (tmp_path / "more.spec").write_text("spec more extends base\n")
    for source in (FINE, CAPTURE, SITE):
        (tmp_path / Path(source).name).write_bytes(Path(source).read_bytes())
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    capture, site, more = (str(tmp_path / n) for n in ("movement.pcapng", "movement.toml", "more.spec"))
    for path in before:
        soft, hard = tmp_path / "soft", tmp_path / "hard"
        soft.symlink_to(path)
        os.link(path, hard)
        for target in (path, soft, hard):
            for option in ("-o", "--annotate"):
                words = [capture, "--config", site, "--spec", more, option, str(target)]
                if path.name == Path(FINE).name:
                    words = [str(path), "--spec", more, option, str(target)]
                assert main(words) == 2, words
                assert f"{option} {target} would overwrite an input" in capsys.readouterr().err
        soft.unlink()
        hard.unlink()
    for verb in (["prove", "--spec", more], ["requirements", "--spec", more], ["audit", "--spec", more]):
        assert main([*verb, "-o", str(tmp_path / "base.spec")]) == 2
    assert main(["diff", more, "rfc5265", "-o", more]) == 2
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_two_answers_are_two_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    for target in (out, tmp_path / "." / "out"):
        assert main([CAPTURE, "--config", SITE, "-o", str(out), "--annotate", str(target)]) == 2
        assert "would write to the same file" in capsys.readouterr().err
    assert main([CAPTURE, "--config", SITE, "-o", str(tmp_path / "movement.pcapng"), "--annotate", f"{tmp_path}/"]) == 2
    assert list(tmp_path.iterdir()) == []
    keep_inputs([("-o", "/dev/null"), ("--annotate", "/dev/null")], ["/dev/null", "-"])


def test_standard_input_that_is_a_file_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_bytes(Path(FINE).read_bytes())
    words = f"{sys.executable} -m mipcheck - -o {log} < {log}"
    assert subprocess.run(["sh", "-c", words], check=False, timeout=60, stderr=subprocess.DEVNULL).returncode == 2
    assert log.read_bytes() == Path(FINE).read_bytes()


@pytest.mark.parametrize("nameless", [True, False])
def test_whole_or_not_at_all_and_with_the_rights_that_were(
    tmp_path: Path, nameless: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not nameless:
        monkeypatch.setattr(output, "_nameless", lambda folder: None)
    target = tmp_path / ("é" * 100)
    with replacing(str(target)) as file:
        file.write(b"new")
        assert not nameless or list(tmp_path.iterdir()) == []
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~output_umask()
    target.chmod(0o600)
    with replacing(str(target)) as file:
        file.write(b"newer")
    assert target.read_bytes() == b"newer" and stat.S_IMODE(target.stat().st_mode) == 0o600
    with pytest.raises(ZeroDivisionError), replacing(str(target)) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert target.read_bytes() == b"newer" and list(tmp_path.iterdir()) == [target]


def output_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_descriptor_that_is_closed_is_no_file() -> None:
    with pytest.raises(UsageError, match="Bad file descriptor"):
        write("x", "/dev/fd/999")
    with pytest.raises(ValueError), answering("a\0b"):
        pass


@pytest.mark.parametrize(
    "words",
    [["INPUT"], ["convert", "INPUT"], ["anonymise", "INPUT"], ["overhead", "INPUT"], ["requirements"]],
    ids=["check", "convert", "anonymise", "overhead", "requirements"],
)
def test_a_dash_is_standard_output(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [str(CAPTURES / "inside.pcapng") if w == "INPUT" else w for w in words]
    code = main([*given, "-o", "-"])
    shown = capfdbinary.readouterr().out
    assert shown and not list(tmp_path.iterdir())
    if words[0] != "anonymise":
        assert main(given) == code and capfdbinary.readouterr().out == shown
    else:
        assert code == 0 and shown[:4] == (CAPTURES / "inside.pcapng").read_bytes()[:4]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["INPUT", "--annotate", "-"], "--annotate - would be mixed with the report"),
        (["INPUT", "--report", "json=-"], "--report json - would be mixed with the report"),
        (["fleet", "INPUT", "-o", "-"], "-o takes a folder for the results, not -"),
        (["anonymise", "INPUT", "-o", "-", "--config", "site.toml"], "OUT has to be a file"),
    ],
)
def test_where_a_dash_cannot_be(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site.toml").write_text("[site]\n")
    assert main([str(CAPTURES / "inside.pcapng") if w == "INPUT" else w for w in words]) == 2
    assert said in capsys.readouterr().err and [p.name for p in tmp_path.iterdir()] == ["site.toml"]


def test_a_long_path_leaves_room_for_what_is_said_of_it() -> None:
    for width in (60, 80, 120):
        lines = Lines(width)
        lines.table(
            [[("unreadable", ""), ("/long" * 60, ""), ("it is no capture", "")], [("x", ""), ("y", ""), ("", "")]]
        )
        assert "it is no capture" in lines.text()
        assert all(len(line) <= width for line in lines.text().splitlines())
