"""Results of the bundled specifications, from the certificates that come with them, and what small ones say."""

from __future__ import annotations

from functools import cache

from mipcheck.checker.proofs.certificates import known
from mipcheck.model.prover.prove import Proofs, Result
from mipcheck.model.specification.load import load

ASKING = """\
event ask(n: int) by node seen log
event go() by node seen log
interface { asked: int = 0 }
on ask { asked := n }
rule A MUST cite 1 "who goes has asked" allow go only if asked > 2
property asked cite 1 "who goes has asked for something" whenever go: asked > 1
"""
PASSING = """\
event pass() by node seen log
node { passed: bool = false }
on pass { passed := true }
rule B MUST cite 2 "once" allow pass only if not passed
property once cite 2 "once" whenever pass: not passed
"""
"""What small specifications say, each in a role of its own; all of it is proved in no time."""
LENGTHY = """
spec lengthy "who is told goes"
event ask(n: int) by node seen log
event go(n: int) by node seen log
node { asked: int = 0 }
on ask { asked := asked + 1 }
rule A MUST cite 1 "asked thrice" allow go only if asked >= 3
"""
"""A specification without properties; what refutes one takes some steps."""


@cache
def proofs_of(spec: str) -> Proofs:
    """Return the proofs of a bundled specification."""
    return Proofs(load(spec), certificate=known(spec))


@cache
def result_of(spec: str, name: str) -> Result:
    """Return what is proved of a property, and what that needs."""
    proofs = proofs_of(spec)
    return proofs.completed(proofs.verdict(name))
