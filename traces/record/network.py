"""Network namespaces, links and firewall. Everything lives in namespaces whose names begin with `mipcheck-`.

    mn ──eth0, wlan0── router ── iha, cn          (inside)
                          ├───── gw ──── router   (VPN gateway: one leg outside, one inside)
                          └───── xha              (outside)

The router is the internal router, the firewall with NAT, and the Internet. Its bridges `inside` and `outside` are
the access networks; moving means putting the far end of the node's interface into the other bridge.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from addresses import CORRESPONDENT, DOMAINS, ENTERPRISE, GATEWAY_INSIDE, IHA, IHOA, INTERNAL, PLACES, VPN, XHA, XHOA

PREFIX = "mipcheck-"
NAMESPACES = ("mn", "router", "iha", "xha", "gw", "cn")

# (namespace, its device, its address, the router's device, the router's address), all /24
_WIRES = (
    ("iha", "eth0", IHA, "to-iha", "10.1.0.1"),
    ("cn", "eth0", CORRESPONDENT, "to-cn", "10.1.5.1"),
    ("gw", "eth1", GATEWAY_INSIDE, "to-gw-in", "10.1.2.1"),
    ("gw", "eth0", VPN, "to-gw-out", "192.0.2.254"),
    ("xha", "eth0", XHA, "to-xha", "198.51.100.1"),
)
_FIREWALL = f"""
table inet filter {{
  chain lost {{
  }}
  chain forward {{
    type filter hook forward priority 0; policy drop;
    jump lost
    ct state established,related accept
    iifname {{ "inside", "to-iha", "to-cn", "to-gw-in" }} accept
    iifname {{ "outside", "to-gw-out", "to-xha" }} ip daddr != {INTERNAL} accept
  }}
}}
table inet edge {{
  chain output {{
    type filter hook output priority 0;
    ip saddr {PLACES["outside"]}.0/24 ip daddr {INTERNAL} drop
  }}
}}
table ip nat {{
  chain postrouting {{
    type nat hook postrouting priority srcnat;
    ip saddr {INTERNAL} ip daddr != {INTERNAL} masquerade
  }}
}}
"""


class Network:
    """A context manager: the network stands inside `with`, and nothing of it is left afterwards."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Network:
        if there := standing():
            raise RuntimeError(f"{', '.join(there)} exist: another recording is running, or one was killed (--clean)")
        try:
            self._build()
        except BaseException:
            self._destroy()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._destroy()

    def run(self, namespace: str, *command: str, stdin: str = "") -> None:
        """Run to the end inside a namespace."""
        whole = ["ip", "netns", "exec", PREFIX + namespace, *command]
        done = subprocess.run(whole, input=stdin, text=True, check=False, capture_output=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")

    def start(
        self, namespace: str, *command: str, log: str, env: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start in the background, to be ended with the network; what it prints goes to the file `log` in scratch."""
        settings = [f"{name}={value}" for name, value in (env or {}).items()]
        whole = ["ip", "netns", "exec", PREFIX + namespace, "env", *settings, *command]
        with (self._scratch / log).open("ab") as noise:
            process = subprocess.Popen(whole, stdin=subprocess.DEVNULL, stdout=noise, stderr=noise)
        self._processes.append(process)
        return process

    def python(self, namespace: str, script: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start one of the scripts beside this one."""
        return self.start(
            namespace, sys.executable, str(Path(__file__).with_name(script)), *arguments, log=script + ".log"
        )

    def tun(self, namespace: str, device: str, address: str, mtu: int) -> None:
        self._ip(namespace, "tuntap", "add", "dev", device, "mode", "tun")
        self._ip(namespace, "link", "set", device, "mtu", str(mtu), "up")
        if address:
            self._ip(namespace, "address", "add", f"{address}/32", "dev", device)

    def foreign_agent(self, place: str, homes: tuple[str, ...]) -> None:
        """Let the router be a foreign agent on an access network: what comes there from `homes` goes to its tunnel."""
        device, table = f"fa-{place}", "110"
        self.tun("router", device, "", 1460)
        self._ip("router", "route", "add", "default", "dev", device, "table", table)
        for home in homes:
            self._ip("router", "rule", "add", "priority", table, "from", home, "iif", place, "lookup", table)
        self.python("router", "foreign_agent.py", place, f"{PLACES[place]}.1", device)

    def plug(self, interface: str, place: str) -> None:
        """Connect an interface of the mobile node to an access network."""
        self._ip("router", "link", "set", "mn-" + interface, "master", place, "up")

    def unplug(self, interface: str) -> None:
        """The mobile node sees its carrier go."""
        self._ip("router", "link", "set", "mn-" + interface, "down", "nomaster")

    def lose(self) -> None:
        """The internal router drops what the access network sends to the i-HA."""
        rule = ("ip", "saddr", f"{PLACES['inside']}.0/24", "ip", "daddr", IHA, "drop")
        self.run("router", "nft", "add", "rule", "inet", "filter", "lost", *rule)

    def find(self) -> None:
        self.run("router", "nft", "flush", "chain", "inet", "filter", "lost")

    def _ip(self, namespace: str, *arguments: str) -> None:
        subprocess.run(["ip", "-n", PREFIX + namespace, *arguments], check=True)

    def _build(self) -> None:
        for namespace in NAMESPACES:
            subprocess.run(["ip", "netns", "add", PREFIX + namespace], check=True)
            self._ip(namespace, "link", "set", "lo", "up")
            # Packets come in by tunnels and leave by others, which reverse path filters would take for forged.
            quiet = ("net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0")
            shared = ("net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.default.send_redirects=0")
            forward = () if namespace in ("mn", "cn") else ("net.ipv4.ip_forward=1",)
            self.run(namespace, "sysctl", "-q", "-w", *quiet, *shared, *forward)
        for namespace, device, address, far, router in _WIRES:
            self._wire(namespace, device, far)
            self._ip(namespace, "address", "add", f"{address}/24", "dev", device)
            self._ip("router", "address", "add", f"{router}/24", "dev", far)
            if namespace != "gw":
                self._ip(namespace, "route", "add", "default", "via", router)
        self._ip("gw", "route", "add", "default", "via", "192.0.2.254")
        self._ip("gw", "route", "add", ENTERPRISE, "via", "10.1.2.1")
        for place, net in PLACES.items():
            self._ip("router", "link", "add", place, "type", "bridge")
            self._ip("router", "link", "set", place, "up")
            self._ip("router", "address", "add", f"{net}.1/24", "dev", place)
        for home, agent in ((f"{IHOA}/32", IHA), (f"{XHOA}/32", XHA), ("10.1.3.0/24", GATEWAY_INSIDE)):
            self._ip("router", "route", "add", home, "via", agent)
        self.run("router", "nft", "-f", "-", stdin=_FIREWALL)
        for interface in ("eth0", "wlan0"):
            self._wire("mn", interface, "mn-" + interface)
            self.unplug(interface)
        self._home_addresses()
        self._dhcp()

    def _wire(self, namespace: str, device: str, far: str) -> None:
        peer = ("peer", "name", far, "netns", PREFIX + "router")
        self._ip(namespace, "link", "add", "name", device, "type", "veth", *peer)
        self._ip(namespace, "link", "set", device, "up")
        self._ip("router", "link", "set", far, "up")

    def _home_addresses(self) -> None:
        """The node's home addresses live on tunnel devices, and what they send never leaves by another way."""
        for table, (device, address, mtu) in enumerate((("xmip", XHOA, 1460), ("imip", IHOA, 1280)), start=100):
            self.tun("mn", device, address, mtu)
            # Ahead of strongSwan's own rule (220), which would put user data into the VPN without i-MIP.
            self._ip("mn", "rule", "add", "priority", str(table), "from", address, "lookup", str(table))
            self._ip("mn", "route", "add", "default", "dev", device, "table", str(table))
            self._ip("mn", "route", "add", "unreachable", "default", "metric", "9999", "table", str(table))
        for namespace, home in (("iha", IHOA), ("xha", XHOA)):
            self.tun(namespace, "home", "", 1400)
            self._ip(namespace, "route", "add", f"{home}/32", "dev", "home")

    def _dhcp(self) -> None:
        for place, net in PLACES.items():
            options = (f"--interface={place}", f"--dhcp-range={net}.20,{net}.60,1h", f"--domain={DOMAINS[place]}")
            files = (f"--dhcp-leasefile={self._scratch / place}.leases", "--conf-file=/dev/null", "--pid-file=")
            common = ("--keep-in-foreground", "--port=0", "--bind-interfaces", "--no-ping", "--user=root")
            self.start("router", "dnsmasq", *common, *options, *files, log="dnsmasq.log")

    def _destroy(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        clean()


def standing() -> list[str]:
    """Our namespaces that exist."""
    return [PREFIX + name for name in NAMESPACES if Path("/run/netns", PREFIX + name).exists()]


def clean() -> None:
    """Remove our namespaces, with what still runs inside them."""
    for name in standing():
        pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False).stdout
        for pid in pids.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        subprocess.run(["ip", "netns", "delete", name], check=False)
