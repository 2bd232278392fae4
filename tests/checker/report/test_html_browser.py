"""The page in a real browser: what is seen and can be done, by keys too, and that hostile names do nothing."""

from __future__ import annotations

from collections.abc import Iterator
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

from making.hostile import poisoned
from making.paths import TRACES

webdriver = pytest.importorskip("selenium.webdriver")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser(chromedriver: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    profile = tmp_path_factory.mktemp("profile")
    for word in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", f"user-data-dir={profile}"):
        options.add_argument(f"--{word}")
    options.binary_location = "/usr/bin/chromium"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    yield driver
    driver.quit()


def report_on(name: str) -> Report:
    return check(TRACES / name, chart=True)


def opened(browser: Any, folder: Path, report: Report, width: int = 1300, place: str = "") -> Any:
    """Open a report's page in a window of that width, and return the browser."""
    path = folder / "page.html"
    path.write_text(report_html(report), encoding="utf-8")
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get("about:blank")
    browser.get(f"{path.as_uri()}{place}")
    assert browser.execute_script("return document.documentElement.dataset.ready") == "1"
    return browser


def ask(browser: Any, expression: str) -> Any:
    return browser.execute_script(f"return {expression}")


def press(browser: Any, *keys: str) -> None:
    for key in keys:
        browser.execute_script(
            "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: arguments[0], bubbles: true}))", key
        )


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
