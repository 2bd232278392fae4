"""Sources that have ended while others went on: what only they could show is not seen from then on.

A log tells nothing of when it was stopped, or what came after was lost. So nobody is accused of what would need it to
have gone on: of what was owed after its last event, and only it could show; and of what was forbidden in a state that
only it could show to have changed, if the others went on for longer than it takes to stop them all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from mipcheck.checker.observe.blame import Moment
from mipcheck.checker.observe.lost import stands
from mipcheck.checker.observe.nodes import hide
from mipcheck.checker.observe.observation import Finding
from mipcheck.checker.trace.source import CLEAR, Evidence, Fog, fog_of
from mipcheck.model.machine.compile import Machine
from mipcheck.model.machine.entries import emptied
from mipcheck.model.machine.rows import held

TOGETHER: Final = 10 * 10**9
"""ns between the last events of sources that were stopped together: of each, what it told last was some time before."""


def doubt(machine: Machine, finding: Finding, evidence: Evidence, last: int) -> str:
    """Say why nobody knows whether a finding is one, since a source has ended; nothing where it stands. `last` is when
    the last event of all was (ns)."""
    left = evidence.after(finding.time)
    if left is None or finding.moment is None or finding.time > last:
        return ""
    if not finding.overdue and last - max(end for end, _ in evidence.later if end < finding.time) <= TOGETHER:
        return ""
    fog = fog_of(machine, left) or CLEAR
    kinds = fog.rules.get(finding.rule, frozenset()) | fog.reads.get(finding.rule, frozenset())
    if not kinds or stands(machine, finding.rule, _in_fog(finding.moment, fog), fog.rules):
        return ""
    return "; ".join(left.reasons(sorted(kinds))) or "what may be covered is not shown elsewhere any more"


def _in_fog(moment: Moment, fog: Fog) -> Moment:
    """Return a moment of which nothing is known that the fog hides."""
    entries = held(moment.entries)
    for form in fog.tables if entries else ():
        emptied(entries, form)
    node, own, *interfaces = (state[:] for state in (moment.node, moment.own, *moment.interfaces))
    hide(node, fog.node)
    for state in (own, *interfaces):
        hide(state, fog.own)
    return replace(moment, own=own, node=node, interfaces=tuple(interfaces), entries=entries)
