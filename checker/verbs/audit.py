"""`mipcheck audit`: what notices that a requirement is missing, and traces for it."""

from __future__ import annotations

import argparse
from typing import Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import terminal, warned, write

DESCRIPTION: Final = (
    "For every requirement, find what notices that it is missing, a trace that exercises it and one that"
    " breaks it. Exit code 1 if anything lacks."
)
EXAMPLE: Final = "mipcheck audit"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    options.add_spec(parser)
    options.add_reading(parser)
    options.add_timeout(parser, 20.0)
    options.add_kept(parser)
    options.add_output(parser, ("text", "json"))


def run(args: argparse.Namespace) -> int:
    """Write the matrix; return 1 if a requirement lacks anything, else 0.

    Raises UsageError, SpecError and Disagreement.
    """
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.proofs.kept import kept_by
    from mipcheck.checker.verbs.audit_matrix import audit, audit_json, audit_text

    spec = warned(resolved(args.spec, args.reading))
    rows = audit(spec, args.timeout, kept_by(args))
    as_json = args.format == "json"
    write(audit_json(spec, rows) if as_json else audit_text(spec, rows, *terminal(args.output)), args.output)
    return 1 if any(row.lacks for row in rows) else 0
