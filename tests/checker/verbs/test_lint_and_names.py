"""What is wrong with a specification or a map is said on a line that any problem matcher reads; names are listed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mipcheck.checker.cli.main import main
from mipcheck.model.specification.load import load

SPEC = "spec x\nparam a: time = 1 s cite 4.2\n"
MAP = 'map m "m"\nstamp "iso"\nline "x {if:word}" { event {if} link state=up }\n'
SAMPLE = 'sample "s"\n  | 2025-11-03T09:00:00Z x eth0\n  > 2025-11-03T09:00:00Z eth1 link state=up\n'
LINE = re.compile(r"(?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+): (?P<severity>error|warning): (?P<text>.+)")


def lint(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[tuple[str, int, int, str, str]], str]:
    code = main(["lint", *words])
    *lines, last = capsys.readouterr().out.splitlines()
    found = [m for line in lines if (m := LINE.fullmatch(line))]
    assert len(found) == len(lines)
    return code, [(m["file"], int(m["line"]), int(m["column"]), m["severity"], m["text"]) for m in found], last


@pytest.mark.parametrize(
    ("name", "text", "line", "column", "said"),
    [
        ("x.spec", SPEC.replace("4.2", "none"), 2, 26, "expected a section number"),
        ("x.spec", "", 1, 1, ""),
        ("x.map", MAP.replace("word}", "wrd}"), 3, 9, 'did you mean "word"?'),
        ("x.map", MAP.replace("link", "lnk"), 3, 33, 'did you mean "link"?'),
        ("x.map", MAP + SAMPLE, 4, 1, "due, but not told"),
        ("nowhere.map", None, 1, 1, "cannot be read"),
        ("./nowhere.spec", None, 1, 1, ""),
    ],
)  # fmt: skip
def test_an_error_has_its_place_on_one_line(
    name: str, text: str | None, line: int, column: int, said: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path(name).write_text(text)
    path = name if name.startswith(".") or name.endswith(".map") else f"./{name}"
    code, found, last = lint(capsys, path)
    assert code == 1
    file, at, where, severity, message = found[0]
    assert (Path(file).name, at, severity) == (Path(name).name, line, "error")
    assert where == column
    assert said in " ".join(m for *_, m in found) or said in message
    assert "error" in last


def test_warnings_count_with_strict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.map").write_text(MAP)
    Path("x.spec").write_text(SPEC)
    for path, line, said in (("x.map", 1, "no sample"), ("./x.spec", 2, "parameter a is never used")):
        code, found, last = lint(capsys, path)
        assert (code, last) == (0, "no errors, 1 warning")
        ((_, at, _, severity, message),) = found
        assert (at, severity) == (line, "warning")
        assert said in message
        assert lint(capsys, path, "--strict")[0] == 1


def test_what_is_bundled_has_nothing_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert lint(capsys, "draft-01", "rfc5265", "charon", "windows") == (0, [], "no errors, no warnings")


def test_names_are_those_that_can_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    def names(*words: str) -> list[str]:
        assert main(["names", *words]) == 0
        return capsys.readouterr().out.splitlines()

    spec = load()
    assert set(spec.rules) < set(names("rules"))
    assert set(spec.properties) <= set(names("properties"))
    assert "endpoint_takes_the_key" in names("properties", "--spec", "candidates/e5"), "which is of a system"
    assert names("parameters") == list(spec.parameters)
    assert {"rrq.to", "link.state"} <= set(names("keys"))
    assert "M2=both-ways" in names("readings")
    assert {"draft-01", "rfc5265"} <= set(names("specs"))
    assert f"maps {names('maps')[0]}" in names()
