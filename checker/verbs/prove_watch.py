"""`mipcheck prove --watch`: proved again whenever the specification changes; what has changed by that is said."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, NoReturn

from mipcheck.checker.console.errors import wording
from mipcheck.checker.console.escape import printable
from mipcheck.checker.console.output import write
from mipcheck.checker.console.streams import say
from mipcheck.checker.verbs.prove_results import Answered, ToProve, earlier, prove_all
from mipcheck.checker.verbs.prove_text import Spoken
from mipcheck.model.specification.spec import Spec
from mipcheck.model.values.errors import UserError

_PAUSE: Final = 0.3
"""Seconds between two looks at the files."""


def watch(asked: ToProve, read: Callable[[], Spec]) -> NoReturn:
    """Prove what is asked, and again whenever the specification that is `read` is another one, until interrupted.

    What is wrong with that is said, and it is read on. Raises UserError for what is wrong at first.
    """
    before, last, said = _first(asked), asked.spec, ""
    while True:
        time.sleep(_PAUSE)
        try:
            spec = read()
            if spec is not last:
                before = _again(replace(asked, spec=spec, before=earlier(last, before)), before)
                last = spec
            said = ""
        except UserError as error:  # also of a file that an editor has not written whole yet
            text = wording(error)
            if text != said:
                say(text)
            said = text


def _first(asked: ToProve) -> dict[str, Answered]:
    spoken = Spoken(asked.spec, asked.wanted, lambda text: write(text, None))
    found = prove_all(asked, spoken)
    spoken.end()
    return _told(found)


def _again(asked: ToProve, before: dict[str, Answered]) -> dict[str, Answered]:
    """Prove after a change, and say what is answered otherwise than before."""
    started = time.monotonic()
    write("\n", None)
    changes = _Changes(asked, before)
    found = _told(prove_all(asked, changes))
    changes.end()
    write(f"{len(found) - len(changes.said)} as before, after {time.monotonic() - started:.1f} s\n", None)
    return found


class _Changes:
    """Says at once what is answered otherwise than before, and of that what completes it."""

    def __init__(self, asked: ToProve, before: Mapping[str, Answered]) -> None:
        self._before = before
        self._spoken = Spoken(asked.spec, asked.wanted, lambda text: write(text, None))
        self.said: set[str] = set()

    def verdict(self, proved: Answered, final: bool) -> None:
        """Say a verdict, if it is another one than before."""
        if self._differs(proved, _verdict) or (final and self._differs(proved, _whole)):
            self.said.add(proved.result.name)
            self._spoken.verdict(proved, final)

    def completed(self, proved: Answered) -> None:
        """Say what completes a verdict; where only that has changed, the verdict, too."""
        if proved.result.name in self.said:
            self._spoken.completed(proved)
        else:
            self.verdict(proved, True)

    def end(self) -> None:
        """Count what has been said."""
        if self.said:
            self._spoken.end()

    def _differs(self, p: Answered, what: Callable[[Answered], object]) -> bool:
        before = self._before.get(p.result.name)
        return before is None or what(p) != what(before)


def _verdict(p: Answered) -> object:
    """Return what of a verdict is worth telling when it changes."""
    return p.result.result, p.result.reason, p.result.interfaces


def _whole(p: Answered) -> object:
    """Return what of an answer is worth telling when it changes."""
    return _verdict(p), p.counterexample, {n.rule for n in p.result.needs}, p.result.assumes


def _told(found: list[Answered]) -> dict[str, Answered]:
    """Return answers by property, after what went wrong in mipcheck was said."""
    for p in found:
        if p.error is not None:
            say(f"mipcheck: {p.result.name}: {type(p.error).__name__}: {printable(str(p.error))}")
    return {p.result.name: p for p in found}
