"""How long entries last at the most, as updates have it."""

from __future__ import annotations

import pytest
from mipcheck.model.machine.compile import Machine
from mipcheck.model.machine.outlasting import longest
from mipcheck.model.specification.load import loads

S = 10**9
TEXT = """
spec keeping "a server"
document "none"
param t_wait: time = 4 s cite 1
event hello() by node seen log
role server tracks home "the server" {{
  event ask(home: address, who: int, lifetime: int) by network seen log
  event more(home: address, who: int) by network seen log
  define ever = 100 s
  define soon = now + t_wait
  table asked by who: int until over {{ over: time{1}  note: int = 0 }}
  {0}
}}
"""


def limit(updates: str, initially: str = "") -> int | None:
    """How long an entry that such updates set lasts, in seconds."""
    spec = loads(TEXT.format(updates, initially)).for_role("server")
    found = longest(spec, spec.tables["asked"], Machine(spec, {"t_wait": 4 * S}, {}).parameters)
    return None if found is None else found // S


@pytest.mark.parametrize(
    ("over", "seconds"),
    [
        ("now", 0),
        ("now + 5 s", 5),
        ("now + t_wait + 1 s", 5),
        ("soon", 4),
        ("now + ever", 100),
        ("now + 2 * t_wait", 8),
        ("now + max(t_wait, 7 s)", 7),
        ("max(now + 5 s, now + 1 s)", 5),
        ("min(now + 5 s, now + lifetime * 1 s)", 5),
        ("now + min(lifetime * 1 s, 9 s)", 9),
        ("now + min(lifetime, 65535) * 1 s", 65535),
        ("now + max(min(lifetime, 65535) * 1 s, 60 s)", 65535),
        ("max(asked[who].over, now + 3 s)", 3),
        ("now + lifetime * 1 s", None),
        ("max(now + 5 s, now + lifetime * 1 s)", None),
        ("asked[who].over + 1 s", None),
        ("now - lifetime * 1 s", None),
    ],
)
def test_a_time_has_a_limit_if_all_that_it_is_made_of_has(over: str, seconds: int | None) -> None:
    assert limit(f"on ask {{ asked[who] := {{ over := {over} }} }}") == seconds


@pytest.mark.parametrize(
    ("updates", "seconds"),
    [
        ("on ask { asked[who] := { over := now + 5 s } }  on more { asked[who].over := now + 9 s }", 9),
        ("on ask { asked[who] := { over := now + 5 s } }  on more { asked[who].note := 1 }", 5),
        ("on ask { asked[who] := { over := now + 5 s } }  on more { remove asked[who] }", 5),
    ],
)
def test_it_is_that_of_whatever_sets_it(updates: str, seconds: int | None) -> None:
    assert limit(updates) == seconds


def test_what_begins_with_some_time_lasts_nobody_knows_how_long() -> None:
    updates = "on ask { asked[who] := { over := now + 5 s } }  on more { asked[who] := { note := 1 } }"
    assert limit(updates, " = 3 s") is None
