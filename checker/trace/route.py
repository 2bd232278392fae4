"""Native or not: from which size on an input is sooner done by compiled code, and why it goes the slow way otherwise.

Both ways give the same answer, so that this is about time only. It is decided three times: when logs are read
(`check/bulk.py`), when captures are read (`inputs/read.py`) and when events in columns are observed
(`observe/watch.py`). All three ask `decide`, which looks at one table. Who takes the slow way for another reason, such
as an input of another kind or a machine whose integers may leave 64 bits, says so by `slowly`. Whoever sets up the
logger `mipcheck.route` at level DEBUG hears every decision.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mipcheck.model.native.errors import NativeError

if TYPE_CHECKING:
    from mipcheck.model.native.unit import Unit

LOGS: Final = "logs"
CAPTURES: Final = "captures"
EVENTS: Final = "events"

Has = Callable[[int], bool]
"""Tells whether there are at least so many units; of a pipe nobody knows that without reading so far."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """From how many `unit` on native code is sooner done.

    `kept` holds where the code has been compiled before, at installation or by an earlier run, and has to be loaded
    only; `compiled` where it has to be compiled first. `measured` says where the two come from.
    """

    unit: str
    kept: int
    compiled: int
    measured: str


TABLE: Final[dict[str, Threshold]] = {
    LOGS: Threshold(
        "bytes of logs, all together",
        256 << 10,
        3 << 20,
        "256 KiB take 0.2 s either way: native code needs that to load numpy, llvmlite and what is kept. 3 MiB take"
        " 1.5 s in Python, 0.2 s natively, and 0.8 s if parser and observer are compiled, which leaves a margin.",
    ),
    CAPTURES: Threshold(
        "bytes of captures, unpacked",
        4 << 20,
        10 << 20,
        "4 MiB take 0.4 s in Python, 0.3 s natively. 10 MiB take 0.7 s in Python, 0.3 s natively, and 0.7 s if the loop"
        " is compiled.",
    ),
    EVENTS: Threshold(
        "events in columns",
        5_000,
        50_000,
        "Python observes 40,000 events/s, so that 5,000 take it 0.1 s: as long as loading what is kept. 50,000 take it"
        " 1.3 s, twice as long as compiling the observer, which leaves a margin.",
    ),
}
"""The sizes that decide, by kind of input. Times are seconds of CPU from input to report, for traces of tests/bench."""


@dataclass(frozen=True, slots=True)
class Route:
    """The way that is taken; `why` says for the slow one what speaks against the native one, and is empty for that."""

    native: bool
    why: str = ""


def decide(kind: str, has: Has, units: Callable[[], Iterable[Unit]]) -> Route:
    """Decide by size how an input of that kind in `TABLE` is worked on.

    `units` gives what would have to be compiled. It is called only if the input is long enough, since it imports what
    a short run does without. Where nothing can be compiled, because llvmlite is missing, the way is the slow one.
    """
    threshold = TABLE[kind]
    if not has(threshold.kept):
        return slowly(kind, f"fewer than {threshold.kept:,} {threshold.unit}")
    from mipcheck.model.native.compiled import is_kept

    try:
        kept = all(is_kept(unit) for unit in units())
    except (NativeError, ImportError) as error:
        return slowly(kind, f"there is no native code: {error}")
    if not kept and not has(threshold.compiled):
        return slowly(kind, f"fewer than {threshold.compiled:,} {threshold.unit}, and nothing compiled yet")
    _tell(kind, "native")
    return Route(True)


def slowly(kind: str, why: str) -> Route:
    """Return the slow route of an input of that kind, and tell whoever listens why it is taken."""
    _tell(kind, f"slow: {why}")
    return Route(False, why)


def _tell(kind: str, message: str) -> None:
    # Importing logging takes a short run 4 ms in vain: nobody listens who has not imported it.
    if "logging" in sys.modules:
        import logging

        logging.getLogger("mipcheck.route").debug("%s: %s", kind, message)
