"""The specification language: what is printed is read back; a mistake is told with its place and what was meant."""

from __future__ import annotations

import random
import re
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mipcheck.model.language import syntax as s
from mipcheck.model.language.build import MAX_DEPTH
from mipcheck.model.language.errors import SpecError
from mipcheck.model.language.expression import Apply, Expression, Name
from mipcheck.model.language.grammar import RESERVED, spellings
from mipcheck.model.language.parse import MAX_SIZE, parse
from mipcheck.model.language.show import show_expression
from mipcheck.model.language.show_module import show
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import every_bundled, load, loads
from mipcheck.model.values.nearest import nearest

from making import trees as strategies
from making.small import BASE, LINES, rule

DRAFT = resources.files("mipcheck.specs").joinpath("draft-01.spec").read_text("utf-8")


# --- printing and reading -----------------------------------------------------------------------------------------


_NEXT_NAME = s.VariableDecl("layers", s.TypeName("bool"), Apply("uses", (Name("mode"), Name("secure"))))
"""What comes after it must not be read as the kind of its care-of address."""


@pytest.mark.slow
@given(strategies.modules)
@example(s.Module("x", "", None, (s.StateDecl("interface", False, (_NEXT_NAME, _NEXT_NAME)),)))
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_what_is_printed_is_read(module: s.Module) -> None:
    text = show(module)
    assert parse(text) == module
    assert show(parse(text)) == text


@pytest.mark.slow
@given(strategies.expressions)
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_expressions_are_printed_with_the_parentheses_they_need(expression: Expression) -> None:
    text = show_expression(expression)
    (definition,) = parse(f"spec a define x = {text}").declarations
    assert isinstance(definition, s.DefineDecl) and definition.value == expression


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", every_bundled())
def test_bundled_specifications(name: str) -> None:
    text = resources.files("mipcheck.specs").joinpath(f"{name}.spec").read_text("utf-8")
    assert parse(show(parse(text))) == parse(text)
    assert load(name).warnings == ()


def test_base_is_clean() -> None:
    assert loads(BASE).warnings == ()


@pytest.mark.parametrize(
    "text",
    [
        "a and (b and c)",
        "(a and b) or not (c or d)",
        "not a = b",
        "(a implies b) implies c implies d",
        "a - (b - c) - d",
        "seen not a and not seen (b or c) = d",
        "(a + b) * -c",
        "-(-a)",
        "a * (b * c)",
        "(some interface: a) and b",
        "some interface: a and (every interface: b)",
        "some interface: a or b",
        "T in (flags)",
        "max(60 s, t_x, 1.5 s) <= now - sent",
        "in in flags",
        "foreign-agent = kind",
        "x - 1 = y",
        "site.vpn = dst",
    ],
)
def test_spellings(text: str) -> None:
    tree = parse(f"spec a define x = {text}")
    assert parse(show(tree)) == tree


def test_a_quantifier_reaches_to_the_end() -> None:
    open_, closed = (
        parse(f"spec a define x = {t}") for t in ("some interface: a or b", "(some interface: a) or b")
    )  # fmt: skip
    assert open_ != closed
    assert show(open_).endswith("some interface: a or b\n") and show(closed).endswith("(some interface: a) or b\n")


def test_a_number_and_the_next_line() -> None:
    """`5` and a state named `s` on the next line are not five seconds."""
    spec = loads(
        "spec a event e() by node seen log\ninterface {\n  n: int = 5\n  s: time\n h: bool = false\n}\n"
        "on e { n := 6 s := now h := n = 5 }\nproperty p \"\" invariant h and s = now"
    )  # fmt: skip
    assert [len(u.assignments) for u in spec.updates] == [3]
    assert spec.warnings == ()


def test_keywords_are_whole_words() -> None:
    spec = loads(
        "spec a\nenum e { only-if, on-link, not-now, in, within }\n"
        "param once: e = on-link\nparam nowhere: bool = true\n"
        'rule orchid MUST cite 4 "" configure once = in or once=not-now or nowhere'
    )
    assert spec.parameters["once"].type.members == ("only-if", "on-link", "not-now", "in", "within")
    assert spec.warnings == ()


def test_a_keyword_before_a_minus() -> None:
    assert parse("spec a define x = now- y") == parse("spec a define x = now - y")


# --- mistakes -----------------------------------------------------------------------------------------------------


# Each: its name, what is added to BASE, the message (lines counted from the addition), the caret's column, the hint.


def _message(text: str, offset: int = 0) -> str:
    with pytest.raises(SpecError) as caught:
        loads(text, "x.spec")
    return re.sub(r"\Ax\.spec:(\d+)", lambda m: f"x.spec:{int(m[1]) - offset}", str(caught.value))


NAMES = [
    ("event", rule("allow rqr only if inside"), 'x.spec:2:9: unknown event "rqr"', 8, 'did you mean "rrq"?'),
    ("key", rule("allow rrq(cod = 1) only if inside"), 'x.spec:2:13: unknown name "cod" in event rrq', 12,
     'did you mean "code"?'),
    ("key on the left", rule("allow rrq(tto = iha) only if inside"),
     'x.spec:2:13: unknown name "tto" in event rrq', 12,
     'did you mean "to"?'),
    ("truth", "on up { inside := True }", 'x.spec:1:19: unknown name "True" in event up', 18, 'did you mean "true"?'),
    ("state", rule("allow rrq only if insde"), 'x.spec:2:21: unknown name "insde" in event rrq', 20,
     'did you mean "inside"?'),
    ("state of an obligation", rule("require rrq within 1 s of since while insde"),
     'x.spec:2:41: unknown name "insde"', 40, 'did you mean "inside"?'),
    ("assigned state", "on rrq { insde := true }", 'x.spec:1:10: no state "insde" to assign', 9,
     'did you mean "inside"?'),
    ("anchor", rule("require rrq within 1 s of sinc while inside"), 'x.spec:2:29: unknown state "sinc"', 28,
     'did you mean "since"?'),
    ("independent state", 'property X "" independent holder', 'x.spec:1:27: no state "holder" of an interface', 26,
     "known: count, inside, lost, met, request, since"),
    ("parameter", rule("require rrq within t_mx of since while inside"), 'x.spec:2:22: unknown name "t_mx"', 21,
     'did you mean "t_max"?'),
    ("enum value", rule("allow rrq(to = ihaa) only if inside"), 'x.spec:2:18: unknown value "ihaa" of agent', 17,
     'did you mean "iha"?'),
    ("anonymous enum value", "on up(state = yess) { inside := true }",
     'x.spec:1:15: unknown value "yess" of {yes, no}', 14, 'did you mean "yes"?'),
    ("set member", rule("allow rrq only if X in flags"), 'x.spec:2:21: "X" is no member of set of flags', 20,
     "known: D, S, T"),
    ("type", "event x(a: bol) by node seen log", 'x.spec:1:12: unknown type "bol"', 11, 'did you mean "bool"?'),
    ("capability", rule("allow rrq only if inside unless capability relai"), 'x.spec:2:28: unknown capability "relai"',
     27, 'did you mean "relay"?'),
    ("site", rule("configure site.gatway = site.gateway"), 'x.spec:2:13: unknown site address "gatway"', 12,
     'did you mean "gateway"?'),
    ("default reading", "default reading R2 tow", 'x.spec:1:1: rule R2 has no reading "tow"', 0, 'did you mean "two"?'),
    ("default reading of a rule without", "default reading R1 two", 'x.spec:1:1: rule R1 has no reading "two"', 0, ""),
    ("rule of a default reading", "default reading R7 two", 'x.spec:1:1: unknown rule "R7"', 0, 'did you mean "R3"?'),
    ("rule to drop", "drop rule R7", 'x.spec:1:1: there is no rule "R7" to drop', 0, 'did you mean "R3"?'),
    ("property to drop", "drop property R1", 'x.spec:1:1: there is no property "R1" to drop', 0, 'did you mean "P1"?'),
    ("rule to override", 'override rule R7 MUST cite 1 "" configure true',
     'x.spec:1:1: there is no rule "R7" to override', 0, 'did you mean "R3"?'),
    ("parameter to override", "override param t_mix: time = 1 s",
     'x.spec:1:1: there is no parameter "t_mix" to override', 0, 'did you mean "t_max"?'),
    ("key of one event only", rule("allow rrq, up only if code = 1"),
     'x.spec:2:25: not all of these events have a key "code"', 24, "rrq has"),
]  # fmt: skip
TYPES = [
    ("number for a time", "param p: time = 60", "x.spec:1:17: 60 is of type int, where time is expected", 16,
     "a duration needs a unit: 60 s"),
    ("time for a number", "param p: int = 60 s", "x.spec:1:16: 60 s is of type time, where int is expected", 15, ""),
    ("time beside a number", rule("allow rrq only if now - since <= 5"),
     "x.spec:2:36: 5 is of type int, where time is expected", 35, "a duration needs a unit: 60 s"),
    ("sum", rule("allow rrq only if now + 5 > since"), "x.spec:2:21: a time and a number do not mix here", 20,
     "write the number with a unit: 60 s"),
    ("another enumeration", "enum path { direct, vpn }\nevent e(p: path, a: agent) by node seen log\n"
     + rule("allow e(p = a) only if inside"), "x.spec:4:15: a is of type agent, where path is expected", 14, ""),
    ("bool", rule("allow rrq only if count"), "x.spec:2:21: count is of type int, where bool is expected", 20, ""),
    ("bool in a pattern", "on rrq(code) { inside := true }",
     "x.spec:1:8: code is of type int, where bool is expected", 7, ""),
    ("assignment", "on rrq { since := code }", "x.spec:1:19: code is of type int, where time is expected", 18,
     "a duration needs a unit: 60 s"),
    ("ghost in a rule", rule("allow rrq only if met"), 'x.spec:2:21: "met" is ghost state: no node can see it', 20,
     "only properties and assumptions may read it"),
    ("ghost in an update", "on rrq { inside := met }", 'x.spec:1:20: "met" is ghost state: no node can see it', 19,
     "only properties and assumptions may read it"),
    ("ghost in an update's pattern", "on rrq when met { inside := true; met := true }",
     'x.spec:1:13: "met" is ghost state: no node can see it', 12, "only properties and assumptions may read it"),
    ("ghost anchor", rule("require rrq within 1 s of lost while inside"),
     'x.spec:2:29: "lost" is ghost state: no node can see it', 28, "an obligation counts from what a node knows"),
    ("anchor that is no time", rule("require rrq within 1 s of count while inside"),
     'x.spec:2:29: "count" is of type int: an obligation counts from a time', 28, ""),
    ("anchor of the node", rule("require rrq within 1 s of seen_at while inside"),
     'x.spec:2:29: "seen_at" is state of the node, and "inside" of an interface: it does not say of which', 28,
     "ask with `some interface:` or `every interface:`"),
    ("this, of the node", rule("require rrq within 1 s of seen_at while holder = this"),
     'x.spec:2:29: "seen_at" is state of the node, and "this" of an interface: it does not say of which', 28,
     "ask with `some interface:` or `every interface:`"),
    ("silent event in a rule", rule("allow lose only if inside"),
     'x.spec:2:9: event "lose" is silent: no node can see it', 8, "only ghost state may follow it"),
    ("silent event in an update", "on lose { inside := false }",
     'x.spec:1:4: event "lose" is silent: no node can see it', 3, "only ghost state may follow it"),
    ("now in an obligation", rule("require rrq within 1 s of since while now > since"),
     "x.spec:2:41: the present time cannot be used here", 40,
     "the condition of an obligation, like a parameter, does not change as time passes"),
    ("state in a parameter", "param p: int = count", 'x.spec:1:16: "count" is state, which has no value here', 15,
     "use numbers and parameters"),
    ("state in a time limit", rule("require rrq within since of since while inside"),
     'x.spec:2:22: "since" is state, which has no value here', 21, "use numbers and parameters"),
    ("site in a parameter", "param p: bool = site.gateway = site.gateway",
     "x.spec:1:17: a parameter cannot depend on the site's addresses", 16, ""),
    ("interfaces in a configuration", rule("configure some interface: true"),
     "x.spec:2:13: there are no interfaces to speak of here", 12, ""),
    ("this in a configuration", rule("configure this = this"), 'x.spec:2:13: "this" interface makes no sense here', 12,
     ""),
    ("no initial value", "interface { x: bool }", 'x.spec:1:13: "x" needs an initial value', 12,
     "only a time may be without one"),
    ("state of type text", "interface { x: text }", "x.spec:1:16: state cannot be of type text", 15,
     "keep what the rules need as bool"),
    ("parameter of type id", "param x: id = 0", "x.spec:1:10: a parameter cannot be of type id", 9, ""),
    ("key of type interface", "event x(a: interface) by node seen log", "x.spec:1:9: a key cannot be an interface", 8,
     ""),
    ("product of state", rule("allow rrq only if count * code > 2"),
     "x.spec:2:21: one factor has to be a number or a parameter", 20, "proofs stay in linear arithmetic"),
    ("product of times", "param x: time = t_max * t_max", "x.spec:1:17: a time cannot be multiplied by a time", 16, ""),
    ("product of agents", "param x: int = 2 * true", "x.spec:1:20: true is of type bool, not a number or a time",
     19, ""),
    ("sets compared", rule("allow rrq only if flags = T"), "x.spec:2:21: sets are asked for members, not compared", 20,
     "S in flags"),
    ("order of agents", rule("allow rrq only if to < xha"), "x.spec:2:21: values of type agent have no order", 20, ""),
    ("member of no set", rule("allow rrq only if T in code"), "x.spec:2:26: code is no set", 25, ""),
    ("number too large", "param x: int = 9999999999999999999",
     "x.spec:1:16: this number is too large, at most 62 bits", 15,
     ""),
    ("id too large", rule("allow rrq(id = 99999999999999999999) only if inside"),
     "x.spec:2:18: this number is too large, at most 64 bits", 17, ""),
]  # fmt: skip
DECLARED = [
    ("parameter", "param t_max: time = 1 s", 'x.spec:1:1: parameter "t_max" is declared twice', 0, "first in line 7"),
    ("state", "node {\n  inside: bool = true }", 'x.spec:2:3: state "inside" is declared twice', 2, "first in line 12"),
    ("parameter as state", "param inside: bool = true",
     'x.spec:1:1: parameter "inside" is declared as state already', 0,
     "first in line 12"),
    ("definition as parameter", "define t_max = 1 s",
     'x.spec:1:1: definition "t_max" is declared as parameter already', 0,
     "first in line 7"),
    ("state as key", "node { code: int = 0 }",
     'x.spec:1:8: state "code" could not be told from the key of event rrq', 7,
     ""),
    ("event", "event up() by node seen log", 'x.spec:1:1: event "up" is declared twice', 0, "first in line 9"),
    ("key", "event x(a: int, a: int) by node seen log", 'x.spec:1:1: key "a" stands twice in event x', 0, ""),
    ("enumeration", "set agent { A }", 'x.spec:1:1: type "agent" is declared twice', 0, "first in line 3"),
    ("basic type", "enum time { late }", 'x.spec:1:1: "time" is a type of the language and cannot be declared', 0, ""),
    ("member", "enum x { a, b, a }", 'x.spec:1:1: "a" stands twice in x', 0, ""),
    ("anonymous member", "param p: {a, a} = a", 'x.spec:1:10: "a" stands twice in {a, a}', 9, ""),
    ("capability", 'capability relay ""', 'x.spec:1:1: capability "relay" is declared twice', 0, "first in line 6"),
    ("site", "site x, gateway", 'x.spec:1:1: site address "gateway" is declared twice', 0, "first in line 5"),
    ("document", 'document "x"', "x.spec:1:1: document is declared twice", 0, "first in line 2"),
    ("rule", 'rule R1 MUST cite 1 "" configure true', 'x.spec:1:1: rule "R1" is declared twice', 0, "first in line 24"),
    ("property", 'property P1 "" consistent', 'x.spec:1:1: property "P1" is declared twice', 0, "first in line 32"),
    ("assumption", 'assumption A1 "" on rrq: met', 'x.spec:1:1: assumption "A1" is declared twice', 0,
     "first in line 33"),
    ("reading", 'rule X MUST cite 1 ""\n reading a "" configure true\n reading a "" configure true',
     'x.spec:2:2: reading "a" stands twice in rule X', 1, ""),
    ("assignment", "on rrq { inside := true; inside := false }", 'x.spec:1:10: "inside" is assigned twice', 9, ""),
    ("word of the language", "param now: time = 1 s",
     'x.spec:1:1: "now" is a word of the language and cannot be a name', 0, ""),
    ("word as key", "event x(max: int) by node seen log",
     'x.spec:1:9: "max" is a word of the language and cannot be a name', 8, ""),
    ("word as member", "enum x { true }", 'x.spec:1:1: "true" is a word of the language and cannot be a name', 0, ""),
    ("definition of itself", "define x = not x\nproperty P \"\" invariant x",
     'x.spec:1:16: the definition of "x" uses itself', 15, "definition x is used in line 35"),
    ("definitions of each other", "define x = not y\ndefine y = not x\nproperty P \"\" invariant x",
     'x.spec:2:16: the definition of "x" uses itself', 15, "definition x is used in line 36"),
    ("definition out of place", "define ok = code = 1\n" + rule("allow up only if ok"),
     'x.spec:1:13: unknown name "code" in event up', 12,
     "known: count, fresh, holder, inside, n_max, ok, request, seen_at, since, state, t_max; "
     "definition ok is used in line 36"),
    ("default of itself", "param x: int = x", "x.spec:1:1: the default of \"x\" depends on itself", 0, ""),
    ("defaults of each other", "param x: int = y + 1\nparam y: int = x",
     "x.spec:1:1: the default of \"x\" depends on itself",
     0, ""),
]  # fmt: skip
WRITTEN = [
    ("misspelt only", rule("allow rrq onli if inside"), "x.spec:2:13: unexpected 'onli'", 12,
     'expected ",", "(", only or when; did you mean "only"?'),
    ("misspelt if", rule("allow rrq only of inside"), "x.spec:2:18: unexpected 'of'", 17,
     'expected if; did you mean "if"?'),
    ("misspelt level", 'rule X must cite 1 "" configure true', "x.spec:1:8: unexpected 'must'", 7,
     'expected MUST, SHOULD or MAY; did you mean "MUST"?'),
    ("misspelt declaration", "parm x: int = 1", "x.spec:1:1: unexpected 'parm'", 0,
     'expected a declaration or the end; did you mean "param"?'),
    ("misspelt seen", "event x() by node sen log", "x.spec:1:19: unexpected 'sen'", 18,
     'expected anew, seen or silent; did you mean "seen"?'),
    ("no section", 'rule X MUST "" configure true', "x.spec:1:13: unexpected '\"\"'", 12, "expected cite"),
    ("unit", "param x: time = 60 sec", "x.spec:1:20: unexpected 'sec'", 19,
     "expected a declaration, the end, cite or a text in quotes; units of time are ns, us, ms, s, min, h"),
    ("too fine a time", "param x: time = 0.5 ns",
     "x.spec:1:17: expected a duration of whole nanoseconds, less than 146 years",
     16, ""),
    ("operator", rule("allow rrq only if inside & fresh"), "x.spec:2:28: unexpected '&'", 27,
     "expected an operator, a declaration, the end, given, instead, kept, note, unclear or unless; "
     'did you mean "and"?'),
    ("end", rule("allow rrq only if (inside and"), "x.spec:2:32: the specification ends too early", 31,
     "expected an expression"),
    ("quote", 'property X "never closed\n consistent', "x.spec:1:12: this text has no closing quote", 11, ""),
    ("quote before", 'property X "never\n consistent\nproperty Y "closed" consistent',
     "x.spec:3:13: unexpected 'closed'", 12, "expected consistent, independent, invariant, permitted or whenever; "
     "the text before it begins in line 34: is a quote missing there?"),
    ("digits", "param x: int = " + "9" * 5000, "x.spec:1:16: a number here has at most 20 digits", 15, ""),
    ("line numbers", 'rule X MUST cite 1 lines 9-2 "" configure true', "x.spec:1:26: these lines run backwards", 25,
     "2-9"),
    ("line number digits", f'rule X MUST cite 1 lines {"9" * 5000} "" configure true',
     "x.spec:1:26: a line number has at most 9 digits", 25, ""),
    ("hyphen in a key", "event x(a-b: int) by node seen log", "x.spec:1:10: unexpected '-'", 9, 'expected ":" or "?"'),
    ("another alphabet", "param größe: int = 1", "x.spec:1:9: unexpected 'ö'", 8,
     'expected ":"; names are letters from a to z, digits and _'),
]  # fmt: skip


ELSEWHERE = [
    ("allow rrq only if !inside", 'did you mean "not"?'),
    ("allow rrq only if inside || fresh", 'did you mean "or"?'),
    ("allow rrq only if count == 3", "= compares, := assigns"),
    ("allow rrq only if code <> 3", "!= says that two things differ"),
    ("allow rrq only if S not in flags", "write not (x in y)"),
    ("allow rrq only if any interface: inside", "write some x: …"),
    ("allow rrq only if forall interface: inside", "write every x: …"),
    ("allow rrq only if inside // always", "comments begin with #"),
]


@pytest.mark.parametrize(("body", "hint"), ELSEWHERE)
def test_who_writes_as_in_another_language_is_told_how_it_is_said_here(body: str, hint: str) -> None:
    assert _message(BASE + rule(body), LINES).endswith(f"; {hint}")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("on lose { inside = true }", ":= assigns"),
        ("on lose { count += 1 }", "write x := x + 1"),
        (
            "on lose { every k in keys: count := 1 }",
            "a change names its entry by key; only clear is about all of a table",
        ),
        (
            "on lose { count := 1\n for each k { } }",
            "a change names its entry by key; only clear is about all of a table",
        ),
        ("on lose { if count = 1 { inside := true } }", "a condition stands before the braces: on … when …"),
        ("on lose { count := 1; if (inside) count := 2 }", "a condition stands before the braces: on … when …"),
        ("property X 'x' consistent", 'texts stand in "…"'),
        (
            'rule X MUST NOT cite 1 "" configure true',
            "what is forbidden is a MUST or SHOULD, too: allow … only if not …",
        ),
        ('rule X MUST cite 1 line 5 "" configure true', 'did you mean "lines"?'),
        ('rule X SHALL cite 1 "" configure true', 'did you mean "MUST"?'),
        ('rule X RECOMMENDED cite 1 "" configure true', 'did you mean "SHOULD"?'),
        ('rule X MUST cite 1 "" forbid lose', "what is forbidden: allow … only if not …"),
        ('param x: time cite 1 ""', "a parameter has a default, which a site may replace"),
        ("param x: {a, b}", "a parameter has a default, which a site may replace"),
        ("// as in C", "comments begin with #"),
        ("on lose { inside := true, count := 1 }", "; stands between changes"),
        ('property X "" whenever lose: inside and some interface: inside', "in the midst of a condition: (some …: …)"),
        ('property X "" whenever lose: not every k in keys: inside', "in the midst of a condition: (some …: …)"),
        ('property X "" invariant assigned(keys[3].since)', "a field of an entry always has a value"),
        ("extends draft-01", 'that stands in the first line: spec NAME "…" extends OTHER'),
    ],
)
def test_so_is_who_writes_as_a_document_does(text: str, hint: str) -> None:
    assert _message(BASE + text, LINES).endswith(f"; {hint}")


def test_an_address_of_the_site_is_called_by_its_whole_name() -> None:
    found = _message(BASE + rule("allow rrq only if addr = gateway"), LINES)
    assert found.endswith("the site's address is site.gateway")


@pytest.mark.parametrize(
    ("text", "message", "caret", "hint"),
    [pytest.param(*m[1:], id=m[0]) for m in (*NAMES, *TYPES, *DECLARED, *WRITTEN)],
)
def test_mistakes(text: str, message: str, caret: int, hint: str) -> None:
    found = _message(BASE + text, LINES)
    where = re.match(r"x\.spec:(\d+):", message)
    assert where is not None
    line = text.split("\n")[int(where[1]) - 1][:120]
    assert found == f"{message}\n    {line}\n    {' ' * caret}^" + (f" {hint}" if hint else "")


def test_words_of_the_language_may_be_names_wherever_a_name_may_stand() -> None:
    """After a value a keyword could go on with it: what follows the word tells that it is a name."""
    words = sorted({w for of in spellings().values() for w in of if w.isalpha()} - RESERVED)
    assert {"moved", "while", "node", "rule", "override", "min"} - set(words) == {"min"}
    state = " ".join(f"{w}: bool = true last_{w}: int = 0" for w in words)
    assigned = " ".join(f"last_{w} := last_{w} + 1 {w} := not {w}" for w in words)
    fields = " ".join(f"{w}: bool = true" for w in words)
    either = " and ".join(f"{w} = (1 in sent)" for w in words)
    spec = loads(f"""spec a event go() by node seen log  interface {{ {state} }}  table sent by n: int {{ {fields} }}
        on go {{ {assigned} sent[1] := {{}} }}  define d = {either}  property p "" invariant d implies {words[0]}""")
    assert set(words) <= set(spec.variables) and len(spec.updates[0].assignments) == 2 * len(words)
    spec = loads("""spec a event go() by node seen log  interface { n: int = 0 }  table while by k: int { n: int = 0 }
        on go { n := 1 while[1] := {} while[1].n := while[1].n + 1 }""")
    assert [c.kind for c in spec.updates[0].changes] == ["set", "field"]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("on x { b := capability }", '"capability" is a word of the language and cannot be a name'),
        ("interface { n: int = 0 min: bool = true }", "min after a number is its unit; put the number in parentheses"),
    ],
)
def test_what_was_read_as_something_else_is_said_to_be_no_name(text: str, hint: str) -> None:
    assert _message(f"spec a {text}").endswith(hint)


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_reserved_words(word: str) -> None:
    assert f'"{word}" is a word of the language' in _message(f"spec a event e({word}: int) by node seen log")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.spec:1:1: the specification ends too early (expected spec)"),
        ("\n\n", "x.spec:1:1: the specification ends too early\n    \n    ^ expected spec"),
        ("spec", "x.spec:1:5: the specification ends too early\n    spec\n        ^ expected a name"),
        ("spce a", "x.spec:1:1: unexpected 'spce'\n    spce a\n    ^ expected spec; did you mean \"spec\"?"),
        ("spec a\n\x0cdefine x = \x0b;", "x.spec:2:13: unexpected '\\x0b'\n"
         "    ?define x = ?;\n                ^ expected an expression"),
        ("spec a \u2028 ?", "x.spec:1:8: unexpected '\\u2028'\n    spec a ? ?\n           ^"),
        ("spec a\r\n  ruel\r\n", "x.spec:2:3: unexpected 'ruel'\n      ruel\n      ^"),
        ("spec a extends draft-99", 'x.spec:1:16: there is no specification "draft-99"\n'
         '    spec a extends draft-99\n                   ^ did you mean "draft-01"?'),
        ("spec a extends a", "x.spec:1:16: a extends itself\n    spec a extends a\n                   ^"),
    ],
)  # fmt: skip
def test_mistakes_of_a_whole_file(text: str, message: str) -> None:
    assert _message(text).startswith(message)


def test_a_long_line_is_cut() -> None:
    where, excerpt, caret = _message("spec a define x = " + "y + " * 90 + ")").split("\n")
    assert where == "x.spec:1:379: unexpected ')'"
    assert len(excerpt) <= 124 and excerpt[caret.index("^")] == ")"


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("rqr", ["rrq", "rrp"], 'did you mean "rrq"?'),
        ("T_STOP", ["t_stop"], 'did you mean "t_stop"?'),
        ("zzz", ["a", "b"], "known: a, b"),
        ("x", [], ""),
        ("zzz", [f"n{n:02}" for n in range(30)], "known: " + ", ".join(f"n{n:02}" for n in range(20)) + ", …"),
        ("a" * 200_000, ["a" * 199_999], "known: " + "a" * 199_999),
    ],
)
def test_nearest(name: str, known: list[str], said: str) -> None:
    assert nearest(name, known) == said


# --- what is too large --------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "expression",
    [
        "(" * 10_000 + "b" + ")" * 10_000,
        "(" * 10_000,
        "not " * 10_000 + "b",
        "- " * 10_000 + "1",
        "1 + " * 10_000 + "1",
        "b implies " * 10_000 + "b",
        "max(" * 10_000 + "1" + ")" * 10_000,
        "some interface: " * 10_000 + "b",
        "b and (" * 10_000 + "b" + ")" * 10_000,
        "T in " * 10_000 + "b",
    ],
    ids=lambda e: e[:8],
)
def test_deep_expressions(expression: str) -> None:
    found = _message(f'spec a property p "" invariant {expression}')
    assert re.match(r"x\.spec:1:\d+: (this expression is nested too deeply|the specification ends|unexpected)", found)


@pytest.mark.slow
def test_definitions_may_not_nest_without_end() -> None:
    chain = "".join(f"define d{n} = not d{n + 1}\n" for n in range(5000)) + "define d5000 = true\n"
    assert "nested too deeply" in _message(f'spec a\n{chain}property p "" invariant d0')


@pytest.mark.slow
def test_definitions_may_not_grow_without_end() -> None:
    tower = "".join(f"define d{n} = d{n + 1} and d{n + 1}\n" for n in range(30)) + "define d30 = true\n"
    assert "the specification is too large" in _message(f'spec a\n{tower}property p "" invariant d0')
    assert "the specification is too large" in _message(f"spec a\n{tower}")


@pytest.mark.slow
def test_defaults_may_not_depend_on_each_other_without_end() -> None:
    def chain(order: range) -> str:
        return "spec a\n" + "".join(f"param p{n}: int = {f'p{n - 1}' if n else '1'}\n" for n in order)

    assert configure(loads(chain(range(5000))), {})["p4999"] == 1
    assert "depends on too many others" in _message(chain(range(4999, -1, -1)))


@pytest.mark.parametrize("size", [MAX_SIZE + 1, 50 * MAX_SIZE])
def test_huge_texts(size: int, tmp_path: Path) -> None:
    text = "spec a\n" + "# x\n" * (size // 4)
    message = f"a specification has at most {MAX_SIZE} characters"
    assert _message(text) == f"x.spec: {message}"
    path = tmp_path / "x.spec"
    path.write_text(text)
    with pytest.raises(SpecError) as caught:
        load(str(path))
    assert str(caught.value) == f"{path}: {message}"


@pytest.mark.slow
def test_large_texts() -> None:
    """As large as may be, of every kind that grows."""
    rules = "".join(f'rule R{n} MUST cite 1 "" configure true\ndefault reading R{n} x\n' for n in range(3000))
    assert 'rule R0 has no reading "x"' in _message(f"spec a\n{rules}")
    drops = "".join(f'rule R{n} MUST cite 1 "" configure true\n' for n in range(2000))
    drops += "".join(f"drop rule R{n}\n" for n in range(2000))
    assert loads(f"spec a\n{drops}").rules == {}
    keys = ", ".join(f"code = {n}" for n in range(10_000))
    assert "can never happen" in loads(f"{BASE}on rrq({keys}) {{ inside := true }}").warnings[0]


def test_the_deepest_expression_can_be_run() -> None:
    """What is accepted here, the compiled semantics can compile: that is where MAX_DEPTH comes from."""
    deep = "(" * (MAX_DEPTH // 2 - 2) + "inside" + " and inside)" * (MAX_DEPTH // 2 - 2)
    most = "not " * (MAX_DEPTH - 2) + "inside"
    rules = "".join(f'rule {r} MUST cite 1 "" allow rrq only if {e}\n' for r, e in (("X", deep), ("Y", most)))
    spec = loads(BASE + rules)
    machine = Machine(spec, configure(spec, {}), {})
    keys = machine.encode("rrq", {"to": "iha", "code": 0, "id": 7, "flags": frozenset()})
    state = machine.initial_interface()
    outcomes = machine.steps["rrq"](0, 0, state, machine.initial_node(), [state], keys, 0, [0] * 99, [0] * 99)
    assert dict(outcomes)[list(spec.rules).index("X")] == 0


# --- files --------------------------------------------------------------------------------------------------------


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "latin.spec"
    path.write_bytes('spec a\n\n# Größe "ä"\n'.encode("latin-1"))
    with pytest.raises(SpecError) as caught:
        load(str(path))
    assert str(caught.value) == f'{path}:3:5: this is not UTF-8\n    # Gr��e "�"\n        ^'


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for name, reason in (("no.spec", "No such file or directory"), ("", "Is a directory")):
        path = tmp_path / name
        with pytest.raises(SpecError) as caught:
            load(f"{tmp_path}/{name}")
        assert str(caught.value) == f"{path}: cannot be read: {reason}"
    with pytest.raises(SpecError, match="cannot be read"):
        load("a\0b.spec")
    with pytest.raises(SpecError) as caught:
        load("draft-02")
    assert str(caught.value) == 'draft-02: there is no specification "draft-02" (did you mean "draft-01"?)'


def test_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "bom.spec").write_bytes(b"\xef\xbb\xbf" + BASE.encode())
    assert load(str(tmp_path / "bom.spec")).name == "base"


# --- anything at all ----------------------------------------------------------------------------------------------

_TOKENS = re.findall(r'"[^"]*"|[\w.-]+|[^\w\s]', re.sub(r"#[^\n]*", "", DRAFT))
_SOUP = [*sorted(set(_TOKENS)), "extends", "draft-01", "override", "drop", "default", '"', "#", "\n", "60 s"]


def _load_or_refuse(text: str) -> None:
    try:
        loads(text)
    except SpecError as error:
        assert str(error).startswith(error.file)


@pytest.mark.slow
@given(st.lists(st.sampled_from(_SOUP), max_size=60))
@settings(max_examples=300, deadline=None)
def test_token_soup(tokens: list[str]) -> None:
    _load_or_refuse(" ".join(tokens))
    _load_or_refuse("spec soup " + " ".join(tokens))
    _load_or_refuse("spec soup extends draft-01 " + " ".join(tokens))


@pytest.mark.slow
@given(st.text())
@settings(deadline=None)
def test_text_soup(text: str) -> None:
    _load_or_refuse(text)
    _load_or_refuse(f"spec soup\n{text}")


@pytest.mark.slow
@given(strategies.modules)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_trees_without_sense(module: s.Module) -> None:
    text = show(module)
    _load_or_refuse(text)
    _load_or_refuse(BASE + text.partition("\n")[2])


@pytest.mark.slow
@given(st.randoms(use_true_random=False), st.integers(1, 4))
@settings(max_examples=250, deadline=None)
def test_mutations_of_the_draft(chance: random.Random, edits: int) -> None:
    tokens = list(_TOKENS)
    for _ in range(edits):
        at, other = chance.randrange(len(tokens)), chance.randrange(len(tokens))
        match chance.randrange(5):
            case 0:
                del tokens[at : at + chance.randint(1, 3)]
            case 1:
                tokens[at] = chance.choice(_SOUP)
            case 2:
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case 3:
                tokens[at:at] = tokens[other : other + chance.randint(1, 30)]
            case _:
                cut = chance.randrange(len(tokens[at]) + 1)
                tokens[at] = tokens[at][:cut] + chance.choice('"(){}:=.,?-x0é\x00') + tokens[at][cut:]
    _load_or_refuse(" ".join(tokens))
