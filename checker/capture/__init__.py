"""Captures: pcap and pcapng files read into the same events as a log (design.md section 5).

The way of a frame: `files` (file → frames) → `layers` (frame → headers) → `node` (what belongs to the node) →
`events` (→ `Event`s), with `mobileip` and `dhcp` for the two kinds of message that are decoded in full.
"""

from mipcheck.checker.capture.files import CaptureError, is_capture
from mipcheck.checker.capture.read import Capture, read_capture

__all__ = ["Capture", "CaptureError", "is_capture", "read_capture"]
