"""Metrics in a named pipe: who judges waits for no reader."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from mipcheck.checker.follow.metrics import Metrics


def test_a_pipe_that_nobody_reads_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "numbers"
    os.mkfifo(path)
    metrics = Metrics(str(path))
    metrics.counted({"a": 1}, {"a": 2}, 0, True)
    metrics.counted({"a": 2}, {"a": 3}, 0, True)
    assert capsys.readouterr().err.count("the file of --metrics cannot be written") == 1
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    metrics.counted({"a": 5}, {"a": 7}, 0, True)
    assert b'mipcheck_events_total{input="a"} 5' in os.read(reader, 1 << 16)
    os.close(reader)
    assert path.is_fifo()
