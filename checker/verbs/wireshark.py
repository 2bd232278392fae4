"""`mipcheck wireshark`: a dissector for Wireshark and tshark, which makes fields of what annotated captures say."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import warned, write

if TYPE_CHECKING:
    from mipcheck.model.specification.spec import Spec

DESCRIPTION: Final = (
    "Write a post-dissector in Lua for Wireshark and tshark: of a capture that `--annotate` has made it shows fields to"
    " filter by (mipcheck.rule, .level, .section, .role) and expert items."
)
EXAMPLE: Final = "mipcheck wireshark -o mipcheck.lua"
_SCRIPT: Final = "mipcheck.lua"
_MARK: Final = "--[[LEVELS]]"
_PATIENCE: Final = 20
"""Seconds in which tshark says where its plugins are."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--install",
        nargs="?",
        const="",
        metavar="FOLDER",
        help="write it into Wireshark's folder of Lua plugins (as tshark says, or the usual one), or into FOLDER",
    )
    which.add_argument("--print", action="store_true", help="write it to standard output, or where -o says (default)")
    options.add_spec(parser)
    options.add_output_file(parser)


def run(args: argparse.Namespace) -> int:
    """Write the dissector; return 0. Raises SpecError, UsageError."""
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.console.errors import UsageError
    from mipcheck.checker.console.escape import printable

    script = dissector(warned(resolved(args.spec)))
    if args.install is None:
        write(script, args.output)
        return 0
    if args.output is not None:
        raise UsageError("--install says where it is written: -o does, too")
    folder = Path(args.install) if args.install else plugins()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{printable(str(folder))} cannot be made: {error.strerror or error}") from None
    write(script, str(folder / _SCRIPT))
    write(f"{printable(str(folder / _SCRIPT))}: reload Lua plugins (Ctrl+Shift+L), or start Wireshark anew\n", None)
    return 0


def dissector(spec: Spec) -> str:
    """Return the dissector's text, with the levels of the rules of a specification."""
    levels = {rule.id: rule.level for machine in spec.machines() for rule in machine.rules.values()}
    pairs = "".join(f'["{name}"] = "{level}", ' for name, level in sorted(levels.items()))
    text = Path(__file__).with_name("wireshark.lua").read_text(encoding="utf-8")
    return text.replace(_MARK, pairs.rstrip(", "))


def plugins() -> Path:
    """Return the folder of a person's Lua plugins: what tshark says, or else the usual one."""
    try:
        said = subprocess.run(["tshark", "-G", "folders"], capture_output=True, timeout=_PATIENCE, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        said = b""
    for line in said.decode("utf-8", "replace").splitlines():
        name, _, path = line.partition(":")
        if name == "Personal Lua Plugins" and path.strip():
            return Path(path.strip())
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", Path.home())) / "Wireshark" / "plugins"
    return Path.home() / ".local" / "lib" / "wireshark" / "plugins"
