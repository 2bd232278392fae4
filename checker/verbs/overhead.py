"""`mipcheck overhead [CAPTURE]`: what each access mode costs in octets, and what a capture shows of it."""

from __future__ import annotations

import argparse
import re
from typing import Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import terminal, warned, write

DESCRIPTION: Final = (
    "Compute what each access mode adds to a packet, as section 6.2 of the draft does, and measure what the"
    " packets of a capture carry."
)
EXAMPLE: Final = "mipcheck overhead --cipher aes-cbc+hmac-sha2-256-128 --nat"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("capture", nargs="?", metavar="CAPTURE", help="measure the user data of this capture as well")
    options.add_spec(parser)
    options.add_parameters(parser)
    options.add_config(parser)
    parser.add_argument("--nat", action="store_true", help="with a NAT for each layer")
    parser.add_argument("--cipher", metavar="NAME", help="as aes-gcm, or aes-cbc+hmac-sha2-256-128")
    for size, what in (("iv", "of the cipher's IV"), ("block", "to which ESP pads"), ("icv", "of the integrity check")):
        parser.add_argument(f"--{size}", type=_octets, metavar="N", help=f"octets {what}")
    options.add_output(parser, ("text", "json"))


def _octets(word: str) -> int:
    """Read a number of octets. Raises ArgumentTypeError, which argparse reports."""
    if not re.fullmatch(r"[0-9]{1,4}", word):
        raise argparse.ArgumentTypeError("a number of octets, as 16")
    return int(word)


def run(args: argparse.Namespace) -> int:
    """Write the costs; return 0. Raises UsageError, SpecError, ParameterError, and what reading a capture raises."""
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.verbs.overhead_costs import costs, costs_json, costs_text

    found = costs(
        warned(resolved(args.spec)),
        capture=args.capture,
        config=args.config,
        words=options.parameters(args),
        sizes={"iv": args.iv, "block": args.block, "icv": args.icv},
        cipher=args.cipher,
        nat=args.nat,
    )
    write(costs_json(found) if args.format == "json" else costs_text(found, *terminal(args.output)), args.output)
    return 0
