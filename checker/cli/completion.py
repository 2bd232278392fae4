"""`mipcheck completion SHELL`: what a shell needs to complete verbs, options and names.

The scripts are thin: at every completion they ask this verb, which reads the parsers that the command line itself has.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from mipcheck.checker.console.output import write

DESCRIPTION: Final = "Print the script with which bash, zsh or fish completes verbs, options, names and files."
EPILOG: Final = """\
where it goes:
  bash   mipcheck completion bash > ~/.local/share/bash-completion/completions/mipcheck
  zsh    mipcheck completion zsh > a folder of $fpath, as _mipcheck
  fish   mipcheck completion fish > ~/.config/fish/completions/mipcheck.fish
"""
EXAMPLE: Final = "mipcheck completion bash"

SHELLS: Final = ("bash", "zsh", "fish")
FILES: Final = ":files"
FOLDERS: Final = ":folders"
"""Lines that stand for all files, or all folders, that begin with the word: a shell knows them better."""

NAMED: Final = {
    "PARAM=VALUE": (("parameters",), "="),
    "PARAM": (("parameters",), ""),
    "[RULE=]NAME": (("readings",), ""),
    "RULE": (("rules",), ""),
    "RULE|MODE": (("rules", "modes"), ""),
    "PROPERTY": (("properties",), ""),
    "ROLE": (("roles",), ""),
    "SPEC": (("specs",), ""),
    "[FILE=]NAME|PATH": (("maps",), ""),
}
"""The metavariables of options that take names: the kinds of `mipcheck names`, and what is written after each."""
PATHS: Final = ("FILE", "INPUT", "CAPTURE", "LOG", "OUT", "PATH", "SPEC")
"""What metavariables have in them that take a file, or a folder with files."""


class Place(NamedTuple):
    """Where a word stands: the options that may begin there, and the argument that may, None if none is left."""

    options: Sequence[str]
    argument: argparse.Action | None


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help=f"one of {', '.join(SHELLS)}")
    parser.add_argument(
        "words", metavar="WORD", nargs="*", help="after --: a command line to complete, as the script asks"
    )


def run(args: argparse.Namespace) -> int:
    """Write the script, or what the last of the words may be, a line each; return 0."""
    if not args.words:
        write(Path(__file__).with_name(f"completion.{args.shell}").read_text(encoding="utf-8"), None)
        return 0
    whole, given = joined(args.words)[-1], args.words[-1]
    found = candidates(args.words)
    if args.shell == "bash" and whole != given:  # bash gives, and takes, what stands after the last sign
        found = [line[whole.rindex("=") + 1 :] if "=" in line[:-1] else line for line in found]
    write("".join(f"{line}\n" for line in found), None)
    return 0


def joined(words: Sequence[str]) -> list[str]:
    """Put words together again that bash took apart at a sign of equality."""
    found: list[str] = []
    glue = False
    for word in words:
        if found and (word == "=" or glue):
            found[-1] += word
        else:
            found.append(word)
        glue = word == "="
    return found


def candidates(words: Sequence[str]) -> list[str]:
    """Return what the last of the words after `mipcheck` may be, as a whole, or `FILES` or `FOLDERS`."""
    from mipcheck.checker.cli.cli import CHECK, module_of, parser_of
    from mipcheck.checker.cli.cli import NAMED as VERBS

    *before, word = joined(words)
    verb = VERBS.get(before[0]) if before else None
    own = before[1:] if before and (verb or before[0] == CHECK.name) else before
    parser = parser_of(verb or CHECK, module_of(verb or CHECK))
    option, sign, value = word.partition("=")
    if word.startswith("-") and not sign:
        return sorted(o for o in place_of(parser, own).options if o.startswith(word))
    prefix, begun = (option + sign, value) if word.startswith("--") else ("", word)
    action = place_of(parser, [*own, option] if prefix else own).argument
    found = [] if before or prefix else [CHECK.name, *VERBS]
    if action is not None:
        found += values(action, own, begun)
    return [line if line in (FILES, FOLDERS) else prefix + line for line in found
            if line in (FILES, FOLDERS) or line.startswith(begun)]  # fmt: skip


def place_of(parser: argparse.ArgumentParser, words: Iterable[str]) -> Place:
    """Return where the word after some others stands."""
    known = {option: action for action in parser._actions for option in action.option_strings}
    waiting = [action for action in parser._actions if not action.option_strings]
    taker: argparse.Action | None = None
    for word in words:
        if taker is not None:  # the value of an option
            taker = None
        elif word in known:
            taker = known[word] if known[word].nargs != 0 else None
        elif not word.startswith("-") and waiting and waiting[0].nargs not in ("+", "*"):
            waiting = waiting[1:]
    return Place([] if taker else list(known), taker or (waiting[0] if waiting else None))


def values(action: argparse.Action, words: Sequence[str], begun: str) -> list[str]:
    """Return what an argument may be whose value begins with `begun`, after the other words of the command line."""
    metavar = str(action.metavar or action.dest)
    if action.choices:
        return [str(choice) for choice in action.choices]
    if metavar == "KIND=FILE":
        return [FILES] if "=" in begun else [f"{kind}=" for kind in getattr(action.type, "kinds", ())]
    if metavar in ("DIR", "FOLDER"):
        return [FOLDERS]
    kinds, end = NAMED.get(metavar, ((), ""))
    if metavar == "NAME|PATH":
        kinds = ("specs",) if action.dest == "spec" else ("maps",)
    before = begun[: begun.rindex("=") + 1] if "maps" in kinds and "=" in begun else ""
    found = [f"{before}{name}{end}" for kind in kinds for name in _names(kind, words)]
    return [*found, FILES] if any(word in metavar for word in PATHS) else found


def _names(kind: str, words: Sequence[str]) -> list[str]:
    """Return the names of a kind in the specification that the command line names; none where that is in error."""
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.verbs.names import names_of
    from mipcheck.model.values.errors import UserError

    spec = next((b for a, b in itertools.pairwise(words) if a == "--spec"), "draft-01")
    try:
        return names_of(kind, resolved(spec))
    except UserError:
        return []
