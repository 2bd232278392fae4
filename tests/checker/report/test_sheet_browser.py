"""Pages without a script in a real browser: narrow, dark, printed, by keys, and with hostile names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from making.browsing import ask, contrast, shown, typed
from making.hostile import HOSTILE
from making.pages import PAGES

pytestmark = pytest.mark.slow

_TAB, _ENTER = 9, 13


@pytest.mark.parametrize("verb", PAGES)
def test_it_can_be_read_narrow_wide_and_dark(browser: Any, tmp_path: Path, verb: str) -> None:
    page = PAGES[verb]("")
    for dark, width in ((False, 360), (True, 1300)):
        shown(browser, tmp_path, page, width, dark=dark)
        assert ask(browser, "document.documentElement.scrollWidth") <= width
        least, where = contrast(browser)
        assert least >= 4.5, (where, dark)
        behind = ask(browser, "getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, behind[4:-1].split(","))) < 384) == dark
    # Nothing of a table is beside the window of a telephone: a row is a block, whose cells say what they are.
    shown(browser, tmp_path, page, 360)
    cells = "[...document.querySelectorAll('td')]"
    assert ask(browser, f"{cells}.every(c => c.getBoundingClientRect().right <= innerWidth)")
    assert ask(browser, f"{cells}.every(c => getComputedStyle(c, '::before').content.length > 2)")


@pytest.mark.parametrize("verb", PAGES)
def test_it_is_printed_on_light_ground_whole_and_no_wider_than_the_paper(
    browser: Any, tmp_path: Path, verb: str
) -> None:
    shown(browser, tmp_path, PAGES[verb](""), 720, medium="print", dark=True)
    assert ask(browser, "document.documentElement.scrollWidth") <= 720
    assert ask(browser, "getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert contrast(browser)[0] >= 4.5
    assert ask(browser, "[...document.querySelectorAll('h1, h2, h3, svg, td, li, p')].every(e => e.checkVisibility())")


@pytest.mark.parametrize("verb", [v for v in PAGES if v != "requirements"])
def test_logs_are_opened_by_keys_alone(browser: Any, tmp_path: Path, verb: str) -> None:
    shown(browser, tmp_path, PAGES[verb](""))
    count = ask(browser, "document.querySelectorAll('details').length")
    assert count and ask(browser, "document.querySelectorAll('details[open]').length") == 0
    for n in range(1, count + 1):
        typed(browser, "Tab", _TAB)
        if ask(browser, "document.activeElement.tagName") == "PRE":  # a log that has been opened can be scrolled
            typed(browser, "Tab", _TAB)
        assert ask(browser, "document.activeElement.tagName") == "SUMMARY"
        assert ask(browser, "getComputedStyle(document.activeElement).outlineStyle") != "none"
        typed(browser, "Enter", _ENTER)
        assert ask(browser, "document.querySelectorAll('details[open]').length") == n
    assert "mipcheck-trace 1" in ask(browser, "document.body.innerText")


@pytest.mark.parametrize("verb", PAGES)
def test_hostile_names_are_text_and_nothing_else(browser: Any, tmp_path: Path, verb: str) -> None:
    browser.get_log("browser")
    shown(browser, tmp_path, PAGES[verb](HOSTILE), 360)
    assert ask(browser, "document.documentElement.scrollWidth") <= 360
    assert "alert(1)" in ask(browser, "document.body.innerText")
    assert ask(browser, "document.querySelectorAll('script, img, iframe, object, embed, form, link, base').length") == 0
    assert ask(browser, "document.querySelectorAll('style, title').length") == 2 + ask(
        browser, "document.querySelectorAll('svg title').length"
    )
    assert [entry["message"] for entry in browser.get_log("browser")] == []
