"""Where files that tests read are."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
MAKING = TESTS / "making"
ROOT = TESTS.parent
SPECS = ROOT / "specs"
TRACES = ROOT / "traces"
"""The example logs, with their verdicts in expected.toml."""
CAPTURES = TRACES / "captures"
"""Our own recordings (traces/record/), with their sites and verdicts beside them."""
OTHERS = ROOT.parent / "shared" / "captures"
"""Captures of other software, which are no part of the project: where there are none, their tests are skipped."""
OTHER_CAPTURES = (
    sorted(p for p in OTHERS.rglob("*") if p.suffix in (".pcap", ".pcapng", ".dump")) if OTHERS.is_dir() else []
)
TRANSCRIPTS = TESTS / "checker" / "cli" / "transcripts"
