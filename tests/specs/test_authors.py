"""Specifications that were written from the guide alone: a DHCP client (RFC 2131), MOBIKE (RFC 4555), VRRP (RFC 5798).

Nothing in mipcheck knows their events, addresses or roles. Each has logs, and properties that are all proved.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.site.toml import read_site
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.checker.verbs.audit_matrix import audit
from mipcheck.model.language.parse import parse
from mipcheck.model.language.show_module import show
from mipcheck.model.specification.load import load

AUTHORS = Path(__file__).parent / "authors"
SPECS = sorted(AUTHORS.glob("*.spec"))
BROKEN = {
    ("dhcp-client", "dhcp-lease.log"): set(),
    ("dhcp-client", "dhcp-expired.log"): {"C1", "C2"},
    ("mobike", "mobike-moves.log"): set(),
    ("mobike", "mobike-hasty.log"): {"I4"},
    ("mobike", "mobike-unchecked.log"): {"G1"},
    ("vrrp", "vrrp-takes-over.log"): set(),
    ("vrrp", "vrrp-two-masters.log"): {"M2", "M3", "M4", "M5"},
}
NEEDED = {"dhcp-client": {"C1"}, "mobike": {"I4", "G1"}, "vrrp": {"M2", "M4"}}


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_nothing_is_odd(path: Path) -> None:
    assert load(str(path)).warnings == ()
    assert parse(show(parse(path.read_text("utf-8")))) == parse(path.read_text("utf-8"))


def test_every_log_is_judged() -> None:
    assert {log for _, log in BROKEN} == {p.name for p in AUTHORS.glob("*.log")}


@pytest.mark.parametrize(("spec", "log"), BROKEN)
def test_logs(spec: str, log: str) -> None:
    report = check([AUTHORS / log], spec=str(AUTHORS / f"{spec}.spec"))
    assert {r.id for r in report.rules if r.status == "violated"} == BROKEN[spec, log]
    assert report.verdict == ("violation" if BROKEN[spec, log] else "conformant")


@pytest.mark.parametrize("words", [{"gateway": "192.0.2.9"}, {}], ids=["another gateway", "that of the log"])
def test_an_address_of_its_own_is_given_on_the_command_line(words: dict[str, str]) -> None:
    report = check([AUTHORS / "mobike-moves.log"], spec=str(AUTHORS / "mobike.spec"), parameters=words)
    assert {r.id for r in report.rules if r.status == "violated"} == ({"I2", "I4"} if words else set())


def test_an_address_of_its_own_in_a_site_file(tmp_path: Path) -> None:
    spec = load(str(AUTHORS / "mobike.spec"))
    path = tmp_path / "site.toml"
    path.write_text('[site]\ngateway = "192.0.2.9"\n')
    with path.open("rb") as stream:
        assert read_site(stream, "site.toml", vocabulary_of(spec)).addresses == {"gateway": 0xC0000209}


@pytest.mark.slow
@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_all_is_proved(path: Path) -> None:
    """Counterexamples and the traces of needed rules are written as logs and replayed, own addresses included."""
    from mipcheck.checker.verbs.prove_results import ToProve, prove_all

    results = prove_all(ToProve(load(str(path))))
    assert {p.result.name: p.result.result for p in results if p.result.result != "proved"} == {}
    assert {n.rule for p in results for n in p.result.needs} >= NEEDED[path.stem]


@pytest.mark.slow
@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_an_audit_finds_evidence_without_certificates(path: Path) -> None:
    """Divisions of a lease kept searches from ending: of the traces that are there four were not found."""
    rows = audit(load(str(path)))
    assert {row.requirement.id: row.lacks for row in rows if row.lacks} == {}
