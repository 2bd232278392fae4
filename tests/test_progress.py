"""What is said of a long reading while it lasts."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from mipcheck.checker import progress
from mipcheck.checker.progress import Progress, line


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_how_many_how_fast_and_how_long_still() -> None:
    assert line(500, "packets", 2, 0) == "500 packets, 250/s"
    assert line(3_000_000, "packets", 2, 0.25) == "3.0 million packets, 1.5 million/s, 25%, 6 s left"
    assert line(10, "lines", 100, 0.01).endswith("1%, 165 min 0 s left")


@pytest.mark.parametrize("terminal", [True, False])
def test_only_a_terminal_is_told(terminal: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(bytes(1000))
    err = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr("sys.stderr", err)
    monkeypatch.setattr(progress, "_PATIENCE", -1)
    monkeypatch.setattr(progress, "_PAUSE", -1)
    with (tmp_path / "x").open("rb", buffering=0) as stream:
        shown = Progress(stream, "odd\x1b name", "packets")
        stream.read(500)
        shown.update(7)
        shown.end()
    if terminal:
        assert "packets" in err.getvalue() and "50%" in err.getvalue() and "odd\x1b" not in err.getvalue()
        assert err.getvalue().endswith("\r\033[K")
    else:
        assert err.getvalue() == ""


def test_a_stream_without_a_size_has_no_end_in_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", err := Terminal())
    monkeypatch.setattr(progress, "_PATIENCE", -1)
    monkeypatch.setattr(progress, "_PAUSE", -1)
    Progress(io.BytesIO(b"x"), "-", "packets").update(7)
    assert "packets" in err.getvalue() and "left" not in err.getvalue()
