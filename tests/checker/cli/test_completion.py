"""Completion and the manual page are made from the parsers; real shells and a real formatter read them."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from mipcheck.checker.cli import cli
from mipcheck.checker.cli.completion import FILES, FOLDERS, NAMED, PATHS, candidates
from mipcheck.checker.cli.main import main
from mipcheck.checker.cli.man import page

from making.processes import MIPCHECK

FORMATS = ["text", "json", "jsonl", "html", "junit", "sarif", "github"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["expl"], ["explain", FILES]),
        (["explain", "D"], ["D1", "D2"]),
        (["explain", "cv"], ["cvc", "cvf"]),
        (["explain", "--spec", "./nowhere.spec", "D"], []),
        (["prove", "--spec", "candidates/e"], [*(f"candidates/e{n}" for n in range(1, 10)), FILES]),
        (["--form"], ["--format"]),
        (["--format", ""], FORMATS),
        (["--format=j"], ["--format=json", "--format=jsonl", "--format=junit"]),
        (["--format", "=", "j"], ["--format=json", "--format=jsonl", "--format=junit"]),
        (["x.log", "--report", "ht"], ["html="]),
        (["x.log", "--report", "html=x"], [FILES]),
        (["x.log", "--report", "html", "=", "x"], [FILES]),
        (["x.log", "--set", "t_st"], ["t_stop="]),
        (["x.log", "--map", "x.log=chari"], [FILES]),
        (["x.log", "--map", "x.log=charo"], ["x.log=charon", FILES]),
        (["check", "--config", ""], [FILES]),
        (["check", "x.log", "y"], [FILES]),
        (["prove", "--smtlib", ""], [FOLDERS]),
        (["convert", "x.pcap", ""], []),
        (["convert", "--strange", "x.pcap", ""], []),
        (["schema", "chec"], ["check"]),
        (["fleet", "--workers", ""], []),
    ],
)  # fmt: skip
def test_what_a_word_may_be(words: list[str], expected: list[str]) -> None:
    assert candidates(words) == expected


@pytest.mark.parametrize("verb", cli.REGISTRY, ids=lambda v: v.name)
def test_every_argument_that_is_a_name_or_a_path_is_known_as_one(verb: cli.Verb) -> None:
    """So that a new option is either completed, or stands in the list of those that cannot be."""
    free = {
        "S",
        "N",
        "P",
        "DURATION",
        "PERCENT",
        "FIELD",
        "INPUT=SECONDS",
        "INPUT=NAME",
        "tcp://…",
        "NAME",
        "WHAT",
        "WORD",
    }
    for action in cli.parser_of(verb, cli.module_of(verb))._actions:
        metavar = str(action.metavar or action.dest)
        known = metavar in NAMED or metavar in ("DIR", "FOLDER") or any(word in metavar for word in PATHS)
        assert action.nargs == 0 or action.choices or known or metavar in free, metavar


def shell(name: str) -> str:
    """Return the path of a shell, which .ci/run installs."""
    path = shutil.which(name)
    if path is None and os.environ.get("CI") != "true":
        pytest.skip(f"there is no {name}")
    assert path is not None, f"there is no {name}"
    return path


def asked(shell_: list[str], script: str, folder: Path) -> list[str]:
    """Run a script of a shell, where `mipcheck` is the one under test; return the lines it writes."""
    (folder / "bin").mkdir()
    (folder / "bin/mipcheck").write_text(f'#!/bin/sh\nexec {shlex.join(MIPCHECK)} "$@"\n')
    (folder / "bin/mipcheck").chmod(0o755)
    (folder / "here.log").touch()
    (folder / "there").mkdir()
    environment = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "HOME": str(folder)}
    done = subprocess.run(
        [*shell_, script], capture_output=True, text=True, check=True, timeout=120, cwd=folder, env=environment
    )
    assert not done.stderr
    return done.stdout.splitlines()


ASKED = (
    ("explain A", ["A1"]),
    ("--report ht", ["html="]),
    ("--report html=he", ["html=here.log"]),
    ("prove --smtlib th", ["there/"]),
    ("check he", ["here.log"]),
)
"""Command lines, and how a shell completes the last of the words."""


@pytest.mark.slow
def test_bash(tmp_path: Path) -> None:
    """Bash takes words apart at a sign of equality, and puts a sign after a folder by itself."""
    script = "compopt() { :; }\nsource <(mipcheck completion bash)\n"
    for words, _ in ASKED:
        parts = words.replace("=", " = ").split()
        script += (
            f"COMP_WORDS=(mipcheck {' '.join(parts)}); COMP_CWORD={len(parts)}; _mipcheck; echo ${{COMPREPLY[@]}}\n"
        )
    found = asked([shell("bash"), "-c"], script, tmp_path)
    assert found == [full[0].partition("html=")[2] or full[0].rstrip("/") for _, full in ASKED]


@pytest.mark.slow
def test_zsh(tmp_path: Path) -> None:
    """The functions that zsh has for its line editor alone are played by others."""
    script = (
        "compdef() { : }\ncompset() { : }\n"
        'compadd() { [[ $1 = -S ]] && shift 2; shift; print -l -- "$@" }\n'
        '_files() { local begun="${PREFIX##*=}"; [[ "$1" = -/ ]] && print -l $begun*(/) || print -l $begun* }\n'
        "source <(mipcheck completion zsh)\n"
    )
    for words, _ in ASKED:
        parts = words.split()
        script += f"words=(mipcheck {words}); CURRENT={len(parts) + 1}; PREFIX={parts[-1]}; _mipcheck\n"
    found = asked([shell("zsh"), "-f", "-c"], script, tmp_path)
    assert found == [full[0].partition("html=")[2] or full[0].rstrip("/") for _, full in ASKED]


@pytest.mark.slow
def test_fish(tmp_path: Path) -> None:
    script = "mipcheck completion fish | source\n" + "".join(f"complete -C 'mipcheck {words}'\n" for words, _ in ASKED)
    found = asked([shell("fish"), "-c"], script, tmp_path)
    assert [line.partition("\t")[0] for line in found] == [full[0] for _, full in ASKED]


def test_the_page_tells_of_every_verb_and_option(capsys: pytest.CaptureFixture[str]) -> None:
    """As groff formats it, without a warning."""
    assert main(["man"]) == 0
    text = capsys.readouterr().out
    assert text == page()
    formatted = subprocess.run(
        [shell("groff"), "-man", "-Tutf8", "-ww", "-P-cbou"],
        input=text.encode(),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert not formatted.stderr
    shown = formatted.stdout.decode()
    for verb in cli.REGISTRY:
        assert f"mipcheck {verb.name}" in shown or verb is cli.CHECK
        for action in cli.parser_of(verb, cli.module_of(verb))._actions:
            assert all(option in shown for option in action.option_strings if option not in ("-h", "--help"))
