"""The layers of a node's stack, and the access modes that are made of them."""

from __future__ import annotations

from dataclasses import dataclass

from mipcheck.model.language.catalogue import Way
from mipcheck.model.specification.term import Term


@dataclass(frozen=True, slots=True)
class LayerForm:
    """A form that a layer may take on the wire: `headers` as `udp4500/esp` ("" for none), which `adds` octets (None if
    that is not told), where the node has the capability `given` ("" if any node may); `traversal` passes a NAT."""

    headers: str
    adds: Term | None = None
    given: str = ""
    traversal: bool = False


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of the node's stack, and the forms that it takes on the wire, the plain one first."""

    name: str
    text: str
    protects: bool
    forms: tuple[LayerForm, ...]
    moved: tuple[Way, ...] = ()

    def way(self, capabilities: frozenset[str] = frozenset()) -> Way | None:
        """Return what it needs when the address under it changes: what a capability of the node gives, or else the
        plain way. None where that is not told."""
        usable = [w for w in self.moved if not w.given or w.given in capabilities]
        return min(usable, key=lambda w: not w.given, default=None)

    def usable(self, capabilities: frozenset[str] = frozenset()) -> tuple[LayerForm, ...]:
        """Return the forms that a node with these capabilities may use."""
        return tuple(f for f in self.forms if not f.given or f.given in capabilities)


@dataclass(frozen=True, slots=True)
class Access:
    """An access mode: layers, outermost first, each with the kind of its care-of address ("" if it has none), and the
    capabilities that it `needs`."""

    name: str
    parts: tuple[tuple[str, str], ...]
    needs: tuple[str, ...] = ()
    text: str = ""

    def uses(self, layer: str, kind: str = "") -> bool:
        """Decide whether the layer is among the mode's, with that kind of care-of address if one is given."""
        return any(layer == name and kind in ("", k) for name, k in self.parts)
