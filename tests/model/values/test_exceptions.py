"""The errors of mipcheck have one base, and a user is told of those only that are not mipcheck's own fault."""

from __future__ import annotations

import pickle
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import mipcheck
import pytest
from mipcheck.checker.capture import CaptureError
from mipcheck.checker.cli.main import main
from mipcheck.checker.console.errors import InputError, UsageError
from mipcheck.checker.fleet.work import OtherVersion
from mipcheck.checker.proofs.replayed import Disagreement
from mipcheck.model.language.errors import SpecError
from mipcheck.model.native.errors import NativeError
from mipcheck.model.specification.configure import ParameterError
from mipcheck.model.values import errors
from mipcheck.model.values.errors import MipcheckError, UserError

LOG = "mipcheck-trace 1\n0.0 eth0 link state=up\n"


def _all_exceptions() -> set[type[BaseException]]:
    """The exceptions that the modules of mipcheck define and others may see."""
    found: set[type[BaseException]] = set()
    for folder in ("mipcheck.model", "mipcheck.checker"):
        for module in pkgutil.walk_packages(import_module(folder).__path__, f"{folder}."):
            for thing in vars(import_module(module.name)).values():
                ours = isinstance(thing, type) and thing.__module__.startswith("mipcheck.")
                if ours and issubclass(thing, BaseException) and not thing.__name__.startswith("_"):
                    found.add(thing)
    return found


def test_all_exceptions_have_one_base_and_stand_in_the_tree_that_is_drawn() -> None:
    found = _all_exceptions()
    assert Disagreement in found and InputError in found
    assert [e for e in found if not issubclass(e, MipcheckError)] == []
    drawn = {line.split()[0] for line in (errors.__doc__ or "").splitlines() if line.startswith("    ")}
    # TooManyInterfaces is a kind of TooMuch that its own module alone tells apart.
    assert {e.__name__ for e in found} - {"TooManyInterfaces"} <= drawn
    assert {e for e in found if issubclass(e, UserError)} == {
        UserError, UsageError, ParameterError, SpecError, InputError, CaptureError
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "code"), [(UsageError, 2), (InputError, 2), (SpecError, 2), (CaptureError, 2), (ParameterError, 2),
                       (Disagreement, 4), (NativeError, 4), (MipcheckError, 4)]
)  # fmt: skip
def test_exit_codes_stand_with_the_errors(kind: type[MipcheckError], code: int) -> None:
    assert kind.exit_code == code


def test_a_script_catches_them_at_one_base(tmp_path: Path) -> None:
    log, odd, spec = tmp_path / "a.log", tmp_path / "odd.pcap", tmp_path / "bad.spec"
    log.write_text(LOG)
    odd.write_bytes(b"\xd4\xc3\xb2\xa1 cut")
    spec.write_text("spec bad\nrule")
    wrong: list[tuple[type[Exception], Callable[[], object]]] = [
        (InputError, lambda: mipcheck.check([tmp_path / "none.log"])),
        (CaptureError, lambda: mipcheck.check([odd])),
        (UsageError, lambda: mipcheck.check([])),
        (SpecError, lambda: mipcheck.check([log], spec=str(spec))),
        (ParameterError, lambda: mipcheck.prove(parameters={"t_none": 1})),
    ]
    for kind, call in wrong:
        with pytest.raises(mipcheck.Error) as caught:
            call()
        assert type(caught.value) is kind and caught.value.exit_code == 2


def test_the_base_is_imported_on_first_use() -> None:
    code = "import sys, mipcheck; assert not any('errors' in n for n in sys.modules if n.startswith('mipcheck'))"
    subprocess.run([sys.executable, "-c", f"{code}; mipcheck.Error"], check=True)
    with pytest.raises(AttributeError, match="no attribute 'Errors'"):
        _ = mipcheck.Errors


def test_what_is_mipchecks_own_fault_is_an_internal_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They have the same base as what a user did wrong, but the command line does not catch them there."""
    for error in (Disagreement("A", "B"), NativeError("no code")):

        def fail(*_: object, error: Exception = error) -> tuple[str, str]:
            raise error

        monkeypatch.setattr("mipcheck.model.specification.load._read", fail)
        assert main(["requirements"]) == 4
        assert f"internal error: {type(error).__name__}" in capsys.readouterr().err


def test_a_worker_of_a_fleet_can_send_its_error() -> None:
    error = pickle.loads(pickle.dumps(OtherVersion("worker x has mipcheck 0")))
    assert type(error) is OtherVersion and str(error) == "worker x has mipcheck 0"
