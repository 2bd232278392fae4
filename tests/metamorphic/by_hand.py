"""Change all logs and captures of folders in ways that must not matter, and say where it did matter.

    python tests/metamorphic/by_hand.py FOLDER... [--cuts N] [--both]

A site file `NAME.toml` beside `NAME.log`, `NAME.pcap` or `NAME.pcapng` is used, and the specification that `NAME.json`
names. With `--both` everything is read natively and frame by frame, too. Of a log the data that breaks rules is taken
out as well. The exit code is 1 if anything mattered.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from random import Random

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[1]))

from metamorphic import captures, logs
from metamorphic.run import Case, answer, converted, failures


def main(arguments: list[str]) -> int:
    """Run what `arguments` ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--cuts", type=int, default=4, help="how many changes of each kind leave evidence out")
    parser.add_argument("--both", action="store_true", help="natively and frame by frame, too")
    options = parser.parse_args(arguments)
    tried = mattered = 0
    for folder in options.folders:
        for path in sorted(p for p in folder.rglob("*") if p.suffix in (".log", ".pcap", ".pcapng")):
            site, told = path.with_suffix(".toml"), path.with_suffix(".json")
            spec = json.loads(told.read_text("utf-8")).get("spec") if told.exists() else None
            config = site.read_text("utf-8") if site.exists() else None
            case = Case({path.name: path.read_bytes()}, config, spec or "draft-01")
            with tempfile.TemporaryDirectory() as where:
                before = answer(case, Path(where) / "before")
                if before.error:
                    continue
                make = logs.changes if path.suffix == ".log" else captures.changes
                made = list(make(case, before, Random(path.name), options.cuts))
                made += converted(case, Path(where) / "converted")
                found = failures(case, made, Path(where), options.both)
                if path.suffix == ".log" and (left := logs.left_without_offences(case, Path(where) / "without")):
                    found.append(left)
            tried, mattered = tried + len(made), mattered + len(found)
            for each in found:
                print(f"{path}: {each}", flush=True)
    print(f"{tried} changes, {mattered} mattered")
    return 1 if mattered else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
