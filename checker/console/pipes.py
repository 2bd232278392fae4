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
    (size,) = _SIZE.unpack(_whole(stream, _SIZE.size))
    return _whole(stream, size)


def _whole(stream: BinaryIO, size: int) -> bytes:
    """Read so many bytes: a stream without a buffer gives what a pipe holds, which is less than a long message."""
    parts = []
    while size > 0:
        part = stream.read(size)
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
