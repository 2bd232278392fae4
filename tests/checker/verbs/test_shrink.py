"""Of a trace the fewest events are left that break the same rule for the same cause, and none of them can go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Violation
from mipcheck.checker.cli.main import main
from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.observe.slices import slice_of
from mipcheck.checker.verbs.one_finding import Meant
from mipcheck.checker.verbs.shrink_search import minimal, shrunk
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import load

from making.depth import DEEP
from making.paths import CAPTURES, TRACES

SPEC = load("draft-01")


def first(path: Path) -> Violation | None:
    report = check(path, spec=SPEC)
    found = [v for v in (*report.violations, *report.warnings) if v.interface is not None]
    return min(found, key=lambda v: (v.level != "MUST", v.time)) if found else None


def causes(v: Violation) -> tuple[Any, ...]:
    """What a violation says of its cause, whatever the lines are called."""
    return v.rule, v.interface, v.node, v.seen, v.wrong[1:], frozenset(b.text for b in v.because)


def events_of(log: str) -> list[str]:
    words = ("#", "site", "source", "mipcheck-trace")
    return [line for line in log.splitlines() if line and not line.startswith(words)]


def with_events(log: str, events: list[str]) -> str:
    head = [line for line in log.splitlines() if line not in events_of(log)]
    return "\n".join([*head, *events]) + "\n"


BROKEN = [p for p in sorted(TRACES.glob("*.log")) if first(p) is not None]


@pytest.mark.slow
@pytest.mark.parametrize("path", BROKEN, ids=lambda p: p.stem)
def test_what_is_left_breaks_the_rule_for_the_same_cause_and_needs_all_of_it(path: Path, tmp_path: Path) -> None:
    meant, found = first(path), shrunk(Meant([str(path)], SPEC))
    assert meant is not None and found.least and found.rule == meant.rule
    small = tmp_path / "small.log"
    small.write_text(found.log, encoding="utf-8")
    events = events_of(found.log)
    assert len(events) < len(events_of(path.read_text(encoding="utf-8")))
    *wanted, because = causes(meant)
    # What led to it may have been set again by what has been left out.
    (own,) = {causes(v)[:-1]: causes(v) for v in _findings(small) if list(causes(v)[:-1]) == wanted}.values()
    assert {text.partition(": ")[0] for text in own[-1]} <= {text.partition(": ")[0] for text in because}
    for n in range(len(events)):
        small.write_text(with_events(found.log, events[:n] + events[n + 1 :]), encoding="utf-8")
        assert all(causes(v) != own for v in _findings(small))


def _findings(path: Path) -> list[Violation]:
    report = check(path, spec=SPEC)
    return [*report.violations, *report.warnings]


NOISE = st.lists(
    st.tuples(
        st.integers(0, 7_999_999),
        st.sampled_from(
            [
                "wlan0 link state=up",
                "wlan0 coa kind=colocated addr=192.0.2.77",
                "wlan0 rrq to=xha path=direct coa=192.0.2.77 flags=DT lifetime=60 id=0x77",
                "wlan0 rrp from=xha path=direct code=0 lifetime=60 id=0x77 auth=ok",
                "eth0 data dir=in protection=none bytes=10",
                "- sa state=up",
                "eth1 hint kind=nai says=inside",
            ]
        ),
    ),
    max_size=30,
)


@pytest.mark.slow
@settings(max_examples=150 if DEEP else 12, deadline=None)
@given(NOISE)
def test_whatever_else_happens_the_same_is_left(
    tmp_path_factory: pytest.TempPathFactory, noise: list[tuple[int, str]]
) -> None:
    source = (TRACES / "plaintext-after-loss.log").read_text(encoding="utf-8")
    events = sorted(
        [*events_of(source), *(f"{t // 10**6}.{t % 10**6:06d} {words}" for t, words in noise)],
        key=lambda line: float(line.split()[0]),
    )
    path = tmp_path_factory.mktemp("noise") / "noisy.log"
    path.write_text(with_events(source, events), encoding="utf-8")
    found = shrunk(Meant([str(path)], SPEC, rule="M2"))
    assert [line.split()[2] for line in events_of(found.log)] == ["coa", "rrq", "rrp", "rrq", "data"]
    assert found.least


@given(st.sets(st.integers(0, 60), min_size=1, max_size=6), st.integers(0, 60))
def test_nothing_superfluous_is_left_of_any_test(needed: set[int], more: int) -> None:
    # Needs all of some, and one of two others: there is more than one smallest answer.
    def holds(items: list[int]) -> bool:
        return needed <= set(items) and (more in items or more + 1 in items)

    left, done = minimal(list(range(62)), holds, lambda: False)
    assert done and holds(left)
    assert not any(holds(left[:n] + left[n + 1 :]) for n in range(len(left)))


def test_when_time_is_up_what_is_left_by_then_is_given() -> None:
    calls = iter(range(100))
    left, done = minimal([1, 2, 3, 4], lambda items: 1 in items, lambda: next(calls) > 1)
    assert not done and 1 in left


def test_a_capture_becomes_a_small_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = CAPTURES / "loss-ignored.pcapng"
    assert check(capture, config=capture.with_suffix(".toml")).verdict == "violation"
    small = tmp_path / "small.log"
    assert main(["shrink", str(capture), "--config", str(capture.with_suffix(".toml")), "-o", str(small)]) == 0
    assert len(events_of(small.read_text("utf-8"))) < 8
    assert main([str(small)]) == 1
    assert capsys.readouterr().out


def test_what_cannot_be_shrunk_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no rule is broken"):
        shrunk(Meant([str(TRACES / "inside-colocated.log")], SPEC))
    with pytest.raises(UsageError, match='there is no rule "M22"'):
        shrunk(Meant([str(TRACES / "plaintext-after-loss.log")], SPEC, rule="M22"))
    with pytest.raises(UsageError, match="broken there"):
        shrunk(Meant([str(TRACES / "plaintext-after-loss.log")], SPEC, rule="M2", at=9))
    assert "8.000000 eth0 data" in shrunk(Meant([str(TRACES / "plaintext-after-loss.log")], SPEC, rule="M2", at=24)).log


def test_the_slice_of_a_rule_holds_whatever_its_state_depends_on() -> None:
    machine = Machine(SPEC, configure(SPEC, {}), {})
    kinds = slice_of(machine, SPEC.rules["M2"])
    assert {"rrq", "rrp", "link", "coa", "restart"} <= kinds
    assert not kinds & {"solicit", "advert", "mode"}
