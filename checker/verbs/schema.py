"""`mipcheck schema NAME`: the JSON Schema of what a verb writes with `--format json`."""

from __future__ import annotations

import argparse
import json
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
    "check", "parties", "jsonl", "prove", "requirements", "explain", "ambiguities", "diff", "audit", "mutate",
    "overhead", "fleet", "compare", "synthesize", "repair",
)  # fmt: skip
"""Verbs, `jsonl` for a line of a check's JSON Lines, and `parties` for a check of several parties."""


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
    return _of_parties() if name == "parties" else (_FOLDER / f"{name}.json").read_text(encoding="utf-8")


def _of_parties() -> str:
    """Return the schema of a check of several parties: of each it says what a check of it alone says."""
    report = json.loads(schema_of("check"))
    head = {key: report["properties"][key] for key in ("schema", "mipcheck", "spec", "verdict")}
    parts = {"type": "object", "additionalProperties": {"$ref": "#/$defs/report"}}
    words = ("party", "role", "system")
    nobody = {"type": "object", "properties": {w: {"type": "string"} for w in words}, "required": list(words)}
    about = "the other parties of a system that has all of these, of which there is no input"
    schema = {
        "$schema": report["$schema"],
        "title": "what `mipcheck INPUT... --format json` writes of several parties",
        "type": "object",
        "properties": {
            **head,
            "parties": {**parts, "description": "by party, what is written of it alone"},
            "absent": {"type": "array", "items": nobody, "description": about},
        },
        "required": [*head, "parties", "absent"],
        "$defs": {**report["$defs"], "report": {k: report[k] for k in ("type", "properties", "required")}},
    }
    return json.dumps(schema, indent=1) + "\n"
