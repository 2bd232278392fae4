"""Tables of a specification: what may be said of them, and what is wrong in which words."""

from __future__ import annotations

import pytest
from mipcheck.model.language.errors import SpecError
from mipcheck.model.language.parse import parse
from mipcheck.model.language.show_module import show
from mipcheck.model.specification.fold import Folding
from mipcheck.model.specification.load import loads
from mipcheck.model.specification.spec import LIMIT, Spec
from mipcheck.model.values.types import BOOL

from making.small import BASE, LINES
from making.tabled import TEXT

TABLE = """table asked by id: id limit 4 until expires "what was asked" { by: address = site.gateway expires: time }
table count_by by to: agent, flag: int { n: int = 0 }
"""
USED = """on rrq { asked[id] := { by := addr, expires := now + t_max }; count_by[to, code] := { n := code } }
rule X MUST cite 1 "used" allow rrq only if id in asked and asked[id].by = addr and count_by[to, code].n > 0
"""


def _load(text: str) -> Spec:
    return loads(BASE + TABLE + text, "x.spec")


def _message(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        _load(text)
    first = str(caught.value).split("\n")[0]
    file, line, rest = first.split(":", 2)
    assert file == "x.spec"
    return f"{int(line) - LINES - 2}:{rest}"


def test_a_table_has_columns() -> None:
    asked, count_by = _load(USED).tables.values()
    assert (asked.limit, asked.until, asked.text, asked.ghost) == (4, "expires", "what was asked", False)
    assert (count_by.limit, count_by.until, [name for name, _ in count_by.keys]) == (LIMIT, "", ["to", "flag"])
    assert list(asked.columns) == ["asked", "asked.by", "asked.expires"]
    assert asked.columns["asked"].type == BOOL


def test_it_is_printed_as_it_was_written() -> None:
    for text in (BASE + TABLE + USED, TEXT):
        assert parse(show(parse(text))) == parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("table asked by x: int { }", '1:1: table "asked" is declared twice'),
        ("table inside by x: int { }", '1:1: table "inside" is declared as state already'),
        ("table t by x: int limit 0 { }", "1:1: a table has from 1 to 1024 entries"),
        ("table t by x: time { }", "1:15: a key cannot be of type time"),
        ("table t by x: flags { }", "1:15: a key cannot be of type set of flags"),
        ("table t by a: int, b: int, c: int, d: int { }", "1:36: a key has at most 3 parts"),
        ("table t by x: int until y { y: int = 0 }", '1:1: table t has no time "y"'),
        ("table t by x: int { x: int = 0 }", '1:1: "x" stands twice in table t'),
        ("table t by x: int { y: int }", '1:21: "y" needs an initial value'),
        ("on rrq { asked := true }", '1:10: "asked" is a table: its entries are assigned'),
        ("on rrq { askd[id] := { } }", '1:10: no table "askd" to change'),
        ("on rrq { asked[to] := { } }", '1:16: to is of type agent, where id is expected'),
        ("on rrq { asked[id].b := 0.0.0.0 }", '1:20: an entry of "asked" has no field "b"'),
        ("on rrq { asked[id] := { by := addr, by := addr } }", '1:37: "by" is assigned twice'),
        ("on rrq { asked[id, id] := { } }", '1:10: an entry of "asked" has a key of other parts'),
        ("on rrq { asked[id] := { by := addr } }", '1:10: "expires" needs a value'),
        ("on rrq { remove count_by[code, to] }", "1:26: code is of type int, where agent is expected"),
        ('rule Y MUST cite 1 "" allow rrq only if asked', '1:41: "asked" is a table, which has no value of its own'),
        ('rule Y MUST cite 1 "" allow rrq only if code in asked', "1:41: code is of type int, where id is expected"),
        ('rule Y MUST cite 1 "" allow rrq only if to in count_by',
         '1:41: an entry of "count_by" has a key of other parts'),
        ('rule Y MUST cite 1 "" allow rrq only if (id, id) in asked',
         '1:41: an entry of "asked" has a key of other parts'),
        ('rule Y MUST cite 1 "" allow rrq only if asked[id].n = 1', '1:41: an entry of "asked" has no field "n"'),
        ('rule Y MUST cite 1 "" allow rrq only if some a, b in asked: true',
         '1:41: an entry of "asked" has a key of other parts'),
        ('rule Y MUST cite 1 "" allow rrq only if some to in asked: x = 1', '1:59: unknown name "x" in event rrq'),
        ('rule Y MUST cite 1 "" require rrq within t_max of since while 0 in asked',
         '1:68: an obligation cannot look into the table "asked"'),
        ('rule Y MUST cite 1 "" require rrq within t_max of asked while inside', '1:51: unknown state "asked"'),
        ("param p: int = count_by[iha, 1].n", '1:16: "count_by" is a table, which has no value here'),
        ("ghost table g by x: int { }\nrule Y MUST cite 1 \"\" allow rrq only if code in g",
         '2:49: "g" is ghost state: no node can see it'),
        ("ghost table g by x: int { b: bool = false }\non rrq { g[code] := { b := true }; inside := code in g }",
         '2:54: "g" is ghost state: no node can see it'),
    ],
)  # fmt: skip
def test_mistakes(text: str, message: str) -> None:
    assert _message(text) == message


def test_a_ghost_table_follows_what_is_silent() -> None:
    spec = _load(USED + 'ghost table g by x: int { b: bool = false }\non lose { clear g }\n'
                 'on rrq { g[code] := { b := met } }\nproperty Q "q" whenever rrq: not code in g')  # fmt: skip
    assert spec.tables["g"].ghost


def test_what_is_not_used_is_warned_of() -> None:
    base = loads(BASE).warnings
    assert [w.split(": ", 1)[1] for w in _load("").warnings if w not in base] == [
        "table asked is never read", "table asked never has an entry",
        "table count_by is never read", "table count_by never has an entry",
    ]  # fmt: skip
    text = USED.replace("and asked[id].by = addr", "")
    assert [w.split(": ", 1)[1] for w in _load(text).warnings if w not in base] == [
        "table asked has a field that is never read: by"
    ]


def test_a_name_that_a_quantifier_gives_hides_a_key() -> None:
    spec = _load(USED + 'rule Y MUST cite 1 "" allow rrq only if some id in asked: asked[id].by = addr')
    condition = next(spec.rules["Y"].terms())
    assert {t.kind for t in condition.walk() if t.name.startswith("id")} == {"bound"}


def test_what_is_fixed_is_written_into_changes_too() -> None:
    spec = _load('ambiguity who cite 1 "who?" reading one "a" reading two "b"\n' + USED
                 + "on rrq when who = two { remove asked[id] }")  # fmt: skip
    folded = Folding({"who": 0}).spec(spec)
    assert len(folded.updates) == len(spec.updates) - 1
