"""What several test modules need."""

from __future__ import annotations

import os
import shutil

import pytest

pytest.register_assert_rewrite("making")


@pytest.fixture(scope="session")
def tshark() -> str:
    """The program, an independent decoder. Where it is missing tests are skipped, but in CI they fail."""
    found = shutil.which("tshark")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("tshark has to be installed in CI")
        pytest.skip("tshark is not installed")
    return found
