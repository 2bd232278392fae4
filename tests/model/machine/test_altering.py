"""Which events may change state: by their keys, or where a flag is down that the trace raises once and for all."""

from __future__ import annotations

import pytest
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import load, loads
from mipcheck.model.specification.spec import Spec

SPEC = """spec s "flags"
document "none.txt"
event move()  by node seen log "the node moves"
told interface {
  moved: bool = false "it has"
  again: bool = false "it has done so again"
}
interface { away: bool = false "it is away" }
"""


def _machine(spec: Spec) -> Machine:
    return Machine(spec, configure(spec, {}), {})


def test_data_does_nothing_but_raise_a_flag() -> None:
    """What is commonest changes no state but the first time, or state would be copied for every packet."""
    machine = _machine(load("draft-01").for_role("mn"))
    assert machine.notes == {"data": machine.interface_slots["in_use"]}
    assert "data" not in {p.event for p in machine.altering(machine.spec.updates)}


@pytest.mark.parametrize(
    ("updates", "flag"),
    [
        ("on move when seen not moved { moved := true }", "moved"),
        ("on move when away and seen not moved { moved := true }", "moved"),
        ("on move { moved := true }", None),
        ("on move when not moved { moved := true }", None),
        ("on move when seen not again { moved := true }", None),
        ("on move when seen not moved { moved := false }", None),
        ("on move when seen not moved { moved := true; away := true }", None),
        ("on move when seen not away { away := true }", None),
        ("on move when seen not moved { moved := true } on move when seen not again { again := true }", None),
    ],
)
def test_a_flag_tells_whether_an_event_changes_state(updates: str, flag: str | None) -> None:
    machine = _machine(loads(SPEC + updates))
    assert machine.notes == ({} if flag is None else {"move": machine.interface_slots[flag]})
    assert bool(machine.altering(machine.spec.updates)) == (flag is None)
