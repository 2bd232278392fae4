"""What a fleet measured, beside the region of a property: for each file, whether its parameters are in the region, and
its verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mipcheck.checker.console.counts import counted
from mipcheck.checker.proofs.replayed import parameters_of
from mipcheck.checker.verbs.results import MeasuredFile, check_about, read_measured
from mipcheck.checker.verbs.synthesize_region import Synthesis
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.spec import Spec
from mipcheck.model.values.errors import UserError


@dataclass(frozen=True, slots=True)
class Point:
    """Files with the same parameters and verdict: `values` of the region's parameters (ns, or numbers), whether these
    are `inside` it, and the files' names."""

    values: Mapping[str, int]
    inside: bool
    verdict: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Points:
    """The points of a fleet; `odd` are files whose parameters the specification does not have."""

    points: tuple[Point, ...]
    odd: int = 0

    def said(self) -> str:
        """Return in a sentence how many files are inside and outside, by verdict."""
        parts = []
        for inside, where in ((True, "inside"), (False, "outside")):
            found = Counter[str]()
            for p in self.points:
                if p.inside == inside:
                    found[p.verdict] += len(p.files)
            verdicts = ", ".join(f"{n:,} {verdict}" for verdict, n in sorted(found.items()))
            parts.append(f"{found.total():,} {where}" + (f" ({verdicts})" if found else ""))
        total = sum(len(p.files) for p in self.points)
        odd = f"; {counted(self.odd, 'file', form=',')} with parameters that are not known here" if self.odd else ""
        return f"Of {counted(total, 'file', form=',')} measured {parts[0]}, {parts[1]}{odd}."


def measured_of(paths: Iterable[str], spec: Spec) -> list[MeasuredFile]:
    """Read results of fleets. Raises InputError, and UsageError for those of another specification."""
    found: list[MeasuredFile] = []
    for path in paths:
        of, files = read_measured(path)
        check_about(path, of, spec.name)
        found += files
    return found


def points_of(s: Synthesis, measured: Sequence[MeasuredFile]) -> Points:
    """Return where measured files are; what a file does not give has its default."""
    from mipcheck.model.prover.region import holds_at

    groups: dict[tuple[tuple[tuple[str, str], ...], str], list[str]] = {}
    for m in measured:
        groups.setdefault((tuple(sorted(m.parameters.items())), m.verdict), []).append(m.file)
    points, odd = [], 0
    for (words, verdict), files in groups.items():
        try:
            values = configure(s.spec, parameters_of(s.spec, dict(words)))
        except UserError:
            odd += len(files)
            continue
        own = {n: values[n] for n in s.region.parameters}
        points.append(Point(own, holds_at(s.setting, s.region, own), verdict, tuple(files)))
    return Points(tuple(points), odd)
