"""What several test modules need."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

pytest.register_assert_rewrite("making")

# A job in a shell's background has this signal ignored, and so would have the programs that tests start and interrupt.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the cases of `sampled` tests that are slow, which has to be before any is chosen by its marks.

    And put modules first whose tests take long: where several processes share the modules, none of these is left alone
    at the end with one of them.
    """
    met: Counter[str] = Counter()
    for item in items:
        sampled = item.get_closest_marker("sampled")
        if sampled is not None:
            test = item.nodeid.partition("[")[0]
            if met[test] % sampled.args[0]:
                item.add_marker("slow")
            met[test] += 1
    slow = {i.path for i in items if i.get_closest_marker("slow") is not None}
    items.sort(key=lambda i: i.path not in slow)


@pytest.fixture(scope="session")
def chromedriver() -> str:
    """The program that drives Debian's browser. Where it is missing tests are skipped, but in CI they fail."""
    found = shutil.which("chromedriver")
    if found is None or shutil.which("chromium") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("chromium and chromium-driver have to be installed in CI")
        pytest.skip("chromium and chromium-driver are not installed")
    return found


@pytest.fixture(scope="session")
def browser(chromedriver: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser without a window. Tests say how wide it is, and what kind of medium, with `making.browsing`."""
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    profile = tmp_path_factory.mktemp("profile")
    for word in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", f"user-data-dir={profile}"):
        options.add_argument(f"--{word}")
    options.binary_location = "/usr/bin/chromium"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def tshark() -> str:
    """The program, an independent decoder. Where it is missing tests are skipped, but in CI they fail."""
    found = shutil.which("tshark")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("tshark has to be installed in CI")
        pytest.skip("tshark is not installed")
    return found
