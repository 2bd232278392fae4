"""Small logs of the kinds that went wrong before, with the verdicts that the draft and RFC 3344 give them.

They were written from those texts, with their verdicts, before they were run. In `cases/` each begins with `== name:`,
its verdict, and the MUST rules that are broken; of a violation without any they may be any. `+` adds a line to the
head, `-` takes a word out of it or puts another in its place, and the words of `short.py` stand for what all repeat.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import mipcheck
import pytest
from mipcheck.model.specification.load import DEFAULT

from oracle.compare import check, check_both
from oracle.short import HEAD, INSIDE, OUTSIDE, TUNNEL, log

FILES = sorted((Path(__file__).parent / "cases").glob("*.txt"))
OTHER = "rfc5265"
"""The file whose cases are judged by another specification, and by its own parameters."""
_SPAN = re.compile(r"(?m)^\S+ \S+ gap .*(from|to)=")
"""A gap that says where it is; logs with one are read line by line only."""
BEGINNINGS = {"INSIDE": INSIDE, "OUTSIDE": OUTSIDE, "TUNNEL": TUNNEL}


class Case(NamedTuple):
    """A log, its verdict, and the MUST rules that are broken."""

    name: str
    text: str
    verdict: str
    rules: set[str]
    spec: str


def cases_of(path: Path) -> Iterator[Case]:
    """Yield the cases of a file."""
    for part in path.read_text("utf-8").split("\n== ")[1:]:
        title, *lines = part.strip().splitlines()
        name, _, told = title.partition(": ")
        verdict, *rules = told.split()
        head = HEAD if path.stem != OTHER else re.sub(r" [tn]_\w+=\w+", "", HEAD)
        events: list[str] = []
        for line in lines:
            if line.startswith("+ "):
                head += line[2:] + "\n"
            elif line.startswith("- "):
                word, _, other = line[2:].partition(" ")
                assert f" {word}" in head
                head = head.replace(f" {word}", f" {other}" if other else "")
            else:
                events += BEGINNINGS.get(line, (line,))
        yield Case(name, log(*events, head=head), verdict, set(rules), OTHER if path.stem == OTHER else DEFAULT)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("case", [case for path in FILES for case in cases_of(path)], ids=lambda case: case.name)
def test_case(case: Case, tmp_path: Path) -> None:
    file = tmp_path / "node.log"
    file.write_text(case.text, "utf-8")
    if case.spec == DEFAULT and not _SPAN.search(case.text):
        report, natively = check_both(case.text)
        assert report == natively
    elif case.spec == DEFAULT:
        report = check(case.text)
    else:
        report = mipcheck.check([file], spec=case.spec)
    broken = {violation.rule for violation in report.violations if violation.level == "MUST"}
    assert report.verdict == case.verdict
    if case.rules or case.verdict != "violation":
        assert broken == case.rules


def test_there_are_cases() -> None:
    names = [case.name for path in FILES for case in cases_of(path)]
    assert len(names) == len(set(names)) > 160
