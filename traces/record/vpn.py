"""strongSwan as VPN gateway and client, each charon in its namespace; ESP in user space by kernel-libipsec."""

from __future__ import annotations

import re
import time
from pathlib import Path

from addresses import ENTERPRISE, TIA, VPN, VPN_SECRET, XHOA
from network import Network

_CHARON = "/usr/sbin/charon-systemd"
_PLUGINS = (
    "random nonce pem pubkey openssl sha1 sha2 aes hmac kdf kernel-libipsec kernel-netlink socket-default vici updown"
)
_PROPOSALS = {1: ("aes128-sha1-modp2048", "3des-md5"), 2: ("aes128-sha256-ecp256", "aes128-sha256")}
"""Key exchange and ESP, by the version of IKE."""
_ALGORITHMS = {1: ("3des-cbc", "hmac-md5-96"), 2: ("aes-cbc", "hmac-sha2-256-128")}
"""What a site file calls those of ESP."""

# One log tells the keys of child SAs at level 4; nothing else would, for this charon knows no save-keys. The other
# is as people keep it.
_STRONGSWAN = """
charon-systemd {{
  load = {plugins}
  install_routes = yes
  {uses}
  keep_alive = 0
  retransmit_tries = 2
  plugins {{
    vici {{
      socket = unix://{socket}
    }}
    kernel-libipsec {{
      load = yes
    }}
  }}
  filelog {{
    all {{
      path = {log}
      default = 1
      chd = 4
      flush_line = yes
    }}
    kept {{
      path = {kept}
      default = 1
      time_format = %Y-%m-%dT%H:%M:%S%z
      time_add_ms = yes
      ike_name = yes
      flush_line = yes
    }}
  }}
}}
"""
_CONNECTION = """
connections {{
  enterprise {{
    version = {version}
    local_addrs = {local}
    remote_addrs = {remote}
    {addresses}
    proposals = {ike}
    mobike = no
    local {{
      auth = psk
      id = {own}
    }}
    remote {{
      auth = psk
      id = {peer}
    }}
    children {{
      enterprise {{
        {selector}
        esp_proposals = {esp}
      }}
    }}
  }}
}}
secrets {{
  ike-enterprise {{
    id-1 = {own}
    id-2 = {peer}
    id-3 = {address}
    secret = {secret}
  }}
}}
{pools}
"""
_NODE_ID, _GATEWAY_ID = "node@corp.example", "vpn.corp.example"


class Vpn:
    """Both ends; `socket` is where the client's swanctl is to connect."""

    def __init__(self, network: Network, scratch: Path, version: int = 2) -> None:
        self._network, self._scratch, self._version = network, scratch, version
        self.socket = f"unix://{scratch / 'mn.vici'}"
        self._log = scratch / "mn.charon.log"
        self.kept = scratch / "mn.kept.log"
        """The client's log as a user keeps it."""

    def start(self) -> None:
        ike, esp = _PROPOSALS[self._version]
        # With IKEv1 the gateway has to know the key by address: the name comes encrypted with it.
        common = {"ike": ike, "esp": esp, "secret": VPN_SECRET, "version": self._version, "address": XHOA}
        gateway = _CONNECTION.format(
            local=VPN,
            remote="%any",
            addresses="pools = tia",
            own=_GATEWAY_ID,
            peer=_NODE_ID,
            selector=f"local_ts = {ENTERPRISE}",
            pools=f"pools {{\n  tia {{\n    addrs = {TIA}/32\n  }}\n}}",
            **common,
        )
        client = _CONNECTION.format(
            local=XHOA,
            remote=VPN,
            addresses="vips = 0.0.0.0",
            own=_NODE_ID,
            peer=_GATEWAY_ID,
            selector=f"remote_ts = {ENTERPRISE}",
            pools="",
            **common,
        )
        self._charon("gw", "", gateway)
        # The client must not notice that interfaces below the external Mobile IP layer come and go.
        self._charon("mn", "interfaces_use = xmip", client)

    def _charon(self, namespace: str, uses: str, connection: str) -> None:
        socket = self._scratch / f"{namespace}.vici"
        settings = self._scratch / f"{namespace}.strongswan.conf"
        log = self._scratch / f"{namespace}.charon.log"
        kept = self._scratch / f"{namespace}.kept.log"
        text = _STRONGSWAN.format(plugins=_PLUGINS, uses=uses, socket=socket, log=log, kept=kept)
        settings.write_text(text, "utf-8")
        connections = self._scratch / f"{namespace}.swanctl.conf"
        connections.write_text(connection, "utf-8")
        environment = {"STRONGSWAN_CONF": str(settings)}
        self._network.start(namespace, _CHARON, log=f"{namespace}.charon.noise", env=environment)
        for _ in range(50):
            if socket.exists():
                break
            time.sleep(0.1)
        load = ("swanctl", "--load-all", "--file", str(connections), "--uri", f"unix://{socket}")
        self._network.run(namespace, *load)

    def keys(self) -> list[dict[str, str | int]]:
        """The security associations that the client's log tells, as [[esp_sa]] tables."""
        return read_keys(self._log.read_text("utf-8", "replace"), *_ALGORITHMS[self._version])


def read_keys(log: str, encryption: str, integrity: str) -> list[dict[str, str | int]]:
    """Keys precede the line that says which SPIs they are for: the initiator's protect what it sends."""
    found: list[dict[str, str | int]] = []
    keys: dict[tuple[str, str], str] = {}
    collecting: tuple[tuple[str, str], int] | None = None
    for line in log.splitlines():
        if begins := re.search(r"(encryption|integrity) (initiator|responder) key => (\d+) bytes", line):
            collecting = (begins[1], begins[2]), int(begins[3]) * 2
            keys[collecting[0]] = ""
        elif collecting and (dump := re.search(r"\d+: ((?:[0-9A-F]{2} ?)+)", line)):
            name, digits = collecting
            keys[name] = (keys[name] + dump[1].replace(" ", ""))[:digits]
            if len(keys[name]) == digits:
                collecting = None
        elif spis := re.search(r"established with SPIs ([0-9a-f]+)_i ([0-9a-f]+)_o", line):
            for spi, side in ((spis[2], "initiator"), (spis[1], "responder")):
                found.append(
                    {
                        "spi": int(spi, 16),
                        "encryption": encryption,
                        "encryption_key": keys["encryption", side],
                        "integrity": integrity,
                        "integrity_key": keys["integrity", side],
                    }
                )
    return found
