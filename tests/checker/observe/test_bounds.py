"""No party of a specification that comes along takes the slow way because of its integers; what overflows does."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.observe.bounds import check_bounds
from mipcheck.checker.observe.signs import signed
from mipcheck.model.machine.compile import Machine
from mipcheck.model.native.errors import NativeError
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import bundled, load, loads


@pytest.mark.slow
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


_COUNTING = """spec a event go(bytes: int, code: int) by node seen log
node {{ n: int = 1 total: int = 0 last: int = 0 wait: int = 1 begun: time = 0 s ends: time = 0 s }}
define more = total + bytes
on go {{ {updates} }}
rule R SHOULD cite 1 "" allow go only if n > 0 or total > 0 or last > 0 or wait > 0 or begun < ends
"""


@pytest.mark.parametrize(
    ("updates", "grows"),
    [
        ("n := n + 1", ""),
        ("total := total + bytes  last := bytes", ""),
        ("total := more", ""),
        ("n := max(0, n - 1)  last := total", ""),
        ("n := min(n + 1, 5) wait := 2 * code total := total + wait", ""),
        ("n := n + last  last := bytes", ""),
        ("begun := now  ends := now + 2 s", ""),
        ("n := n * 2", "n may grow"),
        ("n := n + last  last := n", "n and last may grow"),
        ("ends := ends + (now - begun)  begun := now", "a value of ends may leave 64 bits"),
    ],
)
def test_what_only_adds_up_stays_in_native_code(updates: str, grows: str) -> None:
    spec = loads(_COUNTING.format(updates=updates))
    machine = Machine(spec, configure(spec, {}), {})
    if grows:
        with pytest.raises(NativeError, match=re.escape(grows)):
            check_bounds(machine)
    else:
        assert check_bounds(machine) >= 2**31


@pytest.mark.parametrize("doubling", [False, True])
def test_a_report_says_why_it_took_long(tmp_path: Path, doubling: bool) -> None:
    """Whichever way it was read: what counts here is how many events there were."""
    log = tmp_path / "long.log"
    lines = [f"{n}.0 eth0 go bytes=1500 code=1" for n in range(5_000)]
    log.write_text("\n".join(["mipcheck-trace 1", "site boot=true", *lines, ""]))
    (tmp_path / "a.spec").write_text(_COUNTING.format(updates="n := n * 2" if doubling else "n := n + bytes"))
    notes = [n for n in check([log], spec=str(tmp_path / "a.spec")).notes if "one by one" in n]
    assert len(notes) == doubling and all("n may grow without bound" in n for n in notes)
