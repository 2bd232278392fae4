"""What is kept of a file beside its row: its findings in full, as JSON, of which reports are made later.

Whoever can write to the folder of results may have put anything there: what no check comes to is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from mipcheck.checker.check.report import Report, Violation
from mipcheck.checker.console.valid_json import dumps
from mipcheck.checker.observe.explain import Because
from mipcheck.checker.observe.misses import NearMiss
from mipcheck.checker.report.json import violation_object
from mipcheck.model.values.errors import MipcheckError
from mipcheck.model.values.event import Position

_T = TypeVar("_T")
_LARGEST: Final = 2**62
_FINDINGS: Final = "violations", "warnings"


class OddFinding(MipcheckError, ValueError):
    """Text that is no findings of a file."""


@dataclass(frozen=True)
class Kept:
    """Findings of a file; by rule how many are only counted, and why it could not be judged; what was not read."""

    violations: tuple[Violation, ...] = ()
    warnings: tuple[Violation, ...] = ()
    unlisted: Mapping[str, int] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)
    holes: tuple[str, ...] = ()


def kept(report: Report) -> str:
    """Return as JSON what reports need of a file."""
    return dumps(
        {
            "violations": [_packed(v) for v in report.violations],
            "warnings": [_packed(v) for v in report.warnings],
            "unlisted": {r.id: r.unlisted for r in report.rules if r.unlisted},
            "why": {r.id: r.why for r in report.rules if r.why},
            "holes": [hole for i in report.inputs for hole in i.holes],
        }
    )


def _packed(v: Violation) -> dict[str, Any]:
    exact = {"time": v.time, "last_time": v.last_time}  # ns, which seconds in JSON may round
    return {**violation_object(None, v), **exact, "overdue": v.overdue}


def restored(text: str, file: str) -> Kept:
    """Return what `kept` has written of a file, which reports call `file`. Raises OddFinding."""
    try:
        value = _as(json.loads(text), dict)
        violations, warnings = (tuple(_violation(_as(o, dict), file) for o in _as(value[k], list)) for k in _FINDINGS)
        unlisted = {name: _number(n) for name, n in _as(value["unlisted"], dict).items()}
        why = {name: _as(reason, str) for name, reason in _as(value["why"], dict).items()}
        return Kept(violations, warnings, unlisted, why, _texts(value["holes"]))
    except OddFinding:
        raise
    except (ValueError, KeyError, RecursionError) as error:
        raise OddFinding(f"{type(error).__name__}: {str(error)[:100]}") from None


def _violation(o: dict[str, Any], file: str) -> Violation:
    """Return a finding. Raises OddFinding, KeyError."""
    return Violation(
        rule=_as(o["rule"], str),
        level=_as(o["level"], str),
        section=_as(o["section"], str),
        interface=_perhaps(o["interface"], str),
        time=_number(o["time"]),
        at=_position(o["at"], file),
        message=_as(o["message"], str),
        seen=_as(o["seen"], str),
        wrong=_texts(o["wrong"]),
        because=tuple(Because(_as(b["text"], str), _position(b["at"], file)) for b in _objects(o["because"])),
        allowed=_texts(o["allowed"]),
        count=_number(o["count"]),
        last_time=_number(o["last_time"]),
        last_at=_position(o["last_at"], file),
        overdue=_as(o["overdue"], bool),
        node=_perhaps(o["node"], str),
        not_counted=tuple(
            NearMiss(_as(m["text"], str), _as(m["why"], str), _position(m["at"], file))
            for m in _objects(o["not_counted"])
        ),
        not_counted_more=_number(o["not_counted_more"]),
        sought=_as(o["not_counted_sought"], bool),
    )


def _position(value: object, file: str) -> Position:
    """Return a place in the file, whatever it was called where it was checked."""
    at = _as(value, dict)
    line, frame = (None if at[key] is None else _number(at[key]) for key in ("line", "frame"))
    return Position(file, line, frame)


def _as(value: object, type_: type[_T]) -> _T:
    """Return a value that has to be of a type. Raises OddFinding."""
    if type(value) is not type_:
        raise OddFinding(f"a {type(value).__name__} where a {type_.__name__} was expected")
    return value


def _perhaps(value: object, type_: type[_T]) -> _T | None:
    return None if value is None else _as(value, type_)


def _number(value: object) -> int:
    number = _as(value, int)
    if not -_LARGEST < number < _LARGEST:
        raise OddFinding("a number that is too large")
    return number


def _objects(value: object) -> list[dict[str, Any]]:
    return [_as(item, dict) for item in _as(value, list)]


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_as(item, str) for item in _as(value, list))
