"""Lark's tree → what is claimed of a proposal: entities, guidelines, points and answers."""

from __future__ import annotations

from typing import Any

from mipcheck.model.language.build import Builder, flag, is_token, is_tree, names_of, place_of, string, text_of
from mipcheck.model.language.catalogue import (
    AnswerDecl,
    Computed,
    Declared,
    EntityDecl,
    Figure,
    Ground,
    GuidelineDecl,
    Measure,
    Missing,
    Opinion,
    PointDecl,
    Proved,
    Shown,
)
from mipcheck.model.language.expression import Place
from mipcheck.model.language.syntax import Declaration


class CatalogueBuilder(Builder):
    """Reads these declarations; each has one method, which has the name of its grammar rule after an underscore."""

    def _entity(self, t: Any, c: list[Any], at: Place) -> Declaration:
        override, c = flag(c, "OVERRIDE")
        by = next((names_of(k) for k in c if is_tree(k, "encoded")), ())
        return EntityDecl(str(c[0]), str(c[1]), text_of(c), by, override, at)

    def _guideline(self, t: Any, c: list[Any], at: Place) -> Declaration:
        override, c = flag(c, "OVERRIDE")
        cite, text = self._cite_and_text(c[1:])
        return GuidelineDecl(str(c[0]), cite, text, override, at)

    def _point(self, t: Any, c: list[Any], at: Place) -> Declaration:
        override, c = flag(c, "OVERRIDE")
        name, stance, cite, text, *grounds = c
        found = tuple(map(self._ground, grounds))
        return PointDecl(str(name), str(stance), self._cite_and_text([cite])[0], string(text), found, override, at)

    def _answer(self, t: Any, c: list[Any], at: Place) -> Declaration:
        override, c = flag(c, "OVERRIDE")
        grounds = tuple(self._ground(k) for k in c[1:] if not is_token(k, "STRING"))
        return AnswerDecl(str(c[0]), text_of(c), grounds, override, at)

    def _ground(self, t: Any) -> Ground:
        c, at = t.children, place_of(t)
        match t.data:
            case "proved":
                return Proved(names_of(t), at)
            case "shown":
                return Shown(names_of(t), at)
            case "computed":
                return Computed(tuple(map(self._figure, c)), at)
            case "declared":
                return Declared(tuple((str(k.children[0]), str(k.children[1])) for k in c), at)
            case "opinion":
                return Opinion(string(c[0]), at)
            case _:
                return Missing(string(c[0]), at)

    def _figure(self, t: Any) -> Figure:
        amount, *rest = t.children
        compare, value = (str(rest[0]), self._amount(rest[1])) if rest else ("", ())
        return Figure(self._amount(amount), compare, value)

    def _amount(self, t: Any) -> tuple[tuple[int, Measure | int], ...]:
        """Read measures and numbers, each with its sign."""
        signs = [1, *(1 if k == "+" else -1 for k in t.children[1::2])]
        return tuple((sign, self._measured(k)) for sign, k in zip(signs, t.children[::2], strict=True))

    def _measured(self, t: Any) -> Measure | int:
        c = t.children
        match t.data:
            case "measure":
                return Measure(str(c[0]), str(c[1]), place_of(t))
            case "count":
                return Measure("entities", str(c[0]), place_of(t))
            case _:
                return self._number(c[0], 9)
