"""Traces of several parties in one run: told apart, and judged each by its own rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mipcheck.checker.cli.main import main

from making.schemas import conforming
from making.systems import SYSTEM

NODE = "mipcheck-trace 1\nsite party=mobile boot=true vpn=192.0.2.1\n1.0 eth0 moves to=192.0.2.7\n"
SENT = "2.0 eth0 sends id=0x1 src=192.0.2.7 dst=192.0.2.1\n"
GATEWAY = "mipcheck-trace 1\n# at the gateway\n\nsite role=vpn\nsite party=gateway boot=true\n"
ARRIVED, ANSWERED = "0.5 up arrives id=0x1 src=192.0.2.7\n", "1.0 up answers dst=192.0.2.7\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (
        ("walk.spec", SYSTEM),
        ("node.log", NODE + SENT),
        ("liar.log", NODE + SENT.replace("src=192.0.2.7", "src=192.0.2.8")),
        ("gw.log", GATEWAY + ARRIVED + ANSWERED),
        ("stray.log", GATEWAY + ARRIVED + ANSWERED.replace("192.0.2.7", "192.0.2.9")),
        ("mute.log", NODE.replace("party=mobile ", "") + SENT),
    ):
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    try:
        code = main(["--spec", "./walk.spec", *words])
    except SystemExit as done:
        code = int(done.code or 0)
    return code, *capsys.readouterr()


@pytest.mark.parametrize(
    ("node", "gateway", "verdict", "of"),
    [
        ("node.log", "gw.log", "conformant", ("conformant", "conformant")),
        ("node.log", "stray.log", "violation", ("conformant", "violation")),
        ("liar.log", "gw.log", "violation", ("violation", "conformant")),
    ],
)
def test_each_is_judged_by_its_own_rules(
    node: str, gateway: str, verdict: str, of: tuple[str, str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code = {"conformant": 0, "violation": 1}[verdict]
    code, out, _ = run(capsys, node, gateway, "--format", "json")
    report = conforming("parties", out)
    assert (code, report["verdict"]) == (exit_code, verdict)
    assert {name: (r["role"], r["verdict"]) for name, r in report["parties"].items()} == {
        "mobile": ("mn", of[0]),
        "gateway": ("vpn", of[1]),
    }
    code, out, _ = run(capsys, node, gateway, "--format", "jsonl")
    assert code == exit_code
    lines = [conforming("jsonl", line) for line in out.splitlines()]
    assert [line["party"] for line in lines if line["kind"] == "end"] == ["mobile", "gateway"]
    code, out, _ = run(capsys, node, gateway)
    assert code == exit_code
    assert out.startswith("AT mobile (role mn)\n") and "\nAT gateway (role vpn)\n" in out
    assert f"{verdict} of 2 parties: mobile {of[0]}, gateway {of[1]}" in " ".join(out.split())


def test_of_two_nodes_each_has_state_of_its_own(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Merged as one node's, the second would send from where the first has gone."""
    other = (NODE + SENT).replace("party=mobile", "party=other").replace("192.0.2.7", "192.0.2.8")
    (here / "other.log").write_text(other, "utf-8")
    assert run(capsys, "node.log", "other.log")[0] == 0
    (here / "other.log").write_text(other.replace("party=other", "party=mobile"), "utf-8")
    assert run(capsys, "node.log", "other.log")[0] == 1


def test_the_command_line_tells_where_an_input_was_taken(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "mute.log", "gw.log", "--party", "mute.log=mobile", "--format", "json")
    assert (code, list(json.loads(out)["parties"])) == (0, ["mobile", "gateway"])
    code, out, _ = run(capsys, "mute.log", "--party", "mute.log=mn", "--format", "json")
    assert (code, list(json.loads(out)["parties"])) == (0, ["mn"])


def test_json_lines_say_it_as_well(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = {"mipcheck-trace": 1, "site": {"role": "vpn", "party": "gateway", "boot": True}}
    events = [{"time": 1, "interface": "up", "event": "answers", "dst": "192.0.2.9"}]
    (here / "gw.jsonl").write_text("".join(json.dumps(x) + "\n" for x in (first, *events)), "utf-8")
    code, out, _ = run(capsys, "node.log", "gw.jsonl", "--format", "json")
    assert (code, json.loads(out)["parties"]["gateway"]["verdict"]) == (1, "violation")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["node.log", "gw.log", "--party", "gw.log=gatway"],
            'there is no party or role "gatway"; did you mean "gateway"?',
        ),
        (["node.log", "gw.log", "--party", "gv.log=gateway"], '"gv.log" is no input; did you mean "gw.log"?'),
        (["node.log", "gw.log", "mute.log"], "mute.log does not say at which party it was taken"),
        (["node.log", "gw.log", "--format", "html"], "of several parties a report is text, json, jsonl, not html"),
        (["node.log", "gw.log", "--expect", "x.toml"], "--expect is for the inputs of one party"),
        (["node.log", "gw.log", "--party", "gw.log=vpn", "--set", "role=mn"], "leave out role="),
        (["node.log", "--party", "node.log=mobile", "--follow"], "what grows is followed at one party"),
    ],
)
def test_what_cannot_be_asked(words: list[str], message: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "x.toml").write_text("", "utf-8")
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert message in " ".join(err.split())


def test_a_party_has_one_role(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "odd.log").write_text(GATEWAY.replace("party=gateway", "party=mobile"), "utf-8")
    code, _, err = run(capsys, "node.log", "odd.log")
    assert code == 2
    assert "mobile is of role vpn here, and of role mn in node.log" in " ".join(err.split())


def test_inputs_of_one_party_are_merged_as_ever(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "more.log").write_text(NODE.replace("1.0 eth0", "3.0 eth0"), "utf-8")
    code, out, _ = run(capsys, "node.log", "more.log", "--format", "json")
    assert code == 0
    assert "parties" not in json.loads(out)


@pytest.mark.slow
def test_every_counterexample_is_read_back(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("no_thief", "no_copy", "answers_find")
    assert main(["prove", *names, "--spec", "./walk.spec", "--logs", "found", "--no-needs"]) == 1
    capsys.readouterr()
    for name in names:
        code, out, _ = run(capsys, f"found/{name}.mobile.log", f"found/{name}.gateway.log", "--format", "json")
        report = json.loads(out)
        assert code in (0, 3), "nobody breaks a rule"
        assert list(report["parties"]) == ["mobile", "gateway"]
        events = [sum(i["events"] for i in r["inputs"]) for r in report["parties"].values()]
        assert sum(events) >= 1
