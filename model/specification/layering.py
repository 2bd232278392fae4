"""The access modes that fit the headers of a packet, by the layers that the specification declares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from mipcheck.model.specification.layers import Access, Layer
from mipcheck.model.specification.spec import FOREIGN_AGENT, Spec


class Layering:
    """Headers are written as in a trace, outermost first: `ip/ip/udp4500/esp`.

    A layer with a foreign agent's care-of address leaves nothing on the wire between the node and that agent, who
    puts on and takes off its headers. What follows a protecting layer may be hidden. Layers take the forms that a node
    with these `capabilities` may use.
    """

    def __init__(self, spec: Spec, capabilities: frozenset[str] = frozenset()) -> None:
        self._layers = spec.layers
        self._capabilities = capabilities
        self._wire = {a.name: re.compile(self._pattern(a)) for a in spec.accesses.values()}
        self._protecting = [
            re.compile(f"(?:.*/)?(?:{self._one_of(layer, '')})(?:/.*)?")
            for layer in spec.layers.values()
            if layer.protects
        ]
        self.modes = lru_cache(maxsize=4096)(self._modes)
        self.traversal = lru_cache(maxsize=4096)(self._traversal)

    def _modes(self, stack: str) -> frozenset[str]:
        """Return the names of the access modes whose packets may look like this on the wire."""
        return frozenset(name for name, pattern in self._wire.items() if pattern.fullmatch(stack))

    def _traversal(self, stack: str) -> frozenset[str]:
        """Return the names of the layers that, in some mode that fits, take the form that passes through a NAT."""
        matches = [m for p in self._wire.values() if (m := p.fullmatch(stack))]
        layers = list(self._layers)
        return frozenset(layers[int(group[1:])] for m in matches for group, text in m.groupdict().items() if text)

    @property
    def ports(self) -> frozenset[int]:
        """The ports that the headers of some layer name, as in `udp4500/esp`."""
        headers = (form.headers for layer in self._layers.values() for form in layer.forms)
        named = (int(port) for text in headers for port in re.findall(r"(?:udp|tcp)([0-9]{1,5})\b", text))
        return frozenset(port for port in named if port < 2**16)

    def protected(self, stack: str) -> bool:
        """Decide whether a layer that protects is among the headers."""
        return any(pattern.fullmatch(stack) for pattern in self._protecting)

    def _pattern(self, access: Access) -> str:
        """Return a regular expression for the headers: the outermost IP, then what each layer puts between."""
        return "ip" + "".join(self._parts(access))

    def _parts(self, access: Access) -> Iterator[str]:
        for name, kind in access.parts:
            layer = self._layers[name]
            if kind != FOREIGN_AGENT:
                yield f"(?:{self._one_of(layer, '/')})"
            if layer.protects:
                yield "(?:/.*)?"
                return

    def _one_of(self, layer: Layer, before: str) -> str:
        """Return a pattern for any form of a layer, with the text `before` it.

        The forms for traversal are a group named after the layer's number, if the headers are taken apart.
        """
        number = list(self._layers).index(layer.name)
        forms = [f for f in layer.usable(self._capabilities) if f.headers or before]
        plain = [re.escape(before + f.headers if f.headers else "") for f in forms if not (f.traversal and before)]
        through = [re.escape(before + f.headers) for f in forms if f.traversal and before]
        return "|".join([*([f"(?P<n{number}>{'|'.join(through)})"] if through else []), *plain])
