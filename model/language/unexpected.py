"""Text that does not fit the grammar → an error in the words of the language."""

from __future__ import annotations

import re
from typing import Any

from mipcheck.model.language.errors import SpecError
from mipcheck.model.language.expression import Place
from mipcheck.model.language.grammar import RESERVED, spellings
from mipcheck.model.values.nearest import nearest
from mipcheck.model.values.types import NS

# Groups of terminals that an error message names by one word; if one of a group may stand there, any may.
_EXPRESSION = {"LPAR", "MINUS", "DURATION", "INT", "ADDRESS", "TRUE", "FALSE", "FUNCTION", "NOT", "NOW", "THIS", "SITE",
               "WORD", "DOTTED", "QUANTIFIER", "SEEN", "CAPABILITY", "GIVEN", "ASSIGNED"}  # fmt: skip
_OPERATOR = {"AND", "OR", "IMPLIES", "COMPARE", "ADD", "MUL", "IN", "USES", "LSQB"}
DECLARATION = {
    "DOCUMENT", "ENUM", "SET", "SITE", "LAYER", "ACCESS",
    "CAPABILITY", "PARAM", "EVENT", "SCOPE", "GHOST", "TOLD", "TABLE", "ON", "DEFINE", "ASSUMPTION",
    "RULE", "PROPERTY", "DEFAULT", "DROP", "OVERRIDE", "CONFIRM", "ROLE", "STATEMENT", "AMBIGUITY", "PAUSE", "STAGE",
    "ENTITY", "GUIDELINE", "POINT", "ANSWER",
    "SYSTEM", "PARTY", "CHANNEL", "EXTEND",
}  # fmt: skip
"""Terminals that a declaration begins with."""
_NAMES = {
    "NAME": "a name", "WORD": "a name", "SPEC_NAME": "a name", "STRING": "a text in quotes",
    "SECTION": "a section number",
    "LINES": "line numbers (12-15)", "HEADERS": "headers (ip or udp4500/esp)",
    "OPTIONAL": '"?"', "$END": "the end", "INT": "a number",
    "DOTTED": "what a party has (gateway.endpoint)",
    "DURATION": "a duration (60 s)", "COMPARE": "a comparison", "ADD": "+ or -", "MUL": "* or /",
}  # fmt: skip
"""Words by which messages call terminals that are no words."""


_CHANGE = r"\bon\s[^{}]*\{(?:[^{}]*[;\n])?\s*"
"""What stands before a change of an update."""

_VALUES = {"true", "false", "now", "this"}
"""Words that are whole expressions: where one of them stands it was meant."""

_ELSEWHERE = [
    (r"", r"!(?!=)", "not"),
    (r"=", r"=", "= compares, := assigns"),
    (r"<", r">", "!= says that two things differ"),
    (r"", r"&", "and"),
    (r"", r"\|", "or"),
    (r"", r"not\s+in\b", "write not (x in y)"),
    (r"", r"[-+*/]=", "write x := x + 1"),
    (r"\{[^}]*", r"=", ":= assigns"),
    (r"/", r"[/*]", "comments begin with #"),
    (r"", r"/[/*]", "comments begin with #"),
    (r"", r"'", 'texts stand in "…"'),
    (r"\b(?:MUST|SHOULD)\s+", r"NOT\b", "what is forbidden is a MUST or SHOULD, too: allow … only if not …"),
    (r"\brule\s+\w+\s+", r"(?:SHALL|REQUIRED)\b", "MUST"),
    (r"\brule\s+\w+\s+", r"RECOMMENDED\b", "SHOULD"),
    (r"\brule\s+\w+\s+", r"OPTIONAL\b", "MAY"),
    (r"", r"(?:forbid|prohibit|deny|never)", "what is forbidden: allow … only if not …"),
    (r"\bparam\s+\w+\s*:\s*(?:\w+|\{[^}]*\})\s*", r"", "a parameter has a default, which a site may replace"),
    (r"\bassigned\s*\(\s*\w+", r"\[", "a field of an entry always has a value"),
    (r"\bon\s[^{}]*\{[^{}]*:=[^{}]*", r",", "; stands between changes"),
    (_CHANGE + r"(?:if|unless|when)\s+", r"", "a condition stands before the braces: on … when …"),
    (
        _CHANGE + r"(?:for(?:each)?(?:\s+(?:each|every|all))?|every|each|all|some)\s+",
        r"",
        "a change names its entry by key; only clear is about all of a table",
    ),
    (r"\b(?:any|exists)\s+", r"", "write some x: …"),
    (r"\b(?:all|each|forall)\s+", r"", "write every x: …"),
    (r"", r"extends\b", 'that stands in the first line: spec NAME "…" extends OTHER'),
    (r"", r"line\b", "lines"),
    (r"\b(?:some|every)\s+", r"(?:interface|\w+(?:\s*,\s*\w+)*\s+in)\b", "in the midst of a condition: (some …: …)"),
]
"""What other languages, or the words of a document, would have: what stands before an error and what at it, and how
that is said here."""


def unexpected(error: Any, text: str, file: str) -> SpecError:
    """Return Lark's error as one of ours, in the words of the language."""
    token = getattr(error, "token", None)
    wanted = sorted(error.interactive_parser.accepts())
    hint = f"expected {_words(wanted)}"
    if token is not None and token.type != "$END":
        place, offset, found = Place(token.line, token.column), token.start_pos, str(token)
    elif token is None and error.line > 0:
        place, offset = Place(error.line, error.column), error.pos_in_stream
        found = text[offset]
        if found == '"':
            return SpecError(file, place, "this text has no closing quote", _quote_hint(text, offset), text)
    else:
        # At the end Lark tells no place. Messages point behind the last word, not at the empty lines after it.
        lines = text.rstrip().split("\n")
        place = Place(len(lines), len(lines[-1]) + 1)
        more = _spelling_hint(text, len(text))
        hint += f"; {more}" if more else ""
        return SpecError(file, place, "the specification ends too early", hint, text)
    more = _quote_hint(text, offset) or _spelling_hint(text, offset) or _name_hint(text, offset)
    if not more and re.match(r"[^\W\d]", found):  # a word, so that another may have been meant
        more = nearest(found, [w for t in wanted for w in spellings().get(t, ()) if w.isalpha() and w != found])
        if re.search(r"[0-9][ \t]*\Z", text[max(0, offset - 40) : offset]):  # after a number
            more = f"units of time are {', '.join(NS)}"
    shown = found if len(found) < 30 else found[:27] + "…"
    hint += f"; {more}" if not more.startswith("known") and more else ""
    return SpecError(file, place, f"unexpected {shown!r}", hint, text)


def _quote_hint(text: str, offset: int) -> str:
    """Return a hint if a quote may be missing: a text of several lines that ends just before an error is suspicious.

    It may have begun with the quote that should end another.
    """
    before = text[:offset].rstrip()
    texts = list(re.finditer(r'#[^\n]*|"[^"]*"', before))
    last = texts[-1] if texts else None
    if last is None or last.end() < len(before) or "\n" not in last[0]:
        return ""
    return f"the text before it begins in line {before.count(chr(10), 0, last.start()) + 1}: is a quote missing there?"


def _name_hint(text: str, offset: int) -> str:
    """Return a hint if a name was meant by what was read as something else, just before an error."""
    before, found = text[max(0, offset - 200) : offset].rstrip(), text[offset]
    unit = re.search(rf"[0-9]\s+({'|'.join(NS)})\Z", before)
    if unit is not None and found == ":":
        return f"{unit[1]} after a number is its unit; put the number in parentheses"
    word = re.search(r"(?:[=(,]|\b(?:and|or|not|while|when|if|in|invariant|implies))\s*(\w+)\Z", before)
    if word and word[1] in RESERVED and word[1] not in _VALUES:
        return f'"{word[1]}" is a word of the language and cannot be a name'
    return "names are letters from a to z, digits and _" if found.isalpha() and not found.isascii() else ""


def _spelling_hint(text: str, offset: int) -> str:
    """Return how the language says what an author may have had in mind, who knows others."""
    before, after = text[max(0, offset - 200) : offset], text[offset : offset + 40]
    for left, right, said in _ELSEWHERE:
        if re.match(right, after) and re.search(rf"(?:{left})\Z", before):
            return said if " " in said else f'did you mean "{said}"?'
    return ""


def _words(terminals: list[str]) -> str:
    """Return what could stand there, in few words."""
    left = set(terminals)
    shown = []
    for group, sign, name in (
        (_EXPRESSION, "TRUE", "an expression"),
        (_OPERATOR, "AND", "an operator"),
        (DECLARATION, "DROP", "a declaration"),
    ):
        if sign in left:
            left -= group
            shown.append(name)
    if {"NAME", "DOTTED"} <= left:
        left.remove("DOTTED")
    words = [w for t in terminals if t in left for w in ([_NAMES[t]] if t in _NAMES else spellings()[t])]
    shown += [w if w[0].isalnum() or w[0] == '"' else f'"{w}"' for w in dict.fromkeys(words)]
    return ", ".join(shown[:-1]) + (" or " if len(shown) > 1 else "") + shown[-1] if shown else "something else"
