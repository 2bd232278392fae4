"""A rule that is there for nothing is told as such, with proof: nothing asks for it, or nothing can break it."""

from __future__ import annotations

import pytest
from mipcheck.model.prover.certificate import Certificate
from mipcheck.model.prover.consistency import consistent
from mipcheck.model.prover.idle import is_idle
from mipcheck.model.prover.search import Search
from mipcheck.model.prover.setting import Setting, setting_of
from mipcheck.model.specification.load import loads

HEAD = """
spec small "who is ready goes"
site home, agent
event ready(n: int, to: address) by node seen log
event go(n: int, to: address) by node seen log
event stop() by network seen log
node { ready: bool = false  kept: int = 0 }
on ready { ready := true; kept := n }
on stop { ready := false }
"""


def _setting(rules: str) -> Setting:
    return setting_of(loads(HEAD + rules))


@pytest.mark.parametrize(
    ("rules", "broken", "whatever", "idle"),
    [
        ('rule A MUST cite 1 "a" allow go only if ready\nrule B MUST cite 1 "b" allow go(n > 3) only if ready',
         True, True, True),
        ('rule A MUST cite 1 "a" allow go only if ready\nrule B MUST cite 1 "b" allow go(n > 3) only if n < 9',
         True, False, False),
        ('rule A MUST cite 1 "a" allow go only if n < 3\nrule B MUST cite 1 "b" allow go(n > 3) only if ready',
         False, True, True),
        ('rule A MUST cite 1 "a" allow ready only if n < 3\nrule B MUST cite 1 "b" allow go(kept > 3) only if ready',
         False, False, True),
        ('rule A SHOULD cite 1 "a" allow go only if ready\nrule B MUST cite 1 "b" allow go(n > 3) only if ready',
         True, False, False),
        ('rule B MUST cite 1 "b" allow go(to = site.home) only if to != site.agent', True, False, False),
        ('rule A MUST cite 1 "a" allow go only if ready unclear if kept > 7\n'
         'rule B MUST cite 1 "b" allow go only if ready unclear if kept > 8', True, True, True),
    ],
    ids=["follows", "does not follow", "never asked", "never so", "advice may be broken", "an odd site", "unclear"],
)  # fmt: skip
def test_idle_is_what_no_run_shows(rules: str, broken: bool, whatever: bool, idle: bool) -> None:
    setting = _setting(rules)
    assert is_idle(setting, "B", broken, 0) == whatever
    assert is_idle(setting, "B", broken, 5) == idle


def test_who_changed_a_rule_is_told_without_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = 'rule A MUST cite 1 "a" allow go only if {}\nrule B MUST cite 1 "b" allow go(n > 3) only if ready'
    before = consistent(_setting(rules.format("n > 1 or ready")))
    assert before.verdict.answer == "proved"
    kept = Certificate("small", "mn", "consistent", before.proofs, before.scripts)
    monkeypatch.setattr(Search, "shortest", None)
    after = consistent(_setting(rules.format("ready")), kept)
    assert after.verdict.answer == "vacuous"
    assert after.verdict.reason == "no trace breaks B and keeps the other rules"


def test_it_is_found_without_a_certificate_too() -> None:
    rules = 'rule A MUST cite 1 "a" allow go only if ready\nrule B MUST cite 1 "b" allow go(n > 3) only if ready'
    assert consistent(_setting(rules)).verdict.reason == "no trace breaks B and keeps the other rules"
