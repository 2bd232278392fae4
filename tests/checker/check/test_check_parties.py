"""Traces of several parties in one run: told apart, and judged each by its own rules."""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from mipcheck.checker.cli.main import main

from making.esp import keys_beside
from making.paths import ROOT
from making.schemas import conforming
from making.systems import CHANNEL, PARTIES, SYSTEM

NODE = "mipcheck-trace 1\nsite party=mobile boot=true vpn=192.0.2.1\n1.0 eth0 moves to=192.0.2.7\n"
SENT = "2.0 eth0 sends id=0x1 src=192.0.2.7 dst=192.0.2.1\n"
GATEWAY = "mipcheck-trace 1\n# at the gateway\n\nsite role=vpn\nsite party=gateway boot=true\n"
ARRIVED, ANSWERED = "0.5 up arrives id=0x1 src=192.0.2.7\n", "1.0 up answers dst=192.0.2.7\n"

GATEWAY_LOG, NODE_LOG = (
    ROOT / "traces" / f"{name}.log" for name in ("gateway-endpoint-hijacked", "plaintext-after-loss")
)


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
        (["node.log", "gw.log", "--format", "html"], "a report is text, json, jsonl, junit, sarif, github, not html"),
        (["node.log", "gw.log", "--expect", "x.toml"], "--expect is for the inputs of one party"),
        (["node.log", "gw.log", "--annotate", "x.pcapng"], "with its inputs alone, as node.log --annotate"),
        (["node.log", "gw.log", "--follow"], "--follow is for the inputs of one party; these are of mobile, gateway"),
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


def test_a_party_without_a_trace_is_never_conformant(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where its log holds no event, nothing is known of it, nor of all together; what broke a rule elsewhere did."""
    (here / "none.log").write_text(GATEWAY, "utf-8")
    for node, verdict, exit_code in (("node.log", "inconclusive", 3), ("liar.log", "violation", 1)):
        code, out, _ = run(capsys, node, "none.log", "--format", "json")
        report = conforming("parties", out)
        assert (code, report["verdict"]) == (exit_code, verdict)
        gateway = report["parties"]["gateway"]
        assert (gateway["verdict"], [i["events"] for i in gateway["inputs"]]) == ("inconclusive", [0])
        assert not [r["id"] for r in gateway["rules"] if r["status"] == "held"]
    _, out, _ = run(capsys, "node.log", "none.log")
    told = " ".join(out.split())
    assert "the trace holds nothing that any MUST speaks of: there is no evidence" in told
    assert "inconclusive of 2 parties: mobile conformant, gateway inconclusive" in told
    assert "no input of" not in told
    (here / "empty.log").write_text("", "utf-8")
    code, out, err = run(capsys, "node.log", "empty.log", "--party", "empty.log=gateway")
    assert (code, out) == (2, "")
    assert "empty.log:1: the file is empty" in err


@pytest.mark.parametrize("called", ["mobile", "mn"])
def test_a_party_without_an_input_is_named(called: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is not counted, since what the others did is judged without it; with --strict it is missing evidence."""
    words = ("mute.log", "--party", f"mute.log={called}")
    code, out, _ = run(capsys, *words)
    assert (code, out.splitlines()[-1]) == (0, f"conformant of 1 party: {called} conformant")
    told = "no input of gateway (role vpn), a party of system both: what it did was not judged"
    assert told in " ".join(out.split())
    absent = [{"party": "gateway", "role": "vpn", "system": "both"}]
    for strict, expected in (((), (0, "conformant")), (("--strict",), (3, "inconclusive"))):
        code, out, _ = run(capsys, *words, *strict, "--format", "json")
        report = conforming("parties", out)
        assert ((code, report["verdict"]), report["absent"]) == (expected, absent)
    _, out, _ = run(capsys, "node.log", "gw.log", "--format", "json")
    assert conforming("parties", out)["absent"] == []


@pytest.mark.slow
def test_every_format_names_who_has_no_input(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON Lines did not, and formats for CI were refused; each has what is found at either party as well."""
    said = "no input of gateway (role vpn), a party of system both: what it did was not judged"
    alone, both = ("mute.log", "--party", "mute.log=mobile"), ("liar.log", "stray.log")

    def jsonl(*words: str) -> dict[str, Any]:
        out = run(capsys, *words, "--format", "jsonl")[1]
        lines: list[dict[str, Any]] = [conforming("jsonl", line) for line in out.splitlines()]
        assert [line["kind"] for line in lines].index("together") == len(lines) - 1
        return lines[-1]

    assert [a["party"] for a in jsonl(*alone)["absent"]] == ["gateway"]
    assert jsonl(*alone, "--strict")["verdict"] == "inconclusive"
    assert (jsonl(*both)["absent"], jsonl(*both)["parties"]) == ([], {"mobile": "violation", "gateway": "violation"})

    def junit(*words: str) -> list[tuple[str, str, str]]:
        root = ET.fromstring(run(capsys, *words, "--format", "junit")[1])
        cases = [(suite.get("name", ""), case) for suite in root for case in suite.iter("testcase")]
        return [(name, child.tag, child.get("message", "")) for name, case in cases for child in case]

    assert ("parties", "skipped", said) in junit(*alone)
    assert ("parties", "error", said) in junit(*alone, "--strict")
    assert [name for name, tag, _ in junit(*both) if tag == "failure"] == ["mobile: liar.log", "gateway: stray.log"]

    def sarif(*words: str) -> list[dict[str, Any]]:
        runs: list[dict[str, Any]] = json.loads(run(capsys, *words, "--format", "sarif")[1])["runs"]
        assert len({r["automationDetails"]["id"] for r in runs}) == len(runs)
        return runs

    (one,) = sarif(*alone)
    notes = one["invocations"][0]["toolExecutionNotifications"]
    assert [n["message"]["text"] for n in notes if n["descriptor"]["id"] == "absent"] == [said]
    found = [(r["properties"]["party"], [x["ruleId"] for x in r["results"]]) for r in sarif(*both)]
    assert found == [("mobile", ["N1"]), ("gateway", ["V1"])]

    assert said in run(capsys, *alone, "--format", "github")[1]
    lines = run(capsys, *both, "--format", "github")[1].splitlines()
    assert [line.split()[1].partition(",")[0] for line in lines[:2]] == ["file=liar.log", "file=stray.log"]
    assert lines[2].endswith("violation of 2 parties: mobile violation, gateway violation")


TWO_ROLES = "\nsystem before {\n  party mobile: vpn\n  party other: mn\n}\n"
"""A system in which a party of that name is something else."""


def test_a_name_that_systems_give_to_several_roles_is_that_of_the_log(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first system's was taken: counterexamples to claims about candidates with two systems could not be read back.
    Who says no role is a node, as ever; else the others tell, or the question is asked."""
    (here / "walk.spec").write_text(SYSTEM.replace("\nsystem both", TWO_ROLES + "\nsystem both"), "utf-8")
    told = ("--party", "mute.log=mobile")
    for words in (("node.log", "gw.log"), ("mute.log", "gw.log", *told)):
        code, out, _ = run(capsys, *words, "--format", "json")
        assert (code, {n: r["role"] for n, r in json.loads(out)["parties"].items()}) == (
            0, {"mobile": "mn", "gateway": "vpn"}
        )  # fmt: skip
    code, _, err = run(capsys, "mute.log", *told)
    assert code == 2 and "mobile is of role vpn or mn, in one system or another: name the role" in " ".join(err.split())
    stated = NODE.replace("party=mobile", "role=mn") + SENT
    (here / "mute.log").write_text(stated, "utf-8")
    code, out, _ = run(capsys, "mute.log", *told, "--format", "json")
    assert (code, [r["role"] for r in json.loads(out)["parties"].values()]) == (0, ["mn"])


def test_who_is_absent_is_so_in_a_system_that_has_all_others(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second system may have a third party, or none of those that there are inputs of."""
    third = "system three {" + CHANNEL + "  party beside: mn\n}\n"
    alone = "system alone {\n  party elsewhere: vpn\n}\n"
    for systems in (third, third.replace("party gateway", "party gate").replace("gateway.", "gate."), alone):
        (here / "walk.spec").write_text(SYSTEM + systems, "utf-8")
        _, out, _ = run(capsys, "node.log", "gw.log", "--format", "json")
        assert json.loads(out)["absent"] == []
    (here / "walk.spec").write_text(PARTIES + third, "utf-8")
    _, out, _ = run(capsys, "node.log", "gw.log", "--format", "json")
    assert json.loads(out)["absent"] == [{"party": "beside", "role": "mn", "system": "three"}]


def test_inputs_of_one_party_are_merged_as_ever(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "more.log").write_text(NODE.replace("1.0 eth0", "3.0 eth0"), "utf-8")
    code, out, _ = run(capsys, "node.log", "more.log", "--format", "json")
    assert code == 0
    assert "parties" not in json.loads(out)


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        ("site boot=true role=mn # role=vpn", "mn"),
        ('site boot=true role="vpn"', "vpn"),
        ("site\tboot=true\trole=vpn", "vpn"),
        ("\n  site boot=true role=vpn  # of ours", "vpn"),
    ],
)
def test_where_a_log_was_taken_is_read_as_its_site_is(
    line: str, taken: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    event = ARRIVED if taken == "vpn" else NODE.splitlines()[-1]
    (here / "said.log").write_text(f"mipcheck-trace 1\n{line}\n{event}", "utf-8")
    _, out, _ = run(capsys, "node.log", "said.log", "--format", "json")
    assert [r["role"] for r in json.loads(out)["parties"].values()] == ["mn", taken]


def test_a_role_of_the_site_file_is_not_overridden_without_a_word(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "site.toml").write_text('[site]\nrole = "vpn"\n', "utf-8")
    code, out, err = run(capsys, "node.log", "gw.log", "--config", "site.toml")
    assert (code, out.startswith("AT mobile (role mn)\n")) == (0, True)
    assert err == "warning: role=vpn of site.toml is not that of mobile (mn): each is judged by the rules of its own\n"
    assert run(capsys, "gw.log", "--party", "gw.log=gateway", "--config", "site.toml")[2] == ""


def test_a_site_file_that_can_be_read_once_is_read_for_all(capsys: pytest.CaptureFixture[str]) -> None:
    read, written = os.pipe()
    os.write(written, b'[parameters]\nt_stop = "7s"\n')
    os.close(written)
    try:
        main(
            [
                str(NODE_LOG),
                str(GATEWAY_LOG),
                "--party",
                f"{NODE_LOG}=mn",
                "--config",
                f"/dev/fd/{read}",
                "--format=json",
            ]
        )
    finally:
        os.close(read)
    reports = json.loads(capsys.readouterr().out)["parties"]
    assert {name: r["parameters"]["t_stop"] for name, r in reports.items()} == {"mn": "7s", "vpn": "7s"}


@pytest.mark.slow
def test_what_names_an_input_counts_where_that_is(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An offset is for a path or a name; a map for a path, a name, a pattern, or whatever needs one."""
    (here / "logs").mkdir()
    (here / "stray.log").rename(here / "logs" / "stray.log")
    for words, time in ((), 1.0), (("--offset", "stray.log=5"), 6.0):
        code, out, _ = run(capsys, "node.log", "logs/stray.log", "--format", "json", *words)
        found = json.loads(out)["parties"]
        assert (code, found["mobile"]["verdict"]) == (1, "conformant")
        assert [v["time"] for v in found["gateway"]["violations"]] == [time]
    log = ROOT / "traces" / "raw" / "charon.log"
    for given in ("charon,interface=wlan0", f"{log}=charon,interface=wlan0", "charon.log=charon", "ch*.log=charon"):
        assert main([str(log), str(GATEWAY_LOG), "--party", f"{log}=mn", "--map", given, "--format", "json"]) == 1
        found = json.loads(capsys.readouterr().out)["parties"]
        assert {name: len(r["inputs"]) for name, r in found.items()} == {"mn": 1, "vpn": 1}


def test_keys_of_a_file_open_what_a_party_has_captured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = ROOT / "traces" / "captures" / "late-reply.pcapng"
    site = capture.with_suffix(".toml")
    keys = keys_beside(site, tmp_path)
    words = (str(capture), str(GATEWAY_LOG), "--party", f"{capture}=mn", "--format", "json")
    main([*words, "--config", str(site)])
    known = json.loads(capsys.readouterr().out)["parties"]["mn"]["rules"]
    main([*words, "--config", str(tmp_path / "site.toml")])
    closed = json.loads(capsys.readouterr().out)["parties"]["mn"]["rules"]
    main([*words, "--config", str(tmp_path / "site.toml"), "--keys", str(keys)])
    assert json.loads(capsys.readouterr().out)["parties"]["mn"]["rules"] == known != closed


def test_an_input_is_given_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "node.log", "gw.log", "gw.log")
    assert (code, "given twice" in err) == (2, True)


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


BY_POWER = {
    "lost": ("invariant sent implies gateway.endpoint != 0.0.0.0", ""),
    "late": ("whenever gateway.arrives when over: id = newest", "delay"),
    "doubled": ("whenever gateway.arrives when over: false", "replay"),
    "altered": ("whenever gateway.arrives(id = newest): src = from", "alter"),
    "forged": ("whenever gateway.arrives: sent", "forge"),
}
"""What nobody can do who has not the power named beside it: of a network that loses, all but the first is true."""
GHOSTS = """
  ghost node { sent: bool = false  over: bool = false  newest: id = 0  from: address = 0.0.0.0 }
  on mobile.sends(dst = site.vpn) { sent := true; over := false; newest := id; from := src }
  on gateway.arrives(id = newest) { over := true }
"""


@pytest.mark.slow
def test_what_each_power_does_shows_at_both_ends(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lost, late, doubled, altered and forged: the prover says who can do it, and its logs of both ends are judged in
    one run, in which neither party breaks a rule and what one sent is not what the other received."""
    claims = ""
    for name, (claim, power) in BY_POWER.items():
        claims += f'property {name} "…" {claim}{f" against {power}" if power else ""}\n'
        claims += f'property {name}_not "…" {claim}\n' if power else ""
    channel = CHANNEL.replace("key esp", "")
    (here / "walk.spec").write_text(f"{PARTIES}system both {{{channel}{GHOSTS}{claims}}}", "utf-8")
    assert main(["prove", "--spec", "./walk.spec", "--logs", "found", "--no-needs", "--format", "json"]) == 1
    found = {p["name"]: p["result"] for p in json.loads(capsys.readouterr().out)["properties"]}
    assert {name for name, result in found.items() if result == "refuted"} == set(BY_POWER)
    assert {result for name, result in found.items() if name not in BY_POWER} == {"proved", "vacuous"}
    for name in BY_POWER:
        logs = [f"found/{name}.{party}.log" for party in ("mobile", "gateway")]
        code, out, _ = run(capsys, *logs, "--format", "json")
        parties = json.loads(out)["parties"]
        assert code in (0, 3) and list(parties) == ["mobile", "gateway"]
        sent, arrived = (_messages(Path(log), word) for log, word in zip(logs, ("sends", "arrives"), strict=True))
        told = {
            "lost": sent and not arrived,
            "late": arrived != sent and sorted(arrived) == sorted(sent),
            "doubled": len(arrived) > len(sent),
            "altered": {m[0] for m in arrived} <= {m[0] for m in sent} and not set(arrived) <= set(sent),
            "forged": arrived and not sent,
        }
        assert told[name], (name, sent, arrived)


def _messages(log: Path, word: str) -> list[tuple[str, ...]]:
    """The identifications and sources of what a party logged of this kind."""
    lines = [line.split() for line in log.read_text("utf-8").splitlines() if f" {word} " in line and line[0] != "#"]
    return [tuple(w for w in line if w.startswith(("id=", "src="))) for line in lines]
