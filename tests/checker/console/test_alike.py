"""Notes that are alike become one with a count, however many there are."""

from __future__ import annotations

from mipcheck.checker.console.alike import Notes, grouped


def test_few_alike_are_said_each() -> None:
    texts = ("frame 1: odd", "frame 2: odd", "another thing", "frame 3: odd")
    assert grouped(texts) == ("frame 1: odd", "frame 2: odd", "frame 3: odd", "another thing")


def test_fifty_alike_are_one_with_a_count() -> None:
    said = grouped(f"the file names no interface {n}: called if{n}" for n in range(50))
    assert said == ("the file names no interface 0: called if0 (and 49 more alike)",)


def test_the_same_twice_counts_once() -> None:
    assert grouped(["frame 1: odd"] * 9) == ("frame 1: odd",)
    assert grouped([f"frame {n % 5}: odd" for n in range(90)]) == ("frame 0: odd (and 4 more alike)",)


def test_what_is_alike_may_be_said() -> None:
    notes = Notes()
    for name in ("Ethernet", "WLAN", "Bluetooth", "Loopback"):
        notes.add(f"X is called {name}", "is called")
    assert notes.texts() == ("X is called Ethernet (and 3 more alike)",)


def test_a_million_kinds_take_no_memory() -> None:
    words = ("".join(chr(97 + n // 26**k % 26) for k in range(4)) for n in range(30_000))
    said = grouped(words)
    assert len(said) == 51 and said[-1] == "29950 more notes are left out"
