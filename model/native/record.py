"""Records: what compiled functions work on, declared once for both sides.

A record is a class whose fields are declared in its body, each with a comment that says what it holds:

    class Interface(Record):
        token: int  # the number of its name

    class Observed(Record):
        late: int  # how many of `queue` are filled; both sides write it
        rows_cap: int  # room for interfaces
        slots: int  # values that an interface has
        state = array("int64", "rows_cap", "slots")  # values by interface
        rows = table(Interface, "rows_cap")  # interfaces

A field that is declared as `int` is a *cell*: a 64-bit integer. `array` declares an array of integers, `table` an array
of records that have cells alone (those of a row lie side by side in memory), `part` another record. Shapes are numbers,
or expressions over the record's cells, which compiled code must not write to.

For Python an object of the class has all of this as attributes: cells as integers, arrays as numpy's, tables as `Rows`.
`grow` makes arrays larger. Compiled functions take the record as one parameter and use the same names; `lower.py` says
what can be done with them. Of its fields native code gets one block: the cells, then a pointer for each other field.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import CodeType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Self, TypeVar, cast, overload

from mipcheck.model.native.memory import regrown
from mipcheck.model.values.nearest import nearest

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

R = TypeVar("R", bound="Record")

CELL: Final = "int64"
"""The element type of cells."""
ELEMENTS: Final = {"int64": 64, "int32": 32, "int16": 16, "int8": 8, "uint8": 8, "uint16": 16, "uint32": 32}
"""The element types of arrays, and their bits."""


def array(type_: str, *shape: str | int) -> Array:
    """Declare an array of integers of a type of ELEMENTS, C-contiguous."""
    if type_ not in ELEMENTS:
        raise TypeError(f"arrays of {type_} cannot be compiled; {nearest(type_, ELEMENTS)}")
    return cast("Array", Declared(type_, shape))


def table(row: type[R], size: str | int) -> Rows[R]:
    """Declare an array of records, of one dimension. They must have cells alone."""
    if row.__layout__.fields:
        raise TypeError(f"{row.__name__} has arrays, so it cannot be a row of a table")
    return cast("Rows[R]", Declared(row.__name__, (size,), row))


def part(record: type[R]) -> R:
    """Declare a record within the record; several may share one."""
    return cast("R", Declared(record.__name__, (), record))


class Declared:
    """An array, a table or a part as it was declared: its element type, shape, and the class of its records."""

    def __init__(self, type_: str, shape: tuple[str | int, ...], record: type[Record] | None = None) -> None:
        self.type, self.record, self.name = type_, record, ""
        self.shape = tuple(map(str, shape))

    @cached_property
    def cells(self) -> frozenset[str]:
        """The cells that the shape is made of. Raises TypeError where it is more than arithmetic with them."""
        found = set()
        for size in self.shape:
            for node in ast.walk(ast.parse(size, mode="eval").body):
                if isinstance(node, ast.Name):
                    found.add(node.id)
                elif not isinstance(node, _ARITHMETIC) and not (
                    isinstance(node, ast.Constant) and type(node.value) is int
                ):
                    raise TypeError(f"{self.name}: the shape {size} is more than sums and products")
        return frozenset(found)

    def made(self, shape: tuple[int, ...]) -> Any:
        """Return an array, table or part of that shape with nothing but zeros."""
        import numpy as np

        if self.record is not None and not self.shape:
            return self.record()
        zeros = np.zeros(self.held_in(shape), self.type if self.record is None else CELL)
        return zeros if self.record is None else Rows(self.record, zeros)

    def held_in(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the array that holds it: a table's rows have a column for each cell."""
        return shape if self.record is None else (*shape, len(self.record.__layout__.cells))

    def __set_name__(self, owner: type[Record], name: str) -> None:
        self.name = name

    def __get__(self, record: Record | None, owner: type[Record]) -> Any:
        return self if record is None else record._held[self.name]

    def __set__(self, record: Record, value: Any) -> None:
        if self.record is not None and not self.shape:
            if type(value) is not self.record:
                raise TypeError(f"{self.name} takes a {self.record.__name__}, not a {type(value).__name__}")
            pointer = value._pointer
        else:
            cells: Array = value.cells if isinstance(value, Rows) else value
            if (value.record if isinstance(value, Rows) else None) is not self.record:
                raise TypeError(f"{self.name} does not take a {type(value).__name__}")
            wanted, dimensions = (self.type, len(self.shape)) if self.record is None else (CELL, 2)
            if cells.dtype != wanted or not cells.flags.c_contiguous or cells.ndim != dimensions:
                raise TypeError(
                    f"{self.name} takes a contiguous array of {wanted} of {dimensions} dimensions,"
                    f" not one of {cells.dtype} of {cells.ndim}"
                )
            pointer = cells.ctypes.data
        record._held[self.name] = value
        record._block[record.__layout__.place_of(self.name)] = pointer


_ARITHMETIC: Final = (ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Load)


class _Cell:
    """A cell as an attribute."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, record: Record | None, owner: type[Record]) -> Any:
        return self if record is None else int(record._block[record.__layout__.place_of(self._name)])

    def __set__(self, record: Record, value: int) -> None:
        record._block[record.__layout__.place_of(self._name)] = value


@dataclass(frozen=True)
class RecordLayout:
    """Where a record has its fields: the cells one after another, then a pointer for each other field."""

    name: str
    cells: tuple[str, ...]
    fields: Mapping[str, Declared]

    @cached_property
    def places(self) -> dict[str, int]:
        """By field, how many times eight octets after the beginning of the record it is."""
        return {name: n for n, name in enumerate((*self.cells, *self.fields))}

    @cached_property
    def sizes(self) -> frozenset[str]:
        """The cells that say how large arrays are."""
        return frozenset().union(*(field.cells for field in self.fields.values()))

    @cached_property
    def _shapes(self) -> CodeType:
        told = ("(" + "".join(f"{size}," for size in field.shape) + ")," for field in self.fields.values())
        return compile(f"({''.join(told)})", "<shapes>", "eval")  # one for all: native code is called often

    def shapes_in(self, cells: Mapping[str, int]) -> Iterator[tuple[str, Declared, tuple[int, ...]]]:
        """Return all fields that are no cells, by name, and their shapes, with these values of the cells."""
        shapes = eval(self._shapes, {"__builtins__": {}}, cells)
        return zip(self.fields, self.fields.values(), shapes, strict=True)

    def place_of(self, name: str) -> int:
        return self.places[name]

    def described(self) -> list[Any]:
        """Return all that compiled code depends on, in JSON's terms."""
        fields = [
            [name, field.type, field.shape, field.record.__layout__.described() if field.record else None]
            for name, field in self.fields.items()
        ]
        return [self.name, self.cells, fields]

    def all(self) -> Iterator[RecordLayout]:
        """Yield this and those of the records within, however deep."""
        yield self
        for field in self.fields.values():
            if field.record is not None:
                yield from field.record.__layout__.all()


class Record:
    """The base of records; `cells` are the values of those that do not begin as zero."""

    __layout__: ClassVar[RecordLayout] = RecordLayout("Record", (), {})

    def __init_subclass__(cls) -> None:
        """Make cells of what is declared as `int`. Raises TypeError for what cannot be compiled."""
        above = cls.__layout__
        fields = {name: value for name, value in vars(cls).items() if isinstance(value, Declared)}
        cells = []
        for name, type_ in inspect.get_annotations(cls).items():
            if name in fields:
                continue
            if type_ not in (int, "int") or name in vars(cls):
                raise TypeError(f"{cls.__name__}.{name} has to be declared as an int without a value")
            cells.append(name)
            setattr(cls, name, _Cell(name))
        for name in (*cells, *fields):
            if name.startswith("_") or hasattr(Record, name) or name in above.places:
                raise TypeError(f"{cls.__name__} cannot have a field named {name}")
        layout = RecordLayout(cls.__name__, (*above.cells, *cells), {**above.fields, **fields})
        for field in fields.values():
            for name in field.cells - set(layout.cells):
                raise TypeError(f"{cls.__name__} has no cell {name} ({field.name}); {nearest(name, layout.cells)}")
        cls.__layout__ = layout

    def __init__(self, **cells: int) -> None:
        import numpy as np

        self._block: Array = np.zeros(len(self.__layout__.places), CELL)
        self._pointer = int(self._block.ctypes.data)
        self._held: dict[str, Any] = {}
        self._set(cells)
        for name, field, shape in self.__layout__.shapes_in(self._cells()):
            setattr(self, name, field.made(shape))

    @classmethod
    def _row(cls, block: Any) -> Self:
        """Return a record of cells alone that are held in `block`: a row of a table."""
        row = object.__new__(cls)
        row._block = block
        return row

    def _set(self, cells: Mapping[str, int]) -> None:
        for name, value in cells.items():
            if name not in self.__layout__.cells:
                raise TypeError(f"{type(self).__name__} has no cell {name}; {nearest(name, self.__layout__.cells)}")
            setattr(self, name, value)

    def _cells(self) -> dict[str, int]:
        names = self.__layout__.cells
        return dict(zip(names, self._block[: len(names)].tolist(), strict=True))

    def grow(self, **sizes: int) -> None:
        """Set cells, and make the arrays whose shape they say anew: with what was in them, and zeros after that.

        Whoever still has one of the arrays may go on reading it, or not see what is written from now on.
        """
        self._set(sizes)
        for name, field, shape in self.__layout__.shapes_in(self._cells()):
            if field.cells.isdisjoint(sizes):
                continue
            held = self._held.pop(name)
            only = [held.cells if isinstance(held, Rows) else held]
            del held  # else it could not grow where it is
            cells = regrown(only, field.held_in(shape))
            setattr(self, name, cells if field.record is None else Rows(field.record, cells))

    def address(self) -> int:
        """Return where native code finds it. Raises ValueError where an array is smaller than its shape says.

        It may be longer: the first dimension is no more than what native code may use.
        """
        for name, field, shape in self.__layout__.shapes_in(self._cells()):
            held = self._held[name]
            if isinstance(held, Record):
                held.address()
                continue
            found = held.cells.shape[:1] if isinstance(held, Rows) else held.shape
            if found[1:] != shape[1:] or found[0] < shape[0]:
                raise ValueError(f"{name} is an array of {found}, where ({', '.join(field.shape)}) is {shape}")
        return self._pointer


class Rows(Generic[R]):
    """The rows of a table, in the array `cells`: a row for each, and a column for each field of `record`."""

    def __init__(self, record: type[R], cells: Any) -> None:
        self.record, self.cells = record, cells

    def column(self, name: str) -> Array:
        """Return a field of all rows: a part of `cells`, so that what is written there is written here."""
        return cast("Array", self.cells[:, self.record.__layout__.place_of(name)])

    def __len__(self) -> int:
        return len(self.cells)

    def __iter__(self) -> Iterator[R]:
        return (self[n] for n in range(len(self)))

    @overload
    def __getitem__(self, at: slice) -> Rows[R]: ...
    @overload
    def __getitem__(self, at: int) -> R: ...
    def __getitem__(self, at: Any) -> Any:
        found = self.cells[at]
        return Rows(self.record, found) if isinstance(at, slice) else self.record._row(found)

    def __setitem__(self, at: int, values: R | tuple[int, ...]) -> None:
        """Copy a row, or set its fields in their order."""
        self.cells[at] = values._block if isinstance(values, Record) else values
