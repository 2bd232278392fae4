"""What is kept for the next run: used where it can be trusted, made anew where not, and never missed."""

from __future__ import annotations

import marshal
import os
import time
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest
from mipcheck.model.language import grammar, pieces
from mipcheck.model.language.errors import SpecError
from mipcheck.model.language.parse import parse
from mipcheck.model.machine import code, source
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification import load as loading
from mipcheck.model.specification.load import bundled, load, loads
from mipcheck.model.values import cache as keep

SPEC = """
spec kept
document "none"
event go() by node seen log
interface { gone: bool = false }
on go { gone := true }
rule R MUST cite 1 "only once" allow go only if not gone
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(keep.OFF, raising=False)
    monkeypatch.setattr(keep, "INSTALLED", tmp_path / "installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(loading, "_RECENT", 0)  # as if each were loaded by a process of its own
    loading._recent.clear()
    return tmp_path / "cache" / "mipcheck"


def test_what_is_written_is_read(cache: Path) -> None:
    assert keep.read("x") is None
    keep.write("x", b"content")
    assert keep.read("x") == b"content"
    assert (cache / "x").stat().st_mode & 0o077 == 0


def test_a_damaged_entry_is_none(cache: Path) -> None:
    keep.write("x", b"content")
    (cache / "x").write_bytes((cache / "x").read_bytes()[:-1])
    assert keep.read("x") is None


def test_what_was_installed_comes_first(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keep.OFF, str(tmp_path / "installed"))
    keep.write("x", b"installed")
    monkeypatch.delenv(keep.OFF)
    assert keep.read("x") == b"installed"
    keep.write("x", b"the user's")
    assert keep.read("x") == b"installed"
    (tmp_path / "installed" / "x").write_bytes(b"damaged")
    assert keep.read("x") == b"the user's"
    monkeypatch.setenv(keep.OFF, "off")
    assert keep.read("x") is None


def test_what_others_may_write_to_is_not_trusted(cache: Path) -> None:
    keep.write("x", b"content")
    (cache / "x").chmod(0o666)
    assert keep.read("x") is None
    keep.write("x", b"content")
    cache.chmod(0o777)
    assert keep.read("x") is None


def named(kind: str, number: int) -> str:
    return keep.name_of(kind, b"%d" % number)


def test_old_entries_make_room(cache: Path) -> None:
    now = time.time()
    keep.write(named("other", 1), b"")
    os.utime(cache / named("other", 1), (now - 3600, now - 3600))
    for n in range(70):
        keep.write(named("e", n), b"")
        os.utime(cache / named("e", n), (now - 1000 + n, now - 1000 + n))
    assert len(list(cache.glob("e-*"))) == 64
    assert keep.read(named("e", 69)) == b"" and keep.read(named("e", 0)) is None
    assert keep.read(named("other", 1)) == b""


@pytest.mark.parametrize("days", [-400, -2, 91, 20000])
def test_stale_entries_are_removed_and_nothing_else(cache: Path, days: int) -> None:
    """What nobody has used for long, what a killed process left; of a clock that jumped, too. The user's files stay."""
    keep.write(named("e", 1), b"new")
    old = time.time() - days * 86400
    theirs = [cache / "spec-notes.txt", cache / ".new-idea", cache / "e-1", cache / "notes"]
    for path in (*theirs, cache / named("e", 2), cache / ".new-0123456789ab"):
        path.write_bytes(b"")
        os.utime(path, (old, old))
    keep.write(named("e", 3), b"newer")
    assert sorted(cache.iterdir()) == sorted([*theirs, cache / named("e", 1), cache / named("e", 3)])


def test_what_is_being_written_is_not_removed(cache: Path) -> None:
    keep.write(named("e", 1), b"")
    (cache / ".new-0123456789ab").write_bytes(b"")
    keep.write(named("e", 2), b"")
    assert (cache / ".new-0123456789ab").exists()


def other_user() -> int:
    if os.geteuid() != 0:
        pytest.skip("files of another user can be made by root only")
    return 65534


def test_no_folder_on_the_way_may_be_a_strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "a" / "b" / "cache"
    monkeypatch.setenv(keep.OFF, str(place))
    keep.write("x", b"content")
    assert keep.read("x") == b"content"
    for mode, trusted in ((0o777, False), (0o770, False), (0o1777, True), (0o711, True), (0o755, True)):
        (tmp_path / "a").chmod(mode)
        assert keep.read("x") == (b"content" if trusted else None), oct(mode)
        assert (keep.folder() is not None) == trusted
    os.chown(tmp_path / "a", other_user(), -1)
    assert keep.read("x") is None and keep.folder() is None
    keep.write("y", b"content")
    assert not (place / "y").exists()


def test_no_strangers_link_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    real = tmp_path / "real"
    monkeypatch.setenv(keep.OFF, str(real))
    keep.write("x", b"content")
    link = shared / "link"
    link.symlink_to("../real")
    monkeypatch.setenv(keep.OFF, str(link))
    assert keep.read("x") == b"content"  # the user's own
    os.chown(link, other_user(), -1, follow_symlinks=False)
    assert keep.read("x") is None and keep.folder() is None


def test_an_entry_is_a_file_of_the_users_own(cache: Path, tmp_path: Path) -> None:
    keep.write("x", b"content")
    (cache / "x").rename(tmp_path / "x")
    (cache / "x").symlink_to(tmp_path / "x")
    assert keep.read("x") is None
    (cache / "x").unlink()
    os.mkfifo(cache / "x")
    assert keep.read("x") is None  # nor does it wait for a writer
    (cache / "x").unlink()
    (tmp_path / "x").rename(cache / "x")
    assert keep.read("x") == b"content"
    os.chown(cache / "x", other_user(), -1)
    assert keep.read("x") is None


def test_no_loop_of_links_is_run_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    monkeypatch.setenv(keep.OFF, str(tmp_path / "a" / "cache"))
    keep.write("x", b"")
    assert keep.folder() is None


@pytest.mark.slow
@pytest.mark.parametrize("where", ["off", "/proc/nowhere"])
def test_without_a_cache_all_still_works(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keep.OFF, where)
    keep.write("x", b"content")
    assert keep.read("x") is None
    assert load().name == "draft-01"


def test_a_relative_cache_home_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert keep.folder() == tmp_path / "home" / ".cache" / "mipcheck"


def test_a_specification_is_resolved_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kept.spec"
    path.write_text(SPEC, "utf-8")
    first = load(str(path))
    with monkeypatch.context() as patched:
        patched.setattr(pieces, "parse", None)  # what is kept needs no parser
        assert load(str(path)) == first
    path.write_text(SPEC.replace("only once", "but once"), "utf-8")
    assert load(str(path)).rules["R"].text == "but once"


def test_what_a_specification_extends_may_change(tmp_path: Path) -> None:
    (tmp_path / "base.spec").write_text(SPEC.replace("spec kept", "spec base"), "utf-8")
    path = tmp_path / "more.spec"
    path.write_text("spec more extends base\n", "utf-8")
    assert load(str(path)).rules["R"].text == "only once"
    assert load(str(path)).rules["R"].text == "only once"
    (tmp_path / "base.spec").write_text(
        SPEC.replace("spec kept", "spec base").replace("only once", "but once"), "utf-8"
    )
    assert load(str(path)).rules["R"].text == "but once"


@pytest.mark.slow
def test_a_process_has_the_last_ones_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as they are what is written, and not more of them than a few."""
    monkeypatch.setattr(loading, "_RECENT", 2)
    base, more = tmp_path / "base.spec", tmp_path / "more.spec"
    base.write_text(SPEC.replace("spec kept", "spec base"), "utf-8")
    more.write_text("spec more extends base\n", "utf-8")
    first = load(str(more))
    assert load(str(more)) is first
    assert Machine(first, {}, {}).source == Machine(first, {}, {}).source == Machine(load(str(more)), {}, {}).source
    base.write_text(base.read_text("utf-8").replace("only once", "but once"), "utf-8")
    assert load(str(more)).rules["R"].text == "but once"
    assert "but once" in Machine(load(str(more)), {}, {}).source
    for name in bundled():
        load(name)
    assert len(loading._recent) == 2


def test_the_source_of_a_machine_is_kept_with_all_that_it_was_made_from(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "_RECENT", 1)
    base, more = tmp_path / "base.spec", tmp_path / "more.spec"
    looped = SPEC.replace("spec kept", "spec base").replace("if not gone", "if not (some interface: gone)")
    base.write_text(looped, "utf-8")
    more.write_text("spec more extends base\n", "utf-8")

    def made(changed: bool = False) -> Machine:
        """A machine as a process of its own makes it."""
        source._written.clear()
        loading._recent.clear()
        spec = load(str(more))
        return Machine(replace(spec, rules={}) if changed else spec, {}, {}, kept=True)

    first = made()
    with monkeypatch.context() as patched:
        patched.delattr(source.Writer, "_module")
        again = made()
        assert again.source == first.source and "but once" not in again.source
        term = next(iter(again.rules[0].terms()))
        assert again.evaluate(term, 0, 0, [0], [], [[0]], [], "go") == 1
    assert "only once" not in made(changed=True).source
    base.write_text(looped.replace("only once", "but once"), "utf-8")
    assert "but once" in made().source
    for entry in cache.glob("source-*"):
        entry.write_bytes(b"damaged")
    assert "but once" in made().source


@pytest.mark.slow
def test_readings_are_kept_apart() -> None:
    assert load("draft-01", {"M2": "both-ways"}) != load("draft-01")
    assert load("draft-01", {"M2": "both-ways"}) == load("draft-01", {"M2": "both-ways"})


def _whole(value: object) -> object:
    """All of it, what takes no part in comparison included."""
    if is_dataclass(value):
        return type(value).__name__, [_whole(getattr(value, f.name)) for f in fields(value)]
    if isinstance(value, Mapping):
        return [(k, _whole(v)) for k, v in value.items()]
    return [_whole(v) for v in value] if isinstance(value, tuple | list) else value


@pytest.mark.slow
def test_what_is_kept_of_a_specification_is_all_of_it() -> None:
    for name in bundled():
        first, kept = load(name), load(name)
        assert kept is not first
        assert _whole(kept) == _whole(first)


def test_the_tree_of_what_is_extended_is_kept(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who changes the one file does not wait for the other to be read; what is damaged, or says something else, is."""
    base, own = tmp_path / "kept.spec", tmp_path / "mine.spec"
    extending = "spec mine extends kept\nparam n: int = 1\n"
    base.write_text(SPEC)
    own.write_text(extending)
    parsed: list[str] = []

    def noted(text: str, file: str = "") -> object:
        parsed.append("kept.spec" if "not gone" in text or "rule R" in text else "mine.spec")
        return parse(text, file)

    monkeypatch.setattr(pieces, "parse", noted)
    first = load(str(own))
    assert sorted(parsed) == ["kept.spec", "mine.spec"]
    parsed.clear()
    own.write_text(extending.replace("= 1", "= 2"))
    again = load(str(own))
    assert parsed == ["mine.spec"] and _whole(replace(again, parameters={})) == _whole(replace(first, parameters={}))
    parsed.clear()
    base.write_text(SPEC.replace("not gone", "gone"))
    assert load(str(own)).rules["R"].body != first.rules["R"].body
    assert parsed == ["kept.spec"]
    for entry in cache.glob("pieces-*"):
        keep.write(entry.name, b"no pieces")
    parsed.clear()
    own.write_text(extending)
    load(str(own))
    assert sorted(parsed) == ["kept.spec", "mine.spec"]


@pytest.mark.slow
def test_tables_of_the_grammar_are_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grammar.parser.cache_clear()
    first = parse(SPEC)
    (entry,) = cache.glob("grammar-*")
    grammar.parser.cache_clear()
    monkeypatch.setattr(keep, "write", None)  # nothing is made anew
    assert parse(SPEC) == first
    with pytest.raises(SpecError, match="expected a name"):
        parse(SPEC.replace("event go", "event 7"))
    monkeypatch.undo()
    monkeypatch.setenv(keep.OFF, str(cache))
    keep.write(entry.name, b"no tables")
    grammar.parser.cache_clear()
    assert parse(SPEC) == first
    grammar.parser.cache_clear()


@pytest.mark.slow
def test_tables_of_the_grammar_are_a_part_of_the_installation(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the user's is used where nothing that was kept shall be, nor what was installed of anything else."""
    with monkeypatch.context() as installing:
        installing.setenv(keep.OFF, str(tmp_path / "installed"))
        grammar.parser.cache_clear()
        first = parse(SPEC)
        keep.write("x", b"content")
    monkeypatch.setenv(keep.OFF, "off")
    monkeypatch.setattr("lark.Lark.__init__", None)  # no tables are made
    grammar.parser.cache_clear()
    assert parse(SPEC) == first
    assert keep.read("x") is None
    (entry,) = (tmp_path / "installed").glob("grammar-*")
    cache.mkdir(parents=True)
    entry.rename(cache / entry.name)
    grammar.parser.cache_clear()
    with pytest.raises(TypeError):
        parse(SPEC)


@pytest.mark.slow
def test_the_code_of_a_machine_is_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = loads(SPEC)
    first = Machine(spec, {}, {}, kept=True)
    (entry,) = cache.glob("steps-*")
    monkeypatch.setattr(code, "compile", None, raising=False)  # nothing is compiled again
    again = Machine(spec, {}, {}, kept=True)
    state = again.initial_interface()
    again.steps["go"](0, 0, state, [], [state], [], 0, [-1], [])
    assert state == [1] and first.source == again.source
    monkeypatch.undo()
    monkeypatch.setenv(keep.OFF, str(cache))
    for content in (b"", b"no code", b"N", marshal.dumps((1, "two"))):
        keep.write(entry.name, content)
        assert Machine(spec, {}, {}, kept=True).steps
    other = loads(SPEC.replace("gone := true", "gone := false"))
    Machine(other, {}, {}, kept=True)
    Machine(spec, {}, {})
    assert len(list(cache.glob("steps-*"))) == 2  # another text has other code; what is not to be kept is not
