"""Which access modes fit the headers of a packet, by the layers that the specification declares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from mipcheck.model.spec import Access, Spec


class Layering:
    """Headers are written as in a trace, outermost first: `ip/ip/udp4500/esp`.

    A layer with a foreign agent's care-of address leaves nothing on the wire between the node and that agent, who
    puts on and takes off its headers. What follows a protecting layer may be hidden.
    """

    def __init__(self, spec: Spec) -> None:
        self._layers = spec.layers
        self._wire = {a.name: re.compile(self._pattern(a)) for a in spec.accesses.values()}
        self._protecting = [
            re.compile(f"(?:.*/)?{_one_of(layer.headers)}(?:/.*)?") for layer in spec.layers.values() if layer.protects
        ]
        self.modes = lru_cache(maxsize=4096)(self._modes)

    def _modes(self, stack: str) -> frozenset[str]:
        """Names of the access modes whose packets may look like this on the wire."""
        return frozenset(name for name, pattern in self._wire.items() if pattern.fullmatch(stack))

    def protected(self, stack: str) -> bool:
        """Whether a layer that protects is among the headers."""
        return any(pattern.fullmatch(stack) for pattern in self._protecting)

    def _pattern(self, access: Access) -> str:
        """A regular expression for the headers: the outermost IP, then what each layer puts between."""
        return "ip" + "".join(self._parts(access))

    def _parts(self, access: Access) -> Iterator[str]:
        for name, kind in access.parts:
            layer = self._layers[name]
            if kind != "foreign-agent":
                yield f"/{_one_of(layer.headers)}"
            if layer.protects:
                yield "(?:/.*)?"
                return


def _one_of(headers: tuple[str, ...]) -> str:
    return f"(?:{'|'.join(map(re.escape, headers))})"
