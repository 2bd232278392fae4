"""The source that is generated from a specification: its names, its comments, and names that Python has taken."""

from __future__ import annotations

from mipcheck.checker.observe.columns import NativeObserver
from mipcheck.checker.observe.observer import observe
from mipcheck.model.machine.compile import Machine
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import loads
from mipcheck.model.values.event import Event, Position

from making.columns_of import ListColumns

PLAIN = """
spec plain "names as they are"
document "none"
param limit: int = 7
event open(from: int) by node seen log "it was opened"
event look() by node seen log
interface { up: bool = false
            since: time }
node { total: int = 0 }
on open(from > limit) { up := true; since := now; total := from }
rule A MUST cite 1 "looks need something that is up" allow look only if (some interface: up) and total < 10
rule B MUST cite 1 "looked in time" require look within 5 s of since while up
"""

TAKEN = """
spec taken "names that the source needs for itself"
document "none"
param own: int = 7
param match_0: int = 2
event open(from: int, event: int) by node seen log
event look() by node seen log
interface { lambda: bool = false
            class: time
            lambda_0: int = 0
            key_from: int = 1
            some_interface_0: bool = true }
node { count: int = 0
       outcomes: int = 3
       has: int = 4 }
on open(from > own) { lambda := true; class := now; count := from; lambda_0 := event; key_from := event + match_0 }
on look { outcomes := key_from; has := lambda_0 }
rule A MUST cite 1 "looks" allow look only if (some interface: lambda and some_interface_0) and count < 10 and has < 5
rule B MUST cite 1 "in time" require look within 5 s of class while lambda
"""


def made(text: str) -> Machine:
    spec = loads(text)
    return Machine(spec, configure(spec, {}), {})


def test_what_is_read_has_the_name_that_the_specification_has_for_it() -> None:
    source = made(PLAIN).source
    assert (
        "    up = own[0]\n" in source and "    total = node[0]\n" in source and "    limit = constants[0]\n" in source
    )
    assert "    match_0 = lt(limit, key_from)\n" in source
    assert "    common_0 = lt(total, 10)\n" in source  # what takes no loop comes first, and may decide alone
    assert "kept = (0 if common_0 == 0 else and_(common_0, some_interface_0(node, every, constants)))\n" in source


def test_rules_updates_events_and_quantifiers_have_a_line_of_comment() -> None:
    lines = made(PLAIN).source.splitlines()
    for comment in (
        "# open: it was opened",
        "    # on open(from > limit)",
        "    # A: looks need something that is up",
        "    # B is met: looked in time",
        "    # B: looked in time",
        "# some interface: up",
    ):
        assert comment in lines


def test_what_is_no_comment_for_python_is_made_one() -> None:
    odd = PLAIN.replace("it was opened", "a\nb\0c " + "x" * 200).replace("looked in time", "word " * 50)
    source = made(odd).source
    assert "# open: a b?c …" in source and "\0" not in source
    assert max(map(len, source.splitlines())) < 130


def test_a_name_is_given_once_in_a_function_and_only_if_it_is_used() -> None:
    for function in made(PLAIN).source.split("\ndef ")[1:]:
        given = [
            line.partition(" = ")[0].strip() for line in function.splitlines() if "= own[" in line or "= node[" in line
        ]
        assert len(given) == len(set(given))
        for name in given:
            assert function.count(name) > 1


def test_names_that_the_source_needs_for_itself_do_no_harm() -> None:
    machine = made(TAKEN)
    first, second = [UNKNOWN] * machine.interface_size, machine.initial_interface()
    node, writers = machine.initial_node(), [-1] * 9
    machine.steps["open"](5, 1, second, node, [first, second], [8, 4], 3, writers, writers)
    slots = machine.interface_slots
    assert [second[slots[name]] for name in ("lambda", "class", "lambda_0", "key_from")] == [1, 5, 4, 6]
    assert machine.steps["look"](6, 1, second, node, [first, second], [], 4, writers, writers) == [(0, 1), (1, 1)]
    assert [node[machine.node_slots[name]] for name in ("count", "outcomes", "has")] == [8, 6, 4]


def test_such_a_machine_observes() -> None:
    events = [
        Event(time * 10**9, "a", kind, args, Position("x", 1))
        for time, kind, args in (
            (0, "look", {}),
            (1, "open", {"from": 8, "event": 5}),
            (2, "look", {}),
            (3, "look", {}),
            (20, "open", {"from": 9, "event": 5}),
            (40, "open", {"from": 9, "event": 5}),
        )
    ]
    found = observe(made(TAKEN), events, True)
    assert [(t.kept, t.broken) for t in found.tallies] == [(1, 2), (1, 1)]
    columns = ListColumns(events, 4)
    native = NativeObserver(made(TAKEN), columns, boot=True, record=True)
    for batch in columns.batches():
        native.take(batch)
    assert native.observation() == found
