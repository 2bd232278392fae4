"""What was captured at a gateway and at agents agrees with the node's own capture of the same run, packet by packet.

The network of `traces/record/` loses nothing that its scenarios do not lose, so that numbers have to be the same.
"""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from mipcheck.checker.capture.node.knowledge import dotted
from mipcheck.checker.check.check import check
from mipcheck.checker.cli.main import main
from mipcheck.checker.inputs.read import read_trace
from mipcheck.checker.inputs.trace import Trace
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.model.specification.load import load
from mipcheck.model.values.event import Event

from making.paths import CAPTURES

ROLES = ("vpn", "iha", "xha", "fa")
NAMES = tuple(tomllib.loads((CAPTURES / "expected.toml").read_text("utf-8")))
AT_DEVICES = {name: name.rpartition("-at-")[::2] for name in NAMES if "-at-" in name}
LOW = 0xFFFFFFFF


@cache
def trace_of(name: str) -> Trace:
    config = str(CAPTURES / f"{name}.toml")
    return read_trace([str(CAPTURES / f"{name}.pcapng")], vocabulary_of(load("draft-01")), config)


def events_of(name: str) -> list[Event]:
    return list(trace_of(name).events)


def named(role: str) -> list[tuple[str, str]]:
    return [(name, run) for name, (run, at) in AT_DEVICES.items() if at == role]


def count(name: str, kind: str, **keys: object) -> int:
    return sum(e.kind == kind and all(e.args.get(k) == v for k, v in keys.items()) for e in events_of(name))


def ids(name: str, kind: str, fits: Callable[[Event], bool] = lambda event: True) -> list[int]:
    found = (e for e in events_of(name) if e.kind == kind and fits(e))
    return sorted(int(e.args["id"]) & LOW for e in found if isinstance(e.args["id"], int))


def user_data(run: str, direction: str, protection: str | None = None) -> int:
    return sum(
        e.kind == "data"
        and e.args["dir"] == direction
        and "scope" not in e.args
        and protection in (None, e.args["protection"])
        for e in events_of(run)
    )


def test_every_role_was_recorded() -> None:
    assert {at for _, at in AT_DEVICES.values()} == set(ROLES)


@pytest.mark.parametrize("agent", ["iha", "xha"])
def test_home_agents_are_asked_and_answer_what_the_node_asks_and_is_answered(agent: str) -> None:
    for name, run in named(agent):
        answered = ids(run, "rrp", lambda e: e.args["from"] == agent and e.args["code"] == 0)
        assert answered == ids(name, "rrp", lambda e: e.args["code"] == 0), name
        asked = ids(run, "rrq", lambda e: e.args["to"] == agent)
        reached = ids(name, "rrq")
        assert set(answered) <= set(reached) <= set(asked), name


def test_home_agents_forward_what_the_node_sends_and_tunnel_what_it_gets() -> None:
    for name, run in named("iha"):
        assert count(name, "forward") == user_data(run, "out"), name
        assert count(name, "tunnel") == user_data(run, "in"), name
        addresses = {e.args["addr"] for e in events_of(run) if e.kind == "coa"}
        inner = {e.args["tia"] for e in events_of(run) if e.kind == "sa" and "tia" in e.args}
        assert {e.args["coa"] for e in events_of(name) if e.kind == "tunnel"} <= addresses | inner, name


def test_the_gateway_passes_on_what_the_node_sends_in_esp() -> None:
    for name, run in named("vpn"):
        registrations = count(run, "rrq", path="vpn")
        assert registrations == count(name, "rrq") > 0
        sent = user_data(run, "out", "esp") + registrations
        assert count(name, "relay", **{"from": "node"}) == count(name, "packet", auth="ok") == sent, name
        got = user_data(run, "in", "esp") + count(run, "rrp", path="vpn")
        assert count(name, "relay", to="node") == got, name
        assert ids(name, "rrq") == ids(run, "rrq", lambda e: e.args["path"] == "vpn"), name
        assert ids(name, "rrp") == ids(run, "rrp", lambda e: e.args["path"] == "vpn"), name


def test_the_gateway_sees_the_exchange_that_the_node_begins() -> None:
    for name, run in named("vpn"):
        (up,) = (e for e in events_of(name) if e.kind == "sa")
        (started,) = (e for e in events_of(run) if e.kind == "ike" and e.args["phase"] == "start")
        assert (up.args["peer"], up.args["features"]) == (started.args["src"], frozenset()), name
        assert count(name, "offer") == count(name, "answer") == 1


def test_the_external_agent_carries_the_vpn() -> None:
    """All that passes between the node and the gateway goes through it: ESP, and messages of the key exchange."""
    for name, run in named("xha"):
        sent = count(run, "rrq", path="vpn") + user_data(run, "out", "esp")
        got = count(run, "rrp", path="vpn") + user_data(run, "in", "esp")
        came, went = count(name, "packet", how="wrapped"), count(name, "send")
        assert came == count(name, "pass", how="unwrapped") > sent > 0 and went > got > 0, name
        assert came - sent + went - got == trace_of(run).inputs[0].set_aside["key exchange"], name


def test_the_foreign_agent_passes_on_what_the_node_sends_and_gets() -> None:
    for name, run in named("fa"):
        assert count(name, "advert") >= count(run, "advert") > 0
        direct = [e for e in events_of(run) if e.kind == "rrq" and e.args["path"] == "direct"]
        asked = [(e.args["to"], e.args["id"]) for e in direct]
        assert asked == [(e.args["to"], e.args["id"]) for e in events_of(name) if e.kind == "rrq"], name
        answered = ids(run, "rrp", lambda e: e.args["path"] == "direct" and e.args["code"] == 0)
        assert answered == ids(name, "rrp", lambda e: e.args["code"] == 0), name
        if run == "inside-f":
            assert count(name, "relay", what="data", to="ha") == user_data(run, "out")
            assert count(name, "relay", what="data", to="node") == user_data(run, "in")


def test_two_agents_on_the_way_carry_the_same_packets() -> None:
    """The x-HA gets all that the foreign agent tunnels to it, key exchange too, and the other way round."""
    (run,) = (run for _, run in named("fa") if (f"{run}-at-xha", run) in named("xha"))
    assert count(f"{run}-at-fa", "relay", what="data", to="ha") == count(f"{run}-at-xha", "packet") > 0
    assert count(f"{run}-at-fa", "relay", what="data", to="node") == count(f"{run}-at-xha", "send") > 0


def fields(tshark: str, name: str, show: str, *wanted: str) -> list[list[str]]:
    """Return fields of each frame that matches, as tshark reads them."""
    command = [tshark, "-r", str(CAPTURES / f"{name}.pcapng"), "-Y", show, "-T", "fields"]
    options = [option for field in wanted for option in ("-e", field)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_tshark_finds_the_same_registrations(tshark: str) -> None:
    """An independent decoder, and a filter in place of our reading."""
    for name, (_, at) in AT_DEVICES.items():
        if at not in ("iha", "xha"):
            continue
        own = dotted(next(iter(a for n, a in _addresses(name).items() if n == at)))
        for kind, where in (("rrq", f"mip.type==1 && ip.dst=={own}"), ("rrp", f"mip.type==3 && ip.src=={own}")):
            rows = fields(tshark, name, where, "frame.number", "mip.life")
            told = [e for e in events_of(name) if e.kind == kind]
            assert [(e.at.frame, e.args["lifetime"]) for e in told] == [(int(f), int(life)) for f, life in rows], name


@pytest.mark.slow
def test_tshark_finds_the_same_packets_in_tunnels(tshark: str) -> None:
    for name, _ in named("iha"):
        (own,) = (dotted(a) for n, a in _addresses(name).items() if n == "iha")
        rows = fields(tshark, name, f"ip.proto==4 && ip.src=={own}", "frame.number", "ip.dst")
        told = [e for e in events_of(name) if e.kind == "tunnel"]
        assert [e.at.frame for e in told] == [int(frame) for frame, _ in rows], name
        assert [f"{dotted(int(str(e.args['coa'])))},{dotted(int(str(e.args['home'])))}" for e in told] == [
            ends for _, ends in rows
        ]


def _addresses(name: str) -> dict[str, int]:
    words = vocabulary_of(load("draft-01"))
    path = Path(CAPTURES / f"{name}.pcapng")
    return dict(read_trace([str(path)], words, str(path.with_suffix(".toml"))).site.addresses)


@pytest.mark.parametrize("name", AT_DEVICES)
def test_the_log_of_a_capture_gets_its_verdict(name: str, tmp_path: Path) -> None:
    capture, config = str(CAPTURES / f"{name}.pcapng"), str(CAPTURES / f"{name}.toml")
    log = tmp_path / "converted.log"
    assert main(["convert", capture, "--config", config, "-o", str(log)]) == 0
    first, second = check([capture], config=config), check([str(log)])
    assert (first.verdict, first.nodes) == (second.verdict, second.nodes)
    assert [(r.id, r.status, r.kept, r.broken) for r in first.rules] == [
        (r.id, r.status, r.kept, r.broken) for r in second.rules
    ]
