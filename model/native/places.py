"""Arrays, tables and records: where their elements and fields are, how they are read and written."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Final

from mipcheck.model.native.program import Program
from mipcheck.model.native.record import CELL, ELEMENTS, RecordLayout
from mipcheck.model.native.variables import Variables
from mipcheck.model.native.views import Operand, View
from mipcheck.model.values.nearest import nearest

_FIXED: Final = "!invariant.load !0"
"""Of a load: what is there stays as it is while native code runs, so that it need not be loaded again."""


class Places(Variables, ABC):
    """A function whose indices, slices and fields can be looked up. What expressions give is said further up."""

    def __init__(self, program: Program, name: str, names: Mapping[str, Operand]) -> None:
        super().__init__(program, name, names)
        # Of records that are parameters, and of their parts, arrays are loaded where the function starts.
        self._known = {view.pointer for view in names.values() if isinstance(view, View)}
        self._fields: dict[tuple[str, str], View] = {}

    @abstractmethod
    def value(self, node: ast.expr) -> Operand:
        """Return an operand or a view for what an expression gives."""

    def integer(self, node: ast.expr) -> str:
        """Return an operand for what an expression gives, which has to be an integer."""
        return self.integer_of(self.value(node), node)

    # --- arrays -------------------------------------------------------------------------------------------------------

    def place(self, node: ast.Subscript | ast.Attribute) -> tuple[str, str]:
        """Return the type of an element that is written to, and a pointer to it."""
        found = self.part(node) if isinstance(node, ast.Subscript) else self.field(node, written=True)
        if found.sizes:
            raise self.refused(node, "a part of an array as a number")
        if found.type not in ELEMENTS:
            raise self.refused(node, "a record as a number")
        return found.type, found.pointer

    def part(self, node: ast.Subscript) -> View:
        """Return what an index or a slice stands for."""
        view = self.value(node.value)
        if isinstance(view, str):
            raise self.refused(node, "an index of a number")
        if isinstance(node.slice, ast.Slice):
            if node.slice.step is not None:
                raise self.refused(node, "a slice with steps")
            if not view.sizes:
                raise self.refused(node, "a slice of a record")
            low = self.integer(node.slice.lower) if node.slice.lower else "0"
            high = self.integer(node.slice.upper) if node.slice.upper else view.sizes[0]
            size = self.new(f"sub i64 {high}, {low}")
            return View(view.type, self._moved(view, low), (size, *view.sizes[1:]))
        indices = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if len(indices) > len(view.sizes):
            raise self.refused(node, "an index too many")
        for index in indices:
            number = self.constant(index)
            if number is not None and number < 0:
                raise self.refused(node, "an index from the end")
            view = View(view.type, self._moved(view, self.integer(index)), view.sizes[1:])
        return view

    def _moved(self, view: View, index: str) -> str:
        for size in view.sizes[1:]:
            index = self.new(f"mul i64 {index}, {size}")
        layout = self.program.layouts.get(view.type)
        element = f"i{ELEMENTS[view.type]}" if layout is None else f"[{len(layout.cells)} x i64]"
        return self.new(f"getelementptr {element}, ptr {view.pointer}, i64 {index}")

    def element(self, view: View) -> Operand:
        """Return an integer as it is now; a part of an array and a record as a view."""
        return self.read(view.type, view.pointer) if not view.sizes and view.type in ELEMENTS else view

    def read(self, type_: str, place: str) -> str:
        """Return an element, widened to 64 bits."""
        bits = ELEMENTS[type_]
        found = self.new(f"load i{bits}, ptr {place}")
        if bits == 64:
            return found
        return self.new(f"{'zext' if type_[0] == 'u' else 'sext'} i{bits} {found} to i64")

    def write(self, type_: str, place: str, value: str) -> None:
        """Write an element, of which only the bits that fit are kept."""
        bits = ELEMENTS[type_]
        if bits < 64:
            value = self.new(f"trunc i64 {value} to i{bits}")
        self.put(f"store i{bits} {value}, ptr {place}")

    # --- records ------------------------------------------------------------------------------------------------------

    def field(self, node: ast.Attribute, written: bool = False) -> View:
        """Return the place of a cell, or an array or record; `written` says that it is assigned to."""
        owner = self.value(node.value)
        layout = self.program.layouts.get(owner.type) if isinstance(owner, View) and not owner.sizes else None
        if layout is None or isinstance(owner, str):
            raise self.refused(node, f"the attribute {node.attr} of what is no record")
        if node.attr not in layout.places:
            raise self.refused(
                node, f"{node.attr}, which {layout.name} does not have ({nearest(node.attr, layout.places)}),"
            )
        if node.attr in layout.fields:
            if written:
                raise self.refused(node, f"an assignment to {node.attr} as a whole")
            return self._array(owner, layout, node.attr)
        if written and node.attr in layout.sizes:
            raise self.refused(node, f"an assignment to {node.attr}, which says how large arrays are,")
        return View(CELL, self.cell(owner, layout.places[node.attr]), ())

    def cell(self, record: View, n: int) -> str:
        """Return a pointer to the cell that is number `n` of a record."""
        return self.new(f"getelementptr i64, ptr {record.pointer}, i64 {n}")

    def _array(self, record: View, layout: RecordLayout, name: str) -> View:
        """Return an array, table or part of a record; where it is and its sizes stay what they are."""
        if record.pointer not in self._known:
            return self._loaded(record, layout, name)
        key = record.pointer, name
        if key not in self._fields:
            with self.at_start():
                found = self._fields[key] = self._loaded(record, layout, name)
            if not layout.fields[name].shape:
                self._known.add(found.pointer)
        return self._fields[key]

    def _loaded(self, record: View, layout: RecordLayout, name: str) -> View:
        field = layout.fields[name]
        pointer = self.new(f"load ptr, ptr {self.cell(record, layout.places[name])}, {_FIXED}")
        cells = [(n, self.cell(record, layout.places[n])) for n in sorted(field.cells)]
        sizes = {n: self.new(f"load i64, ptr {place}, {_FIXED}") for n, place in cells}
        shape = [ast.parse(size, mode="eval").body for size in field.shape]
        with self.within("", sizes):
            return View(field.type, pointer, tuple(map(self.integer, shape)))
