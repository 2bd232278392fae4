"""Numbers that follow from declarations: octets, what a move takes, how many entities are new.

A move changes the address under the outermost layer of an access mode. What that layer needs is declared (`moved by`);
a layer that keeps its own address hides the move from what is inside, and one that begins `anew` does not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from mipcheck.model.language.catalogue import Figure, Measure
from mipcheck.model.specification.layers import Access
from mipcheck.model.specification.overhead import Overhead, Untold
from mipcheck.model.specification.spec import Spec
from mipcheck.model.specification.term import COMPARISONS

_STEPS: Final = {
    "registrations": "registration", "exchanges": "exchange", "updates": "update", "packets": "packet",
}  # fmt: skip


def steps_of_a_move(spec: Spec, access: Access) -> Counter[str]:
    """Count what each layer of a mode needs when the node's address changes, in the steps of `moved by`.

    Raises Untold for a layer that does not say it.
    """
    found: Counter[str] = Counter()
    for name, _ in access.parts:
        way = spec.layers[name].way(frozenset(access.needs))
        if way is None:
            raise Untold(f"layer {name} of {spec.name} does not say what it is moved by")
        found.update(way.steps)
        if not way.anew:
            break
    return found


def value_of_measure(spec: Spec, measure: Measure, parameters: Mapping[str, int]) -> int:
    """Return a number, for values of the parameters. Raises Untold where a layer does not tell what it takes."""
    if measure.what == "entities":
        return sum(e.standing == measure.of for e in spec.entities.values())
    access = spec.accesses.get(measure.of) or Access(measure.of, ((measure.of, ""),))
    if measure.what == "octets":
        return Overhead(spec, parameters).mode(access, frozenset(access.needs))
    if measure.what == "layers":
        return len(access.parts)
    if measure.what == "protections":
        # A layer that ends at a foreign agent does nothing between that and the node.
        return sum(spec.layers[name].protects and kind != "foreign-agent" for name, kind in access.parts)
    return steps_of_a_move(spec, access)[_STEPS[measure.what]]


def value_of_figure(spec: Spec, figure: Figure, parameters: Mapping[str, int]) -> int:
    """Return what the measures of a figure come to. Raises Untold."""
    return _sum(spec, figure.terms, parameters)


def holds(spec: Spec, figure: Figure, parameters: Mapping[str, int]) -> bool:
    """Decide whether a figure is what it is said to be. Raises Untold."""
    if not figure.compare:
        return True
    left, right = _sum(spec, figure.terms, parameters), _sum(spec, figure.value, parameters)
    return COMPARISONS[figure.compare](left, right)


def _sum(spec: Spec, terms: tuple[tuple[int, Measure | int], ...], parameters: Mapping[str, int]) -> int:
    return sum(sign * (x if isinstance(x, int) else value_of_measure(spec, x, parameters)) for sign, x in terms)
