"""Looking at pages in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# The least contrast of any text with what is behind it (WCAG 2.2, 1.4.3), where that is one colour.
_CONTRAST = """
const rgb = (words) => words.match(/[\\d.]+/g).map(Number);
const linear = (part) => (part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
const light = ([r, g, b]) => .2126 * linear(r / 255) + .7152 * linear(g / 255) + .0722 * linear(b / 255);
let least = [99, ""];
for (const element of document.querySelectorAll("body *:not(svg *):not(option)")) {
  const says = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  if (!says || !element.checkVisibility()) continue;
  let behind = [255, 255, 255];
  for (let e = element; e; e = e.parentElement) {
    const ground = rgb(getComputedStyle(e).backgroundColor);
    if (ground[3] !== 0) { behind = ground; break; }
  }
  const one = light(rgb(getComputedStyle(element).color)), other = light(behind);
  const contrast = (Math.max(one, other) + .05) / (Math.min(one, other) + .05);
  if (contrast < least[0]) least = [contrast, element.outerHTML.slice(0, 200)];
}
return least;
"""


def shown(
    browser: Any,
    folder: Path,
    page: str,
    width: int = 1300,
    place: str = "",
    medium: str = "screen",
    dark: bool = False,
) -> Any:
    """Open a page from the disk in a window of that width, or on that medium, as somebody sees it who likes it dark or
    light; return the browser."""
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": medium, "features": features})
    browser.get("about:blank")
    browser.get(f"{path.as_uri()}{place}")
    return browser


def ask(browser: Any, expression: str) -> Any:
    """Return the value of an expression of JavaScript."""
    return browser.execute_script(f"return {expression}")


def press(browser: Any, *keys: str) -> None:
    """Press keys for the page as a whole."""
    for key in keys:
        browser.execute_script(
            "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: arguments[0], bubbles: true}))", key
        )


def typed(browser: Any, key: str, code: int) -> None:
    """Press a key as a person does, where the focus is; `code` is that of the keyboard."""
    for kind in ("rawKeyDown", "char", "keyUp"):
        text = {"text": "\r"} if key == "Enter" else {}
        if kind != "char" or text:
            asked = {"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, **text}
            browser.execute_cdp_cmd("Input.dispatchKeyEvent", asked)


def contrast(browser: Any) -> tuple[float, str]:
    """Return the least contrast of a text with what is behind it, and where that is."""
    value, where = browser.execute_script(_CONTRAST)
    return float(value), str(where)
