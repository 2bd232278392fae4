"""The site: who is who in a trace, and the parameters and keys that go with it (checker/README.md)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypeVar

from mipcheck.checker.console.errors import did_you_mean, joined, listed, quoted
from mipcheck.model.values.errors import MipcheckError
from mipcheck.model.values.types import TOO_LARGE, ValueSyntaxError, lacks_unit

if TYPE_CHECKING:
    from mipcheck.checker.trace.vocabulary import Vocabulary
    from mipcheck.model.values.types import Type, Value

ADDRESSES = ("iha", "xha", "vpn", "ihoa", "xhoa")
UPKEEP: Final = ("multicast", "dns", "ntp", "mdns", "ssdp", "llmnr", "icmp", "keepalive")
"""Traffic that keeps a link going and is no user data, unless a site says otherwise: broadcasts and others' multicast,
the name and time servers that DHCP named, neighbour protocols, ICMP with the link, echoes inside a UDP tunnel."""


@dataclass(frozen=True, slots=True)
class MnHaKey:
    """A mobility security association: `agent` is iha or xha, `algorithm` hmac-md5 or keyed-md5.

    `home` is the home address that it is for, 0 for any.
    """

    agent: str
    spi: int
    algorithm: str
    key: bytes
    home: int = 0


@dataclass(frozen=True, slots=True)
class EspSa:
    """Keys of an ESP security association, fields as in Wireshark's esp_sa."""

    spi: int
    encryption: str
    encryption_key: bytes
    integrity: str
    integrity_key: bytes


@dataclass(frozen=True, slots=True)
class IkeSa:
    """Keys of an IKEv2 security association, fields as in Wireshark's ikev2_decryption_table.

    Those of the end that initiated it and of the responder come in this order; SPIs have eight bytes.
    """

    spis: tuple[bytes, bytes]
    encryption: str
    encryption_keys: tuple[bytes, bytes]
    integrity: str
    integrity_keys: tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Site:
    """Addresses are IPv4 as int and only present where known; `parameters` are the words as written.

    `party` tells inputs of several parties to one system apart, "" where nobody asks.
    """

    role: str = "mn"
    boot: bool = False
    addresses: Mapping[str, int] = field(default_factory=dict)
    fa: tuple[int, ...] = ()
    internal: tuple[ipaddress.IPv4Network, ...] = ()
    tunnels: tuple[str, ...] = ()
    capabilities: frozenset[str] = frozenset()
    parameters: Mapping[str, str] = field(default_factory=dict)
    mn_ha_keys: tuple[MnHaKey, ...] = ()
    esp_sas: tuple[EspSa, ...] = ()
    ike_sas: tuple[IkeSa, ...] = ()
    upkeep: tuple[str, ...] = UPKEEP
    party: str = ""


ROLES: Final = ("mn", "vpn", "iha", "xha", "fa")
"""The roles of the format, besides which a specification may declare others."""
LISTS: Final = ("fa", "internal", "tunnels", "upkeep", "capabilities")


def keys_of(sites: Collection[str]) -> tuple[str, ...]:
    """Return the keys of a site, besides parameters, where a specification speaks of addresses by these names."""
    return ("role", "party", "boot", *addresses_of(sites), *LISTS)


def addresses_of(sites: Collection[str]) -> tuple[str, ...]:
    """Return the names of addresses that a site may give: the usual ones, and those of a specification."""
    return (*ADDRESSES, *(name for name in sites if name not in ADDRESSES))


TEXTUAL: Final = ("text", "interface")
"""The types whose every string is a value."""

_NUMERAL: Final = 64
"""Characters of a number; none that means anything is longer."""
_PREFIX: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/[0-9]{1,2})?")


class SiteError(MipcheckError, ValueError):
    """A key of a site that is unknown or has no such value."""

    def __init__(self, key: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.key, self.message, self.hint = key, message, hint


def site_from_words(words: Mapping[str, str], vocabulary: Vocabulary) -> Site:
    """Return the site that the words of a log (or of a command line) describe; lists are separated by commas.

    `vocabulary` is what the specification declares. Raises SiteError.
    """
    parameters, known = vocabulary.parameters, keys_of(vocabulary.sites)
    for key in words:
        if key not in known and key not in parameters:
            raise SiteError(
                key,
                f"unknown site key {quoted(key)}",
                joined(
                    did_you_mean(key, [*known, *parameters]),
                    f"site keys: {listed(known)}, and the parameters of the specification",
                ),
            )
    return Site(
        role=_choice("role", words.get("role", "mn"), dict.fromkeys((*ROLES, *vocabulary.roles))),
        party=_party(words["party"]) if "party" in words else "",
        boot=_choice("boot", words.get("boot", "false"), ("true", "false")) == "true",
        addresses={k: _address(k, words[k]) for k in addresses_of(vocabulary.sites) if k in words},
        fa=_items(words, "fa", _address),
        internal=_items(words, "internal", _prefix),
        tunnels=_items(words, "tunnels", _name),
        upkeep=UPKEEP if "upkeep" not in words else () if words["upkeep"] == "-" else _items(words, "upkeep", _upkeep),
        capabilities=frozenset(_items(words, "capabilities", lambda k, w: _capability(k, w, vocabulary.capabilities))),
        parameters={k: _parameter(k, words[k], parameters[k]) for k in words if k not in known},
    )


def site_words(site: Site) -> dict[str, str]:
    """Return the words that a log holds for a site, in canonical order; defaults and secret keys are left out."""
    words: dict[str, str] = {}
    if site.role != "mn":
        words["role"] = site.role
    if site.party:
        words["party"] = site.party
    if site.boot:
        words["boot"] = "true"
    words |= {
        k: str(ipaddress.IPv4Address(site.addresses[k])) for k in addresses_of(site.addresses) if k in site.addresses
    }
    lists = {
        "fa": [str(ipaddress.IPv4Address(a)) for a in site.fa],
        "internal": [str(p) for p in site.internal],
        "tunnels": list(site.tunnels),
        "upkeep": [] if site.upkeep == UPKEEP else list(site.upkeep) or ["-"],
        "capabilities": sorted(site.capabilities),
    }
    words |= {k: ",".join(v) for k, v in lists.items() if v}
    return words | {k: site.parameters[k] for k in sorted(site.parameters)}


def merge_sites(base: Site, over: Site, given: Collection[str] = ()) -> Site:
    """Return both sites in one; where both say something about a key, `over` wins.

    What has its default value counts as not said, unless `given` names it: the keys that `over` states
    explicitly (as `Log.given` and `toml.read_given` tell), which matters for `role=mn`, `boot=false` and empty lists.
    Secret keys are united by agent and SPI.
    """

    def said(key: str) -> bool:
        return key in given or getattr(over, key) != getattr(_NOTHING_SAID, key)

    plain = {k: getattr(over if said(k) else base, k) for k in ("role", "party", "boot", *LISTS)}
    mn_ha = {(k.agent, k.spi, k.home): k for k in (*base.mn_ha_keys, *over.mn_ha_keys)}
    esp = {sa.spi: sa for sa in (*base.esp_sas, *over.esp_sas)}
    ike = {sa.spis: sa for sa in (*base.ike_sas, *over.ike_sas)}
    return replace(
        base,
        **plain,
        addresses={**base.addresses, **over.addresses},
        parameters={**base.parameters, **over.parameters},
        mn_ha_keys=tuple(mn_ha.values()),
        esp_sas=tuple(esp.values()),
        ike_sas=tuple(ike.values()),
    )


_NOTHING_SAID: Final = Site()


def without_keys(site: Site) -> Site:
    """Return a site without what is secret."""
    return replace(site, mn_ha_keys=(), esp_sas=(), ike_sas=())


def read_value(type_: Type, word: str) -> Value:
    """Read the value of a word of an input, as `Type.read` does, but the word may be anything. Raises ValueSyntaxError.

    Digits of other scripts are refused and so are endless numerals.
    """
    if type_.name in TEXTUAL and not type_.members:
        if not word:
            raise ValueSyntaxError(expected(type_))
        return word
    if not type_.members and (not word.isascii() or len(word) > _NUMERAL):
        raise ValueSyntaxError(
            TOO_LARGE if type_.name == "int" and re.fullmatch(r"-?[0-9]+", word) else expected(type_)
        )
    return type_.read(word)


def expected(type_: Type) -> str:
    """Return in words what an input has to hold for a value of this type."""
    return "a word" if type_.name in TEXTUAL and not type_.members else type_.expected


def natural_word(value: object) -> str:
    """Return the word of a log for a value of TOML or JSON. Raises ValueError if there is none (tables, NaN, dates)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        if abs(value) >= 10**_NUMERAL:
            raise ValueError("number too large")
        return str(value)
    if isinstance(value, Decimal):
        if not value.is_finite() or abs(value.adjusted()) > _NUMERAL or len(value.as_tuple().digits) > _NUMERAL:
            raise ValueError("number too large")
        return format(value, "f")
    raise ValueError("neither a text, a number nor true or false")


def _choice(key: str, word: str, known: Collection[str]) -> str:
    """Read one of the known words. Raises SiteError."""
    if word not in known:
        wanted = "expected " + (" or ".join(known) if len(known) < 3 else "one of " + ", ".join(known))
        raise SiteError(key, f"{quoted(word)} is no value of site key {key}", joined(did_you_mean(word, known), wanted))
    return word


def _party(word: str) -> str:
    """Read the name of a party. Raises SiteError."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", word):
        raise SiteError("party", f"{quoted(word)} is no value of site key party", "expected a name")
    return word


def _address(key: str, word: str) -> int:
    """Read an IPv4 address. Raises SiteError."""
    try:
        return int(ipaddress.IPv4Address(word))
    except ValueError:
        raise SiteError(key, f"{quoted(word)} is no value of site key {key}", "expected an IPv4 address") from None


def _prefix(key: str, word: str) -> ipaddress.IPv4Network:
    """Read an IPv4 prefix, which has no bits beyond its length. Raises SiteError."""
    wrong = f"{quoted(word)} is no value of site key {key}"
    try:
        if not _PREFIX.fullmatch(word):
            raise ValueError
        network = ipaddress.IPv4Network(word, strict=False)
    except ValueError:
        raise SiteError(key, wrong, "expected an IPv4 prefix such as 10.0.0.0/8") from None
    if str(network.network_address) != word.partition("/")[0]:
        raise SiteError(key, wrong, f'did you mean "{network}"? a prefix has no bits beyond its length')
    return network


def _name(key: str, word: str) -> str:
    """Read the name of an interface. Raises SiteError."""
    if not word or "," in word:
        raise SiteError(key, f"{quoted(word)} is no value of site key {key}", "expected an interface without a comma")
    return word


def _upkeep(key: str, word: str) -> str:
    """Read a kind of upkeep, or a host and port whose traffic is (a captive portal's). Raises SiteError."""
    host, colon, port = word.rpartition(":")
    if colon:
        _address(key, host)
        if not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 0xFFFF:
            raise SiteError(key, f"{quoted(word)} is no value of site key {key}", "expected a port after the address")
    elif word not in UPKEEP:
        hint = joined(did_you_mean(word, UPKEEP), f"kinds: {listed(UPKEEP)}; or ADDRESS:PORT")
        raise SiteError(key, f"{quoted(word)} is no value of site key {key}", hint)
    return word


def _capability(key: str, word: str, known: Collection[str]) -> str:
    """Read one of the known capabilities. Raises SiteError."""
    if word not in known:
        all_known = "capabilities: " + (listed(sorted(known)) or "none in this specification")
        raise SiteError(key, f"unknown capability {quoted(word)}", joined(did_you_mean(word, known), all_known))
    return word


_T = TypeVar("_T")


def _items(words: Mapping[str, str], key: str, read: Callable[[str, str], _T]) -> tuple[_T, ...]:
    """Read the list of a key, each item by `read`; none where the key is absent. Raises SiteError."""
    if not words.get(key):
        return ()
    return tuple(read(key, item) for item in words[key].split(","))


def _parameter(key: str, word: str, type_: Type) -> str:
    """Return the word of a parameter as it is, if its type can read it. Raises SiteError."""
    if lacks_unit(type_, word):
        raise SiteError(key, f"{key}={word}: a time needs a unit, such as {word}s or {word}ms")
    try:
        read_value(type_, word)
    except ValueSyntaxError as error:
        hint = joined(did_you_mean(word, type_.members), f"expected {error}")
        raise SiteError(key, f"{quoted(word)} is no value of parameter {key}", hint) from None
    return word
