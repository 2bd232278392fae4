"""What is wrong with a map or a log of another program is said: its place, the cause, what to do; nothing is silent."""

from __future__ import annotations

from pathlib import Path

import pytest
from mipcheck.checker.cli.main import main
from mipcheck.checker.follow import follow

from making.following import Clock, Pieces, follower

LINE = "Nov  3 09:14:02 11[KNL] 203.0.113.20 appeared on wlan0\n"
DOWN = "Nov  3 09:14:04 11[KNL] interface wlan0 deactivated\n"
MAP = 'map m "m"\nstamp "%b %e %T"\nline "port {if:wrd} is up" { event {if} link state=up }\n'


def told(tmp_path: Path, data: bytes, capsys: pytest.CaptureFixture[str], words: str = "charon") -> tuple[int, str]:
    """The exit code for a log, and all that is said, in one line."""
    path = tmp_path / "x.log"
    path.write_bytes(data)
    code = main([str(path), "--map", words])
    said = capsys.readouterr()
    return code, " ".join((said.out + said.err).split())


def test_a_map_with_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.map").write_text(MAP)
    code, said = told(tmp_path, LINE.encode(), capsys, str(tmp_path / "m.map"))
    assert code == 2
    assert f'{tmp_path}/m.map:3:12: unknown kind "wrd" of a field' in said
    assert 'did you mean "word"?' in said


def test_a_log_of_another_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = told(tmp_path, b"Nov  3 09:14:02 h cron[1]: hello\n", capsys)
    assert code == 3
    assert "1 record, 0 known to it, 1 of other programs" in said
    assert "nothing in it is told by a line of this map: see whose log it is (mipcheck map MAP FILE)" in said


@pytest.mark.parametrize(
    "strange",
    ["Nov  3 09:14:03 11[KNL] interface wlän0 activated\n".encode("latin-1"), DOWN.encode("utf-16-le")],
    ids=["latin-1", "utf-16"],
)
def test_mixed_encodings(tmp_path: Path, capsys: pytest.CaptureFixture[str], strange: bytes) -> None:
    code, said = told(tmp_path, LINE.encode() * 20 + strange + DOWN.encode(), capsys)
    assert code == 3
    assert "(the first is 21) in another encoding than UTF-8" in said
    assert "convert the log first (iconv" in said
    code, said = told(tmp_path, DOWN.encode("utf-16-le") + LINE.encode(), capsys)
    assert code == 2
    assert "convert that first (iconv -f UTF-16 -t UTF-8)" in said


@pytest.mark.parametrize("stamp", ["Feb 30 09:14:03", "Nov  3 25:14:03", "Nxv  3 09:14:03"])
def test_a_stamp_that_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str], stamp: str) -> None:
    """Its record is not read: a hole, since it may have been anything."""
    code, said = told(tmp_path, (LINE + f"{stamp} 11[KNL] interface wlan0 activated\n" + DOWN).encode(), capsys)
    assert code == 3
    assert "x.log" in said
    assert f"line 2 matches nothing in the map ({{}}): {stamp}".partition("{}")[0] in said
    assert "1 record was not read (line 2: " in said


def test_a_line_of_10_mb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = told(tmp_path, LINE.encode() + b"Nov  3 09:14:03 " + b"x" * 10_000_000 + b"\n" + DOWN.encode(), capsys)
    assert code == 3
    assert "line 2 matches nothing in the map (the line is too long): Nov 3 09:14:03 xxx" in said
    assert "1 record was not read (line 2: the line is too long)" in said
    assert "2 events on wlan0" in said
    assert len(said) < 20_000


def test_a_rotated_file_that_vanishes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    monkeypatch.setattr(follow, "time", clock)
    tail = Pieces("x.log", [LINE.encode()], ends=False)
    run = follower([tail], [])
    run._turn()
    tail.missing = True
    for seconds in (1, 8, 2, 60):
        run._turn()
        clock.now += seconds
    assert capsys.readouterr().err.count("x.log is not there any more: what takes its place will be read") == 1
    tail.missing = False
    tail.left.append(DOWN.encode())
    run._turn()
    run._stop = True
    assert run.run().inputs[0].events == 2
