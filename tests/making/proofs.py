"""Results of the bundled specifications, from the certificates that come with them."""

from __future__ import annotations

from functools import cache

from mipcheck.checker.proofs.certificates import known
from mipcheck.model.prover.prove import Proofs, Result
from mipcheck.model.specification.load import load


@cache
def proofs_of(spec: str) -> Proofs:
    """Return the proofs of a bundled specification."""
    return Proofs(load(spec), certificate=known(spec))


@cache
def result_of(spec: str, name: str) -> Result:
    """Return what is proved of a property, and what that needs."""
    proofs = proofs_of(spec)
    return proofs.completed(proofs.verdict(name))
