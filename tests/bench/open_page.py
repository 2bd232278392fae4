"""How long a browser takes to open a page: `python tests/bench/open_page.py PAGE [--times 5]`.

Opens it in Debian's chromium, in turn with a page of as many bytes of plain text, which is what the browser needs for
itself. Prints a JSON object of medians, in seconds from asking for a page until it is loaded and its script has drawn:
`page`, `text`; and `bytes`, how long the page is.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from selenium import webdriver


def opened(browser: Any, path: Path) -> float:
    """Return the seconds until a page is there."""
    browser.get("about:blank")
    browser.get(path.as_uri())
    return float(browser.execute_script("return performance.getEntriesByType('navigation')[0].loadEventEnd")) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description="Open a page in chromium.")
    parser.add_argument("page", type=Path)
    parser.add_argument("--times", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mipcheck-bench-") as folder:
        options = webdriver.ChromeOptions()
        for word in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", f"user-data-dir={folder}"):
            options.add_argument(f"--{word}")
        options.binary_location = "/usr/bin/chromium"
        size = args.page.stat().st_size
        text = Path(folder) / "text.html"
        text.write_text(f"<!DOCTYPE html><pre>{('some words of a report' * 4 + chr(10)) * (size // 89)}</pre>")
        browser = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
        try:
            pages = {"page": args.page.resolve(), "text": text}
            found: dict[str, list[float]] = {name: [] for name in pages}
            for _ in range(args.times):
                for name, path in pages.items():
                    found[name].append(opened(browser, path))
        finally:
            browser.quit()
    print(json.dumps({name: statistics.median(times) for name, times in found.items()} | {"bytes": size}))


if __name__ == "__main__":
    main()
