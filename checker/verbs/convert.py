"""`mipcheck convert CAPTURE`: the events of a capture as a log."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import warned, write

if TYPE_CHECKING:
    from mipcheck.checker.inputs.trace import Input
    from mipcheck.checker.trace.source import Sight

DESCRIPTION: Final = "Write the events of a capture as a log, which can be read, edited and checked."
EXAMPLE: Final = "mipcheck convert capture.pcapng --config site.toml -o capture.log"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("capture", metavar="CAPTURE", help="a capture (pcap or pcapng) or a log; - is standard input")
    options.add_spec(parser)
    options.add_parameters(parser)
    options.add_config(parser)
    options.add_keys(parser)
    options.add_maps(parser)
    options.add_output(parser, ("log", "jsonl"))


def run(args: argparse.Namespace) -> int:
    """Write the log, which begins with comments on where it is from; return 0.

    Raises UsageError, and what reading the specification, the site and the capture raises.
    """
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.inputs.read import read_trace
    from mipcheck.checker.trace.vocabulary import vocabulary_of
    from mipcheck.model.specification.layering import Layering

    spec = warned(resolved(args.spec))
    vocabulary = vocabulary_of(spec)
    words = options.parameters(args)
    trace = read_trace(
        [args.capture],
        vocabulary,
        args.config,
        words,
        protects=Layering(spec).protected,
        maps=args.map,
        unmatched=args.unmatched,
        keys=args.keys,
    )
    (source,) = trace.inputs
    comments = [f"from {Path(source.file).name} ({source.kind})", *source.notes, *source.hidden]
    if args.format == "jsonl":
        from mipcheck.checker.logs.jsonl import write_jsonl as write_trace
    else:
        from mipcheck.checker.logs.text import write_log as write_trace
    text = write_trace(
        trace.events,
        trace.site,
        vocabulary,
        comments,
        absolute=trace.absolute,
        sight=_stated(source),
        holes=source.holes,
        lost=source.lost,
    )
    write(text, args.output)
    return 0


def _stated(source: Input) -> Sight:
    """Return what the log has to say of its source: stamps of whole seconds are written with fractions, too."""
    if source.sight.resolution is None and source.resolution:
        return replace(source.sight, resolution=source.resolution)
    return source.sight
