"""Logs merged a batch at a time are the logs merged whole: events, batches, reports and what is wrong with them."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mipcheck.checker.console.errors import InputError
from mipcheck.checker.logs.bulk import log as bulk_log
from mipcheck.checker.logs.bulk import merge as bulk_merge
from mipcheck.checker.logs.bulk.form import FORMS
from mipcheck.checker.logs.bulk.log import BulkLog
from mipcheck.checker.logs.bulk.merge import MergedLogs
from mipcheck.checker.logs.jsonl import read_jsonl, write_jsonl
from mipcheck.checker.logs.text import read_log, write_log
from mipcheck.checker.trace.derive import ACCESS, TRAVERSAL
from mipcheck.checker.trace.merge import merge
from mipcheck.checker.trace.route import LOGS, TABLE
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.native.errors import NativeError
from mipcheck.model.specification.load import load
from mipcheck.model.values.event import NODE, Event

from making import log_json, log_text, paths
from making.both_ways import assert_same, report
from making.depth import drawn

TRACES = sorted(paths.TRACES.glob("*.log"))
SPEC = load()
WORDS = vocabulary_of(SPEC)
GAPS = {"gap"}
QUIET = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    deadline=None,
    max_examples=drawn(25, 300),
)
KINDS = {b"m": "log", b"{": "jsonl"}


def event(time: float | str, interface: str = "e", kind: str = "solicit") -> str:
    return f"{time} {interface} {kind}\n"


def text(*lines: str) -> bytes:
    return "".join([log_text.HEAD, *lines]).encode()


@contextmanager
def batches_of(rows: int) -> Iterator[None]:
    """Buffers and batches that end all the time."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bulk_log, "BUFFER", 1000)  # longer than any line
        patched.setattr(bulk_log, "MOST_ROWS", rows)
        patched.setattr(bulk_log, "_STRIDE", 2)
        patched.setattr(bulk_merge, "_STRIDE", 4)
        patched.setattr(bulk_merge, "_REMEMBERED", 2)
        yield


def opened(files: Sequence[bytes], keep_going: bool = True) -> list[BulkLog]:
    logs = [
        BulkLog(io.BytesIO(data), f"{n}.log", WORDS, keep_going, form=FORMS[KINDS[data[:1]]], share=len(files))
        for n, data in enumerate(files)
    ]
    for log in logs:
        log.begin()
        log.tell(SPEC, frozenset())
    return logs


def read(files: Sequence[bytes]) -> list[list[Event]]:
    readers = {b"m": read_log, b"{": read_jsonl}
    return [readers[d[:1]](io.BytesIO(d), f"{n}.log", WORDS, True).events for n, d in enumerate(files)]


def same(files: Sequence[bytes], offsets: Sequence[int]) -> None:
    slow = merge(read(files), offsets, GAPS)
    try:
        fast = MergedLogs(opened(files), offsets, GAPS)
        times: list[int] = []
        seen: list[object] = []
        for batch in fast.batches():
            assert batch.table is not None and batch.file is not None and batch.first == len(times)
            times += batch.time.tolist()
            table = batch.table
            for file, place, row in zip(batch.file, batch.place, batch.row, strict=True):
                token = table.interface[row]
                interface = NODE if token < 0 else fast.interfaces[token]
                kind = fast.events[table.kind[row]]
                unsaid = {k.name for k, value in zip(kind.keys, table.keys[row], strict=False) if value == UNKNOWN}
                seen.append((fast.files[file], int(place), interface, kind.name, unsaid - {ACCESS, TRAVERSAL}))
    except NativeError:  # what an array cannot hold
        return
    assert times == [e.time for e in slow]
    absent = [{k.name for k in SPEC.events[e.kind].keys} - e.args.keys() - {ACCESS, TRAVERSAL} for e in slow]
    assert seen == [(e.at.file, e.at.line, e.interface, e.kind, a) for e, a in zip(slow, absent, strict=True)]
    assert len(fast) == len(slow)
    assert list(fast) == slow
    assert [fast[n] for n in range(len(slow) - 1, -1, -1)] == slow[::-1]
    again = [batch.time.copy() for batch in fast.batches()]
    assert (np.concatenate(again).tolist() if again else []) == times
    kinds = {"link", "gap"}
    for n, before in enumerate(slow[:5]):
        wanted = [e for e in slow[n + 1 : n + 8] if e.kind in kinds and e.interface == before.interface]
        assert list(fast.following(n, 7, kinds, before.interface)) == wanted
    for n in range(len(slow) + 1):
        assert fast.before(n, 7, kinds, 3) == [e for e in slow[max(0, n - 7) : n] if e.kind in kinds][-3:]


CLEAN = log_text.logs(clean=True) | log_json.logs(clean=True)
UNCLEAN = log_text.logs() | log_json.logs()


OFFSET = st.sampled_from([0, 0, 0, 1, 10**9, -(10**9), 30 * 10**9])


@pytest.mark.slow
@QUIET
@given(st.lists(st.tuples(CLEAN | UNCLEAN, OFFSET), min_size=1, max_size=4), st.integers(1, 12))
@example([(text(event(0), event(9, kind="gap")), 0), (text(event(5, "w")), 0)], 3)
@example([(text(event(0, kind="gap"), event(0, kind="gap")), 0), (text(event(0, kind="gap")), 0)], 3)
@example([(text(), 0), (text(event(1)), -(2 * 10**9)), (text(), 5)], 3)
@example([(text(*(event(1) for _ in range(8))), 0), (text(event(1, "e", "mode name=c"), event(1, "e", "link")), 0)], 3)
def test_the_same_events_in_the_same_order(files: list[tuple[bytes, int]], rows: int) -> None:
    with batches_of(rows):
        same([data for data, _ in files], [offset for _, offset in files])


@pytest.mark.slow
def test_logs_without_overlap_and_of_one_time() -> None:
    early = text(*(event(n, f"e{n % 3}", "link state=up") for n in range(40)))
    late = text(*(event(100 + n, "w", "gap" if n % 5 == 4 else "solicit") for n in range(40)))
    still = text(*(event(7, f"s{n % 4}", "gap" if n % 7 == 3 else "link state=down") for n in range(40)))
    for rows in (1, 3, 8, 64):
        with batches_of(rows):
            same([late, early], [0, 0])
            same([still, early, still, late], [0, 0, 0, 0])
            same([still, still], [0, 10**9])


def test_long_logs_are_merged_with_buffers_as_they_are() -> None:
    files = [
        text(*(event(n / 8 + 0.03125 * k, f"if{k}", "gap" if n % 977 == 5 else "solicit") for n in range(9000)))
        for k in range(3)
    ]
    slow = merge(read(files), [0, 0, 0], GAPS)
    fast = MergedLogs(opened(files), [0, 0, 0], GAPS)
    assert len(fast) == len(slow) > 27000
    assert np.concatenate([b.time for b in fast.batches()]).tolist() == [e.time for e in slow]
    numbers = [0, 1023, 1024, 1025, 20000, len(slow) - 1, 5]
    assert [fast[n] for n in numbers] == [slow[n] for n in numbers]
    wanted = [e for e in slow[1001:9001] if e.kind == "gap" and e.interface == "if2"]
    assert list(fast.following(1000, 8000, GAPS, "if2")) == wanted != []


def test_what_is_wrong_with_any_of_them_is_raised() -> None:
    broken = text(event(1), event(2), "3 e lnk state=up\n")
    with pytest.raises(InputError, match="unknown event"):
        len(MergedLogs(opened([text(event(1)), broken], False), [0, 0], GAPS))
    backwards = text(*(event(n) for n in (9, 1, 2, 3, 8, 2, 1, 9, 3, 4, 4)))
    for files in ([backwards, backwards], [text(*map(event, range(20))), backwards], [backwards, text(event(8))]):
        with batches_of(3), pytest.raises(InputError, match="time runs backwards"):
            len(MergedLogs(opened(files, False), [0, 0], GAPS))


# --- whole reports ------------------------------------------------------------------------------------------------


def placed(folder: Path, files: Sequence[bytes]) -> list[Path]:
    paths = []
    for n, data in enumerate(files):
        path = folder / f"{n}.{KINDS.get(data[:1], 'log')}"
        path.write_bytes(data)
        paths.append(path)
    return paths


ANY = st.one_of(
    CLEAN, CLEAN, CLEAN, log_text.logs(), log_json.logs(), log_text.mutated(), log_json.mutated(),
    st.sampled_from([p.read_bytes() for p in TRACES]),
)  # fmt: skip
OFFSETS = st.sampled_from(["0", "1.5", "-2", "2026-11-23T02:00:00Z", "-0.000000001", "9999999999", "x"])
TOLD = "ike phase=start src=198.51.100.100 dst=192.0.2.1"
AGENT = "1 e tunnel home=10.1.0.9 coa=10.1.0.8\n"


@pytest.mark.slow
@QUIET
@given(st.lists(ANY, min_size=1, max_size=3), st.none() | OFFSETS, st.booleans())
@example([text(event(1), "2 e lnk\n"), text("site iha=1.2\n")], None, False)
@example([text(event(1), "2 e lnk\n"), text("site role=none\n")], None, False)
@example([text(event(5), event(3), event(4)), text(event(4), event(5), event(3), event(6))], None, False)
@example([text(event(1)), text("site role=none\n")], None, False)
@example([text("site iha=10.1.0.2\n", event(1)), text("site iha=10.1.0.3\n", event(1), "2 e lnk\n")], None, False)
@example([text("site iha=10.1.0.2\n", event(1)), text("site iha=10.1.0.3\n", event(1), event(2))], None, True)
@example([text(event(1)), text(event("2026-11-23T02:56:02Z"))], None, False)
@example([text(event(1)), text(event("2026-11-23T02:56:02Z"))], "2026-11-23T02:56:02Z", False)
@example([text(event(9, "a", TOLD)), text(event(1, "b", TOLD))], None, False)
@example([text(event(9, "a", TOLD)), text(event(1, "b", TOLD.replace("192", "193")))], None, False)
@example([text("site role=iha\n", "1 e gap\n"), text("1 e gap\n", AGENT)], None, False)
@example([text("1 e gap\n"), text("site role=iha\n", "1 e gap\n", AGENT)], None, False)
@example([text(*(event(n, f"a{n}") for n in range(200))), text(*(event(n, f"b{n}") for n in range(200)))], None, False)
def test_the_same_report(
    tmp_path_factory: pytest.TempPathFactory, files: list[bytes], offset: str | None, keep_going: bool
) -> None:
    paths = placed(tmp_path_factory.getbasetemp(), files)
    assert_same(paths, keep_going=keep_going, offsets=None if offset is None else {str(paths[0]): offset})


def test_an_offset_for_nobody(tmp_path: Path) -> None:
    paths = placed(tmp_path, [text(event(1)), text(event(2))])
    for offsets in ({"y.log": "1"}, {"0.log": "x", "y.log": "1"}, {"1.log": "-0.5", str(paths[0]): "x"}):
        assert_same(paths, offsets=offsets)
        assert str(report(paths, True, offsets=offsets)).startswith("usage: --offset")


@pytest.mark.slow
@pytest.mark.parametrize("path", TRACES, ids=lambda p: p.stem)
def test_example_traces_in_parts(tmp_path: Path, path: Path) -> None:
    """Each interface's events in a log of its own, every other one of them in JSON Lines, give the report as before."""
    log = read_log(io.BytesIO(path.read_bytes()), path.name, WORDS)
    parts = []
    for n, interface in enumerate(dict.fromkeys(e.interface for e in log.events)):
        write = write_jsonl if n % 2 else write_log
        events = [e for e in log.events if e.interface == interface]
        parts.append(write(events, log.site, WORDS, absolute=log.absolute).encode())
    paths = placed(tmp_path, parts)
    if log.site.role in ("mn", "iha"):  # each machine is compiled
        assert_same(paths, only=True)
        assert_same(paths, only=True, fail_on="should", parameters={"t_stop": "2s"}, offsets={str(paths[0]): "-0.25"})


@pytest.mark.slow
def test_a_pipe_beside_a_file(tmp_path: Path) -> None:
    lines = [f"{n}.5 eth{n % 2} data dir=out protection=none bytes={n} stack=ip/ip\n" for n in range(8000)]
    paths = placed(tmp_path, [text(*lines[::2]), text(*lines[1::2])])
    assert paths[0].stat().st_size < TABLE[LOGS].kept < paths[0].stat().st_size + paths[1].stat().st_size
    found = []
    for first in (paths[0].name, "-"):
        code = f"import sys; from mipcheck.checker.cli.main import main; sys.exit(main([{first!r}, {paths[1].name!r}]))"
        command = [sys.executable, "-c", code]
        data = paths[0].read_bytes()
        done = subprocess.run(command, cwd=paths[0].parent, input=data, capture_output=True, check=False)
        assert done.returncode == 3, done.stderr
        found.append(done.stdout.decode().replace(first if first != "-" else "<stdin>", "x").split())
    assert found[0] == found[1]
