#!/usr/bin/env python3
"""Check the proofs beside this script: python3 check.py [SOLVER...]

A SOLVER is a command that reads a file of SMT-LIB 2 and prints unsat, sat or unknown, as "z3", "cvc5" (which are tried
if none is named: the programs, else the Python packages) or "yices-smt2". First the texts are looked at: that all files
of a proof speak of the same state and the same invariant, and ask what they should. The exit code is 0 if they do and
all solvers answer unsat to everything, 1 if not, 3 if one gives up or there is none. README.md says why it is a proof.
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SECONDS = 120  # for one question
PACKAGES = {
    "z3": "s = z3.Solver(); s.from_file(sys.argv[1]); print(s.check())",
    "cvc5": "s = cvc5.Solver(); m = cvc5.SymbolManager(s); p = cvc5.InputParser(s, m)\n"
    "p.setFileInput(cvc5.InputLanguage.SMT_LIB_2_6, sys.argv[1])\n"
    "while not (c := p.nextCommand()).isNull(): print(c.invoke(s, m), end='')",
}
TOKEN = re.compile(r'\|[^|]*\||"[^"]*"|;[^\n]*|[()]|[^\s()|";]+')


def parse(text: str) -> list[Any]:
    """Return the commands of a text as nested lists of words."""
    stack: list[list[Any]] = [[]]
    for word in TOKEN.findall(text):
        if word == "(":
            stack.append([])
        elif word == ")":
            stack[-2].append(stack.pop())
        elif not word.startswith(";"):
            stack[-1].append(word.strip("|"))  # quotes are no part of a name
    (commands,) = stack
    return commands


def asked(path: Path) -> tuple[object, object]:
    """Return the state and the invariant that a file speaks of. Raises ValueError for one that asks something else."""
    commands = [c for c in parse(path.read_text("utf-8")) if c[0] not in ("set-info", "set-logic")]
    if any(c[0] not in ("declare-fun", "define-fun", "assert", "check-sat") for c in commands):
        raise ValueError("there are commands that do not belong here")
    names = [c[1] for c in commands if c[0] in ("declare-fun", "define-fun")]
    if len(set(names)) < len(names):
        raise ValueError("a name is declared twice")
    place = names.index("$invariant")
    invariant, state = commands[place], [[c[1], c[3]] for c in commands[:place]]
    if invariant[2] != state:
        raise ValueError("the invariant is not one of the state that is declared before it")
    here = ["$invariant", *[name for name, _ in state]]
    there = ["$invariant", *[name + "^" if name + "^" in names else name for name in here[1:]]]
    questions = {
        "initiation": ["$initial", ["not", here]],
        "consecution": [here, "$guard", ["not", there]],
        "safety": [here, "$bad"],
    }
    if [c[1] for c in commands if c[0] == "assert"] != questions[path.name.partition("-")[0].removesuffix(".smt2")]:
        raise ValueError("it does not ask what a file of this name has to ask")
    if [c for c in commands if c[0] == "check-sat"] != [["check-sat"]] or commands[-1] != ["check-sat"]:
        raise ValueError("it does not end with its only question")
    return state, invariant


def command(solver: str) -> list[str]:
    """Return the words of the command that a solver is called by; none if there is no such solver."""
    words = shlex.split(solver)
    if shutil.which(words[0]):
        return words
    if solver in PACKAGES and find_spec(solver):
        return [sys.executable, "-c", f"import sys, {solver}\n{PACKAGES[solver]}"]
    return []


def main() -> int:
    """Look at all proofs and ask all solvers; return the exit code."""
    if {"-h", "--help"} & set(sys.argv):
        print(__doc__)
        return 0
    folder = Path(__file__).resolve().parent
    commands = {solver: command(solver) for solver in sys.argv[1:] or PACKAGES}
    missing = [s for s, words in commands.items() if not words]
    print(*(f"there is no {s} here" for s in missing), sep="\n", end="\n" if missing else "")
    results = [3] if not any(commands.values()) or (missing and sys.argv[1:]) else []
    for proof in json.loads((folder / "proofs.json").read_text("utf-8"))["proofs"]:
        paths = [folder / proof["folder"] / name for name in proof["files"]]
        try:
            if sorted(paths) != sorted((folder / proof["folder"]).iterdir()) or {"initiation", "safety"} - {
                p.name.partition("-")[0].removesuffix(".smt2") for p in paths
            }:
                raise ValueError("files are missing, or there are too many")
            if any(asked(p) != asked(paths[0]) for p in paths):
                raise ValueError("the files speak of different states or invariants")
        except (ValueError, KeyError, IndexError) as error:
            print(f"{proof['folder']}: {error}")
            results.append(1)
            continue
        for solver, words in ((s, w) for s, w in commands.items() if w):
            answers = [answer([*words, str(p)]) for p in paths]
            odd = [f"{p.name} {a}" for p, a in zip(paths, answers, strict=True) if a != "unsat"]
            print(
                f"{proof['folder']}: {solver} answers unsat to {len(answers) - len(odd)} of {len(paths)}",
                *odd,
                sep="; ",
            )
            results.append(1 if "sat" in answers else 3 if odd else 0)
    return 1 if 1 in results else max(results, default=3)


def answer(words: list[str]) -> str:
    """Return what a solver prints about a file."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"no answer in {SECONDS} s"
    return done.stdout.strip() or f"exit code {done.returncode}"


if __name__ == "__main__":
    sys.exit(main())
