"""What each access mode costs in octets, computed from declarations, beside what a capture was measured to carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mipcheck.checker.console.errors import UsageError, did_you_mean, joined, listed, quoted
from mipcheck.checker.console.valid_json import SCHEMA, dumps
from mipcheck.checker.proofs.replayed import parameters_of, show_parameter
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.overhead import COLUMNS, ROWS, Cell, Overhead, Untold

if TYPE_CHECKING:
    from mipcheck.checker.console.lines import Lines
    from mipcheck.checker.site.site import EspSa
    from mipcheck.checker.verbs.overhead_measured import Measured
    from mipcheck.model.specification.spec import Spec

CIPHERS: Final = {
    "3des-cbc": (8, 8, None),
    "aes-cbc": (16, 16, None),
    "aes-ctr": (8, 4, None),
    "aes-gcm": (8, 4, 16),
    "chacha20-poly1305": (8, 4, 16),
    "null": (0, 4, None),
}
"""Octets of the IV, octets to which the packet is padded (RFC 4303 has 4 at least), and the integrity check value of
those that have one of their own."""
INTEGRITIES: Final = {
    "hmac-md5-96": 12,
    "hmac-sha1-96": 12,
    "hmac-sha2-256-96": 12,
    "hmac-sha2-256-128": 16,
    "hmac-sha2-384-192": 24,
    "hmac-sha2-512-256": 32,
}
"""Octets of the integrity check value."""
_USUAL: Final = "hmac-sha1-96"
SIZES: Final = {"iv": "esp_iv", "block": "esp_block", "icv": "esp_icv"}
"""Options → the parameters that they set."""


@dataclass(frozen=True)
class Costs:
    """All that is shown. `parameters` are the words in use, `modes` what each mode's layers add, without and with NATs.

    `measured` is None without a capture; `computed` are, by stack, the octets of the modes that it fits, with the
    cipher that the site names unless another was asked for.
    """

    spec: Spec
    parameters: Mapping[str, str]
    nat: bool
    rows: Mapping[str, Mapping[str, Cell]]
    modes: Mapping[str, tuple[list[tuple[str, int]], int]]
    measured: Sequence[Measured] | None = None
    computed: Mapping[str, Mapping[str, int]] | None = None
    note: str = ""


def sizes_of(cipher: str) -> dict[str, int]:
    """Return iv, block and icv in octets of `aes-cbc+hmac-sha2-256-128`, `aes-gcm` and the like. Raises UsageError."""
    name, plus, check = cipher.lower().partition("+")
    if name not in CIPHERS:
        raise UsageError(
            joined(f"unknown cipher {quoted(name)}", did_you_mean(name, CIPHERS), f"known: {listed(list(CIPHERS))}")
        )
    iv, block, icv = CIPHERS[name]
    if icv is not None:
        if plus:
            raise UsageError(f"{name} has an integrity check of its own, so that {quoted(check)} is one too many")
        return {"iv": iv, "block": block, "icv": icv}
    check = check if plus else _USUAL
    if check not in INTEGRITIES:
        hint = joined(did_you_mean(check, INTEGRITIES), f"known: {listed(list(INTEGRITIES))}")
        raise UsageError(joined(f"unknown integrity check {quoted(check)}", hint))
    return {"iv": iv, "block": block, "icv": INTEGRITIES[check]}


def costs(
    spec: Spec,
    *,
    capture: str | None = None,
    config: str | None = None,
    words: Mapping[str, str] | None = None,
    sizes: Mapping[str, int | None] | None = None,
    cipher: str | None = None,
    nat: bool = False,
) -> Costs:
    """Compute what each mode costs, and measure a capture if one is given.

    `words` are parameters and, with a capture, site keys; `sizes` are iv, block and icv in octets, which win over the
    `cipher`. Raises UsageError, ParameterError, and what reading a capture raises.
    """
    chosen = {k: v for k, v in (sizes or {}).items() if v is not None}
    if cipher is not None:
        chosen = {**sizes_of(cipher), **chosen}
    own = {n: w for n, w in (words or {}).items() if n in spec.parameters or capture is None}
    values = _values(spec, own, chosen)
    measured, computed, note = None, None, ""
    if not spec.accesses:
        raise UsageError(f"{spec.name} declares no access modes, so that there is nothing to compute")
    try:
        overhead = Overhead(spec, values)
        rows = overhead.table(nat)
        modes = {a.name: (layers := overhead.layers(a), overhead.mode(a, nat=True) - sum(o for _, o in layers))
                 for a in spec.accesses.values()}  # fmt: skip
        if capture is not None:
            measured, of_site, note = _measured(spec, capture, config, words or {})
            if cipher is None:
                overhead = Overhead(spec, _values(spec, own, {**of_site, **chosen}))
            computed = {m.stack: overhead.of_stack(m.stack) for m in measured}
    except Untold as error:
        raise UsageError(f"{error}, so that there is nothing to compute") from None
    shown = {n: show_parameter(spec, n, values[n]) for n in SIZES.values() if n in values}
    return Costs(spec, shown, nat, rows, modes, measured, computed, note)


def _values(spec: Spec, words: Mapping[str, str], sizes: Mapping[str, int]) -> dict[str, int]:
    """Return the values of all parameters; `words` win over `sizes`. Raises UsageError, ParameterError."""
    given = parameters_of(spec, words)
    for option, octets in sizes.items():
        if SIZES[option] not in spec.parameters:
            raise UsageError(f"{spec.name} has no parameter {SIZES[option]}, which --{option} and --cipher would set")
        if octets < 0 or (option == "block" and octets < 1):
            raise UsageError(f"--{option} is a number of octets, not {octets}")
        given.setdefault(SIZES[option], octets)
    return configure(spec, given)


def _measured(
    spec: Spec, capture: str, config: str | None, words: Mapping[str, str]
) -> tuple[list[Measured], dict[str, int], str]:
    """Measure a capture; return also the sizes of the cipher that the site names, and a note on that. Raises UsageError
    and what reading a capture raises."""
    from mipcheck.checker.inputs.opening import goes_by, open_input
    from mipcheck.checker.inputs.read import read_trace
    from mipcheck.checker.trace.derive import derive
    from mipcheck.checker.trace.vocabulary import vocabulary_of
    from mipcheck.checker.verbs.overhead_measured import measure
    from mipcheck.model.specification.layering import Layering

    if goes_by(capture):
        raise UsageError("a capture is read twice to be measured, which neither standard input nor a pipe can be")
    trace = read_trace([capture], vocabulary_of(spec), config, words, protects=Layering(spec).protected)
    (source,) = trace.inputs
    if source.frames is None:
        raise UsageError(f"{quoted(capture)} is a log: only a capture shows how long packets are")
    events = derive(spec, source.events, trace.site.capabilities)
    with open_input(capture) as stream:
        found = measure(stream, capture, events, trace.site.esp_sas)
    sizes, note = _of_site(trace.site.esp_sas) if all(n in spec.parameters for n in SIZES.values()) else ({}, "")
    return found, sizes, note


def _of_site(sas: Sequence[EspSa]) -> tuple[dict[str, int], str]:
    """Return the sizes of the one cipher that the site's associations name, if it is one, and a note."""
    names = {
        sa.encryption if CIPHERS.get(sa.encryption, (0, 0, 0))[2] else f"{sa.encryption}+{sa.integrity}" for sa in sas
    }
    if len(names) != 1:
        return {}, "the site names several ciphers; computed for the one above" if names else ""
    (name,) = names
    try:
        return sizes_of(name), f"computed for {name}, which the site names"
    except UsageError:
        return {}, ""


# --- rendering ------------------------------------------------------------------------------------------------------


def costs_json(c: Costs) -> str:
    """Return the costs as one JSON object.

    `rows` are by contract, null where a node is not mobile; `modes` are without options of the draft, and `nat` is what
    NATs add to them.
    """
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "spec": c.spec.name,
        "parameters": dict(c.parameters),
        "nat": c.nat,
        "rows": {row: {column: cell.octets for column, cell in cells.items()} for row, cells in c.rows.items()},
        "by": {row: {column: cell.mode or None for column, cell in cells.items()} for row, cells in c.rows.items()},
        "modes": {
            mode: {"octets": sum(o for _, o in layers), "layers": dict(layers), "nat": extra,
                   "needs": list(c.spec.accesses[mode].needs)}
            for mode, (layers, extra) in c.modes.items()
        },
    }  # fmt: skip
    if c.measured is not None:
        content["measured"] = [_measured_object(c, m) for m in c.measured]
        content["note"] = c.note or None
    return dumps(content, indent=2) + "\n"


def _measured_object(c: Costs, m: Measured) -> dict[str, Any]:
    """Return a measurement as JSON has it."""
    return {
        "interface": m.interface,
        "modes": list(m.modes),
        "stack": m.stack,
        "packets": m.packets,
        "least": min(m.octets, default=None),
        "mean": round(m.mean, 2) if m.octets else None,
        "most": max(m.octets, default=None),
        "computed": (c.computed or {}).get(m.stack, {}),
        "unmeasured": m.unmeasured,
    }


_HEADS: Final = {
    "basic": ("basic",),
    "vpn-fa": ("vpn-fa",),
    "vpn-fa+sa-update": ("vpn-fa", "+sa-", "update"),
    "vpn-fa+zot": ("vpn-fa", "+zot"),
    "vpn-fa+sa-update+zot": ("vpn-fa", "+sa-", "update", "+zot"),
}
_WIDE: Final = max(map(len, ROWS))


def costs_text(c: Costs, width: int, colour: bool = False) -> str:
    """Return the costs for a terminal of `width` columns: the table of section 6.2, if it is about that, the modes,
    and what was measured."""
    from mipcheck.checker.console.lines import Lines

    lines = Lines(width, colour)
    lines.line(f"Octets around a user packet, at most{', through a NAT for each layer' if c.nat else ''}:")
    lines.line("")
    if any(not capabilities.isdisjoint(c.spec.capabilities) for capabilities in COLUMNS.values()):
        _show_table(lines, c)
    wide = max(map(len, c.modes))
    for mode, (layers, extra) in c.modes.items():
        total = sum(o for _, o in layers)
        parts = " + ".join(f"{o} {name}" for name, o in layers)
        needs = f"; needs {', '.join(c.spec.accesses[mode].needs)}" if c.spec.accesses[mode].needs else ""
        lines.labelled(mode, [f"{total} = {parts}; NATs add {extra}{needs}"], wide)
    if c.parameters:
        lines.line("")
        lines.line(f"{c.spec.name}: " + ", ".join(f"{n} = {w}" for n, w in c.parameters.items()))
    for m in c.measured or ():
        lines.line("")
        _show_measured(lines, c, m)
    if c.measured is not None and not c.measured:
        lines.line("")
        lines.line("The capture holds no user data of the node.")
    if c.note:
        lines.line("")
        lines.line(c.note)
    return lines.text()


def _show_table(lines: Lines, c: Costs) -> None:
    """Write the table, whose columns are capabilities of the draft: to whom it knows none of them it says nothing."""
    for n in range(max(map(len, _HEADS.values()))):
        lines.line(" " * _WIDE + "".join(f"{(*_HEADS[column], '', '', '')[n]:>7}" for column in COLUMNS))
    for row, cells in c.rows.items():
        figures = ["-" if cell.octets is None else str(cell.octets) for cell in cells.values()]
        lines.line(f"{row:{_WIDE}}" + "".join(f"{f:>7}" for f in figures))
    lines.line("- means that the node is not mobile there.")
    lines.line("")


def _show_measured(lines: Lines, c: Costs, m: Measured) -> None:
    """Write a measurement beside what was computed."""
    lines.title((m.interface, "bold"), (f"  {m.stack}", ""))
    lines.labelled("modes", [" or ".join(m.modes) or "none that the specification knows"])
    if m.octets:
        least, most = min(m.octets), max(m.octets)
        span = f"{least} octets" if least == most else f"{least} to {most} octets, {m.mean:.1f} on average,"
        lines.labelled("measured", [f"{span} around {m.packets} packet{'s' * (m.packets > 1)}"])
    lines.labelled("unseen", [f"{n} packets: {why}" for why, n in m.unmeasured.items()])
    computed = (c.computed or {}).get(m.stack, {})
    lines.labelled("computed", [f"{mode}: {octets} at most" for mode, octets in computed.items()])
    if m.octets and computed and max(m.octets) > max(computed.values()):
        lines.labelled("excess", ["more than the declarations explain: longer padding, IP options, or another cipher"])
