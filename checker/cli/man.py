"""`mipcheck man`: the manual page, made from the parsers of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import write
from mipcheck.model.version import __version__

if TYPE_CHECKING:
    from mipcheck.checker.cli.cli import Verb

DESCRIPTION: Final = (
    "Write the manual page: `mipcheck man | man -l -` shows it, -o ~/.local/share/man/man1/mipcheck.1 keeps it."
)
EXAMPLE: Final = "mipcheck man"

EXIT: Final = (
    ("0", "conformant, proved, done"),
    ("1", "a violation, a refuted property"),
    ("2", "the command line or an input is wrong"),
    ("3", "inconclusive or unknown: what was there does not decide"),
    ("4", "an internal error of mipcheck"),
    ("130", "ended by Ctrl-C"),
)
ENVIRONMENT: Final = (
    ("MIPCHECK_CACHE", "where is kept what makes the next start quick; off keeps nothing (default: ~/.cache/mipcheck)"),
    ("MIPCHECK_DEBUG", "with 1, an internal error shows where it happened"),
    ("COLUMNS", "how wide the terminal is taken for"),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    options.add_output_file(parser)


def run(args: argparse.Namespace) -> int:
    """Write the page; return 0."""
    write(page(), args.output)
    return 0


def page() -> str:
    """Return the manual page, in the macros of man(7)."""
    from mipcheck.checker.cli.cli import CHECK, NAMED, REGISTRY

    lines = [
        f'.TH MIPCHECK 1 "" "mipcheck {_plain(__version__)}" "User Commands"',
        ".SH NAME",
        r"mipcheck \- proves Mobile IPv4 specifications and holds logs and captures to them",
        ".SH SYNOPSIS",
    ]
    for verb in REGISTRY:
        name = "" if verb is CHECK else rf" {verb.name}"
        lines += [rf".B mipcheck{name}", rf"{_plain(f'[OPTION...] {verb.takes}'.rstrip())}", ".br"]
    lines += [".SH DESCRIPTION", *_of(CHECK), ".SH VERBS"]
    for verb in NAMED.values():
        lines += [f'.SS "mipcheck {verb.name} {_plain(verb.takes)}"', *_of(verb)]
    for title, entries in (("EXIT STATUS", EXIT), ("ENVIRONMENT", ENVIRONMENT)):
        lines += [f".SH {title}"]
        for term, text in entries:
            lines += [".TP", f".B {term}", _plain(text)]
    return "\n".join(lines) + "\n"


def _of(verb: Verb) -> Iterator[str]:
    """Yield the lines about a verb: what it does, its options, an example."""
    from mipcheck.checker.cli.cli import module_of, parser_of

    module = module_of(verb)
    yield ".PP"
    yield _plain(module.DESCRIPTION)
    parser = parser_of(verb, module)
    formatter = argparse.HelpFormatter("mipcheck")
    for action in parser._actions:
        if action.help == argparse.SUPPRESS or "--help" in action.option_strings:
            continue
        yield ".TP"
        yield _invoked(action)
        yield _plain(formatter._expand_help(action) if action.help else "")
    if epilog := getattr(module, "EPILOG", ""):
        yield from (".PP", ".nf", *map(_plain, epilog.splitlines()), ".fi")
    yield from (".PP", "Example:", ".RS", ".nf", _plain(module.EXAMPLE), ".fi", ".RE")


def _invoked(action: argparse.Action) -> str:
    """Return how an argument is written, options bold and what they take in italics."""
    value = "" if action.nargs == 0 else _value(action)
    if not action.option_strings:
        return rf"\fI{_plain(value)}\fR"
    named = ", ".join(rf"\fB{_plain(option)}\fR" for option in action.option_strings)
    return named + (rf" \fI{_plain(value)}\fR" if value else "")


def _value(action: argparse.Action) -> str:
    choices: Sequence[object] = tuple(action.choices or ())
    return str(action.metavar or ("|".join(map(str, choices)) if choices else action.dest.upper()))


def _plain(text: str) -> str:
    """Return text as roff prints it as it is: nothing of it is a macro, and a hyphen can be copied."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("`", r"\(ga")
    escaped = "".join(c if ord(c) < 128 else rf"\[u{ord(c):04X}]" for c in escaped)
    return rf"\&{escaped}" if escaped[:1] in (".", " ") else escaped
