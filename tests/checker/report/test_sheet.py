"""Pages without a script: what they show of traces, and that nothing that comes from elsewhere is markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.report import sheet
from mipcheck.checker.report.figure import MOST, figure
from mipcheck.checker.verbs import pages

from making.hostile import HOSTILE, poisoned
from making.pages import LOG, PAGES, SPEC
from making.paths import TRACES


class Elements(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.values: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))
        self.values += [value or "" for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def page(name: str, hostile: bool) -> str:
    report = check(TRACES / name, chart=True)
    more = HOSTILE if hostile else ""
    log = (TRACES / name).read_text("utf-8") + more
    shown = poisoned(report) if hostile else report
    rows = [[[("", "row" + more)], [("proof", "cell" + more), ("trace", more)]]]
    parts = [
        sheet.paragraph("words" + more),
        sheet.listing(["a" + more]),
        sheet.table(["head" + more, "other"], rows),
        sheet.sides([sheet.world("side" + more, log, shown), sheet.world("none" + more, log, None, "why" + more)]),
    ]
    return sheet.sheet("title" + more, "lead" + more, [sheet.section("part" + more, parts, "badge" + more, "bad")])


@pytest.mark.parametrize(
    "name", ["plaintext-after-loss.log", "gateway-endpoint-hijacked.log", "trust-of-another-interface.log"]
)
def test_nothing_of_elsewhere_becomes_markup(name: str) -> None:
    clean, dirty = (Elements(page(name, hostile)) for hostile in (False, True))
    assert {tag for tag, _ in dirty.found} == {tag for tag, _ in clean.found}
    names = {name for _, given in dirty.found for name in given}
    assert names <= {name for _, given in clean.found for name in given} and not [n for n in names if n[:2] == "on"]
    assert "alert(1)" in dirty.text
    text = page(name, True)
    assert HOSTILE not in text and "<script" not in text
    policy = next(v for v in dirty.values if v.startswith("default-src"))
    assert policy.startswith("default-src 'none'; style-src 'sha256-") and "script-src" not in policy


def test_a_picture_shows_what_happened_and_what_is_broken() -> None:
    report = check(TRACES / "plaintext-after-loss.log", chart=True)
    drawn = figure(report, "a title")
    for words in ("eth0", "i-HA", "register", "accepted", "unprotected data", "✗ M2", "inside", 'aria-label="a title"'):
        assert words in drawn
    numbers = [float(y) for y in re.findall(r'y1="([0-9.]+)" y2', drawn)]
    assert numbers and max(numbers) < float(re.findall(r'viewBox="0 0 720 ([0-9]+)"', drawn)[0])


def test_of_a_long_trace_the_rest_is_counted() -> None:
    report = check(TRACES / "iha-fifty-nodes.log", chart=True)
    assert report.chart is not None
    more = len(report.chart.marks) - MOST
    assert more <= 0 or f"{more} later events are not drawn" in figure(report, "x")


# --- what verbs say, made by hand: to find it takes the prover minutes -------------------------------


@pytest.mark.parametrize("verb", PAGES)
def test_nothing_that_a_verb_says_becomes_markup(verb: str) -> None:
    clean, dirty = (Elements(PAGES[verb](more)) for more in ("", HOSTILE))
    assert {tag for tag, _ in dirty.found} <= {tag for tag, _ in clean.found} | {"p"}
    names = {name for _, given in dirty.found for name in given}
    assert names <= {name for _, given in clean.found for name in given}
    assert "alert(1)" in dirty.text and HOSTILE not in PAGES[verb](HOSTILE)


def test_two_readings_stand_side_by_side() -> None:
    text = PAGES["ambiguities"]("")
    sending, both = text.index("read as sending"), text.index("read as both-ways")
    assert sending < text.index("Nothing is broken") < both < text.index("✗ M2 (MUST) is broken at line 5")
    assert text.count("<svg") == 2 and "unknown: time was up" in text


def test_a_counterexample_is_a_picture_and_a_proof_says_what_it_needs() -> None:
    text = PAGES["prove"]("")
    assert "1 refuted, 1 proved" in text and "✗ M2 (MUST) is broken" in text and text.count("<svg") == 1
    assert "assumes firewall" in text and "by Spacer" in text


@pytest.mark.slow
def test_a_difference_is_shown_as_each_judges_it() -> None:
    text = PAGES["diff"]("")
    assert text.count("<svg") == 2 and "✗ M2" in text and "Nothing is broken" in text
    assert "before&lt;/script&gt;" in PAGES["diff"](HOSTILE)


def test_what_a_specification_has_no_words_for_is_said() -> None:
    text = pages._world("x", SPEC, LOG.replace("scope=enterprise", "colour=red"))
    assert "draft-01 has no words for all of it" in text and "<svg" not in text


def test_a_comparison_is_a_table_of_words_with_each_trace_as_a_picture() -> None:
    text = PAGES["compare"]("")
    for words in (
        "k-trace",
        "k-proof",
        "k-unknown",
        "overhead = 40",
        "not as it is said to be",
        "What tells the two apart",
    ):
        assert words in text
    assert text.count("<svg") == 3
