#!/usr/bin/env python3
"""Make the traces of this folder again: python3 traces/shortest/make.py [RULE...]

For every rule of draft-01 (or those named) the prover finds the shortest trace that exercises it and breaks none, and
the shortest that breaks it; the checker has to judge both as the prover predicts. Then `expected.toml` is written anew,
for all logs of the folder: what the checker says of each. Look at the difference before you believe it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mipcheck.checker.check.check import check
from mipcheck.checker.proofs.replayed import agree, trace_text
from mipcheck.model.prover.examples import Examples
from mipcheck.model.prover.setting import setting_of
from mipcheck.model.specification.load import load
from mipcheck.model.specification.spec import Spec

HERE = Path(__file__).resolve().parent
TIMEOUT = 20.0  # seconds for each call of the solver


def make(spec: Spec, machine: Spec, wanted: list[str]) -> None:
    """Write the two traces of each rule wanted, of one role, and say which were not found."""
    shared: dict[frozenset[str], Examples] = {}
    for name, rule in machine.rules.items():
        if wanted and name not in wanted:
            continue
        capabilities = frozenset(rule.given)
        if capabilities not in shared:
            shared[capabilities] = Examples(setting_of(machine, capabilities=capabilities, timeout=TIMEOUT))
        examples = shared[capabilities].telling(name)
        for broken in (False, True):
            trace = examples.find(name, broken) if name in examples.setting.rules else None
            path = HERE / f"{name.lower()}-{'broken' if broken else 'kept'}.log"
            path.unlink(missing_ok=True)
            if trace is None or not (trace.events or broken):
                print(f"{path.stem}: none")
                continue
            title = [f"The shortest trace that {'breaks' if broken else 'exercises'} {name}, found by the prover."]
            text = trace_text(machine, trace, examples.setting.given, title, capabilities)
            agree(spec, text, trace.broken)
            path.write_text(text, "utf-8")


def expect() -> str:
    """Return what the checker says of each log: the verdict, which rules are held or broken, and where first."""
    lines = ["# What a correct checker says of each trace. Written by make.py: the prover predicts what is broken.\n"]
    for path in sorted(HERE.glob("*.log")):
        report = check([str(path)])
        broken = sorted(r.id for r in report.rules if r.status == "violated")
        lines += [f"[{path.stem}]", f'verdict = "{report.verdict}"']
        held = sorted(r.id for r in report.rules if r.status == "held")
        lines += ["held = [" + ", ".join(f'"{r}"' for r in held) + "]"]
        lines += ["broken = [" + ", ".join(f'"{b}"' for b in broken) + "]"] if broken else []
        if report.violations:
            first = report.violations[0]
            where = f", line = {first.at.line}" if first.at.line is not None else ""
            lines.append(f'first = {{ rule = "{first.rule}"{where} }}')
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    draft = load("draft-01")
    for of_role in draft.machines():
        make(draft, of_role, sys.argv[1:])
    (HERE / "expected.toml").write_text(expect(), "utf-8")
