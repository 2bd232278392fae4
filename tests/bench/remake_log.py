"""A made log in another form: `python tests/bench/remake_log.py OUT --of made.log --json` (`--part 0`, `--source X`).

--json writes its events as JSON Lines, numbers as numbers and everything else as text, as programs do. --part keeps
those of every other interface, so that both parts together, merged by time, are the whole. --source adds a line that
says what its source shows.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

LISTS: Final = ("fa", "internal", "tunnels", "upkeep", "capabilities")
NUMBERS: Final = ("lifetime", "code", "bytes", "count")


def as_json(lines: Iterator[str]) -> Iterator[str]:
    """The lines of a text log as JSON Lines. They have nothing in quotation marks."""
    version = next(lines).split()[1]
    site: dict[str, object] = {}
    shown = False
    for line in lines:
        words = line.split()
        pairs = dict(w.split("=", 1) for w in words if "=" in w)
        if words[0] == "site":
            site |= {k: v.split(",") if k in LISTS else v for k, v in pairs.items()}
            continue
        if not shown:
            yield json.dumps({"mipcheck-trace": int(version), "site": site}) + "\n"
            shown = True
        values = {k: int(v) if k in NUMBERS else v for k, v in pairs.items()}
        yield json.dumps({"time": words[0], "interface": words[1], "event": words[2], **values}) + "\n"


def part_of(lines: Iterator[str], which: int) -> Iterator[str]:
    """Header and site lines, and the events of interfaces whose number is even (0) or not (1); `-` is even."""
    for line in lines:
        interface = line.split(" ", 2)[1].rstrip()
        if not line[0].isdigit() or (interface[-1:].isdigit() and int(interface[-1]) % 2) == which:
            yield line


def with_source(lines: Iterator[str], words: str) -> Iterator[str]:
    """The same log, whose source shows what the words say."""
    yield next(lines)
    yield f"source {words}\n"
    yield from lines


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a made log in another form.")
    parser.add_argument("path")
    parser.add_argument("--of", required=True, metavar="LOG")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--part", type=int, choices=(0, 1))
    parser.add_argument("--source", metavar="WORDS", help="as sees=rrq,rrp")
    args = parser.parse_args()
    with Path(args.of).open(encoding="ascii") as source, Path(args.path).open("w", encoding="ascii") as target:
        lines: Iterator[str] = iter(source)
        if args.part is not None:
            lines = part_of(lines, args.part)
        if args.source is not None:
            lines = with_source(lines, args.source)
        target.writelines(as_json(lines) if args.json else lines)


if __name__ == "__main__":
    main()
