"""A device's log with seeded faults: `python tests/bench/make_device_log.py big.log --role iha --nodes 20_000`.

A gateway or an agent deals with many mobile nodes as RFC 3344 and the draft have it: they register, renew, move, have
bindings beside each other, ask again, are denied, leave; somebody without a key sends what does not authenticate. All
of that is conformant. For some nodes the device then does one thing that it must not, of at least ten kinds; the lines
where it does are returned, and stand beside the log (PATH.faults, `LINE RULE KIND` each).

The same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import seeded_fa
import seeded_iha
import seeded_vpn
import seeded_xha
from seeded_node import Node, S


class Device(NamedTuple):
    """How its log begins, what it logs of a node, and the faults: by name the rule that each breaks, and what it is."""

    site: str
    node: Callable[[int, int, str, int], Node]
    faults: Mapping[str, tuple[Any, ...]]


class Fault(NamedTuple):
    """Where a rule is broken, and in what way."""

    line: int
    rule: str
    kind: str


DEVICES: Final = {
    "vpn": Device("iha=10.1.0.2 xha=198.51.100.2 vpn=192.0.2.1", seeded_vpn.AtGateway, seeded_vpn.FAULTS),
    "xha": Device("xha=198.51.100.2 vpn=192.0.2.1", seeded_xha.AtExternalAgent, seeded_xha.FAULTS),
    "iha": Device("iha=10.1.0.2", seeded_iha.AtHomeAgent, seeded_iha.FAULTS),
    "fa": Device("iha=10.1.0.2 xha=198.51.100.2", seeded_fa.AtForeignAgent, seeded_fa.FAULTS),
}


def make(path: str | Path, role: str, events: int, nodes: int, each: int = 2, seed: int = 1) -> list[Fault]:
    """Write a log of `events` events, with faults of each kind at `each` of its nodes; `each` 0 makes it conformant.

    Returns where they are. In a log that is short for its nodes, some may lie behind its end.
    """
    device = DEVICES[role]
    kinds = list(device.faults) * each
    step = max(1, nodes // max(1, len(kinds)))
    wrong = {n * step: kind for n, kind in enumerate(kinds)}
    every = [device.node(n, events * S // nodes * n // nodes, wrong.get(n, ""), seed).course() for n in range(nodes)]
    found = []
    target = Path(path)
    with target.open("w", encoding="ascii", newline="\n") as file:
        file.write(f"mipcheck-trace 1\nsite role={role} boot=true {device.site}\n")
        for at, line in enumerate(islice(merge(*every), events), 3):
            file.write(f"{line.time // S}.{line.time % S:06d} {line.text}\n")
            if line.fault:
                found.append(Fault(at, device.faults[line.fault][0], line.fault))
    target.with_name(target.name + ".faults").write_text("".join(f"{f.line} {f.rule} {f.kind}\n" for f in found))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the log of a device, with faults.")
    parser.add_argument("path")
    parser.add_argument("--role", choices=list(DEVICES), default="iha")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--nodes", type=int, default=20_000)
    parser.add_argument("--each", type=int, default=2, help="nodes for which each kind of fault is seeded")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    print(len(make(args.path, args.role, args.events, args.nodes, args.each, args.seed)))


if __name__ == "__main__":
    main()
