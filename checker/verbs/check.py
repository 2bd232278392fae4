"""`mipcheck INPUT...`, the verb that needs no name: check logs and captures, and report."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from mipcheck.checker.console import options
from mipcheck.model.version import __version__

if TYPE_CHECKING:
    from mipcheck.checker.check.expected import Expectation
    from mipcheck.checker.check.parties import Group
    from mipcheck.checker.check.report import Report
    from mipcheck.model.specification.spec import Spec

DESCRIPTION: Final = (
    "Check logs and captures of a mobile node against a specification of Mobile IPv4 across VPN gateways."
)
EPILOG: Final = """\
exit codes: 0 conformant, or as expected; 1 violation, or stale; 3 inconclusive;
            2 the input or the command line is wrong; 4 internal error
"""
EXAMPLE: Final = "mipcheck traces/plaintext-after-loss.log"

FORMATS: Final = ("text", "json", "jsonl", "html", "junit", "sarif", "github")
"""What a report can be written as: all but text are made by `report_FORMAT` in the module `report/FORMAT.py`."""

EXIT: Final = {"conformant": 0, "expected": 0, "violation": 1, "stale": 1, "inconclusive": 3}
"""Exit codes by verdict."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="a log, JSON Lines, pcap or pcapng; several are merged by time. A file called like a verb: ./prove",
    )
    options.add_reading_inputs(parser)
    parser.add_argument(
        "--offset",
        action="append",
        default=[],
        metavar="INPUT=SECONDS",
        help="add seconds to the times of an input (or give the date at which a log of relative times starts)",
    )
    parser.add_argument(
        "--party",
        action="append",
        default=[],
        metavar="INPUT=NAME",
        help="the party of a system, or the role, at which an input was taken; each is judged by its own rules, in one"
        " run. Logs say it themselves (site role=vpn)",
    )
    options.add_judgement(parser)
    parser.add_argument(
        "--annotate",
        metavar="OUT",
        help="copy the capture to OUT (a pcapng file), or each of several into the folder OUT/, with a comment on each"
        " packet that the verdict is about",
    )
    options.add_output(parser, FORMATS)
    options.add_report(parser, FORMATS)
    options.add_expect(parser)
    options.add_follow(parser)
    parser.add_argument("-v", "--verbose", action="store_true", help="list every rule, parameter and finding")
    parser.add_argument("--version", action="version", version=f"mipcheck {__version__}")


def run(args: argparse.Namespace) -> int:
    """Write the report and what else is asked for, annotated captures and reports; return the verdict's exit code.

    Raises UsageError, and what reading the specification, the site and the inputs raises.
    """
    from mipcheck.checker.check.check import check
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.console.errors import UsageError
    from mipcheck.checker.console.output import warned

    if args.follow:
        from mipcheck.checker.verbs.check_follow import refuse

        refuse(args)
    spec = warned(resolved(args.spec, args.reading))
    expectations = _expectations(args, spec)
    if args.follow:
        from mipcheck.checker.verbs.check_follow import follow
        from mipcheck.checker.verbs.check_parties import one_at_a_time

        if len(args.inputs) > 1 and (groups := _groups(args, spec)) is not None:
            raise one_at_a_time("--follow", groups)
        report, said = follow(args, spec)
        return _conclude(report, args, expectations, said)
    for option in options.FOLLOWING:
        if getattr(args, option) is not None:
            raise UsageError(f"--{option.replace('_', '-')} is for --follow")
    if (len(args.inputs) > 1 or args.party) and (groups := _groups(args, spec)) is not None:
        from mipcheck.checker.verbs.check_parties import run_together

        return run_together(args, spec, groups)
    kinds = (args.format, *(kind for kind, _ in args.report))
    report = check(
        args.inputs,
        spec=spec,
        config=args.config,
        parameters=options.parameters(args),
        offsets=options.pairs(args.offset, "--offset", "INPUT=SECONDS", last=True),
        keep_going=args.keep_going,
        fail_on=args.fail_on,
        strict=args.strict,
        maps=args.map,
        unmatched=args.unmatched,
        keys=args.keys,
        chart="html" in kinds,
        closest="all" if args.verbose else "short" if "json" in kinds else "none",
        repairs=args.verbose or "html" in kinds,
    )
    if args.annotate is not None:
        from mipcheck.checker.report.copies import annotate_inputs
        from mipcheck.model.specification.load import files_of

        others = [args.config, *files_of(args.spec)]
        outputs = [(option, path) for option, path in options.written(args) if option != "--annotate"]
        annotate_inputs(report, args.inputs, args.annotate, others, outputs)
    return _conclude(report, args, expectations)


def _groups(args: argparse.Namespace, spec: Spec) -> list[Group] | None:
    """Return the inputs by party, None if they are of one: so they are where the command line says the role of all."""
    from mipcheck.checker.check.parties import taken_at

    told = options.pairs(args.party, "--party", "INPUT=NAME", last=True)
    return taken_at(args.inputs, told, spec) if told or "role" not in options.parameters(args) else None


def _conclude(
    report: Report, args: argparse.Namespace, expectations: Sequence[Expectation] | None, said: int | None = None
) -> int:
    """Write the report wherever it is asked for; return the exit code. Of a run that was followed, `said` findings were
    said as JSON Lines already."""
    from mipcheck.checker.console.output import write

    if expectations is not None:
        report = _excused(report, expectations, args)
    for kind, path in args.report:
        write(_rendered(report, kind, path, args), path)
    if said is not None and args.format == "jsonl" and args.output is None:
        from mipcheck.checker.report.jsonl import report_jsonl

        write(report_jsonl(report, findings=False), None)
    else:
        write(_rendered(report, args.format, args.output, args), args.output)
    return EXIT[report.verdict]


def _expectations(args: argparse.Namespace, spec: Spec) -> list[Expectation] | None:
    """Read the known deviations, None if none are given. Raises UsageError."""
    if args.expect is None and not args.expect_update:
        return None
    from mipcheck.checker.check.expected import asked_for
    from mipcheck.model.specification.load import files_of

    return asked_for(args.expect, args.expect_update, spec, [*args.inputs, args.config, *files_of(args.spec)])


def _excused(report: Report, expectations: Sequence[Expectation], args: argparse.Namespace) -> Report:
    """Return the report with known deviations excused, after their file was rewritten if that is asked for."""
    from datetime import date

    from mipcheck.checker.check.expected import updated, with_expectations, written_expectations
    from mipcheck.checker.console.output import write

    today = date.today()
    if args.expect_update:
        expectations = updated(report, expectations, today)
        write(written_expectations(expectations), args.expect)
    return with_expectations(report, expectations, today)


def _rendered(report: Report, kind: str, path: str | None, args: argparse.Namespace) -> str:
    """Return the report in the format `kind`, for the file `path` (None: standard output)."""
    if not args.verbose and kind != "html":  # what is asked for beside it changes no format
        from dataclasses import replace

        report = replace(report, violations=tuple(replace(v, repairs=()) for v in report.violations))
    if kind == "text":
        from mipcheck.checker.console.output import terminal
        from mipcheck.checker.report.text import report_text

        return report_text(report, *terminal(path), verbose=args.verbose, spec=args.spec)
    module = importlib.import_module(f"mipcheck.checker.report.{kind}")
    return str(getattr(module, f"report_{kind}")(report))
