"""Arrays that grow: where they are, if the system can do that, so that there is no moment in which both are held."""

from __future__ import annotations

import contextlib
import math
import mmap
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_LARGE: Final = 2**20
"""Octets from which on an array that has grown has pages of its own."""


def regrown(only: list[Array], shape: tuple[int, ...]) -> Array:
    """Return the array that `only` holds in another shape: with what was in it, and zeros after that.

    It is taken out of that list: where nobody else has it, and only its first dimension grows, it may stay where it is.
    """
    import numpy as np

    array = only.pop()
    type_, grows = array.dtype, array.shape[1:] == shape[1:] and len(array) < shape[0]
    pages = _pages_of(array)
    if grows and pages is not None:
        del array
        try:
            pages.resize(math.prod(shape) * type_.itemsize)
            _let_be_large(pages)
            return np.frombuffer(pages, type_).reshape(shape)
        except (BufferError, SystemError, OSError):  # somebody has it, or the system cannot
            array = np.frombuffer(pages, type_).reshape(-1, *shape[1:])
    new = _in_pages(shape, type_) if grows else None
    if new is None:
        new = np.zeros(shape, type_)
    kept = tuple(slice(min(a, b)) for a, b in zip(array.shape, shape, strict=True))
    np.copyto(new[kept], array[kept])
    return new


def _pages_of(array: Array) -> mmap.mmap | None:
    """Return the pages that are an array's own."""
    holder: Any = array
    while holder is not None and not isinstance(holder, mmap.mmap):
        holder = holder.obj if isinstance(holder, memoryview) else getattr(holder, "base", None)
    return holder


def _in_pages(shape: tuple[int, ...], type_: np.dtype[Any]) -> Array | None:
    """Return an array of zeros in pages of its own; None if it is too small for that, or the system has none.

    What has not been written to takes no room.
    """
    import numpy as np

    size = math.prod(shape) * type_.itemsize
    if size < _LARGE or not hasattr(mmap, "MAP_ANONYMOUS"):
        return None
    try:
        pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        _let_be_large(pages)
    except (OSError, ValueError):
        return None
    return np.frombuffer(pages, type_).reshape(shape)


def _let_be_large(pages: mmap.mmap) -> None:
    """Let the system give large pages, of which fewer have to be found where an array is read here and there."""
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a system may be built without
            pages.madvise(mmap.MADV_HUGEPAGE)
