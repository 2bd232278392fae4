"""Judge the log of a mobile node in plain Python, from the text of draft-ietf-mobileip-vpn-problem-solution-01 alone.

Each check below cites the section and the lines it was written from. For every requirement the answer is that it was
kept, broken (where and when), or cannot be told; `free` marks what the draft leaves open, where either may be said.

Where a sentence allows two readings, these were settled, and are assumptions of this judge:

- A registration with the i-HA is accepted by a direct reply with code 0 or 1, an authenticator that is right or was not
  checked, a lifetime above 0, and the low 32 bits of the identification of the most recent direct request on that
  interface, which has not been accepted before. A copy of an accepted request is no new request.
- Its success counts from the sending of the request; of unchanged copies any may have been answered, so between the
  first and the last copy nothing can be told.
- A re-registration has failed t_stop after the last success (a timer: without grace); or when the i-HA itself denies it
  authentically (code 128 and above, not 133); or when retransmissions have run out, where the site gives their number
  and interval; or when the node begins detection anew (a new request to the x-HA while a direct one has been
  unanswered for t_retransmit); or when it concludes that it is outside or does not know. Plaintext that was queued has
  t_slack from a failure that is shown. A denial whose authenticator was not checked leaves it untold. An agent's own
  denial, or one that is not authentic, ends no trust; whether it, or one to resynchronise (133) that nobody has
  checked, leaves what was asked before it unanswered is free. An authentic one answers it: retransmitted is what no
  reply has come to (1078-1079; RFC 3344, lines 2560-2570 and 2597-2600), so what follows is counted anew. Which is the
  last of more transmissions than the site gives is free: all that may be it have waited when the last wait ends.
- While the acceptance holds, a node that leaves it, or says that it is outside, may have given up early, which is no
  more than cautious, once it has been denied by whomever, or left without an answer for t_retransmit: a log does not
  tell.
- While the acceptance holds both home agents are never asked, but for t_slack after it, given once.
- Detection is over when either home agent has accepted since the change, when the node says that it is outside, or when
  t_detection has passed since the first direct request to the i-HA: the period is one of waiting for its response
  (lines 1086-1088), so that asking the x-HA alone begins none.
- An address that the interface has already is no change. What arrives is nobody's fault: only what is sent is judged.
- Without simultaneous bindings (flag S) the i-HA keeps one: another interface's registration ends the duty to renew.
"""

from __future__ import annotations

from typing import TypeGuard

from .evidence import Accepted, Denied, Numbers, Sent, Stretch, numbers_of, stretches_of
from .findings import Judgement
from .logtext import Event, Log, parse
from .outside import judge_outside
from .trust import Holding, holdings_of


def judge(text: str) -> Judgement:
    """Judge the log `text`. Raises ValueError where it cannot be read."""
    return judge_log(parse(text))


def judge_log(log: Log) -> Judgement:
    """Judge `log`."""
    return _Judge(log).judge()


class _Judge:
    def __init__(self, log: Log) -> None:
        self.log = log
        self.numbers: Numbers = numbers_of(log.site)
        self.stretches: list[Stretch] = stretches_of(log)
        self.holdings = {id(stretch): holdings_of(stretch, self.numbers) for stretch in self.stretches}
        self.result = Judgement()
        self._note, self._keep, self._decide = self.result.note, self.result.keep, self.result.decide

    def judge(self) -> Judgement:
        self._configuration()
        self._sources()
        for stretch in self.stretches:
            holdings = self.holdings[id(stretch)]
            self._plaintext(stretch, holdings)
            self._detect_first(stretch)
            self._detect(stretch)
            self._verify_hint(stretch)
            self._keep_asking(stretch)
            for number, holding in enumerate(holdings):
                self._re_register(stretch, holding)
                self._restart(stretch, holding, holdings[number + 1] if number + 1 < len(holdings) else None)
                self._stop_asking(stretch, holding)
                self._prefer_direct(stretch, holding)
                self._withdraw(stretch, holding)
            self._reverse_tunnel(stretch)
        judge_outside(self.log, self.stretches, self.result)
        self.result.findings.sort(key=lambda finding: finding.time)
        return self.result

    def _overdue(self, stretch: Stretch, due: int, cancelled: int) -> str | None:
        """Say what it means that nothing was done until `due`: `broken`, `untold`, or None if it has not passed.

        An interface on which nothing is seen any more until it has another address may have been unplugged, where the
        source does not show every link event.
        """
        if due >= min(cancelled, stretch.end, self.log.end):
            return None
        partly = "link" in self.log.partly or (self.log.sees is not None and "link" not in self.log.sees)
        silent = all(item.event.time <= due for item in stretch.items)
        if partly and silent and stretch.ended_by == "coa":
            return "untold"
        return "broken"

    # --- the site, and what the source can show

    def _configuration(self) -> None:
        """4.4, lines 1148-1152: the two home agents have different addresses."""
        iha, xha = self.log.site.get("iha"), self.log.site.get("xha")
        if iha is not None and xha is not None:
            if iha == xha:
                self._note("broken", "different-agents", None, 0, "both home agents have one address")
            else:
                self._keep("different-agents")

    def _sources(self) -> None:
        """Design, sections 4 and 5: what a source cannot show is no evidence, and a gap is a hole."""
        if self.log.sees is not None and not {"coa", "rrq", "rrp", "data"} <= self.log.sees:
            for requirement in ("inference", "re-register", "outside-in-order"):
                self._note("untold", requirement, None, 0, "the source cannot show it")
        for event in self.log.events:
            if event.name == "gap":
                self._note("untold", "inference", event.interface, event, "evidence is missing")

    # --- trust

    def _plaintext(self, stretch: Stretch, holdings: list[Holding]) -> None:
        """Check what is sent in the clear, and what the node says of being inside.

        4.2.1, lines 977-980, 4.2.4, lines 1070-1072, and 4.4, lines 1154-1162: only a direct registration through this
        very interface since its status changed shows that it is inside. 4.2.2, lines 1016-1018, and 4.3, lines
        1106-1108: when re-registration fails plaintext stops at once.
        """
        for item in stretch.items:
            event = item.event
            plain = event.name == "data" and event.get("dir") == "out" and event.get("protection") == "none"
            claim = event.name == "infer" and event.get("where") == "inside"
            if event.name == "infer" and event.get("where") == "outside":
                self._outside_after_all(holdings, event)
            if not plain and not claim:
                continue
            what = "plaintext was sent" if plain else "the node says inside"
            holding = _latest(holdings, event)
            if holding is None:
                right = "no" if stretch.known else "untold"
                self._decide(right, "inference", event, f"{what}, and the i-HA has accepted nothing since the change")
            else:
                self._keep("inference")
                right = holding.holds(event, self.numbers.slack)
                if claim and event.time <= holding.event.time + self.numbers.slack and right == "untold":
                    right = "yes"  # 1092-1093: whoever is answered determines that it is inside
                if claim and right == "yes" and holding.ended_by_a_line(event):
                    right = "untold"  # what is said in the same breath as the contrary has no packet on its way
                if claim and right == "no" and holding.expired_only(event, self.numbers.slack):
                    right = "free"  # 977-980 ask for a registration since the change, however old
                self._decide(right, "stop-plaintext", event, f"{what} after re-registration had failed")
                if plain and holding.unclear(event, self.numbers.slack):
                    self._note("untold", "stop-plaintext", event.interface, event, "and perhaps refused, if it had not")

    def _outside_after_all(self, holdings: list[Holding], event: Event) -> None:
        """4.3, lines 1092-1093: once accepted, the node determines that it is inside; 1026-1029: it may know more.

        1106-1108: it is right where re-registration has failed, which a log does not tell of who may have given up.
        """
        holding = _latest(holdings, event)
        if holding is not None and holding.holds(event) != "no":
            outcome = "untold" if holding.doubtful(event, self.numbers) else "free"
            self._note(outcome, "determine", event.interface, event, "the node says outside while the acceptance holds")

    def _detect_first(self, stretch: Stretch) -> None:
        """4.2.3, lines 1044-1053: after a change no user data until detection has been completed."""
        over: list[int] = []
        first: int | None = None
        for item in stretch.items:
            event, meaning = item.event, item.meaning
            asks = isinstance(meaning, Sent) and meaning.request.path == "direct" and meaning.request.agent == "iha"
            if asks and first is None:
                first = event.time
                over.append(first + self.numbers.detection)
            ends = isinstance(meaning, Accepted) and meaning.request.path == "direct" and meaning.request.registers
            if ends or (event.name == "infer" and event.get("where") == "outside"):
                over.append(event.time)
            if event.name == "data" and event.get("dir") == "out":
                if any(time <= event.time for time in over):
                    self._keep("detect-first")
                elif not stretch.known:
                    self._note("untold", "detect-first", stretch.interface, event, "what came before is not known")
                elif event.time <= stretch.start + self.numbers.slack:
                    self._note("free", "detect-first", stretch.interface, event, "it may have been queued")
                else:
                    self._note(
                        "broken", "detect-first", stretch.interface, event, "user data before detection was over"
                    )

    def _detect(self, stretch: Stretch) -> None:
        """4.2.3, lines 1049-1050, and 4.3, lines 1076-1078: a change makes the node ask where it is."""
        if not stretch.known or stretch.up is not True or stretch.coa_time is None:
            return
        asked = next((event.time for event, _ in stretch.transmissions("iha")), None)
        begins, due = stretch.coa_time, stretch.coa_time + self.numbers.begin + self.numbers.slack
        if asked is not None and asked <= begins + self.numbers.begin:
            self._keep("detect")
        elif asked is not None and asked <= due:
            self._note("free", "detect", stretch.interface, asked, "late, but a timer's grain")
        else:
            outcome = self._overdue(stretch, due, self.log.end + 1)
            if outcome and any(event.time <= due for event, _ in stretch.transmissions("xha")):
                self._note("free", "detect", stretch.interface, due, "only the x-HA was asked after the change")
            elif outcome:
                self._note(outcome, "detect", stretch.interface, due, "the i-HA was not asked after the change")

    def _verify_hint(self, stretch: Stretch) -> None:
        """4.4, lines 1154-1155: whoever follows a hint that it is inside asks the i-HA all the same."""
        hints = [item.event for item in stretch.items if item.event.name == "hint"]
        hint = next((event for event in hints if event.get("says") == "inside"), None)
        if hint is None or not stretch.known:
            return
        asked = [event.time for event, _ in stretch.transmissions("iha")]
        due = hint.time + self.numbers.verify + self.numbers.slack
        if any(time <= due for time in asked):
            self._keep("verify-hint")
        else:
            outcome = self._overdue(stretch, due, self.log.end + 1)
            if outcome:
                self._note(outcome, "verify-hint", stretch.interface, due, "the hint was not verified with the i-HA")

    # --- registration with the i-HA

    def _re_register(self, stretch: Stretch, holding: Holding) -> None:
        """4.2.2, lines 995-998, and 4.3, lines 1102-1103: inside, the registration is renewed periodically."""
        numbers, accepted = self.numbers, holding.accepted
        earliest = accepted.first + numbers.reregister + numbers.slack
        # "Ends up detecting": the first interval may be counted from the end of the detection period.
        ends = holding.tried + numbers.detection if holding.begun == holding.event.time else 0
        latest = max(holding.event.time, ends) + numbers.reregister + numbers.slack
        asked = next((item.event.time for item in holding.items if _asks(item.meaning, "iha")), None)
        cancelled = [self._replaced(stretch, holding)]
        if holding.doubted is not None:
            cancelled.append(holding.doubted.time)
        cancelled += self._withdrawn(holding)
        cancel = min(cancelled)
        if asked is not None and asked <= earliest:
            self._keep("re-register")
        elif asked is not None and asked <= latest:
            if cancel > earliest:
                # Whether the interval counts from the request or from its reply is open, so the last copy's will do.
                self._note("free", "re-register", stretch.interface, asked, "on time for the last copy only")
        else:
            outcome = self._overdue(stretch, latest, cancel)
            if outcome:
                self._note(outcome, "re-register", stretch.interface, latest, "the registration was not renewed")

    def _withdrawn(self, holding: Holding) -> list[int]:
        """Return when the binding of this care-of address was withdrawn, or all were (RFC 3344, lines 3185-3204)."""
        which = (holding.accepted.request.coa, self.log.site.get("ihoa"))
        return [
            item.event.time
            for stretch in self.stretches
            for item in stretch.items
            if item.event.order > holding.event.order
            and _withdraws(item.meaning, "iha")
            and item.meaning.request.coa in which
        ]

    def _replaced(self, stretch: Stretch, holding: Holding) -> int:
        """Return when the i-HA put another binding in the place of this one.

        RFC 3344, lines 3206-3213: without simultaneous bindings the new one replaces all others; code 1 says that they
        are not supported.
        """
        later = [
            item.event.time
            for other in self.stretches
            for item in other.items
            if item.event.order > holding.event.order and _replaces(item.meaning, elsewhere=other is not stretch)
        ]
        return min(later, default=self.log.end + 1)

    def _restart(self, stretch: Stretch, holding: Holding, following: Holding | None) -> None:
        """4.3, lines 1106-1108: when re-registration fails detection is begun anew."""
        failed, doubted = holding.failed, holding.doubted
        if failed is None or doubted is None or failed.kind == "restarted":
            return
        begun = failed is not doubted and doubted.kind == "restarted"
        if begun or (
            failed is not doubted
            and any(
                _asks(item.meaning, agent) and doubted.before(item.event) and not failed.before(item.event)
                for item in holding.items
                for agent in ("iha", "xha")
            )
        ):
            return  # it may have been begun anew after what may have been the failure, or by it
        stopped = [f.time for f in holding.failures if f.kind == "t_stop" and f.time <= failed.time]
        if any(self._replaced(stretch, holding) <= time for time in stopped):
            return  # nothing had to be renewed any more, or perhaps nothing where any copy may have been answered
        tried = any(_asks(item.meaning, "xha") and not failed.before(item.event) for item in holding.items)
        if failed.kind == "outside" and tried:
            return  # detection had been begun anew before the conclusion
        if following is not None and following.event.time <= failed.time:
            return
        # Of what was accepted when it had failed already nothing can be made before.
        since = max(failed.time, holding.event.time)
        due = since + max(self.numbers.restart, self.numbers.retransmit) + self.numbers.slack
        asked = next(
            (item.event.time for item in holding.items if _asks(item.meaning, "iha") and failed.before(item.event)),
            None,
        )
        elsewhere = any(
            _asks(item.meaning, "xha") and failed.before(item.event) and item.event.time <= due
            for item in holding.items
        )
        cancel = following.event.time if following is not None else self.log.end + 1
        if asked is not None and asked <= since + self.numbers.restart:
            self._keep("restart")
        elif asked is not None and asked <= due:
            self._note("free", "restart", stretch.interface, asked, "late, but a timer's grain")
        elif elsewhere:
            self._note(
                "free", "restart", stretch.interface, failed.time, "the x-HA was asked; the i-HA perhaps just before"
            )
        else:
            outcome = self._overdue(stretch, due, cancel)
            if outcome:
                self._note(outcome, "restart", stretch.interface, due, "detection was not begun anew after the failure")

    def _keep_asking(self, stretch: Stretch) -> None:
        """4.3, lines 1083-1086: the x-HA has answered, and the i-HA is asked on for a period of time.

        1078-1079: only while no reply is received; a denial is one, whoever it is from. RFC 3344 3.6.3: the next copy
        may come after twice the wait before.
        """
        answered = next((event.time for event, _ in stretch.replies("xha")), None)
        asked = [event.time for event, _ in stretch.transmissions("iha")]
        if answered is None or not stretch.known:
            return
        before = [time for time in asked if time < answered]
        if answered >= (before[0] if before else answered) + self.numbers.detection:
            return
        wait = before[-1] - before[-2] if len(before) > 1 else 0
        pause = (before[-1] if before else answered) + max(self.numbers.retransmit, 2 * wait)
        due = max(pause, answered + self.numbers.detection) + self.numbers.slack
        replied = min(
            (
                item.event.time
                for item in stretch.items
                if isinstance(item.meaning, Accepted | Denied)
                and item.meaning.request.agent == "iha"
                and item.meaning.request.path == "direct"
            ),
            default=self.log.end + 1,
        )
        withdrawn = [item.event.time for item in stretch.items if _withdraws(item.meaning, "xha")]
        again = next((time for time in asked if time > answered), None)
        if again is not None and again <= pause + self.numbers.slack:
            self._keep("keep-asking")
        elif again is not None and again <= due:
            self._note("free", "keep-asking", stretch.interface, again, "the draft gives no interval")
        else:
            outcome = self._overdue(stretch, due, replied)
            if outcome and any(time <= due for time in withdrawn):
                self._note("free", "keep-asking", stretch.interface, due, "the node has withdrawn from the x-HA")
            elif outcome:
                self._note(outcome, "keep-asking", stretch.interface, due, "the i-HA was not asked on")
            elif replied > pause + self.numbers.slack:
                self._note("free", "keep-asking", stretch.interface, pause, "the draft gives no interval")

    def _stop_asking(self, stretch: Stretch, holding: Holding) -> None:
        """4.3, lines 1094-1096: accepted, the node retransmits no request; 1110-1112: nor does it refresh both."""
        slack = self.numbers.slack
        for item in holding.items:
            meaning = item.meaning
            if not isinstance(meaning, Sent) or meaning.request.path != "direct" or not meaning.request.registers:
                continue
            event = item.event
            if meaning.request.agent == "iha" and meaning.settled and meaning.request is holding.accepted.request:
                right = "yes" if event.time <= holding.event.time + slack else _not(holding.holds(event))
                self._decide(right, "stop-asking", event, "a copy of the request that the i-HA had accepted")
            elif meaning.request.agent == "xha":
                right = "yes" if event.time <= holding.begun + slack else _not(holding.holds(event))
                # The request that begins detection anew is itself what shows the failure.
                shows = [f.certainty for f in holding.failures if f.order == event.order]
                if right != "yes" and shows:
                    right = "yes" if "sure" in shows else shows[0]
                if right == "no" and holding.doubtful(event, self.numbers):
                    right = "untold"
                if right == "no" and _hinted(stretch, holding, event):
                    self._note("free", "one-agent", stretch.interface, event, "a hint says that the node has moved")
                    continue
                self._decide(right, "one-agent", event, "the x-HA is asked while the i-HA's acceptance holds")

    def _prefer_direct(self, stretch: Stretch, holding: Holding) -> None:
        """4.4, lines 1167-1179, and 5.1: once the i-HA has accepted, the node uses it directly and leaves the VPN."""
        numbers = self.numbers
        for item in holding.items:
            event, meaning = item.event, item.meaning
            data = event.name == "data" and event.get("dir") == "out" and event.get("protection") == "esp"
            asks = isinstance(meaning, Sent) and meaning.request.path == "vpn" and meaning.request.registers
            begins = event.name == "ike" and event.get("phase") == "start" and not self._association_up(event)
            if not data and not asks and not begins:
                continue
            right = _not(holding.holds(event))
            if event.time <= holding.begun + numbers.slack:
                right = "yes"
            soon = event.time <= holding.begun + numbers.switch + numbers.slack
            if soon and (right == "no" or (right == "untold" and not begins)):
                # Whether it holds or not: it had this time to switch if it does.
                self._note("free", "prefer-direct", stretch.interface, event, "the draft gives no time for the switch")
                continue
            if right == "no" and holding.doubtful(event, numbers):
                right = "untold"
            self._decide(right, "prefer-direct", event, "the VPN is used while the i-HA's acceptance holds")

    def _association_up(self, event: Event) -> bool:
        """Say whether the VPN stands when `event` comes, or may: to rekey what stands is not to begin it."""
        changes = [each for each in self.log.events if each.name in ("sa", "gap") and each.order < event.order]
        if not changes:
            return self.log.site.get("boot") != "true"
        up = 0
        for each in changes:
            if each.name == "gap":
                return True
            up = up + 1 if each.get("state") == "up" else max(0, up - 1)
        return up > 0

    def _withdraw(self, stretch: Stretch, holding: Holding) -> None:
        """4.3, lines 1093-1094 and 1098-1100 (SHOULD): inside, the node withdraws from the x-HA."""
        if holding.begun != holding.event.time:
            return
        outside = [event.time for event, _ in stretch.replies("xha")]
        if not outside:
            return
        since = max(holding.event.time, outside[0])
        due = since + self.numbers.deregister + self.numbers.slack
        done = any(_withdraws(item.meaning, "xha") and item.event.time <= due for item in stretch.items)
        ended = holding.doubted.time if holding.doubted is not None else self.log.end + 1
        if done:
            self._keep("withdraw")
        elif self._overdue(stretch, due, ended) == "broken":
            self._note("broken", "withdraw", stretch.interface, due, "still registered with the x-HA")

    def _reverse_tunnel(self, stretch: Stretch) -> None:
        """3.1, line 597, and 3.2 (SHOULD): direct requests to the i-HA ask for reverse tunnelling."""
        for event, sent in stretch.requests("iha"):
            if sent.request.flags is not None:
                self._decide(
                    "yes" if "T" in sent.request.flags else "no",
                    "reverse-tunnel",
                    event,
                    "no reverse tunnel was asked for",
                )


def _latest(holdings: list[Holding], event: Event) -> Holding | None:
    return next((holding for holding in reversed(holdings) if holding.event.order < event.order), None)


def _asks(meaning: object, agent: str) -> bool:
    """Say whether `meaning` is a direct request for a binding that is no copy of what `agent` has accepted."""
    return (
        isinstance(meaning, Sent)
        and meaning.request.agent == agent
        and meaning.request.path == "direct"
        and meaning.request.registers
        and not meaning.settled
    )


def _withdraws(meaning: object, agent: str) -> TypeGuard[Sent]:
    """Say whether `meaning` is a request that withdraws a binding from `agent`."""
    return isinstance(meaning, Sent) and meaning.request.agent == agent and not meaning.request.registers


def _replaces(meaning: object, elsewhere: bool) -> bool:
    """Say whether the i-HA has accepted `meaning` in the place of an interface's direct registration."""
    if not isinstance(meaning, Accepted) or meaning.request.agent != "iha" or not meaning.request.registers:
        return False
    flags = meaning.request.flags
    alone = flags is None or "S" not in flags or meaning.code == 1
    return alone and (elsewhere or meaning.request.path == "vpn")


def _not(answer: str) -> str:
    return {"yes": "no", "no": "yes"}.get(answer, answer)


def _hinted(stretch: Stretch, holding: Holding, event: Event) -> bool:
    """Say whether a hint has told the node since the acceptance that it is outside (1026-1029)."""
    return any(
        item.event.name == "hint" and item.event.get("says") == "outside" and item.event.order < event.order
        for item in holding.items
    )
