"""RFC 5265 as an extension of the draft: what differs is judged differently, and all that is claimed is proved."""

from __future__ import annotations

from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report
from mipcheck.checker.proofs.replayed import broken_in, trace_text
from mipcheck.model.prover.examples import Examples
from mipcheck.model.prover.setting import setting_of
from mipcheck.model.specification.load import load

from making.depth import DEEP

RFC, DRAFT = load("rfc5265"), load()
HEAD = """\
mipcheck-trace 1
site boot=true iha=10.1.0.2 xha=198.51.100.2 vpn=192.0.2.1 ihoa=10.1.0.100 xhoa=198.51.100.100
"""
INSIDE = """\
0 eth0 link state=up
0.1 eth0 coa kind=colocated addr=10.1.7.20
0.2 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=T lifetime=600 id=1
0.3 eth0 rrp from=iha path=direct code=0 lifetime=600 id=1 auth=ok tnc=yes
"""
DATA = "{} eth0 data dir=out protection=none stack=ip/ip\n"


def judged(tmp_path: Path, text: str, spec: str = "rfc5265") -> Report:
    path = tmp_path / "x.log"
    path.write_text(HEAD + text, "utf-8")
    return check([str(path)], spec=spec)


def broken(report: Report) -> list[str]:
    return [r.id for r in report.rules if r.status == "violated"]


def test_it_loads_without_a_warning() -> None:
    assert RFC.warnings == ()
    assert list(RFC.accesses) == ["c", "f", "cvc", "fvc"]
    assert RFC.capabilities == {}
    assert list(RFC.roles) == ["xha", "iha", "vpn"]


@pytest.mark.slow
@pytest.mark.parametrize(("role", "rule"), [(m.role, r) for m in RFC.machines() for r in m.rules])
def test_every_rule_can_be_kept_and_broken(role: str, rule: str) -> None:
    machine = RFC.for_role(role)
    examples = _examples(role).telling(rule)
    kept, breaking = (examples.find(rule, which, pretty=DEEP) for which in (False, True))
    assert kept is not None and breaking is not None
    assert broken_in(machine, trace_text(machine, kept, examples.setting.given)) == frozenset()
    found = broken_in(machine, trace_text(machine, breaking, examples.setting.given))
    assert rule in found and found == breaking.broken
    beside = [machine.rules[r] for r in found - {rule}]  # a SHOULD around it, or the site that it speaks of
    assert all(r.level == "SHOULD" or r.id == "A1" for r in beside)


_EXAMPLES: dict[str, Examples] = {}


def _examples(role: str) -> Examples:
    return _EXAMPLES.setdefault(role, Examples(setting_of(RFC.for_role(role))))


@pytest.mark.parametrize(
    ("tnc", "verdict", "rules"),
    [("yes", "conformant", []), ("no", "violation", ["D1", "S1"]), (None, "inconclusive", [])],
)
def test_plaintext_needs_the_extension(tmp_path: Path, tnc: str | None, verdict: str, rules: list[str]) -> None:
    text = INSIDE.replace(" tnc=yes", "" if tnc is None else f" tnc={tnc}") + DATA.format(1)
    report = judged(tmp_path, text)
    assert (report.verdict, [r for r in broken(report) if r in ("D1", "S1")]) == (verdict, rules)
    assert judged(tmp_path, text, "draft-01").verdict == "conformant"


def test_t_monitor(tmp_path: Path) -> None:
    text = INSIDE + DATA.format(61)
    assert broken(judged(tmp_path, text)) == ["M2"]
    longer = (HEAD + text).replace("site ", "site t_monitor=70s ", 1)
    (tmp_path / "y.log").write_text(longer, "utf-8")
    assert check([str(tmp_path / "y.log")], spec="rfc5265").verdict == "conformant"


def test_a_node_that_is_idle_may_pause(tmp_path: Path) -> None:
    idle = INSIDE + "400 eth0 infer where=inside\n"
    assert broken(judged(tmp_path, idle)) == []
    assert "M1" in broken(judged(tmp_path, idle, "draft-01"))
    # Idle it is as well that has sent something once, and not any more when the next registration is due.
    once = judged(tmp_path, INSIDE + DATA.format(1) + "400 eth0 infer where=inside\n")
    assert (once.verdict, broken(once)) == ("conformant", ["M1"])
    twice = INSIDE + DATA.format(1) + DATA.format(55) + "400 eth0 infer where=inside\n"
    assert broken(judged(tmp_path, twice)) == ["M1", "P6", "M4"]


def test_the_modes_that_are_gone(tmp_path: Path) -> None:
    assert broken(judged(tmp_path, "0 eth0 mode name=vc\n")) == ["C6"]
    assert broken(judged(tmp_path, "0 eth0 mode name=vc\n", "draft-01")) == []


def test_equal_addresses_mean_outside(tmp_path: Path) -> None:
    text = "0 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=T lifetime=600 id=1\n"
    path = tmp_path / "x.log"
    path.write_text((HEAD + text).replace("xha=198.51.100.2", "xha=10.1.0.2"), "utf-8")
    assert broken(check([str(path)], spec="rfc5265")) == ["A1", "A2"]


def test_levels_that_changed() -> None:
    assert {
        r: (DRAFT.rules[r].level, RFC.rules[r].level) for r in ("M1", "P2", "L1", "L2", "V2", "N1")
    } == dict.fromkeys(("M1", "P2", "L1", "L2", "V2", "N1"), ("MUST", "SHOULD"))


def test_trusted_networks_at_the_home_agent(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    request = "0 eth0 rrq home=10.1.0.100 coa=10.1.7.20 flags=T lifetime=600 id=1 auth=ok via=inside source={}\n"
    reply = "0.1 eth0 rrp home=10.1.0.100 code=0 lifetime=600 id=1 tnc={}\n"
    for source, tnc, rules in (
        ("trusted", "yes", []), ("trusted", "no", ["IT2"]), ("untrusted", "yes", ["IT1"]),
    ):  # fmt: skip
        path.write_text(HEAD.replace("site ", "site role=iha ") + request.format(source) + reply.format(tnc), "utf-8")
        assert broken(check([str(path)], spec="rfc5265")) == rules
