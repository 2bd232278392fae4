"""A small specification with something of everything, for tests to add to."""

from __future__ import annotations

BASE = """\
spec base "a small one"
document "doc.txt"
enum agent { iha, xha }
set flags { S, D, T }
site gateway
capability relay "relays"
param t_max: time = 20 s
param n_max: int = 3
event up(state: {yes, no}) by node seen log
event rrq(to: agent, code: int, id: id, flags: flags, addr?: address, word?: text) by node seen log, capture
event lose() by network silent
interface { inside: bool = false
  since: time
  request: id = 0
  count: int = 0 }
node { holder: interface = none
  seen_at: time }
ghost interface { met: bool = true
  lost: time }
on up { inside := state = yes; since := now; met := inside }
on rrq(to = iha) { request := id; count := n_max; holder := this; seen_at := now }
on lose { lost := now }
define fresh = now - since <= t_max
rule R1 MUST cite 4.2 lines 10-12 "first"
  allow rrq(to = iha) only if inside and fresh and count < 5 and request != id
  unless capability relay
rule R2 MUST cite 4.3 "second"
  reading one "so" require rrq within t_max of since while inside and holder = this
  reading two "or so" configure n_max > 2 and site.gateway = site.gateway
rule R3 SHOULD cite 4.4 "third"
  allow rrq only if seen_at <= now
property P1 "sound" whenever rrq: met or now - lost <= 60 s
assumption A1 "honest" on lose: met
"""
LINES = BASE.count("\n")


def rule(body: str) -> str:
    """Return a rule named X with this body."""
    return f'rule X MUST cite 1 ""\n  {body}'
