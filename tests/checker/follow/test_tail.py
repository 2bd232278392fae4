"""Files and pipes are followed through whatever happens to them: renamed, cut short, gone, empty, lines without end."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mipcheck.checker.console.errors import InputError
from mipcheck.checker.follow.tail import Tail
from mipcheck.checker.logs.lines import raw_lines
from mipcheck.checker.logs.parts import LINE_LIMIT
from mipcheck.checker.logs.pieces import LineJoiner

from making.following import cut


@given(
    st.lists(st.sampled_from([b"a\n", b"\n", b"b\r\n", b"\xef\xbb\xbf", b"c" * 70_000, b"d"])),
    st.lists(st.integers(0, 300_000)),
)
def test_lines_in_pieces_are_the_lines_of_the_whole(parts: list[bytes], places: list[int]) -> None:
    import io

    data = b"".join(parts)
    lines = LineJoiner()
    found = [line for piece in cut(data, places) for line in lines.take(piece)] + list(lines.end())
    assert found == list(raw_lines(io.BytesIO(data)))


def test_a_line_without_end_takes_no_memory() -> None:
    lines = LineJoiner()
    for _ in range(200):
        assert list(lines.take(b"x" * LINE_LIMIT)) == []
        assert sum(map(len, lines._parts)) < 2 * LINE_LIMIT
    (line,) = lines.take(b"\n")
    assert line.overlong


def all_of(tail: Tail) -> bytes:
    return b"".join(iter(tail.read, b""))


def test_a_renamed_file_is_read_to_its_end_and_then_its_successor(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(b"one\n")
    tail = Tail(str(path))
    assert all_of(tail) == b"one\n"
    path.rename(tmp_path / "x.log.1")
    assert tail.read() == b""
    assert tail.missing
    with (tmp_path / "x.log.1").open("ab") as old:
        old.write(b"still\n")
    path.write_bytes(b"")  # its successor is made, and not written to yet
    assert tail.read() == b"still\n"
    assert tail.read() == b""
    with (tmp_path / "x.log.1").open("rb") as old, gzip.open(tmp_path / "x.log.1.gz", "wb") as packed:
        shutil.copyfileobj(old, packed)
    (tmp_path / "x.log.1").unlink()
    path.write_bytes(b"new\n")
    assert tail.read() == b"new\n"
    assert (tail.turned, tail.lost, tail.missing) == (True, "", False)
    tail.close()


@pytest.mark.parametrize("rest", [b"n\n", b"newer and longer than what was there before\n"])
def test_a_file_that_is_cut_short_is_read_from_its_beginning_with_a_hole(tmp_path: Path, rest: bytes) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(b"one\ntwo\n")
    tail = Tail(str(path))
    assert all_of(tail) == b"one\ntwo\n"
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(rest)
    assert all_of(tail) == rest
    assert tail.turned
    assert "cut short" in tail.lost
    tail.close()


def test_a_file_that_vanishes_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(b"one\n")
    tail = Tail(str(path))
    assert all_of(tail) == b"one\n"
    path.unlink()
    assert (tail.read(), tail.missing, tail.ended) == (b"", True, False)
    path.write_bytes(b"two\n")
    assert (tail.read(), tail.missing) == (b"two\n", False)
    tail.close()


def test_a_named_pipe_waits_for_somebody_and_ends_with_them(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    tail = Tail(str(path))
    assert (tail.read(), tail.ended) == (b"", False)
    with path.open("wb", buffering=0) as writer:
        assert (tail.read(), tail.ended) == (b"", False)
        writer.write(b"one\n")
        assert tail.read() == b"one\n"
    assert (tail.read(), tail.ended) == (b"", True)
    tail.close()


@pytest.mark.parametrize(("name", "words"), [("", "is no name"), ("none.log", "no such file"), (".", "is a folder")])
def test_what_cannot_be_followed_is_said(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Tail(str(tmp_path / name) if name else "")
