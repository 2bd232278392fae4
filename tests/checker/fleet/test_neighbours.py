"""A fleet on a shared machine: nobody connects to it, nothing of a stranger's is executed, and nothing stays behind,
whatever ends it and when."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.dataset
import pytest
from mipcheck.checker.console.isolated import isolated, module_paths
from mipcheck.checker.fleet.pool import Pool, TimeOver, WorkerLost
from mipcheck.checker.fleet.work import Job, examine
from mipcheck.model.specification.load import load

from making.depth import drawn
from making.paths import TRACES
from making.processes import MIPCHECK, STARTED, Marked
from making.troubled import troubled

FINE = "inside-colocated.log"


def copies(folder: Path, count: int) -> Path:
    folder.mkdir()
    for n in range(count):
        shutil.copy(TRACES / FINE, folder / f"{n:03}.log")
    return folder


def verdicts(folder: Path) -> list[tuple[str, str]]:
    found = pyarrow.dataset.dataset(folder).to_table(columns=["path", "verdict"]).to_pylist()
    return sorted((Path(row["path"]).name, row["verdict"]) for row in found)


@pytest.mark.slow
def test_no_stranger_can_connect(tmp_path: Path) -> None:
    """While the workers are at work, nothing listens: neither to the network nor to the machine, nor in HTTP."""
    fleet = Marked([*MIPCHECK, "fleet", str(copies(tmp_path / "in", 60)), "--workers", "2"], tmp_path / "tmp")
    seen, most = [], 0
    while fleet.process.poll() is None:
        seen += fleet.listening()
        most = max(most, len(fleet.alive()))
        time.sleep(0.01)
    out, err = fleet.process.communicate()
    assert fleet.process.returncode == 0 and "60 conformant" in out
    assert most >= 3, "no workers were seen"
    assert seen == [] and err == ""
    assert fleet.all_gone()


PLANTED = "import pathlib; pathlib.Path({mark!r}).write_text(__name__)\nraise SystemExit(9)\n"


@pytest.mark.slow
@pytest.mark.parametrize("limit", [[], ["--limit", "60"]])
def test_what_lies_in_the_folder_is_not_executed(tmp_path: Path, limit: list[str]) -> None:
    folder, mark = copies(tmp_path / "in", 2), tmp_path / "executed"
    for name in ("mipcheck", "multiprocessing", "pickle", "signal", "struct", "sitecustomize", "numpy", "distributed"):
        (folder / f"{name}.py").write_text(PLANTED.format(mark=str(mark)))
    fleet = Marked([*MIPCHECK, "fleet", ".", "--workers", "1", *limit], tmp_path / "tmp", cwd=folder)
    out, err = fleet.process.communicate(timeout=60)
    assert not mark.exists(), mark.read_text()
    assert fleet.process.returncode == 0 and "2 conformant" in out and err == ""


def test_a_child_imports_from_where_its_owner_does_and_from_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "struct.py").write_text(PLANTED.format(mark=str(tmp_path / "executed")))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", ".", str(tmp_path), *sys.path])
    assert not {"", ".", str(tmp_path)} & set(module_paths())
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    code = "import struct, mipcheck; print(mipcheck.__file__)"
    done = subprocess.run(isolated(code), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == sys.modules["mipcheck"].__file__
    assert not (tmp_path / "executed").exists()


@pytest.mark.slow
def test_a_pool_replaces_workers_that_are_lost_or_out_of_time(tmp_path: Path) -> None:
    from mipcheck.checker.fleet.inputs import look

    for name in ("poison.log", "fine.log"):
        shutil.copy(TRACES / FINE, tmp_path / name)
    poison, fine = (look(str(tmp_path / name))[2] for name in ("poison.log", "fine.log"))
    pool = Pool(1)
    try:
        packed = Job(load()).packed()
        with pytest.raises(WorkerLost):
            pool.submit(troubled, packed, poison, key="1").result(60)
        assert pool.submit(troubled, packed, fine, key="2").result(60).verdict == "conformant"
        with pytest.raises(TimeOver):
            pool.submit(examine, Job(load(), limit=1e-4).packed(), fine, key="3").result(60)
        assert pool.submit(examine, Job(load(), limit=60.0).packed(), fine, key="4").result(60).status == "checked"
    finally:
        pool.close()


@pytest.mark.slow
def test_where_no_worker_can_be_started_the_files_are_not_to_blame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from mipcheck.checker.cli.main import main
    from mipcheck.checker.fleet import pool

    monkeypatch.setattr(pool, "isolated", lambda code: [sys.executable, "-c", "raise SystemExit(1)"])
    assert main(["fleet", str(copies(tmp_path / "in", 2)), "--workers", "1", "-o", str(tmp_path / "out")]) == 3
    out = capsys.readouterr().out
    assert "no worker can be started" in out and "killed" not in out


@pytest.mark.slow
def test_a_site_file_is_called_by_its_name_and_is_on_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mipcheck.checker.fleet.inputs import look

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    fine = look(str(TRACES / FINE))[2]
    assert examine(Job(load(), b'[parameters]\nt_stop = "59s"\n', "s.toml").packed(), fine).verdict == "conformant"
    outcome = examine(Job(load(), b"[site]\nnonsense = 1\n", "s.toml").packed(), fine)
    assert outcome.status == "unreadable" and outcome.error.startswith("s.toml:2:")


@pytest.mark.slow
def test_a_clock_that_jumps_while_a_file_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    from mipcheck.checker.fleet.inputs import look

    days = iter(range(1000, 0, -1))
    monkeypatch.setattr(time, "time", lambda: next(days) * 86400.0)
    outcome = examine(Job(load()).packed(), look(str(TRACES / FINE))[2])
    assert outcome.verdict == "conformant" and 0 <= outcome.seconds < 60


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9), (signal.SIGHUP, -1)]
)
def test_signals_at_any_moment(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """Nothing is lost and nothing is there twice, no process is left, nor any file; then the fleet goes on."""
    folder, out = copies(tmp_path / "in", 40), tmp_path / "out"
    command = [*MIPCHECK, "fleet", str(folder), "--workers", "2", "-o", str(out)]
    moments = random.Random(int(number))
    before: list[tuple[str, str]] = []
    for _ in range(drawn(3, 20)):
        fleet = Marked([*STARTED, *command[len(MIPCHECK) :]], tmp_path / "tmp")
        assert fleet.process.stdout is not None and fleet.process.stdout.readline() == "\n"
        time.sleep(moments.uniform(0.05, 2.5))
        assert fleet.semaphores() == []
        fleet.process.send_signal(number)
        _, err = fleet.process.communicate(timeout=60)
        assert fleet.process.returncode in (code, -number, 0)
        assert err == ""
        assert fleet.all_gone(), "a worker outlived its fleet"
        assert list(fleet.folder.iterdir()) == []
        found = verdicts(out) if list(out.glob("*.parquet")) else []
        assert set(found) >= set(before) and len(found) == len(set(found))
        assert [p.name for p in out.glob(".*")] == [] if out.exists() else True
        before = found
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert verdicts(out) == [(f"{n:03}.log", "conformant") for n in range(40)]
