"""JSON Lines logs for Hypothesis: the lines of `log_text.py` as objects, written in all the ways that JSON has."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from making.log_text import damaged, interfaces, kinds, odd_times, one, times, wrong

HEAD = '{"mipcheck-trace": 1}\n'
SITE = (
    '{"mipcheck-trace": 1, "site": {"iha": "10.1.0.2", "xha": "198.51.100.2", "vpn": "192.0.2.1",'
    ' "ihoa": "10.1.0.100", "xhoa": "198.51.100.100", "t_reregister": "3s"}}\n'
)

EVENT = '{"time": 1, "interface": "e", "event": "solicit"}'

_odd_values = one(["null", "true", "false", "[]", '["T", "D"]', '["T", "T"]', '["vpn-fa"]', "[1]", '["c"]', "{}", '""',
                   "0", "-0", "1", "2", "-5", "007", "1.0", "1.50", "1e3", "-", "2.", "NaN", "12345678901234567890",
                   "[", '"\\u0063"', '"c\\/f"', '"ü"', '"a b"', '"\t"', "nul", "[[]]", '["c" ,"f"]', '["c",]',
                   "18446744073709551615"])  # fmt: skip
_odd_lines = one(["", "   ", "\t", "{}", "[]", "null", "{", "garbage", '{"mipcheck-trace": 1}', '{"site": {}}', "# x",
                  '{"mipcheck-trace": 1, "site": {"iha": "10.1.0.2"}}', '{"time": 1}', "\x00", "\ufeff",
                  f"{EVENT} x", EVENT[:-1]])  # fmt: skip
_gaps = one(["", "", "", " ", "  ", "\t"])


@st.composite
def _values(draw: st.DrawFn, word: str) -> str:
    """A value of which a text log would have this word."""
    ways = [json.dumps(word)] * 2
    if word.lstrip("-").isdecimal() and word.isascii() and (word[0] != "0" or len(word) == 1):
        ways += [word] * 3
    if word in ("yes", "no"):
        ways += ["true" if word == "yes" else "false"] * 2
    if word == "-":
        ways.append("[]")
    elif word.isalpha() and len(word) < 8:
        ways.append(json.dumps(list(word)))
    if "," in word:
        ways.append(json.dumps(word.split(",")))
    ways.append(json.dumps(word, ensure_ascii=False))
    return draw(one(ways))


@st.composite
def _objects(draw: st.DrawFn, time: str, odd: bool) -> str:
    """An event's line."""
    kind = draw(wrong if odd and draw(st.booleans()) else kinds)
    name, *rest = kind.split(" ")
    pairs = [(k, draw(_values(v.strip('"')))) for k, _, v in (w.partition("=") for w in rest)]
    number = time.replace(".", "", 1).isdecimal() and draw(st.booleans())
    interface = draw(interfaces).strip('"')
    fixed = [
        ("time", time if number else json.dumps(time)),
        ("interface", json.dumps(interface)),
        ("event", json.dumps(name)),
    ]
    pairs = draw(st.permutations([*fixed, *pairs])) if draw(st.integers(0, 3)) == 0 else [*fixed, *pairs]
    if odd and draw(st.booleans()):
        at = draw(st.integers(0, len(pairs) - 1))
        pairs[at] = (pairs[at][0], draw(_odd_values))
    if odd and draw(st.booleans()):
        pairs.insert(
            draw(st.integers(0, len(pairs))), (draw(one(["time", "event", "x", "bytes", "lifetime", name])), '"1"')
        )
    gap, other = (draw(_gaps), draw(_gaps)) if draw(st.booleans()) else ("", " ")
    keys = [(json.dumps(k), v) for k, v in pairs]
    if odd and draw(st.integers(0, 3)) == 0:
        keys = [(k.replace("t", "\\u0074", 1), v) for k, v in keys]
    inside = f"{gap},{other}".join(f"{k}{gap}:{other}{v}" for k, v in keys)
    return f"{gap}{{{other}{inside}{gap}}}{draw(_gaps)}"


@st.composite
def logs(draw: st.DrawFn, most: int = 25, clean: bool = False) -> bytes:
    """A log with its header and mostly good lines; `clean` ones hold nothing that is an error by itself."""
    drawn = draw(times(most, clean))
    lines = [draw(one([HEAD, SITE])).strip()]
    for time in drawn:
        odd = draw(st.integers(0, 7)) == 0 and not clean
        if odd and draw(st.booleans()):
            lines.append(draw(_odd_lines))
        elif odd and draw(st.booleans()):
            lines.append(draw(_objects(draw(odd_times), False)))
        else:
            lines.append(draw(_objects(time, odd)))
    end = draw(one(["\n", "\n", "\r\n"]))
    return (end.join(lines) + draw(one([end, end, ""]))).encode()


def mutated() -> st.SearchStrategy[bytes]:
    """A log with damage."""
    return damaged(logs(most=10), b'"{}[]:,.\\0 \n')
