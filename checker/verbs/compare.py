"""`mipcheck compare [SPEC...]`: what proposals come to, by the questions that they are compared by."""

from __future__ import annotations

import argparse
from typing import Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import terminal, warned, write

DESCRIPTION: Final = (
    "Compare proposals by guidelines: what is proved of each, shown by a trace, computed, or changed. Without names,"
    " the draft, RFC 5265 and all candidates; with two names, what tells them apart. Exit code 1 if anything is not as"
    " the specifications say, 3 if it is not known whether it is; what they say is unknown is neither."
)
EXAMPLE: Final = "mipcheck compare candidates/e5 candidates/e8"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("specs", nargs="*", metavar="SPEC", help="specifications, by name or path (default: all)")
    parser.add_argument("--fresh", action="store_true", help="prove anew what certificates show: that takes minutes")
    options.add_timeout(parser, 60.0)
    options.add_report(parser, ("html",))
    options.add_output(parser, ("text", "markdown", "json"))


def run(args: argparse.Namespace) -> int:
    """Write the table; return 0, 1 if something is not as it is said to be, else 3 if that is not known of something.

    Raises UsageError, SpecError and Disagreement.
    """
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.verbs.compare_report import compared_json, compared_markdown, compared_text
    from mipcheck.checker.verbs.compare_table import compared, names_of_all

    names = list(dict.fromkeys(args.specs)) or names_of_all()
    found = compared([(name, warned(resolved(name))) for name in names], args.timeout, args.fresh)
    shown = {
        "json": lambda: compared_json(found),
        "markdown": lambda: compared_markdown(found),
        "text": lambda: compared_text(found, *terminal(args.output)),
    }
    write(shown[args.format](), args.output)
    if args.report:
        from mipcheck.checker.verbs.pages import compare_page, write_pages

        write_pages(args, lambda: compare_page(found))
    return 1 if found.wrong else 3 if found.unknown else 0
