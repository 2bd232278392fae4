"""mipcheck: prove a Mobile IPv4/IPsec specification, and hold implementations to it.

`check` replays traces against a specification and `prove` proves its properties; both are what the command
line does, without printing. They are imported on first use, so that `import mipcheck` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mipcheck.checker.check.check import check as check
    from mipcheck.model.prover.prove import prove as prove

__all__ = ["check", "prove"]
from mipcheck.model.version import __version__ as __version__


def __getattr__(name: str) -> Any:
    if name == "check":
        from mipcheck.checker.check.check import check

        return check
    if name == "prove":
        from mipcheck.model.prover.prove import prove

        return prove
    raise AttributeError(f"module 'mipcheck' has no attribute {name!r}")
