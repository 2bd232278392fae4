"""SARIF: the schema of the standard (OASIS, 2.1.0), what it demands beyond that, and what readers of it rely on."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.check.expected import Expectation, with_expectations
from mipcheck.checker.check.report import Report
from mipcheck.checker.report.sarif import fingerprints, report_sarif, uri

from making.paths import CAPTURES, MAKING, TRACES

jsonschema = pytest.importorskip("jsonschema")


def closed(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    """An object that has no other keys."""
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}


def many(items: Any, least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": least}


TEXT: Final = {"type": "string", "minLength": 1}
NUMBER: Final = {"type": "integer", "minimum": 0}
PLACE: Final = {"type": "integer", "minimum": 1}
BAG: Final = {"type": "object"}
LEVEL: Final = {"enum": ["none", "note", "warning", "error"]}
MESSAGE: Final = closed(("text",), text=TEXT)
STRING: Final = closed(("text",), text=TEXT, markdown=TEXT)
ARTIFACT: Final = closed(
    ("uri",), uri={"type": "string", "pattern": r"^(file:///)?[A-Za-z0-9._~/%-]+$"}, index=NUMBER
)  # RFC 3986, of which no colon is in a relative one
LOCATION: Final = closed(
    ("physicalLocation", "message"),
    id=NUMBER,
    physicalLocation=closed(
        ("artifactLocation", "region"),
        artifactLocation=ARTIFACT,
        region=closed(("startLine",), startLine=PLACE, startColumn=PLACE),
    ),
    logicalLocations=many(closed(("name",), name=TEXT, fullyQualifiedName=TEXT, kind=TEXT), 1),
    message=MESSAGE,
)
STEP: Final = closed(
    ("location",),
    location=LOCATION,
    executionOrder=NUMBER,
    importance={"enum": ["important", "essential", "unimportant"]},
)
RESULT: Final = closed(
    ("ruleId", "ruleIndex", "kind", "level", "message", "locations", "partialFingerprints"),
    ruleId=TEXT,
    ruleIndex=NUMBER,
    kind={"const": "fail"},
    level={"enum": ["warning", "error"]},
    message=MESSAGE,
    locations=many(LOCATION, 1) | {"maxItems": 1},
    relatedLocations=many(LOCATION, 1) | {"maxItems": 1000},
    codeFlows=many(
        closed(
            ("threadFlows",),
            threadFlows=many(closed(("locations",), locations=many(STEP, 1) | {"maxItems": 1000}), 1),
        ),
        1,
    ),
    partialFingerprints={"type": "object", "minProperties": 1, "additionalProperties": TEXT},
    suppressions=many(
        closed(("kind",), kind={"const": "external"}, status={"const": "accepted"}, justification=TEXT), 1
    ),
    occurrenceCount=PLACE,
    properties=BAG,
)
RULE: Final = closed(
    ("id", "shortDescription", "help", "defaultConfiguration"),
    id=TEXT,
    shortDescription=STRING,
    fullDescription=STRING,
    help=STRING,
    defaultConfiguration=closed((), level=LEVEL),
    properties=closed(
        ("section", "tags"),
        section=TEXT,
        level=TEXT,
        tags=many(TEXT) | {"maxItems": 20, "uniqueItems": True},
        precision={"enum": ["very-high", "high", "medium", "low"]},
        **{"problem.severity": {"enum": ["error", "warning", "recommendation"]}},
    ),
)
DRIVER: Final = closed(
    ("name", "rules"),
    name=TEXT,
    version=TEXT,
    semanticVersion={"type": "string", "pattern": r"^\d+\.\d+\.\d+([-+].+)?$"},
    rules=many(RULE),
)
NOTIFICATION: Final = closed(("message",), message=MESSAGE, level=LEVEL, descriptor=closed(("id",), id=TEXT))
RUN: Final = closed(
    ("tool", "results"),
    tool=closed(("driver",), driver=DRIVER),
    automationDetails=closed(("id",), id=TEXT),
    invocations=many(
        closed(
            ("executionSuccessful",),
            executionSuccessful={"const": True},
            toolExecutionNotifications=many(NOTIFICATION),
        )
    ),
    artifacts=many(
        closed(
            ("location",),
            location=ARTIFACT,
            mimeType={"type": "string", "pattern": "^[^/]+/.+$"},
            roles=many({"const": "analysisTarget"}),
        )
    ),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    results=many(RESULT) | {"maxItems": 25_000},
    properties=BAG,
)
LOG: Final = closed(
    ("version", "runs"), **{"$schema": TEXT, "version": {"const": "2.1.0"}, "runs": many(RUN, 1) | {"maxItems": 20}}
)
"""What is written of the standard, with no key beside it, and of what that leaves open what GitHub and editors need."""


STANDARD: Final = json.loads((MAKING / "sarif-schema-2.1.0.json").read_text("utf-8"))
"""The schema as it is published."""


def run_of(report: Report) -> dict[str, Any]:
    log = json.loads(report_sarif(report))
    jsonschema.Draft4Validator(STANDARD).validate(log)
    jsonschema.validate(log, LOG)
    run: dict[str, Any] = log["runs"][0]
    return run


def hold(report: Report) -> dict[str, Any]:
    """Check that a log says what its report does, and that what refers to something finds it."""
    run = run_of(report)
    found = (*report.violations, *report.warnings)
    rules, artifacts, results = run["tool"]["driver"]["rules"], run["artifacts"], run["results"]
    assert len(results) == len(found)
    assert [r["level"] for r in results] == ["error"] * len(report.violations) + ["warning"] * len(report.warnings)
    for result, v in zip(results, found, strict=True):
        assert result["ruleId"] == rules[result["ruleIndex"]]["id"] == v.rule
        assert rules[result["ruleIndex"]]["properties"]["section"] == v.section
        assert v.section in rules[result["ruleIndex"]]["help"]["text"]
        place = result["locations"][0]
        assert place["physicalLocation"]["region"]["startLine"] == (v.at.frame or v.at.line or 1)
        assert ("logicalLocations" in place) == (v.at.frame is not None)
        flow = result["codeFlows"][0]["threadFlows"][0]["locations"] if v.because else []
        assert [s["executionOrder"] for s in flow] == list(range(1, len(flow) + 1))
        assert len(flow) == (len(v.because) + 1 if v.because else 0)
        assert len(result.get("relatedLocations", [])) == len(v.not_counted)
    for place in places(run):
        if "index" in place:
            assert artifacts[place["index"]]["location"]["uri"] == place["uri"]
    marks = [json.dumps(r["partialFingerprints"]) for r in results]
    assert len(set(marks)) == len(marks)
    return run


def places(value: Any) -> list[dict[str, Any]]:
    """Every location of an artifact, wherever in the log."""
    if isinstance(value, list):
        return [p for v in value for p in places(v)]
    if not isinstance(value, dict):
        return []
    own = [value["artifactLocation"]] if "artifactLocation" in value else []
    return own + [p for v in value.values() for p in places(v)]


@pytest.mark.sampled(5)
@pytest.mark.parametrize("log", sorted(TRACES.glob("*.log")), ids=lambda path: path.stem)
def test_logs(log: Path) -> None:
    report = check(log)
    run = hold(report)
    assert run["properties"]["verdict"] == report.verdict
    said = [
        n["message"]["text"] for n in run["invocations"][0]["toolExecutionNotifications"] if n["level"] == "warning"
    ]
    assert len(said) == len(report.reasons)


def test_a_capture() -> None:
    report = check(CAPTURES / "two-interfaces.pcapng", config=CAPTURES / "two-interfaces.toml")
    (result,) = hold(report)["results"]
    assert result["locations"][0]["logicalLocations"][0]["name"] == "frame 113"
    assert result["properties"]["frame"] == 113 and result["relatedLocations"]


def test_known_deviations_are_suppressed() -> None:
    """They are no alerts, but they are there; what is stale is told."""
    report = check(TRACES / "plaintext-beside-vpn.log")
    entries = [Expectation("D1", reason="known"), Expectation("M2")]
    run = run_of(with_expectations(report, entries, date(2027, 1, 1)))
    told = {r["ruleId"]: r.get("suppressions") for r in run["results"]}
    assert told == {"C3": None, "D1": [{"kind": "external", "status": "accepted", "justification": "known"}]}
    said = [n["message"]["text"] for n in run["invocations"][0]["toolExecutionNotifications"]]
    assert any("M2: occurs no more" in text for text in said)


LOG_TEXT: Final = (TRACES / "plaintext-after-loss.log").read_text("utf-8").splitlines()


def marks_of(path: Path, lines: list[str]) -> list[str]:
    path.write_text("\n".join(lines) + "\n", "utf-8")
    report = check(path)
    return fingerprints([*report.violations, *report.warnings])


def test_fingerprints_survive_moved_lines(tmp_path: Path) -> None:
    """Lines put in before, another clock, other identifications and another folder are the same findings."""
    before = marks_of(tmp_path / "x.log", LOG_TEXT)
    assert len(set(before)) == len(before) > 1
    start = next(n for n, line in enumerate(LOG_TEXT) if line[:1].isdigit())
    assert marks_of(tmp_path / "x.log", [*LOG_TEXT[:start], "# one", "", "# two", *LOG_TEXT[start:]]) == before
    later = [
        f"{float(stamp) + 100:.6f} {rest}" if stamp[:1].isdigit() else f"{stamp} {rest}".rstrip()
        for stamp, _, rest in (line.partition(" ") for line in LOG_TEXT)
    ]
    assert marks_of(tmp_path / "x.log", later) == before
    assert marks_of(tmp_path / "x.log", [line.replace("0xd0c", "0xe1f") for line in LOG_TEXT]) == before
    (tmp_path / "other").mkdir()
    assert marks_of(tmp_path / "other" / "x.log", LOG_TEXT) == before


def test_fingerprints_tell_findings_apart(tmp_path: Path) -> None:
    """Another interface, another file or another rule is another finding; one that goes takes only its own with it."""
    before = marks_of(tmp_path / "x.log", LOG_TEXT)
    elsewhere = marks_of(tmp_path / "x.log", [line.replace("eth0", "wlan0") for line in LOG_TEXT])
    assert not set(before) & {*elsewhere, *marks_of(tmp_path / "y.log", LOG_TEXT)}
    fewer = marks_of(tmp_path / "x.log", LOG_TEXT[:22])  # the first finding is at line 21, the second at line 24
    assert fewer == before[: len(fewer)] and 0 < len(fewer) < len(before)


@pytest.mark.parametrize(
    "name", ["a.log", "a b.log", "a:b.log", "ä#?.log", "/tmp/x y.log", "../x.log", "\udcff.log", "%41"]
)
def test_a_name_is_a_uri(name: str) -> None:
    made = uri(name)
    jsonschema.validate({"uri": made}, ARTIFACT)
    assert unquote(made, errors="surrogateescape").removeprefix("file://") == name
