"""Where the command begins: Ctrl-C ends it in its first moments as it does later, without a traceback.

Imports nothing before that is so. Ctrl-C is Python's own again once `main` is there to catch it.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # what of `signal` is in C: no more has to be imported
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType


def start() -> int:
    """Run the command line of this process and return its exit code."""
    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # else it is ignored, as in the background
    if heard:
        signal.signal(signal.SIGINT, _quit)
    sys.unraisablehook = _lost
    from mipcheck.checker.cli.main import main
    from mipcheck.checker.console.output import INTERRUPTED

    try:
        if heard:
            signal.signal(signal.SIGINT, _interrupt)
        return main()
    except KeyboardInterrupt:  # before `main` listened, or after
        return INTERRUPTED
    finally:
        if heard:
            signal.signal(signal.SIGINT, _quit)


_interrupted = False


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Do what Python does about Ctrl-C, and keep it in mind."""
    global _interrupted
    _interrupted = True
    raise KeyboardInterrupt


def _quit(number: int, frame: FrameType | None) -> None:
    """End at once: nothing has begun yet, or all is done."""
    os._exit(128 + number)


def _lost(error: sys.UnraisableHookArgs) -> None:
    """End at once if it is Ctrl-C that came where Python cannot hand it on, in a callback of an import, say.

    Of what goes wrong afterwards with objects that it left half made, nothing is said.
    """
    if isinstance(error.exc_value, KeyboardInterrupt):
        _quit(signal.SIGINT, None)
    if not _interrupted:
        sys.__unraisablehook__(error)
