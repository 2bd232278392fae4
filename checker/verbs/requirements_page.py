"""The page of `mipcheck requirements --report html=FILE`: each requirement beside what covers it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from mipcheck.checker.console.counts import counted, few
from mipcheck.checker.report import sheet
from mipcheck.checker.verbs.requirements_catalogue import (
    GROUNDS,
    KINDS,
    Requirement,
    encoded,
    summary,
    where,
)
from mipcheck.checker.verbs.requirements_covered import Covered, exercised
from mipcheck.checker.verbs.results import Corpus, Mutated
from mipcheck.model.specification.spec import MOBILE_NODE

_NAMED: Final = 3
"""Names of a list that are told; of more, the number."""
_Line = tuple[str, str]
"""A line of a cell: its kind, "" for none, and its words."""


def coverage_page(c: Covered) -> str:
    """Return the page."""
    body = [_corpus(c, corpus) for corpus in c.corpora]
    body += [_lacking(c), _table(c), _properties(c), _how(c)]
    lead = (
        "What the document requires, in its order, and what speaks for each requirement: the rule that encodes it, what"
        " is proved of it, traces that keep and that break it, who would notice if it were left out"
        + (", and what was seen of it in the traces of a corpus." if c.corpora else ".")
    )
    return sheet.sheet(f"What covers the requirements of {c.spec.name}", lead, filter(None, body))


def _few(names: Sequence[str]) -> str:
    return few(names, _NAMED)


# --- a corpus -----------------------------------------------------------------------------------------------------


def _corpus(c: Covered, corpus: Corpus) -> str:
    """Return the part on what a corpus exercised of the rules of those roles whose traces it has."""
    machines = [m for m in c.spec.machines() if corpus.rules.keys() & m.rules.keys()]
    others = [m for m in c.spec.machines() if m.rules and m not in machines]
    rules = {name: rule for machine in machines for name, rule in machine.rules.items()}
    came = {name: exercised(c.over(corpus, [name])) for name in rules}
    counts = Counter(came.values())
    verdicts = ", ".join(f"{n:,} {word}" for word, n in corpus.verdicts.items() if n)
    files = counted(corpus.files, "file", form=",")
    parts = [sheet.paragraph(f"{files}{f': {verdicts}' if verdicts else ''}."), sheet.paragraph(
        f"Of {len(rules)} rules {counts['kept']} were kept in some file and broken in none, {counts['broken']} were"
        f" broken, {counts['unclear']} came up and could not be judged, {counts['never']} never came up.", "about"
    )]  # fmt: skip
    for word, title in (
        ("broken", "Broken"),
        ("unclear", "Came up, and could not be judged"),
        ("never", "Never came up, so that these traces say nothing of it"),
    ):
        for level in ("MUST", "SHOULD"):
            names = [name for name, found in came.items() if found == word and rules[name].level == level]
            parts.append(sheet.paragraph(f"{title} ({level}): {', '.join(names)}." if names else ""))
    if others:
        said = ", ".join(f"{m.role} ({counted(len(m.rules), 'rule')})" for m in others)
        parts.append(sheet.paragraph(f"No trace was taken at these: {said}.", "about"))
    return sheet.section(f"What {corpus.name} exercised", parts, "corpus", "bad" if counts["broken"] else "good")


# --- requirements -------------------------------------------------------------------------------------------------


def _table(c: Covered) -> str:
    """Return the table of all requirements."""
    head = ["requirement", "what it demands", "encoded by", "properties", "left out, or changed", "example traces"]
    head += [corpus.name for corpus in c.corpora]
    rows = [_row(c, r) for r in c.requirements]
    parts = [sheet.paragraph(f"{summary(c.spec, list(c.requirements))}.", "about"), sheet.table(head, rows)]
    return sheet.section("Requirement by requirement", parts, tone="bare")


def _row(c: Covered, r: Requirement) -> list[list[_Line]]:
    rules = c.rules_of(r)
    own = [name for name in rules if name in r.by]
    named = [("", r.id), ("", f"{r.level} · {where(c.spec, r)}")]
    by = [("", r.kind), *([("", _few(r.by))] if r.by and r.by != (r.id,) else [])]
    by += [("", f"of role {r.role}")] if r.role != MOBILE_NODE else []
    if not r.by:
        by = [("nothing", f"encodes it: {r.reason}")]
    elif r.grounds:
        by = [("", encoded(r)), ("", _few(r.by))]
    elif not own and rules:
        by.append(("", f"on which {_few(rules)} depend" if len(rules) > 1 else f"on which {rules[0]} depends"))
    cells = [named, [("", r.text)], by, _proofs(c, r, rules), _changes(c, own or rules), _traces(c, rules)]
    return cells + [_seen(c, corpus, rules) for corpus in c.corpora]


def _proofs(c: Covered, r: Requirement, rules: Sequence[str]) -> list[_Line]:
    """Return the properties that encode a requirement, and those that rest on it."""
    own = [name for name in r.by if name in c.properties]
    lines = [(c.properties[name].result, name) for name in own]
    resting = list(dict.fromkeys(p for rule in rules for p in c.rules[rule].needed_by if p not in own))
    assumed = [p for p, found in c.properties.items() if set(found.assumes) & set(r.by) and p not in (*own, *resting)]
    lines += [("needed by", _few(resting))] if resting else []
    return lines + ([("assumed by", _few(assumed))] if assumed else []) or [("", "–")]


def _changes(c: Covered, rules: Sequence[str]) -> list[_Line]:
    """Return who would notice that rules are left out, and what became of their mutants."""
    if not rules:
        return [("", "–")]
    noticed = list(dict.fromkeys(who for rule in rules for who in c.rules[rule].noticed))
    lines = [("noticed", f"left out, by {_few(noticed)}")] if noticed else [("unnoticed", "left out, by these traces")]
    known = [m for rule in rules for m in c.rules[rule].mutants or ()]
    return lines + ([_fates(known)] if known else [])


def _fates(mutants: Sequence[Mutated]) -> _Line:
    """Return in a line what became of mutants."""
    counts = Counter(m.fate for m in mutants)
    survive = [m.what for m in mutants if m.fate == "survives"]
    said = ", ".join(f"{n} {fate}" for fate, n in counts.items())
    return "changed", f"{counted(len(mutants), 'way')}: {said}" + (f" ({_few(survive)})" if survive else "")


def _traces(c: Covered, rules: Sequence[str]) -> list[_Line]:
    """Return the traces that keep rules, and that break any."""
    if not rules:
        return [("", "–")]
    broken = list(dict.fromkeys(t for rule in rules for t in c.rules[rule].broken))
    kept = list(dict.fromkeys(t for rule in rules for t in c.rules[rule].kept if t not in broken))
    lines = [("kept", f"in {_few(kept)}")] if kept else []
    lines += [("broken", f"in {_few(broken)}")] if broken else []
    return lines or [("never", "came up in one")]


def _seen(c: Covered, corpus: Corpus, rules: Sequence[str]) -> list[_Line]:
    """Return what a corpus shows of rules, each file counted for each rule."""
    if not rules:
        return [("", "–")]
    found = c.over(corpus, rules)
    word = exercised(found)
    parts = [f"{status} in {n:,}" for status, n in found.files.items() if n and status != "not-exercised"]
    times = f", {counted(found.violations, 'time', form=',')}" if found.violations else ""
    return [(word, ", ".join(parts) + times if parts else "came up")]


# --- the rest -----------------------------------------------------------------------------------------------------


def _lacking(c: Covered) -> str:
    """Return the part on rules that no trace and no property would miss."""
    lines = [f"{name}: nothing here would notice that it is left out" for name, r in c.rules.items() if not r.noticed]
    lines += [f"{name}: no example trace keeps it" for name, r in c.rules.items() if not r.kept]
    lines += [f"{name}: {p.result}" for name, p in c.properties.items() if p.result == "unknown"]
    if not lines:
        return ""
    return sheet.section("What lacks", [sheet.listing(lines)], counted(len(lines), "gap"), "bad")


def _properties(c: Covered) -> str:
    """Return the table of properties, with the rules that their proofs need."""
    rows = [
        [[("", name)], [(p.result, p.reason)], [("", ", ".join(p.needs) or "–")], [("", ", ".join(p.assumes) or "–")]]
        for name, p in c.properties.items()
    ]
    if not rows:
        return ""
    head = ["property", "result", "rules without which it does not hold", "assumptions"]
    return sheet.section("Property by property", [sheet.table(head, rows)], tone="bare")


def _how(c: Covered) -> str:
    """Return how what is told was found, and how more of it can be had."""
    kinds = ", ".join((*KINDS, *GROUNDS) if any(r.grounds for r in c.requirements) else KINDS)
    lines = [
        f"What encodes a requirement is of a kind: {kinds}.",
        f"{counted(c.traces, 'example trace')} judged for this page; `--traces LOG…` takes others.",
        "Proofs are those of `mipcheck prove`, with their certificates checked again. Without a rule that it needs, a"
        " property is refuted.",
    ]
    if not any(r.mutants for r in c.rules.values()):
        lines.append("`mipcheck mutate --format json -o FILE` and `--mutants FILE` add other changes than leaving out.")
    if not c.corpora:
        lines.append("`mipcheck fleet … --format json > FILE` and `--fleet FILE` add what the traces of a corpus show.")
    else:
        lines.append(
            "Where several rules encode a requirement, or depend on it, each file of a corpus counts for each."
        )
    return sheet.section("How this was found", [sheet.listing(lines)])
