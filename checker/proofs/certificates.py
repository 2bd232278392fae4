"""Where certificates are kept: beside the specification, in a folder of its name, or in the cache if that is not ours.

What is found is evidence to be checked, whoever put it there, and never an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.console.output import replacing
from mipcheck.model.prover.certificate import (
    LONGEST,
    Certificate,
    Inductive,
    Malformed,
    read_certificate,
    write_certificate,
)
from mipcheck.model.prover.form import ADDRESS
from mipcheck.model.specification.compose import owners
from mipcheck.model.specification.load import every_bundled, load
from mipcheck.model.specification.spec import Spec
from mipcheck.model.values import cache
from mipcheck.model.values.packages import folder_of

SUFFIX: Final = ".proofs"


def folder_for(spec: str) -> Path:
    """Return the folder for certificates of a specification, by its name or path as on the command line."""
    # An editable installation links to the file; certificates belong beside the file itself.
    path = (folder_of("mipcheck.specs") / f"{spec}.spec").resolve() if spec in every_bundled() else Path(spec)
    return path.with_name(path.name.removesuffix(".spec") + SUFFIX)


def stored(spec: str, property_: str) -> tuple[Certificate, str] | None:
    """Return what is kept of a property, and where; None where nothing is, or nothing of use."""
    file = folder_for(spec) / f"{property_}.json"
    try:
        if file.is_file():
            with file.open("rb") as opened:
                return _read(opened.read(LONGEST + 1)), str(file)
        kept = cache.read(_entry(spec, property_))
        return None if kept is None else (_read(kept), "cache")
    except (OSError, ValueError, Malformed):
        return None


def known(spec: str) -> Callable[[str], Certificate | None]:
    """Return what finds certificates of the properties of a specification."""

    def find(property_: str) -> Certificate | None:
        found = stored(spec, property_)
        return None if found is None else found[0]

    return find


def taken_over(spec: Spec) -> Callable[[str], Certificate | None]:
    """Return what finds certificates of a bundled specification's properties, of another one none: what one takes over
    may have been proved where it comes from or where else it is taken over, for whatever has a name there."""
    bundled = every_bundled() if spec.name in every_bundled() else []
    names = [n for n in bundled if n == spec.name or n in spec.extends or spec.name in load(n).extends]
    names.sort(key=lambda n: n != spec.name)
    everywhere = owners(spec)

    def find(property_: str) -> Certificate | None:
        found = next((c for name in names if (c := known(name)(property_)) is not None), None)
        own = everywhere.get(property_)
        return found if found is None or own is None else _named_in(own, found)

    return find


def _named_in(spec: Spec, certificate: Certificate) -> Certificate:
    """Return a certificate that leaves what a specification has no name for as it is."""
    names = {*spec.parameters, *(ADDRESS + n for n in spec.sites)}

    def own(p: Inductive) -> Inductive:
        return replace(p, form=replace(p.form, free=tuple(f for f in p.form.free if f in names)))

    return replace(certificate, proofs={part: own(p) for part, p in certificate.proofs.items()})


def _read(data: bytes) -> Certificate:
    if len(data) > LONGEST:
        raise Malformed("it is too long")
    return read_certificate(data.decode("utf-8"))


def store(spec: str, certificate: Certificate) -> str:
    """Keep a certificate, and return where. Raises UsageError where it cannot be kept anywhere."""
    text = write_certificate(certificate).encode()
    file = folder_for(spec) / f"{certificate.property}.json"
    try:
        file.parent.mkdir(exist_ok=True)
        with replacing(str(file)) as opened:
            opened.write(text)
        return str(file)
    except OSError as error:
        if cache.folder() is None:
            raise UsageError(f"{file} cannot be written: {error.strerror}, and there is no cache") from None
        cache.write(_entry(spec, certificate.property), text)
        return "cache"


def _entry(spec: str, property_: str) -> str:
    where = str(folder_for(spec).absolute())
    return cache.name_of("proof", where.encode("utf-8", "surrogatepass"), property_.encode())
