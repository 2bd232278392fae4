"""A declaration with where it stands."""

from __future__ import annotations

from dataclasses import dataclass

from mipcheck.model.language import syntax as s
from mipcheck.model.specification.spec import MOBILE_NODE


@dataclass(frozen=True, slots=True)
class Item:
    """A declaration with the file that it stands in and that file's text.

    `own` is false if the file is that of an extended specification; `role` is the role that the declaration is about.
    """

    declaration: s.Declaration
    file: str
    source: str
    own: bool = True
    role: str = MOBILE_NODE
