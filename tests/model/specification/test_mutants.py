"""Mutants differ from the original in one place, and none of the ways to differ is left out."""

from __future__ import annotations

from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import load, loads
from mipcheck.model.specification.mutants import Mutant, mutants
from mipcheck.model.specification.spec import Spec

TEXT = """\
spec small "a small one"
document "doc.txt"
param t: time = 5 s
event open(n: int, how: {slow, fast}) by node seen log
event close() by node seen log
event ask() by network seen log
event lose() by network silent
interface { is_open: bool = false
  since: time = 0 s }
ghost interface { lost: bool = false }
define late = now - since > t
on open(how = fast) { is_open := true; since := now }
on close { is_open := false }
on lose { lost := true }
assumption honest "" on lose: is_open
rule R1 MUST cite 1 "" allow open(n <= 2), close only if not is_open and late unclear if lost_it
  kept by ask when is_open
rule R2 SHOULD cite 2 "" require close within t of since while is_open
property p cite 1 "" whenever open: not is_open
define lost_it = is_open or now = since
role other { event ping() by node seen log
  rule O1 MUST cite 3 "" allow ping only if 2 > 1 }
"""


def small() -> Spec:
    return loads(TEXT)


def said() -> set[str]:
    return {f"{m.where}: {m.what}" for m in mutants(small())}


def test_what_is_done() -> None:
    assert said() >= {
        "rule R1: the rule is left out",
        "rule R1: without late",
        "rule R1: without not is_open",
        "rule R1: without the not of not is_open",
        "rule R1: close is left out",
        "rule R1: open: < in n <= 2",
        "rule R1: open: 3 for 2",
        "rule R1: nothing is unclear",
        "rule R1: unclear: not lost_it",
        "rule R1: nothing shows that it is kept",
        "rule R2: not is_open",
        "rule R2: within: t + 1 s",
        "define late: >= in now - since > t",
        "define late: + in now - since",
        "define lost_it: without is_open",
        "define lost_it: != in now = since",
        "on open: is_open is not reset",
        "on open: is_open: false",
        "on open: since is not assigned",
        "on open: open: slow for fast",
        "on close: is_open is not reset",
        "assumption honest: the assumption is left out",
        "assumption honest: not is_open",
        "initial is_open: true",
        "initial since: a second more than 0 s",
        "rule O1: >= in 2 > 1",
    }


def test_each_is_another_specification_of_its_own_name() -> None:
    """And one that makes a machine: it is well typed."""
    original = small()
    found = list(mutants(original))
    assert len({m.id for m in found}) == len(found)
    for m in found:
        assert m.spec != original, m.id
        Machine(m.machine, configure(m.machine, {}), {})
    assert {m.role for m in found} == {"mn", "other"}
    assert next(m.id for m in found if m.role == "other").startswith("other:")


def test_a_changed_definition_is_changed_wherever_it_is_used() -> None:
    (changed,) = [m for m in mutants(small()) if f"{m.where}: {m.what}" == "define late: >= in now - since > t"]
    bodies = [t.args[0].kind for t in changed.machine.rules["R1"].body.condition.walk() if t.kind == "def"]
    assert bodies == [">="]


def test_of_what_extends_another_only_its_own_text_is_changed() -> None:
    draft, successor = load("draft-01"), load("rfc5265")
    found: list[Mutant] = list(mutants(successor, draft))
    assert len(found) >= 400
    own = {r for r, rule in successor.rules.items() if r not in draft.rules or draft.rules[r].body != rule.body}
    assert {m.where.partition(" ")[2] for m in found if m.where.startswith("rule") and m.role == "mn"} == own


def test_what_is_cited_by_the_name_of_its_document_is_taken_over_all_the_same() -> None:
    """Of `candidates/mobike`, which cites RFC 4555, the draft's assumptions were changed as if they were its own."""
    bases = [load("draft-01"), load("candidates/inner")]
    found = {m.where for m in mutants(load("candidates/mobike"), *bases)}
    assert "rule MB1" in found
    assert not [where for where in found if where.startswith("assumption")]
