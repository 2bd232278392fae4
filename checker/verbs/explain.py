"""`mipcheck explain RULE|MODE`: the page of a rule or of an access mode."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import terminal, warned, write

if TYPE_CHECKING:
    from mipcheck.model.specification.spec import Spec

DESCRIPTION: Final = (
    "Show a rule: what it demands, where the draft says so, how it may be read, and examples. Or an access"
    " mode: its layers, headers, steps, flags, addresses and cost."
)
EXAMPLE: Final = "mipcheck explain M2"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("rule", metavar="RULE|MODE", help="the rule's id, as M2, or an access mode, as cvc")
    options.add_spec(parser)
    options.add_parameters(parser)
    options.add_reading(parser)
    parser.add_argument("--all", action="store_true", help="show what is behind the names that the rule uses, too")
    options.add_kept(parser)
    options.add_output(parser, ("text", "json"))


def run(args: argparse.Namespace) -> int:
    """Write the page; return 0. Raises UsageError, SpecError, ParameterError and Disagreement."""
    from mipcheck.checker.check.readings import resolved

    spec = warned(resolved(args.spec, args.reading))
    mode = args.rule in spec.accesses and not any(args.rule in m.rules for m in spec.machines())
    write(_mode(args, spec) if mode else _rule(args, spec), args.output)
    return 0


def _rule(args: argparse.Namespace, spec: Spec) -> str:
    """Return the page of a rule in the format asked for."""
    from mipcheck.checker.proofs.kept import kept_by
    from mipcheck.checker.verbs.explain_rule import rule_json, rule_page, rule_text

    page = rule_page(args.rule, spec=spec, parameters=options.parameters(args), kept=kept_by(args))
    return rule_json(page) if args.format == "json" else rule_text(page, *terminal(args.output), whole=args.all)


def _mode(args: argparse.Namespace, spec: Spec) -> str:
    """Return the page of an access mode in the format asked for."""
    from mipcheck.checker.proofs.kept import kept_by
    from mipcheck.checker.verbs.explain_mode import mode_json, mode_page, mode_text

    page = mode_page(spec, args.rule, options.parameters(args), kept=kept_by(args))
    return mode_json(page) if args.format == "json" else mode_text(page, *terminal(args.output))
