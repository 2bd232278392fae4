"""Little memory, a full disk, signals at any moment: the exit code is right, and a file is whole or not there."""

from __future__ import annotations

import itertools
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mipcheck.checker.cli.main import main

from making.depth import drawn
from making.paths import CAPTURES, TRACES
from making.processes import MIPCHECK, STARTED, Marked

FINE = str(TRACES / "inside-colocated.log")
CAPTURE = [str(CAPTURES / "movement.pcapng"), "--config", str(CAPTURES / "movement.toml")]


def long_log(path: Path, times: int = 4000) -> str:
    """Write a log of some MB: the same user data again and again, after a node has come to be inside."""
    lines = Path(FINE).read_text().splitlines(keepends=True)
    head = [line for line in lines if not line[:1].isdigit() or float(line.split()[0]) <= 0.13]
    data = "{:.6f} eth0 data dir=out protection=none bytes=1420 stack=ip/ip\n"
    path.write_text("".join(head) + "".join(data.format(0.2 + n * 1e-5) for n in range(10 * times)))
    return str(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "megabytes"),
    [
        *itertools.product(("log", "long log", "capture"), (25, 45, 95, 97, 100, 150, 400)),
        *(("proof", megabytes) for megabytes in (45, 97, 100, 130, 150, 400)),
    ],  # with less than 96 nothing is begun: Z3 would crash with 60 to 90, and Python go round for ever with 45
)
def test_little_memory(what: str, megabytes: int, tmp_path: Path) -> None:
    """`ulimit -v`: there is a verdict, or it is said that there was not enough memory."""
    words = {
        "log": [FINE],
        "long log": [long_log(tmp_path / "long.log")],
        "capture": CAPTURE,
        "proof": ["prove", "bits_agree_with_mode"],
    }[what]
    limit = megabytes * 2**20
    done = subprocess.run(
        [*MIPCHECK, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert "Traceback" not in done.stderr and "internal error" not in done.stderr, done.stderr
    assert done.returncode in (0, 3)
    assert done.stdout or ("not enough memory" in done.stderr and done.returncode == 3)


@pytest.mark.parametrize("limit", [resource.RLIM_INFINITY, 2**30])
def test_c_that_fails_without_a_word_lacks_memory_only_where_there_is_a_limit(
    limit: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> int:
        raise SystemError("error return without exception set")

    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    monkeypatch.setattr("mipcheck.checker.verbs.check.run", fail)
    limited = limit != resource.RLIM_INFINITY
    assert main([FINE]) == (3 if limited else 4)
    assert ("not enough memory" if limited else "internal error") in capsys.readouterr().err


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.slow
def test_a_full_disk(small_disk: Path, tmp_path: Path) -> None:
    out = small_disk / "out"
    out.write_text("what was there before\n")
    (small_disk / "filler").write_bytes(bytes(60_000))
    with (small_disk / "rest").open("wb") as rest:
        while True:
            try:
                os.write(rest.fileno(), bytes(512))
            except OSError:
                break
    before = sorted(path.name for path in small_disk.iterdir())
    for words in ([FINE, "-o", str(out)], [*CAPTURE, "--annotate", str(out)], ["convert", *CAPTURE, "-o", str(out)]):
        done = subprocess.run([*MIPCHECK, *words], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 2 and "No space left on device" in done.stderr
        assert out.read_text() == "what was there before\n"
    environment = {**os.environ, "MIPCHECK_CACHE": str(small_disk)}
    kept = subprocess.run([*MIPCHECK, FINE], env=environment, capture_output=True, check=False, timeout=60)
    assert (kept.returncode, kept.stderr) == (0, b"")
    assert sorted(path.name for path in small_disk.iterdir()) == before


@pytest.mark.slow
def test_a_fleet_on_a_full_disk(small_disk: Path, tmp_path: Path) -> None:
    """It says so, keeps what is written, and goes on when there is room."""
    (tmp_path / "in").mkdir()
    for n in range(12):
        shutil.copy(FINE, tmp_path / "in" / f"{n}.log")
    out = small_disk / "out"
    command = [*MIPCHECK, "fleet", str(tmp_path / "in"), "--workers", "1", "-o", str(out)]
    filler = small_disk / "filler"
    filler.write_bytes(bytes(48_000))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2 and "No space left on device" in done.stderr and "Traceback" not in done.stderr
    filler.unlink()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0 and "12 conformant" in done.stdout, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("what", ["check", "proof", "proof by others"])
def test_signals_at_any_moment(what: str, number: signal.Signals, tmp_path: Path) -> None:
    """The answer's file is there as a whole or not at all; nothing else is left, neither file nor process."""
    folder = tmp_path / "out"
    folder.mkdir()
    words = {
        "check": [long_log(tmp_path / "long.log")],
        "proof": ["prove", "no_plaintext_after_loss", "inside_is_sound"],
        "proof by others": ["prove", "bits_agree_with_mode", "--cross-check", "--smtlib", str(folder / "proofs")],
    }[what]
    moments = random.Random(int(number))
    for _ in range(drawn(2 if what == "proof by others" else 4, 20)):
        shutil.rmtree(folder / "proofs", ignore_errors=True)
        (folder / "out").unlink(missing_ok=True)
        run = Marked([*STARTED, *words, "-o", str(folder / "out")], tmp_path / "tmp")
        assert run.process.stdout is not None and run.process.stdout.readline() == "\n"
        time.sleep(moments.uniform(0.05, 1.2))
        run.process.send_signal(number)
        _, err = run.process.communicate(timeout=60)
        codes = {0, 1, -number} | ({130} if number == signal.SIGINT else set())
        assert (run.process.returncode in codes, err) == (True, "")
        assert run.all_gone()
        assert list(run.folder.iterdir()) == []
        left = [path.name for path in folder.iterdir()]
        assert set(left) <= {"out", "proofs"}
        assert "out" not in left or (folder / "out").read_text().endswith("\n")
        assert "proofs" not in left or (folder / "proofs" / "README.md").read_text().endswith("\n")
