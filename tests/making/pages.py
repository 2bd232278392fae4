"""Pages of verbs without what takes the prover minutes: results made by hand, with `more` in every text of theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from mipcheck.checker.check.readings import ambiguities
from mipcheck.checker.proofs.partings import PartingLog
from mipcheck.checker.verbs import pages
from mipcheck.checker.verbs.ambiguities_parted import AmbiguityEntry, ReadingPair
from mipcheck.checker.verbs.compare_table import Compared, Fact
from mipcheck.checker.verbs.diff_changes import Behaviour, ChangedDeclaration, Difference
from mipcheck.checker.verbs.prove_results import Answered
from mipcheck.checker.verbs.requirements_catalogue import requirements
from mipcheck.checker.verbs.requirements_covered import Covered, CoveredProperty, CoveredRule
from mipcheck.checker.verbs.requirements_page import coverage_page
from mipcheck.checker.verbs.results import Corpus, Exercised, Mutated
from mipcheck.model.prover.prove import Result
from mipcheck.model.specification.load import load

SPEC: Final = load("draft-01")
LOG: Final = """mipcheck-trace 1
site boot=true iha=10.1.0.2 xha=198.51.100.2 vpn=192.0.2.1 ihoa=10.1.0.100 xhoa=198.51.100.100
0.100000 eth0 rrq to=iha path=direct coa=203.0.113.20 flags=T lifetime=60 id=0x1002 home=203.0.113.20
39.201000 eth0 rrp from=iha path=direct code=0 lifetime=60 id=0x1002 auth=ok nat=yes by=ha
60.201000 eth0 data dir=in protection=none scope=enterprise
"""
PARTED: Final = PartingLog(LOG, (), ("M2",))
"""A trace on which two readings of M2 part."""


def _log(more: str) -> str:
    """A log with more in what a log may say freely: a comment, and the name of an interface."""
    word = "".join(c for c in more if c.isprintable() and not c.isspace())
    return LOG.replace("eth0", f"eth0{word}") + (f"# {more}\n" if more else "")


def prove(more: str = "") -> str:
    name = "no_plaintext_after_loss"
    log = _log(more).replace("dir=in", "dir=out")
    refuted = Answered(Result(name, "4.2.2" + more, "refuted", 1.0, "search", reason=more), log, {more: log})
    proved = Answered(
        Result("inside_is_sound", "4.2.1", "proved", 1.0, "Spacer" + more, "any", assumes=("firewall" + more,))
    )
    return pages.prove_page(replace(SPEC, name=SPEC.name + more), [refuted, proved])


def readings(more: str = "") -> str:
    (m2,) = [a for a in ambiguities(SPEC) if a.name == "M2"]
    parted = replace(PARTED, trace=_log(more))
    pairs = (
        ReadingPair("sending", "both-ways", ("M2",), parted),
        ReadingPair("sending", "from-reply", (), PartingLog(reason="time was up" + more)),
    )
    m2 = replace(m2, text=m2.text + more, readings=tuple((name, why + more) for name, why in m2.readings))
    return pages.ambiguities_page(replace(SPEC, name=SPEC.name + more), [AmbiguityEntry(m2, "MUST", (), pairs)])


def difference(more: str = "") -> str:
    other = load("draft-01", readings={"M2": "both-ways"})
    left, right = (replace(s, name=s.name + more) for s in (SPEC, other))
    parted = Behaviour("changed", replace(PARTED, trace=_log(more)))
    change = ChangedDeclaration(
        "rule", "M2" + more, "changed", {"text" + more: ("before" + more, "after" + more)}, "mn", parted
    )
    return pages.diff_page(Difference(left, right, (change,), {}))


def comparison(more: str = "") -> str:
    guidelines = {
        name: replace(g, text=g.text + more) for name, g in list(load("candidates/common").guidelines.items())[:2]
    }
    facts = (
        Fact("trace", "it leaks" + more, "no_leak" + more, trace=_log(more)),
        Fact("number", "octets" + more, "overhead", 40),
        Fact("unknown", "it says nothing about that" + more),
    )
    cells = {
        name: {"draft-01": facts, "rfc5265": (Fact("proof", "it holds" + more, "p", wrong="it was refuted" + more),)}
        for name in guidelines
    }
    return pages.compare_page(Compared(("draft-01", "rfc5265"), guidelines, cells, PARTED))


def coverage(more: str = "") -> str:
    """The page on what covers requirements, with two corpora."""
    rules = {name: CoveredRule() for machine in SPEC.machines() for name in machine.rules}
    rules["D1"] = CoveredRule(
        ("inside_is_sound" + more,), ("inside" + more, "b", "c", "d"), ("hint-believed" + more,),
        (Mutated("without" + more, "survives", ""), Mutated("other", "killed" + more, "inside" + more)),
    )  # fmt: skip
    found = [replace(r, text=r.text + more, id=r.id + more, level=r.level + more) for r in requirements(SPEC)]
    seen = {"D1": {"violated": 2, "held": 9_000, "odd" + more: 3}, "M2": {"held": 3}, "P1": {"unobservable": 3}}
    verdicts = {"violation": 2, "conformant" + more: 11_998}
    corpus = Corpus("vendor" + more, "draft-01", 12_000, verdicts, {r: Exercised(n, 7) for r, n in seen.items()})
    properties = {"inside_is_sound" + more: CoveredProperty("proved", ("D1" + more,), ("firewall" + more,), more)}
    spec = replace(SPEC, name=SPEC.name + more, document=SPEC.document + more)
    return coverage_page(Covered(spec, found, rules, properties, 12, [corpus, replace(corpus, name="other")]))


PAGES: Final[dict[str, Callable[[str], str]]] = {
    "prove": prove,
    "ambiguities": readings,
    "diff": difference,
    "compare": comparison,
    "requirements": coverage,
}
"""Makers of the page of each verb, whose pages have no script."""
