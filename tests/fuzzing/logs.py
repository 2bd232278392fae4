"""Logs in text and JSON Lines, alone and merged: read line by line and in bulk, which has to come to the same."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.model.specification.spec import EventType, Key
from mipcheck.model.values.types import Type

from fuzzing.case import Case, Kind
from fuzzing.reports import assert_sound
from making.both_ways import DRAFT, report

LINES: Final = 400
_VOCABULARY = vocabulary_of(DRAFT)
_ADDRESSES: Final = ("10.1.7.20", "10.1.0.2", "198.51.100.2", "198.51.100.100", "192.0.2.1", "10.1.0.100", "10.9.9.9")
_INTERFACES: Final = ("eth0", "eth0", "eth0", "wlan0", "wlan0", "-", "e#1", "ü", "site")
_STACKS: Final = ("ip/ip", "ip/esp", "ip/udp434/ip/udp4500/esp", "ip/udp434/ip", "eth", "ip", "", "ip//ip", "x" * 300)
_ODD: Final = ("", "-", "0", "-1", "99999999999999999999", "0x", "1e9", "\u0663", "\x1b[31m", "\u202e", "a" * 5000,
               "a=b",
               "#", "None", "null", "true", "NaN", "1.2.3.4.5", "\x00", "\ud7ff", "<b>", "|", "`", "]]>",
               "::warning::")  # fmt: skip
_JUNK: Final = ("", "#", "# x", "   ", "garbage", "0", "0.5 eth0", "mipcheck-trace 1", "site role=mn", "site role=iha",
                "site internal=10.0.0.0/8,10.0.0.0/8", "source sees=rrq", "source resolution=1s", "\ufeff", "\x0b",
                "site t_stop=0s", "site n_retransmit=999999999999", "source sees=link~,rrq resolution=100ms",
                '{"a":1}', "{", "[]", "0.1 - gap from=start to=end",
                '0.2 eth0 gap reason="a b" from=0.0 to=5.0')  # fmt: skip

Pairs = dict[str, object]


def word_of(type_: Type, dice: random.Random) -> str:
    """Return a word that a key of that type may have."""
    if type_.is_set:
        chosen = [m for m in type_.members if dice.random() < 0.3]
        return ("" if all(len(m) == 1 for m in type_.members) else ",").join(chosen) or "-"
    if type_.members:
        return dice.choice(type_.members)
    match type_.name:
        case "bool":
            return dice.choice(("yes", "no", "true", "false"))
        case "int":
            return str(dice.choice((0, 0, 1, 60, 600, 65535, 136, -5, 10**17)))
        case "time":
            return dice.choice(("1s", "500ms", "0s", "60", "1.5h", "99h"))
        case "id":
            return f"{dice.choice((0xD0C1, 0xD0C2, 7, 0, 2**64 - 1, 2**32 + 0xD0C1)):#x}"
        case "address":
            return dice.choice(_ADDRESSES)
        case _:
            return dice.choice(_STACKS) or "x"


def _word(key: Key, dice: random.Random) -> str:
    if key.name == "stack":
        return dice.choice(_STACKS[:6])
    return word_of(key.type, dice)


def event_of(declared: EventType, dice: random.Random, faulty: float) -> Pairs:
    """Return the pairs of an event; with the probability `faulty` something about them is wrong."""
    pairs: Pairs = {k.name: _word(k, dice) for k in declared.keys if not k.optional or dice.random() < 0.3}
    if declared.sender == "observer":  # its times have to be some
        pairs |= {k: dice.choice(("start", "end", "0", "7.5", "100")) for k in ("from", "to") if k in pairs}
        if dice.random() < 0.8:
            pairs = {k: v for k, v in pairs.items() if k not in ("from", "to")}
    if dice.random() < faulty:
        how = dice.randrange(4)
        if how == 0 and pairs:
            del pairs[dice.choice(list(pairs))]
        elif how == 1 and pairs:
            pairs[dice.choice(list(pairs))] = dice.choice(_ODD)
        elif how == 2:
            pairs[dice.choice(("stat", "x", "to ", "addres", "k" * 3000, "\x1b"))] = "1"
        elif pairs:
            key = dice.choice(list(pairs))
            pairs[key] = str(pairs[key]) + dice.choice(("x", "0", ",", " ", "=", '"'))
    return pairs


Event = tuple[int, str, str, Pairs]


def events_of(dice: random.Random, count: int, role: str, faulty: float) -> list[Event]:
    """Return events of a role in order of time, mostly: time (ns), interface, kind, pairs."""
    known = dict(_VOCABULARY.roles[role])
    kinds, time, found = list(known), 0, []
    favourites = [k for k in ("rrq", "rrp", "data") if k in known]
    for _ in range(count):
        time += dice.choice((0, 1, 10**3, 10**6, 10**8, 10**9, 7 * 10**9))
        if dice.random() < faulty * 0.1:
            time = max(0, time - dice.choice((1, 10**9, 10**12)))
        kind = dice.choice(favourites) if favourites and dice.random() < 0.5 else dice.choice(kinds)
        pairs = event_of(known[kind], dice, faulty)
        name = dice.choice(_INTERFACES) if dice.random() < 0.98 else f"if{dice.randrange(300)}"
        found.append((time, name, kind if dice.random() > faulty * 0.1 else kind + "x", pairs))
    return found


def _seconds(ns: int, decimals: int, base: int) -> str:
    if base:
        whole = base + ns // 10**9
        return (
            f"2026-11-{23 + whole // 86400 % 5:02d}T{whole // 3600 % 24:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}Z"
        )
    return f"{ns // 10**9}.{ns % 10**9:09d}" if decimals else f"{ns // 10**9}"


def text_log(dice: random.Random, count: int, role: str, faulty: float) -> bytes:
    """Return a log in text."""
    lines = ["mipcheck-trace 1", *site_lines(dice, role)]
    base = 7200 if dice.random() < 0.1 else 0
    decimals = dice.choice((0, 9, 9, 9))
    for time, interface, kind, pairs in events_of(dice, count, role, faulty):
        if dice.random() < faulty * 0.2:
            lines.append(dice.choice(_JUNK))
        words = [f"{k}={v}" for k, v in pairs.items()]
        if dice.random() < 0.05:
            dice.shuffle(words)
        space = " " if dice.random() < 0.97 else dice.choice(("\t", "  "))
        end = "" if dice.random() < 0.97 else dice.choice((" ", "\r", " # said so", "#x"))
        lines.append(space.join([_seconds(time, decimals, base), interface, kind, *words]) + end)
    return "\n".join(lines).encode("utf-8", "surrogatepass") + (b"\n" if dice.random() < 0.95 else b"")


def json_log(dice: random.Random, count: int, role: str, faulty: float) -> bytes:
    """Return a log in JSON Lines."""
    words = dict(w.split("=", 1) for line in site_lines(dice, role) for w in line.split()[1:])
    lines = [json.dumps({"mipcheck-trace": 1, "site": words})]
    decimals = dice.choice((0, 9, 9, 9))
    for time, interface, kind, pairs in events_of(dice, count, role, faulty):
        values = {k: _natural(v, dice) for k, v in pairs.items()}
        stamp: object = _seconds(time, decimals, 0)
        stamp = float(str(stamp)) if dice.random() < 0.2 else stamp
        line = json.dumps({"time": stamp, "interface": interface, "event": kind, **values})
        if dice.random() < faulty * 0.2:
            line = dice.choice((line[: dice.randrange(len(line))], line.replace(":", "::", 1), "[" * 5000, *_JUNK,
                                line[:-1] + ', "time": 1}', line.replace("1", "1" * 400, 1)))  # fmt: skip
        lines.append(line if dice.random() < 0.95 else line.replace(", ", ",").replace(": ", ":"))
    return "\n".join(lines).encode("utf-8", "surrogatepass") + b"\n"


def _natural(value: object, dice: random.Random) -> object:
    """Return a value as JSON may have it."""
    word = str(value)
    if word in ("yes", "no", "true", "false") and dice.random() < 0.5:
        return word in ("yes", "true")
    if word.isascii() and word.isdecimal() and dice.random() < 0.5 and len(word) < 19:
        return int(word)
    return dice.choice((None, [], {}, 1.5, 1e300, [word])) if dice.random() < 0.01 else word


def site_lines(dice: random.Random, role: str) -> list[str]:
    """Return the site lines of a log."""
    lines = []
    if dice.random() < 0.8:
        lines.append("site iha=10.1.0.2 xha=198.51.100.2 vpn=192.0.2.1 ihoa=10.1.0.100 xhoa=198.51.100.100")
    if role != "mn":
        lines.append(f"site role={role}")
    if dice.random() < 0.3:
        lines.append(dice.choice(("site boot=true", "site t_stop=5s t_reregister=3s", "site internal=10.0.0.0/8")))
    return lines


def damaged(data: bytes, dice: random.Random) -> bytes:
    """Return data with a few bytes changed, put in or taken out, or cut off."""
    changed = bytearray(data)
    for _ in range(dice.randrange(1, 5)):
        at = dice.randrange(len(changed) + 1)
        changed[at : at + dice.randrange(4)] = dice.choice((dice.randbytes(dice.randrange(4)), b"\n", b" ", b'"', b"="))
    return bytes(changed[: dice.randrange(len(changed))] if dice.random() < 0.2 else changed)


Writer = Callable[[random.Random, int, str, float], bytes]


def log_of(dice: random.Random, writer: Writer, count: int) -> bytes:
    """Return a log with or without faults, of any role, sometimes damaged."""
    role = dice.choice([*["mn"] * 3, *_VOCABULARY.roles])
    data = writer(dice, count, role, dice.choice((0.0, 0.002, 0.1)))
    return damaged(data, dice) if dice.random() < 0.2 else data


def _made(writer: Writer, suffix: str) -> Callable[[random.Random], Case]:
    def make(dice: random.Random) -> Case:
        return Case({f"a{suffix}": log_of(dice, writer, LINES)}, LINES, {"keep_going": dice.random() < 0.6})

    return make


def make_merge(dice: random.Random) -> Case:
    """Make two or three logs of one node, whose clocks may differ."""
    count = dice.randrange(2, 4)
    files = {}
    for n in range(count):
        writer, suffix = dice.choice(((text_log, "log"), (json_log, "jsonl")))
        files[f"{n}.{suffix}"] = writer(dice, LINES // count, "mn", dice.choice((0.0, 0.0, 0.002)))
    offsets = {name: dice.choice(("0.5", "-0.25", "1000")) for name in files if dice.random() < 0.2}
    return Case(files, LINES, {"keep_going": dice.random() < 0.6, "offsets": offsets})


def attempt(case: Case, folder: Path) -> None:
    """Check the logs in both ways. Raises AssertionError where they differ."""
    paths = case.write(folder)
    options: dict[str, Any] = dict(case.options)
    slow = report(paths, False, **options)
    fast = report(paths, True, **options)
    assert slow == fast
    assert_sound(slow)


TEXT = Kind("log", "lines", _made(text_log, ".log"), attempt, 15)
JSON = Kind("jsonl", "lines", _made(json_log, ".jsonl"), attempt, 10)
MERGE = Kind("merge", "lines", make_merge, attempt, 10)
