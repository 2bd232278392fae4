"""`extends`, `override`, `drop` and `confirm` → one flat list of declarations, each with the file that it stands in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from mipcheck.model.language import catalogue
from mipcheck.model.language import syntax as s
from mipcheck.model.language.errors import SpecError
from mipcheck.model.language.expression import Citation, Place
from mipcheck.model.specification.dropped import without_dropped
from mipcheck.model.specification.items import Item
from mipcheck.model.specification.spec import MOBILE_NODE
from mipcheck.model.values.nearest import nearest

Loader = Callable[[str], tuple[s.Module, str, str]]
"""Finds the specification that another one extends: name → its tree, file and text."""

KINDS: Final[Mapping[type, str]] = {
    s.ParamDecl: "parameter", s.RuleDecl: "rule", s.PropertyDecl: "property", s.AssumptionDecl: "assumption",
    s.StatementDecl: "statement", s.AccessDecl: "access mode", s.CapabilityDecl: "capability",
    s.AmbiguityDecl: "ambiguity", s.DefineDecl: "definition", s.LayerDecl: "layer", s.RoleDecl: "role",
    catalogue.EntityDecl: "entity", catalogue.GuidelineDecl: "guideline", catalogue.PointDecl: "point",
    catalogue.AnswerDecl: "answer",
    s.SystemDecl: "system", s.ChannelDecl: "channel", s.EventDecl: "event",
}  # fmt: skip
"""Words by which messages call the declarations that can be overridden, dropped or confirmed."""

_DROPPABLE: Final[Mapping[str, type[s.Declaration]]] = {
    "rule": s.RuleDecl, "property": s.PropertyDecl, "assumption": s.AssumptionDecl, "statement": s.StatementDecl,
    "access": s.AccessDecl, "capability": s.CapabilityDecl, "ambiguity": s.AmbiguityDecl, "param": s.ParamDecl,
    "role": s.RoleDecl, "entity": catalogue.EntityDecl, "answer": catalogue.AnswerDecl,
    "system": s.SystemDecl, "channel": s.ChannelDecl, "event": s.EventDecl,
}  # fmt: skip

CATALOGUE: Final = (
    s.StatementDecl,
    catalogue.EntityDecl,
    catalogue.GuidelineDecl,
    catalogue.PointDecl,
    catalogue.AnswerDecl,
)
"""Declarations about a document or a proposal, and not about a machine: the mobile node has all of them."""

_SHARED: Final = (
    s.DocumentDecl, s.EnumDecl, s.SiteDecl, s.LayerDecl, s.AccessDecl, s.CapabilityDecl, s.ParamDecl, s.AmbiguityDecl,
    s.ExtendWords,
)  # fmt: skip
"""Declarations that are common to all roles, wherever they stand."""
_BLOCKS: Final = (s.RoleDecl, s.SystemDecl)
"""Declarations that have others in them."""


def flatten(
    module: s.Module, file: str, source: str, load: Loader, seen: tuple[str, ...] = (),
    made: dict[str, list[Item]] | None = None,
) -> list[Item]:  # fmt: skip
    """Return all declarations, those of extended specifications first, with overrides, drops and confirms carried out.

    `seen` are the names of the specifications that this one is extended by, `made` what others came to that have been
    flattened already: two may extend the same one. Raises SpecError where a specification extends itself, or overrides,
    drops or confirms what there is not.
    """
    made = {} if made is None else made
    items: list[Item] = []
    document = next((d.name for d in module.declarations if isinstance(d, s.DocumentDecl)), "")
    for name, at in zip(module.bases, module.extends_at, strict=True):
        taken = _extended(module, name, at, (file, source), load, seen, made)
        own = next((i.declaration.name for i in taken if isinstance(i.declaration, s.DocumentDecl)), "")
        document = document or own
        if own != document:
            taken = [
                replace(i, declaration=_of_document(i.declaration, own))
                for i in taken
                if not isinstance(i.declaration, s.DocumentDecl)
            ]
        # What both take over from the same file is as the first has it, and so is the document.
        known = {i.file for i in items}
        items += [i for i in taken if i.file not in known and not (items and isinstance(i.declaration, s.DocumentDecl))]
    dropped: dict[tuple[str, str], Item] = {}
    for d, role in _declarations(module):
        item = Item(d, file, source, role=role)
        if isinstance(d, s.DropDecl):
            for name in d.names:
                if d.kind == "event":
                    found = _find(items, s.EventDecl, name, item, "drop")
                    dropped[items[found].role, name] = item
                items = _without(items, d.kind, name, item)
        elif isinstance(d, s.ConfirmDecl):
            found = _find(items, _DROPPABLE[d.kind], d.name, item, "confirm")
            items[found] = replace(items[found], declaration=_confirmed(items[found].declaration, d, item))
        elif getattr(d, "override", False):
            found = _find(items, type(d), d.name, item, "override")  # type: ignore[union-attr]
            items[found] = replace(item, role=items[found].role)
            items = _forget_reading(items, d.name) if isinstance(d, s.RuleDecl | s.AmbiguityDecl) else items
        elif isinstance(d, s.DocumentDecl):
            items = [i for i in items if i.own or not isinstance(i.declaration, s.DocumentDecl)] + [item]
        else:
            items.append(item)
    return without_dropped(items, dropped)


def of_role(items: Sequence[Item], role: str) -> list[Item]:
    """Return the declarations that make the machine of one role, or a system: its own and the shared ones.

    What is about the document, and not about a machine, is the mobile node's.
    """
    return [
        i
        for i in items
        if not isinstance(i.declaration, _BLOCKS) and (i.role == role or isinstance(i.declaration, _SHARED))
        and (role == MOBILE_NODE or not isinstance(i.declaration, CATALOGUE))
    ]  # fmt: skip


def _declarations(module: s.Module) -> Iterator[tuple[s.Declaration, str]]:
    """Yield every declaration of one file with the role, or the system, that it is about."""
    for d in module.declarations:
        yield d, MOBILE_NODE
        if isinstance(d, _BLOCKS):
            for inner in d.declarations:
                yield inner, MOBILE_NODE if isinstance(inner, CATALOGUE) else d.name


def _extended(
    module: s.Module, name: str, at: Place, where: tuple[str, str], load: Loader, seen: tuple[str, ...],
    made: dict[str, list[Item]],
) -> list[Item]:  # fmt: skip
    """Return the declarations of a specification that `module` extends, by its name and the place of that; `where` are
    file and text of the module."""
    file, source = where
    # A file need not be named as what it declares: both names count.
    if name in (*seen, module.name):
        raise SpecError(file, at, f"{module.name} extends itself", source=source)
    if name not in made:
        try:
            parent, parent_file, parent_source = load(name)
        except SpecError as error:
            if error.place.line:
                raise
            # An error without a line says that there is no such file: what can be mended is the line that names it.
            raise error.elsewhere(file, at, source) from None
        made[name] = flatten(parent, parent_file, parent_source, load, (*seen, module.name, name), made)
    # What is said for and against a proposal is about that one, and about none that builds on it.
    return [replace(i, own=False) for i in made[name] if not isinstance(i.declaration, catalogue.PointDecl)]


def _of_document(d: s.Declaration, document: str) -> s.Declaration:
    """Return `d` with citations that say whose sections and lines they name."""
    cite: tuple[Citation, ...] = getattr(d, "cite", ())
    if not any(not c.document for c in cite):
        return d
    changes: dict[str, object] = {"cite": tuple(c if c.document else replace(c, document=document) for c in cite)}
    return replace(d, **changes)  # type: ignore[arg-type]


def _confirmed(d: s.Declaration, confirm: s.ConfirmDecl, item: Item) -> s.Declaration:
    """Return `d` as the document that confirms it has it: its citations, and its text and level if it gives any."""
    changes: dict[str, object] = {"cite": confirm.cite}
    if confirm.text:
        changes["text"] = confirm.text
    if confirm.level:
        if not isinstance(d, s.RuleDecl | s.StatementDecl):
            raise SpecError(item.file, confirm.at, f"a {confirm.kind} has no level", source=item.source)
        changes["level"] = confirm.level
    return replace(d, **changes)  # type: ignore[arg-type]


def _without(items: list[Item], kind: str, name: str, item: Item) -> list[Item]:
    """Return the items without the one of that kind and name; a role or system goes with all that is about it."""
    found = _find(items, _DROPPABLE[kind], name, item, "drop")
    if kind in ("role", "system"):
        return [i for i in items if not _belongs(i, name)]
    left = items[:found] + items[found + 1 :]
    return _forget_reading(left, name) if kind in ("rule", "ambiguity") else left


def _belongs(i: Item, role: str) -> bool:
    return i.role == role or (isinstance(i.declaration, _BLOCKS) and i.declaration.name == role)


def _forget_reading(items: list[Item], rule: str) -> list[Item]:
    """Return the items without default readings of `rule`: they go with the rule that they were chosen for."""
    return [i for i in items if not isinstance(i.declaration, s.DefaultReadingDecl) or i.declaration.rule != rule]


def _find(items: list[Item], kind: type[s.Declaration], name: str, item: Item, verb: str) -> int:
    """Return the index of the declaration of that kind and name which `item` wants to `verb`. Raises SpecError."""
    found = [n for n, i in enumerate(items)
             if isinstance(i.declaration, kind) and i.declaration.name == name]  # type: ignore[union-attr]  # fmt: skip
    if found:  # roles may have definitions of the same name
        return next((n for n in found if items[n].role == item.role), found[0])
    known = [i.declaration.name for i in items if isinstance(i.declaration, kind)]  # type: ignore[union-attr]
    what = KINDS[kind]
    raise SpecError(
        item.file, item.declaration.at, f'there is no {what} "{name}" to {verb}', nearest(name, known), item.source
    )
