"""A rule's body → what it demands, in the words of the specification."""

from __future__ import annotations

from mipcheck.checker.observe.context import source
from mipcheck.model.specification.spec import Allow, Body, Require


def demand(body: Body) -> str:
    """Return what a rule demands, in the words of the specification's language."""
    match body:
        case Allow(patterns, condition, unclear, kept):
            doubt = f" unclear if {source(unclear)}" if unclear is not None else ""
            shown = f" kept by {', '.join(p.source for p in kept)}" if kept else ""
            return f"allow {', '.join(p.source for p in patterns)} only if {source(condition)}{doubt}{shown}"
        case Require(patterns, within, anchor, condition):
            what = ", ".join(p.source for p in patterns)
            return f"require {what} within {source(within)} of {anchor} while {source(condition)}"
        case _:
            return f"configure {source(body.condition)}"
