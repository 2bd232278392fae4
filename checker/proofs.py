"""The verb `prove`, and what else the command line asks of the prover.

A counterexample is written as a log, and that text is read and replayed like anybody's before it is shown. Where the
observer's verdict is not the one that the prover predicted, that is an internal error and never a result.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import textwrap
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mipcheck.checker.inputs import UsageError
from mipcheck.checker.progress import Steps
from mipcheck.model.spec import MOBILE_NODE
from mipcheck.model.types import show_duration

if TYPE_CHECKING:
    from mipcheck.model.prove import Result
    from mipcheck.model.search import Trace
    from mipcheck.model.spec import Spec

CAPABILITIES = "capabilities"
"""The site key that says what the node is capable of: a list in one word, as in a log."""
EXIT = {"refuted": 1, "unknown": 3, "proved": 0}
"""Exit codes by result; of several results the first here decides."""


class Disagreement(RuntimeError):
    """The prover predicted a verdict that the observer does not give: one of them is wrong."""


@dataclass(frozen=True, slots=True)
class Proved:
    """A result of the prover, and its counterexample as a log that has been replayed."""

    result: Result
    counterexample: str = ""


def run(
    properties: Sequence[str],
    *,
    spec: Spec,
    parameters: Mapping[str, str],
    without: Sequence[str],
    timeout: float,
    form: str,
) -> tuple[str, int]:
    """The answer, as text or JSON, and the exit code: 0 if all is proved, 1 if something is refuted, else 3.

    `parameters` are words by name, and `capabilities` a list in one word; `timeout` is seconds for each call of the
    solver. Raises UsageError for what does not exist, naming the nearest that does; ParameterError; and Disagreement.
    """
    from mipcheck.model.configure import configure

    capabilities = frozenset(filter(None, parameters.get(CAPABILITIES, "").split(",")))
    _check_names("capability", sorted(capabilities), spec.capabilities)
    given = parameters_of(spec, {n: w for n, w in parameters.items() if n != CAPABILITIES})
    configure(spec, given)
    owners = {name: m for m in spec.machines() for name in m.properties}
    _check_names("property", properties, owners)
    _check_names("rule or assumption", without, [n for m in spec.machines() for n in (*m.rules, *m.assumptions)])
    wanted = list(dict.fromkeys(properties)) or list(owners)
    if not wanted:
        raise UsageError(f"{spec.name} has no properties to prove")
    proved = []
    with Steps(len(wanted), "proving") as steps:
        for name in wanted:
            steps.step(name)
            owner = owners[name]
            dropped = [n for n in without if n in owner.rules or n in owner.assumptions]
            proved.append(prove_one(owner, name, given, dropped, timeout, capabilities))
    results = {p.result.result for p in proved}
    code = next(code for word, code in EXIT.items() if word in results)
    return (_json(spec, proved, without) if form == "json" else _text(spec, proved)), code


def prove_one(
    spec: Spec,
    name: str,
    given: Mapping[str, int],
    without: Iterable[str],
    timeout: float = 60.0,
    capabilities: frozenset[str] = frozenset(),
) -> Proved:
    """Proves one property of the role that `spec` is of; a counterexample is replayed. Raises Disagreement."""
    from mipcheck.model.prove import prove

    (result,) = prove([name], spec=spec, parameters=given, without=without, timeout=timeout, capabilities=capabilities)
    if result.trace is None:
        return Proved(result)
    dropped = "".join(f", without {r}" for r in without)
    title = [f"Counterexample to {name} of {spec.name}{dropped}, found by mipcheck prove.", spec.properties[name].text]
    text = trace_text(spec, result.trace, given, title, capabilities)
    agree(spec, text, result.trace.broken)
    return Proved(result, text)


def trace_text(
    spec: Spec,
    trace: Trace,
    given: Mapping[str, int],
    title: Iterable[str] = (),
    capabilities: frozenset[str] = frozenset(),
) -> str:
    """A trace of the prover as a log. What happens unseen stands in comments, where it happens."""
    from mipcheck.checker.log import write_log
    from mipcheck.checker.run import vocabulary_of
    from mipcheck.checker.site import Site
    from mipcheck.model.setting import example_site

    values = {**given, **trace.parameters}
    site = Site(
        role=spec.role,
        boot=True,
        addresses={**example_site(spec), **trace.site},
        parameters={n: show_parameter(spec, n, v) for n, v in values.items()},
        capabilities=capabilities,
    )
    lines = write_log(trace.events, site, vocabulary_of(spec), list(title)).splitlines()
    first = len(lines) - len(trace.events)
    for index, text in reversed(trace.silent):
        lines.insert(first + index, f"# unseen: {text}")
    return "\n".join(lines) + "\n"


def show_parameter(spec: Spec, name: str, value: int) -> str:
    type_ = spec.parameters[name].type
    if type_.name == "time":
        return show_duration(value)
    if type_.is_enum:
        return type_.members[value]
    return ("true" if value else "false") if type_.name == "bool" else str(value)


def agree(spec: Spec, text: str, predicted: frozenset[str]) -> None:
    """Replays a log and compares the rules it breaks with those predicted. Raises Disagreement."""
    broken = broken_in(spec, text)
    if broken != predicted:
        raise Disagreement(
            f"the prover expects {sorted(predicted) or 'no rule'} to be broken, the observer finds "
            f"{sorted(broken) or 'none'}, in this trace:\n{text}"
        )


def broken_in(spec: Spec, text: str) -> frozenset[str]:
    """The rules that a log breaks, of whatever role the log says that it is."""
    from mipcheck.checker.run import check

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "counterexample.log"
        path.write_text(text, "utf-8")
        report = check([str(path)], spec=spec)
    return frozenset(r.id for r in report.rules if r.status == "violated")


def parameters_of(spec: Spec, words: Mapping[str, str]) -> dict[str, int]:
    """Values of parameters given as words. Raises UsageError, naming the nearest parameter there is."""
    from mipcheck.model.configure import ParameterError, read_parameter

    _check_names("parameter", words, spec.parameters)
    try:
        return {n: read_parameter(spec.parameters[n], w) for n, w in words.items()}
    except ParameterError as error:
        raise UsageError(str(error)) from None


def _check_names(what: str, names: Iterable[str], known: Collection[str]) -> None:
    from mipcheck.model.errors import nearest

    for name in names:
        if name not in known:
            raise UsageError(f'there is no {what} "{name}"; {nearest(name, known)}')


# --- for `explain` --------------------------------------------------------------------------------------------------


def examples(spec: Spec, rule: str, step: Callable[[str], None] = lambda _: None) -> tuple[str, str]:
    """Logs that keep a rule and that break it, and nothing else; empty where none was found.

    `step` hears of each before it is sought.
    """
    from mipcheck.model.examples import Examples
    from mipcheck.model.setting import setting_of

    capabilities = frozenset(spec.rules[rule].given)
    if rule not in (setting := setting_of(spec, capabilities=capabilities)).rules:
        return "", ""
    found = Examples(setting)
    texts = []
    for broken in (False, True):
        step(f"a trace that {'breaks' if broken else 'keeps'} it")
        trace = found.find(rule, broken)
        if trace is None:
            texts.append("")
            continue
        title = f"The shortest trace that {'breaks' if broken else 'exercises'} {rule}."
        text = trace_text(spec, trace, {}, [title], capabilities)
        agree(spec, text, trace.broken)
        texts.append(text)
    return texts[0], texts[1]


def needed_by(spec: Spec, rule: str, step: Callable[[str], None] = lambda _: None) -> list[str]:
    """Properties that fail without a rule, in the order of declaration. `step` hears of each before it is proved."""
    from mipcheck.model.prove import needs
    from mipcheck.model.setting import setting_of

    setting = setting_of(spec)
    found = []
    for name in spec.properties:
        step(f"needed by {name}?")
        if needs(setting, name, rule):
            found.append(name)
    return found


# --- output ---------------------------------------------------------------------------------------------------------


def _json(spec: Spec, proved: list[Proved], without: Sequence[str]) -> str:
    entries = [
        {
            "name": p.result.name,
            "section": p.result.section,
            "result": p.result.result,
            "seconds": round(p.result.seconds, 3),
            "method": p.result.method,
            "needs": [n.rule for n in p.result.needs],
            "invariant": p.result.invariant or None,
            "cross_checked": list(p.result.cross_checked),
            "counterexample": p.counterexample or None,
            "reason": p.result.reason or None,
        }
        for p in proved
    ]
    return json.dumps({"spec": spec.name, "without": list(without), "properties": entries}, indent=2) + "\n"


def _text(spec: Spec, proved: list[Proved]) -> str:
    """One property that is refuted is printed as a log with comments, so that it can be piped into mipcheck."""
    blocks = [_block(spec, p) for p in proved]
    if len(proved) == 1 and proved[0].counterexample:
        comments = [f"# {line}".rstrip() for line in [*blocks[0], "", *_summary(spec, proved)]]
        return "\n".join([*comments, proved[0].counterexample])
    for p, block in zip(proved, blocks, strict=True):
        if p.counterexample:
            block += ["the shortest counterexample, replayed by the checker:", "", p.counterexample]
    return "\n\n".join("\n".join(b) for b in [*blocks, _summary(spec, proved)]) + "\n"


def _block(spec: Spec, p: Proved) -> list[str]:
    r = p.result
    owner = next(m for m in spec.machines() if r.name in m.properties)
    details = [owner.properties[r.name].text]
    if r.result == "proved":
        details.append(f"by {r.method}")
        details += [f"needs {', '.join(n.rule for n in r.needs)}"] if r.needs else []
    if r.reason:
        details.append(f"because {r.reason}")
    wrap = textwrap.TextWrapper(min(shutil.get_terminal_size((80, 24)).columns, 100) - 2, break_on_hyphens=False)
    wrap.initial_indent = wrap.subsequent_indent = " " * 9
    whose = "" if owner.role == MOBILE_NODE else f"role {owner.role}, "
    return [
        f"{r.result:8} {r.name}  ({whose}{r.section}, {r.seconds:.1f} s)",
        *(w for d in details for w in wrap.wrap(d)),
    ]


def _summary(spec: Spec, proved: list[Proved]) -> list[str]:
    counts = {word: sum(p.result.result == word for p in proved) for word in ("proved", "refuted", "unknown")}
    lines = [f"{spec.name}: " + ", ".join(f"{n} {word}" for word, n in counts.items() if n)]
    if counts["refuted"] and len(proved) == 1:
        lines.append("The trace that follows is for mipcheck to read: pipe this into `mipcheck -`.")
    elif counts["refuted"]:
        lines.append("A counterexample is a log: mipcheck prove PROPERTY | mipcheck -")
    if counts["unknown"]:
        lines.append("Unknown is not proved: a longer --timeout may decide it.")
    return lines
