"""Decide when an interface counts as inside: from an acceptance by the i-HA until that is shown to have failed.

The draft's lines 977-980 (what may be inferred, and from what), 995-998 and 1012-1018 (re-registration, and stopping
when it fails), 1102-1108 (the same in the algorithm). The module `judge` says what counts as having failed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .evidence import Accepted, Denied, Item, Meaning, Numbers, Sent, Stretch
from .logtext import Event


@dataclass(frozen=True, slots=True)
class Failure:
    """Trust ended at `time`, shown by the line of that `order` (-1: by a timer).

    `certainty` is `sure`; `untold`, where evidence is lacking; or `free`, where the draft leaves it open.
    """

    time: int
    order: int
    kind: str
    certainty: str = "sure"

    def before(self, event: Event) -> bool:
        """Say whether `event` came after it."""
        return event.order > self.order if self.order >= 0 else event.time > self.time


@dataclass(slots=True)
class Holding:
    """One acceptance by the i-HA, and what ended it.

    `begun` is when the unbroken chain of acceptances began to which it belongs, `tried` when the first request was sent
    after the acceptance before it, `until` when the next one came (or the stretch ended). `items` are the lines in
    between.
    """

    event: Event
    accepted: Accepted
    begun: int
    tried: int
    until: int
    items: list[Item] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def holds(self, event: Event, grace: int = 0) -> str:
        """Say whether it still held when `event` came: `yes`, `no`, `untold` or `free`.

        A failure that is shown, and not by t_stop, counts only `grace` ns later.
        """
        certainties = self._certainties(event, grace)
        if "sure" in certainties:
            return "no"
        return "free" if "free" in certainties else "untold" if certainties else "yes"

    def unclear(self, event: Event, grace: int = 0) -> bool:
        """Say whether it is untold by another failure, too, where it is `free` by one when `event` came."""
        return {"free", "untold"} == self._certainties(event, grace)

    def _certainties(self, event: Event, grace: int) -> set[str]:
        if not self.accepted.sure:
            return {"untold"}
        ended = [failure for failure in self.failures if failure.before(event)]
        if grace:
            ended = [f for f in ended if f.kind == "t_stop" or event.time > f.time + grace]
        return {failure.certainty for failure in ended}

    def expired_only(self, event: Event, grace: int) -> bool:
        """Say whether nothing but a timer had shown by `event`, more than `grace` ns ago, that it no longer held."""
        shown = [f for f in self.failures if f.certainty == "sure" and f.before(event)]
        return all(f.kind == "t_stop" or event.time <= f.time + grace for f in shown)

    def ended_by_a_line(self, event: Event) -> bool:
        """Say whether a line before `event` has shown that it no longer held, and not only a timer."""
        return any(f.certainty == "sure" and f.order >= 0 and f.before(event) for f in self.failures)

    def doubtful(self, event: Event, numbers: Numbers) -> bool:
        """Say whether the node may have given up when `event` came, early and out of caution, as far as the log tells.

        A request has been denied since, by whomever, or has had no answer for as long as a retransmission takes.
        """
        asked: int | None = None
        for item in self.items:
            if item.event.order >= event.order:
                break
            meaning = item.meaning
            if isinstance(meaning, Denied) and meaning.request.agent == "iha" and meaning.request.path == "direct":
                return True
            if asked is None and _tries(meaning):
                asked = item.event.time
        return asked is not None and event.time - asked >= numbers.retransmit

    @property
    def failed(self) -> Failure | None:
        """Return the first failure that is sure, if any."""
        return min((f for f in self.failures if f.certainty == "sure"), key=lambda f: (f.time, f.order), default=None)

    @property
    def doubted(self) -> Failure | None:
        """Return the first failure, sure or not."""
        return min(self.failures, key=lambda f: (f.time, f.order), default=None)


def holdings_of(stretch: Stretch, numbers: Numbers) -> list[Holding]:
    """Return the acceptances by the i-HA in `stretch`, in order, each with what ended it."""
    found: list[Holding] = []
    tried: int | None = None
    for item in stretch.items:
        meaning = item.meaning
        if tried is None and _tries(meaning):
            tried = item.event.time
        if (
            isinstance(meaning, Accepted)
            and meaning.request.agent == "iha"
            and meaning.request.path == "direct"
            and meaning.request.registers
        ):
            if found:
                found[-1].until = item.event.time
                found[-1].failures = _failures(found[-1], numbers)
            unbroken = bool(found) and found[-1].holds(item.event) == "yes"
            begun = found[-1].begun if unbroken else item.event.time
            found.append(Holding(item.event, meaning, begun, meaning.first if tried is None else tried, stretch.end))
            tried = None
        elif found:
            found[-1].items.append(item)
    if found:
        found[-1].failures = _failures(found[-1], numbers)
    return found


def _failures(holding: Holding, numbers: Numbers) -> list[Failure]:
    accepted = holding.accepted
    failures = [Failure(accepted.last + numbers.stop, -1, "t_stop")]
    if accepted.first != accepted.last:
        failures.append(Failure(accepted.first + numbers.stop, -1, "t_stop", "untold"))
    sent: list[int] = []
    unanswered: list[int] = []  # those of them that are later than the last authentic reply to resynchronise
    since: list[int] = []  # and later than any, and than the last reply of an agent
    for item in holding.items:
        event, meaning = item.event, item.meaning
        if event.name == "infer" and event.keys["where"] != "inside":
            failures.append(Failure(event.time, event.order, event.keys["where"]))
        elif isinstance(meaning, Denied) and meaning.request.agent == "iha" and meaning.request.path == "direct":
            if meaning.by_agent or (meaning.code == 133 and meaning.auth in ("ok", "unchecked")):
                since = []
                unanswered = [] if meaning.code == 133 and meaning.auth == "ok" else unanswered
            elif meaning.code != 133 and meaning.auth in ("ok", "unchecked"):
                checked = "sure" if meaning.auth == "ok" else "untold"
                failures.append(Failure(event.time, event.order, "denied", checked))
        elif isinstance(meaning, Sent) and meaning.request.path == "direct" and meaning.request.registers:
            if meaning.request.agent == "xha":
                if not meaning.again and sent and event.time - sent[0] >= numbers.retransmit:
                    sure = bool(since) and event.time - since[0] >= numbers.retransmit
                    failures.append(Failure(event.time, event.order, "restarted", "sure" if sure else "free"))
            elif not meaning.settled:
                failures += _exhausted(unanswered, since, event.time, numbers)
                for each in (sent, unanswered, since):
                    each.append(event.time)
    failures += _exhausted(unanswered, since, holding.until, numbers)
    return failures


def _tries(meaning: Meaning) -> bool:
    """Say whether `meaning` is a direct request to the i-HA for a binding that it has not accepted."""
    return (
        isinstance(meaning, Sent)
        and meaning.request.agent == "iha"
        and meaning.request.path == "direct"
        and meaning.request.registers
        and not meaning.settled
    )


def _exhausted(sent: list[int], since: list[int], now: int, numbers: Numbers) -> list[Failure]:
    """Return the failure that the transmissions `sent` show if nothing is sent or accepted before `now`.

    The wait after the last one is at least t_retransmit, and no shorter than the wait before it. A reply by a foreign
    agent, or one to resynchronise that nobody has checked, makes it doubtful that those before it, not in `since`, are
    unanswered. One more transmission while the last wait still runs makes it doubtful which of them is the last: the
    draft names neither their number nor their waits, and RFC 3344 3.6.3 allows another request whenever no reply has
    come, and has its wait be no shorter. So only what ends both waits, the later of their ends, is sure.
    """
    allowed = numbers.retransmissions
    if allowed is None or len(sent) <= allowed:
        return []
    before = [sent[0], *sent]
    ends = [time + max(numbers.retransmit, time - before[at]) for at, time in enumerate(sent)]
    found = [Failure(ends[-1], -1, "exhausted", "free")]
    last = ends[len(sent) - len(since) + allowed :]  # of those in `since`, which end `sent`, any that may be the last
    if last and now > max(last):
        found.append(Failure(max(last), -1, "exhausted"))
    return found
