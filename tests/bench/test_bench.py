"""The benchmarks run, and say what they promise. No figure is judged here: clocks prove nothing in a test."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import make_device_capture
import make_log
import pytest
import remake_log
from mipcheck.checker.check.check import check

BENCH = Path(__file__).parent


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    command = [sys.executable, str(BENCH / "run.py"), "--quick", "--json", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.slow
def test_a_quick_run_has_figures_beside_peers(found: dict[str, Any]) -> None:
    assert found["schema"] == 1
    assert {"cpu", "cores", "memory_gib", "os", "python"} <= found["machine"].keys()
    assert {"mipcheck", "tshark", "reelay", "spin"} <= found["versions"].keys()
    names = {(r["group"], r["name"]) for r in found["results"]}
    assert ("start-up", "mipcheck --help") in names and ("start-up", "a trace of ten lines") in names
    assert ("captures of 500 packets", "mipcheck") in names and ("captures of 500 packets", "scapy") in names
    assert ("logs of 500 events", "mipcheck") in names and ("logs of 500 events", "lark") in names
    assert {("logs of 500 events", f"mipcheck, {what}") for what in ("JSON Lines", "two logs merged")} <= names
    assert ("logs of 500 events", "json.loads") in names
    assert ("the page of a capture of 500 packets", "mipcheck, with a page") in names
    assert any(r["name"] == "the page of 500 packets: MB" and r["met"] for r in found["ratios"])
    assert ("mipcheck prove", "inside_is_sound") in names
    assert {("mipcheck compare", how) for how in ("from certificates", "anew")} <= names
    assert all(
        r["note"].endswith("; 0 cells not as said") for r in found["results"] if r["group"] == "mipcheck compare"
    )
    seeded = [r for r in found["results"] if r["name"].endswith("seeded faults")]
    assert [r["name"].split()[2].rstrip(",") for r in seeded] == ["iha", "vpn", "xha", "fa"]
    assert all(r["note"].endswith("found, 0 false") for r in seeded)
    at_devices = [r["name"] for r in found["results"] if r["group"].endswith("at a device")]
    assert [name.split()[2].rstrip(",") for name in at_devices] == [
        role for role in make_device_capture.ROLES for _ in range(2)
    ]
    assert any("nodes at role xha" in r["name"] for r in found["ratios"])
    for r in found["results"]:
        assert set(r) == {
            "group", "name", "n", "unit", "seconds", "cpu", "rate", "first_output", "peak_mib", "sample", "note",
        }  # fmt: skip
        assert r["seconds"] >= 0 and r["n"] >= 1
    assert any(r["name"] == "500 events: rate / lark" for r in found["ratios"])
    assert all(set(r) == {"name", "value", "target", "met", "by_cpu"} for r in found["ratios"])


@pytest.mark.slow
def test_what_was_not_measured_has_a_reason(found: dict[str, Any]) -> None:
    """Every peer is there, or it is said why not."""
    measured = {r["name"].split(",")[0] for r in found["results"]}
    missing = {n["name"].split(",")[0] for n in found["not_measured"]}
    assert {"tshark", "tcpdump", "dpkt", "scapy", "lark", "reelay", "spin"} <= measured | missing
    assert "chromium" in {name.split()[0] for name in measured | missing}
    assert all(n["reason"] for n in found["not_measured"])


@pytest.mark.slow
def test_a_made_log_in_another_form_is_the_same_trace(tmp_path: Path) -> None:
    whole, as_json, *parts = (tmp_path / name for name in ("x.log", "x.jsonl", "0.log", "1.log"))
    make_log.make(str(whole), 3000, interfaces=3, rate=10)
    lines = whole.read_text().splitlines(keepends=True)
    as_json.write_text("".join(remake_log.as_json(iter(lines))))
    for n, part in enumerate(parts):
        part.write_text("".join(remake_log.part_of(iter(lines), n)))
    reports = [check(paths) for paths in (whole, as_json, parts)]
    assert [r.events for r in reports] == [3000] * 3
    assert reports[0].rules == reports[1].rules == reports[2].rules
    assert [i.kind for i in reports[1].inputs] == ["jsonl"]
    assert all(i.events > 500 for i in reports[2].inputs)


@pytest.mark.slow
def test_a_made_log_breaks_only_what_it_should(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    make_log.make(str(path), 3000, interfaces=3, rate=10)
    report = check(path)
    assert (report.verdict, report.events) == ("conformant", 3000)
    assert {r.id for r in report.rules if r.status == "held"} >= {"D1", "I1", "M1", "M2", "S1", "P1", "V3", "C3"}
    make_log.make(str(path), 3000, rate=10, leak=True)
    assert {v.rule for v in check(path).violations} == {"M1", "M2", "P6"}


def test_a_made_gateway_serves_many_nodes(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    make_log.make_gateway(str(path), 2000, 60)
    report = check(path)
    assert (report.verdict, report.events, report.nodes) == ("conformant", 2000, 60)
    assert {r.id for r in report.rules if r.status == "held"} >= {"GW3", "GW12", "GW15", "GW17", "GW18", "GW22"}
    make_log.make_gateway(str(path), 2000, 60, leak=True)
    assert [(v.rule, v.node) for v in check(path).violations] == [("GW15", "10.64.0.0"), ("GW15", "10.64.0.59")]


@pytest.mark.parametrize("role", make_device_capture.ROLES)
def test_a_made_capture_at_a_device_serves_many_nodes(tmp_path: Path, role: str) -> None:
    path = tmp_path / "x.pcapng"
    config = make_device_capture.make(path, role, 1000, 20)
    report = check(path, config=config, parameters={"boot": "true"})
    assert (report.violations, report.nodes) == ((), 20)
    assert report.events > 500


@pytest.mark.parametrize("seed", [1, 2])
def test_a_seed_decides_what_is_made(tmp_path: Path, seed: int) -> None:
    def made(make: Callable[..., int], seed: int) -> bytes:
        path = tmp_path / "x.log"
        make(str(path), 2000, seed=seed)
        return path.read_bytes()

    def gateway(path: str, events: int, seed: int) -> int:
        return make_log.make_gateway(path, events, 50, seed)

    for make in (make_log.make, gateway):
        text = made(make, seed)
        assert text == made(make, seed) != made(make, seed + 1)
        lines = text.splitlines()[2:]
        assert len(lines) == 2000
        times = [float(line.split()[0]) for line in lines]
        assert times == sorted(times)
