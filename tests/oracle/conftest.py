"""What the tests of this folder need."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker of tests that wait for the specification."""
    config.addinivalue_line("markers", "oracle_gap: the specification does not yet say what the judge says")
