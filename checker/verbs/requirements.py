"""`mipcheck requirements`: what the document requires, and what encodes it."""

from __future__ import annotations

import argparse
from typing import Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import terminal, warned, write

DESCRIPTION: Final = (
    "List what the document requires: where, how strictly, in our words, and what encodes it or why nothing does."
)
EXAMPLE: Final = "mipcheck requirements --format markdown"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    options.add_spec(parser)
    options.add_output(parser, ("text", "markdown", "json"))


def run(args: argparse.Namespace) -> int:
    """Write the catalogue; return 0. Raises UsageError and SpecError."""
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.verbs import requirements_catalogue as catalogue

    spec = warned(resolved(args.spec))
    shown = {
        "json": lambda: catalogue.requirements_json(spec),
        "markdown": lambda: catalogue.requirements_markdown(spec),
        "text": lambda: catalogue.requirements_text(spec, *terminal(args.output)),
    }
    write(shown[args.format](), args.output)
    return 0
