"""What a trace says reaches no terminal as it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from mipcheck.checker.console.escape import printable


def test_printable() -> None:
    assert printable("plain ü 界 text\\") == "plain ü 界 text\\"
    assert printable("\x1b\x00\x7f\x9b\u202e\u2028\ud800\U000e0001\n\t\xa0") == (
        "\\x1b\\x00\\x7f\\x9b\\u202e\\u2028\\ud800\\U000e0001\\x0a\\x09\\xa0"
    )


@given(st.text(st.characters()))
def test_printable_is_printable_and_stays_so(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable() and printable(shown) == shown
