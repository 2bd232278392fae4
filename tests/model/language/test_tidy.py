"""The layout of specifications: only blanks change, and those of ours are in order."""

from __future__ import annotations

import shlex
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mipcheck.checker.cli.main import main
from mipcheck.model.language.expression import Place
from mipcheck.model.language.grammar import parser
from mipcheck.model.language.parse import parse
from mipcheck.model.language.tidy import tidied

from making.paths import SPECS

OURS = sorted([*SPECS.glob("**/*.spec"), *(Path(__file__).parents[2] / "specs").glob("**/*.spec")])
UNTIDY = """\

# a comment before all


spec   small "x"
param limit:time=5 s cite 1
      "how
       long"   # beside



event go(state:{ up,down },id ? : id) by node   seen log
 # of the node
node{ owed :bool=false
  much: int = 0 }
on go when state=up and not(owed) {
owed:=true; much := much*2 - -1
      # nothing more
}
role gateway {
  rule A MUST cite 1 "x"
  allow go only if owed or
  much>= 1
    }
"""
TIDY = """\
# a comment before all


spec   small "x"
param limit: time = 5 s cite 1
      "how
       long"   # beside


event go(state: {up, down}, id?: id) by node   seen log
# of the node
node { owed: bool = false
  much: int = 0 }
on go when state = up and not(owed) {
  owed := true; much := much * 2 - -1
  # nothing more
}
role gateway {
  rule A MUST cite 1 "x"
    allow go only if owed or
    much >= 1
}
"""


def said(node: Any) -> Any:
    """Return what a syntax tree says, without places."""
    if isinstance(node, Place):
        return None
    if isinstance(node, tuple | list):
        return [said(item) for item in node]
    if is_dataclass(node):
        return type(node), [said(getattr(node, field.name)) for field in fields(node)]
    return node


def test_what_is_put_in_order() -> None:
    assert tidied(UNTIDY) == TIDY
    assert tidied(UNTIDY.replace("\n", "\r\n")) == TIDY


@pytest.mark.sampled(3)
@pytest.mark.parametrize("file", OURS, ids=lambda f: f.stem)
def test_ours_are_in_order(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fmt", "--diff", str(file)]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.slow
@settings(deadline=None)
@given(st.data())
def test_only_blanks_change(data: st.DataObject) -> None:
    """Whatever blanks and comments stand between the words of a specification, and whatever lines it is broken into."""
    tokens = list(parser().parse_interactive(TIDY).iter_parse())
    blanks = st.sampled_from([" ", "  ", "\n", "\n\n\n\n", "\t", " # says {\n", "\n   ", "\r\n      #\n"])
    text = "".join(f"{token}{data.draw(blanks)}" for token in tokens)
    laid = tidied(text)
    assert said(parse(laid)) == said(parse(TIDY))
    assert tidied(laid) == laid
    assert laid.count("#") == text.count("#")
    assert not any(line != line.rstrip() for line in laid.split("\n")) and laid.endswith("\n") and "\t" not in laid


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.spec").write_text(UNTIDY)
    Path("b.spec").write_text("spec b rule\n")
    assert main(["fmt", "--check", "a.spec"]) == 1
    assert capsys.readouterr().out == "a.spec: not in order\n"
    assert main(["fmt", "--diff", "a.spec"]) == 1
    assert "+param limit: time = 5 s cite 1\n" in capsys.readouterr().out
    assert Path("a.spec").read_text() == UNTIDY
    assert main(["fmt", "b.spec", "a.spec"]) == 2  # the one in error does not keep the other from it
    assert "b.spec:1:12:" in capsys.readouterr().err
    assert Path("b.spec").read_text() == "spec b rule\n"
    assert Path("a.spec").read_text() == TIDY
    assert main(["fmt", "--check", "a.spec"]) == 0
    assert main(["fmt", "draft-01"]) == 2
    said = capsys.readouterr().err.replace("\n", " ")
    assert said.startswith("draft-01: comes with mipcheck")
    copy = shlex.split(said[said.index("cp ") :])
    assert Path(copy[1]).read_text() == (SPECS / "draft-01.spec").read_text() and copy[2] == "my.spec;"
    Path("draft-01").write_text(TIDY)  # what is there is meant
    assert main(["fmt", "draft-01", "nothing"]) == 2
    assert "nothing: cannot be read" in capsys.readouterr().err
