"""What `mipcheck prove` says: text, as soon as it is known, or JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mipcheck.checker.console.escape import printable
from mipcheck.checker.console.streams import columns
from mipcheck.checker.console.valid_json import SCHEMA, dumps
from mipcheck.checker.verbs.prove_results import EXIT
from mipcheck.model.specification.compose import owners
from mipcheck.model.specification.spec import MOBILE_NODE

if TYPE_CHECKING:
    from mipcheck.checker.proofs.opinions import SolverOpinion
    from mipcheck.checker.verbs.prove_results import Answered
    from mipcheck.model.prover.prove import Result
    from mipcheck.model.specification.spec import Spec


_NAMED = 3
"""Undecided obligations that are named."""


def results_json(spec: Spec, proved: Sequence[Answered], without: Sequence[str], with_needs: bool = True) -> str:
    """Return the results as one JSON object (model/README.md); what was not asked for (`with_needs`) is null."""
    entries = [
        {
            "name": p.result.name,
            "section": p.result.section,
            "result": p.result.result,
            "seconds": round(p.result.seconds, 3),
            "method": p.result.method,
            "interfaces": p.result.interfaces,
            "for_all": None if p.result.for_all is None else list(p.result.for_all),
            "needs": [n.rule for n in p.result.needs] if with_needs else None,
            "undecided": list(p.result.undecided) if with_needs else None,
            "assumes": None if p.result.assumes is None else list(p.result.assumes),
            "excludes": list(p.result.excluded),
            "invariant": p.result.invariant or None,
            "certificate": p.certificate or None,
            "cross_checked": p.cross_checked,
            "opinions": {o.solver: {"unsat": o.discharged, "undecided": dict(o.undecided)} for o in p.opinions},
            "counterexample": p.counterexample or None,
            **_of_system(spec, p),
            "reason": p.result.reason or None,
        }
        for p in proved
    ]
    return (
        dumps({"schema": SCHEMA, "spec": spec.name, "without": list(without), "properties": entries}, indent=2) + "\n"
    )


def _of_system(spec: Spec, p: Answered) -> dict[str, object]:
    """Return what is said of a property of a system besides: which, against which powers, what each party logs."""
    owner = owners(spec)[p.result.name]
    if not owner.parties:
        return {}
    against = list(owner.properties[p.result.name].against)
    return {"system": owner.role, "against": against, "logs": dict(p.logs) or None}


def results_text(spec: Spec, proved: Sequence[Answered]) -> str:
    """Return the results as text; one result that is refuted makes a log with comments, to be piped into mipcheck."""
    parts: list[str] = []
    spoken = Spoken(spec, [p.result.name for p in proved], parts.append)
    for p in proved:
        spoken.verdict(p, True)
    spoken.end()
    return "".join(parts)


class Spoken:
    """Says results as they come. One that is refuted, alone, makes a log with comments, to be piped into mipcheck."""

    def __init__(self, spec: Spec, wanted: Sequence[str], say: Callable[[str], None]) -> None:
        self._spec, self._alone, self._say = spec, len(wanted) == 1, say
        self._all: dict[str, Answered] = {}
        self._commented = False

    def verdict(self, proved: Answered, final: bool) -> None:
        """Say a verdict."""
        self._all[proved.result.name] = proved
        r = proved.result
        block = [*_block(self._spec, r), *_wrapped([_opinion(o) for o in proved.opinions])]
        if r.trace is not None and not final:
            block += _wrapped([f"shown by a trace of {r.trace.steps} steps; the shortest one follows"])
        if self._alone and "" in proved.logs:
            self._commented = True
            comments = [f"# {line}".rstrip() for line in [*block, "", *self._summary()]]
            self._say("".join(f"{line}\n" for line in comments) + (proved.counterexample if final else ""))
            return
        if proved.counterexample and final:
            block += _shown(proved)
        if final or not self._alone:
            block.append("")
        self._say("\n".join(block) + "\n")

    def completed(self, proved: Answered) -> None:
        """Say what a proof needs, or what the shortest counterexample is; the verdict has been said."""
        self._all[proved.result.name] = proved
        needs = _needs(proved.result)
        if self._commented:
            self._say(proved.counterexample)
        elif self._alone:
            self._say("".join(f"{line}\n" for line in [*_wrapped(needs), *_shown(proved), ""]))
        elif proved.counterexample:
            first, *rest = _shown(proved)
            self._say("\n".join([f"{proved.result.name}: {first}", *rest, ""]) + "\n")
        elif needs:
            self._say(f"{proved.result.name} {'; '.join(needs)}\n")

    def end(self) -> None:
        """Count the results."""
        if not self._commented:
            self._say("\n".join(self._summary()) + "\n")

    def _summary(self) -> list[str]:
        """Count the results, and say what may be done next."""
        results = [p.result.result for p in self._all.values()]
        counts = {word: results.count(word) for word in EXIT}
        order = ("proved", *(word for word in EXIT if word != "proved"))
        lines = [f"{self._spec.name}: " + ", ".join(f"{counts[word]} {word}" for word in order if counts[word])]
        if counts["refuted"] and all("" not in p.logs for p in self._all.values()):
            lines.append("A counterexample is a log of each party: --logs DIR writes them for mipcheck to read.")
        elif counts["refuted"] and self._alone:
            lines.append("The trace that follows is for mipcheck to read: pipe this into `mipcheck -`.")
        elif counts["refuted"]:
            lines.append("A counterexample is a log: mipcheck prove PROPERTY | mipcheck -")
        if counts["unknown"]:
            unknown = [p.result.reason for p in self._all.values() if p.result.result == "unknown"]
            short = all("memory" in reason for reason in unknown)
            lines.append(f"Unknown is not proved{': more memory (ulimit -v) may decide it' if short else ''}.")
        return lines


def _values(spec: Spec, r: Result) -> list[str]:
    """Say for which values of parameters and addresses a proof holds; nothing, if that was not asked."""
    if not r.for_all:
        return []
    parameters = [n for n, p in spec.parameters.items() if not p.readings]
    addresses = [f"site.{n}" for n in spec.sites]
    fixed = [n for n in (*parameters, *addresses) if n not in r.for_all]
    state = spec.constants()
    kinds = [kind for kind, there in (("values of parameters", parameters), ("addresses", addresses)) if there]
    every = f"for all {' and '.join(kinds)}" + (f" but {', '.join(fixed)}" if fixed else "")
    return [every + (f", and of {', '.join(state)}" if state else "")]


def _block(spec: Spec, r: Result) -> list[str]:
    """Return the lines about one result, but for the counterexample."""
    owner = owners(spec)[r.name]
    details = [owner.properties[r.name].text]
    if r.result == "proved":
        again = ", a certificate checked again" if r.certified else ""
        details += [
            f"by {r.method}{again}",
            *_values(owner, r),
            *(["whatever the state"] if r.invariant == "true" else []),
            *_needs(r),
        ]
    if r.reason:
        details.append(f"because {r.reason}")
    whose = "" if owner.role == MOBILE_NODE else f"{'system' if owner.parties else 'role'} {owner.role}, "
    place = whose + (f"{r.section}, " if r.section else "")
    return [f"{r.result:8} {r.name}  ({place}{r.seconds:.1f} s)", *_wrapped(details)]


def _shown(p: Answered) -> list[str]:
    """Return the lines of a counterexample, and of what it is; none where there is none."""
    if not p.counterexample:
        return []
    which = "the shortest" if p.result.shortest else "a"
    whose = "" if "" in p.logs else ", a log for each party"
    return [f"{which} counterexample, replayed by the checker{whose}:", "", p.counterexample]


def _opinion(o: SolverOpinion) -> str:
    """Say what a solver makes of a proof."""
    count = o.discharged + len(o.undecided)
    if not o.undecided:
        return f"{o.solver} agrees: it finds each of the {count} obligations impossible to break"
    first = "; ".join(f"{name} ({printable(why)})" for name, why in o.undecided[:_NAMED])
    more = f"; and {len(o.undecided) - _NAMED} more" if len(o.undecided) > _NAMED else ""
    return f"{o.solver} does not say so: of {count} obligations it leaves {len(o.undecided)} undecided: {first}{more}"


def _needs(r: Result) -> list[str]:
    found = [f"needs {', '.join(n.rule for n in r.needs)}"] if r.needs else []
    found += [f"assumes {', '.join(r.assumes)}"] if r.assumes else []
    found += [f"{what}, and this is of networks without" for what in r.excluded]
    return found + ([f"whether it needs {', '.join(r.undecided)} is undecided"] if r.undecided else [])


def _wrapped(details: Sequence[str]) -> list[str]:
    wrap = textwrap.TextWrapper(min(columns(), 100) - 2, break_on_hyphens=False)
    wrap.initial_indent = wrap.subsequent_indent = " " * 9
    return [w for d in details for w in wrap.wrap(d)]
