"""What holds of every report and every message, whatever the input was."""

from __future__ import annotations

import json

from mipcheck.checker.check.report import Report
from mipcheck.checker.report.json import report_json
from mipcheck.checker.report.text import report_text

_LONGEST = 2_000_000
"""Characters of an answer."""


def assert_sound(answer: object) -> None:
    """Assert that a report (or a message) can be shown, is valid in each format, and is not endless."""
    if isinstance(answer, Report):
        assert_harmless(report_text(answer, 80))
        text = report_json(answer)
        assert len(text) < _LONGEST
        text.encode("utf-8")
        assert json.loads(text)["verdict"] == answer.verdict
        _no_surrogates(json.loads(text))
    else:
        assert_harmless(str(answer))


def assert_harmless(text: str) -> None:
    """Assert that a text does nothing to a terminal, and is not endless."""
    assert len(text) < _LONGEST
    assert all(line.isprintable() for line in text.split("\n"))


def _no_surrogates(value: object) -> None:
    """Assert that what was in JSON are characters: half a pair of surrogates is none, and other readers refuse it."""
    json.dumps(value, ensure_ascii=False).encode("utf-8")
