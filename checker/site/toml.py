"""A site from TOML (`--config`): [site], [parameters], [[mn_ha_key]], [[esp_sa]], [[source]], keys = ["FILE"]."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from mipcheck.checker.console.errors import (
    LIMIT,
    InputError,
    Problem,
    did_you_mean,
    joined,
    listed,
    problem_in_line,
    quoted,
)
from mipcheck.checker.site.dotted import MOST, too_many_parts
from mipcheck.checker.site.site import (
    LISTS,
    EspSa,
    MnHaKey,
    Site,
    SiteError,
    addresses_of,
    expected,
    keys_of,
    merge_sites,
    natural_word,
    site_from_words,
)
from mipcheck.checker.trace.source import SourceError, SourceTable, read_resolution, read_sees
from mipcheck.model.values.event import Position

if TYPE_CHECKING:
    from mipcheck.checker.trace.vocabulary import Vocabulary

SIZE_LIMIT: Final = 1024 * 1024
"""Bytes; no site is longer."""

_SECRET: Final = ("mn_ha_key", "esp_sa")
_SOURCE: Final = "source"
_KEYS: Final = "keys"
_TABLES: Final = ("site", "parameters", *_SECRET, _SOURCE, _KEYS)
_SOURCE_FIELDS: Final = ("file", "map", "sees", "resolution", "rename")
_MN_HA_FIELDS: Final = ("agent", "spi", "algorithm", "key", "home")
_ESP_FIELDS: Final = ("spi", "encryption", "encryption_key", "integrity", "integrity_key")
_MOST_FILES: Final = 64
_ALGORITHMS: Final = {
    "hmac-md5": "hmac-md5",
    "hmacmd5": "hmac-md5",
    "keyed-md5": "keyed-md5",
    "md5": "keyed-md5",
    "prefix+suffix": "keyed-md5",
    "md5-prefix+suffix": "keyed-md5",
    "prefix+suffix-md5": "keyed-md5",
    "keyed-md5-prefix+suffix": "keyed-md5",
}
"""Spellings in use; keyed MD5 in prefix+suffix mode is RFC 2002's default, HMAC-MD5 RFC 3344's."""

_AT: Final = re.compile(r"\(at line (\d+), column (\d+)\)$")
_HEADING: Final = re.compile(r"\s*\[\[?\s*[\"']?([^\]\"']*?)[\"']?\s*\]")


def read_site(stream: BinaryIO, name: str, vocabulary: Vocabulary) -> Site:
    """Read the site that a TOML file describes; `name` stands for the file in messages. Raises InputError."""
    return read_given(stream, name, vocabulary)[0]


def read_given(stream: BinaryIO, name: str, vocabulary: Vocabulary) -> tuple[Site, frozenset[str]]:
    """Do as `read_site`; return besides the keys of [site] that the file states explicitly (for `merge_sites`)."""
    return read_config(stream, name, vocabulary)[:2]


def read_config(
    stream: BinaryIO, name: str, vocabulary: Vocabulary
) -> tuple[Site, frozenset[str], tuple[SourceTable, ...]]:
    """Do as `read_given`; return besides what the file says of the sources of inputs.

    Files with keys that it names are read too; they stand beside it, unless their paths say otherwise.
    """
    file = _TomlFile(name, _read_text(stream, name))
    tables = file.parse()
    for key in tables:
        if key not in _TABLES:
            file.problem("", 0, key, f"unknown table or key {quoted(key)}", partial(_table_hint, key, vocabulary))
    words = _site_table(file, file.table(tables, "site"), vocabulary)
    words |= _parameter_table(file, file.table(tables, "parameters"), vocabulary)
    mn_ha = [_mn_ha_key(f) for f in file.rows(tables, "mn_ha_key", _MN_HA_FIELDS)]
    esp = [_esp_sa(f) for f in file.rows(tables, "esp_sa", _ESP_FIELDS)]
    sources = [_source(f, vocabulary) for f in file.rows(tables, _SOURCE, _SOURCE_FIELDS)]
    _no_doubles(file, "mn_ha_key", [(k.agent, k.spi, k.home) if k else None for k in mn_ha])
    _no_doubles(file, "esp_sa", [sa.spi if sa else None for sa in esp])
    kept = _kept_keys(file, tables.get(_KEYS, []))
    if file.problems:
        raise InputError(file.problems, more=file.more)
    plain = site_from_words(words, vocabulary)
    own = replace(plain, mn_ha_keys=tuple(filter(None, mn_ha)), esp_sas=tuple(filter(None, esp)))
    site = merge_sites(kept, own, words.keys())
    return site, frozenset(words), tuple(filter(None, sources))


def _kept_keys(file: _TomlFile, paths: object) -> Site:
    """Return the associations of the files with keys that a site file names. Raises InputError for what is in them."""
    from mipcheck.checker.site.keys import read_keys

    if not isinstance(paths, list) or any(not isinstance(path, str) for path in paths):
        file.problem("", 0, _KEYS, "keys is no list of files", 'expected keys = ["esp_sa"], above all tables')
        return Site()
    found = Site()
    for path in paths[:_MOST_FILES]:
        whole = Path(file.name).parent / path
        try:
            with whole.open("rb") as stream:
                found = merge_sites(found, read_keys(stream, str(whole)))
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "no such file can exist"
            file.problem("", 0, _KEYS, f"{quoted(path)} cannot be read: {why}", "it is looked for beside this file")
    return found


def _read_text(stream: BinaryIO, name: str) -> str:
    """Read a file of reasonable length in UTF-8. Raises InputError."""
    data = stream.read(SIZE_LIMIT + 1)
    if len(data) > SIZE_LIMIT:
        hint = "keys of ESP may stand in files of their own: keys = [...], or --keys"
        raise InputError([Problem(Position(name), f"the file is longer than {SIZE_LIMIT} bytes", hint)])
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        at = Position(name, before.count(b"\n") + 1)
        message = f"invalid UTF-8: byte 0x{data[error.start]:02x} at byte offset {error.start} of the file"
        raise InputError([Problem(at, message)]) from None


class _TomlFile:
    """A TOML file and its problems so far, found by line since `tomllib` tells no places."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text
        self.lines = [line.removesuffix("\r") for line in text.split("\n")]
        self.problems: list[Problem] = []
        self.more = 0
        """Problems beyond the first, which are counted only: to find the place of each would take too long."""

    def parse(self) -> dict[str, object]:
        """Return the tables of the file, which need not be what they should. Raises InputError for what is no TOML."""
        if line := too_many_parts(self.text):
            raise InputError([Problem(Position(self.name, line), f"a key of more than {MOST} parts")])
        try:
            return tomllib.loads(self.text, parse_float=Decimal)
        except tomllib.TOMLDecodeError as error:
            raise InputError([self._syntax_problem(str(error))]) from None
        except RecursionError:
            raise InputError([Problem(Position(self.name), "TOML nested too deeply")]) from None
        except (ValueError, ArithmeticError):  # integers beyond Python's limit, exponents beyond Decimal's
            raise InputError([Problem(Position(self.name), "a number out of range")]) from None

    def _syntax_problem(self, message: str) -> Problem:
        """Return the problem of which `tomllib` says the message; a line that may hold a key is not shown."""
        place = _AT.search(message)
        line, column = (int(place[1]), int(place[2])) if place else (len(self.lines), len(self.lines[-1]) + 1)
        said = (
            "no TOML: " + (message[: place.start()] if place else message.removesuffix("(at end of document)")).strip()
        )
        headings = [m[1] for m in map(_HEADING.match, self.lines[:line]) if m]
        if not headings or headings[-1] not in ("site", "parameters"):  # what else there is may be a key
            return Problem(Position(self.name, line, column=column), said)
        return problem_in_line(Position(self.name, line), self.lines[line - 1], column - 1, 1, said)

    def problem(self, table: str, index: int, key: str, message: str, hint: str | Callable[[], str]) -> None:
        """Remember a problem of a key (or of the table, if `key` is empty); lines with secrets are not shown.

        A `hint` that takes time to find is given as what finds it.
        """
        if len(self.problems) >= LIMIT:
            self.more += 1
            return
        hint = hint if isinstance(hint, str) else hint()
        line, start = self._find(table, index, key)
        if line is None:
            problem = Problem(Position(self.name), message, hint)
        elif table in _SECRET:
            problem = Problem(Position(self.name, line, column=start + 1), message, hint)
        else:
            width = len(key or table)
            problem = problem_in_line(Position(self.name, line), self.lines[line - 1], start, width, message, hint)
        self.problems.append(problem)

    def _find(self, table: str, index: int, key: str) -> tuple[int | None, int]:
        """Return the line (from 1) and the index in it of a key of the `index`th such table, as well as can be told."""
        here, count = table == "", 0
        heading: tuple[int | None, int] = (None, 0)
        wanted = re.compile(rf"\s*(\[*\s*)[\"']?{re.escape(key)}[\"']?\s*[=.\]]")
        for number, line in enumerate(self.lines, 1):
            opened = _HEADING.match(line)
            if opened and table:
                here = opened[1] == table and count == index
                count += opened[1] == table
                if here:
                    heading = (number, line.index("["))
            elif here and key and (found := wanted.match(line)):
                return number, found.end(1)
        return heading

    def table(self, tables: Mapping[str, object], name: str) -> dict[str, object]:
        """Return a table by name, empty if it is absent or no table."""
        value = tables.get(name, {})
        if isinstance(value, dict):
            return value
        self.problem(name, 0, "", f"{name} is no table", f"expected [{name}]")
        return {}

    def rows(self, tables: Mapping[str, object], name: str, known: tuple[str, ...]) -> Iterable[_Fields]:
        """Return the tables of a list of them; `known` are the keys that each may have."""
        value = tables.get(name, [])
        if not isinstance(value, list) or any(not isinstance(row, dict) for row in value):
            self.problem(name, 0, "", f"{name} is no list of tables", f"expected [[{name}]]")
            return
        for index, row in enumerate(value):
            yield _Fields(self, name, index, row, known)


class _Fields:
    """One [[table]] with its fields. What is missing or wrong becomes a problem of the file; values are never shown."""

    def __init__(self, file: _TomlFile, table: str, index: int, row: dict[str, object], known: tuple[str, ...]) -> None:
        self.file, self.table, self.index, self.row = file, table, index, row
        self.sound = True
        for key in row:
            if key not in known:
                self.wrong(key, f"unknown key {quoted(key)} of [[{table}]]", partial(_key_hint, key, table, known))

    def wrong(self, key: str, message: str, hint: str | Callable[[], str]) -> None:
        """Remember a problem of a field, or of the table if `key` is empty; the table is then not sound."""
        self.sound = False
        self.file.problem(self.table, self.index, key, message, hint)

    def _bad(self, key: str, wanted: str) -> None:
        self.wrong(key, f"key {key} of [[{self.table}]] has no such value", f"expected {wanted}")

    def _has(self, key: str, wanted: str, optional: bool) -> bool:
        """Tell whether there is such a field; one that is missing is a problem unless it is optional."""
        if key in self.row:
            return True
        if not optional:
            self.wrong("", f"[[{self.table}]] lacks key {key}", f"expected {wanted}")
        return False

    def text(self, key: str, wanted: str, read: Callable[[str], str | None], default: str | None = None) -> str:
        """Return a text as `read` makes it, which gives None for a wrong one; `wanted` says what is right."""
        if not self._has(key, wanted, default is not None):
            return default or ""
        value = self.row[key]
        found = read(value) if isinstance(value, str) else None
        if found is None:
            self._bad(key, wanted)
        return found or ""

    def spi(self) -> int:
        """Return the security parameter index."""
        wanted = "a whole number of 32 bits, decimal or 0x…"
        value = self.row.get("spi")
        if not self._has("spi", wanted, False):
            return 0
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
            self._bad("spi", wanted)
            return 0
        return value

    def secret(self, key: str, wanted: str, read: Callable[[str], bytes | None], optional: bool = False) -> bytes:
        """Return a key as `read` makes it of a text; no message shows the text."""
        if not self._has(key, wanted, optional):
            return b""
        value = self.row[key]
        found = read(value) if isinstance(value, str) else None
        if found is None:
            self._bad(key, wanted)
        return found or b""


def _mn_ha_key(fields: _Fields) -> MnHaKey | None:
    """Return the mobility security association of a table; None if anything is wrong with it."""
    agent = fields.text("agent", "iha or xha", lambda w: w if w in ("iha", "xha") else None)
    spi = fields.spi()
    algorithm = fields.text("algorithm", "hmac-md5 or keyed-md5", _algorithm)
    key = fields.secret("key", "a text, or hexadecimal digits after 0x", _text_or_hex)
    home = fields.text("home", "the home address that the key is for", _home_address, "0.0.0.0")
    return MnHaKey(agent, spi, algorithm, key, int(ipaddress.IPv4Address(home))) if fields.sound else None


def _esp_sa(fields: _Fields) -> EspSa | None:
    """Return the ESP security association of a table; None if anything is wrong with it."""
    name = "the name of an algorithm, or null"
    spi = fields.spi()
    encryption = fields.text("encryption", name + ", such as aes-cbc", algorithm_name)
    encryption_key = fields.secret("encryption_key", "hexadecimal digits", hex_bytes, encryption == "null")
    integrity = fields.text("integrity", name + ", such as hmac-sha1-96", algorithm_name, "null")
    integrity_key = fields.secret("integrity_key", "hexadecimal digits", hex_bytes, integrity == "null")
    return EspSa(spi, encryption, encryption_key, integrity, integrity_key) if fields.sound else None


def _source(fields: _Fields, vocabulary: Vocabulary) -> SourceTable | None:
    """Return what a table says of a source; None if anything is wrong with it."""
    file = fields.text("file", "the name of an input, or a pattern such as *.log", lambda w: w or None)
    sight, resolution = None, None
    events = {n: e for of_role in vocabulary.roles.values() for n, e in of_role.items()} | dict(vocabulary.events)
    sees, stamps, rename = fields.row.get("sees"), fields.row.get("resolution"), fields.row.get("rename", {})
    try:
        if isinstance(sees, list) and all(isinstance(item, str) for item in sees):
            sight = read_sees(sees, events)
        elif sees is not None:
            fields.wrong("sees", "key sees of [[source]] has no such value", 'expected a list such as ["ike", "sa"]')
    except SourceError as error:
        fields.wrong("sees", error.message, error.hint)
    try:
        if stamps is not None:
            resolution = read_resolution(str(stamps))
    except SourceError as error:
        fields.wrong("resolution", error.message, error.hint)
    if not isinstance(rename, dict) or any(not isinstance(to, str) or not to for to in rename.values()):
        hint = 'expected a table such as { if3 = "wlan0" }'
        fields.wrong("rename", "key rename of [[source]] has no such value", hint)
    wanted = 'a map as --map takes it, such as "charon" or "./own.map,year=2025"'
    map_ = fields.text("map", wanted, lambda w: w or None, "")
    return SourceTable(file, sight, resolution, rename, map_) if fields.sound and isinstance(rename, dict) else None


def _home_address(word: str) -> str | None:
    """Return an IPv4 address as it is; None for what is none."""
    try:
        return str(ipaddress.IPv4Address(word))
    except ValueError:
        return None


def _algorithm(word: str) -> str | None:
    """Return the algorithm of a mobility security association, whose name has many spellings; None if unknown."""
    return _ALGORITHMS.get(re.sub(r"[\s_/()-]+", "-", word.lower()).strip("-"))


def algorithm_name(word: str) -> str | None:
    """Return a name in lower case, also of one as Wireshark spells it; those who decrypt know which can be used."""
    name = word.strip().lower().replace("_", "-")
    return name if re.fullmatch(r"[a-z0-9][a-z0-9 ()\[\]-]*", name) else None


def hex_bytes(word: str) -> bytes | None:
    """Return the bytes of hexadecimal digits, with or without 0x before them; None for anything else."""
    digits = word[2:] if word[:2] in ("0x", "0X") else word
    return bytes.fromhex(digits) if re.fullmatch(r"(?:[0-9a-fA-F]{2})*", digits) else None


def _text_or_hex(word: str) -> bytes | None:
    """Return the bytes of a text, or of hexadecimal digits after 0x; None if there are none."""
    found = hex_bytes(word) if word[:2] in ("0x", "0X") else word.encode("utf-8")
    return found or None


def _no_doubles(file: _TomlFile, table: str, names: list[object]) -> None:
    """Remember a problem for each table whose name another had before it; None is no name."""
    seen: set[object] = set()
    for index, name in enumerate(names):
        if name is not None and name in seen:
            file.problem(table, index, "spi", f"a second [[{table}]] with the same SPI", "expected each only once")
        seen.add(name)


def _table_hint(key: str, vocabulary: Vocabulary) -> str:
    """Return the hint at an unknown table or key outside all tables."""
    return joined(did_you_mean(key, _TABLES), _belongs(key, vocabulary), "tables: " + listed(_TABLES))


def _key_hint(key: str, table: str, known: Sequence[str]) -> str:
    """Return the hint at an unknown key of a table whose keys are known."""
    return joined(did_you_mean(key, known), f"keys of {table}: {listed(known)}")


def _belongs(key: str, vocabulary: Vocabulary) -> str:
    """Return a hint at the table where a key belongs, or nothing."""
    if key in keys_of(vocabulary.sites):
        return f"{key} belongs into [site]"
    return f"{key} belongs into [parameters]" if key in vocabulary.parameters else ""


def _site_table(file: _TomlFile, table: Mapping[str, object], vocabulary: Vocabulary) -> dict[str, str]:
    """Return the words of [site] as a log has them; what is wrong becomes a problem of the file."""
    words: dict[str, str] = {}
    for key, value in table.items():
        if key not in keys_of(vocabulary.sites):
            file.problem("site", 0, key, f"unknown key {quoted(key)} of [site]", partial(_site_hint, key, vocabulary))
        elif (word := _site_word(key, value)) is None:
            file.problem(
                "site", 0, key, f"key {key} of [site] has no such value", f"expected {_wanted(key, vocabulary)}"
            )
        elif _checked(file, "site", key, word, vocabulary):
            words[key] = word
    return words


def _site_hint(key: str, vocabulary: Vocabulary) -> str:
    """Return the hint at an unknown key of [site]."""
    known = keys_of(vocabulary.sites)
    return joined(did_you_mean(key, known), _belongs(key, vocabulary), "keys of site: " + listed(known))


def _site_word(key: str, value: object) -> str | None:
    """Return the word of a key of [site]; None for a value of the wrong type."""
    if key == "boot":
        return natural_word(value) if isinstance(value, bool) else None
    if key not in LISTS:
        return value if isinstance(value, str) else None
    if not isinstance(value, list) or any(not isinstance(v, str) or not v or "," in v for v in value):
        return None
    return ",".join(value)


def _wanted(key: str, vocabulary: Vocabulary) -> str:
    """Return in words which value a key of [site] has."""
    if key == "boot":
        return "true or false, without quotation marks"
    if key in addresses_of(vocabulary.sites):
        return 'a text with an IPv4 address, such as "10.1.0.2"'
    examples = {"internal": '["10.0.0.0/8"]', "fa": '["10.1.7.1"]', "tunnels": '["ipsec0"]', "upkeep": '["dns", "ntp"]'}
    return f"a list of texts, such as {examples.get(key, '[]')}" if key in LISTS else "a text"


def _parameter_table(file: _TomlFile, table: Mapping[str, object], vocabulary: Vocabulary) -> dict[str, str]:
    """Return the words of [parameters] as a log has them; what is wrong becomes a problem of the file."""
    words: dict[str, str] = {}
    known = vocabulary.parameters
    for key, value in table.items():
        if key not in known:
            message = f"unknown parameter {quoted(key)}"
            file.problem("parameters", 0, key, message, partial(_parameter_hint, key, vocabulary))
            continue
        try:
            word = natural_word(value)
        except ValueError:
            hint = f"expected {expected(known[key])}"
            file.problem("parameters", 0, key, f"parameter {key} has no such value", hint)
            continue
        if _checked(file, "parameters", key, word, vocabulary):
            words[key] = word
    return words


def _parameter_hint(key: str, vocabulary: Vocabulary) -> str:
    """Return the hint at an unknown parameter."""
    known = list(vocabulary.parameters)
    return joined(did_you_mean(key, known), _belongs(key, vocabulary), "parameters: " + listed(known))


def _checked(file: _TomlFile, table: str, key: str, word: str, vocabulary: Vocabulary) -> bool:
    """Tell whether a site may say that word of a key; if not, that is a problem of the file."""
    try:
        site_from_words({key: word}, vocabulary)
    except SiteError as error:
        file.problem(table, 0, key, error.message, error.hint)
        return False
    return True
