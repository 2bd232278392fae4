"""Editors colour a specification by a grammar that is made from the one it is read by."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from mipcheck.checker.cli.main import main
from mipcheck.model.language.grammar import parser
from mipcheck.model.language.textmate import textmate

from making.paths import SPECS

GRAMMAR: dict[str, Any] = json.loads(textmate())


def coloured(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield what an engine of TextMate grammars makes of a text: place, words, scope. Rules are tried at each place in
    their order, the leftmost wins, line by line, and one with `begin` goes on until its `end`."""
    at = 0
    inside: dict[str, Any] | None = None
    for line in text.splitlines(keepends=True):
        place = 0
        while place < len(line):
            if inside is not None:
                end = re.compile(inside["end"]).search(line, place)
                stop = end.end() if end else len(line)
                yield at + place, line[place:stop], inside["name"]
                inside, place = (None if end else inside), stop
                continue
            found = [(m.start(), n, m) for n, rule in enumerate(GRAMMAR["patterns"])
                     if (m := re.compile(rule.get("match", rule.get("begin"))).search(line, place))]  # fmt: skip
            if not found:
                break
            _, number, match = min(found, key=lambda f: f[:2])
            rule = GRAMMAR["patterns"][number]
            if "begin" in rule:
                inside, place = rule, match.start() + 1
                continue
            for group, scope in rule.get("captures", {}).items():
                yield at + match.start(int(group)), match[int(group)], scope["name"]
            if "name" in rule:
                yield at + match.start(), match[0], rule["name"]
            place = match.end()
        at += len(line)


@pytest.mark.slow
def test_every_word_of_ours_has_the_colour_of_what_it_is() -> None:
    """Keywords, texts, numbers and names of the bundled specifications, against what their parser makes of them."""
    kinds = {"LEVEL": "constant.language.level", "STRING": "string", "DURATION": "constant.numeric.duration",
             "ADDRESS": "constant.numeric.address", "INT": "constant.numeric", "AND": "keyword.operator.word",
             "RULE": "keyword.declaration", "PROPERTY": "keyword.declaration", "TRUE": "constant.language",
             "ALLOW": "keyword.other", "WITHIN": "keyword.other", "CITE": "keyword.other",
             "LINES": "constant.numeric", "EVENT": "keyword.declaration"}  # fmt: skip
    seen = set()
    for file in SPECS.glob("**/*.spec"):
        text = file.read_text()
        colours = {place: scope for place, _, scope in coloured(text)}
        for token in parser().parse_interactive(text).iter_parse():
            assert token.start_pos is not None
            place = token.start_pos + (token.type == "STRING")
            if token.type in kinds and len(token) > 2:
                seen.add(token.type)
                assert colours[place].startswith(kinds[token.type]), (file.name, token.line, token, colours[place])
    assert seen == set(kinds)


def test_names_that_are_declared_and_comments_stand_out() -> None:
    text = 'rule M2 MUST cite 4.1 "a rule" # rule M3\n  allow data only if mode-rule = this or site.iha = 10.0.0.1\n'
    assert [(word, scope.removesuffix(".mipcheck")) for _, word, scope in coloured(text)] == [
        ("rule", "keyword.declaration"), ("M2", "entity.name"), ("MUST", "constant.language.level"),
        ("cite", "keyword.other"), ("4.1", "constant.numeric"), ('a rule"', "string.quoted.double"),
        ("# rule M3", "comment.line.number-sign"), ("allow", "keyword.other"), ("data", "variable"),
        ("only", "keyword.other"), ("if", "keyword.other"), ("mode-rule", "variable"), ("=", "keyword.operator"),
        ("this", "constant.language"), ("or", "keyword.operator.word"), ("site", "keyword.declaration"),
        ("iha", "variable"), ("=", "keyword.operator"), ("10.0.0.1", "constant.numeric.address"),
    ]  # fmt: skip


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "textmate"]) == 0
    assert capsys.readouterr().out == textmate()
    assert main(["export", "textmate", "inside"]) == 2
    assert "takes no names" in capsys.readouterr().err
