"""What is made at installation, so that the first run need not: `python -m mipcheck.checker.cli.ready`.

Everything goes to the cache directory (`keep.py`), which the installation lets be a part of the package. What is of
no use to another interpreter or processor is not found by it, and made there when it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator

from mipcheck.checker.capture.bulk import loop as scan
from mipcheck.checker.logs.bulk.form import FORMS
from mipcheck.checker.observe.columns import unit_of
from mipcheck.model.machine.compile import Machine
from mipcheck.model.native.compiled import compiled
from mipcheck.model.native.unit import Unit
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import bundled, load


def units() -> Iterator[Unit]:
    """What is compiled: the readers, and every machine of the specifications that come with mipcheck.

    A machine is the same for all sites and parameters; one of a node with optional capabilities is another, and is not
    among these. Reading the specifications keeps them as well.
    """
    yield scan.unit()
    for form in FORMS.values():
        yield form.unit()
    for name in bundled():
        for spec in load(name).machines():
            yield unit_of(Machine(spec, configure(spec, {}), {}))


def main() -> None:
    """Raises NativeError where nothing can be compiled."""
    for unit in units():
        compiled(unit)


if __name__ == "__main__":
    main()
