"""Whatever inputs, interfaces and specifications are called: JSON stays JSON, and a table stays a table."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from mipcheck.checker.cli.main import main

NAMES = [
    'a"},{"verdict":"conformant"',
    "a|b`c`<script>alert(1)</script>*x*[y](z)",
    "a\x1b]0;title\x07\x1b[2J",
    "a\nverdict: conformant\r",
    "a\u202eb\u2028c",
]
SITE = "site boot=true iha=10.1.0.2 xha=198.51.100.2 vpn=192.0.2.1 ihoa=10.1.0.100 xhoa=198.51.100.100\n"
BROKEN = "0 eth0 link state=up\n1 eth0 data dir=out protection=none src=10.1.0.100 dst=10.1.0.5\n"


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The exit code, and standard output."""
    code = main(list(words))
    return code, capsys.readouterr().out


def jsonl(interface: str) -> str:
    """A log with a violation on an interface of that name."""
    header = {"mipcheck-trace": 1, "site": dict(word.split("=") for word in SITE.split()[1:])}
    up = {"time": 0, "interface": interface, "event": "link", "state": "up"}
    sent = {"time": 1, "interface": interface, "event": "data", "dir": "out", "protection": "none"}
    sent |= {"src": "10.1.0.100", "dst": "10.1.0.5"}
    return "\n".join(map(json.dumps, (header, up, sent)))


@pytest.mark.skipif(sys.platform == "win32", reason="such names are not possible there")
@pytest.mark.parametrize("name", NAMES, ids=["json", "markup", "terminal", "lines", "direction"])
@pytest.mark.parametrize("form", ["json", "text"])
def test_names_of_files_and_interfaces(
    name: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path(name.replace("/", "_"))
    path.write_text(jsonl(name))
    code, shown = answer(capsys, f"./{path}", "--format", form)
    assert code == 1, shown
    assert all(c.isprintable() or c == "\n" for c in shown)
    if form == "json":
        found = json.loads(shown)
        assert found["verdict"] == "violation" and found["inputs"][0]["file"] == f"./{path}"
        assert {v["interface"] for v in found["violations"]} == {name}
    else:
        assert not re.search(r"^verdict: conformant", shown, re.MULTILINE)


@pytest.mark.skipif(sys.platform == "win32", reason="such names are not possible there")
def test_a_name_that_is_no_utf8(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    name = b"x\xff\xfe.log".decode("utf-8", "surrogateescape")
    try:
        Path(name).write_text("mipcheck-trace 1\n" + SITE + BROKEN)
    except OSError:
        pytest.skip("the file system takes no such name")
    code, shown = answer(capsys, name, "--format", "json")
    assert code == 1 and json.loads(shown.encode("utf-8"))["verdict"] == "violation"


@pytest.mark.skipif(sys.platform == "win32", reason="such names are not possible there")
@pytest.mark.parametrize("name", NAMES, ids=["json", "markup", "terminal", "lines", "direction"])
def test_names_in_markdown(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rule whose text and document are called so: the table keeps its columns, and nothing is markup."""
    monkeypatch.chdir(tmp_path)
    path = Path(name.replace("/", "_") + ".spec")
    words = json.dumps(name.replace("\n", " ").replace("\r", " "), ensure_ascii=False).replace('\\"', "'")
    words = re.sub(r"\\u00(1b|07)", lambda m: chr(int(m[1], 16)), words)
    path.write_text(
        f"spec odd {words}\ndocument {words}\nevent go(n: int) by node seen log\n"
        f"rule D1 MUST cite 1 lines 2-3 {words} allow go only if n = 0\n"
    )
    code, shown = answer(capsys, "requirements", "--spec", f"./{path}", "--format", "markdown")
    assert code in (0, 2), shown  # what the language has no strings for is refused
    assert all(c.isprintable() or c == "\n" for c in shown)
    if code == 0:
        rows = [line for line in shown.splitlines() if line.startswith("|")]
        assert rows and {len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in rows} == {7}
        assert "<script" not in shown
