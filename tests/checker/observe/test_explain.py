"""Explanations: the part of a condition that failed, the events that made it so, numbers with their units."""

from __future__ import annotations

import pytest
from mipcheck.checker.observe.blame import blame
from mipcheck.checker.observe.context import Context, duration, show_event
from mipcheck.checker.observe.explain import Explanation, explain
from mipcheck.checker.observe.holes import explain_hole
from mipcheck.checker.observe.observer import observe
from mipcheck.model.machine.compile import Machine
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import load, loads
from mipcheck.model.values.event import Event, Position
from mipcheck.model.values.types import Value

S = 10**9

PRELUDE = """
spec small "a small one"
document "none"
enum colour { red, green }
set flags { D, T }
site here
param t_limit: time = 10 s
param t_slack: time = 1 s
event go(n: int) by node seen log
event paint(c: colour, f: flags, src: address, what?: text) by node seen log
event gap(reason?: text) by observer seen log
interface {
  up: bool = false      "it is up"
  other: bool = false   "it is other"
  shade: colour = red   "how it is painted"
  since: time           "when it began"
}
node { owner: interface = none  "who owns it" }
on go(n = 1) { up := true
               since := now
               owner := this }
on go(n = 2) { other := true }
on paint { shade := c }
define fine = up and not other
"""


def explained(
    rule: str, *events: Event, boot: bool = True, site: dict[str, int] | None = None, prelude: str = PRELUDE
) -> Explanation:
    """The explanation of the only finding about a rule R with that body."""
    spec = loads(f'{prelude}\nrule R MUST cite 1 "a text" {rule} instead "something else"')
    machine = Machine(spec, configure(spec, {}), site or {})
    found = observe(machine, events, boot)
    (finding,) = found.findings
    return explain(Context(machine, list(events), found.interfaces), finding)


def event(line: int, interface: str, kind: str, **args: Value) -> Event:
    return Event(line * S, interface, kind, args, Position("t.log", line))


def go(line: int, n: int = 0, interface: str = "a") -> Event:
    return event(line, interface, "go", n=n)


def paint(line: int, c: str = "red", f: str = "", src: int = 1, **more: Value) -> Event:
    return event(line, "a", "paint", c=c, f=frozenset(f), src=src, **more)


def facts(found: Explanation) -> tuple[str, ...]:
    return found.wrong[1:]


def test_only_the_false_conjunct_is_blamed() -> None:
    found = explained("allow go(n = 0) only if up and not other", go(1, 1), go(2, 2), go(3))
    assert found.seen == "3.000000 a go n=0"
    assert found.wrong == ("allowed only if up and not other", "other (it is other) is true")
    assert [(b.text, b.at.line) for b in found.because] == [("2.000000 a go n=2: sets other to true", 2)]
    assert found.allowed == ("something else",)


def test_all_disjuncts_are_blamed() -> None:
    found = explained("allow go(n = 0) only if not up or now - since <= 2 s", go(1, 1), go(5))
    assert facts(found) == ("up (it is up) is true", "now - since is 4 s, more than 2 s, which was over at 3.000000")
    (because,) = found.because
    assert because.text == "1.000000 a go n=1: sets up to true; since (when it began) to 1.000000"


def test_definitions_are_expanded_and_told() -> None:
    found = explained("allow go(n = 0) only if fine", go(1))
    assert found.wrong == ("allowed only if fine, where fine = up and not other", "up (it is up) is false")


def test_what_holds_since_the_start() -> None:
    found = explained("allow go only if up", go(4))
    (because,) = found.because
    assert (because.text, because.at) == ("when the node started, up was false on a", Position("t.log"))


def test_an_implication_blames_both_sides() -> None:
    found = explained("allow go(n = 0) only if up implies other", go(1, 1), go(2))
    assert facts(found) == ("up (it is up) is true", "other (it is other) is false")


def test_quantifiers_name_the_interfaces() -> None:
    found = explained("allow go(n = 0) only if some interface: other", go(1, 1, "b"), go(2, 1), go(3))
    assert facts(found) == ("other (it is other) is false on b and a",)
    found = explained("allow go(n = 0) only if every interface: up", go(1, 1, "b"), go(2, 2, "c"), go(3, 1), go(4))
    assert facts(found) == ("up (it is up) is false on c",)


def test_many_interfaces_are_counted() -> None:
    others = [go(n, 3, f"i{n}") for n in range(1, 9)]
    found = explained("allow go(n = 0) only if some interface: up", *others, go(20))
    assert facts(found) == ("up (it is up) is false on i1, i2, i3, i4 and 5 more interfaces",)


def test_seen_tells_unknown_from_false() -> None:
    found = explained("allow go(n = 0) only if seen (some interface: up)", go(1), boot=False)
    assert facts(found) == ("up (it is up) is not known on a",)


@pytest.mark.parametrize(
    ("condition", "fact"),
    [
        ("c = green", "c is red, not green"),
        ("D in f", "f is T, without D"),
        ("not T in f", "f is T, with T"),
        ("src = site.here", "src is 0.0.0.7, not site.here (0.0.0.9)"),
        ("shade != c", "shade and c are both red"),
        ("owner = this", "owner is none, not this interface (a)"),
        ("now < 3 s", "now is 3.000000, exactly 3 s"),
        ("t_limit > 10 s", "t_limit is 10 s, exactly 10 s"),
        ("t_limit < t_slack", "t_limit is 10 s, more than t_slack (1 s)"),
        ("2 * t_slack >= t_limit", "2 * t_slack is 2 s, less than t_limit (10 s)"),
        ("false", "false is never the case"),
    ],
)
def test_facts(condition: str, fact: str) -> None:
    found = explained(f"allow paint only if {condition}", paint(3, f="T", src=7), site={"here": 9})
    assert facts(found) == (fact,)


def test_an_obligation_that_is_never_met() -> None:
    found = explained("require paint(c = green) within t_limit of since while up", go(1, 1), paint(2), go(30))
    assert found.seen == "no paint(c = green) on a by 12.000000"
    assert found.wrong == (
        "it was owed by 12.000000: within t_limit (10 s) and t_slack (1 s) of since, which is 1.000000",
        "nothing like it follows in this trace",
        "owed while up: up (it is up) is true",
    )
    (because,) = found.because
    assert because.text == "1.000000 a go n=1: sets since (when it began) to 1.000000; up to true"


def test_an_obligation_that_is_met_late() -> None:
    found = explained("require paint(c = green) within 1 s of since while up", go(1, 1), paint(4, "green"))
    assert found.wrong[0] == "it was owed by 3.000000: within 1 s and t_slack (1 s) of since, which is 1.000000"
    assert found.wrong[1] == "it came at 4.000000 (t.log:4), 1 s late"


@pytest.mark.parametrize(
    ("when", "color", "said"),
    [
        ("up", "green", ["it came at 4.000000 (t.log:4), 1 s late"]),
        ("up", "red", ["nothing like it follows in this trace"]),
        ("not up", "green", []),  # it may be another matter by then
        ("not up", "red", ["nothing like it follows in this trace"]),
    ],
)
def test_what_came_late_is_looked_for_in_the_state_of_the_finding(when: str, color: str, said: list[str]) -> None:
    rule = f"require paint(c = green) when {when} within 1 s of since while up"
    found = explained(rule, go(1, 1), paint(4, color))
    assert list(found.wrong[1:-1]) == said


def test_configuration() -> None:
    found = explained("configure t_limit <= 5 s")
    assert found.wrong == ("allowed only if t_limit <= 5 s", "t_limit is 10 s, more than 5 s")
    assert found.because == ()


def lack(rule: str, *events: Event, site: dict[str, int] | None = None) -> tuple[str, set[str]]:
    spec = loads(f'{PRELUDE}\nrule R MUST cite 1 "a text" {rule}')
    machine = Machine(spec, configure(spec, {}), site or {})
    found = observe(machine, events)
    assert found.tallies[0].hole is not None
    said = explain_hole(Context(machine, list(events), found.interfaces), 0, found.tallies[0].hole)
    return said.text, set(said.kinds)


def test_why_a_rule_is_unclear() -> None:
    assert lack("allow go only if up", go(1)) == (
        "at 1.000000 (t.log:1) up (it is up) is not known so far",
        {"history"},
    )
    gap = event(2, "a", "gap")
    text, kinds = lack("allow go(n = 0) only if up", go(1, 1), gap, go(3))
    assert (text, kinds) == ("at 3.000000 (t.log:3) up (it is up) is not known since t.log:2", {"gap"})
    text, kinds = lack("require paint within 5 s of since while up", go(1, 1), gap)
    assert (text, kinds) == ("at 2.000000 (t.log:2) evidence was missing while something was owed: a gap", {"gap"})
    text, kinds = lack("allow paint only if src = site.here", paint(1))
    assert (text, kinds) == ("at 1.000000 (t.log:1) the address here is not known", {"address here"})
    text, kinds = lack("allow paint only if what = what", paint(1))
    assert (text, kinds) == ("at 1.000000 (t.log:1) the event does not tell what", {"key what"})


def test_what_a_rule_itself_calls_unclear_is_said() -> None:
    """Neither what the pattern did not need to know is blamed, nor is anything called owed that a permission allows."""
    doubt = "allow paint when not seen other only if c = red unclear if"
    assert lack(f"{doubt} shade = red", event(1, "a", "go", n=1), paint(2), paint(3)) == (
        "at 2.000000 (t.log:2) shade (how it is painted) is not known so far",
        {"history"},
    )
    assert lack(f"{doubt} shade = red and up", go(1, 1), paint(2), paint(3)) == (
        "at 2.000000 (t.log:2) shade (how it is painted) is not known so far",
        {"history"},
    )
    assert lack(f"{doubt} c = red and up", go(1, 1), paint(2)) == (
        "at 2.000000 (t.log:2) either may be right: c is red; up (it is up) is true",
        {"doubt"},
    )


def test_blame_agrees_with_the_value() -> None:
    spec = loads(f'{PRELUDE}\nrule R MUST cite 1 "a text" allow go(n = 0) only if fine and (other or owner = this)')
    machine = Machine(spec, configure(spec, {}), {})
    (finding,) = observe(machine, [go(1)], True).findings
    assert finding.moment is not None
    leaves = blame(machine, machine.rules[0].body.condition, finding.moment, 0)
    assert [leaf.value for leaf in leaves] == [0, 0, 0]
    assert UNKNOWN not in [leaf.value for leaf in leaves]


def test_events_are_shown_as_a_log_has_them() -> None:
    spec = load()
    args: dict[str, Value] = {"dir": "out", "protection": "none", "stack": 'ip "x"\x1b[31m', "src": 0x0A000001}
    shown = show_event(spec, Event(0, "my if", "data", args))
    assert shown == r'"my if" data dir=out protection=none stack="ip \"x\"\x1b[31m" src=10.0.0.1'


@pytest.mark.parametrize(("ns", "word"), [(0, "0 s"), (S, "1 s"), (60 * S, "60 s"), (6_115_378_000, "6.115378 s"),
                                          (1, "0.000000001 s"), (-S // 2, "-0.5 s"), (100 * S, "100 s")])  # fmt: skip
def test_durations(ns: int, word: str) -> None:
    assert duration(ns) == word


def test_what_is_said_of_the_whole_node() -> None:
    """Of `-` nothing is ever known, so a state that was read there was never written."""
    found = explained("allow go only if n = 1 or seen up", go(1, 2, "-"), boot=False)
    assert found.seen == "1.000000 - go n=2"
    assert [b.text for b in found.because] == ["when this trace begins, up was not known on -"]


def test_an_alternative_for_a_key_that_the_event_does_not_have_is_no_reason() -> None:
    """Where it has the key, what is said of it is; where it has not, the rest is."""
    rule = "allow paint only if (seen hue > 3 and hue < 9) or src = 0.0.0.7"
    spec = PRELUDE.replace("what?: text", "what?: text, hue?: int")
    assert spec != PRELUDE
    assert facts(explained(rule, paint(1), prelude=spec)) == ("src is 0.0.0.1, not 0.0.0.7",)
    assert facts(explained(rule, paint(1, hue=2), prelude=spec)) == (
        "hue is 2, less than 3",
        "src is 0.0.0.1, not 0.0.0.7",
    )


def test_advice_gives_way_to_a_rule_that_forbids_the_event_altogether() -> None:
    """Where the i-HA answers directly (L2), nobody is told to register with the x-HA for a key exchange (V3)."""
    spec = load()
    site = {"iha": 1, "xha": 2, "vpn": 3, "ihoa": 4, "xhoa": 5}
    machine = Machine(spec, configure(spec, {}), site)

    def advice(inside: bool) -> dict[str, tuple[str, ...]]:
        asked: dict[str, Value] = {
            "to": "iha",
            "path": "direct",
            "coa": 9,
            "flags": frozenset("T"),
            "lifetime": 60,
            "id": 7,
        }
        answer: dict[str, Value] = {"from": "iha", "path": "direct", "code": 0, "lifetime": 60, "id": 7, "auth": "ok"}
        events = [event(1, "a", "link", state="up"), event(2, "a", "rrq", **asked)]
        events += [event(3, "a", "rrp", **answer)] if inside else []
        events.append(event(6, "a", "ike", phase="start", src=5, dst=3))
        found = observe(machine, events, True)
        context = Context(machine, events, found.interfaces)
        return {machine.rules[f.rule].id: explain(context, f).allowed for f in found.findings}

    assert advice(inside=False) == {"V3": ("register with the x-HA first, unless the i-HA answers directly",)}
    assert advice(inside=True) == {"V3": ("use the direct registration",), "L2": ("use the direct registration",)}


PAINTED = (
    PRELUDE
    + """
role painter tracks src "a painter" {
  event dip(src: address, by: address)  by network seen log  "somebody dips in"
  event use(src: address, by: address)  by node seen log     "paint is used"
  event wash(src: address)              by network seen log  "all is washed"
  table pots by by: address "who has dipped in" { since: time  "since when" }
  on dip { pots[by] := { since := now } }
  on wash { clear pots }
  rule R MUST cite 1 "a text" allow use only if CONDITION
}
"""
)


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("by in pots", "nothing had put 0.0.0.7 in pots (who has dipped in), or it was taken out again"),
        ("some b in pots: b = by", "nothing was in pots (who has dipped in)"),
    ],
)
@pytest.mark.parametrize("washed", [True, False])
def test_what_is_in_no_table_is_no_fact_since_the_start(condition: str, said: str, washed: bool) -> None:
    spec = loads(PAINTED.replace("CONDITION", condition)).roles["painter"]
    machine = Machine(spec, configure(spec, {}), {})
    before = [event(1, "a", "dip", src=1, by=7), event(2, "a", "wash", src=1)] if washed else []
    events = [*before, event(3, "a", "use", src=1, by=7)]
    found = observe(machine, events, True)
    (finding,) = found.findings
    assert [b.text for b in explain(Context(machine, events, found.interfaces), finding).because] == [said]
