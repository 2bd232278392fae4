"""Judge what a node does outside: sections 3.5 to 3.8 of the draft, over all interfaces, which share the VPN."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .evidence import Accepted, Meaning, Request, Sent, Stretch
from .findings import Judgement
from .logtext import Event, Log


@dataclass(slots=True)
class _Association:
    """The security associations with the gateway: how many, and what the latest one brought."""

    count: int
    known: bool
    tia: str | None = None
    vpn_coa: str | None = None
    features: str | None = None

    def change(self, event: Event) -> None:
        """Note that one came up or went down. When rekeying, the new one comes before the old one goes."""
        self.known = True
        if event.get("state") == "up":
            self.count += 1
            self.tia, self.vpn_coa, self.features = event.get("tia"), event.get("coa"), event.get("features")
        else:
            self.count = max(0, self.count - 1)


def judge_outside(log: Log, stretches: list[Stretch], result: Judgement) -> None:
    """Note in `result` what `log` shows of the order of the layers (lines 577-590) and of each registration."""
    boot = log.site.get("boot") == "true"
    association = _Association(0, boot)
    outside = _ExternalBindings(boot)
    own = False  # whether the latest key exchange ran from a care-of address
    for stretch, event, meaning in _in_order(log, stretches):
        if event.name == "sa":
            association.change(event)
        elif event.name == "gap":
            association, outside = _Association(0, False), _ExternalBindings(False)
        if stretch is None:
            continue
        if isinstance(meaning, Accepted) and meaning.request.agent == "xha" and meaning.request.path == "direct":
            outside.accepted(stretch.interface, event, meaning)
        elif isinstance(meaning, Sent) and meaning.request.agent == "xha" and not meaning.request.registers:
            outside.withdrawn(meaning.request.coa, site=log.site)
        elif event.name == "ike" and event.get("phase") == "start":
            own = stretch.coa is not None and event.get("src") == stretch.coa
            _key_exchange(log.site, stretch, event, outside, result)
        elif isinstance(meaning, Sent) and meaning.request.path == "vpn" and meaning.request.registers:
            up = "yes" if association.count else "no" if association.known else "untold"
            result.decide(up, "outside-in-order", event, "registered through a VPN that is not up")
            _flags(event, meaning.request, association, result)
            _agreed(event, meaning.request, association, own, result)


def _in_order(log: Log, stretches: list[Stretch]) -> Iterator[tuple[Stretch | None, Event, Meaning]]:
    meanings = {item.event.order: (stretch, item.meaning) for stretch in stretches for item in stretch.items}
    for event in log.events:
        stretch, meaning = meanings.get(event.order, (None, None))
        yield stretch, event, meaning


def _key_exchange(
    site: dict[str, str], stretch: Stretch, event: Event, outside: _ExternalBindings, result: Judgement
) -> None:
    """3.5, lines 743-750, and 3.6 to 3.8: registered with the x-HA first, then IKE from the x-HoA."""
    source, vendor = event.get("src"), event.get("vendor") or ""
    if "xha" not in site or "xhoa" not in site or source is None:
        return
    if source == site["xhoa"]:
        right = outside.registered(stretch, event.time)
        result.decide(right, "outside-in-order", event, "IKE before a registration with the x-HA through it")
    elif "endpoint-update" in site.get("capabilities", "") or "endpoint-update" in vendor:
        result.note("free", "outside-in-order", stretch.interface, event, "an endpoint that moves (Appendix C)")
    elif source == stretch.coa:
        result.note("broken", "outside-in-order", stretch.interface, event, "IKE from the care-of address")


def _flags(event: Event, request: Request, association: _Association, result: Judgement) -> None:
    """T, and D if co-located: 3.5, lines 752-757, 3.6, lines 793-798, 3.7, lines 819-824, 3.8, lines 861-866."""
    tia, vpn_coa = association.tia, association.vpn_coa
    if request.flags is None:
        return
    if "T" not in request.flags:
        result.decide("no", "vpn-flags", event, "no reverse tunnel through the VPN")
    elif request.coa is not None and request.coa in (tia, vpn_coa) and tia != vpn_coa:
        fits = ("D" in request.flags) == (request.coa == tia)
        result.decide("yes" if fits else "no", "vpn-flags", event, "the D flag does not fit")


def _agreed(event: Event, request: Request, association: _Association, own: bool, result: Judgement) -> None:
    """3.3, lines 632-639, 3.4, lines 690-699, 3.6, lines 776-791, 3.8, lines 851-859: options only where agreed on.

    `own`: the key exchange ran from the care-of address, which needs the endpoint update of Appendix C.
    """
    needs = (["vpn-fa"] if request.coa is not None and request.coa == association.vpn_coa else []) + (
        ["endpoint-update"] if own else []
    )
    for option in needs:
        if association.features is None:
            result.note("free", "agreed-options", event.interface, event, f"the log does not tell whether {option} is")
        else:
            right = "yes" if option in association.features else "no"
            result.decide(right, "agreed-options", event, f"{option} was not agreed on")


class _ExternalBindings:
    """The care-of addresses that the x-HA has for the node (RFC 3344, lines 3190-3213), and through which interface."""

    def __init__(self, known: bool) -> None:
        self._known = known
        self._bindings: dict[str | None, tuple[str, int]] = {}

    def accepted(self, interface: str, event: Event, accepted: Accepted) -> None:
        """Note what the x-HA accepted."""
        request = accepted.request
        if not request.registers:
            return
        if request.flags is None or "S" not in request.flags or accepted.code == 1:
            self._bindings.clear()
            self._known = True
        lifetime = int(event.get("lifetime") or request.lifetime or 0)
        self._bindings[request.coa] = (interface, accepted.last + lifetime * 1_000_000_000)

    def withdrawn(self, coa: str | None, site: dict[str, str]) -> None:
        """Note that the node has asked to end a binding, or all of them: it cannot rely on what may be gone."""
        if coa is not None and coa == site.get("xhoa"):
            self._bindings.clear()
        self._bindings.pop(coa, None)

    def registered(self, stretch: Stretch, now: int) -> str:
        """Say whether `stretch` is registered: `yes`, `no`, `untold`, or `free` where another interface is."""
        own = self._bindings.get(stretch.coa)
        if own is not None and own[1] >= now:
            return "yes"
        if any(interface != stretch.interface and until >= now for interface, until in self._bindings.values()):
            return "free"
        return "no" if self._known and stretch.known else "untold"
