"""Numbers about a run that goes on, as a text file for Prometheus (node_exporter's collector), written whole."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mipcheck.checker.console.output import answering
from mipcheck.checker.console.streams import say
from mipcheck.model.version import __version__

if TYPE_CHECKING:
    from mipcheck.checker.follow.growing import Growing
    from mipcheck.checker.follow.judge import Said

_EVERY: Final = 5.0
"""s between two writings, if nothing is found."""


class Metrics:
    """Keeps the file `path`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._findings: Counter[tuple[str, str]] = Counter()
        self._written = -_EVERY
        self._complained = False

    def found(self, said: Said) -> None:
        """Count a finding, or take one back."""
        self._findings[said.violation.rule, said.violation.level] += -1 if said.why else 1
        self._written = -_EVERY

    def update(
        self, logs: Sequence[Growing], lag: float, newest: int | None, holes: int | None = None, now: bool = False
    ) -> None:
        """Write the file, if it is time or it has to be `now`. `lag` is in s, `newest` when (ns) the last event was."""
        if not now and time.monotonic() - self._written < _EVERY:
            return
        missing = sum(len(log.holes) for log in logs) if holes is None else holes
        events, lines = {log.name: log.read for log in logs}, {log.name: log.lines for log in logs}
        parts = [_lag(lag)]
        if newest is not None:
            text = "The time of the newest event, as its log has it"
            parts.append(_metric("last_event_timestamp_seconds", "gauge", text, [({}, newest / 1e9)]))
        self._write([*self._parts(events, missing), _by_input("lines_total", "Lines read", lines), *parts])

    def counted(self, events: Mapping[str, int], frames: Mapping[str, int], holes: int, now: bool) -> None:
        """Write the file after a round of captures, if it is time: events and frames by input."""
        if now or time.monotonic() - self._written >= _EVERY:
            self._write([*self._parts(events, holes), _by_input("frames_total", "Frames read", frames)])

    def _write(self, parts: Sequence[str]) -> None:
        self._written = time.monotonic()
        try:
            _replace(self._path, "".join(parts).encode())
        except (OSError, ValueError) as error:
            if not self._complained:  # judging goes on
                self._complained = True
                say(f"mipcheck: the file of --metrics cannot be written: {getattr(error, 'strerror', None) or error}")

    def _parts(self, events: Mapping[str, int], holes: int) -> list[str]:
        found = [({"rule": rule, "level": level}, n) for (rule, level), n in sorted(self._findings.items())]
        return [
            _metric("info", "gauge", "The version that is running", [({"version": __version__}, 1)]),
            _by_input("events_total", "Events read", events),
            _metric("findings_total", "counter", "Findings, by rule", found),
            _metric("holes", "gauge", "Holes in the evidence", [({}, holes)]),
        ]


def _replace(path: str, text: bytes) -> None:
    """Write the file anew. Of a named pipe nobody is waited for: who does not read it now misses these numbers."""
    if Path(path).is_fifo():
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(descriptor, text)
        finally:
            os.close(descriptor)
        return
    with answering(path) as file:
        file.write(text)


def _lag(seconds: float) -> str:
    return _metric("lag_seconds", "gauge", "How long what was read has waited to be judged", [({}, round(seconds, 3))])


def _by_input(name: str, text: str, counts: Mapping[str, int]) -> str:
    return _metric(name, "counter", text, [({"input": file}, n) for file, n in counts.items()])


def _metric(name: str, kind: str, text: str, samples: Sequence[tuple[Mapping[str, str], float]]) -> str:
    lines = [f"# HELP mipcheck_{name} {text}.", f"# TYPE mipcheck_{name} {kind}"]
    for labels, value in samples:
        said = ",".join(f'{label}="{_escaped(word)}"' for label, word in labels.items())
        lines.append(f"mipcheck_{name}{{{said}}} {value}" if said else f"mipcheck_{name} {value}")
    return "\n".join(lines) + "\n"


def _escaped(word: str) -> str:
    """Return the value of a label, escaped as Prometheus has it."""
    shown = word.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return "".join(c if c.isprintable() else "?" for c in shown)
