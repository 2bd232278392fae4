"""A specification of a node and of a device that deals with many, and logs of them."""

from __future__ import annotations

from pathlib import Path

from mipcheck.model.specification.load import loads

S = 10**9
A, B, C = 0x0A010001, 0x0A010002, 0x0A010003

TEXT = """
spec devices "a node, and a device that deals with many"
document "none"
param t_limit: time = 10 s
param t_slack: time = 1 s
event link(state: {up, down}) by node seen log
event gap(reason?: text) by observer seen log
interface { up: bool = false "the interface is up" }
on link(state = up) { up := true }
on link(state = down) { up := false }
rule N1 MUST cite 1 "down only what is up" allow link(state = down) only if up
property fine "nothing special" whenever link(state = down): up

role vpn tracks home "a gateway" {
  event bind(home: address, way: {open, close}) by node seen log
  event relay(home: address, bytes?: int) by node seen log
  event answer(home: address) by node seen log
  event reset(home?: address) by node seen log
  event arm(home?: address) by node seen log
  event rewind(home?: address) by node seen log
  event gap(reason?: text, home?: address) by observer seen log
  interface { asked: time "when the binding was asked for"
              closed: time "when it was last closed"
              owing: bool = false "an answer is owed" }
  node { bound: bool = false "the node is bound"
         resets: int = 0 "how often the device was reset" }
  on bind(way = open) { bound := true; asked := now; owing := true }
  on bind(way = close) { bound := false; owing := false; closed := now }
  on arm { bound := true; asked := now; owing := true }
  on rewind { asked := closed }
  on reset { bound := false; resets := resets + 1 }
  rule G1 MUST cite B.5 "relays only for who is bound" allow relay only if bound
  rule G2 MUST cite B.5 "answers in time"
    require answer within t_limit of asked while owing and bound
  rule G3 SHOULD cite B.5 "is reset twice at most" allow reset only if resets < 2
  property relays_bound "relays for the bound alone" whenever relay: bound
}
"""
SPEC = loads(TEXT)
VPN = SPEC.for_role("vpn")


def log(tmp_path: Path, text: str, name: str = "x.log") -> str:
    """Write a log of this text and return its path."""
    path = tmp_path / name
    path.write_text("mipcheck-trace 1\n" + text, "utf-8")
    return str(path)
