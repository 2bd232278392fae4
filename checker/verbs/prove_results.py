"""The results of `mipcheck prove`, as text or JSON.

A counterexample is written as a log, and that text is read and replayed like anybody's before it is shown. Where the
observer's verdict is not the one that the prover predicted, that is an internal error and never a result.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.console.escape import printable
from mipcheck.checker.console.output import columns
from mipcheck.checker.console.progress import Steps
from mipcheck.checker.console.valid_json import SCHEMA, dumps
from mipcheck.checker.proofs.handed_out import HandedOut, hand_out
from mipcheck.checker.proofs.opinions import Opinion, opinions
from mipcheck.checker.proofs.replayed import agree, check_names, parameters_of, trace_text
from mipcheck.model.specification.spec import MOBILE_NODE

if TYPE_CHECKING:
    from mipcheck.model.prover.prove import Result
    from mipcheck.model.specification.spec import Spec

CAPABILITIES = "capabilities"
"""The site key that says what the node is capable of: a list in one word, as in a log."""
EXIT = {"refuted": 1, "unknown": 3, "proved": 0}
"""Exit codes by result; of several results the first here decides."""
_SHOWN = 3
"""Undecided obligations that are named."""


@dataclass(frozen=True, slots=True)
class Proved:
    """A result of the prover, its counterexample as a log that has been replayed, and what solvers say of its proof."""

    result: Result
    counterexample: str = ""
    opinions: tuple[Opinion, ...] = ()

    @property
    def cross_checked(self) -> list[str]:
        """The solvers that discharged every obligation, in their last answer to it."""
        asked = {o.solver: not o.undecided for o in self.opinions}
        checked = dict.fromkeys(self.result.cross_checked, True) | asked
        return [solver for solver, agrees in checked.items() if agrees]


def prove_all(
    properties: Sequence[str],
    *,
    spec: Spec,
    parameters: Mapping[str, str],
    without: Sequence[str],
    timeout: float,
    with_obligations: bool = False,
    cross_check: bool = False,
) -> list[Proved]:
    """Prove properties, or all if none is named, without the rules and assumptions of these names.

    `parameters` are words by name, and `capabilities` a list in one word; `timeout` is seconds for each call of the
    solver. `cross_check` asks all solvers about each obligation, which `with_obligations` keeps. Raises UsageError for
    what does not exist, naming the nearest that does; ParameterError; and Disagreement.
    """
    from mipcheck.model.specification.configure import configure

    capabilities = frozenset(filter(None, parameters.get(CAPABILITIES, "").split(",")))
    check_names("capability", sorted(capabilities), spec.capabilities)
    given = parameters_of(spec, {n: w for n, w in parameters.items() if n != CAPABILITIES})
    configure(spec, given)
    owners = {name: m for m in spec.machines() for name in m.properties}
    check_names("property", properties, owners)
    check_names("rule or assumption", without, [n for m in spec.machines() for n in (*m.rules, *m.assumptions)])
    wanted = list(dict.fromkeys(properties)) or list(owners)
    if not wanted:
        raise UsageError(f"{spec.name} has no properties to prove")
    proved = []
    with Steps(len(wanted), "proving") as steps:
        for name in wanted:
            steps.step(name)
            owner = owners[name]
            dropped = [n for n in without if n in owner.rules or n in owner.assumptions]
            p = prove_one(owner, name, given, dropped, timeout, capabilities, with_obligations)
            if cross_check and p.result.obligations:
                p = replace(p, opinions=opinions(name, p.result.obligations, timeout))
            proved.append(p)
    return proved


def exit_code(proved: Sequence[Proved]) -> int:
    """Return 0 if all is proved, 1 if something is refuted, else 3: also where a solver that was asked gave up."""
    results = {p.result.result for p in proved} | {"unknown" for p in proved for o in p.opinions if o.undecided}
    return next(code for word, code in EXIT.items() if word in results)


def prove_one(
    spec: Spec,
    name: str,
    given: Mapping[str, int],
    without: Iterable[str],
    timeout: float = 60.0,
    capabilities: frozenset[str] = frozenset(),
    with_obligations: bool = False,
) -> Proved:
    """Prove one property of the role that `spec` is of, and replay a counterexample. Raises Disagreement."""
    from mipcheck.model.prover.prove import prove

    (result,) = prove(
        [name],
        spec=spec,
        parameters=given,
        without=without,
        timeout=timeout,
        capabilities=capabilities,
        with_obligations=with_obligations,
    )
    if result.trace is None:
        return Proved(result)
    dropped = "".join(f", without {r}" for r in without)
    title = [f"Counterexample to {name} of {spec.name}{dropped}, found by mipcheck prove.", spec.properties[name].text]
    text = trace_text(spec, result.trace, given, title, capabilities)
    agree(spec, text, result.trace.broken)
    return Proved(result, text)


def hand_out_all(path: str, spec: Spec, proved: Sequence[Proved]) -> None:
    """Write the proofs to a new folder, whole or not at all. Raises UsageError if it cannot be written."""
    said = {name: p.text for m in spec.machines() for name, p in m.properties.items()}
    proofs = [
        HandedOut(p.result.name, said[p.result.name], p.result.method, p.result.obligations)
        for p in proved
        if p.result.obligations
    ]
    hand_out(path, spec.name, proofs)


# --- output ---------------------------------------------------------------------------------------------------------


def results_json(spec: Spec, proved: Sequence[Proved], without: Sequence[str]) -> str:
    """Return the results as one JSON object (model/README.md)."""
    entries = [
        {
            "name": p.result.name,
            "section": p.result.section,
            "result": p.result.result,
            "seconds": round(p.result.seconds, 3),
            "method": p.result.method,
            "needs": [n.rule for n in p.result.needs],
            "invariant": p.result.invariant or None,
            "cross_checked": p.cross_checked,
            "opinions": {o.solver: {"unsat": o.discharged, "undecided": dict(o.undecided)} for o in p.opinions},
            "counterexample": p.counterexample or None,
            "reason": p.result.reason or None,
        }
        for p in proved
    ]
    return (
        dumps({"schema": SCHEMA, "spec": spec.name, "without": list(without), "properties": entries}, indent=2) + "\n"
    )


def results_text(spec: Spec, proved: Sequence[Proved]) -> str:
    """Return the results as text; one result that is refuted makes a log with comments, to be piped into mipcheck."""
    blocks = [_block(spec, p) for p in proved]
    if len(proved) == 1 and proved[0].counterexample:
        comments = [f"# {line}".rstrip() for line in [*blocks[0], "", *_summary(spec, proved)]]
        return "\n".join([*comments, proved[0].counterexample])
    for p, block in zip(proved, blocks, strict=True):
        if p.counterexample:
            block += ["the shortest counterexample, replayed by the checker:", "", p.counterexample]
    return "\n\n".join("\n".join(b) for b in [*blocks, _summary(spec, proved)]) + "\n"


def _block(spec: Spec, p: Proved) -> list[str]:
    """Return the lines about one result, but for the counterexample."""
    r = p.result
    owner = next(m for m in spec.machines() if r.name in m.properties)
    details = [owner.properties[r.name].text]
    if r.result == "proved":
        details.append(f"by {r.method}")
        details += [f"needs {', '.join(n.rule for n in r.needs)}"] if r.needs else []
    details += [_opinion(o) for o in p.opinions]
    if r.reason:
        details.append(f"because {r.reason}")
    wrap = textwrap.TextWrapper(min(columns(), 100) - 2, break_on_hyphens=False)
    wrap.initial_indent = wrap.subsequent_indent = " " * 9
    whose = "" if owner.role == MOBILE_NODE else f"role {owner.role}, "
    return [
        f"{r.result:8} {r.name}  ({whose}{r.section}, {r.seconds:.1f} s)",
        *(w for d in details for w in wrap.wrap(d)),
    ]


def _opinion(o: Opinion) -> str:
    """Say what a solver makes of a proof."""
    count = o.discharged + len(o.undecided)
    if not o.undecided:
        return f"{o.solver} agrees: it finds each of the {count} obligations impossible to break"
    first = "; ".join(f"{name} ({printable(why)})" for name, why in o.undecided[:_SHOWN])
    more = f"; and {len(o.undecided) - _SHOWN} more" if len(o.undecided) > _SHOWN else ""
    return f"{o.solver} does not say so: of {count} obligations it leaves {len(o.undecided)} undecided: {first}{more}"


def _summary(spec: Spec, proved: Sequence[Proved]) -> list[str]:
    """Count the results, and say what may be done next."""
    counts = {word: sum(p.result.result == word for p in proved) for word in ("proved", "refuted", "unknown")}
    lines = [f"{spec.name}: " + ", ".join(f"{n} {word}" for word, n in counts.items() if n)]
    if counts["refuted"] and len(proved) == 1:
        lines.append("The trace that follows is for mipcheck to read: pipe this into `mipcheck -`.")
    elif counts["refuted"]:
        lines.append("A counterexample is a log: mipcheck prove PROPERTY | mipcheck -")
    if counts["unknown"]:
        short = all("memory" in p.result.reason for p in proved if p.result.result == "unknown")
        what = "more memory (ulimit -v)" if short else "a longer --timeout"
        lines.append(f"Unknown is not proved: {what} may decide it.")
    return lines
