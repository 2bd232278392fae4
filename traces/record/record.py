#!/usr/bin/env python3
"""Record the captures in `traces/captures/`: plays scenarios in network namespaces and captures at the mobile node.

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
from pathlib import Path

import pcapng
from addresses import CORRESPONDENT, IHA, IHOA, INTERNAL, KEYS, PARAMETERS, PLACES, VPN, XHA, XHOA
from network import Network, clean
from scenarios import SCENARIOS, Scenario
from vpn import Vpn

CAPTURES = Path(__file__).resolve().parent.parent / "captures"
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
_HEADER = (
    "# What a correct checker says of each capture. `first` was found by record.py, from what the node did wrong.\n"
)


def record(scenario: Scenario, scratch: Path) -> tuple[bytes, str, dict[str, object]]:
    """(capture, site file, expectation) of one scenario, played in real time."""
    with Network(scratch) as network:
        network.python("iha", "home_agent.py", IHA, IHOA, "home", *map(str, KEYS["iha"]))
        network.python("xha", "home_agent.py", XHA, XHOA, "home", *map(str, KEYS["xha"]))
        network.python("cn", "correspondent.py", CORRESPONDENT)
        if scenario.agent:
            network.foreign_agent(scenario.agent, (IHOA, XHOA))
        vpn = Vpn(network, scratch, scenario.ike) if scenario.vpn else None
        if vpn:
            vpn.start()
        file = scratch / "raw.pcapng"
        tunnels = (*TUNNELS, VPN_TUNNEL) if vpn else TUNNELS
        devices = [part for name in ("eth0", "wlan0", *tunnels) for part in ("-i", name)]
        dumpcap = network.start("mn", "dumpcap", "-q", *devices, "-w", str(file), log="dumpcap.log")
        _wait_for(scratch / "dumpcap.log", "File:", dumpcap)
        diary = scratch / "diary.jsonl"
        settings = scratch / "node.json"
        settings.write_text(json.dumps(_settings(scenario, scratch, diary, vpn)), "utf-8")
        node = network.python("mn", "mobile_node.py", str(settings))
        _play(scenario, network)
        node.send_signal(signal.SIGTERM)
        node.wait(10)
        time.sleep(0.5)
        dumpcap.send_signal(signal.SIGINT)
        dumpcap.wait(10)
        keys = vpn.keys() if vpn else []
    capture = pcapng.anonymize(file.read_bytes())
    return capture, _site(scenario, tunnels, keys), _expectation(capture, diary, scratch)


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
        "keys": KEYS,
        "interfaces": ["eth0", "wlan0"],
        "leases": str(leases),
        "lease_script": str(script),
        "diary": str(diary),
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
    for agent, (spi, key) in KEYS.items():
        lines += ["", "[[mn_ha_key]]", f'agent = "{agent}"', f"spi = {spi}"]
        lines += ['algorithm = "hmac-md5"', f'key = "{key}"']
    for association in keys:
        lines += ["", "[[esp_sa]]"]
        lines += [f"{k} = {v:#010x}" if isinstance(v, int) else f'{k} = "{v}"' for k, v in association.items()]
    return "\n".join(lines) + "\n"


def _expectation(capture: bytes, diary: Path, scratch: Path) -> dict[str, object]:
    """From the node's own diary, so that the checker is not what says how the checker has to judge."""
    if not diary.exists():
        return {"verdict": "conformant"}
    wrong = [json.loads(line) for line in diary.read_text("utf-8").splitlines()]
    firsts = [(w, pcapng.first_from(capture, w["interface"], w["address"], w["since"])) for w in wrong]
    entry, frame = next((w, f) for w, f in firsts if f)
    broken = sorted({w["rule"] for w, f in firsts if f})
    first = {"rule": entry["rule"], "interface": entry["interface"], "frame": frame}
    return {"verdict": "violation", "broken": broken, "first": first}


def _write_expected(new: dict[str, dict[str, object]]) -> None:
    file = CAPTURES / "expected.toml"
    known = tomllib.loads(file.read_text("utf-8")) if file.exists() else {}
    known |= new
    text = _HEADER
    for scenario in SCENARIOS:
        if scenario.name in known:
            text += f"\n[{scenario.name}]\n"
            text += "".join(f"{key} = {_toml(value)}\n" for key, value in known[scenario.name].items())
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
    CAPTURES.mkdir(exist_ok=True)
    for scenario in chosen:
        print(f"{scenario.name}: {scenario.seconds:g} s", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="mipcheck-") as folder:
            try:
                capture, site, expected = record(scenario, Path(folder))
            finally:
                if options.keep:
                    sockets = shutil.ignore_patterns("*.vici")
                    shutil.copytree(folder, options.keep / scenario.name, ignore=sockets, dirs_exist_ok=True)
        (CAPTURES / f"{scenario.name}.pcapng").write_bytes(capture)
        (CAPTURES / f"{scenario.name}.toml").write_text(site, "utf-8")
        _write_expected({scenario.name: expected})
        print(f"  {pcapng.frames(capture)} frames, {len(capture)} bytes, {expected}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RuntimeError as problem:
        sys.exit(f"record.py: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)
