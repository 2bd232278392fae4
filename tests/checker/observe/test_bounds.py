"""No party of a specification that comes along takes the slow way because of its integers."""

from __future__ import annotations

import pytest
from mipcheck.checker.observe.bounds import check_bounds
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import bundled, load


@pytest.mark.parametrize("name", bundled())
def test_every_party_is_observed_natively(name: str) -> None:
    for spec in load(name).machines():
        check_bounds(Machine(spec, configure(spec, {}), {}))
