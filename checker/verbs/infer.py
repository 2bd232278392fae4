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
    from mipcheck.checker.infer.proposal import propose
    from mipcheck.checker.inputs.opening import open_input

    with open_input(args.capture) as stream:
        proposal = propose(stream, args.capture)
    write(proposal.toml(), args.output)
    return 0
