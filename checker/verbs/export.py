"""`mipcheck export FORMAT [WHAT...]`: what other tools read: diagrams, transition systems, counterexamples."""

from __future__ import annotations

import argparse
from typing import Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import warned, write

DESCRIPTION: Final = (
    "Write a specification for other tools: state diagrams (mermaid, dot), the transition system that a property is"
    " proved of (horn, vmt), a log with the state after each of its events (itf), colours for editors (textmate)."
)
EXAMPLE: Final = "mipcheck export mermaid inside sa_up"
FORMATS: Final = ("mermaid", "dot", "horn", "vmt", "itf", "textmate")
EPILOG: Final = """\
formats:
  mermaid, dot  WHAT are variables (default: all that can be drawn and are no ghosts)
  horn, vmt     WHAT is a property: Horn clauses of SMT-LIB for Spacer, Eldarica, Golem; VMT for ic3ia, nuXmv
  textmate      the language of specifications, for the colours of VS Code, Sublime Text, IntelliJ, bat
  itf           WHAT is a log, - for standard input: mipcheck prove PROPERTY ... | mipcheck export itf -
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument(
        "kind", choices=("mermaid", "dot", "horn", "vmt", "itf", "textmate"), metavar="FORMAT", help="see below"
    )
    parser.add_argument("inputs", nargs="*", metavar="WHAT", help="see below")
    options.add_spec(parser)
    options.add_reading(parser)
    options.add_parameters(parser)
    parser.add_argument("--role", metavar="ROLE", help="the role whose state is drawn (default: the mobile node)")
    options.add_output_file(parser)


def run(args: argparse.Namespace) -> int:
    """Write it; return 0. Raises UsageError, SpecError, ParameterError, InputError."""
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.console.errors import UsageError
    from mipcheck.checker.verbs.export_written import drawn, states, system

    if args.kind == "textmate":
        from mipcheck.model.language.textmate import textmate

        if args.inputs:
            raise UsageError("export textmate is of the language, and takes no names")
        write(textmate(), args.output)
        return 0
    spec = warned(resolved(args.spec, args.reading))
    if args.kind in ("mermaid", "dot"):
        text = drawn(spec, args.kind, args.inputs, args.role)
    elif args.kind == "itf":
        text = states(spec, args.inputs)
    else:
        text = system(spec, args.kind, args.inputs, options.parameters(args))
    write(text, args.output)
    return 0
