"""`mipcheck lint FILE...`: what is wrong with specifications and maps, a line each that editors and jobs understand."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import write

if TYPE_CHECKING:
    from mipcheck.checker.trace.vocabulary import Vocabulary

DESCRIPTION: Final = (
    "Say what is wrong with specifications and maps, one line each: file:line:column: error: what, and what to do. A"
    " map is held to its samples as well."
)
EPILOG: Final = (
    "exit codes: 0 nothing, or warnings only; 1 errors (with --strict, warnings too); 2 the command line is wrong\n"
)
EXAMPLE: Final = "mipcheck lint draft-01 charon"
_PLACE: Final = re.compile(r"(.*?):(\d+):(\d+): ", re.DOTALL)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="FILE",
        help="a specification or a map: a bundled name, or a path (./my.spec, my.map)",
    )
    parser.add_argument("--strict", action="store_true", help="exit with 1 for warnings, too")
    options.add_spec(parser)


def run(args: argparse.Namespace) -> int:
    """Write what is found; return 0, or 1 if something is wrong. Raises SpecError for `--spec`."""
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.trace.vocabulary import vocabulary_of

    words = vocabulary_of(resolved(args.spec))
    found = [line for name in args.inputs for line in (of_map(name, words) if is_map(name) else of_spec(name))]
    errors = sum(": error: " in line for line in found)
    warnings = len(found) - errors
    write("".join(f"{line}\n" for line in [*found, f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"]), None)
    return 1 if errors or (warnings and args.strict) else 0


def is_map(name: str) -> bool:
    """Tell whether a name or a path means a map: bundled names of specifications win."""
    from mipcheck.checker.maps.library import bundled
    from mipcheck.model.specification.load import every_bundled

    return name.endswith(".map") or (name in bundled() and name not in every_bundled())


def of_spec(name: str) -> Iterator[str]:
    """Return a line for each thing wrong or odd with a specification."""
    from mipcheck.checker.console.escape import printable
    from mipcheck.model.language.errors import SpecError
    from mipcheck.model.specification.load import load

    try:
        for warning in load(name).warnings:
            place = _PLACE.match(warning)
            at, said = (warning[: place.end() - 2], warning[place.end() :]) if place else (name, warning)
            yield printable(f"{at}: warning: {said}")
    except SpecError as error:
        hint = f" ({error.hint})" if error.hint else ""
        yield printable(f"{error.file}:{error.place.line or 1}:{error.place.column or 1}: error: {error.message}{hint}")


def of_map(name: str, words: Vocabulary) -> Iterator[str]:
    """Return a line for each thing wrong with a map, or with what it makes of its samples."""
    from mipcheck.checker.console.errors import InputError, UsageError
    from mipcheck.checker.console.escape import printable
    from mipcheck.checker.maps.library import map_of
    from mipcheck.checker.maps.samples import wrong_with

    try:
        map_ = map_of(name, words)
    except InputError as error:
        for p in error.problems:
            hint = f" ({p.hint})" if p.hint else ""
            yield printable(f"{p.at.file}:{p.at.line or 1}:{p.at.column or 1}: error: {p.message}{hint}")
        return
    for sample in map_.samples:
        try:
            wrong = wrong_with(map_, sample, words)
        except (InputError, UsageError) as error:
            wrong = [str(error).splitlines()[0]]
        for said in wrong:
            yield printable(f"{map_.file}:{sample.line}:1: error: sample {sample.name}: {said}")
    if not map_.samples:
        yield printable(f"{map_.file}:1:1: warning: the map has no sample, so that nothing tests it")


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
