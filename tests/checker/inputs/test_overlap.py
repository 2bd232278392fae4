"""Inputs that have a stretch in common tell it once: rotated logs, an excerpt beside its log, overlapping captures."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import mipcheck
import pytest
from metamorphic.captures import Frames, frames_of
from mipcheck.checker.check.report import Report
from mipcheck.checker.trace.route import CAPTURES, EVENTS, LOGS

from making.files import Record, pcapng
from making.packets import COA, IHA, IHOA, SERVER, out, user
from making.paths import TRACES
from making.routes import NEVER, native_from

LOG = TRACES / "plaintext-after-loss.log"
LINES = [line for line in LOG.read_text("utf-8").splitlines() if not line.startswith("#")]
HEAD, TOLD = LINES[:2], LINES[2:]
SCENARIO = TRACES / "raw" / "scenarios" / "inside-f.pcapng"


@pytest.fixture(params=["natively", "line by line"], autouse=True)
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (LOGS, EVENTS, CAPTURES):
        native_from(monkeypatch, kind, 0 if request.param == "natively" else NEVER)


def judged(found: Report) -> tuple[object, ...]:
    """What a report says of the node, wherever it was told."""
    marks = [(v.rule, v.interface, v.time, v.count, v.last_time) for v in (*found.violations, *found.warnings)]
    return found.verdict, marks, [replace(r, why="") for r in found.rules]


def log(path: Path, told: list[str]) -> Path:
    path.write_text("\n".join([*HEAD, *told, ""]), "utf-8")
    return path


@pytest.mark.parametrize(("begin", "end"), [(6, 12), (0, len(TOLD)), (0, 7), (5, len(TOLD)), (9, 10)])
def test_logs_that_overlap(begin: int, end: int, tmp_path: Path) -> None:
    older, newer = log(tmp_path / "n.log.1", TOLD[:end]), log(tmp_path / "n.log", TOLD[begin:])
    both = mipcheck.check([newer, older])
    assert judged(both) == judged(mipcheck.check(log(tmp_path / "all.log", TOLD)))
    assert any("tells as well, counted once" in note or "the same as" in note for note in both.notes)


def test_an_excerpt_beside_its_log(tmp_path: Path) -> None:
    whole = log(tmp_path / "all.log", TOLD)
    both = mipcheck.check([log(tmp_path / "part.log", TOLD[4:9]), whole])
    assert judged(both) == judged(mipcheck.check(whole))


def test_logs_that_happen_to_tell_one_thing_alike_are_two(tmp_path: Path) -> None:
    """The second goes on otherwise: its first event is its own."""
    others = [TOLD[3], "4.000000 wlan0 link state=down"]
    both = mipcheck.check([log(tmp_path / "all.log", TOLD), log(tmp_path / "other.log", others)])
    assert not any("counted once" in note for note in both.notes)


@pytest.mark.parametrize("packed_first", [True, False])
def test_a_log_beside_its_packed_self(packed_first: bool, tmp_path: Path) -> None:
    whole, packed = log(tmp_path / "all.log", TOLD), tmp_path / "all.log.gz"
    packed.write_bytes(gzip.compress(whole.read_bytes()))
    both = mipcheck.check([packed, whole] if packed_first else [whole, packed])
    assert judged(both) == judged(mipcheck.check(whole))
    assert both.notes[-1] == f"{packed}: the same as {whole}, and read once"


def recording() -> Frames:
    found = frames_of(SCENARIO.read_bytes())
    assert found is not None
    return found


def test_a_capture_beside_its_packed_self(tmp_path: Path) -> None:
    packed, config = tmp_path / "again.pcapng.gz", SCENARIO.with_suffix(".toml")
    packed.write_bytes(gzip.compress(SCENARIO.read_bytes()))
    both, alone = mipcheck.check([SCENARIO, packed], config=config), mipcheck.check(SCENARIO, config=config)
    assert replace(both, notes=both.notes[:-1]) == alone


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(("begin", "end"), [(0.2, 0.7), (0.4, 1.0)])
def test_captures_that_overlap(begin: float, end: float, named: bool, tmp_path: Path) -> None:
    """A packet of one interface at one time is one; where files name no interface, the node's link address tells."""
    frames = recording()
    devices = frames.devices if named else [frames.devices[0]._replace(name="")]
    records = [r for r in frames.records if named or r.interface == 0]
    low, high = int(begin * len(records)), int(end * len(records))
    found = []
    for parts in ([records], [records[:high], records[low:]]):
        paths = [tmp_path / f"{len(parts)}-{n}.pcapng" for n in range(len(parts))]
        for path, part in zip(paths, parts, strict=True):
            path.write_bytes(pcapng(part, devices))
        found.append(mipcheck.check(paths, config=SCENARIO.with_suffix(".toml")))
    alone, both = found
    assert both.verdict == alone.verdict
    assert [(r.id, r.status, r.kept, r.broken) for r in both.rules] == [
        (r.id, r.status, r.kept, r.broken) for r in alone.rules
    ]


def test_data_that_two_captures_show_count_once(tmp_path: Path) -> None:
    """Also where they have nothing but data in common, of which each tells as the kind of packet that it met then."""
    data = [Record(n * 10**6, out(user(COA, SERVER, 40 + n % 7))) for n in range(60)]
    others = [Record(n * 10**6 + 5000, out(user(IHOA, IHA, 40))) for n in range(9)]
    parts = {"all": [*data, *others], "one": data, "other": [*others, *data[30:50]]}
    paths = {name: tmp_path / f"{name}.pcapng" for name in parts}
    for name, records in parts.items():
        paths[name].write_bytes(pcapng(records))
    config = SCENARIO.with_suffix(".toml")
    alone = mipcheck.check(paths["all"], config=config)
    both = mipcheck.check([paths["one"], paths["other"]], config=config)
    assert judged(both) == judged(alone)
    assert any("counts once" in note for note in both.notes)
