"""Which interfaces a trace has named so far: to who reads it there are no others, whatever the node may have.

Where one on which nothing has happened would decide what some or every interface finds, a specification is proved with
state that says which have been named. Mostly it would not: what is asked is false of such a one, or true where it is
asked of every.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from mipcheck.model.specification.fold import Folding
from mipcheck.model.specification.outset import at_first
from mipcheck.model.specification.spec import Body, Require, Spec, Update, Variable
from mipcheck.model.specification.term import FALSE, TRUE, EventPattern, Term
from mipcheck.model.values.types import BOOL

NAMED: Final = "$named"
"""The state that says of an interface that the trace has named it."""


def among_named(spec: Spec) -> Spec:
    """Return a specification that asks of some or every interface no other than those that have been named, and the one
    on which something happens. (Of a system each party has a log of its own: there all are asked.)"""
    if spec.parties:
        return spec
    naming = _Naming(spec)
    result = naming.spec(spec)
    if not naming.matters:
        return spec
    events = [e.name for e in spec.events.values() if e.seen]
    named = Update(tuple(EventPattern(e, TRUE) for e in events), ((NAMED, TRUE),))
    variable = Variable(NAMED, BOOL, "interface", ghost=False, initial=FALSE)
    return replace(result, updates=(*result.updates, named), variables={**spec.variables, NAMED: variable})


class _Naming(Folding):
    """Writes into a specification that an interface has to be named; `matters` says whether that changes anything."""

    def __init__(self, spec: Spec, own: bool = True) -> None:
        super().__init__({})
        self._spec, self._own, self.matters = spec, own, False
        # Of an interface on which nothing has happened its own state is known, and what the node has is not.
        self._new = {n: v if v.scope == "interface" else replace(v, initial=None) for n, v in spec.variables.items()}

    def term(self, t: Term) -> Term:
        """Return a term that asks of the interfaces that have been named alone."""
        args = tuple(map(self.term, t.args))
        t = t if args == t.args else replace(t, args=args)
        if t.kind not in ("some", "every") or at_first(t.args[0], self._new) == (t.kind == "every"):
            return t
        self.matters = True
        (asked,) = t.args
        named = Term("var", BOOL, NAMED)
        if t.kind == "some":
            others = replace(t, args=(Term("and", BOOL, args=(named, asked)),))
            return Term("or", BOOL, args=(others, asked)) if self._own else others
        others = replace(t, args=(Term("implies", BOOL, args=(named, asked)),))
        return Term("and", BOOL, args=(others, asked)) if self._own else others

    def _body(self, body: Body) -> Body:
        """Return the body of a rule; what the node owes as a whole is asked of no interface."""
        if not (isinstance(body, Require) and self._own and self._spec.is_owed_by_node(body)):
            return super()._body(body)
        of_node = _Naming(self._spec, own=False)
        within, condition = of_node.term(body.within), of_node.term(body.condition)
        self.matters |= of_node.matters
        return replace(body, patterns=self._patterns(body.patterns), within=within, condition=condition)
