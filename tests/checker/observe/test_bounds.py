"""No party of a specification that comes along takes the slow way because of its integers; what overflows does."""

from __future__ import annotations

import numpy as np
import pytest
from mipcheck.checker.observe.bounds import check_bounds
from mipcheck.checker.observe.signs import signed
from mipcheck.model.machine.compile import Machine
from mipcheck.model.native.errors import NativeError
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import bundled, load


@pytest.mark.parametrize("name", bundled())
def test_every_party_is_observed_natively(name: str) -> None:
    for spec in load(name).machines():
        check_bounds(Machine(spec, configure(spec, {}), {}))


@pytest.mark.parametrize("name", bundled())
def test_parameters_that_overflow_are_left_to_python(name: str) -> None:
    """Of a role that does not read what overflows, too: `t_restart` follows from `n_retransmit`."""
    left = 0
    for spec in load(name).machines():
        machine = Machine(spec, configure(spec, {"n_retransmit": 10**12}), {})
        try:
            check_bounds(machine)
        except NativeError:
            left += 1
        else:
            assert np.array(signed(machine.constants), np.int64).size
    assert left
