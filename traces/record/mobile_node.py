"""A small mobile node that detects the internal network by registering with both home agents at once.

It notices carrier changes, gets addresses by DHCP or from a foreign agent, registers, re-registers, and carries its
user's packets in IP-in-IP or as they are, directly or through strongSwan's tunnel on top of the external Mobile IP
layer. What it notices and concludes it writes to its log, as daemons do. Two deliberate faults can be switched on; what
they break, and from when on, it writes to its diary for `record.py`.

Run inside a network namespace: mobile_node.py SETTINGS.json; it leaves in order on SIGTERM.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tunnel import Link, Port, datagram, destination, icmp_packet, open_tun, source
from wire import ACCEPTED, D_FLAG, IP_IN_IP, PORT, T_FLAG, TUNNEL_HEADER, Reply, Request, Security, timestamp

TICK = 0.01
RETRANSMIT = 1.0
"""RFC 3344 section 3.6.3 allows no less."""
TRANSMISSIONS = 3
"""Of a re-registration, before it has failed: 3 s and thrice 1 s stay below t_stop."""
DIRECT_LIFETIME, EXTERNAL_LIFETIME = 60, 600
_ALL_AGENTS, _ALL_AGENTS_MAC = "224.0.0.11", bytes.fromhex("01005e00000b")
SEARCH_EVERY = 2.0
"""Seconds between attempts at the i-HA when outside; minutes in earnest, but a recording is short."""


@dataclass
class Interface:
    """One network interface and what is known of it since its connection status last changed."""

    name: str
    carrier: bool = False
    dhcp: subprocess.Popen[bytes] | None = None
    address: str = ""
    agent: bytes = b""
    """Link address of the foreign agent whose address this is, if it is one's."""
    inside: bool = False
    confirmed: float = 0.0
    """When the request was sent that the i-HA accepted last."""
    due: float = 0.0
    """When the i-HA is to be asked next."""
    tries: int = 0
    external: bool = False
    """The x-HA has a registration through here."""
    external_due: float = 0.0
    external_since: float = 0.0
    external_tunnel: bool = False
    """The x-HA sees a NAT, and both sides tunnel in UDP."""
    outside: bool = False
    """The detection period has passed without the i-HA."""
    asked: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Agent → identification and sending time of the newest request."""
    leaked_until: float = 0.0

    def forget(self) -> None:
        """A connection status change voids everything."""
        vars(self).update(vars(Interface(self.name, self.carrier)))


class MobileNode:
    """One node; everything happens in one loop."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._set = settings
        self._iha, self._xha = settings["iha"], settings["xha"]
        self._ihoa, self._xhoa = settings["ihoa"], settings["xhoa"]
        self._keys = {agent: Security(*settings["keys"][agent]) for agent in ("iha", "xha")}
        self._interfaces = {name: Interface(name) for name in settings["interfaces"]}
        self._signalling = Port(udp=PORT)
        self._ipip = Port(protocol=IP_IN_IP)
        self._imip, self._xmip = open_tun("imip"), open_tun("xmip")
        names = settings["interfaces"] if settings["foreign_agent"] else []
        self._links = {name: Link(name) for name in names}
        self._vpn_job: subprocess.Popen[bytes] | None = None
        self._vpn_on: Interface | None = None
        self._tia = ""
        self._vpn_asked = (0, 0.0)
        self._registered_through_vpn = False
        self._leaving = False
        self._turn = 0

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self._leave)
        while not self._leaving:
            self._turn_once()
        self._say_goodbye()

    def _leave(self, *_: object) -> None:
        self._leaving = True

    def _turn_once(self) -> None:
        sources: list[Port | Link | int] = [self._signalling, self._ipip, self._imip, self._xmip, *self._links.values()]
        for ready in select.select(sources, [], [], TICK)[0]:
            if ready is self._signalling:
                self._on_udp(*self._signalling.receive())
            elif ready is self._ipip:
                packet, (source, _), name = self._ipip.receive()
                self._on_tunnelled(packet[(packet[0] & 15) * 4 :], source, name)
            elif ready == self._imip:
                self._user_sends(os.read(self._imip, 65535))
            elif ready == self._xmip:
                self._external_sends(os.read(self._xmip, 65535))
            else:
                name = next(name for name, link in self._links.items() if ready is link)
                self._on_link(self._interfaces[name], *self._links[name].receive())
        for interface in self._interfaces.values():
            self._watch_link(interface)
            if interface.address and not self._leaving:
                self._tend(interface)
        self._tend_vpn()

    # Links and addresses.

    def _watch_link(self, interface: Interface) -> None:
        carrier = Path(f"/sys/class/net/{interface.name}/carrier").read_text("ascii").strip() == "1"
        if carrier != interface.carrier:
            interface.carrier = carrier
            if interface.dhcp:
                interface.dhcp.kill()
                interface.dhcp.wait()
                interface.dhcp = None
            interface.forget()
            self._say(interface, f"carrier {'on' if carrier else 'off'}")
            _ip("address", "flush", "dev", interface.name, "scope", "global")
            if carrier and self._links:
                self._links[interface.name].send(icmp_packet(self._ihoa, _ALL_AGENTS, 10, bytes(4)), _ALL_AGENTS_MAC)
            elif carrier:
                command = ["udhcpc", "-i", interface.name, "-s", self._set["lease_script"], "-q", "-n", "-f"]
                quick = ["-t", "5", "-T", "1", "-A", "1"]
                quiet = subprocess.DEVNULL
                interface.dhcp = subprocess.Popen(command + quick, stdout=quiet, stderr=quiet)
        elif interface.dhcp and interface.dhcp.poll() is not None:
            interface.dhcp = None
            lease = Path(self._set["leases"], interface.name)
            if lease.exists():
                address, prefix, router = lease.read_text("ascii").split()
                lease.unlink()
                _ip("address", "add", f"{address}/{prefix}", "dev", interface.name)
                metric = "100" if interface.name == "eth0" else "200"
                _ip("route", "replace", "default", "via", router, "dev", interface.name, "metric", metric)
                interface.address = address
                self._detect(interface)

    def _on_link(self, interface: Interface, packet: bytes, mac: bytes) -> None:
        """The first advertisement of a foreign agent gives the interface its care-of address."""
        start = (packet[0] & 15) * 4 if source(packet) else 0
        if start and packet[9] == 1 and packet[start] == 9 and interface.carrier and not interface.address:
            interface.address, interface.agent = source(packet), mac
            self._detect(interface)

    # Detection and monitoring.

    def _detect(self, interface: Interface) -> None:
        """Ask both home agents at once, and again until they answer.

        The x-HA first: the i-HA may answer before the second request has left, and then it must not leave any more.
        """
        self._say(interface, f"detection begins with {interface.address}")
        interface.inside = interface.outside = interface.external = False
        interface.tries = 0
        self._ask(interface, "xha", EXTERNAL_LIFETIME)
        self._ask(interface, "iha", DIRECT_LIFETIME)

    def _ask(self, interface: Interface, agent: str, lifetime: int) -> None:
        identification, now = timestamp(), time.time()
        home, address = (self._ihoa, self._iha) if agent == "iha" else (self._xhoa, self._xha)
        flags = T_FLAG if interface.agent else D_FLAG | T_FLAG
        request = Request(home, address, interface.address, lifetime, identification, flags, not interface.agent)
        interface.asked[agent] = (identification, now)
        if agent == "iha":
            interface.due = now + RETRANSMIT
        else:
            interface.external_due = now + RETRANSMIT
        message = request.encode(self._keys[agent])
        if interface.agent:
            self._bare(interface, datagram(home, PORT, interface.address, PORT, message))
        else:
            self._signalling.send(message, interface.address, (address, PORT), interface.name)

    def _tend(self, interface: Interface) -> None:
        now = time.time()
        if interface.inside:
            if now < interface.due:
                return
            if interface.tries < TRANSMISSIONS:
                interface.tries += 1
                self._ask(interface, "iha", DIRECT_LIFETIME)
            else:
                self._lost(interface)
            return
        if now >= interface.due:
            self._ask(interface, "iha", DIRECT_LIFETIME)
            if interface.outside:
                interface.due = now + SEARCH_EVERY
        if not interface.external:
            if now >= interface.external_due:
                self._ask(interface, "xha", EXTERNAL_LIFETIME)
        elif not interface.outside and now >= interface.external_since + self._set["t_detection"]:
            interface.outside = True
            self._say(interface, "concluded to be outside")
            self._begin_vpn(interface)

    def _lost(self, interface: Interface) -> None:
        """Re-registration has failed: no more plaintext, detection again."""
        self._say(interface, "re-registration has failed")
        if seconds := self._set["goes_on"]:
            interface.leaked_until = time.time() + seconds
            self._write("M2", interface, interface.confirmed + self._set["t_stop"])
        self._detect(interface)

    def _on_udp(self, message: bytes, sender: tuple[str, int], name: str) -> None:
        if message[:4] == TUNNEL_HEADER:
            self._on_tunnelled(message[4:], sender[0], name)
            return
        reply = Reply.decode(message)
        if reply is None or reply.code != ACCEPTED:
            return
        agent = "iha" if reply.agent == self._iha else "xha"
        if not self._keys[agent].verifies(message):
            return
        if name not in self._interfaces:
            if reply.id == self._vpn_asked[0]:
                self._registered_through_vpn = reply.lifetime > 0
            return
        interface = self._interfaces[name]
        identification, sent = interface.asked.get(agent, (0, 0.0))
        if reply.id != identification or not reply.lifetime:
            return
        if agent == "iha":
            self._is_inside(interface, sent)
        else:
            self._x_answered(interface, reply.udp_tunnel)

    def _is_inside(self, interface: Interface, sent: float) -> None:
        if not interface.inside:
            self._say(interface, "concluded to be inside")
        interface.inside, interface.outside, interface.tries = True, False, 0
        interface.confirmed, interface.due = sent, sent + self._set["t_reregister"]
        interface.leaked_until = 0.0
        interface.asked.pop("iha")
        if self._vpn_on is interface:
            self._end_vpn()
        elif interface.external:
            self._leave_x(interface)

    def _x_answered(self, interface: Interface, udp_tunnel: bool) -> None:
        interface.asked.pop("xha")
        interface.external, interface.external_tunnel = True, udp_tunnel
        interface.external_since = time.time()
        if interface.inside and self._vpn_on is not interface:
            self._leave_x(interface)

    def _leave_x(self, interface: Interface) -> None:
        self._ask(interface, "xha", 0)
        interface.external = False

    # The VPN.

    def _begin_vpn(self, interface: Interface) -> None:
        if self._set["swanctl"] and self._vpn_on in (None, interface):
            self._vpn_on = interface
            if not self._tia:
                self._vpn_job = self._swanctl("--initiate", "--child", "enterprise", "--timeout", "10")

    def _swanctl(self, *arguments: str) -> subprocess.Popen[bytes]:
        quiet = subprocess.DEVNULL
        return subprocess.Popen(["swanctl", *arguments, "--uri", self._set["swanctl"]], stdout=quiet, stderr=quiet)

    def _end_vpn(self) -> None:
        """Take the tunnel down; the external registration goes when that is done, for it carries the farewell."""
        if self._vpn_job and self._vpn_job.poll() is None:
            self._vpn_job.kill()
            self._vpn_job.wait()
        self._tia, self._registered_through_vpn = "", False
        self._vpn_job = self._swanctl("--terminate", "--ike", "enterprise", "--force", "--timeout", "2")

    def _tend_vpn(self) -> None:
        if self._vpn_job and self._vpn_job.poll() is not None:
            self._vpn_job = None
            on = self._vpn_on
            if on is None or on.inside or self._leaving:
                self._vpn_on = None
                if on and on.external:
                    self._leave_x(on)
            else:
                self._tia = _address_of("ipsec0")
                if not self._tia:
                    self._begin_vpn(on)
        if self._tia and not self._registered_through_vpn and time.time() >= self._vpn_asked[1] + RETRANSMIT:
            self._ask_through_vpn(EXTERNAL_LIFETIME)

    def _ask_through_vpn(self, lifetime: int) -> None:
        self._vpn_asked = (timestamp(), time.time())
        request = Request(self._ihoa, self._iha, self._tia, lifetime, self._vpn_asked[0])
        self._signalling.send(request.encode(self._keys["iha"]), self._tia, (self._iha, PORT))

    # Packets.

    def _user_sends(self, packet: bytes) -> None:
        if not destination(packet):
            return
        if interface := self._plaintext_way():
            if interface.agent:
                self._bare(interface, packet)
            else:
                self._ipip.send(packet, interface.address, (self._iha, 0), interface.name)
        elif self._registered_through_vpn and self._vpn_on and self._vpn_on.external and not self._leaving:
            self._ipip.send(packet, self._tia, (self._iha, 0))

    def _plaintext_way(self) -> Interface | None:
        """Where user data may go in the clear; with a fault, where it may not."""
        if self._leaving:
            return None
        now = time.time()
        ways = [i for i in self._interfaces.values() if i.inside or now < i.leaked_until]
        if ways and self._set["trusts_others"]:
            for other in self._interfaces.values():
                if other.external and not other.inside:
                    if not other.leaked_until:
                        self._write("I1", other, now)
                        other.leaked_until = now
                    ways.append(other)
        self._turn += 1
        return ways[self._turn % len(ways)] if ways else None

    def _external_sends(self, packet: bytes) -> None:
        interface = self._vpn_on
        if interface is None or not interface.external or not destination(packet):
            return
        if interface.agent:
            self._bare(interface, packet)
        elif interface.external_tunnel:
            self._signalling.send(TUNNEL_HEADER + packet, interface.address, (self._xha, PORT), interface.name)
        else:
            self._ipip.send(packet, interface.address, (self._xha, 0), interface.name)

    def _bare(self, interface: Interface, packet: bytes) -> None:
        """To the foreign agent, as it is; what it sends back, the kernel takes: home addresses are its own."""
        self._links[interface.name].send(packet, interface.agent)

    def _on_tunnelled(self, inner: bytes, source: str, name: str) -> None:
        target = destination(inner)
        if source == self._xha and target == self._xhoa:
            os.write(self._xmip, inner)
        elif source == self._iha and target == self._ihoa:
            interface = self._interfaces.get(name)
            if self._registered_through_vpn if interface is None else interface.inside:
                os.write(self._imip, inner)

    # The end.

    def _say_goodbye(self) -> None:
        """No more data; then take registrations and tunnel down, from the inside out."""
        self._wait(0.3)
        if self._registered_through_vpn:
            self._ask_through_vpn(0)
            self._wait(0.3)
        for interface in self._interfaces.values():
            if interface.inside:
                self._ask(interface, "iha", 0)
        if self._tia and self._vpn_on:
            self._end_vpn()
            self._wait(0.6)
        for interface in self._interfaces.values():
            if interface.external:
                self._leave_x(interface)
        self._wait(0.3)

    def _wait(self, seconds: float) -> None:
        until = time.time() + seconds
        while time.time() < until:
            self._turn_once()

    def _say(self, interface: Interface, text: str) -> None:
        """A line of its log, as a syslog server keeps it."""
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        with Path(self._set["log"]).open("a", encoding="utf-8") as log:
            log.write(f"{now} mn mobile-node[{os.getpid()}]: {interface.name}: {text}\n")

    def _write(self, rule: str, interface: Interface, since: float) -> None:
        """From when on what it sends there breaks which rule."""
        with Path(self._set["diary"]).open("a", encoding="utf-8") as diary:
            line = {"rule": rule, "interface": interface.name, "address": interface.address, "since": since}
            diary.write(json.dumps(line) + "\n")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=False)


def _address_of(device: str) -> str:
    """The IPv4 address that strongSwan put on its device, "" if there is none."""
    shown = subprocess.run(["ip", "-j", "-4", "address", "show", device], capture_output=True, text=True, check=False)
    if shown.returncode:
        return ""
    return next((a["local"] for link in json.loads(shown.stdout) for a in link.get("addr_info", [])), "")


if __name__ == "__main__":
    MobileNode(json.loads(Path(sys.argv[1]).read_text("utf-8"))).run()
