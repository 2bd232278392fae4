"""Whole runs of the command line, word for word: exit code, standard output, standard error.

A transcript begins with the command, `$ [VARIABLE=VALUE ...] mipcheck ...`, and goes on in sections: `--- file: NAME`
and `--- stdin` are given, `--- exit`, `--- stdout` and `--- stderr` are what has to come out (an empty one is left
out). It runs in a folder that holds those files and the example traces.
`UPDATE=1 pytest tests/checker/cli/test_transcripts.py` writes what comes out into the transcripts; read the difference
before you believe it.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from mipcheck.checker.cli.main import main
from mipcheck.checker.proofs import replayed
from mipcheck.checker.proofs.replayed import needed_by as replayed_needed_by
from mipcheck.model.specification.spec import Spec

from making.paths import TRACES, TRANSCRIPTS

SCRIPTS = sorted(TRANSCRIPTS.glob("*.txt"))
SLOW = ("compare-markdown", "compare-two", "explain", "explain-json", "explain-mode", "explain-mode-json", "fleet",
        "prove-refuted", "prove-without-fallback", "spec-warning")  # fmt: skip
"""Transcripts that take seconds: the prover searches, or a cluster starts."""
GIVEN = ("file:", "stdin")


def parse(text: str) -> tuple[str, dict[str, str]]:
    """The command and the sections of a transcript."""
    command, _, rest = text.partition("\n")
    parts = re.split(r"^--- (.+)\n", rest, flags=re.MULTILINE)
    assert command.startswith("$ ") and not parts[0].strip(), "a transcript begins with $ and a command"
    return command[2:], dict(zip(parts[1::2], parts[2::2], strict=True))


def show(command: str, sections: dict[str, str]) -> str:
    return f"$ {command}\n" + "".join(
        f"--- {name}\n{body}" for name, body in sections.items() if body or name.startswith(GIVEN)
    )


def without_the_solvers_choice(text: str) -> str:
    """Which of the shortest traces the solver finds, and in what time, is its own affair; the verdict is not."""
    event = r"(?:(?:# \w+: )?\d+\.\d{6} \S+ |# unseen: )"
    text = re.sub(rf"(?m)^( *){event}.*(?:\n\1{event}.*)*", r"\1<events that the solver found>", text)
    text = re.sub(rf'(?:\\n{event}[^\\"]*)+', r"\\n<events that the solver found>", text)
    return re.sub(r"\d+\.\d s\)", "… s)", text)


_NEEDED: list[tuple[Spec, str, list[str]]] = []


def needed_by(spec: Spec, rule: str, step: Callable[[str], None] = lambda _: None) -> list[str]:
    """What the page of a rule takes longest for: found once, and written as text and as JSON."""
    known = [found for of, name, found in _NEEDED if (of, name) == (spec, rule)]
    if not known:
        known = [replayed_needed_by(spec, rule, step)]
        _NEEDED.append((spec, rule, known[0]))
    return list(known[0])


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "path",
    [pytest.param(p, id=p.stem, marks=pytest.mark.slow if p.stem in SLOW else ()) for p in SCRIPTS],
)
def test_transcript(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = path.read_text("utf-8")
    command, sections = parse(text)
    given = {n: b for n, b in sections.items() if n.startswith(GIVEN)}
    shutil.copytree(TRACES, tmp_path / "traces")
    for name, body in given.items():
        if name.startswith("file: "):
            (tmp_path / name.removeprefix("file: ")).write_text(body, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    stdin = io.BytesIO(given.get("stdin", "").encode())
    monkeypatch.setattr(replayed, "needed_by", needed_by)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=stdin))
    words = shlex.split(command)
    while "=" in words[0]:
        monkeypatch.setenv(*words.pop(0).split("=", 1))
    assert words[0] == "mipcheck"
    try:
        code = main(words[1:])
    except SystemExit as done:
        code = int(done.code or 0)
    out, err = capsys.readouterr()
    if words[1] in ("explain", "prove", "ambiguities", "diff"):
        out = without_the_solvers_choice(out)
    found = show(command, {"exit": f"{code}\n", "stdout": out, "stderr": err, **given})
    if os.environ.get("UPDATE") == "1":
        path.write_text(found, "utf-8")
    assert found == text or os.environ.get("UPDATE") == "1"


def test_there_are_transcripts() -> None:
    assert len(SCRIPTS) >= 20
