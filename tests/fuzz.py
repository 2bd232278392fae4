"""Made-up input against everything that reads: logs, merges, captures, site files, maps, specifications, commands.

    python tests/fuzz.py --minutes 10 --seed 1

Inputs are made from what is right, by the specification's own words and by frames of every kind that is decoded, and
then damaged. What can be read in two ways is read in both, which has to come to the same. Every input has limits on
seconds of CPU and on memory; nothing may raise but what says what to do. Each input has a seed of its own, so that a
failure is tried again alone by `--only KIND --number N`; its files, and what went wrong, are kept as well. With
`--count N` exactly N inputs of each chosen kind are tried, with `--rounds N` N times as many as its weight, which no
clock can change: a round takes about 15 s of CPU. Exit code 1 tells of a failure.

Not collected by pytest, but `tests/test_fuzzing.py` runs a little of it, and CI the first rounds.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import itertools
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fuzzing import captures, files, guard, logs, maps, sites, specs
from fuzzing.case import Kind

KINDS: Final = (captures.KIND, logs.TEXT, logs.JSON, logs.MERGE, files.KIND, sites.KIND, specs.KIND, maps.KIND)
_STUCK: Final = 900
"""Seconds without an end after which what is stuck in native code is shown, and the program ends."""
_GROWN: Final = (1.1, 100_000)
"""How much more blocks of memory there may be at the end than after a quarter: the factor, and a number."""


@dataclass
class Tally:
    """What was tried: inputs and units by kind, failures, and blocks of memory in use now and then."""

    inputs: Counter[str] = field(default_factory=Counter)
    units: Counter[str] = field(default_factory=Counter)
    slowest: dict[str, float] = field(default_factory=dict)
    failures: int = 0
    blocks: list[int] = field(default_factory=list)

    def line(self, kind: Kind) -> str:
        """Return in words what was tried of a kind."""
        return (
            f"{kind.name}: {self.inputs[kind.name]} inputs, {self.units[kind.name]} {kind.unit},"
            f" the slowest {self.slowest.get(kind.name, 0.0):.1f} s"
        )


def attempt(kind: Kind, seed: int, number: int, keep: Path, say: Callable[[str], None], tally: Tally) -> None:
    """Make and try one input; keep it if anything is wrong."""
    case = kind.make(random.Random(f"{seed}:{kind.name}:{number}"))
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    faulthandler.dump_traceback_later(_STUCK, exit=True)
    before = guard.seconds_used()
    try:
        with guard.limits(case.units):
            kind.attempt(case, folder)
    except (Exception, guard.TooLong) as error:
        tally.failures += 1
        kept = keep / f"{kind.name}-{seed}-{number}"
        kept.mkdir(parents=True, exist_ok=True)
        for name, data in case.files.items():
            (kept / os.fsencode(name).decode("utf-8", "backslashreplace").replace("\n", "_")).write_bytes(data)
        again = f"python tests/fuzz.py --seed {seed} --only {kind.name} --number {number}"
        said = "".join(traceback.format_exception(error)).encode("utf-8", "backslashreplace")
        (kept / "failure.txt").write_bytes(f"{again}\n{case.options}\n\n".encode("utf-8", "backslashreplace") + said)
        say(f"{kind.name} {number}: {type(error).__name__}: {str(error)[:200]!a}; kept in {kept}")
    finally:
        faulthandler.cancel_dump_traceback_later()
        shutil.rmtree(folder, ignore_errors=True)
    took = guard.seconds_used() - before
    tally.slowest[kind.name] = max(took, tally.slowest.get(kind.name, 0.0))
    tally.inputs[kind.name] += 1
    tally.units[kind.name] += case.units


def order(kinds: Sequence[Kind], count: int | None, rounds: int | None) -> Iterator[tuple[Kind, int]]:
    """Yield kinds with the numbers of their inputs: `count` of each, or by weight in `rounds`, or without an end."""
    if count is not None:
        yield from ((kind, number) for number in range(count) for kind in kinds)
        return
    for done in range(rounds) if rounds is not None else itertools.count():
        for kind in kinds:
            yield from ((kind, done * kind.weight + n) for n in range(kind.weight))


def fuzz(
    kinds: Sequence[Kind],
    seed: int,
    keep: Path,
    minutes: float | None = None,
    count: int | None = None,
    rounds: int | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Tally:
    """Try inputs of some kinds until the time is over, or there were `count` of each, or so many `rounds`."""
    tally = Tally()
    end = time.monotonic() + (minutes * 60 if minutes is not None else 1e12)
    told = time.monotonic()
    for kind, number in order(kinds, count, rounds):
        if time.monotonic() > end:
            break
        attempt(kind, seed, number, keep, say, tally)
        if time.monotonic() > told + 60:
            told = time.monotonic()
            gc.collect()
            tally.blocks.append(sys.getallocatedblocks())
            say("; ".join(tally.line(k) for k in kinds))
    quarter = len(tally.blocks) // 4
    if len(tally.blocks) >= 8 and tally.blocks[-1] > tally.blocks[quarter] * _GROWN[0] + _GROWN[1]:
        tally.failures += 1
        say(f"memory grows: {tally.blocks[quarter]} blocks after a quarter, {tally.blocks[-1]} at the end")
    return tally


def main() -> int:
    """Run; return 1 if anything failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", choices=[k.name for k in KINDS], help="this kind (repeatable)")
    parser.add_argument("--count", type=int, help="so many inputs of each kind, instead of a time")
    parser.add_argument("--rounds", type=int, help="so many times as many of each kind as it weighs")
    parser.add_argument("--number", type=int, help="with --only: try this input alone")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"), help="folder for what failed (%(default)s)")
    args = parser.parse_args()
    os.environ.setdefault("MIPCHECK_CACHE", str(Path(tempfile.gettempdir()) / f"mipcheck-fuzz-{os.getuid()}"))
    faulthandler.enable()
    guard.confine()
    kinds = [k for k in KINDS if not args.only or k.name in args.only]

    def say(text: str) -> None:
        print(text, flush=True)

    if args.number is not None:
        tally = Tally()
        for kind in kinds:
            attempt(kind, args.seed, args.number, args.keep, say, tally)
    else:
        minutes = args.minutes if args.count is None and args.rounds is None else None
        tally = fuzz(kinds, args.seed, args.keep, minutes, args.count, args.rounds, say)
    for kind in kinds:
        say(tally.line(kind))
    say(f"seed {args.seed}: {tally.failures} failures")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
