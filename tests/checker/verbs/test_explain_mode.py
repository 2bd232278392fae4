"""What is said of an access mode follows from its declaration and the rules, and is proved or replayed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.proofs.certificates import folder_for
from mipcheck.checker.proofs.kept import KeptLogs
from mipcheck.checker.verbs.explain_mode import mode_page
from mipcheck.model.prover.modes import Mode, ModeFact, announcement_of
from mipcheck.model.prover.search import Search
from mipcheck.model.specification.load import load, loads
from mipcheck.model.specification.spec import Spec

from making.paths import TRANSCRIPTS

TRANSCRIPT = (TRANSCRIPTS / "explain-mode.txt").read_text("utf-8")
TEXT = TRANSCRIPT[TRANSCRIPT.index('spec small "') :]


@pytest.fixture(scope="module")
def spec() -> Spec:
    return loads(TEXT)


def facts(spec: Spec, mode: str) -> set[tuple[str, str, str, str]]:
    asked = Mode(spec, spec.accesses[mode])
    own = [r for s in spec.statements.values() if mode in s.by for r in s.by if r in spec.rules]
    steps = asked.steps([], own)
    assert steps is not None
    found: list[ModeFact] = list(asked.facts(steps.events))
    return {(str(f.situation), f.key, f.value, f.level) for f in found}


def test_how_a_node_says_its_mode_is_found_by_type(spec: Spec) -> None:
    claim = announcement_of(spec)
    assert claim is not None
    assert (claim.event, claim.key) == ("mode", "name")
    assert claim.of("b").names("var") == {"says", "said"}
    assert announcement_of(loads("spec s event go() by node seen log")) is None


@pytest.mark.slow
def test_facts_are_proved_with_the_level_that_they_take(spec: Spec) -> None:
    assert facts(spec, "b") == {
        ("pay(to = port)", "at", "site.iha", "MUST"),
        ("pay(to = port)", "L", "set", "MUST"),
        ("pay(to = port)", "S", "set", "SHOULD"),
    }


@pytest.mark.slow
def test_what_a_rule_leaves_open_is_not_said(spec: Spec) -> None:
    weaker = TEXT.replace("only if L in flags and at = site.iha", "only if L in flags or at = site.iha")
    assert facts(loads(weaker), "b") == {("pay(to = port)", "S", "set", "SHOULD")}


@pytest.mark.slow
def test_one_of_two_addresses_is_said(spec: Spec) -> None:
    either = TEXT.replace("at = site.iha", "(at = site.iha or at = site.xha)")
    assert ("pay(to = port)", "at", "site.iha or site.xha", "MUST") in facts(loads(either), "b")


def test_the_page_of_a_mode(spec: Spec) -> None:
    page = mode_page(spec, "b")
    assert [(x.name, x.address, x.unwrapped_by, x.octets) for x in page.layers] == [
        ("road", "the foreign agent's", "the foreign agent on the link", 0),
        ("boat", "", "the node", 40),
        ("road", "the node's own", "the node", 20),
    ]
    assert (page.headers, page.nat) == ("ip/esp/ip/ip", "ip/udp4500/esp/ip/udp434/ip")
    assert (page.octets, page.nat_octets, page.needs) == (60, 80, ("ferry",))
    assert [r for r, _ in page.rules] == ["P", "Q", "B", "R", "T"]


@pytest.mark.slow
def test_the_steps_come_in_order_and_break_no_rule(spec: Spec, tmp_path: Path) -> None:
    page = mode_page(spec, "b")
    assert re.findall(r"^\S+ eth0 (\w+)", page.steps, re.M) == ["mode", "pay", "board", "data"]
    log = tmp_path / "steps.log"
    log.write_text(page.steps, "utf-8")
    assert {r.id for r in check([str(log)], spec=spec).rules if r.status == "held"} == {"P", "Q", "B", "R", "T"}


@pytest.mark.slow
def test_parameters_count(spec: Spec) -> None:
    longer = loads(
        TEXT.replace("adds 40", "adds seal").replace("capability ferry", "param seal: int = 40\ncapability ferry")
    )
    assert mode_page(longer, "b").octets == 60
    page = mode_page(longer, "b", {"seal": "60"})
    assert page.octets == 80
    assert "site seal=60\n" in page.steps
    with pytest.raises(UsageError, match=r"there is no parameter .sael.; did you mean .seal."):
        mode_page(longer, "b", {"sael": "60"})


@pytest.mark.slow
def test_mode_cvc_of_the_draft() -> None:
    """Sections 3.5 and 6.2: what the draft says of it, none of which is written in the program."""
    page = mode_page(load(), "cvc")
    kept = (folder_for("draft-01") / "steps-cvc.log").read_text("utf-8")
    assert page.steps == kept, "out of date: mipcheck explain cvc --fresh --store"
    said = {(a.event.partition("(")[0], a.key, a.value, a.level) for a in page.always if "xha" not in a.event}
    assert said == {
        ("ike", "src", "site.xhoa", "MUST"),
        ("rrq", "D", "set", "MUST"),
        ("rrq", "T", "set", "MUST"),
        ("rrq", "coa", "the tunnel inner address", "MUST"),
    }
    assert (page.headers, page.octets, page.nat_octets) == ("ip/ip/esp/ip/ip", 97, 129)
    events = re.findall(r"^\S+ eth0 (\w+ ?(?:to=\w+ path=\w+|phase=\w+)?)", page.steps, re.M)
    order = ["coa ", "rrq to=xha path=direct", "ike phase=start", "sa ", "rrq to=iha path=vpn", "data "]
    assert [e for e in events if e in order] == order


@pytest.mark.slow
def test_traces_that_refute_are_kept_and_followed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They save the search, and show nothing that today's text does not make of them."""
    path = tmp_path / "small.spec"
    weaker = TEXT.replace("only if L in flags and at = site.iha", "only if L in flags or at = site.iha")
    path.write_text(weaker, "utf-8")
    logs = KeptLogs(str(path))
    fresh = mode_page(loads(weaker), "b", kept=replace(logs, store=True))
    assert [(a.key, a.level) for a in fresh.always] == [("S", "SHOULD")]
    # What refutes the weaker text breaks a rule of the other.
    assert mode_page(loads(TEXT), "b", kept=logs).always == mode_page(loads(TEXT), "b").always
    monkeypatch.setattr(Search, "shortest", None)
    assert mode_page(loads(weaker), "b", kept=logs) == fresh


@pytest.mark.slow
@pytest.mark.parametrize(("spec", "mode"), [(s, m) for s in ("draft-01", "rfc5265") for m in load(s).accesses])
def test_those_of_the_package_are_enough(spec: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What no search would find again, none of them finds."""
    page = mode_page(load(spec), mode, kept=KeptLogs(spec))
    monkeypatch.setattr(Search, "shortest", lambda *_, **__: None)
    again = mode_page(load(spec), mode, kept=KeptLogs(spec))
    assert again == page and page.steps, f"out of date: mipcheck explain {mode} --spec {spec} --fresh --store"
