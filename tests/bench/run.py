"""The benchmarks: `python tests/bench/run.py [--packets 1000000,10000000] [--events ...] [--only GROUP] [--quick]`.

Every figure stands beside its peers in the same run, because machines differ and ratios differ less. Inputs are made
(seeded) and removed again; `--dir` keeps them. The answer is a table, and with `--json FILE` also JSON:

    {"schema": 1, "date", "machine": {...}, "versions": {name: version or null}, "settings": {...},
     "results": [{"group", "name", "n", "unit", "seconds", "cpu", "rate", "first_output", "peak_mib", "sample",
                  "note"}],
     "ratios": [{"name", "value", "target", "met", "by_cpu"}],
     "not_measured": [{"group", "name", "reason"}]}

`rate` is units a second (null where it makes no sense), `seconds` wall time and `cpu` processor time; where a machine
has other things to do, `by_cpu` (the ratio of processor time) is the better figure. `sample` is true where a slow peer
had a smaller input of the same kind; its rate stands for all. `pip install 'mipcheck[bench]'` brings the peers that pip
has; the others are tshark, tcpdump, spin and gcc. What is missing is said, and never made up.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import shutil
import signal
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from measure import Run, machine, program, run, versions  # noqa: E402

MIPCHECK: Final = program("mipcheck")
PYTHON: Final = sys.executable
VERDICTS: Final = (0, 1, 3)
"""Exit codes with which mipcheck has done its work."""

TEN_LINES: Final = """\
mipcheck-trace 1
site iha=10.1.0.2 xha=198.51.100.2 vpn=192.0.2.1 ihoa=10.1.0.100 xhoa=198.51.100.100
0.000000 eth0 link state=up
0.112000 eth0 coa kind=colocated addr=10.1.7.20
0.113000 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=60 id=0xd0c1
0.121000 eth0 rrp from=iha path=direct code=0 lifetime=60 id=0xd0c1 auth=ok
0.124000 eth0 infer where=inside
0.124500 eth0 mode name=c
0.130000 eth0 data dir=out protection=none bytes=1420 stack=ip/ip
0.140000 eth0 data dir=in protection=none bytes=1420 stack=ip/ip
"""


@dataclass
class Result:
    """A figure. `n` units were done in `seconds`."""

    group: str
    name: str
    n: int
    unit: str
    seconds: float
    cpu: float | None = None
    rate: float | None = None
    first_output: float | None = None
    peak_mib: float | None = None
    sample: bool = False
    note: str = ""


@dataclass
class Ratio:
    """Two figures of this run compared, and what is asked for (`target`, in words); `met` is None where nothing is."""

    name: str
    value: float
    target: str = ""
    met: bool | None = None
    by_cpu: float | None = None


@dataclass
class Settings:
    packets: list[int]
    events: list[int]
    nodes: list[int]
    interfaces: list[int]
    sample: int
    repeat: int
    timeout: float
    spin_limit: float
    quick: bool


@dataclass
class Bench:
    """Collects figures; a measurement that fails is a line in `not_measured`, and the others go on."""

    settings: Settings
    folder: Path
    results: list[Result] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)
    not_measured: list[dict[str, str]] = field(default_factory=list)

    @property
    def cache(self) -> Path:
        """Where compiled code is kept: not the user's, so that it is known whether there is any."""
        return self.folder / "cache"

    def states(self, group: str, n: int, unit: str, path: Path, *more: str) -> list[tuple[str, Result | None]]:
        """The same check with nothing at hand, as it is after the installation, and once more: the last counts."""
        what, check = f"{n:,} {unit}", [*MIPCHECK, str(path), *more]
        read_once(path)
        shutil.rmtree(self.cache, ignore_errors=True)
        nothing = {"MIPCHECK_CACHE": "off"}
        found = []
        for name, how, note, environment in (
            (
                "mipcheck, all compiled",
                f"{what}, all compiled",
                "no specification or code that was kept is used",
                nothing,
            ),
            ("mipcheck, first run", f"{what}, first run", "as installed, with an empty cache", {}),
            ("mipcheck", what, "", {}),
        ):
            result = self.command(group, name, check, n, unit, VERDICTS, note, environment)
            found.append((how, result))
        return found

    def missing(self, group: str, name: str, reason: str) -> None:
        self.not_measured.append({"group": group, "name": name, "reason": reason})

    def add(self, result: Result) -> Result:
        if result.rate is None and result.n > 1:
            result.rate = result.n / result.seconds if result.seconds else None
        self.results.append(result)
        progress(f"{result.group}: {result.name}: {result.seconds:.2f} s")
        return result

    def command(
        self,
        group: str,
        name: str,
        command: Sequence[str],
        n: int,
        unit: str,
        codes: Sequence[int] = (0,),
        note: str = "",
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Result | None:
        """Time a whole process."""
        done = self.tried(group, name, command, codes, environment)
        if done is None:
            return None
        return self.add(
            Result(group, name, n, unit, done.seconds, done.cpu, None, done.first, round(done.peak, 1), note=note)
        )

    def tried(
        self,
        group: str,
        name: str,
        command: Sequence[str],
        codes: Sequence[int],
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Run | None:
        progress(f"{group}: {name} …")
        if shutil.which(command[0]) is None:
            self.missing(group, name, "not installed")
            return None
        done = run(command, self.settings.timeout, env={**os.environ, "XDG_CACHE_HOME": str(self.cache), **environment})
        if done.code is None:
            self.missing(group, name, f"not done in {self.settings.timeout:g} s")
        elif done.code not in codes or (done.code and done.first is None):  # Python's own errors are 1, as a verdict is
            self.missing(group, name, done.why())
        else:
            return done
        return None

    def peer(self, group: str, name: str, path: Path, unit: str, note: str) -> Result | None:
        """A peer of `peers.py`, which times itself, on a sample."""
        done = self.tried(group, name, [PYTHON, str(HERE / "peers.py"), name, str(path)], (0,))
        if done is None:
            return None
        said = json.loads(done.out)
        peak = round(done.peak, 1)
        return self.add(
            Result(
                group, name, said["count"], unit, said["seconds"], said["cpu"], peak_mib=peak, sample=True, note=note
            )
        )

    def ratio(
        self,
        name: str,
        value: float,
        target: str = "",
        met: Callable[[float], bool] | None = None,
        by_cpu: float | None = None,
    ) -> None:
        by_cpu = by_cpu and round(by_cpu, 4)
        self.ratios.append(Ratio(name, round(value, 4), target, None if met is None else met(value), by_cpu))

    def faster(self, what: str, ours: Result | None, peer: Result | None, least: float | None) -> None:
        """How many times the peer's rate is ours."""
        if ours is None or peer is None or not ours.rate or not peer.rate:
            return
        target, met = ("", None) if least is None else (f"at least {least:g}", lambda v: v >= least)
        by_cpu = (ours.n / ours.cpu) / (peer.n / peer.cpu) if ours.cpu and peer.cpu else None
        self.ratio(f"{what}: rate / {peer.name}", ours.rate / peer.rate, target, met, by_cpu)

    def made(self, name: str, maker: str, *args: str) -> Path:
        path = self.folder / name
        if not path.exists():
            progress(f"making {name} …")
            done = run([PYTHON, str(HERE / maker), str(path), *args], 3600.0)
            if done.code != 0:
                path.unlink(missing_ok=True)
                raise MakingError(f"{name} could not be made: {done.why()}")
        return path


def read_once(*paths: Path) -> None:
    """So that no row waits for the disk where others do not."""
    for path in paths:
        with path.open("rb") as file:
            while file.read(2**24):
                pass


class MakingError(Exception):
    """An input could not be made."""


# --- captures and logs --------------------------------------------------------------------------------------------


def captures(bench: Bench) -> None:
    """Packets a second, with all rules on, against other readers of captures."""
    ours: dict[int, Result | None] = {}
    for n in bench.settings.packets:
        group = f"captures of {n:,} packets"
        path = bench.made(f"{n}.pcapng", "make_capture.py", "--packets", str(n))
        states = bench.states(group, n, "packets", path, "--config", f"{path}.toml")
        mine = ours[n] = states[-1][1]
        floor = bench.command(group, "tcpdump", ["tcpdump", "-nn", "-r", str(path), "udp port 434"], n, "packets")
        sample = bench.made(
            f"{min(n, bench.settings.sample)}.pcapng",
            "make_capture.py",
            "--packets",
            str(min(n, bench.settings.sample)),
        )
        fields = ["frame.time_epoch", "ip.src", "ip.dst", "udp.port", "mip.type", "mip.flags", "mip.code", "esp.spi"]
        tshark = ["tshark", "-r", str(sample), "-T", "fields", *(w for f in fields for w in ("-e", f))]
        count = min(n, bench.settings.sample)
        slow = bench.command(group, "tshark", tshark, count, "packets", note="-T fields")
        if slow is not None:
            slow.sample = count < n
        few = min(n, bench.settings.sample // 5)
        little = bench.made(f"{few}.pcapng", "make_capture.py", "--packets", str(few))
        dpkt = bench.peer(group, "dpkt", sample, "packets", "decoding, without start-up")
        scapy = bench.peer(group, "scapy", little, "packets", "dissection, without start-up")
        for how, result in states:
            bench.faster(how, result, slow, 40)
            bench.faster(how, result, floor, 0.25)
        what = f"{n:,} packets"
        bench.faster(what, mine, dpkt, None)
        bench.faster(what, mine, scapy, None)
    growth(bench, "packets", ours)


def pages(bench: Bench) -> None:
    """The page of a verdict on a night's capture: how long it takes to make, how large it is, and how soon a browser
    shows it, beside as much plain text."""
    for n in bench.settings.packets:
        group = f"the page of a capture of {n:,} packets"
        path = bench.made(f"{n}.pcapng", "make_capture.py", "--packets", str(n))
        page = bench.folder / f"{n}.html"
        check = [*MIPCHECK, str(path), "--config", f"{path}.toml"]
        read_once(path)
        bench.tried(group, "compilation", check, VERDICTS)  # not measured
        plain = bench.command(group, "mipcheck, without a page", check, n, "packets", VERDICTS)
        mine = bench.command(
            group, "mipcheck, with a page", [*check, "--report", f"html={page}"], n, "packets", VERDICTS
        )
        bench.faster(f"{n:,} packets with a page", mine, plain, None)
        what = f"the page of {n:,} packets"
        if not page.exists():
            continue
        bench.ratio(f"{what}: MB", page.stat().st_size / 10**6, "under 5", lambda v: v < 5)
        done = bench.tried(group, "chromium", [PYTHON, str(HERE / "open_page.py"), str(page)], (0,))
        if done is None:
            continue
        said = json.loads(done.out)
        bench.add(Result(group, "chromium opens it", 1, "pages", said["page"]))
        bench.add(Result(group, "chromium opens as much plain text", 1, "pages", said["text"]))
        bench.ratio(f"{what}: seconds until chromium shows it", said["page"], "at most 2", lambda v: v <= 2)
        bench.ratio(f"{what}: time to open / as much plain text", said["page"] / said["text"])


def logs(bench: Bench) -> None:
    """Events a second, with all rules on, against the grammar's parser and a temporal-logic monitor; as JSON Lines,
    against Python's own reading of them; of a source that does not show all; and in two logs that are merged."""
    ours: dict[int, Result | None] = {}
    as_json: dict[int, Result | None] = {}
    merged: dict[int, Result | None] = {}
    for n in bench.settings.events:
        group = f"logs of {n:,} events"
        path = bench.made(f"{n}.log", "make_log.py", "--events", str(n))
        states = bench.states(group, n, "events", path)
        ours[n] = states[-1][1]
        count = min(n, bench.settings.sample)
        sample = bench.made(f"{count}.log", "make_log.py", "--events", str(count))
        lark = bench.peer(group, "lark", sample, "events", "the grammar alone, without meaning")
        monitor = bench.peer(group, "reelay", sample, "events", "one formula of 4.2.2, without reading the log")
        for how, result in states:
            bench.faster(how, result, lark, 50)
            bench.faster(how, result, monitor, 1)
        lines = bench.made(f"{n}.jsonl", "remake_log.py", "--of", str(path), "--json")
        few = bench.made(f"{count}.jsonl", "remake_log.py", "--of", str(sample), "--json")
        bench.tried(group, "compilation", [*MIPCHECK, str(few)], VERDICTS)  # not measured
        read_once(lines)
        as_json[n] = bench.command(group, "mipcheck, JSON Lines", [*MIPCHECK, str(lines)], n, "events", VERDICTS)
        loads = bench.peer(group, "json.loads", few, "events", "Python's parser alone, without meaning")
        bench.faster(f"{n:,} events, JSON Lines", as_json[n], loads, 1)
        part = bench.made(
            f"{n}-source.log", "remake_log.py", "--of", str(path), "--source", "sees=link,coa,rrq,rrp,data"
        )
        read_once(part)
        name = "mipcheck, of a source that shows no key exchange"
        some = bench.command(group, name, [*MIPCHECK, str(part)], n, "events", VERDICTS)
        bench.faster(f"{n:,} events, some kinds unseen", some, ours[n], 0.8)
        parts = [bench.made(f"{n}-part{k}.log", "remake_log.py", "--of", str(path), "--part", str(k)) for k in (0, 1)]
        read_once(*parts)
        both = [*MIPCHECK, *map(str, parts)]
        merged[n] = bench.command(group, "mipcheck, two logs merged", both, n, "events", VERDICTS)
        bench.faster(f"{n:,} events, two logs merged", merged[n], ours[n], 0.5)
    growth(bench, "events", ours)
    growth(bench, "events, JSON Lines", as_json)
    growth(bench, "events, two logs merged", merged)


def growth(bench: Bench, unit: str, ours: dict[int, Result | None]) -> None:
    """What ten times the input costs."""
    done = [(n, r) for n, r in sorted(ours.items()) if r is not None and r.peak_mib]
    for (small, a), (large, b) in pairwise(done):
        what = f"{large:,} / {small:,} {unit}"
        bench.ratio(f"{what}: peak memory", b.peak_mib / a.peak_mib, "at most 1.3", lambda v: v <= 1.3)  # type: ignore[operator]
        per_unit = (b.seconds / large) / (a.seconds / small)
        bench.ratio(f"{what}: seconds a unit", per_unit, by_cpu=(b.cpu or 0) / large / ((a.cpu or 1) / small))
    if done:
        n, r = done[-1]
        bench.ratio(f"{n:,} {unit}: peak MiB", r.peak_mib or 0.0, "under 500", lambda v: v < 500)


def nodes(bench: Bench) -> None:
    """A gateway's log: the same number of events, of few and of many mobile nodes."""
    n = bench.settings.events[-1]
    varied(bench, f"gateway logs of {n:,} events", n, "nodes", bench.settings.nodes)


def faults(bench: Bench) -> None:
    """A device's log in which faults are seeded: at each device, and whether each is found at its line."""
    n = bench.settings.events[0]
    many = n // 50
    for role in ("iha", "vpn", "xha", "fa"):
        group = f"device logs of {n:,} events, {many:,} nodes"
        name = f"mipcheck, role {role}, seeded faults"
        more = ("--events", str(n), "--nodes", str(many), "--role", role, "--each", "3")
        path = bench.made(f"{n}-{role}-faults.log", "make_device_log.py", *more)
        told = Path(f"{path}.faults").read_text().splitlines()
        seeded = {(f.split()[1], int(f.split()[0])) for f in told}
        done = bench.tried(group, name, [*MIPCHECK, str(path), "--format", "json"], VERDICTS)  # compiles too
        if done is None:
            continue
        said = json.loads(done.out)
        found = {(v["rule"], v["at"]["line"]) for v in (*said["violations"], *said["warnings"])}
        note = f"{len(found & seeded)} of {len(seeded)} faults found, {len(found - seeded)} false"
        bench.command(group, name, [*MIPCHECK, str(path)], n, "events", VERDICTS, note)


def devices(bench: Bench) -> None:
    """Captures taken at devices, of few nodes and of many. At a gateway all ESP is opened, as at a node with keys."""
    for role in ("iha", "xha", "fa", "vpn"):
        n = bench.settings.packets[0] // (10 if role == "vpn" else 1)
        found: list[tuple[int, Result | None]] = []
        for many in (max(1, n // 5000), max(1, n // 50)):
            group = f"captures of {n:,} packets at a device"
            made = (f"{n}-{many}-{role}.pcapng", "make_device_capture.py", "--packets", str(n), "--nodes", str(many))
            path = bench.made(*made, "--role", role)
            check = [*MIPCHECK, str(path), "--config", f"{path}.toml"]
            name = f"mipcheck, role {role}, {many:,} nodes"
            if not found:  # not measured: what is compiled for the first would count against it
                bench.tried(group, name, check, VERDICTS)
            found.append((many, bench.command(group, name, check, n, "packets", VERDICTS)))
        compared(bench, f"nodes at role {role}", found)


def interfaces(bench: Bench) -> None:
    """A node's log: the same number of events, on few and on many interfaces."""
    n = bench.settings.events[0]
    varied(bench, f"logs of {n:,} events, by interfaces", n, "interfaces", bench.settings.interfaces)


def varied(bench: Bench, group: str, n: int, what: str, counts: Sequence[int]) -> None:
    found: list[tuple[int, Result | None]] = []
    for count in counts:
        path = bench.made(f"{n}-{count}-{what}.log", "make_log.py", "--events", str(n), f"--{what}", str(count))
        if not found:  # not measured: what is compiled for the first would count against it
            bench.tried(group, "compilation", [*MIPCHECK, str(path)], VERDICTS)
        found.append(
            (count, bench.command(group, f"mipcheck, {count:,} {what}", [*MIPCHECK, str(path)], n, "events", VERDICTS))
        )
    compared(bench, what, found)


def compared(bench: Bench, what: str, found: list[tuple[int, Result | None]]) -> None:
    done = [(count, r) for count, r in found if r is not None]
    for (few, a), (many, b) in pairwise(done):
        bench.ratio(
            f"{many:,} / {few:,} {what}, as many events: time",
            b.seconds / a.seconds,
            by_cpu=(b.cpu or 0) / (a.cpu or 1),
        )
        bench.ratio(f"{many:,} / {few:,} {what}, as many events: peak memory", (b.peak_mib or 0) / (a.peak_mib or 1))


# --- start-up, proofs ---------------------------------------------------------------------------------------------


def start(bench: Bench) -> None:
    """What a user waits for when there is nothing to do; the fastest of several runs, and their median in the note."""
    trace = bench.folder / "ten.log"
    trace.write_text(TEN_LINES)
    for name, command, limit in (
        ("mipcheck --help", [*MIPCHECK, "--help"], 0.15),
        ("a trace of ten lines", [*MIPCHECK, str(trace)], 0.4),
        ("python -c pass", [PYTHON, "-c", "pass"], None),
    ):
        runs = [r for _ in range(bench.settings.repeat) if (r := bench.tried("start-up", name, command, VERDICTS))]
        if not runs:
            continue
        best = min(runs, key=lambda r: r.seconds)
        note = f"median of {len(runs)}: {statistics.median(r.seconds for r in runs):.3f} s"
        peak = round(best.peak, 1)
        bench.add(Result("start-up", name, 1, "runs", best.seconds, best.cpu, None, best.first, peak, note=note))
        if limit is not None:
            bench.ratio(f"{name}: seconds", best.seconds, f"under {limit:g}", lambda v, most=limit: v < most, best.cpu)  # type: ignore[misc]


_M2: Final = """and late packets are no leak"
    allow data(dir = out, protection = none, counts) when not seen not inside or seen lapsed
      only if asked_in_time and still_trusted and {} t_stop"""
CHANGES: Final = {
    ("draft-01", "the deadline of M2"): (_M2.format("now - confirmed <="), _M2.format("1 s + now - confirmed <=")),
    ("draft-01", "the deadline of S2"): ("within t_begin of located_at", "within t_begin + 1 s of located_at"),
    ("draft-01", "the condition of V3"): (
        "only if xbound or (without_xha and (src != site.xhoa or src = careof))",
        "only if xbound",
    ),
    ("draft-01", "the default of t_stop"): ("max(60 s, t_reregister)", "max(50 s, t_reregister)"),
    ("draft-01", "the condition of D1"): (
        "only if inside or seen (some interface: inside) unclear if not inside and just_lapsed\n",
        "only if inside unclear if not inside and just_lapsed\n",
    ),
    ("draft-01", "the deadline of M1"): ("within t_reregister of renewed", "within t_reregister + 1 s of renewed"),
    ("draft-01", "the bound of D2"): ("only if now <= run_out_at + t_slack", "only if now <= run_out_at"),
    ("draft-01", "the deadline of P8"): (
        "within t_restart of turned_away_at",
        "within t_restart + 1 s of turned_away_at",
    ),
    ("draft-01", "the permission of V1"): ("only if D in flags or may_be_vpn_fa", "only if D in flags"),
    ("draft-01", "the condition of V5"): ("path = vpn) only if sa_up\n", "path = vpn) only if sa_up and xbound\n"),
    ("draft-01", "the deadline of GW28"): ("within t_order of missed_at", "within 2 * t_order of missed_at"),
    ("draft-01", "the condition of FA3"): ("only if from = ha and served unclear if", "only if from = ha unclear if"),
    ("draft-01", "the anchor of P1"): ("within t_detection of pursued\n", "within t_detection of xanswered\n"),
    ("draft-01", "the deadline of P6"): ("within t_restart of fails_at", "within t_switch of fails_at"),
    ("draft-01", "the default of n_retransmit"): ("param n_retransmit: int = 5", "param n_retransmit: int = 3"),
    ("draft-01", "what S1 takes"): (
        "    allow data(dir = out, counts) only if detected\n  reading relaying",
        "    allow data(dir = out, counts) only if detected and (inside or sa_up)\n  reading relaying",
    ),
    ("draft-01", "what confirms"): (
        "confirmed := sent; confirmed_by := resent;",
        "confirmed := now; confirmed_by := resent;",
    ),
    ("draft-01", "what a status change voids"): (
        "  inside := false; settled := false; asked := false;",
        "  settled := false; asked := false;",
    ),
    ("draft-01", "a rule more"): (
        "# The fallback of 3.3 and 3.4, in the order of its steps.",
        """rule V15 MUST cite 3.5 lines 752-753 "A registration through the VPN is for ten minutes at most."
  allow rrq(to = iha, path = vpn) only if lifetime <= 600  instead "a shorter lifetime"
""",
    ),
    ("rfc5265", "the deadline of M4"): ("within max(t_stop, t_reregister) of", "within t_reregister + t_stop of"),
    ("rfc5265", "the deadline of P1"): ("within t_detection of pursued", "within 2 * t_detection of pursued"),
    ("rfc5265", "the condition of C6"): ("only if name uses i-mip", "only if name uses i-mip and detected"),
    ("rfc5265", "the deadline of IT3"): ("within t_log of dropped_at", "within 2 * t_log of dropped_at"),
    ("rfc5265", "the default of t_monitor"): ("param t_monitor: time = 60 s", "param t_monitor: time = 50 s"),
}
"""Changes as an author makes them, by the specification and what is changed: what stands there, and what instead."""


def proofs(bench: Bench) -> None:
    """Each property's time, a changed rule, and the model of 4.2.2 in discrete time in spin."""
    chosen = ["inside_is_sound"] if bench.settings.quick else []
    ways: tuple[tuple[str, list[str], float], ...] = (
        ("from certificates", ["--no-needs"], 5),
        ("anew", ["--fresh", "--no-needs"], 60),
        ("from certificates, and what each needs", [], math.inf),
    )
    for how, options, most in ways:
        taken = []
        for spec in ("draft-01",) if bench.settings.quick else ("draft-01", "rfc5265"):
            done = bench.tried("mipcheck prove", how, prove_command(spec, *chosen, *options), (0, 3))
            if done is None:
                continue
            taken.append(done)
            proved = json.loads(done.out)["properties"]
            for p in proved:
                note = f"{spec}, {how}, {p['result']}, {p['method']}" if p.get("method") else p["result"]
                bench.add(Result("mipcheck prove", p["name"], 1, "properties", p["seconds"], note=note))
            name, peak = f"all of {spec}, {how}", round(done.peak, 1)
            bench.add(Result("mipcheck prove", name, len(proved), "properties", done.seconds, done.cpu, peak_mib=peak))
        if len(taken) == 2:
            cpu = sum(d.cpu for d in taken)
            target = f"at most {most} of the processor" if most < math.inf else ""
            bench.ratio(f"both specifications, {how}: seconds", sum(d.seconds for d in taken), target, None, cpu)
            bench.ratios[-1].met = cpu <= most if target else None
    changed(bench, dict(list(CHANGES.items())[:1]) if bench.settings.quick else CHANGES)
    for count in (1,) if bench.settings.quick else (1, 2):
        spin(bench, count)


def prove_command(spec: str, *more: str) -> list[str]:
    return [*MIPCHECK, "prove", "--spec", spec, *more, "--format", "json"]


def changed(bench: Bench, changes: Mapping[tuple[str, str], tuple[str, str]]) -> None:
    """What an author waits for who has changed a rule: for the properties that it concerns, whose certificates fail."""
    specs = Path(HERE.parent.parent, "specs")
    for number, ((spec, name), (old, new)) in enumerate(changes.items()):
        group = f"a changed rule of {spec}"
        folder = bench.folder / f"changed-{number}"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(specs / f"{spec}.proofs", folder / f"{spec}.proofs")
        for source in specs.glob("*.spec"):  # what it extends stands beside it
            shutil.copy(source, folder)
        path = folder / f"{spec}.spec"
        text = path.read_text("utf-8")
        if text.count(old) != 1:
            bench.missing(group, name, f"{spec} no longer says {old!r} once")
            continue
        path.write_text(text.replace(old, new), "utf-8")
        done = bench.tried(group, name, prove_command(str(path)), (0, 1, 3))
        if done is None:
            continue
        proved = json.loads(done.out)["properties"]
        anew = [p["name"] for p in proved if p["certificate"] is None]
        peak = round(done.peak, 1)
        bench.add(Result(group, f"{name}: all", len(proved), "properties", done.seconds, done.cpu, peak_mib=peak))
        if not anew:
            continue
        with path.open("a", encoding="utf-8") as file:
            file.write("\n# What is read of a file that has just been edited is not at hand.\n")
        done = bench.tried(group, name, prove_command(str(path), *anew), (0, 1, 3))
        if done is not None:
            note, peak = f"proved anew: {', '.join(anew)}", round(done.peak, 1)
            bench.add(Result(group, name, len(anew), "properties", done.seconds, done.cpu, peak_mib=peak, note=note))
            said = f"{name}, {spec}: seconds"
            bench.ratio(said, done.seconds, "at most 2", lambda seconds: seconds <= 2, done.cpu)


def comparison(bench: Bench) -> None:
    """The table of proposals: the draft, RFC 5265 and the candidates, by all guidelines."""
    chosen = ["candidates/e4", "candidates/e6"] if bench.settings.quick else []
    for how, options, most in (("from certificates", [], 10), ("anew", ["--fresh"], 300)):
        command = [*MIPCHECK, "compare", *chosen, *options, "--format", "json"]
        done = bench.tried("mipcheck compare", how, command, VERDICTS)
        if done is None:
            continue
        said = json.loads(done.out)
        cells = [cell for g in said["guidelines"] for cell in g["cells"].values()]
        wrong = sum(any(f["wrong"] for f in cell) for cell in cells)
        note = f"{len(said['specs'])} specifications; {wrong} cells not as said"
        peak = round(done.peak, 1)
        bench.add(
            Result("mipcheck compare", how, len(cells), "cells", done.seconds, done.cpu, peak_mib=peak, note=note)
        )
        target = f"at most {most}"
        bench.ratio(f"compare, {how}: seconds", done.seconds, target, lambda v, most=most: v <= most, done.cpu)  # type: ignore[misc]


def spin(bench: Bench, count: int) -> None:
    name = f"spin, {count} interface{'s' if count > 1 else ''}"
    group = "4.2.2 in discrete time"
    for needed in ("spin", "gcc"):
        if shutil.which(needed) is None:
            bench.missing(group, name, f"{needed} is not installed")
            return
    folder = bench.folder / f"spin-{count}"
    folder.mkdir(exist_ok=True)
    model = shutil.copy(HERE / "monitor.pml", folder)
    small = ["-DBOUND=6", "-DT_REREGISTER=2"] if bench.settings.quick else []
    for step in (
        ["spin", "-a", f"-DIFS={count}", *small, Path(model).name],
        ["gcc", "-O2", "-DSAFETY", "-DBFS", "-DMEMLIM=4000", "-o", "pan", "pan.c"],
    ):
        made = run(step, 120.0, cwd=folder)
        if made.code != 0:
            bench.missing(group, name, made.why())
            return
    limit = bench.settings.spin_limit
    progress(f"{group}: {name} …")
    done = run([str(folder / "pan")], limit, signal.SIGINT, cwd=folder)
    said = done.out.decode("utf-8", "replace")
    states = next((int(w.split()[0]) for w in said.splitlines() if w.strip().endswith("states, stored")), 0)
    if done.code is None or "pan: reached" in said or "Search not completed" in said:
        bench.missing(group, name, f"not decided in {limit:g} s: {states:,} states, {done.peak:,.0f} MiB")
        return
    verdict = "no error" if "errors: 0" in said else "refuted"
    peak = round(done.peak, 1)
    bench.add(
        Result(
            group, name, states, "states", done.seconds, done.cpu, peak_mib=peak, note=f"{verdict}, ticks of a second"
        )
    )


# --- output -------------------------------------------------------------------------------------------------------

GROUPS: Final[dict[str, Callable[[Bench], None]]] = {
    "start": start,
    "captures": captures,
    "pages": pages,
    "logs": logs,
    "interfaces": interfaces,
    "nodes": nodes,
    "faults": faults,
    "devices": devices,
    "proofs": proofs,
    "comparison": comparison,
}


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def report(bench: Bench, machine_: dict[str, Any], versions_: dict[str, str | None]) -> dict[str, Any]:
    return {
        "schema": 1,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine_,
        "versions": versions_,
        "settings": asdict(bench.settings),
        "results": [asdict(r) for r in bench.results],
        "ratios": [asdict(r) for r in bench.ratios],
        "not_measured": bench.not_measured,
    }


def table(found: dict[str, Any]) -> str:
    m = found["machine"]
    lines = [
        f"{m['cpu']}, {m['cores']} cores, {m['memory_gib']} GiB, {m['os']}, Python {m['python']}, load {m['load']}"
    ]
    lines.append(", ".join(f"{n} {v}" for n, v in found["versions"].items() if v))
    group = ""
    for r in found["results"]:
        if r["group"] != group:
            group = r["group"]
            lines += ["", f"{group:42}{'rate':>16}{'seconds':>10}{'cpu':>9}{'first out':>11}{'peak MiB':>10}"]
        rate = f"{r['rate']:,.0f} {_short(r['unit'])}/s" if r["rate"] else ""
        cpu = f"{r['cpu']:.2f}" if r["cpu"] is not None else ""
        first = f"{r['first_output']:.2f}" if r["first_output"] is not None else ""
        peak = f"{r['peak_mib']:,.0f}" if r["peak_mib"] is not None else ""
        sample = f"on {r['n']:,} {r['unit']}" if r["sample"] else ""
        note = "; ".join(filter(None, [sample, r["note"]]))
        lines.append(f"  {r['name']:40}{rate:>16}{r['seconds']:>10.2f}{cpu:>9}{first:>11}{peak:>10}  {note}".rstrip())
    lines += ["", f"{'compared, in this run':58}{'wall time':>12}{'cpu time':>12}"]
    for r in found["ratios"]:
        verdict = "" if r["met"] is None else f"{r['target']}: {'met' if r['met'] else 'NOT met'}"
        cpu = f"{r['by_cpu']:,.2f}" if r["by_cpu"] is not None else ""
        lines.append(f"  {r['name']:56}{r['value']:>12,.2f}{cpu:>12}  {verdict}".rstrip())
    if found["not_measured"]:
        lines += ["", "not measured"]
        lines += [f"  {n['group']}: {n['name']}: {n['reason']}" for n in found["not_measured"]]
    return "\n".join(lines) + "\n"


def _short(unit: str) -> str:
    return {"packets": "pkt", "events": "ev", "properties": "prop", "states": "st"}.get(unit, unit)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Measure mipcheck beside its peers.")
    parser.add_argument("--packets", type=_numbers, default=[1_000_000, 10_000_000], metavar="N,…")
    parser.add_argument("--events", type=_numbers, default=[1_000_000, 10_000_000], metavar="N,…")
    parser.add_argument("--nodes", type=_numbers, default=[1_000, 100_000], metavar="N,…")
    parser.add_argument("--interfaces", type=_numbers, default=[2, 16], metavar="N,…")
    parser.add_argument("--sample", type=int, default=200_000, help="packets or events for slow peers")
    parser.add_argument("--repeat", type=int, default=10, help="runs of what takes a moment")
    parser.add_argument("--timeout", type=float, default=900.0, help="seconds for each run")
    parser.add_argument("--spin-limit", type=float, default=60.0, help="seconds for spin")
    parser.add_argument("--only", action="append", choices=list(GROUPS), help="this group (repeatable)")
    parser.add_argument("--quick", action="store_true", help="everything once and small, to see that it works")
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON, too (- is standard output)")
    parser.add_argument("--dir", metavar="DIR", help="make inputs here, and keep them for another time")
    args = parser.parse_args(argv)
    settings = Settings(
        args.packets, args.events, args.nodes, args.interfaces, args.sample, args.repeat, args.timeout, args.spin_limit,
        args.quick,
    )  # fmt: skip
    if args.quick:
        settings = Settings([500], [500], [5], [3], 500, 1, 60.0, 10.0, True)
    described, known = machine(), versions()
    with tempfile.TemporaryDirectory(prefix="mipcheck-bench-") as temporary:
        folder = Path(args.dir or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(settings, folder)
        for name, group in GROUPS.items():
            if args.only and name not in args.only:
                continue
            try:
                group(bench)
            except MakingError as error:
                bench.missing(name, "all", str(error))
    progress("")
    found = report(bench, described, known)
    text = json.dumps(found, indent=2) + "\n"
    if args.json and args.json != "-":
        Path(args.json).write_text(text)
    sys.stdout.write(text if args.json == "-" else table(found))
    return 0


def _numbers(word: str) -> list[int]:
    return [int(w.replace("_", "")) for w in word.split(",")]


if __name__ == "__main__":
    sys.exit(main())
