"""A soak test's log, made as large as wanted: `python tests/bench/make_log.py big.log --events 1_000_000`.

Interface if0 is inside and sends in the clear, registering again every 20 s; the others are outside and send ESP
through the x-HA, and each moves to another network every ten minutes. The trace begins when the node starts and breaks
nothing; with --leak, if0 stops registering for the last 100 s and goes on sending.

With --nodes it is a VPN gateway's trace instead, with that many mobile nodes: they join one after another during the
first half, each with a tunnel of its own and a registration through it, and then all of them send and receive in turn.
It breaks nothing either; with --leak, what two nodes send at the end goes to a correspondent directly.

The same seed gives the same bytes.
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
SITE_OF_GATEWAY: Final = "site role=vpn iha=10.1.0.2 vpn=192.0.2.1 boot=true"
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


def make_gateway(path: str, events: int, nodes: int, seed: int = 1, rate: int = 250, leak: bool = False) -> int:
    """Write the log of a gateway. Returns how many of its events are user data. Nine events a node are signalling."""
    chance = random.Random(seed)
    span = max(20 * SECOND, events * SECOND // rate)
    nodes = max(1, min(nodes, events // 20))
    data = events - nodes * _JOINING
    joins = [span // 2 * n // nodes for n in range(nodes)]
    step = max(1, span // 2 // nodes // 20)
    joining = step * _JOINING
    with Path(path).open("w", encoding="ascii", newline="\n") as file:
        file.write(f"mipcheck-trace 1\n{SITE_OF_GATEWAY}\n")
        done = 0
        for joined, (begin, end) in enumerate(pairwise([*joins, span]), 1):
            file.write("".join(map(_stamped, _join(joined - 1, begin, step))))
            upto = done + data * (end - begin) // span if joined < nodes else data - (2 if leak else 0)
            for first in range(done, upto, _BLOCK):
                last = min(upto, first + _BLOCK)
                file.write(_relays(chance, joined, begin + joining, end, first - done, last - done, upto - done))
            done = upto
        if leak:
            for n in (0, nodes - 1):
                text = f"out relay home={_home(n)} what=data from=node to=correspondent src={_home(n)}"
                file.write(_stamped(Signal(span + n, text)))
    return data


def _home(node: int) -> str:
    return f"10.{64 + (node >> 16)}.{node >> 8 & 255}.{node & 255}"


def _peer(node: int) -> str:
    return f"203.{node >> 16}.{node >> 8 & 255}.{node & 255}"


def _join(node: int, begin: int, step: int) -> Iterator[Signal]:
    """A node's way in: phase 1, phase 2, the tunnel, and the registration through it."""
    home, peer, number = f"home={_home(node)}", _peer(node), hex(0xD0C0 << 48 | node)
    features = "vpn-fa,endpoint-update"
    yield from (
        Signal(begin + step * n, f"out {text}")
        for n, text in enumerate(
            (
                f"offer {home} vendor={features} natt=yes",
                f"answer {home} vendor={features} natt=yes",
                f"advert {home} coa=10.1.0.7 message=last",
                f"propose {home} features={features}",
                f"sa {home} state=up features={features} peer={peer} nat=no udp=no"
                " mode=tunnel endpoint=single remote=any selectors=any",
                f"rrq {home} coa=10.1.0.7 flags=T lifetime=65535 id={number} dynamic=no",
                f"relay {home} what=rrq from=node to=iha src={_home(node)}",
                f"rrp {home} code=0 lifetime=65535 id={number}",
                f"relay {home} what=rrp from=iha to=node dst={peer}",
            )
        )
    )


_JOINING: Final = sum(1 for _ in _join(0, 0, 1))


def _relays(chance: random.Random, nodes: int, begin: int, end: int, first: int, last: int, count: int) -> str:
    """User data of the nodes that have joined, from the `first` to the `last` of `count` events between two times."""
    lines = []
    which = array("I", chance.randbytes(4 * (last - first)))
    for n, w in zip(range(first, last), which, strict=True):
        t = begin + (end - begin) * n // count
        node = (w >> 1) % nodes
        home = _home(node)
        way = f"iha to=node dst={_peer(node)}" if w & 1 else f"node to=iha src={home}"
        lines.append(f"{t // SECOND}.{t % SECOND:06d} out relay home={home} what=data from={way}\n")
    return "".join(lines)


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
    parser.add_argument("--leak", action="store_true", help="break a rule at the end")
    parser.add_argument("--nodes", type=int, default=0, help="a VPN gateway's trace, with that many mobile nodes")
    args = parser.parse_args()
    if args.nodes:
        print(make_gateway(args.path, args.events, args.nodes, args.seed, args.rate, args.leak))
    else:
        print(make(args.path, args.events, args.seed, args.interfaces, args.rate, args.leak))


if __name__ == "__main__":
    main()
