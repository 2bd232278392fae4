"""`mipcheck convert CAPTURE`: the events of a capture as a log."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import keep_inputs, warned, write

DESCRIPTION: Final = "Write the events of a capture as a log, which can be read, edited and checked."
EXAMPLE: Final = "mipcheck convert capture.pcapng --config site.toml -o capture.log"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("capture", metavar="CAPTURE", help="a capture (pcap or pcapng) or a log; - is standard input")
    options.add_spec(parser)
    options.add_parameters(parser)
    options.add_config(parser)
    options.add_output(parser, ("log", "jsonl"))


def run(args: argparse.Namespace) -> int:
    """Write the log, which begins with comments on where it is from; return 0.

    Raises UsageError, and what reading the specification, the site and the capture raises.
    """
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.inputs.read import read_trace
    from mipcheck.checker.trace.vocabulary import vocabulary_of
    from mipcheck.model.specification.layering import Layering

    keep_inputs(args.output, [args.capture, args.config or None])
    spec = warned(resolved(args.spec))
    vocabulary = vocabulary_of(spec)
    words = options.parameters(args)
    trace = read_trace([args.capture], vocabulary, args.config, words, protects=Layering(spec).protected)
    (source,) = trace.inputs
    comments = [f"from {Path(source.file).name} ({source.kind})", *source.notes, *source.hidden]
    if args.format == "jsonl":
        from mipcheck.checker.logs.jsonl import write_jsonl as write_trace
    else:
        from mipcheck.checker.logs.text import write_log as write_trace
    write(write_trace(trace.events, trace.site, vocabulary, comments, absolute=trace.absolute), args.output)
    return 0
