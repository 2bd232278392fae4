"""The prover's traces, replayed: written as logs, which the checker has to judge as the prover predicted."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

from mipcheck.checker.console.errors import UsageError
from mipcheck.model.specification.spec import Configure, Require
from mipcheck.model.values.errors import MipcheckError
from mipcheck.model.values.types import show_duration

if TYPE_CHECKING:
    from mipcheck.checker.check.report import Report
    from mipcheck.checker.proofs.kept import KeptLogs
    from mipcheck.model.prover.witness import Witness
    from mipcheck.model.specification.parties import Party
    from mipcheck.model.specification.spec import Spec
    from mipcheck.model.values.event import Event


class Disagreement(MipcheckError, RuntimeError):
    """The prover predicted a verdict that the observer does not give: one of them is wrong."""


def trace_text(
    spec: Spec,
    trace: Witness,
    given: Mapping[str, int],
    title: Iterable[str] = (),
    capabilities: frozenset[str] = frozenset(),
) -> str:
    """Return a trace of the prover as a log, with the parameters `given` and its own, and a `title` in comments.

    What happens unseen stands in comments, where it happens.
    """
    from mipcheck.checker.logs.text import write_log
    from mipcheck.checker.site.site import Site
    from mipcheck.checker.trace.vocabulary import vocabulary_of
    from mipcheck.model.prover.setting import example_site

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


def trace_texts(
    spec: Spec,
    owner: Spec,
    trace: Witness,
    given: Mapping[str, int],
    title: Iterable[str] = (),
    capabilities: frozenset[str] = frozenset(),
) -> dict[str, str]:
    """Return a trace of the prover as logs: one by the name "" or, of a system, one of each party by its name.

    `owner` is what the trace is of, a role of `spec` or a composed system. What others do stands in comments.
    """
    if not owner.parties:
        return {"": trace_text(owner, trace, given, title, capabilities)}
    return {p.name: _of_party(spec, owner, p, trace, given, list(title), capabilities) for p in owner.parties.values()}


def _of_party(
    spec: Spec,
    owner: Spec,
    party: Party,
    trace: Witness,
    given: Mapping[str, int],
    title: list[str],
    capabilities: frozenset[str],
) -> str:
    """Return what one party logs of a trace."""
    from mipcheck.checker.logs.text import event_text, write_log
    from mipcheck.checker.site.site import Site
    from mipcheck.checker.trace.vocabulary import vocabulary_of
    from mipcheck.model.prover.setting import example_site

    known = vocabulary_of(spec)
    addresses, own_names = {**example_site(owner), **trace.site}, dict(party.sites)
    site = Site(
        role=party.role,
        party=party.name,
        boot=True,
        addresses={n: addresses[own_names.get(n, n)] for n in spec.sites},
        parameters={n: show_parameter(spec, n, v) for n, v in {**given, **trace.parameters}.items()},
        capabilities=capabilities,
    )
    own: list[Event] = []
    elsewhere: list[tuple[int, str]] = []
    unseen = [*trace.silent]
    for n, event in enumerate(trace.events):
        while unseen and unseen[0][0] <= n:
            elsewhere.append((len(own), f"unseen: {unseen.pop(0)[1]}"))
        name, _, kind = event.kind.partition("/")
        said = replace(event, kind=kind)
        if name == party.name:
            own.append(said)
        else:
            line = event_text(said, known.for_role(owner.parties[name].role), absolute=False)
            elsewhere.append((len(own), f"{name}: {line}"))
    elsewhere += [(len(own), f"unseen: {text}") for _, text in unseen]
    title = [*title, f"What {party.name} logs (role {party.role}); what others do stands in comments."]
    lines = write_log(own, site, known, title).splitlines()
    first = len(lines) - len(own)
    for index, text in reversed(elsewhere):
        lines.insert(first + index, f"# {text}")
    return "\n".join(lines) + "\n"


def show_parameter(spec: Spec, name: str, value: int) -> str:
    """Return a parameter's value as a log has it."""
    type_ = spec.parameters[name].type
    if type_.name == "time":
        return show_duration(value)
    if type_.is_enum:
        return type_.members[value]
    return ("true" if value else "false") if type_.name == "bool" else str(value)


def agree(spec: Spec, text: str, predicted: frozenset[str]) -> None:
    """Replay a log and compare the rules it breaks with those predicted. Raises Disagreement."""
    broken = broken_in(spec, text)
    if broken != predicted:
        raise Disagreement(_disagreement(predicted, broken, text))


def _disagreement(predicted: Collection[str], broken: Collection[str], text: str) -> str:
    return (
        f"the prover expects {sorted(predicted) or 'no rule'} to be broken, the observer finds "
        f"{sorted(broken) or 'none'}, in this trace:\n{text}"
    )


def agree_all(spec: Spec, owner: Spec, texts: Mapping[str, str], predicted: frozenset[str]) -> None:
    """Replay the logs of a trace, and compare the rules that each breaks with those predicted. Raises Disagreement.

    A party's log ends with its last event, the trace with the last of all: what is overdue only then, none sees.
    """
    if not owner.parties:
        agree(owner, texts[""], predicted)
        return
    for name, text in texts.items():
        own = {r.partition(".")[2]: owner.rules[r] for r in predicted if r.partition(".")[0] == name}
        sure = {r for r, rule in own.items() if not isinstance(rule.body, Require)}
        broken = broken_in(spec, text)
        if not sure <= broken <= set(own):
            raise Disagreement(_disagreement(own, broken, text))


def broken_in(spec: Spec, text: str) -> frozenset[str]:
    """Replay a log, and return the rules that it breaks, of whatever role the log says that it is."""
    return frozenset(r for r, status in statuses(spec, text).items() if status == "violated")


def statuses(spec: Spec, text: str) -> dict[str, str]:
    """Replay a log, and return what each rule came to."""
    from mipcheck.checker.check.check import statuses as of

    with _in_a_file(text) as path:
        return of(path, spec)


def events_of(spec: Spec, text: str) -> list[Event]:
    """Return the events of a log, none of an empty text. Raises InputError."""
    from mipcheck.checker.logs.text import read_log
    from mipcheck.checker.trace.vocabulary import vocabulary_of

    return list(read_log(io.BytesIO(text.encode()), "log", vocabulary_of(spec)).events) if text else []


def allowed(spec: Spec, text: str) -> bool:
    """Replay a log, and decide whether it certainly breaks nothing."""
    return all(status not in ("violated", "inconclusive") for status in statuses(spec, text).values())


def near_misses(spec: Spec, text: str, rule: str) -> list[str]:
    """Replay a log that breaks a rule, and say which of its lines did not count there, and why."""
    report = _report(spec, text)
    broken = [v for v in (*report.violations, *report.warnings) if v.rule == rule]
    return list(dict.fromkeys(f"line {m.at.line}: {m.text}: {m.why}" for v in broken for m in v.not_counted))


def report_on(spec: Spec, text: str) -> Report:
    """Replay a log, and return the report on it, with what a picture shows. Raises InputError for one that the
    specification has no words for."""
    return _report(spec, text, chart=True)


def _report(spec: Spec, text: str, chart: bool = False) -> Report:
    """Replay a log."""
    from mipcheck.checker.check.check import check

    with _in_a_file(text) as path:
        return check([path], spec=spec, chart=chart)


@contextlib.contextmanager
def _in_a_file(text: str) -> Iterator[str]:
    """Yield a path of a text, without a name: nothing of it is left, however the process ends."""
    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.seek(0)
        yield f"/dev/fd/{file.fileno()}"


def parameters_of(spec: Spec, words: Mapping[str, str]) -> dict[str, int]:
    """Read values of parameters given as words. Raises UsageError, naming the nearest parameter there is."""
    from mipcheck.model.specification.configure import ParameterError, read_parameter

    check_names("parameter", words, spec.parameters)
    try:
        return {n: read_parameter(spec.parameters[n], w) for n, w in words.items()}
    except ParameterError as error:
        raise UsageError(str(error)) from None


def check_names(what: str, names: Iterable[str], known: Collection[str]) -> None:
    """Raise UsageError for a name that is not known, naming the nearest; `what` says what it should name."""
    from mipcheck.model.values.nearest import nearest

    for name in names:
        if name not in known:
            raise UsageError("; ".join(filter(None, [f'there is no {what} "{name}"', nearest(name, known)])))


# --- for `explain` --------------------------------------------------------------------------------------------------


def examples(
    spec: Spec, rule: str, step: Callable[[str], None] = lambda _: None, kept: KeptLogs | None = None
) -> tuple[str, str]:
    """Return logs that keep a rule and that break it, and nothing else; empty where none was found.

    `step` hears of each before it is sought; what is `kept` is only replayed. Raises Disagreement.
    """
    from mipcheck.checker.proofs.kept import KeptLogs

    logs = kept or KeptLogs(spec.name)
    search = cache(partial(_Search, spec, rule))

    def seek(broken: bool) -> str:
        return search().find(broken)

    texts = []
    for broken in (False, True):
        step(f"a trace that {'breaks' if broken else 'keeps'} it")
        name = f"{rule}-{'broken' if broken else 'kept'}"
        texts.append(logs.log(name, partial(_is_example, spec, rule, broken), partial(seek, broken)))
    return texts[0], texts[1]


def _is_example(spec: Spec, rule: str, broken: bool, text: str) -> bool:
    """Decide whether a log keeps a rule that is put to the test, and all others; or breaks it and, where that cannot be
    otherwise, what is advice or about the site."""
    status = statuses(spec, text)
    violated = {r for r, s in status.items() if s == "violated"}
    if not broken:
        return not violated and status.get(rule) == "held"
    others = [spec.rules[r] for r in violated - {rule}]
    return rule in violated and all(o.level != "MUST" or isinstance(o.body, Configure) for o in others)


class _Search:
    """The search for what keeps and what breaks a rule."""

    def __init__(self, spec: Spec, rule: str) -> None:
        from mipcheck.model.prover.examples import Examples
        from mipcheck.model.prover.setting import setting_of

        self.spec, self.rule = spec, rule
        self.capabilities = frozenset(spec.rules[rule].given)
        setting = setting_of(spec, capabilities=self.capabilities)
        self._examples = Examples(setting).telling(rule) if rule in setting.rules else None

    def find(self, broken: bool) -> str:
        """Return a log that keeps the rule, or breaks it; empty where none was found. Raises Disagreement."""
        trace = None if self._examples is None else self._examples.find(self.rule, broken)
        if self._examples is None or trace is None:
            return ""
        title = f"A trace that {'breaks' if broken else 'exercises'} {self.rule}; no shorter one was found."
        text = trace_text(self.spec, trace, self._examples.setting.given, [title], self.capabilities)
        agree(self.spec, text, trace.broken)
        return text


def needed_by(spec: Spec, rule: str, step: Callable[[str], None] = lambda _: None) -> list[str]:
    """List the properties that fail without a rule, in the order of declaration. `step` hears of each before it is
    proved."""
    from mipcheck.checker.proofs.certificates import known
    from mipcheck.model.prover.prove import Proofs

    proofs = Proofs(spec, certificate=known(spec.name))
    found = []
    for name in spec.properties:
        step(f"needed by {name}?")
        if proofs.needed(name, rule):
            found.append(name)
    return found
