"""`mipcheck prove --watch` proves again what a change touches, says what is new, and survives what is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mipcheck.checker.cli.main import main
from mipcheck.model.prover.prove import Proofs, Result
from mipcheck.model.values.errors import INTERRUPTED

from making.proofs import ASKING, PASSING

TEXT = f'spec small\n{ASKING}role other "another" {{\n{PASSING}}}\n'
Edits = Callable[[list[Callable[[], object]]], None]


@pytest.fixture
def edits(monkeypatch: pytest.MonkeyPatch) -> Edits:
    """Have each look at the file but the first come after the next of some edits, and Ctrl-C after the last."""

    def of(steps: list[Callable[[], object]]) -> None:
        left = iter(steps)

        def sleep(_: float) -> None:
            try:
                next(left)()
            except StopIteration:
                raise KeyboardInterrupt from None

        monkeypatch.setattr(time, "sleep", sleep)

    return of


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The properties that are looked at."""
    names: list[str] = []
    verdict = Proofs.verdict

    def noted(self: Proofs, name: str) -> Result:
        names.append(name)
        return verdict(self, name)

    def here(works: list[Callable[[], Iterator[object]]], _: float | None) -> Iterator[object]:
        for number, work in enumerate(works):
            yield from ((number, what) for what in work())

    monkeypatch.setattr(Proofs, "verdict", noted)
    monkeypatch.setattr("mipcheck.checker.verbs.prove_results.together", here)
    yield names


def test_a_change_of_one_role_is_answered_and_the_other_not_looked_at(
    tmp_path: Path, edits: Edits, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "small.spec"
    file.write_text(TEXT)
    edits([
        lambda: file.write_text(TEXT.replace("asked > 2", "asked > 3")),
        lambda: file.write_text(TEXT.replace("asked > 2", "askd > 2")),
        lambda: file.write_text(TEXT.replace("asked > 2", "askd > 2")),
        lambda: file.write_text(TEXT.replace("asked > 2", "asked > 0")),
    ])  # fmt: skip
    assert main(["prove", "--watch", "--spec", str(file)]) == INTERRUPTED
    out, err = capsys.readouterr()
    first, same, changed = out.split("\nsmall: 2 proved\n")[0], *out.split("as before")[:2]
    assert first.count("proved   ") == 2
    assert same.rstrip().endswith("2") and "refuted  asked" in changed and "once" not in changed
    assert out.rstrip().splitlines()[-1].startswith("1 as before")
    assert asked == ["asked", "once", "asked", "asked"]
    assert err.count('unknown name "askd"') == 1


@pytest.mark.parametrize("more", [["--store"], ["--format", "json"], ["-o", "x"], ["--smtlib", "x"]])
def test_what_it_cannot_be_asked_with(more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prove", "--watch", *more]) == 2
    assert "--watch says what changes as text" in capsys.readouterr().err


def test_what_is_wrong_is_said_as_without_it(tmp_path: Path, edits: Edits, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "small.spec"
    wrong = TEXT.replace("asked > 2", "askd\x1b > 2")
    file.write_text(wrong)
    assert main(["prove", "--spec", str(file)]) == 2
    said = capsys.readouterr().err
    file.write_text(TEXT)
    edits([lambda: file.write_text(wrong), lambda: None])
    assert main(["prove", "--watch", "--spec", str(file)]) == INTERRUPTED
    assert said.strip() and "\x1b" not in said
    assert capsys.readouterr().err.startswith(said)


def test_a_property_that_does_not_exist_is_not_waited_for(
    tmp_path: Path, edits: Edits, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "small.spec"
    file.write_text(TEXT)
    edits([])
    assert main(["prove", "--watch", "--spec", str(file), "aksed"]) == 2
    assert 'no property "aksed"' in capsys.readouterr().err


def test_who_takes_a_change_back_has_the_proof_that_is_kept(
    tmp_path: Path, edits: Edits, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "small.spec"
    file.write_text(TEXT)
    assert main(["prove", "--store", "--spec", "./small.spec"]) == 0
    loose, looser = (TEXT.replace("asked > 2", f"asked > {n}") for n in (0, -1))
    edits([lambda: file.write_text(loose), lambda: file.write_text(looser), lambda: file.write_text(TEXT)])
    capsys.readouterr()
    assert main(["prove", "--watch", "--spec", "./small.spec"]) == INTERRUPTED
    *_, back = capsys.readouterr().out.split("as before")[:-1]
    assert "proved   asked" in back and "a certificate checked again" in back


def test_another_counterexample_is_told_though_the_verdict_is_the_same(
    tmp_path: Path, edits: Edits, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who has mended what a trace shows wants to know what is left."""
    file = tmp_path / "small.spec"
    file.write_text(TEXT.replace("asked > 2", "asked >= 0"))
    edits([lambda: file.write_text(TEXT.replace("asked > 2", "asked > 0"))])
    assert main(["prove", "--watch", "--spec", str(file)]) == INTERRUPTED
    _, mended = capsys.readouterr().out.split("1 refuted", 1)
    assert "refuted  asked" in mended and "mipcheck-trace" in mended
