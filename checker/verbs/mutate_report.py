"""What `mipcheck mutate` writes: the fates of all mutants as text or JSON, and the traces that would notice."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Sequence

from mipcheck.checker.check.check import check
from mipcheck.checker.console.folder import new_folder
from mipcheck.checker.console.valid_json import SCHEMA, dumps
from mipcheck.checker.verbs.mutate_fates import EQUIVALENT, KILLED, SURVIVES, UNDECIDED, Fate
from mipcheck.model.specification.spec import Spec


def exit_code(found: Sequence[Fate], at_least: float | None = None) -> int:
    """Return 0 if something notices each mutant, or it is equivalent, 1 if a trace shows that nothing does, else 3.

    With `at_least` 0 if so many percent of those that differ are noticed, else 1.
    """
    if at_least is not None:
        return 0 if noticed(found) >= at_least else 1
    kinds = {f.fate for f in found}
    return 1 if SURVIVES in kinds else 3 if UNDECIDED in kinds else 0


def score(found: Sequence[Fate]) -> str:
    """Say how many mutants there are of each fate, and which part of those that differ is noticed."""
    counts = Counter(f.fate for f in found)
    said = ", ".join(f"{counts[k]} {k}" for k in (KILLED, EQUIVALENT, SURVIVES, UNDECIDED) if counts[k])
    return f"{len(found)} mutants: {said} ({noticed(found):.1f} % noticed)"


def noticed(found: Sequence[Fate]) -> float:
    """Return how many percent are noticed of the mutants that are not known to be equivalent."""
    kinds = [f.fate for f in found if f.fate != EQUIVALENT]
    return 100 * kinds.count(KILLED) / len(kinds) if kinds else 100.0


def fates_json(spec: Spec, found: Sequence[Fate]) -> str:
    """Return the fates as one JSON object."""
    entries = [
        {
            "id": f.mutant.id,
            "role": f.mutant.role,
            "where": f.mutant.where,
            "what": f.mutant.what,
            "fate": f.fate,
            "by": f.by or None,
            "trace": f.trace or None,
            "reason": f.reason or None,
        }
        for f in found
    ]
    counts = Counter(f.fate for f in found)
    totals = {k: counts[k] for k in (KILLED, EQUIVALENT, SURVIVES, UNDECIDED)}
    return dumps({"schema": SCHEMA, "spec": spec.name, "totals": totals, "mutants": entries}, indent=2) + "\n"


def fates_text(spec: Spec, found: Sequence[Fate], columns: int) -> str:
    """Return the fates as text: a line or two a mutant, then the score, then the traces of those that survive."""
    wrap = textwrap.TextWrapper(max(40, min(columns, 100)), subsequent_indent=" " * 12, break_on_hyphens=False)
    lines: list[str] = []
    for f in found:
        why = f" (by {f.by})" if f.by else f" ({f.reason})" if f.reason else ""
        lines += wrap.wrap(f"{f.fate:11} {f.mutant.id}: {f.mutant.what}{why}")
    lines += ["", f"{spec.name}: {score(found)}"]
    for f in found:
        if f.trace:
            lines += ["", f"{f.mutant.id} survives, and this trace tells it from the original:", "", f.trace.rstrip()]
    return "\n".join(lines) + "\n"


def name_of(fate: Fate) -> str:
    """Return the name of the trace of a mutant that survives: where it was changed, and how, in a few words."""
    role = fate.mutant.id.partition(":")[0] if ":" in fate.mutant.id else ""
    words = re.findall(r"[a-z0-9]+", f"{role} {fate.mutant.where.partition(' ')[2]} {fate.mutant.what}".lower())
    return "-".join(words)[:60].strip("-")


def write_traces(path: str, spec: Spec, found: Sequence[Fate]) -> None:
    """Write the traces that were found to a new folder, whole or not at all, and beside them what is expected of them.

    Raises UsageError where it is there already, or cannot be written.
    """
    with new_folder(path, "--write") as folder:
        expected = [f"# What a correct checker says of the traces that mipcheck mutate found for {spec.name}.\n"]
        for f in found:
            if f.trace:
                name = name_of(f)
                (folder / f"{name}.log").write_text(f.trace, "utf-8")
                expected.append(_expected(name, str(folder / f"{name}.log"), spec))
        (folder / "expected.toml").write_text("\n".join(expected), "utf-8")


def _expected(name: str, path: str, spec: Spec) -> str:
    """Return what the original says of a trace, as a table of TOML."""
    report = check([path], spec=spec)
    broken = sorted(r.id for r in report.rules if r.status == "violated")
    held = sorted(r.id for r in report.rules if r.status == "held")
    lines = [f"[{name}]", f'verdict = "{report.verdict}"', f"held = {dumps(held)}"]
    lines += [f"broken = {dumps(broken)}"] if broken else []
    if report.violations:
        v = report.violations[0]
        where = f", line = {v.at.line}" if v.at.line is not None else ""
        lines.append(f'first = {{ rule = "{v.rule}"{where} }}')
    return "\n".join(lines) + "\n"
