"""`mipcheck ambiguities [NAME]`: sentences with several readings, and where these part."""

from __future__ import annotations

import argparse
from typing import Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import terminal, warned, write

DESCRIPTION: Final = (
    "List the sentences that can be read in several ways, and for each pair of readings the shortest"
    " trace on which they part."
)
EXAMPLE: Final = "mipcheck ambiguities M2"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="a rule or an ambiguity (default: all)")
    options.add_spec(parser)
    options.add_reading(parser)
    options.add_timeout(parser, 60.0, "each pair of readings")
    options.add_kept(parser)
    options.add_report(parser, ("html",))
    options.add_output(parser, ("text", "json"))


def run(args: argparse.Namespace) -> int:
    """Write the list; return 0 if every pair of readings is decided, else 3.

    Raises UsageError, SpecError and Disagreement.
    """
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.proofs.kept import kept_by
    from mipcheck.checker.verbs.ambiguities_parted import entries_json, entries_text, parted

    spec = warned(resolved(args.spec, args.reading))
    entries = parted(spec, args.names, args.timeout, kept_by(args))
    as_json = args.format == "json"
    write(entries_json(spec, entries) if as_json else entries_text(spec, entries, *terminal(args.output)), args.output)
    if args.report:
        from mipcheck.checker.verbs.pages import ambiguities_page, write_pages

        write_pages(args, lambda: ambiguities_page(spec, entries))
    return 0 if all(entry.decided for entry in entries) else 3
