"""Specifications resolved: what an extending one changes, what is warned of, and what words mean where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from mipcheck.model.language.errors import SpecError
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import files_of, load, loads
from mipcheck.model.specification.spec import Allow, Spec

from making.small import BASE, LINES, rule

# --- extends ------------------------------------------------------------------------------------------------------


def _child(tmp_path: Path, text: str, **readings: str) -> Spec:
    (tmp_path / "base.spec").write_text(BASE)
    (tmp_path / "child.spec").write_text(f"spec child extends base\n{text}")
    return load(str(tmp_path / "child.spec"), readings)


def _child_message(tmp_path: Path, text: str, **readings: str) -> str:
    with pytest.raises(SpecError) as caught:
        _child(tmp_path, text, **readings)
    return str(caught.value).replace(f"{tmp_path}/", "")


def test_extending(tmp_path: Path) -> None:
    spec = _child(
        tmp_path,
        """
        document "other.txt"
        override param t_max: time = t_new
        param t_new: time = 7 s
        override rule R1 SHOULD cite 9.9 "mine" allow rrq(to = xha) only if inside
        default reading R2 two
        drop rule R3
        drop assumption A1
        override property P1 "better" whenever rrq: met
        rule N1 MUST cite 9 "new" allow rrq only if fresh
        on rrq(to = iha) { count := 0 }
        """,
    )
    assert (spec.name, spec.extends, spec.document) == ("child", ("base",), "other.txt")
    assert configure(spec, {})["t_max"] == 7 * 10**9
    assert list(spec.rules) == ["R1", "R2", "N1"] and spec.assumptions == {}
    assert (spec.rules["R1"].level, spec.rules["R1"].section, spec.rules["R1"].unless) == ("SHOULD", "9.9", ())
    assert spec.rules["R2"].reading == "two"
    assert spec.properties["P1"].text == "better"
    # What only the base's dropped rules used, and an update that replaces the base's, are not the child's mistakes.
    assert spec.warnings == ()
    changed = [u.assignments[0][0] for u in spec.updates if u.patterns[0].source == "rrq(to = iha)"]
    assert changed == ["request", "count"]


def test_readings(tmp_path: Path) -> None:
    assert _child(tmp_path, "").rules["R2"].reading == "one"
    assert _child(tmp_path, "default reading R2 two", R2="one").rules["R2"].reading == "one"
    assert _child(tmp_path, "default reading R2 two default reading R2 one").rules["R2"].reading == "one"
    assert _child(tmp_path, "", R2="two").rules["R2"].reading == "two"
    assert [r.name for r in loads(BASE).rules["R2"].readings] == ["one", "two"]
    assert loads(BASE).rules["R1"].reading is None and isinstance(loads(BASE).rules["R1"].body, Allow)
    message = _child_message(tmp_path, "", R2="three")
    assert message.splitlines()[0] == 'base.spec:27:1: rule R2 has no reading "three"'
    message = _child_message(tmp_path, "", R9="one")
    assert message == 'child.spec: there is no rule "R9" to choose a reading of (did you mean "R3"?)'


def test_a_default_reading_goes_with_its_rule(tmp_path: Path) -> None:
    (tmp_path / "top.spec").write_text("spec top extends child\ndrop rule R2")
    _child(tmp_path, "default reading R2 two")
    assert "R2" not in load(str(tmp_path / "top.spec")).rules
    (tmp_path / "top.spec").write_text(
        'spec top extends child\noverride rule R2 MUST cite 1 ""\n'
        ' reading a "" configure true\n reading b "" configure false'
    )
    assert load(str(tmp_path / "top.spec")).rules["R2"].reading == "a"


PARTS = {
    "ground": 'spec ground\ndocument "one.txt"\nparam t: time = 1 s\nevent go(n: int) by node seen log\n'
    'rule G MUST cite 1 "g" allow go only if n < 9\nrule H MUST cite 2 "h" allow go only if n < 8\n',
    "left": "spec left extends ground\noverride param t: time = 2 s\ndrop rule H\n"
    'rule L MUST cite 3 "l" allow go only if n > 1\n',
    "right": "spec right extends ground\nrole agent { event told(n: int) by network seen log }\n"
    'system both { party mobile: mn party other: agent channel way "w" from mobile.go to other.told carries n }\n',
    "alien": 'spec alien\ndocument "two.txt"\nrole far { event done() by node seen log\n'
    'rule F MUST cite 7 "f" allow done only if false }\n',
}


def _parts(tmp_path: Path, header: str, rest: str = "") -> str:
    for name, text in PARTS.items():
        (tmp_path / f"{name}.spec").write_text(text, "utf-8")
    (tmp_path / "child.spec").write_text(f"spec child extends {header}\n{rest}", "utf-8")
    return str(tmp_path / "child.spec")


def test_several_are_extended_at_once_and_what_they_share_is_as_the_first_has_it(tmp_path: Path) -> None:
    spec = load(_parts(tmp_path, "left, right, alien", 'override rule G MUST cite 5 "g" allow go only if n < 7\n'))
    assert spec.extends == ("left", "right", "alien")
    assert list(spec.rules) == ["G", "L"]
    assert configure(spec, {})["t"] == 2 * 10**9
    assert (list(spec.roles), list(spec.systems), spec.document) == (["agent", "far"], ["both"], "one.txt")
    assert spec.for_role("far").rules["F"].cite[0].document == "two.txt"
    assert not spec.rules["L"].cite[0].document
    with pytest.raises(SpecError, match='"t" is declared twice'):  # the first has it otherwise than the second
        load(_parts(tmp_path, "right, left"))
    names = ["child", "left", "right", "ground"]
    assert files_of(_parts(tmp_path, "left, # the one\n right")) == [str(tmp_path / f"{n}.spec") for n in names]


def test_what_two_declare_alike_is_said_to_be_there_twice(tmp_path: Path) -> None:
    path = _parts(tmp_path, "left, twin")
    (tmp_path / "twin.spec").write_text("spec twin\nevent go(n: int) by node seen log\n", "utf-8")
    with pytest.raises(SpecError, match='"go"'):
        load(path)
    with pytest.raises(SpecError, match="child extends itself"):
        load(_parts(tmp_path, "left, child"))
    with pytest.raises(SpecError, match='no specification "rihgt"') as caught:
        load(_parts(tmp_path, "left, rihgt"))
    assert caught.value.place.column == 26


def test_many_that_extend_the_same_ones_are_read_once_each(tmp_path: Path) -> None:
    """Not once for each way that leads there, of which there are 2 ** 24."""
    for n in range(24):
        (tmp_path / f"a{n}.spec").write_text(f"spec a{n} extends a{n + 1}, b{n + 1}\n", "utf-8")
        (tmp_path / f"b{n}.spec").write_text(f"spec b{n} extends b{n + 1}, a{n + 1}\n", "utf-8")
    (tmp_path / "a24.spec").write_text("spec a24\nparam t: time = 1 s\n", "utf-8")
    (tmp_path / "b24.spec").write_text("spec b24\nparam u: time = 1 s\n", "utf-8")
    assert set(load(str(tmp_path / "a0.spec")).parameters) == {"t", "u"}


@pytest.mark.parametrize(
    "header",
    [
        "spec child extends base",
        'spec child "a child" extends base',
        'spec child "a\n  child"extends base',
        "# of whom?\nspec child# this one\n  extends base# and no other\n",
    ],
)
def test_the_files_of_a_specification_are_those_that_it_extends_too(tmp_path: Path, header: str) -> None:
    (tmp_path / "base.spec").write_text(BASE)
    (tmp_path / "child.spec").write_text(f"{header}\n")
    assert load(str(tmp_path / "child.spec")).extends == ("base",)
    assert files_of(str(tmp_path / "child.spec")) == [str(tmp_path / "child.spec"), str(tmp_path / "base.spec")]
    (tmp_path / "child.spec").write_text('spec child "a child"\n# spec child extends base\n')
    assert files_of(str(tmp_path / "child.spec")) == [str(tmp_path / "child.spec")]


def test_errors_in_an_extended_specification_are_told_of_its_file(tmp_path: Path) -> None:
    assert _child_message(tmp_path, rule("allow up only if ok") + "\ndefine ok = code = 1") == (
        'child.spec:4:13: unknown name "code" in event up\n'
        "    define ok = code = 1\n"
        "                ^ known: count, fresh, holder, inside, n_max, ok, request, seen_at, since, state, t_max; "
        "definition ok is used in line 3"
    )
    (tmp_path / "base.spec").write_text(BASE + "define of_rrq = code = 1\n")
    (tmp_path / "child.spec").write_text("spec child extends base\n" + rule("allow up only if of_rrq"))
    with pytest.raises(SpecError) as caught:
        load(str(tmp_path / "child.spec"))
    assert str(caught.value).replace(f"{tmp_path}/", "") == (
        f'base.spec:{LINES + 1}:17: unknown name "code" in event up\n'
        "    define of_rrq = code = 1\n"
        "                    ^ known: count, fresh, holder, inside, n_max, of_rrq, request, seen_at, since, state, "
        "t_max; definition of_rrq is used in child.spec:3"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('rule R1 MUST cite 1 "" configure true', 'child.spec:2:1: rule "R1" is declared twice\n'
         '    rule R1 MUST cite 1 "" configure true\n    ^ first in base.spec:24, which override replaces'),
        ("event up() by node seen log", 'child.spec:2:1: event "up" is declared twice\n'
         "    event up() by node seen log\n    ^ first in base.spec:9"),
        ("drop rule R1\ndrop rule R1", 'child.spec:3:1: there is no rule "R1" to drop\n'
         '    drop rule R1\n    ^ did you mean "R3"?'),
    ],
)  # fmt: skip
def test_mistakes_in_extending(tmp_path: Path, text: str, message: str) -> None:
    assert _child_message(tmp_path, text) == message


def test_circles(tmp_path: Path) -> None:
    (tmp_path / "a.spec").write_text("spec a extends b")
    (tmp_path / "b.spec").write_text("spec b\n  extends a")
    with pytest.raises(SpecError) as caught:
        load(str(tmp_path / "a.spec"))
    assert str(caught.value) == f"{tmp_path}/b.spec:2:11: b extends itself\n      extends a\n              ^"
    (tmp_path / "c.spec").write_text("spec other extends c")  # a name that is not the file's
    with pytest.raises(SpecError, match="extends itself"):
        load(str(tmp_path / "c.spec"))


def test_an_extended_file_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "base.spec").mkdir()
    (tmp_path / "child.spec").write_text("spec child extends base\n")
    with pytest.raises(SpecError) as caught:
        load(str(tmp_path / "child.spec"))
    assert str(caught.value).splitlines()[0] == (
        f"{tmp_path}/child.spec:1:20: {tmp_path}/base.spec cannot be read: Is a directory"
    )


# --- warnings -----------------------------------------------------------------------------------------------------

WARNINGS = [
    ("parameter", "param p: int = 1", "1:1: parameter p is never used"),
    ("definition", "define d = inside", "1:1: definition d is never used"),
    ("state", "on rrq { x := code }\ninterface {\n  x: int = 0 }", "3:3: state x is never read"),
    ("unassigned", 'interface { x: int = 0 }\nproperty X "" invariant x = 0', "1:13: state x is never assigned"),
    ("never changed", 'interface { x: bool = false }\non up { x := false }\non rrq { x := false }\n'
     'property X "" invariant not x', "1:13: state x is never assigned anything but its initial value"),
    ("unassigned time", 'interface { x: time }\nproperty X "" invariant x < now',
     "1:13: state x is never assigned, and has no value"),
    ("enum", "enum e { a }", "1:1: type e is never used"),
    ("set", "set e { a }", "1:1: type e is never used"),
    ("site", "site iha, xha, router", "1:1: site address router is never used"),
    ("capability", 'capability c ""', "1:1: capability c is never used"),
    ("values", "on rrq { count := 1 }\non up, rrq { count := 2 }",
     "2:8: count is given two values on rrq; the later one counts"),
    ("contradiction", "on rrq(to = iha, to = xha) { count := 1 }",
     "1:4: rrq(to = iha, to = xha) can never happen: to = iha contradicts to = xha"),
    ("contradiction of a bound", "on rrq(code = 0) when 0 < code { count := 1 }",
     "1:4: rrq(code = 0) when 0 < code can never happen: 0 < code contradicts code = 0"),
    ("contradiction of a conjunct", "on rrq(to = iha and code >= 3, code < 3) { count := 1 }",
     "1:4: rrq(to = iha and code >= 3, code < 3) can never happen: code < 3 contradicts code >= 3"),
    ("contradiction of a denial", "on rrq(T in flags, not T in flags) { count := 1 }",
     "1:4: rrq(T in flags, not T in flags) can never happen: T in flags contradicts not T in flags"),
    ("contradiction of state", "on rrq when inside and not inside { count := 1 }",
     "1:4: rrq when inside and not inside can never happen: inside contradicts not inside"),
    ("contradiction of a definition", "define zero = code = 0\non rrq(zero, code != 0) { count := 1 }",
     "2:4: rrq(zero, code != 0) can never happen: code != 0 contradicts code = 0"),
    ("contradiction of denied comparisons", "on rrq(not code > 3, not code <= 3) { count := 1 }",
     "1:4: rrq(not code > 3, not code <= 3) can never happen: not code <= 3 contradicts not code > 3"),
    ("demand", 'rule C MUST cite 1 "" configure t_max > 5 s and n_max > 3 or max(t_max, 1 s) = 2 s',
     "1:1: rule C is broken by the default of t_max and n_max"),
    ("assumption of nothing", 'assumption A2 "" on lose: false',
     "1:21: assumption A2 lets no lose happen, and what is proved with it is of networks without"),
    ("assumption that contradicts its pattern", 'assumption A2 "" on lose when met: not met',
     "1:21: assumption A2 lets no lose when met happen, and what is proved with it is of networks without"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "warning"), [pytest.param(*w[1:], id=w[0]) for w in WARNINGS])
def test_warnings(text: str, warning: str) -> None:
    line, _, rest = warning.partition(":")
    assert loads(BASE + text, "x.spec").warnings == (f"x.spec:{LINES + int(line)}:{rest}",)


@pytest.mark.parametrize(
    "text",
    [
        "param t_slack: time = 1 s",  # the checker and the prover add it to every deadline
        'rule C MUST cite 1 "" configure n_max = 4 given capability relay',  # some sites have not got it
        'rule C MUST cite 1 "" configure site.gateway = 192.0.2.1 or given n_max',
        "site iha, xha, vpn, ihoa, xhoa",  # the trace format's own; readers of captures use them
        'param p: int = 1\nparam q: int = p\nproperty X "" invariant q = 1',
        'define a = inside\ndefine b = a\nproperty X "" invariant b',
        'interface { x: time }\non rrq { x := now }\nproperty X "" invariant x < now',
        "on rrq(to = xha) { count := 1 }\non rrq(to = xha, code = 1) { count := 2 }",
        "on rrq(to = xha) { count := 1 }\non rrq(to = xha) { count := 1 }",
        "on rrq(code > 0, code <= 1, code != 2, to != iha, to = xha) { count := 1 }",
        "on rrq(code = 0 or code = 1, code = 1) when not inside and (inside or fresh) { count := 1 }",
        "on rrq(code >= 1, code <= 1, not S in flags, T in flags, 2 > code) { count := 1 }",
        "on rrq(code > count, code = count, code != 3, code != 4) { count := 1 }",
    ],
)
def test_no_warning_without_reason(text: str) -> None:
    assert loads(BASE + text).warnings == ()


# --- meaning ------------------------------------------------------------------------------------------------------


def test_a_word_is_looked_up_on_either_side() -> None:
    for condition in ("to = iha", "iha = to", "id = 0", "0 = id", "holder = none", "none = holder", "this != holder"):
        loads(f"{BASE}on rrq({condition}) {{ inside := true }}")


def test_initial_values_may_use_parameters_and_definitions() -> None:
    spec = loads(
        BASE + "param p: int = two + 1\ndefine two = 2\ninterface { x: int = p }\non rrq when x = 3 { x := p }"
    )
    machine = Machine(spec, configure(spec, {"p": 9}), {})
    assert machine.initial_interface()[machine.interface_slots["x"]] == 9
    assert configure(spec, {})["p"] == 3


def test_seen_in_a_default() -> None:
    assert configure(loads("spec a param p: bool = seen not q param q: bool = false"), {}) == {"p": 1, "q": 0}


def test_overriding_in_place() -> None:
    assert configure(loads(BASE + "override param t_max: time = 1 s"), {})["t_max"] == 10**9
