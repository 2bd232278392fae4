"""The page in a real browser: what is seen and can be done, by keys too, and that hostile names do nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mipcheck.checker.check import chart_events
from mipcheck.checker.check.chart import Mark
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report
from mipcheck.checker.report.html import report_html
from mipcheck.model.values.event import Position

from making.browsing import ask, contrast, press, shown
from making.hostile import poisoned
from making.paths import CAPTURES, TRACES

WebDriverWait = pytest.importorskip("selenium.webdriver.support.wait").WebDriverWait

pytestmark = pytest.mark.slow


def report_on(name: str) -> Report:
    return check(TRACES / name, chart=True)


def opened(browser: Any, folder: Path, report: Report, width: int = 1300, place: str = "", **more: Any) -> Any:
    """Open a report's page in a window of that width, and return the browser."""
    shown(browser, folder, report_html(report), width, place, **more)
    assert browser.execute_script("return document.documentElement.dataset.ready") == "1"
    return browser


def test_a_finding_is_shown_with_what_led_to_it(browser: Any, tmp_path: Path) -> None:
    opened(browser, tmp_path, report_on("plaintext-after-loss.log"))
    assert ask(browser, "document.querySelector('#finding-1').open")
    shown = ask(browser, "document.querySelector('#canvas').textContent")
    for words in ("register: no answer", "accepted", "unprotected data ×2", "time is up: failed", "inside"):
        assert words in shown
    assert ask(browser, "document.querySelectorAll('.ground.led').length") == 1
    assert ask(browser, "document.querySelectorAll('.thread').length") == 1
    press(browser, "n")
    assert ask(browser, "location.hash") == "#finding=2"
    assert ask(browser, "document.querySelectorAll('.ground.led').length") == 2
    assert ask(browser, "[...document.querySelectorAll('details.finding')].map(d => d.open)") == [False, True]
    press(browser, "ArrowDown", "ArrowUp", "c", "+", "-")
    assert ask(browser, "document.querySelector('#scale').getAttribute('aria-pressed')") == "true"
    assert "no answer is seen" in ask(browser, "document.querySelector('#told').textContent")


def test_a_link_leads_to_its_place_and_filters_and_search_choose(browser: Any, tmp_path: Path) -> None:
    opened(browser, tmp_path, report_on("trust-of-another-interface.log"), place="#line=9")
    assert ask(browser, "document.querySelector('#told').textContent").startswith("5.000 s: wlan0: the link is up")
    every = ask(browser, "document.querySelectorAll('svg .item').length")
    browser.execute_script(
        "const s = document.querySelector('#by-lane'); s.value = 'wlan0'; s.dispatchEvent(new Event('change'))"
    )
    assert 0 < ask(browser, "document.querySelectorAll('svg .item').length") < every
    press(browser, "Escape")
    assert ask(browser, "document.querySelectorAll('svg .item').length") == every
    browser.execute_script(
        "const s = document.querySelector('#by-rule'); s.value = 'I1'; s.dispatchEvent(new Event('change'))"
    )
    assert ask(browser, "document.querySelectorAll('svg .broken').length") == 1
    browser.execute_script("document.querySelector('#table').open = true")
    browser.set_script_timeout(5)
    rows = browser.execute_async_script(
        "const done = arguments[0]; setTimeout(() => done(document.querySelector('#table tbody').textContent), 50)"
    )
    assert "breaks I1" in rows and "line 14" in rows


def cut_capture(folder: Path) -> Report:
    """The report on a capture whose end is missing."""
    path = folder / "cut.pcapng"
    path.write_bytes((CAPTURES / "movement.pcapng").read_bytes()[:60_000])
    return check(path, config=CAPTURES / "movement.toml", chart=True)


@pytest.mark.parametrize("name", ["plaintext-after-loss.log", "iha-fifty-nodes.log", "evidence-lost.log", "cut.pcapng"])
def test_it_can_be_read_narrow_wide_dark_and_on_paper(browser: Any, tmp_path: Path, name: str) -> None:
    report = cut_capture(tmp_path) if name == "cut.pcapng" else report_on(name)
    for width, medium, dark in ((360, "screen", True), (1300, "screen", False), (720, "print", True)):
        opened(browser, tmp_path, report, width, medium=medium, dark=dark)
        assert ask(browser, "document.documentElement.scrollWidth") <= width
        least, where = contrast(browser)
        assert least >= 4.5, (width, medium, where)
        rows = "[...document.querySelectorAll('#rules td')]"
        assert ask(browser, f"{rows}.every(c => c.getBoundingClientRect().right <= innerWidth)")
    assert ask(browser, "getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    cards = "[...document.querySelectorAll('details.finding')]"
    assert ask(browser, f"{cards}.every(c => c.open)") and ask(browser, f"{cards}.length") == len(
        (*report.violations, *report.warnings)
    )


def test_a_hole_and_a_gap_are_shown_and_said(browser: Any, tmp_path: Path) -> None:
    opened(browser, tmp_path, report_on("evidence-lost.log"))
    shown = ask(browser, "document.querySelector('#canvas').textContent")
    assert "evidence is missing here: 1204 packets" in shown and "not known from here" in shown
    assert "time is up" not in shown
    opened(browser, tmp_path, cut_capture(tmp_path))
    assert "But evidence is missing" in ask(browser, "document.querySelector('#findings').innerText")
    assert "truncated at frame 322" in ask(browser, "document.querySelector('#evidence').innerText")


def test_of_many_nodes_one_can_be_looked_at(browser: Any, tmp_path: Path) -> None:
    """Each arrow says whose it is, and the finding is in view from the start."""
    opened(browser, tmp_path, report_on("iha-fifty-nodes.log"))
    count = "document.querySelectorAll('svg .item').length"
    options = ask(browser, "[...document.querySelectorAll('#by-node option')].map(o => o.value)")
    assert len(options) == 51 and "10.1.1.18" in options
    wait = WebDriverWait(browser, 10)  # the chart scrolls smoothly
    wait.until(lambda b: ask(b, "document.querySelectorAll('#canvas .broken').length"))
    assert "tunnel · 10.1.1.18" in ask(browser, "document.querySelector('#canvas .broken').textContent")
    browser.execute_script(
        "const s = document.querySelector('#by-node'); s.value = '10.1.1.18'; s.dispatchEvent(new Event('change'))"
    )
    wait.until(lambda b: 3 <= ask(b, count) <= 12)
    assert "10.1.1.17" not in ask(browser, "document.querySelector('#canvas').textContent")
    browser.execute_script(
        "const s = document.querySelector('#by-node'); s.value = '10.1.1.17'; s.dispatchEvent(new Event('change'))"
    )
    assert ask(browser, "document.querySelector('#finding-1').hidden")
    opened(browser, tmp_path, report_on("plaintext-after-loss.log"))
    assert not ask(browser, "document.querySelector('#by-node').checkVisibility()")


def test_a_link_leads_to_a_frame_a_moment_or_a_time_and_a_time_can_be_drawn(browser: Any, tmp_path: Path) -> None:
    path = CAPTURES / "loss-ignored.pcapng"
    report = check(path, config=path.with_suffix(".toml"), chart=True)
    told = "document.querySelector('#told').textContent"
    (first, *_) = report.violations
    opened(browser, tmp_path, report, place=f"#frame={first.at.frame}")
    assert ask(browser, told).endswith(f"frame {first.at.frame}")
    opened(browser, tmp_path, report_on("plaintext-after-loss.log"), place="#time=6.41")
    assert ask(browser, told).startswith("6.400 s to 6.700 s: eth0 sends 2 packets")
    items = "document.querySelectorAll('#canvas .item').length"
    opened(browser, tmp_path, report_on("plaintext-after-loss.log"), place="#time=6-7.5")
    assert 0 < ask(browser, items) < 10 and "events are shown; Esc shows all" in ask(browser, told)
    press(browser, "Escape")
    every = ask(browser, items)
    assert every > 15
    bar = ask(
        browser, "(r => [r.left, r.width, r.top + 8])(document.querySelector('#overview svg').getBoundingClientRect())"
    )
    for kind, part in (("mousePressed", 0.5), ("mouseMoved", 0.6), ("mouseReleased", 0.7)):
        asked = {
            "type": kind,
            "x": bar[0] + bar[1] * part,
            "y": bar[2],
            "button": "left",
            "buttons": 1,
            "clickCount": 1,
        }
        browser.execute_cdp_cmd("Input.dispatchMouseEvent", asked)
    assert ask(browser, "location.hash").startswith("#time=")
    assert 0 < ask(browser, items) < every


@pytest.mark.parametrize("width", [360, 1300])
def test_nothing_is_wider_than_the_window_and_no_column_is_lost(browser: Any, tmp_path: Path, width: int) -> None:
    opened(browser, tmp_path, report_on("trust-of-another-interface.log"), width)
    assert ask(browser, "document.documentElement.scrollWidth") <= width
    assert ask(browser, "[...document.querySelectorAll('#lanes .head')].map(t => t.firstChild.data)") == [
        "eth0", "wlan0", "x-HA", "i-HA", "company",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["trust-of-another-interface.log", "evidence-lost.log", "gateway-endpoint-hijacked.log"]
)
def test_hostile_names_are_text_and_nothing_else(browser: Any, tmp_path: Path, name: str) -> None:
    opened(browser, tmp_path, poisoned(report_on(name)), place="#finding=1")
    browser.execute_script("document.querySelector('#table').open = true")
    press(browser, "n", "ArrowDown", "c")
    browser.execute_script(
        "const s = document.querySelector('#search'); s.value = 'alert'; s.dispatchEvent(new Event('input'))"
    )
    assert "alert(1)" in ask(browser, "document.body.innerText")
    assert ask(browser, "document.querySelectorAll('img, iframe, object, embed').length") == 0
    assert ask(browser, "document.querySelectorAll('script').length") == 2
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def test_a_night_opens_at_once(browser: Any, tmp_path: Path) -> None:
    report = report_on("plaintext-after-loss.log")
    assert report.chart is not None
    keys = {"to": "iha", "path": "direct", "coa": "10.1.7.20", "flags": "DT", "lifetime": "120"}
    marks = tuple(
        Mark(
            n * 10**9,
            n * 10**9,
            1,
            "eth0",
            "rrq",
            keys | {"id": hex(n)},
            Position("x", None, n),
            Position("x", None, n),
        )
        for n in range(1, chart_events.MARKS)
    )
    opened(browser, tmp_path, replace(report, chart=replace(report.chart, marks=marks, end=marks[-1].time)))
    # Two seconds are promised; a machine that is busy with other tests is granted more.
    assert ask(browser, "performance.getEntriesByType('navigation')[0].loadEventEnd") < 10_000
    assert 0 < ask(browser, "document.querySelectorAll('svg .item').length") < 400
