"""The page as text: what is in it, that nothing of an input is markup, that short and long ways draw the same."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from mipcheck.checker.check import chart_events
from mipcheck.checker.check.chart import Chart, Mark
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report
from mipcheck.checker.report.html import report_html
from mipcheck.checker.report.page_words import said, unanswered
from mipcheck.checker.trace import route
from mipcheck.model.values.event import Position

from making.hostile import HOSTILE, poisoned
from making.paths import CAPTURES, TRACES

EVERY = [*sorted(TRACES.glob("*.log")), *sorted(CAPTURES.glob("*.pcapng"))[:3]]


def drawn(path: Path) -> tuple[Report, Chart]:
    config = path.with_suffix(".toml")
    report = check(path, config=config if config.exists() else None, chart=True)
    assert report.chart is not None
    return report, report.chart


class Reader(HTMLParser):
    """What a browser makes of a page: its elements, their attributes, its text without script and style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.raw, self.inside = "", "", ""
        self.data: dict[str, Any] = {}
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside in ("script", "style"):
            self.scripts.append(data)
        else:
            self.text += data


@pytest.fixture(scope="module")
def loss() -> tuple[Report, str]:
    report, _ = drawn(TRACES / "plaintext-after-loss.log")
    return report, report_html(report)


def test_a_page_tells_what_happened_to_somebody_who_reads_no_logs(loss: tuple[Report, str]) -> None:
    text = " ".join(Reader(loss[1]).text.split())
    assert "A requirement is broken, 3 times in all" in text
    assert "eth0 sends 2 packets of user data, unprotected line 21" in text
    assert "eth0 counted as “failed”: it was inside, and that has failed or was not renewed in time" in text
    assert "the i-HA accepts the registration of eth0. line 9" in text
    assert "stop plaintext on this interface until the i-HA has accepted a registration again" in text
    assert "4.2.2 lines 1012-1018" in text


def test_stages_follow_what_the_specification_says_to_the_nanosecond(loss: tuple[Report, str]) -> None:
    chart = loss[0].chart
    assert chart is not None
    assert [(s.interface, s.name, s.since, s.until) for s in chart.stages] == [
        ("eth0", "detecting", 0, 121_000_000),
        ("eth0", "inside", 121_000_000, 6_213_000_001),  # t_stop itself is not over yet
        ("eth0", "failed", 6_213_000_001, 8_000_000_000),
    ]
    trust = next(x for x in chart.limits if x.name == "inside")
    assert (trust.since, trust.due, trust.ended, trust.is_rule) == (113_000_000, 6_213_000_000, "over", False)
    renewed = next(x for x in chart.limits if x.name == "M1")
    assert (renewed.due, renewed.until, renewed.ended) == (7_113_000_000, 3_122_000_000, "met")


def test_the_page_runs_and_fetches_nothing_but_its_own(loss: tuple[Report, str]) -> None:
    seen = Reader(loss[1])
    (policy,) = [a["content"] for t, a in seen.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    script, style = (re.search(rf"<{tag}>(.*?)</{tag}>", loss[1], re.DOTALL) for tag in ("script", "style"))
    for kind, part in (("script", script), ("style", style)):
        assert part is not None
        mark = base64.b64encode(hashlib.sha256(part[1].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{mark}'" in policy
    assert policy.startswith("default-src 'none';")
    assert not re.search(r"unsafe|https?:|data:|\*", policy)
    names = {t for t, _ in seen.elements}
    assert not names & {"img", "link", "iframe", "object", "embed", "base", "form", "video", "audio", "source"}
    assert not [a for _, attrs in seen.elements for a in attrs if a.startswith("on") or a in ("style", "src")]
    assert {str(a["href"])[0] for t, a in seen.elements if t == "a"} == {"#"}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("path", EVERY, ids=lambda p: p.stem)
def test_every_example_makes_a_page_whose_data_fit_together(path: Path) -> None:
    report, chart = drawn(path)
    page = report_html(report)
    data = page_of(page)
    lanes, texts = len(data["lanes"]), len(data["texts"])
    assert len(data["marks"]) == len(chart.marks) > 0
    for mark in data["marks"]:
        assert 0 <= mark[3] < lanes and -1 <= mark[4] < lanes and mark[1] >= mark[0]
        assert all(0 <= n < texts for n in (*mark[6:11], *mark[13]))
    found = len(report.violations) + len(report.warnings)
    assert len(data["findings"]) == page.count('<details class="finding ') == found
    places = {tuple(m[11]) for m in data["marks"]}
    for finding in data["findings"]:
        known = tuple(finding["at"]) in places or finding["at"][1] == 0 or finding["interface"] is None
        assert known or any(m[2] > 1 for m in data["marks"])
    assert report_html(drawn(path)[0]) == page


def page_of(page: str) -> dict[str, Any]:
    part = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert part is not None
    result: dict[str, Any] = json.loads(part[1])
    return result


def test_nothing_of_an_input_becomes_markup_or_ends_the_data() -> None:
    report, _ = drawn(TRACES / "trust-of-another-interface.log")
    clean, dirty = (Reader(report_html(r)) for r in (report, poisoned(report)))
    assert [t for t, _ in dirty.elements] == [t for t, _ in clean.elements]
    assert "alert(1)" in dirty.text  # it is there, as text
    assert not [v for _, a in dirty.elements for k, v in a.items() if "alert" in k]
    page = report_html(poisoned(report))
    assert HOSTILE not in page
    assert page.count("<script") == 2


def log(count: int) -> str:
    """A long log: a registration now and then, much data, some of it too late."""
    lines = ["mipcheck-trace 1", "site iha=10.1.0.2 xha=198.51.100.2 ihoa=10.1.0.100 t_stop=60s boot=true"]
    lines += ["0.000000 eth0 link state=up", "0.050000 eth0 coa kind=colocated addr=10.1.7.20"]
    for n in range(count):
        time = 1 + n * 0.01
        if n % 500 == 0 and n < count // 2:
            lines.append(f"{time:.6f} eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=120 id={hex(n + 1)}")
            lines.append(
                f"{time + 0.001:.6f} eth0 rrp from=iha path=direct code=0 lifetime=120 id={hex(n + 1)} auth=ok"
            )
        direction = "in" if n % 3 == 0 else "out"
        lines.append(f"{time + 0.002:.6f} eth0 data dir={direction} protection=none bytes={n % 7}")
    return "\n".join(lines) + "\n"


@pytest.mark.slow
def test_long_traces_come_to_the_same_in_columns_and_in_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "long.log"
    path.write_text(log(21_000), encoding="utf-8")
    _, columned = drawn(path)
    assert columned.flows and columned.step > 0
    assert sum(sum(f.counts.values()) for f in columned.flows) == 21_000
    assert sum(sum(f.broken.values()) for f in columned.flows) >= 1
    assert {m.kind for m in columned.marks} == {"link", "coa", "rrq", "rrp", "data"}  # data around the finding
    assert columned.left_out
    assert [s.name for s in columned.stages] == ["detecting", "inside", "failed"]
    never = route.Threshold("bytes", 1 << 40, 1 << 40, "")
    with monkeypatch.context() as slowly:
        slowly.setitem(route.TABLE, route.LOGS, never)
        _, listed = drawn(path)

    def counted(chart: Chart) -> list[str]:
        return sorted(str(replace(f, broken={})) for f in chart.flows)  # columns of a log know the first and the last

    assert counted(listed) == counted(columned)
    assert (listed.stages, listed.limits) == (columned.stages, columned.limits)
    assert [m for m in listed.marks if m.kind != "data"] == [m for m in columned.marks if m.kind != "data"]
    # As a whole, where there is room for it, no event is lost either.
    monkeypatch.setattr(chart_events, "ALL", 100_000)
    _, whole = drawn(path)
    assert sum(m.count for m in whole.marks if m.kind == "data") == 21_000
    assert whole.stages == columned.stages and whole.limits == columned.limits


def test_a_gap_of_a_long_trace_begins_with_the_event_before_and_what_is_cut_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where that event is only counted; in columns, in lists, and as it is in a short trace."""
    lines = log(300).splitlines()
    gaps = ("1.505000 - gap reason=all", "2.505000 eth0 gap reason=one", "2.605000 eth1 gap reason=new")
    marks = [n for n, line in enumerate(lines) if line[:1].isdigit()]
    for gap in gaps:
        at = next(n for n in marks if float(lines[n].split()[0]) > float(gap.split()[0]))
        lines.insert(at, gap)
    path = tmp_path / "gaps.log"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    _, whole = drawn(path)
    seen = [(g.interface, round(g.since / 1e6), round(g.until / 1e6)) for g in whole.gaps]
    assert seen == [("-", 1502, 1505), ("eth0", 2502, 2505), ("eth1", 2602, 2605)]
    assert not whole.left_out
    monkeypatch.setattr(chart_events, "ALL", 50)
    monkeypatch.setattr(chart_events, "SINGLE", 20)
    for size, other_way in ((0, chart_events._Listed), (1 << 40, chart_events._Columned)):
        monkeypatch.setitem(route.TABLE, route.LOGS, route.Threshold("bytes", size, size, ""))
        with monkeypatch.context() as patched:
            patched.setattr(other_way, "survey", None)
            _, found = drawn(path)
        assert found.gaps == whole.gaps
        assert [said for said in found.left_out if "at the end" in said] == []
        with monkeypatch.context() as few:
            few.setattr(chart_events, "MARKS", 3)
            _, cut = drawn(path)
            assert len(cut.marks) == 3
            assert any("told one by one, at the end" in said for said in cut.left_out)


@pytest.mark.slow
def test_stages_of_a_long_trace_know_that_an_interface_was_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only data shows: the address told after it may be the one that the interface had. Nothing is known."""
    data = [f"{n}.000000 eth0 data dir=out protection=esp stack=ip/esp" for n in range(100)]
    lease = "100.000000 eth0 coa kind=colocated addr=10.1.7.20"
    path = tmp_path / "late.log"
    path.write_text("\n".join(["mipcheck-trace 1", *data, lease, "130.000000 eth0 link state=down", ""]), "utf-8")
    _, whole = drawn(path)
    assert [s.name for s in whole.stages] == ["unknown", "detecting"]
    monkeypatch.setattr(chart_events, "ALL", 50)
    for size in (0, 1 << 40):
        monkeypatch.setitem(route.TABLE, route.LOGS, route.Threshold("bytes", size, size, ""))
        assert drawn(path)[1].stages == whole.stages


@pytest.mark.slow
def test_a_night_stays_below_five_megabytes(loss: tuple[Report, str]) -> None:
    report = loss[0]
    assert report.chart is not None
    keys = {"to": "iha", "path": "direct", "coa": "10.1.7.20", "flags": "DT", "lifetime": "120"}
    place = Position(report.inputs[0].file, None, 1)
    marks = tuple(
        Mark(
            n * 10**9,
            n * 10**9,
            1,
            "eth0",
            "rrq",
            keys | {"id": hex(n)},
            replace(place, frame=n),
            replace(place, frame=n),
        )
        for n in range(1, chart_events.MARKS)
    )
    many = replace(report, chart=replace(report.chart, marks=marks, limits=report.chart.limits[:1] * 8000))
    assert len(report_html(many).encode()) < 5_000_000


def test_requests_that_nobody_answers_are_known_by_the_low_half_of_their_identification() -> None:
    def mark(kind: str, party: str, number: str) -> Mark:
        keys = {"to" if kind == "rrq" else "from": party, "path": "direct", "id": number, "code": "0", "auth": "ok"}
        return Mark(0, 0, 1, "eth0", kind, keys, Position("x"), Position("x"))

    marks = [
        mark("rrq", "iha", "0x100000001"),
        mark("rrq", "xha", "0x1"),
        mark("rrp", "iha", "0x1"),
        mark("rrq", "iha", "0x1"),
    ]
    assert unanswered(marks) == {1, 3}


def test_words_say_who_talks_to_whom() -> None:
    reply_of_iha: Any = {"from": "iha"}  # `from` is a word of Python

    def words(kind: str, count: int = 1, **keys: str) -> tuple[str, bool, str, str]:
        it = said(Mark(0, 0, count, "eth0", kind, keys, Position("x"), Position("x")), "mn")
        return it.lane, it.outward, it.label, it.tone

    assert words("data", 3, dir="out", protection="none") == ("net", True, "unprotected data ×3", "plain")
    assert words("data", dir="in", protection="esp") == ("vpn", False, "protected data", "safe")
    assert words("rrp", code="131", auth="ok", **reply_of_iha) == ("iha", False, "denied (131)", "bad")
    assert words("rrp", code="0", auth="absent", **reply_of_iha) == ("iha", False, "not authentic", "bad")
    assert words("rrq", to="xha", lifetime="0") == ("xha", True, "withdraw", "calm")
