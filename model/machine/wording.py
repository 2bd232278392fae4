"""Words of a machine's source: what is called in it, names for what a specification names, comments, the legend."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from keyword import kwlist
from typing import Final

from mipcheck.model.specification.spec import Spec

OPERATIONS = ("and_", "or_", "not_", "seen", "implies", "eq", "ne", "lt", "le", "add", "sub", "mul", "quotient", "neg",
              "largest", "smallest", "has", "contains", "join", "low_half", "owed_since", "doubted")  # fmt: skip
"""Functions of `kleene` that the source calls, beside the constant U."""

ON_TABLES = ("place_of", "looked_up", "lasting", "is_over", "row_for", "write", "put_off", "stamp", "tidy", "emptied",
             "reset", "begin_of_rows", "end_of_rows")  # fmt: skip
"""Functions of `entries` that it calls."""

VALUE: Final = "now, this, own, node, entries, every, keys, constants"
STEP: Final = f"{VALUE}, event, own_writers, node_writers, outcomes"
"""Parameters of generated functions; LEGEND says what they are."""
RESERVED: Final = frozenset([*kwlist, *OPERATIONS, *ON_TABLES, "U", "range", "len", *STEP.split(", "), "at", "row",
                              "begun", "count", "match", "kept", "met", "deadline", "since", "other", "owed",
                              "result", "value"])  # fmt: skip
"""Names in the source that stand for something else than a variable, a key or a constant of the specification."""
_WIDTH: Final = 100
"""Characters of a comment in the source, before it is cut off."""
LEGEND: Final = """\
#
# now           time of the event, ns
# this          the interface that it is about, an index of `every`; U if the whole node
# own           state of that interface: a variable in each slot, then for each obligation whether it has been met
# node          what its interfaces share: variables, then what each table has for keys that are in no row of `entries`
# entries       rows of tables, as mipcheck.model.machine.entries has them
# every         states of all of its interfaces
# keys          of the event
# constants     parameters and addresses of the site
# event         its number; it is put into own_writers and node_writers at the slots that are written
# outcomes      what is found; the function returns how many integers that is
#
# Names are the specification's (key_name for keys) and stand for what was there before the event; name_1 is the value
# that an update assigns. U is what is not known.
"""


def local_names(spec: Spec, constants: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return a name for each variable, key and constant (by kind and name) in the source, no two of them the same.

    It is the specification's own where Python allows it; those of keys are apart, as many share that of a variable.
    """
    variables = [("var", name) for name in spec.variables]
    keys = [("key", k.name) for event in spec.events.values() for k in event.keys]
    found: dict[tuple[str, str], str] = {}
    taken = set(RESERVED)
    for kind, name in dict.fromkeys([*variables, *constants, *keys]):
        wanted = name if kind in ("var", "param", "site") else f"{kind}_{name}"
        found[kind, name] = local = other_than(taken, wanted.replace("-", "_"))
        taken.add(local)
    return found


def comment(text: str, depth: int = 0) -> str:
    """Return a line of comment, cut off where it is long; nothing for no text."""
    line = " ".join(text.split())
    if not line.isprintable():  # Python takes no text with a NUL in it
        line = "".join(c if c.isprintable() else "?" for c in line)
    if len(line) > _WIDTH:
        line = f"{line[:_WIDTH].rpartition(' ')[0] or line[:_WIDTH]} …"
    return f"{'    ' * depth}# {line}\n" if line else ""


def other_than(taken: Collection[str], name: str) -> str:
    """Return the name, with as many underscores after it as it takes to be none of `taken`."""
    while name in taken:
        name += "_"
    return name


def nested(operation: str, arguments: list[str], each: Callable[[str], str] = str) -> str:
    """Return `f(f(a, b), c)`, as operations take two, with what `each` makes of every call.

    No deeper than need be: Python sets a limit to parentheses.
    """
    if len(arguments) == 1:
        return arguments[0]
    half = (len(arguments) + 1) // 2
    first, second = (nested(operation, part, each) for part in (arguments[:half], arguments[half:]))
    return each(f"{operation}({first}, {second})")
