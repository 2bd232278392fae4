"""What `shrink` and `repair` are about: one finding in a trace, and logs that are written of it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO

from mipcheck.checker.check.check import judge
from mipcheck.checker.check.report import Report
from mipcheck.checker.console import options
from mipcheck.checker.console.errors import UsageError, quoted
from mipcheck.checker.inputs.read import read_trace
from mipcheck.checker.inputs.trace import Input, Trace
from mipcheck.checker.logs.text import read_log
from mipcheck.checker.observe.observation import Finding
from mipcheck.checker.trace.source import Sight
from mipcheck.checker.trace.vocabulary import Vocabulary
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.layering import Layering
from mipcheck.model.specification.spec import Spec
from mipcheck.model.values.event import Event


@dataclass(frozen=True)
class Meant:
    """The inputs at `paths` and how they are read, as the options of that name say; `rule` and `at` (a line or frame)
    tell which finding in them is meant, the first if they are None."""

    paths: Sequence[str]
    spec: Spec
    config: str | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    maps: Sequence[str] = ()
    unmatched: str = "count"
    keys: Sequence[str] = ()
    rule: str | None = None
    at: int | None = None

    def trace(self, vocabulary: Vocabulary) -> Trace:
        """Read the inputs. Raises what that does."""
        protects = Layering(self.spec).protected
        return read_trace(self.paths, vocabulary, self.config, self.words, protects=protects, maps=self.maps,
                          unmatched=self.unmatched, keys=self.keys)  # fmt: skip

    def chosen(self, machine: Machine, events: Sequence[Event], findings: Sequence[Finding], verb: str) -> Finding:
        """Return the finding that is meant, of a MUST before others; `verb` is what is to be done with it.

        Raises UsageError.
        """
        rule, at = self.rule, self.at
        if rule is not None and rule not in machine.spec.rules:
            raise UsageError(f"there is no rule {quoted(rule)}; mipcheck requirements lists them")
        broken = [f for f in findings if rule in (None, machine.rules[f.rule].id)]
        found = [f for f in broken if f.moment is not None]
        if at is not None:
            found = [f for f in found if f.event >= 0 and at in (events[f.event].at.line, events[f.event].at.frame)]
        if found:
            return min(found, key=lambda f: (machine.rules[f.rule].level != "MUST", f.time))
        if broken and at is None:
            raise UsageError("only the configuration breaks a rule, which no events are needed for")
        raise UsageError(
            f"{rule or 'no rule'} is{' not' if rule else ''} broken{'' if at is None else ' there'}: nothing to {verb}"
        )


def meant_by(args: argparse.Namespace, spec: Spec) -> Meant:
    """Return what a command line means, by `options.add_finding` and `options.add_reading_inputs`."""
    words = options.parameters(args)
    return Meant(args.inputs, spec, args.config, words, args.map, args.unmatched, args.keys, args.rule, args.at)


def common(inputs: Sequence[Input]) -> Sight:
    """Return what the sources of all inputs show, and how finely. Raises UsageError if they differ: one log cannot say
    so."""
    first = inputs[0]
    if any((i.sight, i.resolution) != (first.sight, first.resolution) for i in inputs):
        raise UsageError(
            "the sources of the inputs do not show the same, which no single log can say: give one of them"
        )
    if first.sight.resolution is None and first.resolution:
        return replace(first.sight, resolution=first.resolution)
    return first.sight


def judged(spec: Spec, text: str, vocabulary: Vocabulary) -> Report:
    """Read a log, as anybody's is read, and return the report on it."""
    log = read_log(BytesIO(text.encode("utf-8")), "small.log", vocabulary)
    again = Input("small.log", "log", log.events, log.absolute, (), sight=log.sight, fractions=log.fractions)
    return judge(spec, Trace((again,), log.events, log.site, frozenset(log.given), log.absolute))
