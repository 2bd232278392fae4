#!/usr/bin/env python3
"""Record the captures in `traces/captures/`: plays scenarios in network namespaces, and captures at the mobile node and
at the gateway and the agents. With --logs what the node's programs log meanwhile is kept beside its capture, in
`traces/raw/scenarios/`.

Run as root: record.py [SCENARIO ...]; README.md beside it says what has to be installed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import pcapng
from addresses import CORRESPONDENT, IHA, IHOA, INTERNAL, KEYS, PARAMETERS, PLACES, VPN, XHA, XHOA
from network import Network, clean
from scenarios import SCENARIOS, Scenario
from vpn import Vpn

CAPTURES = Path(__file__).resolve().parent.parent / "captures"
WITH_LOGS = CAPTURES.parent / "raw" / "scenarios"
TOOLS = ("ip", "nft", "dnsmasq", "udhcpc", "dumpcap", "sysctl")
VPN_TOOLS = ("swanctl", "charon-systemd")
TUNNELS = ("xmip", "imip")
VPN_TUNNEL = "ipsec0"

_LEASE_SCRIPT = """#!/bin/sh
# udhcpc's verdict, for the mobile node to act on.
if [ "$1" = bound ]; then
  echo "$ip $mask $router" > {leases}/$interface.new && mv {leases}/$interface.new {leases}/$interface
fi
"""
_HEADER = "# What a correct checker says of each capture. `first` was found by record.py, from what was done wrong.\n"


Recorded = tuple[bytes, str, dict[str, object]]
"""Capture, site file and expectation."""


def record(scenario: Scenario, scratch: Path) -> tuple[dict[str, Recorded], dict[str, str]]:
    """What one scenario comes to, by name of the capture, and the node's logs by kind. It is played in real time."""
    agents_diary = scratch / "iha.jsonl"
    with Network(scratch) as network:
        careless = [str(agents_diary)] if scenario.careless else []
        network.python("iha", "home_agent.py", IHA, IHOA, "home", *map(str, KEYS["iha"]), *careless)
        network.python("xha", "home_agent.py", XHA, XHOA, "home", *map(str, KEYS["xha"]))
        network.python("cn", "correspondent.py", CORRESPONDENT)
        if scenario.agent:
            network.foreign_agent(scenario.agent, (IHOA, XHOA))
        vpn = Vpn(network, scratch, scenario.ike) if scenario.vpn else None
        if vpn:
            vpn.start()
        tunnels = (*TUNNELS, VPN_TUNNEL) if vpn else TUNNELS
        places = {"mn": ("mn", ("eth0", "wlan0", *tunnels)), **_places(scenario)}
        captures = {place: _capture(network, scratch, place, *where) for place, where in places.items()}
        diary = scratch / "diary.jsonl"
        settings = scratch / "node.json"
        settings.write_text(json.dumps(_settings(scenario, scratch, diary, vpn)), "utf-8")
        network.start("mn", "ip", "-ts", "monitor", "link", "address", log="monitor.log", env={"TZ": "UTC"})
        node = network.python("mn", "mobile_node.py", str(settings))
        _play(scenario, network)
        node.send_signal(signal.SIGTERM)
        node.wait(10)
        time.sleep(0.5)
        for dumpcap in captures.values():
            dumpcap.send_signal(signal.SIGINT)
            dumpcap.wait(10)
        keys = vpn.keys() if vpn else []
    kept = {"monitor": scratch / "monitor.log", "node": scratch / "node.log", **({"charon": vpn.kept} if vpn else {})}
    logs = {kind: file.read_text("utf-8") for kind, file in kept.items()}
    files = {place: pcapng.anonymize((scratch / f"{place}.pcapng").read_bytes()) for place in places}
    node = files.pop("mn")
    found: dict[str, Recorded] = {scenario.name: (node, _site(scenario, tunnels, keys), _expectation(node, diary))}
    for place, capture in files.items():
        expected: dict[str, object] = {"verdict": "conformant"}
        if place == "iha":
            expected = _granted_wrongly(capture, agents_diary)
        found[f"{scenario.name}-at-{place}"] = capture, _site_of_device(scenario, place, keys), expected
    return found, logs


def _places(scenario: Scenario) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Where else is captured, by role: in which namespace, and on which devices."""
    known = {
        "iha": ("iha", ("eth0",)),
        "xha": ("xha", ("eth0",)),
        "vpn": ("gw", ("eth0", "eth1")),
        "fa": ("router", (scenario.agent, "to-iha", "to-xha")),
    }
    return {role: known[role] for role in scenario.at}


def _capture(
    network: Network, scratch: Path, place: str, namespace: str, devices: tuple[str, ...]
) -> subprocess.Popen[bytes]:
    """Begin to capture; returns when packets are being taken."""
    chosen = [part for name in devices for part in ("-i", name)]
    log = f"dumpcap.{place}.log"
    file = str(scratch / f"{place}.pcapng")
    dumpcap = network.start(namespace, "dumpcap", "-q", *chosen, "-w", file, log=log)
    _wait_for(scratch / log, "File:", dumpcap)
    return dumpcap


def _play(scenario: Scenario, network: Network) -> None:
    began = time.monotonic()
    traffic = network.python("mn", "traffic.py", IHOA, CORRESPONDENT)
    for at, action, what in scenario.steps:
        time.sleep(max(0.0, began + at - time.monotonic()))
        print(f"  {at:4.1f} s  {action} {what}", file=sys.stderr)
        getattr(network, action)(*what.split())
    time.sleep(max(0.0, began + scenario.seconds - time.monotonic()))
    traffic.terminate()


def _settings(scenario: Scenario, scratch: Path, diary: Path, vpn: Vpn | None) -> dict[str, object]:
    leases = scratch / "node-leases"
    leases.mkdir()
    script = scratch / "lease.sh"
    script.write_text(_LEASE_SCRIPT.format(leases=leases), "ascii")
    script.chmod(0o755)
    return {
        "iha": IHA,
        "xha": XHA,
        "ihoa": IHOA,
        "xhoa": XHOA,
        "keys": {**KEYS, "iha": (KEYS["iha"][0], "another-i-ha-key")} if scenario.careless else KEYS,
        "interfaces": ["eth0", "wlan0"],
        "leases": str(leases),
        "lease_script": str(script),
        "diary": str(diary),
        "log": str(scratch / "node.log"),
        "swanctl": vpn.socket if vpn else "",
        "goes_on": scenario.goes_on,
        "trusts_others": scenario.trusts_others,
        "foreign_agent": bool(scenario.agent),
        **PARAMETERS,
    }


def _wait_for(log: Path, word: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        if log.exists() and word in log.read_text("utf-8", "replace"):
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"no {word!r} in {log.name}: {log.read_text('utf-8', 'replace')}")


def _site(scenario: Scenario, tunnels: tuple[str, ...], keys: list[dict[str, str | int]]) -> str:
    """The site file, with all keys."""
    lines = [f"# {scenario.tells}", "[site]", 'role = "mn"']
    addresses = {"iha": IHA, "xha": XHA, "vpn": VPN, "ihoa": IHOA, "xhoa": XHOA}
    lines += [f'{name} = "{address}"' for name, address in addresses.items()]
    if scenario.agent:
        lines.append(f'fa = ["{PLACES[scenario.agent]}.1"]')
    lines += [f'internal = ["{INTERNAL}"]', f"tunnels = {json.dumps(tunnels)}", "", "[parameters]"]
    lines += [f'{name} = "{value:g}s"' for name, value in PARAMETERS.items()]
    secrets = {**KEYS, "iha": (KEYS["iha"][0], "another-i-ha-key")} if scenario.careless else KEYS
    lines += [line for agent in secrets for line in _mn_ha_key(agent, *secrets[agent])]
    return "\n".join([*lines, *_associations(keys)]) + "\n"


def _site_of_device(scenario: Scenario, role: str, keys: list[dict[str, str | int]]) -> str:
    """The site file of a gateway or an agent, which knows what it has to: its own keys, and nothing of the nodes.

    Nobody was registered before the recording began, which is what `boot` says.
    """
    lines = [f"# {scenario.tells}", "[site]", f'role = "{role}"', "boot = true"]
    known = {"vpn": ("vpn", "iha"), "xha": ("xha", "vpn"), "iha": ("iha",), "fa": ("iha", "xha")}
    addresses = {"iha": IHA, "xha": XHA, "vpn": VPN}
    lines += [f'{name} = "{addresses[name]}"' for name in known[role]]
    if role == "fa":
        lines.append(f'fa = ["{PLACES[scenario.agent]}.1"]')
    lines.append(f'internal = ["{INTERNAL}"]')
    if role in KEYS:
        lines += _mn_ha_key(role, *KEYS[role])
    return "\n".join([*lines, *(_associations(keys) if role == "vpn" else ())]) + "\n"


def _mn_ha_key(agent: str, spi: int, key: str) -> list[str]:
    lines = ["", "[[mn_ha_key]]", f'agent = "{agent}"', f"spi = {spi}"]
    return [*lines, 'algorithm = "hmac-md5"', f'key = "{key}"']


def _associations(keys: list[dict[str, str | int]]) -> list[str]:
    lines = []
    for association in keys:
        lines += ["", "[[esp_sa]]"]
        lines += [f"{k} = {v:#010x}" if isinstance(v, int) else f'{k} = "{v}"' for k, v in association.items()]
    return lines


def _granted_wrongly(capture: bytes, diary: Path) -> dict[str, object]:
    """From the diary of the i-HA: the first reply that grants what it should have denied."""
    if not diary.exists():
        return {"verdict": "conformant"}
    entry = json.loads(diary.read_text("utf-8").splitlines()[0])
    frame = pcapng.first_reply(capture, IHA, entry["since"])
    first = {"rule": entry["rule"], "interface": "eth0", "frame": frame}
    return {"verdict": "violation", "broken": [entry["rule"]], "first": first}


def _expectation(capture: bytes, diary: Path) -> dict[str, object]:
    """From the node's own diary, so that the checker is not what says how the checker has to judge."""
    if not diary.exists():
        return {"verdict": "conformant"}
    wrong = [json.loads(line) for line in diary.read_text("utf-8").splitlines()]
    firsts = [(w, pcapng.first_from(capture, w["interface"], w["address"], w["since"])) for w in wrong]
    entry, frame = next((w, f) for w, f in firsts if f)
    broken = sorted({w["rule"] for w, f in firsts if f})
    first = {"rule": entry["rule"], "interface": entry["interface"], "frame": frame}
    return {"verdict": "violation", "broken": broken, "first": first}


def _write_expected(folder: Path, new: dict[str, dict[str, object]]) -> None:
    file = folder / "expected.toml"
    known = tomllib.loads(file.read_text("utf-8")) if file.exists() else {}
    known |= new
    text = _HEADER
    for name in (n for s in SCENARIOS for n in (s.name, *(f"{s.name}-at-{place}" for place in s.at))):
        if name in known:
            text += f"\n[{name}]\n"
            text += "".join(f"{key} = {_toml(value)}\n" for key, value in known[name].items())
    file.write_text(text, "utf-8")


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    return json.dumps(value)


def main() -> int:
    names = [s.name for s in SCENARIOS]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("scenario", nargs="*", help=f"of {', '.join(names)}; all if none is given")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep logs there (strongSwan's hold keys)")
    parser.add_argument("--logs", action="store_true", help="record at the node alone, with the logs of its programs")
    parser.add_argument("--clean", action="store_true", help="remove what a killed recording left, and do nothing else")
    options = parser.parse_args()
    chosen = [s for s in SCENARIOS if not options.scenario or s.name in options.scenario]
    if unknown := set(options.scenario) - set(names):
        parser.error(f"no scenario {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if os.geteuid():
        parser.error("has to be run as root: it makes network namespaces")
    if options.clean:
        clean()
        return 0
    tools = TOOLS + (VPN_TOOLS if any(s.vpn for s in chosen) else ())
    if missing := [tool for tool in tools if not shutil.which(tool)]:
        parser.error(f"not installed: {', '.join(missing)} (README.md names the packages)")
    # So that namespaces are removed also when somebody ends us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = WITH_LOGS if options.logs else CAPTURES
    folder.mkdir(exist_ok=True)
    for scenario in chosen:
        print(f"{scenario.name}: {scenario.seconds:g} s", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="mipcheck-") as scratch:
            try:
                recorded, logs = record(replace(scenario, at=()) if options.logs else scenario, Path(scratch))
            finally:
                if options.keep:
                    sockets = shutil.ignore_patterns("*.vici")
                    shutil.copytree(scratch, options.keep / scenario.name, ignore=sockets, dirs_exist_ok=True)
        for kind, text in logs.items() if options.logs else ():
            (folder / f"{scenario.name}.{kind}.log").write_text(text, "utf-8")
        for name, (capture, site, expected) in recorded.items():
            (folder / f"{name}.pcapng").write_bytes(capture)
            (folder / f"{name}.toml").write_text(site, "utf-8")
            _write_expected(folder, {name: expected})
            print(f"  {name}: {pcapng.frames(capture)} frames, {len(capture)} bytes, {expected}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RuntimeError as problem:
        sys.exit(f"record.py: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)
