"""Two specifications over the same events: where they part, by the shortest trace, and both observers agree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.cli.main import main
from mipcheck.checker.proofs import partings
from mipcheck.checker.proofs.certificates import folder_for
from mipcheck.checker.proofs.partings import TIMEOUT, PartingLog, Partings
from mipcheck.checker.proofs.replayed import Disagreement
from mipcheck.model.prover.compare import Comparison, alike, never_part
from mipcheck.model.prover.merging import clashing, merged_events
from mipcheck.model.prover.setting import setting_of
from mipcheck.model.specification.load import loads
from mipcheck.model.specification.spec import Spec

BASE = """
spec base
capability fast "the node is fast"
param limit: time = 5 s
event go(n: int) by node seen log
event tick() by network seen log
event hide() by network silent
interface { ready: bool = false  since: time  count: int = 0 }
ghost interface { hidden: bool = false }
on tick { ready := true; since := now; count := count + 1 }
on hide { hidden := true }
assumption honest "hides before the tick" on tick: hidden
"""
ALLOW = 'rule A MUST cite 1 "go when ready" allow go only if ready\n'
SOON = 'rule B MUST cite 2 "go soon" require go within limit of since while ready\n'


def of(rules: str, base: str = BASE) -> Spec:
    return loads(base + rules)


def find_parting(left: Spec, right: Spec, rules: list[str], title: list[str], timeout: float = TIMEOUT) -> PartingLog:
    return Partings(left, right, timeout).find(rules, title)


def lines(trace: str) -> list[str]:
    return [" ".join(x.split()[2:]) for x in trace.splitlines() if x[0].isdigit()]


def test_one_allows_what_the_other_forbids() -> None:
    found = find_parting(of(ALLOW), of(ALLOW.replace("only if ready", "only if ready or n = 7")), ["A"], [])
    assert (found.left, found.right, found.outright) == (("A",), (), True)
    assert lines(found.trace) == ["go n=7"]


def test_they_part_where_a_parameter_is_told() -> None:
    """Where none is, the two are written alike: nobody looked any further."""
    left, right = of(ALLOW), of(ALLOW.replace("only if ready", "only if ready or given limit"))
    assert not Partings(left, right).alike("A")
    found = find_parting(left, right, ["A"], [])
    assert (found.left, found.right, found.outright) == (("A",), (), True)
    assert "limit=5s" in found.trace and lines(found.trace) == ["go n=60"]


def test_it_is_the_shortest_and_hidden_events_are_told() -> None:
    found = find_parting(of(ALLOW), of(ALLOW.replace("only if ready", "only if ready and count >= 3")), ["A"], ["why"])
    assert lines(found.trace) == ["tick", "go n=60"]
    assert "# why\n" in found.trace
    assert "# unseen: hide (eth0 at 0.000000)\n" in found.trace


def test_one_obliges_by_then() -> None:
    found = find_parting(of(SOON), of(SOON.replace("limit", "7 s")), ["B"], [])
    assert (found.left, found.right) == (("B",), ())
    assert lines(found.trace)[0] == "tick"


def test_a_default_makes_the_difference() -> None:
    found = find_parting(of(SOON), of(SOON, BASE.replace("5 s", "9 s")), ["B"], [])
    assert (found.left, found.right) == (("B",), ())


def test_a_rule_that_only_one_has() -> None:
    assert find_parting(of(ALLOW), of(""), ["A"], []).left == ("A",)
    assert find_parting(of(""), of(ALLOW), ["A"], []).right == ("A",)


def test_state_that_is_kept_in_another_way() -> None:
    other = BASE.replace("on tick { ready", "on tick { ready := false }\non tick when count > 0 { ready")
    found = find_parting(of(ALLOW), of(ALLOW, other), ["A"], [])
    assert (found.left, found.right) == ((), ("A",))
    assert lines(found.trace) == ["tick", "go n=60"]


def test_events_and_keys_that_only_one_knows() -> None:
    other = BASE.replace("go(n: int)", "go(n: int, m: int)").replace(
        "event tick", "event more() by node seen log\nevent tick"
    )
    found = find_parting(of(ALLOW), of(ALLOW.replace("only if ready", "only if ready or m = 3"), other), ["A"], [])
    assert (found.left, found.right, found.both_read) == (("A",), (), False)
    assert lines(found.trace) == ["go n=60 m=3"]


def test_a_capability_that_a_rule_takes() -> None:
    rule = ALLOW + "  given capability fast\n"
    found = find_parting(of(rule), of(rule.replace("only if ready", "only if true")), ["A"], [])
    assert found.left == ("A",)
    assert "site boot=true capabilities=fast\n" in found.trace


def test_where_both_find_fault_only_one_does_with_this_rule() -> None:
    never = 'rule N MUST cite 3 "never" allow go only if false\n'
    found = find_parting(of(ALLOW + never), of(never + ALLOW.replace("only if ready", "only if true")), ["A"], [])
    assert (found.left, found.right, found.outright) == (("A", "N"), ("N",), False)


def test_settings_on_which_they_part() -> None:
    rule = 'rule C MUST cite 4 "quick" configure limit <= 6 s\n'
    found = find_parting(of(rule), of(rule.replace("6 s", "8 s")), ["C"], [])
    assert (found.left, found.right) == (("C",), ())
    assert "site limit=6001ms\n" in found.trace


@pytest.mark.slow
def test_where_only_another_value_makes_the_difference_it_is_found() -> None:
    found = find_parting(of(SOON), of(SOON.replace("limit", "max(limit, 1 s)")), ["B"], [])
    assert (found.left, found.right) == (("B",), ())
    assert "site limit=0s\n" in found.trace


@pytest.mark.slow
def test_where_only_another_reading_makes_the_difference_it_is_found() -> None:
    asked = 'ambiguity counted "What is counted?"\n  reading ticks "each"\n  reading once "whether there is one"\n'
    narrow = "only if ready and (counted = once implies count >= 3)"
    left, right = (of(asked + rule) for rule in (ALLOW, ALLOW.replace("only if ready", narrow)))
    found = find_parting(left, right, ["A"], [])
    assert (found.left, found.right, found.outright) == ((), ("A",), True)
    assert "counted=once" in found.trace and lines(found.trace) == ["tick", "go n=60"]


def test_no_difference_in_what_is_written_in_two_ways_is_proved() -> None:
    for one, other in ((ALLOW, ALLOW.replace("only if ready", "only if not not ready and count >= 0 - 1")),
                       (SOON, SOON.replace("limit", "max(limit, 0 s)"))):  # fmt: skip
        found = find_parting(of(one), of(other), [["A", "B"][one is SOON]], [])
        assert not found.trace
        assert found.same


@pytest.mark.slow
def test_what_may_part_beyond_the_search_is_not_called_the_same() -> None:
    found = find_parting(of(ALLOW), of(ALLOW.replace("only if ready", "only if ready and count < 50")), ["A"], [])
    assert not found.trace
    assert not found.same
    assert found.reason == "none was found of up to 10 events"


def test_time_that_is_up_is_said() -> None:
    found = find_parting(of(ALLOW), of(ALLOW.replace("only if ready", "only if not not ready")), ["A"], [], 1e-9)
    assert not found.trace
    assert not found.same
    assert found.reason == "the time for the search was up"


def test_one_name_for_two_things_is_two_events() -> None:
    other = BASE.replace("go(n: int)", "go(n: {few, many})")
    left, right = of(ALLOW), of(ALLOW.replace("only if ready", "only if ready and n = few"), other)
    assert clashing(left, right) == {"go"}
    assert set(merged_events(left, right)) == {"go", "go~", "tick", "hide"}
    found = find_parting(left, right, ["A"], [])
    assert (found.left, found.right, found.both_read) == (("A",), (), False)
    assert lines(found.trace) == ["go n=60"]
    turned = find_parting(right, left, ["A"], [])
    assert (turned.left, turned.right) == (("A",), ())
    assert lines(turned.trace) == ["go n=few"]


def test_one_has_no_state_of_an_interface() -> None:
    text = "spec s event go(n: int) by node seen log node {{ many: bool = false }} on go {{ many := true }} {}"
    rule = 'rule A MUST cite 1 "x" allow go only if not many'
    left, right = loads(text.format(rule)), loads(text.format(rule + " or n = 7 interface { x: bool = false }"))
    found = find_parting(left, right, ["A"], [])
    assert found.left == ("A",)
    assert lines(found.trace) == ["go n=60", "go n=7"]


def test_alike_is_what_depends_on_the_same() -> None:
    first = setting_of(of(ALLOW + SOON))
    assert alike(first, setting_of(of(ALLOW + SOON)), "A")
    slower = setting_of(of(ALLOW + SOON, BASE.replace("5 s", "9 s")))
    assert alike(first, slower, "A")
    assert not alike(first, slower, "B")
    unready = setting_of(of(ALLOW + SOON, BASE.replace("ready := true; ", "")))
    assert not alike(first, unready, "A")
    assert not alike(first, setting_of(of(SOON)), "A")


def test_a_verdict_that_was_not_predicted_is_an_internal_error() -> None:
    left, right = of(ALLOW), of(ALLOW.replace("only if ready", "only if true"))
    (parting,) = [Comparison(setting_of(left), setting_of(right)).part(["A"], ["A"]).parting]
    assert parting is not None
    with pytest.raises(Disagreement, match=r"expects .'A'. to be broken, the observer finds none"):
        partings.confirmed(right, left, parting, [], frozenset())


# --- the verb -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_pair_of_readings_of_the_draft_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ambiguities", "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["ambiguities"]
    log = tmp_path / "in.log"
    for entry in answer["ambiguities"]:
        assert sum(r["default"] for r in entry["readings"]) == 1
        assert all(r["why"] for r in entry["readings"])
        for pair in entry["pairs"]:
            assert pair["result"] == "parted", pair
            first, second = pair["readings"]
            assert pair["broken"][first] != pair["broken"][second]
            kept = folder_for("draft-01") / f"{entry['name']}-{first}-{second}.log"
            assert kept.read_text("utf-8") == pair["trace"], "out of date: mipcheck ambiguities --fresh --store"
            if entry["role"] != "mn":
                continue
            log.write_text(pair["trace"], "utf-8")
            for reading in pair["readings"]:
                report = check([str(log)], readings={entry["name"]: reading})
                assert [r.id for r in report.rules if r.status == "violated"] == pair["broken"][reading]


def test_readings_of_another_role(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "small.spec"
    path.write_text(
        """
spec small
event go() by node seen log
interface { ready: bool = false }
on go { ready := true }
rule A MUST cite 1 "once" allow go only if not ready
role vpn {
  event pass(n: int) by node seen log
  interface { open: bool = false }
  on pass { open := true }
  rule W MUST cite 5 lines 3-4 "pass once"
    reading first "one is as good as another"
      allow pass only if not open
    reading second "two are needed"
      allow pass only if not open or n > 1
}
""",
        "utf-8",
    )
    assert main(["ambiguities", "W", "--spec", str(path)]) == 0
    out = capsys.readouterr().out
    assert "parted   first: W broken; second: nothing broken" in out
    assert out.count(" pass n=") == 2


@pytest.mark.slow
def test_undecided_is_unknown_and_exits_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ambiguities", "M2", "--fresh", "--timeout", "0.0001"]) == 3
    out = capsys.readouterr().out
    assert "unknown" in out
    assert "0 of 3 pairs" in out


def test_entries_that_only_one_of_them_keeps_are_followed_in_a_proof_that_they_never_part() -> None:
    said = """spec {} event ask(id: id, far: {{yes, no}}) by network seen log event grant(id: id) by node seen log
    table pending by id: id limit 8 "what was asked" {{ outside: bool = false }}
    on ask {{ pending[id] := {{ outside := {} }} }}
    rule R1 MUST cite 1 "not to who is outside" allow grant when id in pending only if not pending[id].outside """
    more = """table known by id: id limit 8 "who is known" { near: bool = false }
    on ask(far = no) { known[id] := { near := true } }
    rule R2 MUST cite 2 "to who is known" allow grant only if id in known"""
    one, two, three = (
        setting_of(loads(text))
        for text in (
            said.format("one", "far = yes"),
            said.format("two", "not far = no") + more,
            said.format("three", "far = no") + more,
        )
    )
    assert never_part(one, two, "R1")
    assert not never_part(one, three, "R1")


MORE = """
spec s
event ask(what: {one, two MORE}, also: flags) by network seen log
event go() by node seen log
set flags { A, B OTHERS }
interface { asked: bool = false  since: time  twice: bool = false }
on ask { asked := true; since := now }
on ask(what = two) { twice := true }
rule R MUST cite 1 "x" require go within LIMIT of since while asked
rule P MUST cite 1 "x" allow go only if WHEN
"""


def more(limit: str, when: str = "asked", words: str = "", others: str = "") -> Spec:
    text = MORE.replace("LIMIT", limit).replace("WHEN", when).replace("MORE", words).replace("OTHERS", others)
    return loads(text)


def test_an_event_of_which_one_knows_more_words_is_the_same_event() -> None:
    """A trace of words that both know is judged by both: it had been another event, which one of them skipped."""
    left, right = more("5 s", words=""), more("5 s", words=", three", others=", C")
    assert not clashing(left, right)
    for rule in ("R", "P"):
        same = find_parting(left, right, [rule], [])
        assert (same.trace, same.same) == ("", True) or not same.both_read
    found = find_parting(left, more("9 s", words=", three", others=", C"), ["R"], [])
    assert (found.left, found.right, found.both_read) == (("R",), (), True)


@pytest.mark.parametrize(("words", "others"), [(", three", ""), ("", ", C")])
@pytest.mark.parametrize("turned", [False, True])
def test_who_does_not_know_a_word_does_not_know_of_that_event(words: str, others: str, turned: bool) -> None:
    """And ends what it has seen with the last event that it knows."""
    when = "asked and not twice"
    pair = more("5 s", when), more("5 s", when, words, others)
    found = find_parting(*(pair[::-1] if turned else pair), ["P"], [])
    left, right = (found.right, found.left) if turned else (found.left, found.right)
    assert not found.both_read and ("P" in left) != ("P" in right)
    word = "what=three" if words else "also=C"
    assert any(word in line for line in lines(found.trace))


def test_other_words_make_another_event() -> None:
    left = more("5 s")
    assert clashing(left, more("5 s", words=", three")) == set()
    assert clashing(left, loads(MORE.replace("{one, two MORE}", "{two, one}").replace("OTHERS", "").replace(
        "LIMIT", "5 s").replace("WHEN", "asked"))) == {"ask"}  # fmt: skip
    found = find_parting(left, loads(MORE.replace("{one, two MORE}", "{two, one}").replace("OTHERS", "").replace(
        "LIMIT", "5 s").replace("WHEN", "asked")), ["R"], [])  # fmt: skip
    assert found.trace and not found.both_read


HEARD = """
spec heard
event hear() by network seen log
event go() by node seen log
event off() by node seen log
interface { heard: time  tired: bool = false }
on hear { heard := now }
on off { tired := true }
rule A MUST cite 1 "no sooner than five seconds after it heard" allow go only if now - heard >= 5 s
"""


@pytest.mark.parametrize("turned", [False, True])
def test_they_part_by_what_a_checker_knows(turned: bool) -> None:
    """A time that has no value decided: readings were said to part on a trace that breaks neither."""
    left, right = loads(HEARD), loads(HEARD.replace("now - heard >= 5 s", "not tired or now - heard >= 5 s"))
    found = find_parting(right, left, ["A"], []) if turned else find_parting(left, right, ["A"], [])
    assert (found.left, found.right) == (((), ("A",)) if turned else (("A",), ()))
    assert lines(found.trace) == ["hear", "go"]


def test_both_break_what_a_checker_knows() -> None:
    left, right = loads(HEARD), loads(HEARD.replace("5 s", "6 s"))
    found = Partings(left, right).both_break("A", [])
    assert found.left == found.right == ("A",)
    assert lines(found.trace) == ["hear", "go"]


def test_what_no_checker_can_tell_apart_is_not_said_to_part() -> None:
    text = HEARD.replace("on hear { heard := now }", "")
    found = find_parting(loads(text), loads(text.replace("5 s", "6 s")), ["A"], [])
    assert not found.trace and not found.same


SITES = """
spec sites
site home, away
param a: int = 3
param b: int = a + 1
param c: bool = true
"""


@pytest.mark.parametrize(
    ("rule", "changed", "answer"),
    [
        ("a >= 1", ("a: int = 3", "a: int = 2"), "same"),  # it was not decided: no single value told them apart
        ("a >= 3", ("a: int = 3", "a: int = 2"), "parted"),
        ("a >= 1", (">= 1", "> 0"), "same"),
        ("a >= 1", (">= 1", ">= 2"), "parted"),
        ("c or a > 1", ("c or a > 1", "not (not c and a <= 1)"), "same"),
        ("c or a > 1", ("c or a > 1", "c or a > 2"), "unknown"),
        ("a + b > 4", ("b: int = a + 1", "b: int = a + 2"), "unknown"),
        ("site.home != site.away", ("site.home != site.away", "not (site.away = site.home)"), "same"),
        ("site.home != site.away", ("site.home != site.away", "a > 2"), "parted"),
    ],
)
def test_demands_on_sites(rule: str, changed: tuple[str, str], answer: str) -> None:
    left = f'{SITES}rule A MUST cite 1 "x" configure {rule}'
    found = find_parting(loads(left), loads(left.replace(*changed)), ["A"], [])
    assert ("parted" if found.trace else "same" if found.same else "unknown") == answer
