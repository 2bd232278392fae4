"""Closed and unwritable standard streams, and Ctrl-C in the first moments: the exit code is right, nothing is odd."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from making.paths import TRACES

BROKEN = str(TRACES / "plaintext-after-loss.log")
FINE = str(TRACES / "inside-colocated.log")
CLOSED = ("<&-", ">&-", "2>&-", "<&- >&-", ">&- 2>&-", "<&- 2>&-", "<&- >&- 2>&-")
CODE = "import sys; from mipcheck.checker.cli.start import start; sys.exit(start())"


def shell(words: str, redirected: str, run: str = f"-c '{CODE}'") -> subprocess.CompletedProcess[str]:
    command = f"{sys.executable} {run} {words} {redirected}"
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.slow
@pytest.mark.parametrize("redirected", [*CLOSED, "2>/dev/full", ">&- 2>/dev/full"])
@pytest.mark.parametrize(
    ("words", "code"),
    [(FINE, 0), (BROKEN, 1), ("no-such.log", 2), ("--bogus", 2), ("", 2), ("requirements", 0), ("--help", 0)],
)
def test_the_code_does_not_depend_on_the_streams(words: str, code: int, redirected: str) -> None:
    done = shell(words, redirected)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr and "mipcheck: internal error" not in done.stderr
    if code == 2:
        assert done.stdout == ""  # an error is no answer


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "redirected", "code"),
    [(FINE, "<&- >&- 2>&-", 0), (BROKEN, ">&-", 1), ("no-such.log", "2>/dev/full", 2), ("-", "<&-", 2)],
)
def test_as_a_daemon(words: str, redirected: str, code: int) -> None:
    assert shell(words, redirected, "-m mipcheck").returncode == code


@pytest.mark.slow
@pytest.mark.parametrize("words", [FINE, "--help", "--version", "requirements"])
def test_an_answer_that_is_lost_is_an_error(words: str) -> None:
    done = shell(words, ">/dev/full")
    assert done.returncode == 2
    assert done.stderr == "mipcheck: standard output cannot be written: No space left on device\n"
    assert shell(words, ">/dev/full 2>/dev/full").returncode == 2


def test_no_file_takes_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    """The first file that is opened would be number 2, and what is meant for standard error would get into it."""
    out = tmp_path / "out"
    assert shell(f"{FINE} -o {out}", "<&- >&- 2>&-").returncode == 0
    assert out.read_text().splitlines()[-1] == "not exercised"


INTERRUPTED = """
import os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["AT"]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
from mipcheck.checker.cli.start import start
sys.exit(start())
"""


@pytest.mark.parametrize(
    "module",
    [
        "mipcheck.checker.console.streams",
        "mipcheck.checker.cli.cli",
        "argparse",
        "mipcheck.checker.check.check",
        "mipcheck.checker.report.text",
    ],
)
def test_ctrl_c_while_modules_are_imported(module: str) -> None:
    command = [sys.executable, "-c", INTERRUPTED, FINE]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60, env={**os.environ, "AT": module})
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_ctrl_c_that_python_cannot_hand_on() -> None:
    code = (
        "import os, signal\nfrom mipcheck.checker.cli import start, main\n"
        "class Odd:\n    def __del__(self): raise KeyboardInterrupt\n"
        "def answer():\n    del globals()['odd']\n    return 0\n"
        "odd = Odd()\nmain.main = answer\nraise SystemExit(start.start())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (130, b"")


@pytest.mark.parametrize(
    "raised", ["ctypes.ArgumentError('argument 2: KeyboardInterrupt: ')", "z3.Z3Exception(b'canceled')"]
)
def test_ctrl_c_that_a_library_has_made_an_error_of(raised: str) -> None:
    code = (
        "import ctypes, sys, z3\nfrom mipcheck.checker.cli import cli, start\n"
        f"def run(words): raise {raised}\n"
        "cli.run = run\nsys.exit(start.start())"
    )
    done = subprocess.run([sys.executable, "-c", code, FINE], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (130, b"")


@pytest.mark.slow
def test_ctrl_c_while_a_solver_thinks() -> None:
    """Python cannot hear of it before the solver's answer, and the solver may not take it for its own."""
    code = (
        "import os, sys, z3\nfrom mipcheck.checker.cli import cli, start\n"
        "from mipcheck.model.prover.limits import limited\n"
        "def run(words):\n"
        "    a, b = (z3.ZeroExt(48, z3.BitVec(n, 48)) for n in 'ab')\n"
        "    solver = limited(z3.Solver(), 60)\n"
        "    solver.add(a * b == 0x5f3759df * 0x7fffffff * 0x9e3779b1, a > 0xffff, b > 0xffff)\n"
        "    os.write(1, b'.')\n"
        "    return 0 if solver.check() else 1\n"
        "cli.run = run\nsys.exit(start.start())"
    )
    process = subprocess.Popen([sys.executable, "-c", code, FINE], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.read(1) == b"."
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, b"")


def test_ctrl_c_is_ignored_in_the_background_as_before() -> None:
    code = (
        "import signal\nfrom mipcheck.checker.cli import start, main\n"
        "main.main = lambda: int(signal.getsignal(signal.SIGINT) is not signal.SIG_IGN)\n"
        "raise SystemExit(start.start())"
    )
    ignored = lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)  # noqa: E731
    done = subprocess.run([sys.executable, "-c", code], preexec_fn=ignored, check=False, timeout=60, env=os.environ)
    assert done.returncode == 0
