"""Text from an input, made safe to show on a terminal, in a report or in a log."""

from __future__ import annotations


def escaped(char: str) -> str:
    r"""Return one character as `\x1b`, `\u202e` or `\U000e0001`, whatever it is."""
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def printable(text: str) -> str:
    r"""Return `text` with everything that is not plainly visible written as an escape such as `\x1b`.

    That is controls, terminal escapes, line separators, bidi and zero-width controls, surrogates, unassigned and
    private characters.

    Backslashes stay as they are: this is for showing, not for reading back. Applying it twice changes nothing.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else escaped(c) for c in text)


def as_in_log(text: str, also_quoted: str = "") -> str:
    """Return `text` as a log holds it, which reads back to it: bare where that can be, else quoted and escaped.

    Characters in `also_quoted` cannot stand in a bare text either, nor can a `#` begin one.
    """
    plain = text.isprintable() and not any(c in '" ' or c in also_quoted for c in text)
    if plain and text and not text.startswith("#"):
        return text
    body = "".join(f"\\{c}" if c in '"\\' else c if c.isprintable() else escaped(c) for c in text)
    return f'"{body}"'
