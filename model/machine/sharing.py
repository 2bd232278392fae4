"""What a generated function would work out again and again, worked out once.

Rules and updates of one event ask the same again and again, through the definitions that they have in common: written
out at each place, a step of the mobile node's would be three times as long. So each operation of a function that is
being written is noted here, and a mark stands for it, until it is known where all of them are. Then one that is needed
at several places gets a name, before the first of them; nothing is worked out that was not before. That holds because
the terms of a function are all about the state before the event. One that loops, and is needed only where something
else holds that has a name, too, is worked out only then.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from itertools import count
from typing import Final

from mipcheck.model.machine.wording import RESERVED, nested, other_than

_MARK: Final = re.compile("\0([0-9]+)\0")
_WORD: Final = re.compile(r"[^\W\d]\w*")
_BOTH: Final = re.compile(r"and_\((\0\d+\0|\w+), (\0\d+\0|\w+)\)")
_IN_TURN: Final = re.compile(r"\(0 if (\0\d+\0) == 0 else and_\(\1, (\0\d+\0|\w+)\)\)")
"""What `logical` writes: the second is worked out only if the first is not 0."""
_SET: Final = re.compile(r"\s*(\w+) = (?:(\0\d+\0)$)?")
_TESTED: Final = re.compile(r"\s*if (\w+) (?:!= 0|== 1):$")
_Path = tuple[int, ...]
"""The lines that begin the blocks in which a line stands, outermost first."""
_Given = frozenset[int]
"""Operations of which it is known where something is worked out that they are not 0."""


def is_operation(source: str) -> bool:
    """Decide whether source of a term is more than a name or a number."""
    return "\0" in source or "(" in source


def outdented(lines: Sequence[str]) -> list[str]:
    """Return lines as they stand outside of the block that they were written for."""
    return [re.sub(r"(?m)^ {4}", "", line) for line in lines]


class Shared:
    """The operations of one function, each once; what one of them works on was noted before it."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._numbers: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._slow: set[int] = set()

    def mark(self, text: str, name: str = "", *, loops: bool = False) -> str:
        """Return the mark of an operation, or what is no operation as it is; `name` is what it could be called.

        One that `loops` takes its time, and so does what works on its result.
        """
        if "(" not in text:
            if name and (found := _MARK.fullmatch(text)):
                self._names.setdefault(int(found[1]), name)
            return text
        number = self._numbers.setdefault(text, len(self._texts))
        if number == len(self._texts):
            self._texts.append(text)
            if loops or self.is_slow(text):
                self._slow.add(number)
        if name:
            self._names.setdefault(number, name)
        return f"\0{number}\0"

    def is_slow(self, source: str) -> bool:
        """Decide whether there is a loop in what a term comes to."""
        return any(int(number) in self._slow for number in _MARK.findall(source))

    def logical(self, operation: str, arguments: list[str]) -> str:
        """Return the mark of `and_` or `or_` of several terms; those with loops come last, and only if they matter."""
        decides = "0" if operation == "and_" else "1"

        def each(call: str) -> str:
            first, _, second = call.removeprefix(f"{operation}(").removesuffix(")").partition(", ")
            return self.mark(f"({decides} if {first} == {decides} else {call})" if self.is_slow(second) else call)

        return nested(operation, sorted(arguments, key=self.is_slow), each)

    def written(self, source: str) -> str:
        """Return source of the function, whose marks are written out or have become names."""
        return source if "\0" not in source else _Writing(self._texts, self._names, self._slow, source).text()


class _Writing:
    def __init__(self, texts: Sequence[str], wanted: Mapping[int, str], slow: Set[int], source: str) -> None:
        self._texts, self._wanted, self._slow = texts, wanted, slow
        self._lines = source.splitlines(keepends=True)
        self._taken = set(RESERVED).union(_WORD.findall(source), *(_WORD.findall(text) for text in texts))
        self._depths = [len(line) - len(line.lstrip(" ")) for line in self._lines]
        self._paths = self._blocks()
        self._bound: dict[int, list[int]] = defaultdict(list)  # by line: operations that get their names before it
        self._named: set[tuple[int, int]] = set()  # operations that have a name, and the lines where they do
        self._chosen: dict[int, str] = {}
        self._uses: dict[int, list[tuple[int, _Given]]] = defaultdict(list)  # by operation: lines, one for each place
        self._not_zero = self._tests()
        self._guards: dict[tuple[int, int], str] = {}  # by operation and line where it gets its name: when it matters

    def text(self) -> str:
        for at, line in enumerate(self._lines):
            self._use(line, at, self._not_zero[at])
        for number in range(len(self._texts) - 1, -1, -1):  # what an operation works on comes after it
            self._settle(number, self._uses[number], 0)
        found: list[str] = []
        comments: list[str] = []
        for at, line in enumerate(self._lines):
            if line.lstrip().startswith("#"):
                comments.append(line)
                continue
            for number in reversed(self._bound[at]):
                source = self._expanded(self._texts[number], at)
                if (number, at) in self._guards:
                    source = f"{source} if {self._expanded(self._guards[number, at], at)} else 0"
                found.append(f"{' ' * self._depths[at]}{self._name_of(number)} = {source}\n")
            found += comments
            comments.clear()
            found.append(self._expanded(line, at))
        return "".join([*found, *comments])

    def _blocks(self) -> list[_Path]:
        """Return each line's path."""
        paths: list[_Path] = []
        open_: list[int] = []
        for at, line in enumerate(self._lines):
            if line.strip():
                while open_ and self._depths[open_[-1]] >= self._depths[at]:
                    open_.pop()
            paths.append(tuple(open_))
            if line.rstrip().endswith(":") and not line.lstrip().startswith("#"):
                open_.append(at)
        return paths

    def _tests(self) -> list[_Given]:
        """Return what is known of each line: it stands in blocks that depend on results which were just assigned."""
        found: list[_Given] = []
        assigned: dict[str, tuple[_Path, int]] = {}  # by name: where it last was, and to what
        blocks: dict[int, _Given] = {}  # by the lines that begin them
        for at, line in enumerate(self._lines):
            found.append(frozenset().union(*(blocks.get(block, frozenset()) for block in self._paths[at])))
            if test := _TESTED.match(line):
                path, number = assigned.get(test[1], ((), -1))
                if number >= 0 and path == self._paths[at]:
                    blocks[at] = self._implied(f"\0{number}\0")
            elif is_set := _SET.match(line):
                assigned.pop(is_set[1], None)
                if is_set[2]:
                    assigned[is_set[1]] = self._paths[at], int(is_set[2].strip("\0"))
        return found

    def _implied(self, source: str) -> _Given:
        """Return the operations that are not 0 if a term is not."""
        found: set[int] = set()
        left = [source]
        while left:
            if (mark := _MARK.fullmatch(left.pop())) and int(mark[1]) not in found:
                found.add(int(mark[1]))
                text = self._texts[int(mark[1])]
                if parts := _BOTH.fullmatch(text) or _IN_TURN.fullmatch(text):
                    left += parts.groups()
        return frozenset(found)

    def _use(self, text: str, at: int, given: _Given) -> None:
        """Note what a text works on in a line, of whose place that is known."""
        if parts := _IN_TURN.fullmatch(text):
            self._use(parts[1], at, given)  # twice, as it stands there
            self._use(parts[1], at, given)
            self._use(parts[2], at, given | self._implied(parts[1]))
            return
        for number in _MARK.findall(text):
            self._uses[int(number)].append((at, given))

    def _settle(self, number: int, uses: Sequence[tuple[int, _Given]], depth: int) -> None:
        """Decide where an operation gets its name, for uses that have the first `depth` blocks in common."""
        if len(uses) == 1:
            self._use(self._texts[number], *uses[0])
            return
        within: dict[int, list[tuple[int, _Given]]] = defaultdict(list)
        for use in uses:
            path = self._paths[use[0]]
            within[path[depth] if len(path) > depth else -1].append(use)
        if -1 not in within:  # each of them only if something holds
            for group in within.values():
                self._settle(number, group, depth + 1)
            return
        first = self._first(min(at for at, _ in uses), depth)
        self._named.update((number, at) for at in (*(at for at, _ in uses), first))
        self._bound[first].append(number)
        given = frozenset.intersection(*(known for _, known in uses))
        if number in self._slow and (guards := self._conditions(number, given - self._not_zero[first])):
            self._guards[number, first] = " and ".join(f"\0{n}\0 != 0" for n in guards)
            self._use(self._guards[number, first], first, self._not_zero[first])
        self._use(self._texts[number], first, given)  # where the result does not matter, nor does that

    def _conditions(self, number: int, given: _Given) -> list[int]:
        """Return what can be asked before an operation is worked out: of what is given, what does not take its time."""
        found = {n for n in given - self._slow if n < number}
        implied = {n: self._implied(f"\0{n}\0") - {n} for n in found}
        return sorted(found.difference(*implied.values()))

    def _first(self, at: int, depth: int) -> int:
        """Return the statement, `depth` blocks deep, that a line is or stands in."""
        at = (*self._paths[at], at)[depth]
        while self._lines[at].lstrip().startswith(("elif ", "else:")):  # a part of the statement that began before
            at = next(
                n for n in range(at - 1, -1, -1) if self._lines[n].strip() and self._depths[n] <= self._depths[at]
            )
        return at

    def _name_of(self, number: int) -> str:
        if number not in self._chosen:
            wanted = self._wanted.get(number, "").replace("-", "_")
            if wanted.isidentifier():
                name = other_than(self._taken, wanted)
            else:
                name = next(n for n in map("common_{}".format, count()) if n not in self._taken)
            self._taken.add(name)
            self._chosen[number] = name
        return self._chosen[number]

    def _expanded(self, text: str, at: int) -> str:
        """Return a line, or an operation that is written out in it, without marks."""

        def one(mark: re.Match[str]) -> str:
            number = int(mark[1])
            return self._name_of(number) if (number, at) in self._named else self._expanded(self._texts[number], at)

        return _MARK.sub(one, text)
