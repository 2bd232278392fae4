"""Tables in the compiled semantics: what is known of them is so, and where all is seen, all is known."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mipcheck.model.machine.compile import Machine, State
from mipcheck.model.machine.entries import FEW
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.machine.rows import Entries, Row
from mipcheck.model.specification.load import loads

from making.tabled import LIFETIME, LIMITS, RULES, SERVER, TEXT, Plainly, S, events

MACHINE = Machine(SERVER, {}, {})
Told = list[tuple[str, int, dict[str, int | str]]]
NUMBER = {r.id: n for n, r in enumerate(MACHINE.rules)}


class Running:
    """The state of one node, compiled. Without `boot` evidence begins at time 0."""

    def __init__(self, boot: bool) -> None:
        self.node: State = MACHINE.initial_node()
        self.writers = [-1] * len(self.node)
        self.entries: Entries = []
        self.count = 0
        if not boot:
            self.lose(0)

    def lose(self, now: int) -> None:
        """Forget all that has come before now."""
        self.node[:] = MACHINE.unknown_node()
        self.entries.clear()
        MACHINE.begin_evidence(self.node, now)

    def take(self, kind: str, now: int, args: dict[str, Any]) -> dict[int, int]:
        """Let an event happen, and return what rules came to, by number."""
        keys = MACHINE.encode(kind, args)
        own: list[int] = []
        outcomes = MACHINE.steps[kind](
            now, UNKNOWN, own, self.node, [], keys, self.count, [], self.writers, self.entries
        )
        self.count += 1
        return dict(outcomes)

    def rows(self, table: str) -> list[Row]:
        """Return the rows of a table."""
        return [r for r in MACHINE.rows(self.entries) if r.table == MACHINE.tables[table]]


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(events())
def test_where_all_is_seen_all_is_known(told: Told) -> None:
    plain, running = Plainly(), Running(boot=True)
    for kind, now, args in told:
        outcomes = running.take(kind, now, args)
        if kind == "ask":
            assert [outcomes[NUMBER[r]] for r in RULES] == [int(a) for a in plain.answers(args, now)]
        plain.take(kind, args, now)
        if plain.too_many():
            return


@pytest.mark.slow
@settings(deadline=None, max_examples=500)
@given(events(), st.integers(0, 8), st.data())
def test_what_is_known_is_so(
    told: list[tuple[str, int, dict[str, int | str]]], missed: int, data: st.DataObject
) -> None:
    """However late the trace begins, whatever is lost on the way, and whatever keys it leaves out.

    A table that holds too little knows less.
    """
    plain, running = Plainly(), Running(boot=missed == 0)
    for n, (kind, now, args) in enumerate(told):
        if n == missed > 0 or (n > missed and data.draw(st.integers(0, 9)) == 0):
            running.lose(now)
        if n >= missed:
            shown = {k: v for k, v in args.items() if data.draw(st.integers(0, 4)) > 0}
            outcomes = running.take(kind, now, shown)
            if kind == "ask":
                for rule, answer in zip(RULES, plain.answers(args, now), strict=True):
                    assert outcomes[NUMBER[rule]] in (int(answer), UNKNOWN), rule
        plain.take(kind, args, now)
        for table, limit in LIMITS.items():
            assert len(running.rows(table)) <= limit


def test_a_field_of_an_entry_that_may_be_there_is_set_there_too() -> None:
    running = Running(boot=True)
    running.take("wish", 0, {"to": 5, "sure": "yes"})  # of whom is not told
    running.take("move", 1, {"who": 1, "what": "call", "to": 5})
    answers = [running.take("ask", 2, {"who": w, "what": "call", "to": 0, "least": 1})[NUMBER["MOVED"]] for w in (1, 2)]
    assert answers == [UNKNOWN, 0]


def test_beyond_the_limit_the_oldest_is_forgotten_and_said_to_be() -> None:
    running = Running(boot=True)
    for who in range(4):
        running.take("wish", who, {"who": who, "what": "call", "to": 5, "sure": "yes"})
    answers = [
        running.take("ask", 10, {"who": w, "what": "call", "to": 0, "least": 1})[NUMBER["HELD"]] for w in range(5)
    ]
    assert answers == [UNKNOWN, 1, 1, 1, UNKNOWN]
    assert running.writers[MACHINE.table_slots["wishes"]] == 3
    running.take("reset", 11, {})
    assert running.take("ask", 12, {"who": 0, "what": "call", "to": 0, "least": 1})[NUMBER["HELD"]] == 0


def test_an_entry_whose_time_is_over_makes_room_without_a_loss() -> None:
    running = Running(boot=True)
    for who in range(12):
        running.take("wish", 3 * who * S, {"who": who, "what": "call", "to": 5, "sure": "yes"})
    ask = {"what": "call", "to": 0, "least": 1}
    assert [running.take("ask", 34 * S, {"who": w, **ask})[NUMBER["HELD"]] for w in (0, 9, 10, 11, 12)] == [
        0,
        0,
        1,
        1,
        0,
    ]


def test_what_is_taken_out_needs_no_room() -> None:
    running = Running(boot=True)
    running.take("wish", 0, {"who": 1, "what": "call", "to": 5, "sure": "yes"})
    for who in range(20):
        running.take("deny", 1, {"who": who, "what": "call"})
    assert running.rows("wishes") == []
    assert running.take("ask", 2, {"who": 1, "what": "call", "to": 0, "least": 1})[NUMBER["HELD"]] == 0


def test_of_a_table_of_which_nothing_is_known_what_was_seen_since_is() -> None:
    running = Running(boot=False)
    running.take("wish", 0, {"who": 1, "what": "call", "to": 5, "sure": "yes"})
    running.take("deny", 1, {"who": 2, "what": "call"})
    ask = {"what": "call", "to": 0, "least": 1}
    assert [running.take("ask", 2, {"who": w, **ask})[NUMBER["HELD"]] for w in (1, 2, 3)] == [1, 0, UNKNOWN]


def test_what_nobody_has_seen_is_unknown_only_as_long_as_it_can_be_there() -> None:
    """An entry that was set before evidence began is over at its time, and so is one that may have been set."""
    running = Running(boot=False)
    ask = {"what": "call", "to": 0, "least": 1}

    def held(who: int, now: int) -> int:
        return running.take("ask", now, {"who": who, **ask})[NUMBER["HELD"]]

    running.take("deny", 1, {"who": 2, "what": "call"})
    running.take("wish", 4 * S, {"who": 3, "what": "call", "to": 5})  # whether for sure is not told
    assert [held(who, LIFETIME) for who in (1, 2, 3)] == [UNKNOWN, 0, UNKNOWN]
    assert [held(who, LIFETIME + 1) for who in (1, 2, 3)] == [0, 0, UNKNOWN]
    assert [held(who, 4 * S + LIFETIME) for who in (1, 2, 3)] == [0, 0, UNKNOWN]
    assert [held(who, 4 * S + LIFETIME + 1) for who in (1, 2, 3)] == [0, 0, 0]
    running.take("wish", 20 * S, {"who": 4, "what": "call", "to": 5, "sure": "yes"})
    running.take("deny", 21 * S, {"what": "call"})  # of whom is not told
    assert [held(who, 21 * S) for who in (1, 4)] == [0, UNKNOWN]
    assert [held(who, 20 * S + LIFETIME + 1) for who in (1, 4)] == [0, 0]
    running.lose(40 * S)
    assert [held(1, now) for now in (40 * S, 40 * S + LIFETIME, 40 * S + LIFETIME + 1)] == [UNKNOWN, UNKNOWN, 0]


def test_so_it_is_of_those_that_were_too_many() -> None:
    running = Running(boot=True)
    for who in range(6):
        running.take("wish", who, {"who": who, "what": "call", "to": 5, "sure": "yes"})
    ask = {"what": "call", "to": 0, "least": 1}
    for now, known in ((10, UNKNOWN), (LIFETIME + 2, UNKNOWN), (LIFETIME + 3, 0)):
        assert running.take("ask", now, {"who": 0, **ask})[NUMBER["HELD"]] == known
    assert running.take("ask", LIFETIME + 6, ask | {"who": 5})[NUMBER["EVERY"]] == 1


def test_what_is_taken_out_leaves_nothing_once_all_that_is_unknown_is_over() -> None:
    """No row says of a key that nothing is there where that is said of all keys."""
    running = Running(boot=False)
    for who in range(2):
        running.take("deny", 1, {"who": who, "what": "call"})
    assert len(running.rows("wishes")) == 2
    for who in range(3):
        running.take("wish", LIFETIME + 1, {"who": who, "what": "call", "to": 5, "sure": "yes"})
        running.take("deny", LIFETIME + 2, {"who": who, "what": "call"})
    assert running.rows("wishes") == []


def test_entries_whose_time_is_over_do_not_pile_up() -> None:
    machine = Machine(loads(TEXT.replace("limit 3", "limit 64")).for_role("server"), {}, {})
    node, writers, entries = machine.initial_node(), [-1] * machine.node_size, list[int]()
    for who in range(50):
        keys = machine.encode("wish", {"who": who, "what": "call", "to": 5, "sure": "yes"})
        machine.steps["wish"](6 * who * S, UNKNOWN, [], node, [], keys, who, [], writers, entries)
    assert len(machine.rows(entries)) == FEW
