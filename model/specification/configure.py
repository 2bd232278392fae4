"""Values of parameters: what was set, else the default, which may be computed from other parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mipcheck.model.specification.spec import Configure, Parameter, Rule, Spec
from mipcheck.model.specification.term import COMPARISONS, Term
from mipcheck.model.values.errors import UserError
from mipcheck.model.values.types import ValueSyntaxError, lacks_unit


class ParameterError(UserError, ValueError):
    """A parameter that does not exist, or a word that is no value of it. `name` says which."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def read_parameter(parameter: Parameter, word: str) -> int:
    """Return the value that a word such as `60s` gives a parameter. Raises ParameterError."""
    if lacks_unit(parameter.type, word):
        message = f"{parameter.name}={word}: a time needs a unit, such as {word}s or {word}ms"
        raise ParameterError(parameter.name, message)
    try:
        value = parameter.type.read(word)
    except ValueSyntaxError as error:
        raise ParameterError(parameter.name, f"{parameter.name}: expected {error}") from None
    return parameter.type.members.index(value) if isinstance(value, str) else int(value)  # type: ignore[arg-type]


def configure(spec: Spec, given: Mapping[str, int]) -> dict[str, int]:
    """Return all parameters of `spec` by name (times in ns), with the values `given` where there are any.

    Raises ParameterError for a name that the specification does not declare, or defaults that need each other.
    """
    for name in given:
        if name not in spec.parameters:
            raise ParameterError(name, f'unknown parameter "{name}"')
    return settled(spec.parameters, given)


def settled(parameters: Mapping[str, Parameter], given: Mapping[str, int]) -> dict[str, int]:
    """Return the values of all parameters, those that are not `given` by their defaults. Raises ParameterError for
    defaults that need each other."""
    values = dict(given)

    def value(name: str, pending: tuple[str, ...]) -> int:
        if name not in values:
            if name in pending:
                raise ParameterError(name, f"the default of {name} depends on itself")
            values[name] = evaluate(parameters[name].default, (*pending, name))
        return values[name]

    def evaluate(t: Term, pending: tuple[str, ...]) -> int:
        if t.kind == "const":
            return t.value
        if t.kind == "param":
            return value(t.name, pending)
        return _apply(t, [evaluate(a, pending) for a in t.args])

    for name in parameters:
        value(name, ())
    return {name: values[name] for name in parameters}


def unmet(rules: Iterable[Rule], values: Mapping[str, int]) -> list[Rule]:
    """Return the demands on parameters alone that values do not meet, whatever else a site is like."""
    found = []
    for rule in rules:
        if isinstance(rule.body, Configure) and not rule.given:
            terms = list(rule.body.condition.walk())
            known = rule.body.condition.names("param") and all(t.args or t.kind in ("const", "param") for t in terms)
            found += [rule] if known and not value_of(rule.body.condition, values) else []
    return found


def value_of(t: Term, values: Mapping[str, int]) -> int:
    """Return the value of a term over constants and parameters, which all have values."""
    if t.kind == "const":
        return t.value
    return values[t.name] if t.kind == "param" else _apply(t, [value_of(a, values) for a in t.args])


def _apply(t: Term, args: list[int]) -> int:
    match t.kind:
        case "+":
            return args[0] + args[1]
        case "-":
            return args[0] - args[1]
        case "*":
            return args[0] * args[1]
        case "/":
            return args[0] // t.value
        case "minus":
            return -args[0]
        case "max":
            return max(args)
        case "min":
            return min(args)
        case "def" | "seen":
            return args[0]
        case "and":
            return int(all(args))
        case "or":
            return int(any(args))
        case "not":
            return int(not args[0])
        case "implies":
            return int(not args[0] or bool(args[1]))
    left, right = args
    return int(COMPARISONS[t.kind](left, right))
