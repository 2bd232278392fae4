"""Options that several verbs take, added to a parser, and the words of the command line read.

Imports nothing heavy: every `--help` begins here.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

READ: Final = ("inputs", "capture", "config", "keys", "spec", "left", "right", "expect", "fleet", "mutants")
"""Arguments of the verbs, as argparse calls them, that name what is read: a path, or a list of some."""

WRITTEN: Final = {
    "output": "-o",
    "annotate": "--annotate",
    "smtlib": "--smtlib",
    "logs": "--logs",
    "log": "--log",
    "metrics": "--metrics",
    "write": "--write",
}
"""Arguments that name what is written, and their options."""


Asked = tuple[str, str]
"""A report that is asked for beside the answer: its format, and the path of the file that it goes to."""


class AskedOf:
    """What reads the value of `--report`, of which `kinds` are known."""

    def __init__(self, kinds: Sequence[str]) -> None:
        self.kinds = kinds

    def __call__(self, word: str) -> Asked:
        """Return what is asked for. Raises ArgumentTypeError."""
        kind, _, path = word.partition("=")
        if kind not in self.kinds or not path:
            raise argparse.ArgumentTypeError(f"KIND=FILE, where KIND is one of {', '.join(self.kinds)}")
        return kind, path


def written(args: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Yield what a command line writes: the option, and its path."""
    for name, option in WRITTEN.items():
        path = getattr(args, name, None)
        if path is not None:
            yield option, path
    for kind, path in getattr(args, "report", None) or ():
        yield f"--report {kind}", path


def add_report(parser: argparse.ArgumentParser, kinds: Sequence[str]) -> None:
    """Add `--report`, whose values are `Asked`."""

    parser.add_argument(
        "--report",
        action="append",
        default=[],
        type=AskedOf(kinds),
        metavar="KIND=FILE",
        help=f"write the report to FILE as well, as {' or '.join(filter(None, (', '.join(kinds[:-1]), kinds[-1])))}"
        " (repeatable)",
    )


def add_fleet(parser: argparse.ArgumentParser, what: str) -> None:
    """Add `--fleet`, results of fleets; `what` says what becomes of them."""
    parser.add_argument(
        "--fleet",
        action="append",
        default=[],
        metavar="FILE",
        help=f"{what}: what mipcheck fleet --format json says (repeatable)",
    )


def add_spec(parser: argparse.ArgumentParser) -> None:
    """Add `--spec`."""
    parser.add_argument(
        "--spec", default="draft-01", metavar="NAME|PATH", help="the specification (default: %(default)s)"
    )


def add_kept(parser: argparse.ArgumentParser) -> None:
    """Add `--fresh` and `--store`, for traces that are kept beside the specification."""
    parser.add_argument("--fresh", action="store_true", help="seek anew the traces that are kept and only replayed")
    parser.add_argument("--store", action="store_true", help="keep the traces that are found beside the specification")


def add_parameters(parser: argparse.ArgumentParser) -> None:
    """Add `--set`, which `parameters` reads."""
    parser.add_argument(
        "--set", action="append", default=[], metavar="PARAM=VALUE", help="give a parameter or site key, as t_stop=30s"
    )


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add `--config`."""
    parser.add_argument("--config", metavar="FILE", help="a site file (TOML): addresses, parameters, keys")


def add_keys(parser: argparse.ArgumentParser) -> None:
    """Add `--keys`."""
    parser.add_argument(
        "--keys",
        action="append",
        default=[],
        metavar="FILE",
        help="open ESP and IKEv2 with the keys of FILE: Wireshark's esp_sa or ikev2_decryption_table, what ip xfrm"
        " state shows, or charon's log at level 4; may be repeated",
    )


def add_maps(parser: argparse.ArgumentParser) -> None:
    """Add `--map` and `--unmatched`."""
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="[FILE=]NAME|PATH",
        help="read other programs' logs (or FILE, by path or pattern) through a map: charon, charon,year=2025, or for a"
        " listing of several programs charon+networkmanager"
        " (mipcheck map lists them)",
    )
    parser.add_argument(
        "--unmatched",
        choices=("count", "error"),
        default="count",
        help="what to do with lines that nothing in their map matches (default: %(default)s)",
    )


FOLLOWING: Final = ("grace", "fail_fast", "metrics")
"""Arguments that only `--follow` takes; None where they are not given."""


def add_follow(parser: argparse.ArgumentParser) -> None:
    """Add `--follow` and what belongs to it."""
    parser.add_argument(
        "--follow",
        action="store_true",
        help="judge inputs while they grow: each finding is said when it is certain, the report comes at their end or"
        " after Ctrl-C",
    )
    parser.add_argument(
        "--fail-fast", action="store_true", default=None, help="with --follow: end at the first violation"
    )
    parser.add_argument(
        "--grace", metavar="DURATION", help="with --follow: how late input may come, as 500ms (default: 2s)"
    )
    parser.add_argument(
        "--metrics", metavar="FILE", help="with --follow: keep a text file for Prometheus (events, findings, lag)"
    )


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add `--reading`."""
    parser.add_argument(
        "--reading",
        action="append",
        default=[],
        metavar="[RULE=]NAME",
        help="read an ambiguous sentence in another way (mipcheck ambiguities lists them)",
    )


def add_reading_inputs(parser: argparse.ArgumentParser) -> None:
    """Add all that says how inputs are read, and by which reading of the specification."""
    add_spec(parser)
    add_parameters(parser)
    add_config(parser)
    add_keys(parser)
    add_reading(parser)
    add_maps(parser)


def add_finding(parser: argparse.ArgumentParser) -> None:
    """Add the inputs, `--rule` and `--at`, which say which finding in them is meant."""
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="as for a check")
    parser.add_argument(
        "--rule", metavar="RULE", help="the rule whose violation is meant (default: the first finding's)"
    )
    parser.add_argument("--at", type=int, metavar="N", help="the line or frame of the finding that is meant")


def add_judgement(parser: argparse.ArgumentParser) -> None:
    """Add `--keep-going`, `--fail-on` and `--strict`, on which a verdict depends."""
    parser.add_argument(
        "--keep-going", action="store_true", help="skip lines that cannot be read, as gaps; at best inconclusive"
    )
    parser.add_argument(
        "--fail-on", choices=("must", "should"), default="must", help="what counts as a violation (default: must)"
    )
    parser.add_argument(
        "--strict", action="store_true", help="any evidence that is missing, however little, is inconclusive (exit 3)"
    )


def add_expect(parser: argparse.ArgumentParser) -> None:
    """Add `--expect` and `--expect-update`."""
    parser.add_argument(
        "--expect",
        metavar="FILE",
        help="known deviations (TOML, tables [[expect]]): they do not fail, others and those that are gone do",
    )
    parser.add_argument(
        "--expect-update", action="store_true", help="rewrite the file of --expect so that it fits what is found"
    )


def add_timeout(parser: argparse.ArgumentParser, default: float, of: str = "each call of the solver") -> None:
    """Add `--timeout`, a limit `of` something; `default` is in seconds."""
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=default,
        metavar="S",
        help=f"seconds of an idle processor for {of} (%(default)g)",
    )


def add_output(parser: argparse.ArgumentParser, formats: tuple[str, ...]) -> None:
    """Add `--format`, of which the first of `formats` is the default, and `-o`."""
    parser.add_argument("--format", choices=formats, default=formats[0], help="what to write (default: %(default)s)")
    add_output_file(parser)


def add_output_file(parser: argparse.ArgumentParser) -> None:
    """Add `-o` alone."""
    parser.add_argument(
        "-o", "--output", type=answer, metavar="FILE", help="write to FILE, whole or not at all (-: standard output)"
    )


def answer(word: str) -> str | None:
    """Return the file that an answer goes to; None for -, which is standard output, as it is without the option."""
    return None if word == "-" else word


def seconds(word: str) -> float:
    """Read a number of seconds up to a day. Raises ArgumentTypeError, which argparse reports."""
    try:
        value = float(word)
    except ValueError:
        value = 0.0
    if not 0 < value <= 86400:
        raise argparse.ArgumentTypeError("a number of seconds above 0, at most 86400")
    return value


def parameters(args: argparse.Namespace) -> dict[str, str]:
    """Return what `--set` gives: words by the name of a parameter or site key. Raises UsageError."""
    return pairs(args.set, "--set", "PARAM=VALUE")


def pairs(words: Iterable[str], option: str, form: str, last: bool = False) -> dict[str, str]:
    """Return `NAME=VALUE` words as a mapping; `option` and `form` are for the message. Raises UsageError.

    With `last` a word is divided at its last `=`, as a file's name may hold one.
    """
    from mipcheck.checker.console.errors import UsageError, quoted

    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.rpartition("=") if last else word.partition("=")
        if not equals or not name or not value:
            raise UsageError(f"{option} takes {form}, not {quoted(word)}")
        if found.get(name, value) != value:
            raise UsageError(f"{option} gives {quoted(name)} two values")
        found[name] = value
    return found
