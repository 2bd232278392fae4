"""Pages from their templates: what is the same of all, and what makes text of others harmless in them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Final

from mipcheck.checker.console.escape import printable
from mipcheck.model.version import __version__

_ASSETS: Final = Path(__file__).with_name("page")


def text(words: str) -> str:
    """Return words that are shown as they are, whatever they hold, in an element or an attribute in quotes."""
    return escape(printable(words), quote=True)


def page(template: str, title: str, parts: Mapping[str, str], script: str = "") -> str:
    """Return a page of that template; `title` is plain text, `parts` are markup, by their marks in the template.

    `script` is the only one that it may run.
    """
    style = asset("page.css")
    version = {"VERSION": text(__version__)}
    head = _filled("head.html", {"POLICY": _policy(script, style), "TITLE": text(title), "STYLE": style, **version})
    return _filled(template, {**parts, "HEAD": head, "TITLE": text(title), "SCRIPT": script, **version})


def asset(name: str) -> str:
    """Return the text of a template, a style sheet or a script that comes along."""
    return (_ASSETS / name).read_text(encoding="utf-8")


def _filled(template: str, parts: Mapping[str, str]) -> str:
    """Return a template with its marks replaced.

    It is cut apart at them, and never replaced into: what stands in a part is looked at no further.
    """
    first, *rest = asset(template).split("{{")
    return first + "".join(parts[name] + after for name, _, after in (piece.partition("}}") for piece in rest))


def _policy(script: str, style: str) -> str:
    """Return the content security policy: nothing but this script, if any, and this style."""
    styles = f"style-src 'sha256-{_mark(style)}'; base-uri 'none'; form-action 'none'"
    if not script:
        return f"default-src 'none'; {styles}"
    trusted = "require-trusted-types-for 'script'; trusted-types 'none'"
    return f"default-src 'none'; script-src 'sha256-{_mark(script)}'; {styles}; {trusted}"


def _mark(part: str) -> str:
    return base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
