"""mipcheck: prove a Mobile IPv4/IPsec specification, and hold implementations to it.

`check` replays traces against a specification and `prove` proves its properties; both are what the command
line does, without printing. `Error` is the base of all that they raise. They are imported on first use, so that
`import mipcheck` costs nothing.
"""

from __future__ import annotations

from mipcheck.model.version import __version__ as __version__

TYPE_CHECKING = False  # that of `typing` would take longer than all else that the command does before it hears Ctrl-C
if TYPE_CHECKING:
    from typing import Any, Final

    from mipcheck.checker.check.check import check as check
    from mipcheck.model.prover.prove import prove as prove
    from mipcheck.model.values.errors import MipcheckError as Error

__all__ = ["Error", "check", "prove"]

_AT_HOME: Final = {
    "check": ("mipcheck.checker.check.check", "check"),
    "prove": ("mipcheck.model.prover.prove", "prove"),
    "Error": ("mipcheck.model.values.errors", "MipcheckError"),
}


def __getattr__(name: str) -> Any:
    """Import what is asked for. Raises AttributeError for a name that is not offered."""
    if name not in _AT_HOME:
        raise AttributeError(f"module 'mipcheck' has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _AT_HOME[name]
    return getattr(import_module(module), attribute)
