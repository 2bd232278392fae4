"""`--annotate`: the captures among the inputs, each copied with the verdict in it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from mipcheck.checker.capture.frames.frame import Stream
from mipcheck.checker.capture.frames.gunzip import Gunzip
from mipcheck.checker.capture.frames.magic import GZIP
from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.console.output import answering, keep_inputs
from mipcheck.checker.inputs.opening import goes_by
from mipcheck.checker.report.annotate import annotate, comments_of
from mipcheck.model.values.errors import UserError

if TYPE_CHECKING:
    from mipcheck.checker.check.report import Report


def annotate_inputs(
    report: Report,
    inputs: Sequence[str],
    target: str,
    others: Sequence[str | None] = (),
    outputs: Sequence[tuple[str, str]] = (),
) -> None:
    """Write one capture to `target`, or each to a file of its name in the folder `target`.

    `others` are files that were read besides the `inputs`, `outputs` are what will be written, by option. Each copy is
    whole or not there at all. Raises UsageError where that cannot be done, CaptureError.
    """
    captures = [(path, i.file) for path, i in zip(inputs, report.inputs, strict=True) if i.frames is not None]
    if not captures or any(goes_by(path) for path, _ in captures):
        raise UsageError("--annotate needs a capture among the inputs, and that in a file: a pipe cannot be read again")
    targets = _targets([path for path, _ in captures], target)
    for copy in targets:
        keep_inputs([("--annotate", copy), *outputs], [*inputs, *others])
    for (path, name), copy in zip(captures, targets, strict=True):
        try:
            with _unpacked(path) as source, answering(copy) as file:
                annotate(source, file, comments_of(report, name))
        except BrokenPipeError:  # its reader has seen enough
            continue
        except UserError:
            raise
        except (OSError, ValueError) as error:
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


@contextmanager
def _unpacked(path: str) -> Iterator[Stream]:
    """Open a capture, which may be compressed, and end where the check ended with it. Raises OSError."""
    with Path(path).open("rb") as stream:
        packed = stream.read(len(GZIP)) == GZIP
        stream.seek(0)
        yield Gunzip(stream, b"", path) if packed else cast("Stream", stream)
