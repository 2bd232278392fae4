"""`mipcheck map [NAME|PATH] [LOG]`: what a map makes of its samples, or of a log, each line beside its events."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import warned, write

if TYPE_CHECKING:
    from mipcheck.checker.maps.library import Use
    from mipcheck.checker.trace.vocabulary import Vocabulary

DESCRIPTION: Final = (
    "Show what a map makes of the lines of another program's log: of its own samples, which are its tests, or of LOG."
    " Without a map, list those that come along."
)
EPILOG: Final = (
    "exit codes: 0 all as it has to be, 1 a sample gives other events than are due, 2 the map or the log is wrong\n"
)
EXAMPLE: Final = "mipcheck map charon"
_LINES: Final = 500
"""Lines that are written at a time."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument(
        "map",
        nargs="?",
        metavar="NAME|PATH",
        help="a map that comes along, or a file (./my.map), with what is given for it: charon,year=2025,zone=UTC",
    )
    parser.add_argument("inputs", nargs="*", metavar="LOG", help="a log of that program; - is standard input")
    options.add_spec(parser)


def run(args: argparse.Namespace) -> int:
    """Write what is asked for; return 0, or 1 for a map that fails its samples. Raises InputError, UsageError."""
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.console.errors import UsageError
    from mipcheck.checker.maps.library import bundled, map_of, use_of
    from mipcheck.checker.trace.vocabulary import vocabulary_of

    if args.map is None:
        write("".join(f"{name:16} {map_of(name).title}\n" for name in bundled()), None)
        return 0
    if len(args.inputs) > 1:
        raise UsageError("mipcheck map takes one log")
    vocabulary = vocabulary_of(warned(resolved(args.spec)))
    use = use_of(args.map, vocabulary)
    if args.inputs:
        _dry_run(use, args.inputs[0], vocabulary)
        return 0
    return _samples(use, vocabulary)


def _dry_run(use: Use, path: str, vocabulary: Vocabulary) -> None:
    """Write the lines of a log beside their events, as they come."""
    from contextlib import ExitStack

    from mipcheck.checker.inputs.opening import open_inputs
    from mipcheck.checker.maps.samples import beside

    with ExitStack() as stack:
        (given,) = open_inputs([path], stack)
        given.refuse_binary()
        _write_all(beside(use, given.lines(), given.name, vocabulary, given.written))


def _write_all(lines: Iterator[str]) -> None:
    from itertools import islice

    while part := list(islice(lines, _LINES)):
        write("".join(f"{line}\n" for line in part), None)


def _samples(use: Use, vocabulary: Vocabulary) -> int:
    """Write the samples of a map, and where one is not as it has to be, what differs."""
    from mipcheck.checker.console.escape import printable
    from mipcheck.checker.maps.samples import beside, raw_of, settled, wrong_with

    map_ = use.map
    lines = [f"{printable(map_.name)}: {printable(map_.title)}"]
    lines += [f"  {name}=…  {printable(what)}" for name, what in map_.given.items()]
    failed = 0
    for sample in map_.samples:
        lines += ["", f"sample {printable(sample.name)}"]
        lines += beside(settled(map_, sample), raw_of(sample), sample.name, vocabulary, None)
        wrong = wrong_with(map_, sample, vocabulary)
        failed += bool(wrong)
        lines += (
            [f"FAILED {printable(map_.file)}:{sample.line}", *(f"  {printable(w)}" for w in wrong)]
            if wrong
            else ["as due"]
        )
    count = len(map_.samples)
    verdict = (
        "no samples"
        if not count
        else f"{failed} of {count} samples failed"
        if failed
        else f"all {count} samples as due"
    )
    write("\n".join([*lines, "", verdict, ""]), None)
    return 1 if failed else 0
