"""Long logs whose sources do not show everything come to the same answer, whichever way they are read."""

from __future__ import annotations

from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.trace.route import EVENTS, LOGS

from making.routes import both_ways
from making.source_logs import COARSE, ELSEWHERE, HEAD, INSIDE, OUTSIDE, SITE, TUNNEL

PART = "source sees=link~,coa,rrq,rrp,ike,sa,data\n"
NO_ADDRESSES = "source sees=link~,coa~,rrq,rrp,data\n"
GONE = "3.000000 eth0 link state=down\n5.000000 eth0 data dir=out protection=none stack=ip/ip\n"
LATE = "90.000000 eth0 link state=down\n90.000000 - gap from=5 to=80\n"
HOLE = '0.000000 - gap reason="a hole" from=start to=end\n'


@pytest.mark.parametrize(
    "logs",
    [
        [HEAD + "source sees=ike,sa\n" + SITE + TUNNEL],
        [HEAD + PART + SITE + INSIDE + ELSEWHERE],
        [HEAD + NO_ADDRESSES + SITE + INSIDE + GONE],
        [HEAD + SITE + INSIDE + LATE],
        [HEAD + SITE + HOLE + INSIDE],
        [HEAD + SITE + OUTSIDE.format("2.190000"), HEAD + COARSE],
        [HEAD + SITE + OUTSIDE.format("2.190000"), HEAD + "source resolution=1ms\n" + COARSE],
        [HEAD + SITE + COARSE],
    ],
)
def test_the_same_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logs: list[str]) -> None:
    paths = [tmp_path / f"{n}.log" for n, _ in enumerate(logs)]
    for path, text in zip(paths, logs, strict=True):
        path.write_text(text, "utf-8")
    both_ways(monkeypatch, lambda: check(paths), LOGS, EVENTS)
