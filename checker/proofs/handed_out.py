"""Proofs written for strangers: a folder of SMT-LIB 2, what it means, and a script that runs any solver over it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from mipcheck.checker.console.folder import new_folder
from mipcheck.checker.console.output import new_rights
from mipcheck.checker.console.valid_json import dumps
from mipcheck.model.version import __version__

if TYPE_CHECKING:
    from mipcheck.model.prover.smtlib import Obligation

_HERE: Final = "mipcheck.checker.proofs"


class HandedOut(NamedTuple):
    """A property's proof: its name, what it says, how it was proved, and the obligations of its parts."""

    name: str
    text: str
    method: str
    obligations: Sequence[Obligation]


def hand_out(path: str, specification: str, proofs: Iterable[HandedOut]) -> None:
    """Write the folder `path`, whole or not at all. Raises UsageError where it is there, or cannot be written."""
    with new_folder(path, "--smtlib", or_empty=True) as folder:
        _write(folder, specification, proofs)


def _write(folder: Path, specification: str, proofs: Iterable[HandedOut]) -> None:
    listed = []
    for proof in proofs:
        parts: dict[str, list[str]] = {}
        for o in proof.obligations:
            where = f"{proof.name}-{o.part}" if o.part else proof.name
            (folder / where).mkdir(exist_ok=True)
            (folder / where / f"{o.name}.smt2").write_text(o.text, "utf-8")
            parts.setdefault(where, []).append(f"{o.name}.smt2")
        listed += [
            {"folder": where, "property": proof.name, "says": proof.text, "method": proof.method, "files": names}
            for where, names in parts.items()
        ]
    contents = {"mipcheck": __version__, "specification": specification, "proofs": listed}
    (folder / "proofs.json").write_text(dumps(contents, indent=2) + "\n", "utf-8")
    text = (files(_HERE) / "referee.md").read_text("utf-8")
    (folder / "README.md").write_text(text.replace("SPECIFICATION", specification), "utf-8")
    (folder / "check.py").write_text((files(_HERE) / "referee.py").read_text("utf-8"), "utf-8")
    (folder / "check.py").chmod(new_rights(0o755))
