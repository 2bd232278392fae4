"""Captures: pcap and pcapng files read into the same events as a log.

The way of a frame, folder by folder, each knowing only those before it:

- `frames`: a file, or a pipe → frames, in file order;
- `headers`: a frame → the headers of its packet; fragments are put together;
- `messages`: the message that a packet carries, read once when it is first asked for (`carried`); ESP is opened;
- `node`: which interface it was, which devices show the same, and what belongs to the node;
- `survey`: who speaks with whom, noted in passing and judged by nobody;
- `events`: packets in order of time → `Event`s;
- `read` puts all this together; `bulk` does so for long captures, in columns.

What reads is imported when a capture is read: a log can do without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mipcheck.checker.capture.frames.magic import is_capture

if TYPE_CHECKING:
    from mipcheck.checker.capture.frames.frame import CaptureError
    from mipcheck.checker.capture.read import Capture, Source, read_capture, read_captures

__all__ = ["Capture", "CaptureError", "Source", "is_capture", "read_capture", "read_captures"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from mipcheck.checker.capture import read
        from mipcheck.checker.capture.frames import frame

        return getattr(frame if name == "CaptureError" else read, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
