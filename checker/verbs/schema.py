"""`mipcheck schema NAME`: the JSON Schema of what a verb writes with `--format json`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import write

DESCRIPTION: Final = (
    "Write the JSON Schema (2020-12) of what a verb writes as JSON. Keys may be added to what it says, none goes while"
    " the number in `schema` stays."
)
EXAMPLE: Final = "mipcheck schema check"

_FOLDER: Final = Path(__file__).with_name("schemas")

NAMES: Final = (
    "check", "jsonl", "prove", "requirements", "explain", "ambiguities", "diff", "audit", "mutate", "overhead", "fleet",
    "compare",
)  # fmt: skip
"""Verbs, and `jsonl` for a line of a check's JSON Lines."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("name", choices=NAMES, metavar="NAME", help=f"one of {', '.join(NAMES)} (a line of JSON Lines)")
    options.add_output_file(parser)


def run(args: argparse.Namespace) -> int:
    """Write the schema; return 0. Raises UsageError."""
    write(schema_of(args.name), args.output)
    return 0


def schema_of(name: str) -> str:
    """Return the schema of that name in `NAMES`, as JSON."""
    return (_FOLDER / f"{name}.json").read_text(encoding="utf-8")
