"""Whether a time has a value: `assigned(…)` and `forget`, in proofs as in traces."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.cli.main import main
from mipcheck.model.language.errors import SpecError
from mipcheck.model.prover.prove import prove
from mipcheck.model.specification.load import loads

WAITING = """spec a "t"
event go(n: int) by node seen log "t"
event ack() by network seen log "t"
event stop() by node seen log "t"
interface { timer: time  asked: bool = false  since: time = 0 s }
define waits = assigned(timer)
on go { timer := now  asked := true  since := now }
on ack { asked := false forget timer }
rule R MUST cite 1 "t" require stop within 5 s of timer while waits
rule S MUST cite 1 "t" allow stop only if assigned(timer) and now - timer <= 5 s
property sound "t" whenever stop: assigned(timer)
property same "t" invariant assigned(timer) implies asked
property back "t" invariant asked implies assigned(timer)
property never "t" invariant not assigned(timer)
"""


def test_what_is_proved_of_times_that_have_a_value() -> None:
    spec = loads(WAITING + 'property sane "t" consistent')
    found = {r.name: r.result for r in prove(spec=spec, with_needs=False)}
    assert found == dict.fromkeys(("sound", "same", "back", "sane"), "proved") | {"never": "refuted"}


@pytest.mark.parametrize(
    ("boot", "lines", "broken", "unknown"),
    [
        (True, "1 e stop", {"S"}, set()),
        (True, "1 e go n=1; 2 e stop", set(), set()),
        (True, "1 e go n=1; 2 e ack; 3 e stop", {"S"}, set()),
        (True, "1 e go n=1; 2 e ack; 30 e ack; 31 e go n=1; 32 e stop", set(), set()),
        (True, "1 e go n=1; 30 e ack", {"R"}, set()),
        (True, "1 e go n=1; 2 e ack; 3 e go n=1; 4 e stop", set(), set()),
        (False, "1 e stop", set(), {"S"}),
        (False, "1 e ack; 2 e stop", {"S"}, set()),
        (True, "1 e go n=1; 2 e gap; 3 e stop", set(), {"S"}),
    ],
)
def test_what_a_trace_shows_of_them(
    tmp_path: Path, boot: bool, lines: str, broken: set[str], unknown: set[str]
) -> None:
    log = tmp_path / "x.log"
    log.write_text(f"mipcheck-trace 1\nsite boot={str(boot).lower()}\n" + "\n".join(lines.split("; ")) + "\n")
    gap = 'event gap(reason?: text) by observer seen log "evidence is missing"'
    report = check([log], spec=loads(f"{WAITING} {gap}"))
    assert {r.id for r in report.rules if r.status == "violated"} == broken
    assert {r.id for r in report.rules if r.status == "inconclusive"} >= unknown
    assert (report.verdict == "conformant") == (not broken and not unknown)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("on stop { forget since }", '"since" always has a value'),
        ("on stop { forget tmer }", 'no state "tmer" to forget.*did you mean "timer"?'),
        ("on stop { timer := now forget timer }", '"timer" is assigned here, too'),
        ('property z "" invariant assigned(since)', "since always has a value"),
        ('property z "" whenever go: assigned(n)', "n is no state of type time"),
        ('property z "" invariant assigned(tmer)', 'unknown name "tmer".*did you mean "timer"?'),
        ("interface { timer_assigned: bool = false }", 'state "timer_assigned" is declared twice'),
        ('ghost interface { lost: time } rule T MUST cite 1 "" allow go only if assigned(lost)', "is ghost state"),
    ],
)
def test_what_cannot_be_asked(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        loads(WAITING + text)
    assert re.search(message, str(caught.value), re.S)


def test_the_word_can_be_a_name() -> None:
    spec = loads(WAITING + "interface { assigned: bool = true b: bool = true } on go { b := assigned assigned := b }")
    assert len(spec.updates[2].assignments) == 2


def test_a_limit_of_which_nothing_is_said_may_be_any() -> None:
    spec = loads("""spec a "t" event go() by node seen log "t" node { limit: time  last: time = 0 s }
        on go { last := now } rule R MUST cite 1 "t" allow go only if now - last >= limit
        property p "t" whenever go: now - last >= limit""")
    (result,) = prove(spec=spec, with_needs=False)
    assert result.result == "proved" and result.for_all == ("limit",)


def test_a_text_is_looked_through_once_and_not_for_each_of_its_declarations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its declarations are hundreds: to start with nothing kept took four times as long."""
    looked: list[str] = []

    class Counting:
        def search(self, text: str) -> None:
            looked.append(text)

    monkeypatch.setattr("mipcheck.model.specification.assigned._MAY_ASK", Counting())
    loads('spec small document "none" event go() by node seen log node { n: int = 0  at: time } on go { n := n + 1 }')
    assert len(looked) == 1


def test_it_is_called_as_it_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """State that nobody has declared was told of by a name that nobody has written."""
    spec, log, page = tmp_path / "a.spec", tmp_path / "x.log", tmp_path / "page.html"
    spec.write_text(WAITING.replace('spec a "t"', 'spec a "t" document "t"'))
    log.write_text("mipcheck-trace 1\nsite boot=true\n1 e go n=1\n2 e ack\n3 e stop\n")
    said = ""
    for words in (
        [str(log), "--report", f"html={page}"], ["explain", "S"], ["export", "mermaid"],
        ["export", "mermaid", "nosuch"], ["mutate", "ack", "--no-search"], ["requirements"],
    ):  # fmt: skip
        main([*words, "--spec", str(spec)])
        said += "".join(capsys.readouterr())
    assert "sets assigned(timer) to false" in said
    assert "assigned(timer): changes on go; ack" in said
    assert "assigned(timer) is not reset" in said
    assert "timer_assigned" not in said + page.read_text("utf-8")


def test_what_is_forgotten_and_never_asked_for_is_warned_of() -> None:
    text = "\n".join(line for line in WAITING.splitlines() if "assigned" not in line and "waits" not in line)
    assert "<spec>:5:13: state timer is forgotten, and nothing asks for assigned(timer)" in loads(text).warnings
