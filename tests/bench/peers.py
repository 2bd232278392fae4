"""Other programs at the same work, each in a process of its own: `python tests/bench/peers.py dpkt FILE`.

Prints a JSON object: `count` of what was done, `seconds` and `cpu` seconds it took without start-up, and `version`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata, resources
from pathlib import Path
from typing import Any


class Clock:
    """Wall and processor time since it was made."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def passed(self) -> dict[str, float]:
        return {"seconds": time.perf_counter() - self.wall, "cpu": time.process_time() - self.cpu}


Done = tuple[int, dict[str, float]]


def dpkt(path: str) -> Done:
    """Packets decoded as far as dpkt knows their headers."""
    from dpkt.ethernet import Ethernet
    from dpkt.pcapng import Reader

    count = 0
    begin = Clock()
    with Path(path).open("rb") as file:
        for _, data in Reader(file):
            Ethernet(data)
            count += 1
    return count, begin.passed()


def scapy(path: str) -> Done:
    """Packets dissected."""
    from scapy.layers import inet, l2  # noqa: F401  # what there is to dissect
    from scapy.utils import PcapReader

    count = 0
    begin = Clock()
    with PcapReader(path) as reader:
        for _ in reader:
            count += 1
    return count, begin.passed()


def lark(path: str) -> Done:
    """Lines parsed by the grammar that defines them, without any meaning."""
    from lark import Lark

    grammar = resources.files("mipcheck.checker.logs").joinpath("log.lark").read_text("utf-8")
    parser = Lark(grammar, parser="lalr", lexer="contextual")
    lines = Path(path).read_text("utf-8").splitlines()
    begin = Clock()
    for line in lines:
        parser.parse(line)
    return len(lines), begin.passed()


def reelay(path: str) -> Done:
    """Events monitored for one formula of 4.2.2 in dense time: what goes out in the clear does so within 60 s of a
    success. Reading the lines is left out."""
    from reelay import dense_timed_monitor

    monitor = dense_timed_monitor(pattern="{clear} -> once[0:60]{success}", semantics="boolean")
    rows = list(_propositions(path))
    begin = Clock()
    for row in rows:
        monitor.update(row)
    return len(rows), begin.passed()


def _propositions(path: str) -> Iterator[dict[str, Any]]:
    last = -1.0
    with Path(path).open(encoding="utf-8") as lines:
        for line in lines:
            word = line.partition(" ")[0]
            if not word[:1].isdigit():
                continue
            at = float(word)
            if at <= last:  # time has to go on
                continue
            last = at
            clear = " data dir=out protection=none" in line
            success = " rrp from=iha path=direct code=0" in line
            yield {"time": at, "clear": clear, "success": success}


def json_loads(path: str) -> Done:
    """Lines of JSON parsed by Python, without any meaning."""
    lines = Path(path).read_text("utf-8").splitlines()
    begin = Clock()
    for line in lines:
        json.loads(line)
    return len(lines), begin.passed()


PEERS: dict[str, Callable[[str], Done]] = {
    "dpkt": dpkt, "scapy": scapy, "lark": lark, "reelay": reelay, "json.loads": json_loads,
}  # fmt: skip


def main() -> None:
    name, path = sys.argv[1:]
    try:
        count, took = PEERS[name](path)
    except ImportError as error:
        sys.exit(f"not installed ({error})")
    version = sys.version.split()[0] if name == "json.loads" else metadata.version(name)
    print(json.dumps({"count": count, **took, "version": version}))


if __name__ == "__main__":
    main()
