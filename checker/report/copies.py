"""`--annotate`: the captures among the inputs, each copied with the verdict in it."""

from __future__ import annotations

import gzip
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.console.output import replacing
from mipcheck.checker.inputs.opening import STDIN
from mipcheck.checker.report.annotate import annotate, comments_of

if TYPE_CHECKING:
    from mipcheck.checker.check.report import Report


def annotate_inputs(report: Report, inputs: Sequence[str], target: str) -> None:
    """Write one capture to the file `target`, or each to a file of its name in the folder `target`.

    Each copy is whole or not there at all. Raises UsageError where that cannot be done, CaptureError.
    """
    captures = [(path, i.file) for path, i in zip(inputs, report.inputs, strict=True) if i.frames is not None]
    if not captures or any(path == STDIN for path, _ in captures):
        raise UsageError("--annotate needs a capture among the inputs, and that in a file: a pipe cannot be read again")
    targets = _targets([path for path, _ in captures], target)
    taken = {os.path.realpath(path) for path in inputs if path != STDIN}
    if over := [t for t in targets if os.path.realpath(t) in taken]:
        raise UsageError(f"--annotate {over[0]} would overwrite an input")
    for (path, name), copy in zip(captures, targets, strict=True):
        try:
            with _unpacked(path) as source, replacing(os.path.realpath(copy)) as file:
                annotate(source, file, comments_of(report, name))
        except (OSError, EOFError) as error:
            raise UsageError(f"{copy} cannot be written: {getattr(error, 'strerror', None) or error}") from None


def _targets(paths: Sequence[str], target: str) -> list[str]:
    """Return where each capture is copied to; the folder `target` is made if need be. Raises UsageError."""
    folder = Path(target)
    if not target.endswith(("/", os.sep)) and not folder.is_dir():
        if len(paths) == 1:
            return [target]
        raise UsageError(
            f"--annotate {target}: there are {len(paths)} captures, so that it has to be a folder;"
            f" write {target}/ and it is made"
        )
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"{target} cannot be made: {error.strerror or error}") from None
    found: list[str] = []
    for path in paths:
        stem = Path(path).name.removesuffix(".gz")
        stem = stem.removesuffix(Path(stem).suffix) or stem
        names = (f"{stem}{number}.pcapng" for number in ("", *(f"-{n}" for n in range(2, len(paths) + 1))))
        found.append(next(name for name in (str(folder / n) for n in names) if name not in found))
    return found


def _unpacked(path: str) -> BinaryIO:
    """Open a capture, which may be compressed; it has been read before, so that it is known not to be a bomb."""
    stream = Path(path).open("rb")  # noqa: SIM115  # the caller closes it
    magic = stream.read(2)
    stream.seek(0)
    return cast("BinaryIO", gzip.GzipFile(fileobj=stream)) if magic == b"\x1f\x8b" else stream
