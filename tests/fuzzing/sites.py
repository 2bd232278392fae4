"""Site files in TOML: read, or refused with a message that shows no key."""

from __future__ import annotations

import contextlib
import io
import random
from pathlib import Path
from typing import Final

from mipcheck.checker.console.errors import InputError
from mipcheck.checker.site.toml import read_config
from mipcheck.checker.trace.vocabulary import vocabulary_of

from fuzzing.case import Case, Kind
from fuzzing.logs import damaged
from fuzzing.reports import assert_harmless
from making.both_ways import DRAFT

_SECRET: Final = "Zecret0Zecret0Zecret"
_VOCABULARY = vocabulary_of(DRAFT)
_VALUES: Final = ('"10.1.0.10"', '"x"', "1", "-1", "true", "[]", '["10.0.0.0/8"]', '["eth0", ""]', "{}", "{a=1}",
                  "nan", "1e400", "9" * 5000, "1979-05-27T07:32:00Z", '"""a\nb"""', "'''x'''", '"\\u202e"', '"60s"',
                  '"0s"', "0x10", "[[[[]]]]", "[" * 3000, '["' + '","'.join(["10.0.0.0/8"] * 500) + '"]',
                  '"\\ud800"')  # fmt: skip
_SITE: Final = (
    "iha",
    "xha",
    "vpn",
    "ihoa",
    "xhoa",
    "fa",
    "internal",
    "tunnels",
    "upkeep",
    "capabilities",
    "role",
    "boot",
)
_TABLES: Final = {
    "mn_ha_key": (("agent", '"iha"'), ("spi", "256"), ("algorithm", '"hmac-md5"'), ("key", f'"{_SECRET}"')),
    "esp_sa": (("spi", "0x10"), ("encryption", '"aes-cbc"'), ("encryption_key", '"' + "ab" * 16 + '"'),
               ("integrity", '"hmac-sha1-96"'), ("integrity_key", f'"{_SECRET}"')),
    "source": (("file", '"*.log"'), ("sees", '["rrq", "link~"]'), ("resolution", '"1s"'), ("rename", '{a="b"}')),
}  # fmt: skip


def make(dice: random.Random) -> Case:
    """Make a site file."""
    lines: list[str] = []
    for _ in range(dice.randrange(1, 8)):
        part = dice.randrange(5)
        if part < 2:
            lines.append(
                dice.choice(("[site]", "[site]", "[parameters]", "[ site ]", "[[site]]", "[siet]", "site.iha=1"))
            )
            names = _SITE if part == 0 else list(_VOCABULARY.parameters)
            lines += [f"{dice.choice(names)} = {dice.choice(_VALUES)}" for _ in range(dice.randrange(6))]
        else:
            name = dice.choice(list(_TABLES))
            lines.append(f"[[{name}]]" if dice.random() < 0.9 else f"[{name}]")
            for key, value in _TABLES[name]:
                if dice.random() < 0.9:
                    lines.append(f"{key} = {value if dice.random() < 0.8 else dice.choice(_VALUES)}")
        if dice.random() < 0.1:
            lines.append(
                dice.choice((".".join(["a"] * dice.randrange(1, 300)) + "=1", "=", "[", "\x00", "x = 'y", "a.b.c"))
            )
    data = "\n".join(lines).encode() + b"\n"
    return Case({"site.toml": damaged(data, dice) if dice.random() < 0.5 else data}, 1, {})


def attempt(case: Case, folder: Path) -> None:
    """Read the file. Raises AssertionError where a message shows a key."""
    with contextlib.suppress(InputError):
        try:
            read_config(io.BytesIO(case.files["site.toml"]), "site.toml", _VOCABULARY)
        except InputError as error:
            assert_harmless(str(error))
            assert _SECRET not in str(error)
            raise


KIND = Kind("site", "files", make, attempt, 60)
