"""`mipcheck fmt FILE...`: specifications with their blanks and indentation in order."""

from __future__ import annotations

import argparse
import difflib
import shlex
import sys
from pathlib import Path
from typing import Final

from mipcheck.checker.console.output import write

DESCRIPTION: Final = (
    "Put blanks and indentation of specifications in order. Comments, the author's line breaks, and columns that"
    " are aligned with two blanks or more stay."
)
EPILOG: Final = "exit codes: 0 done, or in order; 1 with --check or --diff, not in order; 2 no specification\n"
EXAMPLE: Final = "mipcheck fmt --check specs/draft-01.spec"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="the path of a specification, which is rewritten (- is a filter)"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; say of each file whether it is in order")
    parser.add_argument("--diff", action="store_true", help="write nothing; show what would change")


def run(args: argparse.Namespace) -> int:
    """Rewrite each file that is not in order, whole or not at all; go on after one in error. Raises UsageError."""
    from mipcheck.checker.console.escape import printable
    from mipcheck.checker.console.streams import say
    from mipcheck.model.language.errors import SpecError

    untidy = wrong = 0
    for path in args.files:
        try:
            name, text, laid = of_file(path)
        except SpecError as error:
            say(str(error))
            wrong += 1
            continue
        changed = text != laid
        untidy += changed
        if args.diff:
            lines = difflib.unified_diff(text.splitlines(), laid.splitlines(), name, name, lineterm="")
            write("".join(f"{printable(line)}\n" for line in lines), None)
        elif args.check:
            write(f"{printable(name)}: {'not ' * changed}in order\n", None)
        elif path == "-":
            write(laid, None)
        elif changed:
            write(laid, path)
    if wrong:
        return SpecError.exit_code
    return 1 if untidy and (args.check or args.diff) else 0


def of_file(path: str) -> tuple[str, str, str]:
    """Return the name of a file (or of standard input), its text, and the text laid out. Raises SpecError."""
    from mipcheck.model.language.parse import MAX_SIZE, parse
    from mipcheck.model.language.tidy import tidied
    from mipcheck.model.specification.load import read_path

    _refuse_bundled(path)
    name, text = ("<stdin>", sys.stdin.read(MAX_SIZE + 1)) if path == "-" else read_path(Path(path))
    parse(text, name)
    return name, text, tidied(text)


def _refuse_bundled(name: str) -> None:
    """Say of a name that other verbs take, and that is no file here, how to come by one. Raises SpecError."""
    from mipcheck.model.language.errors import SpecError
    from mipcheck.model.language.expression import Place
    from mipcheck.model.specification.load import every_bundled
    from mipcheck.model.values.packages import folder_of

    if name not in every_bundled() or Path(name).exists():
        return
    original = shlex.quote(str(folder_of("mipcheck.specs") / f"{name}.spec"))
    raise SpecError(
        name,
        Place(),
        "comes with mipcheck, and fmt writes none of these",
        f"a copy of your own: cp {original} my.spec; what only changes a few rules extends it instead",
    )
