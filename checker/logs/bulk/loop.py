"""Compiled: lines of a log → rows, whatever its form; `text_loop.py` and `json_loop.py` say how a line is taken."""

from __future__ import annotations

from mipcheck.checker.logs.bulk.parsed import DONE, FULL, ODD, LogLines
from mipcheck.checker.logs.bulk.words import TAKEN, end_of_line


def parse(s: LogLines) -> int:
    """Take lines into rows; return why it stopped, which is DONE, FULL, ODD, NEW_STACK or NO_ROOM."""
    while s.at < s.end:
        if s.rows == s.rows_cap:
            return FULL
        why = take_line(s)
        if why != TAKEN:
            if why == ODD:
                s.stop = end_of_line(s.buf, s.at)
            return why
    return DONE


def take_line(s: LogLines) -> int:
    """Take the line at `s.at`; return TAKEN, or why not. What is compiled has that of a form in this one's place."""
    raise NotImplementedError
