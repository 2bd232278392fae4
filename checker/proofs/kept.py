"""Logs that a search found: kept beside the specification's certificates, and replayed instead of sought again.

What lies there is evidence, whoever put it there, and never an answer: a log counts for what the observer finds in it
today. What does not show what it is kept for is sought anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.console.output import replacing
from mipcheck.checker.proofs.certificates import folder_for, store, stored
from mipcheck.model.prover.certificate import Certificate
from mipcheck.model.prover.scripts import Script
from mipcheck.model.values.errors import MipcheckError
from mipcheck.model.values.packages import folder_of

if TYPE_CHECKING:
    from argparse import Namespace

LONGEST: Final = 64 * 2**10
"""Bytes of a log that is kept; the longest so far has one."""


@dataclass(frozen=True, slots=True)
class KeptLogs:
    """The logs that are kept of a specification, by its name or path as on the command line; "" if it has none.

    With `anew` all are sought, and with `store` what is found is kept.
    """

    spec: str
    anew: bool = False
    store: bool = False

    def log(self, name: str, shows: Callable[[str], bool], seek: Callable[[], str]) -> str:
        """Return the log of that name if it `shows` what it should, else what `seek` finds (empty: nothing).

        Raises UsageError where it should be kept and cannot be.
        """
        if self.spec and not self.anew and (found := self._read(name)) and _is_so(shows, found):
            return found
        text = seek()
        if self.store and text:
            self._write(name, text)
        return text

    def scripts(self, name: str) -> list[Script]:
        """Return the traces of the prover that are kept under a name: whoever takes them follows them first."""
        found = None if self.anew or not self.spec else stored(self.spec, name)
        return [] if found is None else list(found[0].scripts.values())

    def keep_scripts(self, name: str, scripts: Sequence[Script]) -> None:
        """Keep traces of the prover under a name, if what is found is to be kept. Raises UsageError."""
        if self.store and scripts:
            store(self.spec, Certificate(self.spec, "", name, {}, {str(n): s for n, s in enumerate(scripts)}))

    def _read(self, name: str) -> str:
        """Return what is kept beside the specification, or comes among the example traces; else an empty text."""
        for file in (self._file(name), folder_of("mipcheck.traces") / "shortest" / f"{name.lower()}.log"):
            try:
                with file.open("rb") as opened:
                    data = opened.read(LONGEST + 1)
                text = data.decode("utf-8")
            except (OSError, ValueError):
                continue
            if len(data) <= LONGEST and text.replace("\n", "").isprintable():
                return text
        return ""

    def _write(self, name: str, text: str) -> None:
        file = self._file(name)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with replacing(str(file)) as opened:
                opened.write(text.encode())
        except OSError as error:
            raise UsageError(f"{file} cannot be written: {error.strerror}") from None

    def _file(self, name: str) -> Path:
        return folder_for(self.spec) / f"{name}.log"


def kept_by(args: Namespace) -> KeptLogs:
    """Return what a command line says of kept logs, by `options.add_kept`. Raises UsageError."""
    if args.store and (args.reading or getattr(args, "set", None)):
        raise UsageError("--store is about the specification as it is: not with --set, --reading")
    return KeptLogs(args.spec, args.fresh, args.store)


def _is_so(shows: Callable[[str], bool], log: str) -> bool:
    """Decide whether a log shows something; one that cannot be read today, its words being others, does not."""
    try:
        return shows(log)
    except (MipcheckError, ValueError):
        return False
