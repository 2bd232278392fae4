"""Registration replies in words: what their codes, their authenticators and their lifetimes mean (RFC 3344)."""

from __future__ import annotations

from typing import Final

from mipcheck.model.values.event import Event

CODES: Final = {
    0: "registration accepted",
    1: "registration accepted, but simultaneous bindings unsupported",
    64: "reason unspecified",
    65: "administratively prohibited",
    66: "insufficient resources",
    67: "mobile node failed authentication",
    68: "home agent failed authentication",
    69: "requested lifetime too long",
    70: "poorly formed request",
    71: "poorly formed reply",
    72: "requested encapsulation unavailable",
    73: "requested compression unavailable",
    74: "requested reverse tunnel unavailable",
    75: "reverse tunnel is mandatory and T is not set",
    76: "mobile node too distant",
    77: "invalid care-of address",
    78: "registration timeout",
    79: "delivery style not supported",
    80: "home network unreachable",
    81: "home agent host unreachable",
    82: "home agent port unreachable",
    88: "home agent unreachable",
    97: "NAI missing",
    98: "home agent missing",
    99: "home address missing",
    104: "unknown challenge",
    105: "missing challenge",
    106: "stale challenge",
    128: "reason unspecified",
    129: "administratively prohibited",
    130: "insufficient resources",
    131: "mobile node failed authentication",
    132: "foreign agent failed authentication",
    133: "identification mismatch",
    134: "poorly formed request",
    135: "too many simultaneous bindings",
    136: "unknown home agent address",
    137: "requested reverse tunnel unavailable",
    138: "reverse tunnel is mandatory and T is not set",
    139: "requested encapsulation unavailable",
    142: "UDP encapsulation unavailable",
    144: "mobile node failed AAA authentication",
}
"""RFC 3344 section 3.4; RFC 3024 (74 to 76, 79, 137 to 139), RFC 2794 and 4433 (97 to 99), RFC 3519 (142),
RFC 4721 (104 to 106, 144)."""

_AUTHENTICATORS: Final = {
    "absent": "it has no authenticator",
    "bad": "its authenticator is wrong",
    "unchecked": "its authenticator has not been checked",
}
"""RFC 3344 section 3.6.2.1: a reply without one, or with a wrong one, is discarded."""


def code_name(code: int, by: object = None) -> str:
    """Say what a reply's code means and, where it is a rejection, whose: `by` is ha or fa where that is told."""
    text = CODES.get(code, "not assigned")
    if code < 64:
        return text
    return f"{text} (foreign agent)" if code < 128 or by == "fa" else f"{text} (home agent)"


def accepts(event: Event) -> bool:
    """Say whether a reply accepts a registration, so that it is none of the denials that did not count."""
    return event.args.get("code") in (0, 1)


def fault(event: Event, key: str) -> str | None:
    """Say in words why a reply does not count, where `key` is the one that speaks against it; None for other keys."""
    value = event.args.get(key)
    match key:
        case "code" if isinstance(value, int) and value >= 64:
            return f"denied with code {value}, {code_name(value, event.args.get('by'))}"
        case "by" if value == "fa":
            return "the foreign agent says so, and not the home agent"
        case "lifetime" if value == 0:
            return "its lifetime is 0, which grants nothing"
        case "auth" if isinstance(value, str):
            return _AUTHENTICATORS.get(value)
    return None
