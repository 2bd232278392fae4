"""The results of `mipcheck prove`: of every property first the verdict, then what its proof needs.

A counterexample is written as a log, and that text is read and replayed like anybody's before it is shown. Where the
observer's verdict is not the one that the prover predicted, that is an internal error and never a result. What goes
wrong with one property leaves the others' results.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from mipcheck.checker.console.apart import Died, apart, cores, together
from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.console.folder import new_folder
from mipcheck.checker.console.progress import Steps
from mipcheck.checker.proofs.handed_out import HandedOut, hand_out
from mipcheck.checker.proofs.opinions import SolverOpinion, opinions
from mipcheck.checker.proofs.replayed import agree_all, check_names, parameters_of, trace_texts
from mipcheck.model.specification.claimed import Consistent
from mipcheck.model.specification.compose import called, owners
from mipcheck.model.values.errors import UserError

if TYPE_CHECKING:
    from mipcheck.model.prover.certificate import Certificate
    from mipcheck.model.prover.prove import Result
    from mipcheck.model.specification.spec import Spec

_T = TypeVar("_T")

CAPABILITIES = "capabilities"
"""The site key that says what the node is capable of: a list in one word, as in a log."""
_EACH = 60.0
"""Seconds that a solver may take for an obligation that it is asked about by itself."""
_OF_A_PROOF = 6
"""Rules of a role that take consistency as long as any other property takes: it asks for traces of each."""
_GRACE = 30.0
"""Seconds that a process has to notice that the time of the run is up."""
EXIT = {"refuted": 1, "vacuous": 1, "unknown": 3, "proved": 0}
"""Exit codes by result; of several results the first here decides."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A result of the prover, its counterexample as a log that has been replayed, where its certificate is kept, and
    what solvers say of its proof.

    `error` is what went wrong in mipcheck; the result is then unknown.
    """

    result: Result
    counterexample: str = ""
    logs: Mapping[str, str] = field(default_factory=dict)
    """The counterexample by party; by "" where there is one only."""
    certificate: str = ""
    opinions: tuple[SolverOpinion, ...] = ()
    error: Exception | None = None

    @property
    def cross_checked(self) -> list[str]:
        """The solvers that discharged every obligation, in their last answer to it."""
        asked = {o.solver: not o.undecided for o in self.opinions}
        checked = dict.fromkeys(self.result.cross_checked, True) | asked
        return [solver for solver, agrees in checked.items() if agrees]


@dataclass(frozen=True)
class ToProve:
    """What is to be proved: properties, or all if none is named, without the rules and assumptions of these names.

    `name` is the specification as on the command line, by which certificates are found, "" for none. `parameters` are
    words by name, and `capabilities` a list in one word. `fresh`: what certificates show is proved anew; `store`: they
    are kept. `timeout` is in seconds for all together. `cross_check` asks all solvers about each obligation, which
    `with_obligations` keeps. `before` are answers of an earlier run, each with what its property is of: of what is the
    same today they are the answer, and of the rest their certificates are checked first.
    """

    spec: Spec
    name: str = ""
    properties: Sequence[str] = ()
    parameters: Mapping[str, str] | None = None
    without: Sequence[str] = ()
    with_needs: bool = True
    fresh: bool = False
    store: bool = False
    timeout: float | None = None
    with_obligations: bool = False
    cross_check: bool = False
    before: Mapping[str, tuple[Spec, Answered]] = field(default_factory=dict)

    @property
    def wanted(self) -> list[str]:
        """The properties, each once."""
        names = list(owners(self.spec))
        return list(dict.fromkeys(self.properties)) or names


def earlier(spec: Spec, answers: Mapping[str, Answered]) -> dict[str, tuple[Spec, Answered]]:
    """Return answers about a specification as `ToProve.before` has them, without those that went wrong."""
    of = owners(spec)
    return {n: (_alone(of[n]), p) for n, p in answers.items() if p.error is None and p.result.result != "unknown"}


def _alone(owner: Spec) -> Spec:
    """Return a role's or a system's specification without those of others, which no proof of it is about."""
    return replace(owner, roles={}, systems={}, warnings=())


class Listener(Protocol):
    """Hears of each result at once."""

    def verdict(self, proved: Answered, final: bool) -> None:
        """Hear of a verdict; it is `final` if there is no more to come about that property."""

    def completed(self, proved: Answered) -> None:
        """Hear of what a proof needs, or of the shortest counterexample, after the verdict."""


class _InTurn:
    """Lets a listener hear of verdicts in the order of some names, and then of what completes them."""

    def __init__(self, listener: Listener, names: Iterable[str]) -> None:
        self._listener, self._wanted = listener, deque(names)
        self._open: deque[str] = deque()
        self._verdicts: dict[str, tuple[Answered, bool]] = {}
        self._completed: dict[str, Answered] = {}

    def verdict(self, proved: Answered, final: bool) -> None:
        """Take a verdict, and tell what is in turn."""
        self._verdicts[proved.result.name] = proved, final
        self._tell()

    def completed(self, proved: Answered) -> None:
        """Take what completes a verdict, and tell what is in turn."""
        self._completed[proved.result.name] = proved
        self._tell()

    def _tell(self) -> None:
        while self._wanted and self._wanted[0] in self._verdicts:
            name = self._wanted.popleft()
            proved, final = self._verdicts.pop(name)
            self._open += [] if final else [name]
            self._listener.verdict(proved, final)
        while not self._wanted and self._open and self._open[0] in self._completed:
            self._listener.completed(self._completed.pop(self._open.popleft()))


def prove_all(asked: ToProve, listener: Listener | None = None) -> list[Answered]:
    """Prove what is asked, and tell a listener.

    Raises UsageError for what does not exist, naming the nearest that does, and ParameterError.
    """
    from mipcheck.model.prover.limits import deadline
    from mipcheck.model.specification.configure import configure

    spec, words = asked.spec, dict(asked.parameters or {})
    capabilities = frozenset(filter(None, words.pop(CAPABILITIES, "").split(",")))
    check_names("capability", sorted(capabilities), spec.capabilities)
    given = parameters_of(spec, words)
    configure(spec, given)
    check_names("property", asked.properties, owners(spec))
    if asked.without:
        check_names("rule or assumption", asked.without, _droppable(spec))
    if not asked.wanted:
        raise UsageError(f"{spec.name} has no properties to prove")
    with deadline(asked.timeout):
        return _Run(asked, given, capabilities, listener).all()


def _droppable(spec: Spec) -> list[str]:
    """Return the names of all rules and assumptions, of roles and of systems, where they have those of parties too."""
    found = [n for m in spec.machines() for n in (*m.rules, *m.assumptions)]
    return found + [n for owner in owners(spec).values() if owner.parties for n in (*owner.rules, *owner.assumptions)]


class _Said(Enum):
    """What is said of a property: that it is begun, its verdict, its `final` one, what completes that."""

    BEGUN = auto()
    VERDICT = auto()
    FINAL = auto()
    COMPLETED = auto()


def _joined(kept: Certificate | None, found: Certificate) -> Certificate:
    """Return what an earlier run has found, and what is kept, too, where that run has refuted what was proved: whoever
    takes back a change has the proof again."""
    return found if kept is None or found.proofs else replace(kept, scripts={**kept.scripts, **found.scripts})


class _Run:
    """One run over the properties that are wanted."""

    def __init__(
        self, asked: ToProve, given: Mapping[str, int], capabilities: frozenset[str], listener: Listener | None
    ) -> None:
        from mipcheck.checker.proofs.certificates import stored
        from mipcheck.model.prover.prove import Proofs

        self._asked, self._given, self._capabilities, self._listener = asked, given, capabilities, listener
        is_known = asked.name and not asked.fresh
        self._stored = {n: found for n in asked.wanted if (found := stored(asked.name, n))} if is_known else {}
        self._has_spare_cores = False
        known = {n: certificate for n, (certificate, _) in self._stored.items()}
        known |= {n: _joined(known.get(n), c) for n, (_, p) in asked.before.items() if (c := p.result.certificate)}
        self._proofs = Proofs(asked.spec, given, asked.without, capabilities, certificate=known.get,
                              with_obligations=asked.with_obligations, beside=self._beside)  # fmt: skip

    def all(self) -> list[Answered]:
        """Prove, and return all results.

        That is done in processes apart. What one dies of is left out by the next ones: that property is unknown.
        """
        of = self._asked.before
        proved = {
            n: p for n, (owner, p) in of.items() if n in self._asked.wanted and owner == _alone(self._proofs.owner(n))
        }
        final = set(proved)
        if self._listener is not None:
            self._listener = _InTurn(self._listener, [n for n in self._asked.wanted if n not in final])
        lacking: set[str] = set()
        with Steps(len(self._asked.wanted), "proving") as steps, Steps(0, "completing") as more:
            while left := [n for n in self._asked.wanted if n not in final]:
                shares = self._shares(left)
                self._has_spare_cores = self._uses_cores and len(shares) < cores()
                at = [names[0] for names in shares]
                try:
                    works = [partial(self._results, names) for names in shares]
                    with closing(together(works, self._patience)) as results:
                        for number, (what, name, p) in results:
                            at[number] = name
                            if what is _Said.BEGUN:
                                (more if name in proved else steps).step(name)
                                continue
                            steps.end()
                            more.end()
                            self._take(what, name, p, proved)
                            if what is _Said.VERDICT:
                                lacking.add(name)
                                more.expect(len(lacking))
                            else:
                                final.add(name)
                except Died as error:
                    steps.end()
                    more.end()
                    lost = at[error.number]
                    what = _Said.COMPLETED if lost in proved else _Said.FINAL
                    self._take(what, lost, self._lost(lost, error, proved), proved)
                    final.add(lost)
        return [proved[n] for n in self._asked.wanted]

    def _shares(self, names: list[str]) -> list[list[str]]:
        """Return properties as one process or another is to prove them, by what they are likely to take.

        Those of one role are about the same state, and share what is worked out of it, but for consistency.
        """
        groups: dict[object, list[str]] = {}
        for name in names:
            groups.setdefault((self._proofs.owner(name).role, self._is_of_consistency(name)), []).append(name)
        if len(groups) < 2 or not self._uses_cores:
            return [names]
        shares: list[list[str]] = [[], []]
        for group in sorted(groups.values(), key=self._weight, reverse=True):
            min(shares, key=self._weight).extend(group)
        return [sorted(share, key=names.index) for share in shares]

    @property
    def _uses_cores(self) -> bool:
        """Whether several processes prove, where there are cores for them.

        What is kept is found by one, whatever the machine: which trace shows a thing may hang on what was asked before.
        """
        return cores() > 1 and not (self._asked.store or self._asked.fresh or self._asked.with_obligations)

    def _beside(self, work: Callable[[], _T], /) -> Callable[[], _T]:
        """Begin some work in a process of its own, if a core has nothing else to do, and return what waits for it."""
        if not self._has_spare_cores:
            return work

        def begun() -> Iterator[_T | None]:
            yield None
            yield work()

        answers = apart(begun)
        next(answers)

        def answer() -> _T:
            try:
                found: _T = next(answers)
            except Died:  # whoever needs it dies of it, too, and is told so
                return work()
            return found

        return answer

    def _is_of_consistency(self, name: str) -> bool:
        return isinstance(self._proofs.owner(name).properties[name].claim, Consistent)

    def _weight(self, names: Iterable[str]) -> int:
        """Return a measure of what it takes to prove some properties: consistency is about every rule of a role."""
        rules = {n: len(self._proofs.owner(n).rules) for n in names}
        return sum(max(1, rules[n]) if self._is_of_consistency(n) else _OF_A_PROOF for n in rules)

    def _take(self, what: _Said, name: str, p: Answered, proved: dict[str, Answered]) -> None:
        """Take what has come of a property, and tell the listener unless a process before this one has found it."""
        is_new = what is _Said.COMPLETED or name not in proved
        proved[name] = p
        if is_new and self._listener is not None:
            if what is _Said.COMPLETED:
                self._listener.completed(p)
            else:
                self._listener.verdict(p, what is _Said.FINAL)

    @property
    def _patience(self) -> float | None:
        """Seconds after which a process that should have noticed that its time is up is ended."""
        return None if self._asked.timeout is None else self._asked.timeout + _GRACE

    def _results(self, names: Sequence[str]) -> Iterator[tuple[_Said, str, Answered | None]]:
        """Yield what comes of some properties: of each that it is begun, its verdict, and what completes that."""
        proved: dict[str, Answered] = {}
        for name in names:
            yield _Said.BEGUN, name, None
            p = self._verdict(name)
            if self._is_open(p):
                proved[name] = p
                yield _Said.VERDICT, name, p
            else:
                yield _Said.FINAL, name, self._kept(p)
        for name, p in proved.items():
            yield _Said.BEGUN, name, None
            yield _Said.COMPLETED, name, self._kept(self._completed(p))

    def _lost(self, name: str, error: Died, proved: Mapping[str, Answered]) -> Answered:
        """Return what is known of a property over which a process has died: its verdict, if that had been found."""
        from mipcheck.model.prover.prove import Result

        owner = self._proofs.owner(name)
        if name in proved:
            if proved[name].result.result == "refuted":
                return proved[name]
            musts = tuple(r.id for r in owner.rules.values() if r.level == "MUST")
            return replace(proved[name], result=replace(proved[name].result, undecided=musts))
        reason = f"the process that asked the solver is lost: {error.how}"
        return Answered(Result(name, owner.properties[name].section, "unknown", 0.0, "none", reason=reason))

    def _is_open(self, p: Answered) -> bool:
        return self._asked.with_needs and self._proofs.is_open(p.result)

    def _verdict(self, name: str) -> Answered:
        try:
            result = self._proofs.verdict(name)
            if result.certified and result.trace is None and self._asked.with_needs:  # a certificate shows it at once
                result = self._agreed(self._proofs.completed(result))
            proved = self._replayed(result)
            if self._asked.cross_check and result.obligations:
                seconds = self._asked.timeout or _EACH
                proved = replace(proved, opinions=opinions(name, result.obligations, seconds))
            return replace(proved, certificate=self._stored[name][1]) if self._is_stored(result) else proved
        except Exception as error:
            return self._failed(name, error)

    def _is_stored(self, result: Result) -> bool:
        """Decide whether a proof is that of a certificate that is kept in a file."""
        return result.certified and result.name in self._stored

    def _completed(self, p: Answered) -> Answered:
        try:
            completed = self._proofs.completed(p.result)
            if completed.trace is not p.result.trace:
                return self._replayed(completed)
            return replace(p, result=self._agreed(completed))
        except Exception as error:
            return replace(self._failed(p.result.name, error), counterexample=p.counterexample)

    def _agreed(self, result: Result) -> Result:
        """Replay the traces by which rules are needed. Raises Disagreement."""
        spec, owner = self._asked.spec, self._proofs.owner(result.name)
        for need in result.needs:
            texts = trace_texts(spec, owner, need.trace, self._given, (), self._capabilities)
            agree_all(spec, owner, texts, need.trace.broken)
        return result

    def _replayed(self, result: Result) -> Answered:
        owner = self._proofs.owner(result.name)
        dropped = [n for n in self._asked.without if called(owner, [n])]
        return _replayed(self._asked.spec, owner, result, self._given, dropped, self._capabilities)

    def _failed(self, name: str, error: Exception) -> Answered:
        """Return that something went wrong with a property. Raises what is wrong with all of them."""
        from mipcheck.model.prover.prove import Result

        if isinstance(error, UserError | MemoryError) or type(error).__name__ == "Z3Exception":
            raise error
        section = self._proofs.owner(name).properties[name].section
        reason = f"of an internal error: {type(error).__name__}"
        return Answered(Result(name, section, "unknown", 0.0, "none", reason=reason), error=error)

    def _kept(self, p: Answered) -> Answered:
        from mipcheck.checker.proofs.certificates import store

        certificate = p.result.certificate if self._asked.store and p.error is None else None
        return p if certificate is None else replace(p, certificate=store(self._asked.name, certificate))


def exit_code(proved: Sequence[Answered]) -> int:
    """Return 0 if all is proved, 1 if something is refuted or vacuous, else 3: also where a solver that was asked gave
    up."""
    results = {p.result.result for p in proved} | {"unknown" for p in proved for o in p.opinions if o.undecided}
    return next(code for word, code in EXIT.items() if word in results)


def hand_out_all(path: str, spec: Spec, proved: Sequence[Answered]) -> None:
    """Write the proofs to a new folder, whole or not at all. Raises UsageError if it cannot be written."""
    said = {name: owner.properties[name].text for name, owner in owners(spec).items()}
    proofs = [
        HandedOut(p.result.name, said[p.result.name], p.result.method, p.result.obligations)
        for p in proved
        if p.result.obligations
    ]
    hand_out(path, spec.name, proofs)


def write_logs(path: str, proved: Sequence[Answered]) -> None:
    """Write counterexamples to a new folder, a log for each party of each, whole or not at all. Raises UsageError."""
    with new_folder(path, "--logs", or_empty=True) as folder:
        for p in proved:
            for party, text in p.logs.items():
                name = f"{p.result.name}.{party}.log" if party else f"{p.result.name}.log"
                (folder / name).write_text(text, "utf-8")


def prove_one(
    spec: Spec,
    name: str,
    given: Mapping[str, int],
    without: Iterable[str],
    timeout: float = 60.0,
    capabilities: frozenset[str] = frozenset(),
    with_needs: bool = True,
) -> Answered:
    """Prove one property of the role that `spec` is of, and replay a counterexample. Raises Disagreement."""
    from mipcheck.model.prover.prove import Proofs

    proofs = Proofs(spec, given, without, capabilities, timeout)
    result = proofs.verdict(name)
    completed = proofs.completed(result) if with_needs else result
    return _replayed(spec, proofs.owner(name), completed, given, list(without), capabilities)


def _replayed(
    spec: Spec,
    owner: Spec,
    result: Result,
    given: Mapping[str, int],
    without: Sequence[str],
    capabilities: frozenset[str],
) -> Answered:
    """Write a counterexample down, of a property of `owner`, and replay it. Raises Disagreement."""
    if result.trace is None:
        return Answered(result)
    name = result.name
    dropped = "".join(f", without {r}" for r in without)
    said = f"Counterexample to {name} of {spec.name}{dropped}, found by mipcheck prove."
    texts = trace_texts(spec, owner, result.trace, given, [said, owner.properties[name].text], capabilities)
    agree_all(spec, owner, texts, result.trace.broken)
    return Answered(result, "\n".join(texts.values()), logs=texts)
