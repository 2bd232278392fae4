"""A folder as an answer: it is there as a whole, or nothing is."""

from __future__ import annotations

from pathlib import Path

import pytest
from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.console.folder import new_folder


def test_it_is_there_when_all_is_written(tmp_path: Path) -> None:
    with new_folder(str(tmp_path / "out"), "--write") as folder:
        (folder / "a").write_text("a", "utf-8")
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out" / "a").read_text("utf-8") == "a"
    assert (tmp_path / "out").stat().st_mode & 0o700 == 0o700


def test_nothing_is_left_of_one_that_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), new_folder(str(tmp_path / "out"), "--write") as folder:
        (folder / "a").write_text("a", "utf-8")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError) as refused, new_folder(str(tmp_path / "empty"), "--write"):
        pass
    assert str(refused.value) == f"{tmp_path / 'empty'} is there already; --write takes the name of a new folder"
    with new_folder(str(tmp_path / "empty"), "--write", or_empty=True) as folder:
        (folder / "a").write_text("a", "utf-8")
    with pytest.raises(UsageError), new_folder(str(tmp_path / "empty"), "--write", or_empty=True):
        pass
    assert [f.name for f in (tmp_path / "empty").iterdir()] == ["a"]


def test_where_it_cannot_be_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written: No such file"), new_folder(f"{tmp_path}/a/b", "--write"):
        pass
