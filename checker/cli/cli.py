"""The command line: which verb is meant, its options parsed, errors told to users, exit codes.

A verb is a module with what `VerbModule` names, and one line of `REGISTRY`. Only the module of the verb that is asked
for is imported.
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, NoReturn, Protocol, cast

from mipcheck.checker.console import options
from mipcheck.checker.console.streams import columns, drop, say
from mipcheck.model.values.errors import WRONG_INPUT


class Verb(NamedTuple):
    """A verb: its name, its module in checker/, what it takes, and what it does, for the list of `mipcheck --help`."""

    name: str
    module: str
    takes: str
    does: str


REGISTRY: Final = (
    Verb("check", "verbs.check", "INPUT...", "check logs and captures (- is standard input)"),
    Verb("prove", "verbs.prove", "[PROPERTY...]", "prove the properties of a specification"),
    Verb("explain", "verbs.explain", "RULE|MODE", "what a rule demands, and why; what an access mode is"),
    Verb("export", "verbs.export", "FORMAT [WHAT...]", "diagrams, transition systems, traces for other tools"),
    Verb("convert", "verbs.convert", "CAPTURE", "write a capture as a log"),
    Verb("map", "verbs.map", "[NAME|PATH] [LOG]", "what a map makes of another program's log"),
    Verb("anonymise", "verbs.anonymise", "CAPTURE", "a capture that may be shown, with the same verdict"),
    Verb("shrink", "verbs.shrink", "INPUT...", "the fewest events that show the same fault"),
    Verb("repair", "verbs.repair", "INPUT...", "the fewest changes that mend a violation"),
    Verb("infer", "verbs.infer", "CAPTURE", "propose a site file for a capture"),
    Verb("requirements", "verbs.requirements", "", "what the document requires, and what encodes it"),
    Verb("audit", "verbs.audit", "", "what notices that a requirement is missing"),
    Verb("mutate", "verbs.mutate", "[NAME...]", "small changes to a specification, and who notices"),
    Verb("synthesize", "verbs.synthesize", "PROPERTY [PARAM]", "for which parameters a property holds, exactly"),
    Verb("overhead", "verbs.overhead", "[CAPTURE]", "what each access mode costs, and what a capture shows"),
    Verb("ambiguities", "verbs.ambiguities", "[NAME]", "sentences with several readings, and where they part"),
    Verb("diff", "verbs.diff", "SPEC SPEC", "what changed from one specification to another"),
    Verb("compare", "verbs.compare", "[SPEC...]", "what is proved, shown or computed of each proposal"),
    Verb("schema", "verbs.schema", "NAME", "the JSON Schema of what a verb writes as JSON"),
    Verb("lint", "verbs.lint", "FILE...", "what is wrong with specifications and maps"),
    Verb("fmt", "verbs.fmt", "FILE...", "lay specifications out"),
    Verb("wireshark", "verbs.wireshark", "", "a dissector that shows the verdict in packets"),
    Verb("names", "verbs.names", "[KIND]", "the names that can be given"),
    Verb("completion", "cli.completion", "SHELL", "completion for bash, zsh and fish"),
    Verb("man", "cli.man", "", "the manual page"),
    Verb("fleet", "fleet.fleet", "PATH...", "check many files on many cores or machines"),
)
CHECK: Final = REGISTRY[0]
"""The verb that is meant where none is named."""
NAMED: Final = {verb.name: verb for verb in REGISTRY if verb is not CHECK}


class VerbModule(Protocol):
    """What the module of a verb holds. An `EPILOG`, which stands before the example, is for those that need one."""

    DESCRIPTION: str
    EXAMPLE: str

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's options."""

    def run(self, args: argparse.Namespace) -> int:
        """Carry the verb out, write its answer, and return the exit code."""


def module_of(verb: Verb) -> VerbModule:
    """Import the module of a verb."""
    return cast("VerbModule", importlib.import_module(f"mipcheck.checker.{verb.module}"))


def run(argv: Sequence[str]) -> int:
    """Carry out a command line (without the program's name) and return its exit code."""
    if argv and argv[0] == CHECK.name:
        verb, words = CHECK, argv[1:]
    else:
        verb, words = (NAMED[argv[0]], argv[1:]) if argv and argv[0] in NAMED else (CHECK, argv)
    module = module_of(verb)
    parser = parser_of(verb, module)
    if not argv:
        parser.print_help(sys.stderr)
        return WRONG_INPUT
    try:
        args = parser.parse(words)
    except SystemExit as left:
        if verb is CHECK and left.code == WRONG_INPUT:  # its options are another verb's, perhaps
            _hint_verb(argv[:1])
        raise
    return _guarded(verb, module, args)


def _guarded(verb: Verb, module: VerbModule, args: argparse.Namespace) -> int:
    """Run a verb; what users can do wrong is told in a line or two on standard error."""
    from mipcheck.checker.console.errors import InputError, wording
    from mipcheck.model.language.errors import SpecError
    from mipcheck.model.values.errors import UserError

    try:
        _keep_what_is_read(args)
        return module.run(args)
    except UserError as error:
        say(wording(error))
        if verb is CHECK and isinstance(error, InputError | SpecError):
            _hint_verb(args.inputs)
        return error.exit_code


def _keep_what_is_read(args: argparse.Namespace) -> None:
    """Raise UsageError, before anything is done, where the answer would take the place of what it is made from."""
    from mipcheck.checker.console.errors import UsageError
    from mipcheck.checker.console.output import keep_inputs

    outputs = list(options.written(args))
    for option, path in outputs:
        if path == "":
            raise UsageError(f'{option} takes the name of a file, not ""')
        if path == "-" and option != "-o" and getattr(args, "output", None) is None:
            raise UsageError(f"{option} - would be mixed with the report: name a file, or one for the report (-o FILE)")
    if not outputs:
        return
    read: list[str] = []
    for name in options.READ:
        given = getattr(args, name, None) or []
        for path in [given] if isinstance(given, str) else given:
            read += _files(path) if name in ("spec", "left", "right") else [path]
    for word in getattr(args, "map", None) or []:  # a name is the path of nothing, as a rule, and harmless else
        said = word.partition(",")[0]
        read += [said, said.rpartition("=")[2]]
    keep_inputs(outputs, read)


def _files(specification: str) -> list[str]:
    """Return the files of a specification that is given by its path."""
    from mipcheck.model.specification.load import files_of

    return files_of(specification)


def _hint_verb(inputs: Sequence[str]) -> None:
    """Name the verb that was probably meant by an input: that there is no such file would not help alone."""
    import difflib
    from pathlib import Path

    from mipcheck.checker.console.escape import printable

    verbs = [v.name for v in REGISTRY]
    for word in inputs[:1]:
        if not re.fullmatch(r"[a-z]+", word) or word in verbs or Path(word).exists():
            continue
        for name in difflib.get_close_matches(word, verbs, n=1, cutoff=0.6):
            say(f"mipcheck: did you mean the verb {name}? ({printable(word)} is no verb)")
    for word in inputs[1:]:
        if word in NAMED and not Path(word).exists():
            say(f"mipcheck: a verb comes first: mipcheck {word} …")


# --- parsing ------------------------------------------------------------------------------------------------------


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help that is as wide as the terminal. Argparse makes one for every option; by itself it would import `shutil`."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=columns() - 2)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, with the option that was probably meant."""

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse all words, or exit."""
        self._words = words
        args, unknown = self.parse_known_args(words)
        if unknown and "--" not in words and not any(word.startswith("-") and word != "-" for word in unknown):
            # Argparse has done with what may be several after the first of them, though more come behind an option.
            args, unknown = self.parse_known_intermixed_args(words)
        if unknown:
            self.error(self._unknown(unknown[0]))
        return args

    def _unknown(self, word: str) -> str:
        """Return the message about a word that nothing takes."""
        from pathlib import Path

        from mipcheck.checker.console.errors import did_you_mean, joined, quoted
        from mipcheck.checker.console.escape import printable

        name = word.partition("=")[0]
        what = "option" if word.startswith("-") else "argument"
        known = [o for a in self._actions for o in a.option_strings]
        there = ""
        if Path(word).exists():
            if word.startswith("-"):
                there = f"the file is ./{printable(word)}"
            elif all(a.option_strings for a in self._actions):
                there = f"{self.prog} takes no file"
        all_of_them = f"{self.prog} --help lists them all"
        return joined(f"unknown {what} {quoted(name)}", there, did_you_mean(name, known), all_of_them)

    def _print_message(self, message: str, file: Any = None) -> None:
        """Write help and the like: argparse says nothing where standard output cannot be written."""
        if file is not sys.stdout:
            say(message.removesuffix("\n"))
            return
        try:
            file.write(message)
            file.flush()
        except OSError as error:
            drop(file)
            if not isinstance(error, BrokenPipeError):
                self.exit(WRONG_INPUT, f"mipcheck: standard output cannot be written: {error.strerror or error}\n")

    def error(self, message: str) -> NoReturn:
        """Exit with the message, harmless for a terminal."""
        known = {o for a in self._actions for o in a.option_strings}
        if message.startswith("the following arguments are required"):
            # An input whose name looks like an option was taken for one, so that there is no other.
            odd = [w for w in self._words if w.startswith("-") and w != "-" and w.partition("=")[0] not in known]
            wanted = message.partition(": ")[2].replace(",", " and")
            message = self._unknown(odd[0]) if odd else f"give {wanted}; {self.prog} --help says what that is"
        self.exit(WRONG_INPUT, f"{self.prog}: {''.join(c if c.isprintable() else '?' for c in message)}\n")


def parser_of(verb: Verb, module: VerbModule) -> _Parser:
    """Return the parser of a verb. Its help ends with an example; that of `check` lists all verbs first."""
    parts = [getattr(module, "EPILOG", ""), f"example:\n  {module.EXAMPLE}\n"]
    parser = _Parser(
        prog="mipcheck" if verb is CHECK else f"mipcheck {verb.name}",
        description=module.DESCRIPTION + (f"\n\n{_listed(REGISTRY)}" if verb is CHECK else ""),
        epilog="\n".join(filter(None, parts)),
        formatter_class=_Help,
        allow_abbrev=False,
    )
    module.arguments(parser)
    return parser


def _listed(verbs: Sequence[Verb]) -> str:
    """Return the verbs one below the other, each as it is called, and what it does."""
    lines = ["verbs (mipcheck VERB --help tells more; without one, inputs are checked):"]
    for verb in verbs:
        lines.append(f"  {f'{verb.name} {verb.takes}':23} {verb.does}")
    return "\n".join(lines)
