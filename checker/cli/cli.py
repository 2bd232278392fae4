"""The command line: verbs, options, errors for users, exit codes. What the verbs do is elsewhere."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import stat
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from mipcheck.checker.check.report import Report
    from mipcheck.checker.fleet.summary import Summary
    from mipcheck.model.specification.spec import Spec

EXIT: Final = {"conformant": 0, "violation": 1, "inconclusive": 3}
USAGE: Final = 2

_CHECK = """\
mipcheck INPUT...            check logs and captures of a mobile node (- is standard input)
mipcheck prove [PROPERTY...] prove the properties of a specification
mipcheck explain RULE|MODE   what a rule demands, and why; what an access mode is
mipcheck convert CAPTURE     write a capture as a log
mipcheck infer CAPTURE       propose a site file for a capture
mipcheck requirements        what the document requires, and what encodes it
mipcheck audit               what notices that a requirement is missing, and traces for it
mipcheck overhead [CAPTURE]  what each access mode costs, and what a capture shows
mipcheck ambiguities [NAME]  sentences with several readings, and where they part
mipcheck diff SPEC SPEC      what changed from one specification to another
mipcheck fleet PATH...       check many files on many cores or machines
"""
_EXITS = """\
exit codes: 0 conformant, 1 violation, 2 the input or the command line is wrong,
            3 inconclusive, 4 internal error
"""
_EXAMPLES: Final = {
    "check": "mipcheck traces/plaintext-after-loss.log",
    "prove": "mipcheck prove no_plaintext_after_loss",
    "explain": "mipcheck explain M2",
    "convert": "mipcheck convert capture.pcapng --config site.toml -o capture.log",
    "infer": "mipcheck infer capture.pcapng -o site.toml",
    "requirements": "mipcheck requirements --format markdown",
    "overhead": "mipcheck overhead --cipher aes-cbc+hmac-sha2-256-128 --nat",
    "audit": "mipcheck audit",
    "ambiguities": "mipcheck ambiguities M2",
    "diff": "mipcheck diff draft-01 rfc5265",
    "fleet": "mipcheck fleet 'traces/*.log' --pattern '{what}-*.log' --by what",
}
VERBS: Final = (
    "prove",
    "explain",
    "convert",
    "infer",
    "requirements",
    "audit",
    "overhead",
    "ambiguities",
    "diff",
    "fleet",
)


def run(argv: Sequence[str]) -> int:
    """Carry out a command line (without the program's name) and return its exit code."""
    verb, rest = (argv[0], argv[1:]) if argv and argv[0] in VERBS else ("check", argv)
    parser = _parser(verb)
    if not argv:
        parser.print_help(sys.stderr)
        return USAGE
    args = parser.parse(rest)
    return _guarded(verb, args)


def _guarded(verb: str, args: argparse.Namespace) -> int:
    """A verb, with what users can do wrong told in a line or two on standard error."""
    from mipcheck.checker.console.errors import InputError, UsageError
    from mipcheck.checker.console.escape import printable
    from mipcheck.model.language.errors import SpecError
    from mipcheck.model.specification.configure import ParameterError
    from mipcheck.model.values.errors import UserError

    try:
        return _CARRY_OUT[verb](args)
    except UserError as error:
        if isinstance(error, InputError | SpecError):  # lines with their places, escaped already
            print(error, file=sys.stderr)
            if verb == "check":
                _hint_verb(args.inputs)
        else:
            named = "mipcheck: " if isinstance(error, UsageError | ParameterError) else ""
            print(f"{named}{printable(str(error))}", file=sys.stderr)
        return error.exit_code


def _hint_verb(inputs: Sequence[str]) -> None:
    """Who mistypes a verb is told that there is no such file; that alone would not help."""
    import difflib

    from mipcheck.checker.console.escape import printable

    for word in inputs[:1]:
        if not re.fullmatch(r"[a-z]+", word) or Path(word).exists():
            continue
        for verb in difflib.get_close_matches(word, VERBS, n=1, cutoff=0.6):
            print(f"mipcheck: did you mean the verb {verb}? ({printable(word)} is no verb)", file=sys.stderr)
    for word in inputs[1:]:
        if word in VERBS and not Path(word).exists():
            print(f"mipcheck: a verb comes first: mipcheck {word} …", file=sys.stderr)


# --- verbs --------------------------------------------------------------------------------------------------------


def _spec(args: argparse.Namespace) -> Spec:
    """The specification that was asked for, with its readings; what is odd about it goes to standard error."""
    return _named_spec(args.spec, getattr(args, "reading", []))


def _named_spec(name: str, readings: Sequence[str]) -> Spec:
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.console.escape import printable

    spec = resolved(name, readings)
    for warning in spec.warnings:
        print(f"warning: {printable(warning)}", file=sys.stderr)
    return spec


def _check(args: argparse.Namespace) -> int:
    from mipcheck.checker.check.check import check

    for output in (args.output, args.annotate):
        _keep_inputs(output, [*args.inputs, *([args.config] if args.config else [])])
    report = check(
        args.inputs,
        spec=_spec(args),
        config=args.config,
        parameters=_pairs(args.set, "--set", "PARAM=VALUE"),
        offsets=_pairs(args.offset, "--offset", "INPUT=SECONDS", last=True),
        keep_going=args.keep_going,
        fail_on=args.fail_on,
    )
    if args.annotate is not None:
        from mipcheck.checker.report.copies import annotate_inputs

        annotate_inputs(report, args.inputs, args.annotate)
    write(_rendered(report, args), args.output)
    return EXIT[report.verdict]


def _infer(args: argparse.Namespace) -> int:
    from mipcheck.checker.infer.proposal import propose
    from mipcheck.checker.inputs.opening import open_input

    _keep_inputs(args.output, [args.capture])
    with open_input(args.capture) as stream:
        proposal = propose(stream, args.capture)
    write(proposal.toml(), args.output)
    return 0


def _rendered(report: Report, args: argparse.Namespace) -> str:
    if args.format == "json":
        from mipcheck.checker.report.json import report_json

        return report_json(report)
    from mipcheck.checker.report.text import report_text

    return report_text(report, *_terminal(args.output), verbose=args.verbose)


def _prove(args: argparse.Namespace) -> int:
    from mipcheck.checker.verbs import prove as proofs

    answer, code = proofs.run(
        args.properties,
        spec=_spec(args),
        parameters=_pairs(args.set, "--set", "PARAM=VALUE"),
        without=args.without,
        timeout=args.timeout,
        form=args.format,
    )
    write(answer, args.output)
    return code


def _explain(args: argparse.Namespace) -> int:
    from mipcheck.checker.verbs.explain_rule import page_json, page_text, rule_page

    spec = _spec(args)
    if args.rule in spec.accesses and not any(args.rule in m.rules for m in spec.machines()):
        return _explain_mode(args, spec)
    page = rule_page(
        args.rule,
        spec=spec,
        parameters=_pairs(args.set, "--set", "PARAM=VALUE"),
    )
    write(page_json(page) if args.format == "json" else page_text(page, *_terminal(args.output)), args.output)
    return 0


def _explain_mode(args: argparse.Namespace, spec: Spec) -> int:
    from mipcheck.checker.verbs.explain_mode import mode_page, page_json, page_text

    page = mode_page(spec, args.rule, _pairs(args.set, "--set", "PARAM=VALUE"))
    write(page_json(page) if args.format == "json" else page_text(page, *_terminal(args.output)), args.output)
    return 0


def _ambiguities(args: argparse.Namespace) -> int:
    from mipcheck.checker.verbs import ambiguities

    width, colour = _terminal(args.output)
    answer, code = ambiguities.run(
        args.names, spec=_spec(args), timeout=args.timeout, form=args.format, width=width, colour=colour
    )
    write(answer, args.output)
    return code


def _requirements(args: argparse.Namespace) -> int:
    from mipcheck.checker.verbs.requirements import requirements_json, requirements_markdown, requirements_text

    spec = _spec(args)
    shown = {
        "json": lambda: requirements_json(spec),
        "markdown": lambda: requirements_markdown(spec),
        "text": lambda: requirements_text(spec, *_terminal(args.output)),
    }
    write(shown[args.format](), args.output)
    return 0


def _audit(args: argparse.Namespace) -> int:
    from mipcheck.checker.verbs.audit import audit, audit_json, audit_text

    spec = _spec(args)
    lines = audit(spec, args.timeout)
    answer = audit_json(spec, lines) if args.format == "json" else audit_text(spec, lines, *_terminal(args.output))
    write(answer, args.output)
    return 1 if any(line.lacks for line in lines) else 0


def _overhead(args: argparse.Namespace) -> int:
    from mipcheck.checker.verbs.overhead import costs, costs_json, costs_text

    _keep_inputs(args.output, [i for i in (args.capture, args.config) if i is not None])
    found = costs(
        _spec(args),
        capture=args.capture,
        config=args.config,
        words=_pairs(args.set, "--set", "PARAM=VALUE"),
        sizes={"iv": args.iv, "block": args.block, "icv": args.icv},
        cipher=args.cipher,
        nat=args.nat,
    )
    write(costs_json(found) if args.format == "json" else costs_text(found, *_terminal(args.output)), args.output)
    return 0


def _diff(args: argparse.Namespace) -> int:
    from mipcheck.checker.verbs.diff import difference
    from mipcheck.checker.verbs.diff_report import diff_json, diff_markdown, diff_text

    left, right = (_named_spec(name, []) for name in (args.left, args.right))
    found = difference(left, right, args.timeout)
    shown = {
        "json": lambda: diff_json(found),
        "markdown": lambda: diff_markdown(found),
        "text": lambda: diff_text(found, *_terminal(args.output)),
    }
    write(shown[args.format](), args.output)
    return 0 if found.decided else 3


def _convert(args: argparse.Namespace) -> int:
    from mipcheck.checker.inputs.read import read_trace
    from mipcheck.checker.trace.vocabulary import vocabulary_of
    from mipcheck.model.specification.layering import Layering

    _keep_inputs(args.output, [args.capture, *([args.config] if args.config else [])])
    spec = _spec(args)
    vocabulary = vocabulary_of(spec)
    words = _pairs(args.set, "--set", "PARAM=VALUE")
    trace = read_trace([args.capture], vocabulary, args.config, words, protects=Layering(spec).protected)
    (source,) = trace.inputs
    comments = [f"from {Path(source.file).name} ({source.kind})", *source.notes, *source.hidden]
    if args.format == "jsonl":
        from mipcheck.checker.logs.jsonl import write_jsonl as write_trace
    else:
        from mipcheck.checker.logs.text import write_log as write_trace
    write(write_trace(trace.events, trace.site, vocabulary, comments, absolute=trace.absolute), args.output)
    return 0


def _fleet(args: argparse.Namespace) -> int:
    from mipcheck.checker.fleet import fleet

    def render(summary: Summary) -> str:
        from mipcheck.checker.fleet.summary import summary_json, summary_text

        if args.format == "json":
            return summary_json(summary)
        return summary_text(summary, *_terminal(None), verbose=args.verbose)

    answer, code = fleet.run(args, _spec(args), _pairs(args.set, "--set", "PARAM=VALUE"), render)
    write(answer, None)
    return code


_CARRY_OUT: Final[Mapping[str, Callable[[argparse.Namespace], int]]] = {
    "check": _check,
    "prove": _prove,
    "explain": _explain,
    "convert": _convert,
    "infer": _infer,
    "requirements": _requirements,
    "audit": _audit,
    "overhead": _overhead,
    "ambiguities": _ambiguities,
    "diff": _diff,
    "fleet": _fleet,
}


# --- output -------------------------------------------------------------------------------------------------------


def write(text: str, path: str | None) -> None:
    """An answer to standard output, or to a file whole or not at all. Raises UsageError if it cannot be written.

    A reader who has seen enough and gone is no error: the verdict stands all the same.
    """
    from mipcheck.checker.console.errors import UsageError
    from mipcheck.checker.console.output import drop_stdout, write_answer

    try:
        if path is None or not _special(path):
            write_answer(text, path and os.path.realpath(path))
            sys.stdout.flush()
        else:  # a device or a pipe is written to, not replaced
            with Path(path).open("w", encoding="utf-8") as file:
                file.write(text)
    except BrokenPipeError:
        drop_stdout()
    except OSError as error:
        where = "standard output" if path is None else path
        drop_stdout()
        raise UsageError(f"{where} cannot be written: {error.strerror or error}") from None


def _special(path: str) -> bool:
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _keep_inputs(output: str | None, inputs: Iterable[str]) -> None:
    from mipcheck.checker.console.errors import UsageError

    if output is not None and os.path.realpath(output) in {os.path.realpath(i) for i in inputs if i != "-"}:
        raise UsageError(f"-o {output} would overwrite an input")


def _terminal(output: str | None) -> tuple[int, bool]:
    """Columns, and whether colours are welcome."""
    on_terminal = output is None and sys.stdout.isatty()
    colour = on_terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return shutil.get_terminal_size((80, 24)).columns, colour


# --- arguments ----------------------------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """Errors in one line, with the option that was probably meant."""

    def parse(self, argv: Sequence[str]) -> argparse.Namespace:
        args, unknown = self.parse_known_args(argv)
        if unknown:
            self.error(self._unknown(unknown[0]))
        return args

    def _unknown(self, word: str) -> str:
        from mipcheck.checker.console.errors import did_you_mean, joined, quoted

        name = word.partition("=")[0]
        what = "option" if word.startswith("-") else "argument"
        known = [o for a in self._actions for o in a.option_strings]
        return joined(f"unknown {what} {quoted(name)}", did_you_mean(name, known), f"{self.prog} --help lists them all")

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {''.join(c if c.isprintable() else '?' for c in message)}\n")


def _parser(verb: str) -> _Parser:
    prog = "mipcheck" if verb == "check" else f"mipcheck {verb}"
    epilog = f"example:\n  {_EXAMPLES[verb]}\n"
    if verb == "check":
        epilog = f"verbs:\n{_indented(_CHECK)}\n{_EXITS}\n{epilog}"
    elif verb == "fleet":
        from mipcheck.checker.fleet import fleet

        epilog = f"{fleet.EPILOG}\n{epilog}"
    parser = _Parser(
        prog=prog,
        description=_DESCRIPTION[verb],
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    if verb == "check":
        _check_arguments(parser)
    elif verb == "explain":
        parser.add_argument("rule", metavar="RULE", help="the rule's id, as M2, or an access mode, as cvc")
        _spec_arguments(parser)
        _reading_argument(parser)
        _output_arguments(parser, ("text", "json"))
    elif verb == "fleet":
        from mipcheck.checker.fleet import fleet

        fleet.arguments(parser, _seconds)
        _spec_arguments(parser)
        _config_argument(parser)
        _reading_argument(parser)
    elif verb == "infer":
        parser.add_argument("capture", metavar="CAPTURE", help="a capture (pcap or pcapng); - is standard input")
        parser.add_argument("-o", "--output", metavar="FILE", help="write to FILE, whole or not at all")
    elif verb == "ambiguities":
        parser.add_argument("names", nargs="*", metavar="NAME", help="a rule or an ambiguity (default: all)")
        _spec_argument(parser)
        _reading_argument(parser)
        _timeout_argument(parser, 30.0)
        _output_arguments(parser, ("text", "json"))
    elif verb == "requirements":
        _spec_argument(parser)
        _output_arguments(parser, ("text", "markdown", "json"))
    elif verb == "audit":
        _spec_argument(parser)
        _reading_argument(parser)
        _timeout_argument(parser, 20.0)
        _output_arguments(parser, ("text", "json"))
    elif verb == "overhead":
        _overhead_arguments(parser)
    elif verb == "diff":
        parser.add_argument("left", metavar="SPEC", help="a specification, by name or path")
        parser.add_argument("right", metavar="SPEC", help="the one to compare it with")
        _timeout_argument(parser, 120.0)
        _output_arguments(parser, ("text", "markdown", "json"))
    elif verb == "convert":
        parser.add_argument(
            "capture", metavar="CAPTURE", help="a capture (pcap or pcapng) or a log; - is standard input"
        )
        _spec_arguments(parser)
        _config_argument(parser)
        _output_arguments(parser, ("log", "jsonl"))
    else:
        parser.add_argument("properties", nargs="*", metavar="PROPERTY", help="what to prove (default: every property)")
        _spec_arguments(parser)
        _reading_argument(parser)
        parser.add_argument(
            "--without",
            action="append",
            default=[],
            metavar="RULE",
            help="prove without this rule or assumption (repeatable)",
        )
        _timeout_argument(parser, 60.0)
        _output_arguments(parser, ("text", "json"))
    return parser


def _seconds(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = 0.0
    if not 0 < value <= 86400:
        raise argparse.ArgumentTypeError("a number of seconds above 0, at most 86400")
    return value


_DESCRIPTION: Final = {
    "check": "Check logs and captures of a mobile node against a specification of Mobile IPv4 across VPN gateways.",
    "prove": "Prove the properties of a specification, or find the shortest counterexample.",
    "explain": "Show a rule: what it demands, where the draft says so, how it may be read, and examples. Or an access"
    " mode: its layers, headers, steps, flags, addresses and cost.",
    "infer": "Propose a site file for a capture: each line with the frame that speaks for it, and how sure that is.",
    "requirements": "List what the document requires: where, how strictly, in our words, and what encodes it or why"
    " nothing does.",
    "overhead": "Compute what each access mode adds to a packet, as section 6.2 of the draft does, and measure what the"
    " packets of a capture carry.",
    "audit": "For every requirement, find what notices that it is missing, a trace that exercises it and one that"
    " breaks it. Exit code 1 if anything lacks.",
    "ambiguities": "List the sentences that can be read in several ways, and for each pair of readings the shortest"
    " trace on which they part.",
    "diff": "Tell what changed from one specification to another, and where that changes what is allowed, by the"
    " shortest trace on which they disagree.",
    "fleet": "Check many files, each as a trace of its own, on the cores of this machine or on a dask cluster.",
    "convert": "Write the events of a capture as a log, which can be read, edited and checked.",
}


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    from mipcheck.model.version import __version__

    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="a log, JSON Lines, pcap or pcapng; several are merged by time. A file called like a verb: ./prove",
    )
    _spec_arguments(parser)
    _config_argument(parser)
    _reading_argument(parser)
    parser.add_argument(
        "--offset",
        action="append",
        default=[],
        metavar="INPUT=SECONDS",
        help="add seconds to the times of an input (or give the date at which a log of relative times starts)",
    )
    parser.add_argument(
        "--keep-going", action="store_true", help="skip lines that cannot be read; at best inconclusive"
    )
    parser.add_argument(
        "--fail-on", choices=("must", "should"), default="must", help="what counts as a violation (default: must)"
    )
    parser.add_argument(
        "--annotate",
        metavar="OUT",
        help="copy the capture to OUT (a pcapng file), or each of several into the folder OUT/, with a comment on each"
        " packet that the verdict is about",
    )
    _output_arguments(parser, ("text", "json"))
    parser.add_argument("-v", "--verbose", action="store_true", help="list every rule, parameter and finding")
    parser.add_argument("--version", action="version", version=f"mipcheck {__version__}")


def _overhead_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("capture", nargs="?", metavar="CAPTURE", help="measure the user data of this capture as well")
    _spec_arguments(parser)
    _config_argument(parser)
    parser.add_argument("--nat", action="store_true", help="with a NAT for each layer")
    parser.add_argument("--cipher", metavar="NAME", help="as aes-gcm, or aes-cbc+hmac-sha2-256-128")
    for size, what in (("iv", "of the cipher's IV"), ("block", "to which ESP pads"), ("icv", "of the integrity check")):
        parser.add_argument(f"--{size}", type=_octets, metavar="N", help=f"octets {what}")
    _output_arguments(parser, ("text", "json"))


def _octets(word: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", word):
        raise argparse.ArgumentTypeError("a number of octets, as 16")
    return int(word)


def _spec_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--spec", default="draft-01", metavar="NAME|PATH", help="the specification (default: %(default)s)"
    )


def _timeout_argument(parser: argparse.ArgumentParser, seconds: float) -> None:
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=seconds,
        metavar="S",
        help="seconds for each call of the solver (%(default)g)",
    )


def _spec_arguments(parser: argparse.ArgumentParser) -> None:
    _spec_argument(parser)
    parser.add_argument(
        "--set", action="append", default=[], metavar="PARAM=VALUE", help="give a parameter or site key, as t_stop=30s"
    )


def _config_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", help="a site file (TOML): addresses, parameters, keys")


def _reading_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--reading",
        action="append",
        default=[],
        metavar="[RULE=]NAME",
        help="read an ambiguous sentence in another way (mipcheck ambiguities lists them)",
    )


def _output_arguments(parser: argparse.ArgumentParser, formats: tuple[str, ...]) -> None:
    parser.add_argument("--format", choices=formats, default=formats[0], help="what to write (default: %(default)s)")
    parser.add_argument("-o", "--output", metavar="FILE", help="write to FILE, whole or not at all")


def _pairs(words: Iterable[str], option: str, form: str, last: bool = False) -> dict[str, str]:
    """`NAME=VALUE` words as a mapping. Raises UsageError. With `last`, it is the last = that divides them."""
    from mipcheck.checker.console.errors import UsageError, quoted

    pairs: dict[str, str] = {}
    for word in words:
        name, equals, value = word.rpartition("=") if last else word.partition("=")
        if not equals or not name or not value:
            raise UsageError(f"{option} takes {form}, not {quoted(word)}")
        if pairs.get(name, value) != value:
            raise UsageError(f"{option} gives {quoted(name)} two values")
        pairs[name] = value
    return pairs
