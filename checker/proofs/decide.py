"""A process that decides what other processes ask: texts in SMT-LIB 2, one a line (JSON) on standard input.

It is one of its own because a solver may crash, or take all time and memory. Each text is read anew by the solver,
which knows nothing of how it came about.
"""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import sys
from typing import Final

MEMORY: Final = 4 << 30
"""Bytes that a solver may take."""


def serve(solver: str, seconds: float) -> None:
    """Answer each text by a line: sat, unsat, or why it is neither. After `seconds` for one text the process is ended,
    by an alarm that the kernel keeps."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY if limit == resource.RLIM_INFINITY else min(MEMORY, limit), limit))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    decide = {"z3": _z3, "cvc5": _cvc5}[solver]
    for line in sys.stdin:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        answer = "it gave up"
        with contextlib.suppress(MemoryError):
            answer = decide(json.loads(line))
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(json.dumps(answer), flush=True)


def _z3(text: str) -> str:
    import z3

    solver = z3.Solver()
    try:
        solver.from_string(text)
        return str(solver.check())
    except z3.Z3Exception as error:
        return f"error: {error}"


def _cvc5(text: str) -> str:
    import cvc5

    solver = cvc5.Solver()
    symbols = cvc5.SymbolManager(solver)
    parser = cvc5.InputParser(solver, symbols)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "obligation")
    said = ""
    try:
        while not (command := parser.nextCommand()).isNull():
            said += command.invoke(solver, symbols)
    except RuntimeError as error:
        return f"error: {error}"
    return said.strip()
