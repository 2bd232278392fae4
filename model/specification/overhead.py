"""The cost of access modes in octets, by the octets that their layers are declared to add (section 6.2 of the draft).

The figures are those between the node and the nearest router: what a foreign agent puts on and takes off costs nothing
there. Layers take their plain form, or one that a capability gives where that is smaller, or the one that passes a NAT.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

from mipcheck.model.specification.configure import value_of
from mipcheck.model.specification.layers import Access, Layer, LayerForm
from mipcheck.model.specification.spec import FOREIGN_AGENT, Spec
from mipcheck.model.values.errors import MipcheckError

ROWS: Final = ("inside-fa", "inside-coa", "outside-fa", "outside-coa", "outside-coa-no-xmip")
"""Where the node is, and by what address: inside is where no layer protects; `no-xmip` where nothing is around it."""

COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    "basic": frozenset(),
    "vpn-fa": frozenset({"vpn-fa"}),
    "vpn-fa+sa-update": frozenset({"vpn-fa", "endpoint-update"}),
    "vpn-fa+zot": frozenset({"vpn-fa", "zero-overhead"}),
    "vpn-fa+sa-update+zot": frozenset({"vpn-fa", "endpoint-update", "zero-overhead"}),
}
"""The table's columns by the capabilities that they stand for."""


class Untold(MipcheckError, ValueError):
    """A layer whose declaration does not say what it adds."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The mode that costs least, and what it costs; no mode where the node cannot be mobile."""

    mode: str = ""
    octets: int | None = None


class Overhead:
    """Figures of one specification, for values of its parameters. Raises Untold where they cannot be computed."""

    def __init__(self, spec: Spec, parameters: Mapping[str, int]) -> None:
        self._spec, self._parameters = spec, parameters

    def table(self, nat: bool = False) -> dict[str, dict[str, Cell]]:
        """Return, by row and column, what the cheapest mode costs a node there; `nat`: with a NAT for each layer."""
        return {row: {column: self._least(row, c, nat) for column, c in COLUMNS.items()} for row in ROWS}

    def _least(self, row: str, capabilities: frozenset[str], nat: bool) -> Cell:
        fitting = [a for a in self._spec.accesses.values() if self.row(a) == row and set(a.needs) <= capabilities]
        cells = [Cell(a.name, self.mode(a, capabilities, nat)) for a in fitting]
        return min(cells, key=lambda cell: cell.octets or 0, default=Cell())

    def row(self, access: Access) -> str:
        """Return the row of the table that a mode belongs to, by its layers."""
        outermost, kind = access.parts[0]
        protecting = [name for name, _ in access.parts if self._spec.layers[name].protects]
        if protecting and outermost == protecting[0]:
            return "outside-coa-no-xmip"
        return f"{'outside' if protecting else 'inside'}-{'fa' if kind == FOREIGN_AGENT else 'coa'}"

    def mode(self, access: Access, capabilities: frozenset[str] = frozenset(), nat: bool = False) -> int:
        """Return the octets of all layers of a mode, at most."""
        return sum(octets for _, octets in self.layers(access, capabilities, nat))

    def layers(
        self, access: Access, capabilities: frozenset[str] = frozenset(), nat: bool = False
    ) -> list[tuple[str, int]]:
        """Return what each layer of a mode adds, outermost first."""
        return [(name, self._part(name, kind, capabilities, nat)) for name, kind in access.parts]

    def _part(self, name: str, kind: str, capabilities: frozenset[str], nat: bool) -> int:
        if kind == FOREIGN_AGENT:
            return 0
        layer = self._spec.layers[name]
        plain = [f for f in layer.forms if not f.given and (f.traversal or not nat)][:1] or list(layer.forms[:1])
        given = [f for f in layer.usable(capabilities) if f.given and (f.traversal or not nat)]
        return min(self._adds(layer, f) for f in (*plain, *given))

    def _adds(self, layer: Layer, form: LayerForm) -> int:
        if form.adds is None:
            shown = form.headers or "nothing"
            raise Untold(f"layer {layer.name} of {self._spec.name} does not say what {shown} adds")
        return value_of(form.adds, self._parameters)

    # --- the headers that a packet has ---------------------------------------------------------------------------

    def of_stack(self, stack: str) -> dict[str, int]:
        """Return the octets, at most, by mode, for the modes whose layers can take forms that give these headers.

        What follows a protecting layer may be hidden; then the layers inside take their plain form.
        """
        found: dict[str, int] = {}
        for access in self._spec.accesses.values():
            fitting = [octets for headers, octets in self._wire(access) if headers == stack]
            if fitting:
                found[access.name] = max(fitting)
        return found

    def _wire(self, access: Access) -> Iterator[tuple[str, int]]:
        """Yield the headers that packets of a mode may show, with what all of its layers add then."""
        visible = [(name, kind) for name, kind in access.parts if kind != FOREIGN_AGENT]
        choices = [self._spec.layers[name].forms for name, _ in visible]
        for forms in product(*choices):
            headers = ["ip"]
            octets = 0
            for (name, _), form in zip(visible, forms, strict=True):
                octets += self._adds(self._spec.layers[name], form)
                headers += [form.headers] if form.headers else []
                if self._spec.layers[name].protects:
                    inside = [n for n, _ in visible[visible.index((name, _)) + 1 :]]
                    plain = sum(self._part(n, "", frozenset(), False) for n in inside)
                    before = octets
                    yield "/".join(headers), before + plain
                    headers.append("ip")
            yield "/".join(headers), octets
