"""The machine that a trace is held against: what a specification says of a node of the site's role, at that site."""

from __future__ import annotations

from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.site.site import Site
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.configure import configure, read_parameter
from mipcheck.model.specification.spec import Spec


def machine_of(spec: Spec, site: Site, kept: bool = True) -> Machine:
    """Return the machine for a site, of what `spec` says of its role; `kept`: its code is kept for the next run.

    Raises UsageError if that is nothing, ParameterError for a parameter that has no such value.
    """
    spec = _of_role(spec, site.role)
    given = {n: read_parameter(spec.parameters[n], w) for n, w in site.parameters.items()}
    addresses = {n: a for n, a in site.addresses.items() if n in spec.sites}
    return Machine(spec, configure(spec, given), addresses, site.capabilities, given, kept=kept)


def _of_role(spec: Spec, role: str) -> Spec:
    """Return what a specification says of a node of that role. Raises UsageError if that is nothing."""
    try:
        return spec.for_role(role)
    except KeyError:
        known = ", ".join(f"role={m.role}" for m in spec.machines())
        raise UsageError(
            f"role={role}: {spec.name} states requirements on {known} only, and a trace of another node cannot be held"
            " against them"
        ) from None
