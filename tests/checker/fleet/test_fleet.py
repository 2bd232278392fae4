"""`mipcheck fleet` on real local clusters: what comes out, what crashes and lost workers cost, who is to blame."""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import pyarrow.dataset
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mipcheck.checker.check.check import check
from mipcheck.checker.cli.main import main
from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.fleet import cluster as fleet_cluster
from mipcheck.checker.fleet import fleet
from mipcheck.checker.fleet import work as fleet_work
from mipcheck.checker.fleet.inputs import File, find, look, read_pattern
from mipcheck.checker.fleet.store import COLUMNS, Store, schema
from mipcheck.checker.fleet.summary import Summary
from mipcheck.checker.fleet.work import FileOutcome, Job, RuleOutcome, examine
from mipcheck.model.specification.load import load

from making.paths import TRACES
from making.schemas import conforming
from making.troubled import troubled

FINE = "inside-colocated.log"
BROKEN = "plaintext-after-loss.log"
UNCLEAR = "joined-late.log"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Traces of two vendors, and a file that is none."""
    for vendor, names in {"acme": (FINE, BROKEN), "zeta": (FINE, UNCLEAR)}.items():
        folder = tmp_path / "in" / vendor / "b1"
        folder.mkdir(parents=True)
        for name in names:
            shutil.copy(TRACES / name, folder / name)
    (tmp_path / "in" / "zeta" / "b1" / "bad.log").write_text("no log\n")
    (tmp_path / "in" / "zeta" / "README").write_text("not even by its name\n")
    return tmp_path / "in"


def rows(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pyarrow.dataset.dataset(folder).to_table().to_pylist()
    return sorted(found, key=lambda row: row["path"])


def answer(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, dict[str, Any]]:
    code = main(["fleet", "--format", "json", "--workers", "1", *args])
    return code, conforming("fleet", capsys.readouterr().out)


# --- a whole run --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_fleet_and_its_dataset(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = files.parent / "out"
    by = ["--pattern", "{vendor}/{build}/*.log", "--by", "vendor"]
    code, said = answer(capsys, str(files), "-o", str(out), *by)
    assert code == 1 and said["verdict"] == "violation" and said["files"] == 5
    assert said["counts"] == {"violation": 1, "inconclusive": 1, "conformant": 2, "unchecked": 1}
    assert said["by"]["vendor"] == {
        "acme": {"violation": 1, "inconclusive": 0, "conformant": 1, "unchecked": 0},
        "zeta": {"violation": 0, "inconclusive": 1, "conformant": 1, "unchecked": 1},
    }
    assert next(r for r in said["by_rule"] if r["id"] == "M2")["files"]["violated"] == 1
    (bad,) = said["unchecked"]
    assert bad["file"].endswith("bad.log") and bad["status"] == "unreadable" and "bad.log:1" in bad["reason"]
    assert said["others_in_folders"] == 1

    found = rows(out)
    assert [Path(r["path"]).name for r in found] == [FINE, BROKEN, "bad.log", FINE, UNCLEAR]
    broken = found[1]
    alone = check([broken["path"]])
    assert broken["verdict"] == alone.verdict == "violation"
    assert [(v["rule"], v["line"], v["message"]) for v in broken["violations"]] == [
        (v.rule, v.at.line, v.message) for v in alone.violations
    ]
    assert [(r["id"], r["status"]) for r in broken["rules"]] == [(r.id, r.status) for r in alone.rules]
    assert dict(broken["fields"]) == {"vendor": "acme", "build": "b1"}
    assert list(found[0]) == [name for name, _ in COLUMNS]

    # The same again: nothing is checked twice, and the summary is the same.
    before = {p: p.stat().st_mtime_ns for p in out.glob("*.parquet")}
    code, again = answer(capsys, str(files), "-o", str(out), *by)
    assert code == 1 and again["earlier"] == 5
    assert {p: p.stat().st_mtime_ns for p in out.glob("*.parquet")} == before
    assert all(again[key] == said[key] for key in ("counts", "by", "by_rule"))

    # What changed is checked again, and stands there once.
    shutil.copy(TRACES / FINE, broken["path"])
    code, changed = answer(capsys, str(files), "-o", str(out), *by)
    assert code == 3 and changed["earlier"] == 4 and changed["counts"]["violation"] == 0
    assert [r["run"] for r in rows(out)] == [1, 2, 1, 1, 1]

    # Other options are other results.
    assert main(["fleet", str(files), "-o", str(out), *by, "--set", "t_stop=30s"]) == 2
    assert "other options (--set)" in capsys.readouterr().err


def test_logs_that_are_packed_or_in_utf_16_are_read_as_by_themselves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = (TRACES / FINE).read_bytes()
    for name, data in (
        ("a.log.gz", gzip.compress(log)),
        ("b.log", gzip.compress(log)),
        ("c.log", log.decode().encode("utf-16")),
        ("d.log.gz", gzip.compress(log.decode().encode("utf-16"))),
        ("e.log.gz", gzip.compress(log)[:40]),
    ):
        (tmp_path / name).write_bytes(data)
    _, said = answer(capsys, str(tmp_path))
    (cut,) = said["unchecked"]
    assert said["counts"]["conformant"] == 4 and cut["file"].endswith("e.log.gz")
    assert "compressed with gzip, and truncated" in cut["reason"]


def test_parameters_that_were_given_are_kept_and_older_results_have_none(tmp_path: Path) -> None:
    outcome = FileOutcome(File("x.log", 1, "x"), "checked", verdict="conformant", parameters=(("t_stop", "6s"),))
    store = Store(str(tmp_path), {}, lambda path: {})
    store.add(outcome)
    store.flush()
    assert [o.parameters for o in store.results()] == [(("t_stop", "6s"),)]
    (part,) = tmp_path.glob("*.parquet")
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(part).drop_columns(["parameters"]), part)
    assert [o.parameters for o in store.results()] == [()] == [o.parameters for o in store.results(True)]
    store.close()


def test_columns_are_documented() -> None:
    assert schema().names == [name for name, _ in COLUMNS]
    said = fleet.EPILOG.partition("-o DIR")[2].partition(": ")[2].partition(".")[0].replace("\n", " ")
    assert said.split(", ") == schema().names


@pytest.mark.slow
def test_an_existing_cluster_and_files_that_are_not_local(capsys: pytest.CaptureFixture[str]) -> None:
    from distributed import LocalCluster

    store = fsspec.filesystem("memory")
    for name in (FINE, BROKEN):
        store.pipe_file(f"/fleet/{name}", (TRACES / name).read_bytes())
    store.pipe_file("/fleet/bad.pcap", b"\xa1\xb2\xc3\xd4")
    options = {"processes": False, "threads_per_worker": 1, "dashboard_address": None, "protocol": "tcp"}
    try:
        with LocalCluster(n_workers=1, host="127.0.0.1", silence_logs=50, **options) as cluster:
            args = ["fleet", "--format", "json", "--scheduler", cluster.scheduler_address, "memory://fleet"]
            assert main(args) == 1
    finally:
        store.rm("/fleet", recursive=True)
    said = conforming("fleet", capsys.readouterr().out)
    assert [(f["file"], f["verdict"]) for f in said["by_file"]] == [
        (f"memory:///fleet/{FINE}", "conformant"),
        (f"memory:///fleet/{BROKEN}", "violation"),
    ]
    assert said["unchecked"][0]["reason"].startswith("memory:///fleet/bad.pcap: ")


# --- lost workers -------------------------------------------------------------------------------------------------


def kill_when_named(pid: Path) -> None:
    while not pid.exists():
        time.sleep(0.01)
    os.kill(int(pid.read_text()), signal.SIGKILL)


@pytest.mark.slow
def test_lost_workers_and_a_file_that_kills_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fleet_cluster, "examine", troubled)
    names = ["a.log", "b.log", "poison.log", "slow.log", "z.log"]
    for name in names:
        shutil.copy(TRACES / FINE, tmp_path / name)
    killer = threading.Thread(target=kill_when_named, args=[tmp_path / "pid"], daemon=True)
    killer.start()
    code, said = answer(capsys, str(tmp_path), "--workers", "2", "-o", str(tmp_path / "out"))
    killer.join(60)
    assert not killer.is_alive()
    assert code == 3
    assert [Path(f["file"]).name for f in said["by_file"]] == ["a.log", "b.log", "slow.log", "z.log"]
    (poison,) = said["unchecked"]
    assert (Path(poison["file"]).name, poison["status"]) == ("poison.log", "killed")
    assert poison["reason"] == "tried 3 times, in the end by itself, and each time its worker was lost"
    begun = (tmp_path / "begun").read_text().split()
    assert begun.count("poison.log") == 3 and begun.count("slow.log") >= 2
    assert [Path(r["path"]).name for r in rows(tmp_path / "out")] == names
    assert rows(tmp_path / "out")[2]["attempts"] == 3

    # It is not tried again unless that is wanted.
    monkeypatch.setattr(fleet_cluster, "examine", examine)
    assert answer(capsys, str(tmp_path), "-o", str(tmp_path / "out"))[0] == 3
    code, said = answer(capsys, str(tmp_path), "-o", str(tmp_path / "out"), "--retry")
    assert code == 0 and said["earlier"] == 4 and len(rows(tmp_path / "out")) == 5


class Scripted:
    """A cluster of one thread whose workers die as they are told to; no processes, so that many can be tried."""

    status = "running"

    def __init__(self, deadly: dict[str, int]) -> None:
        self.deadly = dict(deadly)

    def nthreads(self) -> dict[str, int]:
        return {"tcp://worker": 4}

    def submit(self, work: Any, packed: bytes, file: File, key: str, **more: Any) -> Any:
        return Scripted.Future(self, key, file)

    class Future:
        def __init__(self, cluster: Scripted, key: str, file: File) -> None:
            self.key, self.file = key, file
            self.dies = cluster.deadly.get(file.path, 0)
            cluster.deadly[file.path] = max(0, self.dies - 1)

        def add_done_callback(self, call: Any) -> None:
            call(self)

        def result(self) -> FileOutcome:
            from distributed import KilledWorker

            if self.dies:
                raise KilledWorker(self.key, None, 0)
            return FileOutcome(self.file, "checked", verdict="conformant")


@pytest.mark.slow
@settings(deadline=None)  # the first imports distributed
@given(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 9)))
def test_every_file_ends_once_however_workers_die(deadly: dict[str, int]) -> None:
    cluster = Scripted(deadly)
    ends: list[FileOutcome] = []
    job: Any = SimpleNamespace(packed=lambda: b"")
    fleet_cluster.check_all(cluster, job, [File(n, 1, "") for n in "abcdefgh"], ends.append, lambda: None)
    assert sorted(o.file.path for o in ends) == list("abcdefgh")
    for o in ends:
        deaths = deadly.get(o.file.path, 0)
        assert o.status == ("checked" if deaths < fleet_cluster.DEATHS else "killed")
        assert o.attempts == min(deaths + 1, fleet_cluster.DEATHS)


DRAFT = load()


@pytest.mark.slow
@pytest.mark.parametrize(("end", "code"), [(KeyboardInterrupt(), 130), (fleet_cluster.ClusterLost("lost"), 3)])
def test_a_run_that_is_cut_short_keeps_what_it_has(
    end: BaseException,
    code: int,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def cut_short(client: Any, job: Job, todo: Sequence[File], done: Any, tick: Any) -> None:
        done(examine(job.packed(), todo[0]))
        raise end

    monkeypatch.setattr(fleet_cluster, "connected", lambda scheduler, workers: nullcontext())
    with monkeypatch.context() as patched:
        patched.setattr(fleet_cluster, "check_all", cut_short)
        found, said = answer(capsys, str(files), "-o", str(files.parent / "out"))
    assert found == code and len(said["by_file"]) == 1 and len(rows(files.parent / "out")) == 1
    assert [f["status"] for f in said["unchecked"]] == ["pending"] * 4
    assert said["stopped"].endswith("; the same command with -o goes on from here")
    monkeypatch.setattr(fleet_cluster, "connected", lambda scheduler, workers: nullcontext(Local()))
    assert answer(capsys, str(files), "-o", str(files.parent / "out"))[1]["earlier"] == 1


class Local(Scripted):
    """A cluster that does the work itself."""

    def __init__(self) -> None:
        super().__init__({})

    def submit(self, work: Any, packed: bytes, file: File, key: str, **more: Any) -> Any:
        future = super().submit(work, packed, file, key)
        future.result = lambda: work(packed, file)
        return future


# --- crashes ------------------------------------------------------------------------------------------------------

CRASHES = """
import os, sys
from pathlib import Path
from mipcheck.checker.cli.main import main
from mipcheck.checker.fleet import store
store.FLUSH = 0.0
count = 0
rename = Path.replace
def replace(self, target):
    global count
    count += str(target).endswith(".parquet")
    if count == 3:
        os._exit(9)  # the third part is written, but not in its place
    return rename(self, target)
Path.replace = replace
if __name__ == "__main__":
    main(sys.argv[1:])
"""


@pytest.mark.slow
def test_a_crash_loses_nothing_and_nothing_is_checked_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"{n}.log" for n in range(8)]
    for name in names:
        shutil.copy(TRACES / FINE, tmp_path / name)
    (tmp_path / "crashes.py").write_text(CRASHES)
    out = tmp_path / "out"
    command = [sys.executable, str(tmp_path / "crashes.py"), "fleet", str(tmp_path), "--workers", "1", "-o", str(out)]
    crashed = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert crashed.returncode == 9, crashed.stderr
    done = {r["path"] for r in rows(out)}
    assert 2 <= len(done) < len(names) and list(out.glob(".part-*"))

    code, said = answer(capsys, str(tmp_path), "-o", str(out))
    assert code == 0 and said["earlier"] == len(done) and said["counts"]["conformant"] == len(names)
    found = rows(out)
    assert [Path(r["path"]).name for r in found] == names
    assert {r["path"] for r in found if r["run"] == 1} == done
    assert not list(out.glob(".part-*"))


def test_the_folder_is_one_runs_at_a_time_and_nobody_elses(tmp_path: Path) -> None:
    first = Store(str(tmp_path / "out"), {"--set": {}}, lambda path: {})
    with pytest.raises(UsageError, match="another run"):
        Store(str(tmp_path / "out"), {"--set": {}}, lambda path: {})
    first.close()
    Store(str(tmp_path / "out"), {"--set": {}}, lambda path: {}).close()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(UsageError, match="not empty"):
        Store(str(tmp_path / "mine"), {}, lambda path: {})


def test_text_of_any_kind_can_be_stored(tmp_path: Path) -> None:
    store = Store(str(tmp_path), {}, lambda path: {"vendor": "\udcff"})
    store.add(FileOutcome(File("/a\udcff.log", 1, "x"), "unreadable", error="\ud800"))
    store.flush()
    store.close()
    assert rows(tmp_path)[0]["path"] == "/a\\udcff.log"


# --- limits, and what a worker does -------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_time_limit_ends_a_file_and_not_the_worker(files: Path) -> None:
    file = look(str(files / "acme" / "b1" / BROKEN))[2]
    assert examine(Job(DRAFT, limit=0.0001).packed(), file).status == "limit"
    outcome = examine(Job(DRAFT, limit=60.0).packed(), file)
    assert (outcome.status, outcome.verdict) == ("checked", "violation")


@pytest.mark.slow
def test_a_file_that_is_written_to_is_reported(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = look(str(files / "acme" / "b1" / FINE))[2]
    assert examine(Job(DRAFT).packed(), file).verdict == "conformant"

    def slow_check(inputs: list[str], **options: Any) -> Any:
        report = check(inputs, **options)
        with Path(inputs[0]).open("a") as more:
            more.write("50.000000 eth0 link state=down\n")
        return report

    monkeypatch.setattr(fleet_work, "check", slow_check)
    assert examine(Job(DRAFT).packed(), file).status == "changed"
    gone = examine(Job(DRAFT).packed(), file._replace(path=file.path + "x"))
    assert gone.status == "unreadable" and "No such file" in gone.error


@pytest.mark.slow
def test_options_reach_the_worker(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = look(str(files / "acme" / "b1" / BROKEN))[2]
    job = Job(DRAFT, config=b'[parameters]\nt_stop = "59s"\nt_reregister = "1s"\n', parameters={"t_stop": "6s"})
    outcome = examine(job.packed(), file)
    expected = check([file.path], parameters={"t_stop": "6s", "t_reregister": "1s"})
    assert [(v.rule, v.message) for v in outcome.violations] == [(v.rule, v.message) for v in expected.violations]
    warned = look(str(TRACES / "xha-left-registered.log"))[2]
    assert examine(Job(DRAFT).packed(), warned).verdict == "conformant"
    assert examine(Job(DRAFT, fail_on="should").packed(), warned).verdict == "violation"
    monkeypatch.setattr(fleet_work, "__version__", "0.0.0")
    with pytest.raises(fleet_work.OtherVersion):
        examine(job.packed(), file)


@pytest.mark.slow
def test_results_depend_on_options_and_on_nothing_else() -> None:
    code = (
        "from mipcheck.checker.fleet.fleet import options_of; from mipcheck.checker.fleet.work import Job\n"
        "from mipcheck.model.specification.load import load; print(options_of(Job(load()), None)['--spec'])"
    )
    seeds = [{**os.environ, "PYTHONHASHSEED": seed} for seed in ("1", "2")]
    texts = {subprocess.run([sys.executable, "-c", code], env=e, capture_output=True, check=True).stdout for e in seeds}
    assert len(texts) == 1
    plain = fleet.options_of(Job(DRAFT), None)
    others = [
        fleet.options_of(Job(DRAFT, config=b""), None),
        fleet.options_of(Job(DRAFT, parameters={"t_stop": "1s"}), None),
        fleet.options_of(Job(DRAFT, fail_on="should"), None),
        fleet.options_of(Job(DRAFT, keep_going=True), None),
        fleet.options_of(Job(load(readings={"M2": "both-ways"})), None),
        fleet.options_of(Job(DRAFT), "{a}/*"),
    ]
    assert all(o != plain for o in others)
    assert fleet.options_of(Job(DRAFT, limit=5.0), None) == plain  # a limit decides whether, not what


# --- inputs -------------------------------------------------------------------------------------------------------


def test_what_a_fleet_consists_of(files: Path) -> None:
    everything = [str(f) for f in sorted(files.rglob("*.log"))]
    assert [f.path for f in find([str(files)]).files] == everything
    assert find([str(files)]).others == 1
    assert [f.path for f in find([str(files / "**" / "*.log"), everything[0]]).files] == everything
    assert [f.path for f in find([str(files / "zeta" / "README")]).files] == [str(files / "zeta" / "README")]
    odd = files / "a::b [1].log"
    shutil.copy(TRACES / FINE, odd)
    assert str(odd) in [f.path for f in find([str(files)]).files]
    assert examine(Job(DRAFT).packed(), look(str(odd))[2]).verdict == "conformant"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["nothing.log"], "nothing.log: no such file"),
        (["no/*.log"], "no/*.log: no such file, and nothing that it matches"),
        (["."], "no logs or captures in this folder"),
        (["s3://bucket/*.pcap"], "s3"),
        (["foo://bar"], "foo://bar: Protocol not known"),
        (["x.log", "--by", "vendor"], "needs a --pattern"),
        (["x.log", "--pattern", "{a}/*.log", "--by", "b"], '"b" is no field'),
        (["x.log", "--pattern", "*.log"], "names no field"),
        (["x.log", "--pattern", "{a}/{a}"], "twice"),
        (["x.log", "--pattern", "{a/*.log"], "brace"),
        (["x.log", "--set", "t_stop=soon"], "t_stop"),
        (["x.log", "--config", "missing.toml"], "missing.toml: no such file"),
        (["x.log", "-o", "s3://bucket/out"], "folder of this machine"),
        (["x.log", "--scheduler", "tcp://127.0.0.1:1", "--workers", "2"], "--workers is for this machine"),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(
    args: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    if args[0] == "x.log":
        shutil.copy(TRACES / FINE, tmp_path / "x.log")
    assert main(["fleet", *args]) == 2
    captured = capsys.readouterr()
    assert says in captured.err and not captured.out


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "fsspec" else object())
    assert main(["fleet", str(TRACES / FINE)]) == 2
    expected = "mipcheck: fleet needs fsspec, not installed here: pip install 'mipcheck[fleet]'\n"
    assert capsys.readouterr().err == expected


def test_a_scheduler_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(fleet_cluster, "_CONNECT", 0.3)
    assert main(["fleet", str(TRACES / FINE), "--scheduler", "tcp://127.0.0.1:1"]) == 2
    assert "no scheduler answers at tcp://127.0.0.1:1" in capsys.readouterr().err


# --- patterns and the summary -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "path", "fields"),
    [
        ("{vendor}/{build}/*.log", "/data/acme/b7/x.log", {"vendor": "acme", "build": "b7"}),
        ("{vendor}/{build}/*.log", "s3://bucket/acme/b7/x.log", {"vendor": "acme", "build": "b7"}),
        ("{vendor}/{build}/*.log", "/data/acme/b7/x.pcap", None),
        ("{vendor}/**/*.log", "/acme/x/y/z.log", {"vendor": "acme"}),
        ("/data/{vendor}/**", "/data/acme/x/y/z.log", {"vendor": "acme"}),
        ("{device}-b{build}.pcap", "/data/phone-3-b12.pcap", {"device": "phone-3", "build": "12"}),
        ("{a}/?.log", "/a+b/x.log", {"a": "a+b"}),
        ("{a}/?.log", "/a+b/xx.log", None),
    ],
)
def test_fields_of_a_path(pattern: str, path: str, fields: dict[str, str] | None) -> None:
    assert read_pattern(pattern).fields(path) == fields


@given(st.lists(st.text("abc-_.é ", min_size=1), min_size=3, max_size=3))
def test_a_pattern_gives_back_what_a_path_was_made_of(parts: list[str]) -> None:
    vendor, build, name = parts
    assert read_pattern("{v}/{b}/*.log").fields(f"/x/{vendor}/{build}/{name}.log") == {"v": vendor, "b": build}


def ended(path: str, status: str = "checked", verdict: str | None = None) -> FileOutcome:
    return FileOutcome(
        File(path, 1, ""), status, verdict=verdict, rules=(RuleOutcome("D1", "MUST", "1", "held", 1, 0, 0),)
    )


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ([ended("a", verdict="conformant")], 0),
        ([ended("a", verdict="conformant"), ended("b", verdict="inconclusive")], 3),
        ([ended("a", verdict="conformant"), ended("b", "unreadable")], 3),
        ([ended("a", "unreadable"), ended("b", "unreadable")], 2),
        ([ended("a", "unreadable"), ended("b", "limit")], 3),
        ([ended("a", verdict="inconclusive"), ended("b", "error")], 4),
        ([ended("a", verdict="violation"), ended("b", "error"), ended("c", "unreadable")], 1),
    ],
)
def test_the_exit_code_is_that_of_the_whole(ends: list[FileOutcome], code: int) -> None:
    summary = Summary("draft-01", ["D1"])
    for end in ends:
        summary.add(end)
    assert summary.exit_code() == code


def test_what_nobody_came_to_is_not_checked() -> None:
    summary = Summary("draft-01", ["D1"])
    summary.add(ended("a", verdict="conformant"))
    summary.pending([File("a", 1, ""), File("b", 1, "")], "interrupted")
    assert summary.exit_code() == 3 and summary.lines["b"].status == "pending"


@pytest.mark.slow
def test_a_map_of_the_site_file_is_used_and_a_changed_one_makes_other_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("logs").mkdir()
    Path("logs/a.log").write_text("2025-11-03T09:00:00Z eth0 up\n")
    own = tmp_path / "own.map"
    own.write_text('map m "m"\nstamp "iso"\nline "{if:word} up" { event {if} link state=up }\n')
    site = Path("site.toml")
    words = ["fleet", "logs", "--config", "site.toml", "-o", "res", "--workers", "1"]
    site.write_text('[[source]]\nfile = "*.log"\nmap = "./own.map"\n')
    assert main(words) == 2
    assert "give its whole path" in capsys.readouterr().err
    site.write_text(f'[[source]]\nfile = "*.log"\nmap = "{own}"\n')
    main(words)
    assert "read     1 event in 1 file" in capsys.readouterr().out
    own.write_text(own.read_text() + "# changed\n")
    assert main(words) == 2
    assert "other options (--config)" in capsys.readouterr().err
