"""A verb is a module that says its options and runs itself, and one line of the registry."""

from __future__ import annotations

import importlib
import pkgutil
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mipcheck.checker import cli as command_line
from mipcheck.checker import fleet, verbs
from mipcheck.checker.cli import cli
from mipcheck.checker.cli.cli import REGISTRY, Verb
from mipcheck.checker.cli.main import main
from mipcheck.model.specification.load import load

from making.paths import SPECS, TRACES

SLOW = ("prove", "explain", "audit", "ambiguities", "diff", "mutate", "synthesize")
"""Verbs that ask a solver. Their examples are run by other tests and by .ci/run; here their words are looked at."""

every_verb = pytest.mark.parametrize("verb", REGISTRY, ids=lambda v: v.name)


def example(verb: Verb) -> list[str]:
    program, *words = shlex.split(cli.module_of(verb).EXAMPLE)
    assert program == "mipcheck"
    return words


def test_every_module_with_options_is_registered_once() -> None:
    found = []
    for room in (verbs, fleet, command_line):
        for module in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
            if hasattr(importlib.import_module(module.name), "arguments"):
                found.append(module.name.removeprefix("mipcheck.checker."))
    assert sorted(found) == sorted(verb.module for verb in REGISTRY)
    assert len({verb.name for verb in REGISTRY}) == len(REGISTRY)


@every_verb
def test_a_verb_is_called_like_its_module_and_holds_what_the_command_line_needs(verb: Verb) -> None:
    module = cli.module_of(verb)
    assert verb.module.rpartition(".")[2] == verb.name
    assert callable(module.arguments) and callable(module.run)
    assert module.DESCRIPTION.endswith(".") and verb.does


def test_the_help_lists_all_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = capsys.readouterr().out.partition("\nverbs (")[2].partition("\n\n")[0].splitlines()[1:]
    assert len(listed) == len(REGISTRY)
    for line, verb in zip(listed, REGISTRY, strict=True):
        assert line.startswith(f"  {verb.name} {verb.takes}") and line.endswith(f" {verb.does}")
        assert len(line) <= 80, line


@every_verb
def test_the_help_ends_with_the_example(verb: Verb, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main([*([] if verb is cli.CHECK else [verb.name]), "--help"])
    assert done.value.code == 0
    assert capsys.readouterr().out.endswith(f"\nexample:\n  {cli.module_of(verb).EXAMPLE}\n")


@pytest.mark.sampled(4)
@every_verb
def test_help_imports_its_own_verb_only_and_nothing_heavy(verb: Verb) -> None:
    words = [*([] if verb is cli.CHECK else [verb.name]), "--help"]
    code = (
        "import sys; from mipcheck.checker.cli.main import main\n"
        f"try: main({words})\nexcept SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    imported = set(done.stderr.split())
    assert not imported & {"lark", "z3", "rich", "numpy", "llvmlite", "distributed"}
    assert not any(name.startswith(("mipcheck.model.specification", "mipcheck.checker.check.")) for name in imported)
    own = {f"mipcheck.checker.{v.module}" for v in REGISTRY} & imported
    assert own == {f"mipcheck.checker.{verb.module}"}


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    "verb",
    [
        pytest.param(v, id=v.name, marks=pytest.mark.slow if v.name in ("compare", "fleet", "fmt") else ())
        for v in REGISTRY
        if v.name not in SLOW
    ],
)
def test_the_example_works(
    verb: Verb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(TRACES, tmp_path / "traces")
    shutil.copytree(SPECS, tmp_path / "specs")
    shutil.copy(TRACES / "captures" / "movement.pcapng", tmp_path / "capture.pcapng")
    shutil.copy(TRACES / "captures" / "movement.toml", tmp_path / "site.toml")
    monkeypatch.chdir(tmp_path)
    words = example(verb)
    assert main(words) == (1 if verb.name in ("check", "fleet") else 0)
    said = capsys.readouterr()
    assert said.err == ""
    assert Path(words[words.index("-o") + 1]).stat().st_size if "-o" in words else said.out


def test_the_words_of_the_other_examples_are_known() -> None:
    words = {verb.name: example(verb) for verb in REGISTRY if verb.name in SLOW}
    assert all(each[0] == name for name, each in words.items())
    (_, proved), (_, rule), (_, sentence) = words["prove"], words["explain"], words["ambiguities"]
    assert proved in load().properties and rule in load().rules and load().rules[sentence].readings
    assert words["audit"] == ["audit"]
    assert [load(name).name for name in words["diff"][1:]] == words["diff"][1:]
