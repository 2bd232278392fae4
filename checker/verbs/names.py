"""`mipcheck names [KIND]`: the names that can be given, for people and for shells and editors that complete them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import warned, write

if TYPE_CHECKING:
    from mipcheck.model.specification.spec import Spec

DESCRIPTION: Final = (
    "List the names that can be given: of rules, properties, parameters, events and their keys, specifications, maps."
)
EXAMPLE: Final = "mipcheck names rules"


def _events(spec: Spec) -> Iterable[str]:
    return dict.fromkeys(name for machine in spec.machines() for name in machine.events)


def _keys(spec: Spec) -> Iterable[str]:
    return dict.fromkeys(
        f"{event.name}.{key.name}"
        for machine in spec.machines()
        for event in machine.events.values()
        for key in event.keys
    )


def _readings(spec: Spec) -> Iterable[str]:
    return (f"{rule.id}={reading.name}" for machine in spec.machines() for rule in machine.rules.values()
            for reading in rule.readings)  # fmt: skip


def _properties(spec: Spec) -> Iterable[str]:
    """Return what `prove` takes: properties of roles, and of systems."""
    from mipcheck.model.specification.compose import owners

    return owners(spec)


KINDS: Final[Mapping[str, Callable[[Spec], Iterable[str]]]] = {
    "rules": lambda spec: dict.fromkeys(n for machine in spec.machines() for n in machine.rules),
    "properties": _properties,
    "parameters": lambda spec: spec.parameters,
    "readings": _readings,
    "capabilities": lambda spec: spec.capabilities,
    "modes": lambda spec: spec.accesses,
    "roles": lambda spec: [machine.role for machine in spec.machines()],
    "events": _events,
    "keys": _keys,
}
"""What a specification names, by kind."""
OTHERS: Final = ("specs", "maps", "schemas")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument(
        "kind", nargs="?", metavar="KIND", choices=(*KINDS, *OTHERS), help=f"one of {', '.join((*KINDS, *OTHERS))}"
    )
    options.add_spec(parser)
    options.add_output_file(parser)


def run(args: argparse.Namespace) -> int:
    """Write the names of a kind, a line each, or all with their kinds; return 0. Raises SpecError."""
    from mipcheck.checker.check.readings import resolved

    spec = warned(resolved(args.spec))
    found = {kind: names_of(kind, spec) for kind in ([args.kind] if args.kind else [*KINDS, *OTHERS])}
    if args.kind:
        write("".join(f"{name}\n" for name in found[args.kind]), args.output)
    else:
        write("".join(f"{kind} {name}\n" for kind, names in found.items() for name in names), args.output)
    return 0


def names_of(kind: str, spec: Spec) -> list[str]:
    """Return the names of a kind in `KINDS` or `OTHERS`."""
    if kind in KINDS:
        return list(KINDS[kind](spec))
    if kind == "specs":
        from mipcheck.model.specification.load import every_bundled

        return every_bundled()
    if kind == "maps":
        from mipcheck.checker.maps.library import bundled

        return bundled()
    from mipcheck.checker.verbs.schema import NAMES

    return list(NAMES)
