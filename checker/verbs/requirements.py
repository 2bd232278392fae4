"""`mipcheck requirements`: what the document requires, what encodes it, and on a page what covers it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import terminal, warned, write

if TYPE_CHECKING:
    from mipcheck.model.specification.spec import Spec

DESCRIPTION: Final = (
    "List what the document requires: where, how strictly, in our words, and what encodes it or why nothing does."
)
EXAMPLE: Final = "mipcheck requirements --format markdown"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    options.add_spec(parser)
    options.add_report(parser, ("html",))
    options.add_fleet(parser, "show on the page what a corpus exercised")
    parser.add_argument(
        "--mutants", metavar="FILE", help="show on the page what mipcheck mutate --format json says of changed rules"
    )
    parser.add_argument(
        "--traces",
        nargs="+",
        metavar="LOG",
        dest="inputs",
        help="logs that the page has for examples (default: those that come with mipcheck)",
    )
    parser.add_argument(
        "--timeout", type=options.seconds, default=60.0, metavar="S",
        help="seconds for all proofs of the page; what they do not get to is unknown (%(default)g)",
    )  # fmt: skip
    options.add_output(parser, ("text", "markdown", "json"))


def run(args: argparse.Namespace) -> int:
    """Write the catalogue; return 0. Raises UsageError, SpecError, and for the page InputError and Disagreement."""
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.verbs import requirements_catalogue as catalogue

    _check(args)
    spec = warned(resolved(args.spec))
    shown = {
        "json": lambda: catalogue.requirements_json(spec),
        "markdown": lambda: catalogue.requirements_markdown(spec),
        "text": lambda: catalogue.requirements_text(spec, *terminal(args.output)),
    }
    if args.report:
        from mipcheck.checker.verbs.pages import write_pages

        write_pages(args, lambda: _page(args, spec))
    write(shown[args.format](), args.output)
    return 0


def _check(args: argparse.Namespace) -> None:
    """Raise UsageError for what only a page shows where none is asked for."""
    asked = [
        name
        for name, value in (("--fleet", args.fleet), ("--mutants", args.mutants), ("--traces", args.inputs))
        if value
    ]
    if asked and not args.report:
        from mipcheck.checker.console.errors import UsageError

        raise UsageError(f"{asked[0]} is for a page: give --report html=FILE as well")


def _page(args: argparse.Namespace, spec: Spec) -> str:
    """Return the page. Raises UsageError, InputError and Disagreement."""
    from mipcheck.checker.verbs.requirements_covered import covered
    from mipcheck.checker.verbs.requirements_page import coverage_page
    from mipcheck.checker.verbs.results import read_corpus, read_mutants

    corpora = [read_corpus(path) for path in args.fleet]
    mutants = None if args.mutants is None else read_mutants(args.mutants)
    found = covered(spec, args.spec, traces=args.inputs, corpora=corpora, mutants=mutants, timeout=args.timeout)
    return coverage_page(found)
