"""Nothing that a specification or a trace says is taken for Markdown."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mipcheck.checker.console import markdown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, 4.2.1 lines 9-10 (a > b)", "plain words, 4.2.1 lines 9-10 (a > b)"),
        ("a|b", r"a\|b"),
        ("t_stop *now* `x`", r"t\_stop \*now\* \`x\`"),
        ("[x](javascript:1)", r"\[x\](javascript:1)"),
        ("<script>&amp;", "&lt;script>&amp;amp;"),
        ("# head", r"\# head"),
        ("- item", r"\- item"),
        ("1. item", r"1\. item"),
        ("4.1 lines", "4.1 lines"),
        ("> quote", r"\> quote"),
        ("two\nlines  of\ttext", "two lines of text"),
        ("\x1b[2J", r"\\x1b\[2J"),
        ("", ""),
    ],
)
def test_plain(text: str, shown: str) -> None:
    assert markdown.plain(text) == shown


@given(st.text(alphabet="|`\\~a \n<&", max_size=12))
def test_a_cell_stays_one_cell(text: str) -> None:
    rows = markdown.table(["a", "b"], [[markdown.plain(text), "x"]]).splitlines()
    assert len(rows) == 3
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", rows[2])) == 3


@given(st.text(alphabet="~a\n ", max_size=20))
def test_a_block_ends_where_it_ends(text: str) -> None:
    lines = markdown.block(text).splitlines()
    assert lines[0] == lines[-1]
    assert all(lines[0] not in line for line in lines[1:-1])
