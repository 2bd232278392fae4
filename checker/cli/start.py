"""Where the command begins: Ctrl-C ends it in its first moments as it does later, without a traceback.

Imports nothing before that is so. Ctrl-C is Python's own again once `main` is there to catch it; where native code
keeps Python from it, a thread ends the process.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # what of `signal` is in C: no more has to be imported
import _thread
import fcntl
import os
import sys
import time

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
    from mipcheck.model.values.errors import INTERRUPTED

    try:
        if heard:
            signal.signal(signal.SIGINT, _interrupt)
            _listen()
        return main()
    except KeyboardInterrupt:  # before `main` listened, or after
        return INTERRUPTED
    finally:
        if heard:
            signal.signal(signal.SIGINT, _quit)


_PATIENCE = 1.0
"""Seconds that native code may go on after Ctrl-C: a solver, for one, may take a minute for its answer."""
_STACK = 1 << 18
"""Bytes of the thread's stack: what it does takes little, and memory may be short."""
_interrupted = False


def _listen() -> None:
    """Have a thread hear of Ctrl-C as well, which Python tells the main one only between two of its own steps."""
    try:
        heard, told = (_away(end) for end in os.pipe())
        os.set_blocking(told, False)
        _thread.stack_size(_STACK)
        _thread.start_new_thread(_watch, (heard,))
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    except (OSError, RuntimeError):  # there is too little of everything: then Ctrl-C has to wait
        pass
    finally:
        _thread.stack_size(0)


def _away(end: int) -> int:
    """Return a descriptor of the same that is no standard stream's, which may be closed and has to stay so."""
    away = fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(end)
    return away


def _watch(heard: int) -> None:
    """End the process where the main thread has not heard of Ctrl-C in time, and would have `_interrupt` called."""
    while numbers := os.read(heard, 1):
        if numbers[0] == signal.SIGINT and signal.getsignal(signal.SIGINT) is _interrupt:
            time.sleep(_PATIENCE)
            if not _interrupted:
                _quit(signal.SIGINT, None)


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
