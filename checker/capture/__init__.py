"""Captures: pcap and pcapng files read into the same events as a log (design.md section 5).

The way of a frame: `files` (file → frames) → `layers` (frame → headers) → `cooked` (which interface, where the file
does not say) → `node` (what belongs to the node) → `events` (→ `Event`s); `read` puts them together. `mobileip` and
`dhcp` decode the two kinds of message that are read in full. What reads is imported when a capture is read: a log can
do without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mipcheck.checker.capture.frames.files import is_capture
from mipcheck.checker.capture.frames.frame import CaptureError

if TYPE_CHECKING:
    from mipcheck.checker.capture.read import Capture, Source, read_capture, read_captures

__all__ = ["Capture", "CaptureError", "Source", "is_capture", "read_capture", "read_captures"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from mipcheck.checker.capture import read

        return getattr(read, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
