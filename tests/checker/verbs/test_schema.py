"""The schemas that come with the package. That outputs keep to them is tested where those are (`making/schemas.py`)."""

from __future__ import annotations

import json

import jsonschema
import pytest
from mipcheck.checker.check.readings import ambiguities
from mipcheck.checker.cli.main import main
from mipcheck.checker.proofs.partings import PartingLog
from mipcheck.checker.verbs.ambiguities_parted import AmbiguityEntry, ReadingPair, entries_json
from mipcheck.checker.verbs.explain_mode import Always, LayerOfMode, ModePage, mode_json
from mipcheck.checker.verbs.schema import NAMES
from mipcheck.model.specification.load import load

from making.paths import TRANSCRIPTS
from making.schemas import conforming


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_one_and_says_what_it_is_of(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", name]) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"].startswith(("what `mipcheck", "a line of what `mipcheck"))


def test_what_does_not_fit_is_told_from_what_does() -> None:
    entry = '{"schema": 1, "kind": "stale", "message": "gone"}'
    assert conforming("jsonl", entry)["kind"] == "stale"
    for wrong in (entry.replace("1", "2"), entry.replace("stale", "old"), entry.replace("}", ', "more": 1}')):
        with pytest.raises(jsonschema.ValidationError):
            conforming("jsonl", wrong)


def test_pages_and_readings_keep_to_theirs() -> None:
    layer = LayerOfMode("vpn", "IPsec", "colocated", True, "the gateway", 57)
    always = (Always("rrq", "to", "iha", "MUST"),)
    page = ModePage("c", "inside", "draft-01", (layer,), (), "ip", "udp", 20, None, always, (("D1", "x"),), (), "")
    assert conforming("explain", mode_json(page))["layers"][0]["octets"] == 57
    spec = load("draft-01")
    entries = []
    for a in ambiguities(spec):
        one, other = a.names[:2]
        logs = PartingLog("0.0 - restart", ("M2",), ()), PartingLog(same=True), PartingLog(reason="out of time")
        pairs = tuple(ReadingPair(one, other, ("M2",), log) for log in logs)
        entries.append(AmbiguityEntry(a, "MUST", (), pairs))
    found = conforming("ambiguities", entries_json(spec, entries))["ambiguities"]
    assert {p["result"] for p in found[0]["pairs"]} == {"parted", "same", "unknown"}


@pytest.mark.parametrize(
    ("transcript", "name"),
    [
        ("ambiguities-json", "ambiguities"),
        ("diff-json", "diff"),
        ("explain-json", "explain"),
        ("explain-mode-json", "explain"),
        ("hostile-json", "check"),
        ("overhead-json", "overhead"),
        ("violation-json", "check"),
    ],
)
def test_what_transcripts_show_keeps_to_the_schemas(transcript: str, name: str) -> None:
    lines = (TRANSCRIPTS / f"{transcript}.txt").read_text("utf-8").splitlines()
    first = next(n for n, line in enumerate(lines) if line == "{")
    last = next(n for n, line in enumerate(lines) if n > first and line == "}")
    conforming(name, "\n".join(lines[first : last + 1]))
