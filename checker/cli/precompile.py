"""Compiles at installation what the first run would have to: `python -m mipcheck.checker.cli.precompile`.

Everything goes to the cache directory (`model/values/cache.py`), which the installation lets be a part of the package.
Another interpreter or processor does not find what is of no use to it, and makes its own when it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator

from mipcheck.checker.capture.bulk import loop as scan
from mipcheck.checker.logs.bulk.form import FORMS
from mipcheck.checker.observe.unit import unit_of
from mipcheck.model.machine.compile import Machine
from mipcheck.model.native.compiled import compiled
from mipcheck.model.native.unit import Unit
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import bundled, every_bundled, load


def units() -> Iterator[Unit]:
    """Yield what is to be compiled: the readers, and every machine of the specifications that come with mipcheck.

    A machine is the same for all sites and parameters; one of a node with optional capabilities is another, and is not
    among these. To load the specifications puts them into the cache as well, and so it is with the machines' code for
    Python.
    """
    yield scan.unit()
    for form in FORMS.values():
        yield form.unit()
    for name in bundled():
        for spec in load(name).machines():
            yield unit_of(Machine(spec, configure(spec, {}), {}, kept=True))


def main() -> None:
    """Compile all, and read the other specifications. Raises NativeError where nothing can be compiled."""
    for name in every_bundled():
        load(name)
    for unit in units():
        compiled(unit, careful=True)


if __name__ == "__main__":
    main()
