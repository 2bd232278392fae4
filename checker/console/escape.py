"""Text from an input, made safe to show on a terminal, in a report or in a log."""

from __future__ import annotations


def escaped(char: str) -> str:
    r"""One character as `\x1b`, `\u202e` or `\U000e0001`, whatever it is."""
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def printable(text: str) -> str:
    r"""`text` with everything that is not plainly visible (controls, terminal escapes, line separators, bidi and
    zero-width controls, surrogates, unassigned and private characters) written as an escape such as `\x1b`.

    Backslashes stay as they are: this is for showing, not for reading back. Applying it twice changes nothing.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else escaped(c) for c in text)
