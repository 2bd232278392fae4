"""Traces of devices that deal with many mobile nodes: which machine judges them, and what is proved of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mipcheck.checker.check.check import check, resolved
from mipcheck.checker.check.report import Report
from mipcheck.checker.cli.main import main
from mipcheck.checker.console.errors import InputError, UsageError
from mipcheck.checker.report.json import as_object
from mipcheck.checker.verbs.prove_results import prove_one
from mipcheck.model.language.errors import SpecError
from mipcheck.model.specification.load import loads
from mipcheck.model.specification.spec import Spec

from making.devices import SPEC, TEXT, VPN, log
from making.paths import CAPTURES

# --- which machine --------------------------------------------------------------------------------------------------


def checked(tmp_path: Path, text: str, **options: Any) -> Report:
    return check(log(tmp_path, text), spec=SPEC, **options)


RELAY = "0 out relay home=10.1.0.1\n"


def test_the_site_line_chooses_the_machine(tmp_path: Path) -> None:
    report = checked(tmp_path, "site role=vpn boot=true\n" + RELAY)
    assert (report.role, report.nodes, report.verdict) == ("vpn", 1, "violation")
    assert [r.id for r in report.rules] == ["G1", "G2", "G3"]
    (violation,) = report.violations
    assert (violation.rule, violation.node) == ("G1", "10.1.0.1")


def test_so_does_the_command_line_and_the_file(tmp_path: Path) -> None:
    assert checked(tmp_path, RELAY, parameters={"role": "vpn", "boot": "true"}).verdict == "violation"
    config = tmp_path / "site.toml"
    config.write_text('[site]\nrole = "vpn"\n', "utf-8")
    assert checked(tmp_path, RELAY, config=config).role == "vpn"
    report = checked(tmp_path, "site role=mn\n" + RELAY, config=config)
    assert report.role == "vpn"


def test_a_log_that_does_not_say_is_as_the_one_before_it(tmp_path: Path) -> None:
    first = log(tmp_path, "site role=vpn\n" + RELAY, "a.log")
    second = log(tmp_path, RELAY, "b.log")
    assert check([first, second], spec=SPEC).events == 2
    third = log(tmp_path, "site role=mn\n0 eth0 link state=up\n", "c.log")
    with pytest.raises(InputError, match="role"):
        check([first, third], spec=SPEC)


def test_json_lines_know_the_role_too(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    header = {"mipcheck-trace": 1, "site": {"role": "vpn", "boot": True}}
    line = {"time": 0, "interface": "out", "event": "relay", "home": "10.1.0.1"}
    path.write_text(f"{json.dumps(header)}\n{json.dumps(line)}\n", "utf-8")
    (violation,) = as_object(check(path, spec=SPEC))["violations"]
    assert violation["node"] == "10.1.0.1"


def test_the_vocabulary_is_the_roles(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'unknown event "relai"(.|\n)*did you mean "relay"'):
        checked(tmp_path, "site role=vpn\n0 out relai home=10.1.0.1\n")
    with pytest.raises(InputError, match=r'unknown key "hom"(.|\n)*did you mean "home"'):
        checked(tmp_path, "site role=vpn\n0 out relay hom=10.1.0.1\n")
    with pytest.raises(InputError, match=r'unknown event "relay"'):
        checked(tmp_path, RELAY)
    with pytest.raises(InputError, match=r'unknown event "link"'):
        checked(tmp_path, "site role=vpn\n0 out link state=up\n")


@pytest.mark.parametrize("options", [{}, {"parameters": {"role": "xha"}}])
def test_a_role_that_nothing_is_said_of(tmp_path: Path, options: dict[str, object]) -> None:
    site = "" if options else "site role=xha\n"
    with pytest.raises(UsageError, match=r"role=xha.*role mn vpn"):
        checked(tmp_path, site + RELAY, **options)


def test_a_specification_may_declare_a_role_of_any_name(tmp_path: Path) -> None:
    spec = loads(TEXT.replace("role vpn", "role relay-box"))
    assert check(log(tmp_path, "site role=relay-box boot=true\n" + RELAY), spec=spec).verdict == "violation"
    assert check(log(tmp_path, RELAY), spec=spec, parameters={"role": "relay-box"}).role == "relay-box"
    config = tmp_path / "site.toml"
    config.write_text('[site]\nrole = "relay-box"\n', "utf-8")
    assert check(log(tmp_path, RELAY), spec=spec, config=config).role == "relay-box"
    found = prove_one(spec.for_role("relay-box"), "relays_bound", {}, ["G1"])
    assert "site role=relay-box boot=true" in found.counterexample
    with pytest.raises(InputError, match='did you mean "relay-box"'):
        check(log(tmp_path, "site role=relay-bx\n" + RELAY), spec=spec)


def test_the_mobile_node_is_no_role_of_its_own() -> None:
    with pytest.raises(SpecError, match="the mobile node needs no role"):
        loads(TEXT.replace("role vpn", "role mn"))


def test_what_is_not_known_is_said_of_a_node(tmp_path: Path) -> None:
    report = checked(tmp_path, "site role=vpn\n" + RELAY)
    (rule,) = [r for r in report.rules if r.status == "inconclusive"]
    assert "x.log:3), for mobile node 10.1.0.1, bound (the node is bound) is not known so far" in rule.why


def test_at_a_mobile_node_no_node_is_told(tmp_path: Path) -> None:
    report = checked(tmp_path, "site boot=true\n0 eth0 link state=down\n")
    assert (report.role, report.nodes) == ("mn", None)
    assert as_object(report)["violations"][0]["node"] is None


def test_captures_show_what_is_declared_to_be_seen_there() -> None:
    found = CAPTURES / "inside.pcapng"
    with pytest.raises(UsageError, match="role=vpn: no event is declared that a capture shows"):
        check(found, spec=SPEC, parameters={"role": "vpn"})
    with pytest.raises(UsageError, match="role=router: captures are read of role mn vpn iha xha fa"):
        check(found, spec=loads(ROUTER), parameters={"role": "router"})


ROUTER = (
    TEXT
    + """
role router "a router" {
  event hop() by node seen log, capture
  rule R1 MUST cite 1 "never" allow hop only if false
}
"""
)


def test_convert_speaks_the_roles_language(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "devices.spec"
    spec.write_text(TEXT, "utf-8")
    given = log(tmp_path, "site role=vpn\n" + RELAY)
    assert main(["convert", given, "--spec", str(spec)]) == 0
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "site role=vpn",
        "source resolution=1s",
        "0.000000 out relay home=10.1.0.1",
    ]
    assert main(["convert", given, "--spec", str(spec), "--format", "jsonl"]) == 0
    assert '"role": "vpn"' in capsys.readouterr().out


# --- what is proved -------------------------------------------------------------------------------------------------


def test_the_properties_of_all_roles_are_proved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "devices.spec"
    spec.write_text(TEXT, "utf-8")
    assert main(["prove", "--spec", str(spec), "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [(p["name"], p["result"], p["needs"]) for p in answer["properties"]] == [
        ("fine", "proved", ["N1"]),
        ("relays_bound", "proved", ["G1"]),
    ]


def test_a_counterexample_of_a_role_says_so_and_replays() -> None:
    found = prove_one(VPN, "relays_bound", {}, ["G1"])
    lines = found.counterexample.splitlines()
    assert "site role=vpn boot=true" in lines
    assert lines[-1] == "0.000000 eth0 relay home=10.1.0.100"


def test_explain_finds_rules_of_all_roles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "devices.spec"
    spec.write_text(TEXT, "utf-8")
    assert main(["explain", "G2", "--spec", str(spec)]) == 0
    out = capsys.readouterr().out
    assert "role vpn" in out.replace("  ", " ") or "vpn: a gateway" in out
    assert "site role=vpn" in out
    assert main(["explain", "G22", "--spec", str(spec)]) == 2
    assert 'did you mean "G2"' in capsys.readouterr().err


def test_readings_of_a_role_can_be_chosen() -> None:
    spec = loads(
        TEXT.replace(
            'rule G1 MUST cite B.5 "relays only for who is bound" allow relay only if bound',
            'rule G1 MUST cite B.5 "relays only for who is bound"'
            ' reading strict "so" allow relay only if bound'
            ' reading lax "or so" allow relay only if bound or resets > 0',
        )
    )
    chosen: Spec = resolved(spec, {"G1": "lax"}).for_role("vpn")
    assert chosen.rules["G1"].reading == "lax"
    assert chosen.rules["G2"].body is spec.for_role("vpn").rules["G2"].body
