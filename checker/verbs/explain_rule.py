"""The page of a rule: all that a specification says about it, and what follows from that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mipcheck.checker.check.readings import resolved
from mipcheck.checker.console.errors import UsageError, did_you_mean, joined, listed, quoted
from mipcheck.checker.console.progress import Steps
from mipcheck.checker.console.valid_json import SCHEMA, dumps
from mipcheck.checker.observe.context import duration, source
from mipcheck.checker.proofs.demand import demand
from mipcheck.checker.proofs.kept import KeptLogs
from mipcheck.checker.site.site import SiteError, site_from_words
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.model.language.show import show_citations
from mipcheck.model.specification.configure import configure, read_parameter
from mipcheck.model.specification.load import DEFAULT
from mipcheck.model.specification.spec import Require, Rule, Spec
from mipcheck.model.specification.term import STATE, Term
from mipcheck.model.values.types import Type


@dataclass(frozen=True)
class Named:
    """A name with what it stands for; `behind` where it is not the rule that names it, but what it names."""

    name: str
    text: str
    behind: bool = False


@dataclass(frozen=True)
class StateText:
    """A variable: what it means, and the events that change it.

    `depth` is 0 if the rule names it, 1 if one of the definitions does that the rule names, 2 if it is further behind.
    """

    name: str
    text: str
    changes: str
    depth: int

    def line(self, whole: bool) -> str:
        """Return it as a line of the page; what changes it is told of what the rule names, or on a `whole` page."""
        said = self.said() if whole or not self.depth else self.text
        return f"{self.name}: {said}" if said else self.name

    def said(self) -> str:
        """Return what it means, where that is written, and what changes it."""
        return "; ".join(filter(None, [self.text, f"changes on {self.changes}"]))


@dataclass(frozen=True)
class ReadingText:
    """One reading: why one may read so, and what it then demands."""

    name: str
    text: str
    demand: str
    chosen: bool


@dataclass(frozen=True)
class RulePage:
    """A rule, ready to be shown. `capabilities` are those on which it depends, in words.

    `keeps` and `breaks` are logs, empty if none is known; `not_counted` says which lines of the latter did not count,
    and why; `needed_by` names properties, None if that is not known.
    """

    id: str
    level: str
    section: str
    cite: str
    text: str
    spec: str
    role: str
    role_text: str
    document: str
    demand: str
    instead: str
    note: str
    capabilities: tuple[str, ...]
    readings: tuple[ReadingText, ...]
    definitions: tuple[Named, ...]
    state: tuple[StateText, ...]
    parameters: tuple[Named, ...]
    needed_by: tuple[str, ...] | None
    keeps: str
    breaks: str
    not_counted: tuple[str, ...] = ()


def rule_page(
    rule_id: str,
    *,
    spec: str | Spec = DEFAULT,
    parameters: Mapping[str, str] | None = None,
    readings: Mapping[str, str] | None = None,
    kept: KeptLogs | None = None,
) -> RulePage:
    """Make the page of a rule; logs that are `kept` are not sought.

    Raises SpecError, ParameterError or UsageError, which name the nearest rule there is.
    """
    whole = resolved(spec, readings)
    base = next((m for m in whole.machines() if rule_id in m.rules), None)
    if base is None:
        raise UsageError(_unknown(whole, rule_id))
    rule = base.rules[rule_id]
    values = _values(base, parameters or {})
    needed_by, keeps, breaks = _proved(base, rule_id, kept)
    return RulePage(
        id=rule.id,
        level=rule.level,
        section=rule.section,
        cite=show_citations(rule.cite),
        text=rule.text,
        spec=base.name,
        role=base.role,
        role_text=base.role_text,
        document=base.document,
        demand=demand(rule.body),
        instead=rule.instead,
        note=rule.note,
        capabilities=tuple(_capabilities(base, rule)),
        readings=tuple(ReadingText(r.name, r.text, demand(r.body), r.name == rule.reading) for r in rule.readings),
        definitions=tuple(_definitions(base, rule)),
        state=tuple(_state(base, rule)),
        parameters=tuple(_parameters(base, rule, values)),
        needed_by=needed_by,
        keeps=keeps,
        breaks=breaks,
        not_counted=tuple(_not_counted(base, rule_id, breaks)),
    )


def _unknown(spec: Spec, word: str) -> str:
    """Say that `word` names no rule, and what was probably meant."""
    machines = spec.machines()
    rules = [r for m in machines for r in m.rules]
    if any(word in m.properties for m in machines):
        return f"{word} is a property, not a rule; see mipcheck prove {word}"
    near = [r for r in rules if r.casefold() == word.casefold()]
    guess = f'did you mean "{near[0]}"?' if near else did_you_mean(word, [*rules, *spec.accesses])
    modes = f"access modes: {listed(list(spec.accesses))}" if spec.accesses else ""
    return joined(f"there is no rule {quoted(word)} in {spec.name}", guess, f"rules: {listed(rules)}", modes)


def _values(spec: Spec, words: Mapping[str, str]) -> dict[str, int]:
    """Return the values of all parameters; `words` give some. Raises UsageError and ParameterError."""
    try:
        site = site_from_words(words, vocabulary_of(spec))
    except SiteError as error:
        raise UsageError(joined(error.message, error.hint)) from None
    return configure(spec, {n: read_parameter(spec.parameters[n], w) for n, w in site.parameters.items()})


def _names(terms: Iterable[Term], kind: str) -> dict[str, Term]:
    """Return the names of a kind of term in order of appearance, each with the first term of that name."""
    found: dict[str, Term] = {}
    for term in terms:
        for t in term.walk():
            if t.kind == kind:
                found.setdefault(t.name, t)
    return found


def _variables(rule: Rule) -> list[str]:
    """Name the state that a rule reads, tables too."""
    anchor = [rule.body.anchor] if isinstance(rule.body, Require) else []
    return list(dict.fromkeys([*_state_in(t for term in rule.terms() for t in term.walk()), *anchor]))


def _state_in(terms: Iterable[Term]) -> Iterator[str]:
    """Yield the variables and tables that are among terms."""
    yield from (t.name.partition(".")[0] for t in terms if t.kind in STATE)


def _setting(spec: Spec, variable: str) -> list[tuple[str, Term]]:
    """Return the events that assign a variable, each as the specification writes it, with its condition."""
    return [(p.source, p.condition) for u in spec.updates for p in u.patterns if variable in u.writes()]


def _definitions(spec: Spec, rule: Rule) -> Iterator[Named]:
    """Yield the definitions that a rule uses, and those of what sets its state.

    The rule names what stands in its conditions; with those of the events that set the state it names, it is near.
    """
    depths = _depths(rule)
    set_by = {v: [term for _, term in _setting(spec, v)] for v in depths}
    near = [*rule.terms(), *(term for v, depth in depths.items() if not depth for term in set_by[v])]
    named = {t.name for term in near for t in _outermost(term) if t.kind == "def"}
    every = [*rule.terms(), *(term for terms in set_by.values() for term in terms)]
    for name, term in _names(every, "def").items():
        yield Named(name, source(term.args[0]), name not in named)


def _state(spec: Spec, rule: Rule) -> Iterator[StateText]:
    """Yield the state that a rule reads."""
    for name, depth in _depths(rule).items():
        events = list(dict.fromkeys(shown for shown, _ in _setting(spec, name)))
        state = spec.state(name)
        yield StateText(state.written, state.text, "; ".join(events) or "nothing", depth)


def _depths(rule: Rule) -> dict[str, int]:
    """Return the state that a rule reads, in order of appearance, each with its `StateText.depth`."""
    terms = list(rule.terms())
    bodies = [t.args[0] for term in terms for t in _outermost(term) if t.kind == "def"]
    own, below = (set(_state_in(t for term in level for t in _outermost(term))) for level in (terms, bodies))
    if isinstance(rule.body, Require):
        own.add(rule.body.anchor)
    return {v: 0 if v in own else 1 if v in below else 2 for v in _variables(rule)}


def _outermost(term: Term) -> Iterator[Term]:
    """Yield a term and all below it, but for the bodies of definitions."""
    yield term
    if term.kind != "def":
        for below in term.args:
            yield from _outermost(below)


def _parameters(spec: Spec, rule: Rule, values: Mapping[str, int]) -> Iterator[Named]:
    """Yield the parameters that a rule reads, with their values; an obligation's deadline has `t_slack` added."""
    names = list(_names(rule.terms(), "param"))
    if isinstance(rule.body, Require) and "t_slack" in spec.parameters:
        names.append("t_slack")
    for name in dict.fromkeys(names):
        parameter = spec.parameters[name]
        value = _shown(parameter.type, values[name])
        yield Named(name, f"{value}: {parameter.text}" if parameter.text else value)


def _shown(type_: Type, value: int) -> str:
    """Return a parameter's value in words."""
    if type_.name == "time":
        return duration(value)
    return type_.members[value] if type_.is_enum else str(value)


def _capabilities(spec: Spec, rule: Rule) -> Iterator[str]:
    """Say on which capabilities a rule depends."""
    for name in rule.unless:
        yield f"does not apply with {name}: {spec.capabilities[name]}"
    for name in rule.given:
        yield f"applies only with {name}: {spec.capabilities[name]}"


def _proved(spec: Spec, rule_id: str, kept: KeptLogs | None) -> tuple[tuple[str, ...] | None, str, str]:
    """Return what only the prover can tell: the properties that need a rule, and logs that keep and that break it.

    Where there is no solver nothing of it is known, and the page is of use all the same. Raises Disagreement.
    """
    try:
        from mipcheck.checker.proofs.replayed import examples, needed_by
    except ImportError:
        return None, "", ""
    with Steps(len(spec.properties) + 2, f"{rule_id},") as steps:
        return tuple(needed_by(spec, rule_id, steps.step)), *examples(spec, rule_id, steps.step, kept)


def _not_counted(spec: Spec, rule_id: str, log: str) -> list[str]:
    """Return the near misses of a log that breaks a rule; none of an empty one."""
    if not log:
        return []
    from mipcheck.checker.proofs.replayed import near_misses

    return near_misses(spec, log, rule_id)


# --- rendering ----------------------------------------------------------------------------------------------------


def rule_json(page: RulePage) -> str:
    """Return the page as one JSON object."""
    content: dict[str, Any] = {"schema": SCHEMA, **asdict(page)}
    for key in ("definitions", "parameters"):
        content[key] = {entry["name"]: entry["text"] for entry in content[key]}
    content["state"] = {s.name: s.said() for s in page.state}
    return dumps(content, indent=2) + "\n"


def rule_text(page: RulePage, width: int, colour: bool = False, whole: bool = False) -> str:
    """Return the page for a terminal of `width` columns; what is behind other names is on a `whole` one only."""
    from mipcheck.checker.console.lines import Lines

    lines = Lines(width, colour)
    lines.title((page.id, "bold"), (f"  {page.level}  ", ""), (page.cite, ""))
    lines.indented(page.text)
    lines.labelled("source", [", ".join(filter(None, [page.document, f"as encoded in {page.spec}"]))])
    lines.labelled("role", [f"{page.role}: {page.role_text}"] if page.role_text else [])
    lines.labelled("demand", [page.demand])
    lines.labelled("where", [f"{d.name} = {d.text}" for d in page.definitions if whole or not d.behind])
    lines.labelled("state", [s.line(whole) for s in page.state if whole or s.depth < 2])
    behind = [d.name for d in page.definitions if d.behind] + [s.name for s in page.state if s.depth]
    lines.labelled("behind", [f"--all tells more of {', '.join(behind)}"] if behind and not whole else [])
    lines.labelled("values", [f"{p.name} = {p.text}" for p in page.parameters])
    lines.labelled("instead", [page.instead] if page.instead else [])
    lines.labelled("note", [page.note] if page.note else [])
    lines.labelled("applies", list(page.capabilities))
    for r in page.readings:
        chosen = " (in force)" if r.chosen else f" (--reading {page.id}={r.name})"
        lines.labelled("reading", [f"{r.name}{chosen}: {r.text}", r.demand])
    if page.needed_by is not None:
        none = ["no property fails without this rule"]
        lines.labelled("proofs", [f"needed for {n}" for n in page.needed_by] or none)
    for what, log in (("kept", page.keeps), ("broken", page.breaks)):
        if log:
            lines.line("")
            lines.line(f"{what} in this log:")
            lines.verbatim(log)
        elif page.needed_by is not None:
            lines.labelled(what, ["in no log that was found (mipcheck audit says what is known of why)"])
    lines.labelled("misses", list(page.not_counted))
    return lines.text()
