"""What went wrong once in proofs of small specifications, and of its kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from mipcheck.checker.cli.main import main
from mipcheck.checker.proofs.replayed import examples, statuses
from mipcheck.checker.verbs.prove_results import prove_one
from mipcheck.checker.verbs.prove_text import results_json
from mipcheck.model.language.errors import SpecError
from mipcheck.model.prover import proving
from mipcheck.model.prover.prove import Proofs
from mipcheck.model.prover.spacer import Verdict
from mipcheck.model.specification.load import loads

from making.schemas import conforming


def result(text: str, name: str = "p") -> str:
    return prove_one(loads(text), name, {}, []).result.result


TIMED = """
spec small
event grant(until: time, kept?: time) by network seen log
event go() by node seen log
interface { end: time = 0 s }
on grant { end := until }
rule A MUST cite 1 "goes in time" allow go only if now <= end + 5 s
property p cite 1 "goes in time" whenever go: now <= end
property q cite 1 "is granted little" whenever grant(until > 90 s): until < 1500 ms
"""


@pytest.mark.parametrize("name", ["p", "q"])
def test_times_that_events_tell_are_written_as_they_are(name: str, tmp_path: Path) -> None:
    file, log = tmp_path / "small.spec", tmp_path / "found.log"
    file.write_text(TIMED, "utf-8")
    assert main(["prove", name, "--spec", str(file), "-o", str(log)]) == 1
    assert main([str(log), "--spec", str(file)]) in (0, 3)  # 3: no rule speaks of the event
    if name == "q":
        assert log.read_text("utf-8").split()[-1].startswith("until=90")


ASSUMED = """
spec small
event ring() by network seen log
event call() by network seen log
event go() by node seen log
interface { called: bool = false  rung: bool = false  other: int = 0 }
on call { called := true; other := other + 1 }
on ring { rung := true }
on go { other := 0 }
assumption first "nobody rings who has not called" on ring: called
rule A MUST cite 1 "x" allow go only if rung
property p cite 1 "an event of the network of which an assumption speaks" whenever ring: called
property q cite 1 "and what it needs to hold" whenever go: called
property r cite 1 "through the network's events" permitted ring
property s cite 1 "in two runs" independent other, allowed go
property t cite 1 "in two runs" independent rung, allowed go
"""


@pytest.mark.parametrize("name", ["p", "q", "r", "s", "t"])
def test_assumptions_may_read_what_nothing_else_does(name: str) -> None:
    assert result(ASSUMED, name) == "proved"


TRIVIAL = """
spec small
event go(n: int) by node seen log
event stop() by node seen log
interface { idle: int = 0  unused: time  since: time = 0 s }
on go { since := now }
on stop { idle := idle }
rule A MUST cite 1 "x" allow go only if n >= 0
rule B MUST cite 1 "x" allow stop only if unused <= now or unused > now
property p cite 1 "x" whenever go: n >= 0
property q cite 1 "x" invariant idle = idle
property r cite 1 "x" whenever stop: unused <= now or unused > now
property s cite 1 "x" whenever go: since = since and unused = unused
property t cite 1 "x" invariant now >= 0 s or unused = now
"""


@pytest.mark.parametrize("name", ["p", "q", "r", "s", "t"])
def test_what_is_always_true_is_proved(name: str) -> None:
    found = Proofs(loads(TRIVIAL)).verdict(name)
    assert found.result == "proved", found.reason


CLASHING = """
spec small
event calm() by node seen log
event tick() by network seen log
event tock() by network seen log
event go(n: int) by node seen log
event slow() by network seen log
interface { ready: bool = false  since: time = 0 s  owed: bool = false }
on tick { ready := true; since := now }
on slow { owed := true }
on calm { ready := false }
"""
CLASHES = [
    (
        """rule A MUST cite 1 "go soon" require go within 5 s of since while ready
        rule B MUST cite 1 "never go" allow go only if not ready""",
        "refuted", "when A is due, at 5.000000, B forbids all that would meet it", "tick",
    ),
    (
        """rule A MUST cite 1 "go soon" require go(n > 100) within 5 s of since while ready
        rule B MUST cite 1 "go far" allow go only if n / 2 > 300""",
        "unknown", "whether A can always be met was not decided", "",
    ),
    (
        """rule A MUST cite 1 "go soon" require go(n = 7) within 5 s of since while ready
        rule B MUST cite 1 "seven is bad" allow go only if n != 7""",
        "refuted", "when A is due, at 5.000000, B forbids all that would meet it", "tick",
    ),
    (
        """rule A MUST cite 1 "go soon" require go within 5 s of since while ready
        rule B MUST cite 1 "not late" allow go only if now - since < 5 s""",
        "refuted", "when A is due, at 5.000000, B forbids all that would meet it", "tick",
    ),
    (
        """rule A MUST cite 1 "go soon" require go within 5 s of since while ready
        rule B MUST cite 1 "not late" allow go only if now - since < 5 s
        rule C MUST cite 1 "and be calm before" require calm within 3 s of since while ready""",
        "unknown", "no trace was found that breaks A", "",  # it is never due, so that nothing else is wrong
    ),
    (
        """rule A MUST cite 1 "go soon" require go within 5 s of since while ready
        rule B MUST cite 1 "not late, unless it has been slow" allow go only if now - since < 5 s or owed
        rule C MUST cite 1 "and be calm before" require calm within 3 s of since while ready and not owed""",
        "proved", "", "",
    ),
    (
        """rule A MUST cite 1 "go soon" require go within 5 s of since while ready
        rule B MUST cite 1 "not late" allow go only if now - since < 5 s
        rule C MUST cite 1 "and be calm before, unless it has been slow" require calm within 3 s of since
          while ready and not owed""",
        "refuted", "when A is due, at 5.000000, B forbids all that would meet it", "slow",
    ),
    (
        """rule A MUST cite 1 "go soon" require go within 5 s of since while ready
        rule B MUST cite 1 "which could be kept" allow go only if n = 1
        rule C MUST cite 1 "never go" allow go only if not ready""",
        "refuted", "when A is due, at 5.000000, C forbids all that would meet it", "tick",
    ),
    (
        """rule A MUST cite 1 "go soon" require go(n = 1) within 5 s of since while ready
        rule B MUST cite 1 "one without the other could be kept" allow go only if n > 0 and n != 2 or not ready
        rule C MUST cite 1 "but not both" allow go only if n != 1 or not ready""",
        "refuted", "when A is due, at 5.000000, C forbids all that would meet it", "tick",
    ),
    (
        """rule A MUST cite 1 "too late already" require go within 5 s of since while owed""",
        "refuted", "slow makes A overdue at once, so that time cannot pass", "slow",
    ),
]  # fmt: skip


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("rules", "answer", "reason", "last"), CLASHES)
def test_how_rules_clash_is_named_and_shown(rules: str, answer: str, reason: str, last: str) -> None:
    text = f'{CLASHING} {rules} property p cite 1 "they fit together" consistent'
    found = prove_one(loads(text), "p", {}, [])
    assert (found.result.result, found.result.reason) == (answer, reason)
    assert found.counterexample.split()[-1:] == ([last] if last else [])


def test_what_forbids_an_event_that_should_be_permitted_is_named() -> None:
    text = f'{CLASHING} rule B MUST cite 1 "x" allow go(n > 3) only if ready property p cite 1 "x" permitted go'
    found = prove_one(loads(text), "p", {}, [])
    assert (found.result.result, found.result.reason) == ("refuted", "B forbids it")
    assert "go n=" in found.counterexample


RESTS = """
spec small
event ring() by network seen log
event call() by network seen log
event go(n: int) by node seen log
interface { called: bool = false  rung: bool = false  last: int = 0 }
on call { called := true }
on ring { rung := true }
on go { last := 1 }
assumption first "nobody rings who has not called" on ring: called
assumption idle "of no use" on call: last >= 0
rule A MUST cite 1 "x" allow go(n = 1) only if rung
rule B MUST cite 1 "x" allow go(n = 2) only if not rung and called and last = 2
rule C SHOULD cite 1 "x" allow go(n = 3) only if last = 2
property called_before cite 1 "x" whenever go(n = 1): called
property rung_before cite 1 "x" whenever go(n = 1): rung
property never cite 1 "n is 0 or 1" whenever go(n = 2): not rung
property advised cite 1 "only advice forbids it" whenever go(n = 3): last >= 0
property relied cite 1 "what is relied on forbids it" whenever go(n = 3): last > 1 relying on C
property denied cite 1 "x" permitted go(n = 2)
"""


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("name", "answer", "assumes"),
    [("called_before", "proved", ("first",)), ("rung_before", "proved", ()), ("never", "vacuous", ()),
     ("advised", "proved", ()), ("relied", "vacuous", ()), ("denied", "refuted", None)],
)  # fmt: skip
def test_what_a_proof_rests_on_is_told(name: str, answer: str, assumes: tuple[str, ...] | None) -> None:
    found = prove_one(loads(RESTS), name, {}, []).result
    assert (found.result, found.assumes) == (answer, assumes)


@pytest.mark.slow
def test_vacuous_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "small.spec"
    file.write_text(RESTS, "utf-8")
    assert main(["prove", "rung_before", "called_before", "--spec", str(file)]) == 0
    assert "called_before needs A; assumes first" in capsys.readouterr().out
    assert main(["prove", "rung_before", "never", "--spec", str(file)]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "vacuous never" in out and "small: 1 proved, 1 vacuous" in out
    assert "because no event of which it speaks can happen where every MUST is kept" in out
    assert "whatever the state" in out


DIVIDED = """
spec small
param t_half: time = 3 s / 2
event lease(length: time, count: int) by network seen log
event go() by node seen log
interface { until: time = 0 s  many: int = 0 }
on lease { until := now + length * 7 / 8  many := (count - 3) / 2 }
rule A MUST cite 1 "x" allow go only if now <= until and many <= 1
property p cite 1 "halves of odd numbers are rounded down" whenever go: many <= 1 and now <= until
property q cite 1 "and are not exact" whenever go: many != -1
property r cite 1 "a part of a nanosecond" whenever lease(length < 10 ns, length / 4 >= 1 ns): length != 8 ns
property s cite 1 "a default is divided, too" whenever go: now <= t_half
property t cite 1 "times are divided exactly" invariant until / 3 * 3 = until
property c cite 1 "the rules fit" consistent
"""


@pytest.mark.parametrize(
    ("name", "answer"), [*zip("pqrstc", ["proved", *["refuted"] * 3, "proved", "proved"], strict=True)]
)
def test_times_and_numbers_are_divided(name: str, answer: str) -> None:
    """Every trace is replayed by the checker, which rounds down: the two have to agree about it."""
    assert result(DIVIDED, name) == answer


@pytest.mark.parametrize("divisor", ["0", "n", "2 s", "-2", "(1 + 1)"])
def test_what_divides_is_a_whole_number(divisor: str) -> None:
    with pytest.raises(SpecError, match="nothing to divide by"):
        loads(DIVIDED.replace("/ 2", f"/ {divisor}").replace("param", "param n: int = 2\nparam"))


COMPARED = """
spec small
param often: int = 9
param lasts: time = 3 s
event take(value: address, code: int, mark: id, length: time, noted: flags) by network seen log
event give(value: address, code: int, mark: id, length: time, noted: flags) by node seen log
set flags { A, B }
interface {
  since: time
  owed: bool = false
  held: address = 0.0.0.0
  number: int = 0
  noting: id = 0
  limit: time = 0 s
  marked: bool = false
}
on take { owed := true; since := now; held := value; number := code }
on take { noting := mark; limit := length; marked := A in noted }
on give { owed := false }
rule O MUST cite 1 "gives back" require give within 5 s of since while owed
rule V MUST cite 1 "the same" allow give only if KEPT
property c cite 1 "what was taken can be given" consistent
"""


@pytest.mark.parametrize(
    "kept", ["value = held", "code = number", "mark = noting", "length = limit", "marked = (A in noted)", "mark != 0",
             "mark = 7", "code = 7", "code > 70", "code = often", "length > 2 min", "length = lasts"]
)  # fmt: skip
def test_what_is_owed_can_be_what_the_state_holds_or_the_rule_says(kept: str) -> None:
    assert result(COMPARED.replace("KEPT", kept), "c") == "proved"


FINE = """
spec small
event go() by node seen log
interface { last: time = 0 s }
on go { last := now }
rule A MUST cite 1 "x" allow go only if now - last >= 250 us
property p cite 1 "x" whenever go: now - last > 250 us
"""


def test_constants_may_be_finer_than_a_millisecond() -> None:
    assert result(FINE) == "refuted"
    assert result(FINE.replace(": now - last >", ": now - last >=")) == "proved"


def test_a_prohibition_is_only_broken() -> None:
    text = FINE + 'rule B MUST cite 1 "never" allow go when last > 1 s only if false\nproperty c "fits" consistent\n'
    assert result(text, "c") == "proved"


@pytest.mark.parametrize("text", ["site role", "site fa", "param tunnels: int = 1", "param vpn: int = 1"])
def test_no_name_hides_a_key_of_every_site(text: str) -> None:
    with pytest.raises(SpecError, match="is a key of every site"):
        loads(FINE + text)


def test_a_parameter_is_not_named_as_an_address() -> None:
    with pytest.raises(SpecError, match="is an address of the site already"):
        loads(FINE + "site here\nparam here: int = 1")


ONE_SIDED = """
spec small
event ring() by network seen log
event go() by node seen log
event told() by observer seen log
interface { rung: bool = false  since: time }
on ring { rung := true; since := now }
"""


@pytest.mark.parametrize(
    "text",
    [
        'assumption a "x" on go: rung',
        'assumption a "x" on ring, go: rung',
        'rule A MUST cite 1 "x" allow ring only if rung',
        'rule A MUST cite 1 "x" allow go, ring only if rung',
        'rule A MUST cite 1 "x" allow told only if rung',
        'rule A MUST cite 1 "x" reading one "x" allow go only if rung reading two "y" allow ring only if rung',
        'rule A SHOULD cite 1 "x" require ring within 1 s of since while rung',
        'rule A SHOULD cite 1 "x" allow ring only if rung property p "x" whenever ring: rung relying on A',
    ],
)
def test_nothing_is_demanded_of_the_network_or_assumed_of_the_node(text: str) -> None:
    """Each would be a premise of all proofs that nobody keeps to."""
    with pytest.raises(SpecError, match=r"nothing that the node|own: nothing is assumed|what the network does"):
        loads(ONE_SIDED + text)


@pytest.mark.parametrize(
    "text",
    [
        'assumption a "x" on ring: not rung',
        'rule A SHOULD cite 1 "x" allow ring only if not rung',
        'rule A MUST cite 1 "what ends it may come from elsewhere" require go, ring within 1 s of since while rung',
    ],
)
def test_each_side_is_spoken_of_in_its_own_way(text: str) -> None:
    loads(ONE_SIDED + text)


FIRST = """
spec small
param limit: time = 5 s
event go() by node seen log
interface { since: time = 0 s  owed: bool = true  how: {one, two} = two  count: int = 3 }
node { holder: interface = none }
on go { owed := false; since := now; how := one; count := 0; holder := this }
rule A MUST cite 1 "soon" require go within limit of since while CONDITION
"""


@pytest.mark.parametrize(
    "condition",
    [
        "owed",
        "owed and how = two",
        "how != one",
        "count > 2 or limit > 9 s",
        "holder = none",
        "not (some interface: not owed)",
        "how = one implies owed",
    ],
)
def test_nothing_is_owed_before_an_update_assigns_the_anchor(condition: str) -> None:
    """A log tells neither when the node began, whatever its dates, nor of interfaces on which nothing happens."""
    spec = loads(FIRST.replace("CONDITION", condition) + 'property p "x" invariant now <= 9 s')
    (warning,) = [w for w in spec.warnings if "nothing is owed" in w]
    assert warning.endswith("nothing is owed before an update assigns since, though the condition holds at first")
    found = prove_one(spec, "p", {}, []).result
    assert found.result == "refuted" and found.trace is not None and not found.trace.broken
    for begin in ("30.0", "2026-11-29T12:00:00Z"):
        log = f"mipcheck-trace 1\nsite boot=true\n{begin} eth0 go\n{begin} wlan0 go\n"
        assert statuses(spec, log)["A"] in ("held", "not-exercised")


@pytest.mark.parametrize("condition", ["not owed", "owed and how = one", "count < 3", "holder = this"])
def test_what_events_make_owed_is(condition: str) -> None:
    for text in (
        FIRST.replace("CONDITION", condition),
        FIRST.replace("CONDITION", "owed").replace("since: time = 0 s", "since: time"),
    ):
        assert not [w for w in loads(text).warnings if "nothing is owed" in w]


LATE = """
spec small
event ring() by network seen log
event tick() by network seen log
event go() by node seen log
interface { rung: bool = false  LAST  other: time }
node { all: bool = false }
on ring { rung := true  all := true }
on go { rung := false  all := false }
on tick { last := THEN  other := now }
rule O MUST cite 1 "x" require go within 5 s of last while WHILE
rule A MUST cite 1 "x" allow go only if now - last <= 9 s or not rung
property p "x" whenever go: now - last <= 9 s or not rung
property q "x" invariant now <= 3 s or not rung
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("last", "then", "owed"),
    [
        ("last: time = 0 s", "now", "all"),
        ("last: time", "now", "rung"),
        ("last: time", "other", "all"),
        ("last: time", "other", "some interface: rung"),
    ],
)
def test_what_is_owed_once_its_condition_turns_true_is_so_in_the_log(last: str, then: str, owed: str) -> None:
    """The event that makes it true assigns no anchor, which may have no value yet: no log shows what that would be."""
    spec = loads(LATE.replace("LAST", last).replace("THEN", then).replace("WHILE", owed))
    for rule in ("O", "A"):
        kept, broken = examples(spec, rule)
        assert statuses(spec, kept)[rule] == "held"
        assert statuses(spec, broken)[rule] == "violated"
    assert prove_one(spec, "p", {}, []).result.result == "proved"
    assert prove_one(spec, "q", {}, []).result.result == "refuted"


PASSING = """
spec small
event ring() by network seen log
event go() by node seen log
interface { rung: bool = false  last: time = 0 s  since: time = 0 s  other: bool = false }
on ring { rung := true; last := now }
on go { other := true }
rule A MUST cite 1 "x" allow go only if rung
rule O MUST cite 1 "x" require go within 5 s of last while rung and not other
property p "nothing that changes it happens" invariant now - since <= 6 s
property q "nothing happens" invariant now - last <= 6 s or not rung
property r "in time" invariant now - last <= 5 s or not rung or other
"""


@pytest.mark.parametrize(("name", "answer"), [("p", "refuted"), ("q", "refuted"), ("r", "proved")])
def test_time_passes_though_nothing_happens_of_which_a_property_speaks(name: str, answer: str) -> None:
    assert result(PASSING, name) == answer


SHARED = """
spec small
event up(n: int) by node seen log
event go() by node seen log
node { many: bool = false  far: int = 0 }
interface { on_: bool = false }
on up when far > 0 { many := true }
on up { on_ := true; far := far + n }
rule A MUST cite 1 "x" allow go only if on_ and RULE
property p "x" independent on_, allowed go
"""


@pytest.mark.parametrize(
    ("rule", "why", "shown"),
    [
        ("far < 9", "do what stands in comments", "# unseen: in the other run alone, up (wlan0 at 0."),
        ("far > 9 or far < 3", "do what stands in comments", "# unseen: in the other run alone, up (wlan0 at 0."),
        ("many", "do nothing", " wlan0 up n="),
    ],
)
def test_what_another_interface_does_in_the_other_run_is_told(rule: str, why: str, shown: str) -> None:
    """Of two runs one is a log: without the other's events it showed a node to which nothing happens."""
    found = prove_one(loads(SHARED.replace("RULE", rule)), "p", {}, [])
    assert found.result.result == "refuted"
    assert why in found.result.reason and shown in found.counterexample


def test_what_happens_unseen_is_told_with_its_time_and_its_keys() -> None:
    text = """
spec small
event gone(where: address, n: int) by network silent "somebody has left"
event go(where: address) by node seen log
ghost table away by where: address { left: bool = false }
on gone { away[where] := { left := true } }
property p "x" whenever go: not away[where].left
"""
    found = prove_one(loads(text), "p", {}, []).counterexample
    assert "# unseen: somebody has left (eth0 at 0.000000, where=203.0.113.20)\n0.1" in found


ANSWERED = """
spec small
event ask(name: address) by network seen log
event join(name: address) by node seen log
event leave(name: address) by node seen log
event answer(name: address) by node seen log
event others(name: address) by network seen log
table names by name: address { since: time = 0 s }
SCOPE { due: time  about: address = 0.0.0.0  owing: bool = false }
on join { names[name] := { since := now } }
on leave { remove names[name] }
on ask when name in names { due := now; about := name; owing := true }
on answer, others, leave when about = name { owing := false }
rule A MUST cite 1 "x" require answer, others within 5 s of due while owing
rule B MUST cite 1 "x" allow answer only if name in names
rule C MUST cite 1 "x" allow leave only if name in names
property p "x" consistent
"""


@pytest.mark.parametrize(("scope", "answer"), [("node", "proved"), ("interface", "refuted")])
def test_what_is_owed_of_an_entry_can_be_met_as_long_as_it_is_there(scope: str, answer: str) -> None:
    """The entry that is followed is the one that the state tells of; what others may do meets nothing of the node's."""
    found = prove_one(loads(ANSWERED.replace("SCOPE", scope)), "p", {}, [])
    assert found.result.result == answer, found.result.reason
    if answer == "refuted":
        assert found.result.reason.startswith("when A is due, at ")
        assert found.result.reason.endswith(" B forbids all that would meet it")
        assert " leave " in found.counterexample and " ask " in found.counterexample


def test_independence_rests_on_no_assumption_that_it_does_without() -> None:
    text = """
spec small
event ring(n: int) by network seen log
event go() by node seen log
event die() by network silent
interface { rung: bool = false }
node { last: int = 0 }
ghost interface { dead: bool = false }
on ring { rung := true }
on die { dead := true }
on ring { last := n }
assumption still "the dead do not ring" on ring: not dead
rule A MUST cite 1 "x" allow go only if rung
property p "x" independent rung, allowed go
"""
    found = prove_one(loads(text), "p", {}, []).result
    assert (found.result, found.assumes) == ("proved", ())


@pytest.mark.parametrize(("condition", "answer"), [("rung", "proved"), ("rung or last > 3", "refuted")])
def test_independence_is_asked_about_once(condition: str, answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is about one interface among any number anyway: of that Spacer was asked again, in the same words."""
    text = f"""
spec small
event ring(n: int) by network seen log
event go() by node seen log
interface {{ rung: bool = false }}
node {{ last: int = 0 }}
on ring {{ rung := true; last := n }}
rule A MUST cite 1 "x" allow go only if {condition}
property p "x" independent rung, allowed go
"""
    monkeypatch.setattr(proving, "of_any", None)
    monkeypatch.setattr(proving, "widest", lambda *_: Verdict("unknown"))
    found = prove_one(loads(text), "p", {}, []).result
    assert (found.result, found.interfaces) == (answer, "any" if answer == "proved" else None)


EXCLUDING = """
spec small
event ring() by network seen log
event call() by network seen log
event go() by node seen log
interface { called: bool = false  rung: bool = false  n: int = 0 }
on ring { rung := true }
on call { called := true  n := n + 1 }
assumption once "rings who has called" on ring: called
assumption late "calls who has rung" on call: rung
property p "neither ever happens" invariant not rung and not called
property q "it never rings" whenever ring: called
property r "whatever is assumed" invariant n >= 0
"""


def test_what_assumptions_leave_out_is_said_of_the_proof() -> None:
    """Assumptions that let nothing happen proved anything, and nobody said that there was nothing."""

    def excluded(text: str, name: str) -> tuple[str, ...]:
        answered = prove_one(loads(text), name, {}, [])
        found = answered.result
        assert found.result in ("proved", "vacuous")
        (said,) = conforming("prove", results_json(loads(text), [answered], []))["properties"]
        assert said["excludes"] == list(found.excluded) and said["reason"] == (found.reason or None)
        return found.excluded

    both = ("with once no ring ever happens", "with late no call ever happens")
    assert excluded(EXCLUDING, "p") == both
    assert excluded(EXCLUDING, "r") == ()
    assert excluded(EXCLUDING.replace("assumption late", "#"), "q") == ()


def test_values_that_a_site_should_not_have_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "small.spec"
    file.write_text("""
        spec small
        param n: int = 3
        event go() by node seen log
        interface { gone: int = 0 }
        on go { gone := n }
        rule C MUST cite 1 "more than none" configure n > 0
        property p "at least none" invariant gone >= 0
    """)
    for value, told in (("0", True), ("2", False)):
        assert main(["prove", "p", "--spec", str(file), "--set", f"n={value}"]) == 0
        assert ("warning: C is broken by the values given" in capsys.readouterr().err) == told


@pytest.mark.parametrize(
    ("demands", "answer"),
    [
        ("go(F in marks)|not (F in marks and P in marks)", "proved"),  # neither a full set nor an empty one does
        ("go(F in marks)|not (F in marks and P in marks) and (P in marks or Q in marks)", "proved"),
        ("go(F in marks)|F in marks implies P in marks and not P in marks", "refuted"),
        ("go(not F in marks)|F in marks or P in marks", "proved"),
    ],
)
def test_an_obligation_is_met_by_some_members_of_a_set(demands: str, answer: str, tmp_path: Path) -> None:
    meets, allowed = demands.split("|")
    text = f"""
        spec small
        set marks {{ F, P, Q, R }}
        event ring() by network seen log
        event go(marks: marks) by node seen log
        interface {{ since: time = 0 s  ready: bool = false }}
        on ring {{ since := now  ready := true }}
        on go {{ ready := false }}
        rule A MUST cite 1 "goes in time" require {meets} within 5 s of since while ready
        rule B MUST cite 1 "with the right marks" allow go only if {allowed}
        property p "they fit" consistent
    """
    found = Proofs(loads(text)).verdict("p")
    assert found.result == answer, found.reason
    if found.certificate is not None:
        again = Proofs(loads(text), certificate={"p": found.certificate}.get).verdict("p")
        assert (again.result, again.certified) == ("proved", True)
