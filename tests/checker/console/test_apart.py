"""Work in a process apart, which may die of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from mipcheck.checker.console.apart import Died, apart, together
from mipcheck.checker.console.errors import UsageError


def work_that_dies() -> Iterator[int]:
    yield 1
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_is_yielded_arrives() -> None:
    assert list(apart(lambda: iter([os.getppid(), "two", None]))) == [os.getpid(), "two", None]


def test_an_answer_may_be_longer_than_a_pipe_holds() -> None:
    """As the obligations of a proof are, which --cross-check and --smtlib ask for."""
    said = ["x" * 3_000_000, "y"]
    assert list(apart(lambda: iter(said))) == said


def test_a_death_is_told_after_what_came_before_it() -> None:
    found: list[int] = []
    with pytest.raises(Died, match="SIGKILL"):
        found.extend(apart(work_that_dies))
    results = apart(work_that_dies)
    assert next(results) == 1
    with pytest.raises(Died):
        next(results)


def test_an_error_arrives_as_it_is_with_where_it_happened() -> None:
    def work() -> Iterator[int]:
        raise UsageError("there is no such thing")
        yield 1

    with pytest.raises(UsageError, match="no such thing") as raised:
        list(apart(work))
    assert "in work" in "".join(raised.value.__notes__)


def test_an_error_that_cannot_be_sent_is_told() -> None:
    class Odd(Exception):
        def __init__(self, one: int, two: int) -> None:
            super().__init__(f"{one} and {two}")

    def work() -> Iterator[int]:
        raise Odd(1, 2)
        yield 1

    with pytest.raises(RuntimeError, match="Odd: 1 and 2"):
        list(apart(work))


def test_what_goes_on_for_too_long_is_ended() -> None:
    def work() -> Iterator[int]:
        yield os.getpid()
        while True:
            pass

    results = apart(work, 0.2)
    process = next(results)
    with pytest.raises(Died, match="longer"):
        next(results)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_process_that_nobody_listens_to_is_ended() -> None:
    def work() -> Iterator[int]:
        yield os.getpid()
        time.sleep(60)

    with closing(apart(work)) as results:
        process = next(results)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


@pytest.mark.slow
def test_it_ends_with_the_process_that_it_is_of() -> None:
    """However that ends: nothing is left behind."""
    code = (
        "import os, time\n"
        "from mipcheck.checker.console.apart import apart\n"
        "def work():\n"
        "    yield os.getpid()\n"
        "    time.sleep(60)\n"
        "for process in apart(work):\n"
        "    print(process, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        process = int(owner.stdout.readline())
        owner.kill()
        owner.wait()
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("it goes on")


def test_several_works_are_done_each_in_a_process_of_its_own() -> None:
    def work(words: str) -> Iterator[tuple[int, str]]:
        for word in words:
            yield os.getpid(), word

    found = list(together([lambda: work("abc"), lambda: work(""), lambda: work("de")]))
    assert [word for n, (_, word) in found if n == 0] == list("abc")
    assert [word for n, (_, word) in found if n == 2] == list("de")
    assert len({process for _, (process, _) in found}) == 2 and {n for n, _ in found} == {0, 2}


def test_of_several_it_is_said_which_has_died_and_the_others_are_ended() -> None:
    def goes_on() -> Iterator[int]:
        yield os.getpid()
        time.sleep(60)

    found: list[object] = []
    with pytest.raises(Died, match="SIGKILL") as died:
        found.extend(together([goes_on, work_that_dies, goes_on]))
    assert died.value.number == 1
    results = together([goes_on, goes_on])
    processes = [next(results)[1], next(results)[1]]
    results.close()
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
