"""A small system for tests: a node that moves, and a gateway that follows the outer addresses of its packets."""

from __future__ import annotations

PARTIES = """
spec walk "a node that moves, and a gateway that follows it"
document "none"
site vpn
event moves(to: address) by node seen log
event sends(id: id, src: address, dst: address) by node seen log
node { place: address = 0.0.0.0 }
on moves { place := to }
rule N1 MUST cite 1 "Packets bear the address of the place." allow sends only if src = place

role vpn "the gateway" {
  event arrives(id: id, src: address) by network seen log
  event answers(dst: address) by node seen log
  node { endpoint: address = 0.0.0.0 }
  on arrives { endpoint := src }
  rule V1 MUST cite 1 "Answers go where the newest packet came from." allow answers only if dst = endpoint
}
"""

CHANNEL = """
  party mobile: mn
  party gateway: vpn
  channel uplink "ESP" key esp
    from mobile.sends(dst = site.vpn) to gateway.arrives
    carries id, outer src
"""

SYSTEM = (
    PARTIES
    + "system both {"
    + CHANNEL
    + """
  ghost node { known: bool = false  "the newest packet that arrived bore the place where the node still is" }
  ghost table been by place: address { }
  on gateway.arrives { known := src = mobile.place }
  on mobile.moves { known := false; been[mobile.place] := { } }
  define there = gateway.endpoint = 0.0.0.0 or gateway.endpoint = mobile.place or gateway.endpoint in been

  property known_is_right "A genuine packet shows the gateway where the node is." invariant
    known implies gateway.endpoint = mobile.place
  property no_stranger "Without the key nobody makes the gateway answer where the node never was." invariant there
    against forge, delay
  property no_thief "Nor with the key." invariant there against knows esp
  property no_copy "Nor with a copy." invariant there against alter, replay
  property answers_find "An answer finds the node." whenever gateway.answers: dst = mobile.place
}
"""
)
