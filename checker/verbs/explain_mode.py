"""The page of an access mode: what it is by its declaration, and what the rules make of it.

Flags and addresses are facts that the prover has proved for whoever says that they use the mode. The steps are the
shortest trace that exercises, one after the other, what the specification lists for the mode; it is replayed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from mipcheck.checker.console.progress import Steps
from mipcheck.checker.console.valid_json import SCHEMA, dumps
from mipcheck.checker.proofs.kept import KeptLogs
from mipcheck.checker.proofs.replayed import agree, events_of, parameters_of, statuses, trace_text
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.overhead import Overhead, Untold
from mipcheck.model.specification.spec import FOREIGN_AGENT, Allow

if TYPE_CHECKING:
    from mipcheck.model.specification.layers import Access
    from mipcheck.model.specification.spec import Spec
    from mipcheck.model.specification.term import Term

PROTECTION: Final = {"protection": ("none", "esp")}
"""How events tell whether a packet is protected."""


@dataclass(frozen=True)
class LayerOfMode:
    """A layer: what it is, whose address it registers, and who takes its headers off a packet that comes in."""

    name: str
    text: str
    address: str
    protects: bool
    unwrapped_by: str
    octets: int | None


@dataclass(frozen=True)
class Always:
    """A fact about something that the node sends: `key` is always `value`, by rules of that level at least."""

    event: str
    key: str
    value: str
    level: str


@dataclass(frozen=True)
class ModePage:
    """An access mode, ready to be shown. `headers` are outermost first, `nat` those with a NAT at every layer; `octets`
    and `nat_octets` what they cost, None if that is not declared. `steps` is a log, empty if none was found."""

    name: str
    text: str
    spec: str
    layers: tuple[LayerOfMode, ...]
    needs: tuple[str, ...]
    headers: str
    nat: str
    octets: int | None
    nat_octets: int | None
    always: tuple[Always, ...]
    rules: tuple[tuple[str, str], ...]
    statements: tuple[tuple[str, str], ...]
    steps: str


def mode_page(
    spec: Spec,
    name: str,
    parameters: Mapping[str, str] | None = None,
    timeout: float = 20.0,
    kept: KeptLogs | None = None,
) -> ModePage:
    """Make the page of an access mode; `parameters` are words by name, `timeout` is seconds for each call of a solver.

    Steps that are `kept`, and traces that refute what might be a fact, are not sought, if no parameters are given.

    Raises KeyError, UsageError, ParameterError, Disagreement.
    """
    from mipcheck.model.prover.modes import Mode
    from mipcheck.model.prover.variants import speaks_of

    access = spec.accesses[name]
    given = parameters_of(spec, parameters or {})
    mode = Mode(spec, access, given, timeout)
    statements = [s for s in spec.statements.values() if name in s.by]
    own = [r for s in statements if len(set(s.by) & set(spec.accesses)) == 1 for r in s.by if r in spec.rules]
    with Steps(2, f"{name},") as progress:
        progress.step("steps")

        def seek() -> str:
            trace = mode.steps(_last(spec, access), dict.fromkeys(own))
            if trace is None:
                return ""
            text = trace_text(spec, trace, given, [f"Access mode {name}, step by step."], frozenset(access.needs))
            agree(spec, text, trace.broken)
            return text

        logs = kept or KeptLogs(spec.name)
        last = [
            p.event
            for r in spec.rules.values()
            if isinstance(r.body, Allow) and mode.is_layering(r.body)
            for p in r.body.patterns
        ]
        steps = seek() if given else logs.log(f"steps-{name}", partial(_steps_to, spec, own, last), seek)
        progress.step("flags and addresses")
        if not given:
            mode.recall(logs.scripts(f"facts-{name}"))
        always = [Always(str(f.situation), f.key, f.value, f.level) for f in mode.facts(events_of(spec, steps))]
        if not given:
            logs.keep_scripts(f"facts-{name}", mode.recalled())
    rules = [r for r in spec.rules.values() if r.id in own or speaks_of(spec, r, name)]
    plain, nat = (_octets(spec, access, given, through) for through in (False, True))
    return ModePage(
        name=name,
        text=access.text,
        spec=spec.name,
        layers=tuple(_layers(spec, access, plain)),
        needs=access.needs,
        headers=_headers(spec, access, False),
        nat=_headers(spec, access, True),
        octets=None if plain is None else sum(plain),
        nat_octets=None if nat is None else sum(nat),
        always=tuple(always),
        rules=tuple((r.id, r.text) for r in rules),
        statements=tuple((s.id, s.text) for s in statements),
        steps=steps,
    )


def _steps_to(spec: Spec, own: Sequence[str], last: Collection[str], log: str) -> bool:
    """Decide whether a log breaks no rule, keeps all of the mode's `own`, and ends with one of the `last` events."""
    status = statuses(spec, log)
    events = events_of(spec, log)
    held = all(status[r] == "held" for r in own if r in status)
    return held and "violated" not in status.values() and bool(events) and events[-1].kind in last


def _last(spec: Spec, access: Access) -> list[Term]:
    """Return conditions on the last step: user data leaves, protected if a layer protects, with the mode's headers."""
    from mipcheck.checker.trace.derive import ACCESS
    from mipcheck.model.specification.term import Term
    from mipcheck.model.values.types import BOOL

    protected = any(spec.layers[layer].protects for layer, _ in access.parts)
    wanted = {"dir": "out", "protection": PROTECTION["protection"][protected]}
    found: list[Term] = []
    for event in spec.events.values():
        if ACCESS not in event.by_name or not event.by_name[ACCESS].type.is_set:
            continue
        for key, word in wanted.items():
            if key in event.by_name and word in (members := event.by_name[key].type.members):
                type_ = event.by_name[key].type
                constant = Term("const", type_, word, members.index(word))
                found.append(Term("=", BOOL, args=(Term("key", type_, key), constant)))
        type_ = event.by_name[ACCESS].type
        if access.name in type_.members:
            index = type_.members.index(access.name)
            found.append(Term("has", BOOL, access.name, index, (Term("key", type_, ACCESS),)))
        break
    return found


def _layers(spec: Spec, access: Access, octets: list[int] | None) -> Iterator[LayerOfMode]:
    """Yield the layers from the outermost; what is inside a protecting layer has its agents at that layer's far end."""
    far = "on the link"
    for n, (name, kind) in enumerate(access.parts):
        layer = spec.layers[name]
        by = f"the foreign agent {far}" if kind == FOREIGN_AGENT else "the node"
        address = {"": "", FOREIGN_AGENT: "the foreign agent's", "colocated": "the node's own"}.get(kind, kind)
        yield LayerOfMode(name, layer.text, address, layer.protects, by, None if octets is None else octets[n])
        if layer.protects:
            far = f"at the far end of {name}"


def _octets(spec: Spec, access: Access, given: Mapping[str, int], nat: bool) -> list[int] | None:
    """Return the octets that each layer adds, None if that is not declared."""
    try:
        return [o for _, o in Overhead(spec, configure(spec, given)).layers(access, nat=nat)]
    except Untold:
        return None


def _headers(spec: Spec, access: Access, nat: bool) -> str:
    """Return the headers around the user's packet on the wire: each layer in its plain form, or in that for NATs."""
    parts = ["ip"]
    for name, kind in access.parts:
        forms = [f for f in spec.layers[name].forms if not f.given]
        chosen = next((f for f in forms if f.traversal == nat), forms[0])
        if kind != FOREIGN_AGENT:
            parts += [chosen.headers] if chosen.headers else []
            parts += ["ip"] if spec.layers[name].protects else []
    return "/".join(parts)


# --- rendering ------------------------------------------------------------------------------------------------------


def mode_json(page: ModePage) -> str:
    """Return the page as one JSON object."""
    content: dict[str, Any] = {"schema": SCHEMA, **asdict(page)}
    for key in ("rules", "statements"):
        content[key] = dict(content[key])
    return dumps(content, indent=2) + "\n"


def mode_text(page: ModePage, width: int, colour: bool = False) -> str:
    """Return the page for a terminal of `width` columns."""
    from mipcheck.checker.console.lines import Lines

    lines = Lines(width, colour)
    lines.title((page.name, "bold"), (f"  access mode of {page.spec}", ""))
    if page.text:
        lines.indented(page.text)
    lines.labelled("layers", [_layer(x) for x in page.layers])
    lines.labelled("needs", [", ".join(page.needs)] if page.needs else [])
    lines.labelled("headers", [page.headers, f"{page.nat} where NATs are passed"])
    if page.octets is not None and page.nat_octets is not None:
        parts = " + ".join(f"{x.octets} {x.name}" for x in page.layers)
        lines.labelled("octets", [f"{page.octets} = {parts}, at most; {page.nat_octets} where NATs are passed"])
    events: dict[str, list[Always]] = {}
    for fact in page.always:
        events.setdefault(fact.event, []).append(fact)
    shown = [
        f"{event}: {'; '.join(f'{f.key} is {f.value} ({f.level})' for f in facts)}" for event, facts in events.items()
    ]
    lines.labelled("always", shown or ["nothing was proved of what the node sends"])
    lines.labelled("rules", [f"{rule}: {text}" for rule, text in page.rules])
    lines.labelled("stated", [f"{name}: {text}" for name, text in page.statements])
    lines.line("")
    if page.steps:
        lines.line("step by step, as a log that keeps every rule:")
        lines.verbatim(page.steps)
    else:
        lines.line("No trace was found that shows all steps.")
    return lines.text()


def _layer(x: LayerOfMode) -> str:
    """Describe a layer in a line."""
    words = [f"{x.name}: {x.text}" if x.text else x.name]
    words += [f"registers {x.address} care-of address"] if x.address else []
    words += ["protects what is inside"] if x.protects else []
    return "; ".join([*words, f"unwrapped by {x.unwrapped_by}"])
