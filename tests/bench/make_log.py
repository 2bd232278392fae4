"""A soak test's log, made as large as wanted: `python tests/bench/make_log.py big.log --events 1_000_000`.

Interface if0 is inside and sends in the clear, registering again every 20 s; the others are outside and send ESP
through the x-HA, and each moves to another network every ten minutes. The trace begins when the node starts and breaks
nothing; with --leak, if0 stops registering for the last 100 s and goes on sending. The same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
import random
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

SITE: Final = (
    "site iha=10.1.0.2 xha=198.51.100.2 vpn=192.0.2.1 ihoa=10.1.0.100 xhoa=198.51.100.100"
    " internal=10.0.0.0/8 t_reregister=20s t_detection=3s boot=true"
)
SECOND: Final = 1_000_000
"""Times are whole microseconds."""
_SETTLE: Final = 6 * SECOND
"""How long an interface does without user data after a status change."""
_MOVE: Final = 600 * SECOND
_LEAK: Final = 100 * SECOND
_POOL: Final = 4096
_BLOCK: Final = 1 << 16


class Signal(NamedTuple):
    """A line that stands at a fixed time."""

    time: int
    text: str


class Quiet(NamedTuple):
    """From when to when an interface sends no user data."""

    begin: int
    end: int
    interface: int


def make(path: str, events: int, seed: int = 1, interfaces: int = 2, rate: int = 250, leak: bool = False) -> int:
    """Write a log of `events` events, `rate` a second. Returns how many of them are user data."""
    span = max(20 * SECOND, events * SECOND // rate)
    signals, quiet = _signals(span, interfaces, leak)
    signals = signals[:events]
    data = events - len(signals)
    with Path(path).open("w", encoding="ascii", newline="\n") as file:
        file.write(f"mipcheck-trace 1\n{SITE}\n")
        for block in _lines(signals, quiet, data, span, interfaces, random.Random(seed)):
            file.write(block)
    return data


# --- signalling ---------------------------------------------------------------------------------------------------


def _signals(span: int, interfaces: int, leak: bool) -> tuple[list[Signal], list[Quiet]]:
    signals: list[Signal] = []
    quiet: list[Quiet] = []
    for number in range(1, interfaces):
        starts = range(number * SECOND // interfaces, span, _MOVE)
        for begin in starts:
            signals += _outside(number, begin, min(begin + _MOVE, span), first=begin < _MOVE and number == 1)
            quiet.append(Quiet(begin if begin >= _MOVE else 0, begin + _SETTLE, number))
    inside = SECOND if interfaces == 1 else 5 * SECOND
    signals += _inside(inside, span - (_LEAK if leak else 0))
    quiet.append(Quiet(0, inside + _SETTLE, 0))
    signals.sort(key=lambda s: s.time)
    return signals, quiet


def _inside(begin: int, end: int) -> Iterator[Signal]:
    """if0: registered with the i-HA directly, every 20 s."""
    yield Signal(begin, "if0 link state=up")
    yield Signal(begin + 110_000, "if0 coa kind=colocated addr=10.1.7.20 domain=corp.example")
    at = begin + 113_000
    while at < end:
        yield Signal(at, f"if0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=60 id={_id(0, at)}")
        yield Signal(at + 8_000, f"if0 rrp from=iha path=direct code=0 lifetime=60 id={_id(0, at)} auth=ok")
        if at == begin + 113_000:
            yield Signal(at + 11_000, "if0 infer where=inside")
            yield Signal(at + 11_500, "if0 mode name=c")
        at += 20 * SECOND


def _outside(number: int, begin: int, end: int, first: bool) -> Iterator[Signal]:
    """A network for ten minutes: detection, the x-HA, and for the first interface the VPN, once for all."""
    name, coa = f"if{number}", f"203.0.{number % 256}.{1 + begin // _MOVE % 250}"
    asked, xasked = _id(number, begin), _id(number, begin + 1)
    direct = f"{name} rrq to=iha path=direct coa={coa} flags=DT lifetime=60 id={asked}"
    yield Signal(begin, f"{name} link state=up")
    yield Signal(begin + 310_000, f"{name} coa kind=colocated addr={coa}")
    yield Signal(begin + 311_000, direct)
    yield Signal(begin + 311_400, f"{name} rrq to=xha path=direct coa={coa} flags=DT lifetime=600 id={xasked}")
    yield Signal(begin + 402_000, f"{name} rrp from=xha path=direct code=0 lifetime=600 id={xasked} auth=ok")
    yield Signal(begin + 1_311_000, direct)
    yield Signal(begin + 2_311_000, direct)
    yield Signal(begin + 3_403_000, f"{name} infer where=outside")
    yield Signal(begin + 3_404_000, f"{name} mode name=cvc")
    if first:
        third = _id(number, begin + 2)
        yield Signal(begin + 3_410_000, f"{name} ike phase=start src=198.51.100.100 dst=192.0.2.1 version=2")
        yield Signal(begin + 3_655_000, f"{name} ike phase=established src=198.51.100.100 dst=192.0.2.1")
        yield Signal(begin + 3_656_000, "- sa state=up tia=10.1.200.7")
        yield Signal(begin + 3_660_000, f"{name} rrq to=iha path=vpn coa=10.1.200.7 flags=DT lifetime=600 id={third}")
        yield Signal(begin + 3_741_000, f"{name} rrp from=iha path=vpn code=0 lifetime=600 id={third} auth=ok")
    if begin + 300 * SECOND < end:
        again = _id(number, begin + 3)
        yield Signal(begin + 300 * SECOND, f"{name} rrq to=xha path=direct coa={coa} flags=DT lifetime=600 id={again}")
        yield Signal(
            begin + 300 * SECOND + 90_000,
            f"{name} rrp from=xha path=direct code=0 lifetime=600 id={again} auth=ok",
        )


def _id(interface: int, at: int) -> str:
    """An identification that no other request has."""
    return hex(0xD0C0 << 48 | interface << 44 | at)


# --- user data ----------------------------------------------------------------------------------------------------


def _pool(chance: random.Random, interfaces: Sequence[int]) -> list[str]:
    """Events of user data, without their times, from which those of the log are drawn."""
    return [_data(chance, chance.choice(interfaces)) for _ in range(_POOL)]


def _data(chance: random.Random, interface: int) -> str:
    out = chance.random() < 0.5
    size = chance.choice((40, 52, chance.randrange(60, 1400), 1420))
    way = f" if{interface} data dir={'out' if out else 'in'}"
    if interface:
        return f"{way} protection=esp bytes={size} stack=ip/ip/udp4500/esp\n"
    peer = f"10.2.{chance.randrange(16)}.{chance.randrange(1, 250)}"
    ends = ("10.1.0.100", peer) if out else (peer, "10.1.0.100")
    return f"{way} protection=none bytes={size} stack=ip/ip src={ends[0]} dst={ends[1]}\n"


def _lines(
    signals: Sequence[Signal], quiet: Sequence[Quiet], data: int, span: int, interfaces: int, chance: random.Random
) -> Iterator[str]:
    """All lines in order of time, many at a time."""
    edges = sorted({0, span, *(q.begin for q in quiet), *(min(q.end, span) for q in quiet)})
    stretches = []
    for begin, end in pairwise(edges):
        silent = {q.interface for q in quiet if q.begin <= begin < q.end}
        if talking := tuple(n for n in range(interfaces) if n not in silent):
            stretches.append((begin, end, talking))
    pools = {talking: _pool(chance, talking) for talking in {s[2] for s in stretches}}
    available = sum(end - begin for begin, end, _ in stretches)
    times = [s.time for s in signals]
    written = before = done = 0
    for begin, end, talking in stretches:
        before += end - begin
        upto = data * before // available
        count, done = upto - done, upto
        pool = pools[talking]
        first = 0
        while first < count:
            # up to the next signal, or a block
            now = begin + (end - begin) * first // count
            following = bisect_right(times, now)
            yield from (_stamped(s) for s in signals[written:following])
            written = max(written, following)
            limit = times[written] if written < len(times) else end
            last = min(count, first + _BLOCK, max(first + 1, -(-(limit - begin) * count // (end - begin))))
            which = array("H", chance.randbytes(2 * (last - first)))
            yield "".join(
                [
                    f"{(t := begin + (end - begin) * n // count) // SECOND}.{t % SECOND:06d}{pool[w % _POOL]}"
                    for n, w in zip(range(first, last), which, strict=True)
                ]
            )
            first = last
    yield from (_stamped(s) for s in signals[written:])


def _stamped(signal: Signal) -> str:
    return f"{signal.time // SECOND}.{signal.time % SECOND:06d} {signal.text}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a large log of a soak test.")
    parser.add_argument("path")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--interfaces", type=int, default=2)
    parser.add_argument("--rate", type=int, default=250, help="events a second")
    parser.add_argument("--leak", action="store_true", help="plaintext goes on after the i-HA is gone")
    args = parser.parse_args()
    print(make(args.path, args.events, args.seed, args.interfaces, args.rate, args.leak))


if __name__ == "__main__":
    main()
