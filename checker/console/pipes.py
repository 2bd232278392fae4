"""Messages between processes: anything that can be pickled, after its size."""

from __future__ import annotations

import pickle
import struct
from typing import Any, BinaryIO, Final

_SIZE: Final = struct.Struct("<Q")


def send(stream: BinaryIO, what: Any) -> None:
    """Write a message. Raises OSError."""
    data = pickle.dumps(what, pickle.HIGHEST_PROTOCOL)
    stream.write(_SIZE.pack(len(data)) + data)
    stream.flush()


def receive(stream: BinaryIO) -> Any:
    """Read a message. Raises EOFError at the end, and what unpickling raises."""
    return pickle.loads(read(stream))


def read(stream: BinaryIO) -> bytes:
    """Read a message as it is packed. Raises EOFError at the end."""
    head = stream.read(_SIZE.size)
    if len(head) < _SIZE.size:
        raise EOFError
    (size,) = _SIZE.unpack(head)
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data
