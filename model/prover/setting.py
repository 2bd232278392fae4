"""The setting of a proof: a specification with values for its parameters, a site, and the rules in force."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import z3
from mipcheck.model.prover.form import Form
from mipcheck.model.prover.named import among_named
from mipcheck.model.prover.remembered import Itself
from mipcheck.model.prover.symbolic import WHOLE_NODE, World
from mipcheck.model.prover.tables import Reduction, followed, tracked
from mipcheck.model.prover.witness import keys_used
from mipcheck.model.specification.claimed import Property
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.fold import Folding
from mipcheck.model.specification.parties import attacker
from mipcheck.model.specification.spec import Allow, Configure, Rule, Spec


@dataclass(frozen=True)
class Setting:
    """Times in ns, `timeout` in seconds for each call of a solver; `without` are rules not in force.

    `given` are the parameters that are not left to their defaults.
    """

    spec: Spec
    parameters: Mapping[str, int]
    site: Mapping[str, int]
    rules: Mapping[str, Rule]
    without: frozenset[str]
    timeout: float
    capabilities: frozenset[str] = frozenset()
    given: Mapping[str, int] = field(default_factory=dict)
    unfolded: Spec | None = None
    """The specification before what the setting fixes was written into it."""
    reduction: Reduction | None = None
    """How its tables were taken out, for a proof or for traces."""
    form: Form = Form()

    def followed(self, p: Property | None = None) -> Setting:
        """Return the setting for the proof of a property, or of what speaks of events alone: without tables.

        Raises TooManyEntries for a property that speaks of more than can be followed.
        """
        return self._reduced(followed(self.spec, p)) if self.spec.tables else self

    def tracked(self, count: int = 1) -> Setting:
        """Return the setting for traces that speak of that many entries of each table."""
        if not self.spec.tables:
            return self
        if count not in self._tracked:
            self._tracked[count] = self._reduced(tracked(self.spec, count))
        return self._tracked[count]

    @cached_property
    def _tracked(self) -> dict[int, Setting]:
        """What `tracked` has returned: it is asked for each trace that is shown."""
        return {}

    def on(self, site: Mapping[str, int]) -> Setting:
        """Return the setting with other addresses, if there are any."""
        return replace(self, site={**self.site, **site}) if site else self

    @cached_property
    def misconfigured(self) -> frozenset[str]:
        """The rules on configuration that the parameters and the example's addresses break."""
        w = self.world(())
        return frozenset(
            r.id
            for r in self.rules.values()
            if isinstance(r.body, Configure)
            and z3.is_false(z3.simplify(w.term(r.body.condition, {}, WHOLE_NODE, {}, None)))
        )

    def in_steps(self, unit: int) -> World:
        """Return the world of all rules in steps of `unit` ns, of which scripts are runs; each is made once."""
        if unit not in self._in_steps:
            self._in_steps[unit] = self.world(self.rules.values(), unit)
        return self._in_steps[unit]

    @cached_property
    def _in_steps(self) -> dict[int, World]:
        """What `in_steps` has returned."""
        return {}

    @cached_property
    def used(self) -> set[tuple[str, str]]:
        """The keys that the specification looks at: (event, key)."""
        return keys_used(self.spec)

    def _reduced(self, reduction: Reduction) -> Setting:
        rules = {n: reduction.rule(r) for n, r in self.rules.items()}
        return replace(self, spec=reduction.spec, rules=rules, reduction=reduction)

    def of_property(self, p: Property) -> Property:
        """Return a property as this setting has it, where tables have been taken out of that."""
        return p if self.reduction is None else self.reduction.of_property(p)

    def these(self, rules: Iterable[Rule]) -> list[Rule]:
        """Return rules as this setting has them."""
        return [r if self.reduction is None else self.reduction.rule(r) for r in rules]

    def assuming(self, names: Iterable[str]) -> Setting:
        """Return a setting in which the network keeps to these assumptions alone."""
        chosen = frozenset(names)
        if chosen >= self.spec.assumptions.keys():
            return self
        return replace(self, spec=_assuming(Itself(self.spec), chosen))

    def telling(self, rule: str) -> Setting:
        """Return a setting in which a rule applies: with the parameters given that it asks for, if it needs them."""
        spec = self.unfolded or self.spec
        names = {n for t in spec.rules[rule].terms() for n in t.names("given")}
        if not names or not Folding({}, self.capabilities, self.given).is_idle(spec.rules[rule]):
            return self
        return self.saying(names)

    def saying(self, names: Iterable[str]) -> Setting:
        """Return a setting in which these parameters are given the values that they have."""
        told = {**self.given, **{n: self.parameters[n] for n in sorted(names)}}
        return setting_of(self.unfolded or self.spec, told, self.without, self.capabilities, self.timeout)

    def world(self, rules: Iterable[Rule], unit: int | None = None, elsewhere: bool = False) -> World:
        """Return the world of some rules; `unit` is the step of integer time in ns, None for real time.

        With `elsewhere` it is that of one interface among any number of others.
        """
        count = 1 if elsewhere else len(self.interfaces)
        others = self.form.is_any and count > 1
        return World(self.spec, self.parameters, self.site, rules, unit, count, capabilities=self.capabilities,
                     given=self.given, elsewhere=elsewhere or others, others=others)  # fmt: skip

    @property
    def trackings(self) -> Iterator[Setting]:
        """The settings to look for traces in, one after the other: that speak of one entry of a table, or of two."""
        yield self.tracked()
        if self.spec.tables:
            yield self.tracked(2)

    @property
    def interfaces(self) -> range:
        """The interfaces of a proof or a trace.

        Where nothing is kept for an interface, there is no telling them apart, and one does.
        """
        return range(self.form.count if self.spec.interface_variables() else 1)

    @property
    def about(self) -> str:
        """The interfaces that a proof is about, in words; of a system, the parties and what an attacker can do."""
        if self.spec.parties:
            (p,) = self.spec.properties.values()
            return f"{len(self.spec.parties)} parties, {attacker(p.against)}"
        if len(self.interfaces) == 1:
            return "any one mobile node"
        return {"any": "any number of interfaces", "2": "two interfaces", "3": "three interfaces"}[self.form.interfaces]

    @property
    def musts(self) -> list[Rule]:
        """The MUST rules in force."""
        return [r for r in self.rules.values() if r.level == "MUST" and r.id not in self.without]

    def permissions(self, events: Collection[str]) -> list[Rule]:
        """Return the MUST rules in force that are permissions on some of these events."""
        return [r for r in self.musts if r.permits(events)]

    @property
    def advice(self) -> frozenset[str]:
        """The rules in force that are no MUST."""
        return frozenset(r.id for r in self.rules.values() if r.level != "MUST")


@lru_cache(maxsize=32)
def _assuming(spec: Itself[Spec], names: frozenset[str]) -> Spec:
    assumptions = {n: a for n, a in spec.what.assumptions.items() if n in names}
    return replace(spec.what, assumptions=assumptions)


SITE = {"iha": 0x0A010002, "xha": 0xC6336402, "vpn": 0xC0000201, "ihoa": 0x0A010064, "xhoa": 0xC6336464}
"""Addresses that traces of the prover use, those of the example in the log format; others follow TEST-NET-1."""


def example_site(spec: Spec) -> dict[str, int]:
    """Return an address for each name of the site."""
    return {name: SITE.get(name, 0xC0000210 + n) for n, name in enumerate(spec.sites)}


def setting_of(
    spec: Spec,
    parameters: Mapping[str, int] | None = None,
    without: Iterable[str] = (),
    capabilities: frozenset[str] = frozenset(),
    timeout: float = 60.0,
) -> Setting:
    """Return the setting of a specification, with its example site.

    `parameters` are in ns by name, `timeout` is in seconds for each solver call. Raises ParameterError, and KeyError
    for a rule to be `without` that does not exist.
    """
    dropped = frozenset(without)
    for name in sorted(dropped - set(spec.rules)):
        raise KeyError(name)
    values = configure(spec, parameters or {})
    readings = {n: values[n] for n, p in spec.parameters.items() if p.readings}
    unfolded, spec = spec, among_named(Folding(readings, capabilities, parameters or {}).spec(spec))
    spec = replace(spec, rules={n: _demanding(r) for n, r in spec.rules.items()})
    rules = {r.id: r for r in spec.rules.values() if r.applies(capabilities)}
    return Setting(spec, values, example_site(spec), rules, dropped, timeout, capabilities, dict(parameters or {}),
                   unfolded)  # fmt: skip


def _demanding(rule: Rule) -> Rule:
    """Return a rule without what shows that it is kept: that is about traces, and demands nothing."""
    return replace(rule, body=replace(rule.body, kept=())) if isinstance(rule.body, Allow) else rule
