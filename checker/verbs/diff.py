"""`mipcheck diff SPEC SPEC`: what changed from one specification to another, and what that does."""

from __future__ import annotations

import argparse
from typing import Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import terminal, warned, write

DESCRIPTION: Final = (
    "Tell what changed from one specification to another, and where that changes what is allowed, by the"
    " shortest trace on which they disagree."
)
EXAMPLE: Final = "mipcheck diff draft-01 rfc5265"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("left", metavar="SPEC", help="a specification, by name or path")
    parser.add_argument("right", metavar="SPEC", help="the one to compare it with")
    options.add_timeout(parser, 30.0, "each rule")
    options.add_kept(parser)
    options.add_report(parser, ("html",))
    options.add_output(parser, ("text", "markdown", "json"))


def run(args: argparse.Namespace) -> int:
    """Write the differences; return 0 if all are decided, else 3. Raises UsageError, SpecError, Disagreement."""
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.proofs.kept import KeptLogs
    from mipcheck.checker.verbs.diff_changes import difference
    from mipcheck.checker.verbs.diff_report import diff_json, diff_markdown, diff_text

    left, right = (warned(resolved(name)) for name in (args.left, args.right))
    found = difference(left, right, args.timeout, KeptLogs(args.right, args.fresh, args.store))
    shown = {
        "json": lambda: diff_json(found),
        "markdown": lambda: diff_markdown(found),
        "text": lambda: diff_text(found, *terminal(args.output)),
    }
    write(shown[args.format](), args.output)
    if args.report:
        from mipcheck.checker.verbs.pages import diff_page, write_pages

        write_pages(args, lambda: diff_page(found))
    return 0 if found.decided else 3
