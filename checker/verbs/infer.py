"""`mipcheck infer CAPTURE`: a site file that the capture speaks for."""

from __future__ import annotations

import argparse
from typing import Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import write

DESCRIPTION: Final = (
    "Propose a site file for a capture: each line with the frame that speaks for it, and how sure that is."
)
EXAMPLE: Final = "mipcheck infer capture.pcapng -o site.toml"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("capture", metavar="CAPTURE", help="a capture (pcap or pcapng); - is standard input")
    options.add_output_file(parser)


def run(args: argparse.Namespace) -> int:
    """Write the site file; return 0. Raises UsageError, and what reading the capture raises."""
    from mipcheck.checker.console.errors import InputError, Problem
    from mipcheck.checker.infer.proposal import propose
    from mipcheck.checker.inputs.opening import OpenInput, open_input
    from mipcheck.model.values.event import Position

    with open_input(args.capture) as stream:
        if OpenInput(args.capture, stream).kind != "capture":
            hint = "only a capture shows who is who by itself; for a log, write a site file or its site lines by hand"
            raise InputError([Problem(Position(args.capture), "is no capture", hint)])
        proposal = propose(stream, args.capture)
    write(proposal.toml(), args.output)
    return 0
