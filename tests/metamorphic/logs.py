"""Changes to text logs: of the same events told otherwise, and of fewer of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

from metamorphic.run import NO_BETTER, SAME, Answer, Case, Change, answer

SECOND = 10**9
_EVENT = re.compile(r"(\d+(?:\.\d+)?) (\S+) (.*)")
_ADDRESS = re.compile(r"(?<![\d.])(\d+\.\d+\.\d+)\.(\d+)(?![\d./])")


def lines_of(data: bytes) -> tuple[list[str], list[str]] | None:
    """Return head and events of a log with relative times, or None for any other."""
    try:
        lines = [line for line in data.decode("utf-8").splitlines() if line.strip() and not line.startswith("#")]
    except UnicodeDecodeError:
        return None
    if not lines or not lines[0].startswith("mipcheck-trace"):
        return None
    head = [line for line in lines if line.split()[0] in ("mipcheck-trace", "site", "source")]
    events = lines[len(head) :]
    return (head, events) if events and all(_EVENT.fullmatch(line) for line in events) else None


def changes(case: Case, before: Answer, random: Random, cuts: int = 6) -> Iterator[Change]:
    """Return changes to a case of one log, which was answered by `before`; `cuts` is how many of those with less."""
    [(name, data)] = case.files.items()
    found = lines_of(data)
    if found is None:
        return
    head, events = found

    def made(lines: list[str], head: list[str] = head) -> Case:
        return Case({name: ("\n".join([*head, *lines]) + "\n").encode()}, case.config, case.spec)

    boots = any("boot=true" in line for line in head)
    if not boots:
        yield Change("later", made([_later(line, 1000) for line in events]), later=1000 * SECOND)
    names = sorted({parts(line)[1] for line in events} - {"-"})
    renamed = {each: f"if{len(names) - number}" for number, each in enumerate(names)}
    yield Change(
        "renamed", made([_renamed(line, renamed) for line in events]), names={b: a for a, b in renamed.items()}
    )
    if case.config is None:
        yield Change("other addresses", made([_moved(x) for x in events], [_moved(x) for x in head]))
    fine = any(_time(line) % SECOND for line in events)  # a number of JSON does not tell 0.000 from 0
    if fine and not any(line.startswith("source") for line in head):
        yield Change("as JSON Lines", Case({"trace.jsonl": _as_json(head, events)}, case.config, case.spec))
    if len(names) > 1 and len({parts(line)[0] for line in events}) == len(events):
        yield Change("split by interface", _split(case, head, events, names))
    if fine:
        # Of several inputs nobody knows when all had begun, which limits what a late one does not tell (M2).
        limited = not boots and any(rule == "M2" for rule, *_ in before.broken)
        relation = NO_BETTER if limited else SAME
        yield Change("rotated, with a common stretch", _rotated(case, head, events, random), relation)
    cut = [line.replace(" boot=true", "") for line in head]
    first = min((time for _, _, time, _ in before.broken), default=None)
    early = [n for n, line in enumerate(events) if first is None or _time(line) < first]
    for n in sorted(random.sample(early, min(cuts, len(early)))):
        if before.verdict == "violation" and not _seems_new(events[:n], events[n:]):
            yield Change(f"cut before event {n + 1}", made(events[n:], cut), NO_BETTER)
    for n in sorted(random.sample(range(len(events)), min(cuts, len(events)))):
        time, interface, _ = parts(events[n])
        gap = f"{time} {random.choice(['-', interface])} gap reason=cut"
        yield Change(f"{gap}, before event {n + 1}", made([*events[:n], gap, *events[n:]]), NO_BETTER)


def parts(line: str) -> tuple[str, str, str]:
    """Return time, interface and the rest of a line."""
    time, interface, rest = line.split(" ", 2)
    return time, interface, rest


def _seems_new(before: list[str], after: list[str]) -> bool:
    """Say whether without the events before them others begin, on some interface, with an address that it may have had.

    What a trace tells first of an interface, if it is an address, is taken for a new one.
    """
    begun = {parts(line)[1] for line in before}
    first: dict[str, str] = {}
    for line in after:
        _, interface, rest = parts(line)
        first.setdefault(interface, rest)
    return any(first[each].startswith("coa ") for each in begun & first.keys())


def _time(line: str) -> int:
    whole, _, fraction = parts(line)[0].partition(".")
    return int(whole) * SECOND + int((fraction + "0" * 9)[:9])


def _later(line: str, seconds: int) -> str:
    time, rest = line.split(" ", 1)
    whole, dot, fraction = time.partition(".")
    return f"{int(whole) + seconds}{dot}{fraction} {rest}"


def _rotated(case: Case, head: list[str], events: list[str], random: Random) -> Case:
    """Return a case of two logs: the second begins before the first has ended, as where a log is copied and goes on."""
    begin = random.randrange(len(events))
    end = random.randint(begin, len(events))
    parts = {"trace.log.1": events[:end], "trace.log": events[begin:]}
    return Case(
        {name: ("\n".join([*head, *part]) + "\n").encode() for name, part in parts.items()}, case.config, case.spec
    )


def _renamed(line: str, names: dict[str, str]) -> str:
    time, interface, rest = parts(line)
    return f"{time} {names.get(interface, interface)} {rest}"


def _moved(line: str) -> str:
    """Give every address another last octet, but for prefixes and what means no address."""
    return _ADDRESS.sub(lambda m: m[0] if m[0] == "0.0.0.0" else f"{m[1]}.{int(m[2]) ^ 4}", line)


def _keys(words: list[str]) -> dict[str, str]:
    return {key: value.strip('"') for key, _, value in (word.partition("=") for word in words)}


def _words(text: str) -> list[str]:
    return re.findall(r'(?:[^\s"]|"[^"]*")+', re.sub(r"\s#.*", "", text))


def _as_json(head: list[str], events: list[str]) -> bytes:
    site = {k: v for line in head if line.startswith("site") for k, v in _keys(_words(line)[1:]).items()}
    lines = [json.dumps({"mipcheck-trace": 1, "site": site})]
    for line in events:
        time, interface, event, *keys = _words(line)
        lines.append(
            f'{{"time": {time}, "interface": "{interface}", "event": "{event}"'
            + "".join(f", {json.dumps(key)}: {json.dumps(value)}" for key, value in _keys(keys).items())
            + "}"
        )
    return ("\n".join(lines) + "\n").encode()


def without_offences(case: Case, folder: Path) -> tuple[Answer, Answer]:
    """Return the answers to a case of one log and to the same without the data that breaks rules.

    Data changes no state, so that nothing but what it breaks may change.
    """
    [(name, data)] = case.files.items()
    lines = data.decode().splitlines()
    first = now = answer(case, folder)
    while True:
        found = {at.line for v in now.violations for at in (v.at, v.last_at) if at.line and not v.overdue}
        offending = {n for n in found if parts(lines[n - 1])[2].startswith("data ")}
        if not offending:
            return first, now
        for n in offending:
            lines[n - 1] = "# removed"
        now = answer(Case({name: ("\n".join(lines) + "\n").encode()}, case.config, case.spec), folder)


def left_without_offences(case: Case, folder: Path) -> str:
    """Say what is wrong where the data that breaks rules is taken out of a log; nothing if just that is not broken."""
    before, after = without_offences(case, folder)
    if [v for v in after.violations if v.seen.split()[2:3] == ["data"]]:
        return "without what broke rules: data is still said to break some"
    if more := after.broken - before.broken:
        return f"without what broke rules: {sorted(more, key=str)[:3]} are broken"
    return ""


def _split(case: Case, head: list[str], events: list[str], names: list[str]) -> Case:
    files = {}
    for number, each in enumerate(names):
        mine = [line for line in events if parts(line)[1] == each or (parts(line)[1] == "-" and number == 0)]
        files[f"{number}.log"] = ("\n".join([*head, *mine]) + "\n").encode()
    return Case(files, case.config, case.spec)
