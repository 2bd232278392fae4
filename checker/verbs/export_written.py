"""What `mipcheck export` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mipcheck.checker.console.apart import Died, apart
from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.proofs.replayed import check_names, parameters_of
from mipcheck.model.specification.claimed import Consistent
from mipcheck.model.specification.compose import owners
from mipcheck.model.specification.spec import Spec
from mipcheck.model.version import __version__


def drawn(spec: Spec, kind: str, names: Sequence[str], role: str | None) -> str:
    """Return the state diagrams of a role as `mermaid` or `dot`. Raises UsageError for what cannot be drawn."""
    from mipcheck.model.specification.diagrams import diagrams, dot, drawable, mermaid

    machines = {m.role: m for m in spec.machines()}
    check_names("role", [role] if role else [], machines)
    own = machines[role] if role else spec
    known = [v.name for v in own.variables.values() if drawable(v) and not v.tells_of]
    check_names("variable with few values", names, known)
    found = diagrams(own, names)
    if not found:
        raise UsageError(f"nothing that {own.role} keeps in {spec.name} can be drawn")
    title = f"{spec.name}, role {own.role}: what its state may be, and which events change it (mipcheck {__version__})"
    return mermaid(found, title) if kind == "mermaid" else dot(found, title)


def system(spec: Spec, kind: str, names: Sequence[str], parameters: Mapping[str, str]) -> str:
    """Return the transition system of a property as `horn` clauses or `vmt`.

    It has all rules where those on the same events do not prove it: what never happens would be reached without them.
    Raises UsageError for what is no property, or one about more than a system; ParameterError.
    """
    from mipcheck.model.prover.prove import own_rules_suffice, system_of_property
    from mipcheck.model.prover.setting import setting_of
    from mipcheck.model.prover.systems import horn, vmt

    known = owners(spec)
    check_names("property", names, known)
    if len(names) != 1:
        raise UsageError(f"export {kind} takes one property: {', '.join(known)}")
    (name,) = names
    owner = known[name]
    if isinstance(owner.properties[name].claim, Consistent):
        raise UsageError(f"{name} is about several systems; mipcheck prove {name} --smtlib DIR writes its proofs")
    setting = setting_of(owner, parameters_of(spec, parameters))
    try:
        whole = not next(apart(lambda: iter((own_rules_suffice(setting, name),))))
    except Died:  # of a question that only spares another solver rules
        whole = True
    rules = "all rules" if whole else "rules on the same events"
    title = f"{name} of {spec.name} ({setting.about}, {rules}): {owner.properties[name].text}"
    built = system_of_property(setting, name, whole)
    return (horn if kind == "horn" else vmt)(built, " ".join(title.split()))


def states(spec: Spec, paths: Sequence[str]) -> str:
    """Return a log as ITF, Apalache's format of traces: what was known after each event.

    Raises UsageError, for a log that is too long as well, and InputError.
    """
    from mipcheck.checker.check.machine import machine_of
    from mipcheck.checker.inputs.read import read_trace
    from mipcheck.checker.trace.vocabulary import vocabulary_of
    from mipcheck.checker.verbs.export_itf import MOST, itf
    from mipcheck.model.specification.layering import Layering

    if len(paths) != 1:
        raise UsageError("export itf takes one log")
    trace = read_trace(paths, vocabulary_of(spec), protects=Layering(spec).protected)
    if len(trace.events) > MOST:
        raise UsageError(f"{paths[0]} has more than {MOST} events, and a state for each would be too much to read")
    machine = machine_of(spec, trace.site)
    if machine.spec.tracks:
        raise UsageError(f"{paths[0]} is about many nodes (role={machine.spec.role}); export itf takes the log of one")
    return itf(machine, trace.events, trace.site.boot, f"{trace.inputs[0].file} ({spec.name}, mipcheck {__version__})")
