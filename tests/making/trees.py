"""Hypothesis strategies for syntax trees: every form of declaration and expression that can be written down."""

from __future__ import annotations

import re
from importlib import resources
from typing import TypeVar

from hypothesis import strategies as st
from mipcheck.model.language import catalogue as k
from mipcheck.model.language import syntax as s
from mipcheck.model.language.expression import (
    Apply,
    Citation,
    Entry,
    Expression,
    Field,
    Held,
    Literal,
    Name,
    Pattern,
    Quantified,
    QuantifiedEntry,
    SiteName,
    Word,
)

_GRAMMAR = resources.files("mipcheck.model.language").joinpath("grammar.lark").read_text("utf-8")
KEYWORDS = frozenset(re.findall(r'"([A-Za-z]+)"', _GRAMMAR)) | frozenset(
    word for group in re.findall(r"/\(([A-Za-z|]+)\)", _GRAMMAR) for word in group.split("|")
)
"""All words of the language, taken from its grammar."""

_T = TypeVar("_T")
COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True).filter(lambda n: n not in KEYWORDS)
words = st.from_regex(r"[a-z_][a-z0-9_]{0,3}(-[a-z0-9_]{1,3}){0,2}", fullmatch=True).filter(lambda n: n not in KEYWORDS)
sections = st.from_regex(r"[0-9A-Z]{1,2}(\.[0-9]{1,2}){0,3}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters='"')).map(lambda t: " ".join(t.split()))


@st.composite
def _lines(draw: st.DrawFn) -> tuple[int, int] | None:
    first, more = draw(st.integers(0, 5000)), draw(st.integers(0, 50))
    return draw(st.sampled_from([None, (first, first + more), (first, first)]))


citations = st.builds(Citation, sections, _lines())
_headers = st.from_regex(r"[a-z][a-z0-9]{0,4}(/[a-z0-9]{1,4}){0,2}", fullmatch=True)
_cites = st.lists(citations, max_size=3).map(tuple)
_some_cites = st.lists(citations, min_size=1, max_size=3).map(tuple)

durations = st.one_of(
    st.integers(0, 2**62 - 1),
    st.builds(lambda n, unit: n * unit, st.integers(0, 10**6), st.sampled_from([10**6, 10**9])),
)
"""Nanoseconds."""
literals = st.one_of(
    st.builds(Literal, st.just("int"), st.integers(0, 2**64 - 1)),
    st.builds(Literal, st.just("time"), durations),
    st.builds(Literal, st.just("bool"), st.integers(0, 1)),
    st.builds(Literal, st.just("address"), st.integers(0, 2**32 - 1)),
)
_name_expressions = st.builds(Name, words)


def _some(inner: st.SearchStrategy[_T]) -> st.SearchStrategy[tuple[_T, ...]]:
    return st.lists(inner, min_size=1, max_size=3).map(tuple)


def _compound(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    def apply(ops: tuple[str, ...], least: int, most: int) -> st.SearchStrategy[Expression]:
        return st.builds(Apply, st.sampled_from(ops), st.lists(inner, min_size=least, max_size=most).map(tuple))

    return st.one_of(
        apply(("and", "or"), 2, 4),
        apply(("implies", *COMPARISONS, "+", "-", "*"), 2, 2),
        apply(("not", "seen", "minus"), 1, 1),
        apply(("max", "min"), 1, 3),
        st.builds(Apply, st.just("has"), st.tuples(_name_expressions, inner)),
        st.builds(Apply, st.just("has"), st.tuples(inner, _name_expressions)),
        st.builds(Held, st.builds(Entry, names, st.lists(inner, min_size=2, max_size=3).map(tuple))),
        st.builds(Field, st.builds(Entry, words, _some(inner)), names),
        st.builds(QuantifiedEntry, st.sampled_from(["some", "every"]), _some(names), names, inner),
        st.builds(lambda mode, *which: Apply("uses", (mode, *which)), inner, _name_expressions),
        st.builds(lambda mode, *which: Apply("uses", (mode, *which)), inner, _name_expressions, _name_expressions),
        st.builds(lambda name: Apply("capable", (name,)), _name_expressions),
        st.builds(lambda name: Apply("assigned", (name,)), st.builds(Name, names)),
        st.builds(Quantified, st.sampled_from(["some", "every"]), inner),
    )


expressions: st.SearchStrategy[Expression] = st.recursive(
    st.one_of(
        literals,
        _name_expressions,
        st.builds(SiteName, words),
        st.builds(Word, st.sampled_from(["now", "this"])),
    ),
    _compound,
    max_leaves=8,
)

patterns = st.builds(Pattern, names, st.lists(expressions, max_size=2).map(tuple), st.none() | expressions)
_patterns = st.lists(patterns, min_size=1, max_size=3).map(tuple)
_members = st.lists(words, min_size=1, max_size=4).map(tuple)
types = st.one_of(st.builds(s.TypeName, names), st.builds(s.TypeName, st.none(), _members))

_bodies = st.one_of(
    st.builds(s.AllowDecl, _patterns, expressions, unclear=st.none() | expressions, kept=st.just(()) | _patterns),
    st.builds(s.RequireDecl, _patterns, expressions, names, expressions),
    st.builds(s.ConfigureDecl, expressions),
)
_readings = st.one_of(
    st.builds(s.ReadingDecl, st.just(""), st.just(""), _bodies).map(lambda r: (r,)),
    st.lists(st.builds(s.ReadingDecl, words, texts, _bodies), min_size=1, max_size=3).map(tuple),
)
_options = st.one_of(
    st.builds(s.Option, st.sampled_from(["unless", "given"]), words),
    st.builds(s.Option, st.sampled_from(["instead", "note"]), texts),
)
_claims = st.one_of(
    st.builds(s.InvariantDecl, expressions),
    st.builds(s.WheneverDecl, _patterns, expressions),
    st.builds(s.PermittedDecl, _patterns),
    st.builds(s.IndependentDecl, st.lists(st.builds(Name, names), min_size=1, max_size=2).map(tuple), st.just(())),
    st.builds(s.IndependentDecl, st.lists(st.builds(Name, names), max_size=2).map(tuple), _patterns),
    st.just(s.ConsistentDecl()),
)
_keys = st.lists(st.builds(s.KeyDecl, names, types, st.booleans()), max_size=3).map(tuple)
_variables = st.lists(st.builds(s.VariableDecl, names, types, st.none() | expressions, texts), max_size=3).map(tuple)
_assignments = st.lists(st.builds(s.Assignment, names, expressions), max_size=3).map(tuple)
_entries = st.builds(Entry, names, _some(expressions))
_changes = st.lists(
    st.one_of(
        st.builds(s.SetEntry, _entries, _assignments),
        st.builds(s.SetField, _entries, st.builds(s.Assignment, names, expressions)),
        st.builds(s.RemoveEntry, _entries),
        st.builds(s.ClearTable, names),
    ),
    max_size=2,
).map(tuple)
_seen = st.sampled_from([(), ("log",), ("capture",), ("log", "capture")])

_forms = st.builds(s.FormDecl, st.just("") | _headers, st.none() | expressions, st.just("") | words, st.booleans())
_ways = st.builds(k.Way, _some(st.sampled_from(k.STEPS)), st.booleans(), st.just("") | words)
_standings = st.sampled_from(k.STANDINGS)
_measures = st.one_of(
    st.builds(k.Measure, st.sampled_from(k.MEASURES), words),
    st.builds(k.Measure, st.just("entities"), _standings),
    st.integers(0, 10**9 - 1),
)
_amounts = st.builds(
    lambda first, rest: ((1, first), *rest), _measures,
    st.lists(st.tuples(st.sampled_from([1, -1]), _measures), max_size=2),
)  # fmt: skip
_figures = st.builds(k.Figure, _amounts) | st.builds(k.Figure, _amounts, st.sampled_from(COMPARISONS), _amounts)
_grounds = _some(
    st.one_of(
        st.builds(k.Proved, _some(names)),
        st.builds(k.Shown, _some(names)),
        st.builds(k.Computed, _some(_figures)),
        st.builds(k.Declared, _some(st.tuples(words, _standings))),
        st.builds(k.Opinion, texts),
        st.builds(k.Missing, texts),
    )
)
_levels = st.sampled_from(["MUST", "SHOULD", "MAY"])

_declarations: st.SearchStrategy[s.Declaration] = st.one_of(
    st.builds(s.DocumentDecl, texts),
    st.builds(s.EnumDecl, names, _members, st.booleans()),
    st.builds(s.SiteDecl, st.lists(words, min_size=1, max_size=3).map(tuple)),
    st.builds(s.CapabilityDecl, words, texts),
    st.builds(
        s.LayerDecl, words, texts, st.booleans(), st.lists(_forms, min_size=1, max_size=3).map(tuple), st.booleans(),
        st.lists(_ways, max_size=2).map(tuple),
    ),
    st.builds(
        s.AccessDecl, words, st.lists(st.tuples(words, st.just("") | words), min_size=1, max_size=3).map(tuple),
        st.lists(words, max_size=2).map(tuple), texts, st.booleans(),
    ),
    st.builds(s.ParamDecl, names, types, expressions, _cites, texts, st.booleans()),
    st.builds(
        s.EventDecl, names, _keys, st.sampled_from(["node", "network", "observer"]), _seen, texts,
        st.none() | expressions, st.booleans(),
    ),
    st.builds(s.PauseDecl, names, names, texts, ended=st.just(()) | _patterns),
    st.builds(s.ExtendWords, names, _members, st.booleans()),
    st.builds(s.ExtendEvent, names, _keys.filter(bool)),
    st.builds(s.ExtendState, st.sampled_from(["interface", "node"]), _some(st.builds(s.MoreWords, names, _members))),
    st.builds(s.ExtendTable, names, _some(st.builds(s.MoreWords, names, _members))),
    st.builds(s.StateDecl, st.sampled_from(["interface", "node"]), st.just(False), _variables, st.booleans()),
    st.builds(s.StateDecl, st.sampled_from(["interface", "node"]), st.just(True), _variables),
    st.builds(
        s.UpdateDecl, _patterns, _assignments, _changes, st.lists(st.builds(s.Forget, names), max_size=2).map(tuple)
    ),
    st.builds(
        s.TableDecl, names, _some(st.builds(s.KeyPart, names, types)), st.booleans(), st.none() | st.integers(0, 99),
        st.just("") | names, texts, _variables,
    ),
    st.builds(s.DefineDecl, names, expressions, st.booleans()),
    st.builds(s.AssumptionDecl, names, _cites, texts, _patterns, expressions, st.booleans()),
    st.builds(
        s.RuleDecl, names, _levels, _some_cites, texts, _readings,
        st.lists(_options, max_size=3).map(tuple), st.booleans(),
    ),
    st.builds(
        s.PropertyDecl, names, _cites, texts, _claims, st.booleans(), st.lists(names, max_size=2).map(tuple)
    ),
    st.builds(s.DefaultReadingDecl, names, words),
    st.builds(s.DropDecl, st.sampled_from(["rule", "property", "assumption", "statement", "role", "event"]), _members),
    st.builds(s.ConfirmDecl, st.sampled_from(["rule", "statement"]), names, st.just("") | _levels, _some_cites, texts),
    st.builds(s.ConfirmDecl, st.sampled_from(["property", "param"]), names, st.just(""), _some_cites, texts),
    st.builds(
        s.StatementDecl, names, _levels, _some_cites, texts,
        st.lists(words, min_size=1, max_size=2).map(tuple), st.just(""), st.booleans(),
    ),
    st.builds(s.StatementDecl, names, _levels, _some_cites, texts, st.just(()), texts.filter(bool), st.booleans()),
    st.builds(k.EntityDecl, words, _standings, texts, st.lists(words, max_size=2).map(tuple), st.booleans()),
    st.builds(k.GuidelineDecl, words, _cites, texts, st.booleans()),
    st.builds(k.PointDecl, names, st.sampled_from(k.STANCES), _some_cites, texts, _grounds, st.booleans()),
    st.builds(k.AnswerDecl, words, texts, _grounds, st.booleans()),
    st.builds(
        s.AmbiguityDecl, names, _cites, texts,
        st.lists(st.tuples(words, texts), min_size=2, max_size=3).map(tuple), st.booleans(),
    ),
)  # fmt: skip
declarations = _declarations | st.builds(
    s.RoleDecl, words, st.just("") | names, texts, st.lists(_declarations, max_size=3).map(tuple)
)

modules = st.builds(
    s.Module, words, texts, st.none(), st.lists(declarations, max_size=4).map(tuple)
) | st.builds(
    s.Module, words, texts, words, st.lists(declarations, max_size=4).map(tuple), st.lists(words, max_size=2).map(tuple)
)  # fmt: skip
