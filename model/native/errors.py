"""The error of this package, by itself: who may do without native code imports nothing else of it."""

from __future__ import annotations

from mipcheck.model.values.errors import MipcheckError


class NativeError(MipcheckError):
    """There is no native code to be had: a library is missing, or cannot do this."""
