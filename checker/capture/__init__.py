"""Captures: pcap and pcapng files read into the same events as a log (design.md section 5).

The way of a frame: `files` (file → frames) → `layers` (frame → headers) → `cooked` (which interface, where the file
does not say) → `node` (what belongs to the node) → `events` (→ `Event`s); `read` puts them together. `mobileip` and
`dhcp` decode the two kinds of message that are read in full.
"""

from mipcheck.checker.capture.files import CaptureError, is_capture
from mipcheck.checker.capture.read import Capture, Source, read_capture, read_captures

__all__ = ["Capture", "CaptureError", "Source", "is_capture", "read_capture", "read_captures"]
